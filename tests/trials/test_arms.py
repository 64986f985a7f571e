from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from landfast.errors import RequestError, UnknownName
from landfast.kernel.host import Host, LocalHost
from landfast.lab import parse
from landfast.remedies import masquerade
from landfast.remedies.masquerade.options import Options
from landfast.trials.arms import ARMS, chosen, in_place

OPTIONS = Options(scope="all")


def test_every_arm_differs_from_off_in_one_thing_only() -> None:
    mifi = parse.profile("mifi")
    for arm in ARMS.values():
        different = [bool(arm.enter), arm.network(mifi) != mifi, arm.default_route_only]
        assert sum(different) == (arm.name != "off"), arm.name


def test_without_foreign_addresses_the_robot_keeps_its_way_out() -> None:
    robot = ARMS["no-foreign-address"].network(parse.profile("mifi")).hosts["robot"]
    assert list(robot.interfaces) == ["wlan0"]
    assert robot.bridges == {}


def test_without_resets_the_carrier_still_drops_foreign_sources() -> None:
    before, after = parse.profile("mifi"), ARMS["limit-0"].network(parse.profile("mifi"))
    gateway = after.routers["carrier"].gateway
    assert gateway is not None
    assert gateway.limit == 0
    assert after.but(routers=before.routers) == before, "nothing else changed"


def test_a_strong_host_is_otherwise_the_same_robot() -> None:
    before, after = parse.profile("mifi"), ARMS["strong-host"].network(parse.profile("mifi"))
    assert after.hosts["robot"].routing == "strong"
    assert after.hosts["robot"].but(routing="weak") == before.hosts["robot"]


def test_a_network_without_a_policy_has_no_limit_to_take_away() -> None:
    home = parse.profile("home")
    assert ARMS["limit-0"].network(home) == home


def test_a_name_that_is_no_arms_is_told_with_those_that_are() -> None:
    with pytest.raises(UnknownName) as caught:
        chosen(["off", "up"], laboratory=True)
    assert (caught.value.name, list(caught.value.allowed)) == ("up", list(ARMS))


def test_a_real_robot_has_no_arms_that_change_the_network() -> None:
    assert list(chosen(["off", "on", "default-route-only"], laboratory=False)) == ["off", "on", "default-route-only"]
    with pytest.raises(RequestError, match="limit-0, strong-host"):
        chosen(["off", "limit-0", "strong-host"], laboratory=False)


# What an arm does to the robot.


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What was asked of the remedy, in order."""
    told: list[object] = []

    async def enable(host: Host, options: Options) -> None:
        told.append(("enable", host.root, options))
        if options.action == "drop":
            raise RequestError("half-way")

    async def disable(host: Host) -> None:
        told.append(("disable", host.root))

    monkeypatch.setattr(masquerade, "enable", enable)
    monkeypatch.setattr(masquerade, "disable", disable)
    return told


ROBOT = LocalHost(Path("/robot"))


@pytest.mark.anyio
async def test_the_remedy_is_in_force_within_its_arm_and_in_no_other(done: list[object]) -> None:
    async with in_place(ARMS["on"], ROBOT, OPTIONS):
        assert done == [("enable", ROBOT.root, OPTIONS)]
    assert done[1:] == [("disable", ROBOT.root)]
    for name in set(ARMS) - {"on"}:
        async with in_place(ARMS[name], ROBOT, OPTIONS):
            assert len(done) == 2


@pytest.mark.anyio
async def test_it_is_taken_away_when_the_trial_fails_or_is_cancelled(done: list[object]) -> None:
    async def trial() -> None:
        async with in_place(ARMS["on"], ROBOT, OPTIONS):
            await asyncio.Future()

    task = asyncio.ensure_future(trial())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert done[-1] == ("disable", ROBOT.root)


@pytest.mark.anyio
async def test_it_is_taken_away_when_it_could_not_be_put_in_place(done: list[object]) -> None:
    with pytest.raises(RequestError, match="half-way"):
        async with in_place(ARMS["on"], ROBOT, Options(action="drop")):
            pytest.fail("it was not put in place")
    assert done[-1] == ("disable", ROBOT.root)
