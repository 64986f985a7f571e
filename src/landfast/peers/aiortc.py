"""A peer that is aiortc, as it comes: it gathers on every interface before it offers, and that is under test.

The one override, for `--interfaces default-route`, is `_only_default_route`.
"""

from __future__ import annotations

import asyncio
import ipaddress
import os
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any

from aiortc import RTCConfiguration, RTCDataChannel, RTCIceServer, RTCPeerConnection, RTCSessionDescription
from aiortc.exceptions import InvalidStateError

from landfast import clock
from landfast.errors import LandfastError
from landfast.peers import program, report
from landfast.peers.assignment import Assignment, Interfaces, Role
from landfast.peers.attempt import ECHO_EVERY, Broke, EchoReturned, EchoSent, PeerDone, PeerReady
from landfast.peers.program import Happen
from landfast.peers.report import ChecksStarted, GatheringFinished, GatheringStarted, StateChanged
from landfast.peers.signalling import SignallingClient

_CLOSE_WITHIN = 1.0  # seconds: aiortc says goodbye over SCTP and DTLS, and waits when nobody answers


class AiortcStack:
    """One RTCPeerConnection with one data channel."""

    def __init__(self, task: Assignment, happen: Happen) -> None:
        self._task = task
        self._happen = happen
        self._signalling = SignallingClient(task.signalling, task.room, task.role, token=task.token)
        if task.authority:
            os.environ["SSL_CERT_FILE"] = task.authority  # OpenSSL's own variable: aiortc passes on no TLS context
        self._connection = RTCPeerConnection(RTCConfiguration(iceServers=_servers(task)))
        self._running: list[asyncio.Task[None]] = []
        self._begun = asyncio.Event()

    async def __aenter__(self) -> AiortcStack:
        await self._signalling.__aenter__()
        self._run(self._receive())
        self._watch()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._running:
            task.cancel()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._connection.close(), _CLOSE_WITHIN)
        await self._signalling.__aexit__(kind, problem, trace)

    def ready(self) -> None:
        self._signalling.send({"type": "ready"})

    def done(self) -> None:
        self._signalling.send({"type": "done"})

    def begin(self) -> None:
        self._begun.set()
        if self._task.role is Role.ROBOT:
            self._run(self._offer())

    def _run(self, work: Any) -> None:
        async def whole() -> None:
            try:
                await work
            except LandfastError as problem:
                self._happen(Broke(clock.monotonic(), str(problem)))
            except Exception as problem:  # noqa: BLE001 -- whatever it is, the report shall tell
                self._happen(Broke(clock.monotonic(), repr(problem)))

        self._running.append(asyncio.create_task(whole()))

    def _watch(self) -> None:
        connection = self._connection

        def gathering() -> None:
            if connection.iceGatheringState == "gathering":
                self._happen(GatheringStarted(clock.monotonic()))

        def ice() -> None:
            if connection.iceConnectionState == "checking":
                self._happen(ChecksStarted(clock.monotonic()))
            self._happen(StateChanged(clock.monotonic(), "ice", connection.iceConnectionState))

        def whole() -> None:
            self._happen(StateChanged(clock.monotonic(), "connection", connection.connectionState))

        connection.on("icegatheringstatechange", gathering)
        connection.on("iceconnectionstatechange", ice)
        connection.on("connectionstatechange", whole)
        connection.on("datachannel", self._echo_over)

    async def _receive(self) -> None:
        while True:
            said = await self._signalling.receive()
            if said["type"] == "ready":
                self._happen(PeerReady(clock.monotonic()))
            elif said["type"] == "done":
                self._happen(PeerDone(clock.monotonic()))
            elif said["type"] == "offer":
                self._run(self._answer(said))
            elif said["type"] == "answer":
                await self._connection.setRemoteDescription(RTCSessionDescription(said["sdp"], said["type"]))

    async def _offer(self) -> None:
        # As a robot's commands travel: late ones are worthless, and what queued up would prolong a stall.
        channel = self._connection.createDataChannel("echo", ordered=False, maxRetransmits=0)
        self._echo_over(channel)
        await self._describe(await self._connection.createOffer())

    async def _answer(self, offer: dict[str, str]) -> None:
        await self._begun.wait()
        await self._connection.setRemoteDescription(RTCSessionDescription(offer["sdp"], offer["type"]))
        await self._describe(await self._connection.createAnswer())

    async def _describe(self, description: RTCSessionDescription) -> None:
        """Gather, which is part of setting a local description in aiortc, and send the result."""
        if self._task.interfaces is Interfaces.DEFAULT_ROUTE:
            _only_default_route(self._connection)
        await self._connection.setLocalDescription(description)
        local = self._connection.localDescription
        self._happen(GatheringFinished(clock.monotonic(), report.candidates(local.sdp)))
        self._signalling.send({"type": local.type, "sdp": local.sdp})

    def _echo_over(self, channel: RTCDataChannel) -> None:
        def opened() -> None:
            self._happen(StateChanged(clock.monotonic(), "channel", "open"))
            self._run(self._send_echoes(channel))

        def closed() -> None:
            self._happen(StateChanged(clock.monotonic(), "channel", "closed"))

        def message(text: str) -> None:
            kind, _, number = text.partition(" ")
            if kind == "echo":
                self._happen(EchoReturned(clock.monotonic()))
            else:
                with suppress(InvalidStateError):
                    channel.send(f"echo {number}")

        channel.on("open", opened)
        channel.on("close", closed)
        channel.on("message", message)
        if channel.readyState == "open":
            opened()

    async def _send_echoes(self, channel: RTCDataChannel) -> None:
        number = 0
        while channel.readyState == "open":
            number += 1
            channel.send(f"ask {number}")
            self._happen(EchoSent(clock.monotonic()))
            await asyncio.sleep(ECHO_EVERY)


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
