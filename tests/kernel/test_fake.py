"""That the fake behaves as a host is shown by the doors' tests, which run on both; here, what only the fake does."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from landfast.errors import CapabilityMissing, LandfastError
from landfast.kernel.fake import FakeHost

pytestmark = pytest.mark.anyio


async def test_it_refuses_what_it_does_not_know(tmp_path: Path) -> None:
    host = FakeHost(tmp_path)
    for argv in (["nft", "monitor"], ["iptables", "-L"], ["conntrack", "-E"], ["ip", "link"], ["tcpdump"]):
        assert (await host.run(argv)).code == 1
    with pytest.raises(LandfastError):
        await host.call(os.getpid)
    with pytest.raises(LandfastError):
        await host.socket(socket.AF_INET, socket.SOCK_DGRAM)


async def test_a_program_that_it_lacks_is_a_missing_capability(tmp_path: Path) -> None:
    host = FakeHost(tmp_path, lacks={"nft"})
    with pytest.raises(CapabilityMissing, match="program nft"):
        await host.run(["nft", "-j", "list", "ruleset"])
    assert host.ran == []


async def test_it_tells_what_was_run_and_a_started_program_has_ended(tmp_path: Path) -> None:
    host = FakeHost(tmp_path)
    program = await host.start(["systemctl", "daemon-reload"])
    program.send_signal(9)
    assert (await program.wait(), program.code, host.ran) == (0, 0, [("systemctl", "daemon-reload")])
