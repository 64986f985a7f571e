from __future__ import annotations

import io
import json

from landfast.trials.campaign.tally import read
from landfast.trials.campaign.worker import work


def test_each_line_is_answered_with_a_tally() -> None:
    told = io.StringIO()
    work(io.StringIO("5 2\n60 1\n"), told)
    tallies = [read(json.loads(line)) for line in told.getvalue().splitlines()]
    assert [tally.histories for tally in tallies] == [2, 1]
    assert all(tally.packets for tally in tallies)
