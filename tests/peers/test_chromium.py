from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from landfast import peers
from landfast.errors import CapabilityMissing
from landfast.kernel.sandbox import SandboxHost
from landfast.peers import Interfaces, Reason, Role, Stack
from landfast.peers.chromium import ChromiumStack, flags
from tests.peers.scene import SERVER, assert_connected_and_held, assignment, gathered, network, pair, relay

pytestmark = pytest.mark.anyio


def test_only_a_camera_or_an_interface_policy_changes_what_webrtc_does() -> None:
    def webrtc(**changes: object) -> list[str]:
        return [flag for flag in flags(assignment(Role.ROBOT, **changes)) if "webrtc" in flag or "media" in flag]

    assert webrtc() == []
    assert webrtc(camera=True) == ["--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"]
    policy = ["--webrtc-ip-handling-policy=default_public_interface_only"]
    assert webrtc(interfaces=Interfaces.DEFAULT_ROUTE) == policy


def test_no_name_is_resolved_but_those_of_the_servers() -> None:
    task = assignment(
        Role.ROBOT, signalling="ws://signal.test:1/x", stun="stun:stun.test:3478", turn=("turns:t.test:443",)
    )
    rules = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE signal.test, EXCLUDE stun.test, EXCLUDE t.test"
    assert rules in flags(task)


@pytest.mark.lab
@pytest.mark.needs("program chromium")
@pytest.mark.parametrize(
    ("changes", "candidates"),
    [
        # With the camera there is a socket for each interface; without it one, whose address hides behind a name.
        ({"camera": True}, {"host 198.51.100.10", "host 10.42.0.1"}),
        ({}, {"host NAME.local"}),
        # This policy of Chromium's tells no host address at all: the other peer learns it from the first check.
        pytest.param({"camera": True, "interfaces": Interfaces.DEFAULT_ROUTE}, set(), marks=pytest.mark.proof),
    ],
)
async def test_a_robot_with_chromium_connects_to_an_operator_with_aiortc(
    changes: dict[str, object], candidates: set[str]
) -> None:
    async with network() as hosts:
        robot, operator = await pair(hosts, Stack.CHROMIUM, **changes)
        for outcome in await asyncio.gather(robot.wait(), operator.wait()):
            assert_connected_and_held(outcome)
        assert [run._program.code for run in (robot, operator)] == [0, 0]
        assert gathered(robot) == candidates


async def test_a_driver_that_does_not_run_is_a_missing_capability(monkeypatch: pytest.MonkeyPatch) -> None:
    @asynccontextmanager
    async def ends_at_once() -> AsyncIterator[None]:
        raise Exception("Connection closed while reading from the driver")  # noqa: TRY002 -- as playwright does
        yield

    monkeypatch.setattr("playwright.async_api.async_playwright", ends_at_once)
    with pytest.raises(CapabilityMissing, match="libatomic1"):
        await ChromiumStack(assignment(Role.ROBOT), lambda _: None).__aenter__()


@pytest.mark.lab
@pytest.mark.needs("program chromium")
async def test_it_reaches_a_relay_over_tls_that_it_was_told_to_trust() -> None:
    async with network() as hosts, relay(hosts) as changes:
        robot, operator = await pair(hosts, Stack.CHROMIUM, **changes)
        for outcome in await asyncio.gather(robot.wait(), operator.wait()):
            assert_connected_and_held(outcome)
        assert gathered(robot) >= {f"relay {SERVER}"}


@pytest.mark.lab
@pytest.mark.needs("program chromium")
async def test_its_signalling_survives_a_tcp_connection_that_dies_without_a_word() -> None:
    """Nothing is said before but that it is ready: the page must notice, and find back, by itself."""
    async with network() as hosts:
        robot = await peers.start(Stack.CHROMIUM, hosts["robot"], assignment(Role.ROBOT))
        await robot.ready()
        port = await asyncio.wait_for(port_of_the_connection(hosts["server"]), 5)
        frozen = f"table ip t {{ chain i {{ type filter hook input priority 0; tcp sport {port} drop; }}; }}"
        (await hosts["server"].run(["nft", frozen])).checked()
        operator = await peers.start(Stack.AIORTC, hosts["operator"], assignment(Role.OPERATOR))
        for outcome in await asyncio.gather(robot.wait(), operator.wait()):
            assert_connected_and_held(outcome)


async def port_of_the_connection(server: SandboxHost) -> int:
    """The client's, as soon as there is one."""
    while True:
        listed = (await server.run(["ss", "-Htn", "state", "established", "sport", "=", "8080"])).checked().stdout
        if listed:
            return int(listed.split()[3].rpartition(":")[2])


@pytest.mark.lab
@pytest.mark.needs("program chromium")
async def test_a_wrong_token_leaves_it_without_a_peer_and_stopping_leaves_no_profile() -> None:
    async with network(token="s3cret") as hosts:
        robot = await peers.start(Stack.CHROMIUM, hosts["robot"], assignment(Role.ROBOT, token="wrong"))
        await robot.ready()
        assert "chromium-" in (await hosts["robot"].run(["ls", "/dev/shm"])).stdout
        outcome = await robot.stop()
        assert outcome.began is None
        assert outcome.closed
        assert outcome.closed.reason is Reason.STOPPED
        assert "chromium-" not in (await hosts["robot"].run(["ls", "/dev/shm"])).stdout
