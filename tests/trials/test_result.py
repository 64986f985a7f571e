from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landfast.errors import BadFile
from landfast.journal.file import Journal, read
from landfast.model.facts import (
    CaptureDropped,
    EchoAnswered,
    EchoReconnected,
    Fact,
    ForeignSourcePacket,
    IceCheckSent,
    MappedAddress,
    NoReply,
    PublicAddressChanged,
)
from landfast.trials.plan import Slot
from landfast.trials.result import (
    QUIET,
    AddressChange,
    Attempt,
    Call,
    Gateway,
    Stall,
    fold,
    header,
    measure,
    record,
    resumed,
    settled,
)
from tests.trials.stories import story

SLOT = Slot(3, 1, 3, "off")
SERVER, LOCAL = ("198.51.100.5", 3478), ("0.0.0.0", 40000)


def mapped(at: float, address: str = "203.0.113.10") -> Fact:
    return MappedAddress(at, SERVER, LOCAL, (address, 7))


def echo(at: float) -> Fact:
    return EchoAnswered(at, at - 0.01)


def foreign(at: float, source: str = "172.17.0.1") -> Fact:
    return ForeignSourcePacket(at, "wlan0", source, "198.51.100.5", 17)


def check(at: float) -> Fact:
    return IceCheckSent(at, "wlan0", ("192.168.1.10", 5000), SERVER)


def measured(facts: Sequence[Fact], *, call: Call | None = None, ended: float = 120.0, **changes: Any) -> Attempt:
    """An attempt from 100 s to 120 s on a trial's axis that began at 90 s."""
    settings: dict[str, Any] = {"began": 100.0, "hold": 5.0, "axis": 90.0, "capturing": True, "gateway": None} | changes
    return measure(SLOT, call or Call(100.0, None, None), facts, ended=ended, **settings)


def test_an_attempt_owns_what_happens_from_its_start_until_the_network_is_quiet() -> None:
    facts = [foreign(99.9), foreign(100.0), foreign(119.9), foreign(120.0)]
    found = measured(facts)
    assert (found.foreign_source_packets, found.foreign_at_s) == (2, (0.0, 19.9))
    assert (found.number, found.group, found.attempt, found.arm) == (3, 1, 3, "off")
    assert (found.began_s, found.lasted_s) == (10.0, 20.0)


def test_foreign_packets_are_counted_by_their_source() -> None:
    found = measured([foreign(101), foreign(102, "10.42.0.1"), foreign(103)])
    assert found.foreign_sources == {"172.17.0.1": 2, "10.42.0.1": 1}


@pytest.mark.parametrize(
    ("facts", "capturing"),
    [([], False), ([foreign(101), CaptureDropped(102, "wlan0", 4)], True)],
    ids=["no right", "lost"],
)
def test_what_could_not_be_captured_is_unknown_and_not_0(facts: list[Fact], capturing: bool) -> None:
    assert measured(facts, capturing=capturing).foreign_source_packets is None


def test_packets_lost_before_the_attempt_do_not_spoil_it() -> None:
    assert measured([CaptureDropped(99, "wlan0", 4), foreign(101)]).foreign_source_packets == 1


def test_a_lossy_capture_is_noted() -> None:
    assert "lost 4 packets" in measured([CaptureDropped(101, "wlan0", 4)]).notes[0]


def test_changes_are_dated_from_the_first_check() -> None:
    changed = PublicAddressChanged(107.5, "203.0.113.10", "203.0.113.11")
    found = measured([check(105.0), check(105.1), changed])
    assert found.first_check_s == 5.0
    assert found.address_changes == (AddressChange(7.5, "203.0.113.10", "203.0.113.11", 2.5),)
    assert found.address_changed


def test_without_a_check_the_moment_of_a_change_is_known_only_from_the_start() -> None:
    found = measured([PublicAddressChanged(107.5, "a", "b")])
    assert (found.first_check_s, found.address_changes[0].after_first_check_s) == (None, None)


def test_a_stall_is_the_time_between_two_answers_also_across_the_attempts_start() -> None:
    found = measured([echo(99.0), echo(102.0), echo(102.1), *(echo(102.1 + 0.1 * n) for n in range(1, 180))])
    assert found.bystander_stalls == (Stall(-1.0, 3.0),)
    assert found.longest_bystander_stall_s == 3.0


def test_before_the_peers_begin_a_stall_is_nobodys() -> None:
    answers = [echo(99.9), echo(101.0), echo(104.9), *(echo(105 + 0.1 * n) for n in range(150))]
    found = measured(answers, call=Call(105.0, None, None))
    assert (found.bystander_stalls, found.longest_bystander_stall_s) == ((), 0.1)


def test_an_answer_that_has_not_come_at_the_end_is_a_stall_until_there() -> None:
    found = measured([echo(100.0), echo(100.1), EchoReconnected(119.0, "reset")])
    assert found.bystander_stalls == (Stall(0.1, 19.9),)
    assert found.bystander_reconnects == 1


def test_no_answer_at_all_is_unknown() -> None:
    assert measured([]).longest_bystander_stall_s is None


def test_a_connection_is_held_when_it_lasted_as_long_as_asked() -> None:
    assert measured([]).held is None
    short = measured([], call=Call(100.0, 100.4, 3.0, 0.1))
    assert (short.connected, short.time_to_connect_s, short.held, short.held_s, short.gathered_s) == (
        True,
        0.4,
        False,
        3.0,
        0.1,
    )
    assert measured([], call=Call(100.0, 100.4, 5.0)).held is True


def test_the_carriers_count_is_the_difference_and_unknown_without_one() -> None:
    assert (measured([]).gateway_violations, measured([]).gateway_resets) == (None, None)
    found = measured([], gateway=Gateway(26, 4) - Gateway(10, 3))
    assert (found.gateway_violations, found.gateway_resets) == (16, 1)


def test_the_public_address_at_the_end_is_the_last_one_seen() -> None:
    found = measured([mapped(101), mapped(110, "203.0.113.11")])
    assert found.public_address == "203.0.113.11"


# Quiet: when the next attempt may begin.


def quiet(since: float, until: float) -> list[Fact]:
    times = [since + 0.1 * n for n in range(round((until - since) * 10) + 1)]
    return [fact(at) for at in times for fact in (echo, mapped)]


def test_the_network_is_quiet_after_nothing_but_answers() -> None:
    facts = quiet(100, 102)
    assert settled(facts, since=100.5)
    assert not settled(facts, since=102 - QUIET + 0.1), "not yet long enough"
    assert not settled([], since=100)


@pytest.mark.parametrize(
    "trouble",
    [
        foreign(101.5),
        NoReply(101.5, SERVER, LOCAL, 101),
        PublicAddressChanged(101.5, "a", "b"),
        EchoReconnected(101.5, "reset"),
    ],
)
def test_trouble_makes_it_wait_and_passes(trouble: Fact) -> None:
    assert not settled([*quiet(100, 102), trouble], since=100)
    assert settled([*quiet(100, 102), trouble, *quiet(102.1, 103)], since=100)


@pytest.mark.parametrize("silent", [EchoAnswered, MappedAddress])
def test_one_sense_that_is_silent_is_not_quiet(silent: type[Fact]) -> None:
    assert not settled([fact for fact in quiet(100, 102) if not isinstance(fact, silent)], since=100)


@given(st.permutations(quiet(100, 101.5)))
def test_the_order_in_which_facts_arrive_does_not_matter(facts: list[Fact]) -> None:
    assert settled(facts, since=100)


# The journal.

PLAN = {"network": "mifi", "stack": "aiortc", "arms": ["off", "on"], "groups": 4, "attempts": 5}


def written(path: Path, attempts: Sequence[Attempt]) -> None:
    with Journal.create(path, header(PLAN, {"kernel": "6.18"})) as journal:
        for attempt in attempts:
            journal.append(record(attempt))
        journal.append(resumed({"kernel": "6.19"}))


def test_a_trial_is_folded_from_its_journal_as_it_was(tmp_path: Path) -> None:
    attempts = [replace(attempt, gateway_resets=None, foreign_source_packets=None) for attempt in story()]
    written(tmp_path / "j", attempts)
    recording = read(tmp_path / "j")
    assert recording
    trial = fold(tmp_path / "j", recording)
    assert trial.attempts == tuple(attempts)
    assert trial.planned == 20
    assert trial.provenance == ({"kernel": "6.18"}, {"kernel": "6.19"})


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"number":1,', '"number":"one",'),
        ('"arm":', '"leg":'),
        ('"kind":"attempt"', '"kind":"tempt"'),
        ('"lasted_s":14.0', '"lasted_s":[]'),
    ],
)
def test_a_line_that_is_no_attempt_is_told_with_its_number(tmp_path: Path, old: str, new: str) -> None:
    path = tmp_path / "j"
    written(path, story()[:2])
    lines = path.read_text().splitlines(keepends=True)
    lines[1] = lines[1].replace(old, new, 1)
    path.write_text("".join(lines))
    recording = read(path)
    assert recording
    with pytest.raises(BadFile) as caught:
        fold(path, recording)
    assert (caught.value.path, caught.value.line) == (path, 2)


@pytest.mark.parametrize(
    "said",
    [
        {"kind": "session"},
        {"kind": "trial", "plan": PLAN},
        {"kind": "trial", "plan": {**PLAN, "groups": "4"}, "provenance": {}},
        {"kind": "trial", "plan": [], "provenance": {}},
    ],
)
def test_another_journal_is_no_trials(tmp_path: Path, said: dict[str, Any]) -> None:
    Journal.create(tmp_path / "j", said).close()
    recording = read(tmp_path / "j")
    assert recording
    with pytest.raises(BadFile, match="not the journal of a trial"):
        fold(tmp_path / "j", recording)
