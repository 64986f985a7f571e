from __future__ import annotations

import pytest

from landfast.kernel.sandbox import Sandbox
from landfast.lab import build, parse, topology
from landfast.lab.network import Host, Interface, Router
from landfast.lab.verify.points import hops
from landfast.lab.verify.stage import Stage, untracked
from tests.lab.verify import wrong

pytestmark = pytest.mark.anyio


def test_a_router_that_asks_keeps_its_questions_from_its_own_translation() -> None:
    mifi = hops(topology.plan(wrong.network(inner=Router(via="home"))))[1]
    assert untracked(mifi) == (
        "table ip verify {\n"
        "  chain out {\n"
        "    type filter hook output priority raw;\n"
        "    ip daddr { 192.168.1.1, 203.0.113.10 } notrack\n"
        "    ip daddr { 192.168.1.2 } udp dport != { 53, 443 } notrack\n"
        "  }\n"
        "  chain in {\n"
        "    type filter hook prerouting priority raw;\n"
        '    iifname "wan" ip saddr { 192.168.1.1, 203.0.113.10 } notrack\n'
        '    iifname "wan" ip saddr { 192.168.1.2 } udp sport != { 53, 443 } notrack\n'
        "  }\n"
        "}\n"
    )


@pytest.mark.lab
async def test_there_is_an_asker_at_each_point_and_a_watch_on_each_lan() -> None:
    plan = topology.plan(parse.profile("mifi"))
    async with Sandbox() as sandbox:
        hosts, _ = await build.build(sandbox, plan)
        async with Stage(plan, hosts.__getitem__) as stage:
            assert set(stage.askers) == set(stage.points)
            assert set(stage.watches) == {"internet", "carrier", "mifi", "office"}
            rules = (await hosts["mifi"].run(["nft", "list", "tables"])).stdout
            assert "table ip verify" in rules
        assert "verify" not in (await hosts["mifi"].run(["nft", "list", "tables"])).stdout


def behind(home: Router) -> topology.Plan:
    """The robot two routers deep."""
    robot = Host(interfaces={"wlan0": Interface(via="inner")})
    return topology.plan(wrong.network(home, robot, inner=Router(via="home")))


@pytest.mark.lab
async def test_where_nobody_can_answer_the_stage_says_who_is_missing() -> None:
    built = behind(Router.model_validate({"lan": "192.168.77.0/24"}))
    async with Sandbox() as sandbox:
        hosts, _ = await build.build(sandbox, built)
        async with Stage(behind(Router()), hosts.__getitem__, built) as stage:
            assert {point.place for point in stage.askers} == {"operator", "home", "inner"}
            assert [(point.place, why.partition(":")[0]) for point, why in stage.missing.items()] == [
                ("robot", "home has not 192.168.1.1 and 203.0.113.10")
            ]
