from __future__ import annotations

import asyncio
import os
import signal
from contextlib import closing
from pathlib import Path

import pytest

from landfast.errors import NotAsDeclared, ProgramFailed, RequestError, UnknownName, WorldError
from landfast.kernel import conntrack
from landfast.kernel.netevents import NetEvents
from landfast.lab import parse, verify
from landfast.lab.lab import Lab, Violations
from landfast.lab.network import Event, Network, Occasion
from landfast.lab.verify.measured import Measured, Row
from tests.lab.mirror import world

pytestmark = pytest.mark.anyio
lab = pytest.mark.lab

EVERYWHERE = ["link-down", "address-replaced"]
ON_ROUTERS = ["change-public-address", "rebind-port", "flush", "suspend-radio", "block-udp"]


@pytest.mark.parametrize(
    ("profile", "can"),
    [
        ("open", EVERYWHERE),
        ("home", [*EVERYWHERE, *ON_ROUTERS]),
        ("mifi", [*EVERYWHERE, *ON_ROUTERS]),
        ("dual-stack", [*EVERYWHERE, *ON_ROUTERS, "one-way-ipv6"]),
    ],
)
def test_only_what_can_happen_is_offered(profile: str, can: list[str]) -> None:
    assert sorted(Lab(profile).occasions()) == sorted(can)


@lab
async def test_what_cannot_happen_is_an_error_that_says_what_can() -> None:
    async with Lab("mifi", verified=False, served=False) as built:
        with pytest.raises(UnknownName, match="no event is called 'flood'; there are: change-public-address, "):
            await built.event("flood")
        with pytest.raises(RequestError, match="cannot happen on 'mifi', only on: carrier, office"):
            await built.event("change-public-address", "mifi")
        with pytest.raises(RequestError, match="cannot happen on 'robot', only on: carrier, mifi, office"):
            await built.event("flush", "robot")
        with pytest.raises(RequestError, match="cannot happen on 'carrier', only on: operator, robot"):
            await built.event("link-down", "carrier")
        with pytest.raises(RequestError, match="handoff cannot happen on 'robot', only on: nothing here"):
            await built.event("handoff")
        with pytest.raises(RequestError, match="flush does not last; these may: block-udp"):
            await built.event("flush", lasts=1)
        with pytest.raises(RequestError, match="greater than 0"):
            await built.event("suspend-radio", lasts=-1)
        with pytest.raises(UnknownName, match="no host is called 'nobody'; there are: internet, server, carrier, mifi"):
            built.host("nobody")
        assert built.problem is None
    async with Lab("open", verified=False, served=False) as built:
        with pytest.raises(RequestError, match="flush cannot happen on '', only on: nothing here"):
            await built.event("flush")


def test_a_network_that_cannot_be_laid_out_is_refused() -> None:
    network = parse.profile("mifi")
    mifi = network.routers["mifi"].but(lan="100.64.0.0/16")
    with pytest.raises(RequestError, match=r"routers.mifi.lan: 100.64.0.0/16 overlaps 100.64.0.0/24 of carrier"):
        Lab(network.but(routers={**network.routers, "mifi": mifi}))


@lab
async def test_a_laboratory_is_verified_without_a_trace_and_leaves_nothing() -> None:
    async with Lab("mifi", served=False) as built:
        assert built.measured is not None
        assert built.measured.ok
        assert await built.violations() == Violations(0, 0)
        assert [await conntrack.flows(built.host(router)) for router in built.network.routers] == [()] * 3
        first = built.sandbox.pid
        assert Path(f"/proc/{first}").exists()
    assert not Path(f"/proc/{first}").exists()


@lab
async def test_what_is_not_as_declared_is_not_entered(monkeypatch: pytest.MonkeyPatch) -> None:
    async def measure(*_: object) -> Measured:
        return Measured("open", (Row("carrier", "nat.pool", 2, 1, "seen by STUN"),))

    monkeypatch.setattr(verify, "measure", measure)
    entered = Lab("open", served=False)
    with pytest.raises(NotAsDeclared, match=r"network open is not as declared:\n  carrier: nat\.pool is declared 2"):
        await entered.__aenter__()
    assert not Path(f"/proc/{entered.sandbox.pid}").exists()


@lab
async def test_without_servers_there_is_nothing_to_tell() -> None:
    async with Lab("open", verified=False, served=False) as built:
        assert built.environment == {}
        with pytest.raises(RequestError, match="open was built without servers"):
            _ = built.services


@lab
async def test_each_step_is_told() -> None:
    told: list[str] = []
    async with Lab("open", progress=told.append):
        assert told == ["building open", "verifying it", "starting its servers"]


def with_event(event: Event) -> Network:
    return parse.profile("open").but(events=[event])


@lab
async def test_an_event_of_a_host_happens_at_its_time_and_ends() -> None:
    event = Event(what=Occasion.LINK_DOWN, on="robot", at=0.2, lasts=0.2)
    async with world(with_event(event)) as here:
        client = await here.client()
        outcomes: asyncio.Queue[str] = asyncio.Queue()

        def changed() -> None:
            try:
                client.say(b"")
            except OSError as problem:
                outcomes.put_nowait(problem.strerror or "")
            else:
                outcomes.put_nowait("sent")

        with closing(await NetEvents.open(here.lab.host("robot"), changed)):
            async with asyncio.timeout(10):
                assert await outcomes.get() == "Network is unreachable"
                while await outcomes.get() != "sent":
                    pass
        await client.seen()


@lab
async def test_an_event_that_fails_at_its_time_breaks_the_laboratory() -> None:
    async def story() -> None:
        async with world(with_event(Event(what=Occasion.LINK_DOWN, on="robot", at=0.3))) as here:
            lines = "link set wlan0 down\nlink set wlan0 name gone\n"
            (await here.lab.host("robot").run(["ip", "-batch", "-"], given=lines)).checked()
            assert isinstance(await here.lab.broken(), ProgramFailed)

    with pytest.raises(ProgramFailed, match='Cannot find device "wlan0"'):
        await story()


@lab
@pytest.mark.parametrize("name", ["coturn", "signalling"])
async def test_a_server_that_dies_breaks_the_laboratory(name: str) -> None:
    async def story() -> None:
        async with Lab("open", verified=False) as built:
            assert built._serving
            built._serving.servers[name].program.send_signal(signal.SIGKILL)
            assert f"{name} ended with -9" in str(await built.broken())

    with pytest.raises(WorldError, match=f"{name} ended with -9"):
        await story()


@lab
async def test_a_laboratory_that_is_cancelled_while_it_is_built_leaves_nothing() -> None:
    verifying = asyncio.Event()
    built = Lab("mifi", served=False, progress=lambda step: verifying.set() if step == "verifying it" else None)
    building = asyncio.create_task(built.__aenter__())
    await verifying.wait()
    building.cancel()
    with pytest.raises(asyncio.CancelledError):
        await building
    with pytest.raises(ProcessLookupError):
        os.kill(built.sandbox.pid, 0)
