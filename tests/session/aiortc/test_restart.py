from __future__ import annotations

from typing import Any

import aiortc
import pytest
from aiortc.exceptions import InvalidStateError

from landfast.session import RTCPeerConnection
from landfast.session.aiortc.ice import RTCIceTransport
from tests.session.aiortc.calls import call, ice, negotiate, ours, stock, until

pytestmark = pytest.mark.anyio


def fragments(description: aiortc.RTCSessionDescription) -> set[str]:
    return {line for line in description.sdp.splitlines() if line.startswith("a=ice-ufrag")}


async def moved(transport: RTCIceTransport) -> None:
    """Until data goes by the new credentials."""
    ufrag = transport.transport.agent.local.ufrag

    def is_new() -> bool:
        selected = transport.transport.agent.stats(0).selected
        return selected is not None and selected.ufrag == ufrag

    await until(transport, "selectedcandidatepairchange", is_new)


def below(connection: aiortc.RTCPeerConnection) -> tuple[Any, ...]:
    """What must outlive a restart: DTLS and SCTP."""
    sctp: Any = connection.sctp
    return sctp.transport, sctp.transport._ssl, sctp._local_verification_tag, sctp._remote_verification_tag


@pytest.mark.parametrize("offerer", [True, False], ids=["by the offerer", "by the answerer"])
async def test_a_restart_changes_credentials_and_nothing_else(offerer: bool) -> None:
    async with call() as made:
        before = below(made.one), below(made.other)
        by, other = (made.one, made.other) if offerer else (made.other, made.one)
        told = fragments(made.one.localDescription) | fragments(made.other.localDescription)
        await negotiate(by, other, iceRestart=True)
        await made.says("meanwhile")
        await moved(ice(made.one))
        await moved(ice(made.other))
        await made.says("afterwards")
        assert not told & (fragments(made.one.localDescription) | fragments(made.other.localDescription))
        assert (below(made.one), below(made.other)) == before
        assert (ice(by).role, ice(other).role) == ("controlling", "controlled")


async def test_restart_ice_asks_for_an_offer_which_then_restarts() -> None:
    async with call() as made:
        asked: list[str] = []
        made.one.on("negotiationneeded", lambda: asked.append("offer"))
        told = fragments(made.one.localDescription)
        ours_of(made.one).restartIce()
        assert asked == ["offer"]
        await negotiate(made.one, made.other)
        assert not told & fragments(made.one.localDescription)
        await moved(ice(made.one))
        told = fragments(made.one.localDescription)
        await negotiate(made.one, made.other)  # once was enough
        assert told == fragments(made.one.localDescription)
        await made.says("after both")


async def test_asking_twice_for_the_same_offer_restarts_once() -> None:
    async with call() as made:
        first = await ours_of(made.one).createOffer(iceRestart=True)
        second = await ours_of(made.one).createOffer(iceRestart=True)
        assert fragments(first) == fragments(second)


def ours_of(connection: aiortc.RTCPeerConnection) -> RTCPeerConnection:
    assert isinstance(connection, RTCPeerConnection)
    return connection


async def test_a_peer_that_cannot_restart_loses_nothing_and_stays_where_it_was() -> None:
    async with call(ours(), stock()) as made:
        told: list[str] = []
        for event in ("icerestartrefused", "iceconnectionstatechange", "connectionstatechange", "icecandidateerror"):
            made.one.on(event, lambda *_, event=event: told.append(event))
        before = fragments(made.one.localDescription)
        await negotiate(made.one, made.other, iceRestart=True)
        assert told == ["icerestartrefused"]
        await made.says("still here")
        assert ice(made.one).transport.agent.local.ufrag in str(before)
        await made.says("and here")


async def test_a_description_out_of_turn_touches_nothing() -> None:
    async with call() as made:
        transport = ice(made.one)
        before = transport.remote, transport.transport.agent.local
        stray = made.one.remoteDescription.sdp.replace("a=ice-ufrag:", "a=ice-ufrag:x")
        with pytest.raises(InvalidStateError):
            await made.one.setRemoteDescription(aiortc.RTCSessionDescription(stray, "answer"))
        assert (transport.remote, transport.transport.agent.local) == before
        await made.says("hello")


async def test_a_second_restart_goes_on_from_the_first() -> None:
    async with call() as made:
        refused: list[bool] = []
        made.one.on("icerestartrefused", lambda: refused.append(True))
        made.other.on("icerestartrefused", lambda: refused.append(True))
        for by, other in [(made.one, made.other), (made.other, made.one), (made.other, made.one)]:
            await negotiate(by, other, iceRestart=True)
            await moved(ice(made.one))
            await moved(ice(made.other))
            await made.says("again")
        assert refused == []


async def test_nothing_to_restart_is_no_restart() -> None:
    connection = ours()
    connection.createDataChannel("x")
    first = fragments(await connection.createOffer())
    assert fragments(await connection.createOffer(iceRestart=True)) == first
    await connection.close()
