"""The networks and the servers: a client behind `cgnat`, 40 ms from everybody, and TURN as a case wants it."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from bench.session.prober import Configuration
from landfast.kernel import conntrack
from landfast.kernel.host import Program
from landfast.lab import build, parse
from landfast.lab.lab import Lab
from landfast.lab.network import Budget, Network
from landfast.lab.topology import SERVER_ADDRESSES
from landfast.servers import certificate, coturn
from landfast.trials.truth.examine import cabled

CARRIER = "carrier"
"""The router of `cgnat` that translates to public addresses."""
ROUTER = "mifi"
"""The one before it, to which the robot is connected."""
ROUND_TRIP_MS = 40.0
USERNAME, PASSWORD = "landfast", "laboratory"  # not secrets: nobody outside the laboratory can reach the server

_STUN = f"stun:{SERVER_ADDRESSES[0]}:3478"
# The URLs of a path among coturn.Settings.urls, which are UDP, TCP, TLS and TLS on the web's port.
_RELAYS = {"relay-udp": slice(0, 1), "relay-mobility": slice(0, 1), "relay-tls": slice(2, 3)}
_URLS = {**_RELAYS, "direct+tls": _RELAYS["relay-tls"], "any": slice(None)}


@dataclass
class Place:
    """A laboratory that stands, with its TURN server."""

    lab: Lab
    client: Configuration
    peer: Configuration
    changed: int = 0
    """How often the carrier's addresses were."""
    lingering: list[Program] = field(default_factory=list)
    """Programs of a fault, which shall go on after it."""

    def next_addresses(self) -> int:
        """The step that comes next (`topology.Routing.in_use`)."""
        self.changed += 1
        return self.changed

    async def clear(self) -> None:
        """End what lingers, and forget its mappings: the next session shall find the network as this one did."""
        for program in self.lingering:
            program.send_signal(signal.SIGKILL)
            await program.wait()
        if self.lingering:
            await conntrack.flush(self.lab.host(CARRIER))
        self.lingering.clear()


def network(
    profile: str = "cgnat",
    *,
    round_trip_ms: float = ROUND_TRIP_MS,
    loss: float = 0.0,
    restricted: bool = False,
    budget: int | None = None,
    ipv6: bool = False,
) -> Network:
    """A profile with a cable of this round trip to the robot's router. `restricted`: the peer is behind a router that
    lets in only whom the peer has asked (RFC 4787, address and port-dependent filtering). `budget`: UDP sessions that
    the carrier allows the client. `ipv6`: everybody has it too, behind the same routers and untranslated."""
    found = cabled(parse.profile(profile), delay_ms=round_trip_ms / 2, loss=loss)
    if ipv6:
        found = found.but(routers={name: each.but(ipv6="on") for name, each in found.routers.items()})
    if budget:
        carrier = found.routers["carrier"]
        found = found.but(routers={**found.routers, "carrier": carrier.but(budget=Budget(limit=budget))})
    if not restricted:
        return found
    office = {"via": "internet", "lan": "192.168.50.0/24"}
    operator = {"interfaces": {"eth0": {"via": "office"}}}
    return Network.model_validate(
        {
            **found.model_dump(),
            "routers": {**found.model_dump()["routers"], "office": office},
            "hosts": {**found.model_dump()["hosts"], "operator": operator},
        }
    )


@asynccontextmanager
async def stand(network: Network, path: str) -> AsyncIterator[Place]:
    """Build it, with a server that moves allocations (RFC 8016) where the path is `relay-mobility`, and with a peer
    that has no IPv4 where it is `direct-ipv6`."""
    addresses = tuple(map(str, SERVER_ADDRESSES))
    options = ("mobility",) if path == "relay-mobility" else ()
    settings = coturn.Settings(addresses, {USERNAME: PASSWORD}, options=options)
    async with Lab(network, verified=False, served=False) as lab:
        if path.endswith("ipv6"):
            peer = next(each for each in lab.plan.attachments if each.host == "operator")
            await build.ip(lab.host("operator"), f"address del {peer.address} dev {peer.interface}\n")
        server = lab.host("server")
        issued = certificate.issue("server", *addresses)
        (server.root.parent / "authority.pem").write_text(issued.authority)
        running = await coturn.start(server, settings, issued)
        try:
            urls = settings.urls[_URLS[path]] if path in _URLS else []
            client = Configuration(
                stun=_STUN if path == "any" else "",
                turn=tuple(urls),
                username=USERNAME,
                password=PASSWORD,
                authority="/dev/shm/authority.pem" if urls else "",  # noqa: S108 -- the sandbox's own tmpfs
                relay_only=path in _RELAYS,
            )
            yield Place(lab, client, Configuration(stun="" if path.endswith("ipv6") else _STUN))
        finally:
            await running.stop()
