from __future__ import annotations

import asyncio
import json
import random
import signal
from contextlib import closing

import pytest

from landfast.kernel.host import Host
from landfast.probes import nonces
from landfast.wire import stun
from landfast.wire.reflector import Seen
from tests import landfast

pytestmark = pytest.mark.anyio


def loopback() -> tuple[str, str]:
    network = f"127.{random.randint(1, 254)}.{random.randint(0, 254)}"
    return f"{network}.5", f"{network}.6"


async def test_it_says_how_doctor_is_pointed_to_it_and_answers() -> None:
    one, other = loopback()
    async with landfast.started("reflector", "--listen", one, "--listen", other, "--control", "3999") as server:
        lines = [(await server.stdout.readline()).decode().strip() for _ in range(2)]
        assert lines == [
            f"answering on UDP {one}:3478, {one}:3479, {other}:3478, {other}:3479 and TCP {one}:3999",
            f"on the robot: landfast doctor --server reflector:{one}:3999",
        ]
        with closing(await Host.here().udp("127.0.0.1")) as robot:
            robot.sendto(stun.binding_request(bytes(12)), (other, 3479))
            await asyncio.get_running_loop().sock_recv(robot, 2048)
            assert await nonces.seen(Host.here(), (one, 3999), [bytes(12)]) == [Seen(1, robot.getsockname())]
        server.program.send_signal(signal.SIGINT)
        assert await server.program.wait() == 130
        assert await server.stderr.read() == b""


async def test_interrupted_while_somebody_is_connected_it_ends_without_a_word() -> None:
    one, _ = loopback()
    async with landfast.started("reflector", "--listen", one, "--control", "3999") as server:
        await server.stdout.readline()
        reader, writer = await asyncio.open_connection(one, 3999)
        writer.write(b"GET /v1 HTTP/1.1\r\n\r\n")
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        server.program.send_signal(signal.SIGINT)
        assert await server.program.wait() == 130
        assert await server.stderr.read() == b""
        writer.close()


async def test_with_one_address_it_says_what_a_second_one_would_tell() -> None:
    one, _ = loopback()
    async with landfast.started("reflector", "--listen", one, "--public", "203.0.113.5") as server:
        lines = [(await server.stdout.readline()).decode().strip() for _ in range(3)]
        assert lines[1] == "with a second --listen, doctor learns too what depends on the server's address"
        assert lines[2] == "on the robot: landfast doctor --server reflector:203.0.113.5:3480"


async def test_as_json_it_tells_the_same() -> None:
    one, other = loopback()
    async with landfast.started("reflector", "--listen", one, "--listen", other, "--json") as server:
        said = json.loads(await server.stdout.readline())
        assert said["schema_version"] == 1
        assert said["control"] == f"{one}:3480"
        assert said["listening"] == [f"{address}:{port}" for address in (one, other) for port in (3478, 3479)]
        assert "other-address" in said["offers"]


@pytest.mark.parametrize(
    ("argv", "code", "sentence"),
    [
        ((), 2, "Missing option '--listen'"),
        (("--listen", "server"), 2, "not an IP address: 'server'"),
        (("--listen", "127.0.0.1", "--other-port", "3478"), 2, "the two ports are the same: 3478"),
        (("--listen", "192.0.2.1"), 3, "cannot listen: 192.0.2.1 port 3478: Cannot assign requested address"),
    ],
)
async def test_what_cannot_be_is_one_sentence(argv: tuple[str, ...], code: int, sentence: str) -> None:
    done = await landfast.run("reflector", *argv)
    assert done.code == code
    assert sentence in done.stderr
    assert done.stdout == ""
