"""The same TURN requests to coturn and to the played relay: what each answers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from landfast.kernel.host import Host
from landfast.lab.sim.relays import CREDENTIAL
from landfast.lab.sim.world import World
from landfast.model.facts import Endpoint
from landfast.wire.turn import messages
from landfast.wire.turn.messages import UDP, Challenge, Credential, Message, Method

Say = Callable[[int, bytes], Awaitable[bytes]]
"""Sends from the n-th socket; the answer."""
Heard = tuple[str, int | None, int | None, bool, bool]
"""Class, error code, lifetime, whether there is a ticket, and whether it is signed."""

PEER, PEER6 = {"XOR-PEER-ADDRESS": ("192.0.2.21", 6000)}, {"XOR-PEER-ADDRESS": ("2001:db8::21", 6000)}
RELAY = {"REQUESTED-TRANSPORT": UDP}


class Asking:
    """Asks as one user from several sockets. `heard` are the answers."""

    def __init__(self, say: Say) -> None:
        self._say, self._sent = say, 0
        self.heard: list[tuple[str, Heard]] = []

    async def ask(
        self,
        words: str,
        line: int,
        method: Method,
        said: dict[str, Any],
        challenge: Challenge | None = None,
        *,
        credential: Credential = CREDENTIAL,
        ticket: bytes | None = None,
    ) -> Message:
        """One request."""
        self._sent += 1
        request = messages.request(
            method,
            self._sent.to_bytes(12, "big"),
            said,
            challenge=challenge,
            credential=credential if challenge else None,
            ticket=ticket,
        )
        answer = messages.parse(await self._say(line, request))
        assert answer, words
        signed = answer.signed_with(CREDENTIAL.key("landfast"))
        heard = answer.kind.name, answer.code, answer.lifetime, bool(answer.ticket), signed
        self.heard.append((words, heard))
        return answer

    async def challenged(self, line: int) -> Challenge:
        """A nonce for a socket."""
        challenge = (await self.ask("a nonce", line, Method.ALLOCATE, RELAY)).challenge
        assert challenge
        return challenge


async def without_mobility(say: Say) -> list[tuple[str, Heard]]:
    """What a server without options is asked."""
    asking = Asking(say)
    ask, nonce = asking.ask, await asking.challenged(0)
    wrong = Credential(CREDENTIAL.username, "wrong")
    await ask("a wrong password", 0, Method.ALLOCATE, RELAY, nonce, credential=wrong)
    await ask("no transport", 0, Method.ALLOCATE, {}, nonce)
    await ask("a nonce of nobody", 0, Method.ALLOCATE, RELAY, Challenge("landfast", b"0123456789abcdef"))
    await ask("refresh nothing", 0, Method.REFRESH, {}, nonce)
    await ask("permit without an allocation", 0, Method.CREATE_PERMISSION, PEER, nonce)
    await ask("a ticket", 0, Method.ALLOCATE, RELAY, nonce, ticket=b"")
    await ask("a short life", 0, Method.ALLOCATE, {**RELAY, "LIFETIME": 10}, nonce)
    await ask("a second one", 0, Method.ALLOCATE, RELAY, nonce)
    await ask("a long life", 0, Method.REFRESH, {"LIFETIME": 5000}, nonce)
    await ask("the usual life", 0, Method.REFRESH, {}, nonce)
    await ask("permit the other family", 0, Method.CREATE_PERMISSION, PEER6, nonce)
    await ask("permit nobody", 0, Method.CREATE_PERMISSION, {}, nonce)
    await ask("permit", 0, Method.CREATE_PERMISSION, PEER, nonce)
    for number in (0x4001, 0x4001, 0x4002, 0x3001):
        await ask(f"bind {number:#x}", 0, Method.CHANNEL_BIND, {**PEER, "CHANNEL-NUMBER": number}, nonce)
    await ask("another socket, the same nonce", 1, Method.ALLOCATE, RELAY, nonce)
    await ask("give it back", 0, Method.REFRESH, {"LIFETIME": 0}, nonce)
    await ask("allocate at once", 0, Method.ALLOCATE, RELAY, nonce)
    return asking.heard


async def with_mobility(say: Say) -> list[tuple[str, Heard]]:
    """What a server with mobility and a quota of one is asked.

    Not what it answers to a move: with `fingerprint` coturn 4.6.1 sends eight bytes that are no message.
    """
    asking = Asking(say)
    ask, nonce = asking.ask, await asking.challenged(0)
    await ask("a ticket", 0, Method.ALLOCATE, RELAY, nonce, ticket=b"")
    ticket = (await ask("a refresh repeats it", 0, Method.REFRESH, {}, nonce)).ticket
    await ask("move without a nonce", 1, Method.REFRESH, {}, ticket=ticket)
    other = await asking.challenged(2)
    await ask("one too many", 2, Method.ALLOCATE, RELAY, other)
    return asking.heard


def played(world: World) -> Say:
    """Says it in the model."""
    heard: list[bytes] = []
    host = world.host("robot")
    sockets = [host.udp(lambda data, _: heard.append(data), host.addresses()[0], 5000 + n) for n in range(3)]

    async def say(line: int, data: bytes) -> bytes:
        heard.clear()
        sockets[line].send(data, (world.server.addresses[0], world.server.port))
        world.run(world.now + 0.01)
        return heard[0]

    return say


async def spoken(host: Host, server: Endpoint) -> tuple[Say, Callable[[], None]]:
    """Says it in the kernel; and what closes its sockets."""
    sockets = [await host.udp(port=5000 + n) for n in range(3)]
    loop = asyncio.get_running_loop()

    async def say(line: int, data: bytes) -> bytes:
        sockets[line].sendto(data, server)
        async with asyncio.timeout(5):
            return await loop.sock_recv(sockets[line], 2048)

    def close() -> None:
        for each in sockets:
            each.close()

    return say, close
