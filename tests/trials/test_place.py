from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from landfast.errors import CapabilityMissing, ProgramFailed, WorldError
from landfast.lab import parse
from landfast.peers import Assignment, Outcome, Reason, Role, Stack
from landfast.peers.report import Closed, Echoes
from landfast.remedies.masquerade.options import Options
from landfast.trials.arms import ARMS, in_place
from landfast.trials.attempt import Terms, attempt
from landfast.trials.place import Laboratory, call, egress, laboratory, room, together
from landfast.trials.plan import Slot
from landfast.trials.result import Attempt, Call
from tests.lan import lan

HELD = Outcome(100.0, 100.5, 100.5, 100.6, 100.7, 101.0, Echoes(106.0, 90, 90, 105.99, 0.1), Closed(106.0, Reason.HELD))


def ended(reason: Reason, detail: str = "", **changes: Any) -> Outcome:
    return Outcome(**{"ready": 100.0, "began": 100.5, "closed": Closed(108.5, reason, detail), **changes})


def test_a_connection_that_held_is_told_with_its_times() -> None:
    assert call(HELD) == Call(100.5, 101.0, 5.0, 100.6 - 100.5, "")


def test_one_that_fell_held_as_long_as_echoes_came_back() -> None:
    echoes = Echoes(106.0, 90, 40, 103.0, 3.0)
    fell = ended(Reason.LOST, "no echo for 3.0 s", connected=101.0, echoes=echoes)
    assert call(fell) == Call(100.5, 101.0, 2.0, None, "lost no echo for 3.0 s")


@pytest.mark.parametrize("reason", [Reason.FAILED, Reason.PEER_LEFT, Reason.NO_PEER])
def test_not_to_connect_is_an_outcome(reason: Reason) -> None:
    found = call(ended(reason))
    assert (found.connected, found.held_s, found.problem) == (None, None, reason.replace("-", " "))


def test_no_more_than_not_connected_needs_no_words() -> None:
    assert call(ended(Reason.NOT_CONNECTED)) == Call(100.5, None, None)


def test_one_that_never_began_has_its_end_for_a_beginning() -> None:
    assert call(ended(Reason.NO_PEER, began=None)).began == 108.5


@pytest.mark.parametrize("reason", [Reason.BROKEN, Reason.STOPPED])
def test_a_defect_of_either_peer_is_no_measurement(reason: Reason) -> None:
    for outcomes in ((ended(reason, "why"), HELD), (HELD, ended(reason, "why"))):
        with pytest.raises(WorldError, match="why"):
            call(*outcomes)
    with pytest.raises(WorldError, match="without a word"):
        call(Outcome())


def test_each_conversation_has_a_room_of_its_own() -> None:
    assert len({room(1) for _ in range(20)}) == 20


class Peer:
    """A peer that ends, fails, or runs until it is stopped."""

    def __init__(self, outcome: Outcome | Exception | None) -> None:
        self._outcome = outcome
        self.stopped = False

    async def wait(self) -> Outcome:
        if self._outcome is None:
            await asyncio.Future()
        if isinstance(self._outcome, Exception):
            raise self._outcome
        assert self._outcome
        return self._outcome

    async def stop(self) -> Outcome:
        self.stopped = True
        return Outcome()


@pytest.mark.anyio
async def test_peers_are_waited_for_together() -> None:
    assert await together(Peer(HELD), Peer(HELD)) == [HELD, HELD]


@pytest.mark.anyio
async def test_when_one_peer_dies_the_other_is_ended() -> None:
    other = Peer(None)
    with pytest.raises(ProgramFailed):
        await together(Peer(ProgramFailed(["peer"], -9, "")), other)
    assert other.stopped


@pytest.mark.anyio
async def test_cancelled_it_ends_both() -> None:
    both = Peer(None), Peer(None)
    task = asyncio.ensure_future(together(*both))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [peer.stopped for peer in both] == [True, True]


@pytest.mark.lab
@pytest.mark.anyio
async def test_the_egress_is_where_the_preferred_default_route_leads() -> None:
    async with lan(robot="10.0.0.1/24") as hosts:
        robot = hosts["robot"]
        with pytest.raises(CapabilityMissing, match="default route"):
            await egress(robot)
        lines = "link add wwan0 type veth peer name x\nlink set wwan0 up\naddress add 10.9.0.1/24 dev wwan0\n"
        lines += (
            "route add default via 10.9.0.9 dev wwan0 metric 50\nroute add default via 10.0.0.9 dev eth0 metric 100\n"
        )
        (await robot.run(["ip", "-batch", "-"], given=lines)).checked()
        assert await egress(robot) == "wwan0"


# The laboratory, with real peers: the source document's fault and its cure, once each.


@pytest.fixture
async def mifi() -> AsyncIterator[Laboratory]:
    task = Assignment(Role.ROBOT, "", "", hold=1.0)
    async with laboratory(parse.profile("mifi"), Stack.AIORTC, task, pcap=None, progress=lambda _: None) as place:
        yield place


async def made(place: Laboratory, arm: str) -> Attempt:
    async with in_place(ARMS[arm], place.robot, Options()):
        return await attempt(Slot(1, 1, 1, arm), ARMS[arm], place, Terms(hold=1.0), 0.0)


@pytest.mark.lab
@pytest.mark.anyio
async def test_on_the_mifi_the_address_changes_without_the_remedy_and_not_with_it(mifi: Laboratory) -> None:
    off = await made(mifi, "off")
    assert (off.connected, off.address_changed) == (False, True)
    assert off.foreign_source_packets is not None
    assert off.foreign_source_packets >= 10, "the carrier's limit"
    assert off.gateway_resets is not None
    assert off.gateway_resets >= 1
    assert set(off.foreign_sources) == {"10.42.0.1", "172.17.0.1"}
    assert off.first_check_s is not None
    assert off.longest_bystander_stall_s is not None
    assert off.longest_bystander_stall_s >= 3, "the outage"

    on = await made(mifi, "on")
    assert (on.connected, on.held, on.address_changed) == (True, True, False)
    assert (on.foreign_source_packets, on.gateway_violations, on.gateway_resets) == (0, 0, 0)
