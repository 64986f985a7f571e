from __future__ import annotations

import pytest

from landfast.lab import parse
from landfast.trials.truth.declared import truth

PROFILES: dict[str, set[str]] = {
    "open": set(),
    "home": {"source-address-leak"},
    "home-full-cone": set(),
    "symmetric": {"mapping-symmetric"},
    "cgnat": {"cgnat", "mapping-symmetric", "binding-lifetime-short"},
    "mifi": {"source-address-leak", "cgnat"},
    "udp-blocked": {"udp-blocked"},
    "one-way-ipv6": {"one-way-ipv6"},
    "mtu-black-hole": {"path-mtu-black-hole"},
}


@pytest.mark.parametrize("name", PROFILES)
def test_what_a_profile_declares_is_what_must_be_found(name: str) -> None:
    assert truth(parse.profile(name)).must == PROFILES[name]


def test_what_follows_from_the_leak_may_be_found_beside_it() -> None:
    known = truth(parse.profile("mifi"))
    assert "public-address-changes-on-webrtc" in known.may
    assert not known.must & known.may


@pytest.mark.parametrize("changes", [{"routing": "strong"}, {"interfaces": {"wlan0": {"via": "home"}}}])
def test_a_robot_that_sends_only_its_own_addresses_does_not_leak(changes: dict[str, object]) -> None:
    home = parse.profile("home")
    robot = type(home.hosts["robot"]).model_validate({**home.hosts["robot"].model_dump(), **changes})
    assert truth(home.model_copy(update={"hosts": {**home.hosts, "robot": robot}})).must == set()
