from __future__ import annotations

from ipaddress import ip_address
from typing import Any

import pytest

from landfast.model.flow import Direction, Flow
from landfast.model.routing import Question
from landfast.remedies.masquerade.flows import leaking, question, untranslated
from tests.remedies.masquerade.worlds import world

ADDRESSES = world().addresses


def flow(source: str, destination: str, answers_to: str | None = None) -> Flow:
    a, b, back = ip_address(source), ip_address(destination), ip_address(answers_to or source)
    return Flow("udp", 17, Direction(a, b, 1, 2), Direction(b, back, 2, 1))


@pytest.mark.parametrize(
    ("found", "counts"),
    [
        (flow("10.42.0.1", "198.51.100.5"), True),
        (flow("10.42.0.1", "198.51.100.5", "192.168.1.10"), False),  # translated
        (flow("192.168.1.10", "198.51.100.5"), False),  # right
        (flow("127.0.0.1", "127.0.0.1"), False),
        (flow("10.42.0.7", "198.51.100.5"), True),  # forwarded
        (flow("192.168.1.9", "198.51.100.5"), True),  # of an address that was taken away
    ],
)
def test_which_flows_could_leave_as_they_are(found: Flow, counts: bool) -> None:
    assert bool(untranslated([found], ADDRESSES, ["wlan0"])) is counts


def test_a_pair_of_addresses_counts_once() -> None:
    assert len(untranslated([flow("10.42.0.1", "198.51.100.5")] * 3, ADDRESSES, ["wlan0"])) == 1


def test_the_kernel_is_asked_with_a_source_only_if_it_is_ours() -> None:
    ours, other = ip_address("10.42.0.1"), ip_address("10.42.0.7")
    there = ip_address("198.51.100.5")
    assert question((ours, there), ADDRESSES) == Question(there, ours)
    assert question((other, there), ADDRESSES) == Question(there)


@pytest.mark.parametrize(
    ("source", "interface", "leaks"),
    [
        ("10.42.0.1", "wlan0", True),
        ("10.42.0.1", "eth1", False),  # by its own card
        ("10.42.0.1", "wwan0", False),  # by one that is not guarded
        ("10.42.0.1", None, False),
        ("192.168.1.10", "eth1", False),
    ],
)
def test_a_pair_leaks_where_it_leaves_by_a_guarded_interface(source: str, interface: Any, leaks: bool) -> None:
    pair = (ip_address(source), ip_address("198.51.100.5"))
    egress = {question(pair, ADDRESSES): interface}
    assert bool(leaking([pair], egress, ADDRESSES, ["wlan0"])) is leaks
    assert leaking([pair], {}, ADDRESSES, ["wlan0"]) == ()


def test_with_two_guarded_interfaces_a_source_is_foreign_to_the_one_it_leaves_by() -> None:
    pair = (ip_address("10.42.0.1"), ip_address("198.51.100.5"))
    both = ["wlan0", "eth1"]
    assert untranslated([flow("10.42.0.1", "198.51.100.5")], ADDRESSES, both) == (pair,)
    assert leaking([pair], {question(pair, ADDRESSES): "eth1"}, ADDRESSES, both) == ()
    assert leaking([pair], {question(pair, ADDRESSES): "wlan0"}, ADDRESSES, both) == (pair,)
