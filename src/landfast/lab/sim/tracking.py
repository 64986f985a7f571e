"""Flows and their timers, as Linux tracks them, and how it finds an external endpoint that is free. Pure.

The timers are nf_conntrack_proto_udp.c's: a flow without an answer dies after `unreplied` seconds of silence. One that
was answered, and still is in use two seconds after it began, is a stream and dies after `stream`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

from landfast.lab.sim.packet import UDP, Key

_BECOMES_STREAM = 2.0
# nf_conntrack_tcp_timeout_established.
_TCP = 432_000.0
# nf_nat_core.c, nf_nat_l4proto_unique_tuple: how often it tries, and ports of which kind it keeps apart.
_TRIES = 128
_LOW, _PRIVILEGED, _OTHERS = (1, 511), (600, 1023), (1024, 65535)

Span = tuple[int, int]
"""First and last port."""


def inverted(key: Key) -> Key:
    """How an answer is known that nobody translates."""
    protocol, source, sport, destination, dport = key
    return protocol, destination, dport, source, sport


class Flow:
    """Both directions of a flow: `original` comes in and `onwards` leaves, `reply` comes in and `backwards` leaves.

    `snat` and `dnat`: whether its source or destination is another on the other side.
    """

    __slots__ = (
        "assured",
        "backwards",
        "dnat",
        "expires",
        "onwards",
        "original",
        "replied",
        "reply",
        "snat",
        "stream_from",
    )

    def __init__(self, original: Key, reply: Key, now: float) -> None:
        self.original, self.reply = original, reply
        self.onwards, self.backwards = inverted(reply), inverted(original)
        self.expires = self.stream_from = now + _BECOMES_STREAM
        self.replied = self.assured = False
        self.snat = reply[3:] != original[1:3]
        self.dnat = reply[1:3] != original[3:]


class Flows:
    """What one router or host remembers. Times are seconds."""

    def __init__(self, unreplied: float, stream: float, draw: Callable[[], float]) -> None:
        self.unreplied, self.stream = unreplied, stream
        self._draw = draw
        self._by_key: dict[Key, Flow] = {}
        self._by_source: defaultdict[tuple[int, str, int], list[Flow]] = defaultdict(list)

    def find(self, key: Key, now: float) -> Flow | None:
        """The flow that has such a direction, if it is alive."""
        flow = self._by_key.get(key)
        if flow is not None and flow.expires <= now:
            self._remove(flow)
            return None
        return flow

    def crossed(self, flow: Flow, now: float, *, reply: bool) -> None:
        """One of its packets came: its timer begins anew."""
        if flow.original[0] != UDP:
            flow.expires = now + _TCP
        elif flow.replied and now > flow.stream_from:
            flow.expires = now + self.stream
            flow.assured = True
        else:
            flow.expires = now + self.unreplied
        if reply:
            flow.replied = True

    def add(self, original: Key, reply: Key, now: float) -> Flow | None:
        """A new flow whose first packet passed; None when another has one of its directions."""
        if self.find(reply, now) or self.find(original, now):
            return None
        flow = Flow(original, reply, now)
        self._by_key[original] = self._by_key[reply] = flow
        self._by_source[original[:3]].append(flow)
        self.crossed(flow, now, reply=False)
        return flow

    def forget(self, source: str, port: int) -> None:
        """Forget UDP's flows that began at an endpoint."""
        for flow in list(self._by_source.get((UDP, source, port), ())):
            self._remove(flow)

    def clear(self) -> None:
        """Forget every flow."""
        self._by_key.clear()
        self._by_source.clear()

    def port(self, key: Key, address: str, span: Span | None, now: float, *, fully_random: bool) -> int | None:
        """The external port on `address` for a new flow; None when none is found.

        nf_nat_core.c, get_unique_tuple: the one that the socket has already, its own, a random one of the span. An
        endpoint is free when nobody uses it towards the same destination. With an `address` that is the source's own
        nothing is translated, unless its port must be another.
        """
        protocol, source, sport, destination, dport = key

        def is_free(port: int) -> bool:
            return self.find((protocol, destination, dport, address, port), now) is None

        if address == source and is_free(sport):
            return sport
        if address != source and not fully_random:
            for flow in reversed(self._by_source.get((protocol, source, sport), ())):
                at, had = flow.reply[3], flow.reply[4]
                if flow.expires > now and at == address and (span is None or span[0] <= had <= span[1]):
                    if is_free(had):
                        return had
                    break
            if (span is None or span[0] <= sport <= span[1]) and is_free(sport):
                return sport
        low, high = span or (_LOW if sport < 512 else _PRIVILEGED if sport < 1024 else _OTHERS)
        size = high - low + 1
        offset = int(self._draw() * size)
        for attempt in range(min(_TRIES, size)):
            port = low + (offset + attempt) % size
            if is_free(port):
                return port
        return None

    def _remove(self, flow: Flow) -> None:
        del self._by_key[flow.original], self._by_key[flow.reply]
        self._by_source[flow.original[:3]].remove(flow)
