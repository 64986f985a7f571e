"""`python -m bench [NAME…]`: run benches, print tables, write build/bench/NAME.json."""

from __future__ import annotations

import asyncio
import importlib
import sys

from bench import measure

BENCHES = ("cli_start", "lab_start", "wire", "doctor")


def main(names: list[str]) -> int:
    """Run the named benches, or all. Exit code 2 for a name that is none."""
    if unknown := set(names) - set(BENCHES):
        sys.stderr.write(f"no bench is called {', '.join(sorted(unknown))}; there are: {', '.join(BENCHES)}\n")
        return 2
    for name in names or BENCHES:
        rows = asyncio.run(importlib.import_module(f"bench.{name}").run())
        measure.report(name, rows)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
