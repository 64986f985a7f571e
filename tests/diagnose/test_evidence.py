from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landfast.diagnose.evidence import Evidence, address, is_private, is_shared
from landfast.model.facts import HopSeen, MappedAddress
from tests.diagnose.stories import OWN, PUBLIC, X, nat


def test_facts_are_told_by_kind_and_in_order_of_time() -> None:
    late, early = HopSeen(2.0, 2, None), HopSeen(1.0, 1, None)
    evidence = Evidence([late, *nat(), early])
    assert evidence.of(HopSeen) == (early, late)
    assert evidence.of(PortlessKind) == ()


class PortlessKind:
    """No fact."""


def test_each_local_address_has_its_own_nat() -> None:
    other = MappedAddress(1.0, X, ("10.0.0.7", 5), (PUBLIC, 5))
    assert [(one.address, len(one.seen)) for one in Evidence([*nat(), other]).translations] == [
        ("10.0.0.7", 1),
        (OWN, 17),
    ]


@pytest.mark.parametrize("unbound", ["0.0.0.0", "::"])
def test_a_socket_that_does_not_tell_its_address_says_nothing_of_a_nat(unbound: str) -> None:
    assert Evidence([MappedAddress(1.0, X, (unbound, 5), (PUBLIC, 5))]).translations == ()


@given(st.text() | st.none())
def test_whatever_a_router_calls_itself_is_read(text: str | None) -> None:
    assert not (is_shared(text) and is_private(text))
    assert address(text) is None or text


@pytest.mark.parametrize(
    ("text", "shared", "private"),
    [
        ("100.64.0.1", True, False),
        ("100.127.255.255", True, False),
        ("100.128.0.0", False, False),
        ("10.0.0.1", False, True),
        ("172.31.0.1", False, True),
        ("172.32.0.1", False, False),
        ("192.168.0.1", False, True),
        ("203.0.113.1", False, False),
        ("fd00::1", False, False),
        ("router.local", False, False),
    ],
)
def test_addresses_of_carriers_and_of_anybody(text: str, shared: bool, private: bool) -> None:
    assert (is_shared(text), is_private(text)) == (shared, private)
