from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from email.utils import parsedate_to_datetime
from http import HTTPStatus

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from landfast import clock
from landfast.servers.reflector import control
from landfast.servers.reflector.control import respond
from landfast.servers.reflector.limits import Rate
from landfast.wire.reflector import Description, Seen

LOCALHOST = "127.0.0.1"
DESCRIPTION = Description((("192.0.2.1", 3478),), (), ("nonce",))
ID = bytes(range(12))


def tell(asked: bytes) -> Seen:
    return Seen(3, ("192.0.2.9", 9)) if asked == ID else Seen()


def answered(head: bytes) -> tuple[HTTPStatus, str, bool]:
    return respond(head, lambda: DESCRIPTION, tell)


def test_it_tells_what_it_is_and_what_it_saw() -> None:
    assert answered(b"GET /v1 HTTP/1.1\r\n\r\n") == (HTTPStatus.OK, DESCRIPTION.text(), True)
    path = f"/v1/seen/{ID.hex()}".encode()
    assert answered(b"GET %b HTTP/1.1\r\nHost: a\r\n\r\n" % path) == (HTTPStatus.OK, tell(ID).text(), True)


@pytest.mark.parametrize("path", ["/", "/v1/", "/v2", "/v1/seen", "/v1/seen/00", f"/v1/seen/{ID.hex().upper()}x"])
def test_there_is_nothing_else(path: str) -> None:
    assert answered(f"GET {path} HTTP/1.1\r\n\r\n".encode())[0] is HTTPStatus.NOT_FOUND


@pytest.mark.parametrize(
    "head",
    [
        b"POST /v1 HTTP/1.1\r\n\r\n",
        b"GET /v1 HTTP/2\r\n\r\n",
        b"GET  /v1 HTTP/1.1\r\n\r\n",
        b"GET http://a/v1 HTTP/1.1\r\n\r\n",
        b"GET /v1 HTTP/1.1\r\nContent-Length: 5\r\n\r\n",
        b"GET /v1 HTTP/1.1\r\ntransfer-encoding : chunked\r\n\r\n",
        b"\x16\x03\x01\x02\x00\r\n\r\n",
    ],
)
def test_what_is_no_plain_question_ends_the_connection(head: bytes) -> None:
    assert answered(head) == (HTTPStatus.BAD_REQUEST, "", False)


def test_who_wants_to_close_is_let_go() -> None:
    assert answered(b"GET /v1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")[2] is False
    assert answered(b"GET /v1 HTTP/1.0\r\n\r\n")[2] is False


@given(st.binary(max_size=200))
@example(b"GET /\xff HTTP/1.1\r\n\r\n")
def test_no_bytes_raise(head: bytes) -> None:
    answered(head)


@asynccontextmanager
async def connected() -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    async with await control.listen((LOCALHOST, 0), lambda reached: Description(((reached, 3478),)), tell) as server:
        reader, writer = await asyncio.open_connection(LOCALHOST, server.sockets[0].getsockname()[1])
        with closing(writer):
            yield reader, writer


async def response(reader: asyncio.StreamReader) -> tuple[str, dict[str, str], str]:
    lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines[1:] if line)
    return lines[0], headers, (await reader.readexactly(int(headers["Content-Length"]))).decode()


@pytest.mark.anyio
async def test_a_connection_answers_many_questions_that_came_at_once_in_their_order() -> None:
    async with connected() as (reader, writer):
        asked = [ID, bytes(12)] * 100
        writer.write(b"".join(f"GET /v1/seen/{one.hex()} HTTP/1.1\r\n\r\n".encode() for one in asked))
        assert [json.loads((await response(reader))[2])["seen"] for _ in asked] == [3, 0] * 100


@pytest.mark.anyio
async def test_it_tells_the_address_that_it_was_reached_at_and_the_time() -> None:
    async with connected() as (reader, writer):
        writer.write(b"GET /v1 HTTP/1.1\r\n\r\n")
        status, headers, body = await response(reader)
        assert status == "HTTP/1.1 200 OK"
        assert json.loads(body)["stun"] == [f"{LOCALHOST}:3478"]
        assert abs((parsedate_to_datetime(headers["Date"]) - clock.wall()).total_seconds()) < 60


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("said", "status"),
    [
        (b"GET /v1 HTTP/1.1\r\nX: " + b"x" * 10_000, "431"),
        (b"hello\r\n\r\n", "400"),
        (b"GET / HTTP/1.0\r\n\r\n", "404"),
    ],
)
async def test_after_such_a_request_the_connection_ends(said: bytes, status: str) -> None:
    async with connected() as (reader, writer):
        writer.write(said)
        assert (await response(reader))[0].split()[1] == status
        with suppress(ConnectionResetError):  # what it had not read yet makes its kernel say so
            assert await reader.read() == b""


@pytest.mark.anyio
async def test_who_says_nothing_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "_PATIENCE", 0.05)
    async with connected() as (reader, writer):
        writer.write(b"GET /v1 HT")
        assert await reader.read() == b""


@pytest.mark.anyio
async def test_who_asks_too_often_is_told_so_and_hung_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "_PER_SOURCE", Rate(0, 2))
    async with connected() as (reader, writer):
        writer.write(b"GET /v1 HTTP/1.1\r\n\r\n" * 3)
        assert [(await response(reader))[0].split()[1] for _ in range(3)] == ["200", "200", "429"]
        assert await reader.read() == b""


@pytest.mark.anyio
async def test_more_connections_than_there_is_room_for_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "_MOST_CONNECTIONS", 1)
    async with connected() as (reader, writer):
        writer.write(b"GET /v1 HTTP/1.1\r\n\r\n")
        await response(reader)
        again, closing_too = await asyncio.open_connection(*writer.get_extra_info("peername"))
        with closing(closing_too), pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
            await again.readexactly(1)
