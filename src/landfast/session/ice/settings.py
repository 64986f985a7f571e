"""The numbers of an agent, each with where it comes from. Seconds, unless said otherwise. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    """How an agent behaves. Measurements are those of the shared knowledge, roaming.md."""

    pace: float = 0.05
    """Ta: the least time between two new checks (RFC 8445, section 14.2)."""
    rto: float = 0.5
    """Until a check is repeated while the round trip is unknown (RFC 8445, section 14.3); afterwards 2 x the RTT."""
    gathering: float = 1.5
    """One server that is silent may not hold up a restart: what has not answered by then is trickled later."""
    patience: float = 0.5
    """How long a controlling agent waits for a better pair after the first valid one."""
    checking: float = 30.0
    """Until checks without any success are called failed; on networks that lose SYNs and wake radios slowly, less is
    too little (Chromium: 15 s of one pair's silence)."""

    ping: float = 2.5
    """Between consent checks, times 0.8 to 1.2. RFC 7675 says 5 s; libwebrtc does 2.5 s, and bindings of 20 s live."""
    rest: float = 5.0
    """The same while no data goes either way (RFC 7675, section 5.1). Less where the round trip is so long that one
    lost check would be `disconnected`, and 2.5 s again from the first data on."""
    consent: float = 30.0
    """From the last valid answer until nothing more may be sent (RFC 7675, section 5.1)."""
    disconnected: float = 6.0
    """From the last valid answer until `disconnected` is told (libwebrtc: 5.9 to 7.6 s)."""
    doubt: float = 2.0
    """And at least from the oldest check that has no answer: at rest it may be sent when `disconnected` is over. What
    is lost at a round trip of 500 ms is mended sooner."""

    suspicion: float = 0.05
    """No silence below this is suspicious, however dense the peer's packets were: Ta, the least between two checks."""
    steps: tuple[tuple[float, float], ...] = ((2.0, 0.05), (10.0, 0.1), (300.0, 0.2), (float("inf"), 5.0))
    """While nothing is heard: up to this silence, a check each so many seconds. 245 checks are 28 kB in 35 s."""
    outage: int = 60_000
    """Bytes of its own, without the headers of IP and UDP, at most, in any minute in which nothing is heard: what
    `steps` cost, and half of it again for relays, other sockets and a restart. (Chromium: 230 checks in the 16 s until
    it gives up.)"""
    fallback: float = 0.5
    """So long a silence until another path that answers is taken instead: a quarter of the least that Chromium waits,
    and longer than a relay's repair."""
    better: float = 25.0
    """Between rounds of checks whether a path without a relay works (libwebrtc asks backup pairs so often)."""
    hints: float = 20.0
    """Checks per second that strangers' data may cause, all together."""
    burst: int = 4
    """So many of them at once; beside `hints`, and the pings, no second sees more than 25."""
    tries: int = 4
    """Checks to one unproved address, then one a second."""
    strangers: int = 16
    """Addresses remembered, the selected one beside them."""
    amplification: int = 3
    """Bytes sent to an unproved address, at most, for each byte received from it (RFC 9000, section 8.1)."""
    margin: float = 1.5
    """Of the peer's usual gap: how much later than the old path a new one must have spoken to be followed. A third
    party that copies packets comes while the old path still speaks."""
    rotate: float = 10.0
    """Between two new sockets after consent has ended (each costs a NAT binding)."""
    spare: int = 3
    """Sockets kept at most that were given up but may still be heard."""
    linger: float = 5.0
    """The generation before a restart is heard and answered so long."""
    repair: float = 1.0
    """Between two questions to a relay whether its allocation still stands."""
    repeat: float = 0.2
    """Between two sendings of such a question, unless an answer takes longer: with 0.5 s a relay was back after 0.56 s
    instead of 0.18."""
    knock: float = 0.1
    """The same of a question without credentials, while data waits for the answer: 64 bytes with their headers, 38 kB
    in a minute."""
    keep: float = 10.0
    """Between two packets to a relay over UDP that is at rest: half of what the bindings of carriers live that forget
    soonest (20 s), so that the fall-back still hears when it is needed."""
    unanswered: float = 10.0
    """Until it is told that a server is silent, as browsers do; an answer still counts for half a minute after that
    (RFC 8489, section 6.2.1)."""

    relay_only: bool = False
    """W3C's iceTransportPolicy `relay`."""
    mobility: bool = True
    """Ask relays for tickets to move with (RFC 8016)."""
    rising: bool = True
    """Each check of a live session has a higher PRIORITY than the one before: Chromium never looks at a new address
    that is not better than the selected one (0.35 s instead of 2.7 s)."""
    renomination: bool = False
    """Send NOMINATION (0xC001) beside USE-CANDIDATE; it is always understood."""
