from __future__ import annotations

from landfast.lab.topology import plan
from landfast.model.nat import Filtering, Mapping, Pooling
from landfast.trials.campaign.history import Side, Uplink
from landfast.trials.campaign.networks import THIRD, border, network
from tests.trials.campaign.histories import BEHIND_A_ROUTER, history


def test_a_side_behind_nothing_stands_on_the_internet() -> None:
    made = network(history())
    assert not made.routers
    assert {"robot", "operator", THIRD} == set(made.hosts)
    assert border("robot", Uplink()) is None


def test_a_carrier_stands_above_a_home_router_and_is_as_the_uplink_says() -> None:
    uplink = Uplink(
        behind="carrier",
        mapping=Mapping.ADDRESS_AND_PORT_DEPENDENT,
        filtering=Filtering.ADDRESS_DEPENDENT,
        timeout=20,
        pool=4,
        sessions=16,
    )
    made = network(history(robot=Side(uplink=uplink)))
    carrier = made.routers[border("robot", uplink) or ""]
    assert made.path("robot-gw") == ["robot-gw", "robot-up"]
    assert carrier.nat
    assert (carrier.nat.mapping, carrier.nat.filtering) == (uplink.mapping, uplink.filtering)
    assert (carrier.nat.udp_timeout, carrier.nat.udp_stream_timeout) == (20, 20)
    assert (carrier.nat.pool, carrier.nat.pooling) == (4, Pooling.ARBITRARY)
    assert carrier.budget
    assert carrier.budget.limit == 16


def test_a_second_uplink_is_a_second_interface() -> None:
    made = network(history(operator=Side(uplink=Uplink(), second=Uplink(behind="router"))))
    assert [face.via for face in made.hosts["operator"].interfaces.values()] == ["internet", "operator-2-gw"]


def test_both_sides_may_stand_behind_a_router() -> None:
    made = network(history(robot=BEHIND_A_ROUTER, operator=BEHIND_A_ROUTER))
    assert {"robot-gw", "operator-gw"} == set(plan(made).routings)
