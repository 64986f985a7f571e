"""The asyncio shell of one ICE agent: its sockets, its clock, its resolver and its view of the network.

It decides nothing. After each thing that happened it does what the agent wants (`poll`) and waits for its deadline.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable, Coroutine, Sequence
from math import inf
from typing import Any

from landfast import clock
from landfast.model.facts import Endpoint
from landfast.session import policy, surroundings
from landfast.session.alarms import Alarm
from landfast.session.ice.agent import Agent
from landfast.session.ice.candidate import Candidate
from landfast.session.ice.credentials import Credentials
from landfast.session.ice.events import Close, Event, GatheringDone, Open, Path, Received, Resolve, Socket, Transmit
from landfast.session.ice.ground import Server
from landfast.session.ice.machine import State
from landfast.session.policy import Policy
from landfast.session.sockets import Owner, Sockets
from landfast.session.surroundings import Watch

RESOLVING = 5.0
"""Seconds for a name: what a resolver of the C library waits for one server (resolv.conf(5), `timeout`)."""
INBOX = 4096
"""Datagrams that wait for whoever reads: a second of a call at 40 Mbit/s. What comes then is dropped."""

Tell = Callable[[Event], None]


class Transport:
    """Data in `send`, data out of `recv`; `tell` hears all other events of the agent, in their order.

    Needs a running event loop from `gather` on. `close` may be called at any time, waits for nothing and is idempotent.
    """

    def __init__(
        self,
        agent: Agent,
        *,
        policy: Policy = "default-route",
        tls: ssl.SSLContext | None = None,
        tell: Tell = lambda _: None,
    ) -> None:
        self.agent = agent
        self.tell = tell
        self._policy, self._context = policy, tls
        self._watch: Watch | None = None
        self._looking = asyncio.Lock()
        self._sockets = Sockets(Owner(self._opened, self._arrived, self._lost, self._turn), self._tls)
        self._inbox: list[bytes] = []
        self._reader: asyncio.Future[None] | None = None
        self._gathered: tuple[str, ...] = ()  # fragments
        self._gathering: dict[str, asyncio.Event] = {}
        self._alarm = Alarm(self._due)
        self._resolving: set[asyncio.Task[None]] = set()
        self._turning = self._stopped = False

    # What its user does.

    async def gather(self) -> None:
        """Find candidates for the newest generation; returns when they are complete, or have had their time."""
        await self._look()
        if self._stopped:
            return
        ufrag = self.agent.local.ufrag
        self.agent.gather(clock.monotonic())
        self._turn()
        if not (ufrag in self._gathered or self._stopped):
            await self._gathering.setdefault(ufrag, asyncio.Event()).wait()

    async def _look(self) -> None:
        """Know this host's addresses, from now on."""
        async with self._looking:
            if self._watch is None:
                watch = surroundings.watch()
                await watch.join(self._network_changed)
                self._watch = watch
                if self._stopped:
                    watch.leave(self._network_changed)
                else:
                    self._network_changed()

    def set_servers(self, servers: Sequence[Server]) -> None:
        """The servers that the next gathering asks."""
        self.agent.set_servers(servers, clock.monotonic())
        self._turn()

    def set_remote(self, credentials: Credentials, *, lite: bool = False) -> None:
        """The peer's credentials: checks begin, or begin anew."""
        self.agent.set_remote(credentials, clock.monotonic(), lite=lite)
        self._turn()

    def add_remote_candidate(self, candidate: Candidate | None) -> None:
        """One of the peer's candidates; None when there are no more."""
        self.agent.add_remote_candidate(candidate, clock.monotonic())
        self._turn()

    def restart(self, *, controlling: bool) -> None:
        """New credentials; the old pair carries data until the new ones have led to one."""
        self.agent.restart(clock.monotonic(), controlling=controlling)
        self._turn()

    def abort_restart(self) -> None:
        """Stay on the old pair."""
        self.agent.abort_restart(clock.monotonic())
        self._turn()

    def send(self, data: bytes) -> bool:
        """Send, or drop: without consent nothing may leave. Raises ConnectionError when closed."""
        if self._stopped:
            raise ConnectionError("the transport is closed")
        sent = self.agent.send(data, clock.monotonic())
        self._turn()
        return sent

    async def recv(self) -> bytes:
        """The next datagram; for one reader. Raises ConnectionError when closed, and for no other reason."""
        while not self._inbox:
            if self._stopped:
                raise ConnectionError("the transport is closed")
            self._reader = asyncio.get_running_loop().create_future()
            await self._reader
        return self._inbox.pop(0)

    def close(self) -> None:
        """Give everything back, and forget it: nothing is waited for."""
        if self._stopped:
            return
        self.agent.close(clock.monotonic())
        self._turn()
        self._stopped = True
        if self._watch:
            self._watch.leave(self._network_changed)
        for task in self._resolving:
            task.cancel()
        self._alarm.end()
        self._sockets.close_all()
        for gathering in self._gathering.values():
            gathering.set()
        self._wake()

    # What happens.

    def _opened(self, number: Socket, local: Endpoint) -> None:
        self.agent.opened(number, local, clock.monotonic())
        self._turn()

    def _lost(self, number: Socket, why: str) -> None:
        self.agent.closed(number, why, clock.monotonic())
        self._turn()

    def _arrived(self, data: bytes, path: Path) -> None:
        self.agent.receive(data, path, clock.monotonic())

    def _network_changed(self) -> None:
        assert self._watch
        found = policy.addresses(self._policy, self._watch.look())
        self.agent.set_addresses(found, clock.monotonic())
        self._turn()

    def _due(self) -> None:
        self.agent.handle_timer(clock.monotonic())
        self._turn()

    # What the agent wants.

    def _turn(self) -> None:
        """Take everything that the agent has to say. What happens on the way is said in the same turn."""
        if self._turning or self._stopped:
            return
        self._turning = True
        try:
            while (item := self.agent.poll()) is not None:
                if isinstance(item, Transmit):
                    self._sockets.transmit(item.socket, item.data, item.remote)
                elif isinstance(item, Received):
                    self._take(item.data)
                elif isinstance(item, Open):
                    self._sockets.open(item)
                elif isinstance(item, Close):
                    self._sockets.close(item.socket)
                elif isinstance(item, Resolve):
                    self._start(self._resolve(item.name))
                else:
                    self._told(item)
        finally:
            self._turning = False
        deadline = self.agent.deadline
        self._alarm.set(inf if deadline is None else deadline)

    def _take(self, data: bytes) -> None:
        if len(self._inbox) < INBOX:
            self._inbox.append(data)
        self._wake()

    def _wake(self) -> None:
        if self._reader and not self._reader.done():
            self._reader.set_result(None)

    def _told(self, event: Event) -> None:
        if isinstance(event, GatheringDone):
            self._gathered += (event.ufrag,)
            if gathering := self._gathering.pop(event.ufrag, None):
                gathering.set()
        try:
            self.tell(event)
        except Exception as problem:  # noqa: BLE001 - an application's listener must not stop the transport
            said = {"message": f"a listener of {type(event).__name__} raised", "exception": problem}
            asyncio.get_running_loop().call_exception_handler(said)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._resolving.add(task)
        task.add_done_callback(self._resolving.discard)

    async def _resolve(self, name: str) -> None:
        found: list[str] = []
        try:
            async with asyncio.timeout(RESOLVING):
                told = await asyncio.get_running_loop().getaddrinfo(name, None, type=socket.SOCK_DGRAM)
                found = [str(address[0]) for *_, address in told]
        except (OSError, UnicodeError):  # TimeoutError is an OSError; UnicodeError is of a name that IDNA cannot write
            pass
        self.agent.resolved(name, found, clock.monotonic())
        self._turn()

    def _tls(self) -> ssl.SSLContext:
        self._context = self._context or ssl.create_default_context()
        return self._context

    @property
    def closed(self) -> bool:
        """Whether it was."""
        return self._stopped

    @property
    def may_send(self) -> bool:
        """Whether the peer consents and is heard: what is sent in any other state is lost, or dropped here."""
        return self.agent.state in (State.CONNECTED, State.COMPLETED) and self.agent.may_send(clock.monotonic())
