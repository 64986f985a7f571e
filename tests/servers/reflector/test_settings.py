from __future__ import annotations

import pytest

from landfast.errors import RequestError
from landfast.servers.reflector.settings import Settings

ONE, OTHER = "198.51.100.5", "198.51.100.6"
SIX, SIX_OTHER = "2001:db8::5", "2001:db8::6"
BOTH = Settings((ONE, OTHER, SIX, SIX_OTHER))


@pytest.mark.parametrize(
    ("address", "port", "there"),
    [
        (False, False, (ONE, 3478)),
        (False, True, (ONE, 3479)),
        (True, False, (OTHER, 3478)),
        (True, True, (OTHER, 3479)),
    ],
)
def test_the_other_endpoint_differs_in_what_was_asked_and_back_again(
    address: bool, port: bool, there: tuple[str, int]
) -> None:
    assert BOTH.other((ONE, 3478), address=address, port=port) == there
    assert BOTH.other(there, address=address, port=port) == (ONE, 3478)


def test_the_other_address_is_of_the_same_family_or_none() -> None:
    assert BOTH.other((SIX, 3478), address=True, port=False) == (SIX_OTHER, 3478)
    assert Settings((ONE, SIX)).other((ONE, 3478), address=True, port=True) is None
    assert Settings((ONE, SIX)).other((ONE, 3478), address=False, port=True) == (ONE, 3479)


def test_what_is_told_is_what_can_be_asked() -> None:
    told = BOTH.description(ONE)
    assert told.stun == ((ONE, 3478), (ONE, 3479), (OTHER, 3478), (OTHER, 3479))
    assert told.stun6 == ((SIX, 3478), (SIX, 3479), (SIX_OTHER, 3478), (SIX_OTHER, 3479))
    assert "other-address" in told.offers
    assert "other-address" not in Settings((ONE, SIX)).description(ONE).offers


def test_behind_a_nat_one_to_one_the_world_is_told_the_public_addresses() -> None:
    settings = Settings(("10.0.0.5", "10.0.0.6"), public=(ONE, OTHER))
    assert settings.description("10.0.0.5").stun == ((ONE, 3478), (ONE, 3479), (OTHER, 3478), (OTHER, 3479))
    assert settings.seen_from_outside(("10.0.0.6", 3479)) == (OTHER, 3479)
    assert settings.endpoints[0] == ("10.0.0.5", 3478)


def test_a_wildcard_is_told_as_the_address_at_which_it_was_reached() -> None:
    settings = Settings(("0.0.0.0",))
    assert settings.description(ONE).stun == ((ONE, 3478), (ONE, 3479))
    assert settings.seen_from_outside(("0.0.0.0", 3478)) is None
    both = Settings(("0.0.0.0", "::"))
    assert (both.description(ONE).stun, both.description(ONE).stun6) == (((ONE, 3478), (ONE, 3479)), ())
    assert (both.description(SIX).stun, both.description(SIX).stun6) == ((), ((SIX, 3478), (SIX, 3479)))


@pytest.mark.parametrize(
    ("addresses", "changes", "problem"),
    [
        ((), {}, "listens on one or two"),
        ((ONE, ONE), {}, "each named once"),
        ((ONE, OTHER, "198.51.100.7"), {}, "at most two IPv4 addresses"),
        (("server",), {}, "not an IP address: 'server'"),
        ((ONE,), {"public": (ONE, OTHER)}, "one public address for each"),
        ((ONE,), {"public": (SIX,)}, "in the same order"),
        ((ONE,), {"other_port": 3478}, "the two ports are the same: 3478"),
    ],
)
def test_what_cannot_be_is_refused(addresses: tuple[str, ...], changes: dict[str, object], problem: str) -> None:
    with pytest.raises(RequestError, match=problem):
        Settings(addresses, **changes)  # type: ignore[arg-type]
