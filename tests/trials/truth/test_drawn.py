from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from landfast.lab import topology
from landfast.trials.truth.declared import truth
from landfast.trials.truth.drawn import FAULTS, drawn

SEEDS = st.integers(0, 2**32)


@given(SEEDS)
def test_a_network_drawn_can_be_built_and_is_drawn_again_by_its_seed(seed: int) -> None:
    network = drawn(seed)
    topology.plan(network)
    assert network == drawn(seed)
    assert network.name == f"drawn-{seed}"


def test_every_fault_and_health_are_among_the_first_two_hundred() -> None:
    truths = [truth(drawn(seed)).must for seed in range(200)]
    assert frozenset() in truths
    assert max(map(len, truths)) > 1
    # Unpaired pools are symmetric too, and a carrier is one of the faults.
    assert len(frozenset().union(*truths)) == len(FAULTS)
