from __future__ import annotations

import json
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landfast.kernel.fake import FakeIptables, FakeNft
from landfast.model.remedies import Link, Remove, Run, Step, Write
from landfast.remedies.masquerade import persist
from landfast.remedies.masquerade.diff import diff
from landfast.remedies.masquerade.languages import HOOKS, canonical
from landfast.remedies.masquerade.ruleset import FAMILIES, PLACES, Form, Wanted, rules
from landfast.remedies.masquerade.state import Regular, State, Symlink, ours, read_chain, with_rules
from landfast.wire.netfilter import iptables_words
from tests.remedies.masquerade.wishes import any_wish

MARKED = State(with_rules(rules(Wanted(("wlan0",), Form("nft"))), "nft", State(), {}).nft)
states = st.just(State()) | any_wish.map(lambda w: with_rules(rules(w), w.form.backend, State(), {}))


class Kernel:
    """In memory: carries out steps and tells the State that came of them."""

    def __init__(self) -> None:
        self.nft = FakeNft()
        self.iptables = {4: FakeIptables(), 6: FakeIptables()}
        self.nft(
            ["nft", "-j", "-f", "-"], json.dumps({"nftables": [{"add": {"table": {"family": "ip", "name": "theirs"}}}]})
        )

    def go(self, steps: Iterable[Step]) -> None:
        for step in steps:
            assert isinstance(step, Run)
            program = self.nft if step.argv[0] == "nft" else self.iptables[6 if "6" in step.argv[0] else 4]
            program(step.argv, step.given)

    def state(self) -> State:
        chains = [
            chain
            for family in FAMILIES
            for place in PLACES
            if (chain := read_chain(family, place, self._lines(family, HOOKS[place].table)))
        ]
        return State(canonical(ours(self.nft.listing())), tuple(chains))

    def _lines(self, family: int, table: str) -> list[tuple[str, ...]]:
        said = self.iptables[family](["iptables", "-t", table, "-S"], "")
        return [iptables_words(line) for line in said.splitlines()]


@given(st.lists(states, min_size=1, max_size=5))
def test_every_state_can_be_reached_from_every_other(goals: list[State]) -> None:
    kernel = Kernel()
    for goal in goals:
        kernel.go(diff(kernel.state(), goal))
        assert diff(kernel.state(), goal) == ()
        assert set(map(str, kernel.state().nft)) == set(map(str, goal.nft))
        assert kernel.state().iptables == tuple(sorted(goal.iptables, key=lambda c: (c.family, PLACES.index(c.place))))
    assert kernel.nft.listing()[0] == {"table": {"family": "ip", "name": "theirs"}}


@given(states)
def test_from_a_state_to_itself_there_is_nothing_to_do(state: State) -> None:
    assert diff(state, state) == ()


@given(states, states)
def test_only_what_is_ours_is_named(now: State, goal: State) -> None:
    for step in diff(now, goal):
        assert isinstance(step, Run)
        if step.argv[0] == "nft":
            for command in json.loads(step.given)["nftables"]:
                ((_, what),) = command.items()
                ((kind, body),) = what.items()
                assert body["name" if kind == "table" else "table"] == "landfast"
        else:
            lines = [line for line in step.given.splitlines() if line != "COMMIT" and not line.startswith("*")]
            assert all("LANDFAST" in line for line in lines)


@pytest.mark.parametrize("family", ["ip", "ip6"])
def test_a_family_that_is_as_wanted_is_not_touched(family: str) -> None:
    """So its counters go on."""
    other = {"ip": "ip6", "ip6": "ip"}[family]
    half = State(tuple(each for each in MARKED.nft for body in each.values() if body["family"] == family))
    (step,) = diff(half, MARKED)
    assert isinstance(step, Run)
    assert {body["family"] for c in json.loads(step.given)["nftables"] for w in c.values() for body in w.values()} == {
        other
    }


FILES = {
    persist.SCRIPT: None,
    persist.UNIT: None,
    persist.WANTED: None,
    persist.RC_LOCAL: Regular("#!/bin/sh\n", 0o644),
}


def test_files_change_after_the_rules_and_only_where_they_differ() -> None:
    goal = State(MARKED.nft, (), {**FILES, persist.SCRIPT: Regular("x", 0o755), persist.WANTED: Symlink("../y")})
    first, *rest = diff(State(files=FILES), goal)
    assert isinstance(first, Run)
    assert rest == [Write(persist.SCRIPT, "x", 0o755), Link(persist.WANTED, "../y")]
    assert diff(goal, State(MARKED.nft, (), FILES)) == (Remove(persist.SCRIPT, folder=True), Remove(persist.WANTED))


def test_a_running_systemd_is_told() -> None:
    unit = {**FILES, persist.UNIT: Regular("[Unit]", 0o644), persist.WANTED: Symlink("../x")}
    told = [
        step.argv[1:]
        for step in diff(State(files=FILES), State(files=unit), systemd_runs=True)
        if isinstance(step, Run)
    ]
    assert told == [("daemon-reload",), ("start", persist.SERVICE)]
    steps = diff(State(files=unit), State(files=FILES), systemd_runs=True)
    assert [type(step) for step in steps] == [Run, Remove, Remove, Run]
    assert [step.argv[1] for step in steps if isinstance(step, Run)] == ["stop", "daemon-reload"]
    assert not [step for step in diff(State(files=FILES), State(files=unit)) if isinstance(step, Run)]
