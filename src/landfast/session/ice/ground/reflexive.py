"""What STUN servers are asked: where a socket's packets come from, as they see it (RFC 8445, section 5.1.1.2). Pure.

A mapping that nobody uses is not kept alive: the checks of ICE begin at once, consent keeps the selected one, and a new
gathering asks again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from landfast.model.facts import Endpoint
from landfast.session.ice.events import Socket
from landfast.session.ice.ground.servers import Server
from landfast.wire import stun
from landfast.wire.stun import Kind
from landfast.wire.turn.repetition import Repetition, waits


@dataclass(frozen=True)
class Mapped:
    """A server has answered."""

    socket: Socket
    server: Server
    endpoint: Endpoint


@dataclass(frozen=True)
class Failed:
    """It has refused, or (no code) has not answered."""

    socket: Socket
    server: Server
    code: int | None = None


@dataclass(frozen=True)
class Asking:
    """Send this to a server."""

    socket: Socket
    data: bytes
    remote: Endpoint


@dataclass
class _Question:
    socket: Socket
    server: Server
    remote: Endpoint
    repetition: Repetition


class Questions:
    """All that are under way. What comes of them is returned, in order."""

    def __init__(self, draw: Callable[[int], bytes], rto: float) -> None:
        self._draw, self._rto = draw, rto
        self._under_way: dict[bytes, _Question] = {}

    def ask(self, socket: Socket, server: Server, remote: Endpoint, now: float) -> Asking:
        """Ask a server through a socket; an older question of the two is forgotten."""
        self._forget(lambda question: (question.socket, question.server) == (socket, server))
        identity = self._draw(12)
        repetition = Repetition(stun.binding_request(identity), now, waits(self._rto, stream=False))
        self._under_way[identity] = _Question(socket, server, remote, repetition)
        repetition.timer(now)
        return Asking(socket, repetition.data, remote)

    def forget(self, socket: Socket) -> None:
        """The socket is gone."""
        self._forget(lambda question: question.socket == socket)

    def receive(self, socket: Socket, data: bytes) -> Mapped | Failed | None:
        """What an answer says; None when it answers no question."""
        if not self._under_way:
            return None
        message = stun.parse(data)
        if message is None or message.kind not in (Kind.SUCCESS, Kind.ERROR):
            return None
        question = self._under_way.get(message.transaction_id)
        if question is None or question.socket != socket:
            return None
        if message.kind is Kind.SUCCESS and message.mapped is None:
            return None
        del self._under_way[message.transaction_id]
        if message.mapped and message.kind is Kind.SUCCESS:
            return Mapped(socket, question.server, message.mapped)
        return Failed(socket, question.server, message.error_code or 0)

    def handle_timer(self, now: float) -> list[Asking | Failed]:
        """Repeat what is due, and give up what has had its time."""
        found: list[Asking | Failed] = []
        for identity, question in list(self._under_way.items()):
            send = question.repetition.timer(now)
            if send:
                found.append(Asking(question.socket, question.repetition.data, question.remote))
            elif send is None:
                del self._under_way[identity]
                found.append(Failed(question.socket, question.server))
        return found

    @property
    def deadline(self) -> float | None:
        """When `handle_timer` has something to do."""
        return min([question.repetition.due for question in self._under_way.values()]) if self._under_way else None

    def asks(self, server: Server | None = None) -> bool:
        """Whether any answer is still waited for, or one of this server."""
        return any(server in (None, question.server) for question in self._under_way.values())

    def _forget(self, which: Callable[[_Question], bool]) -> None:
        self._under_way = {identity: each for identity, each in self._under_way.items() if not which(each)}
