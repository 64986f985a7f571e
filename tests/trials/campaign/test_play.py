from __future__ import annotations

import pytest

from landfast.lab.network import Occasion
from landfast.lab.topology import SERVER_ADDRESSES
from landfast.model.nat import Mapping
from landfast.session.ice.agent import Agent
from landfast.session.ice.events import Transport
from landfast.trials.campaign.drawn import drawn
from landfast.trials.campaign.history import NAMES, History, Name, Side, Traffic, Trick, Uplink
from landfast.trials.campaign.play import _Play, play
from landfast.wire import stun
from landfast.wire.turn.framing import channel_data
from landfast.wire.turn.messages import send_indication
from tests.trials.campaign.histories import BEHIND_A_ROUTER, WITH_A_RELAY, fault, history
from tests.trials.campaign.rules import RULES, Rule

FAILED = (4245, 5200, 5259, 30005, 30439, 30922, 30987, 37128, 37360, 106211, 106733, 112991, 305178, 307457)
"""Each once, in a way of its own."""
SEEDS = (*range(60, 130), *FAILED)


def test_a_history_plays_the_same_again() -> None:
    assert play(drawn(11)) == play(drawn(11))


@pytest.mark.parametrize(
    "one",
    [
        history(lasts=3),
        history(lasts=3, robot=BEHIND_A_ROUTER, operator=WITH_A_RELAY),
        history(lasts=3, robot=Side(uplink=Uplink(), relays=(Transport.TLS,), relay_only=True)),
        history(fault(Occasion.CHANGE_PUBLIC_ADDRESS), robot=BEHIND_A_ROUTER),
        history(fault(Occasion.SUSPEND_RADIO, lasts=35), robot=WITH_A_RELAY, lasts=45),
        history(fault(Occasion.HANDOFF), robot=Side(uplink=Uplink(behind="router"), second=Uplink(behind="router"))),
        history(fault(Trick.RESTART), fault(Trick.RESTART, on="operator"), robot=BEHIND_A_ROUTER),
    ],
    ids=["open", "routers", "only a relay", "address", "blackout", "handoff", "both restart"],
)
def test_two_agents_connect_and_live_through_it(one: History) -> None:
    result = play(one)
    assert result.violations == ()
    assert result.connected


def test_an_interruption_has_a_recovery_time() -> None:
    result = play(history(fault(Occasion.SUSPEND_RADIO, lasts=3), robot=BEHIND_A_ROUTER, every=0.1))
    assert len(result.recoveries) == 1
    assert 0 < result.recoveries[0] < 1


def test_a_relay_that_is_made_anew_is_proved_before_its_address_is_known() -> None:
    """A silence that is noticed, two round trips to the server, and half of one to the peer; not three. What leaves by
    the relay is the robot's from the first check on."""
    robot = Side(uplink=Uplink(behind="router", delay_ms=100), relays=(Transport.UDP,), relay_only=True)
    change = fault(Occasion.CHANGE_PUBLIC_ADDRESS)
    played = _Play(history(change, robot=robot, mobility=False, traffic=Traffic(every=0.02), lasts=5))
    last, ear = list[float](), played.application.ears["operator"]
    for late in (0.6, 0.75):
        played.world.push(change.at + late, lambda _one, _other: last.append(ear.last), None, None)
    assert played.run().violations == ()
    assert last[0] < change.at + 0.2
    assert last[1] > change.at + 0.6


@pytest.mark.parametrize("mobility", [True, False])
def test_each_of_many_outages_costs_a_client_behind_a_relay_no_more_than_60_kb_a_minute(mobility: bool) -> None:
    """With the headers of IPv4 and UDP. Each leaves relays behind, which must not all be asked in the next."""
    outages = [fault(Occasion.SUSPEND_RADIO, at=20 + 130 * turn, lasts=120) for turn in range(3)]
    carrier = Uplink(
        behind="carrier", mapping=Mapping.ADDRESS_AND_PORT_DEPENDENT, timeout=20, pool=8, random_ports=True
    )
    robot = Side(uplink=carrier, relays=(Transport.UDP,), relay_only=True)
    played = _Play(history(*outages, robot=robot, mobility=mobility, traffic=Traffic(every=0.02), lasts=400))
    spent, counts = [0] * len(outages), played.invariants.outage.left

    def left(on: Name, size: int, now: float) -> None:
        counts(on, size, now)
        for turn, each in enumerate(outages):
            if on == "robot" and each.at < now < each.at + each.lasts:
                spent[turn] += size + 28

    played.invariants.outage.left = left  # type: ignore[method-assign]
    assert played.run().violations == ()
    assert max(spent) <= 2 * 60_000


def test_a_history_does_not_end_before_it_is_known_whether_data_returns() -> None:
    short = history(fault(Occasion.SUSPEND_RADIO, lasts=10), robot=BEHIND_A_ROUTER, lasts=13.0)
    assert [each < 1 for each in play(short).recoveries] == [True]


@pytest.mark.parametrize("standing", [True, False], ids=["by a channel", "by an indication"])
def test_what_the_application_says_by_a_relay_is_no_cost_of_an_outage(standing: bool) -> None:
    played = _Play(history(robot=WITH_A_RELAY))
    here, server, peer = ("192.168.2.10", 1), (str(SERVER_ADDRESSES[0]), 3478), ("203.0.113.10", 2)
    data, check = (
        channel_data(0x4000, each) if standing else send_indication(bytes(12), peer, each)
        for each in (b"\x80data", stun.binding_request(bytes(12)))
    )
    played.sent("robot", here, server, data)
    played.sent("robot", here, server, check)
    assert played.invariants.outage._sum["robot"] == len(check)


def test_a_restart_waits_for_signalling() -> None:
    muted = history(fault(Trick.MUTE, lasts=4), fault(Trick.RESTART, at=3.5), robot=BEHIND_A_ROUTER)
    assert play(muted).violations == ()


def test_what_goes_by_a_stolen_relay_is_not_the_clients() -> None:
    """A third host has moved the allocation to itself, and goes on sending copies by it."""
    relay_only = Side(relays=(Transport.UDP,), relay_only=True)
    played = _Play(history(fault(Trick.COPY, at=2.5, lasts=9), robot=relay_only, every=0.1))
    played.signalling.begin()
    played.application.begin()
    played.world.run(2.5)
    (allocation,) = played.oracle.allocations("robot")
    bearer = played.ledgers["robot"].bearer
    assert bearer
    assert bearer.carried > 2
    allocation.line.source = next(iter(played.third.addresses)), 45603
    played.world.run(3.5)
    assert bearer.carried <= 2.5


def test_a_restart_that_the_relay_alone_has_heard_answered_goes_on() -> None:
    """UDP is blocked between the relay and its client while the answer is on its way: what was never consented to has
    not lapsed when consent on the old credentials has."""
    blocked = fault(Occasion.BLOCK_UDP, at=4.372, on="operator", lasts=44.6)
    far = Side(uplink=Uplink(delay_ms=150))
    relay_only = Side(uplink=Uplink(behind="router"), relays=(Transport.UDP,), relay_only=True)
    restarted = history(fault(Trick.RESTART, at=4.025), blocked, robot=far, operator=relay_only, lasts=55.0)
    assert play(restarted).violations == ()


def test_what_an_agent_raises_is_a_violation(monkeypatch: pytest.MonkeyPatch) -> None:
    def send(*_: object) -> bool:
        raise ZeroDivisionError

    monkeypatch.setattr(Agent, "send", send)
    assert play(history()).named == {"raised"}


@pytest.mark.parametrize("seed", SEEDS)
def test_what_must_hold_holds_in_histories_drawn_at_random(seed: int) -> None:
    assert play(drawn(seed)).violations == ()


@pytest.mark.parametrize("rule", RULES, ids=[rule.name for rule in RULES])
def test_a_rule_that_is_taken_away_is_missed(rule: Rule, monkeypatch: pytest.MonkeyPatch) -> None:
    rule.take_away(monkeypatch)
    assert any(rule.named & play(one).named for one in rule.histories())


@pytest.mark.parametrize("rule", RULES, ids=[rule.name for rule in RULES])
def test_with_the_rule_nothing_is_violated_there(rule: Rule) -> None:
    for one in list(rule.histories())[:4]:
        assert play(one).violations == ()


def test_third_hosts_work_on_both_sides() -> None:
    for name in NAMES:
        for trick in (Trick.JUNK, Trick.WHISPER, Trick.COPY):
            assert play(history(fault(trick, on=name, lasts=1), lasts=5)).violations == ()
