from __future__ import annotations

import asyncio
import json
from pathlib import Path
from random import Random
from typing import Any

import pytest

from landfast.errors import CapabilityMissing, ProgramFailed, RequestError, UnknownName, WorldError
from landfast.kernel import iptables, nft
from landfast.kernel.fake import FakeHost
from landfast.kernel.host import Host
from landfast.model.remedies import Run
from landfast.remedies import masquerade
from landfast.remedies.masquerade import Options
from landfast.remedies.masquerade.diff import diff
from landfast.remedies.masquerade.observe import look_at_ours
from landfast.remedies.masquerade.options import Action, Scope
from landfast.remedies.masquerade.ruleset import FAMILIES
from tests.remedies.masquerade import robots, rulesets
from tests.remedies.masquerade.robots import FOREIGN, Faulty, Scene

pytestmark = pytest.mark.anyio

WISHES = [
    Options(),
    Options(scope="all"),
    Options(action="drop"),
    Options(action="drop", scope="all"),
    Options(nat66=True),
    Options(("wlan0", "eth1")),
    Options(backend="iptables"),
    Options(backend="iptables", scope="all", nat66=True),
    Options(backend="iptables", action="drop"),
    Options(persist="systemd"),
    Options(persist="rc.local"),
    Options(persist="docker", backend="iptables"),
]
# For what takes seconds each: one of each backend every time, all in the proof.
FAILING = [pytest.param(wish, marks=() if n % 6 == 0 else pytest.mark.proof) for n, wish in enumerate(WISHES)]


def files(root: Path) -> dict[str, tuple[bytes, int] | str]:
    """Everything below /etc: contents and modes of files, targets of links."""
    return {
        str(path.relative_to(root)): str(path.readlink())
        if path.is_symlink()
        else (path.read_bytes(), path.stat().st_mode)
        for path in (root / "etc").rglob("*")
        if path.is_symlink() or path.is_file()
    }


async def everything(host: Host) -> tuple[str, list[tuple[str, ...]], dict[str, tuple[bytes, int] | str]]:
    """What others could have: nftables, the legacy tables of iptables, files."""
    legacy = []
    for family in FAMILIES:
        for table in await iptables.legacy_tables(host, family):
            lines = await iptables.rules(host, family, table)  # type: ignore[arg-type]
            legacy.append(tuple(line for line in lines if not line.startswith("-P")))
    return await nft.text(host), [lines for lines in legacy if lines], files(host.root)


@pytest.mark.parametrize("wish", WISHES, ids=str)
async def test_enabling_again_changes_nothing_and_disabling_leaves_everything_as_it_was(
    robot: Host, wish: Options
) -> None:
    before = await everything(robot)
    assert (await masquerade.enable(robot, wish)).changed
    first = await everything(robot)
    assert first != before
    again = await masquerade.enable(robot, wish)
    assert (again.changed, again.remedy.steps) == (False, ())
    assert await everything(robot) == first
    assert (await masquerade.disable(robot)).changed
    assert await everything(robot) == before
    assert not (await masquerade.disable(robot)).changed


async def test_every_wish_can_follow_every_other(robot: Host) -> None:
    before = await everything(robot)
    random = Random(1)
    for wish in random.sample(WISHES, len(WISHES)):
        await masquerade.enable(robot, wish)
        status = await masquerade.status(robot)
        assert status.effective is True
        assert status.backend == ("iptables" if wish.backend == "iptables" else "nft")
    await masquerade.disable(robot)
    assert await everything(robot) == before


async def test_a_rule_deleted_by_hand_comes_back(robot: Host) -> None:
    await masquerade.enable(robot)
    _, whole = await look_at_ours(robot)
    await nft.apply(robot, [{"delete": {"table": {"family": "ip", "name": "landfast"}}}])
    assert (await masquerade.enable(robot)).changed
    _, now = await look_at_ours(robot)
    assert diff(now, whole) == ()


@pytest.mark.parametrize("wish", FAILING, ids=str)
@pytest.mark.parametrize("after", [False, True], ids=["not-done", "done-yet-failed"])
async def test_a_failure_anywhere_is_taken_back(robot: Host, wish: Options, after: bool) -> None:
    """The n-th change fails, for every n: enabled as asked or by another form, or nothing has changed."""
    before = await everything(robot)
    for number in range(1, 20):
        faulty = Faulty(robot, number, after=after)
        try:
            await masquerade.enable(faulty, wish)
        except (CapabilityMissing, WorldError):
            assert await everything(robot) == before
        else:
            assert (await masquerade.status(robot)).effective is True
            await masquerade.disable(robot)
            assert await everything(robot) == before
        if faulty.changes < number:
            return
    pytest.fail("that many changes are not made")


async def test_a_failing_change_restores_the_remedy_that_was_there(robot: Host) -> None:
    await masquerade.enable(robot, Options(scope="all", persist="rc.local"))
    _, before = await look_at_ours(robot)
    with pytest.raises(ProgramFailed):
        await masquerade.enable(Faulty(robot, 2, after=True), Options(action="drop", backend="nft"))
    _, now = await look_at_ours(robot)
    assert diff(now, before) == ()


async def test_a_file_that_cannot_be_written_takes_the_rules_back(robot: Host) -> None:
    (robot.root / "etc/landfast").write_text("no folder")
    before = await everything(robot)
    with pytest.raises(WorldError, match="etc/landfast"):
        await masquerade.enable(robot, Options(persist="systemd"))
    assert await everything(robot) == before


async def test_an_interrupted_enable_is_taken_back(robot: Host) -> None:
    """Ctrl-C while nft runs: the rules that it loads all the same are taken away before the interruption goes on."""
    before = await everything(robot)

    class Interrupting(Faulty):
        async def run(self, argv: Any, **more: Any) -> Any:
            done = await super().run(argv, **more)
            if self.changes == 2:
                self.changes += 1
                raise asyncio.CancelledError
            return done

    with pytest.raises(asyncio.CancelledError):
        await masquerade.enable(Interrupting(robot, 0, after=False))
    assert await everything(robot) == before


@pytest.mark.parametrize(
    "wish",
    [
        Options(persist="systemd"),
        pytest.param(Options(backend="iptables", persist="rc.local"), marks=pytest.mark.proof),
    ],
    ids=str,
)
async def test_what_a_kill_left_half_done_the_next_run_puts_right(robot: Host, wish: Options) -> None:
    """Only some of the steps were carried out, for every such number; and a temporary file lies about."""
    before = await everything(robot)
    for done in range(len((await masquerade.propose(robot, wish)).steps)):
        await _only_first(robot, wish, done)
        (robot.root / "etc/landfast").mkdir(exist_ok=True)
        (robot.root / "etc/landfast/.masquerade.sh.landfast").write_text("half")
        await masquerade.enable(robot, wish)
        assert (await masquerade.status(robot)).persistence == wish.persist
        await _only_first(robot, wish, done)
        await masquerade.disable(robot)
        assert await everything(robot) == before
        assert not (robot.root / "etc/landfast").exists()


async def _only_first(robot: Host, wish: Options, done: int) -> None:
    """As `enable`, killed after so many steps."""
    from landfast.remedies.masquerade import apply

    remedy = await masquerade.propose(robot, wish)
    await apply._go(robot, remedy.steps[:done])


async def test_dry_run_changes_nothing_and_says_it_all(robot: Host) -> None:
    before = await everything(robot)
    remedy = await masquerade.propose(robot, Options(persist="systemd"))
    assert await everything(robot) == before
    outcome = await masquerade.enable(robot, Options(persist="systemd"))
    assert outcome.remedy.steps == remedy.steps


async def test_the_interface_is_the_default_route_s(robot: Host) -> None:
    remedy = await masquerade.propose(robot)
    assert "(wlan0)" in remedy.what


async def test_an_interface_that_is_not_there_is_refused_with_those_that_are(robot: Host) -> None:
    with pytest.raises(UnknownName) as problem:
        await masquerade.enable(robot, Options(("wlan7",)))
    assert {"wlan0", "eth1"} <= set(problem.value.allowed)


async def test_without_a_default_route_the_interfaces_are_told(tmp_path: Path) -> None:
    host = robots.fake(tmp_path)
    host.routes.clear()
    with pytest.raises(RequestError, match="wlan0, eth1"):
        await masquerade.enable(host)


@pytest.fixture
def host(tmp_path: Path) -> FakeHost:
    return robots.fake(tmp_path)


async def test_without_the_right_to_it_the_capability_is_named(host: FakeHost, monkeypatch: pytest.MonkeyPatch) -> None:
    from landfast.kernel.fake import Refused

    def refused(*_: object) -> str:
        raise Refused("Operation not permitted (you must be root)")

    monkeypatch.setattr(host, "nft", refused)
    for verb in (masquerade.enable, masquerade.disable, masquerade.status):
        with pytest.raises(CapabilityMissing, match="CAP_NET_ADMIN"):
            await verb(host)


async def test_an_nft_that_lists_in_other_words_is_believed(host: FakeHost, monkeypatch: pytest.MonkeyPatch) -> None:
    """As another version might; but not one that lists another verdict."""
    real = host.nft.listing
    monkeypatch.setattr(host.nft, "listing", lambda: json.loads(json.dumps(real()).replace('"oifname"', '"oif name"')))
    assert (await masquerade.enable(host)).changed
    await masquerade.disable(host)
    monkeypatch.setattr(host.nft, "listing", lambda: json.loads(json.dumps(real()).replace('"masquerade"', '"accept"')))
    with pytest.raises(WorldError, match="masquerade"):
        await masquerade.enable(host)
    assert host.nft.objects == []


async def test_a_conntrack_that_fails_is_told_and_no_more(host: FakeHost, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "conntrack", lambda *_: ("", "conntrack v1.4.7: Operation failed: not supported", 1))
    outcome = await masquerade.enable(host)
    assert any("not supported" in note for note in outcome.notes)
    assert host.nft.objects


IPTABLES = {"iptables", "iptables-restore", "ip6tables", "ip6tables-restore"}


@pytest.mark.parametrize(
    ("lacks", "nft_refuses", "iptables_refuses", "form"),
    [
        (set(), set(), set(), "nft, fib"),
        (set(), {"ipsec"}, set(), "nft, fib"),
        (set(), {"fib"}, set(), "iptables, addrtype"),
        ({"nft"}, set(), set(), "iptables, addrtype"),
        (set(), {"fib"}, {"addrtype"}, "nft, one rule per address"),
        (IPTABLES, {"fib"}, set(), "nft, one rule per address"),
        ({"nft"}, set(), {"addrtype"}, "iptables, one rule per address"),
    ],
)
async def test_the_first_form_that_the_kernel_takes_is_used(
    host: FakeHost, lacks: set[str], nft_refuses: set[str], iptables_refuses: set[str], form: str
) -> None:
    host.lacks |= lacks
    host.nft.refuses |= nft_refuses
    for program in host.iptables.values():
        program.refuses |= iptables_refuses
    outcome = await masquerade.enable(host)
    assert f"by {form};" in outcome.remedy.scope
    assert any("IPsec" in note for note in outcome.notes) is bool(nft_refuses & {"ipsec"})
    assert any("addresses of this moment" in note for note in outcome.notes) is ("per address" in form)
    assert (await masquerade.status(host)).effective is True
    if "per address" in form:
        rules = json.dumps(host.nft.objects) + json.dumps([each.tables for each in host.iptables.values()])
        assert all(address in rules for address in FOREIGN.values())
        assert "127.0.0.1" not in rules


async def test_a_host_without_any_way_says_what_would_provide_one(host: FakeHost) -> None:
    host.lacks |= {"nft"} | IPTABLES
    with pytest.raises(CapabilityMissing, match="nftables with fib"):
        await masquerade.enable(host)


async def test_dropping_for_others_needs_nftables(host: FakeHost) -> None:
    with pytest.raises(CapabilityMissing, match="nftables"):
        await masquerade.enable(host, Options(action="drop", scope="all", backend="iptables"))


async def test_without_conntrack_it_works_and_says_what_it_could_not_do(host: FakeHost) -> None:
    host.lacks.add("conntrack")
    outcome = await masquerade.enable(host)
    assert outcome.changed
    assert any("conntrack" in note for note in outcome.notes)


async def test_open_flows_are_among_the_steps_of_a_dry_run(host: FakeHost) -> None:
    host.conntrack.lines.append(
        "udp 17 29 src=10.42.0.1 dst=9.9.9.9 sport=1 dport=2 [UNREPLIED] "
        "src=9.9.9.9 dst=10.42.0.1 sport=2 dport=1 mark=0 use=1"
    )
    last = (await masquerade.propose(host)).steps[-1]
    assert isinstance(last, Run)
    assert last.argv[:2] == ("conntrack", "-D")
    await masquerade.enable(host)
    assert host.conntrack.lines == []


BATCHES, EACH = 20, 10
# One each time; all of them take two minutes.
PARTS = [pytest.param(n, marks=pytest.mark.proof if n else ()) for n in range(BATCHES)]


@pytest.mark.needs("namespaces", "veth", "nft-fib", "iptables-nat", "conntrack")
@pytest.mark.parametrize("batch", PARTS)
async def test_other_people_s_rules_and_files_stay_as_they_are(scene: Scene, batch: int) -> None:
    """200 generated rulesets, each with an enable that fails, one that does not, and a disable."""
    for seed in range(batch * EACH, batch * EACH + EACH):
        await _unharmed(scene.robot, seed)


async def _unharmed(robot: Host, seed: int) -> None:
    random, theirs = Random(seed), rulesets.made(seed)
    await nft.load(robot, "flush ruleset\n" + theirs.nft)
    for program, text in theirs.restores:
        (await robot.run([program, "--noflush"], given=text)).checked()
    for name, text, mode in theirs.files:
        path = robot.root / "etc" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(mode)
    action, scope = random.choice([(a, s) for a in _ACTIONS for s in _SCOPES])
    backend = "nft" if (action, scope) == ("drop", "all") else random.choice(("nft", "nft", "iptables"))
    wish = Options(
        scope=scope,
        action=action,
        backend=backend,  # type: ignore[arg-type]
        nat66=action == "masquerade" and random.random() < 0.3,
        persist=random.choice((None, "systemd", "rc.local", "docker")),
    )
    before = await everything(robot)
    try:
        await masquerade.enable(Faulty(robot, random.randint(2, 4), after=random.random() < 0.5), wish)
    except (CapabilityMissing, WorldError):
        assert await everything(robot) == before
    else:
        await masquerade.disable(robot)
        assert await everything(robot) == before
    await masquerade.enable(robot, wish)
    text, _, now = await everything(robot)
    there, were = others(text), others(before[0])
    assert {name: lines for name, lines in there.items() if name in were} == were
    assert all(empty(lines) for name, lines in there.items() if name not in were)
    assert before[2].items() - now.items() <= {("etc/rc.local", before[2].get("etc/rc.local"))}
    await masquerade.disable(robot)
    assert await everything(robot) == before
    for path in sorted((robot.root / "etc").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()


_ACTIONS: tuple[Action, ...] = ("masquerade", "drop")
_SCOPES: tuple[Scope, ...] = ("foreign", "all")


def others(text: str) -> dict[tuple[str, str], list[str]]:
    """What is not ours of a ruleset's text: tables, and in them chains, sets, counters, each with its lines."""
    found: dict[tuple[str, str], list[str]] = {}
    table, inside = "", ""
    for line in text.splitlines():
        if line.startswith("table"):
            table, inside = line, ""
        elif line.startswith("\t") and line.endswith("{") and line[1] != "\t":
            inside = line
        elif "jump LANDFAST" in line or not line.strip("\t }"):
            continue
        if table not in {"table ip landfast {", "table ip6 landfast {"} and "chain LANDFAST {" not in inside:
            found.setdefault((table, inside), []).append(line)
    return found


def empty(chain: list[str]) -> bool:
    """Whether nothing stands there but what iptables-nft makes for a rule: a table, a built-in chain that accepts."""
    return all(line.endswith(("{", "policy accept;")) for line in chain)
