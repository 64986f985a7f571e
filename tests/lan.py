"""Hosts on one bridge, for tests that need several but no NAT between them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from landfast.kernel.sandbox import Sandbox, SandboxHost


@asynccontextmanager
async def lan(**addresses: str) -> AsyncIterator[dict[str, SandboxHost]]:
    """`async with lan(robot="10.0.0.1/24", server="10.0.0.5/24 10.0.0.6/24") as hosts`; each has `eth0`."""
    async with Sandbox() as sandbox:
        yield await wire(sandbox, addresses)


async def wire(sandbox: Sandbox, addresses: Mapping[str, str]) -> dict[str, SandboxHost]:
    """Make the hosts, and the bridge on one more of its own."""
    bridge = await sandbox.host("bridge")
    hosts = {name: await sandbox.host(name) for name in addresses}
    lines = ["link set lo up", "link add br0 type bridge", "link set br0 up"]
    for name, host in hosts.items():
        lines.append(f"link add {name} type veth peer name eth0 netns {host.network}")
        lines.append(f"link set {name} master br0 up")
    (await bridge.run(["ip", "-batch", "-"], given="\n".join(lines) + "\n")).checked()
    for name, host in hosts.items():
        own = [f"address add {address} dev eth0" for address in addresses[name].split()]
        # No IPv6 link-local address: it would be tentative for seconds, and only be in the way.
        lines = ["link set eth0 addrgenmode none", "link set lo up", *own, "link set eth0 up"]
        (await host.run(["ip", "-batch", "-"], given="\n".join(lines) + "\n")).checked()
    return hosts
