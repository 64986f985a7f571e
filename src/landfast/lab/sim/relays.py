"""TURN (RFC 8656) as coturn 4.6 serves it, with mobility (RFC 8016) and quotas, in bytes as they are on the wire. Pure.

Who is served is known by a *line*: a UDP 5-tuple, or a stream. The host's sockets are the relayed addresses.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

from landfast.lab.sim import answers
from landfast.lab.sim.answers import Attribute
from landfast.lab.sim.hosts import Host, Socket
from landfast.model.facts import Endpoint
from landfast.wire import stun
from landfast.wire.stun import Kind
from landfast.wire.turn import framing
from landfast.wire.turn.messages import (
    REQUESTED_ADDRESS_FAMILY,
    UDP,
    Code,
    Credential,
    Message,
    Method,
    parse,
)

REALM = "landfast"
CREDENTIAL = Credential("landfast", "laboratory")
# Seconds (RFC 8656, sections 7.2, 9 and 12); coturn grants no lifetime below the usual one.
_LIFETIME, _MAX_LIFETIME, _PERMISSION, _CHANNEL = 600, 3600, 300, 600
_RELEASED = 1  # coturn: what was given back stands for another second
_TICKET_UNKNOWN = 404  # coturn's word


@dataclass(eq=False)
class Line:
    """A way to a client: what its bytes come by, and how it is answered."""

    key: Hashable
    source: Endpoint
    say: Callable[[bytes], None]
    nonce: bytes
    allocation: Allocation | None = None
    left: bool = False
    """Its allocation has moved away."""


@dataclass(eq=False)
class Allocation:
    """A relayed address and whose it is."""

    line: Line
    socket: Socket
    expires: float
    ticket: bytes | None
    transaction: bytes
    permissions: dict[str, float] = field(default_factory=dict)
    channels: dict[int, tuple[Endpoint, float]] = field(default_factory=dict)
    numbers: dict[Endpoint, int] = field(default_factory=dict)


class Refusal(Exception):
    """A request is answered with an error."""

    def __init__(self, code: int, *, signed: bool = True) -> None:
        super().__init__(code)
        self.code, self.signed = code, signed


class Relays:
    """The relay of a server. `mobility` and `quota` may be changed at any time."""

    def __init__(self, host: Host, addresses: tuple[str, ...], addresses6: tuple[str, ...]) -> None:
        self.mobility = False
        """Whether tickets are given (coturn's `mobility`)."""
        self.quota: int | None = None
        """How many allocations the user may have (coturn's `user-quota`)."""
        self.allocations: set[Allocation] = set()
        self._host, self._world, self._addresses = host, host.world, {4: addresses, 6: addresses6}
        self._given: defaultdict[int, int] = defaultdict(int)
        self._lines: dict[Hashable, Line] = {}
        self._key = CREDENTIAL.key(REALM)
        self._does = {
            Method.ALLOCATE: self._allocate,
            Method.REFRESH: self._refresh,
            Method.CREATE_PERMISSION: self._permit,
            Method.CHANNEL_BIND: self._bind,
        }

    def receive(self, data: bytes, key: Hashable, source: Endpoint, say: Callable[[bytes], None]) -> None:
        """Take what a client sent that is no Binding request."""
        line = self._lines.get(key)
        if data and 0x40 <= data[0] < 0x50:
            if line and line.allocation and (read := framing.read_channel_data(data)):
                self._from_channel(line.allocation, *read)
            return
        message = parse(data)
        if message is None or not (message.method in self._does or message.method == Method.SEND):
            return
        line = line or Line(key, source, say, self._random(8).hex().encode())
        if message.kind is Kind.INDICATION:
            self._indicated(line, message)
        elif message.kind is Kind.REQUEST:
            self._lines[key] = line
            self._asked(line, message, data)

    def gone(self, key: Hashable) -> None:
        """A stream has closed. A mobile allocation waits for its owner, any other is given back."""
        line = self._lines.pop(key, None)
        if line and line.allocation and line.allocation.ticket is None:
            self._release(line.allocation)

    # Requests.

    def _asked(self, line: Line, message: Message, data: bytes) -> None:
        kind, signed = Kind.SUCCESS, True
        try:
            self._authenticate(self._whose(line, message), message)
            said = self._does[message.method](line, message, data)
        except Refusal as refusal:
            kind, signed, said = Kind.ERROR, refusal.signed, [answers.error(refusal.code)]
            if refusal.code in (Code.UNAUTHENTICATED, Code.STALE_NONCE):
                said += [(answers.REALM, REALM.encode()), (answers.NONCE, line.nonce)]
        answer = answers.message(kind, message.method, message.transaction_id, said)
        line.say(answers.fingerprinted(answers.signed(answer, self._key) if signed else answer))

    def _whose(self, line: Line, message: Message) -> bytes:
        """The nonce that the request must carry: a ticket's owner is known by that of the line it comes from."""
        if line.left:
            del self._lines[line.key]
            raise Refusal(Code.ALLOCATION_MISMATCH, signed=False)
        if message.method == Method.REFRESH and message.ticket and not line.allocation and self.mobility:
            moved = self._ticketed(message)
            if moved is None:
                raise Refusal(_TICKET_UNKNOWN, signed=False)
            line.nonce = moved.line.nonce
        return line.nonce

    def _authenticate(self, nonce: bytes, message: Message) -> None:
        if message.challenge is None:
            raise Refusal(Code.UNAUTHENTICATED, signed=False)
        if message.challenge.nonce != nonce:
            raise Refusal(Code.STALE_NONCE, signed=False)
        if not message.signed_with(self._key):
            raise Refusal(Code.UNAUTHENTICATED, signed=False)

    def _allocate(self, line: Line, message: Message, data: bytes) -> list[Attribute]:
        had = line.allocation
        if had is None:
            had = self._new(line, message, data)
        elif had.transaction != message.transaction_id:
            raise Refusal(Code.ALLOCATION_MISMATCH, signed=False)
        said = [
            (answers.RELAYED, answers.address(had.socket.local, message.transaction_id)),
            (answers.MAPPED, answers.address(line.source, message.transaction_id)),
            answers.lifetime(max(0, round(had.expires - self._world.now))),
        ]
        return [*said, (answers.TICKET, had.ticket)] if had.ticket else said

    def _new(self, line: Line, message: Message, data: bytes) -> Allocation:
        if int.from_bytes(stun.attribute(data, 0x0019) or b"", "big") != UDP:
            raise Refusal(Code.BAD_REQUEST)  # coturn's word for 442
        if message.ticket is not None and not self.mobility:
            raise Refusal(Code.MOBILITY_FORBIDDEN)
        if self.quota is not None and len(self.allocations) >= self.quota:
            raise Refusal(Code.QUOTA_REACHED)
        family = 6 if stun.attribute(data, REQUESTED_ADDRESS_FAMILY) == b"\x02\0\0\0" else 4
        addresses = self._addresses[family]
        self._given[family] += 1  # coturn goes round its addresses
        relay: list[Allocation] = []

        def receive(data: bytes, peer: Endpoint) -> None:
            self._from_peer(relay[0], data, peer)

        socket = self._host.udp(receive, addresses[(self._given[family] - 1) % len(addresses)])
        expires = self._world.now + self._granted(message)
        ticket = self._random(16) if message.ticket is not None else None
        made = Allocation(line, socket, expires, ticket, message.transaction_id)
        relay.append(made)
        line.allocation = made
        self.allocations.add(made)
        self._world.push(expires, self._expired, made, None)
        return made

    def _refresh(self, line: Line, message: Message, data: bytes) -> list[Attribute]:
        had, said = line.allocation, list[Attribute]()
        if had is None and message.ticket:
            had = self._ticketed(message)
            if had is None:
                raise Refusal(Code.MOBILITY_FORBIDDEN)
            had.line.allocation, had.line.left = None, True
            had.line, line.allocation = line, had
            had.ticket = self._random(16)
            said.append((answers.TICKET, had.ticket))
        if had is None:
            raise Refusal(Code.ALLOCATION_MISMATCH)
        seconds = 0 if message.lifetime == 0 else self._granted(message)
        had.expires = self._world.now + (seconds or _RELEASED)
        if not seconds:
            self._world.push(had.expires, self._expired, had, None)
        elif had.ticket and not said:
            said.append((answers.TICKET, had.ticket))
        return [answers.lifetime(seconds), *said]

    def _permit(self, line: Line, message: Message, data: bytes) -> list[Attribute]:
        had, peer = self._peered(line, message)
        had.permissions[peer[0]] = self._world.now + _PERMISSION
        return []

    def _bind(self, line: Line, message: Message, data: bytes) -> list[Attribute]:
        had, peer = self._peered(line, message)
        number = int.from_bytes((stun.attribute(data, 0x000C) or b"")[:2], "big")
        bound = had.channels.get(number)
        elsewhere = bound is not None and bound[1] > self._world.now and bound[0] != peer
        if number not in framing.CHANNELS or elsewhere or had.numbers.get(peer, number) != number:
            raise Refusal(Code.BAD_REQUEST)
        had.channels[number], had.numbers[peer] = (peer, self._world.now + _CHANNEL), number
        had.permissions[peer[0]] = self._world.now + _PERMISSION
        return []

    def _peered(self, line: Line, message: Message) -> tuple[Allocation, Endpoint]:
        had, peer = line.allocation, message.peer
        if had is None or peer is None:
            raise Refusal(Code.BAD_REQUEST)  # without an allocation coturn does not say 437 here
        if (":" in peer[0]) != (":" in had.socket.address):
            raise Refusal(Code.PEER_ADDRESS_FAMILY_MISMATCH)
        return had, peer

    def _ticketed(self, message: Message) -> Allocation | None:
        return next((a for a in self.allocations if message.ticket and a.ticket == message.ticket), None)

    def _granted(self, message: Message) -> int:
        return min(_MAX_LIFETIME, max(_LIFETIME, message.lifetime or 0))

    # Data.

    def _indicated(self, line: Line, message: Message) -> None:
        had = line.allocation
        if had and message.method == Method.SEND and message.peer and message.data is not None:
            self._to_peer(had, message.peer, message.data)

    def _from_channel(self, allocation: Allocation, number: int, data: bytes) -> None:
        peer, until = allocation.channels.get(number, (None, 0.0))
        if peer and until > self._world.now:
            self._to_peer(allocation, peer, data)

    def _to_peer(self, allocation: Allocation, peer: Endpoint, data: bytes) -> None:
        if allocation.permissions.get(peer[0], 0.0) > self._world.now:
            allocation.socket.send(data, peer)

    def _from_peer(self, allocation: Allocation, data: bytes, peer: Endpoint) -> None:
        now = self._world.now
        if allocation.permissions.get(peer[0], 0.0) <= now:
            return
        number = allocation.numbers.get(peer)
        if number is not None and allocation.channels[number][1] > now:
            allocation.line.say(framing.channel_data(number, data))
            return
        transaction = self._random(12)
        said = [(answers.PEER, answers.address(peer, transaction)), (answers.DATA, data)]
        allocation.line.say(answers.message(Kind.INDICATION, Method.DATA, transaction, said))

    # Ends.

    def _expired(self, allocation: Allocation, _: None) -> None:
        if allocation not in self.allocations:
            return
        if allocation.expires <= self._world.now:
            self._release(allocation)
        else:
            self._world.push(allocation.expires, self._expired, allocation, None)

    def _release(self, allocation: Allocation) -> None:
        self.allocations.discard(allocation)
        allocation.line.allocation = None
        allocation.socket.close()

    def _random(self, length: int) -> bytes:
        return int(self._world.draw() * 2**52).to_bytes(8, "big").ljust(length, b"\0")[:length]
