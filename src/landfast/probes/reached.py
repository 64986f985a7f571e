"""Whether a server that is silent over UDP is there at all: a TCP connection to the same address and port.

STUN and TURN servers listen on TCP too as a rule (RFC 8489, section 6.2.2). One that does while UDP is silent is alive.
"""

from __future__ import annotations

import asyncio
import os
import socket

from landfast import clock
from landfast.kernel.host import Host, family_of
from landfast.model.facts import Endpoint, TcpTried

WITHIN = 1.2
"""Seconds: Linux repeats a lost SYN after one (RFC 6298, section 2.1), and the answer to that one counts, too."""


async def over_tcp(host: Host, server: Endpoint) -> TcpTried:
    """Open a connection and close it; nothing is sent on it. Raises nothing for what the network does."""
    problem = ""
    try:
        async with asyncio.timeout(WITHIN):
            with await host.socket(family_of(server[0]), socket.SOCK_STREAM) as opened:
                await asyncio.get_running_loop().sock_connect(opened, server)
    except TimeoutError:
        problem = "timeout"
    except OSError as failed:
        problem = os.strerror(failed.errno) if failed.errno else str(failed)
    return TcpTried(clock.monotonic(), server, not problem, problem)
