from __future__ import annotations

import pytest

from landfast.kernel import carrier
from landfast.kernel.sandbox import Sandbox


@pytest.mark.lab
@pytest.mark.anyio
async def test_a_cable_has_a_carrier_when_both_ends_are_up() -> None:
    async with Sandbox() as sandbox:
        one, other = await sandbox.host("one"), await sandbox.host("other")
        lines = f"link add eth0 type veth peer name eth0 netns {other.network}\nlink set eth0 up\n"
        (await one.run(["ip", "-batch", "-"], given=lines)).checked()
        assert await carrier.settle(one, ["lo", "eth0"]) is False
        (await other.run(["ip", "link", "set", "eth0", "up"])).checked()
        assert await carrier.settle(one, ["eth0"])
        assert await carrier.settle(other, ["eth0"])
        assert await carrier.settle(other, [])


@pytest.mark.lab
@pytest.mark.anyio
async def test_a_bridge_forwards_at_once_what_comes_from_a_port_that_was_settled() -> None:
    async with Sandbox() as sandbox:
        bridge, host = await sandbox.host("bridge"), await sandbox.host("host")
        lines = [
            "link add br0 type bridge",
            "link set br0 up",
            f"link add p0 type veth peer name eth0 netns {host.network}",
        ]
        lines += ["link set p0 master br0 up"]
        (await bridge.run(["ip", "-batch", "-"], given="\n".join(lines) + "\n")).checked()
        (await host.run(["ip", "link", "set", "eth0", "up"])).checked()
        assert await carrier.settle(bridge, ["p0"])
        shown = (await bridge.run(["ip", "-details", "-json", "link", "show", "p0"])).checked().stdout
        assert '"state":"forwarding"' in shown
