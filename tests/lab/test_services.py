"""What guests are told is where the servers are, and they answer there."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from landfast.errors import CapabilityMissing
from landfast.kernel import host
from landfast.lab.lab import Lab
from landfast.wire import stun

pytestmark = [pytest.mark.anyio, pytest.mark.lab]

# Asks each server from a host, over what that host has: the environment and the sockets of a guest.
GUEST = """
import os, socket, ssl
assert os.environ["LANDFAST_STUN"] == "stun:198.51.100.5:3478"
for url in os.environ["LANDFAST_TURN"].split(","):
    scheme, host, rest = url.split(":")
    port, transport = rest.split("?transport=")
    address = (host, int(port))
    if transport == "tcp":
        with socket.create_connection(address, 5) as opened:
            if scheme == "turns":
                context = ssl.create_default_context(cafile=os.environ["LANDFAST_AUTHORITY"])
                with context.wrap_socket(opened, server_hostname=host):
                    print("tls", port)
            else:
                print("tcp", port)
scheme, host, port = os.environ["LANDFAST_SIGNALLING"].split(":")
with socket.create_connection((host.strip("/"), int(port)), 5):
    print("signalling")
print(os.environ["LANDFAST_TURN_USERNAME"], os.environ["LANDFAST_TURN_PASSWORD"])
"""


async def test_a_guest_finds_every_server_where_it_was_told() -> None:
    async with Lab("home", verified=False) as lab:
        done = await lab.host("robot").run(["/usr/bin/python3", "-c", GUEST], environment=lab.environment)
        assert (done.stderr, done.stdout.split("\n")) == (
            "",
            ["tcp 3478", "tls 5349", "tls 443", "signalling", "landfast laboratory", ""],
        )


async def test_stun_answers_at_both_addresses_of_rfc_5780() -> None:
    async with Lab("home", verified=False) as lab:
        loop = asyncio.get_running_loop()
        for address in (lab.services.stun, (lab.services.stun_other[0], lab.services.stun[1]), lab.services.stun_other):
            with await lab.host("robot").udp() as asking:
                await loop.sock_sendto(asking, stun.binding_request(b"landfastTest"), address)
                assert stun.parse(await loop.sock_recv(asking, 2048))


async def test_without_coturn_the_capability_and_its_package_are_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for program in ("ip", "nft", "conntrack", "iptables"):
        (tmp_path / program).symlink_to(f"/usr/sbin/{program}")
    monkeypatch.setattr(host, "_SBIN", ())
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CapabilityMissing, match="program turnserver; provided by: Debian package coturn"):
        await Lab("open", verified=False).__aenter__()
