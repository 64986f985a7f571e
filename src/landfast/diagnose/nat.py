"""STUN answers → the words of RFC 4787. It never guesses: what the facts do not show is None.

Classic testers go wrong where an answer is lost, where the public address changes during the test, and where a pool is
not paired. Hence the rules here:

* **A difference between two servers counts only inside a sandwich**: X saw m, then Y saw n, then X saw m again, on one
  socket. Without the second look at X the mapping may simply have been replaced in between.
* **An equality counts at once**, except where it may be luck: in an arbitrary pool that preserves ports.
* **Silence counts only** after CONVINCING_SILENCE unanswered requests, from a responder that is known to answer when
  asked itself, on a socket whose plain requests were answered before and after.

So ask: (1) on each of several sockets, one question at a time, server X, its other port, its other address, X again;
(2) on fresh sockets X, then X with CHANGE-REQUEST, then X again; (3) at the very end X on the first socket once more.
Give the facts of one local address and one address family. A NAT that preserves ports while it can looks
endpoint-independent, which it is in effect.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import combinations, groupby, pairwise

from landfast.model.facts import ChangedResponse, Endpoint, Fact, MappedAddress, NoReply
from landfast.model.nat import Filtering, Mapping, NatBehaviour, Pooling

CONVINCING_SILENCE = 5
"""Requests. At 10 % loss each way a round trip fails with 19 %: five in a row with 0.025 %, once in 4000 tests."""

ENOUGH_MAPPINGS = 12
"""Mappings that must share an address, or flows a port, before it is no luck: in a pool of two, 2**-11 is 0.05 %."""

SHORTEST_LIFETIME = 10.0
"""Seconds. No mapping is known to expire sooner (Richter et al., IMC 2016: carriers' UDP timeouts are 10 to 200 s)."""

Flow = tuple[Endpoint, Endpoint]
"""Local and server."""


def behaviour(facts: Iterable[Fact]) -> NatBehaviour:
    """What the facts show of the NATs between a host and the servers it asked. Facts of other kinds are passed over."""
    facts = list(facts)
    seen = sorted((fact for fact in facts if isinstance(fact, MappedAddress)), key=lambda fact: fact.at)
    if not seen:
        return NatBehaviour()
    pooling = _pooling(seen)
    preserved = all(fact.mapped[1] == fact.local[1] for fact in seen)
    return NatBehaviour(
        mapping=_mapping(seen, luck=preserved and pooling is Pooling.ARBITRARY),
        filtering=_filtering(facts, seen),
        pooling=pooling,
        translated=_translated(seen),
        port_preserved=preserved,
        address_changed=_address_changed(seen, pooling),
        port_changed=_port_changed(seen),
    )


def _translated(seen: Sequence[MappedAddress]) -> bool | None:
    """A socket that follows the routes does not know its own address, and so tells nothing of this."""
    bound = [fact for fact in seen if fact.local[0] not in ("0.0.0.0", "::")]
    return any(fact.mapped != fact.local for fact in bound) if bound else None


def _flows(seen: Iterable[MappedAddress]) -> dict[Flow, list[MappedAddress]]:
    flows = defaultdict(list)
    for fact in seen:
        flows[fact.local, fact.server].append(fact)
    return flows


def _pooling(seen: Sequence[MappedAddress]) -> Pooling | None:
    runs = [(address, list(run)) for address, run in groupby(seen, key=lambda fact: fact.mapped[0])]
    if len(runs) > len({address for address, _ in runs}):
        return Pooling.ARBITRARY  # one address was seen before and after another: both are in use at once
    if any(len({(fact.local, fact.mapped) for fact in run}) >= ENOUGH_MAPPINGS for _, run in runs):
        return Pooling.PAIRED
    return None


def _address_changed(seen: Sequence[MappedAddress], pooling: Pooling | None) -> bool | None:
    moves = [
        after.at - before.at
        for flow in _flows(seen).values()
        for before, after in pairwise(flow)
        if before.mapped[0] != after.mapped[0]
    ]
    if not moves:
        return False if _watched_throughout(seen) else None
    # Later than that the mapping may have expired, and in a pool its successor may stand anywhere.
    return True if min(moves) < SHORTEST_LIFETIME or pooling is Pooling.PAIRED else None


def _port_changed(seen: Sequence[MappedAddress]) -> bool | None:
    moved = any(
        before.mapped[0] == after.mapped[0] and before.mapped[1] != after.mapped[1]
        for flow in _flows(seen).values()
        for before, after in pairwise(flow)
    )
    return True if moved else False if _watched_throughout(seen) else None


def _watched_throughout(seen: Sequence[MappedAddress]) -> bool:
    """One flow was seen first and last of all, so that nothing can have changed behind its back."""
    first, last = seen[0], seen[-1]
    return len(seen) > 1 and (first.local, first.server) == (last.local, last.server)


def _mapping(seen: Sequence[MappedAddress], *, luck: bool) -> Mapping | None:
    same: set[tuple[bool, bool]] = set()
    different: set[tuple[bool, bool]] = set()
    by_local = defaultdict(list)
    for fact in seen:
        by_local[fact.local].append(fact)
    for facts in by_local.values():
        for one, other in combinations(sorted({fact.server for fact in facts}), 2):
            pair = [fact for fact in facts if fact.server in (one, other)]
            kind = (one[0] != other[0], one[1] != other[1])  # whether address and port differ
            if _sandwiched(pair):
                different.add(kind)
            elif _shared(pair):
                same.add(kind)
    if luck and len(_flows(seen)) - len({(fact.local, fact.mapped) for fact in seen}) < ENOUGH_MAPPINGS:
        same.clear()
    across = {(True, False), (True, True)}
    if (False, True) in different:
        return Mapping.ADDRESS_AND_PORT_DEPENDENT
    if across & different:
        return Mapping.ADDRESS_DEPENDENT if (False, True) in same else None
    return Mapping.ENDPOINT_INDEPENDENT if across & same else None


def _sandwiched(pair: Sequence[MappedAddress]) -> bool:
    for place, middle in enumerate(pair):
        before = {(fact.server, fact.mapped) for fact in pair[:place]}
        after = {(fact.server, fact.mapped) for fact in pair[place:]}
        if any(server != middle.server and mapped != middle.mapped for server, mapped in before & after):
            return True
    return False


def _shared(pair: Sequence[MappedAddress]) -> bool:
    servers = defaultdict(set)
    for fact in pair:
        servers[fact.mapped].add(fact.server)
    return any(len(saw) > 1 for saw in servers.values())


def _filtering(facts: Sequence[Fact], seen: Sequence[MappedAddress]) -> Filtering | None:
    met = {(fact.local, fact.server) for fact in facts if isinstance(fact, MappedAddress | NoReply)}
    answering = {fact.server for fact in seen}
    received = {True: 0, False: 0}  # by whether the responder has another address than the server that was asked
    unanswered = {True: 0, False: 0}
    for fact in facts:
        if not isinstance(fact, ChangedResponse) or _is_no_stranger(fact, met):
            continue
        elsewhere = fact.responder[0] != fact.asked[0]
        received[elsewhere] += fact.received
        if fact.responder in answering and _path_worked_around(fact, seen):
            unanswered[elsewhere] += fact.sent
    silent = {where: not received[where] and count >= CONVINCING_SILENCE for where, count in unanswered.items()}
    if received[True]:
        return Filtering.ENDPOINT_INDEPENDENT
    if silent[False]:
        return Filtering.ADDRESS_AND_PORT_DEPENDENT
    return Filtering.ADDRESS_DEPENDENT if received[False] and silent[True] else None


def _is_no_stranger(fact: ChangedResponse, met: Iterable[Flow]) -> bool:
    """The socket has sent to the responder by itself: the NAT may let it in for that."""
    for local, server in met:
        if local == fact.local:
            elsewhere = fact.responder[0] != fact.asked[0]
            if server == fact.responder or (elsewhere and server[0] == fact.responder[0]):
                return True
    return False


def _path_worked_around(fact: ChangedResponse, seen: Iterable[MappedAddress]) -> bool:
    plain = [other.at for other in seen if (other.local, other.server) == (fact.local, fact.asked)]
    return any(at <= fact.at for at in plain) and any(at >= fact.at for at in plain)
