"""The verifier as a whole: what it raises, what it misses, and what a stranger says of the same networks."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass

import pytest
from pydantic import BaseModel

from landfast.errors import NotAsDeclared
from landfast.kernel.host import Host
from landfast.kernel.sandbox import Sandbox
from landfast.lab import build, network, parse, topology
from landfast.lab.network import Nat, Network, Router
from landfast.lab.topology import SERVER_ADDRESSES, Plan
from landfast.lab.verify import verify
from landfast.servers import certificate, coturn
from tests.lab.verify import wrong

# Not an axis of their own: the parts of a declaration, what it is called, and the links, whose axes are Link's.
NO_AXES = {
    "Network.name",
    "Network.title",
    "Network.observed_on",
    "Network.routers",
    "Network.hosts",
    "Network.events",
    "Router.link",
    "Interface.link",
}
PARTS = [network.Network, network.Router, network.Nat, network.Budget, network.Gateway, network.Host]
PARTS += [network.Interface, network.Bridge, network.Link]


def test_every_axis_has_a_network_that_is_built_wrong_on_purpose() -> None:
    axes = {f"{part.__name__}.{field}" for part in PARTS if issubclass(part, BaseModel) for field in part.model_fields}
    assert {case.axis for case in wrong.EVERY} == axes - NO_AXES


@dataclass
class Standing:
    plan: Plan
    hosts: dict[str, Host]

    def host(self, name: str) -> Host:
        return self.hosts[name]


@pytest.mark.lab
@pytest.mark.anyio
async def test_a_network_that_is_not_as_declared_is_an_error_that_prints_both() -> None:
    declared = wrong.network(Router(nat=Nat.model_validate(wrong.SYMMETRIC)))
    async with Sandbox() as sandbox:
        hosts, _ = await build.build(sandbox, topology.plan(wrong.network()))
        with pytest.raises(NotAsDeclared) as raised:
            await verify(Standing(topology.plan(declared), dict(hosts)))
    assert raised.value.network == "wrong"
    expected = "home: nat.mapping is declared address-and-port-dependent, observed endpoint-independent"
    assert expected in str(raised.value)


KINDS = ["endpoint-independent", "address-dependent", "address-and-port-dependent"]


def discovered(said: str) -> dict[str, str]:
    """What turnutils_natdiscovery says of mapping and filtering: `NAT with Address and Port Dependent Filtering!`."""
    found = re.findall(r"NAT with (.+) (Mapping|Filtering)", said)
    if "No NAT!" in said:
        found.append(("Endpoint Independent", "Mapping"))
    return {what.lower(): kind.lower().replace(" ", "-") for kind, what in found}


def expected(plan: Plan) -> dict[str, str]:
    """What is declared: several routers one behind the other look like the strictest of them."""
    via = next(at.via for at in plan.attachments if at.host == "robot")
    nats = [nat for name in plan.network.path(via) if (nat := plan.network.routers[name].nat)]
    kinds = [[nat.mapping.value for nat in nats], [nat.filtering.value for nat in nats]]
    mapping, filtering = (max(each, key=KINDS.index, default=KINDS[0]) for each in kinds)
    return {"mapping": mapping, "filtering": filtering}


async def natdiscovery(declared: Network) -> tuple[dict[str, str], dict[str, str], str]:
    """What it says of a network as the robot sees it, what is declared, and all its words."""
    plan = topology.plan(declared)
    addresses = tuple(map(str, SERVER_ADDRESSES))
    async with Sandbox() as sandbox:
        hosts, _ = await build.build(sandbox, plan)
        settings = coturn.Settings(addresses, users={"nobody": "nothing"})
        await coturn.start(hosts["server"], settings, certificate.issue(*addresses))
        argv = ["turnutils_natdiscovery", "-m", "-f", "-L", str(plan.address("robot")), addresses[0]]
        completed = await hosts["robot"].run(argv)
    said = completed.stdout + completed.stderr
    return discovered(said), expected(plan), said


# It cannot tell what is behind UDP that is blocked. No profile maps by address.
WITNESSED = [parse.profile(name) for name in parse.profiles() if name != "udp-blocked"]
WITNESSED += [
    wrong.network(Router(nat=Nat.model_validate({"mapping": KINDS[1], "filtering": kind, "ports": "random"})))
    for kind in KINDS
]


@pytest.mark.lab
@pytest.mark.beside
@pytest.mark.needs("program turnutils_natdiscovery")
@pytest.mark.anyio
async def test_a_witness_that_we_did_not_write_agrees_on_everything_that_it_can_tell() -> None:
    answers = await asyncio.gather(*map(natdiscovery, WITNESSED))  # it takes 6 s where something is filtered
    for declared, (said, is_declared, words) in zip(WITNESSED, answers, strict=True):
        assert said == is_declared, f"{declared.name}: {words}"
