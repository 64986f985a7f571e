"""The TURN client: one allocation on one server, over UDP, or over the stream of a TCP or TLS connection. Pure.

Whoever has the socket gives it what arrives (`receive`) and the time (`handle_timer`, when `deadline` is reached), and
after each call takes everything from `poll`: a `Transmit` to send, or an event. Nothing that arrives raises. Verbs take
`now`, seconds on any clock that only goes forward.

Not followed by itself: 300 (the event names the other server) and a lost connection; a new one needs `move` or a new
client. Never sent: EVEN-PORT, DONT-FRAGMENT, a second family on one allocation (RFC 8656, section 18).
"""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from landfast.model.facts import Endpoint
from landfast.model.times import earliest
from landfast.wire.stun import Kind
from landfast.wire.turn import framing, messages, repetition
from landfast.wire.turn.events import (
    Allocated,
    Arrived,
    Ask,
    Ended,
    Event,
    Moved,
    Refreshed,
    Refused,
    Transmit,
    Unanswered,
)
from landfast.wire.turn.machine import TABLE, State, Step
from landfast.wire.turn.messages import Challenge, Code, Credential, Message, Method
from landfast.wire.turn.wishes import AHEAD, MOVED, Wishes, canonical

_SOONEST = 0.75  # of a lifetime: when one of less than 240 s is refreshed, of which AHEAD would be too much
_LATER = 10.0  # seconds until something is asked again that a server could not do now
_RUMOURS = 3  # unsigned refusals of a move: a server that does not know the ticket cannot sign (coturn 4.6)
_LONGEST = 2.0  # seconds at least that `longest` is for a peer: there may be many, and the server is asked already
_CHALLENGES = 3  # how often one request is asked again with another nonce: 401, then two that were stale at once

_METHODS = {
    Ask.ALLOCATE: Method.ALLOCATE,
    Ask.REFRESH: Method.REFRESH,
    Ask.MOVE: Method.REFRESH,
    Ask.RELEASE: Method.REFRESH,
    Ask.PERMIT: Method.CREATE_PERMISSION,
    Ask.BIND: Method.CHANNEL_BIND,
    Ask.ECHO: Method.BINDING,
}
_MAX_DATA = 65000  # bytes: with XOR-PEER-ADDRESS of IPv6 and the headers, what a datagram of 65,507 can carry
# A server may follow a move before it says so, and data is lost at most.
_RELAYING = (State.STANDING, State.MOVING)
_CHALLENGING = (Code.UNAUTHENTICATED, Code.STALE_NONCE)
# What a server may say without a signature (RFC 8489, sections 9.2.5 and 10).
_UNSIGNED = (*_CHALLENGING, Code.TRY_ALTERNATE)


@dataclass
class _Request:
    """One that is on its way."""

    ask: Ask
    peer: Endpoint | None
    repetition: repetition.Repetition
    challenge: Challenge | None
    challenges: int
    ticket: bytes | None
    rumour: Message | None = None
    """An error without a signature: perhaps the server's, perhaps not."""
    rumours: int = 0


class Client:
    """One allocation. `stream`, `state`, `relayed`, `mapped`, `expires` and `round_trip` may be read at any time, and
    `answered`: when the latest of those requests was sent that the server has answered.

    `longest` may be set at any time: the most seconds between two sendings of each request that follows. RFC 8489
    doubles them to 16 s, which is too long while somebody waits for a server to be back.

    `stream`: over TCP or TLS. `family` of the relayed address, `lifetime` in seconds: the server's choice when None.
    `mobile` asks for a ticket to `move` with. `rto`: seconds until a request is repeated before a round trip is known.
    `draw(n)` gives n random bytes.
    """

    def __init__(
        self,
        credential: Credential,
        *,
        stream: bool = False,
        family: Literal[4, 6] | None = None,
        lifetime: int | None = None,
        mobile: bool = False,
        rto: float = repetition.RTO,
        draw: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self.state = State.IDLE
        self.relayed: Endpoint | None = None
        self.mapped: Endpoint | None = None
        self.expires: float | None = None
        self.round_trip = repetition.RoundTrip(rto)
        self.answered = float("-inf")
        self.stream, self._credential, self._family, self._lifetime = stream, credential, family, lifetime
        self.longest = float("inf")
        self._mobile, self._draw = mobile, draw
        self._ticket: bytes | None = None
        self._challenge: Challenge | None = None
        self._out: deque[Transmit | Event] = deque()
        self._requests: dict[bytes, _Request] = {}
        self._refresh_due = float("inf")
        self._wishes = Wishes()
        self._cutter = framing.Cutter(self._wishes.given)

    # Verbs.

    def allocate(self, now: float) -> None:
        """Ask for the allocation, once."""
        if self._step(Step.ALLOCATE):
            self._request(Ask.ALLOCATE, now)

    def permit(self, peer: Endpoint, now: float) -> None:
        """Let data of a peer's address pass, from when the allocation stands until `forget`.

        Raises ValueError for what is no address.
        """
        self._wish(peer, now, channel=False)

    def bind(self, peer: Endpoint, now: float) -> None:
        """Give a peer a channel, and permit it. Raises ValueError for what is no address.

        Without a free number among the 4096 it is only permitted, and data goes by indications.
        """
        self._wish(peer, now, channel=True)

    def forget(self, peer: Endpoint) -> None:
        """Refresh neither channel nor permission of this peer any more, nor take its data."""
        self._wishes.forget(canonical(peer))
        for key, request in list(self._requests.items()):
            if request.peer and not self._wishes.of(request.ask, request.peer):
                del self._requests[key]

    def send(self, data: bytes, peer: Endpoint, now: float) -> bool:
        """Send data to a peer: by its channel when that stands, else by an indication. False without an allocation.

        A server drops what goes to an address without a permission. Raises ValueError for what is no address, and for
        more than 65,000 bytes.
        """
        peer = canonical(peer)
        if len(data) > _MAX_DATA:
            raise ValueError(f"{len(data)} bytes are more than one message carries")
        if self.state not in _RELAYING:
            return False
        if channel := self._wishes.channel(peer, now):
            self._transmit(framing.channel_data(channel, data))
        else:
            self._transmit(messages.send_indication(self._draw(12), peer, data))
        return True

    @property
    def nonce(self) -> bytes | None:
        """The server's last. Where it gives one to each 5-tuple, as coturn does, another one means another 5-tuple."""
        return self._challenge.nonce if self._challenge else None

    def send_ahead(self, data: bytes, peer: Endpoint) -> bool:
        """Send a check to a peer behind an Allocate with credentials, with what lets it through, instead of waiting for
        the answer. A server may drop these, and so the peer is asked for again when the allocation stands. It gets no
        channel yet: what goes by one belongs to what stood before.

        False without such an Allocate. Raises ValueError for what is no address.
        """
        peer = canonical(peer)
        if self.state is not State.ALLOCATING or self._challenge is None:
            return False
        if not self._wishes.may_send(peer[0]):
            self._wishes.permit(peer)
            asks = Method.CREATE_PERMISSION, self._draw(12), {"XOR-PEER-ADDRESS": peer}
            self._transmit(messages.request(*asks, challenge=self._challenge, credential=self._credential))
        self._transmit(messages.send_indication(self._draw(12), peer, data))
        return True

    def echo(self, now: float) -> None:
        """Ask whether the server still hears us, while the allocation stands: `answered` tells."""
        if self.state is State.STANDING:
            self._request(Ask.ECHO, now)

    def move(self, now: float) -> bool:
        """The next bytes come and go by a new socket or connection: ask the server to follow (RFC 8016).

        False when it cannot: it gave no ticket, or there is no allocation.
        """
        if self._ticket is None or not self._step(Step.MOVE):
            return False
        self._cutter = framing.Cutter(self._wishes.given)
        self._drop_requests()
        self._request(Ask.MOVE, now)
        return True

    def close(self, now: float) -> None:
        """Give the allocation back. `Ended` tells when the server has heard it, or will not answer."""
        moving = self.state is State.MOVING
        if self._step(Step.CLOSE) is State.CLOSING:
            self._drop_requests()
            self._wishes.clear()
            self._request(Ask.RELEASE, now, ticket=self._ticket if moving else None)

    def lost(self) -> None:
        """The connection is gone, and there will be no new one. (Over UDP a socket's error is no reason.)"""
        self._step(Step.LOST)

    # Time and bytes.

    @property
    def deadline(self) -> float | None:
        """When `handle_timer` has something to do; None while there is nothing to wait for."""
        whens = [self.expires, *(request.repetition.due for request in self._requests.values())]
        if self.state is State.STANDING:
            whens += [self._refresh_due, self._wishes.due]
        return earliest(whens)

    def handle_timer(self, now: float) -> None:
        """Do what is due; afterwards `deadline` lies behind `now`."""
        if self.expires is not None and now >= self.expires:
            self._step(Step.EXPIRED)
        for key, request in list(self._requests.items()):
            if key not in self._requests:  # given up meanwhile, with the allocation
                continue
            send = request.repetition.timer(now)
            if send:
                self._transmit(request.repetition.data)
            elif send is None:
                del self._requests[key]
                self._silent(request, now)
        self._ask_what_is_due(now)

    def receive(self, data: bytes, now: float) -> None:
        """Take a datagram from the server, or any piece of its stream."""
        if not self.stream:
            self._take(data, now)
            return
        cutter = self._cutter
        for message in cutter.feed(data):
            self._take(message, now)
        if cutter.broken:
            self._step(Step.LOST)

    def poll(self) -> Transmit | Event | None:
        """The next thing to send or to know; None when there is none."""
        return self._out.popleft() if self._out else None

    # What arrives.

    def _take(self, data: bytes, now: float) -> None:
        if channel := framing.read_channel_data(data):
            number, payload = channel
            if self.state in _RELAYING and (bound := self._wishes.peer(number)):
                self._out.append(Arrived(bound, payload))
            return
        message = messages.parse(data, self._challenge)
        if message is None:
            return
        if message.kind is Kind.INDICATION:
            self._indicated(message)
            return
        request = self._requests.get(message.transaction_id)
        if request and message.method == _METHODS[request.ask] and message.kind in (Kind.SUCCESS, Kind.ERROR):
            self._answer(request, message, now)

    def _indicated(self, message: Message) -> None:
        if message.method != Method.DATA or message.peer is None or message.data is None:
            return
        if self.state in _RELAYING and self._wishes.may_send(message.peer[0]):
            self._out.append(Arrived(message.peer, message.data))

    def _answer(self, request: _Request, message: Message, now: float) -> None:
        refused = message.kind is Kind.ERROR
        if refused and message.code is None:
            return
        signed = not request.challenge or message.signed_with(self._credential.key(request.challenge.realm))
        if not signed and not (refused and message.code in _UNSIGNED):
            if refused:
                self._doubted(request, message, now)
            return
        if not refused and not _complete(request.ask, message):
            return
        del self._requests[message.transaction_id]
        self.answered = max(self.answered, request.repetition.began)
        if request.ask is Ask.ECHO:  # asked in doubt: how long that took is no round trip
            return
        took = now - request.repetition.began
        if request.repetition.sent == 1:
            self.round_trip.measured(took)
        else:
            self.round_trip.doubted(took)
        if not refused:
            self._granted(request, message, now)
        elif not self._asked_again(request, message, now):
            self._refused(request, message, now, signed=signed)

    def _granted(self, request: _Request, message: Message, now: float) -> None:
        since = request.repetition.began  # the server's clock for it did not start before
        if message.ticket is not None and request.ask is not Ask.RELEASE:
            self._ticket = message.ticket or None
        if request.ask is Ask.RELEASE:
            self._step(Step.RELEASED)
        elif request.ask in (Ask.PERMIT, Ask.BIND):
            wish = self._wishes.of(request.ask, request.peer)
            if wish and (event := self._wishes.granted(wish, since)):
                self._out.append(event)
        else:
            assert message.lifetime is not None  # it is complete
            self._lives(since, message.lifetime)
            if request.ask is Ask.REFRESH:
                self._out.append(Refreshed(message.lifetime))
            elif request.ask is Ask.MOVE:
                self._step(Step.MOVED)
                self._out.append(Moved(message.lifetime))
            else:
                assert message.relayed is not None
                self.relayed, self.mapped = message.relayed, message.mapped
                self._step(Step.GRANTED)
                self._out.append(Allocated(self.relayed, self.mapped, message.lifetime, self._ticket is not None))
        self._ask_what_is_due(now)

    def _lives(self, since: float, lifetime: int) -> None:
        self.expires = since + lifetime
        self._refresh_due = since + max(lifetime - AHEAD, lifetime * _SOONEST)

    def _asked_again(self, request: _Request, message: Message, now: float) -> bool:
        """Whether the server only wants to be asked otherwise."""
        if message.code == Code.MOBILITY_FORBIDDEN and request.ask is Ask.ALLOCATE and self._mobile:
            self._mobile = False
            self._request(request.ask, now, challenges=request.challenges)
            return True
        if message.code not in _CHALLENGING or message.challenge is None or request.challenges == _CHALLENGES:
            return False
        # A nonce that we have just used, and no complaint that it is stale: then it is the credentials.
        if message.code == Code.UNAUTHENTICATED and message.challenge == request.challenge:
            return False
        self._challenge = message.challenge
        self._request(request.ask, now, request.peer, challenges=request.challenges + 1, ticket=request.ticket)
        return True

    def _refused(self, request: _Request, message: Message, now: float, *, signed: bool) -> None:
        assert message.code is not None
        misplaced = request.peer is not None and message.code == Code.BAD_REQUEST
        elsewhere = misplaced and request.challenges > 0  # its nonces are bound to the 5-tuple
        said = Refused(request.ask, message.code, message.reason, request.peer, message.alternate, signed, elsewhere)
        self._out.append(said)
        if message.code == Code.ALLOCATION_MISMATCH and request.ask is not Ask.ALLOCATE:
            self._step(Step.RELEASED if request.ask is Ask.RELEASE else Step.GONE)
            return
        due, again = MOVED if misplaced else now + _LATER, misplaced or message.code >= Code.SERVER_ERROR
        self._put_off(request, due, again=again, step=Step.REFUSED)

    def _doubted(self, request: _Request, message: Message, now: float) -> None:
        """Anybody who sees the request could have said so. But only a new allocation helps who cannot move; and that
        there is one already is what coturn 4.6 says without a signature, too."""
        request.rumour, request.rumours = message, request.rumours + 1
        exists = request.ask is Ask.ALLOCATE and message.code == Code.ALLOCATION_MISMATCH
        if exists or (request.ask is Ask.MOVE and request.rumours == _RUMOURS):
            del self._requests[message.transaction_id]
            self._refused(request, message, now, signed=False)

    def _silent(self, request: _Request, now: float) -> None:
        if request.rumour:
            self._refused(request, request.rumour, now, signed=False)
            return
        self._out.append(Unanswered(request.ask, request.peer))
        self._put_off(request, now, again=True, step=Step.UNANSWERED)

    def _put_off(self, request: _Request, due: float, *, again: bool, step: Step) -> None:
        """It was not granted: what is wished is asked for again when due, or not `again` at all."""
        if request.ask is Ask.REFRESH:
            self._refresh_due = due
        elif request.peer is None:
            self._step(step)
        elif wish := self._wishes.of(request.ask, request.peer):
            self._wishes.refused(wish, due if again else None)

    # What is asked for.

    def _request(
        self, ask: Ask, now: float, peer: Endpoint | None = None, *, challenges: int = 0, ticket: bytes | None = None
    ) -> None:
        attributes: dict[str, Any] = {}
        if ask is Ask.ALLOCATE:
            attributes["REQUESTED-TRANSPORT"] = messages.UDP
            ticket = b"" if self._mobile else None
        if ask is Ask.MOVE:
            ticket = self._ticket
        if ask is Ask.RELEASE:
            attributes["LIFETIME"] = 0
        elif self._lifetime is not None and ask in (Ask.ALLOCATE, Ask.REFRESH, Ask.MOVE):
            attributes["LIFETIME"] = self._lifetime
        if wish := self._wishes.of(ask, peer):
            if wish.channel:
                attributes["CHANNEL-NUMBER"] = wish.channel
            attributes["XOR-PEER-ADDRESS"] = wish.peer
        challenge = None if ask is Ask.ECHO else self._challenge
        identity = self._draw(12)
        data = messages.request(
            _METHODS[ask],
            identity,
            attributes,
            family=self._family if ask is Ask.ALLOCATE else None,
            ticket=ticket,
            challenge=challenge,
            credential=self._credential,
        )
        longest = self.longest if peer is None else max(self.longest, _LONGEST)
        plan = repetition.waits(self.round_trip.rto, stream=self.stream, longest=longest)
        request = _Request(ask, peer, repetition.Repetition(data, now, plan), challenge, challenges, ticket)
        self._requests[identity] = request
        if request.repetition.timer(now):
            self._transmit(data)

    def _ask_what_is_due(self, now: float) -> None:
        if self.state is not State.STANDING:
            return
        if now >= self._refresh_due:
            self._refresh_due = float("inf")
            self._request(Ask.REFRESH, now)
        for wish in self._wishes:
            if now >= wish.due and not wish.asking:
                wish.asking = True
                self._request(wish.ask, now, wish.peer)

    def _wish(self, peer: Endpoint, now: float, *, channel: bool) -> None:
        peer = canonical(peer)
        if self.state in (State.CLOSING, State.ENDED):
            return
        self._wishes.permit(peer)
        if channel:
            self._wishes.bind(peer)
        self._ask_what_is_due(now)

    def _drop_requests(self) -> None:
        """They went by a way that is given up; what they asked for is due again."""
        self._requests.clear()
        if self._refresh_due == float("inf") and self.expires is not None:
            self._refresh_due = float("-inf")
        self._wishes.unasked()

    def _transmit(self, data: bytes) -> None:
        self._out.append(Transmit(framing.padded(data) if self.stream else data))

    def _step(self, step: Step) -> State | None:
        """Do what the table says; None when it says nothing."""
        state = TABLE.get((self.state, step))
        if state is None:
            return None
        self.state = state
        if state is State.ENDED:
            self._requests.clear()
            self._wishes.clear()
            self.expires = None
            self._out.append(Ended(step))
        return state


def _complete(ask: Ask, message: Message) -> bool:
    """Whether a success says what it must (RFC 8656, sections 7.3 and 8.2)."""
    if ask is Ask.ALLOCATE:
        return message.relayed is not None and message.lifetime is not None
    return message.lifetime is not None if ask in (Ask.REFRESH, Ask.MOVE) else True
