from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landfast.model.facts import Fact, MappedAddress, decode, encode

FACTS = st.one_of([st.from_type(kind) for kind in get_args(Fact)])


@given(FACTS.filter(lambda fact: "nan" not in repr(fact)))
def test_a_fact_survives_its_line(fact: Fact) -> None:
    line = encode(fact)
    assert "\n" not in line
    assert decode(line) == fact


@given(st.text() | st.from_regex(r'\{"fact":"[A-Za-z]+"(,"at":[0-9])?\}'))
def test_what_is_no_fact_is_a_value_error(line: str) -> None:
    with pytest.raises(ValueError, match="not a fact"):
        decode(line)


@pytest.mark.parametrize("missing", ["at", "server", "local", "mapped", "fact"])
def test_a_fact_without_one_of_its_fields_is_none(missing: str) -> None:
    line = encode(MappedAddress(1.0, ("198.51.100.5", 3478), ("0.0.0.0", 5), ("203.0.113.10", 7)))
    with pytest.raises(ValueError, match="not a fact"):
        decode(line.replace(f'"{missing}"', '"other"'))
