from __future__ import annotations

import pytest

from landfast.lab.network import Occasion
from landfast.lab.sim.weather import Weather


@pytest.mark.parametrize(
    ("what", "shown"),
    [
        (Occasion.SUSPEND_RADIO, "suspended"),
        (Occasion.BLOCK_UDP, "udp_blocked"),
        (Occasion.ONE_WAY_IPV6, "one_way"),
    ],
)
def test_what_lies_there_twice_ends_with_the_later(what: Occasion, shown: str) -> None:
    weather = Weather()
    assert weather.clear
    weather.under(what)
    weather.under(what)
    weather.relieved(what)
    assert getattr(weather, shown)
    assert not weather.clear
    weather.relieved(what)
    assert not getattr(weather, shown)
    assert weather.clear
