"""The client with servers that are not of this repository: what coturn said, what nobody says, and coturn itself."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landfast import clock
from landfast.model.facts import endpoint
from landfast.probes import connecting
from landfast.probes.relay import _Driven
from landfast.servers import certificate, coturn
from landfast.servers.coturn import Settings
from landfast.wire.turn import (
    Allocated,
    Arrived,
    Bound,
    Client,
    Code,
    Ended,
    Moved,
    State,
    Step,
    Transmit,
)
from landfast.wire.turn.messages import parse
from tests.lan import lan
from tests.wire.turn.server import KEY, PEER, REALM, RELAYED, ROBOT, answer, client, numbers, out

# What coturn 4.6.1 with `mobility` and the client said to each other: `>` and `<` bytes, `!` events, else verbs.
STORIES = {
    name: Path(__file__).with_name("turn").joinpath(f"coturn-{name}.txt").read_text().splitlines()
    for name in ("udp", "tcp")
}


def play(story: list[str], *, stream: bool, pieces: int = 1 << 16) -> list[str]:
    """The story as this client tells it, given the server's part of it, in pieces so long."""
    made = Client(ROBOT, stream=stream, mobile=True, lifetime=600, draw=numbers())
    now, told = 0.0, []

    def tell() -> None:
        while item := made.poll():
            told.append(f"> {item.data.hex()}" if isinstance(item, Transmit) else f"! {item!r}")

    for line in story:
        verb, *words = line.split(" ")
        if verb in (">", "!"):
            continue
        told.append(line)
        match verb, words:
            case "<", [data]:
                for at in range(0, len(data), 2 * pieces):
                    made.receive(bytes.fromhex(data[at : at + 2 * pieces]), now)
            case "timer", [seconds]:
                now = float(seconds)
                made.handle_timer(now)
            case "allocate" | "move" | "close", []:
                {"allocate": made.allocate, "move": made.move, "close": made.close}[verb](now)
            case "permit" | "bind", [peer]:
                {"permit": made.permit, "bind": made.bind}[verb](endpoint(peer), now)
            case "send", [data, peer]:
                assert made.send(bytes.fromhex(data), endpoint(peer), now)
            case _:
                pytest.fail(line)
        tell()
    return told


@pytest.mark.parametrize("name", STORIES)
def test_with_coturn_it_said_what_was_recorded(name: str) -> None:
    story = STORIES[name]
    assert {line.split("(")[0] for line in story if line.startswith("!")} >= {
        "! Allocated", "! Permitted", "! Bound", "! Arrived", "! Refreshed", "! Refused", "! Ended"
    }  # fmt: skip
    assert play(story, stream=name == "tcp") == story


@given(st.integers(1, 60))
def test_a_stream_tells_the_same_in_any_pieces(pieces: int) -> None:
    told = play(STORIES["tcp"], stream=True, pieces=pieces)
    assert sorted(told) == sorted(STORIES["tcp"])  # what is sent meanwhile may be sent between two answers


VERBS = st.sampled_from(["allocate", "permit", "bind", "send", "forget", "move", "close", "answer", "junk", "time"])
JUNK = st.binary(max_size=80) | st.builds(
    lambda number, data: struct.pack("!HH", number, len(data)) + data,
    st.integers(0x3FFF, 0x5000),
    st.binary(max_size=8),
)
CODES = st.none() | st.sampled_from(list(Code)) | st.integers(300, 699)


@given(st.data(), st.booleans(), st.booleans())
def test_nothing_raises_or_hangs_and_the_end_is_the_end(data: st.DataObject, stream: bool, mobile: bool) -> None:
    """Any verbs in any order, answers of all codes, right and wrong, cut and changed, and any time between them."""
    made, now, known = client(stream=stream, mobile=mobile), 0.0, list[bytes]()
    made.allocate(now)
    for verb in data.draw(st.lists(VERBS, max_size=25)):
        match verb:
            case "allocate" | "move" | "close":
                {"allocate": made.allocate, "move": made.move, "close": made.close}[verb](now)
            case "permit" | "bind":
                peer = (data.draw(st.sampled_from(["198.51.100.9", "2001:db8::9"])), data.draw(st.integers(0, 2)))
                {"permit": made.permit, "bind": made.bind}[verb](peer, now)
            case "send":
                assert made.send(b"x", PEER, now) is (made.state in (State.STANDING, State.MOVING))
            case "forget":
                made.forget(("198.51.100.9", data.draw(st.integers(0, 2))))
            case "answer" if known:
                asked = parse(data.draw(st.sampled_from(known)))
                assert asked
                attributes: dict[str, Any] = data.draw(
                    st.fixed_dictionaries(
                        {},
                        optional={
                            "REALM": st.just(REALM),
                            "NONCE": st.binary(max_size=3),
                            "LIFETIME": st.sampled_from([0, 1, 20, 600, 2**32 - 1]),
                            "XOR_RELAYED_ADDRESS": st.just(RELAYED),
                            "extra": st.just(((0x8030, b"ticket"),)),
                        },
                    )
                )
                said = answer(asked, data.draw(CODES), key=data.draw(st.sampled_from([KEY, None])), **attributes)
                made.receive(said[: data.draw(st.sampled_from([len(said), 30]))], now)
            case "junk":
                made.receive(data.draw(JUNK), now)
            case "time":
                now += data.draw(st.sampled_from([0.0, 0.1, 1.0, 40.0, 300.0, 1e5]))
                made.handle_timer(now)
                assert made.deadline is None or made.deadline > now
        ended = made.state is State.ENDED
        sent, told = out(made)
        assert len(sent) + len(told) < 40
        assert ended == (made.deadline is None and verb != "never")
        assert sum(isinstance(event, Ended) for event in told) <= 1
        known += [packet for packet in sent if parse(packet)]
    made.close(now)
    for _ in range(20):
        if (deadline := made.deadline) is None:
            break
        made.handle_timer(deadline)
        out(made)
    assert made.state is State.ENDED


@pytest.mark.lab
@pytest.mark.anyio
async def test_coturn_follows_a_move_to_another_socket_and_the_peer_notices_nothing() -> None:
    settings = Settings(("198.51.100.5",), {ROBOT.username: ROBOT.password}, options=("mobility",))
    async with lan(server="198.51.100.5/24", robot="198.51.100.10/24") as hosts:
        running = await coturn.start(hosts["server"], settings, certificate.issue("198.51.100.5"))
        robot, turn = hosts["robot"], ("198.51.100.5", 3478)
        first, second = [await connecting.datagrams(robot, turn) for _ in range(2)]
        driven = _Driven(Client(ROBOT, mobile=True, rto=0.1), first)
        made = driven.client

        async def echoed(data: bytes) -> bool:
            assert made.relayed
            assert made.send(data, made.relayed, clock.monotonic())
            return await driven.until(lambda event: event == Arrived(made.relayed or PEER, data), 5.0) is not None

        made.allocate(clock.monotonic())
        assert isinstance(await driven.until(lambda _: True, 5.0), Allocated)
        assert made.relayed
        made.bind(made.relayed, clock.monotonic())
        await driven.until(lambda event: isinstance(event, Bound), 5.0)
        assert await echoed(b"from the first socket")
        first.close()
        driven.line = second
        assert made.move(clock.monotonic())
        assert isinstance(await driven.until(lambda event: isinstance(event, Moved), 5.0), Moved)
        assert await echoed(b"from the second socket")
        made.close(clock.monotonic())
        assert await driven.until(lambda _: False, 5.0) == Ended(Step.RELEASED)
        second.close()
        await running.stop()
