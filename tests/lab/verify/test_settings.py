from __future__ import annotations

from ipaddress import ip_address

import pytest

from landfast.lab import topology
from landfast.lab.network import Budget, Gateway, Nat, Router
from landfast.lab.verify import settings
from landfast.lab.verify.measured import NONE
from landfast.model.address import InterfaceAddress
from landfast.model.routing import Interface
from tests.lab.verify.wrong import network


def interface(*addresses: str) -> Interface:
    split = [address.split("/") for address in addresses]
    return Interface("lan", True, tuple(InterfaceAddress("lan", ip_address(a), int(length)) for a, length in split))


@pytest.mark.parametrize(
    ("address", "likely", "place"),
    [
        ("203.0.113.10", "internet", "internet"),
        ("198.51.100.9", "home", "internet"),
        ("192.168.1.7", "home", "home"),
        ("192.168.1.7", "office", "office"),  # both have the same LAN
        ("192.168.9.7", "home", NONE),
    ],
)
def test_an_address_tells_on_whose_lan_it_stands(address: str, likely: str, place: str) -> None:
    plan = topology.plan(network(office=Router.model_validate({"lan": "192.168.1.0/24"})))
    assert settings.whose(plan, address, likely) == place


def test_link_local_addresses_are_nobodys() -> None:
    found = interface("192.168.1.1/24", "fe80::1/64", "2001:db8:1::1/64")
    assert settings.addresses(found) == ["192.168.1.1"]
    assert settings.addresses(found, 6) == ["2001:db8:1::1"]
    assert settings.addresses(None) == []
    assert settings.network_of(found) == "192.168.1.0/24"
    assert settings.network_of(None) == NONE


def test_what_takes_its_time_is_unknown_at_first_and_says_so() -> None:
    home = Router(nat=Nat(), budget=Budget(limit=3), gateway=Gateway(period=None))
    rows = settings.later(topology.plan(network(home)).routings["home"])
    assert {row.observed for row in rows} == {None}
    assert all("landfast lab verify" in row.how for row in rows)
    assert {row.axis: row.declared for row in rows} == {
        "nat.refresh": "both",
        "nat.max_age": NONE,
        "budget": "yes",
        "budget.of": "sessions",
        "budget.limit": 3,
        "budget.refusal": "drop",
        "gateway.limit": 10,
        "gateway.period": NONE,
        "gateway.outage": 3,
        "gateway.new_address": True,
    }
