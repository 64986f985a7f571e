from __future__ import annotations

from collections.abc import Sequence

import pytest

from landfast.kernel.host import Host as HostHere
from landfast.lab import topology
from landfast.lab.lab import Lab
from landfast.lab.network import Host, Link, Router
from landfast.lab.verify import cables
from landfast.lab.verify.deep import _Site
from landfast.lab.verify.measured import NONE, Row
from landfast.lab.verify.points import points
from tests.lab.verify import wrong
from tests.lab.verify.slow import busy, differences, missed, site

pytestmark = [pytest.mark.anyio, pytest.mark.lab]


async def ask(at: _Site) -> Sequence[Row]:
    async with at._busy, at._lab() as lab:
        return await cables.rows(at.plan, lab.host)


@pytest.mark.proof
async def test_each_link_that_was_built_otherwise_is_caught_and_named() -> None:
    assert await missed(wrong.CABLES, ask) == {}


async def test_a_link_is_measured_in_the_words_of_its_declaration() -> None:
    link = Link(delay_ms=30, jitter_ms=5, loss=0.05, rate_kbit=2000)
    robot = Host.model_validate({"interfaces": {"wlan0": {"via": "home", "link": link}}})
    rows = await ask(site(wrong.network(robot=robot)))
    assert differences(rows) == []
    seen = {row.axis: row.observed for row in rows if row.place == "robot"}
    assert set(seen) == {f"interfaces.wlan0.link.{axis}" for axis in Link.model_fields}
    assert None not in [row.observed for row in rows if not busy(row)]


async def test_a_plain_cable_does_nothing() -> None:
    rows = await ask(site(wrong.network()))
    assert {
        (row.place, row.axis.rpartition(".")[2]): row.observed for row in rows if row.axis.endswith("rate_kbit")
    } == {(place, "rate_kbit"): NONE for place in ("robot", "operator", "home")}
    assert differences(rows) == []


async def test_a_cable_whose_address_is_not_there_is_unknown() -> None:
    declared = site(wrong.network(Router.model_validate({"lan": "192.168.9.0/24"})))
    async with Lab(wrong.network(), verified=False, served=False) as lab:
        rows = await cables.rows(declared.plan, lab.host)
    assert [(row.axis, row.observed) for row in rows if row.place == "robot"] == [
        ("interfaces.wlan0.link.delay_ms", None)
    ]


@pytest.mark.parametrize(
    ("observed", "late", "known"),
    [(20.0, 50.0, True), (24.0, 3.0, False), (24.0, 2.0, True), (60.0, 5.0, True), (0.0, 5.0, True)],
)
def test_what_a_busy_machine_explains_is_unknown(observed: float, late: float, known: bool) -> None:
    plan = topology.plan(wrong.network())
    cable = cables._Cable(plan, points(plan)[0], lambda _: HostHere.here())
    cable._late_ms = late
    row = cable._unless_busy(Row("robot", "link.delay_ms", 20.0, observed, "", tolerance=1.5))
    assert (row.observed is not None) is known
