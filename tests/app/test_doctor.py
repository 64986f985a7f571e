from __future__ import annotations

import json
from pathlib import Path

import pytest

from landfast.app.doctor import Examination, Request, examine, prepare
from landfast.diagnose.findings import findings
from landfast.errors import BadFile, RequestError
from landfast.kernel.fake import FakeHost
from landfast.model.facts import DefaultRouteSeen, IceServerMistake, IceServersRead, InterfaceSeen, ServerClock
from landfast.probes import servers
from landfast.probes.plan import Effort, OpenQuestion, Servers, Wish
from landfast.probes.questions import Interfaces, Leak, Reflector, Relay, Translation
from landfast.walk import Seen
from tests.examinations import CONTAINER, LEFT, STUN, UP, WAY, examination
from tests.remedies.masquerade import robots

pytestmark = pytest.mark.anyio


async def test_whom_to_ask_comes_from_words_and_from_the_applications_own_file(tmp_path: Path) -> None:
    file = tmp_path / "ice.json"
    file.write_text(
        json.dumps(
            {
                "iceServers": [
                    {"urls": ["turn:203.0.113.9:3478?transport=tcp"], "username": "u", "credential": "c"},
                    {"urls": "stun:203.0.113.8"},
                    {"urls": "turn:203.0.113.9"},
                ]
            }
        )
    )
    seen = Seen()
    request = Request(servers=("stun:203.0.113.1",), ice_servers=(file,))
    made = await prepare(robots.fake(tmp_path), request, seen)
    assert [question.server for question in made.questions if isinstance(question, Translation)] == [STUN]
    assert [question.server.host for question in made.questions if isinstance(question, Relay)] == ["203.0.113.9"]
    read, *mistakes = seen.facts
    assert isinstance(read, IceServersRead)
    assert len(read.urls) == 3
    assert [type(each) for each in mistakes] == [IceServerMistake]


async def test_a_reflector_tells_also_what_time_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    control = ("203.0.113.5", 3480)

    async def find(*_: object) -> tuple[Servers, tuple[OpenQuestion, ...]]:
        return Servers(reflectors=(Reflector(control, (STUN,), ahead=7200.0), Reflector(control, (STUN,)))), ()

    monkeypatch.setattr(servers, "find", find)
    seen = Seen()
    await prepare(robots.fake(tmp_path), Request(servers=("reflector:203.0.113.5",)), seen)
    clocks = [fact for fact in seen.facts if isinstance(fact, ServerClock)]
    assert [(fact.url, fact.ahead) for fact in clocks] == [("http://203.0.113.5:3480", 7200.0)]
    assert [finding.code for finding in findings(seen.facts)] == ["clock-skew"]


async def test_without_a_way_out_nobody_is_looked_up(tmp_path: Path) -> None:
    seen = Seen()
    host = FakeHost(tmp_path)
    made = await prepare(host, Request(servers=("stun:stun.example",)), seen)
    assert not any(argv[0] == "getent" for argv in host.ran)
    assert Interfaces() in made.questions


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        (Request(servers=("stun.example",)), RequestError),
        (Request(ice_servers=(Path("none.json"),)), BadFile),
        (Request(Wish(interfaces=("wwan7",))), RequestError),
    ],
)
async def test_what_is_asked_wrongly_is_refused(tmp_path: Path, request_: Request, error: type[Exception]) -> None:
    with pytest.raises(error):
        await prepare(robots.fake(tmp_path), request_, Seen())


def test_findings_are_told_with_the_uplinks_that_have_them() -> None:
    cellular = InterfaceSeen(0.0, "wwan0", True, ("100.64.0.9/24",))
    other_way = DefaultRouteSeen(0.0, "wwan0", 4, 700, "100.64.0.1")
    made = examination(UP, cellular, WAY, other_way, LEFT, uplinks=("wlan0", "wwan0"))
    assert {finding.code: made.of(finding) for finding in made.findings} == {
        "source-address-leak": ("wlan0",),
        "cgnat": ("wwan0",),
    }
    assert [finding.code for finding in made.findings] == ["source-address-leak", "cgnat"], "the worst first"


def test_as_json_it_is_one_object_whose_findings_have_evidence_and_remedy() -> None:
    said = json.loads(json.dumps(examination(UP, WAY, LEFT).as_json()))
    [finding] = said["findings"]
    assert {"code", "severity", "confidence", "because", "remedy"} <= set(finding)
    assert (finding["code"], finding["remedy"], finding["confidence"]) == (
        "source-address-leak",
        "masquerade",
        "proved",
    )
    assert finding["because"][0]["fact"] == "ForeignSourceTried"
    assert (said["schema_version"], said["finished"], said["asked"]) == (1, True, ["interfaces"])


def test_a_host_without_a_way_out_could_not_be_measured() -> None:
    assert "no default route" in examination(UP).could_not
    assert examination(UP, WAY).could_not == ""
    assert Examination().could_not


def test_a_container_is_told() -> None:
    [note] = examination(UP, WAY, CONTAINER).notes
    assert "/.dockerenv" in note
    assert "--network host" in note


def test_the_facts_are_lines_of_json() -> None:
    assert [json.loads(line)["fact"] for line in examination(UP, WAY).facts_text().splitlines()] == [
        "InterfaceSeen",
        "DefaultRouteSeen",
    ]


@pytest.mark.lab
async def test_what_asking_costs_is_counted_and_no_server_is_needed_to_name_the_cause() -> None:
    async with robots.scene() as scene:
        made = Examination()
        await examine(scene.robot, Request(Wish(Effort.QUICK)), made)
    assert [finding.code for finding in made.findings] == ["source-address-leak"]
    assert made.seconds is not None
    assert 0 < made.meter.packets_sent < 50
    assert any(isinstance(question, Leak) for question in made.seen.answers)
