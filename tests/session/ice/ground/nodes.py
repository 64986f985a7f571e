"""STUN and TURN servers that speak with real bytes, and know their clients by their public address as real ones do."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from landfast.model.facts import Endpoint
from landfast.wire import stun
from landfast.wire.stun import Kind
from landfast.wire.turn.framing import read_channel_data
from landfast.wire.turn.messages import ALTERNATE_SERVER, MOBILITY_TICKET, Message, Method, parse
from tests.wire.turn.server import KEY, REALM, answer

CHANNEL_NUMBER = 0x000C  # RFC 8656, section 18.1


@dataclass
class Reflector:
    """A STUN server."""

    silent: bool = False
    code: int | None = None
    asked: list[float] = field(default_factory=list)

    def receive(self, source: Endpoint, data: bytes, now: float) -> list[bytes]:
        request = stun.parse(data)
        assert request is not None
        assert request.is_request
        self.asked.append(now)
        if self.silent:
            return []
        if self.code:
            read = parse(data)
            assert read is not None
            return [answer(read, self.code, key=None)]
        return [stun.binding_response(request, source)]


@dataclass
class Allocation:
    """One that stands. `peers`: the addresses that may pass."""

    relayed: Endpoint
    peers: set[str] = field(default_factory=set)
    channels: dict[int, Endpoint] = field(default_factory=dict)


@dataclass
class Relays:
    """A TURN server."""

    silent: bool = False
    mobile: bool = False
    forbids: bool = False
    """To ask for tickets, as coturn does without its option."""
    misplaced: int = 437
    """What a peer gets where there is no allocation; of coturn 400."""
    quota: int = 100
    alternate: Endpoint | None = None
    refuses: dict[Any, int] = field(default_factory=dict)
    allocations: dict[Endpoint, Allocation] = field(default_factory=dict)
    """By the public address of their client."""
    asked: list[tuple[float, Any]] = field(default_factory=list)
    heard: list[float] = field(default_factory=list)
    relayed: list[tuple[Endpoint, bytes]] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(50000))
    _tickets: dict[bytes, Endpoint] = field(default_factory=dict)

    def receive(self, source: Endpoint, data: bytes, now: float) -> list[bytes]:
        self.heard.append(now)
        if self.silent:
            return []
        here = self.allocations.get(source)
        if channel := read_channel_data(data):
            if here and channel[0] in here.channels:
                self.relayed.append((here.channels[channel[0]], channel[1]))
            return []
        message = parse(data)
        assert message is not None
        if message.kind is Kind.INDICATION:
            if here and message.peer and message.data is not None and message.peer[0] in here.peers:
                self.relayed.append((message.peer, message.data))
            return []
        if (plain := stun.parse(data)) and plain.is_binding:
            return [stun.binding_response(plain, source)]
        self.asked.append((now, message.method))
        nonce = f"{source[0]}:{source[1]}".encode()  # coturn's are bound to the 5-tuple
        if message.challenge is None or message.challenge.nonce != nonce:
            return [answer(message, 401 if message.challenge is None else 438, key=None, REALM=REALM, NONCE=nonce)]
        assert message.signed_with(KEY)
        return [self._answer(message, source, data)]

    def _answer(self, message: Message, source: Endpoint, data: bytes) -> bytes:
        if message.method == Method.REFRESH and message.ticket and self._tickets.get(message.ticket) == source:
            return answer(message, 400)  # coturn: "cannot be used for a stable, already established allocation"
        followed = message.method != Method.REFRESH or not message.ticket or self._follow(message.ticket, source)
        here = self.allocations.get(source)
        if not followed or (message.method == Method.ALLOCATE) is (here is not None):
            unknown = self.misplaced if message.peer else 437
            return answer(message, unknown, key=None if message.method == Method.ALLOCATE else KEY)  # as coturn does
        code = self.refuses.get(message.method)
        if here is None or code:
            return answer(message, code) if code else self._allocate(message, source)
        if message.method == Method.REFRESH:
            if message.lifetime == 0:
                del self.allocations[source]
                return answer(message, LIFETIME=0)
            return answer(message, LIFETIME=600, extra=self._ticket(message, source))
        assert message.peer
        here.peers.add(message.peer[0])
        if number := stun.attribute(data, CHANNEL_NUMBER):
            here.channels[int.from_bytes(number[:2], "big")] = message.peer
        return answer(message)

    def _allocate(self, message: Message, source: Endpoint) -> bytes:
        if self.alternate:
            address = bytes(map(int, self.alternate[0].split(".")))
            value = struct.pack("!BBH", 0, 1, self.alternate[1]) + address
            return answer(message, 300, extra=((ALTERNATE_SERVER, value),))
        if self.forbids and message.ticket is not None:
            return answer(message, 405)
        if len(self.allocations) >= self.quota:
            return answer(message, 486)
        made = self.allocations[source] = Allocation(("198.51.100.5", next(self._numbers)))
        addresses: dict[str, Any] = {"XOR_RELAYED_ADDRESS": made.relayed, "XOR_MAPPED_ADDRESS": source}
        return answer(message, LIFETIME=600, extra=self._ticket(message, source), **addresses)

    def _follow(self, ticket: bytes, source: Endpoint) -> bool:
        old = self._tickets.pop(ticket, None)
        if old not in self.allocations:
            return False
        self.allocations[source] = self.allocations.pop(old)
        return True

    def _ticket(self, message: Message, source: Endpoint) -> tuple[tuple[int, bytes], ...]:
        if not self.mobile or message.ticket is None:
            return ()
        fresh = b"ticket %d" % next(self._numbers)
        self._tickets[fresh] = source
        return ((MOBILITY_TICKET, fresh),)

    def expire(self) -> None:
        """Forget every allocation, as a server does that was started anew."""
        self.allocations.clear()
