"""Treated and undone, in memory and in real namespaces: exactly as before, also when it was killed in the middle."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from landfast.errors import WorldError
from landfast.kernel import nft
from landfast.kernel.host import Host
from landfast.model.policy import Policy
from landfast.remedies import masquerade, policy, record, treat
from landfast.remedies.masquerade import Options, State
from landfast.remedies.plan import Treatment
from landfast.remedies.record import Record
from landfast.remedies.treat import Paths

pytestmark = pytest.mark.anyio

PATHS = Paths()
BOTH = Treatment(masquerade=Options(), policy=Policy(keepalive=10.0))


async def everything(host: Host) -> tuple[object, ...]:
    """Rules without counters, and all files with their modes."""
    files = {
        str(path.relative_to(host.root)): (path.read_bytes(), path.stat().st_mode)
        for folder in ("etc/landfast", "etc/systemd", "var/lib/landfast")
        for path in (host.root / folder).rglob("*")
        if path.is_file()
    }
    return await nft.text(host), files


async def test_what_is_proposed_changes_nothing(robot: Host) -> None:
    before = await everything(robot)
    proposed = await treat.propose(robot, BOTH, PATHS)
    assert [remedy.name for remedy in proposed] == ["masquerade", "policy"]
    assert await everything(robot) == before


async def test_a_treatment_is_applied_once_and_undone_exactly(robot: Host) -> None:
    before = await everything(robot)
    outcomes = await treat.apply(robot, BOTH, PATHS)
    assert [outcome.remedy.name for outcome in outcomes] == ["masquerade", "policy"]
    assert (await masquerade.status(robot)).effective is True
    assert policy.read(robot) == Policy(keepalive=10.0)
    assert await treat.apply(robot, BOTH, PATHS) == ()
    assert await treat.undo(robot, PATHS) == ("masquerade", "policy")
    assert await everything(robot) == before
    assert await treat.undo(robot, PATHS) is None


async def test_what_was_in_force_before_is_in_force_again(robot: Host) -> None:
    """Rule for rule; our two tables may stand in another order."""
    await masquerade.enable(robot, Options(action="drop"))
    policy.write(robot, Policy(relays=("turn:a",)))
    before = await masquerade.present(robot)
    await treat.apply(robot, BOTH, PATHS)
    assert in_order(await masquerade.present(robot)) != in_order(before)
    await treat.undo(robot, PATHS)
    assert in_order(await masquerade.present(robot)) == in_order(before)
    assert policy.read(robot) == Policy(relays=("turn:a",))


def in_order(state: State) -> tuple[object, ...]:
    return sorted(map(json.dumps, state.nft)), state.iptables, state.files


async def test_two_fixes_are_undone_by_one(robot: Host) -> None:
    before = await everything(robot)
    await treat.apply(robot, Treatment(policy=Policy(keepalive=10.0)), PATHS)
    await treat.apply(robot, Treatment(masquerade=Options(), policy=Policy(keepalive=5.0)), PATHS)
    await treat.undo(robot, PATHS)
    assert await everything(robot) == before


async def test_how_it_was_is_kept_before_anything_changes(robot: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(host: Host, _options: Options) -> None:
        assert record.read(host) == Record(await masquerade.present(host), policy.look(host))
        raise WorldError("the kernel refused")

    monkeypatch.setattr(masquerade, "enable", refuse)
    before = await everything(robot)
    with pytest.raises(WorldError):
        await treat.apply(robot, BOTH, PATHS)
    await treat.undo(robot, PATHS)
    assert await everything(robot) == before


class Killed(BaseException):
    """Nothing runs after it, as after `kill -9`: see `dying`."""


def dying(monkeypatch: pytest.MonkeyPatch, host: Host, at: int) -> None:
    """From the `at`-th program or file on, whatever would change something dies without a chance to tidy up."""
    left = at

    def counted(function: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*arguments: Any, **more: Any) -> Any:
            nonlocal left
            left -= 1
            if left < 0:
                raise Killed
            return function(*arguments, **more)

        return wrapped

    from landfast.kernel import files

    monkeypatch.setattr(files, "replace", counted(files.replace))
    monkeypatch.setattr(files, "remove", counted(files.remove))
    monkeypatch.setattr(type(host), "run", counted(type(host).run))


@pytest.mark.parametrize("moment", range(0, 40, 3))
async def test_killed_in_the_middle_it_is_undone_exactly(
    robot: Host, monkeypatch: pytest.MonkeyPatch, moment: int
) -> None:
    before = await everything(robot)
    with monkeypatch.context() as patch:
        dying(patch, robot, moment)
        with suppress(Killed):
            await treat.apply(robot, BOTH, PATHS)
        if moment % 2:  # and again, while undoing
            with suppress(Killed):
                await treat.undo(robot, PATHS)
    await treat.undo(robot, PATHS)
    assert await everything(robot) == before


async def test_other_paths_are_used_where_they_are_named(robot: Host) -> None:
    paths = Paths("/etc/other.json", "/etc/undo.json")
    await treat.apply(robot, Treatment(policy=Policy(keepalive=10.0)), paths)
    assert policy.read(robot, "/etc/other.json") == Policy(keepalive=10.0)
    assert policy.read(robot) == Policy()
    assert await treat.undo(robot, paths) == ("policy",)
