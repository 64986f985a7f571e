"""What doctor may have seen, for tests of what is told of it."""

from __future__ import annotations

from landfast.app.doctor import Examination
from landfast.kernel.metered import Meter
from landfast.model.facts import (
    Confined,
    DefaultRouteSeen,
    Fact,
    ForeignSourceTried,
    IceServerMistake,
    IceServersRead,
    InterfaceSeen,
)
from landfast.probes.plan import OpenQuestion
from landfast.probes.questions import Interfaces, Translation
from landfast.walk import Ended, Seen

STUN = ("203.0.113.1", 3478)
UP = InterfaceSeen(0.0, "wlan0", True, ("192.168.1.10/24",))
WAY = DefaultRouteSeen(0.0, "wlan0", 4, 0, "192.168.1.1")
LEFT = ForeignSourceTried(1.0, "10.42.0.1", "wlan0", 3, 3)
STAYED = ForeignSourceTried(1.0, "10.42.0.1", "wlan0", 3, 0)
CONTAINER = Confined(0.0, "/.dockerenv")
HOSTILE = (
    IceServersRead(0.0, "<b>\x1b[31m", ("turn:a",)),
    IceServerMistake(0.0, "<b>\x1b[31m", 0, "turn:<i>\x1b[2J", "bad-url", "<script>\x1b]0;x\x07"),
)
LIFETIME = OpenQuestion("lifetime", "how long a binding lives", "it takes longer than was asked for", "--full")


def told(seen: Seen, *facts: Fact) -> None:
    """Facts about the host come in."""
    seen.told += [(Interfaces(), fact) for fact in facts]


def examination(*facts: Fact, uplinks: tuple[str, ...] = (), finished: bool = True) -> Examination:
    """One with these facts about the host."""
    seen = Seen()
    told(seen, *facts)
    seen.asked += [Interfaces(), *(Translation(STUN, uplink) for uplink in uplinks)]
    seen.ended += [Ended(Interfaces(), 0.1)]
    seen.unasked.append(LIFETIME)
    return Examination(seen, Meter(61, 5200, 59, 1_200_000), seconds=2.34 if finished else None)
