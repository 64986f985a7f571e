"""Small networks for the model's tests, and a socket that keeps what it hears."""

from __future__ import annotations

from typing import Any

from landfast.lab.network import Network
from landfast.lab.sim.hosts import Host
from landfast.lab.sim.packet import Lost, Packet
from landfast.lab.sim.world import World
from landfast.model.facts import Endpoint

SYMMETRIC = {"mapping": "address-and-port-dependent", "ports": "random"}
SERVER, SECOND = "198.51.100.5", "198.51.100.6"
SERVER6 = "2001:db8::5"
PORT = 7000


def network(home: dict[str, Any] | None = None, **more: Any) -> Network:
    """The robot behind `home`, the operator on the internet. `more` are parts of a network."""
    given: dict[str, Any] = {
        "title": "a test",
        "observed_on": ["nowhere"],
        "routers": {"home": home or {}},
        "hosts": {
            "robot": {"interfaces": {"wlan0": {"via": "home"}}},
            "operator": {"interfaces": {"eth0": {"via": "internet"}}},
        },
    }
    return Network.model_validate(given | more)


class Ear:
    """A UDP socket on a host; `heard` is what came."""

    def __init__(self, host: Host, address: str | None = None, port: int = 0) -> None:
        self.heard: list[tuple[bytes, Endpoint]] = []
        self.socket = host.udp(lambda data, source: self.heard.append((data, source)), address, port)
        self.world = host.world

    def say(self, data: bytes, to: Endpoint, *, within: float = 1.0) -> bool:
        """Send, and let time pass."""
        left = self.socket.send(data, to)
        self.world.run(self.world.now + within)
        return left

    @property
    def sources(self) -> list[Endpoint]:
        return [source for _, source in self.heard]

    @property
    def words(self) -> list[bytes]:
        return [data for data, _ in self.heard]


class Play:
    """A world with a robot's socket and one on the server; `lost` are the packets that ended, and why."""

    def __init__(self, played: Network | None = None, seed: int = 0) -> None:
        self.world = World(played or network(), seed=seed)
        self.robot = Ear(self.world.host("robot"), self.world.host("robot").addresses()[0], 5000)
        self.server = Ear(self.world.host("server"), SERVER, PORT)
        self.lost: list[Lost] = []
        self.world.watchers.append(self._watch)

    def _watch(self, packet: Packet, place: str, why: Lost | None) -> None:
        if why:
            self.lost.append(why)

    def seen(self, socket: Ear | None = None, to: Endpoint = (SERVER, PORT)) -> Endpoint | None:
        """Who the server's first socket sees when this one sends; None when nothing comes."""
        before = len(self.server.heard)
        (socket or self.robot).say(b"?", to, within=0.1)
        return self.server.heard[-1][1] if len(self.server.heard) > before else None

    def answered(self, data: bytes, to: Endpoint, by: Ear | None = None) -> bool:
        """Whether what the server sends to an endpoint comes to the robot."""
        before = len(self.robot.heard)
        (by or self.server).say(data, to, within=0.1)
        return len(self.robot.heard) > before
