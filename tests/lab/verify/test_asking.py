from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from ipaddress import IPv4Address

import pytest

from landfast.diagnose.nat import CONVINCING_SILENCE, behaviour
from landfast.lab.network import Link
from landfast.lab.verify.answering import Responder
from landfast.lab.verify.asking import Asker
from landfast.lab.verify.line import Line, token
from landfast.lab.verify.points import Point, Way
from landfast.model.facts import ChangedResponse, MappedAddress, NoReply
from landfast.model.nat import Filtering, Mapping
from tests.lan import lan

pytestmark = [pytest.mark.anyio, pytest.mark.lab]
ONE, OTHER, ROBOT = "198.51.100.5", "198.51.100.6", "198.51.100.10"
POINT = Point("robot", "eth0", "internet", IPv4Address(ROBOT), None, Link(), routes=False)
NEAR = Way()
BLOCKED = "table ip t { chain c { type filter hook input priority 0; ip daddr 198.51.100.5 udp dport 443 drop; }\n}\n"
DEAD = "table ip t { chain c { type filter hook input priority 0; udp dport { 53, 443 } drop; }\n}\n"


@asynccontextmanager
async def asker(rules: str = "", way: Way = NEAR) -> AsyncIterator[Asker]:
    async with lan(server=f"{ONE}/24 {OTHER}/24", robot=f"{ROBOT}/24") as hosts:
        (await hosts["server"].run(["nft", "-f", "-"], given=rules)).checked()
        with (
            closing(await Responder.open(hosts["server"], (ONE, OTHER))) as responder,
            closing(Asker(POINT, hosts["robot"], responder, way, 20000)) as asking,
        ):
            yield asking


async def test_an_answer_is_a_fact() -> None:
    async with asker() as asking:
        line = await asking.line()
        seen = await asking.ask(line, (OTHER, 443))
        assert isinstance(seen, MappedAddress)
        assert (seen.server, seen.local, seen.mapped) == ((OTHER, 443), (ROBOT, 20001), (ROBOT, 20001))


async def test_silence_is_told_by_a_later_answer() -> None:
    async with asker(BLOCKED) as asking:
        line = await asking.line()
        assert isinstance(await asking.ask(line, (ONE, 443)), NoReply)
        assert isinstance(await asking.ask(line, (ONE, 53)), MappedAddress)
        assert await asking.fence()
        mark = token()
        assert await asking.passes(line, mark, mark, (ONE, 443)) is False
        mark = token()
        assert await asking.passes(line, mark, mark, (ONE, 53)) is True


async def test_where_nothing_passes_nothing_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("landfast.lab.verify.asking.PATIENCE", 0.05)
    async with asker(DEAD) as asking:
        line = await asking.line()
        assert not await asking.fence()
        assert await asking.passes(line, token(), token(), (ONE, 53)) is None
        assert await asking.arrives(line, token()) is None


async def test_the_judge_gets_what_it_needs_for_filtering() -> None:
    async with asker() as asking:
        facts = [
            *await asking.ask_for_another(await asking.line(), port=True),
            *await asking.ask_for_another(await asking.line(), address=True),
        ]
        changed = [fact for fact in facts if isinstance(fact, ChangedResponse)]
        assert [(fact.responder, fact.sent, fact.received) for fact in changed] == [
            ((ONE, 443), CONVINCING_SILENCE, CONVINCING_SILENCE),
            ((OTHER, 53), CONVINCING_SILENCE, CONVINCING_SILENCE),
        ]
        seen = behaviour(facts)
        assert (seen.filtering, seen.translated) == (Filtering.ENDPOINT_INDEPENDENT, False)
        assert seen.mapping is not Mapping.ADDRESS_DEPENDENT


async def test_the_fence_has_one_line_however_often_it_is_asked_for() -> None:
    async with asker() as asking:
        assert all(await asyncio.gather(*(asking.fence() for _ in range(5))))
        seen = await asking.first()
        assert isinstance(seen, MappedAddress)
        assert seen.local == (ROBOT, asking.first_port)


async def test_questions_are_repeated_as_often_as_cables_lose_them() -> None:
    async with asker(way=Way(loss=0.1)) as asking:
        assert asking.attempts == 9  # 0.19 ** 9 is below one in a million
    async with asker(way=Way(delay=0.05, overtaken=0.01)) as asking:
        assert (asking.attempts, asking.round_trip) == (1, 0.1)


async def test_a_source_need_not_be_ones_own() -> None:
    async with asker() as asking:
        line: Line = await asking.line("198.18.0.1", anywhere=True)
        mark = token()
        line.send(mark, asking.server)
        await asking.fence()
        heard = asking.responder.heard(mark)
        assert heard is not None
        assert heard.source[0] == "198.18.0.1"
