from __future__ import annotations

import pytest

from landfast.diagnose.findings import findings
from landfast.model.facts import Fact, RoundTrips
from tests.diagnose.stories import OWN, X, Y


def trips(*seconds: float, server: tuple[str, int] = X) -> RoundTrips:
    return RoundTrips(2.0, server, (OWN, 1), 20, seconds)


def test_a_round_trip_above_what_aioice_waits_is_found() -> None:
    (found,) = findings([trips(*[0.62] * 18)])
    assert found.code == "rtt-too-high"
    assert dict(found.values) == {"seconds": 0.62, "sent": 20, "lost": 2, "server": X[0]}


@pytest.mark.parametrize(
    "facts",
    [
        [trips(*[0.05] * 20)],
        [trips(*[0.05] * 12, *[0.9] * 8)],  # a few late ones
        [trips(0.9, 0.9)],  # too few to say
        [trips()],
        [trips(*[0.62] * 18), trips(*[0.1] * 18, server=Y)],  # that server is far, not the network slow
    ],
)
def test_other_round_trips_are_not(facts: list[Fact]) -> None:
    assert findings(facts) == ()
