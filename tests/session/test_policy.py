from __future__ import annotations

from ipaddress import ip_address

from hypothesis import given
from hypothesis import strategies as st

from landfast.model.address import InterfaceAddress
from landfast.model.routing import Surroundings, Way
from landfast.session.policy import addresses


def held(interface: str, address: str, prefix: int = 24) -> InterfaceAddress:
    return InterfaceAddress(interface, ip_address(address), prefix)


ROBOT = (
    held("lo", "127.0.0.1", 8),
    held("lo", "::1", 128),
    held("can0", "10.42.0.1"),
    held("wlan0", "192.168.1.9"),
    held("wlan0", "192.168.1.10"),
    held("wlan0", "fd00::2", 64),
    held("wlan0", "fe80::2", 64),
)
BY_WLAN = ((4, Way("wlan0", ip_address("192.168.1.10"))),)


def test_what_would_be_a_foreign_source_is_not_used() -> None:
    found = addresses("default-route", Surroundings(ROBOT, BY_WLAN))
    assert [each.address for each in found] == ["192.168.1.10", "192.168.1.9", "fd00::2"]
    assert {each.interface for each in found} == {"wlan0"}


def test_each_family_is_at_home_on_its_own_way_out() -> None:
    around = Surroundings(
        (held("wlan0", "192.168.1.10"), held("wlan0", "2001:db8::1", 64), held("wwan0", "2001:db8:1::1", 64)),
        (*BY_WLAN, (6, Way("wwan0", None))),
    )
    assert [each.address for each in addresses("default-route", around)] == ["192.168.1.10", "2001:db8:1::1"]


def test_where_nothing_leads_out_nothing_is_foreign() -> None:
    found = [each.address for each in addresses("default-route", Surroundings(ROBOT))]
    assert found == ["10.42.0.1", "192.168.1.9", "192.168.1.10", "fd00::2"]


def test_all_is_all_that_can_reach_anybody() -> None:
    found = {each.address for each in addresses("all", Surroundings(ROBOT, BY_WLAN))}
    assert found == {"10.42.0.1", "192.168.1.9", "192.168.1.10", "fd00::2"}


def test_a_callable_decides_of_what_can_reach_anybody() -> None:
    asked: list[str] = []

    def but_wlan(each: InterfaceAddress) -> bool:
        asked.append(str(each.address))
        return each.interface != "wlan0"

    found = addresses(but_wlan, Surroundings(ROBOT, BY_WLAN))
    assert [each.address for each in found] == ["10.42.0.1"]
    assert asked == ["10.42.0.1", "192.168.1.9", "192.168.1.10", "fd00::2"]


def test_loopback_is_used_when_it_is_named() -> None:
    assert [each.address for each in addresses("loopback", Surroundings(ROBOT, BY_WLAN))] == ["127.0.0.1"]


# No interface has the unspecified address.
NAMES = st.sampled_from(["lo", "eth0", "wlan0", "wwan0"])
HELD = st.builds(InterfaceAddress, NAMES, st.ip_addresses().filter(lambda each: not each.is_unspecified), st.just(24))
WAYS = st.dictionaries(st.sampled_from([4, 6]), st.builds(Way, NAMES, st.none())).map(lambda ways: tuple(ways.items()))


@given(st.lists(HELD, max_size=8, unique_by=lambda each: each.address), WAYS)
def test_the_default_is_a_part_of_all_and_never_foreign_where_its_family_has_a_way(
    found: list[InterfaceAddress], ways: tuple[tuple[int, Way], ...]
) -> None:
    around = Surroundings(tuple(found), ways)
    used = addresses("default-route", around)
    assert set(used) <= set(addresses("all", around))
    for each in used:
        way = around.out.get(ip_address(each.address).version)
        assert way is None or each.interface == way.interface
