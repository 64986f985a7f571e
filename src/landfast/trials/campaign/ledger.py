"""What one player's packets have shown: for each way, who has proved itself, when, and how many bytes went. Pure.

This is judged from datagrams alone, by the rules of RFC 8445 and RFC 7675, and asks the agent nothing: a way is a local
endpoint (of a socket, or a relayed one) and a remote one, and it is proved when a signed answer came from exactly there
to a check that was sent exactly there.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from struct import Struct

from landfast.model.facts import Endpoint
from landfast.wire import ice, stun

NEVER = float("-inf")
_REMEMBERED = 30.0  # seconds: as long as an answer may be late (RFC 7675, section 5.1)
_COOKIE = b"\x21\x12\xa4\x42"
_USERNAME, _ATTRIBUTE = 0x0006, Struct("!HH")
_CHANNELS, _CHANNEL_HEADER = range(0x40, 0x50), 4  # first bytes, and bytes before the data (RFC 8656, section 12.4)
_SEND, _DATA = b"\x00\x16", 0x0013  # RFC 8656, sections 11.1, 18.4


class Kind(Enum):
    """What a datagram is."""

    DATA = "data"
    CHECK = "check"
    YES = "yes"
    NO = "no"
    ELSE = "else"


_KINDS = {b"\x00\x01": Kind.CHECK, b"\x01\x01": Kind.YES, b"\x01\x11": Kind.NO}


def kind(data: bytes) -> Kind:
    """By its first bytes (RFC 7983)."""
    if not data or data[0] > 3:
        return Kind.DATA if data else Kind.ELSE
    return _KINDS.get(data[:2], Kind.ELSE) if data[4:8] == _COOKIE else Kind.ELSE


def carried(data: bytes) -> bytes | None:
    """What a message to a relay has in it for a peer, by a channel or by an indication; None for all others."""
    if data and data[0] in _CHANNELS:
        return data[_CHANNEL_HEADER:]
    return stun.attribute(data, _DATA) if data[:2] == _SEND else None


@dataclass(eq=False)
class Way:
    """One local endpoint and one remote one."""

    local: Endpoint
    remote: Endpoint
    received: int = 0
    """Bytes, before it was proved."""
    sent: int = 0
    """Bytes, before it was proved."""
    asked: float = NEVER
    """The last signed check from there."""
    proved: float = NEVER
    """The first signed answer."""
    answered: float = NEVER
    """The last one."""
    consented: set[str] = field(default_factory=set)
    """Fragments of ours that were answered here."""
    renewed: str = ""
    """The fragment of ours that was answered last."""
    revoked: dict[str, float] = field(default_factory=dict)
    """Fragments of ours that were refused with a signed 403, and when."""
    carried: float = NEVER
    """The last datagram of the application that left."""
    lapsed: dict[str, float] = field(default_factory=dict)
    """Fragments of ours with which consent has ended here, and when."""
    tried: list[float] = field(default_factory=list)
    """Checks that left before it was proved."""


class _Asked:
    __slots__ = ("at", "by", "password", "way")

    def __init__(self, at: float, way: Way, by: str, password: str) -> None:
        self.at, self.way, self.by, self.password = at, way, by, password


class Ledger:
    """Of one player. `passwords`: of the peer, by its fragment; `signalled`: addresses that the peer has named."""

    def __init__(self) -> None:
        self.ways: dict[tuple[Endpoint, Endpoint], Way] = {}
        self.passwords: dict[str, str] = {}
        self.own: dict[str, str] = {}
        """Our own passwords, by fragment."""
        self.signalled: set[Endpoint] = set()
        self.relayed: set[Endpoint] = set()
        """Our own relayed addresses, as we have told the peer."""
        self.tickets: set[bytes] = set()
        """Those that relays have told us (RFC 8016)."""
        self.proved: set[Endpoint] = set()
        """Addresses of the peer's that have answered, on whatever way."""
        self.bearer: Way | None = None
        """The way that the last datagram of the application took."""
        self._asked: dict[bytes, _Asked] = {}
        self._at_relay: dict[bytes, list[bytes]] = {}

    def way(self, local: Endpoint, remote: Endpoint) -> Way:
        """What is known of it."""
        found = self.ways.get((local, remote))
        if found is None:
            found = self.ways[local, remote] = Way(local, remote)
        return found

    def is_strange(self, way: Way) -> bool:
        """Whether its remote address was neither signalled nor has proved itself."""
        return way.remote not in self.proved and way.remote not in self.signalled

    def sent(self, way: Way, data: bytes, what: Kind, now: float) -> str:
        """A datagram left; the fragment that a check was sent by, else nothing."""
        if way.proved == NEVER:
            way.sent += len(data)
        if what is Kind.DATA:
            way.carried = now
            self.bearer = way
        elif what is Kind.CHECK:
            return self._check_left(way, data, now)
        return ""

    def moved(self, base: Endpoint, remote: Endpoint) -> None:
        """A side says that its data goes another way: what it gives to a relay may never come out of there. Where that
        is not so, its next datagram tells."""
        if self.bearer:
            self.bearer = self.ways.get((base, remote))

    def heard(self, way: Way, data: bytes, what: Kind, now: float) -> None:
        """A datagram arrived."""
        if way.proved == NEVER:
            way.received += len(data)
        if what is Kind.YES or what is Kind.NO:
            self._answer_came(way, data, what, now)
        elif what is Kind.CHECK and way.asked == NEVER:
            read = ice.parse(data)
            if isinstance(read, ice.Check) and read.to in self.own and read.signed_with(self.own[read.to]):
                way.asked = now

    def reached_relay(self, way: Way, answer: bytes) -> None:
        """An answer came to a relay of ours: to us, it may never come. One from elsewhere than was asked is none."""
        while self._at_relay and (oldest := next(iter(self._at_relay))) not in self._asked:
            del self._at_relay[oldest]
        if (asked := self._asked.get(number := answer[8:20])) and asked.way is way:
            self._at_relay.setdefault(number, []).append(answer)

    def delivered(self, data: bytes, now: float) -> None:
        """A relay has sent us this, and an answer may be in it: the first of those that wait there."""
        for number in [each for each in self._at_relay if each in data]:
            answer = self._at_relay[number].pop(0)
            if not self._at_relay[number]:
                del self._at_relay[number]
            if asked := self._asked.get(number):
                self.heard(asked.way, answer, kind(answer), now)

    def _check_left(self, way: Way, data: bytes, now: float) -> str:
        to, by = fragments(data)
        if way.proved == NEVER:
            way.tried.append(now)
        while self._asked and self._asked[oldest := next(iter(self._asked))].at + _REMEMBERED <= now:
            del self._asked[oldest]
        self._asked[data[8:20]] = _Asked(now, way, by, self.passwords.get(to, ""))
        return by

    def _answer_came(self, way: Way, data: bytes, what: Kind, now: float) -> None:
        asked = self._asked.get(data[8:20])
        if asked is None or asked.way is not way:
            return
        if way.proved == NEVER or what is Kind.NO:  # afterwards nobody but the peer speaks from there
            read = ice.parse(data)
            if not isinstance(read, ice.Answer) or not read.signed_with(asked.password):
                return
            if read.code is not None:
                if read.code == ice.Code.FORBIDDEN:
                    way.revoked.setdefault(asked.by, now)
                return
            way.proved = now
            self.proved.add(way.remote)
        way.answered = now
        way.consented.add(asked.by)
        way.renewed = asked.by
        del self._asked[data[8:20]]


def fragments(check: bytes) -> tuple[str, str]:
    """Whom a check asks and who asks: the halves of its USERNAME (RFC 8445, section 7.2.2)."""
    at = 20
    while at + 4 <= len(check):
        what, length = _ATTRIBUTE.unpack_from(check, at)
        if what == _USERNAME:
            to, _, by = check[at + 4 : at + 4 + length].decode(errors="replace").partition(":")
            return to, by
        at += 4 + (length + 3) // 4 * 4
    return "", ""
