"""A laboratory that is up, and whoever talks to it; `tests/cli/test_lab.py` does so from other processes."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from landfast.errors import RequestError, UnknownName, WorldError
from landfast.kernel.host import Host
from landfast.lab import remote
from landfast.lab.lab import Lab
from landfast.lab.remote import Door, standing
from tests.heeding import heeding

pytestmark = pytest.mark.anyio
lab = pytest.mark.lab

_numbers = count(1)


def unique(name: str = "test") -> str:
    """A name that no other test, in whatever process, has."""
    return f"{name} {os.getpid()}-{next(_numbers)}"


@asynccontextmanager
async def up(network: str = "open") -> AsyncIterator[tuple[str, Lab]]:
    """A laboratory that is up under a name of its own; it ends with the block, or with `lab down` before."""
    name = unique()
    async with Door(name) as door, Lab(network, verified=False, served=False) as built:
        opened = asyncio.create_task(door.open(built))
        try:
            yield name, built
        finally:
            opened.cancel()
            await asyncio.gather(opened, return_exceptions=True)


async def execute(name: str, *argv: str, given: bytes = b"", **more: Any) -> tuple[int, bytes]:
    """Run a command on the robot with streams of its own; its code and what it wrote."""
    wanted = {"host": "robot", "argv": argv, "environment": dict(os.environ), "folder": "/", **more}
    reading, writing = os.pipe()
    theirs, ours = os.pipe()
    os.write(ours, given)
    os.close(ours)
    try:
        answer = await remote._ask(name, {"exec": wanted}, (theirs, writing, writing))
    finally:
        os.close(theirs)
        os.close(writing)
    with os.fdopen(reading, "rb") as said:
        return answer["code"], said.read()


@pytest.mark.parametrize("name", ["mifi", "my net", "a/b", "naïve\n@x", "%41"])
async def test_a_name_is_held_by_one_and_free_again_afterwards(name: str) -> None:
    mine = unique(name)
    async with Door(mine):
        assert mine in standing()
        taken = f"a laboratory called {mine!r} is up already; `landfast lab down {mine}` ends it"
        with pytest.raises(RequestError) as told:
            await Door(mine).__aenter__()
        assert str(told.value) == taken
    assert mine not in standing()
    async with Door(mine):
        pass


@pytest.mark.parametrize("name", ["", "x" * 200])
async def test_an_impossible_name_is_refused(name: str) -> None:
    with pytest.raises(RequestError, match="is no name for a laboratory"):
        await Door(name).__aenter__()


async def test_who_asks_must_say_which_when_it_is_not_plain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "standing", list)
    with pytest.raises(RequestError, match="no laboratory is up; `landfast lab up NAME`"):
        await remote.down(None)
    monkeypatch.setattr(remote, "standing", lambda: ["a", "b"])
    with pytest.raises(RequestError, match="say which laboratory: a, b"):
        await remote.down(None)
    with pytest.raises(UnknownName, match="no laboratory that is up is called 'c'; there are: a, b"):
        await remote.event("c", "flush", "", None)


@lab
async def test_who_knocks_while_it_is_built_waits() -> None:
    name = unique()
    async with Door(name) as door:
        asking = asyncio.create_task(execute(name, "echo", "at last"))
        async with Lab("open", verified=False, served=False) as built:
            assert not asking.done()
            opened = asyncio.create_task(door.open(built))
            assert await asking == (0, b"at last\n")
            opened.cancel()


@lab
async def test_a_program_has_our_streams_environment_and_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OF_THE_CALLER", "yes")
    async with up() as (name, built):
        script = "cat; pwd; hostname; echo $OF_THE_CALLER; exit 7"
        assert await execute(name, "sh", "-c", script, given=b"in\n", folder="/usr") == (7, b"in\n/usr\nrobot\nyes\n")
        assert (await execute(name, "sh", "-c", "kill -9 $$"))[0] == -signal.SIGKILL
        assert await execute(name, "hostname", host="internet") == (0, b"internet\n")
        assert built.problem is None


@lab
async def test_what_it_cannot_do_is_an_error_with_its_own_code() -> None:
    async with up("home") as (name, _):
        with pytest.raises(RequestError, match="no host is called 'nobody'"):
            await execute(name, "true", host="nobody")
        with pytest.raises(WorldError, match="program no-such-program"):
            await execute(name, "no-such-program")
        with pytest.raises(WorldError, match="cannot start true"):
            await execute(name, "true", folder="/no/such/folder")
        with pytest.raises(RequestError, match="no event is called 'flood'"):
            await remote.event(name, "flood", "", None)
        with pytest.raises(RequestError, match="flush does not last"):
            await remote.event(name, "flush", "", 3)
        with pytest.raises(RequestError, match="too long"):
            await execute(name, "true", environment={"LONG": "x" * 10_000_000})
        await remote.event(name, "suspend-radio", "home", 0.1)


@lab
async def test_a_signal_goes_to_the_program() -> None:
    async with up() as (name, _):
        reading, writing = os.pipe()
        wanted = {"host": "robot", "argv": heeding(signal.SIGINT), "environment": {}, "folder": "/"}
        asking = asyncio.create_task(remote._ask(name, {"exec": wanted}, (0, writing, 2)))
        with os.fdopen(reading, "rb") as said:
            assert await asyncio.to_thread(said.readline) == b"ready\n"
            os.kill(os.getpid(), signal.SIGINT)
            assert (await asking)["code"] == 4
        os.close(writing)


@lab
async def test_who_goes_away_takes_the_program_along() -> None:
    async with up() as (name, _):
        reading, writing = os.pipe()
        script = "echo ready; exec sleep 1000"
        wanted = {"host": "robot", "argv": ["sh", "-c", script], "environment": {}, "folder": "/"}
        asking = asyncio.create_task(remote._ask(name, {"exec": wanted}, (0, writing, 2)))
        assert await asyncio.to_thread(os.read, reading, 100) == b"ready\n"
        asking.cancel()
        os.close(writing)
        # The program had the pipe's last other end.
        assert await asyncio.to_thread(os.read, reading, 100) == b""
        os.close(reading)


@lab
async def test_who_says_down_hears_when_it_is_down() -> None:
    async with Door(unique()) as door:
        built = Lab("open", verified=False, served=False)
        async with built:
            saying = asyncio.create_task(remote.down(door.name))
            running = asyncio.create_task(execute(door.name, "sleep", "1000"))
            await door.open(built)
            assert not saying.done()
            with pytest.raises(WorldError, match="has ended"):
                await running
        assert not saying.done()
        with pytest.raises(ProcessLookupError):
            os.kill(built.sandbox.pid, 0)
    await saying
    assert door.name not in standing()


@lab
async def test_a_laboratory_that_breaks_is_left() -> None:
    async def story() -> None:
        async with Door(unique()) as door, Lab("open", verified=False) as built:
            assert built._serving
            opened = asyncio.create_task(door.open(built))
            built._serving.servers["coturn"].program.send_signal(signal.SIGKILL)
            await opened

    with pytest.raises(WorldError, match="coturn ended with -9"):
        await story()


async def answered(name: str, packet: bytes) -> Any:
    """What it says to a packet."""
    with remote._connected(name) as connection:
        connection.send(packet)
        connection.setblocking(False)
        return (await remote._receive(connection))[0]


@lab
async def test_whatever_is_no_request_is_answered_and_does_no_harm() -> None:
    async with up() as (name, built):
        packets = [b"{", b"\xff", b"[]", b"3", b"{}", b'{"down": 1}', b'{"exec": {}}', b'{"exec": 3}', b'{"event": {}}']
        packets += [b'{"event": {"what": 3, "on": [], "lasts": "x"}}', b'{"nothing": true}', b'{"status": true}']
        for packet in packets:
            assert (await answered(name, packet))["exit"] == 2, packet
        with remote._connected(name):
            pass  # and without a word
        assert await execute(name, "echo", "well") == (0, b"well\n")
        assert built.problem is None


plain = st.none() | st.booleans() | st.floats(allow_nan=False) | st.text()
json_values = st.recursive(plain, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))
requests = st.dictionaries(st.sampled_from(["exec", "event", "signal", "x"]), json_values, max_size=3)


class NoLab:
    """Stands for a laboratory whose hosts nobody has."""

    def host(self, name: str) -> Host:
        raise UnknownName("host", name, [])

    async def event(self, what: str, on: str, *, lasts: float | None) -> None:
        raise UnknownName("event", what, [])

    async def broken(self) -> None:
        await asyncio.Event().wait()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.one_of(st.binary(min_size=1), requests.map(lambda request: json.dumps(request).encode())))
async def test_any_packet_is_answered_with_an_error(packet: bytes) -> None:
    async with Door(unique()) as door:
        opened = asyncio.create_task(door.open(NoLab()))  # type: ignore[arg-type]
        assert (await answered(door.name, packet))["exit"] == 2
        opened.cancel()
        await asyncio.gather(opened, return_exceptions=True)


# As somebody else: what root may become, and nobody else may.
AS_NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "/usr/bin/python3", "-c"]
root_only = pytest.mark.skipif(os.getuid() != 0, reason="missing capability: to become another user; provided by: root")
KNOCK = """
import socket, sys
with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as knocking:
    knocking.connect("\\0" + sys.argv[1])
    print(knocking.recv(1000).decode())
"""
SQUAT = """
import socket, sys
with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as squatting:
    squatting.bind("\\0" + sys.argv[1])
    squatting.listen()
    print("ready", flush=True)
    connection, _ = squatting.accept()
    print(len(connection.recv(1000)))
"""


@lab
@root_only
async def test_another_user_is_not_listened_to() -> None:
    async with up() as (name, _):
        address = remote._address(name)[1:].decode()
        done = await Host.here().run([*AS_NOBODY, KNOCK, address])
        assert json.loads(done.stdout) == {"error": "the laboratory is another user's", "exit": 2}


@root_only
async def test_nothing_is_said_to_another_user_who_took_our_name() -> None:
    name = unique()
    squatter = await Host.here().start([*AS_NOBODY, SQUAT, remote._address(name)[1:].decode()])
    assert squatter.stdout
    assert await squatter.stdout.readline() == b"ready\n"
    with pytest.raises(RequestError, match=r"what listens as .* is another user's"):
        await execute(name, "true")
    assert await squatter.stdout.readline() == b"0\n"
    await squatter.wait()
