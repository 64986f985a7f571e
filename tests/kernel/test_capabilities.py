from __future__ import annotations

import errno
import socket
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import pytest

from landfast.errors import CapabilityMissing, UnknownName
from landfast.kernel import capabilities
from landfast.kernel.capabilities import NAMES, probe, require
from landfast.kernel.host import Completed, Host, Program
from landfast.kernel.sandbox import Sandbox

R = TypeVar("R")

# What a kernel without it says: the program that is run for it, and its words.
REFUSALS = {
    "veth": ("ip", "Error: Unknown device type."),
    "nft-nat": ("nft", "Error: Could not process rule: No such file or directory"),
    "nft-fib": ("nft", "Error: Could not process rule: No such file or directory"),
    "iptables-nat": ("iptables", "Warning: Extension MASQUERADE revision 0 not supported, missing kernel module?"),
    "conntrack": ("conntrack", "conntrack v1.4.7: Operation failed: sorry, you must be root"),
    "netem": ("tc", "Error: Specified qdisc kind is unknown."),
    "tbf": ("tc", "Error: Specified qdisc kind is unknown."),
    "tun": ("ip", "open: No such file or directory"),
}


class Kernel(Host):
    """A host that can do everything but what it was told to refuse."""

    def __init__(self, refusal: str = "", *, absent: str = "") -> None:
        self.name, self.root = "fake", Path("/nowhere")
        self.refusal, self.absent = refusal, absent
        self.ran: list[tuple[str, ...]] = []

    async def run(
        self, argv: Sequence[str], *, given: str = "", environment: Mapping[str, str] | None = None
    ) -> Completed:
        if argv[0] == self.absent:
            raise CapabilityMissing(f"program {argv[0]}", "Debian package of it")
        self.ran.append((*argv, given))
        return Completed(tuple(argv), 1 if self.refusal else 0, "", self.refusal)

    async def socket(self, family: int, kind: int, protocol: int = 0) -> socket.socket:
        if self.refusal:
            raise PermissionError(errno.EPERM, self.refusal)
        return socket.socket(socket.AF_UNIX)

    async def call(self, function: Callable[..., R], *arguments: object) -> R:
        raise NotImplementedError

    async def start(self, argv: Sequence[str], **_: Any) -> Program:
        raise NotImplementedError


@pytest.mark.anyio
async def test_nothing_is_missing_where_everything_is_done() -> None:
    kernel = Kernel()
    assert await probe(NAMES, kernel) == dict.fromkeys(NAMES)
    assert {line[0] for line in kernel.ran} == {program for program, _ in REFUSALS.values()}


@pytest.mark.anyio
@pytest.mark.parametrize("name", REFUSALS)
async def test_what_a_kernel_refuses_is_missing_and_says_what_provides_it(name: str) -> None:
    program, words = REFUSALS[name]
    kernel = Kernel(words)
    found = (await probe([name], kernel))[name]
    assert [line[0] for line in kernel.ran] == [program]
    assert found is not None
    assert (found.capability, words in found.detail) == (name, True)
    assert found.provided_by
    with pytest.raises(CapabilityMissing, match=name):
        await require(name, kernel)


@pytest.mark.anyio
async def test_a_refused_socket_is_a_missing_capability() -> None:
    found = (await probe(["packet-capture"], Kernel("Operation not permitted")))["packet-capture"]
    assert found is not None
    assert "Operation not permitted" in found.detail
    assert "CAP_NET_RAW" in found.provided_by


@pytest.mark.anyio
async def test_when_the_asking_lacks_its_program_that_is_what_is_missing() -> None:
    found = (await probe(["netem"], Kernel(absent="tc")))["netem"]
    assert found is not None
    assert found.capability == "program tc"


@pytest.mark.anyio
async def test_the_rule_that_is_tried_is_the_remedys() -> None:
    kernel = Kernel()
    await require("nft-fib", kernel)
    assert "fib saddr . oif type != local masquerade" in kernel.ran[0][-1]
    assert "hook postrouting" in kernel.ran[0][-1]


@pytest.mark.anyio
async def test_a_program_is_there_or_names_its_package() -> None:
    found = await probe(["program sh", "program landfast-nobody"])
    assert found["program sh"] is None
    assert found["program landfast-nobody"] is not None


@pytest.mark.anyio
async def test_without_namespaces_everything_in_them_is_missing_for_that_reason(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    problem = CapabilityMissing("user namespaces", "a switch")

    class NoSandbox:
        async def __aenter__(self) -> None:
            raise problem

        async def __aexit__(self, *_: object) -> None:
            raise AssertionError

    monkeypatch.setattr(capabilities, "Sandbox", NoSandbox)
    found = await probe(["program sh", "veth", "netem"])
    assert found == {"program sh": None, "veth": problem, "netem": problem}


@pytest.mark.anyio
async def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(UnknownName, match="netem"):
        await probe(["nettem"])


@pytest.mark.anyio
async def test_a_defect_is_not_taken_for_a_missing_capability() -> None:
    class Broken(Kernel):
        async def run(self, *_: Any, **__: Any) -> Completed:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await probe(["veth"], Broken())


@pytest.mark.anyio
@pytest.mark.needs("namespaces")
@pytest.mark.parametrize("name", NAMES)
async def test_this_machine_says_the_same_twice_and_keeps_nothing(name: str) -> None:
    """The real askings, each in a sandbox: what was tried there is not here the second time."""
    first, second = (await probe([name]))[name], (await probe([name]))[name]
    assert str(first) == str(second)


@pytest.mark.anyio
@pytest.mark.needs("veth")
async def test_a_host_that_was_asked_holds_what_was_tried() -> None:
    """So the askings are real: a second cable of the same name is refused."""
    async with Sandbox() as sandbox:
        robot = await sandbox.host("robot")
        await require("veth", robot)
        with pytest.raises(CapabilityMissing, match="File exists"):
            await require("veth", robot)
