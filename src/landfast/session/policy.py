"""Which of this host's addresses a session may speak from. Pure.

A socket that is bound to the address of one interface may still send through another (`model/address.py`). Behind a
MiFi that costs a robot its connection, so what is foreign to the way out is not used unless it is asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from landfast.model.address import InterfaceAddress, is_foreign, own
from landfast.model.routing import Surroundings
from landfast.session.ice.ground import Address

Policy = Literal["default-route", "all", "loopback"] | Callable[[InterfaceAddress], bool]
"""`default-route`: what is no foreign source on the interfaces that packets leave by; where nothing leads out, all.
`all`: every address that can reach anybody. `loopback`: 127.0.0.1 alone, for tests. A callable: those of `all` of
which it says True."""


def addresses(policy: Policy, around: Surroundings) -> list[Address]:
    """What may be used, best first: the source that the kernel itself would choose before its fellows."""
    if policy == "default-route":
        found = _at_home(around)
    elif policy == "all":
        found = _elsewhere(around)
    elif policy == "loopback":
        found = [each for each in around.addresses if each.address.version == 4 and each.address.is_loopback]
    else:
        found = [each for each in _elsewhere(around) if policy(each)]
    chosen = {way.source for way in around.out.values()}
    found.sort(key=lambda each: each.address not in chosen)
    return [Address(str(each.address), each.interface) for each in found]


def _elsewhere(around: Surroundings) -> list[InterfaceAddress]:
    """Loopback addresses reach nobody else, and link-local ones need a scope that no candidate can carry (RFC 8839)."""
    return [each for each in around.addresses if not each.address.is_loopback and not _is_local(each)]


def _at_home(around: Surroundings) -> list[InterfaceAddress]:
    """An address must be at home on its own family's way out, or, where that family has none, on the other's."""
    usable, out = _elsewhere(around), around.out

    def at_home(each: InterfaceAddress) -> bool:
        ways = [out[each.address.version]] if each.address.version in out else list(out.values())
        return not ways or any(not is_foreign(each.address, own(usable, way.interface)) for way in ways)

    return [each for each in usable if at_home(each)]


def _is_local(each: InterfaceAddress) -> bool:
    return each.address.version == 6 and each.address.is_link_local
