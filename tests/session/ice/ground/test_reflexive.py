from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landfast.session.ice.ground.reflexive import Asking, Failed, Mapped, Questions
from landfast.session.ice.ground.servers import Server
from landfast.wire import stun
from landfast.wire.turn.messages import parse
from tests.session.ice.ground.world import STUN, draw
from tests.wire.turn.server import answer

SERVER, OTHER = Server("stun:a", "stun", "a", 3478), Server("stun:b", "stun", "b", 3478)
PUBLIC = ("192.0.2.7", 4000)


def asking() -> tuple[Questions, bytes]:
    questions = Questions(draw(), 0.5)
    return questions, questions.ask(1, SERVER, STUN, 0.0).data


def right(data: bytes) -> bytes:
    request = stun.parse(data)
    assert request
    return stun.binding_response(request, PUBLIC)


def test_an_answer_tells_the_mapping_once() -> None:
    questions, data = asking()
    assert questions.asks(SERVER)
    assert questions.receive(2, right(data)) is None  # not asked through that socket
    assert questions.receive(1, right(data)) == Mapped(1, SERVER, PUBLIC)
    assert questions.receive(1, right(data)) is None
    assert not questions.asks()


def test_it_is_repeated_as_the_rfc_says_and_then_given_up() -> None:
    questions, data = asking()
    told = []
    while (now := questions.deadline) is not None:
        told += [(now, step) for step in questions.handle_timer(now)]
    again = Asking(1, data, STUN)
    assert told == [*((now, again) for now in (0.5, 1.5, 3.5, 7.5, 15.5, 31.5)), (39.5, Failed(1, SERVER))]


def test_a_refusal_has_its_code() -> None:
    questions, data = asking()
    request = parse(data)
    assert request
    assert questions.receive(1, answer(request, 500, key=None)) == Failed(1, SERVER, 500)


def test_a_second_question_takes_the_place_of_the_first() -> None:
    questions, first = asking()
    second = questions.ask(1, SERVER, STUN, 1.0).data
    questions.ask(1, OTHER, STUN, 1.0)
    assert questions.receive(1, right(first)) is None
    assert questions.receive(1, right(second)) == Mapped(1, SERVER, PUBLIC)
    assert questions.asks(OTHER)
    questions.forget(1)
    assert not questions.asks()
    assert questions.deadline is None


@pytest.mark.parametrize("change", [lambda data: data[:-1], lambda data: b"\x00" + data[1:], lambda data: data[:20]])
def test_half_an_answer_is_none(change: object) -> None:
    questions, data = asking()
    assert callable(change)
    assert questions.receive(1, change(right(data))) is None


@given(st.binary(max_size=60), st.binary(max_size=40))
def test_no_bytes_raise(junk: bytes, rest: bytes) -> None:
    questions, data = asking()
    questions.receive(1, junk)
    questions.receive(1, data[:20] + rest)
    questions.receive(1, b"\x01" + data[1:20] + rest)
