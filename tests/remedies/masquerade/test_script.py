from __future__ import annotations

import signal
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from landfast.kernel import conntrack, nft
from landfast.kernel.host import Completed, Host
from landfast.remedies import masquerade
from landfast.remedies.masquerade import Options
from landfast.remedies.masquerade.observe import look_at_ours
from landfast.remedies.masquerade.ruleset import Form, Wanted, forms, rules
from landfast.remedies.masquerade.script import ANY_INTERFACE, script
from landfast.remedies.masquerade.state import State, with_rules
from tests.remedies.masquerade import robots
from tests.remedies.masquerade.robots import FOREIGN, OWN, Scene, foreign, leaving, say, took
from tests.remedies.masquerade.wishes import ALL

pytestmark = pytest.mark.anyio
REAL = pytest.mark.needs("namespaces", "veth", "nft-fib", "iptables-nat", "conntrack")
WANTED = Wanted(("wlan0",), Form("nft"))


def written(folder: Path, wanted: Wanted = WANTED, tried: Sequence[Form] = forms("auto")) -> str:
    path = folder / "masquerade.sh"
    path.write_text(script(wanted, tried))
    return str(path)


def with_programs(folder: Path, *names: str) -> str:
    """The script, on a host that has no other programs than these and the shell's usual ones."""
    programs = folder / "bin"
    programs.mkdir()
    for name in ("sh", "cat", "sed", "tr", *names):
        found = next(p for f in ("/usr/sbin", "/sbin", "/usr/bin", "/bin") if (p := Path(f, name)).exists())
        (programs / name).symlink_to(found)
    path = Path(written(folder))
    path.write_text(path.read_text().replace("PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin", f"PATH={programs}"))
    return str(path)


async def sh(host: Host, path: str, *words: str) -> Completed:
    return await host.run(["sh", path, *words])


async def test_every_script_is_a_shell_s(tmp_path: Path) -> None:
    """Read, not run, by /bin/sh, which is dash on Debian."""
    for wanted in ALL:
        tried = [form for form in forms("auto") if form.backend == wanted.form.backend]
        assert (await sh(Host.here(), "-n", written(tmp_path, wanted, tried))).stderr == ""
    assert (await sh(Host.here(), "-n", written(tmp_path, replace(WANTED, interfaces=(ANY_INTERFACE,))))).stderr == ""


def test_it_is_plain_ascii_and_names_only_what_it_uses() -> None:
    text = script(WANTED, forms("nft"))
    assert text.isascii()
    assert "iptables-restore" not in text
    assert "find_interface" not in text
    assert script(replace(WANTED, interfaces=(ANY_INTERFACE,)), forms("auto")).count("find_interface") == 2


@REAL
@pytest.mark.parametrize(
    "form", [f for f in forms("auto") if f.by == "lookup"], ids=lambda f: f"{f}{'' if f.spares_ipsec else ', no ipsec'}"
)
async def test_it_puts_there_what_landfast_would(scene: Scene, tmp_path: Path, form: Form) -> None:
    """For every wish: rule by rule the same, so that landfast finds nothing to do, and disable leaves nothing."""
    for wanted in (each for each in ALL if each.form == form and each.ipv6 and len(each.interfaces) == 1):
        path = written(tmp_path, wanted, [form])
        assert await sh(scene.robot, path, "enable") == Completed(("sh", path, "enable"), 0, "", "")
        _, there = await look_at_ours(scene.robot)
        goal = with_rules(rules(wanted), form.backend, State(), {})
        assert there.nft == goal.nft
        assert sorted(map(str, there.iptables)) == sorted(map(str, goal.iptables))
        first = await nft.text(scene.robot)
        assert (await sh(scene.robot, path, "enable")).code == 0
        assert sorted((await nft.text(scene.robot)).splitlines()) == sorted(first.splitlines())
        assert (await sh(scene.robot, path, "disable")).code == 0
        _, there = await look_at_ours(scene.robot)
        assert not there.enabled
    left = [each for each in await nft.listing(scene.robot) if "rule" in each]
    assert left == []


@REAL
@pytest.mark.parametrize("backend", ["nft", "iptables"])
async def test_without_a_lookup_it_finds_the_foreign_addresses_itself(
    scene: Scene, tmp_path: Path, backend: str
) -> None:
    (form,) = [f for f in forms("auto") if f.backend == backend and f.by == "address" and f.spares_ipsec]
    wanted = Wanted(("wlan0",), form)
    assert (await sh(scene.robot, written(tmp_path, wanted, [form]), "enable")).code == 0
    assert (await masquerade.status(scene.robot)).effective is True
    async with leaving(scene) as seen:
        await say(scene.robot, FOREIGN[4])
        await say(scene.robot, FOREIGN[6])
        await say(scene.robot, OWN[6])
    assert [str(packet.source) for packet in seen] == [OWN[4], OWN[6]]


@REAL
async def test_it_goes_on_to_the_next_form_where_one_is_refused(scene: Scene, tmp_path: Path) -> None:
    """Here nft is missing."""
    with_iptables = ("ip", "iptables", "iptables-restore", "ip6tables", "ip6tables-restore")
    assert (await sh(scene.robot, with_programs(tmp_path, *with_iptables), "enable")).code == 0
    assert (await masquerade.status(scene.robot)).backend == "iptables"


@REAL
async def test_the_generic_one_takes_the_default_route_of_the_lowest_metric(scene: Scene, tmp_path: Path) -> None:
    path = written(tmp_path, replace(WANTED, interfaces=(ANY_INTERFACE,)))
    await robots.ip(
        scene.robot, "route add default via 10.42.0.7 metric 50\nroute change default via 192.168.1.1 metric 0\n"
    )
    assert (await sh(scene.robot, path, "enable")).code == 0
    assert 'oifname "wlan0"' in await nft.text(scene.robot)
    await robots.ip(scene.robot, "route del default via 192.168.1.1\n")
    assert (await sh(scene.robot, path, "enable")).code == 0
    assert 'oifname "eth1"' in await nft.text(scene.robot)
    await robots.ip(scene.robot, "route del default via 10.42.0.7\n")
    completed = await sh(scene.robot, path, "enable")
    assert (completed.code, "no default route" in completed.stderr) == (1, True)


@REAL
async def test_open_flows_are_translated_at_once(scene: Scene, tmp_path: Path) -> None:
    await nft.load(
        scene.robot, "table ip t {\n chain o { type filter hook output priority 0; ct state new counter; }\n}\n"
    )
    path = written(tmp_path)
    with await scene.robot.udp(FOREIGN[4]) as opened:
        took(opened)
        assert await conntrack.flows(scene.robot)
        await sh(scene.robot, path, "enable")
        async with leaving(scene) as seen:
            took(opened)
    assert foreign(seen) == []


@REAL
async def test_landfast_takes_over_and_removes_what_the_script_did(scene: Scene, tmp_path: Path) -> None:
    await sh(scene.robot, written(tmp_path), "enable")
    assert not (await masquerade.enable(scene.robot)).changed
    await masquerade.disable(scene.robot)
    assert await nft.text(scene.robot) == ""


@REAL
async def test_the_script_removes_what_landfast_did(scene: Scene, tmp_path: Path) -> None:
    for backend in ("nft", "iptables"):
        await masquerade.enable(scene.robot, Options(backend=backend))
        assert (await sh(scene.robot, written(tmp_path), "disable")).code == 0
        assert not (await masquerade.status(scene.robot)).enabled


@REAL
@pytest.mark.parametrize("code", [0, 7])
async def test_as_an_entry_point_it_becomes_the_command(scene: Scene, tmp_path: Path, code: int) -> None:
    """One process: the same PID before and after, its exit code, its words, its arguments."""
    path = written(tmp_path)
    told = f'echo $$; exec sh {path} run sh -c \'echo $$ "$1"; exit {code}\' x "two words"'
    completed = await scene.robot.run(["sh", "-c", told])
    first, second = completed.stdout.splitlines()
    assert (second, completed.code, completed.stderr) == (f"{first} two words", code, "")
    assert (await masquerade.status(scene.robot)).effective is True


@REAL
async def test_as_an_entry_point_it_lets_signals_through(scene: Scene, tmp_path: Path) -> None:
    command = 'trap "echo heard; exit 9" TERM; echo ready; while :; do read -r _ || exit 1; done'
    program = await scene.robot.start(["sh", written(tmp_path), "run", "sh", "-c", command])
    assert program.stdout
    assert await program.stdout.readline() == b"ready\n"
    program.send_signal(signal.SIGTERM)
    assert await program.stdout.readline() == b"heard\n"
    assert await program.wait() == 9


@REAL
async def test_an_entry_point_that_can_make_no_rule_says_why_and_goes_on(scene: Scene, tmp_path: Path) -> None:
    """A robot that does not start is worse than one whose public address changes."""
    completed = await sh(scene.robot, with_programs(tmp_path, "echo"), "run", "echo", "running")
    assert (completed.code, completed.stdout) == (0, "running\n")
    assert "by_nft as_is: " in completed.stderr
    assert completed.stderr.endswith("landfast: going on without the rules\n")


@pytest.mark.parametrize("words", [[], ["help"], ["run"]])
async def test_who_asks_wrongly_is_told(tmp_path: Path, words: list[str]) -> None:
    completed = await sh(Host.here(), written(tmp_path), *words)
    assert (completed.code, completed.stdout) == (2, "")
    assert completed.stderr.startswith("landfast: ")
