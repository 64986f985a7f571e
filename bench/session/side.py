"""This side of a prober, and a session of two: the descriptions pass through here, once, and never the network."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import sys
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any

from bench.session.outage import is_over, lost, reordered
from bench.session.prober import Configuration
from landfast import clock
from landfast.errors import WorldError
from landfast.kernel.host import Host, Program
from landfast.servers.running import Log

_ROOT = str(Path(__file__).parents[2])
_START = 60.0  # seconds: a cold start of Chromium on two busy cores takes up to 6, and six of them may start at once
_ANSWER = 20.0  # seconds: gathering from servers that do not answer
OPEN = 15.0  # seconds from the answer to open channels: DTLS on a link that loses a fifth
_LAST = 5.0  # seconds for reliable messages on their way
_LOOK, _HEAR = 0.05, 0.25
_WRONG = "Traceback"  # in what a program of Python writes
_HAND_OVER = 0.01  # seconds between two looks for candidates to hand over
# What ends an aiortc or a Chromium that waits for somebody.
_GRACE = 3.0
NODE = ("werift", "wrtc", "libdatachannel")
"""The stacks of node.mjs."""


class Side:
    """A prober's program, asked one thing at a time, and all that it ever heard."""

    def __init__(self, program: Program, log: Log) -> None:
        self.probes: list[float] = []
        self.reliable: list[int] = []
        self.states: list[tuple[float, str]] = []
        self.media: dict[str, list[float]] = {}
        self.sent = 0
        self.opened: float | None = None
        self.associations: set[str] = set()
        """Of DTLS and SCTP, as far as the stack tells."""
        self.description = ""
        """Its newest."""
        self.candidates: list[dict[str, str]] = []
        self.told = 0
        """How many of them the other side knows, or never shall."""
        self._program, self._log = program, log
        self._parted = False
        self._turn = asyncio.Lock()

    @classmethod
    async def start(cls, host: Host, stack: str, given: Configuration) -> Side:
        """Start a prober; it can be asked when this returns. Raises WorldError."""
        module = "browser" if stack == "chromium" else "prober"
        argv = [sys.executable, "-m", f"bench.session.{module}"]
        if stack in NODE:
            argv = ["node", str(Path(__file__).with_name("node.mjs"))]
        argv += [stack, json.dumps(asdict(given))]
        log = Log()
        side = cls(await host.start(argv, environment={"PYTHONPATH": _ROOT}, stderr=log.descriptor), log)
        await side._answer(_START)
        return side

    async def ask(self, do: str, **more: str) -> dict[str, Any]:
        """One question. Raises WorldError when it cannot be answered."""
        assert self._program.stdin
        async with self._turn:
            self._program.stdin.write(json.dumps({"do": do, **more}).encode() + b"\n")
            found = await self._answer(_ANSWER)
        if "sdp" in found:
            self.description = found["sdp"]
        return found

    async def _answer(self, within: float) -> dict[str, Any]:
        assert self._program.stdout
        try:
            async with asyncio.timeout(within):
                line = await self._program.stdout.readline()
        except TimeoutError:
            raise WorldError(f"no answer within {within:g} s: {self._log.end()}") from None
        if not line:
            raise WorldError(f"the prober has ended: {self._log.end()}")
        said: dict[str, Any] = json.loads(line)
        if "problem" in said:
            raise WorldError(said["problem"])
        return said

    async def path(self) -> tuple[str, str]:
        """How its data goes, and the user fragment of the generation that carries it."""
        said = await self.ask("path")
        return said["path"], said["ufrag"]

    async def goes_by(self, ufrag: str, within: float = OPEN) -> None:
        """Wait until its data goes by these credentials of its own. Raises TimeoutError."""
        async with asyncio.timeout(within):
            _path, carries = await self.path()
            while carries != ufrag:
                await asyncio.sleep(_LOOK)
                _path, carries = await self.path()

    async def take(self) -> None:
        """Hear what it has heard."""
        said = await self.ask("take")
        self.probes += said["probes"]
        self.reliable += said["reliable"]
        self.states += [(at, state) for at, state in said["states"]]
        self.candidates += said["candidates"]
        for stream, came in said["media"].items():
            self.media.setdefault(stream, []).extend(came)
        self.sent, self.opened = said["sent"], said["opened"]
        self.associations |= {said["association"]} - {""}

    async def stop(self) -> None:
        """End it, whatever it is doing. Idempotent."""
        if self._parted:
            return
        self._parted = True
        try:
            async with asyncio.timeout(_GRACE):
                await self.ask("close")
                await self._program.wait()
        except (TimeoutError, WorldError, OSError):
            self._program.send_signal(signal.SIGKILL)
            await self._program.wait()

    @property
    def complaint(self) -> str:
        """What of its program went wrong without ending it; empty if nothing was written of it."""
        written = self._log.end()
        return written if _WRONG in written else ""

    @property
    def public(self) -> tuple[str, int]:
        """Its first host candidate."""
        told = "\n".join([self.description, *(each["candidate"] for each in self.candidates)])
        found = re.search(r"candidate:\S+ \d+ udp \d+ (\S+) (\d+) typ host", told, re.IGNORECASE)
        if not found:
            raise WorldError("no host candidate")
        return found[1], int(found[2])


class Session:
    """Client and peer: `async with Session(client, peer, peer_offers=…) as session`; entering connects them."""

    def __init__(self, client: Side, peer: Side, *, peer_offers: bool = False, within: float = OPEN) -> None:
        self._within = within
        self.client, self.peer = client, peer
        self._peer_offers = peer_offers
        self._signalled = True
        """Whether there is signalling: until both are open, and for as long as a restart takes."""
        self._hearing: asyncio.Task[None] | None = None
        self.lost = self.reordered = 0
        """Reliable messages, both ways; told by `intact`, as is what follows."""
        self.renewed = False
        """Whether it goes over another channel, or another association of DTLS or SCTP, than at the beginning."""
        self.setup = 0.0
        """Seconds from the beginning of the offer until both channels were open at both ends."""

    async def __aenter__(self) -> Session:
        try:
            await self._connect()
        except BaseException:
            await self.part()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.part()

    async def _connect(self) -> None:
        offering, answering = (self.peer, self.client) if self._peer_offers else (self.client, self.peer)
        began = clock.monotonic()
        await offering.ask("accept", **await answering.ask("accept", **await offering.ask("offer")))
        limit = clock.monotonic() + self._within
        while self.client.opened is None or self.peer.opened is None:
            if clock.monotonic() > limit:
                states = [state for _, state in self.client.states]
                raise WorldError(f"not connected within {self._within:g} s: {', '.join(states)}")
            await self._hand_over()
            await asyncio.sleep(_HAND_OVER)
        self.setup = max(self.client.opened, self.peer.opened) - began
        self._signalled = False
        self._hearing = asyncio.create_task(self._hear())

    async def _hear(self) -> None:
        """Often, so that no answer is a long one."""
        while True:
            await self._hand_over()
            await asyncio.sleep(_HEAR)

    async def _hand_over(self) -> None:
        """Candidates, which come at the start, and when a case restarts; at other times they are kept here."""
        await self.take()
        for side, other in ((self.client, self.peer), (self.peer, self.client)):
            while self._signalled and side.told < len(side.candidates):
                side.told += 1
                await other.ask("candidate", **_init(side.candidates[side.told - 1]))

    async def restart(self, *, by_peer: bool = False) -> None:
        """One side, which is the client, offers new credentials. Raises WorldError when the other cannot take them."""
        self._signalled = True
        for side in (self.client, self.peer):
            side.told = len(side.candidates)
        offering, answering = (self.peer, self.client) if by_peer else (self.client, self.peer)
        await offering.ask("accept", **await answering.ask("accept", **await offering.ask("restart")))

    async def flows(self, since: float, within: float = OPEN) -> None:
        """Wait until data has come steadily, both ways, after an instant. Raises TimeoutError."""
        async with asyncio.timeout(since - clock.monotonic() + within):
            while not all(is_over(side.probes, since, clock.monotonic()) for side in (self.client, self.peer)):
                await asyncio.sleep(_LOOK)
                await self.take()

    async def take(self) -> None:
        """Hear both. Raises WorldError when one cannot be heard any more."""
        await asyncio.gather(self.client.take(), self.peer.take())

    async def intact(self) -> bool:
        """Whether every reliable message came once and in order, both ways, over what was there at the beginning."""
        limit = clock.monotonic() + _LAST
        await self.take()
        sent = self.client.sent, self.peer.sent
        while clock.monotonic() < limit and (len(self.peer.reliable) < sent[0] or len(self.client.reliable) < sent[1]):
            await asyncio.sleep(_LOOK)
            await self.take()
        told = [state for side in (self.client, self.peer) for _, state in side.states]
        self.renewed = any(state.endswith("closed") or state.startswith("another") for state in told) or any(
            len(side.associations) > 1 for side in (self.client, self.peer)
        )
        came = self.peer.reliable[: sent[0]], self.client.reliable[: sent[1]]
        self.lost = sum(lost(numbers, of) for numbers, of in zip(came, sent, strict=True))
        self.reordered = sum(map(reordered, came))
        return not (self.renewed or self.lost or self.reordered)

    async def part(self) -> None:
        """End both sides. Idempotent."""
        if self._hearing:
            self._hearing.cancel()
        await asyncio.gather(self.client.stop(), self.peer.stop())


def _init(candidate: dict[str, str]) -> dict[str, str]:
    return {"candidate": candidate["candidate"], "sdpMid": candidate["sdpMid"]}
