"""Which pairs there are: our sockets with the peer's candidates, and addresses that nobody signalled. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import ip_address

from landfast.model.facts import Endpoint
from landfast.session.ice.candidate import COMPONENT, PREFERENCE, Candidate, Type, foundation
from landfast.session.ice.events import Path, Socket
from landfast.session.ice.pairs import NEVER, Pair, Pairs

_LEAST = PREFERENCE[Type.PEER_REFLEXIVE] << 24


def can_pair(base: Candidate, remote: Candidate) -> bool:
    """RFC 8445, section 6.1.2.2: one family, link-local only with link-local. Names and TCP are not paired."""
    if remote.transport != "udp" or remote.component != COMPONENT or not remote.endpoint[1]:
        return False
    ours, theirs = _scope(base.endpoint[0]), _scope(remote.endpoint[0])
    return ours is not None and ours == theirs


@lru_cache(1 << 12)
def _scope(address: str) -> tuple[int, bool] | None:
    """Its family, and whether it is link-local; None of a name."""
    try:
        read = ip_address(address)
    except ValueError:
        return None
    return read.version, read.is_link_local


def form(pairs: Pairs, bases: Iterable[tuple[Socket, Candidate]], remotes: Iterable[Candidate]) -> list[Pair]:
    """Make those that are missing, and give them. A stranger that is signalled is none any more."""
    new: list[Pair] = []
    remotes = list(remotes)
    for socket, base in bases:
        for remote in remotes:
            path = Path(socket, remote.endpoint)
            known = pairs.get(path)
            if known is None and can_pair(base, remote):
                made = Pair(path, base, remote, base)
                new += [made] if pairs.add(made) else []
            elif known and known.stranger:
                known.remote, known.stranger = remote, False
    return new


def stranger(path: Path, base: Candidate, priority: int | None, asked: float = NEVER) -> Pair:
    """An address that was not signalled: peer-reflexive if a signed check came from it (RFC 8445, section 7.3.1.3)."""
    worth = _LEAST if priority is None else priority
    remote = Candidate(Type.PEER_REFLEXIVE, path.remote, worth, foundation(Type.PEER_REFLEXIVE, path.remote[0]))
    return Pair(path, base, remote, base, stranger=True, asked=asked)


def seen_as(mapped: Endpoint, base: Candidate, known: Iterable[Candidate], priority: int) -> Candidate:
    """Our candidate as the peer sees it: one that we know, or a peer-reflexive one (RFC 8445, section 7.2.5.3.1)."""
    for candidate in (base, *known):
        if candidate.endpoint == mapped:
            return candidate
    kind = Type.PEER_REFLEXIVE
    return Candidate(kind, mapped, priority, foundation(kind, base.endpoint[0]), related=base.endpoint)
