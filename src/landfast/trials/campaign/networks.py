"""A history's sides → the laboratory's network. Pure."""

from __future__ import annotations

from typing import Any

from landfast.lab.network import Network
from landfast.model.nat import Mapping
from landfast.trials.campaign.history import NAMES, History, Uplink

THIRD = "third"
"""A host on the internet that is neither peer nor server."""
_UNANSWERED = 30  # seconds at most, of a mapping without an answer: nf_conntrack_udp_timeout


def network(history: History) -> Network:
    """The network that both sides stand on."""
    routers: dict[str, Any] = {}
    hosts: dict[str, Any] = {}
    for name in NAMES:
        side = history.side(name)
        interfaces = {"eth0": _interface(name, side.uplink, routers)}
        if side.second:
            interfaces["wlan0"] = _interface(f"{name}-2", side.second, routers)
        hosts[name] = {"interfaces": interfaces}
    hosts[THIRD] = {"interfaces": {"eth0": {"via": "internet"}}}
    return Network.model_validate(
        {"title": "a history", "observed_on": ["nowhere: it was drawn"], "routers": routers, "hosts": hosts}
    )


def border(name: str, uplink: Uplink) -> str | None:
    """The router that has the public address, or the only one; None where there is none."""
    return {"nothing": None, "router": f"{name}-gw", "carrier": f"{name}-up"}[uplink.behind]


def _interface(name: str, uplink: Uplink, routers: dict[str, Any]) -> dict[str, Any]:
    """One interface; its routers are added to `routers`."""
    link = {"delay_ms": uplink.delay_ms, "jitter_ms": min(uplink.jitter_ms, uplink.delay_ms), "loss": uplink.loss}
    if uplink.behind == "nothing":
        return {"via": "internet", "link": link}
    near, far = f"{name}-gw", f"{name}-up"
    outer: dict[str, Any] = {"nat": _nat(uplink), "ipv6": uplink.ipv6, "udp": uplink.udp}
    if uplink.sessions:
        outer["budget"] = {"of": "sessions", "limit": uplink.sessions}
    if uplink.behind == "router":
        routers[near] = outer
    else:
        routers[far] = {**outer, "lan": "100.64.0.0/24"}
        routers[near] = {"via": far, "ipv6": "off" if uplink.ipv6 == "off" else "on"}
    return {"via": near, "link": link}


def _nat(uplink: Uplink) -> dict[str, Any]:
    symmetric = uplink.mapping is Mapping.ADDRESS_AND_PORT_DEPENDENT
    plain = uplink.mapping is Mapping.ENDPOINT_INDEPENDENT and not uplink.random_ports
    return {
        "mapping": uplink.mapping,
        "filtering": uplink.filtering,
        "ports": "preserving" if plain else "random",
        "pool": uplink.pool,
        "pooling": "arbitrary" if symmetric and uplink.pool > 1 else "paired",
        "udp_timeout": min(_UNANSWERED, uplink.timeout),
        "udp_stream_timeout": uplink.timeout,
        "refresh": uplink.refresh,
    }
