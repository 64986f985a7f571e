from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest

from landfast.errors import CapabilityMissing
from landfast.kernel import sysctl
from landfast.kernel.fake import FakeHost, Route
from landfast.kernel.host import Completed, Host
from landfast.lab.lab import Lab
from landfast.model.address import InterfaceAddress
from landfast.model.facts import Confined, DefaultRouteSeen, ForeignSourcePossible, InterfaceSeen, decode
from landfast.probes import interfaces
from landfast.probes.questions import Interfaces
from tests.lan import lan
from tests.probes.hearing import Told

pytestmark = pytest.mark.anyio


class Unprivileged(FakeHost):
    """Where rules may not be read."""

    async def run(
        self, argv: Sequence[str], *, given: str = "", environment: Mapping[str, str] | None = None
    ) -> Completed:
        if argv[0] != "ip":
            raise CapabilityMissing("CAP_NET_ADMIN", "root")
        return await super().run(argv, given=given, environment=environment)


def fake(root: Path, kind: type[FakeHost] = FakeHost) -> FakeHost:
    addresses = [
        ("lo", "127.0.0.1", 8),
        ("wlan0", "192.168.1.10", 24),
        ("eth1", "10.42.0.1", 24),
        ("eth1", "fd00::1", 64),
    ]
    return kind(
        root,
        addresses=[InterfaceAddress(name, ip_address(address), prefix) for name, address, prefix in addresses],
        routes=[Route(ip_network("0.0.0.0/0"), "wlan0", 600)],
    )


async def told(host: Host) -> Told:
    tell = Told()
    await interfaces.ask(host, Interfaces(), tell)
    return tell


async def test_what_is_there_is_told_and_an_address_without_a_way_out_cannot_leak(tmp_path: Path) -> None:
    found = await told(fake(tmp_path))
    assert {(fact.interface, fact.addresses) for fact in found.of(InterfaceSeen)} == {
        ("lo", ("127.0.0.1/8",)),
        ("wlan0", ("192.168.1.10/24",)),
        ("eth1", ("10.42.0.1/24", "fd00::1/64")),
    }
    assert [(fact.interface, fact.family, fact.metric) for fact in found.of(DefaultRouteSeen)] == [("wlan0", 4, 600)]
    [possible] = found.of(ForeignSourcePossible)
    assert (possible.source, possible.interface, possible.egress) == ("10.42.0.1", "eth1", "wlan0")
    assert (possible.covered_by, possible.rules_known) == (None, True)


async def test_rules_that_may_not_be_read_are_unknown(tmp_path: Path) -> None:
    [possible] = (await told(fake(tmp_path, Unprivileged))).of(ForeignSourcePossible)
    assert (possible.covered_by, possible.rules_known) == (None, False)


async def test_without_nft_the_rules_of_iptables_are_known(tmp_path: Path) -> None:
    host = fake(tmp_path)
    host.lacks = {"nft"}
    host.iptables[4](["iptables-restore"], "*nat\n-A POSTROUTING -o wlan0 -j MASQUERADE\nCOMMIT\n")
    [possible] = (await told(host)).of(ForeignSourcePossible)
    assert possible.rules_known
    assert possible.covered_by
    assert "-o wlan0" in possible.covered_by


async def test_without_ip_nothing_can_be_asked(tmp_path: Path) -> None:
    host = fake(tmp_path)
    host.lacks = {"ip"}
    with pytest.raises(CapabilityMissing, match="program ip"):
        await told(host)


@pytest.mark.parametrize("mark", interfaces.MARKS)
async def test_a_container_is_confined_unless_it_has_the_hosts_network(mark: str, tmp_path: Path) -> None:
    host = fake(tmp_path)
    (tmp_path / mark).parent.mkdir(parents=True, exist_ok=True)
    assert not (await told(host)).of(Confined)
    (tmp_path / mark).touch()
    assert [fact.by for fact in (await told(host)).of(Confined)] == [f"/{mark}"]
    host.sysctls[interfaces.ONLY_INITIAL] = "1000"
    assert not (await told(host)).of(Confined)


# Who may not look at other processes.
UNPRIVILEGED = ("unshare", "--user", "--map-user=1000", "--map-group=1000")
_PROGRAM = """\
import asyncio, pathlib, sys
from landfast.kernel.host import LocalHost
from landfast.model.facts import encode
from landfast.probes import interfaces
from landfast.probes.questions import Interfaces
host = LocalHost(pathlib.Path(sys.argv[1]))
asyncio.run(interfaces.ask(host, Interfaces(), lambda fact: print(encode(fact))))
"""


@pytest.mark.lab
@pytest.mark.parametrize("before", [(), UNPRIVILEGED], ids=["root", "user"])
async def test_a_network_made_inside_a_container_confines_nobody(tmp_path: Path, before: tuple[str, ...]) -> None:
    (tmp_path / ".dockerenv").touch()
    async with lan(robot="10.0.0.1/24") as hosts:
        robot = hosts["robot"]
        assert await sysctl.read(robot, interfaces.ONLY_INITIAL) is None, "it is not the first network of the kernel"
        said = (await robot.run([*before, sys.executable, "-c", _PROGRAM, str(tmp_path)])).checked()
    found = [decode(line) for line in said.stdout.splitlines()]
    assert found
    assert not any(isinstance(fact, Confined) for fact in found)


@pytest.mark.lab
async def test_a_rule_put_there_by_hand_covers_the_mifi_robots_foreign_sources() -> None:
    async with Lab("mifi", verified=False, served=False) as lab:
        robot = lab.host("robot")
        found = await told(robot)
        foreign = {(fact.source, fact.interface, fact.egress) for fact in found.of(ForeignSourcePossible)}
        assert foreign == {("10.42.0.1", "eth1", "wlan0"), ("172.17.0.1", "docker0", "wlan0")}
        assert {(fact.covered_by, fact.rules_known) for fact in found.of(ForeignSourcePossible)} == {(None, True)}
        assert [(fact.interface, fact.gateway) for fact in found.of(DefaultRouteSeen)] == [("wlan0", "192.168.1.1")]
        assert not found.of(Confined)
        (await robot.run(["iptables", "-t", "nat", "-A", "POSTROUTING", "-o", "wlan0", "-j", "MASQUERADE"])).checked()
        covered = {fact.covered_by for fact in (await told(robot)).of(ForeignSourcePossible)}
        assert covered == {"ip nat, POSTROUTING: -A POSTROUTING -o wlan0 -j MASQUERADE"}


@pytest.mark.lab
async def test_where_every_address_is_of_the_way_out_nothing_is_foreign() -> None:
    async with Lab("dual-stack", verified=False, served=False) as lab:
        found = await told(lab.host("robot"))
        assert {fact.family for fact in found.of(DefaultRouteSeen)} == {4, 6}
        assert not found.of(ForeignSourcePossible)
