"""How long `landfast --help` takes, beside the bare interpreter and an interpreter that imports typer."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable

from bench.measure import Row, alternating
from landfast.kernel.host import Host

TIMES = 15


async def run() -> list[Row]:
    """Whole processes."""

    def program(*argv: str) -> Callable[[], Awaitable[object]]:
        async def work() -> None:
            (await Host.here().run([sys.executable, *argv])).checked()

        return work

    arms = {
        "landfast --help": program("-m", "landfast", "--help"),
        "landfast lab list": program("-m", "landfast", "lab", "list"),
        "python -c 'import typer'": program("-c", "import typer"),
        "python -c pass": program("-c", "pass"),
    }
    return await alternating("start", arms, TIMES)
