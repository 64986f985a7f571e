from __future__ import annotations

import pytest

from landfast.lab import parse
from landfast.lab.network import Budget, Event, Gateway, Link, Nat, Network, Occasion, Router
from landfast.lab.verify import deep
from landfast.lab.verify.asking import together
from tests.lab.verify import wrong
from tests.lab.verify.slow import busy

pytestmark = [pytest.mark.anyio, pytest.mark.lab]

# A carrier with everything, timers so short that they can be waited for.
EVERYTHING = wrong.network(
    Router(nat=wrong.BRIEF, gateway=Gateway(limit=5, period=3, outage=1), budget=Budget(limit=40, refusal="reject")),
    inner=Router(
        via="home",
        nat=Nat.model_validate(
            {"udp_timeout": 3, "udp_stream_timeout": 4, "max_age": 9, "ports": "block", "block": [3000, 3063]}
        ),
        link=Link(delay_ms=10),
    ),
).but(
    hosts={
        "robot": {"interfaces": {"wlan0": {"via": "inner"}}},
        "operator": {"interfaces": {"eth0": {"via": "internet"}}},
    },
    events=[Event(what=Occasion.CHANGE_PUBLIC_ADDRESS, on="home", at=1).model_dump()],
)


@pytest.mark.proof
async def test_everything_of_a_network_is_measured_and_its_events_do_not_happen_meanwhile() -> None:
    told: list[str] = []
    measured = await deep(EVERYTHING, told.append)
    assert measured.differences == ()
    unknown = {(row.place, row.axis) for row in measured.rows if row.observed is None and not busy(row)}
    assert unknown == {
        ("home", "reverse_path_filter"),  # the gateway's policy stands before it
        ("home", "nat.translates"),
        ("robot", "routing"),  # it has one address
        ("operator", "routing"),
    }
    assert told[:3] == ["building it", "asking its routers", "timing its cables"]
    assert told[3:] == ["waiting 7 s for its timers"]


async def test_what_is_slow_to_see_is_a_difference_like_any_other() -> None:
    declared = wrong.network(Router(nat=wrong.BRIEF))
    built = wrong.network(Router(nat=wrong.BRIEF.but(refresh="outbound"), budget=Budget(limit=30)))
    measured = await deep(declared, built=built)
    assert {row.axis for row in measured.differences} == {"nat.refresh", "budget"}


async def test_several_networks_are_measured_at_the_same_time() -> None:
    networks: list[Network] = [parse.profile("open"), wrong.network(Router(nat=None))]
    assert [(each.network, each.ok) for each in await together(*map(deep, networks))] == [
        ("open", True),
        ("wrong", True),
    ]


@pytest.mark.proof
@pytest.mark.timeout(600)
async def test_every_profile_is_as_declared_in_every_axis() -> None:
    measured = await together(*(deep(parse.profile(name)) for name in parse.profiles()))
    assert {each.network: list(map(str, each.differences)) for each in measured if not each.ok} == {}
