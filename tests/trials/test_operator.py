from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.asyncio.client import connect

from landfast import peers
from landfast.errors import CapabilityMissing, RequestError, WorldError
from landfast.kernel.host import Host
from landfast.model.facts import Endpoint
from landfast.peers import Assignment, Outcome, Role, Stack
from landfast.trials import operator
from landfast.trials.operator import PROTOCOL, Reflector, reached_at, serve
from landfast.trials.robot import ask
from landfast.wire import stun

LOCALHOST = "127.0.0.1"
TOKEN = "secret"
PEER = {"ask": "peer", "stack": "aiortc", "room": "attempt-1-aa", "limit": 8.0, "hold": 5.0, "camera": False}


def free() -> int:
    """A port of which the next two are free as well."""
    while True:
        with socket.socket() as first, socket.socket() as second, socket.socket() as third:
            first.bind((LOCALHOST, 0))
            port: int = first.getsockname()[1]
            try:
                second.bind((LOCALHOST, port + 1))
                third.bind((LOCALHOST, port + 2))
            except (OSError, OverflowError):
                continue
            return port


class Peer:
    """An operator's peer that is ready at once and runs until it is stopped."""

    def __init__(self, task: Assignment) -> None:
        self.task = task
        self.stopped = False

    async def ready(self) -> None:
        pass

    async def stop(self) -> Outcome:
        self.stopped = True
        return Outcome()


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Peer]:
    """The peers that were started; a Chromium is not there."""
    running: list[Peer] = []

    async def start(stack: Stack, _host: Host, task: Assignment) -> Peer:
        if stack is Stack.CHROMIUM:
            raise CapabilityMissing("program chromium", "Debian package chromium")
        running.append(Peer(task))
        return running[-1]

    monkeypatch.setattr(peers, "start", start)
    return running


@pytest.fixture
async def url() -> AsyncIterator[str]:
    """A running operator's machine."""
    port = free()
    async with serve((LOCALHOST, port), TOKEN):
        yield f"ws://{LOCALHOST}:{port}"


def port_of(url: str) -> int:
    return int(url.rpartition(":")[2])


@pytest.mark.anyio
async def test_it_tells_where_its_services_are(url: str) -> None:
    port = port_of(url)
    assert await ask(url, TOKEN, {"ask": "services"}) == {"signalling": port + 1, "echo": port + 2, "stun": None}


@pytest.mark.anyio
async def test_another_stun_server_is_passed_on_and_none_is_run_here() -> None:
    port = free()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind((LOCALHOST, port))  # it would be in the way of one
        async with serve((LOCALHOST, port), TOKEN, ("198.51.100.5", 3478)):
            said = await ask(f"ws://{LOCALHOST}:{port}", TOKEN, {"ask": "services"})
    assert said["stun"] == ["198.51.100.5", 3478]


@pytest.mark.anyio
@pytest.mark.parametrize("token", ["", "wrong", "secre", "secret "])
async def test_without_the_token_nothing_is_answered(url: str, token: str, started: list[Peer]) -> None:
    with pytest.raises(RequestError, match="401 a wrong token"):
        await ask(url, token, PEER)
    assert started == []


@pytest.mark.anyio
async def test_a_peer_is_started_with_what_the_robot_asked_for(url: str, started: list[Peer]) -> None:
    assert await ask(url, TOKEN, PEER) == {"ready": True}
    [peer] = started
    where = f"ws://{LOCALHOST}:{port_of(url) + 1}"
    assert peer.task == Assignment(Role.OPERATOR, where, "attempt-1-aa", token=TOKEN, limit=8.0, hold=5.0)


@pytest.mark.anyio
async def test_one_peer_runs_at_a_time_and_none_at_the_end(started: list[Peer]) -> None:
    port = free()
    async with serve((LOCALHOST, port), TOKEN):
        for _ in range(2):
            await ask(f"ws://{LOCALHOST}:{port}", TOKEN, PEER)
        assert [peer.stopped for peer in started] == [True, False]
    assert [peer.stopped for peer in started] == [True, True]


@pytest.mark.anyio
@pytest.mark.usefixtures("started")
@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"stack": "chromium"}, "Debian package chromium"),
        ({"stack": "netscape"}, "netscape"),
        ({"limit": 1e9}, "at most"),
        ({"limit": "nan"}, "at most"),
        ({"hold": -1}, "at most"),
        ({"ask": "everything"}, "everything"),
        ({"protocol": PROTOCOL + 1}, "same version"),
    ],
)
async def test_what_cannot_be_done_is_told_to_the_robot(url: str, change: dict[str, Any], problem: str) -> None:
    with pytest.raises(RequestError, match=problem):
        await ask(url, TOKEN, {**PEER, **change})


@pytest.mark.anyio
@pytest.mark.parametrize(
    "said", ["", "[]", "null", "{}", '{"protocol": 1}', '{"protocol": 1, "ask": "peer"}', "[" * 4000]
)
async def test_what_is_no_question_is_answered_with_a_problem_and_does_no_harm(url: str, said: str) -> None:
    async with connect(f"{url}?token={TOKEN}") as connection:
        await connection.send(said)
        assert "problem" in json.loads(await connection.recv())
    assert await ask(url, TOKEN, {"ask": "services"})


@pytest.mark.anyio
async def test_a_port_that_is_taken_is_told() -> None:
    port = free()
    with socket.socket() as taken:
        taken.bind((LOCALHOST, port))
        with pytest.raises(WorldError, match=f"{LOCALHOST}:{port}"):
            async with serve((LOCALHOST, port), TOKEN):
                pytest.fail("it does not listen")


class Transport(asyncio.DatagramTransport):
    """Keeps what is sent."""

    def __init__(self) -> None:
        self.sent: list[tuple[bytes, Endpoint]] = []

    def sendto(self, data: Any, addr: Any = None) -> None:
        self.sent.append((data, addr))


@given(st.binary(max_size=60) | st.binary(min_size=12, max_size=12).map(stun.binding_request))
def test_only_binding_requests_are_reflected_and_to_where_they_came_from(data: bytes) -> None:
    reflector, transport = Reflector(), Transport()
    reflector.connection_made(transport)
    reflector.datagram_received(data, ("203.0.113.10", 7))
    asked = stun.parse(data)
    if asked and asked.is_request and asked.is_binding:
        [(answer, to)] = transport.sent
        said = stun.parse(answer)
        assert said is not None
        assert (said.mapped, said.transaction_id, to) == (
            ("203.0.113.10", 7),
            asked.transaction_id,
            ("203.0.113.10", 7),
        )
    else:
        assert transport.sent == []


@pytest.mark.anyio
async def test_a_wildcard_is_reached_at_the_default_routes_address(monkeypatch: pytest.MonkeyPatch) -> None:
    async def loopback(_host: Host) -> str:
        return "lo"

    monkeypatch.setattr(operator, "egress", loopback)
    assert await reached_at("192.0.2.7") == "192.0.2.7"
    assert await reached_at("0.0.0.0") == LOCALHOST
