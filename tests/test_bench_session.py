"""The benchmark of sessions: how it counts, and the least that it must find."""

from __future__ import annotations

import asyncio
import json
import re
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from bench.session import back, page, table
from bench.session.__main__ import Run, everything, missing
from bench.session.cases import CASES, OTHERS
from bench.session.outage import is_over, lost, outage, reordered, return_after
from bench.session.place import ROUTER, network, stand
from bench.session.play import Figures, _session
from bench.session.table import summary
from bench.session.targets import LINES, SET_UP, TARGETS, UP, Judged, Target, judge, judged, lines
from bench.session.watching import is_own
from landfast import clock
from landfast.kernel.capture import UDP, Capture, parse
from landfast.lab.network import Occasion

ROOT = Path(__file__).parents[1]
ICMP = 1
STEADY = [n / 50 for n in range(500)]  # ten seconds at 50 Hz


def without(first: float, last: float) -> list[float]:
    return [at for at in STEADY if not first < at < last]


def test_an_outage_is_the_longest_gap_around_its_event() -> None:
    assert outage(without(4.01, 4.15), 4.02, 4.03, 9) == pytest.approx(0.16)
    assert outage(without(4.5, 4.75), 4.0, 4.03, 9) == pytest.approx(0.26)


def test_a_gap_long_before_or_after_an_event_is_none_of_it() -> None:
    assert outage(without(1.0, 2.0), 4.02, 4.03, 9) == pytest.approx(0.02)
    assert outage(without(7.0, 8.0), 4.02, 4.03, 9.9) == pytest.approx(0.02)


def test_an_outage_that_has_not_ended_is_unknown() -> None:
    assert outage(without(4.1, 99), 4.0, 4.05, 20) is None
    assert outage([], 4.0, 4.05, 20) is None
    assert return_after(without(4.1, 99), 5.0, 20) is None


def test_a_return_counts_from_when_the_way_was_back() -> None:
    assert return_after(without(1.0, 5.13), 5.0, 9) == pytest.approx(0.14)


def test_a_direction_is_over_it_when_it_was_steady_since() -> None:
    assert is_over(STEADY, 4.0, 6.0)
    assert not is_over(STEADY, 4.0, 5.0)
    assert not is_over(without(4.9, 5.6), 4.0, 6.0)


@pytest.mark.parametrize(
    ("numbers", "found"),
    [
        ([1, 2, 3], (0, 0)),
        ([1, 3], (1, 0)),
        ([1, 3, 2], (0, 1)),
        ([1, 2, 2, 3], (0, 1)),
        ([3, 1], (1, 1)),
        ([], (3, 0)),
    ],
)
def test_messages_are_counted_that_are_lost_and_that_are_late_or_doubled(
    numbers: list[int], found: tuple[int, int]
) -> None:
    assert (lost(numbers, 3), reordered(numbers)) == found


def test_an_outage_without_an_end_is_the_largest() -> None:
    assert summary([3.0, None, 1.0]) == {"median": 3.0, "max": None, "never": 1, "n": 3, "values": [3.0, None, 1.0]}


def test_stun_is_the_agents_own_in_a_channel_too() -> None:
    check = bytes.fromhex("000100002112a442") + bytes(12)
    assert is_own(check)
    assert is_own(bytes.fromhex("40000014") + check)
    assert not is_own(b"\x17\xfe\xfd" + bytes(40))


def test_no_two_cases_have_a_name() -> None:
    assert len({case.name for case in CASES}) == len(CASES)


def test_every_target_is_of_a_case_that_is_played_and_of_a_line_that_is_told() -> None:
    names = everything()
    assert all(each.case in names and each.line in LINES for each in TARGETS)
    assert all(each.beside in names for each in TARGETS if each.beside)
    assert {each.line for each in TARGETS} == set(LINES)
    assert len({(each.case, each.measure) for each in TARGETS}) == len(TARGETS)


def rows(*figures: Figures) -> dict[str, dict[str, Any]]:
    return {each.case: {**table._row(each), "at": "2026-11-21T15:00", "seed": 1, "load": 0.5} for each in figures}


OUTAGE = Target("A", "change/direct/landfast", UP, 60, "because")


@pytest.mark.parametrize(
    ("values", "met"), [([50.0, 70.0, 60.0], True), ([61.0], False), ([10.0, None, None], False), ([], None)]
)
def test_a_median_meets_its_target_or_not_and_never_is_missed(values: list[float | None], met: bool | None) -> None:
    found = judge(OUTAGE, rows(Figures(OUTAGE.case, client_to_peer=values, peer_to_client=values)))
    assert found.met is met


def test_a_note_has_a_least_and_a_most() -> None:
    target = Target("E", "flood/direct/landfast", "errors told", 1, "because", least=1)
    found = {n: judge(target, rows(Figures(target.case, notes={"errors told": n}))).met for n in (0, 1, 2)}
    assert found == {0: False, 1: True, 2: False}
    assert judge(target, rows(Figures(target.case))).met is None


@pytest.mark.parametrize(
    ("media", "met"), [({"video frames": [90.0]}, True), ({"audio": [40.0], "video": [None]}, False), ({}, None)]
)
def test_of_audio_and_video_everything_has_to_come_back(media: dict[str, list[float | None]], met: bool | None) -> None:
    target = Target("H", "change-media/direct/landfast", "media never", 0, "because")
    assert judge(target, rows(Figures(target.case, media=media))).met is met


def test_without_a_session_nothing_was_kept() -> None:
    target = Target("A", OUTAGE.case, "lost", 0, "because")
    assert judge(target, rows(Figures(target.case, problems=["WorldError"]))).met is None
    assert judge(target, rows(Figures(target.case, sessions=1))).met is True
    assert judge(target, rows(Figures(target.case, sessions=1, lost=1))).met is False


def test_a_ratio_is_of_two_cases_and_unknown_without_both() -> None:
    target = Target("D", "a/b/landfast", SET_UP, 1.3, "because", beside="a/b/stock-chromium")
    mine, theirs = Figures(target.case, setup=[500.0]), Figures(target.beside, setup=[400.0])
    assert judge(target, rows(mine, theirs)) == Judged(target, 1.25, True)
    assert judge(target, rows(mine)).met is None


def test_a_line_tells_what_is_met_missed_and_not_measured() -> None:
    found = [Judged(OUTAGE, 31.0, True), Judged(OUTAGE, 75.0, False), Judged(OUTAGE, None, None)]
    assert lines(found)[0] == (
        "A  public address changes, direct: 1 of 3 met; missed: change/direct/landfast client→peer 75 > 60; "
        "not measured: change/direct/landfast"
    )


def test_figures_come_back_from_the_file() -> None:
    figures = Figures("a/b/c", [1.0, None], [2.0, 3.0], media={"audio client→peer": [4.0]}, notes={"checks/s": 2})
    assert table.figures(json.loads(json.dumps(rows(figures)["a/b/c"]))) == figures


def test_what_is_missing_is_what_has_too_few_events_or_broke() -> None:
    name = OUTAGE.case
    few, enough = Figures(name, [1.0] * 3, [1.0] * 3), Figures(name, [1.0] * 10, [1.0] * 10)
    broken = Figures(name, [1.0] * 10, [1.0] * 10, problems=["WorldError"])
    assert [missing([name], rows(each), None) for each in (few, enough, broken)] == [{name}, set(), {name}]
    assert missing([name], rows(few), 3) == set()
    assert missing([name], {}, 3) == {name}


def test_a_file_of_cases_is_replaced_whole_and_keeps_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table, "BUILD", tmp_path)
    monkeypatch.setattr(table, "PATH", tmp_path / "session.json")
    table.keep(Figures(OUTAGE.case, [31.0], [68.0]), 1)
    table.keep(Figures("change/direct/chromium", [1.0], [1.0]), 1)
    found = table.kept()
    assert list(found) == [OUTAGE.case, "change/direct/chromium"]
    told = {each["measure"]: (each["value"], each["most"], each["met"]) for each in found[OUTAGE.case]["targets"]}
    assert told[UP] == (31.0, 60, True)


@pytest.mark.anyio
async def test_patient_cases_come_first_and_each_is_kept_when_it_is_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table, "BUILD", tmp_path)
    monkeypatch.setattr(table, "PATH", tmp_path / "session.json")
    kept: list[list[str]] = []

    async def play(name: str, _seed: int, _events: int | None) -> Figures:
        kept.append(list(table.kept()))
        if name == "nothing/direct/landfast":
            raise KeyboardInterrupt
        return Figures(name, [1.0], [1.0])

    names = [OUTAGE.case, "rtt-700/direct/landfast", "nothing/direct/landfast"]
    with pytest.raises(KeyboardInterrupt):
        await Run({name: partial(play, name) for name in names}, 1, None).play()
    assert kept == [[], ["rtt-700/direct/landfast"], ["rtt-700/direct/landfast", OUTAGE.case]]


def test_a_case_of_one_long_event_stays_one() -> None:
    events = {case.name: case.times(3) for case in CASES}
    assert (events["rtt-700/direct/landfast"], events[OUTAGE.case]) == (1, 3)


def test_times_stand_on_a_scale_of_decades_and_never_beyond_it() -> None:
    decade = page.place(100) - page.place(10)
    assert page.place(1000) - page.place(100) == pytest.approx(decade, abs=0.2)
    assert page.place(10) == page.place(0) == page.LEFT
    assert page.place(None) == page.RIGHT > page.place(15_000)


def test_the_page_shows_each_fault_with_its_cases_and_escapes_what_it_is_told() -> None:
    found = rows(
        Figures(OUTAGE.case, [75.0], [68.0], problems=["<b>"]),
        Figures("change/direct/stock-aiortc", [30.0], [None]),
        Figures("cost/idle/landfast", notes={"kb": 1.0}),
    )
    charts = page.charts(found, judged(found))
    assert [chart.title for chart in charts] == ["The public address changes"]
    ours, stock = charts[0].lines
    assert (ours.name, ours.bars[0].missed, ours.bars[1].missed) == ("landfast", True, False)
    assert (stock.stack, stock.bars[1].text, stock.bars[1].to) == ("aiortc", "never", page.RIGHT)
    html = page.render(found, judged(found))
    assert "&lt;b&gt;" in html
    assert "<b>A" in html
    assert "http" not in html.replace("http-equiv", "")


def test_an_echo_is_known_by_its_answer_and_nothing_else_is() -> None:
    header, request = bytes([0x45]) + bytes(19), back.echo(0x1FFFF)
    assert back.answered(header + b"\0" + request[1:]) == 0xFFFF
    assert sum(int.from_bytes(request[at : at + 2], "big") for at in (0, 2, 4, 6)) % 0xFFFF == 0  # RFC 1071
    for other in (b"", header, header + request, header + b"\0" + request[1:4] + bytes(4)):
        assert back.answered(other) is None


@pytest.mark.anyio
@pytest.mark.lab
async def test_a_way_is_back_with_the_first_packet_that_passes_and_not_before() -> None:
    async with stand(network(), "direct") as place:
        plan, router = place.lab.plan, place.lab.host(ROUTER)
        peer = next(str(each.address.ip) for each in plan.attachments if each.host == "operator")
        with await Capture.open(place.lab.host("operator"), plan.egress("operator")) as watched:
            await place.lab.event(Occasion.SUSPEND_RADIO, lasts=0.3)
            told = clock.monotonic()
            lost, passed = await back.first_answer(router, peer)
            packets = [packet for frame in watched.drain() if (packet := parse(frame))]
            arrived = [packet.at for packet in packets if packet.protocol == ICMP and not packet.outgoing]
            again = await back.first_answer(router, peer)
    assert told < lost < passed < arrived[0]
    assert not any(packet.protocol == UDP for packet in packets)  # nothing of a session's is touched
    assert again[0] == again[1]


@pytest.mark.anyio
@pytest.mark.lab
async def test_a_session_outlives_a_new_public_address() -> None:
    case = next(case for case in CASES if case.name == "change/direct/landfast")
    async with stand(network(), "direct") as place, await _session(case, place) as session:
        await place.lab.event(Occasion.CHANGE_PUBLIC_ADDRESS)
        changed = clock.monotonic()
        async with asyncio.timeout(10):
            while not all(is_over(side.probes, changed, clock.monotonic()) for side in (session.client, session.peer)):
                await session.take()
        assert await session.intact()


def test_every_word_of_a_cases_name_is_documented() -> None:
    page = (ROOT / "docs" / "reference" / "benchmarks.md").read_text()
    told = set(re.findall(r"`([^`\s]+)`", page[page.index("\n## Sessions") :]))
    words = {word for case in CASES for word in (case.fault, case.path, case.peer)} | {
        name.split("/")[0] for name in OTHERS
    }
    assert words - told == set()
