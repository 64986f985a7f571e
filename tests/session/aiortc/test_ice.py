from __future__ import annotations

import asyncio
from functools import partial

import pytest
from aiortc.exceptions import InvalidStateError
from aiortc.rtcicetransport import RTCIceParameters

from landfast.session.aiortc.candidates import RTCIceCandidate
from landfast.session.aiortc.ice import RTCIceGatherer, RTCIceTransport, credentials
from landfast.session.ice.agent import Agent
from landfast.session.ice.events import PairSelected, PeerReturned, StateChanged, Why
from landfast.session.ice.machine import State
from landfast.session.transport import Transport
from tests.session.ice.making import pair

pytestmark = pytest.mark.anyio


def made() -> RTCIceTransport:
    return RTCIceTransport(RTCIceGatherer(Transport(Agent(controlling=False), policy="loopback")))


async def test_two_transports_connect_without_a_peer_connection() -> None:
    """As aiortc's ORTC interface is used."""
    one, other = made(), made()
    one._connection.ice_controlling = True
    assert (one.role, other.role) == ("controlling", "controlled")
    for each in (one, other):
        await each.iceGatherer.gather()
        assert each.iceGatherer.state == "completed"
    for mine, theirs in ((one, other), (other, one)):
        for candidate in theirs.iceGatherer.getLocalCandidates():
            await mine.addRemoteCandidate(candidate)
        await mine.addRemoteCandidate(None)
        assert len(mine.getRemoteCandidates()) == 1
    async with asyncio.timeout(10):
        await asyncio.gather(
            one.start(other.iceGatherer.getLocalParameters()), other.start(one.iceGatherer.getLocalParameters())
        )
        await one._send(b"\x80data")
        assert await other._recv() == b"\x80data"
    pair = one.getSelectedCandidatePair()
    assert pair
    assert pair[1].port == other.iceGatherer.getLocalCandidates()[0].port
    for each in (one, other):
        await each.stop()
        await each.stop()
        assert each.state == "closed"
    with pytest.raises(ConnectionError):
        await one._send(b"\x80data")
    with pytest.raises(InvalidStateError):
        await one.start(other.iceGatherer.getLocalParameters())
    await one.addRemoteCandidate(RTCIceCandidate(1, "0", "127.0.0.1", 9, 1, "udp", "host"))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ([State.CHECKING, State.CONNECTED, State.COMPLETED], ["checking", "completed"]),
        (
            [State.CHECKING, State.COMPLETED, State.DISCONNECTED, State.CONNECTED],
            ["checking", "completed", "disconnected", "completed"],
        ),
        (
            [State.CHECKING, State.FAILED, State.CHECKING, State.CONNECTED, State.COMPLETED],
            ["checking", "failed", "checking", "completed"],
        ),
        (
            [State.CHECKING, State.COMPLETED, State.FAILED, State.CONNECTED],
            ["checking", "completed", "failed", "completed"],
        ),
    ],
)
async def test_the_states_are_said_in_the_words_of_aiortc(changes: list[State], said: list[str]) -> None:
    transport = made()
    heard: list[str] = []
    transport.on("statechange", lambda: heard.append(transport.state))
    for old, new in zip([State.NEW, *changes], changes, strict=False):
        transport._told(StateChanged(old, new))
    assert heard == said
    await transport.stop()


@pytest.mark.parametrize("why", Why)
async def test_data_goes_again_after_a_move_from_a_dead_way_alone(why: Why) -> None:
    transport = made()
    heard: list[str] = []
    for event in ("selectedcandidatepairchange", "resumed"):
        transport.on(event, partial(heard.append, event))
    way = pair()
    transport._told(PairSelected(way.local, way.remote, why))
    carried = why in (Why.ANSWERED, Why.BETTER, Why.RESTARTED)
    assert heard == ["selectedcandidatepairchange"] + ([] if carried else ["resumed"])


async def test_data_goes_again_when_the_peer_is_back() -> None:
    transport = made()
    heard: list[str] = []
    transport.on("resumed", lambda: heard.append("resumed"))
    transport._told(PeerReturned())
    assert heard == ["resumed"]


async def test_a_start_that_leads_to_nothing_ends_when_it_is_stopped() -> None:
    transport = made()
    await transport.iceGatherer.gather()
    starting = asyncio.ensure_future(transport.start(RTCIceParameters("abcd", "x" * 22)))
    await asyncio.sleep(0)
    assert transport.state == "checking"
    await transport.stop()
    async with asyncio.timeout(5):
        await starting


async def test_nobody_waits_for_candidates_that_are_trickled() -> None:
    transport = made()
    gatherer = transport.iceGatherer
    assert isinstance(gatherer, RTCIceGatherer)
    gatherer.hurried = lambda: True
    await gatherer.gather()
    assert gatherer.state == "gathering"
    gatherer.hurried = lambda: False
    await gatherer.gather()
    assert gatherer.state == "completed"
    await transport.stop()


@pytest.mark.parametrize("parameters", [None, RTCIceParameters(), RTCIceParameters("abc", "x" * 22)])
def test_credentials_that_cannot_be_are_refused(parameters: RTCIceParameters | None) -> None:
    with pytest.raises(ValueError, match="fragment"):
        credentials(parameters)
