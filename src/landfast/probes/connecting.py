"""From a server's name to a line that carries bytes: UDP, TCP, or TLS with its certificate judged, on a Host.

Each step says by itself what went wrong, in a word where there is one: `Problem.word`.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import ssl
from pathlib import Path
from typing import Protocol

from landfast import clock
from landfast.errors import BadFile
from landfast.kernel.host import Host, family_of
from landfast.model.facts import Endpoint
from landfast.probes.questions import SENDS

PATIENCE = 8.0
"""Seconds for one exchange over TCP. Linux repeats a segment 0.2 s after it is overdue, then after twice as long each
time: it is sent five times within this, as SENDS says, on a network with a round trip of up to 0.25 s."""

_APART = (
    0.5  # seconds between connections: a lost first packet is repeated by Linux only after 1 s (RFC 6298, section 2)
)
_LAST_WAIT = 1.5  # seconds for the last of them
_LONGEST = 1 << 16  # bytes that are read at once: a datagram's most

# What OpenSSL finds wrong with a certificate (<openssl/x509_vfy.h>), in RelayTried's words.
_CERTIFICATE = {
    9: "not-yet-valid",
    10: "expired",
    2: "untrusted",  # no issuer
    18: "untrusted",  # signed by itself
    19: "untrusted",  # its root is not known here
    20: "untrusted",  # no issuer here
    21: "untrusted",  # no chain
    62: "wrong-name",
    64: "wrong-name",  # an address
}
_SYSTEM = {errno.ECONNREFUSED: "refused", errno.ECONNRESET: "closed", errno.EPIPE: "closed", errno.ETIMEDOUT: "timeout"}
_NO_CHECK_TIME = 0x200000  # X509_V_FLAG_NO_CHECK_TIME of <openssl/x509_vfy.h>


class Problem(Exception):
    """A step that did not come about: `timeout`, `refused`, `closed`, a word about a certificate, else the system's."""

    def __init__(self, word: str) -> None:
        super().__init__(word)
        self.word = word


class Line(Protocol):
    """A way to one server."""

    def send(self, data: bytes) -> None:
        """Send; what the network does to it is not told here."""

    async def receive(self) -> bytes:
        """The next datagram, or more of the stream; empty when a stream is over. Raises OSError."""

    def close(self) -> None:
        """Close it, without waiting."""


class Datagrams:
    """A connected UDP socket."""

    def __init__(self, opened: socket.socket) -> None:
        self._socket = opened
        self._loop = asyncio.get_running_loop()

    def send(self, data: bytes) -> None:
        try:
            self._socket.send(data)
        except OSError:  # a full buffer, or what an ICMP message said of an earlier one: as good as lost on the way
            return

    async def receive(self) -> bytes:
        return await self._loop.sock_recv(self._socket, _LONGEST)

    def close(self) -> None:
        self._socket.close()


class Stream:
    """A TCP or TLS connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    def send(self, data: bytes) -> None:
        if not self._writer.is_closing():
            self._writer.write(data)

    async def receive(self) -> bytes:
        return await self._reader.read(_LONGEST)

    def close(self) -> None:
        """At once: a TLS server is not waited for to say goodbye."""
        self._writer.transport.abort()


async def trust(host: Host, authority: str) -> ssl.SSLContext:
    """Trust in the system's authorities, and in that of a file on the host. Raises BadFile."""
    context = ssl.create_default_context()
    if authority:
        try:
            context.load_verify_locations(cadata=await host.call(Path.read_text, Path(authority)))
        except (OSError, ValueError) as problem:  # ssl.SSLError is an OSError
            reason = os.strerror(problem.errno) if type(problem) is OSError and problem.errno else str(problem)
            raise BadFile(authority, None, reason, "a file of PEM certificates") from None
    return context


async def datagrams(host: Host, server: Endpoint) -> Datagrams:
    """A UDP socket towards a server; nothing is sent. Raises Problem where there is no way."""
    opened = await _open(host, server, socket.SOCK_DGRAM)
    try:
        opened.connect(server)
    except OSError as problem:
        opened.close()
        raise Problem(_word(problem)) from None
    return Datagrams(opened)


async def tcp(host: Host, server: Endpoint) -> socket.socket:
    """A TCP connection: the first that comes about of as many as SENDS says, each begun when the others are overdue.

    Raises Problem.
    """
    trying: set[asyncio.Task[socket.socket]] = set()
    try:
        for number in range(SENDS):
            trying.add(asyncio.create_task(_connected(host, server)))
            patience = _APART if number < SENDS - 1 else _LAST_WAIT
            done, _ = await asyncio.wait(trying, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
            if done:
                first = done.pop()
                trying.discard(first)
                return first.result()
        raise Problem("timeout")
    finally:
        for task in trying:
            task.cancel()
        for other in await asyncio.gather(*trying, return_exceptions=True):
            if isinstance(other, socket.socket):
                other.close()


async def _connected(host: Host, server: Endpoint) -> socket.socket:
    opened = await _open(host, server, socket.SOCK_STREAM)
    try:
        await asyncio.get_running_loop().sock_connect(opened, server)
    except OSError as problem:
        opened.close()
        raise Problem(_word(problem)) from None
    except BaseException:
        opened.close()
        raise
    return opened


async def stream(connected: socket.socket, context: ssl.SSLContext | None = None, name: str = "") -> Stream:
    """A stream over a connection, with TLS when there is a context: `name` must then be in the server's certificate.

    Raises Problem; the connection is closed then.
    """
    try:
        if context:
            opened = asyncio.open_connection(
                sock=connected, ssl=context, server_hostname=name, ssl_handshake_timeout=PATIENCE
            )
        else:
            opened = asyncio.open_connection(sock=connected)
        return Stream(*await opened)
    except ssl.SSLCertVerificationError as problem:
        raise Problem(_CERTIFICATE.get(problem.verify_code, problem.verify_message)) from None
    except ssl.SSLError as problem:
        raise Problem(problem.reason or str(problem)) from None
    except ConnectionAbortedError:  # asyncio's word for a handshake that takes too long
        raise Problem("timeout") from None
    except OSError as problem:
        raise Problem(_word(problem)) from None


async def valid_from(host: Host, server: Endpoint, context: ssl.SSLContext, name: str) -> float | None:
    """How many seconds from now a server's certificate begins to be valid, by this machine's clock; None where that
    cannot be seen, or it is not right in anything else."""
    context.verify_flags |= _NO_CHECK_TIME
    try:
        connection = await tcp(host, server)
        _, writer = await asyncio.open_connection(
            sock=connection, ssl=context, server_hostname=name, ssl_handshake_timeout=PATIENCE
        )
    except (Problem, OSError):
        return None
    certificate = writer.get_extra_info("peercert")
    writer.transport.abort()
    return ssl.cert_time_to_seconds(certificate["notBefore"]) - clock.wall().timestamp()


async def _open(host: Host, server: Endpoint, kind: int) -> socket.socket:
    try:
        return await host.socket(family_of(server[0]), kind)
    except OSError as problem:  # a kernel without this family
        raise Problem(_word(problem)) from None


def _word(problem: OSError) -> str:
    return _SYSTEM.get(problem.errno or 0, problem.strerror or "closed")
