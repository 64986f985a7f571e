"""A worker program: `python -m landfast.trials.campaign.worker`. Plays the histories of the seeds it is told.

Reads lines `FIRST COUNT` from standard input, and writes a tally as one line of JSON for each. Its input's end is its
own.
"""

from __future__ import annotations

import gc
import json
import sys
from typing import TextIO

from landfast.trials.campaign.drawn import drawn
from landfast.trials.campaign.play import play
from landfast.trials.campaign.tally import Tally

_YOUNG = 50_000
"""Objects until the collector looks for rings again: most of what a history makes is gone without it."""


def work(asked: TextIO, told: TextIO) -> None:
    """Until there is no more to do."""
    for line in asked:
        first, count = map(int, line.split())
        tally = Tally()
        for seed in range(first, first + count):
            tally.add(seed, play(drawn(seed)))
        told.write(json.dumps(tally.document()) + "\n")
        told.flush()


if __name__ == "__main__":
    gc.freeze()
    gc.set_threshold(_YOUNG)
    work(sys.stdin, sys.stdout)
