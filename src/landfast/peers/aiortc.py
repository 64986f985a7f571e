"""A peer that is aiortc, as it comes: it gathers on every interface before it offers, and that is under test.

The one override, for `--interfaces default-route`, is `_only_default_route`.
"""

from __future__ import annotations

import ipaddress
import os
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from aiortc import RTCConfiguration, RTCIceServer, RTCPeerConnection, RTCSessionDescription

from landfast.peers import program
from landfast.peers.assignment import Assignment, Interfaces
from landfast.peers.call import Call
from landfast.peers.program import Happen


class AiortcStack(Call):
    """One RTCPeerConnection with one data channel."""

    def __init__(self, task: Assignment, happen: Happen) -> None:
        if task.authority:
            os.environ["SSL_CERT_FILE"] = task.authority  # OpenSSL's own variable: aiortc passes on no TLS context
        connection = RTCPeerConnection(RTCConfiguration(iceServers=_servers(task)))
        super().__init__(task, happen, connection, RTCSessionDescription)
        self._interfaces = task.interfaces

    def before_gathering(self) -> None:
        if self._interfaces is Interfaces.DEFAULT_ROUTE:
            _only_default_route(self.connection)


def _servers(task: Assignment) -> list[RTCIceServer]:
    """Never None: aiortc would ask a public STUN server. Of several URLs of a kind it takes the first that it knows."""
    stun = [RTCIceServer(task.stun)] if task.stun else []
    turn = RTCIceServer(list(task.turn), task.turn_username, task.turn_password)
    return [*stun, turn] if task.turn else stun


def _only_default_route(connection: RTCPeerConnection) -> None:
    """Let aioice gather on this connection's default addresses only. Neither aiortc nor aioice has an option for it."""
    allowed = _default_addresses()
    assert connection.sctp
    gatherer = connection.sctp.transport.transport.iceGatherer
    agent: Any = gatherer._connection  # noqa: SLF001 -- the aioice.Connection of this one peer connection
    gather = agent.get_component_candidates

    async def gather_there(component: int, addresses: Sequence[str], timeout: int = 5) -> Any:  # noqa: ASYNC109
        return await gather(component, [address for address in addresses if address in allowed], timeout)

    agent.get_component_candidates = gather_there


def _default_addresses() -> set[str]:
    """The sources that this host's routes choose towards the internet; nothing is sent."""
    addresses = set()
    # Documentation addresses (RFC 5737, RFC 3849): no host has a route of its own to them.
    for family, there in ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")):
        with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as asking:
            asking.connect((there, 9))
            addresses.add(str(ipaddress.ip_address(asking.getsockname()[0])))
    return addresses


if __name__ == "__main__":
    sys.exit(program.main("landfast.peers.aiortc", AiortcStack))
