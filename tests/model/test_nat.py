from __future__ import annotations

from dataclasses import fields
from enum import StrEnum

import pytest

from landfast.model.nat import Filtering, Mapping, NatBehaviour, Pooling


def test_nothing_is_known_of_a_nat_that_was_not_asked() -> None:
    assert all(getattr(NatBehaviour(), field.name) is None for field in fields(NatBehaviour))


@pytest.mark.parametrize("words", [Mapping, Filtering])
def test_mapping_and_filtering_depend_on_the_same_three_things(words: type[StrEnum]) -> None:
    expected = ["endpoint-independent", "address-dependent", "address-and-port-dependent"]

    assert list(words) == expected


def test_pooling_is_paired_or_arbitrary() -> None:
    assert list(Pooling) == ["paired", "arbitrary"]
