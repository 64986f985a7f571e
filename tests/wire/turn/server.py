"""A TURN server that answers as it is told, without a socket: what the tests of the client talk to."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from aioice import stun as codec

from landfast.model.facts import Endpoint
from landfast.wire import stun
from landfast.wire.stun import Kind
from landfast.wire.turn import Client, Credential, Event, Transmit
from landfast.wire.turn.messages import MOBILITY_TICKET, Message, Method, parse

ROBOT = Credential("robot", "secret")
RELAYED, MAPPED, PEER = ("203.0.113.5", 50000), ("192.0.2.7", 4021), ("198.51.100.9", 9000)
REALM = "example.org"
KEY = ROBOT.key(REALM)


def numbers() -> Callable[[int], bytes]:
    """Transaction ids that count."""
    counted = itertools.count(1)
    return lambda length: next(counted).to_bytes(length, "big")


def client(**options: Any) -> Client:
    return Client(ROBOT, draw=numbers(), **options)


def out(client: Client) -> tuple[list[bytes], list[Event]]:
    """What it wants sent, and what it tells."""
    sent, told = list[bytes](), list[Event]()
    while item := client.poll():
        if isinstance(item, Transmit):
            sent.append(item.data)
        else:
            told.append(item)
    return sent, told


def answer(
    request: Message,
    code: int | None = None,
    *,
    key: bytes | None = KEY,
    extra: tuple[tuple[int, bytes], ...] = (),
    **attributes: Any,
) -> bytes:
    """A response; an error when there is a code. Attributes by the codec's names, `_` for `-`."""
    said = {name.replace("_", "-"): value for name, value in attributes.items()}
    if code is not None:
        said["ERROR-CODE"] = (code, "because")
    kind = codec.Class.RESPONSE if code is None else codec.Class.ERROR
    data = bytes(codec.Message(request.method, kind, request.transaction_id, said))
    for type_, value in extra:
        data = stun.extended(data, type_, value)
    return data if key is None else stun.extended(data, 0x0008, codec.message_integrity(data, key))


def arrived(peer: Endpoint, data: bytes) -> bytes:
    """A Data indication."""
    attributes = {"XOR-PEER-ADDRESS": peer, "DATA": data}
    return bytes(codec.Message(Method.DATA, codec.Class.INDICATION, bytes(12), attributes))


@dataclass
class Server:
    """Answers requests; `refuses` maps a method to the code that it gets, `silent` ones get nothing."""

    nonce: bytes = b"nonce"
    lifetime: int = 600
    ticket: bytes | None = None
    refuses: dict[codec.Method, int] = field(default_factory=dict)
    silent: set[codec.Method] = field(default_factory=set)
    asked: list[Message] = field(default_factory=list)

    def answers(self, data: bytes) -> Iterator[bytes]:
        request = parse(data)
        if request is None or request.kind is not Kind.REQUEST:
            return
        self.asked.append(request)
        if request.method in self.silent:
            return
        if request.challenge is None or request.challenge.nonce != self.nonce:
            code = 401 if request.challenge is None else 438
            yield answer(request, code, key=None, REALM=REALM, NONCE=self.nonce)
        elif not request.signed_with(KEY):
            yield answer(request, 401, key=None, REALM=REALM, NONCE=self.nonce)
        elif request.method in self.refuses:
            yield answer(request, self.refuses[request.method])
        else:
            yield self._granted(request)

    def _granted(self, request: Message) -> bytes:
        extra = () if self.ticket is None or request.ticket is None else ((MOBILITY_TICKET, self.ticket),)
        if request.method == Method.ALLOCATE:
            addresses: dict[str, Any] = {"XOR_RELAYED_ADDRESS": RELAYED, "XOR_MAPPED_ADDRESS": MAPPED}
            return answer(request, LIFETIME=self.lifetime, extra=extra, **addresses)
        if request.method == Method.REFRESH:
            return answer(request, LIFETIME=0 if request.lifetime == 0 else self.lifetime, extra=extra)
        return answer(request)


def talk(client: Client, server: Server, now: float) -> list[Event]:
    """Let them talk until they have nothing more to say at this time; what the client told."""
    told: list[Event] = []
    while True:
        sent, events = out(client)
        told += events
        if not sent:
            return told
        for data in sent:
            for said in server.answers(data):
                client.receive(said, now)


def standing(server: Server | None = None, **options: Any) -> tuple[Client, Server]:
    """A client whose allocation stands since 0, and its server."""
    server = server or Server()
    made = client(**options)
    made.allocate(0.0)
    talk(made, server, 0.01)
    assert made.relayed == RELAYED
    return made, server
