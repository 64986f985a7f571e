"""What a declaration may say: what cannot be, or would have no effect, is refused with what is allowed."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from landfast.lab.network import Event, Gateway, Interface, Link, Nat, Network, Occasion, Ports, Router
from landfast.model.nat import Filtering, Mapping

HOSTS = {"robot": {"interfaces": {"wlan0": {"via": "home"}}}, "operator": {"interfaces": {"eth0": {"via": "internet"}}}}


def network(**parts: Any) -> Network:
    return Network.model_validate(
        {"title": "a test", "observed_on": ["nowhere"], "routers": {"home": {}}, "hosts": HOSTS} | parts
    )


def refusal(make: type[BaseModel], **said: Any) -> str:
    with pytest.raises(ValidationError) as caught:
        make.model_validate(said)
    return str(caught.value.errors()[0]["msg"]).removeprefix("Value error, ")


SYMMETRIC = {"mapping": "address-and-port-dependent", "ports": "random"}
BY_ADDRESS = {"mapping": "address-dependent", "ports": "random"}
OPEN = {"filtering": "endpoint-independent"}


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ({"ports": "block"}, '`block` and `ports = "block"` go together'),
        ({"block": [5000, 6000]}, '`block` and `ports = "block"` go together'),
        ({"ports": "block", "block": [6000, 5000]}, "block 6000-5000 ends before it begins"),
        (SYMMETRIC | {"ports": "preserving"}, 'mapping "address-and-port-dependent" needs ports "random" or "block"'),
        (BY_ADDRESS | {"ports": "preserving"}, 'mapping "address-dependent" needs ports "random"'),
        (BY_ADDRESS | {"ports": "block", "block": [5000, 6000]}, 'mapping "address-dependent" needs ports "random"'),
        (
            SYMMETRIC | {"pooling": "arbitrary"},
            'pooling "arbitrary" needs a pool of 2 or more and mapping "address-and-port-dependent"',
        ),
        (
            {"pooling": "arbitrary", "pool": 2},
            'pooling "arbitrary" needs a pool of 2 or more and mapping "address-and-port-dependent"',
        ),
        ({"hairpin": True}, 'hairpin needs filtering "endpoint-independent" or "address-dependent"'),
        ({"udp_timeout": 121}, "udp_stream_timeout may not be shorter than udp_timeout"),
        (OPEN | {"max_age": 60}, 'max_age needs filtering "address-and-port-dependent"'),
        ({"pool": 21}, "Input should be less than or equal to 20"),
        ({"mapping": "symmetric"}, "Input should be 'endpoint-independent', 'address-dependent' or 'address-and-port-"),
        ({"refresh": "inbound"}, "Input should be 'both' or 'outbound'"),
    ],
)
def test_a_nat_that_cannot_be_built_is_refused_with_what_can(said: dict[str, Any], sentence: str) -> None:
    assert refusal(Nat, **said).startswith(sentence)


@pytest.mark.parametrize(
    "said",
    [
        SYMMETRIC | {"pooling": "arbitrary", "pool": 2},
        SYMMETRIC | {"ports": "block", "block": [5000, 5000]},
        BY_ADDRESS,
        OPEN | {"hairpin": True},
        {"filtering": "address-dependent", "hairpin": True},
        {"max_age": 60},
        {"udp_timeout": 120},
    ],
)
def test_what_the_refusals_name_is_allowed(said: dict[str, Any]) -> None:
    Nat.model_validate(said)


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ({"nat": None, "budget": {"limit": 1}}, "a budget needs `nat`"),
        (
            {"via": "carrier", "gateway": {}},
            "gateway.new_address needs `nat` and via 'internet'; else say `new_address = false`",
        ),
        (
            {"nat": None, "gateway": {}},
            "gateway.new_address needs `nat` and via 'internet'; else say `new_address = false`",
        ),
        ({"via": "carrier", "nat": {"pool": 2}}, "nat.pool of 2 needs via 'internet'"),
        ({"lan": "10.0.0.0/25"}, "lan 10.0.0.0/25 is not between a /8 and a /24"),
        ({"lan": "10.0.0.1/24"}, "Input is not a valid IPv4 network"),
        ({"mtu": 1279}, "Input should be greater than or equal to 1280"),
        ({"udp": "closed"}, "Input should be 'open', 'blocked' or 'rejected'"),
    ],
)
def test_a_router_whose_words_would_have_no_effect_is_refused(said: dict[str, Any], sentence: str) -> None:
    assert refusal(Router, **said) == sentence


def test_a_gateway_without_a_pool_may_keep_the_address() -> None:
    assert Router.model_validate({"via": "carrier", "gateway": {"new_address": False}}).gateway


@pytest.mark.parametrize("said", [{}, {"via": "internet", "address": "10.0.0.1/24"}])
def test_an_interface_leads_somewhere_or_has_an_address_of_its_own(said: dict[str, str]) -> None:
    assert refusal(Interface, **said) == (
        "an interface has either `via` (a router or the internet) or an `address` of its own"
    )


@pytest.mark.parametrize("never", [float("inf"), float("nan")])
def test_times_are_numbers_that_pass(never: float) -> None:
    assert refusal(Gateway, outage=never) == "Input should be a finite number"
    assert refusal(Link, delay_ms=never) == "Input should be a finite number"
    with pytest.raises(ValidationError, match="finite number"):
        Event.model_validate({"what": "flush", "on": "home", "at": never})


def test_a_router_that_says_nothing_is_linux_masquerade() -> None:
    nat = Router().nat
    assert nat
    assert (nat.mapping, nat.filtering) == (Mapping.ENDPOINT_INDEPENDENT, Filtering.ADDRESS_AND_PORT_DEPENDENT)
    assert (nat.ports, nat.pool, nat.hairpin, nat.max_age) == (Ports.PRESERVING, 1, False, None)
    assert (nat.udp_timeout, nat.udp_stream_timeout, nat.refresh) == (30, 120, "both")


@pytest.mark.parametrize("name", ["internet", "server", "nowhere", "lo", "lan", "wan", "all", "default"])
def test_some_names_are_taken(name: str) -> None:
    with pytest.raises(ValidationError, match=f"routers.{name}: the name is taken"):
        network(routers={"home": {}, name: {}})
    with pytest.raises(ValidationError, match=f"hosts.{name}: the name is taken"):
        network(hosts=HOSTS | {name: HOSTS["operator"]})


def test_a_host_is_not_called_as_a_router() -> None:
    with pytest.raises(ValidationError, match=r"hosts\.home: the name is taken"):
        network(hosts=HOSTS | {"home": HOSTS["operator"]})


@pytest.mark.parametrize("name", ["Home", "home_2", "2home", "a-name-of-sixteen", "a b", ""])
def test_names_are_those_that_an_interface_may_have(name: str) -> None:
    with pytest.raises(ValidationError, match="should match pattern"):
        network(routers={"home": {}, name: {}})


def test_a_name_may_fill_an_interface_name() -> None:
    assert "a-name-of-15-ch" in network(routers={"home": {}, "a-name-of-15-ch": {}}).routers


@pytest.mark.parametrize("missing", ["robot", "operator"])
def test_a_network_has_a_robot_and_an_operator(missing: str) -> None:
    hosts = {name: host for name, host in HOSTS.items() if name != missing}
    with pytest.raises(ValidationError, match=f"missing host '{missing}'; there are {next(iter(hosts))}"):
        network(hosts=hosts)
    with pytest.raises(ValidationError, match="missing host 'robot'; there are none"):
        network(hosts={})


def test_a_via_that_is_nowhere_is_refused_with_all_that_there_are() -> None:
    with pytest.raises(ValidationError, match=r"routers\.home\.via: 'office' is not one of home, internet"):
        network(routers={"home": {"via": "office"}})
    with pytest.raises(ValidationError, match=r"hosts\.robot\.interfaces\.wlan0\.via: 'home' is not one of internet"):
        network(routers={})


def test_each_host_leads_somewhere() -> None:
    alone = {"interfaces": {"eth0": {"address": "10.0.0.1/24"}}}
    with pytest.raises(ValidationError, match=r"hosts\.third\.interfaces: at least one needs a `via`"):
        network(hosts=HOSTS | {"third": alone})


def test_routers_that_form_a_ring_are_refused() -> None:
    with pytest.raises(ValidationError, match=r"routers\.home\.via: routers form a ring: home -> home"):
        network(routers={"home": {"via": "home"}})
    with pytest.raises(ValidationError, match=r"routers\.home\.via: routers form a ring: home -> b -> c -> b"):
        network(routers={"home": {"via": "b"}, "b": {"via": "c"}, "c": {"via": "b"}})


def test_a_path_leads_from_the_router_up_to_the_internet() -> None:
    chain = network(routers={"carrier": {}, "home": {"via": "mifi"}, "mifi": {"via": "carrier"}})
    assert chain.path("home") == ["home", "mifi", "carrier"]
    assert chain.path("carrier") == ["carrier"]
    assert chain.path("internet") == []


def test_ipv6_reaches_only_as_far_as_every_router_passes_it_on() -> None:
    chain = network(routers={"top": {"ipv6": "one-way"}, "home": {"via": "top"}, "low": {"via": "home", "ipv6": "on"}})
    assert {name: chain.has_ipv6(name) for name in chain.routers} == {"top": True, "home": False, "low": False}


def event(what: Occasion | str, on: str, **when: Any) -> Event:
    return Event.model_validate({"what": what, "on": on, **when})


PLACES = network(
    routers={
        "carrier": {"gateway": {}, "nat": {"pool": 2}},
        "home": {"via": "carrier", "budget": {"of": "mappings", "limit": 5}},
        "bare": {"nat": None, "ipv6": "on"},
    },
    hosts={
        "robot": {"interfaces": {"wlan0": {"via": "home"}, "wwan0": {"via": "bare"}}},
        "operator": {"interfaces": {"eth0": {"via": "internet"}}},
        "guest": {"interfaces": {"eth0": {"via": "carrier"}}},
    },
)


@pytest.mark.parametrize(
    ("what", "on"),
    [
        (Occasion.CHANGE_PUBLIC_ADDRESS, {"carrier"}),
        (Occasion.REBIND_PORT, {"carrier", "home"}),
        (Occasion.FLUSH, {"carrier", "home"}),
        (Occasion.SUSPEND_RADIO, {"carrier", "home", "bare"}),
        (Occasion.BLOCK_UDP, {"carrier", "home", "bare"}),
        (Occasion.ONE_WAY_IPV6, {"bare"}),
        (Occasion.LINK_DOWN, {"robot", "operator", "guest"}),
        (Occasion.ADDRESS_REPLACED, {"operator"}),
        (Occasion.HANDOFF, {"robot"}),
    ],
)
def test_an_event_is_admitted_only_where_it_has_an_effect(what: Occasion, on: set[str]) -> None:
    for place in ("internet", "server", "", "nobody", *PLACES.routers, *PLACES.hosts):
        if place in on:
            PLACES.admits(event(what, place))
        else:
            with pytest.raises(
                ValueError, match=f"{what} cannot happen on '{place}', only on: {', '.join(sorted(on))}"
            ):
                PLACES.admits(event(what, place))


def test_where_nothing_can_happen_the_refusal_says_so() -> None:
    with pytest.raises(ValueError, match="handoff cannot happen on 'robot', only on: nothing here"):
        network().admits(event(Occasion.HANDOFF, "robot"))


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ({"what": "flush", "on": "away", "at": 1}, "events.0.on: flush cannot happen on 'away', only on: home"),
        ({"what": "flush", "on": "home"}, "events.0.what: flush needs one of at, mappings, first_stun"),
        (
            {"what": "flush", "on": "home", "at": 0, "first_stun": True},
            "events.0.what: flush needs one of at, mappings, first_stun",
        ),
        ({"what": "link-down", "on": "robot", "mappings": 3}, "events.0.what: link-down needs one of at"),
    ],
)
def test_a_declared_event_has_a_place_and_one_trigger(said: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValidationError) as caught:
        network(events=[said])
    assert sentence in str(caught.value)


@pytest.mark.parametrize("when", [{"at": 0}, {"mappings": 3}, {"first_stun": True}])
def test_each_trigger_alone_is_enough_for_a_router(when: dict[str, Any]) -> None:
    declared = network(events=[{"what": "flush", "on": "home", **when}])
    assert declared.events[0].triggers == list(when)


@pytest.mark.parametrize("what", Occasion)
def test_only_what_can_end_may_last(what: Occasion) -> None:
    if what in ("suspend-radio", "link-down", "block-udp", "one-way-ipv6"):
        assert event(what, "home", lasts=5).lasts == 5
    else:
        with pytest.raises(ValidationError, match=f"{what} does not last; these may: block-udp, link-down, one-way-ip"):
            event(what, "home", lasts=5)


def test_a_changed_copy_is_validated_and_leaves_its_original() -> None:
    nat = Nat()
    assert nat.but(filtering="endpoint-independent", hairpin=True).hairpin
    assert not nat.hairpin
    with pytest.raises(ValidationError, match="hairpin needs filtering"):
        nat.but(hairpin=True)
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        nat.but(hairpins=True)
    with pytest.raises(ValidationError, match="'home' is not one of internet"):
        network().but(routers={})


def test_a_declaration_cannot_be_changed_in_place() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Nat().hairpin = True
