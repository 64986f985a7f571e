from __future__ import annotations

import random
from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from landfast.diagnose.estimates import inbound_refreshes, lifetime
from landfast.diagnose.evidence import Evidence
from landfast.model.facts import BindingTried, State
from landfast.probes.lifetime.plan import STREAM_AFTER, plan
from landfast.probes.lifetime.progress import CONVINCING, STATES, Progress

SERVER = ("198.51.100.5", 3490)


def tried(state: State, silent: float, arrived: bool, *, works: bool = True, inbound: bool = False) -> BindingTried:
    by = "inbound" if inbound else "nothing"
    return BindingTried(silent, SERVER, state, silent, silent, arrived, works, by)  # type: ignore[arg-type]


def clear(longest: float = 130.0) -> Progress:
    progress = Progress(longest)
    progress.companions(1000, 1000)
    return progress


def test_a_binding_is_gone_when_its_packets_cannot_all_have_been_lost() -> None:
    progress = clear()
    progress.hear(tried("unreplied", 19.9, True))
    for count in range(CONVINCING):
        assert progress.dead("unreplied") is None, count
        progress.hear(tried("unreplied", 20.1, False))
    assert progress.dead("unreplied") == 20.1


def test_the_more_is_lost_the_more_packets_it_takes() -> None:
    progress = clear()
    progress.companions(1000, 810)
    progress.hear(tried("unreplied", 19.9, True))
    for _ in range(6):
        progress.hear(tried("unreplied", 20.1, False))
    assert progress.dead("unreplied") is None
    progress.hear(tried("unreplied", 20.5, False))
    assert progress.dead("unreplied") == 20.1


def test_at_the_beginning_nothing_is_known_of_the_loss() -> None:
    assert Progress(130).loss == 0.5


def test_who_lived_longer_shows_that_packets_were_lost() -> None:
    progress = clear()
    for _ in range(9):
        progress.hear(tried("replied", 10, False))
    assert progress.dead("replied") is None, "nothing ever arrived"
    progress.hear(tried("replied", 12, True))
    assert progress.dead("replied") is None


def test_silence_of_a_path_that_is_down_is_none() -> None:
    progress = clear()
    progress.hear(tried("stream", 5, True))
    for _ in range(9):
        progress.hear(tried("stream", 20, False, works=False))
    assert progress.dead("stream") is None


def test_shorter_silences_that_are_not_over_are_waited_for() -> None:
    progress = clear()
    progress.expect("unreplied", 15)
    progress.expect("unreplied", 40)
    progress.hear(tried("unreplied", 10, True))
    for _ in range(3):
        progress.hear(tried("unreplied", 20, False))
    assert not progress.settled("unreplied")
    progress.over("unreplied", 15)
    assert progress.settled("unreplied")


def test_after_the_last_trial_nothing_more_can_be_learned() -> None:
    progress = clear(130)
    progress.expect("stream", 130)
    assert not progress.finished(200)
    progress.over("stream", 130)
    assert progress.finished(200)


def test_an_age_is_waited_for() -> None:
    progress = Progress(130, oldest=80)
    assert not progress.finished(79.9)
    assert progress.finished(80)
    progress.died()
    assert progress.finished(60)


@dataclass(frozen=True)
class World:
    """A NAT, a path and a fake clock."""

    unreplied: float
    stream: float
    inbound: bool
    loss: float
    seed: int


WORLDS = st.builds(
    World, st.floats(6, 60), st.floats(60, 125), st.booleans(), st.sampled_from([0.0, 0.02, 0.1]), st.integers(0, 99)
)


def played(world: World) -> tuple[list[BindingTried], float]:
    """The facts of a measurement, and when it was finished."""
    chance, made = random.Random(world.seed), plan(130, 200)
    progress, facts, sent, arrived = Progress(130), [], 30, 30
    lives: dict[State, float] = {"unreplied": world.unreplied, "replied": world.unreplied, "stream": world.stream}
    moments: list[tuple[float, State, float, bool]] = []
    for trial in made.trials:
        progress.expect(trial.state, trial.silent)
        begins = STREAM_AFTER if trial.state == "stream" else 0
        moments.append((begins + trial.silent, trial.state, trial.silent, False))
    fed = [STREAM_AFTER + number * made.inbound_every / 2 for number in range(250)]
    moments += [(age, "stream", age, True) for age in fed]
    for now, state, silent, inbound in sorted(moments):
        alive = world.inbound if inbound and silent >= world.stream else silent < lives[state]
        copies = [chance.random() >= world.loss for _ in range(1 if inbound else 3)]
        sent, arrived = sent + 2, arrived + sum(chance.random() >= 1 - (1 - world.loss) ** 2 for _ in range(2))
        progress.companions(sent, arrived)
        for copy in [True] if alive and any(copies) else copies:
            fact = tried(state, silent, alive and copy, inbound=inbound)
            facts.append(fact)
            progress.hear(fact)
        if not inbound:
            progress.over(state, silent)
        if progress.finished(now):
            return facts, now
    raise AssertionError("it never ends")


@settings(max_examples=25)  # a second each ten
@given(WORLDS)
def test_it_ends_soon_after_the_longest_lifetime_and_the_judge_knows_them_all(world: World) -> None:
    facts, ended = played(world)
    evidence = Evidence(facts)
    for state, true in (("unreplied", world.unreplied), ("replied", world.unreplied), ("stream", world.stream)):
        measured = lifetime(evidence, state)  # type: ignore[arg-type]
        assert measured is not None
        if true < 110:
            assert measured.dead is not None, state
            assert measured.alive <= true <= measured.dead
    assert set(STATES) == {fact.state for fact in facts}
    if world.stream < 110 and not world.loss:
        assert inbound_refreshes(evidence) is world.inbound
    if world.stream < 70 and not world.loss:  # the replied's moments are 5 s apart, and 15 beyond 75
        assert ended <= STREAM_AFTER + world.stream + 15


def test_an_age_is_known_when_all_that_were_kept_alive_have_died() -> None:
    progress = Progress(130, 130, kept=2)
    progress.died()
    assert not progress.aged
    progress.died()
    assert progress.aged


@given(st.integers(0, 1000), st.integers(0, 1000))
def test_what_is_left_of_the_copies_convinces_unless_most_are_lost(arrived: int, lost: int) -> None:
    progress = Progress(130)
    progress.companions(arrived + lost, arrived)
    assert CONVINCING <= progress.copies <= 24
    if progress.loss <= 0.3:
        assert progress.convincing(int(progress.copies * (1 - progress.loss)))
