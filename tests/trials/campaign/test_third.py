from __future__ import annotations

import pytest

from landfast.lab.sim.hosts import Socket
from landfast.lab.sim.packet import Lost, Packet
from landfast.lab.sim.world import World
from landfast.model.facts import Endpoint
from landfast.trials.campaign.history import NAMES, Fault, Name, Trick
from landfast.trials.campaign.ledger import Kind, kind
from landfast.trials.campaign.networks import network
from landfast.trials.campaign.third import JUNK_EVERY, Third
from landfast.wire import ice
from tests.trials.campaign.histories import fault, history

PASSWORD = "the password of the operator"
CHECK = ice.check(bytes(12), to="to", by="by", password=PASSWORD, priority=1, controlling=True, tie_breaker=1)


class Scene:
    """Two sockets that have spoken, and a third host that saw it."""

    def __init__(self, what: Trick, lasts: float = 1.0) -> None:
        self.world = World(network(history()))
        self.third = Third(self.world, 1, 0.1)
        self.heard: dict[Name, list[tuple[bytes, Endpoint]]] = {"robot": [], "operator": []}
        self.sockets = {name: self._socket(name) for name in self.heard}
        self.world.watchers.append(self._passed)
        self.say("operator", b"\x80hello")
        self.say("robot", b"\x80hello")
        self.world.run(0.5)
        for each in self.heard.values():
            each.clear()
        self.third.begin(Fault(at=0, what=what, on="robot", lasts=lasts))

    def _socket(self, name: Name) -> Socket:
        host = self.world.host(name)
        return host.udp(lambda data, source: self.heard[name].append((data, source)), host.addresses()[0])

    def say(self, name: Name, data: bytes, to: Endpoint | None = None) -> None:
        other = self.sockets["operator" if name == "robot" else "robot"]
        self.sockets[name].send(data, to or other.local)

    def _passed(self, packet: Packet, place: str, why: Lost | None) -> None:
        for name in NAMES:
            if place == name and why is None:
                (self.third.left if packet.origin == name else self.third.reached)(packet, name)

    def strange(self, name: Name) -> list[tuple[bytes, Endpoint]]:
        """What a side heard from the third host."""
        return [(data, source) for data, source in self.heard[name] if source[0] in self.third.addresses]

    def run(self, seconds: float) -> None:
        self.world.run(self.world.now + seconds)


@pytest.mark.parametrize(("trick", "ports"), [(Trick.JUNK, 30), (Trick.NAG, 1)])
def test_junk_comes_at_its_rate_and_ends(trick: Trick, ports: int) -> None:
    scene = Scene(trick)
    scene.run(3.0)
    junk = scene.strange("robot")
    assert len(junk) == pytest.approx(1 / JUNK_EVERY, rel=0.1)
    assert len({source for _, source in junk}) >= ports
    assert {kind(data) for data, _ in junk} == {Kind.DATA}


def test_a_copy_comes_after_the_original_from_elsewhere() -> None:
    scene = Scene(Trick.COPY)
    scene.say("robot", b"\x80data")
    scene.run(0.05)
    assert not scene.strange("operator")
    scene.run(0.3)
    assert [data for data, _ in scene.strange("operator")] == [b"\x80data"]


def pretended(scene: Scene) -> Endpoint:
    """The port by which the third host pretends to be the robot."""
    scene.say("robot", b"\x80data")
    scene.run(0.3)
    return scene.strange("operator")[0][1]


@pytest.mark.parametrize(("trick", "same"), [(Trick.COPY, True), (Trick.CROSS, False)])
def test_checks_and_answers_are_forwarded_and_data_is_not(trick: Trick, same: bool) -> None:
    scene = Scene(trick, 5.0)
    port = pretended(scene)
    scene.say("operator", b"\x80data", port)
    scene.say("operator", CHECK, port)
    scene.run(0.3)
    assert [data for data, _ in scene.strange("robot")] == [CHECK]
    read = ice.parse(CHECK)
    assert isinstance(read, ice.Check)
    answer = ice.success(read, port, PASSWORD)
    scene.heard["operator"].clear()
    scene.say("robot", answer, scene.strange("robot")[0][1])
    scene.run(0.05)
    (data, source), *_ = scene.strange("operator")
    assert data == answer
    assert (source == port) is same


def test_a_forged_answer_is_right_but_for_its_signature() -> None:
    scene = Scene(Trick.FORGE, 5.0)
    port = pretended(scene)
    scene.heard["operator"].clear()
    scene.say("operator", CHECK, port)
    scene.run(0.05)
    read = ice.parse(scene.strange("operator")[0][0])
    assert isinstance(read, ice.Answer)
    assert read.transaction_id == bytes(12)
    assert not read.signed_with(PASSWORD)


def test_recorded_checks_are_repeated() -> None:
    scene = Scene(Trick.WHISPER)
    scene.say("robot", CHECK)
    scene.run(0.5)
    assert {data for data, _ in scene.strange("operator")} == {CHECK}
    assert len(scene.strange("operator")) > 5


def test_what_is_over_is_over() -> None:
    scene = Scene(Trick.COPY, 0.1)
    scene.run(0.2)
    scene.say("robot", b"\x80data")
    scene.run(1.0)
    assert not scene.strange("operator")
    assert fault(Trick.COPY).lasts == 0
