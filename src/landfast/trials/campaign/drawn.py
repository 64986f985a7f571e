"""Histories drawn from a seed: the same for the same seed. Pure."""

from __future__ import annotations

from random import Random

from landfast.lab.network import Occasion
from landfast.model.nat import Filtering, Mapping
from landfast.session.ice.events import Transport
from landfast.trials.campaign.history import NAMES, Fault, History, Name, Side, Traffic, Trick, Uplink

_FIRST = 3.0  # seconds until the first fault: two agents connect in less
_REST = 7.0  # seconds after the last one, in which all must be well again
_LONG, _LONG_REST = 25.0, 19.0  # after a fault that lasts so long, consent may have ended


def drawn(seed: int) -> History:
    """One history."""
    chance = Random(seed)  # noqa: S311 -- nothing secret: the same seed must give the same history
    robot, operator = _side(chance, public=0.1), _side(chance, public=0.5)
    faults = _faults(chance)
    over = max((fault.at + fault.lasts for fault in faults), default=_FIRST)
    traffic = chance.choice(
        (Traffic(every=0.1), Traffic(every=0.25), Traffic(every=0.5), Traffic(every=1.0, together=6))
    )
    if over < 12 and chance.random() < 0.25:
        traffic = Traffic(every=0.02)
    return History(
        seed=seed,
        lasts=over + (_LONG_REST if any(fault.lasts > _LONG for fault in faults) else _REST),
        controlling=chance.choice(NAMES),
        robot=robot,
        operator=operator,
        mobility=chance.random() < 0.6,
        quota=chance.choice((None, None, None, None, 1, 2, 4)),
        signalling_ms=chance.choice((20, 50, 200)),
        traffic=traffic,
        third_ms=chance.choice((20, 80, 80, 500)),
        faults=tuple(faults),
    )


def _side(chance: Random, *, public: float) -> Side:
    relays: tuple[Transport, ...] = ()
    if chance.random() < 0.5:
        relays = chance.choice(
            ((Transport.UDP,), (Transport.UDP,), (Transport.UDP, Transport.TLS), (Transport.TCP,), tuple(Transport))
        )
    return Side(
        uplink=_uplink(chance, public),
        second=_uplink(chance, 0.2) if chance.random() < 0.2 else None,
        relays=relays,
        all_addresses=chance.random() < 0.3,
        relay_only=bool(relays) and chance.random() < 0.1,
    )


def _uplink(chance: Random, public: float) -> Uplink:
    loss = chance.choice((0, 0, 0, 0, 0.01, 0.05, 0.1))
    delay = chance.choice((0, 5, 20, 20, 50, 150))
    jitter = chance.choice((0, 0, 0, 5, 20))
    if chance.random() < public:
        return Uplink(delay_ms=delay, jitter_ms=min(jitter, delay), loss=loss)
    mapping = chance.choice(
        (Mapping.ENDPOINT_INDEPENDENT, Mapping.ENDPOINT_INDEPENDENT, Mapping.ADDRESS_DEPENDENT, *Mapping)
    )
    return Uplink(
        behind=chance.choice(("router", "router", "carrier")),
        mapping=mapping,
        filtering=chance.choice(tuple(Filtering)),
        random_ports=mapping is not Mapping.ENDPOINT_INDEPENDENT or chance.random() < 0.3,
        timeout=chance.choice((10, 20, 30, 120, 300)),
        refresh=chance.choice(("both", "both", "outbound")),
        pool=chance.choice((1, 1, 1, 1, 4)),
        sessions=chance.choice((None, None, None, None, None, 16, 48)),
        ipv6=chance.choice(("off", "off", "off", "on", "one-way")),
        udp="blocked" if chance.random() < 0.03 else "open",
        delay_ms=delay,
        jitter_ms=min(jitter, delay),
        loss=loss,
    )


def _faults(chance: Random) -> list[Fault]:
    """One to four, one after the other or over each other."""
    faults: list[Fault] = []
    at = _FIRST
    for _ in range(chance.choice((1, 1, 1, 2, 2, 3, 4))):
        what = chance.choice(_WHAT)
        lasts = 0.0
        if what in _LASTING:
            lasts = _outage(chance)
        elif what in _TRICKS:
            lasts = chance.choice((0.5, 1.0, 2.0))
        faults.append(Fault(at=round(at, 3), what=what, on=_whom(chance), lasts=round(lasts, 3)))
        over = at + lasts if chance.random() < 0.7 else at
        at = over + chance.choice((0.0, 0.05, 0.5, 2.0, 4.0)) + chance.random()
    return faults


def _whom(chance: Random) -> Name:
    return "robot" if chance.random() < 0.7 else "operator"


def _outage(chance: Random) -> float:
    """0.1 to 120 s, the short ones more often: each decade as often as another."""
    return float(0.1 * 10 ** (chance.random() ** 1.3 * 3.08))


_LASTING = (Occasion.SUSPEND_RADIO, Occasion.LINK_DOWN, Occasion.BLOCK_UDP, Occasion.ONE_WAY_IPV6, Trick.MUTE)
_TRICKS = (Trick.JUNK, Trick.NAG, Trick.COPY, Trick.FORGE, Trick.CROSS, Trick.WHISPER)
_WHAT: tuple[Occasion | Trick, ...] = (
    *Occasion,
    *Trick,
    Occasion.CHANGE_PUBLIC_ADDRESS,
    Occasion.CHANGE_PUBLIC_ADDRESS,
    Occasion.REBIND_PORT,
    Occasion.SUSPEND_RADIO,
    Occasion.ADDRESS_REPLACED,
)
