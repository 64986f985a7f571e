"""Each cause on the real thing: the network, the servers, and doctor as a process of its own on the robot."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from landfast.kernel.host import Host
from landfast.lab import parse
from landfast.lab.lab import Lab
from landfast.lab.network import Network
from landfast.lab.topology import SERVER_ADDRESSES, SERVER_ADDRESSES6
from landfast.servers import certificate, coturn, reflector
from landfast.trials.truth.examine import CONTROL, PORTS
from tests import landfast
from tests.axes import differences

pytestmark = [pytest.mark.lab, pytest.mark.anyio]

ADDRESSES = tuple(map(str, (*SERVER_ADDRESSES, *SERVER_ADDRESSES6)))
REFLECTOR = ("--server", f"reflector:{ADDRESSES[0]}:{CONTROL}")
ARGV = [sys.executable, "-W", "error", "-m", "landfast", "doctor", "--json"]

Said = dict[str, Any]


async def doctor(host: Host, *options: str) -> Said:
    done = await host.run([*ARGV, *options], environment=landfast.environment())
    assert done.code in (0, 1), done.stderr
    said: Said = json.loads(done.stdout)
    return said


async def helped(lab: Lab, *options: str) -> Said:
    """With a reflector on the laboratory's server."""
    await reflector.start(lab.host("server"), reflector.Settings(ADDRESSES, *PORTS, CONTROL))
    return await doctor(lab.host("robot"), *REFLECTOR, *options)


def causes(said: Said) -> list[tuple[str, str | None]]:
    """Codes and remedies; evidence there must be for each."""
    assert all(finding["because"] for finding in said["findings"])
    return [(finding["code"], finding["remedy"]) for finding in said["findings"]]


@pytest.mark.parametrize("profile", ["mifi", "mifi-masquerade-all", "mifi-rpfilter"])
async def test_the_mifis_cause_is_named_without_any_server(profile: str) -> None:
    async with Lab(profile, verified=False, served=False) as lab:
        said = await doctor(lab.host("robot"), "--quick")
    assert causes(said) == [("source-address-leak", "masquerade")]
    assert said["findings"][0]["confidence"] == "proved"


@pytest.mark.parametrize(
    ("profile", "only", "cause"),
    [
        ("one-way-ipv6", ("ipv6", "mtu"), ("one-way-ipv6", "prefer-ipv4")),
        # Long packets vanish in both families, short ones of IPv6 come back: nothing is one-way here.
        ("mtu-black-hole", ("ipv6", "mtu"), ("path-mtu-black-hole", "clamp-mtu")),
        ("udp-blocked", ("nat", "ipv6"), ("udp-blocked", "relay-tcp")),
        ("cgnat-budget", ("ports",), ("port-budget-exhausted", "relay")),
        ("cgnat-unpaired", ("nat",), ("pool-unpaired", "relay")),
        ("symmetric", ("nat",), ("mapping-symmetric", "relay")),
        ("home", ("nat", "mtu", "round-trip"), None),
        ("dual-stack", ("nat", "ipv6", "mtu", "round-trip"), None),
    ],
)
async def test_a_network_has_its_cause_and_a_healthy_one_has_none(
    profile: str, only: Sequence[str], cause: tuple[str, str] | None
) -> None:
    async with Lab(profile, verified=False, served=False) as lab:
        said = await helped(lab, *(word for name in only for word in ("--only", name)))
    found = [each for each in causes(said) if profile != "cgnat-unpaired" or each[0] != "mapping-symmetric"]
    assert found == ([cause] if cause else [])


@pytest.mark.proof
async def test_bindings_that_die_at_an_age_are_named() -> None:
    async with Lab("cgnat-absolute", served=False) as lab:
        said = await helped(lab, "--full")
    assert ("binding-lifetime-absolute", "relay-tcp") in causes(said)


def application(folder: Path, *urls: str, password: str) -> str:
    """What an application gives to RTCPeerConnection, as a file."""
    path = folder / "servers.json"
    path.write_text(json.dumps({"iceServers": [{"urls": list(urls), "username": "robot", "credential": password}]}))
    return str(path)


def found(said: Said, code: str) -> list[Said]:
    return [finding for finding in said["findings"] if finding["code"] == code]


async def test_a_wrong_password_is_the_credentials_fault(tmp_path: Path) -> None:
    async with Lab("open", verified=False, served=False) as lab:
        settings = coturn.Settings(ADDRESSES[:2], {"robot": "right"})
        await coturn.start(lab.host("server"), settings, certificate.issue(ADDRESSES[0]))
        urls = [f"turn:{ADDRESSES[0]}:3478?transport={transport}" for transport in ("udp", "tcp")]
        file = application(tmp_path, *urls, password="wrong")
        said = await doctor(lab.host("robot"), "--only", "relay", "--ice-servers", file)
    assert {each for each in causes(said) if each[0] != "ice-servers-mistake"} == {("turn-credentials", "credentials")}
    (refused, *_) = found(said, "turn-credentials")
    assert any(fact.get("code") == 401 for fact in refused["because"])


async def test_an_expired_certificate_is_named(tmp_path: Path) -> None:
    day, now = timedelta(days=1), datetime.now(UTC)
    issued = certificate.issue(ADDRESSES[0], since=now - 2 * day, until=now - day)
    (tmp_path / "authority.pem").write_text(issued.authority)
    async with Lab("open", verified=False, served=False) as lab:
        await coturn.start(lab.host("server"), coturn.Settings(ADDRESSES[:2], {"robot": "right"}), issued)
        file = application(tmp_path, f"turns:{ADDRESSES[0]}:5349", password="right")
        options = ("--authority", str(tmp_path / "authority.pem"), "--ice-servers", file)
        said = await doctor(lab.host("robot"), "--only", "relay", *options)
    (unreachable,) = found(said, "turn-unreachable")
    assert any(fact.get("problem") == "expired" for fact in unreachable["because"])


async def test_where_udp_is_blocked_the_relay_over_tcp_443_is_what_works(tmp_path: Path) -> None:
    async with Lab("udp-blocked", verified=False) as lab:
        services = lab.services
        file = tmp_path / "servers.json"
        urls = [f"turn:{ADDRESSES[0]}:3478?transport=udp", f"turn:{ADDRESSES[0]}:443?transport=tcp"]
        entry = {"urls": urls, "username": services.turn_username, "credential": services.turn_password}
        file.write_text(json.dumps({"iceServers": [entry]}))
        said = await helped(lab, "--only", "nat", "--only", "relay", "--ice-servers", str(file))
    (blocked,) = found(said, "udp-blocked")
    assert blocked["remedy"] == "relay-tcp"
    assert not found(said, "turn-unreachable"), "that UDP does not get there is only its consequence"


@pytest.mark.proof
@pytest.mark.timeout(600)
@pytest.mark.parametrize("profile", parse.profiles())
async def test_an_exported_network_has_the_same_findings_and_axes(profile: str, tmp_path: Path) -> None:
    first, second = tmp_path / "first.toml", tmp_path / "second.toml"

    async def examined(network: Network | str, file: Path) -> Said:
        async with Lab(network, served=False) as lab:
            return await helped(lab, "--export", str(file))

    before = await examined(profile, first)
    after = await examined(parse.read(first), second)
    assert causes(after) == causes(before)
    assert differences(parse.read(first), parse.read(second)) == []
