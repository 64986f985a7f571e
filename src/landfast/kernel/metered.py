"""A Host that counts what is sent and received by the sockets that it opens: what asking costs is part of the answer.

Counted is the payload of UDP and TCP over IPv4 and IPv6. What programs send that are started there is not seen. A
*flow* is one socket's conversation with one address and port: what a NAT may have to keep a mapping or session for.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from landfast.kernel.host import Host, Program, R, Socket

_INTERNET = {socket.AF_INET, socket.AF_INET6}


@dataclass
class Meter:
    """Numbers since it was made."""

    packets_sent: int = 0
    """For TCP, times that something was written."""
    bytes_sent: int = 0
    packets_received: int = 0
    bytes_received: int = 0
    flows: set[tuple[int, object]] = field(default_factory=set)

    def sent(self, opened: Metered, size: int, address: Any) -> int:
        """A socket sent so many bytes."""
        self.packets_sent += 1
        self.bytes_sent += size
        if opened.type == socket.SOCK_DGRAM:
            self.flows.add((opened.number, address[:2] if address else None))
        return size

    def received(self, size: int) -> None:
        """So many bytes came."""
        self.packets_received += 1
        self.bytes_received += size


class Metered(Socket):
    """A socket that tells its meter."""

    meter: Meter
    number: int

    @classmethod
    def of(cls, opened: Socket, meter: Meter, number: int) -> Metered:
        """The same socket, metered; `opened` gives its descriptor away."""
        blocking = opened.getblocking()
        metered = cls(fileno=opened.detach())
        metered.setblocking(blocking)
        metered.meter, metered.number = meter, number
        return metered

    def send(self, data: Any, flags: int = 0, /) -> int:
        return self.meter.sent(self, super().send(data, flags), None)

    def sendto(self, data: Any, *where: Any) -> int:
        return self.meter.sent(self, super().sendto(data, *where), where[-1])

    def sendmsg(self, buffers: Any, ancdata: Any = (), flags: int = 0, address: Any = None, /) -> int:
        return self.meter.sent(self, super().sendmsg(buffers, ancdata, flags, address), address)

    def recv(self, size: int, flags: int = 0, /) -> bytes:
        data = super().recv(size, flags)
        self.meter.received(len(data))
        return data

    def recvfrom(self, size: int, flags: int = 0, /) -> tuple[bytes, Any]:
        data, address = super().recvfrom(size, flags)
        self.meter.received(len(data))
        return data, address

    def recv_into(self, buffer: Any, size: int = 0, flags: int = 0, /) -> int:
        count = super().recv_into(buffer, size, flags)
        self.meter.received(count)
        return count


class MeteredHost(Host):
    """A Host whose sockets tell `meter`; else it is the one that it was made from."""

    def __init__(self, host: Host, meter: Meter) -> None:
        self.name, self.root, self.meter = host.name, host.root, meter
        self._host, self._opened = host, 0

    async def call(self, function: Callable[..., R], *arguments: object) -> R:
        return await self._host.call(function, *arguments)

    async def socket(self, family: int, kind: int, protocol: int = 0) -> Socket:
        opened = await self._host.socket(family, kind, protocol)
        if family not in _INTERNET:
            return opened
        self._opened += 1
        return Metered.of(opened, self.meter, self._opened)

    async def start(
        self,
        argv: Sequence[str],
        *,
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
        stdin: int | None = None,
        stdout: int | None = None,
        stderr: int | None = None,
        as_user: bool = False,
    ) -> Program:
        return await self._host.start(
            argv,
            environment=environment,
            folder=folder,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            as_user=as_user,
        )
