"""Kernel and model agree: the same packets meet the same fate in both, on every profile and on every axis."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from landfast import clock
from landfast.lab import parse
from landfast.lab.lab import Lab
from landfast.lab.network import SERVER, Occasion
from landfast.lab.sim.world import World
from landfast.servers import certificate, coturn
from tests.lab.sim import asked
from tests.lab.sim.agreement import Agreement, At, Step
from tests.lab.sim.scene import SYMMETRIC, network

pytestmark = [pytest.mark.lab, pytest.mark.anyio]

STEPS = 120
EIF, ADF = {"filtering": "endpoint-independent"}, {"filtering": "address-dependent"}
FOREIGN = {"eth1": {"address": "10.42.0.1/24"}}
BEHIND = {
    "robot": {"interfaces": {"wlan0": {"via": "home"}}},
    "operator": {"interfaces": {"eth0": {"via": "home"}}},
}
ALONE = {
    "robot": {"interfaces": {"wlan0": {"via": "home"}, **FOREIGN}},
    "operator": {"interfaces": {"eth0": {"via": "internet"}, **FOREIGN}},
}

# Axes that no profile has, or not together.
NETWORKS = {
    "address-dependent": network({"nat": {"mapping": "address-dependent", "ports": "random", **ADF}}),
    "random-ports": network({"nat": {"ports": "random", **ADF}}, hosts=BEHIND),
    "block": network({"nat": {"ports": "block", "block": [20000, 24999]}}, hosts=BEHIND),
    "neighbours": network({}, hosts=BEHIND),
    "hairpin": network({"nat": dict(EIF, hairpin=True)}, hosts=BEHIND),
    "hairpin-restricted": network({"nat": dict(ADF, hairpin=True)}, hosts=BEHIND),
    "symmetric-open": network({"nat": dict(SYMMETRIC, **EIF)}),
    "pool": network({"nat": {"pool": 2}}, hosts=BEHIND),
    "outbound-refresh": network({"nat": dict(EIF, refresh="outbound")}),
    "address-dependent-outbound": network(
        {"nat": {"mapping": "address-dependent", "ports": "random", "refresh": "outbound", **ADF}}
    ),
    "accepts": network({"input": "accept"}),
    "no-nat": network({"nat": False, "ipv6": "on"}, hosts=ALONE),
    "reverse-path": network({"reverse_path_filter": True}, hosts=ALONE),
    "only-lan": network({"nat": {"translates": "lan"}}, hosts=ALONE),
    "rejected": network({"udp": "rejected"}),
    "narrow": network({"mtu": 1280, "ipv6": "on"}),
    "strong": network(hosts={**ALONE, "robot": {**ALONE["robot"], "routing": "strong"}}),
    "docker": network(hosts={**ALONE, "robot": {**ALONE["robot"], "bridges": {"docker0": {}}}}),
    "second-ipv6": network(
        {"ipv6": "on"}, hosts={**ALONE, "robot": {**ALONE["robot"], "foreign_ipv6": "2001:db8:ffff::1"}}
    ),
    "budget-of-mappings": network({"budget": {"of": "mappings", "limit": 4}}),
    "budget-of-sessions": network({"nat": SYMMETRIC, "budget": {"limit": 8}}),
}


# What happens happens every 1.2 s: never closer than 0.4 s to the end of 3, 8 or 9 s, nor to Linux's own 1 s or 2 s.
TICK, TICKS = 1.2, 8
LIVES = {"udp_timeout": 3, "udp_stream_timeout": 8}
TIMED = {
    "preserving": network({"nat": LIVES, "ipv6": "on"}),
    "symmetric": network({"nat": {**SYMMETRIC, **LIVES}}),
    "open": network({"nat": {**EIF, **LIVES}}),
    "restricted": network({"nat": {**ADF, **LIVES}}),
    "outbound": network({"nat": {**LIVES, "refresh": "outbound"}}),
    "open-outbound": network({"nat": {**EIF, **LIVES, "refresh": "outbound"}}),
    "old-age": network({"nat": {**SYMMETRIC, "max_age": 9}}),
    "sessions": network({"nat": {**SYMMETRIC, **LIVES}, "budget": {"limit": 3}}),
    "mappings": network({"nat": {**LIVES, "udp_stream_timeout": 3}, "budget": {"of": "mappings", "limit": 1}}),
}
# What died or was refused keeps its place until the kernel sweeps: each second, and later where it is busy.
SLOWER = {"mappings": 2, "sessions": 2}
EVENTFUL = network(
    routers={"home": {"ipv6": "on"}, "mobile": {"nat": SYMMETRIC}},
    hosts={
        "robot": {"interfaces": {"wlan0": {"via": "home"}, "wwan0": {"via": "mobile"}}},
        "operator": {"interfaces": {"eth0": {"via": "internet"}}},
    },
)
HAPPENS = [
    (Occasion.CHANGE_PUBLIC_ADDRESS, "home", None),
    (Occasion.REBIND_PORT, "home", None),
    (Occasion.SUSPEND_RADIO, "home", 0.3),
    (Occasion.BLOCK_UDP, "home", 0.3),
    (Occasion.ONE_WAY_IPV6, "home", 0.3),
    (Occasion.LINK_DOWN, "robot", 0.3),
    (Occasion.FLUSH, "home", None),
    (Occasion.HANDOFF, "robot", None),
    (Occasion.CHANGE_PUBLIC_ADDRESS, "mobile", None),
    (Occasion.ADDRESS_REPLACED, "robot", None),
    (Occasion.HANDOFF, "robot", None),
]


@asynccontextmanager
async def both(played: Agreement) -> AsyncIterator[Lab]:
    """The laboratory, with all sockets open."""
    async with Lab(played.network, verified=False, served=False) as lab:
        await played.open(lab)
        try:
            yield lab
        finally:
            played.kernel.close()


@pytest.mark.parametrize("name", parse.profiles())
async def test_kernel_and_model_agree_on_every_profile(name: str) -> None:
    played = Agreement(parse.profile(name))
    async with both(played):
        await played.random(STEPS)
        await played.settled()


@pytest.mark.proof
@pytest.mark.parametrize("name", NETWORKS)
async def test_kernel_and_model_agree_on_every_axis(name: str) -> None:
    played = Agreement(NETWORKS[name].but(name=name), seed=1)
    async with both(played):
        await played.random(STEPS)
        await played.settled()


async def test_they_agree_on_when_mappings_die() -> None:
    async def live(name: str) -> None:
        played = Agreement(TIMED[name].but(name=name), seed=2, ports=frozenset({5000, 5001, 7000}))
        async with both(played):
            tick = TICK * SLOWER.get(name, 1)
            due = played.began
            while due < played.began + TICKS * TICK:
                await played.random(5)
                due += tick
                await played.kernel.idle(max(0.0, due - clock.monotonic()))
            await played.settled()

    await asyncio.gather(*map(live, TIMED))


async def test_they_agree_on_what_comes_to_another_mapping_from_who_is_asked_already() -> None:
    played = Agreement(NETWORKS["address-dependent-outbound"].but(name="asked already"))
    robot = next(at for at in played.places if at.host == "robot" and not at.six)
    first, second = (at for at in played.places if at.host == SERVER and not at.six and at.port == 7000)
    async with both(played):
        for server in (first, second):
            await played.step(Step(robot, server.end, 0, 8))
        assert [await played.step(Step(second, 0, 0, 8)) for _ in range(3)] == [True] * 3
        await played.settled()


@pytest.mark.parametrize(("six", "fits"), [(False, 1280 - 28), (True, 1280 - 48)])
async def test_they_agree_that_a_black_hole_swallows_what_is_too_long_both_ways(six: bool, fits: int) -> None:
    played = Agreement(parse.profile("mtu-black-hole"))
    robot = next(at for at in played.places if at.host == "robot" and at.six is six)
    server = next(at for at in played.places if at.host == SERVER and at.six is six)
    async with both(played):
        for length in (fits, fits + 1):
            asked = await played.step(Step(robot, server.end, 0, length))
            answered = await played.step(Step(server, 0, 0, length))
            assert (asked, answered) == (length == fits, length == fits)
        await played.settled()


@pytest.mark.parametrize("profile", ["cgnat-budget"])
async def test_they_agree_on_which_socket_is_one_too_many(profile: str) -> None:
    played = Agreement(parse.profile(profile))
    more = range(20000, 20070)
    played.add(At("robot", played.world.host("robot").addresses()[0], port) for port in more)
    async with both(played):
        heard = [await played.ask("robot", port) for port in more]
        assert (heard.count(True), heard.index(False)) == (64, 64)
        await played.settled()


async def test_they_agree_on_violations_and_on_the_session_that_they_end() -> None:
    await asyncio.gather(*map(violated, ("mifi", "mifi-masquerade-all")))


async def violated(profile: str) -> None:
    played = Agreement(parse.profile(profile))
    carrier = played.world.routers["carrier"]
    async with both(played) as lab:
        assert await played.ask("robot")
        if profile == "mifi":
            for _ in range(10):
                assert not await played.ask("robot", foreign=True)
        else:
            assert await played.ask("robot", foreign=True)
            for _ in range(10):
                assert not await played.answer(1)
        assert carrier.policy
        assert carrier.policy.resets == 1
        while not (counted := await lab.violations()).resets:
            await played.kernel.idle(0.05)
        await played.kernel.idle(0.3)  # it is told of before it is done
        assert (counted.packets, counted.resets) == (carrier.violations, 1)
        assert not await played.ask("robot")
        await played.kernel.idle(3.5)
        assert not await played.answer(0)
        assert await played.ask("robot")
        assert await played.ask("operator")


async def test_they_agree_on_what_happens_to_routers_and_hosts() -> None:
    played = Agreement(EVENTFUL.but(name="eventful"), seed=3)
    async with both(played) as lab:
        for what, where, lasts in HAPPENS:
            await played.random(12)
            await lab.event(what, where, lasts=lasts)
            played.catch_up()
            played.world.happen(what, where, lasts)
            if lasts:
                await played.random(3)
                await played.kernel.idle(2 * lasts)
        await played.random(30)
        await played.settled()


@pytest.mark.parametrize("other", ["symmetric-open", "no-nat"])
async def test_another_network_is_told_apart(other: str) -> None:
    played = Agreement(network(hosts=NETWORKS[other].model_dump()["hosts"]).but(name="home"))
    played.network = NETWORKS[other]
    with pytest.raises(AssertionError, match="model"):
        async with both(played):
            await played.random(STEPS)


@pytest.mark.parametrize("options", [(), ("mobility", "user-quota=1")])
async def test_coturn_and_the_played_relay_give_the_same_answers(options: tuple[str, ...]) -> None:
    declared = parse.profile("open")
    story = asked.with_mobility if options else asked.without_mobility
    world = World(declared)
    world.server.relays.mobility, world.server.relays.quota = bool(options), 1 if options else None
    addresses = world.server.addresses
    users = {world.server.username: world.server.password}
    async with Lab(declared, verified=False, served=False) as lab:
        settings = coturn.Settings(addresses, users=users, options=options)
        await coturn.start(lab.host("server"), settings, certificate.issue("server", *addresses))
        say, close = await asked.spoken(lab.host("robot"), (addresses[0], world.server.port))
        try:
            assert await story(say) == await story(asked.played(world))
        finally:
            close()
