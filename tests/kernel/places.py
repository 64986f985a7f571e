"""Where the test of a door runs: on a host in memory and on a real one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest

from landfast.kernel.fake import FakeHost, Route
from landfast.kernel.host import Host
from landfast.kernel.sandbox import Sandbox
from landfast.model.address import InterfaceAddress

EVERYWHERE = pytest.mark.parametrize(
    "place",
    [
        "fake",
        pytest.param("real", marks=pytest.mark.needs("namespaces", "veth", "nft-nat", "iptables-nat", "conntrack")),
    ],
)

ADDRESSES = (
    InterfaceAddress("lo", ip_address("127.0.0.1"), 8),
    InterfaceAddress("one", ip_address("192.168.1.10"), 24),
    InterfaceAddress("one", ip_address("2001:db8:1::10"), 64),
    InterfaceAddress("two", ip_address("10.42.0.1"), 24),
)
_LINES = """\
link add one type veth peer name two
link set one addrgenmode none
link set two addrgenmode none
link set lo up
link set one up
link set two up
address add 192.168.1.10/24 dev one
address add 2001:db8:1::10/64 dev one nodad
address add 10.42.0.1/24 dev two
route add default via 192.168.1.1 metric 600
route add default via 10.42.0.9 metric 100
route add 198.51.100.0/24 via 192.168.1.1
route add default via 2001:db8:1::1 metric 50
"""


@asynccontextmanager
async def there(place: str, root: Path) -> AsyncIterator[Host]:
    """A host with two cards: `one` and `two`."""
    if place == "fake":
        routes = (
            ("0.0.0.0/0", "one", 600),
            ("0.0.0.0/0", "two", 100),
            ("198.51.100.0/24", "one", 0),
            ("::/0", "one", 50),
        )
        yield FakeHost(
            root,
            addresses=list(ADDRESSES),
            routes=[Route(ip_network(to), interface, metric) for to, interface, metric in routes],
        )
        return
    async with Sandbox() as sandbox:
        host = await sandbox.host("host")
        (await host.run(["ip", "-batch", "-"], given=_LINES)).checked()
        yield host
