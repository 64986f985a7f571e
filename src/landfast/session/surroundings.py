"""What this host has to speak from, watched once for all the sessions of an event loop."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from ipaddress import ip_address
from weakref import WeakKeyDictionary

from landfast.errors import CapabilityMissing
from landfast.kernel.host import Host
from landfast.kernel.netevents import FakeNetEvents, NetEvents, Source
from landfast.kernel.routes import ELSEWHERE
from landfast.model.address import Address, InterfaceAddress
from landfast.model.routing import Surroundings, Way

Changed = Callable[[], None]


class Watch:
    """Open while somebody looks. `blind` is why changes are not told, where they cannot be."""

    def __init__(self) -> None:
        self.blind: CapabilityMissing | None = None
        self._source: Source | None = None
        self._seen: Surroundings | None = None  # until it changes: a look is half a millisecond, and sessions are many
        self._listeners: list[Changed] = []
        self._opening = asyncio.Lock()

    async def join(self, changed: Changed) -> None:
        """From now on `changed` is called when `look` has another answer."""
        async with self._opening:
            if self._source is None:
                self._source, self._seen = await self._open(), None
            self._listeners.append(changed)

    def leave(self, changed: Changed) -> None:
        """No more. Who never joined may leave."""
        with suppress(ValueError):
            self._listeners.remove(changed)
        if not self._listeners and self._source:
            self._source.close()
            self._source = self._seen = None

    def look(self) -> Surroundings:
        """As it is now."""
        if self._seen is None:
            self._seen = self._source.look() if self._source else Surroundings()
        return self._seen

    async def _open(self) -> Source:
        try:
            return await NetEvents.open(Host.here(), self._tell)
        except CapabilityMissing as problem:
            self.blind = problem
            return FakeNetEvents(by_asking())

    def _tell(self) -> None:
        self._seen = None
        for changed in list(self._listeners):
            changed()


_WATCHES: WeakKeyDictionary[asyncio.AbstractEventLoop, Watch] = WeakKeyDictionary()


def watch() -> Watch:
    """The one of the running event loop."""
    return _WATCHES.setdefault(asyncio.get_running_loop(), Watch())


def by_asking() -> Surroundings:
    """What can be seen without rtnetlink: the sources of packets to anywhere, whose interfaces have no name then."""
    found = dict(_sources())
    held = tuple(InterfaceAddress("", address, address.max_prefixlen) for address in found.values())
    return Surroundings(held, tuple((version, Way("", address)) for version, address in found.items()))


def _sources() -> Iterator[tuple[int, Address]]:
    for version, there in ELSEWHERE.items():
        family = socket.AF_INET if version == 4 else socket.AF_INET6
        with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as asking:
            asking.connect((str(there), 9))  # nothing is sent
            yield version, ip_address(asking.getsockname()[0])
