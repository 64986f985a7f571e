from __future__ import annotations

import pytest

from landfast.errors import ProgramFailed
from landfast.trials.campaign import campaign as many
from landfast.trials.campaign import play as playing
from landfast.trials.campaign.tally import Tally

pytestmark = pytest.mark.anyio


async def test_worker_programs_play_every_seed_once() -> None:
    parts: list[Tally] = []
    await many.campaign(60, 5, 60, 2, parts.append)
    assert sum(part.histories for part in parts) == 5


async def test_no_batch_begins_after_the_time() -> None:
    parts: list[Tally] = []
    await many.campaign(60, 5, 0, 1, parts.append)
    assert not parts


async def test_a_worker_that_dies_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(many, "_batches", lambda *_: iter([("no", "numbers")]))
    with pytest.raises(BaseExceptionGroup) as told:
        await many.campaign(60, 5, 60, 1, lambda _: None)
    assert told.group_contains(ProgramFailed, match="invalid literal")


def test_there_is_a_core() -> None:
    assert many.cores() >= 1


@pytest.mark.parametrize(("file", "compiled"), [("play.py", False), ("play.cpython-311-x86_64-linux-gnu.so", True)])
def test_what_is_no_source_is_compiled(monkeypatch: pytest.MonkeyPatch, file: str, compiled: bool) -> None:
    monkeypatch.setattr(playing, "__file__", f"/landfast/trials/campaign/{file}")
    assert many.is_compiled() is compiled
