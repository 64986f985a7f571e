from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landfast.errors import BadFile
from landfast.remedies import masquerade
from landfast.remedies.masquerade import Options, persist
from landfast.remedies.masquerade.languages import canonical, nft_json
from landfast.remedies.masquerade.options import Persistence
from landfast.remedies.masquerade.ruleset import Form, Wanted, rules
from landfast.remedies.masquerade.state import Entry, Regular, ours
from tests.remedies.masquerade.boots import Answers, boot, debian
from tests.remedies.masquerade.robots import Scene
from tests.remedies.masquerade.worlds import NO_FILES

CALL = "[ ! -x /etc/landfast/masquerade.sh ] || /etc/landfast/masquerade.sh enable || :"
BLOCK = f"# >>> landfast masquerade\n{CALL}\n# <<< landfast masquerade\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, f"#!/bin/sh\n{BLOCK.replace('>> landfast masquerade', '>> landfast masquerade, was absent')}exit 0\n"),
        (
            Regular("#!/bin/sh -e\necho hello\nexit 0\n", 0o755),
            f"#!/bin/sh -e\necho hello\n{BLOCK}exit 0\n",
        ),
        (
            Regular("#!/bin/sh\nexit 0\n# exit 0 above is the last\n\n", 0o755),
            f"#!/bin/sh\n{BLOCK}exit 0\n# exit 0 above is the last\n\n",
        ),
        (
            Regular("#!/bin/sh\nif false; then\nexit 0\nfi\necho end", 0o644),
            "#!/bin/sh\nif false; then\nexit 0\nfi\necho end\n"
            + BLOCK.replace(">> landfast masquerade", ">> landfast masquerade, was mode 644, had no last newline"),
        ),
    ],
    ids=["absent", "before-the-exit", "comments-after", "at-the-end"],
)
def test_the_call_stands_where_it_is_reached(before: Entry, after: str) -> None:
    found = persist.with_call(before)
    assert (found.text, found.mode & 0o111) == (after, 0o111)
    assert persist.without_call(found) == before


texts = st.lists(
    st.sampled_from(["exit 0", "#!/bin/sh", "", "# exit 0", "echo é", "  exit 0  ", "exit 1", "\udcff", "\r", "fi"])
).map("\n".join)
plain = st.none() | st.builds(Regular, texts | st.builds(lambda t: t + "\n", texts), st.integers(0, 0o777))


@given(plain)
def test_taking_the_call_away_leaves_what_was_there(before: Entry) -> None:
    there = persist.with_call(before)
    assert persist.without_call(there) == before
    assert persist.with_call(persist.without_call(there)) == there
    assert persist.without_call(before) == before


@given(plain)
def test_nothing_of_others_is_lost_or_moved(before: Entry) -> None:
    lines = persist.with_call(before).text.split("\n")
    theirs = [line for line in lines if line != CALL and "landfast" not in line]
    was = before.text if isinstance(before, Regular) else "#!/bin/sh\nexit 0\n"
    assert theirs == was.split("\n") + ([""] if was and not was.endswith("\n") else [])


def test_lines_that_others_added_later_stay() -> None:
    made = persist.with_call(None)
    changed = Regular(made.text.replace("exit 0\n", "echo later\nexit 0\n"), made.mode)
    assert persist.without_call(changed) == Regular("#!/bin/sh\necho later\nexit 0\n", 0o755)


def test_a_damaged_block_goes_too() -> None:
    """Somebody deleted its first line, or its last."""
    call = persist.with_call(Regular("#!/bin/sh\nexit 0\n", 0o755)).text
    for line in call.splitlines():
        if "landfast" in line:
            left = persist.without_call(Regular(call.replace(f"{line}\n", "", 1), 0o755))
            assert left == Regular("#!/bin/sh\nexit 0\n", 0o755)


@pytest.mark.parametrize("way", ["systemd", "rc.local", "docker"])
def test_each_way_is_recognised_and_leaves_nothing(way: Persistence) -> None:
    there = persist.wanted(NO_FILES, way, "script", "unit")
    assert persist.found(there) == way
    assert there[persist.SCRIPT] == Regular("script", 0o755)
    assert persist.wanted(there, None, "", "") == NO_FILES
    assert persist.found(NO_FILES) is None


def test_a_link_to_rc_local_stays_a_link(tmp_path: Path) -> None:
    """As on Fedora: /etc/rc.local -> rc.d/rc.local."""
    (tmp_path / "etc/rc.d").mkdir(parents=True)
    (tmp_path / "etc/rc.d/rc.local").write_text("#!/bin/sh\n")
    for target in ("rc.d/rc.local", "/etc/rc.d/rc.local"):
        (tmp_path / "etc/rc.local").unlink(missing_ok=True)
        (tmp_path / "etc/rc.local").symlink_to(target)
        found = persist.read(tmp_path)
        assert found["/etc/rc.d/rc.local"] == Regular("#!/bin/sh\n", 0o644)
        assert persist.RC_LOCAL not in found


def test_what_is_there_is_read_whatever_its_bytes(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/rc.local").write_bytes(b"\xff\xfe\r\n")
    assert persist.read(tmp_path)[persist.RC_LOCAL] == Regular("\udcff\udcfe\r\n", 0o644)
    (tmp_path / "etc/rc.local").write_bytes(b"x" * (persist.LARGEST + 1))
    with pytest.raises(BadFile):
        persist.read(tmp_path)


def test_the_unit_comes_before_the_network_and_after_those_who_flush() -> None:
    early, late = persist.unit(), persist.unit(needs_addresses=True)
    assert "Before=network-pre.target\n" in early
    assert "After=network-online.target docker.service\n" in late
    for text in (early, late):
        assert "After=nftables.service" in text
        assert "firewalld.service" in text
        assert f"ExecStart={persist.SCRIPT} enable\n" in text


DEPLOY = Path(__file__).parents[3] / "deploy"


def test_what_is_deployed_by_hand_is_what_landfast_writes() -> None:
    from landfast.remedies.masquerade.plan import candidates
    from landfast.remedies.masquerade.script import ANY_INTERFACE, script

    generic = script(Wanted((ANY_INTERFACE,), Form("nft")), candidates(Options()))
    assert (DEPLOY / "masquerade.sh").read_text() == generic
    assert os.access(DEPLOY / "masquerade.sh", os.X_OK)
    assert (DEPLOY / persist.SERVICE).read_text() == persist.unit(needs_addresses=True)


PROOF = [
    pytest.mark.proof,
    pytest.mark.anyio,
    pytest.mark.timeout(600),
    pytest.mark.needs("program mmdebstrap", "program systemd-nspawn", "nft-fib", "iptables-nat", "conntrack"),
    pytest.mark.skipif(os.geteuid() != 0, reason="missing capability: booting a container; provided by: root"),
]


@pytest.fixture
async def tree(tmp_path: Path) -> Path:
    return await debian(tmp_path)


async def enabled_in(scene: Scene, tree: Path, options: Options) -> None:
    """As on the robot, but its files are those of the Debian that is booted next."""
    scene.robot.root = tree
    await masquerade.enable(scene.robot, options)


class TestBoot:
    """Debian is booted, and asked."""

    pytestmark = PROOF
    OURS = nft_json(rules(Wanted(("wlan0",), Form("nft"))))

    async def test_systemd_makes_the_rules_and_brings_them_back(self, scene: Scene, tree: Path) -> None:
        await enabled_in(scene, tree, Options(persist="systemd"))
        answers = await boot(tree)
        assert self.ours(answers) == {"boot": self.OURS, "reload": self.OURS, "restart": self.OURS}
        assert answers.failed == ""
        await masquerade.disable(scene.robot)
        answers = await boot(tree)
        assert self.ours(answers) == {"boot": (), "reload": (), "restart": ()}
        assert answers.failed == ""

    @pytest.mark.parametrize(
        "before", [None, "#!/bin/sh -e\ntouch /answers/theirs\nexit 0\n"], ids=["absent", "theirs"]
    )
    async def test_rc_local_makes_the_rules(self, scene: Scene, tree: Path, before: str | None) -> None:
        path = tree / "etc/rc.local"
        if before is not None:
            path.write_text(before)
        await enabled_in(scene, tree, Options(persist="rc.local"))
        answers = await boot(tree)
        assert self.ours(answers)["boot"] == self.OURS
        assert answers.failed == ""
        assert (tree / "answers/theirs").exists() is (before is not None)
        await masquerade.disable(scene.robot)
        assert (path.read_text() if path.exists() else None) == before
        assert self.ours(await boot(tree))["boot"] == ()

    async def test_iptables_rules_are_made_at_boot_too(self, scene: Scene, tree: Path) -> None:
        await enabled_in(scene, tree, Options(persist="systemd", backend="iptables"))
        answers = await boot(tree)
        assert answers.failed == ""
        for ruleset in (answers.boot, answers.reload, answers.restart):
            chains = {
                (c["family"], c["table"]) for each in ruleset if (c := each.get("chain")) and c["name"] == "LANDFAST"
            }
            assert chains == {("ip", "nat"), ("ip", "mangle"), ("ip6", "filter")}

    @staticmethod
    def ours(answers: Answers) -> dict[str, tuple[object, ...]]:
        named = {"boot": answers.boot, "reload": answers.reload, "restart": answers.restart}
        return {
            name: canonical(ours([each for each in found if "metainfo" not in each])) for name, found in named.items()
        }


@pytest.mark.anyio
async def test_the_script_that_docker_gets_is_an_entry_point(scene: Scene, tmp_path: Path) -> None:
    """It is where the Dockerfile's line says, executable, and runs the command that follows it."""
    outcome = await masquerade.enable(scene.robot, Options(persist="docker"))
    (line,) = [note for note in outcome.notes if "ENTRYPOINT" in note]
    assert f'["{persist.SCRIPT}", "run"]' in line
    script = tmp_path / "entrypoint.sh"
    script.write_bytes((scene.robot.root / persist.SCRIPT[1:]).read_bytes())
    script.chmod((scene.robot.root / persist.SCRIPT[1:]).stat().st_mode)
    await masquerade.disable(scene.robot)
    completed = await scene.robot.run([str(script), "run", "sh", "-c", "echo hello; exit 3"])
    assert (completed.code, completed.stdout) == (3, "hello\n")
    assert (await masquerade.status(scene.robot)).effective is True
