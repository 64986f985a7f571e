from __future__ import annotations

import json

from landfast.trials.campaign.invariants import Violation
from landfast.trials.campaign.play import Result
from landfast.trials.campaign.tally import Tally, read

WELL = Result((), (0.1, 0.3), 100, connected=True)
ILL = Result((Violation("amplification", 1.0, "robot", "words"),) * 2, (2.0,), 50, connected=False)


def counted() -> Tally:
    tally = Tally()
    tally.add(1, WELL)
    tally.add(2, ILL)
    return tally


def test_histories_failures_and_recoveries_are_counted() -> None:
    tally = counted()
    assert (tally.histories, tally.connected, tally.failed, tally.packets) == (2, 1, 1, 150)
    assert tally.violated == {"amplification": 1}
    assert tally.failures[0].seed == 2
    assert (tally.quantile(0.5), tally.quantile(1.0)) == (0.3, 2.0)


def test_without_a_recovery_there_is_no_time() -> None:
    assert Tally().quantile(0.5) is None


def test_a_tally_passes_a_pipe() -> None:
    assert read(json.loads(json.dumps(counted().document()))) == counted()


def test_parts_are_added() -> None:
    whole = counted()
    whole.merge(counted())
    assert (whole.histories, whole.failed, len(whole.failures)) == (4, 2, 2)
    assert whole.recoveries.total() == 6
