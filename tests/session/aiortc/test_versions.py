from __future__ import annotations

from importlib.metadata import version

import pytest

from landfast.errors import CapabilityMissing
from landfast.session.aiortc import versions


def test_what_is_installed_is_known() -> None:
    versions.require(version("aiortc"))


@pytest.mark.parametrize("known", ["1.16.0", "1.16.3"])
def test_any_fix_of_a_known_release_will_do(known: str) -> None:
    versions.require(known)


@pytest.mark.parametrize("other", ["1.15.0", "1.17.0", "2.0.0", "1.160.0"])
def test_another_release_is_refused_with_a_sentence(other: str) -> None:
    with pytest.raises(CapabilityMissing, match=f"this is {other}") as refused:
        versions.require(other)
    assert refused.value.provided_by == "aiortc 1.16"
