from __future__ import annotations

from itertools import pairwise
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landfast.errors import UnknownName
from landfast.model.facts import (
    ChangedResponse,
    DefaultRouteSeen,
    Fact,
    InterfaceSeen,
    MappedAddress,
    NoReply,
    ServerProbed,
)
from landfast.model.iceservers import TurnServer
from landfast.probes import plan as module
from landfast.probes.plan import (
    BUDGET,
    LEARNS,
    NAMES,
    NOWHERE,
    OLDEST,
    Effort,
    Plan,
    Servers,
    Wish,
    plan,
    pointless,
    undecided,
)
from landfast.probes.questions import (
    CarrierNat,
    Interfaces,
    Leak,
    Lifetime,
    Nat64,
    Opens,
    PathMtu,
    Ports,
    Question,
    Reflector,
    Relay,
    RoundTrip,
    Settled,
    SixWays,
    Translation,
)

STUN = ("203.0.113.1", 3478)
REFLECTOR = Reflector(("203.0.113.5", 3480), (("203.0.113.5", 3478), ("203.0.113.6", 3479)), (("2001:db8::5", 3478),))
TURN = TurnServer("203.0.113.1", 3478, "udp", "user", "password")
ALL = Servers((STUN,), (REFLECTOR,), (TURN,))

servers = st.builds(
    Servers,
    st.lists(st.sampled_from([STUN, ("203.0.113.2", 3479), ("2001:db8::1", 3478)]), unique=True).map(tuple),
    st.lists(st.sampled_from([REFLECTOR, Reflector(("203.0.113.7", 3480), ())]), max_size=2).map(tuple),
    st.lists(st.just(TURN), max_size=12).map(tuple),
)
wishes = st.builds(
    Wish,
    st.sampled_from(Effort),
    st.lists(st.sampled_from(NAMES), unique=True, max_size=3).map(tuple),
    st.lists(st.sampled_from(["wlan0", "wwan0", "eth0"]), unique=True, max_size=3).map(tuple),
    st.integers(1, 2000),
)


def kinds(made: Plan) -> list[type[Question]]:
    return [type(question) for question in made.questions]


@given(wishes, servers)
def test_no_plan_takes_more_mappings_than_the_budget(wish: Wish, known: Servers) -> None:
    assert plan(wish, known).mappings <= wish.budget


@given(wishes, servers)
def test_what_disturbs_comes_after_what_is_gentle_and_what_uses_up_comes_last(wish: Wish, known: Servers) -> None:
    gentle = (Translation, RoundTrip, SixWays, Relay, CarrierNat)
    order: list[tuple[type[Question], ...]] = [
        (Interfaces,),
        gentle,
        (PathMtu,),
        (Leak, Nat64),
        (Opens,),
        (Lifetime,),
        (Ports,),
    ]
    place = {kind: number for number, alike in enumerate(order) for kind in alike}
    places = [place[kind] for kind in kinds(plan(wish, known)) if kind is not Settled]
    assert wish.quick or places == sorted(places)


@given(wishes, servers)
def test_every_question_is_asked_or_told_to_be_left_open(wish: Wish, known: Servers) -> None:
    made = plan(wish, known)
    wanted = set(wish.only or NAMES)
    asked = {question.name for question in made.questions} - {"settled"}
    assert asked | {each.name for each in made.unasked} == wanted
    assert asked & {each.name for each in made.unasked} == set()


@given(wishes, servers)
def test_after_a_disturbance_the_network_is_waited_for_where_something_follows(wish: Wish, known: Servers) -> None:
    stages = plan(wish, known).stages
    for before, after in pairwise(stages):
        if isinstance(before[0], Opens | Leak) and known.asked and not wish.quick:
            assert isinstance(after[0], Settled)
    assert not any(isinstance(question, Settled) for stage in stages[-1:] for question in stage)


def test_without_a_server_the_host_itself_is_asked() -> None:
    made = plan(Wish(), Servers())
    assert kinds(made) == [Interfaces, CarrierNat, Leak, Nat64]
    options = {each.name: each.option for each in made.unasked}
    assert options["nat"] == "--server stun:HOST"
    assert "landfast reflector" in options["lifetime"]
    assert "--ice-servers" in options["relay"]


def test_what_must_only_leave_goes_to_an_address_that_nobody_has() -> None:
    (leak,) = [question for question in plan(Wish(), Servers()).questions if isinstance(question, Leak)]
    assert leak.towards == ("192.0.2.1", 9)


def test_a_stun_server_adds_what_can_be_asked_of_it() -> None:
    assert kinds(plan(Wish(), Servers((STUN,)))) == [
        *(Interfaces, Translation, RoundTrip, CarrierNat, PathMtu, Leak, Nat64, Settled, Opens, Settled, Ports),
    ]


def test_a_full_plan_asks_everything_and_a_quick_one_has_a_limit() -> None:
    full = plan(Wish(Effort.FULL), ALL)
    assert set(kinds(full)) == set(get_args(Question))
    assert (full.unasked, full.limit) == ((), None)
    quick = plan(Wish(Effort.QUICK), ALL)
    assert quick.limit is not None
    assert not {Lifetime, Ports, Opens} & set(kinds(quick))
    assert len(quick.stages) == 2, "nothing that hangs keeps others from being asked"
    assert Leak(NOWHERE) in quick.questions, "no agent gathers beside the questions about the NAT"
    assert {each.name: each.option for each in quick.unasked}["lifetime"] == "--full"


def test_a_reflector_is_asked_rather_than_a_stun_server() -> None:
    (translation,) = [q for q in plan(Wish(), ALL).questions if isinstance(q, Translation)]
    assert translation.server == REFLECTOR.stun[0]
    other = translation.other
    assert other in REFLECTOR.stun
    assert other
    assert (other[0] != translation.server[0], other[1] != translation.server[1]) == (True, True)


def test_where_there_is_time_the_nat_is_asked_over_ipv6_too() -> None:
    for wish, asked in ((Wish(), 1), (Wish(Effort.FULL), 2), (Wish(only=("nat",)), 2)):
        translations = [q for q in plan(wish, ALL).questions if isinstance(q, Translation)]
        assert [q.server for q in translations] == [REFLECTOR.stun[0], REFLECTOR.stun6[0]][:asked]


def test_only_one_question_is_one_question_and_may_use_the_whole_budget() -> None:
    assert plan(Wish(only=("ports",)), ALL).stages == ((Ports(REFLECTOR.stun[0], most=BUDGET),),)
    (stage,) = plan(Wish(only=("lifetime",)), ALL).stages
    assert stage == (Lifetime(REFLECTOR),)


def test_only_a_full_plan_looks_for_an_age_beyond_the_lifetimes() -> None:
    (full,) = [q for q in plan(Wish(Effort.FULL), ALL).questions if isinstance(q, Lifetime)]
    assert full.oldest == OLDEST


def test_each_uplink_is_asked_by_itself() -> None:
    made = plan(Wish(interfaces=("wlan0", "wwan0")), ALL)
    assert [q.interface for q in made.questions if isinstance(q, Translation)] == ["wlan0", "wwan0"]
    assert len([q for q in made.questions if isinstance(q, Leak)]) == 1


def test_what_the_budget_does_not_allow_is_told_with_the_option() -> None:
    made = plan(Wish(Effort.FULL, budget=60), ALL)
    left = {each.name: each for each in made.unasked}
    assert "lifetime" in left
    assert "--mappings" in left["lifetime"].option


def test_an_unknown_question_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(UnknownName, match="no question is called 'hairpin'"):
        Wish(only=("hairpin",))


def test_every_question_says_what_it_tells() -> None:
    assert set(LEARNS) == set(NAMES) == {kind.name for kind in get_args(Question)} - {"settled"}
    assert set(module._NEEDS) <= set(NAMES)


# What can tell nothing more.

UP = InterfaceSeen(0.0, "wlan0", True, ("192.168.1.10/24",))
WAY = DefaultRouteSeen(0.0, "wlan0", 4, 0, "192.168.1.1")
LOCAL = ("192.168.1.10", 40000)
SILENCE = NoReply(1.0, STUN, LOCAL, 0.5)


@pytest.mark.parametrize(
    ("question", "facts", "reason"),
    [
        (Translation(STUN), [], ""),
        (Translation(STUN), [UP], "no default route"),
        (Nat64(), [UP], "no default route"),
        (Translation(STUN), [UP, WAY], ""),
        (SixWays(REFLECTOR), [UP, WAY], "IPv6"),
        (Translation(("2001:db8::1", 3478)), [UP, WAY], "2001:db8::1"),
        (Opens(STUN), [UP, WAY, SILENCE], "does not answer"),
        (Ports(STUN), [UP, WAY, SILENCE, MappedAddress(2.0, STUN, LOCAL, LOCAL)], ""),
        (Lifetime(REFLECTOR), [UP, WAY, SILENCE], ""),
        (RoundTrip(STUN), [UP, WAY, SILENCE], ""),
        (Leak(STUN), [UP, WAY, SILENCE], ""),
        (Relay(TURN), [UP, WAY, SILENCE], ""),
    ],
)
def test_a_question_is_left_out_where_it_can_tell_nothing_more(
    question: Question, facts: list[Fact], reason: str
) -> None:
    said = pointless(question, facts)
    assert reason in said
    assert bool(said) is bool(reason)


# What the answers left open.


def test_a_server_with_one_address_leaves_mapping_and_filtering_open_and_says_what_would_tell() -> None:
    facts: list[Fact] = [MappedAddress(1.0, STUN, LOCAL, ("198.51.100.1", 4000)), ServerProbed(1.0, STUN, True, ())]
    left = list(undecided([Translation(STUN)], facts))
    assert [each.what for each in left] == [
        "whether the mapping depends on the destination (IPv4)",
        "whose packets the NAT lets in (IPv4)",
    ]
    assert all("two addresses" in each.option for each in left)
    assert list(undecided([Interfaces()], facts)) == []
    [silent] = undecided([Translation(STUN)], [SILENCE])
    assert silent.because == "no server that was asked over UDP answered"


def test_what_was_answered_is_not_open() -> None:
    other = ("203.0.113.2", 3478)
    mapped = ("198.51.100.1", 4000)
    facts: list[Fact] = [MappedAddress(float(n), server, LOCAL, mapped) for n, server in enumerate([STUN, other, STUN])]
    facts += [ServerProbed(1.0, STUN, True, ("other-address",))]
    facts += [MappedAddress(4.0, STUN, ("192.168.1.10", 40001), ("198.51.100.1", 4001))]
    facts += [ChangedResponse(5.0, ("192.168.1.10", 40001), STUN, other, 5, 1)]
    assert list(undecided([Translation(STUN)], facts)) == []
