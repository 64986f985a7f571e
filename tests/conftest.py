"""What every test may use. A test that needs something of this machine says so: `@pytest.mark.needs("netem")`."""

from __future__ import annotations

import asyncio
import gc
import signal
import warnings
from collections.abc import Iterable

import pytest
from hypothesis import settings

from landfast.errors import CapabilityMissing
from landfast.kernel import capabilities

# No deadline: a busy machine is no defect. No database: a clone may be read-only.
settings.register_profile("landfast", deadline=None, database=None)
settings.load_profile("landfast")

# What every laboratory stands on; the mark `lab` stands for them.
LAB = ("namespaces", "veth", "nft-nat", "conntrack", "program ip", "program iptables", "program turnserver")


# A laboratory is real time on a machine that has other things to do: a claim about one that fails is tried once more,
# and is refuted when it fails again. The summary counts what had to be tried twice.
AGAIN = pytest.mark.flaky(reruns=1)


class Needs:
    """Skips tests whose capabilities are missing. Each capability is probed once, when the first test needs it."""

    def __init__(self) -> None:
        self._known: dict[str, CapabilityMissing | None] = {}

    def missing(self, names: Iterable[str]) -> CapabilityMissing | None:
        """The first that is missing of `names`."""
        unknown = [name for name in names if name not in self._known]
        if unknown:
            self._known |= asyncio.run(capabilities.probe(unknown))
        return next((problem for name in names if (problem := self._known[name])), None)

    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        names = [name for mark in item.iter_markers("needs") for name in mark.args]
        if item.get_closest_marker("lab"):
            names = [*LAB, *names]
        if problem := self.missing(names):
            pytest.skip(str(problem))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        in_the_kernel = item.get_closest_marker("lab") or item.get_closest_marker("needs")
        if in_the_kernel and not item.get_closest_marker("proof"):
            item.add_marker(AGAIN)


class Failed:
    """What a failed attempt left open ends before the next test, and is not laid at that one's door."""

    def __init__(self) -> None:
        self._failed = ""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if str(report.outcome) == "rerun":  # a word of the plugin, not of pytest
            self._failed = report.nodeid

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        if self._failed not in ("", item.nodeid):
            self._failed = ""
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ResourceWarning)
                gc.collect()


def pytest_configure(config: pytest.Config) -> None:
    # Who is started in the background, or under nohup, ignores these, and so would every program under test.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    config.pluginmanager.register(Needs(), "landfast-needs")
    config.pluginmanager.register(Failed(), "landfast-failed")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
