"""A peer's connection to the signalling server. It comes back by itself when the network under it changes."""

from __future__ import annotations

import asyncio
import secrets
from contextlib import suppress
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Any

from landfast.errors import RequestError
from landfast.wire import signalling
from landfast.wire.signalling import Bye, Conversation, Place

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection
    from websockets.exceptions import ConnectionClosed, InvalidStatus

ALIVE = 1.0
"""Seconds between signs of life, and to wait for one. A peer must notice within its limit (8 s) that its TCP connection
died without a word; a round trip on a cellular network takes up to 0.6 s."""
_AGAIN = 0.1  # seconds between attempts to connect: a carrier's outage takes 2 to 5 s, and it shall not be lengthened
_NORMAL, _POLICY_VIOLATION = 1000, 1008  # RFC 6455, section 7.4.1: how the server closes after a goodbye or a defect


class SignallingClient:
    """`async with SignallingClient(server, room, seat) as client`; then `send` and `receive`, whatever happens to TCP.

    At the end what is still unsaid is said, if the server can be reached within ALIVE.

    `receive` raises RequestError when the server refuses: a wrong token, a room that is full or taken.
    """

    def __init__(self, server: str, room: str, seat: str, *, token: str = "") -> None:
        self._server = server
        self._place = Place(room, seat, secrets.token_hex(8), token=token)
        self._talk = Conversation()
        self._news = asyncio.Event()
        self._leaving = False
        self._received: asyncio.Queue[Any] = asyncio.Queue()

    async def __aenter__(self) -> SignallingClient:
        self._running = asyncio.create_task(self._run())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leaving = True
        self._news.set()
        with suppress(TimeoutError, RequestError):
            await asyncio.wait_for(self._running, ALIVE)

    def send(self, message: Any) -> None:
        """Say something; it arrives once there is a connection, once and in order."""
        self._talk.say(message)
        self._news.set()

    async def receive(self) -> Any:
        """The next message of the other peer."""
        getting = asyncio.ensure_future(self._received.get())
        try:
            await asyncio.wait({getting, self._running}, return_when=asyncio.FIRST_COMPLETED)
            if not getting.done():
                self._running.result()
            return await getting
        finally:
            getting.cancel()

    async def _run(self) -> None:
        from websockets.asyncio.client import connect
        from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

        while True:
            address = replace(self._place, heard=self._talk.heard).address(self._server)
            try:
                async with connect(
                    address,
                    open_timeout=ALIVE,
                    ping_interval=ALIVE,
                    ping_timeout=ALIVE,
                    close_timeout=_AGAIN,
                    max_size=signalling.MAX_MESSAGE,
                    compression=None,
                    proxy=None,
                ) as connection:
                    await self._talk_over(connection)
                if self._leaving and connection.close_code == _NORMAL:
                    return
            except InvalidStatus as problem:
                if refusal := _refusal(problem):
                    raise RequestError(f"{self._server}: {refusal}") from None
            except ConnectionClosed as problem:
                if refusal := _broken_rule(problem):
                    raise RequestError(f"{self._server}: {refusal}") from None
            except (OSError, TimeoutError, InvalidHandshake):
                pass
            await asyncio.sleep(_AGAIN)

    async def _talk_over(self, connection: ClientConnection) -> None:
        telling = asyncio.create_task(self._tell(connection))
        try:
            async for text in connection:
                if frame := signalling.read(text):
                    for message in self._talk.receive(frame):
                        self._received.put_nowait(message)
        finally:
            telling.cancel()

    async def _tell(self, connection: ClientConnection) -> None:
        from websockets.exceptions import ConnectionClosed

        told = 0
        with suppress(ConnectionClosed):  # what was not heard is repeated on the next
            while True:
                self._news.clear()
                for said in self._talk.unheard():
                    if said.number > told:
                        await connection.send(signalling.write(said))
                        told = said.number
                if self._leaving:
                    await connection.send(signalling.write(Bye()))
                    return
                await self._news.wait()


def _refusal(problem: InvalidStatus) -> str | None:
    """What the server said to our request, unless it is one that may pass."""
    response = problem.response
    if response.status_code >= 500:
        return None
    return f"{response.status_code} {(response.body or b'').decode(errors='replace').strip() or response.reason_phrase}"


def _broken_rule(problem: ConnectionClosed) -> str | None:
    return problem.rcvd.reason if problem.rcvd and problem.rcvd.code == _POLICY_VIOLATION else None
