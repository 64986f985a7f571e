from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path

import pytest

from landfast.errors import ProgramFailed
from landfast.kernel import conntrack
from landfast.kernel.fake import FakeHost
from landfast.kernel.host import Completed, Host
from tests.kernel.places import EVERYWHERE, there

pytestmark = pytest.mark.anyio

A, B, OUT = ip_address("10.42.0.1"), ip_address("198.51.100.5"), ip_address("192.168.1.10")


async def open_flow(host: Host, source: str, destination: str, port: int, translated: str | None = None) -> None:
    """As a packet would have made it."""
    back = translated or source
    if isinstance(host, FakeHost):
        host.conntrack.lines.append(
            f"udp      17 59 src={source} dst={destination} sport={port} dport=9 [UNREPLIED] "
            f"src={destination} dst={back} sport=9 dport={port} mark=0 use=1"
        )
        return
    argv = ["conntrack", "-I", "-p", "udp", "-t", "60", "-s", source, "-d", destination]
    reply = ["-r", destination, "-q", back, "--reply-port-src", "9", "--reply-port-dst", str(port)]
    (await host.run([*argv, "--sport", str(port), "--dport", "9", *reply])).checked()


@EVERYWHERE
async def test_flows_are_listed_by_family_and_forgotten(place: str, tmp_path: Path) -> None:
    async with there(place, tmp_path) as host:
        await open_flow(host, "10.42.0.1", "198.51.100.5", 1000)
        await open_flow(host, "fd00::1", "2001:db8::5", 1001)
        (four,), (six,) = await conntrack.flows(host, 4), await conntrack.flows(host, 6)
        assert (four.protocol, four.original.source, four.original.source_port) == ("udp", A, 1000)
        assert six.original.destination == ip_address("2001:db8::5")
        await conntrack.flush(host)
        assert (await conntrack.flows(host, 4), await conntrack.flows(host, 6)) == ((), ())


@EVERYWHERE
async def test_only_what_is_meant_is_forgotten(place: str, tmp_path: Path) -> None:
    async with there(place, tmp_path) as host:
        await open_flow(host, "10.42.0.1", "198.51.100.5", 1000)
        await open_flow(host, "10.42.0.1", "198.51.100.5", 1001, translated="192.168.1.10")
        await open_flow(host, "10.42.0.1", "198.51.100.6", 1002)
        await open_flow(host, "10.42.0.2", "198.51.100.5", 1003)
        assert await conntrack.delete(host, A, B, only_untranslated=True) == 1
        assert {flow.original.source_port for flow in await conntrack.flows(host)} == {1001, 1002, 1003}
        assert await conntrack.delete(host, A, B) == 1
        assert await conntrack.delete(host, A) == 1
        assert await conntrack.delete(host, A) == 0
        assert [flow.original.source_port for flow in await conntrack.flows(host)] == [1003]


async def test_a_failure_is_not_taken_for_nothing_to_forget(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    host = FakeHost(tmp_path)

    async def fails(argv: list[str], **_: object) -> Completed:
        return Completed(tuple(argv), 1, "", "conntrack v1.4.7: invalid argument")

    monkeypatch.setattr(host, "run", fails)
    with pytest.raises(ProgramFailed):
        await conntrack.delete(host, A)


async def test_a_flow_that_expires_while_it_is_forgotten_is_no_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    host, said = FakeHost(tmp_path), ["such conntrack doesn't exist", "0 flow entries have been deleted"]

    async def expires(argv: list[str], **_: object) -> Completed:
        return Completed(tuple(argv), 1, "", f"conntrack v1.4.7 (conntrack-tools): {said.pop(0)}.")

    monkeypatch.setattr(host, "run", expires)
    await conntrack.forget_source(host, "udp", A, 1)
    assert said == []
