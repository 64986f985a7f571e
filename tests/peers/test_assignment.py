from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landfast.peers import assignment
from landfast.peers.assignment import Assignment, Interfaces, Role

WORDS = st.from_regex(r"[a-z0-9:./-]{1,20}", fullmatch=True).filter(lambda word: not word.startswith("-"))
ASSIGNMENTS = st.builds(
    Assignment,
    role=st.sampled_from(Role),
    signalling=WORDS,
    room=WORDS,
    stun=st.just("") | WORDS,
    turn=st.lists(WORDS).map(tuple),
    authority=st.just("") | WORDS,
    turn_username=st.text(),
    turn_password=st.text(),
    token=st.text(),
    limit=st.floats(0, 100),
    hold=st.floats(0, 100),
    interfaces=st.sampled_from(Interfaces),
    camera=st.booleans(),
)


@given(ASSIGNMENTS)
def test_a_program_reads_what_it_was_given(task: Assignment) -> None:
    assert assignment.parse("peer", task.arguments(), task.environment()) == task


def test_no_secret_is_among_the_arguments() -> None:
    task = Assignment(Role.ROBOT, "ws://s", "r", turn=("turn:s",), turn_password="s3cret", token="t0ken")
    assert not any("s3cret" in argument or "t0ken" in argument for argument in task.arguments())


def test_a_guest_of_a_laboratory_finds_the_servers_in_its_environment() -> None:
    guest = {
        "LANDFAST_SIGNALLING": "ws://198.51.100.5:8080",
        "LANDFAST_STUN": "stun:198.51.100.5:3478",
        "LANDFAST_TURN": "turn:198.51.100.5:3478,turns:198.51.100.5:443",
        "LANDFAST_AUTHORITY": "/dev/shm/authority.pem",
        "LANDFAST_TURN_USERNAME": "guest",
        "LANDFAST_TURN_PASSWORD": "secret",
    }
    task = assignment.parse("peer", ["--role", "robot"], guest)
    assert task == Assignment(
        Role.ROBOT,
        "ws://198.51.100.5:8080",
        "landfast",
        "stun:198.51.100.5:3478",
        ("turn:198.51.100.5:3478", "turns:198.51.100.5:443"),
        "guest",
        "secret",
        "/dev/shm/authority.pem",
    )


@pytest.mark.parametrize("wrong", [[], ["--role", "spy"], ["--role", "robot"], ["--role", "robot", "--limit", "soon"]])
def test_a_wrong_command_line_is_told_with_code_2(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        assignment.parse("peer", wrong, {})
    assert ended.value.code == 2
    assert "usage: peer" in capsys.readouterr().err
