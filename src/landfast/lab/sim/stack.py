"""What `ip` does: a plan's lines → the addresses and routes of one host or router, as Linux keeps them. Pure.

It takes the same lines that `build.py` gives to `ip -batch`, those of events included (`lab/hosts.py`), so that there
is one description of a network and not two.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import ip_address, ip_interface, ip_network
from typing import NamedTuple

MAIN = "main"
_BITS = {False: 32, True: 128}


class Held(NamedTuple):
    """An address on an interface, and its subnet."""

    address: str
    network: int
    shift: int
    six: bool

    def covers(self, number: int) -> bool:
        """Whether an address of its family lies in its subnet."""
        return number >> self.shift == self.network


class Route(NamedTuple):
    """A line of a routing table. `face` None: unreachable."""

    table: str
    network: int
    shift: int
    six: bool
    face: str | None
    via: str | None
    metric: int


class Hop(NamedTuple):
    """Where a packet goes next: out of which interface, to whose address, and with which source unless it has one."""

    face: str
    to: str
    source: str


class Face:
    """An interface."""

    def __init__(self) -> None:
        self.up = False
        self.held: list[Held] = []


@lru_cache(maxsize=1 << 16)
def number(address: str) -> int:
    """An address as a number."""
    return int(ip_address(address))


@lru_cache(maxsize=1 << 12)
def _held(text: str) -> Held:
    read = ip_interface(text)
    six = read.version == 6
    shift = _BITS[six] - read.network.prefixlen
    return Held(str(read.ip), int(read.network.network_address) >> shift, shift, six)


@lru_cache(maxsize=1 << 12)
def _prefix(text: str) -> tuple[int, int, bool]:
    read = ip_network("0.0.0.0/0" if text == "default" else text)
    six = read.version == 6
    shift = _BITS[six] - read.prefixlen
    return int(read.network_address) >> shift, shift, six


class Stack:
    """Addresses and routes of one place. `do` changes them, everything else looks."""

    def __init__(self, lines: Iterable[str]) -> None:
        self.faces: dict[str, Face] = {}
        self.local: dict[str, str] = {}
        """Each address that is ours, and its interface."""
        self._routes: list[Route] = []
        self._rules: dict[str, str] = {}
        self._known: dict[str, dict[str, Hop | None]] = {}  # by the source for which there is a rule, or ""
        self.do(lines)

    def do(self, lines: Iterable[str]) -> None:
        """Follow lines of `ip -batch`."""
        for line in lines:
            what, how, *words = line.split()
            {"link": self._link, "address": self._address, "route": self._route, "rule": self._rule}[what](how, words)
        self.local = {held.address: name for name, face in self.faces.items() for held in face.held}
        self._known = {source: {} for source in ("", *self._rules)}

    def hop(self, destination: str, source: str = "") -> Hop | None:
        """Where a packet to `destination` goes; None where no route leads. `source` as it was bound, or empty."""
        ruled = source if source in self._rules else ""
        known = self._known[ruled]
        try:
            return known[destination]
        except KeyError:
            found = known[destination] = self._hop(destination, ruled)
            return found

    def addresses(self, face: str) -> list[str]:
        """Those of an interface; none while it is down."""
        at = self.faces[face]
        return [held.address for held in at.held] if at.up else []

    def default(self, *, six: bool) -> str | None:
        """The interface of the default route of a family."""
        routes = [r for r in self._routes if r.six == six and r.table == MAIN and r.shift == _BITS[six] and r.face]
        return min(routes, key=lambda route: route.metric).face if routes else None

    def _hop(self, destination: str, source: str) -> Hop | None:
        if source and (route := self._best(destination, self._rules[source])):
            return self._through(route, destination)
        route = self._best(destination, MAIN)
        return self._through(route, destination) if route else None

    def _best(self, destination: str, table: str) -> Route | None:
        """The longest prefix, then the lowest metric."""
        six, at = ":" in destination, number(destination)
        routes = [r for r in self._routes if r.table == table and r.six == six and at >> r.shift == r.network]
        if table == MAIN:
            routes += [
                Route(MAIN, held.network, held.shift, six, name, None, 0)
                for name, face in self.faces.items()
                if face.up
                for held in face.held
                if held.six == six and held.covers(at)
            ]
        return min(routes, key=lambda route: (route.shift, route.metric), default=None)

    def _through(self, route: Route, destination: str) -> Hop | None:
        if route.face is None:
            return None
        to = route.via or destination
        held = [held for held in self.faces[route.face].held if held.six == route.six]
        source = next((each for each in held if each.covers(number(to))), held[0] if held else None)
        return Hop(route.face, to, source.address if source else "")

    def _link(self, how: str, words: list[str]) -> None:
        if how == "add":
            self.faces[words[0]] = Face()
            return
        name, *said = words[1:]
        face = self.faces.setdefault(name, Face())
        if said == ["up"]:
            face.up = True
        elif said == ["down"]:  # the kernel forgets routes, and addresses of IPv6
            face.up = False
            face.held = [held for held in face.held if not held.six]
            self._routes = [route for route in self._routes if route.face != name]

    def _address(self, how: str, words: list[str]) -> None:
        held, face = _held(words[0]), self.faces[words[2]]
        if how == "del":
            face.held.remove(held)
        elif held not in face.held:
            face.held.append(held)

    def _route(self, how: str, words: list[str]) -> None:
        unreachable = words[0] == "unreachable"
        prefix, *rest = words[unreachable:]
        if "proto" in rest:  # a connected route anew, for the sake of its MTU
            return
        said = dict(zip(rest[::2], rest[1::2], strict=True))
        network, shift, six = _prefix(prefix)
        via, face = said.get("via"), said.get("dev")
        if via and not face:
            face = next(
                name
                for name, each in self.faces.items()
                if any(held.six == six and held.covers(number(via)) for held in each.held)
            )
        table, metric = said.get("table", MAIN), int(said.get("metric", 0))
        if how == "replace":
            same = (table, network, shift, six, metric)
            self._routes = [r for r in self._routes if (r.table, r.network, r.shift, r.six, r.metric) != same]
        self._routes.append(Route(table, network, shift, six, None if unreachable else face, via, metric))

    def _rule(self, how: str, words: list[str]) -> None:
        said = dict(zip(words[::2], words[1::2], strict=True))
        if how == "add":
            self._rules[said["from"]] = said["lookup"]
        else:
            del self._rules[said["from"]]
