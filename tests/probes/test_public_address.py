from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landfast.kernel.host import Host
from landfast.model.facts import Endpoint, Fact, MappedAddress, NoReply, PublicAddressChanged
from landfast.probes.public_address import NO_REPLY, PublicAddress, follow
from landfast.wire import stun

SERVER, LOCAL = ("198.51.100.5", 3478), ("0.0.0.0", 40000)


def key(number: int) -> bytes:
    return number.to_bytes(12, "big")


def answered(sense: PublicAddress, number: int, mapped: Endpoint, now: float) -> list[Fact]:
    request = stun.parse(stun.binding_request(key(number)))
    assert request
    return sense.answer(stun.binding_response(request, mapped), now)


def test_a_changed_public_address_is_told_once_and_a_new_port_is_no_change() -> None:
    sense = PublicAddress(SERVER, LOCAL)
    told = []
    for number, mapped in enumerate(
        [("203.0.113.10", 7), ("203.0.113.10", 8), ("203.0.113.11", 8), ("203.0.113.11", 8)]
    ):
        sense.ask(key(number), number)
        told += answered(sense, number, mapped, number + 0.1)
    assert [fact for fact in told if isinstance(fact, PublicAddressChanged)] == [
        PublicAddressChanged(2.1, "203.0.113.10", "203.0.113.11")
    ]
    assert sum(isinstance(fact, MappedAddress) for fact in told) == 4


def test_an_answer_that_was_overtaken_does_not_turn_time_back() -> None:
    sense = PublicAddress(SERVER, LOCAL)
    sense.ask(key(1), 0.0)
    sense.ask(key(2), 0.2)
    assert answered(sense, 2, ("203.0.113.11", 7), 0.3)
    assert answered(sense, 1, ("203.0.113.10", 7), 0.4) == []
    assert sense.known == "203.0.113.11"


def test_a_request_is_unanswered_after_its_time_and_told_once() -> None:
    sense = PublicAddress(SERVER, LOCAL)
    sense.ask(key(1), 10.0)
    assert sense.overdue(10.0 + NO_REPLY - 0.01) == []
    assert sense.overdue(10.0 + NO_REPLY) == [NoReply(10.0 + NO_REPLY, SERVER, LOCAL, 10.0)]
    assert sense.overdue(99.0) == []
    assert answered(sense, 1, ("203.0.113.10", 7), 99.0) == [], "it was told as unanswered and stays so"


@given(st.binary(max_size=80) | st.integers(0, 3).map(lambda n: stun.binding_request(key(n))))
def test_what_nobody_asked_for_says_nothing(data: bytes) -> None:
    sense = PublicAddress(SERVER, LOCAL)
    sense.ask(key(1), 0.0)
    assert sense.answer(data, 0.1) == []


class Server(asyncio.DatagramProtocol):
    """A STUN server that sees everybody at these addresses, one after the other, and then says nothing more."""

    def __init__(self, *seen: str) -> None:
        self.seen = list(seen)

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: Endpoint) -> None:
        message = stun.parse(data)
        if message and self.seen:
            self._transport.sendto(stun.binding_response(message, (self.seen.pop(0), 7)), addr)


@pytest.mark.anyio
async def test_it_is_followed_until_the_follower_is_cancelled() -> None:
    loop, told, silent = asyncio.get_running_loop(), list[Fact](), asyncio.Event()

    def tell(fact: Fact) -> None:
        told.append(fact)
        if isinstance(fact, NoReply):
            silent.set()

    transport, _ = await loop.create_datagram_endpoint(
        lambda: Server("203.0.113.10", "203.0.113.11"), local_addr=("127.0.0.1", 0)
    )
    with await Host.here().udp() as opened:
        following = asyncio.create_task(follow(opened, transport.get_extra_info("sockname"), tell))
        await silent.wait()
        following.cancel()
        with suppress(asyncio.CancelledError):
            await following
        assert not loop.remove_reader(opened), "nothing is left behind"
    transport.close()
    assert [type(fact) for fact in told[:4]] == [MappedAddress, PublicAddressChanged, MappedAddress, NoReply]
