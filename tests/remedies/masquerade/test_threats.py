from __future__ import annotations

from pathlib import Path

import pytest

from landfast.remedies.masquerade.threats import Configuration, read, warnings


def started(root: Path, name: str) -> None:
    folder = root / "etc/systemd/system/multi-user.target.wants"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).symlink_to(f"/lib/systemd/system/{name}")


def written(root: Path, name: str, text: str) -> None:
    path = root / "etc" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_a_host_without_such_services_has_no_threat(tmp_path: Path) -> None:
    assert read(tmp_path) == Configuration(systemd=False)


def test_a_unit_without_systemd_is_run_by_nobody(tmp_path: Path) -> None:
    assert "systemd is not installed" in " ".join(warnings(read(tmp_path), "nft", "systemd"))
    assert warnings(read(tmp_path), "nft", "rc.local") == ()
    (tmp_path / "usr/lib/systemd").mkdir(parents=True)
    (tmp_path / "usr/lib/systemd/systemd").touch()
    assert warnings(read(tmp_path), "nft", "systemd") == ()


def test_nftables_flushes_only_if_it_is_started_and_says_so(tmp_path: Path) -> None:
    written(tmp_path, "nftables.conf", "#!/usr/sbin/nft -f\n\nflush ruleset\n")
    assert not read(tmp_path).nftables_flushes
    started(tmp_path, "nftables.service")
    assert read(tmp_path).nftables_flushes
    written(tmp_path, "nftables.conf", "#!/usr/sbin/nft -f\n# flush ruleset\ntable ip x {\n}\n")
    assert not read(tmp_path).nftables_flushes


@pytest.mark.parametrize(("backend", "threat"), [("iptables", True), ("nftables", False)])
def test_firewalld_flushes_iptables_with_that_backend(tmp_path: Path, backend: str, threat: bool) -> None:
    started(tmp_path, "firewalld.service")
    written(tmp_path, "firewalld/firewalld.conf", f"# FirewallBackend=iptables\nFirewallBackend={backend}\n")
    assert read(tmp_path).firewalld_flushes_iptables is threat


@pytest.mark.parametrize("service", ["netfilter-persistent.service", "iptables.service"])
def test_services_that_restore_iptables(tmp_path: Path, service: str) -> None:
    started(tmp_path, service)
    assert read(tmp_path).iptables_restored


def test_ufw_flushes_what_it_manages(tmp_path: Path) -> None:
    written(tmp_path, "ufw/ufw.conf", "ENABLED=yes\n")
    written(tmp_path, "default/ufw", "MANAGE_BUILTINS=no\n")
    assert not read(tmp_path).ufw_manages_builtins
    written(tmp_path, "default/ufw", 'MANAGE_BUILTINS="yes"\n')
    assert read(tmp_path).ufw_manages_builtins


ALL = Configuration(True, True, True, True)


def test_a_table_of_its_own_is_only_flushed_with_everything() -> None:
    assert len(warnings(ALL, "nft", None)) == 1
    assert warnings(ALL, "nft", "systemd") == ()  # the unit brings the rules back
    assert len(warnings(ALL, "nft", "rc.local")) == 1
    assert warnings(Configuration(), "iptables", None) == ()


def test_iptables_is_flushed_by_many() -> None:
    said = " ".join(warnings(ALL, "iptables", None))
    assert all(word in said for word in ("nftables.service", "firewalld", "netfilter-persistent", "ufw"))
