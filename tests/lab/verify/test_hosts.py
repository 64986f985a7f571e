from __future__ import annotations

from ipaddress import ip_address
from typing import Any

import pytest

from landfast.lab import topology
from landfast.lab.network import Bridge, Host, Interface
from landfast.lab.topology import Attachment, bridge_port
from landfast.lab.verify import hosts
from landfast.lab.verify.measured import NONE, Value
from landfast.model.address import InterfaceAddress
from landfast.model.routing import Interface as Held
from tests.lab.verify.wrong import network

ROBOT = Host.model_validate(
    {
        "interfaces": {"wlan0": Interface(via="home"), "eth1": {"address": "10.42.0.1/24"}},
        "bridges": {"docker0": Bridge()},
        "foreign_ipv6": "2001:db8:ffff::1",
    }
)
HELD = {"lo": [], "wlan0": ["192.168.1.10/24"], "eth1": ["10.42.0.1/24"], "docker0": ["172.17.0.1/16"]}
HELD |= {bridge_port("docker0"): [], "foreign6": ["2001:db8:ffff::1/64", "fe80::1/64"]}


def observed(held: dict[str, list[str]], answered: bool = True) -> dict[str, Value | None]:
    faces = {}
    for name, addresses in held.items():
        split = [address.split("/") for address in addresses]
        faces[name] = Held(name, True, tuple(InterfaceAddress(name, ip_address(a), int(n)) for a, n in split))
    plan = topology.plan(network(robot=ROBOT))
    return {row.axis: row.observed for row in hosts.interfaces(plan, "robot", faces, {"wlan0": answered})}


AS_DECLARED: dict[str, Any] = {
    "interfaces.wlan0.via": "home",
    "interfaces.eth1.address": "10.42.0.1/24",
    "bridges.docker0.address": "172.17.0.1/16",
    "foreign_ipv6": "2001:db8:ffff::1",
}


def test_a_host_as_declared_has_nothing_else() -> None:
    assert observed(HELD) == AS_DECLARED


def test_what_is_missing_and_what_is_too_much_is_told() -> None:
    without = {name: addresses for name, addresses in HELD.items() if name not in ("eth1", "foreign6")}
    assert observed({**without, "tun0": []}) == {
        **AS_DECLARED,
        "interfaces.eth1.address": NONE,
        "foreign_ipv6": NONE,
        "interfaces": "tun0",
    }


def test_an_interface_that_nothing_comes_back_to_leads_nowhere() -> None:
    assert observed(HELD, answered=False)["interfaces.wlan0.via"] == "home, unreachable"


FIRST, SECOND = topology.plan(
    network(robot=Host(interfaces={"wlan0": Interface(via="home"), "lte0": Interface(via="internet")}))
).attachments[:2]


@pytest.mark.parametrize(
    ("fate", "own", "routing"),
    [
        (hosts._Fate(refused=True), None, "strong"),
        (hosts._Fate(False, "home", "10.42.0.1"), None, "weak"),
        (hosts._Fate(False), None, None),
        (hosts._Fate(False, "home", "192.0.2.20"), SECOND, "weak"),  # by the first interface, with the second's source
        (hosts._Fate(False, "internet", "192.0.2.20"), SECOND, "strong"),
        (hosts._Fate(False, "home", "192.0.2.20"), FIRST, None),  # both lead the same way
    ],
)
def test_where_a_packet_appears_tells_how_a_host_routes(
    fate: hosts._Fate, own: Attachment | None, routing: str | None
) -> None:
    assert hosts._routing(fate, FIRST, own) == routing
