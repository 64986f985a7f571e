"""Networks that differ from their declaration in one axis: what is declared, what is built, and where it must be seen.

`QUICK` are caught before each use; `SLOW` need a clock, a flood or a cable's time, so they have their families here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from landfast.lab.network import Bridge, Budget, Gateway, Host, Interface, Link, Nat, Network, Router
from landfast.model.nat import Filtering, Mapping

HOME = Router()
ROBOT = Host(interfaces={"wlan0": Interface(via="home")})
# Timers so short that they can be waited for.
BRIEF = Nat.model_validate({"udp_timeout": 2, "udp_stream_timeout": 4})
SYMMETRIC = {"mapping": "address-and-port-dependent", "ports": "random"}


def network(home: Router = HOME, robot: Host = ROBOT, **routers: Router) -> Network:
    """A robot behind `home`, an operator on the internet."""
    hosts = {"robot": robot, "operator": Host(interfaces={"eth0": Interface(via="internet")})}
    return Network(
        name="wrong", title="a test", observed_on=["nowhere"], routers={"home": home, **routers}, hosts=hosts
    )


@dataclass(frozen=True)
class Wrong:
    """One axis, declared so and built otherwise; `seen` is the row that must differ."""

    axis: str
    """The class and field of `lab/network.py`."""
    place: str
    seen: str
    declared: Network
    built: Network

    def __str__(self) -> str:
        one, other = self.declared.model_dump(mode="json"), self.built.model_dump(mode="json")
        return f"{self.axis}: {' '.join(_differences(one, other))}"


def _differences(one: Any, other: Any) -> list[str]:
    if isinstance(one, dict) and isinstance(other, dict):
        return [d for key in sorted({*one, *other}) for d in _differences(one.get(key), other.get(key))]
    return [] if one == other else [f"{one}→{other}".replace(" ", "")]


def router(axis: str, declared: dict[str, Any], built: dict[str, Any], seen: str = "") -> Wrong:
    return Wrong(axis, "home", seen or axis.split(".")[1], network(Router(**declared)), network(Router(**built)))


def nat(field: str, declared: dict[str, Any], built: dict[str, Any], seen: str = "") -> Wrong:
    one, other = (network(Router(nat=Nat.model_validate(said))) for said in (declared, built))
    return Wrong(f"Nat.{field}", "home", seen or f"nat.{field}", one, other)


def host(axis: str, declared: dict[str, Any], built: dict[str, Any], seen: str = "") -> Wrong:
    one, other = (network(robot=Host.model_validate({**ROBOT.model_dump(), **said})) for said in (declared, built))
    return Wrong(axis, "robot", seen or axis.split(".")[1], one, other)


def both(make: Any, axis: str, one: dict[str, Any], other: dict[str, Any], seen: str = "") -> list[Wrong]:
    return [make(axis, one, other, seen), make(axis, other, one, seen)]


def bridge(**said: Any) -> dict[str, Any]:
    return {"bridges": {"docker0": Bridge(**said)}}


def stub(address: str) -> dict[str, Any]:
    return {"interfaces": {**ROBOT.interfaces, "eth1": Interface.model_validate({"address": address})}}


EDF = {"filtering": "endpoint-independent"}
QUICK: list[Wrong] = [
    Wrong("Router.via", "deep", "via", network(deep=Router()), network(deep=Router(via="home"))),
    router("Router.lan", {}, {"lan": "192.168.7.0/24"}),
    *both(router, "Router.nat", {}, {"nat": None}),
    *both(router, "Router.input", {}, {"input": "accept"}),
    *both(router, "Router.input", {"nat": None}, {"nat": None, "input": "accept"}),
    *both(router, "Router.reverse_path_filter", {}, {"reverse_path_filter": True}),
    *both(router, "Router.gateway", {}, {"gateway": Gateway()}),
    *both(router, "Router.udp", {}, {"udp": "blocked"}),
    *both(router, "Router.udp", {}, {"udp": "rejected"}),
    *both(router, "Router.udp", {"udp": "blocked"}, {"udp": "rejected"}),
    *both(router, "Router.ipv6", {}, {"ipv6": "on"}),
    *both(router, "Router.ipv6", {}, {"ipv6": "one-way"}),
    *both(router, "Router.ipv6", {"ipv6": "on"}, {"ipv6": "one-way"}),
    *both(router, "Router.mtu", {}, {"mtu": 1400}),
    *both(router, "Router.mtu", {"mtu": 1280, "mtu_signalled": False}, {"mtu": 1400, "mtu_signalled": False}),
    *both(router, "Router.mtu_signalled", {"mtu": 1280}, {"mtu": 1280, "mtu_signalled": False}),
    *both(nat, "mapping", {"mapping": "address-dependent", "ports": "random"}, SYMMETRIC),
    *both(nat, "mapping", {"ports": "random"}, SYMMETRIC),
    *both(nat, "filtering", {}, EDF),
    *both(nat, "filtering", {"filtering": "address-dependent"}, EDF),
    *both(nat, "filtering", {"filtering": "address-dependent"}, {}),
    *both(nat, "ports", {}, {"ports": "random"}),
    *both(nat, "ports", {}, {"ports": "block", "block": [2000, 2063]}),
    *both(nat, "ports", {"ports": "random"}, {"ports": "block", "block": [2000, 2063]}),
    nat("block", {"ports": "block", "block": [2000, 2063]}, {"ports": "block", "block": [3000, 3063]}),
    *both(nat, "pooling", {**SYMMETRIC, "pool": 4}, {**SYMMETRIC, "pool": 4, "pooling": "arbitrary"}),
    *both(nat, "pool", {"pool": 4}, {}),
    nat("udp_timeout", {}, {"udp_timeout": 20}),
    nat("udp_stream_timeout", {}, {"udp_stream_timeout": 30}),
    *both(nat, "hairpin", EDF, {**EDF, "hairpin": True}),
    *both(nat, "translates", {}, {"translates": "lan"}),
    *both(host, "Host.routing", stub("10.42.0.1/24"), {**stub("10.42.0.1/24"), "routing": "strong"}),
    *both(host, "Host.foreign_ipv6", {}, {"foreign_ipv6": "2001:db8:ffff::1"}),
    host("Host.bridges", {}, bridge(), "interfaces"),
    host("Host.bridges", bridge(), {}, "bridges.docker0.address"),
    host("Host.interfaces", {}, stub("10.42.0.1/24"), "interfaces"),
    host("Host.interfaces", stub("10.42.0.1/24"), {}, "interfaces.eth1.address"),
    host("Interface.address", stub("10.42.0.1/24"), stub("10.43.0.1/24"), "interfaces.eth1.address"),
    Wrong(
        "Interface.via",
        "robot",
        "interfaces.wlan0.via",
        network(office=Router()),
        network(robot=Host(interfaces={"wlan0": Interface(via="office")}), office=Router()),
    ),
    host("Bridge.address", bridge(), bridge(address="172.18.0.1/16"), "bridges.docker0.address"),
    *both(host, "Bridge.masquerade", bridge(), bridge(masquerade=False), "bridges.docker0.masquerade"),
]


def brief(field: str, declared: dict[str, Any], built: dict[str, Any], seen: str = "") -> Wrong:
    return nat(field, {**BRIEF.model_dump(), **declared}, {**BRIEF.model_dump(), **built}, seen)


def budget(field: str, declared: Budget | None, built: Budget | None) -> Wrong:
    seen = "budget" if declared is None or built is None else f"budget.{field}"
    axis = "Router.budget" if seen == "budget" else f"Budget.{field}"
    return router(axis, {"budget": declared}, {"budget": built}, seen)


def gateway(field: str, declared: dict[str, Any], built: dict[str, Any]) -> Wrong:
    one, other = (Gateway(**{"limit": 4, "period": 2, "outage": 0.5, **said}) for said in (declared, built))
    return router(f"Gateway.{field}", {"gateway": one}, {"gateway": other}, f"gateway.{field}")


def link(field: str, declared: dict[str, Any], built: dict[str, Any], seen: str = "") -> Wrong:
    one, other = (network(Router(link=Link(**said))) for said in (declared, built))
    return Wrong(f"Link.{field}", "home", seen or f"link.{field}", one, other)


LIFETIMES = [
    *both(brief, "refresh", {}, {"refresh": "outbound"}),
    *both(brief, "max_age", {}, {"max_age": 5}),
]
BUDGETS = [
    budget("", None, Budget(limit=20)),
    budget("", Budget(limit=20), None),
    budget("of", Budget(limit=20), Budget(of="mappings", limit=20)),
    budget("of", Budget(of="mappings", limit=20), Budget(limit=20)),
    budget("limit", Budget(limit=20), Budget(limit=21)),
    budget("limit", Budget(of="mappings", limit=20), Budget(of="mappings", limit=19)),
    budget("refusal", Budget(limit=20), Budget(limit=20, refusal="reject")),
    budget("refusal", Budget(limit=20, refusal="reject"), Budget(limit=20)),
    nat("block", {"ports": "block", "block": [2000, 2063]}, {"ports": "block", "block": [2000, 2031]}),
]
POLICIES = [
    gateway("limit", {}, {"limit": 5}),
    gateway("limit", {}, {"limit": 3}),
    gateway("limit", {}, {"limit": 0}),
    gateway("limit", {"limit": 0}, {}),
    gateway("period", {}, {"period": 4}),
    gateway("period", {"period": 4}, {}),
    gateway("period", {}, {"period": None}),
    gateway("period", {"period": None}, {}),
    gateway("outage", {}, {"outage": 1.5}),
    gateway("new_address", {}, {"new_address": False}),
    gateway("new_address", {"new_address": False}, {}),
]
CABLES = [
    *both(link, "delay_ms", {}, {"delay_ms": 20}),
    *both(link, "jitter_ms", {"delay_ms": 20}, {"delay_ms": 20, "jitter_ms": 10}),
    *both(link, "loss", {}, {"loss": 0.1}),
    *both(link, "reorder", {"delay_ms": 20}, {"delay_ms": 20, "reorder": 0.2}),
    *both(link, "rate_kbit", {}, {"rate_kbit": 500}),
]
EVERY = [*QUICK, *LIFETIMES, *BUDGETS, *POLICIES, *CABLES]

MAPPINGS, FILTERINGS = list(Mapping), list(Filtering)
