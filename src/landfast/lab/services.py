"""The servers inside a laboratory, started ready: coturn (STUN on two addresses, TURN) and signalling.

All are on `server`; guests learn of them from their environment, in the words that WebRTC applications already use.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from landfast.errors import WorldError
from landfast.kernel.host import Host
from landfast.lab.topology import SERVER_ADDRESSES, SERVER_ADDRESSES6
from landfast.servers import certificate, coturn, signalling
from landfast.servers.running import Running

SIGNALLING_PORT = 8080
# Not secrets: nobody outside the laboratory can reach it.
USERNAME, PASSWORD = "landfast", "laboratory"


@dataclass(frozen=True)
class Services:
    """Where the servers are."""

    stun: tuple[str, int]
    stun_other: tuple[str, int]
    """The second address and port of RFC 5780."""
    turn_urls: tuple[str, ...]
    turn_username: str
    turn_password: str
    signalling: str
    """A WebSocket URL; a room's name follows it."""
    authority: str
    """Path, on the laboratory's hosts, of the certificate authority that the TLS server's certificate is from."""

    @property
    def environment(self) -> dict[str, str]:
        """What guests are told."""
        return {
            "LANDFAST_STUN": "stun:{}:{}".format(*self.stun),
            "LANDFAST_TURN": ",".join(self.turn_urls),
            "LANDFAST_TURN_USERNAME": self.turn_username,
            "LANDFAST_TURN_PASSWORD": self.turn_password,
            "LANDFAST_SIGNALLING": self.signalling,
            "LANDFAST_AUTHORITY": self.authority,
        }


@dataclass(frozen=True)
class Serving:
    """The servers that run, and where."""

    services: Services
    servers: Mapping[str, Running]

    @property
    def problem(self) -> WorldError | None:
        """The first of them that has ended by itself."""
        for name, server in self.servers.items():
            if server.program.code is not None:
                return WorldError(f"{name} ended with {server.program.code}: {server.log.end()}")
        return None


async def start(host: Host) -> Serving:
    """Start them on a host, with which they end. Raises CapabilityMissing without coturn, NotReady."""
    addresses = [str(address) for address in (*SERVER_ADDRESSES, *SERVER_ADDRESSES6)]
    issued = await asyncio.to_thread(certificate.issue, "server", *addresses)
    settings = coturn.Settings(addresses=tuple(addresses), users={USERNAME: PASSWORD})
    first, second = addresses[:2]
    turn, meeting = await asyncio.gather(
        coturn.start(host, settings, issued), signalling.start(host, first, SIGNALLING_PORT)
    )
    authority = host.root.parent / "authority.pem"
    authority.write_text(issued.authority)
    services = Services(
        stun=(first, settings.port),
        stun_other=(second, settings.port + 1),
        turn_urls=tuple(settings.urls),
        turn_username=USERNAME,
        turn_password=PASSWORD,
        signalling=f"ws://{first}:{SIGNALLING_PORT}",
        authority=f"/dev/shm/{authority.name}",  # noqa: S108 -- the sandbox's own tmpfs, the same for all its hosts
    )
    return Serving(services, {"coturn": turn, "signalling": meeting})
