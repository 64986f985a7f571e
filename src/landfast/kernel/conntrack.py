"""The door to connection tracking: the program `conntrack`."""

from __future__ import annotations

import asyncio
import re
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from ipaddress import ip_address

from landfast.errors import ProgramFailed, WorldError
from landfast.kernel import netadmin
from landfast.kernel.host import Host
from landfast.model.address import Address
from landfast.model.flow import Flow
from landfast.model.routing import Family
from landfast.wire.netfilter import conntrack_deletion, conntrack_flow, conntrack_listing

# To a port that discards (RFC 863), every 20 ms, until conntrack, which starts in 5, has heard of one.
_CRY, _AGAIN = ("127.0.0.1", 9), 0.02
_DELETED = re.compile(r"(\d+) flow entries have been deleted")
_EXPIRED = "such conntrack doesn't exist"  # it lists flows, then deletes each; one of them expired in between


async def flush(host: Host) -> None:
    """Forget every flow. Raises ProgramFailed."""
    await netadmin.run(host, ["conntrack", "-F"])


async def flows(host: Host, family: Family = 4) -> tuple[Flow, ...]:
    """Every flow of a family. Raises ProgramFailed."""
    said = await netadmin.run(host, conntrack_listing(family))
    return tuple(flow for line in said.stdout.splitlines() if (flow := conntrack_flow(line)))


async def delete(
    host: Host, source: Address, destination: Address | None = None, *, only_untranslated: bool = False
) -> int:
    """Forget flows, see `conntrack_deletion`; how many there were. Raises ProgramFailed."""
    argv = conntrack_deletion(source, destination, only_untranslated=only_untranslated)
    completed = await netadmin.attempt(host, argv)
    counted = _DELETED.search(completed.stderr)
    if counted is None:  # it ends with 1 when there was none, which is no failure
        raise ProgramFailed(completed.argv, completed.code, completed.stderr)
    return int(counted[1])


async def forget_source(host: Host, protocol: str, source: Address, port: int) -> None:
    """Forget a protocol's flows from this address and port. Raises ProgramFailed."""
    argv = [*conntrack_deletion(source), "-p", protocol, "--orig-port-src", str(port)]
    while True:
        completed = await netadmin.attempt(host, argv)
        if _DELETED.search(completed.stderr):
            return
        if _EXPIRED not in completed.stderr:
            raise ProgramFailed(completed.argv, completed.code, completed.stderr)


@asynccontextmanager
async def births(host: Host) -> AsyncIterator[AsyncIterator[Flow]]:
    """New flows of UDP, from now on. The host must track flows: a rule on their state is loaded. Raises WorldError."""
    program = await host.start(["conntrack", "-E", "-e", "NEW", "-p", "udp"])

    async def line() -> str:
        assert program.stdout
        assert program.stderr
        if said := await program.stdout.readline():
            return said.decode()
        raise WorldError(f"conntrack ended: {(await program.stderr.read()).decode().strip()}")

    async def flows() -> AsyncIterator[Flow]:
        while True:
            flow = conntrack_flow((await line()).partition("]")[2])
            if flow and not flow.original.source.is_loopback:
                yield flow

    try:
        # It does not say when it listens: there are new flows until it tells of one.
        heard = asyncio.ensure_future(line())
        while not heard.done():
            with closing(await host.udp(_CRY[0])) as crying:
                crying.sendto(b"", _CRY)
                await asyncio.wait({heard}, timeout=_AGAIN)
        await heard
        await delete(host, ip_address(_CRY[0]))
        yield flows()
    finally:
        program.send_signal(signal.SIGTERM)
        await program.wait()
