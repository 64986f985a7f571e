from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from landfast import clock
from landfast.diagnose.estimates import Lifetime as Measured
from landfast.diagnose.estimates import inbound_refreshes, oldest
from landfast.diagnose.estimates import lifetime as estimate
from landfast.diagnose.evidence import Evidence
from landfast.errors import CapabilityMissing
from landfast.kernel import conntrack
from landfast.kernel.host import Host
from landfast.lab.lab import Lab
from landfast.lab.network import SERVER, Budget, Interface, Link, Nat, Network, Router
from landfast.lab.network import Host as Node
from landfast.lab.topology import SERVER_ADDRESSES
from landfast.model.facts import BindingTried, Fact, NoReply
from landfast.probes import lifetime
from landfast.probes.lifetime import run
from landfast.probes.questions import Lifetime, Reflector
from landfast.servers import reflector
from landfast.servers.reflector import Settings

pytestmark = pytest.mark.anyio

SETTINGS = Settings(tuple(map(str, SERVER_ADDRESSES)), 3490, 3491)
REFLECTOR = Reflector((SETTINGS.addresses[0], SETTINGS.control), SETTINGS.endpoints)


@dataclass
class Made:
    """A measurement that was made."""

    lab: Lab
    facts: list[Fact] = field(default_factory=list)
    seconds: float = 0.0

    def measured(self, state: Any) -> tuple[float, float]:
        """The lifetime, and by what share of it the judge may err."""
        found = estimate(Evidence(self.facts), state)
        assert isinstance(found, Measured)
        assert found.seconds is not None
        assert found.dead is not None
        return found.seconds, (found.dead - found.alive) / found.seconds / 2

    @property
    def tried(self) -> list[BindingTried]:
        return [fact for fact in self.facts if isinstance(fact, BindingTried)]


@asynccontextmanager
async def behind(router: Router, link: Link | None = None) -> AsyncIterator[Lab]:
    """A robot behind a router, and a reflector in the internet."""
    network = Network(
        title="one router",
        observed_on=["a test"],
        routers={"home": router},
        hosts={
            "robot": Node(interfaces={"wlan0": Interface(via="home", link=link or Link())}),
            "operator": Node(interfaces={"eth0": Interface(via="internet")}),
        },
    )
    async with Lab(network, verified=False, served=False) as lab:
        await reflector.start(lab.host(SERVER), SETTINGS)
        yield lab


async def measure(lab: Lab, **question: Any) -> Made:
    made = Made(lab)
    began = clock.monotonic()
    await lifetime.ask(lab.host("robot"), Lifetime(REFLECTOR, **question), made.facts.append)
    made.seconds = clock.monotonic() - began
    return made


def near(seconds: float) -> Any:
    """On a machine that does other things too; `make proof` holds a quiet one to 0.02."""
    return pytest.approx(seconds, rel=0.1)


@pytest.mark.lab
async def test_each_state_has_its_lifetime_and_what_refreshes_it_is_told_and_lost_packets_are_no_dead_bindings() -> (
    None
):
    async def one(refresh: str, link: Link | None = None) -> None:
        nat = Nat(udp_timeout=3, udp_stream_timeout=4, refresh=refresh)  # type: ignore[arg-type]
        async with behind(Router(nat=nat), link) as lab:
            made = await measure(lab, longest=9.0)
        assert made.measured("unreplied")[0] == near(3)
        assert made.measured("replied")[0] == near(3)
        assert made.measured("stream")[0] == near(4)
        assert inbound_refreshes(Evidence(made.facts)) is (refresh == "both")

    await asyncio.gather(one("both"), one("outbound"), one("both", Link(loss=0.1, delay_ms=20)))


@pytest.mark.lab
async def test_a_mapping_that_dies_at_an_age_is_found_although_packets_go_out() -> None:
    nat = Nat(mapping="address-and-port-dependent", ports="random", udp_timeout=3, udp_stream_timeout=3, max_age=5)  # type: ignore[arg-type]
    async with behind(Router(nat=nat)) as lab:
        made = await measure(lab, longest=9.0, oldest=7.0)
    age = oldest(Evidence(made.facts))
    assert age is not None
    assert age.seconds == pytest.approx(5, abs=0.3)


@pytest.mark.lab
async def test_no_more_mappings_are_used_than_were_allowed_and_all_are_left() -> None:
    async with behind(Router(nat=Nat(udp_timeout=2, udp_stream_timeout=3))) as lab:
        made = await measure(lab, longest=4.0, mappings=40)
        flows = await conntrack.flows(lab.host("home"))
        assert len({flow.original.source_port for flow in flows}) <= 40
        assert made.measured("unreplied")[0] == pytest.approx(2, rel=0.25)
        assert (await lab.host("robot").run(["ss", "-Hun"])).stdout == ""


@pytest.mark.lab
async def test_mappings_that_were_refused_are_not_taken_for_dead() -> None:
    router = Router(nat=Nat(udp_timeout=3, udp_stream_timeout=3), budget=Budget(limit=50, of="mappings"))
    async with behind(router) as lab:
        made = await measure(lab, longest=6.0, mappings=200)
    assert made.measured("unreplied")[0] == pytest.approx(3, rel=0.2)
    assert all(fact.arrived for fact in made.tried if fact.silent < 2.9)


@pytest.mark.lab
async def test_without_nat_every_binding_outlives_the_longest() -> None:
    async with behind(Router(nat=None)) as lab:
        made = await measure(lab, longest=2.0, mappings=60)
    assert all(fact.arrived for fact in made.tried)
    assert max(fact.silent for fact in made.tried) == near(2)
    assert made.seconds < 6


@pytest.mark.lab
async def test_a_reflector_that_is_silent_is_told_and_one_without_ipv4_is_not_asked() -> None:
    async with behind(Router(udp="blocked")) as lab:
        made = await measure(lab, longest=9.0)
        assert {type(fact) for fact in made.facts} == {NoReply}
        assert made.seconds < 4
        no_stun: list[Fact] = []
        await lifetime.ask(lab.host("robot"), Lifetime(Reflector(REFLECTOR.control, ())), no_stun.append)
        assert no_stun == []
        (await lab.host("robot").run(["ip", "route", "del", "default"])).checked()
        with pytest.raises(CapabilityMissing):
            await measure(lab)


@pytest.mark.lab
async def test_when_cancelled_it_closes_all_that_it_opened() -> None:
    async with behind(Router()) as lab:
        facts: list[Fact] = []
        first = asyncio.Event()

        def tell(fact: Fact) -> None:
            facts.append(fact)
            first.set()

        asking = asyncio.ensure_future(lifetime.ask(lab.host("robot"), Lifetime(REFLECTOR), tell))
        await first.wait()
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        assert (await lab.host("robot").run(["ss", "-Hun"])).stdout == ""


def test_a_measurement_begun_later_uses_other_ports() -> None:
    blocks = [list(run._block(4.0 * number))[:300] for number in range(42)]
    assert len({port for block in blocks for port in block}) == 42 * 300
    assert min(map(len, blocks)) == 300


async def test_where_no_port_is_free_a_socket_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "_block", lambda _: iter(()))
    with pytest.raises(OSError, match="no port is free"):
        await lifetime.ask(Host.here(), Lifetime(Reflector(("127.0.0.1", 1), (("127.0.0.1", 1),))), print)


@pytest.mark.lab
@pytest.mark.proof
@pytest.mark.parametrize("delay_ms", [0, 25])
@pytest.mark.parametrize(("unreplied", "stream"), [(20, 20), (35, 35), (60, 60), (20, 60)])
async def test_lifetimes_are_measured_to_two_hundredths_in_about_their_own_time(
    unreplied: int, stream: int, delay_ms: int
) -> None:
    """One at a time: several in this process would time each other."""
    nat = Nat(udp_timeout=unreplied, udp_stream_timeout=stream)
    async with behind(Router(nat=nat), Link(delay_ms=delay_ms)) as lab:
        made = await measure(lab)
    for state, true in (("unreplied", unreplied), ("replied", unreplied), ("stream", stream)):
        assert made.measured(state)[0] == pytest.approx(true, rel=0.02), state
        known = max(f.at for f in made.tried if f.state == state and f.refreshed_by == "nothing")
        began = min(f.at - f.age for f in made.tried)
        assert known - began <= true + (3.5 if state == "stream" else 0.5), state
    assert made.seconds <= stream + 3.5
