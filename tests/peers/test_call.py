from __future__ import annotations

import pytest

from landfast.peers import Interfaces, Role
from landfast.peers.attempt import EchoReturned, Happening
from landfast.peers.call import Call
from landfast.peers.report import StateChanged
from tests.peers.scene import assignment


class Channel:
    """A data channel whose events are given."""

    def __init__(self, state: str) -> None:
        self.readyState = state
        self.handlers: dict[str, object] = {}
        self.sent: list[str] = []

    def on(self, event: str, handler: object) -> None:
        self.handlers[event] = handler

    def send(self, text: str) -> None:
        self.sent.append(text)


def call(happened: list[Happening]) -> Call:
    task = assignment(Role.OPERATOR, interfaces=Interfaces.STOCK)
    return Call(task, happened.append, connection=None, described=lambda *_: None)


@pytest.mark.parametrize(("state", "answers"), [("open", ["echo 7"]), ("closing", [])])
def test_a_question_is_answered_while_the_channel_is_open(state: str, answers: list[str]) -> None:
    happened: list[Happening] = []
    channel = Channel("connecting")
    call(happened)._echo_over(channel)
    channel.readyState = state
    message = channel.handlers["message"]
    assert callable(message)
    message("ask 7")
    assert (channel.sent, happened) == (answers, [])


def test_an_answer_and_the_end_are_told() -> None:
    happened: list[Happening] = []
    channel = Channel("connecting")
    call(happened)._echo_over(channel)
    for event, arguments in (("message", ["echo 7"]), ("close", [])):
        handler = channel.handlers[event]
        assert callable(handler)
        handler(*arguments)
    assert [type(each) for each in happened] == [EchoReturned, StateChanged]
