"""The door to a cable's carrier (ethtool's ioctl, <linux/ethtool.h>): wait until what was plugged in can be used.

When both ends of a cable are up the kernel notes a carrier, and only when a worker of its gets the CPU (linkwatch) do
packets pass. Until then a bridge drops what comes from that port, an ARP request for one, and the next follows a second
later. A kernel that is asked for a link's state does at once what it has noted (linkwatch_sync_dev, seen in 6.18).
"""

from __future__ import annotations

import array
import fcntl
import socket
import struct
from collections.abc import Sequence

from landfast.kernel.host import Host

# <linux/sockios.h> and <linux/ethtool.h>
_SIOCETHTOOL, _ETHTOOL_GLINK = 0x8946, 0x0000000A


async def settle(host: Host, interfaces: Sequence[str]) -> bool:
    """Let the kernel do what it has noted about these interfaces; whether all of them have a carrier."""
    return await host.call(_settle, tuple(interfaces))


def _settle(interfaces: Sequence[str]) -> bool:
    on = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as opened:
        for interface in interfaces:
            value = array.array("I", [_ETHTOOL_GLINK, 0])  # struct ethtool_value
            fcntl.ioctl(opened, _SIOCETHTOOL, struct.pack("16sP16x", interface.encode(), value.buffer_info()[0]))
            on.append(bool(value[1]))
    return all(on)
