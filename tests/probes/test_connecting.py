from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from landfast.errors import BadFile
from landfast.kernel.host import Host
from landfast.model.facts import Endpoint
from landfast.probes import connecting
from landfast.probes.connecting import Problem
from landfast.servers import certificate
from landfast.servers.certificate import Certificate

pytestmark = pytest.mark.anyio

HERE = Host.here()
NAME = "turn.example.org"


def closed_port(kind: int) -> Endpoint:
    """One where nobody listens, since the kernel has just given it to us and we gave it back."""
    with socket.socket(socket.AF_INET, kind) as opened:
        opened.bind(("127.0.0.1", 0))
        own: Endpoint = opened.getsockname()
        return own


@asynccontextmanager
async def serving(certificate: Certificate | None, folder: Path) -> AsyncIterator[Endpoint]:
    """A server that sends back what comes, with TLS when it has a certificate."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with closing(writer), suppress(ConnectionError):
            while data := await reader.read(100):
                writer.write(data)

    context = None
    if certificate:
        (folder / "chain").write_text(certificate.chain)
        (folder / "key").write_text(certificate.key)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "chain", folder / "key")
    async with await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context) as server:
        yield server.sockets[0].getsockname()


async def trusting(certificate: Certificate, folder: Path) -> ssl.SSLContext:
    (folder / "authority").write_text(certificate.authority)
    return await connecting.trust(HERE, str(folder / "authority"))


async def secured(
    certificate: Certificate, folder: Path, *, name: str = NAME, trust: ssl.SSLContext | None = None
) -> str:
    """How it ends: with what came back, or with the problem's word."""
    async with serving(certificate, folder) as server:
        context = trust or await trusting(certificate, folder)
        try:
            line = await connecting.stream(await connecting.tcp(HERE, server), context, name)
        except Problem as problem:
            return problem.word
        with closing(line):
            line.send(b"hello")
            return (await line.receive()).decode()


async def test_a_good_certificate_of_an_own_authority_carries_bytes(tmp_path: Path) -> None:
    assert await secured(certificate.issue(NAME), tmp_path) == "hello"


async def test_what_is_wrong_with_a_certificate_has_a_word(tmp_path: Path) -> None:
    now, day = datetime.now(UTC), timedelta(days=1)
    expired = certificate.issue(NAME, since=now - 2 * day, until=now - day)
    early = certificate.issue(NAME, since=now + day, until=now + 2 * day)
    assert await secured(expired, tmp_path) == "expired"
    assert await secured(early, tmp_path) == "not-yet-valid"
    assert await secured(certificate.issue("other.example.org"), tmp_path) == "wrong-name"
    assert await secured(certificate.issue("192.0.2.1"), tmp_path, name="192.0.2.2") == "wrong-name"
    system = await connecting.trust(HERE, "")
    assert await secured(certificate.issue(NAME), tmp_path, trust=system) == "untrusted"


async def test_when_a_certificate_begins_to_be_valid_can_be_asked(tmp_path: Path) -> None:
    now, day = datetime.now(UTC), timedelta(days=1)
    early = certificate.issue(NAME, since=now + day, until=now + 2 * day)
    async with serving(early, tmp_path) as server:
        ahead = await connecting.valid_from(HERE, server, await trusting(early, tmp_path), NAME)
        assert ahead == pytest.approx(day.total_seconds(), abs=60)
        assert await connecting.valid_from(HERE, server, await connecting.trust(HERE, ""), NAME) is None


async def test_a_server_without_tls_and_one_that_is_silent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context = await connecting.trust(HERE, "")
    async with serving(None, tmp_path) as server:
        with pytest.raises(Problem, match=r"^[A-Z_]+$"):  # OpenSSL's word, another one in each version
            await connecting.stream(await connecting.tcp(HERE, server), context, NAME)
    monkeypatch.setattr(connecting, "PATIENCE", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(Problem, match="timeout"):
        await connecting.stream(await connecting.tcp(HERE, silent.getsockname()), context, NAME)


async def test_a_closed_port_refuses() -> None:
    with pytest.raises(Problem, match="refused"):
        await connecting.tcp(HERE, closed_port(socket.SOCK_STREAM))
    with closing(await connecting.datagrams(HERE, closed_port(socket.SOCK_DGRAM))) as line:
        line.send(b"hello")
        with pytest.raises(ConnectionRefusedError):
            await line.receive()
        line.send(b"the kernel's complaint of the one before, if any, is not ours to raise")


async def test_a_connection_that_is_not_answered_times_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connecting, "_APART", 0.02)
    monkeypatch.setattr(connecting, "_LAST_WAIT", 0.02)
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        waiting = [await HERE.socket(socket.AF_INET, socket.SOCK_STREAM) for _ in range(2)]
        for each in waiting:
            each.connect_ex(full.getsockname())
        with pytest.raises(Problem, match="timeout"):
            await connecting.tcp(HERE, full.getsockname())
        for each in waiting:
            each.close()


@pytest.mark.parametrize("content", [None, "", "no certificate"])
async def test_an_authority_that_is_none_is_told_with_its_file(content: str | None, tmp_path: Path) -> None:
    file = tmp_path / "authority.pem"
    if content is not None:
        file.write_text(content)
    with pytest.raises(BadFile) as refused:
        await connecting.trust(HERE, str(file))
    assert refused.value.path == str(file)
    assert refused.value.problem
