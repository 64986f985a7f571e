"""Whom there is to ask: from words on the command line to addresses. A reflector tells itself what it has.

    stun:HOST[:PORT]          a STUN server (RFC 7064)
    reflector:HOST[:PORT]     a landfast reflector, by its control port

Names are looked up by the system's own resolver, in a program of its own: a resolver that hangs can be left.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import Literal

from landfast import clock
from landfast.errors import CapabilityMissing, RequestError
from landfast.kernel.host import Host
from landfast.model.facts import Endpoint
from landfast.model.iceservers import StunServer, TurnServer
from landfast.probes.plan import OpenQuestion, Servers
from landfast.probes.questions import Reflector
from landfast.wire.reflector import CONTROL_PORT, described

PATIENCE = 2.0
"""Seconds for a name, and for a reflector's own words, when somebody is in a hurry: doctor must say within 3 s that
nobody answers."""

MORE_PATIENCE = 6.0
"""Seconds otherwise: a resolver repeats after 5 (resolv.conf(5)), and TCP a lost SYN or request after 1 and 3 (RFC
6298), on a way that may take 0.6."""

STUN_PORT = 3478  # RFC 8489, section 8.1
_DATE = re.compile(rb"^date:([^\r\n]*)", re.IGNORECASE | re.MULTILINE)
_LONGEST = 1 << 16  # bytes; a reflector's description has some hundred
_WORD = re.compile(r"(?P<kind>stun|reflector):(?:\[(?P<six>[^\]]+)\]|(?P<host>[^:\[\]\s]+))(?::(?P<port>\d{1,5}))?")


@dataclass(frozen=True)
class Named:
    """A server as somebody named it."""

    kind: Literal["stun", "reflector"]
    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.kind}:{host}:{self.port}"


def named(word: str) -> Named:
    """Read `stun:HOST[:PORT]` or `reflector:HOST[:PORT]`. Raises RequestError."""
    found = _WORD.fullmatch(word)
    port = int(found["port"] or 0) if found else 0
    if not found or port >= 1 << 16 or found["port"] == "0":
        raise RequestError(f"--server {word}: write stun:HOST[:PORT] or reflector:HOST[:PORT]")
    if found["kind"] == "stun":
        return Named("stun", found["six"] or found["host"], port or STUN_PORT)
    return Named("reflector", found["six"] or found["host"], port or CONTROL_PORT)


def of_application(stun: Iterable[StunServer]) -> tuple[Named, ...]:
    """The STUN servers of an application's configuration."""
    return tuple(Named("stun", server.host, server.port) for server in stun)


async def find(
    host: Host,
    names: Iterable[Named],
    relays: Iterable[TurnServer] = (),
    authority: str = "",
    patience: float = PATIENCE,
) -> tuple[Servers, tuple[OpenQuestion, ...]]:
    """Look all of them up at once; what could not be found is told as a question left open."""
    names = tuple(names)
    found = await asyncio.gather(*(_find(host, each, patience) for each in names))
    servers, problems = Servers(relays=tuple(relays), authority=authority), []
    for name, what in zip(names, found, strict=True):
        match what:
            case Reflector():
                servers = replace(servers, reflectors=(*servers.reflectors, what))
            case str():
                problems.append(OpenQuestion("server", f"what {name} would tell", what))
            case endpoint:
                servers = replace(servers, stun=(*servers.stun, endpoint))
    return servers, tuple(problems)


async def _find(host: Host, name: Named, patience: float) -> Endpoint | Reflector | str:
    """An address, a reflector, or why there is none."""
    try:
        async with asyncio.timeout(patience):
            address = await resolve(host, name.host)
            if not address:
                return "the name has no address here"
            if name.kind == "stun":
                return address, name.port
            return await _described(host, (address, name.port))
    except TimeoutError:
        return f"nothing was heard within {patience:g} s"
    except (OSError, ValueError, CapabilityMissing) as problem:
        return str(problem)


async def resolve(host: Host, name: str) -> str:
    """The first address of a name, IPv4 before IPv6, since what is asked of one server is asked over IPv4 where that
    is possible; empty where it has none."""
    try:
        return str(ip_address(name))
    except ValueError:
        said = await host.run(["getent", "ahosts", "--", name])
    addresses = [line.split()[0] for line in said.stdout.splitlines() if line.split()]
    return next((each for each in addresses if ":" not in each), next(iter(addresses), ""))


async def _described(host: Host, control: Endpoint) -> Reflector:
    head, body = await _get(host, control, "/v1")
    said = described(body)
    return Reflector(control, said.stun, said.stun6, ahead(head, clock.wall()))


def ahead(head: bytes, now: datetime) -> float | None:
    """By how many seconds a server's clock is ahead of `now`: Date, in whole seconds and in the one form that must be
    sent (RFC 9110, sections 6.6.1 and 5.6.7). None where there is none."""
    found = _DATE.search(head)
    if not found:
        return None
    try:
        said = datetime.strptime(found[1].decode("ascii").strip(), "%a, %d %b %Y %H:%M:%S GMT").replace(tzinfo=UTC)
    except ValueError:
        return None
    return (said - now).total_seconds()


async def _get(host: Host, control: Endpoint, path: str) -> tuple[bytes, bytes]:
    """The head and the body of an answer over HTTP/1.1 (RFC 9112) to a request that closes the connection.

    Raises OSError, ValueError.
    """
    reader, writer = await host.connect(control)
    try:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: landfast\r\nConnection: close\r\n\r\n".encode())
        answer = b""
        while len(answer) <= _LONGEST and (more := await reader.read(_LONGEST)):
            answer += more
    finally:
        writer.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    if len(answer) > _LONGEST or not head.startswith((b"HTTP/1.1 200 ", b"HTTP/1.0 200 ")):
        raise ValueError(f"no reflector: it answered {head[:40]!r}")
    return head, body
