from __future__ import annotations

from typing import get_args

from landfast.diagnose.nat import CONVINCING_SILENCE
from landfast.probes.plan import BUDGET
from landfast.probes.questions import SENDS, Lifetime, Ports, Question, Reflector

REFLECTOR = Reflector(("203.0.113.5", 3480), (("203.0.113.5", 3478),))


def test_each_question_has_a_name_of_its_own() -> None:
    names = [kind.name for kind in get_args(Question)]
    assert len(set(names)) == len(names)


def test_silence_convinces_after_as_many_sends_as_are_sent() -> None:
    assert SENDS >= CONVINCING_SILENCE


def test_no_question_alone_takes_more_than_the_budget() -> None:
    for question in (Ports(("203.0.113.1", 3478)), Lifetime(REFLECTOR)):
        assert 0 < question.mappings <= BUDGET
