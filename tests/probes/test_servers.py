from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landfast.errors import RequestError
from landfast.kernel.host import Host
from landfast.model.iceservers import StunServer, TurnServer
from landfast.probes.plan import Servers
from landfast.probes.questions import Reflector
from landfast.probes.servers import Named, ahead, find, named, of_application
from landfast.wire.reflector import Description

pytestmark = pytest.mark.anyio

TURN = TurnServer("203.0.113.1", 3478, "udp", "user", "password")


@pytest.mark.parametrize(
    ("word", "read"),
    [
        ("stun:stun.example", Named("stun", "stun.example", 3478)),
        ("stun:203.0.113.1:3479", Named("stun", "203.0.113.1", 3479)),
        ("stun:[2001:db8::1]:3479", Named("stun", "2001:db8::1", 3479)),
        ("reflector:r.example", Named("reflector", "r.example", 3480)),
        ("reflector:[2001:db8::1]", Named("reflector", "2001:db8::1", 3480)),
    ],
)
def test_a_server_is_named_by_what_it_is(word: str, read: Named) -> None:
    assert named(word) == read
    assert named(str(read)) == read


@pytest.mark.parametrize(
    "word", ["", "stun.example", "turn:a", "stun:", "stun:a:0", "stun:a:65536", "stun:a:b", "stun:2001:db8::1"]
)
def test_what_names_no_server_is_refused_with_how_to_write_it(word: str) -> None:
    with pytest.raises(RequestError, match=r"write stun:HOST"):
        named(word)


@given(st.text())
def test_any_text_is_read_or_refused(word: str) -> None:
    try:
        assert named(word).host
    except RequestError as problem:
        assert "--server" in str(problem)  # noqa: PT017 - either is right


def test_the_stun_servers_of_an_application_are_asked_too() -> None:
    assert of_application([StunServer("a", 1), StunServer("b")]) == (Named("stun", "a", 1), Named("stun", "b", 3478))


@asynccontextmanager
async def http(answer: bytes) -> AsyncIterator[int]:
    """A server that says one thing to everybody."""

    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert (await reader.readuntil(b"\r\n")).startswith(b"GET /v1 HTTP/1.1")
        writer.write(answer)
        writer.close()

    server = await asyncio.start_server(say, "127.0.0.1")
    async with server:
        yield server.sockets[0].getsockname()[1]


async def test_a_reflector_tells_what_it_has() -> None:
    described = Description((("203.0.113.5", 3478),), (("2001:db8::5", 3478),), ("later",))
    body = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{described.text()}".encode()
    async with http(body) as port:
        words = [Named("reflector", "localhost", port), Named("stun", "127.0.0.1", 3478)]
        known, problems = await find(Host.here(), words, [TURN], "ca.pem")
    assert known == Servers(
        (("127.0.0.1", 3478),),
        (Reflector(("127.0.0.1", port), described.stun, described.stun6),),
        (TURN,),
        "ca.pem",
    )
    assert problems == ()


NOW = datetime(2026, 3, 1, 12, 0, 0, 500_000, UTC)


@pytest.mark.parametrize(
    ("date", "seconds"),
    [
        ("Date: Sun, 01 Mar 2026 14:00:00 GMT", 7199.5),
        ("date:Sun, 01 Mar 2026 11:59:59 GMT ", -1.5),
        ("Date: Sun, 01 Mar 2026 14:00:00 +0100", None),
        ("Date: now", None),
        ("Expires: Sun, 01 Mar 2026 14:00:00 GMT", None),
    ],
)
def test_a_servers_clock_is_read_from_its_date(date: str, seconds: float | None) -> None:
    assert ahead(f"HTTP/1.1 200 OK\r\nServer: a\r\n{date}\r\nContent-Length: 2".encode(), NOW) == seconds


@given(st.binary(max_size=40))
def test_whatever_stands_there_is_no_error(date: bytes) -> None:
    assert ahead(b"HTTP/1.1 200 OK\r\nDate: " + date, NOW) is None


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"HTTP/1.1 404 Not Found\r\n\r\n", "no reflector"),
        (b"HTTP/1.1 200 OK\r\n\r\n{}", "reflector"),
        (b"", "no reflector"),
        (b"HTTP/1.1 200 OK\r\n\r\n" + bytes(1 << 17), "no reflector"),
    ],
)
async def test_what_is_no_reflector_is_left_open_with_what_it_said(answer: bytes, said: str) -> None:
    async with http(answer) as port:
        known, [problem] = await find(Host.here(), [Named("reflector", "127.0.0.1", port)])
    assert known == Servers()
    assert said in problem.because
    assert f"127.0.0.1:{port}" in problem.what


async def test_a_name_without_an_address_is_left_open() -> None:
    known, [problem] = await find(Host.here(), [Named("stun", "nobody.invalid", 3478)])
    assert known == Servers()
    assert "nobody.invalid" in problem.what


async def test_nobody_is_waited_for_beyond_patience() -> None:
    hanging = asyncio.Event()

    async def hang(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await hanging.wait()
        writer.close()

    server = await asyncio.start_server(hang, "127.0.0.1")
    async with server:
        port = server.sockets[0].getsockname()[1]
        known, [problem] = await find(Host.here(), [Named("reflector", "127.0.0.1", port)], patience=0.01)
        hanging.set()
    assert known == Servers()
    assert "nothing was heard" in problem.because
