from __future__ import annotations

from landfast.lab.network import Occasion
from landfast.trials.campaign.drawn import drawn
from landfast.trials.campaign.history import Trick
from landfast.trials.campaign.networks import network

MANY = [drawn(seed) for seed in range(400)]


def test_a_seed_draws_the_same_history_again() -> None:
    assert drawn(7) == drawn(7) != drawn(8)


def test_every_fault_is_drawn_and_outages_of_a_tenth_of_a_second_and_of_minutes() -> None:
    faults = [fault for history in MANY for fault in history.faults]
    assert {fault.what for fault in faults} == {*Occasion, *Trick}
    lasting = [fault.lasts for fault in faults if fault.what is Occasion.SUSPEND_RADIO]
    assert min(lasting) < 0.5
    assert 60 < max(lasting) <= 121


def test_every_axis_is_drawn_both_ways() -> None:
    sides = [side for history in MANY for side in (history.robot, history.operator)]
    assert {side.uplink.behind for side in sides} == {"nothing", "router", "carrier"}
    assert {bool(side.second) for side in sides} == {bool(side.relays) for side in sides} == {True, False}
    assert {history.mobility for history in MANY} == {True, False}
    assert {history.controlling for history in MANY} == {"robot", "operator"}


def test_the_world_has_time_to_be_well_again_after_the_last_fault() -> None:
    assert all(history.lasts >= max(f.at + f.lasts for f in history.faults) + 6 for history in MANY)


def test_every_history_has_a_network_that_can_be_built() -> None:
    for history in MANY[:60]:
        network(history)
