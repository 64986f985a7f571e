from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from landfast.session.ice.events import Transport
from landfast.session.ice.ground.addresses import Address
from landfast.session.ice.ground.preferences import BEST, of_addresses, of_relay, ordered


def addresses(fours: int, sixes: int) -> list[Address]:
    return [Address(f"10.0.0.{n}") for n in range(fours)] + [Address(f"2001:db8::{n + 1:x}") for n in range(sixes)]


def families(fours: int, sixes: int) -> str:
    return "".join(str(address.family) for address in ordered(addresses(fours, sixes)))


def test_families_are_interleaved_as_rfc_8421_does_it() -> None:
    assert families(2, 6) == "66664664"  # the example of section 4: IPv4 after four of IPv6
    assert families(1, 1) == "64"
    assert families(3, 1) == "6444"
    assert families(0, 2) == "66"
    assert families(2, 0) == "44"


@given(st.integers(0, 20), st.integers(0, 20))
def test_every_address_has_its_place_and_a_preference_of_its_own(fours: int, sixes: int) -> None:
    given_, found = addresses(fours, sixes), ordered(addresses(fours, sixes))
    assert sorted(found, key=given_.index) == given_
    for family in (4, 6):
        assert [each for each in found if each.family == family] == [each for each in given_ if each.family == family]
    assert len(set(of_addresses(given_).values())) == len(given_)


def test_an_address_may_have_its_preference_said() -> None:
    assert of_addresses([Address("10.0.0.1", preference=3), Address("10.0.0.2")]) == {
        "10.0.0.1": 3,
        "10.0.0.2": BEST - 256,
    }


def test_any_relay_over_udp_is_better_than_any_over_tcp_and_that_than_any_over_tls() -> None:
    ways = [of_relay(transport, order) for transport in Transport for order in range(80)]
    assert ways == sorted(ways, reverse=True)
    assert len(set(ways)) == len(ways)
    assert min(ways) > 0
