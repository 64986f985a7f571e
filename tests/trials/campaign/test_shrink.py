from __future__ import annotations

from landfast.lab.network import Occasion
from landfast.trials.campaign.drawn import drawn
from landfast.trials.campaign.history import History, Side
from landfast.trials.campaign.shrink import shrink
from tests.trials.campaign.histories import WITH_A_RELAY, fault, history


def test_what_does_not_matter_goes() -> None:
    def fails(one: History) -> bool:
        return any(each.what is Occasion.FLUSH for each in one.faults) and bool(one.robot.relays)

    faults = [fault(what) for what in (Occasion.HANDOFF, Occasion.FLUSH, Occasion.LINK_DOWN, Occasion.REBIND_PORT)]
    found = shrink(history(*faults, robot=WITH_A_RELAY, operator=drawn(3).operator, quota=4, lasts=100), fails)
    assert [each.what for each in found.faults] == [Occasion.FLUSH]
    assert found.robot == Side(relays=WITH_A_RELAY.relays)
    assert found.operator == Side()
    assert found.quota is None
    assert found.lasts < 3


def test_an_outage_becomes_as_short_as_it_may_be() -> None:
    found = shrink(
        history(fault(Occasion.SUSPEND_RADIO, lasts=80)), lambda one: bool(one.faults) and one.faults[0].lasts > 12
    )
    assert 12 < found.faults[0].lasts < 24


def test_it_ends_after_so_many_plays() -> None:
    played: list[History] = []

    def never(one: History) -> bool:
        played.append(one)
        return False

    shrink(drawn(3), never, most=5)
    assert len(played) == 5
