"""A call by a stack that has aiortc's interface: it negotiates over signalling, and echoes over a data channel.

The stack itself is given: its RTCPeerConnection, and its RTCSessionDescription.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Any

from landfast import clock
from landfast.errors import LandfastError
from landfast.peers import report
from landfast.peers.assignment import Assignment, Role
from landfast.peers.attempt import ECHO_EVERY, Broke, EchoReturned, EchoSent, PeerDone, PeerReady
from landfast.peers.program import Happen
from landfast.peers.report import ChecksStarted, GatheringFinished, GatheringStarted, StateChanged
from landfast.peers.signalling import SignallingClient

_CLOSE_WITHIN = 1.0  # seconds: aiortc says goodbye over SCTP and DTLS, and waits when nobody answers


class Call:
    """One connection with one data channel. `described(sdp, type)` makes a description."""

    def __init__(
        self, task: Assignment, happen: Happen, connection: Any, described: Callable[[str, str], object]
    ) -> None:
        self.connection = connection
        self._described = described
        self._task = task
        self._happen = happen
        self._signalling = SignallingClient(task.signalling, task.room, task.role, token=task.token)
        self._running: list[asyncio.Task[None]] = []
        self._begun = asyncio.Event()

    async def __aenter__(self) -> Call:
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
            await asyncio.wait_for(self.connection.close(), _CLOSE_WITHIN)
        await self._signalling.__aexit__(kind, problem, trace)

    def before_gathering(self) -> None:
        """The connection is about to gather."""

    def ready(self) -> None:
        """See program.Stack."""
        self._signalling.send({"type": "ready"})

    def done(self) -> None:
        """See program.Stack."""
        self._signalling.send({"type": "done"})

    def begin(self) -> None:
        """See program.Stack."""
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
        connection = self.connection

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
                await self.connection.setRemoteDescription(self._described(said["sdp"], said["type"]))

    async def _offer(self) -> None:
        # As a robot's commands travel: late ones are worthless, and what queued up would prolong a stall.
        channel = self.connection.createDataChannel("echo", ordered=False, maxRetransmits=0)
        self._echo_over(channel)
        await self._describe(await self.connection.createOffer())

    async def _answer(self, offer: dict[str, str]) -> None:
        await self._begun.wait()
        await self.connection.setRemoteDescription(self._described(offer["sdp"], offer["type"]))
        await self._describe(await self.connection.createAnswer())

    async def _describe(self, description: Any) -> None:
        """Gather, which is part of setting a local description in aiortc, and send the result."""
        self.before_gathering()
        await self.connection.setLocalDescription(description)
        local = self.connection.localDescription
        self._happen(GatheringFinished(clock.monotonic(), report.candidates(local.sdp)))
        self._signalling.send({"type": local.type, "sdp": local.sdp})

    def _echo_over(self, channel: Any) -> None:
        def opened() -> None:
            self._happen(StateChanged(clock.monotonic(), "channel", "open"))
            self._run(self._send_echoes(channel))

        def closed() -> None:
            self._happen(StateChanged(clock.monotonic(), "channel", "closed"))

        def message(text: str) -> None:
            kind, _, number = text.partition(" ")
            if kind == "echo":
                self._happen(EchoReturned(clock.monotonic()))
            elif channel.readyState == "open":
                channel.send(f"echo {number}")

        channel.on("open", opened)
        channel.on("close", closed)
        channel.on("message", message)
        if channel.readyState == "open":
            opened()

    async def _send_echoes(self, channel: Any) -> None:
        number = 0
        while channel.readyState == "open":
            number += 1
            channel.send(f"ask {number}")
            self._happen(EchoSent(clock.monotonic()))
            await asyncio.sleep(ECHO_EVERY)
