from __future__ import annotations

import json
import sys
from contextlib import closing

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from landfast.kernel.host import Host
from landfast.servers import signalling
from tests.signalling import LOCALHOST, serving

pytestmark = pytest.mark.anyio


def seat(server: str, name: str, heard: int = 0, *, me: str = "", token: str = "") -> connect:
    return connect(f"{server}/room?seat={name}&me={me or name}&heard={heard}&token={token}", proxy=None)


async def rest(connection: ClientConnection) -> list[str | bytes]:
    """What comes until the server closes."""
    received = []
    try:
        while True:
            received.append(await connection.recv())
    except ConnectionClosed:
        return received


async def test_what_one_says_the_other_hears_and_both_are_told_how_far() -> None:
    async with serving() as server, seat(server, "robot") as robot, seat(server, "operator") as operator:
        assert await robot.recv() == await operator.recv() == '{"heard":0}'
        await robot.send('{"number":1,"say":{"type":"offer"}}')
        assert await robot.recv() == '{"heard":1}'
        assert [await operator.recv(), await operator.recv()] == ['{"heard":0}', '{"number":1,"say":{"type":"offer"}}']


async def test_one_that_comes_back_hears_the_rest_and_is_told_how_far_it_was_heard() -> None:
    async with serving() as server, seat(server, "robot") as robot:
        async with seat(server, "operator") as operator:
            await operator.send('{"number":1,"say":"a"}')
            for number in (1, 2, 3):
                await robot.send(f'{{"number":{number},"say":{number}}}')
            while await operator.recv() != '{"number":3,"say":3}':
                pass
        async with seat(server, "operator", heard=1) as operator:
            told = [await operator.recv() for _ in range(3)]
            assert told == ['{"heard":1}', '{"number":2,"say":2}', '{"number":3,"say":3}']


async def test_a_connection_that_its_peer_has_given_up_is_dropped() -> None:
    async with serving() as server, seat(server, "robot") as stale, seat(server, "robot") as robot:
        assert await rest(stale) == ['{"heard":0}']
        assert stale.close_code == 1006
        await robot.send("{}")
        assert await robot.recv() == await robot.recv() == '{"heard":0}'


async def test_goodbye_is_answered_by_closing_and_frees_the_room_when_both_said_it() -> None:
    async with serving() as server:
        async with seat(server, "robot") as robot, seat(server, "operator") as operator:
            for connection in (robot, operator):
                await connection.send('{"bye":true}')
                await rest(connection)
                assert connection.close_code == 1000
        async with seat(server, "robot", me="another") as robot:
            assert await robot.recv() == '{"heard":0}'


@pytest.mark.parametrize(
    ("text", "code", "reason"),
    [
        ("x" * 70_000, 1009, "frame with 70000 bytes exceeds limit of 65536 bytes"),
        ("no frame", 1008, "not a frame"),
        ('{"heard":1}', 1008, "not a frame"),
        ('{"number":2,"say":1}', 1008, "message 1 is missing"),
    ],
)
async def test_a_message_out_of_bounds_ends_the_connection_not_the_server(text: str, code: int, reason: str) -> None:
    async with serving() as server:
        async with seat(server, "robot") as rude:
            await rude.send(text)
            assert await rest(rude) == ['{"heard":0}']
            assert (rude.close_code, rude.close_reason) == (code, reason)
        async with seat(server, "robot") as polite:
            assert await polite.recv() == '{"heard":0}'


async def refusal(server: str, query: str) -> str:
    with pytest.raises(InvalidStatus) as refused:
        await connect(f"{server}/{query}", proxy=None)
    return f"{refused.value.response.status_code} {refused.value.response.body.decode()}"


async def test_who_may_not_come_in_is_told_why() -> None:
    async with serving(token="s3cret") as server:
        assert await refusal(server, "room") == "404 /ROOM?seat=SEAT&me=ID\n"
        assert await refusal(server, "room?seat=robot&me=a") == "401 a wrong token\n"
        async with seat(server, "robot", token="s3cret"), seat(server, "operator", token="s3cret"):
            taken = await refusal(server, "room?seat=robot&me=b&token=s3cret")
            assert taken == "409 the seat is taken: every conversation needs a room of its own\n"
            assert await refusal(server, "room?seat=third&me=b&token=s3cret") == "409 the room is full\n"


async def test_rooms_are_bounded_and_forgotten_when_nobody_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signalling, "MAX_ROOMS", 1)
    async with serving() as server:
        async with seat(server, "robot") as robot:
            await robot.recv()
            assert await refusal(server, "other?seat=robot&me=a") == "503 too many rooms\n"
        assert await refusal(server, "other?seat=robot&me=a") == "503 too many rooms\n"
        monkeypatch.setattr(signalling, "FORGET_AFTER", -1)
        async with connect(f"{server}/other?seat=robot&me=a", proxy=None) as other:
            assert await other.recv() == '{"heard":0}'


async def test_the_program_listens_when_start_returns_and_knows_its_token() -> None:
    host = Host.here()
    with closing(await host.udp(LOCALHOST)) as probe:
        port = probe.getsockname()[1]
    server = await signalling.start(host, LOCALHOST, port, token="s3cret")
    address = f"ws://{LOCALHOST}:{port}"
    assert await refusal(address, "room?seat=robot&me=a") == "401 a wrong token\n"
    async with seat(address, "robot", token="s3cret") as robot:
        assert await robot.recv() == '{"heard":0}'
    await server.stop()
    assert server.program.code == 0


async def test_the_program_ends_with_who_started_it() -> None:
    program = await Host.here().start(
        [sys.executable, "-m", "landfast.servers.signalling", "--listen", f"{LOCALHOST}:0"]
    )
    assert program.stdin
    assert program.stdout
    assert json.loads(await program.stdout.readline())["listening"][0][0] == LOCALHOST
    program.stdin.close()
    assert await program.wait() == 0
