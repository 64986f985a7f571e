"""Sessions and other people's WebRTC: restarts by either side, in both roles of DTLS, and with who cannot restart.

A client behind `cgnat`, coturn, and a public peer, as in the benchmark of sessions, whose rig this is.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from bench.session.place import network, stand
from bench.session.play import SETTLE
from bench.session.prober import REFUSED
from bench.session.side import Session, Side
from landfast import clock
from landfast.errors import WorldError
from landfast.session.ice.settings import Settings

pytestmark = [pytest.mark.anyio, pytest.mark.lab, pytest.mark.proof]

TELLING = {"chromium", "werift"}
"""Stacks whose statistics have the fragment of the selected pair; @roamhq/wrtc's have not."""

# Who answers the first offer is active, the client of DTLS (RFC 8842, section 5.3), and stays it.
roles = pytest.mark.parametrize("peer_offers", [False, True], ids=["passive", "active"])


@asynccontextmanager
async def met(stack: str, path: str, *, peer_offers: bool) -> AsyncIterator[Session]:
    async with stand(network(), path) as place:
        client, peer = await asyncio.gather(
            Side.start(place.lab.host("robot"), "landfast", place.client),
            Side.start(place.lab.host("operator"), stack, place.peer),
        )
        async with Session(client, peer, peer_offers=peer_offers) as session:
            yield session


def fragment(side: Side) -> str:
    """Of its newest description."""
    found = re.search(r"a=ice-ufrag:(\S+)", side.description)
    assert found
    return found[1]


def dtls(side: Side) -> str:
    """As its newest description says (RFC 8842)."""
    found = re.search(r"a=setup:(\S+)", side.description)
    assert found
    return found[1]


@roles
@pytest.mark.parametrize("path", ["any", "relay-udp"])
@pytest.mark.parametrize("stack", ["chromium", "wrtc", "werift"])
async def test_either_side_restarts_and_data_goes_on_by_the_new_credentials(
    stack: str, path: str, *, peer_offers: bool
) -> None:
    async with met(stack, path, peer_offers=peer_offers) as session:
        client, peer = session.client, session.peer
        ours, theirs = ("active", "passive") if peer_offers else ("passive", "active")
        seen = {fragment(client), fragment(peer)}
        for by_peer in (False, True, True, False):
            await session.restart(by_peer=by_peer)
            assert not {fragment(client), fragment(peer)} & seen
            seen |= {fragment(client), fragment(peer)}
            assert dtls(client if by_peer else peer) == (ours if by_peer else theirs)
            await client.goes_by(fragment(client))
            if stack in TELLING:
                await peer.goes_by(fragment(peer))
            await session.flows(clock.monotonic())
        # The old credentials are forgotten by then, so it is the new ones that data goes by.
        await session.flows(clock.monotonic() + Settings().linger)
        assert await session.intact()


@roles
@pytest.mark.parametrize("path", ["any", "relay-udp"])
@pytest.mark.parametrize(
    ("stack", "said"),
    [
        ("aiortc", [REFUSED]),  # it answers with the credentials that it had
        ("libdatachannel", []),  # it takes no such offer, so that ours is taken back
    ],
)
async def test_with_a_peer_that_cannot_restart_the_old_pair_stays(
    stack: str, said: list[str], path: str, *, peer_offers: bool
) -> None:
    async with met(stack, path, peer_offers=peer_offers) as session:
        await session.flows(clock.monotonic() + SETTLE)
        before = await session.client.path()
        for _ in range(2):
            await session.take()
            known, told = len(session.client.states), len(session.client.candidates)
            if said:
                await session.restart()
            else:
                with pytest.raises(WorldError, match="Invalid ICE settings"):
                    await session.restart()
                await session.client.ask("rollback")
            await session.flows(clock.monotonic() + Settings().linger)
            assert [state for _, state in session.client.states[known:]] == said
            assert await session.client.path() == before
            # What was gathered for the restart has not become the old pair's.
            of_restart = f" ufrag {fragment(session.client)}"
            assert all(each["candidate"].endswith(of_restart) for each in session.client.candidates[told:])
        assert await session.intact()
