"""Puts a network's link impairments in place, and measures how well they do what they are asked to."""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import astuple

from landfast.errors import NotReady, WorldError
from landfast.kernel import capabilities, nft, sysctl
from landfast.kernel.capture import Capture
from landfast.kernel.host import INHERIT, Host, Program
from landfast.kernel.sandbox import Sandbox, SandboxHost
from landfast.lab import impair, wire
from landfast.lab.impair import WIRES, Delay, Impairment
from landfast.lab.network import Link
from landfast.lab.topology import Cable

# Enough for a median and a p95 that mean something, apart so far that none waits for another: 80 ms in all.
_PROBES, _APART = 20, 0.004
# How much later than asked a probe may come; those that the link loses are not waited for any longer.
_PATIENCE = 0.25
# The wire is a Python that imports little: it starts in 30 ms, on a machine that has time for it.
_START = 10.0
# To a group address that no bridge passes on (IEEE 802.1Q, table 8-1), from a local one; the EtherType for experiments.
_PROBE_HEADER = bytes.fromhex("0180c2000003 020000000001 88b5")


class Links:
    """The impaired links of one network: what is planned, where it is done, what was measured."""

    def __init__(self, cables: Sequence[Cable], plan: Impairment, hosts: Mapping[str, SandboxHost]) -> None:
        self.plan = plan
        self.hosts = dict(hosts)
        """WIRES, when any link is impaired."""
        self.delays: tuple[Delay, ...] = ()
        self._delayed = [cable for cable in cables if cable.link.delay_ms]
        self._wire: Program | None = None
        self._turn = asyncio.Lock()

    @property
    def means(self) -> tuple[str, ...]:
        """What impairs them: those of `netem`, `wire`, `nft` and `tbf` that are in use."""
        return self.plan.means

    @classmethod
    async def choose(cls, sandbox: Sandbox, cables: Sequence[Cable]) -> Links:
        """Find out what this kernel has, by doing. Raises CapabilityMissing for a rate without tbf."""
        if all(cable.link == Link() for cable in cables):
            return cls(cables, impair.impair(cables, netem=False), {})
        wires = await sandbox.host(WIRES)
        await sysctl.write(wires, {"ipv6/conf/all/disable_ipv6": "1", "ipv6/conf/default/disable_ipv6": "1"})
        asked = ["netem", *(["tbf"] if any(cable.link.rate_kbit for cable in cables) else [])]
        missing = await capabilities.probe(asked, wires)
        if problem := missing.get("tbf"):
            raise problem
        return cls(cables, impair.impair(cables, netem=not missing["netem"]), {WIRES: wires})

    async def put(self, hosts: Mapping[str, Host]) -> None:
        """Impair the links, whose cables are laid; returns when every part works and the delays are measured."""
        for host, lines in self.plan.tc.items():
            (await hosts[host].run(["tc", "-batch", "-"], given=lines)).checked()
        for host, ruleset in self.plan.nft.items():
            await nft.load(hosts[host], ruleset)
        if self.plan.cuts:
            self._wire = await self._start(self.hosts[WIRES])
        self.delays = tuple(await asyncio.gather(*(_measure(hosts, cable) for cable in self._delayed)))

    async def _start(self, wires: Host) -> Program:
        ends = [end for near, far, _ in self.plan.cuts for end in (near, far)]
        (await wires.run(["ip", "-batch", "-"], given="".join(f"link set dev {end} up\n" for end in ends))).checked()
        cuts = json.dumps([(near, far, *astuple(manner)) for near, far, manner in self.plan.cuts])
        program = await wires.start([sys.executable, "-m", wire.__name__, cuts], stderr=INHERIT)
        assert program.stdout
        try:
            async with asyncio.timeout(_START):
                said = await program.stdout.readline()
        except TimeoutError:
            raise NotReady("the wire", _START) from None
        if not said:
            raise WorldError("the wire ended before it carried anything")
        return program

    async def lost(self) -> int:
        """How many frames the wire lost without being asked to, because it could not keep up. 0 without a wire."""
        if not self._wire:
            return 0
        assert self._wire.stdin
        assert self._wire.stdout
        async with self._turn:
            self._wire.stdin.write(b"\n")
            if not (said := await self._wire.stdout.readline()):
                raise WorldError("the wire has ended")
        return int(json.loads(said)["lost"])


async def _measure(hosts: Mapping[str, Host], cable: Cable) -> Delay:
    """Send numbered frames over a cable, both ways at once; the kernel's own stamps tell when they left and came."""
    near, far = [(hosts[host], interface) for host, interface in (cable.near, cable.far)]
    arrivals = _Arrivals()
    longest = (cable.link.delay_ms + cable.link.jitter_ms) / 1000 + _PATIENCE
    with (
        await _sender(*near) as up,
        await _sender(*far) as down,
        await Capture.open(*near) as at_near,
        await Capture.open(*far) as at_far,
        arrivals.reading(at_near, at_far),
    ):
        for number in range(_PROBES):
            up.send(_PROBE_HEADER + bytes([0, number]))
            down.send(_PROBE_HEADER + bytes([1, number]))
            await asyncio.sleep(_APART)
        await arrivals.complete(2 * _PROBES, longest)
    return impair.took(cable, arrivals.took())


async def _sender(host: Host, interface: str) -> socket.socket:
    opened = await host.socket(socket.AF_PACKET, socket.SOCK_RAW)
    opened.bind((interface, 0))
    return opened


class _Arrivals:
    """When probes left one end of a cable and came to the other; seconds, by their last two bytes."""

    def __init__(self) -> None:
        self._left: dict[bytes, float] = {}
        self._came: dict[bytes, float] = {}
        self._news = asyncio.Event()

    @contextmanager
    def reading(self, *captures: Capture) -> Iterator[None]:
        """Read these while the block lasts."""
        loop = asyncio.get_running_loop()
        for capture in captures:
            loop.add_reader(capture, self._read, capture)
        try:
            yield
        finally:
            for capture in captures:
                loop.remove_reader(capture)

    def _read(self, capture: Capture) -> None:
        for frame in capture.drain():
            if frame.data.startswith(_PROBE_HEADER):
                (self._left if frame.outgoing else self._came)[frame.data[-2:]] = frame.at
        self._news.set()

    async def complete(self, number: int, patience: float) -> None:
        """Wait until so many have come, as long as patience lasts."""
        with suppress(TimeoutError):
            async with asyncio.timeout(patience):
                while len(self._came) < number:
                    self._news.clear()
                    await self._news.wait()

    def took(self) -> list[float]:
        """How long each took that came."""
        return [at - self._left[probe] for probe, at in self._came.items() if probe in self._left]
