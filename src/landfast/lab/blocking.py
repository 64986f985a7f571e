"""The laboratory without asyncio: `with BlockingLab("mifi") as lab: lab.run("robot", ["curl", …])`.

Its event loop has a thread of its own.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Sequence
from types import TracebackType
from typing import Any, TypeVar

from landfast.kernel.host import Completed, Host
from landfast.lab.lab import Lab, Violations
from landfast.lab.network import Network, Occasion
from landfast.lab.services import Services

T = TypeVar("T")


class BlockingLab:
    """The same as `Lab`, each method returning when it is done. `options` are Lab's."""

    def __init__(self, network: Network | str, **options: Any) -> None:
        self._lab = Lab(network, **options)
        self._runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)
        self._thread = threading.Thread(target=self._run, name="laboratory", daemon=True)

    def _run(self) -> None:
        with self._runner:  # leaving it ends what is still going on
            self._runner.get_loop().run_forever()

    def __enter__(self) -> BlockingLab:
        self._loop = self._runner.get_loop()
        self._thread.start()
        try:
            self.do(self._lab.__aenter__())
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.do(self._lab.__aexit__(kind, problem, trace))
        finally:
            self._stop()

    def _stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine in the laboratory's loop to its end."""
        doing = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return doing.result()
        except BaseException:
            doing.cancel()  # we were interrupted: nobody waits for it any more
            raise

    @property
    def services(self) -> Services:
        """Addresses of the servers."""
        return self._lab.services

    @property
    def environment(self) -> dict[str, str]:
        """What guests are told."""
        return self._lab.environment

    def host(self, name: str) -> Host:
        """A host, whose coroutines `do` runs: `lab.do(lab.host("robot").start(…))`."""
        return self._lab.host(name)

    def run(self, host: str, argv: Sequence[str], *, given: str = "") -> Completed:
        """Run a command on a host to its end, with the laboratory's environment."""
        return self.do(self._lab.host(host).run(argv, given=given, environment=self.environment))

    def event(self, what: Occasion | str, on: str = "", *, lasts: float | None = None) -> None:
        """Let something happen; see `Lab.event`."""
        self.do(self._lab.event(what, on, lasts=lasts))

    def violations(self) -> Violations:
        """The carrier's own count."""
        return self.do(self._lab.violations())
