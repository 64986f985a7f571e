from __future__ import annotations

import pytest

from landfast.session.ice.ground.addresses import Address, canonical, family, is_loopback


@pytest.mark.parametrize(("text", "number"), [("192.168.1.10", 4), ("2001:db8::1", 6), ("::ffff:192.0.2.1", 6)])
def test_an_address_has_a_family(text: str, number: int) -> None:
    assert Address(text).family == family(text) == number


@pytest.mark.parametrize("text", ["", "robot.local", "192.168.1", "[::1]"])
def test_what_is_no_address_is_refused(text: str) -> None:
    assert canonical(text) is None
    with pytest.raises(ValueError, match="is no address"):
        Address(text)


def test_an_address_has_one_way_to_be_written() -> None:
    assert canonical("2001:DB8:0::1") == "2001:db8::1"


@pytest.mark.parametrize(("text", "own"), [("127.8.9.1", True), ("::1", True), ("10.0.0.1", False), ("fe80::1", False)])
def test_a_loopback_address_means_the_host_that_reads_it(text: str, own: bool) -> None:
    assert is_loopback(text) is own
