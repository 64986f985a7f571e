"""All wishes that there are, for tests that hold for every one."""

from __future__ import annotations

from ipaddress import ip_address
from itertools import product
from typing import Literal

from hypothesis import strategies as st

from landfast.remedies.masquerade.options import Action, Scope
from landfast.remedies.masquerade.ruleset import Form, Wanted

BACKENDS: tuple[Literal["nft", "iptables"], ...] = ("nft", "iptables")
WAYS: tuple[Literal["lookup", "address"], ...] = ("lookup", "address")
SCOPES: tuple[Scope, ...] = ("foreign", "all")
ACTIONS: tuple[Action, ...] = ("masquerade", "drop")
FOREIGN = tuple(
    (egress, ip_address(address)) for egress in ("wlan0", "wwan0") for address in ("10.42.0.1", "172.17.0.1", "fd00::1")
)

ALL = tuple(
    Wanted(interfaces, Form(backend, by, spares), scope, action, nat66, ipv6, FOREIGN if by == "address" else ())
    for interfaces, backend, by, spares, scope, action, nat66, ipv6 in product(
        (("wlan0",), ("wlan0", "wwan0")), BACKENDS, WAYS, (True, False), SCOPES, ACTIONS, (False, True), (False, True)
    )
    if not (nat66 and (action == "drop" or not ipv6)) and (backend, action, scope) != ("iptables", "drop", "all")
)
any_wish = st.sampled_from(ALL)
