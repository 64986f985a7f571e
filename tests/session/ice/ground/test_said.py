from __future__ import annotations

from dataclasses import FrozenInstanceError
from typing import get_args

import pytest

from landfast.session.ice.ground import Lost, Said


def test_what_is_said_cannot_be_changed_by_who_hears_it() -> None:
    said = Lost(1, "reset")
    with pytest.raises(FrozenInstanceError):
        said.why = "another"  # type: ignore[misc]
    assert all(kind.__dataclass_params__.frozen for kind in get_args(Said))
