"""What this machine can do, found out by doing it: namespaces, links, rules, impairment, capture, programs.

A kernel's configuration, a container's seccomp filter, a distribution's switches: only the kernel knows them all. So
each capability is asked with the very thing that it is wanted for, in a sandbox that is thrown away. What is missing is
a CapabilityMissing that says what provides it; the same value is an error here, and the reason of a skip in a test.
"""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from landfast.errors import CapabilityMissing, UnknownName, WorldError
from landfast.kernel.host import Host, program_environment
from landfast.kernel.sandbox import Sandbox

Asking = Callable[[Host], Awaitable[object]]


@dataclass(frozen=True)
class Capability:
    """One power. `ask` uses it on a host that may be spoiled, and raises when it is not there."""

    name: str
    provided_by: str
    ask: Asking


def _program(*argv: str, given: str = "") -> Asking:
    async def ask(host: Host) -> None:
        (await host.run(argv, given=given)).checked()

    return ask


def _rule(rule: str) -> Asking:
    """The rule in a throw-away table, where the masquerade has it."""
    chain = f"chain c {{\n type nat hook postrouting priority srcnat;\n {rule}\n }}"
    return _program("nft", "-f", "-", given=f"table ip landfast-probe {{\n {chain}\n}}\n")


async def _nothing(host: Host) -> None:
    """That there is such a host says it all."""


async def _capture(host: Host) -> None:
    (await host.socket(socket.AF_PACKET, socket.SOCK_RAW)).close()


_ALL = (
    Capability("namespaces", "what the sandbox's own error names", _nothing),
    Capability(
        "veth",
        "the kernel module veth",
        _program("ip", "link", "add", "one", "type", "veth", "peer", "name", "other"),
    ),
    Capability(
        "nft-nat",
        "the kernel modules nf_tables, nft_chain_nat and nft_masq",
        _rule('oifname "lo" masquerade'),
    ),
    Capability(
        "nft-fib",
        "the kernel modules nft_fib and nft_fib_ipv4",
        _rule('oifname "lo" fib saddr . oif type != local masquerade'),
    ),
    Capability(
        "iptables-nat",
        "the kernel modules nft_compat, xt_MASQUERADE and xt_addrtype",
        _program(
            *("iptables", "-w", "-t", "nat", "-A", "POSTROUTING", "-o", "lo"),
            *("-m", "addrtype", "!", "--src-type", "LOCAL", "--limit-iface-out", "-j", "MASQUERADE"),
        ),
    ),
    Capability("conntrack", "the kernel module nf_conntrack_netlink", _program("conntrack", "-L")),
    Capability(
        "netem",
        "the kernel module sch_netem (Ubuntu: package linux-modules-extra; without it a wire in user space delays)",
        _program("tc", "qdisc", "replace", "dev", "lo", "root", "netem", "delay", "1ms"),
    ),
    Capability(
        "tbf",
        "the kernel module sch_tbf",
        _program(
            *("tc", "qdisc", "replace", "dev", "lo", "root"),
            *("tbf", "rate", "1mbit", "burst", "3kb", "latency", "9ms"),
        ),
    ),
    Capability(
        "tun",
        "the kernel module tun and a readable /dev/net/tun (Docker: --device /dev/net/tun)",
        _program("ip", "tuntap", "add", "dev", "wire", "mode", "tun"),
    ),
    Capability("packet-capture", "CAP_NET_RAW (root, or in Docker: --cap-add NET_RAW)", _capture),
)
NAMES = tuple(capability.name for capability in _ALL)
_BY_NAME = {capability.name: capability for capability in _ALL}
_PROGRAM = "program "


async def probe(names: Iterable[str], host: Host | None = None) -> dict[str, CapabilityMissing | None]:
    """Ask for capabilities: those in NAMES, and any `program NAME`. None: it is there.

    They are asked on `host`, which afterwards holds what was tried; without one, in a sandbox of their own.
    Raises UnknownName.
    """
    wanted = list(dict.fromkeys(names))
    for name in wanted:
        if name not in _BY_NAME and not name.startswith(_PROGRAM):
            raise UnknownName("capability", name, [*NAMES, f"{_PROGRAM}NAME"])
    found = {name: _missing_program(name.removeprefix(_PROGRAM)) for name in wanted if name.startswith(_PROGRAM)}
    powers = [_BY_NAME[name] for name in wanted if name in _BY_NAME]
    if host is not None:
        return found | {power.name: await _missing(power, host) for power in powers}
    if not powers:
        return found
    try:
        async with Sandbox() as sandbox:
            return found | {power.name: await _missing(power, await sandbox.host(power.name)) for power in powers}
    except CapabilityMissing as problem:
        return found | dict.fromkeys((power.name for power in powers), problem)


async def require(name: str, host: Host | None = None) -> None:
    """Raise CapabilityMissing unless the capability is there."""
    if problem := (await probe([name], host))[name]:
        raise problem


def _missing_program(name: str) -> CapabilityMissing | None:
    try:
        program_environment(name, None)
    except CapabilityMissing as problem:
        return problem
    return None


async def _missing(power: Capability, host: Host) -> CapabilityMissing | None:
    try:
        await power.ask(host)
    except CapabilityMissing as problem:  # a program that the asking needs
        return problem
    except (WorldError, OSError) as problem:
        return CapabilityMissing(power.name, power.provided_by, str(problem))
    return None
