from __future__ import annotations

from contextlib import closing
from typing import Any

import pytest

from landfast.kernel.capture import RAW_IP, Frame, Replay
from landfast.lab.verify.answering import PORTS, Responder, Watch
from landfast.lab.verify.line import Line, token
from landfast.wire import stun
from tests.lan import lan

ONE, OTHER, ROBOT = "198.51.100.5", "198.51.100.6", "198.51.100.10"
pytestmark = pytest.mark.anyio


@pytest.mark.lab
@pytest.mark.parametrize(
    ("change", "origin"),
    [
        ({}, (ONE, 53)),
        ({"change_port": True}, (ONE, 443)),
        ({"change_ip": True}, (OTHER, 53)),
        ({"change_ip": True, "change_port": True}, (OTHER, 443)),
    ],
)
async def test_it_answers_from_where_it_is_asked_to(change: dict[str, Any], origin: tuple[str, int]) -> None:
    async with lan(server=f"{ONE}/24 {OTHER}/24", robot=f"{ROBOT}/24") as hosts:
        with (
            closing(await Responder.open(hosts["server"], (ONE, OTHER))) as responder,
            closing(await Line.open(hosts["robot"], ROBOT)) as line,
        ):
            mark = token()
            line.send(stun.binding_request(mark, **change), (ONE, 53))
            came = await line.wait(mark, 5)
            assert came is not None
            assert came.message is not None
            assert (came.source, came.message.mapped) == (origin, line.local)
            heard = responder.heard(mark)
            assert heard is not None
            assert heard.source == line.local
            assert responder.heard(token()) is None


@pytest.mark.lab
async def test_it_answers_over_ipv6_only_where_there_is_ipv6() -> None:
    async with lan(server=f"{ONE}/24 {OTHER}/24") as hosts:
        with closing(await Responder.open(hosts["server"], (ONE, OTHER), "2001:db8::5")) as responder:
            assert list(responder.lines) == [(address, port) for address in (ONE, OTHER) for port in PORTS]
        with pytest.raises(OSError, match="assign"):
            await Responder.open(hosts["server"], (ONE, "198.51.100.7"))
        with closing(await Responder.open(hosts["server"], (ONE, OTHER))):  # nothing of the failed one is left open
            pass


def packet(mark: bytes, source: bytes, port: int, *, outgoing: bool = False) -> Frame:
    data = bytes.fromhex("4500 0028 0000 4000 40 11 0000") + source + bytes((198, 51, 100, 5))
    data += port.to_bytes(2, "big") + bytes.fromhex("0035 0014 0000") + mark
    return Frame(0.0, outgoing, RAW_IP, len(data), data)


async def test_a_watch_tells_where_a_token_came_from() -> None:
    mark, other = token(), token()
    replay = Replay()
    with closing(Watch(replay)) as watch:
        assert watch.sources(mark) == []
        replay.feed(packet(mark, bytes((10, 0, 0, 1)), 7), packet(other, bytes((10, 0, 0, 2)), 8, outgoing=True))
        replay.feed(packet(mark, bytes((10, 0, 0, 1)), 7))
        assert watch.sources(mark) == [("10.0.0.1", 7), ("10.0.0.1", 7)]
        assert watch.sources(other) == []  # what is sent out has not come
