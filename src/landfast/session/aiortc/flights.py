"""DTLS's handshake, repeated by the measured round trip. Pure.

RFC 6347, section 4.2.4.1 begins with 1 s where nothing is known, and doubles it. So does OpenSSL, and pyOpenSSL has no
word to tell it what ICE has measured; on a link that loses a fifth a handshake takes seconds. (libwebrtc begins with
50 ms.) So a flight is sent again as it was: who has it takes it for a replay (section 4.1.2.6) and drops it.
"""

from __future__ import annotations

from math import inf

_CHANGE_CIPHER_SPEC, _HANDSHAKE, _APPLICATION = 20, 22, 23  # content types (RFC 5246, section 6.2.1)
_SRTP = 128  # and all that is above (RFC 7983, section 7)
_AT_ONCE = 0.05  # seconds in which all of a flight is written; what OpenSSL repeats comes a second later
_LONGEST = 0.5  # seconds between two sendings, or one wait if that is longer
_TIMES = 8  # that a flight is repeated: at a loss of 20 % each way, one in 500 has then never gone there and back


class Flights:
    """Of one handshake, one side. `wait`: seconds until a flight is repeated; the next time twice as long."""

    def __init__(self, wait: float) -> None:
        self._wait = wait
        self._flight: list[bytes] = []
        self._began = -inf
        self._times = 0
        self._answered = False
        self.deadline = inf
        """When `due` has something, if nothing comes before."""
        self.over = False
        """Whether the peer is done. Until it says something else it may lack our last flight, which has no answer."""

    def sent(self, datagram: bytes, now: float) -> None:
        """Something was sent."""
        if not _is_handshake(datagram) or self.over:
            return
        if self._answered or now > self._began + _AT_ONCE:
            self._flight, self._began, self._times, self._answered = [], now, 0, False
        self._flight.append(datagram)
        self.deadline = now + self._wait

    def received(self, datagram: bytes) -> None:
        """Something came. What answers a flight in part does not end it: another part may be lost."""
        if _is_handshake(datagram):
            self._answered = True
        elif datagram[:1] and (datagram[0] == _APPLICATION or datagram[0] >= _SRTP):
            self.over, self.deadline, self._flight = True, inf, []

    def due(self, now: float) -> list[bytes]:
        """What is to be sent again now."""
        if now < self.deadline:
            return []
        self._times += 1
        longest = max(self._wait, _LONGEST)
        self.deadline = now + min(self._wait * 2**self._times, longest) if self._times < _TIMES else inf
        return self._flight


def _is_handshake(datagram: bytes) -> bool:
    return datagram[:1] in (bytes([_CHANGE_CIPHER_SPEC]), bytes([_HANDSHAKE]))
