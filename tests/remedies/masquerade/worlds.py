"""A World made up, for tests of what only decides."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any

from landfast.model.address import InterfaceAddress
from landfast.model.routing import DefaultRoute, Interface
from landfast.remedies.masquerade import persist
from landfast.remedies.masquerade.state import State, World

NO_FILES = dict.fromkeys((persist.SCRIPT, persist.UNIT, persist.WANTED, persist.RC_LOCAL))


def interface(name: str, *addresses: str) -> Interface:
    own = [address.partition("/") for address in addresses]
    return Interface(name, True, tuple(InterfaceAddress(name, ip_address(a), int(p or 32)) for a, _, p in own))


def world(**more: Any) -> World:
    """A robot with a second card; `more` replaces fields."""
    interfaces = (
        interface("lo", "127.0.0.1/8"),
        interface("wlan0", "192.168.1.10/24", "2001:db8:1::10/64"),
        interface("eth1", "10.42.0.1/24", "fd00:42::1/64"),
    )
    fields: dict[str, Any] = {
        "interfaces": interfaces,
        "defaults": (DefaultRoute("wlan0", 4, 600), DefaultRoute("wlan0", 6, 1024)),
        "ipv6": True,
        "listing": (),
        "state": State(files=NO_FILES),
        "systemd_runs": False,
    }
    return World(**(fields | more))
