from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from landfast.errors import CapabilityMissing
from landfast.kernel import nft
from landfast.lab.lab import Lab
from landfast.lab.network import SERVER
from landfast.lab.topology import SERVER_ADDRESSES, SERVER_ADDRESSES6
from landfast.model.facts import Fact, Ipv6Tried
from landfast.probes import nonces, six_ways
from landfast.probes.questions import SENDS, Reflector, SixWays
from landfast.servers import reflector
from landfast.servers.reflector import Settings

pytestmark = [pytest.mark.anyio, pytest.mark.lab]

SETTINGS = Settings(tuple(map(str, (SERVER_ADDRESSES[0], *SERVER_ADDRESSES6))), 3490, 3491)
SIX = (str(SERVER_ADDRESSES6[0]), 3490)
QUESTION = SixWays(Reflector((SETTINGS.addresses[0], SETTINGS.control), (), (SIX,)))


@asynccontextmanager
async def laboratory(profile: str) -> AsyncIterator[Lab]:
    async with Lab(profile, verified=False, served=False) as lab:
        await reflector.start(lab.host(SERVER), SETTINGS)
        yield lab


async def told(lab: Lab) -> Ipv6Tried:
    facts: list[Fact] = []
    await six_ways.ask(lab.host("robot"), QUESTION, facts.append)
    [fact] = facts
    assert isinstance(fact, Ipv6Tried)
    assert fact.server == SIX
    return fact


async def drop(lab: Lab, what: str) -> None:
    """From now on, at the home router."""
    rules = ["table inet wall {", "chain c {", "type filter hook forward priority 0", f"{what} drop", "}", "}", ""]
    await nft.load(lab.host("home"), "\n".join(rules))


async def test_where_ipv6_works_both_ways_one_request_is_enough() -> None:
    async with laboratory("dual-stack") as lab:
        fact = await told(lab)
        assert (fact.up, fact.down, fact.sent) == (True, True, 1)
        assert ":" in fact.local[0]


async def test_the_way_that_is_dead_is_named() -> None:
    async with laboratory("one-way-ipv6") as lab:
        fact = await told(lab)
        assert (fact.up, fact.down, fact.sent) == (True, False, SENDS)
    async with laboratory("dual-stack") as lab:
        await drop(lab, 'iifname "lan" meta nfproto ipv6')
        fact = await told(lab)
        assert (fact.up, fact.down) == (False, None)


async def test_without_an_answer_over_another_way_nothing_is_known_of_either(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nonces, "PATIENCE", 0.1)
    async with laboratory("one-way-ipv6") as lab:
        await drop(lab, "meta l4proto tcp")
        fact = await told(lab)
        assert (fact.up, fact.down) == (None, None)


async def test_without_ipv6_here_or_there_it_is_not_asked() -> None:
    async with Lab("home", verified=False, served=False) as lab:
        with pytest.raises(CapabilityMissing):
            await told(lab)
        facts: list[Fact] = []
        await six_ways.ask(lab.host("robot"), SixWays(Reflector(QUESTION.reflector.control, (SIX,))), facts.append)
        assert facts == []
