"""An agent on a host of the simulated network: what its owner does in a program, done on the world's clock.

What leaves and what arrives is told to `watch`, and so is what the agent says; nothing is kept here.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from math import inf
from random import Random

from landfast.lab.sim.hosts import Socket as Datagrams
from landfast.lab.sim.streams import Stream
from landfast.lab.sim.world import Timer, World
from landfast.model.facts import Endpoint
from landfast.session.ice.agent import Agent
from landfast.session.ice.events import Close, Event, Open, Path, Resolve, Socket, Transmit, Transport
from landfast.session.ice.ground import Address, Server
from landfast.session.ice.settings import Settings

CONNECTING = 10.0
"""Seconds for a stream to the relay, as in `session/sockets.py`."""
BACKLOG = 64 * 1024
"""Bytes that a stream may hold, as there."""
_NETLINK = 0.015  # seconds from a change to its news (shared knowledge, roaming.md 1)
_TURNS = 500  # calls of the timer in a row without time passing: an agent that would spin


class Watch:
    """Hears what one player does, and does nothing about it."""

    def sent(self, local: Endpoint, remote: Endpoint, data: bytes) -> None:
        """A datagram, or a message of a stream, leaves by a socket."""

    def heard(self, local: Endpoint, remote: Endpoint, data: bytes) -> None:
        """A datagram arrived."""

    def streamed(self, data: bytes) -> None:
        """Bytes of a stream arrived."""

    def opened(self) -> None:
        """The agent wants one more socket."""

    def told(self, event: Event) -> None:
        """The agent said something."""


class Spinning(Exception):
    """An agent's deadline does not move on."""


class Player:
    """One side."""

    def __init__(
        self,
        world: World,
        name: str,
        watch: Watch,
        *,
        controlling: bool,
        servers: Sequence[Server],
        settings: Settings,
        all_addresses: bool,
        seed: int,
    ) -> None:
        self.world, self.name, self.host = world, name, world.host(name)
        draw = Random(seed).randbytes  # noqa: S311 -- a game that can be repeated, no secret
        self.agent = Agent(settings, controlling=controlling, servers=servers, draw=draw)
        self.sockets: dict[Socket, Datagrams | Connection] = {}
        self._watch, self._all = watch, all_addresses
        self._timer: Timer | None = None
        self._at = inf
        self._turns = 0
        self._taking = False
        self.host.on_change.append(lambda: world.push(world.now + _NETLINK, self._changed, None, None))

    # The owner's verbs.

    def addresses(self) -> list[Address]:
        """Those that the policy allows."""
        found = self.host.addresses() if self._all else self.host.default_addresses()
        return [Address(each) for each in found if not each.startswith("fe80:")]

    def begin(self) -> None:
        """Gather."""
        now = self.world.now
        self.agent.set_addresses(self.addresses(), now)
        self.agent.gather(now)
        self.take()

    def send(self, data: bytes) -> bool:
        """Data of the application."""
        sent = self.agent.send(data, self.world.now)
        self.take()
        return sent

    def close(self) -> None:
        """The end."""
        self.agent.close(self.world.now)
        self.take()

    def take(self) -> None:
        """Do all that the agent wants, tell what it says, and wake it when it wants."""
        if self._taking:
            return  # whoever began goes on until nothing is left
        self._taking = True
        try:
            while (item := self.agent.poll()) is not None:
                match item:
                    case Transmit():
                        self._transmit(item)
                    case Open():
                        self._open(item)
                    case Close(socket):
                        self._close(socket)
                    case Resolve(name):
                        self.agent.resolved(name, [], self.world.now)
                    case _:
                        self._watch.told(item)
        finally:
            self._taking = False
        self._arm()

    # Sockets.

    def _open(self, wish: Open) -> None:
        self._watch.opened()
        if wish.transport is not Transport.UDP:
            self.sockets[wish.socket] = Connection(self, wish)
            return
        address = wish.local
        if address is None and wish.remote:  # connect(2) chooses the source
            hop = self.host.stack.hop(wish.remote[0])
            address = hop.source if hop else None
        try:
            if not address:
                raise OSError("no route")
            opened = self.host.udp(partial(self._arrived, wish.socket), address)
        except OSError as problem:
            self.agent.closed(wish.socket, str(problem), self.world.now)
            return
        opened.broken = partial(self._broken, wish.socket)
        self.sockets[wish.socket] = opened
        self.agent.opened(wish.socket, opened.local, self.world.now)

    def _close(self, socket: Socket) -> None:
        if opened := self.sockets.pop(socket, None):
            opened.close()

    def _transmit(self, item: Transmit) -> None:
        opened = self.sockets.get(item.socket)
        if opened is None:
            return
        self._watch.sent(opened.local, item.remote, item.data)
        if isinstance(opened, Connection):
            opened.send(item.data)
        else:
            opened.send(item.data, item.remote)

    def _arrived(self, socket: Socket, data: bytes, source: Endpoint) -> None:
        if isinstance(opened := self.sockets[socket], Datagrams):
            self._watch.heard(opened.local, source, data)
        self._received(socket, data, source)

    def streamed(self, socket: Socket, data: bytes, source: Endpoint) -> None:
        """Bytes came by a stream."""
        self._watch.streamed(data)
        self._received(socket, data, source)

    def _received(self, socket: Socket, data: bytes, source: Endpoint) -> None:
        self.agent.receive(data, Path(socket, source), self.world.now)
        self.take()

    def _broken(self, socket: Socket) -> None:
        self.lost(socket, "its address is gone")

    def lost(self, socket: Socket, why: str) -> None:
        """A socket is of no use any more."""
        if socket in self.sockets:
            self.agent.closed(socket, why, self.world.now)
            self.take()

    def opened(self, socket: Socket, local: Endpoint) -> None:
        """A connection is there."""
        self.agent.opened(socket, local, self.world.now)
        self.take()

    # Time, and the network.

    def _changed(self, _: None, __: None) -> None:
        self.agent.set_addresses(self.addresses(), self.world.now)
        self.take()

    def _arm(self) -> None:
        deadline = self.agent.deadline
        if deadline is None or deadline >= self._at:
            return  # a timer that is early asks again
        if self._timer:
            self._timer.cancel()
        self._at = max(deadline, self.world.now)
        self._timer = self.world.call_at(self._at, self._ring)

    def _ring(self) -> None:
        before, self._at = self._at, inf
        deadline = self.agent.deadline
        if deadline is not None and deadline <= self.world.now:
            self.agent.handle_timer(self.world.now)
        self.take()
        self._turns = self._turns + 1 if self._at <= before else 0
        if self._turns > _TURNS:
            raise Spinning(f"{self.name}: the deadline stays at {self._at:.6f}")


class Connection:
    """A stream to a relay."""

    def __init__(self, player: Player, wish: Open) -> None:
        assert wish.remote
        self._player, self._wish = player, wish
        self._remote = wish.remote
        self._open = self._over = False
        self._stream: Stream = player.host.stream(
            wish.remote,
            opened=self._opened,
            received=self._received,
            closed=partial(self._end, "closed"),
            tls=wish.transport is Transport.TLS,
            address=wish.local,
        )
        world = player.world
        world.push(world.now + CONNECTING, self._late, None, None)

    @property
    def local(self) -> Endpoint:
        """Where it begins."""
        return self._stream.local

    def send(self, data: bytes) -> None:
        """The next bytes, or nothing when too many wait."""
        if self._open and self._stream.waiting + len(data) <= BACKLOG:
            self._stream.send(data)

    def close(self) -> None:
        """At once."""
        self._over = True
        self._stream.close()

    def _opened(self) -> None:
        if not self._over:
            self._open = True
            self._player.opened(self._wish.socket, self._stream.local)

    def _received(self, data: bytes) -> None:
        if not self._over:
            self._player.streamed(self._wish.socket, data, self._remote)

    def _late(self, _: None, __: None) -> None:
        if not self._open:
            self._end("no connection")

    def _end(self, why: str) -> None:
        if not self._over:
            self._over = True
            self._stream.close()
            self._player.lost(self._wish.socket, why)
