from __future__ import annotations

from landfast.diagnose.findings import findings
from landfast.model.facts import MappedAddress, PublicAddressChanged
from landfast.model.findings import Confidence
from tests.diagnose.stories import OTHER, OWN, PUBLIC, X, nat, openings


def test_after_several_openings_it_is_proved() -> None:
    (found,) = findings(openings(3, leak=False, change=True))
    assert (found.code, found.confidence) == ("public-address-changes-on-webrtc", Confidence.PROVED)
    assert dict(found.values) == {
        "openings": 3,
        "followed": 3,
        "changes": 3,
        "old": "203.0.113.10",
        "new": "203.0.113.11",
    }


def test_after_one_opening_it_may_be_chance() -> None:
    (found,) = findings(openings(1, leak=False, change=True))
    assert found.confidence is Confidence.LIKELY


def test_who_changes_at_other_times_too_is_unstable() -> None:
    facts = [*openings(2, leak=False, change=True), PublicAddressChanged(500.0, PUBLIC, OTHER)]
    assert [finding.code for finding in findings(facts)] == ["public-address-unstable"]


def test_a_socket_that_is_seen_elsewhere_within_seconds_shows_a_change_and_no_symmetric_nat() -> None:
    """What classic testers call address-dependent mapping."""
    first = MappedAddress(1.0, X, (OWN, 40000), (PUBLIC, 40000))
    changed = nat(lambda local, _: (OTHER, local[1]), start=1.01)
    (found,) = findings([first, *changed])
    assert found.code == "public-address-unstable"
    assert found.because == (first, changed[0])


def test_a_pool_is_no_change() -> None:
    pool = nat(lambda local, server: (PUBLIC if server == X else OTHER, local[1]))
    assert [finding.code for finding in findings(pool)] == ["pool-unpaired", "mapping-symmetric"]


def test_a_mapping_that_expired_meanwhile_is_no_change() -> None:
    """In a pool its successor may stand anywhere."""
    seen = [MappedAddress(at, X, (OWN, 40000), (to, 40000)) for at, to in ((1.0, PUBLIC), (61.0, OTHER))]
    assert findings(seen) == ()
