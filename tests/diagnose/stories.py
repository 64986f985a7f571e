"""What probes would tell of networks: facts made by hand, with the codes that they must give."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count

from landfast.model.facts import (
    BindingTried,
    ChangedResponse,
    ConnectionTried,
    DefaultRouteSeen,
    Endpoint,
    Fact,
    ForeignSourcePacket,
    ForeignSourcePossible,
    ForeignSourceTried,
    HopSeen,
    InterfaceSeen,
    Ipv6Tried,
    LongPackets,
    MappedAddress,
    MappingsAsked,
    NoReply,
    PublicAddressChanged,
    RelayRoundTrip,
    RelayTried,
    RoundTrips,
    ServerProbed,
    State,
    Step,
    TcpTried,
    WatchBegan,
)

X, X_PORT, Y = ("198.51.100.5", 3478), ("198.51.100.5", 3479), ("198.51.100.6", 3478)
SIX = ("2001:db8::5", 3478)
OWN = "192.168.1.10"
PUBLIC, OTHER = "203.0.113.10", "203.0.113.11"


def host(*, eth1: bool = False, families: Sequence[int] = (4,)) -> list[Fact]:
    """A robot with a way out by wlan0, and with `eth1` another interface that leads nowhere."""
    facts: list[Fact] = [InterfaceSeen(0.0, "wlan0", True, (f"{OWN}/24",))]
    if eth1:
        facts.append(InterfaceSeen(0.0, "eth1", True, ("10.42.0.1/24",)))
    ways = [DefaultRouteSeen(0.0, "wlan0", 4, 100, "192.168.1.1"), DefaultRouteSeen(0.0, "wlan0", 6, 100, "fe80::1")]
    return facts + [way for way in ways if way.family in families]


def nat(
    mapped: Callable[[Endpoint, Endpoint], Endpoint] = lambda local, _: (PUBLIC, local[1]),
    *,
    strangers: Sequence[str] = (),
    start: float = 1.0,
    sockets: int = 3,
) -> list[Fact]:
    """Mapping and filtering, in the order of `probes/nat.py`. `strangers`: `other-port`, `other-address` are let in."""
    facts: list[Fact] = []
    times = count()

    def seen(local: Endpoint, server: Endpoint) -> None:
        facts.append(MappedAddress(start + next(times) / 100, server, local, mapped(local, server)))

    for port in range(40000, 40000 + sockets):
        for server in (X, X_PORT, Y, X):
            seen((OWN, port), server)
    facts.append(ServerProbed(start + next(times) / 100, X, True, ("other-port", "other-address")))
    for number, (name, responder) in enumerate((("other-port", X_PORT), ("other-address", Y))):
        local = (OWN, 50000 + number)
        seen(local, X)
        received = 5 if name in strangers else 0
        facts.append(ChangedResponse(start + next(times) / 100, local, X, responder, 5, received))
        seen(local, X)
    seen((OWN, 40000), X)
    return facts


def symmetric(local: Endpoint, server: Endpoint) -> Endpoint:
    """Another port for each destination."""
    return PUBLIC, 10000 + local[1] % 1000 * 10 + [X, X_PORT, Y].index(server)


def scattered(local: Endpoint, server: Endpoint) -> Endpoint:
    """Another address of a pool for each destination."""
    return f"203.0.113.{10 + [X, X_PORT, Y].index(server)}", symmetric(local, server)[1]


def silence(*servers: Endpoint, start: float = 1.0, times: int = 5) -> list[Fact]:
    """Nobody answered."""
    return [
        NoReply(start + number, server, (OWN, 40000), start + number - 0.5)
        for server in servers
        for number in range(times)
    ]


def lifetime(seconds: float, state: State = "stream", *, start: float = 10.0, longest: float = 130.0) -> list[Fact]:
    """Bindings that live for `seconds`, tried in steps of 5 %."""
    silent, facts = 5.0, []
    while silent < longest:
        facts.append(BindingTried(start + silent, X, state, silent, silent + 3, silent < seconds, True))
        silent *= 1.05
    return [*facts]


def age(seconds: float) -> list[Fact]:
    """Bindings that are kept alive every second and die at an age."""
    return [
        BindingTried(10.0 + old, X, "stream", 1.0, float(old), old < seconds, True, "outbound")
        for old in range(10, 100, 5)
    ]


def lengths(longest: int, *, up: bool = True, told: bool = False) -> list[Fact]:
    """Packets above `longest` do not arrive."""
    tried = (576, 1200, 1280, 1348, 1400, 1420, 1448, 1472, 1492, 1500)
    return [LongPackets(5.0, X, up, each, 5, 5 * (each <= longest), told and each > longest, 6) for each in tried]


def leaking(*, left: int | None = 3, covered_by: str | None = None, rules_known: bool = True) -> list[Fact]:
    """A foreign source that is routed out, and what was seen of it."""
    possible = ForeignSourcePossible(0.1, "10.42.0.1", "eth1", "wlan0", covered_by, rules_known)
    return [possible, ForeignSourceTried(0.5, "10.42.0.1", "wlan0", 0 if left is None else 3, left)]


def openings(times: int, *, leak: bool, change: bool, capturing: bool = True) -> list[Fact]:
    """Real connections, opened every 30 s; foreign packets and a changed address come of it, or not."""
    facts: list[Fact] = [WatchBegan(99.0, "wlan0", capturing)]
    for number in range(times):
        began = 100.0 + 30 * number
        facts.append(ConnectionTried(began + 3, began, "aiortc", None if change else 0.4))
        if leak and capturing:
            facts += [ForeignSourcePacket(began + each / 10, "wlan0", "10.42.0.1", X[0], 17) for each in range(12)]
        if change:
            facts.append(PublicAddressChanged(began + 5, f"203.0.113.{10 + number}", f"203.0.113.{11 + number}"))
    return facts


def relay(url: str, failed: Step | None = None, code: int | None = None, problem: str = "") -> list[Fact]:
    """A relay, asked step by step until one fails."""
    facts: list[Fact] = []
    for number, step in enumerate(Step):
        ok = step is not failed
        at = 7.0 + number / 10
        facts.append(RelayTried(at, url, step, ok, 0.05, None if ok else code, "" if ok else problem))
        if not ok:
            return facts
    return [*facts, RelayRoundTrip(8.0, url, 0.1, 0.05)]


TURN_UDP, TURN_TCP = "turn:relay.example:3478?transport=udp", "turn:relay.example:3478?transport=tcp"
TURNS = "turns:relay.example:443?transport=tcp"


@dataclass(frozen=True)
class Story:
    """What is told, and what must be found: exactly these codes."""

    facts: tuple[Fact, ...]
    codes: tuple[str, ...]


def _story(*codes: str, facts: Sequence[Sequence[Fact]]) -> Story:
    return Story(tuple(fact for part in facts for fact in part), codes)


CGN = [HopSeen(2.0, 1, "192.168.1.1"), HopSeen(2.0, 2, "100.64.0.1")]

STORIES: dict[str, Story] = {
    "nothing known": _story(facts=[]),
    "open": _story(facts=[host(), nat(lambda local, _: local)]),
    "home": _story(
        facts=[
            host(),
            nat(),
            lifetime(30.0, "unreplied"),
            lifetime(120.0),
            lengths(1500),
            [MappingsAsked(3.0, X, 128, 128, True), RoundTrips(2.0, X, (OWN, 1), 20, (0.02,) * 20)],
            [HopSeen(2.0, 1, "192.168.1.1"), Ipv6Tried(2.0, SIX, ("2001:db8:1::2", 9), 1, True, True)],
            relay(TURN_UDP),
            openings(3, leak=False, change=False),
        ]
    ),
    "a covered leak": _story(facts=[host(eth1=True), leaking(left=0, covered_by="nft: inet landfast")]),
    "mifi": _story(
        "source-address-leak",
        "cgnat",
        facts=[host(eth1=True), nat(), leaking(), openings(3, leak=True, change=True), CGN],
    ),
    "mifi without a server": _story("source-address-leak", facts=[host(eth1=True), leaking()]),
    "mifi without a capture": _story(
        "source-address-leak",
        facts=[host(eth1=True), leaking(left=None), openings(2, leak=True, change=True, capturing=False)],
    ),
    "a carrier with other reasons": _story(
        "public-address-changes-on-webrtc", facts=[host(), nat(), openings(3, leak=False, change=True)]
    ),
    "a restless carrier": _story(
        "public-address-unstable", facts=[host(), nat(), [PublicAddressChanged(50.0, PUBLIC, OTHER)]]
    ),
    "symmetric": _story("mapping-symmetric", facts=[host(), nat(symmetric)]),
    "cgnat": _story(
        "mapping-symmetric",
        "binding-lifetime-short",
        "cgnat",
        facts=[host(), nat(symmetric), lifetime(20.0, "unreplied"), lifetime(20.0), CGN],
    ),
    "cgnat-unpaired": _story("pool-unpaired", "mapping-symmetric", "cgnat", facts=[host(), nat(scattered), CGN]),
    "cgnat-absolute": _story(
        "binding-lifetime-absolute",
        "mapping-symmetric",
        "binding-lifetime-short",
        "cgnat",
        facts=[host(), nat(symmetric), lifetime(20.0), age(60.0), CGN],
    ),
    "cgnat-budget": _story("port-budget-exhausted", facts=[host(), nat(), [MappingsAsked(3.0, X, 128, 64, True)]]),
    "udp-blocked": _story(
        "udp-blocked", facts=[host(), silence(X, Y), [TcpTried(6.0, X, True, "")], relay(TURN_UDP, Step.CONNECT)]
    ),
    "a dead server": _story(facts=[host(), silence(X), [TcpTried(6.0, X, False, "Connection timed out")]]),
    "no network": _story("no-network", facts=[host(families=()), silence(X)]),
    "one-way-ipv6": _story(
        "one-way-ipv6",
        facts=[host(families=(4, 6)), nat(), [Ipv6Tried(2.0, SIX, ("2001:db8:1::2", 9), 5, True, False)]],
    ),
    "mtu-black-hole": _story(
        "path-mtu-black-hole",
        facts=[
            host(families=(4, 6)),
            nat(),
            lengths(1280),
            [Ipv6Tried(2.0, SIX, ("2001:db8:1::2", 9), 1, True, True)],
        ],
    ),
    "a satellite": _story("rtt-too-high", facts=[host(), nat(), [RoundTrips(2.0, X, (OWN, 1), 20, (0.65,) * 19)]]),
    "a relay on TCP only": _story(
        "turn-unreachable",
        facts=[host(), nat(), relay(TURN_UDP, Step.CONNECT, problem="timeout"), relay(TURN_TCP), relay(TURNS)],
    ),
    "a wrong password": _story("turn-credentials", facts=[host(), nat(), relay(TURN_UDP, Step.ALLOCATE, code=401)]),
    "an expired certificate": _story(
        "turn-unreachable", facts=[host(), nat(), relay(TURN_UDP), relay(TURNS, Step.TLS, problem="expired")]
    ),
}
