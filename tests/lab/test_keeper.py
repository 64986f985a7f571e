"""What a keeper makes of its router, as the two sides see it."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landfast import clock
from landfast.kernel import conntrack
from landfast.kernel.host import Host
from landfast.lab import parse
from landfast.lab.keeper import CHANGES, State
from landfast.lab.network import ENDING, ON_HOSTS, Event, Network, Occasion
from landfast.lab.ruleset import CLEAR
from landfast.lab.topology import SERVER_ADDRESSES
from landfast.servers import echo
from landfast.wire import stun
from tests.lab.mirror import Client, World, world

pytestmark = pytest.mark.anyio
lab = pytest.mark.lab


def test_every_event_of_a_router_has_its_change() -> None:
    assert set(CHANGES) == set(Occasion) - ON_HOSTS


@given(st.lists(st.tuples(st.sampled_from(sorted(ENDING - ON_HOSTS)), st.booleans()), max_size=30))
def test_what_lies_over_a_router_ends_with_its_last_cause(steps: list[tuple[Occasion, bool]]) -> None:
    state, causes = State(), dict.fromkeys(ENDING, 0)
    for what, begins in steps:
        if begins:
            state, causes[what] = CHANGES[what](state), causes[what] + 1
        elif causes[what]:
            state, causes[what] = state.relieved(what), causes[what] - 1
        weather = state.weather
        assert weather.suspended is bool(causes[Occasion.SUSPEND_RADIO])
        assert weather.udp_blocked is bool(causes[Occasion.BLOCK_UDP])
        assert weather.ipv6_one_way is bool(causes[Occasion.ONE_WAY_IPV6])
        assert (weather == CLEAR) is not any(causes.values())


def with_events(profile: str, *events: Event) -> Network:
    return parse.profile(profile).but(events=list(events))


def with_router(profile: str, name: str, **changes: Any) -> Network:
    network = parse.profile(profile)
    return network.but(routers={**network.routers, name: network.routers[name].but(**changes)})


def mifi(**policy: Any) -> Network:
    """The profile, with another policy of the carrier's gateway."""
    gateway = parse.profile("mifi").routers["carrier"].gateway
    assert gateway
    return with_router("mifi", "carrier", gateway=gateway.but(**policy))


async def wan(router: Host) -> set[str]:
    shown = json.loads((await router.run(["ip", "-json", "-4", "address", "show", "dev", "wan"])).checked().stdout)
    return {each["local"] for each in shown[0]["addr_info"]}


async def reached(here: World, client: Client, old: tuple[str, int]) -> list[bytes]:
    """What of the server's words to an old address and port comes before what it says to the present one."""
    here.mirror.say(b"to the old", old)
    await client.seen()
    return client.heard


@lab
@pytest.mark.parametrize("profile", ["mifi", "home", "home-full-cone", "cgnat", "cgnat-unpaired", "dual-stack"])
async def test_a_changed_public_address_is_new_and_the_old_one_dead(profile: str) -> None:
    async with world(profile) as here:
        client = await here.client()
        seen = [await client.seen()]
        router = "carrier" if "carrier" in here.lab.names else "home"
        for step in range(1, 3):
            await here.lab.event("change-public-address")
            seen.append(await client.seen())
            assert await reached(here, client, seen[-2]) == []
            assert await wan(here.lab.host(router)) == {
                str(address) for address in here.lab.plan.routings[router].in_use(step)
            }
        assert len({address for address, _ in seen}) == 3


@lab
@pytest.mark.parametrize("profile", ["home", "home-full-cone", "symmetric", "mifi"])
async def test_a_rebound_port_is_another_one_at_the_same_address(profile: str) -> None:
    async with world(profile) as here:
        # 9000 lies in the ports of the first generation: a translation that keeps ports would keep it.
        clients = {await here.client(port=port): list[tuple[str, int]]() for port in (0, 9000)}
        for client, seen in clients.items():
            seen.append(await client.seen())
        for _ in range(2):
            await here.lab.event("rebind-port")
            for client, seen in clients.items():
                seen.append(await client.seen())
                assert await reached(here, client, seen[-2]) == []
        for seen in clients.values():
            assert len({address for address, _ in seen}) == 1
            assert len({port for _, port in seen}) == 3


@lab
@pytest.mark.parametrize("profile", ["home", "home-full-cone", "cgnat"])
async def test_a_flush_forgets_mappings_until_they_are_made_anew(profile: str) -> None:
    async with world(profile) as here:
        client = await here.client()
        before = await client.seen()
        await here.lab.event("flush")
        assert await reached(here, client, before) == []
        here.mirror.say(b"to the new", await client.seen())
        await client.seen()
        assert client.heard == [b"to the new"]


async def while_it_lasts(here: World, what: Occasion, *sayings: Callable[[], None]) -> None:
    """Say things before an event can have ended; how long that must be depends on the machine."""
    for lasts in (0.3, 1, 3, 10):
        began = clock.monotonic()
        await here.lab.event(what, lasts=lasts)
        for say in sayings:
            say()
        if clock.monotonic() - began < lasts:
            return
    pytest.fail("the machine stands still")


@lab
async def test_a_suspended_radio_loses_everything_and_comes_back_with_its_mappings() -> None:
    async with world("mifi") as here:
        client = await here.client()
        before = await client.seen()
        up, down = partial(client.say, b"lost"), partial(here.mirror.say, b"lost", before)
        await while_it_lasts(here, Occasion.SUSPEND_RADIO, up, down)
        assert await client.seen() == before
        assert b"lost" not in here.mirror.words
        assert client.heard == []


@lab
async def test_of_two_suspensions_the_later_end_counts() -> None:
    async with world("home") as here:
        client = await here.client()
        await client.seen()
        began = clock.monotonic()
        await here.lab.event("suspend-radio", lasts=0.6)
        await here.lab.event("suspend-radio", lasts=0.1)
        await client.seen()
        assert clock.monotonic() - began >= 0.6


@lab
async def test_blocked_udp_leaves_tcp_alone() -> None:
    async with world("home") as here:
        client = await here.client()
        before = await client.seen()
        server = here.lab.host("server")
        await echo.start(server, str(SERVER_ADDRESSES[0]), 7007)
        await here.lab.event("block-udp", lasts=0.5)
        client.say(b"lost")
        with await here.lab.host("robot").socket(socket.AF_INET, socket.SOCK_STREAM) as calling:
            loop = asyncio.get_running_loop()
            await loop.sock_connect(calling, (str(SERVER_ADDRESSES[0]), 7007))
            await loop.sock_sendall(calling, b"over TCP\n")
            assert await loop.sock_recv(calling, 100) == b"over TCP\n"
        assert await client.seen() == before


@lab
async def test_blocked_udp_is_lost_on_the_way() -> None:
    async with world("home") as here:
        client = await here.client()
        mapped = await client.seen()
        up, down = partial(client.say, b"lost"), partial(here.mirror.say, b"lost", mapped)
        await while_it_lasts(here, Occasion.BLOCK_UDP, up, down)
        await client.seen()
        assert b"lost" not in here.mirror.words
        assert client.heard == []


@lab
async def test_one_way_ipv6_lets_out_and_not_back() -> None:
    async with world("dual-stack", ipv6=True) as here:
        client = await here.client(source="::")
        mapped = await client.seen()
        up, down = partial(client.say, b"out"), partial(here.mirror.say, b"lost", mapped)
        await while_it_lasts(here, Occasion.ONE_WAY_IPV6, up, down)
        await client.seen()
        assert b"out" in here.mirror.words
        assert client.heard == []


@lab
async def test_an_event_happens_at_its_time() -> None:
    began = clock.monotonic()
    async with world(with_events("home", Event(what=Occasion.CHANGE_PUBLIC_ADDRESS, on="home", at=1))) as here:
        client = await here.client()
        before = (await client.seen())[0]
        assert await wan(here.lab.host("home")) == {before} or clock.monotonic() - began > 1
        while (await client.seen())[0] == before:
            pass
        assert clock.monotonic() - began >= 1


@lab
async def test_an_event_happens_at_the_nth_mapping() -> None:
    event = Event(what=Occasion.CHANGE_PUBLIC_ADDRESS, on="home", mappings=3)
    async with world(with_events("home", event)) as here:
        first, second = await here.client(), await here.client()
        before = (await first.seen())[0]
        for _ in range(5):  # the same mappings again are no new ones
            assert (await first.seen())[0] == (await second.seen())[0] == before
        third = await here.client()
        while (await third.seen())[0] == before:
            pass


@lab
async def test_an_event_happens_at_the_first_stun_packet() -> None:
    event = Event(what=Occasion.CHANGE_PUBLIC_ADDRESS, on="home", first_stun=True)
    async with world(with_events("home", event)) as here:
        client = await here.client()
        seen = {(await client.seen())[0] for _ in range(5)}
        assert len(seen) == 1
        client.say(stun.binding_request(b"landfastTest"))
        while (await client.seen())[0] in seen:
            pass
        after = await client.seen()
        client.say(stun.binding_request(b"landfastTest"))
        for _ in range(2):  # behind the second one stands all that the packet may have caused
            await here.lab.event("suspend-radio", lasts=0.01)
        assert await client.seen() == after, "it happened twice"


@lab
async def test_a_mapping_dies_with_all_its_flows() -> None:
    nat = parse.profile("home").routers["home"].nat
    assert nat
    # By itself no flow would be forgotten while this test lasts.
    network = with_router("home", "home", nat=nat.but(max_age=1, udp_timeout=9999, udp_stream_timeout=9999))
    async with world(network) as here:
        client = await here.client()
        await client.seen()
        client.socket.sendto(b"elsewhere", (str(SERVER_ADDRESSES[1]), 7000))
        router = here.lab.host("home")
        flows = await conntrack.flows(router)
        assert [flow.original.source_port for flow in flows] == [client.socket.getsockname()[1]] * 2
        while await conntrack.flows(router):
            pass


@lab
async def test_a_mapping_dies_at_its_age_in_spite_of_traffic() -> None:
    nat = parse.profile("cgnat-absolute").routers["carrier"].nat
    assert nat
    network = with_router("cgnat-absolute", "carrier", nat=nat.but(max_age=2))
    async with world(network) as here:
        began = clock.monotonic()
        client = await here.client()
        before = await client.seen()
        while (after := await client.seen()) == before:
            pass
        assert clock.monotonic() - began >= 2
        assert after[1] != before[1]
        assert await reached(here, client, before) == []


@lab
async def test_the_gateway_ends_the_session_at_its_limit_with_a_new_address() -> None:
    async with world("mifi") as here:
        client = await here.client()
        before = await client.seen()
        foreign = await here.client(source="10.42.0.1")
        for _ in range(9):
            foreign.say(b"violation")
        assert await client.seen() == before
        foreign.say(b"violation")
        while (after := await client.seen())[0] == before[0]:
            pass
        counted = await here.lab.violations()
        assert (counted.packets, counted.resets) == (10, 1)
        assert b"violation" not in here.mirror.words
        assert await reached(here, client, before) == []
        assert after[0] != before[0]


@lab
async def test_after_a_reset_nothing_passes_for_the_outage_but_all_is_counted() -> None:
    async with world(mifi(limit=2, outage=1)) as here:
        client = await here.client()
        before = await client.seen()
        foreign = await here.client(source="10.42.0.1")
        began = clock.monotonic()
        for _ in range(20):
            foreign.say(b"violation")
        while (await client.seen())[0] == before[0]:
            pass
        assert clock.monotonic() - began >= 1
        counted = await here.lab.violations()
        assert (counted.packets, counted.resets) == (20, 1)


@lab
async def test_what_a_suspended_radio_loses_does_not_come_to_the_gateway() -> None:
    async with world(mifi(limit=1)) as here:
        client = await here.client()
        before = await client.seen()
        foreign = await here.client(source="10.42.0.1")
        await while_it_lasts(here, Occasion.SUSPEND_RADIO, partial(foreign.say, b"violation"))
        assert await client.seen() == before
        assert (await here.lab.violations()).resets == 0


@lab
async def test_limit_0_drops_and_never_resets() -> None:
    async with world(mifi(limit=0)) as here:
        client = await here.client()
        before = await client.seen()
        foreign = await here.client(source="10.42.0.1")
        for _ in range(50):
            foreign.say(b"violation")
        assert await client.seen() == before
        counted = await here.lab.violations()
        assert (counted.packets, counted.resets) == (50, 0)
        assert b"violation" not in here.mirror.words
