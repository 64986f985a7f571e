from __future__ import annotations

import pytest

from landfast.lab import parse
from landfast.trials.truth.examine import examine, lossy

lab = pytest.mark.lab
anyio = pytest.mark.anyio


def test_packets_are_lost_on_the_cable_to_the_first_router_and_nowhere_else() -> None:
    before = parse.profile("mifi")
    after = lossy(before, 0.1)
    assert after.hosts["robot"].interfaces["wlan0"].link.loss == 0.1
    assert lossy(after, 0.0) == before


@lab
@anyio
async def test_doctor_is_asked_on_the_robot_and_compared_with_the_declaration() -> None:
    run = await examine(parse.profile("mtu-black-hole"), options=("--only", "mtu"))
    assert not run.problem
    assert run.found == {"path-mtu-black-hole"} == run.truth.must
    assert not run.missed | run.wrong


@lab
@anyio
async def test_a_doctor_that_gives_no_answer_is_a_problem_of_that_run() -> None:
    run = await examine(parse.profile("open"), options=("--no-such-option",))
    assert run.problem.startswith("exit 2: ")
    assert not run.found
