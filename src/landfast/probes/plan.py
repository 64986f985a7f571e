"""Which questions, of whom, in which order, within a budget; and what cannot be asked, with the option that would
allow it. Pure.

The order is that of harm and of dependence:

1. the host itself, for without a way out nothing else can be asked;
2. what is quick and gentle: mapping before filtering on each socket (`Translation` keeps that order itself), and long
   packets afterwards, so that they do not slow the round trips;
3. what may make the network react: foreign sources one by one, then a real connection. A session that ended by them
   needs time, so what comes later waits until the network answers again;
4. what needs many mappings: lifetimes, then the budget of ports, which is used up when it has been measured.

All mappings of a plan together stay within a budget, as if none were given back: nothing is known to do that. Nobody
is asked to send a packet to itself through the NAT (hairpin): firewalls take that for an attack.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from ipaddress import ip_address
from typing import get_args

from landfast.diagnose.evidence import Evidence
from landfast.errors import UnknownName
from landfast.model.facts import DefaultRouteSeen, Endpoint, Fact, InterfaceSeen, MappedAddress, NoReply, ServerProbed
from landfast.model.iceservers import TurnServer
from landfast.probes.questions import (
    CarrierNat,
    Interfaces,
    Leak,
    Lifetime,
    Nat64,
    Opens,
    PathMtu,
    Ports,
    Question,
    Reflector,
    Relay,
    RoundTrip,
    Settled,
    SixWays,
    Translation,
)

BUDGET = 256
"""Mappings. Carriers give a subscriber 512 ports and more (Richter et al., IMC 2016): half of the least stays free."""

QUICK = 2.0
"""Seconds for the questions of a quick plan, so that the whole process takes 3: its start takes half a one."""

NOWHERE: Endpoint = ("192.0.2.1", 9)
"""Where to send what must only leave: a documentation address (RFC 5737), which nobody has, and the discard port."""

FEWEST_PORTS = 32
"""Asking for fewer mappings than this says nothing about a budget: any application has as many."""
FEWEST_LIFETIMES = 24
"""Sockets. Fewer cannot tell 120 s in three states within a tenth."""

OLDEST = 80.0
"""Seconds that a full plan looks for an age at which mappings die: 50 to 75 were seen (T-Mobile US; iroh issue 4424)
in spite of heartbeats."""


class Effort(StrEnum):
    """How long it may take."""

    QUICK = "quick"
    """Three seconds."""
    USUAL = "usual"
    """Half a minute."""
    FULL = "full"
    """Until every lifetime is over."""


@dataclass(frozen=True)
class Wish:
    """What somebody wants to know. `only`: the names of questions; `interfaces`: uplinks, each asked by itself."""

    effort: Effort = Effort.USUAL
    only: tuple[str, ...] = ()
    interfaces: tuple[str, ...] = ()
    budget: int = BUDGET

    def __post_init__(self) -> None:
        for name in self.only:
            if name not in NAMES:
                raise UnknownName("question", name, NAMES)

    @property
    def quick(self) -> bool:
        """Whether there is a limit: who asks for one thing only waits for it."""
        return self.effort is Effort.QUICK and not self.only


@dataclass(frozen=True)
class Servers:
    """Whom there is to ask; all of it may be empty. `authority`: a file with another root certificate."""

    stun: tuple[Endpoint, ...] = ()
    reflectors: tuple[Reflector, ...] = ()
    relays: tuple[TurnServer, ...] = ()
    authority: str = ""

    @property
    def asked(self) -> tuple[Endpoint, ...]:
        """Those that are asked by STUN, the best first: a reflector knows most."""
        return tuple(dict.fromkeys([*(r.stun[0] for r in self.reflectors if r.stun), *self.stun]))


@dataclass(frozen=True)
class OpenQuestion:
    """What is not known, why not, and the option that would tell. `option` may be empty: then nothing would, here."""

    name: str
    """The question's, as `--only` calls it."""
    what: str
    because: str
    option: str = ""

    def __str__(self) -> str:
        way = f"; to learn it: {self.option}" if self.option else ""
        return f"{self.what}: {self.because}{way}"


@dataclass(frozen=True)
class Plan:
    """Stages, one after another; the questions of one stage are asked at once. `limit`: seconds for all of it."""

    stages: tuple[tuple[Question, ...], ...]
    unasked: tuple[OpenQuestion, ...] = ()
    limit: float | None = None

    @property
    def questions(self) -> tuple[Question, ...]:
        """All of them, in order."""
        return tuple(question for stage in self.stages for question in stage)

    @property
    def mappings(self) -> int:
        """The most that a NAT may have to keep for all of it."""
        return sum(question.mappings for question in self.questions)


NAMES = tuple(kind.name for kind in get_args(Question) if kind is not Settled)
"""The questions by name."""

LEARNS = {
    "interfaces": "which addresses can leave where",
    "leak": "whether packets leave with a foreign source",
    "nat": "how the NAT maps and filters, and whether the public address is stable",
    "round-trip": "the round trip and the loss",
    "ports": "how many mappings this network gives",
    "lifetime": "how long a binding lives",
    "mtu": "whether long packets pass",
    "ipv6": "in which directions IPv6 works",
    "relay": "whether the application's TURN servers can be used",
    "carrier": "whether there is another NAT behind the first",
    "nat64": "whether IPv4 is reached by NAT64",
    "opens": "what a real WebRTC connection does to the public address",
}
"""What each question tells, by its name."""

_STAGES = (
    ("interfaces",),
    ("nat", "round-trip", "ipv6", "relay", "carrier"),
    ("mtu",),
    ("leak", "nat64"),
    ("opens",),
    ("lifetime",),
    ("ports",),
)
_AT_ONCE = (("interfaces",), NAMES[1:])
"""Of a quick plan, where nothing that hangs may keep the others from being asked. Nothing in it disturbs the network:
an agent gathers only where there is a server, and here the foreign sources are sent nowhere."""
_DISTURBING = {"opens", "leak"}
_BY_EFFORT = {
    Effort.QUICK: ("interfaces", "nat", "ipv6", "relay", "nat64", "leak"),
    Effort.USUAL: tuple(name for name in NAMES if name != "lifetime"),
    Effort.FULL: NAMES,
}
_STUN = "--server stun:HOST"
_REFLECTOR = "--server reflector:HOST (run `landfast reflector` there)"
_NEEDS = {
    "nat": _STUN,
    "round-trip": _STUN,
    "ports": _STUN,
    "mtu": _STUN,
    "opens": _STUN,
    "lifetime": _REFLECTOR,
    "ipv6": f"{_REFLECTOR} with an IPv6 address",
    "relay": "--ice-servers FILE (what the application gives to RTCPeerConnection)",
}
"""What a question needs beyond this host, as the option that brings it."""


def plan(wish: Wish, servers: Servers) -> Plan:
    """The questions for a wish, and what is left open by it from the start."""
    wanted = wish.only or _BY_EFFORT[wish.effort]
    left: list[OpenQuestion] = []
    found: dict[str, list[Question]] = {}
    for name in NAMES:
        if name not in wanted:
            if not wish.only:
                left.append(_not_wanted(name, wish.effort, servers))
        elif not (questions := list(_questions(name, wish, servers))):
            left.append(OpenQuestion(name, LEARNS[name], "nobody is known who could be asked", _NEEDS[name]))
        else:
            found[name] = questions
    afforded, beyond = _within(wish.budget, found)
    order = _AT_ONCE if wish.quick else _STAGES
    stages = [tuple(q for name in names for q in afforded.get(name, ())) for names in order]
    settling = _settling([stage for stage in stages if stage], servers)
    return Plan(tuple(settling), (*left, *beyond), QUICK if wish.quick else None)


def _not_wanted(name: str, effort: Effort, servers: Servers) -> OpenQuestion:
    option = "--full" if name == "lifetime" else f"leave --{effort} out"
    if not _possible(name, servers):
        option += f", and give {_NEEDS[name]}"
    return OpenQuestion(name, LEARNS[name], "it takes longer than was asked for", option)


def _possible(name: str, servers: Servers) -> bool:
    return bool(list(_questions(name, Wish(), servers)))


def _questions(name: str, wish: Wish, servers: Servers) -> Iterator[Question]:
    """A question's instances: of whom, and by which uplink; none where nobody can be asked."""
    uplinks = wish.interfaces or ("",)
    first = next(iter(servers.asked), None)
    towards = first or NOWHERE
    match name:
        case "interfaces":
            yield Interfaces()
        case "leak":
            yield Leak(NOWHERE if wish.quick else towards)
        case "carrier":
            yield CarrierNat(towards)
        case "nat64":
            yield Nat64()
        case "relay":
            yield from (Relay(relay, servers.authority) for relay in servers.relays)
        case "ipv6":
            yield from (SixWays(reflector) for reflector in servers.reflectors[:1] if reflector.stun6)
        case "lifetime":
            age = OLDEST if wish.effort is Effort.FULL else 0.0
            reflectors = servers.reflectors[:1]
            yield from (Lifetime(reflector, uplink, oldest=age) for reflector in reflectors for uplink in uplinks)
        case "nat" if first:
            # Over IPv6 too, where there is the time for it: NATs are rare there, and filters are not.
            six = [reflector.stun6[0] for reflector in servers.reflectors[:1] if reflector.stun6]
            both = (first, *six) if wish.effort is Effort.FULL or wish.only else (first,)
            others = [_other(server, servers) for server in both]
            yield from (
                Translation(server, uplink, other=other)
                for server, other in zip(both, others, strict=True)
                for uplink in uplinks
            )
        case "round-trip":
            yield from (RoundTrip(server, uplink) for server in servers.asked for uplink in uplinks)
        case "ports" if first:
            yield from (Ports(first, uplink) for uplink in uplinks)
        case "mtu" if first:
            yield from (PathMtu(first, uplink) for uplink in uplinks)
        case "opens" if first:
            yield Opens(first, times=3 if wish.effort is Effort.FULL or wish.only else 2)


def _other(server: Endpoint, servers: Servers) -> Endpoint | None:
    """Another place of the same reflector: at its other address and other port, else at one of them."""
    for reflector in servers.reflectors:
        places = (*reflector.stun, *reflector.stun6)
        if server in places:
            of_family = [place for place in places if (":" in place[0]) == (":" in server[0]) and place != server]
            return max(of_family, key=lambda place: (place[0] != server[0]) + (place[1] != server[1]), default=None)
    return None


def _within(budget: int, found: dict[str, list[Question]]) -> tuple[dict[str, list[Question]], list[OpenQuestion]]:
    """What a budget of mappings allows: the small ones first, in order; lifetimes and ports share what remains."""
    afforded: dict[str, list[Question]] = {}
    beyond = []
    remaining = budget - len(_DISTURBING & set(found))  # each is waited for, on a socket of its own
    for name, questions in found.items():
        cost = sum(question.mappings for question in questions)
        if name in {"lifetime", "ports"}:
            continue
        if cost > remaining:
            beyond.append(_unaffordable(name, budget, cost))
            continue
        remaining -= cost
        afforded[name] = questions
    # Lifetimes are many moments in three states, a budget of ports is one number: three parts and two.
    shares = {"lifetime": remaining * 3 // 5 if "ports" in found else remaining}
    for name, fewest in (("lifetime", FEWEST_LIFETIMES), ("ports", FEWEST_PORTS)):
        questions = found.get(name, [])
        if not questions:
            continue
        each = shares.get(name, remaining) // len(questions)
        if each < fewest:
            beyond.append(_unaffordable(name, budget, fewest * len(questions)))
            continue
        afforded[name] = [_limited(question, each) for question in questions]
        remaining -= sum(question.mappings for question in afforded[name])
    return afforded, beyond


def _limited(question: Question, most: int) -> Question:
    match question:
        case Lifetime():
            return replace(question, mappings=min(question.mappings, most))
        case Ports():
            return replace(question, most=min(question.most, most))
    return question


def _unaffordable(name: str, budget: int, cost: int) -> OpenQuestion:
    because = f"it needs {cost} mappings, and {budget} are the most for all questions"
    return OpenQuestion(name, LEARNS[name], because, f"--only {name}, or --mappings with a larger number")


def _settling(stages: list[tuple[Question, ...]], servers: Servers) -> Iterator[tuple[Question, ...]]:
    """After what may disturb the network, wait for it: but not where nothing follows, or nobody answers."""
    disturbed = False
    for stage in stages:
        if disturbed and servers.asked:
            yield (Settled(servers.asked[0]),)
        yield stage
        disturbed = any(question.name in _DISTURBING for question in stage)


def pointless(question: Question, facts: Collection[Fact]) -> str:
    """Why a question can tell nothing more, after what was seen; empty while it can."""
    looked = any(isinstance(fact, InterfaceSeen) for fact in facts)
    families = {fact.family for fact in facts if isinstance(fact, DefaultRouteSeen)}
    if isinstance(question, Interfaces) or not looked:
        return ""
    if not families:
        return "this host has no default route"
    if isinstance(question, SixWays) and 6 not in families:
        return "this host has no default route for IPv6"
    server = _server(question)
    if server and (6 if ":" in server[0] else 4) not in families:
        return f"this host has no default route to {server[0]}"
    if server and not isinstance(question, Translation | RoundTrip) and _silent(server, facts):
        return f"{server[0]} does not answer"
    return ""


def _server(question: Question) -> Endpoint | None:
    match question:
        case Translation() | RoundTrip() | Ports() | PathMtu() | Opens() | Settled():
            return question.server
        case Lifetime():
            return next(iter(question.reflector.stun), None)
    return None


def _silent(server: Endpoint, facts: Iterable[Fact]) -> bool:
    """It was asked often enough (`diagnose.nat.CONVINCING_SILENCE`), and never answered."""
    answered = any(
        isinstance(fact, MappedAddress) or (isinstance(fact, ServerProbed) and fact.answers)
        for fact in facts
        if getattr(fact, "server", ("", 0))[0] == server[0]
    )
    return not answered and any(isinstance(fact, NoReply) and fact.server[0] == server[0] for fact in facts)


def undecided(asked: Iterable[Question], facts: Collection[Fact]) -> Iterator[OpenQuestion]:
    """What answers left open that another server would tell."""
    if not any(isinstance(question, Translation) for question in asked):
        return
    seen = Evidence(facts).translations
    if not seen:
        yield OpenQuestion("nat", LEARNS["nat"], "no server that was asked over UDP answered", "another --server")
    for family in sorted({ip_address(one.address).version for one in seen}):
        nats = [one.nat for one in seen if ip_address(one.address).version == family]
        reason, option = _why(family, facts)
        if all(nat.mapping is None for nat in nats):
            yield OpenQuestion("nat", f"whether the mapping depends on the destination (IPv{family})", reason, option)
        if all(nat.filtering is None for nat in nats):
            yield OpenQuestion("nat", f"whose packets the NAT lets in (IPv{family})", reason, option)


def _why(family: int, facts: Iterable[Fact]) -> tuple[str, str]:
    """Why the answers of a family do not tell, and the option that would."""
    probed = [fact for fact in facts if isinstance(fact, ServerProbed) and (":" in fact.server[0]) == (family == 6)]
    if any("other-address" in fact.offers for fact in probed):
        return "the answers do not tell: too many were lost, or something changed meanwhile", "ask again"
    return "the server has one address only", f"{_REFLECTOR} with two addresses"
