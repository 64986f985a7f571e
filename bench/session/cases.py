"""What is measured, by name: FAULT/PATH/PEER. Pure but for the faults themselves.

The peer's word tells both ends: `landfast` and `chromium` are peers of a landfast client, which is controlling unless
`-controlling` says that the peer is; `stock-aiortc` and `stock-chromium` are two of them without landfast.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from itertools import product

from bench.session import faults
from bench.session.faults import Fault
from landfast.lab.network import Occasion

EVENTS = 10
"""Of each case, at random phases: the median of fewer would move by a ping's interval."""
FEW = 3
"""Of those that do not come back: each costs the whole watch."""
SOME = 5
"""With media: what is told is the longest, and the machine carries one such session."""


@dataclass(frozen=True)
class Case:
    """One row. Times are seconds."""

    fault: str
    path: str
    peer: str
    happen: Fault
    events: int = EVENTS
    together: int = 1
    """Sessions that meet the same event at once."""
    lives: int = EVENTS
    """Events that one session meets, each from the state the last one left, at most."""
    watch: float = 15.0
    """Until it is called `never`."""
    afterwards: float = 0.0
    """To wait after a session, until an event has passed."""
    before: Occasion | None = None
    """What has happened to the network before anybody connects."""
    round_trip_ms: float = 40.0
    loss: float = 0.0
    restricted: bool = False
    budget: int | None = None
    media: bool = False
    """With audio and video beside the probes, in the same bundle."""
    patient: bool = False
    """It tells states, or seconds, and may be played beside others of its kind."""
    long: bool = False
    """Only when it is asked for by name, or with --long."""

    @property
    def name(self) -> str:
        """As it is asked for."""
        return f"{self.fault}/{self.path}/{self.peer}"

    def times(self, asked: int | None) -> int:
        """How many events to play where so many are asked for: a case that is one long one stays so."""
        return asked if asked and self.events > 1 else self.events

    @property
    def kept(self) -> bool:
        """Whether the router's keeper must be there: it is the only one who changes its router then."""
        return self.fault.startswith(("blackout", "udp-blocked"))

    @property
    def ipv6(self) -> bool:
        """Whether they speak IPv6, the peer nothing else."""
        return self.path.endswith("ipv6")

    @property
    def stacks(self) -> tuple[str, str]:
        """Client and peer."""
        if self.peer.startswith("stock-"):
            stock = self.peer.removeprefix("stock-")
            return stock, stock
        return "landfast", self.peer.split("-")[0]

    @property
    def peer_offers(self) -> bool:
        """Who offers is controlling (RFC 8445, section 6.1.1)."""
        return self.peer.endswith("-controlling")


_change = partial(Case, "change", happen=faults.new_public_address, together=2)
_address = partial(Case, "address", happen=faults.once(Occasion.ADDRESS_REPLACED), together=2)
# No more at once: all that waited is said when the way is back, and each session is two processes on two cores.
_blackout = partial(Case, "blackout-35", happen=faults.blackout(35), together=3)
_long_blackout = partial(Case, "blackout-120", happen=faults.blackout(120), together=3, long=True)
_blocked = partial(
    Case, "udp-blocked", happen=faults.once(Occasion.BLOCK_UDP, lasts=10), together=5, lives=1, watch=8, afterwards=4
)
_started = partial(
    Case, "udp-blocked-before", "any", happen=faults.steady(1), together=2, lives=1, before=Occasion.BLOCK_UDP
)
_hard = partial(Case, path="direct", events=1, patient=True)
_dying = partial(replace, events=FEW, lives=1, together=1, patient=True)
"""Those that do not come back."""

_RELAYS = ("relay-mobility", "relay-udp", "relay-tls")

OTHERS: dict[str, tuple[str, ...]] = {
    "attempts/mifi": ("landfast", "stock-aiortc"),
    **{f"cost/{measure}": ("landfast", "stock-aiortc") for measure in ("idle", "data", "datagrams")},
}
"""Cases that count something else than outages: see attempts.py and load.py."""

_MEDIA = tuple(
    replace(case, fault=f"{case.fault}-media", media=True, together=1, events=min(case.events, SOME))
    for case in (
        _change("direct", "landfast"),
        *(_change("direct", peer) for peer in ("chromium", "chromium-controlling")),
        _dying(_change("direct", "stock-aiortc")),
        *(_change(path, "landfast") for path in _RELAYS),
        *(_blackout(path, "landfast", events=2) for path in ("direct", "relay-udp")),
        _address("direct", "landfast"),
        _address("direct", "chromium"),
        _address("relay-udp", "landfast"),
        _dying(_address("direct", "stock-aiortc")),
        replace(_dying(_blackout("direct", "stock-aiortc")), events=1),
        Case("nothing", "direct", "landfast", faults.steady(20), events=1),
        Case("nothing", "direct", "stock-aiortc", faults.steady(20), events=1),
    )
)

CASES: tuple[Case, ...] = (
    *(_change("direct", peer) for peer in ("landfast", "landfast-controlling", "chromium", "chromium-controlling")),
    _dying(_change("direct", "stock-aiortc")),
    _change("direct", "stock-chromium"),
    *(_change(path, peer) for path, peer in product(_RELAYS, ("landfast", "chromium"))),
    *(_change(path, "chromium-controlling") for path in ("relay-mobility", "relay-udp")),
    _change("relay-mobility", "landfast-restricted", restricted=True),
    *(_dying(_change("relay-udp", peer)) for peer in ("stock-aiortc", "stock-chromium")),
    _blackout("direct", "landfast"),
    _blackout("relay-udp", "landfast"),
    _blackout("relay-mobility", "landfast"),
    replace(_blackout("direct", "stock-aiortc"), events=FEW, together=FEW, patient=True),
    replace(_blackout("direct", "stock-chromium"), events=FEW, together=FEW, patient=True),
    *(_long_blackout(path, "landfast") for path in ("direct", "relay-udp", "relay-mobility")),
    *(_address("direct", peer) for peer in ("landfast", "landfast-controlling", "chromium")),
    _address("direct-ipv6", "landfast"),
    *(_address(path, "landfast") for path in ("relay-mobility", "relay-udp")),
    *(_dying(_address("direct", peer)) for peer in ("stock-aiortc", "stock-chromium")),
    *(_blocked(path, "landfast") for path in ("any", "direct+tls")),
    _dying(_blocked("any", "stock-chromium")),
    *(_started(peer) for peer in ("landfast", "stock-chromium", "stock-aiortc")),
    *(
        _hard("rtt-700", peer=peer, happen=faults.steady(120), round_trip_ms=700)
        for peer in ("landfast", "stock-aiortc")
    ),
    _hard("loss-20", peer="landfast", happen=faults.steady(60), loss=0.2),
    _hard("loss-20-long", peer="landfast", happen=faults.steady(600), loss=0.2, long=True),
    Case("flood", "direct", "landfast", faults.junk(1000, 20), events=1),
    Case("flood", "direct", "stock-aiortc", faults.junk(1000, 20), events=1),
    Case("restart", "any", "landfast", faults.restart),
    Case("restart", "any", "chromium", faults.restart),
    *(
        Case("restart-no-budget", "any", peer, faults.restart_without_room, lives=1, budget=8)
        for peer in ("landfast", "chromium")
    ),
    Case("budget-8", "direct", "landfast", faults.steady(20), events=4, together=4, lives=4, budget=8),
    Case("nothing", "direct", "landfast", faults.steady(20), events=1),
    *_MEDIA,
)
