"""Ctrl-C: what was put in place is taken away before the process ends."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine
from typing import Any, TypeVar

R = TypeVar("R")


def until_interrupted(work: Coroutine[Any, Any, R]) -> R:
    """Run to the end. The first Ctrl-C, SIGTERM or SIGHUP (a connection to the robot that died with its address)
    cancels the work, which then takes away what it put in place; later ones change nothing. Raises KeyboardInterrupt
    then.
    """
    return asyncio.run(_until_interrupted(work))


async def _until_interrupted(work: Coroutine[Any, Any, R]) -> R:
    task = asyncio.ensure_future(work)
    interrupted = False

    def interrupt() -> None:
        nonlocal interrupted
        if not interrupted:
            interrupted = True
            task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_IGN:  # nohup(1)
            continue
        asyncio.get_running_loop().add_signal_handler(number, interrupt)
    try:
        return await task
    except BaseException as problem:
        if interrupted:
            raise KeyboardInterrupt from problem
        raise
