"""The WebSocket server over which two peers find each other; what they say is in `wire/signalling.py`.

`python -m landfast.servers.signalling --listen ADDRESS:PORT` prints one line of JSON when it listens, and runs until it
is told to stop or whoever started it is gone. With a token in LANDFAST_SIGNALLING_TOKEN (or `--token`) it lets in only
who knows it.
"""

from __future__ import annotations

import argparse
import asyncio
import hmac
import os
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING

from landfast import clock
from landfast.kernel.host import Host
from landfast.servers import running
from landfast.servers.running import Running
from landfast.wire import signalling
from landfast.wire.signalling import AreYouThere, Bye, Place, Room, Said

if TYPE_CHECKING:
    from websockets.asyncio.server import Server, ServerConnection
    from websockets.http11 import Request, Response

TOKEN = "LANDFAST_SIGNALLING_TOKEN"  # noqa: S105 -- the variable's name
"""Carries the token, since arguments can be read by everybody on a machine."""

MAX_ROOMS = 256
"""With MAX_KEPT for each of two seats at most 512 MiB; a room of real peers holds 20 KiB."""
FORGET_AFTER = 60.0
"""Seconds that a room without connections is kept: longer than any outage a session survives (RFC 7675: 30 s)."""


@dataclass
class _Open:
    """A room in use: who is connected, and when somebody last was."""

    room: Room = field(default_factory=Room)
    connected: dict[str, ServerConnection] = field(default_factory=dict)
    news: dict[str, asyncio.Event] = field(default_factory=dict)
    touched: float = field(default_factory=clock.monotonic)


class Rooms:
    """All rooms of a server."""

    def __init__(self, token: str = "") -> None:
        self._token = token
        self._open: dict[str, _Open] = {}

    def admit(self, connection: ServerConnection, request: Request) -> Response | None:
        """Before the handshake: an HTTP error for who may not come in (websockets' `process_request`)."""
        place = signalling.place(request.path)
        if place is None:
            return connection.respond(HTTPStatus.NOT_FOUND, "/ROOM?seat=SEAT&me=ID\n")
        if self._token and not hmac.compare_digest(place.token.encode(), self._token.encode()):
            return connection.respond(HTTPStatus.UNAUTHORIZED, "a wrong token\n")
        self._forget(clock.monotonic())
        if place.room not in self._open and len(self._open) >= MAX_ROOMS:
            return connection.respond(HTTPStatus.SERVICE_UNAVAILABLE, "too many rooms\n")
        opened = self._open.setdefault(place.room, _Open())
        if problem := opened.room.sit(place.seat, place.me):
            return connection.respond(HTTPStatus.CONFLICT, f"{problem}\n")
        return None

    def _forget(self, now: float) -> None:
        for name, opened in list(self._open.items()):
            if not opened.connected and now - opened.touched > FORGET_AFTER:
                del self._open[name]

    async def serve(self, connection: ServerConnection) -> None:
        """One connection, until it ends (websockets' handler)."""
        from websockets.exceptions import ConnectionClosed

        assert connection.request
        place = signalling.place(connection.request.path)
        assert place  # `admit` has seen to that
        opened = self._open[place.room]
        if stale := opened.connected.get(place.seat):
            stale.transport.abort()  # its peer is here again: the old connection is dead, only we had not noticed
        opened.connected[place.seat] = connection
        opened.news[place.seat] = asyncio.Event()
        telling = asyncio.create_task(self._tell(connection, opened, place))
        try:
            await self._listen(connection, opened, place)
        except ConnectionClosed:
            pass
        finally:
            telling.cancel()
            opened.touched = clock.monotonic()
            if opened.connected.get(place.seat) is connection:
                del opened.connected[place.seat]

    async def _listen(self, connection: ServerConnection, opened: _Open, place: Place) -> None:
        from websockets.frames import CloseCode

        async for text in connection:
            frame, problem = signalling.read(text), None
            if isinstance(frame, Bye):
                if opened.room.leave(place.seat):
                    self._open.pop(place.room, None)
                await connection.close()
                return
            if isinstance(frame, Said):
                problem = opened.room.hear(place.seat, frame)
            elif not isinstance(frame, AreYouThere):
                problem = "not a frame"
            if problem:
                await connection.close(CloseCode.POLICY_VIOLATION, problem)
                return
            for news in opened.news.values():
                news.set()

    async def _tell(self, connection: ServerConnection, opened: _Open, place: Place) -> None:
        """Send what is new for a seat. A dead connection blocks only here."""
        from websockets.exceptions import ConnectionClosed

        news, told = opened.news[place.seat], place.heard
        with suppress(ConnectionClosed):
            while True:
                news.clear()
                await connection.send(signalling.write(opened.room.heard(place.seat)))
                for said in opened.room.for_seat(place.seat, told):
                    await connection.send(signalling.write(said))
                    told = said.number
                await news.wait()


async def serve(address: str, port: int, token: str = "") -> Server:
    """Listen, in this process; the returned server stops it."""
    from websockets.asyncio.server import serve as websockets_serve

    rooms = Rooms(token)
    return await websockets_serve(
        rooms.serve,
        address,
        port,
        process_request=rooms.admit,
        max_size=signalling.MAX_MESSAGE,
        compression=None,  # a few kilobytes in all
        server_header=None,
        close_timeout=1,  # a peer that is gone says no goodbye
    )


async def start(host: Host, address: str, port: int, *, token: str = "") -> Running:
    """Run the server on a host as a process of its own; it listens when this returns. Raises NotReady."""
    return await running.listening(host, __name__, address, port, {TOKEN: token})


async def _main(address: str, port: int, *, token: str) -> None:
    await running.serve(await serve(address, port, token))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="landfast.servers.signalling", description="Where two peers find each other.")
    parser.add_argument("--listen", metavar="ADDRESS:PORT", type=running.endpoint, required=True)
    parser.add_argument("--token", default=os.environ.get(TOKEN, ""), help=f"default: the environment's {TOKEN}")
    options = parser.parse_args()
    asyncio.run(_main(*options.listen, token=options.token))
