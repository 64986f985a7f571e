from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path

import pytest

from landfast.kernel import routes
from landfast.model.routing import Question
from landfast.wire.cover import Packet
from tests.kernel.places import ADDRESSES, EVERYWHERE, there

pytestmark = pytest.mark.anyio


@EVERYWHERE
async def test_interfaces_have_their_addresses(place: str, tmp_path: Path) -> None:
    async with there(place, tmp_path) as host:
        found = await routes.interfaces(host)
        assert {each for interface in found for each in interface.addresses} >= set(ADDRESSES)
        assert {"lo", "one", "two"} <= {interface.name for interface in found if interface.up}


@EVERYWHERE
async def test_the_default_route_of_the_lowest_metric_comes_first(place: str, tmp_path: Path) -> None:
    async with there(place, tmp_path) as host:
        assert [(r.interface, r.metric) for r in await routes.defaults(host, 4)] == [("two", 100), ("one", 600)]
        assert [(r.interface, r.metric) for r in await routes.defaults(host, 6)] == [("one", 50)]


@EVERYWHERE
async def test_each_question_has_its_answer(place: str, tmp_path: Path) -> None:
    """Also behind one that no route answers."""
    async with there(place, tmp_path) as host:
        asked = {
            Question(ip_address("9.9.9.9")): "two",
            Question(ip_address("9.9.9.9"), ip_address("192.0.2.77")): None,  # not ours
            Question(ip_address("198.51.100.5"), ip_address("10.42.0.1")): "one",
            Question(ip_address("10.42.0.7"), ip_address("192.168.1.10")): "two",
            Question(ip_address("2001:db8:9::9"), ip_address("2001:db8:1::10")): "one",
        }
        assert await routes.egress(host, list(asked)) == asked
        assert await routes.egress(host, []) == {}


@EVERYWHERE
async def test_an_address_that_leaves_by_another_interface_is_a_foreign_source(place: str, tmp_path: Path) -> None:
    async with there(place, tmp_path) as host:
        addresses = [each for interface in await routes.interfaces(host) for each in interface.addresses]
        found = {(str(each.source), each.egress) for each in await routes.foreign_sources(host, addresses)}
        assert found == {("192.168.1.10", "two")}, "the default route of the lower metric is by `two`"
        to = {4: ip_address("198.51.100.5")}
        [other] = await routes.foreign_sources(host, addresses, to)
        assert other == Packet(ip_address("10.42.0.1"), to[4], "one")


@pytest.mark.needs("namespaces", "veth")
async def test_a_route_with_several_next_hops_counts_as_several(tmp_path: Path) -> None:
    async with there("real", tmp_path) as host:
        hops = "route add default metric 7 nexthop via 192.168.1.1 dev one nexthop via 10.42.0.9 dev two\n"
        (await host.run(["ip", "-batch", "-"], given=hops)).checked()
        first = (await routes.defaults(host, 4))[:2]
        assert [(r.interface, r.metric) for r in first] == [("one", 7), ("two", 7)]


@EVERYWHERE
async def test_ipv6_is_asked_of_the_kernel(place: str, tmp_path: Path) -> None:
    async with there(place, tmp_path) as host:
        assert await routes.has_ipv6(host) is Path("/proc/net/if_inet6").exists()
