from __future__ import annotations

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landfast.model.address import InterfaceAddress, foreign_to, is_foreign, own

ADDRESSES = [
    InterfaceAddress("lo", ip_address("127.0.0.1"), 8),
    InterfaceAddress("lo", ip_address("::1"), 128),
    InterfaceAddress("wlan0", ip_address("192.168.1.10"), 24),
    InterfaceAddress("wlan0", ip_address("2001:db8:1::10"), 64),
    InterfaceAddress("wlan0", ip_address("fe80::1"), 64),
    InterfaceAddress("docker0", ip_address("172.17.0.1"), 16),
    InterfaceAddress("eth1", ip_address("fd00:42::1"), 64),
    InterfaceAddress("eth1", ip_address("fe80::2"), 64),
    InterfaceAddress("eth1", ip_address("192.168.1.10"), 32),  # the same one again: it is wlan0's too
]


@pytest.mark.parametrize(
    ("source", "foreign"),
    [
        ("192.168.1.10", False),
        ("192.168.1.11", True),  # of the subnet, yet not the interface's
        ("172.17.0.1", True),
        ("127.0.0.1", True),  # on a wire it would be
        ("169.254.7.7", True),
        ("0.0.0.0", False),  # DHCP
        ("2001:db8:1::10", False),
        ("fd00:42::1", True),
        ("::", False),  # duplicate address detection
        ("fe80::99", False),  # never forwarded
    ],
)
def test_a_source_is_foreign_unless_it_is_the_interface_s(source: str, foreign: bool) -> None:
    assert is_foreign(ip_address(source), own(ADDRESSES, "wlan0")) is foreign


def test_a_host_s_own_foreign_addresses() -> None:
    assert [str(each.address) for each in foreign_to("wlan0", ADDRESSES)] == ["172.17.0.1", "fd00:42::1"]
    there = {str(each.address) for each in foreign_to("docker0", ADDRESSES)}
    assert there == {"192.168.1.10", "2001:db8:1::10", "fd00:42::1"}


addresses = st.lists(
    st.builds(InterfaceAddress, st.sampled_from(["lo", "wlan0", "eth1"]), st.ip_addresses(), st.integers(0, 32))
)


@given(addresses, st.sampled_from(["wlan0", "eth1", "wwan0"]))
def test_no_address_of_the_interface_is_foreign_to_it(addresses: list[InterfaceAddress], egress: str) -> None:
    mine = own(addresses, egress)
    foreign = foreign_to(egress, addresses)
    assert not any(is_foreign(address, mine) for address in mine)
    assert all(is_foreign(each.address, mine) for each in foreign)
    assert not mine & {each.address for each in foreign}
