from __future__ import annotations

from dataclasses import FrozenInstanceError
from typing import get_args

import pytest

from landfast.session.ice.ground import Lost, Promised, Renewed, Said
from tests.session.ice.world import World, checks


def test_what_is_said_cannot_be_changed_by_who_hears_it() -> None:
    said = Lost(1, "reset")
    with pytest.raises(FrozenInstanceError):
        said.why = "another"  # type: ignore[misc]
    assert all(kind.__dataclass_params__.frozen for kind in get_args(Said))


@pytest.mark.parametrize("promised", [True, False])
def test_news_of_a_relay_is_heeded_as_soon_as_it_comes(promised: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not when the next check is due: a new allocation is proved a round trip after it stands, or before."""
    world = World()
    a = world.end("192.0.2.1", controlling=True)
    world.end("203.0.113.9", controlling=False)
    world.start()
    world.run(2)
    assert a.agent.selected
    path, before = a.agent.selected.path, len(checks(a))
    ground, news = a.agent.ground, [Promised(path.socket) if promised else Renewed(path.socket, None)]
    others = ground.poll
    monkeypatch.setattr(ground, "receive", lambda *_: [])  # what came was for the ground
    monkeypatch.setattr(ground, "poll", lambda: news.pop() if news else others())
    a.agent.receive(b"a server's answer", path, world.now)
    world.drain(a)
    assert len(checks(a)) == before + 1
