from __future__ import annotations

import pytest

from landfast.model.routing import DefaultRoute, ways_out


@pytest.mark.parametrize(
    ("routes", "interfaces"),
    [
        ([], ()),
        ([DefaultRoute("wlan0", 4, 600), DefaultRoute("eth0", 4, 100)], ("eth0",)),
        ([DefaultRoute("wlan0", 6), DefaultRoute("eth0", 4, 100)], ("eth0", "wlan0")),
        ([DefaultRoute("wlan0", 6, 1024), DefaultRoute("wlan0", 4, 600)], ("wlan0",)),
        ([DefaultRoute("wwan0", 6, 1024)], ("wwan0",)),
        ([DefaultRoute("wlan0", 4, 5), DefaultRoute("eth0", 4, 5)], ("wlan0",)),  # as the kernel: the first of equals
    ],
)
def test_each_family_leaves_by_its_lowest_metric(routes: list[DefaultRoute], interfaces: tuple[str, ...]) -> None:
    assert ways_out(routes) == interfaces
