"""A program that heeds a signal, without a moment in which it would be lost or a child that outlives it."""

from __future__ import annotations

import signal

_SOURCE = """
import signal, sys
wanted = {{{number}}}
signal.pthread_sigmask(signal.SIG_BLOCK, wanted)
print("ready", flush=True)
{then}
signal.sigwait(wanted)
print("heard", flush=True)
sys.exit(4)
"""


def heeding(number: signal.Signals, then: str = "") -> list[str]:
    """Its command: it says `ready`, does `then`, waits for the signal, says `heard` and ends with 4."""
    return ["/usr/bin/python3", "-c", _SOURCE.format(number=int(number), then=then)]
