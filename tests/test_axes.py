from __future__ import annotations

from typing import Any

import pytest

from landfast.lab.network import Network
from tests.axes import differences


def made(budget: int | None = 400, udp: str = "open", **nat: Any) -> Network:
    timers = {"udp_timeout": 20, "udp_stream_timeout": 100}
    carrier = {"via": "internet", "udp": udp, "nat": {**timers, **nat}}
    hosts = {"robot": {"interfaces": {"wlan0": {"via": "carrier"}}}}
    hosts["operator"] = {"interfaces": {"eth0": {"via": "internet"}}}
    said = {"title": "made up", "observed_on": ["nowhere"], "routers": {"carrier": carrier}, "hosts": hosts}
    if budget:
        carrier["budget"] = {"limit": budget}
    return Network.model_validate(said)


SYMMETRIC: dict[str, Any] = {"mapping": "address-and-port-dependent", "ports": "random"}


def test_a_network_is_like_itself() -> None:
    assert differences(made(), made()) == []


@pytest.mark.parametrize(
    "other",
    [{"udp_stream_timeout": 91}, {"udp_stream_timeout": 111}, {"udp_timeout": 22}, {"budget": 335}, {"budget": 476}],
)
def test_what_no_measurement_tells_apart_is_alike(other: dict[str, Any]) -> None:
    assert differences(made(), made(**other)) == []


def test_a_second_is_nothing_to_a_timer_of_a_few() -> None:
    assert differences(made(udp_timeout=4), made(udp_timeout=5)) == []
    assert differences(made(udp_timeout=3), made(udp_timeout=5)) == ["carrier: udp_timeout is 3, then 5"]


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"udp_stream_timeout": 89}, "udp_stream_timeout is 100, then 89"),
        ({"udp_timeout": 24}, "udp_timeout is 20, then 24"),
        ({"max_age": 60}, "max_age is None, then 60"),
        (SYMMETRIC, "mapping is endpoint-independent, then address-and-port-dependent"),
        ({"filtering": "address-dependent"}, "filtering is address-and-port-dependent, then address-dependent"),
        ({"budget": 334}, "budget is 400, then 334"),
        ({"budget": None}, "budget is 400, then None"),
        ({"udp": "blocked"}, "udp is open, then blocked"),
    ],
)
def test_what_differs_by_more_is_told(other: dict[str, Any], said: str) -> None:
    assert differences(made(), made(**other)) == [f"carrier: {said}"]


def test_pooling_is_an_axis() -> None:
    paired, arbitrary = made(**SYMMETRIC, pool=4), made(**SYMMETRIC, pool=4, pooling="arbitrary")
    assert differences(paired, arbitrary) == ["carrier: pooling is paired, then arbitrary"]


def test_a_router_that_one_of_them_does_not_have_is_told() -> None:
    one = made()
    robot = one.hosts["robot"].but(interfaces={"wlan0": {"via": "internet"}})
    none = one.but(routers={}, hosts={**one.hosts, "robot": robot})
    assert "carrier: nat is True, then None" in differences(one, none)
    assert "carrier: nat is None, then True" in differences(none, one)
