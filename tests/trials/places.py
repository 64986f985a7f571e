"""A place without a network: what happens there is told by the test."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from landfast import clock
from landfast.kernel.host import LocalHost
from landfast.model.facts import EchoAnswered, Fact, MappedAddress, PublicAddressChanged
from landfast.trials.arms import Arm
from landfast.trials.result import QUIET, Call, Gateway


class Meter:
    """A meter that hears nothing but answers once it is waited for, unless it is told that the network stays noisy."""

    def __init__(self, *, capturing: bool = True) -> None:
        self.facts: list[Fact] = []
        self.capturing = capturing
        self.noisy = False
        self.forgotten: list[float] = []

    async def until(self, holds: Callable[[Sequence[Fact]], bool], seconds: float) -> bool:
        for step in range(round(QUIET * 10) + 2):
            at = clock.monotonic() + step / 10
            answer = MappedAddress(at, ("198.51.100.5", 3478), ("0.0.0.0", 1), ("203.0.113.10", 7))
            self.facts += [answer, EchoAnswered(at, at)]
            if self.noisy:
                self.facts.append(PublicAddressChanged(at, "a", "b"))
        return holds(self.facts)

    def forget(self, before: float) -> None:
        self.forgotten.append(before)


class FakePlace:
    """Peers connect in the arms that the test calls good; in the others the address changes and nothing connects."""

    def __init__(self, good: Sequence[str] = ("on",), gateway: Gateway | None = None) -> None:
        self.robot = LocalHost(Path("/robot"))
        self.watch = Meter()
        self.connected: list[tuple[int, str]] = []
        self._good = good
        self._gateway = gateway

    async def connect(self, number: int, arm: Arm) -> Call:
        self.connected.append((number, arm.name))
        now = clock.monotonic()
        if arm.name in self._good:
            return Call(now, now, 5.0, 0.1)
        self.watch.facts.append(PublicAddressChanged(now, "203.0.113.10", "203.0.113.11"))
        if self._gateway:
            self._gateway = Gateway(self._gateway.packets + 12, self._gateway.resets + 1)
        return Call(now, None, None, 5.0, "not connected")

    async def gateway(self) -> Gateway | None:
        return self._gateway
