from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from landfast.lab.network import Budget
from landfast.lab.sim.budget import Meter
from landfast.lab.sim.packet import UDP, Packet
from landfast.lab.sim.tracking import Flows, inverted

ROBOT = "192.168.1.10"


def packet(sport: int, dport: int = 7000, source: str = ROBOT) -> Packet:
    return Packet(1, "robot", (UDP, source, sport, "198.51.100.5", dport), b"", False, None)


def flows() -> Flows:
    return Flows(30, 120, random.Random(1).random)


def sent(meter: Meter, table: Flows, asked: Packet, now: float) -> bool:
    """Whether it was admitted; then its flow stands."""
    flow = table.find(asked.key, now)
    if not meter.admits(asked, flow, table, now):
        return False
    if flow is None:
        table.add(asked.key, inverted(asked.key), now)
    else:
        table.crossed(flow, now, reply=False)
    return True


ASKED = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 3), st.floats(0, 20)), max_size=60)


@given(ASKED, st.integers(1, 8), st.sampled_from(["sessions", "mappings"]))
@settings(max_examples=80)
def test_a_budget_is_never_exceeded(asked: list[tuple[int, int, float]], limit: int, of: str) -> None:
    meter = Meter(Budget.model_validate({"of": of, "limit": limit}), [ROBOT], 120)
    table, now = flows(), 0.0
    for sport, dport, later in asked:
        now += later
        sent(meter, table, packet(sport, dport), now)
        assert meter.held(ROBOT, table, now) <= limit


def test_sessions_count_each_destination_and_mappings_only_the_socket() -> None:
    for of, passed in (("sessions", 3), ("mappings", 5)):
        meter, table = Meter(Budget.model_validate({"of": of, "limit": 3}), [ROBOT], 120), flows()
        assert sum(sent(meter, table, packet(5000, dport), 0.0) for dport in range(5)) == passed


def test_what_was_answered_goes_on_and_a_place_is_free_when_it_died() -> None:
    meter, table = Meter(Budget(limit=1), [ROBOT], 120), flows()
    assert sent(meter, table, packet(5000), 0.0)
    flow = table.find(packet(5000).key, 0.0)
    assert flow
    table.crossed(flow, 1.0, reply=True)
    assert not sent(meter, table, packet(5001), 1.5)
    assert sent(meter, table, packet(5000), 1.9)
    assert not sent(meter, table, packet(5001), 31.8)
    assert sent(meter, table, packet(5001), 32.0)


def test_after_a_refusal_what_was_not_answered_may_not_send_until_the_refused_is_forgotten() -> None:
    meter, table = Meter(Budget(limit=2), [ROBOT], 120), flows()
    assert sent(meter, table, packet(5000), 0.0)
    assert sent(meter, table, packet(5001), 20.0)
    assert not sent(meter, table, packet(5002), 25.0)
    assert not sent(meter, table, packet(5001), 25.9)
    assert sent(meter, table, packet(5001), 26.0)  # it is swept once a second
    assert not sent(meter, table, packet(5002), 26.1)
    assert sent(meter, table, packet(5002), 31.0)  # the first has died


def test_mappings_live_as_long_as_a_stream() -> None:
    meter, table = Meter(Budget(of="mappings", limit=1), [ROBOT], 120), flows()
    assert sent(meter, table, packet(5000), 0.0)
    assert not sent(meter, table, packet(5001), 119.0)
    assert sent(meter, table, packet(5001), 121.0)


def test_each_subscriber_has_a_budget_of_its_own_and_strangers_hold_no_mappings() -> None:
    meter, table = Meter(Budget(of="mappings", limit=1), [ROBOT, "192.168.1.11"], 120), flows()
    assert sent(meter, table, packet(5000), 0.0)
    assert sent(meter, table, packet(5000, source="192.168.1.11"), 0.0)
    assert all(sent(meter, table, packet(sport, source="10.42.0.1"), 0.0) for sport in range(5))
    meter.clear()
    assert sent(meter, table, packet(5001), 0.0)
