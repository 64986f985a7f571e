"""The fixture `network`, in test files as users write them."""

from __future__ import annotations

import os
import re
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

import landfast
from landfast.kernel.host import Completed, Host

pytestmark = pytest.mark.anyio

# Where landfast is installed pytest finds the plugin by itself.
INSTALLED = bool(entry_points(group="pytest11", name="landfast"))
PLUGIN = [] if INSTALLED else ["-p", "landfast.lab.pytest_plugin"]

USERS = """
from pathlib import Path

import pytest

from landfast.errors import UnknownName
from landfast.lab import parse

FAST = {"verified": False, "served": False}


@pytest.mark.parametrize("number", range(4))
def test_blocking(network, number):
    with network("mifi", **FAST) as lab:
        lab.event("change-public-address")
        assert lab.run("robot", ["hostname"]).stdout == "robot\\n"


@pytest.mark.anyio
@pytest.mark.parametrize("number", range(4))
async def test_with_asyncio(network, number):
    async with network("mifi", **FAST) as lab:
        await lab.event("change-public-address")
        assert (await lab.host("robot").run(["hostname"])).stdout == "robot\\n"


def test_verified_and_served(network):
    with network("home") as lab:
        assert lab.run("robot", ["sh", "-c", "echo $LANDFAST_STUN"]).stdout == "stun:198.51.100.5:3478\\n"


def test_networks_of_ones_own(network, tmp_path):
    mine = tmp_path / "mine.toml"
    mine.write_text(Path(__file__).with_name("mine.toml").read_text())
    for each in (mine, parse.read(mine)):
        with network(each, **FAST) as lab:
            assert lab.run("cat", ["hostname"]).stdout == "cat\\n"


def test_two_at_once(network):
    with network("open", **FAST) as one, network("open", **FAST) as other:
        assert one.run("robot", ["hostname"]) == other.run("robot", ["hostname"])


def test_an_unknown_one(network):
    with pytest.raises(UnknownName, match="no network is called 'wifi'"):
        with network("wifi"):
            pass


@pytest.fixture
def anyio_backend():
    return "asyncio"
"""
MINE = """
title = "Mine"
observed_on = ["this test"]
[hosts.robot.interfaces]
eth0.via = "internet"
[hosts.operator.interfaces]
eth0.via = "internet"
[hosts.cat.interfaces]
eth0.via = "internet"
"""


async def pytested(folder: Path, source: str, *options: str) -> Completed:
    (folder / "test_users.py").write_text(source)
    (folder / "mine.toml").write_text(MINE)
    argv = [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", *PLUGIN, *options]
    # Nothing of the pytest that we run in.
    clean = {name: "" for name in os.environ if name.startswith("PYTEST_")}
    importable = os.pathsep.join([str(Path(landfast.__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    return await Host.here().run([*argv, str(folder)], environment={**clean, "PYTHONPATH": importable})


@pytest.mark.lab
@pytest.mark.timeout(120)
async def test_users_tests_run_in_parallel(tmp_path: Path) -> None:
    done = await pytested(tmp_path, USERS, "-n", "2")
    assert re.search(r"^12 passed in ", done.stdout, re.MULTILINE), done.stdout + done.stderr


async def test_where_no_network_can_be_built_a_test_fails_and_says_what_is_missing(tmp_path: Path) -> None:
    source = (
        "import landfast.kernel.host\n\n\n"
        "def test_it(network, monkeypatch):\n"
        "    monkeypatch.setattr(landfast.kernel.host, '_SBIN', ())\n"
        "    monkeypatch.setenv('PATH', '/nonexistent')\n"
        "    with network('open', served=False):\n"
        "        pass\n"
    )
    done = await pytested(tmp_path, source)
    assert done.code == 1
    assert "missing capability: program ip; provided by: Debian package iproute2" in done.stdout


async def test_the_plugin_costs_a_test_without_network_nothing(tmp_path: Path) -> None:
    source = "import sys\n\n\ndef test_it():\n    assert not {'pydantic', 'landfast.lab.lab'} & set(sys.modules)\n"
    done = await pytested(tmp_path, source)
    assert done.code == 0, done.stdout
