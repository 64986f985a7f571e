"""`python -m landfast.servers.reflector --listen ADDRESS`: prints one line of JSON when it listens, and runs until it
is told to stop or whoever started it is gone."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence

from landfast.servers import running
from landfast.servers.reflector.serve import serve
from landfast.servers.reflector.settings import Settings


def settings(argv: Sequence[str]) -> Settings:
    """Read a command line, as `serve.arguments` writes it."""
    parser = argparse.ArgumentParser(prog="landfast.servers.reflector", description="STUN that helps landfast doctor.")
    parser.add_argument("--listen", metavar="ADDRESS", action="append", required=True)
    parser.add_argument("--public", metavar="ADDRESS", action="append", default=[])
    parser.add_argument("--port", type=int, default=Settings.port)
    parser.add_argument("--other-port", type=int, default=Settings.other_port)
    parser.add_argument("--control", type=int, default=Settings.control)
    said = parser.parse_args(argv)
    return Settings(tuple(said.listen), said.port, said.other_port, said.control, tuple(said.public))


async def _main(wanted: Settings) -> None:
    async with serve(wanted):
        sys.stdout.write(json.dumps({"listening": wanted.endpoints}) + "\n")
        sys.stdout.flush()
        await running.until_stopped()


if __name__ == "__main__":
    asyncio.run(_main(settings(sys.argv[1:])))
