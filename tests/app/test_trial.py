from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from landfast.app import trial as app
from landfast.app.trial import Prepared, TrialRequest, prepare, so_far
from landfast.errors import BadFile, RequestError, UnknownName, WorldError
from landfast.kernel.host import Host
from landfast.lab.network import Network
from landfast.peers import Stack
from landfast.remedies import masquerade
from landfast.remedies.masquerade.options import Options
from landfast.trials.arms import Arm
from landfast.trials.result import Attempt, Call, Trial
from tests.trials.places import FakePlace

REQUEST = TrialRequest(groups=2, attempts=2)


@pytest.fixture
def request_here(tmp_path: Path) -> TrialRequest:
    """A trial of two groups of two whose journal is the test's."""
    return replace(REQUEST, journal=tmp_path / "trial.jsonl")


# Before anything begins.


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"network": "wifi"}, UnknownName),
        ({"network": "none.toml"}, BadFile),
        ({"arms": ("off", "up")}, UnknownName),
        ({"arms": ()}, RequestError),
        ({"groups": 1}, RequestError),
        ({"limit": 0.0}, RequestError),
        ({"hold": -1.0}, RequestError),
        ({"operator": "ws://192.0.2.1:8000", "arms": ("off", "strong-host")}, RequestError),
    ],
)
def test_what_cannot_be_tried_is_refused_before_anything_begins(
    changes: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        prepare(replace(REQUEST, **changes))


def test_a_prepared_trial_knows_its_attempts_and_what_is_declared() -> None:
    prepared = prepare(REQUEST)
    assert [slot.arm for slot in prepared.remaining] == ["off", "off", "on", "on"]
    assert prepared.plan["network"] == "mifi"
    assert prepared.plan["declaration"]["routers"]["mifi"]["nat"]["translates"] == "lan"
    assert prepared.notice == ""


def test_a_real_robot_has_no_declaration() -> None:
    prepared = prepare(replace(REQUEST, operator="ws://192.0.2.1:8000", token="secret"))
    assert (prepared.network, prepared.plan["declaration"]) == (None, None)
    assert "secret" not in repr(prepared.plan), "the journal may be shown to others"


# The whole, without a network.


class Places:
    """What is opened instead of laboratories."""

    def __init__(self) -> None:
        self.place: FakePlace | None = FakePlace()
        self.opened: list[tuple[Any, Path | None]] = []
        self.closed = 0

    def open(self, _prepared: Prepared, network: Network | None, pcap: Path | None, _progress: object) -> Any:
        self.opened.append((network, pcap))
        place = self.place
        if place is None:
            raise WorldError("no laboratory")

        @asynccontextmanager
        async def opened() -> AsyncIterator[FakePlace]:
            yield place
            self.closed += 1

        return opened()


@pytest.fixture
def places(monkeypatch: pytest.MonkeyPatch) -> Places:
    """Every place is the same fake, and the remedy does nothing."""

    async def nothing(_host: Host, _options: Options | None = None) -> None:
        pass

    monkeypatch.setattr(masquerade, "enable", nothing)
    monkeypatch.setattr(masquerade, "disable", nothing)
    return Places()


def made(request: TrialRequest, places: Places, seen: list[Attempt] | None = None) -> Trial:
    finished = seen.append if seen is not None else lambda _: None
    return asyncio.run(app.trial(prepare(request), lambda _: None, finished, places.open))


def test_every_attempt_is_in_the_journal_before_anybody_hears_of_it(request_here: TrialRequest, places: Places) -> None:
    class Seen(list[Attempt]):
        def append(self, attempt: Attempt) -> None:
            super().append(attempt)
            kept = so_far(request_here.journal)
            assert kept is not None
            assert list(kept.attempts) == list(self)

    seen = Seen()
    trial = made(request_here, places, seen)
    assert trial.attempts == tuple(seen)
    assert [attempt.arm for attempt in seen] == ["off", "off", "on", "on"]
    assert {"started", "landfast", "commit", "kernel", "nft", "python"} <= set(trial.provenance[0])
    assert (len(places.opened), places.closed) == (1, 1), "one laboratory serves both arms"


def test_arms_with_other_networks_get_places_and_packet_files_of_their_own(
    request_here: TrialRequest, places: Places, tmp_path: Path
) -> None:
    (tmp_path / "foreign-limit-0.pcap").write_text("of an earlier trial")
    pcap = tmp_path / "foreign.pcap"
    made(replace(request_here, arms=("off", "limit-0", "on"), groups=3, attempts=1, pcap=pcap), places)
    assert not (tmp_path / "foreign-limit-0.pcap").exists(), "the meter appends to what it finds"
    networks, files = zip(*places.opened, strict=True)
    gateways = [network.routers["carrier"].gateway for network in networks if network]
    assert [gateway.limit for gateway in gateways if gateway] == [10, 0]
    assert [file.name for file in files if file] == ["foreign.pcap", "foreign-limit-0.pcap"]


class Third(FakePlace):
    """Something happens instead of the third attempt."""

    def __init__(self, happens: Any) -> None:
        super().__init__()
        self.happens = happens

    async def connect(self, number: int, arm: Arm) -> Call:
        if len(self.connected) == 2:
            await self.happens()
        return await super().connect(number, arm)


async def broken() -> None:
    raise WorldError("broken")


def test_what_was_measured_before_a_failure_is_kept_and_resumed(request_here: TrialRequest, places: Places) -> None:
    places.place = Third(broken)
    with pytest.raises(WorldError):
        made(request_here, places)
    before = so_far(request_here.journal)
    assert before is not None
    assert len(before.attempts) == 2

    places.place = FakePlace()
    again = replace(request_here, resume=True)
    assert "2 of 4 attempts" in prepare(again).notice
    trial = made(again, places)
    assert trial.attempts[:2] == before.attempts
    assert [number for number, _ in places.place.connected] == [3, 4]
    assert trial.attempts[2].began_s >= before.attempts[1].began_s
    assert len(trial.provenance) == 2

    assert prepare(again).remaining == ()
    assert made(again, places).attempts == trial.attempts, "what is complete stays as it is"


def test_a_torn_line_is_told_and_its_attempt_made_again(request_here: TrialRequest, places: Places) -> None:
    made(request_here, places)
    path = request_here.journal
    path.write_bytes(path.read_bytes()[:-10])
    again = replace(request_here, resume=True)
    prepared = prepare(again)
    assert "not finished" in prepared.notice
    assert [slot.number for slot in prepared.remaining] == [4]
    assert [attempt.number for attempt in made(again, places).attempts] == [1, 2, 3, 4]


@pytest.mark.parametrize("kept", ["", '{"schema_ver'])
def test_a_trial_that_was_killed_before_it_began_is_begun(
    request_here: TrialRequest, places: Places, kept: str
) -> None:
    if kept:
        request_here.journal.write_text(kept)
    again = replace(request_here, resume=True)
    assert "holds nothing yet" in prepare(again).notice
    assert len(made(again, places).attempts) == 4


@pytest.mark.parametrize(
    "changes",
    [
        {"network": "home"},
        {"arms": ("on", "off")},
        {"attempts": 3},
        {"stack": Stack.CHROMIUM},
        {"hold": 1.0},
        {"options": Options(action="drop")},
    ],
)
def test_the_journal_of_another_trial_is_refused_with_the_difference(
    request_here: TrialRequest, places: Places, changes: dict[str, Any]
) -> None:
    made(request_here, places)
    with pytest.raises(BadFile) as caught:
        prepare(replace(request_here, resume=True, **changes))
    assert caught.value.line == 1
    assert "was" in caught.value.problem


def test_an_older_journal_stays_until_something_stands_that_can_be_measured(
    request_here: TrialRequest, places: Places
) -> None:
    made(request_here, places)
    before = request_here.journal.read_bytes()
    places.place = None
    with pytest.raises(WorldError):
        made(request_here, places)
    assert request_here.journal.read_bytes() == before


def test_a_robot_on_which_the_remedy_stands_is_not_tried(
    request_here: TrialRequest, places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Status:
        enabled = True

    async def status(_host: Host) -> Status:
        return Status()

    monkeypatch.setattr(masquerade, "status", status)
    with pytest.raises(RequestError, match="in force"):
        made(replace(request_here, operator="ws://192.0.2.1:8000"), places)
    assert places.opened == []
