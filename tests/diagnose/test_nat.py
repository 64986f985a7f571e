from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from landfast.diagnose.nat import CONVINCING_SILENCE, ENOUGH_MAPPINGS, behaviour
from landfast.model.facts import ChangedResponse, Endpoint, Fact, MappedAddress, NoReply
from landfast.model.nat import Filtering, Mapping, NatBehaviour, Pooling

X, X_PORT, Y = ("198.51.100.5", 3478), ("198.51.100.5", 3479), ("198.51.100.6", 3478)
LOCAL = ("192.168.1.10", 40000)


def seen(*rows: tuple[Endpoint, str], local: Endpoint = LOCAL, start: float = 0) -> list[Fact]:
    """`(server, "address:port")` in order of time, 10 ms apart."""
    facts: list[Fact] = []
    for number, (server, mapped) in enumerate(rows):
        address, _, port = mapped.rpartition(":")
        facts.append(MappedAddress(start + number / 100, server, local, (address, int(port))))
    return facts


def asked(responder: Endpoint, sent: int, received: int, *, port: int = 50000, answering: bool = True) -> list[Fact]:
    """A filtering question on its own socket, plain ones around it, and the responder asked by another socket."""
    local = (LOCAL[0], port)
    around = seen((X, f"203.0.113.1:{port}"), (X, f"203.0.113.1:{port}"), local=local)
    answers = seen((responder, "203.0.113.1:60000"), local=(LOCAL[0], 60000)) if answering else []
    return [around[0], ChangedResponse(0.005, local, X, responder, sent, received), *around[1:], *answers]


A, B = "203.0.113.1", "203.0.113.2"


@pytest.mark.parametrize(
    ("rows", "mapping"),
    [
        ([(X, f"{A}:1"), (Y, f"{A}:1")], Mapping.ENDPOINT_INDEPENDENT),
        ([(X, f"{A}:1"), (X_PORT, f"{A}:1"), (Y, f"{A}:2"), (X, f"{A}:1")], Mapping.ADDRESS_DEPENDENT),
        ([(X, f"{A}:1"), (X_PORT, f"{A}:2"), (X, f"{A}:1")], Mapping.ADDRESS_AND_PORT_DEPENDENT),
        ([(X, f"{A}:1"), (X_PORT, f"{A}:1")], None),  # one address of a server tells nothing of another
        ([(X, f"{A}:1")], None),
        ([(X, f"{A}:1"), (Y, f"{A}:2")], None),  # may have been replaced in between
        ([(X, f"{A}:1"), (Y, f"{B}:1")], None),  # the public address may have changed in between
        ([(X, f"{A}:1"), (Y, f"{B}:1"), (X, f"{B}:1")], Mapping.ENDPOINT_INDEPENDENT),  # and here it has
        ([(X, f"{A}:1"), (Y, f"{A}:2"), (X, f"{A}:1")], None),  # of address, or of address and port?
        ([(X, f"{A}:1"), (X_PORT, f"{A}:2"), (Y, f"{A}:3"), (X, f"{A}:4")], None),
    ],
)
def test_mapping(rows: list[tuple[Endpoint, str]], mapping: Mapping | None) -> None:
    assert behaviour(seen(*rows)).mapping is mapping


def test_a_changed_address_an_unpaired_pool_and_a_changed_port_are_told_apart() -> None:
    changed = behaviour(seen((X, f"{A}:1"), (X, f"{B}:1")))
    assert (changed.address_changed, changed.port_changed, changed.pooling) == (True, False, None)
    port = behaviour(seen((X, f"{A}:1"), (X, f"{A}:2")))
    assert (port.address_changed, port.port_changed, port.pooling) == (False, True, None)
    pool = behaviour(seen((X, f"{A}:1"), (X_PORT, f"{B}:2"), (X, f"{A}:1")))
    assert (pool.address_changed, pool.port_changed, pool.pooling) == (False, False, Pooling.ARBITRARY)


def test_no_change_is_claimed_for_a_time_that_nobody_watched() -> None:
    later = behaviour([*seen((X, f"{A}:1"), (X, f"{A}:1")), *seen((X, f"{A}:9"), local=(LOCAL[0], 9), start=1)])
    assert (later.address_changed, later.port_changed) == (None, None)


def test_a_mapping_that_may_have_expired_proves_no_new_address() -> None:
    facts = [*seen((X, f"{A}:1")), *seen((X, f"{B}:1"), start=60)]
    assert behaviour(facts).address_changed is None


def test_a_pool_is_paired_only_after_many_mappings() -> None:
    facts = [fact for n in range(ENOUGH_MAPPINGS) for fact in seen((X, f"{A}:{n}"), local=(LOCAL[0], n))]
    assert behaviour(facts).pooling is Pooling.PAIRED
    assert behaviour(facts[1:]).pooling is None


def test_equal_ports_in_an_arbitrary_pool_may_be_luck() -> None:
    lucky = seen((X, f"{A}:7"), (Y, f"{A}:7"), (X, f"{A}:7"), local=(LOCAL[0], 7))
    other = seen((X, f"{B}:8"), local=(LOCAL[0], 8), start=0.005)
    assert behaviour(lucky).mapping is Mapping.ENDPOINT_INDEPENDENT
    judged = behaviour([*lucky, *other])
    assert (judged.pooling, judged.mapping) == (Pooling.ARBITRARY, None)


@pytest.mark.parametrize(
    ("facts", "filtering"),
    [
        ([*asked(Y, 1, 1)], Filtering.ENDPOINT_INDEPENDENT),
        ([*asked(Y, 5, 0), *asked(X_PORT, 1, 1, port=50001)], Filtering.ADDRESS_DEPENDENT),
        ([*asked(Y, 5, 0), *asked(X_PORT, 5, 0, port=50001)], Filtering.ADDRESS_AND_PORT_DEPENDENT),
        ([*asked(X_PORT, 5, 0)], Filtering.ADDRESS_AND_PORT_DEPENDENT),
        ([*asked(Y, 5, 0)], None),  # of address, or of address and port?
        ([*asked(X_PORT, 1, 1)], None),
        ([*asked(Y, 5, 0), *asked(X_PORT, 4, 0, port=50001)], None),  # four losses happen
        ([*asked(X_PORT, 2, 0), *asked(X_PORT, 3, 0, port=50001)], Filtering.ADDRESS_AND_PORT_DEPENDENT),
        ([*asked(X_PORT, 5, 0, answering=False)], None),  # a responder that nobody ever heard
        ([*asked(X_PORT, 5, 0)[:2], *asked(X_PORT, 5, 0)[3:]], None),  # the path may have died
        ([NoReply(0.001, Y, (LOCAL[0], 50000), 0.0), *asked(Y, 1, 1)], None),  # asked before: no stranger any more
        ([*seen((X_PORT, f"{A}:50000"), local=(LOCAL[0], 50000)), *asked(X_PORT, 1, 1), *asked(Y, 5, 0)], None),
    ],
)
def test_filtering(facts: list[Fact], filtering: Filtering | None) -> None:
    assert behaviour(facts).filtering is filtering


def test_nothing_is_known_without_an_answer() -> None:
    unanswered = ChangedResponse(0, LOCAL, X, Y, 5, 0)
    assert behaviour([]) == behaviour([NoReply(1, X, LOCAL, 0), unanswered]) == NatBehaviour()


def test_no_translation_is_told() -> None:
    judged = behaviour(seen((X, "192.168.1.10:40000"), (Y, "192.168.1.10:40000"), (X, "192.168.1.10:40000")))
    assert (judged.translated, judged.port_preserved, judged.mapping) == (False, True, Mapping.ENDPOINT_INDEPENDENT)


@dataclass
class ModelNat:
    """A NAT in memory, of any kind."""

    mapping: Mapping
    filtering: Filtering
    pooling: Pooling
    preserving: bool
    chance: random.Random
    pool: list[str] = field(default_factory=lambda: [f"203.0.113.{n}" for n in range(1, 5)])
    ports: Iterator[int] = field(default_factory=lambda: count(1024))
    mappings: dict[tuple[Endpoint, Endpoint], Endpoint] = field(default_factory=dict)
    met: set[tuple[Endpoint, Endpoint]] = field(default_factory=set)

    def outbound(self, local: Endpoint, server: Endpoint) -> Endpoint:
        self.met.add((local, server))
        towards = {
            Mapping.ENDPOINT_INDEPENDENT: ("", 0),
            Mapping.ADDRESS_DEPENDENT: (server[0], 0),
            Mapping.ADDRESS_AND_PORT_DEPENDENT: server,
        }[self.mapping]
        if (local, towards) not in self.mappings:
            address = self.pool[0] if self.pooling is Pooling.PAIRED else self.chance.choice(self.pool)
            self.mappings[local, towards] = (address, local[1] if self.preserving else next(self.ports))
        return self.mappings[local, towards]

    def lets_in(self, local: Endpoint, source: Endpoint) -> bool:
        met = {server for mine, server in self.met if mine == local}
        return {
            Filtering.ENDPOINT_INDEPENDENT: True,
            Filtering.ADDRESS_DEPENDENT: source[0] in {address for address, _ in met},
            Filtering.ADDRESS_AND_PORT_DEPENDENT: source in met,
        }[self.filtering]

    def flush(self, new_address: bool) -> None:
        self.mappings.clear()
        self.met.clear()
        if new_address:
            self.pool = [address.replace(".113.", ".114.") for address in self.pool]


@st.composite
def nats(draw: st.DrawFn) -> ModelNat:
    mapping = draw(st.sampled_from(Mapping))
    # A dependent mapping that preserves ports cannot be told from an independent one, and is one in effect.
    preserving = mapping is Mapping.ENDPOINT_INDEPENDENT and draw(st.booleans())
    return ModelNat(
        mapping,
        draw(st.sampled_from(Filtering)),
        draw(st.sampled_from(Pooling)),
        preserving,
        random.Random(draw(st.integers(0, 2**32))),
    )


SOCKETS = 16


def questions() -> Iterator[tuple[Endpoint, Endpoint, Endpoint | None]]:
    """`(local, server, responder)` in the order that the judge asks for; responder None: a plain question."""
    for number in range(SOCKETS):
        local = ("192.168.1.10", 40000 + number)
        yield from ((local, server, None) for server in (X, X_PORT, Y, X))
    for number, responder in enumerate((Y, X_PORT)):
        local = ("192.168.1.10", 50000 + number)
        yield from ((local, X, None), (local, X, responder), (local, X, None))
    yield ("192.168.1.10", 40000), X, None


QUESTIONS = list(questions())


def ask(nat: ModelNat, flushes: dict[int, bool], lost: dict[int, int]) -> list[Fact]:
    """Play them. Before number n comes `flushes[n]`, with a new address or not; `lost[n]` of its requests vanish."""
    facts: list[Fact] = []
    for number, (local, server, responder) in enumerate(QUESTIONS):
        if number in flushes:
            nat.flush(new_address=flushes[number])
        at = number / 100
        gone = lost.get(number, 0)
        mapped = nat.outbound(local, server)
        if responder is not None:
            received = 1 if nat.lets_in(local, responder) and gone < CONVINCING_SILENCE else 0
            sent = min(gone + 1, CONVINCING_SILENCE) if received else CONVINCING_SILENCE - gone
            facts.append(ChangedResponse(at, local, server, responder, sent, received))
        elif gone:
            facts.append(NoReply(at, server, local, at))
        else:
            facts.append(MappedAddress(at, server, local, mapped))
    return facts


@given(nats())
def test_every_kind_of_nat_is_told_when_all_answers_arrive(nat: ModelNat) -> None:
    truth = (nat.mapping, nat.filtering, nat.pooling, nat.preserving)
    judged = behaviour(ask(nat, {}, {}))
    assert (judged.mapping, judged.filtering, judged.pooling, judged.port_preserved) == truth
    assert (judged.translated, judged.address_changed, judged.port_changed) == (True, False, False)


LOSSES = st.dictionaries(st.integers(0, len(QUESTIONS) - 1), st.integers(1, CONVINCING_SILENCE - 1))
FLUSHES = st.dictionaries(st.integers(1, len(QUESTIONS) - 1), st.booleans(), max_size=2)


@settings(max_examples=400)
@given(nats(), LOSSES, st.sets(st.sampled_from([X, X_PORT, Y])), FLUSHES, st.randoms(use_true_random=False))
def test_whatever_is_missing_nothing_wrong_is_said(
    nat: ModelNat, lost: dict[int, int], dead: set[Endpoint], flushes: dict[int, bool], shuffle: random.Random
) -> None:
    """Answers lost at random, whole servers silent, mappings flushed and the address changed in the midst."""
    facts = [silenced(fact, dead) for fact in ask(nat, flushes, lost)]
    shuffle.shuffle(facts)
    judged = behaviour(facts)
    assert judged.mapping in (nat.mapping, None)
    assert judged.filtering in (nat.filtering, None)
    assert judged.pooling in (nat.pooling, None)
    if nat.pooling is Pooling.PAIRED or not flushes:  # else a flow's new mapping may stand anywhere in the pool
        assert judged.address_changed in (any(flushes.values()), None)
    assert not (judged.port_changed and not flushes)
    assert judged.translated in (True, None)


def silenced(fact: Fact, dead: set[Endpoint]) -> Fact:
    if isinstance(fact, MappedAddress) and fact.server in dead:
        return NoReply(fact.at, fact.server, fact.local, fact.at)
    if isinstance(fact, ChangedResponse) and fact.responder in dead:
        return replace(fact, sent=CONVINCING_SILENCE, received=0)
    return fact


def test_a_socket_that_follows_the_routes_tells_nothing_of_translation() -> None:
    fact = MappedAddress(1.0, ("198.51.100.5", 3478), ("0.0.0.0", 4000), ("192.168.1.10", 4000))
    assert behaviour([fact]).translated is None
    assert behaviour([replace(fact, local=("192.168.1.10", 4000))]).translated is False
