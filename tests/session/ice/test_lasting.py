from __future__ import annotations

from landfast.session.ice.lasting import Lasting
from landfast.session.ice.settings import Settings


def test_strangers_cannot_use_up_what_signed_checks_may_cost() -> None:
    lasting = Lasting(Settings(burst=4), bytes)
    while lasting.hints.is_within_budget(100):
        lasting.hints._tokens -= 1
    assert lasting.guests.is_within_budget(100)
