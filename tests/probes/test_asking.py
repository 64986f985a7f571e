from __future__ import annotations

import errno
import math
import random
import secrets
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing

import pytest

from landfast.errors import CapabilityMissing
from landfast.kernel.host import Host
from landfast.model.facts import Endpoint
from landfast.probes import asking
from landfast.probes.asking import Socket
from landfast.probes.questions import SENDS
from landfast.wire import stun
from tests.probes.answering import LOCALHOST, Behaviour, Recording, Request, Server, server

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def asked(behave: Behaviour) -> AsyncIterator[tuple[Socket, Server]]:
    """A socket, and a server for it to ask."""
    async with server(behave) as serving:
        with closing(await Socket.open(Host.here(), address=LOCALHOST)) as opened:
            yield opened, serving


def from_the(first: int) -> Behaviour:
    """Answers from that request on."""

    def behave(serving: Server, request: Request) -> None:
        if request.number >= first:
            serving.answer(request)

    return behave


async def test_an_answer_tells_where_we_are_seen_and_bears_its_requests_stamp() -> None:
    async with asked(from_the(1)) as (opened, serving):
        answer = await opened.ask(serving.endpoint)
        assert answer is not None
        assert (answer.mapped, answer.source, answer.sent) == (opened.local, serving.endpoint, 1)
        assert answer.message.transaction_id == serving.requests[0].message.transaction_id
        assert opened.round_trip == answer.seconds > 0


async def test_a_question_is_repeated_until_it_is_answered() -> None:
    async with asked(from_the(3)) as (opened, serving):
        answer = await opened.ask(serving.endpoint, rto=0.01)
        assert answer is not None
        stamps = [request.message.transaction_id for request in serving.requests]
        assert len(set(stamps)) == len(stamps)
        assert answer.message.transaction_id in stamps[2:]


async def test_a_late_answer_to_an_earlier_send_counts_and_its_round_trip_is_the_earlier_ones() -> None:
    def late(serving: Server, request: Request) -> None:
        if request.number == 2:
            serving.answer(serving.requests[0])

    async with asked(late) as (opened, serving):
        answer = await opened.ask(serving.endpoint, sends=2)
        assert answer is not None
        assert answer.message.transaction_id == serving.requests[0].message.transaction_id
        assert answer.sent == 2
        assert answer.seconds >= asking.FIRST_RTO  # the first send's, not the second's


async def test_silence_is_none_after_every_send() -> None:
    async with asked(from_the(99)) as (opened, serving):
        assert await opened.ask(serving.endpoint, rto=0.01) is None
        assert len(serving.requests) == SENDS
        assert len(opened.unanswered(serving.endpoint)) == SENDS
        assert opened.round_trip is None


async def test_only_what_was_not_answered_counts_as_unanswered() -> None:
    async with asked(from_the(2)) as (opened, serving):
        await opened.ask(serving.endpoint, rto=0.05, sends=2)
        assert len(opened.unanswered(serving.endpoint)) == 1
        assert opened.unanswered((LOCALHOST, 1)) == []


@pytest.mark.parametrize(
    ("round_trip", "rto"), [(None, asking.FIRST_RTO), (0.001, asking.FIRST_RTO), (0.2, 0.4), (0.6, 1.2)]
)
async def test_the_wait_follows_from_the_round_trip(round_trip: float | None, rto: float) -> None:
    async with asked(from_the(1)) as (opened, _):
        opened.round_trip = round_trip
        assert opened.rto == rto


async def test_wishes_are_in_the_request() -> None:
    async with asked(from_the(1)) as (opened, serving):
        await opened.ask(serving.endpoint, change_ip=True, change_port=True, padding=40, attributes=b"\xff\xfe\0\0")
        (request,) = serving.requests
        assert (request.message.change_ip, request.message.change_port) == (True, True)
        assert stun.attribute(request.data, 0x0026) == bytes(40)
        assert stun.attribute(request.data, 0xFFFE) == b""


async def test_an_answer_to_another_sockets_question_is_heard() -> None:
    async with asked(lambda serving, request: serving.answer(request, to=hearing.local)) as (opened, serving):
        with closing(await Socket.open(Host.here(), address=LOCALHOST)) as hearing:
            mark = asking.token()
            opened.send(stun.binding_request(mark), serving.endpoint)
            answer = await hearing.hear(mark, 5)
            assert answer is not None
            assert (answer.mapped, math.isnan(answer.seconds)) == (opened.local, True)
            assert hearing.heard(mark) == answer
            assert opened.heard(mark) is None


async def test_what_nobody_asked_for_does_not_fill_the_memory() -> None:
    def flood(serving: Server, request: Request) -> None:
        for _ in range(100):
            other = stun.parse(stun.binding_request(secrets.token_bytes(12)))
            assert other
            serving.send(stun.binding_response(other, request.source), request.source)
        serving.send(b"no STUN", request.source)
        serving.answer(request)

    async with asked(flood) as (opened, serving):
        for _ in range(20):
            assert await opened.ask(serving.endpoint)
        assert len(opened._heard) <= 20 + asking._MOST


async def test_a_closed_port_is_a_complaint_and_no_exception() -> None:
    async with server() as serving:
        closed: Endpoint = serving.endpoint
    with closing(await Socket.open(Host.here(), address=LOCALHOST)) as opened:
        assert await opened.ask(closed, rto=0.01) is None
        complaint = opened.errors[0]
        assert (complaint.number, complaint.server, complaint.by) == (errno.ECONNREFUSED, closed, LOCALHOST)


async def test_what_icmp_said_of_one_server_does_not_keep_us_from_asking_another() -> None:
    async with server() as serving:
        closed: Endpoint = serving.endpoint
    async with asked(Server.answer) as (opened, serving):
        mark = asking.token()
        assert opened.send(stun.binding_request(asking.token()), closed)
        assert opened.send(stun.binding_request(mark), serving.endpoint)  # the kernel would rather tell of the first
        assert await opened.hear(mark, 5)


async def test_what_the_kernel_refuses_is_a_complaint() -> None:
    with closing(await Socket.open(Host.here(), address=LOCALHOST)) as opened:
        assert not opened.send(stun.binding_request(asking.token(), padding=65500), (LOCALHOST, 9))
        assert {complaint.number for complaint in opened.errors} == {errno.EMSGSIZE}
        assert opened.errors[0].by is None
        assert opened.unanswered((LOCALHOST, 9)) == []  # it was never sent


async def test_a_socket_may_be_kept_to_an_interface() -> None:
    async with server() as serving:
        assert await asking.source(Host.here(), serving.endpoint, "lo") == LOCALHOST
        with closing(await Socket.open(Host.here(), address=LOCALHOST, interface="lo")) as opened:
            assert await opened.ask(serving.endpoint)
            assert opened.socket.getsockopt(socket.SOL_SOCKET, asking._SO_BINDTODEVICE, 16).startswith(b"lo\0")


async def test_closing_twice_is_closing_once() -> None:
    host = Recording()
    opened = await Socket.open(host, address=LOCALHOST)
    opened.close()
    opened.close()
    assert host.left_open == []


async def test_a_socket_that_cannot_be_bound_is_closed() -> None:
    host = Recording()
    with pytest.raises(OSError, match="assign"):
        await Socket.open(host, address="192.0.2.1")
    assert host.left_open == []


@pytest.mark.parametrize("address", [LOCALHOST, "::1"])
async def test_the_source_is_the_address_by_which_the_routes_lead(address: str) -> None:
    host = Recording()
    assert await asking.source(host, (address, 3478)) == address
    assert host.left_open == []


async def test_no_way_is_a_missing_capability() -> None:
    with pytest.raises(CapabilityMissing, match="no-such-if"):
        await asking.source(Host.here(), (LOCALHOST, 3478), "no-such-if")


async def test_a_free_port_is_found_among_taken_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(random, "sample", lambda ports, _: list(ports))
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as two,
    ):
        one.bind((LOCALHOST, 0))
        two.bind((LOCALHOST, 0))
        free = two.getsockname()[1]
        two.close()
        with closing(
            await asking.anywhere(Host.here(), [one.getsockname()[1], free, free], address=LOCALHOST)
        ) as opened:
            assert opened.local == (LOCALHOST, free)
