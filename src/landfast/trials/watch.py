"""This side of the meter: start it on a host, keep its facts, wait for what they must show."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from landfast.errors import LandfastError, NotReady, WorldError
from landfast.kernel.host import INHERIT, Host, Program
from landfast.model.facts import EchoAnswered, Endpoint, Fact, MappedAddress, WatchBegan, decode, written
from landfast.servers.echo import VARIABLE
from landfast.trials import meter

READY_S = 20.0
"""Until the meter knows the public address and has had an echo. An interpreter starts in 0.3 s, ten times slower on a
small board; a session that a carrier has just reset takes some seconds more."""


class Watch:
    """A running meter and what it has said: `async with await Watch.start(host, ...) as watch`."""

    def __init__(self, program: Program) -> None:
        self.facts: list[Fact] = []
        self.capturing = False
        self._program = program
        self._news = asyncio.Condition()
        self._problem: LandfastError | None = None
        self._reading = asyncio.create_task(self._read(), name="facts of the meter")

    @classmethod
    async def start(
        cls, host: Host, *, interface: str, stun: Endpoint, echo: Endpoint, token: str = "", pcap: Path | None = None
    ) -> Watch:
        """Start a meter and return when it sees the public address and the bystander. Raises NotReady, WorldError."""
        argv = [sys.executable, "-m", meter.__name__, "--interface", interface]
        argv += ["--stun", written(stun), "--echo", written(echo)]
        argv += ["--pcap", str(pcap)] if pcap else []
        watch = cls(await host.start(argv, environment={VARIABLE: token}, stderr=INHERIT))
        try:
            if not await watch.until(lambda facts: not lacking(facts), READY_S):
                raise NotReady("the meter", READY_S, lacking(watch.facts))
        except BaseException:
            await watch.close()
            raise
        return watch

    async def _read(self) -> None:
        assert self._program.stdout
        try:
            async for line in self._program.stdout:
                fact = decode(line)
                if isinstance(fact, WatchBegan):
                    self.capturing = fact.capturing
                self.facts.append(fact)
                async with self._news:
                    self._news.notify_all()
            self._problem = WorldError(f"the meter ended with code {await self._program.wait()}")
        except ValueError as problem:
            self._problem = WorldError(f"the meter said what is no fact: {problem}")
        async with self._news:
            self._news.notify_all()

    async def until(self, holds: Callable[[Sequence[Fact]], bool], seconds: float) -> bool:
        """Wait until the facts so far show something; False when they did not in that time. Raises WorldError when the
        meter died."""

        def shown() -> bool:
            if self._problem:
                raise self._problem
            return holds(self.facts)

        with suppress(TimeoutError):
            async with asyncio.timeout(seconds), self._news:
                await self._news.wait_for(shown)
                return True
        return False

    def forget(self, before: float) -> None:
        """Drop what is older than this (monotonic seconds)."""
        self.facts = [fact for fact in self.facts if fact.at >= before]

    async def close(self) -> None:
        """End the meter. Idempotent."""
        if self._program.stdin:
            self._program.stdin.close()
        await self._program.wait()
        await self._reading

    async def __aenter__(self) -> Watch:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


def lacking(facts: Sequence[Fact]) -> str:
    """What a meter has not yet shown to be ready, in words; empty when it is."""
    wanted = {WatchBegan: "it has not begun", MappedAddress: "no STUN answer", EchoAnswered: "no echo"}
    return ", ".join(lack for kind, lack in wanted.items() if not any(isinstance(fact, kind) for fact in facts))
