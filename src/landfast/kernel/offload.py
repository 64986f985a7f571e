"""The door to an interface's offloads (ethtool's ioctl, <linux/ethtool.h>): who finishes checksums and cuts segments.

A virtual cable leaves both to the network card that it does not have: packets of 64 kB cross it whole, with checksums
that are not filled in. Whoever counts, drops, delays or records packets there sees what no real cable carries.
"""

from __future__ import annotations

import array
import fcntl
import socket
import struct
from collections.abc import Sequence

from landfast.errors import CapabilityMissing
from landfast.kernel.host import Host

# <linux/sockios.h> and <linux/ethtool.h>. Without transmit checksums the kernel gives up TSO too, but not GSO.
_SIOCETHTOOL = 0x8946
_ETHTOOL_STXCSUM, _ETHTOOL_SGSO = 0x17, 0x24


async def disable(host: Host, interfaces: Sequence[str]) -> None:
    """Let the kernel finish every packet before it enters these interfaces. Raises CapabilityMissing when refused."""
    await host.call(_disable, tuple(interfaces))


def _disable(interfaces: Sequence[str]) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as opened:
        for interface in interfaces:
            for command in (_ETHTOOL_STXCSUM, _ETHTOOL_SGSO):
                value = array.array("I", [command, 0])  # struct ethtool_value
                request = struct.pack("16sP16x", interface.encode(), value.buffer_info()[0])  # struct ifreq
                try:
                    fcntl.ioctl(opened, _SIOCETHTOOL, request)
                except OSError as problem:
                    detail = f"{interface}: {problem}"
                    raise CapabilityMissing("offloads that can be disabled", "CAP_NET_ADMIN, or root", detail) from None
