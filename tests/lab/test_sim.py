"""Kernel and model agree: the same packets meet the same fate in both, on every profile and on every axis."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from landfast.lab import parse
from landfast.lab.lab import Lab
from landfast.lab.network import Network
from tests.lab.sim.agreement import Agreement, Kernel
from tests.lab.sim.scene import SYMMETRIC, network

pytestmark = [pytest.mark.lab, pytest.mark.anyio]

STEPS = 150
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


@asynccontextmanager
async def agreement(declared: Network, seed: int = 0) -> AsyncIterator[Agreement]:
    """Both, with their sockets open."""
    played = Agreement(declared, seed)
    async with Lab(declared, verified=False, served=False) as lab:
        played.kernel = await Kernel.open(lab, played.places)
        try:
            yield played
        finally:
            played.kernel.close()


@pytest.mark.parametrize("name", parse.profiles())
async def test_kernel_and_model_agree_on_every_profile(name: str) -> None:
    async with agreement(parse.profile(name)) as played:
        await played.random(STEPS)
        await played.settled()


@pytest.mark.parametrize("name", NETWORKS)
async def test_kernel_and_model_agree_on_every_axis(name: str) -> None:
    async with agreement(NETWORKS[name].but(name=name), seed=1) as played:
        await played.random(STEPS)
        await played.settled()
