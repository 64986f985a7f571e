"""Networks drawn at random from the axes: up to two faults at once, the same network for the same seed. Pure."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from landfast.lab.network import Network

Draft = dict[str, Any]
"""A network as its TOML would say it: `home` is the robot's router, `carrier` stands above it where there is one."""


def drawn(seed: int) -> Network:
    """One network. Its name is the seed's, so that it can be drawn again."""
    chance = Random(seed)  # noqa: S311 -- nothing secret: the same seed must give the same network
    draft = _healthy(chance)
    faults = chance.sample(FAULTS, chance.choice([0, 1, 1, 2, 2]))
    for fault in sorted(faults, key=lambda fault: fault is not _carrier):  # the others stand at the border
        fault(draft, chance)
    return Network.model_validate(draft).model_copy(update={"name": f"drawn-{seed}"})


def _healthy(chance: Random) -> Draft:
    filtering = chance.choice(["endpoint-independent", "address-dependent", "address-and-port-dependent"])
    # Longer than any timer that counts as short (RFC 4787, REQ-5: 2 minutes).
    nat = {"filtering": filtering, "udp_timeout": 120, "udp_stream_timeout": chance.choice([130, 300])}
    home: Draft = {"via": "internet", "nat": nat, "input": chance.choice(["drop", "accept"])}
    if chance.random() < 0.5:
        home["ipv6"] = "on"
    return {
        "title": "drawn at random",
        "observed_on": ["nowhere: it was drawn"],
        "routers": {"home": home},
        "hosts": {
            "robot": {"interfaces": {"wlan0": {"via": "home", "link": {"delay_ms": chance.choice([0, 0, 10, 40])}}}},
            "operator": {"interfaces": {"eth0": {"via": "internet"}}},
        },
    }


def _outermost(draft: Draft) -> Draft:
    router: Draft = draft["routers"].get("carrier", draft["routers"]["home"])
    return router


def _foreign_interface(draft: Draft, chance: Random) -> None:
    robot = draft["hosts"]["robot"]
    if chance.random() < 0.5:
        robot["interfaces"]["eth1"] = {"address": "10.42.0.1/24"}
    else:
        robot["bridges"] = {"docker0": {"masquerade": False}}


def _carrier(draft: Draft, chance: Random) -> None:
    nat = {**draft["routers"]["home"]["nat"], "pool": chance.choice([1, 4])}
    carrier: Draft = {"via": "internet", "lan": "100.64.0.0/24", "nat": nat}
    if "ipv6" in draft["routers"]["home"]:
        carrier["ipv6"] = "on"
    draft["routers"]["carrier"] = carrier
    draft["routers"]["home"]["via"] = "carrier"


def _symmetric(draft: Draft, _chance: Random) -> None:
    _outermost(draft)["nat"].update(mapping="address-and-port-dependent", ports="random", filtering=_STRICT)


def _unpaired(draft: Draft, chance: Random) -> None:
    _symmetric(draft, chance)
    _outermost(draft)["nat"].update(pool=4, pooling="arbitrary")


def _short(draft: Draft, chance: Random) -> None:
    seconds = chance.choice([5, 10, 20])
    _outermost(draft)["nat"].update(udp_timeout=seconds, udp_stream_timeout=seconds)


def _absolute(draft: Draft, chance: Random) -> None:
    _outermost(draft)["nat"].update(max_age=chance.choice([20, 40]), filtering=_STRICT)


def _budget(draft: Draft, chance: Random) -> None:
    _outermost(draft)["budget"] = {"of": "sessions", "limit": chance.choice([32, 64])}


def _blocked(draft: Draft, chance: Random) -> None:
    _outermost(draft)["udp"] = chance.choice(["blocked", "rejected"])


def _one_way(draft: Draft, _chance: Random) -> None:
    for router in draft["routers"].values():
        router["ipv6"] = "on"
    _outermost(draft)["ipv6"] = "one-way"


def _black_hole(draft: Draft, chance: Random) -> None:
    _outermost(draft).update(mtu=chance.choice([1280, 1400]), mtu_signalled=False)


def _slow(draft: Draft, _chance: Random) -> None:
    draft["hosts"]["robot"]["interfaces"]["wlan0"]["link"] = {"delay_ms": 300}


_STRICT = "address-and-port-dependent"

FAULTS: list[Callable[[Draft, Random], None]] = [
    _foreign_interface,
    _carrier,
    _symmetric,
    _unpaired,
    _short,
    _absolute,
    _budget,
    _blocked,
    _one_way,
    _black_hole,
    _slow,
]
