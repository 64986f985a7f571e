"""The keeper of a router: a process of its own in the router's namespace that acts on what crosses it, and on requests.

    python -m landfast.lab.keeper       first line of stdin: {"network": …, "router": NAME}; each later line: an event
    stdout, JSON Lines:                 {"ready": true}; {"reset": {…}}; {"done": N} for the N-th event; {"failed": WHY}

It carries out the gateway's source policy (`gateway.py`), mappings' absolute age, and events: at their time, at the
n-th mapping, at the first STUN packet or when asked. It is the only one who changes its router, so there is one state
and no race; it shares no object, file or clock with whoever measures. What it cannot do ends it: a router that is half
kept is none. `kept.py` is its counterpart on the other side of these lines.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv6Address, IPv6Network
from typing import Any

from landfast import clock
from landfast.kernel import capture, conntrack, nft
from landfast.kernel.host import Host
from landfast.lab import build, ruleset, topology
from landfast.lab.gateway import SourcePolicy
from landfast.lab.network import Event, Network, Occasion
from landfast.lab.ruleset import Weather
from landfast.lab.topology import Routing

# RFC 8489, section 5: the magic cookie that marks a STUN packet.
STUN_COOKIE = b"\x21\x12\xa4\x42"
LINK_LOCAL6, UNSPECIFIED6 = IPv6Network("fe80::/10"), IPv6Network("::/128")

Inner = tuple[IPv4Address | IPv6Address, int]
"""The address and port on a router's LAN that a mapping stands for."""


@dataclass(frozen=True)
class State:
    """How a router differs from its declaration at the moment."""

    over: tuple[Occasion, ...] = ()
    """What lies over it for a while; the same may lie there more than once, each with its own end."""
    generation: int = 0
    addresses: int = 0

    @property
    def weather(self) -> Weather:
        """What is over it, in the rules' words."""
        return Weather(
            suspended=Occasion.SUSPEND_RADIO in self.over,
            udp_blocked=Occasion.BLOCK_UDP in self.over,
            ipv6_one_way=Occasion.ONE_WAY_IPV6 in self.over,
        )

    def under(self, what: Occasion) -> State:
        """With one more over it."""
        return replace(self, over=(*self.over, what))

    def relieved(self, what: Occasion) -> State:
        """With one less over it."""
        place = self.over.index(what)
        return replace(self, over=self.over[:place] + self.over[place + 1 :])


# What each event makes of a router's state.
CHANGES: dict[Occasion, Callable[[State], State]] = {
    Occasion.CHANGE_PUBLIC_ADDRESS: lambda s: replace(s, addresses=s.addresses + 1),
    Occasion.REBIND_PORT: lambda s: replace(s, generation=s.generation + 1),
    Occasion.FLUSH: lambda s: s,
    Occasion.SUSPEND_RADIO: lambda s: s.under(Occasion.SUSPEND_RADIO),
    Occasion.BLOCK_UDP: lambda s: s.under(Occasion.BLOCK_UDP),
    Occasion.ONE_WAY_IPV6: lambda s: s.under(Occasion.ONE_WAY_IPV6),
}
# These also forget every mapping.
FLUSHING = frozenset({Occasion.CHANGE_PUBLIC_ADDRESS, Occasion.REBIND_PORT, Occasion.FLUSH})


class Keeper:
    """Keeps one router. `host` is the router itself."""

    def __init__(self, host: Host, routing: Routing, events: Sequence[Event]) -> None:
        self.host = host
        self.routing = routing
        self.state = State()
        self.policy: SourcePolicy | None = None
        self.mappings: set[Inner] = set()
        self.waiting = [event for event in events if event.mappings or event.first_stun]
        self._timed = [event for event in events if event.at is not None]
        self._changing = asyncio.Lock()
        self._tasks = asyncio.TaskGroup()

    async def serve(self, requests: asyncio.StreamReader) -> None:
        """Until the requests end."""
        router = self.routing.router
        async with self._tasks:
            if router.gateway or self.waiting:
                watched = await capture.Capture.open(self.host, "lan")
                asyncio.get_running_loop().add_reader(watched, self._crossed, watched)
            if router.gateway:
                self.policy = SourcePolicy(router.gateway, clock.monotonic())
            if router.nat and router.nat.max_age:
                listening = asyncio.Event()
                self._tasks.create_task(self._age(router.nat.max_age, listening), name="ages")
                await listening.wait()
            for event in self._timed:
                self._tasks.create_task(self._later(event), name=f"{event.what} at {event.at} s")
            tell({"ready": True})
            number = 0
            while line := await requests.readline():
                number += 1
                await self.happen(Event.model_validate_json(line))
                tell({"done": number})
            raise SystemExit(0)  # whoever asked is gone, and so is the laboratory

    def _crossed(self, watched: capture.Source) -> None:
        now = clock.monotonic()
        for frame in watched.drain():
            packet = capture.parse(frame)
            # Packets are captured before the rules see them: those that a suspended radio loses have not come.
            if packet is None or packet.outgoing or self.state.weather.suspended:
                continue
            if self.policy and self._foreign(packet):
                if self.policy.violation(now):
                    self._tasks.create_task(self._reset(packet, now), name="reset")
            elif self.waiting and packet.protocol == capture.UDP and packet.sport:
                self.mappings.add((packet.source, packet.sport))
                stun = packet.payload[4:8] == STUN_COOKIE
                for event in [e for e in self.waiting if self._due(e, stun)]:
                    self.waiting.remove(event)
                    self._tasks.create_task(self.happen(event), name=event.what)

    def _due(self, event: Event, stun: bool) -> bool:
        return (event.first_stun and stun) or (event.mappings is not None and len(self.mappings) >= event.mappings)

    def _foreign(self, packet: capture.Packet) -> bool:
        """The same question as the rule that drops and counts (`ruleset._sources`)."""
        if packet.source.version == 4:
            return packet.source not in self.routing.subscribers
        own = (LINK_LOCAL6, UNSPECIFIED6, *self.routing.prefixes6)
        return bool(self.routing.prefixes6) and not any(packet.source in prefix for prefix in own)

    async def _reset(self, packet: capture.Packet, at: float) -> None:
        """Delete the session: nothing passes, mappings and address are gone, after the outage it stands anew."""
        gateway = self.routing.router.gateway
        assert gateway
        tell({"reset": {"at": at, "source": str(packet.source)}})
        async with self._changing:
            down = self.state.under(Occasion.SUSPEND_RADIO)
            await self._become(replace(down, addresses=down.addresses + gateway.new_address), flush=True)
        await self._end(Occasion.SUSPEND_RADIO, gateway.outage)

    async def happen(self, event: Event) -> None:
        """Let an event happen; returns when it has taken effect."""
        async with self._changing:
            await self._become(CHANGES[event.what](self.state), flush=event.what in FLUSHING)
        if event.lasts:
            self._tasks.create_task(self._end(event.what, event.lasts), name=f"end of {event.what}")

    async def _end(self, what: Occasion, seconds: float) -> None:
        await asyncio.sleep(seconds)
        async with self._changing:
            await self._become(self.state.relieved(what), flush=False)

    async def _later(self, event: Event) -> None:
        await asyncio.sleep(event.at or 0)
        await self.happen(event)

    async def _become(self, after: State, *, flush: bool) -> None:
        """Change the rules. With `flush` the translation forgets everything, and nothing crosses half a change."""
        before, self.state = self.state, after
        lies = before.weather
        if flush:
            lies = replace(after.weather, suspended=True)
            anew = ruleset.nat(self.routing, after.generation, after.addresses)
            await nft.load(self.host, ruleset.weather(lies) + anew)
            await self._readdress(before.addresses, after.addresses)
            await conntrack.flush(self.host)
        if after.weather != lies:
            await nft.load(self.host, ruleset.weather(after.weather))

    async def _readdress(self, before: int, after: int) -> None:
        """Hold the external addresses of this step on `wan`, and no others."""
        old, new = self.routing.in_use(before), self.routing.in_use(after)
        # The prefix of the pools is a /24 (`topology.POOLS`). First the new ones: never is there none to route through.
        lines = [f"address add {address}/24 dev wan" for address in new if address not in old]
        lines += [f"address del {address}/24 dev wan" for address in old if address not in new]
        if lines:
            await build.ip(self.host, "\n".join(lines) + "\n")

    async def _age(self, age: int, ready: asyncio.Event) -> None:
        """Forget each mapping `age` seconds after its first flow was made, with all flows that it has by then."""
        loop = asyncio.get_running_loop()
        aging: set[Inner] = set()

        def forget(inner: Inner) -> None:
            aging.discard(inner)
            self._tasks.create_task(conntrack.forget_source(self.host, "udp", *inner), name="age")

        async with conntrack.births(self.host) as births:
            ready.set()
            async for flow in births:
                source, port = flow.original.source, flow.original.source_port
                if port and (source, port) not in aging:
                    aging.add((source, port))
                    loop.call_later(age, forget, (source, port))


def tell(line: dict[str, Any]) -> None:
    """One line to whoever started us."""
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


async def main() -> None:
    """Read the declaration, keep the router until stdin ends."""
    loop = asyncio.get_running_loop()
    requests = asyncio.StreamReader(limit=1 << 20)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(requests), sys.stdin)
    given = json.loads(await requests.readline())
    network = Network.model_validate(given["network"])
    routing = topology.plan(network).routings[given["router"]]
    await Keeper(Host.here(), routing, [event for event in network.events if event.on == routing.name]).serve(requests)


def run() -> None:
    """The program. What ends it is told, too; the traceback goes to stderr."""
    try:
        asyncio.run(main())
    except Exception as problem:
        first: BaseException = problem
        while isinstance(first, BaseExceptionGroup):  # what its tasks met
            first = first.exceptions[0]
        tell({"failed": f"{type(first).__name__}: {first}"})
        raise


if __name__ == "__main__":
    run()
