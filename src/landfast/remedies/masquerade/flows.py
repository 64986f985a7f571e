"""Which open flows leave with a foreign source. Pure; conntrack is asked and told in `apply.py`.

Source NAT is decided with a flow's first packet. A flow that was open before the rule keeps its source until conntrack
forgets it (measured: 6 packets in 3 s after the rule, 0 after the deletion).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from landfast.model.address import Address, InterfaceAddress, is_foreign, own
from landfast.model.flow import Flow
from landfast.model.routing import Question

Pair = tuple[Address, Address]
"""Source and destination. All flows of a pair leave by the same interface."""


def untranslated(
    flows: Iterable[Flow], addresses: Collection[InterfaceAddress], interfaces: Iterable[str]
) -> tuple[Pair, ...]:
    """Pairs that no NAT gives another source, and that would be foreign to at least one of `interfaces`; each once."""
    egresses = [own(addresses, interface) for interface in interfaces]
    found: dict[Pair, None] = {}
    for flow in flows:
        source = flow.original.source
        if not flow.source_translated and not source.is_loopback and any(is_foreign(source, mine) for mine in egresses):
            found[source, flow.original.destination] = None
    return tuple(found)


def question(pair: Pair, addresses: Iterable[InterfaceAddress]) -> Question:
    """What tells by which interface a pair leaves. The kernel looks up a source only if it is ours; else the
    destination must do.
    """
    source, destination = pair
    mine = any(each.address == source for each in addresses)
    return Question(destination, source if mine else None)


def leaking(
    pairs: Iterable[Pair],
    egress: Mapping[Question, str | None],
    addresses: Collection[InterfaceAddress],
    interfaces: Collection[str],
) -> tuple[Pair, ...]:
    """Those pairs that leave by one of `interfaces` and are foreign to that very one."""
    found = []
    for pair in pairs:
        interface = egress.get(question(pair, addresses))
        if interface and interface in interfaces and is_foreign(pair[0], own(addresses, interface)):
            found.append(pair)
    return tuple(found)
