from __future__ import annotations

import json
from pathlib import Path

import pytest

from landfast.cli.main import main
from landfast.kernel.fake import FakeHost
from landfast.kernel.host import Host
from tests.remedies.masquerade import robots


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeHost:
    """This machine is the robot in memory."""
    (tmp_path / "etc").mkdir()
    found = robots.fake(tmp_path)
    monkeypatch.setattr(Host, "here", staticmethod(lambda: found))
    return found


def masquerade(*words: str) -> int:
    return main(["masquerade", *words])


def test_enable_and_disable_say_what_they_did(host: FakeHost, capsys: pytest.CaptureFixture[str]) -> None:
    assert masquerade("enable") == 0
    assert host.nft.objects
    assert masquerade("enable") == 0
    assert masquerade("disable") == 0
    assert host.nft.objects == []
    assert masquerade("disable") == 0
    said = capsys.readouterr().out.splitlines()
    assert [line.partition(":")[0] for line in said] == ["done", "nothing to do", "done", "nothing to do"]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["--interface", "eth1"], '"right": "eth1"'),
        (["--interface", "wlan0", "--interface", "eth1"], '"right": "eth1"'),
        (["--action", "drop"], '"drop": null'),
        (["--scope", "all"], '"masquerade": null'),
        (["--nat66"], '"family": "ip6", "table": "landfast", "name": "translate"'),
    ],
)
def test_what_is_asked_for_is_done(host: FakeHost, words: list[str], found: str) -> None:
    assert masquerade("enable", *words) == 0
    assert found in json.dumps(host.nft.objects)


def test_iptables_can_be_asked_for(host: FakeHost) -> None:
    assert masquerade("enable", "--backend", "iptables") == 0
    assert "LANDFAST" in host.iptables[4].tables["nat"]
    assert host.nft.objects == []


def test_dry_run_prints_what_would_be_done_and_does_nothing(host: FakeHost, capsys: pytest.CaptureFixture[str]) -> None:
    assert masquerade("enable", "--persist", "systemd", "--dry-run") == 0
    said = capsys.readouterr().out
    assert host.nft.objects == []
    assert list((host.root / "etc").iterdir()) == []
    for words in ("# undo: landfast masquerade disable", "nft -j -f - <<'END'", "cat >/etc/landfast/masquerade.sh <<"):
        assert words in said
    assert '#   oifname "wlan0" rt ipsec missing fib saddr . oif type != local counter masquerade\n' in said
    assert masquerade("enable", "--dry-run", "--json") == 0
    assert json.loads(capsys.readouterr().out)["remedy"]["steps"]


@pytest.mark.usefixtures("host")
def test_dry_run_of_what_is_in_force_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    masquerade("enable")
    capsys.readouterr()
    assert masquerade("enable", "--dry-run") == 0
    said = capsys.readouterr().out
    assert "nothing to do" in said
    assert all(line.startswith("#") for line in said.splitlines())


def test_the_script_is_for_another_host(host: FakeHost, capsys: pytest.CaptureFixture[str]) -> None:
    assert masquerade("enable", "--format", "sh", "--interface", "wwan7") == 0
    said = capsys.readouterr().out
    assert said.startswith("#!/bin/sh\n")
    assert 'oifname "wwan7"' in said
    assert host.ran == []
    assert masquerade("enable", "--format", "sh") == 0
    assert "find_interface" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["enable", "--interface", "wlan7"], 2, "there are: wlan0, eth1"),
        (["enable", "--scope", "some"], 2, "scope"),
        (["enable", "--confirm-within", "soon"], 2, "30s"),
        (["enable", "--nat66", "--action", "drop"], 2, "NAT66"),
        (["enable", "--backend", "iptables", "--scope", "all", "--action", "drop"], 3, "nftables"),
        (["confirm"], 2, "nothing waits"),
    ],
)
def test_what_cannot_be_is_one_sentence_and_a_code(
    host: FakeHost, capsys: pytest.CaptureFixture[str], words: list[str], code: int, told: str
) -> None:
    assert masquerade(*words) == code
    said = capsys.readouterr()
    assert (said.out, told in said.err, host.nft.objects) == ("", True, [])


def test_without_any_program_the_capability_is_named(host: FakeHost, capsys: pytest.CaptureFixture[str]) -> None:
    host.lacks |= {"nft", "iptables", "iptables-restore", "ip6tables", "ip6tables-restore"}
    assert masquerade("enable") == 3
    assert "Debian package nftables" in capsys.readouterr().err


@pytest.mark.usefixtures("host")
def test_status_tells_a_leak_by_its_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert masquerade("status") == 1
    assert "10.42.0.1 (eth1) by wlan0: CAN LEAVE" in capsys.readouterr().out
    masquerade("enable", "--persist", "rc.local")
    capsys.readouterr()
    assert masquerade("status") == 0
    said = capsys.readouterr().out
    assert "in force: yes, by nft; at boot: rc.local" in said
    assert "10.42.0.1 (eth1) by wlan0: does not leave so" in said
    assert masquerade("status", "--json") == 0
    assert json.loads(capsys.readouterr().out)["effective"] is True


def test_status_tells_what_waits_and_who_threatens(host: FakeHost, capsys: pytest.CaptureFixture[str]) -> None:
    wants = host.root / "etc/systemd/system/sysinit.target.wants"
    wants.mkdir(parents=True)
    (wants / "nftables.service").symlink_to("/lib/systemd/system/nftables.service")
    (host.root / "etc/nftables.conf").write_text("flush ruleset\n")
    assert masquerade("enable", "--confirm-within", "30s") == 0
    assert "undone in 30 s unless" in capsys.readouterr().err
    assert masquerade("status") == 0
    said = capsys.readouterr().out
    assert "unconfirmed: undone in" in said
    assert "warning: nftables.service" in said
    assert masquerade("confirm") == 0
    assert masquerade("status") == 0
    assert "unconfirmed" not in capsys.readouterr().out.partition("in force")[2]


@pytest.mark.usefixtures("host")
def test_every_verb_can_speak_json(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["enable", "--confirm-within", "1m"], ["confirm"], ["disable"]):
        assert masquerade(*words, "--json") == 0
        said = json.loads(capsys.readouterr().out)
        assert said["schema_version"] == 1
        assert said["outcome"]["changed"] is (words != ["confirm"])
