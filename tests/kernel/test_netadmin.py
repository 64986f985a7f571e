from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from landfast.errors import CapabilityMissing, ProgramFailed
from landfast.kernel import netadmin
from landfast.kernel.fake import FakeHost
from landfast.kernel.host import Completed

pytestmark = pytest.mark.anyio


class Saying(FakeHost):
    """Answers every program with the same words and code."""

    code, stderr = 1, ""

    async def run(self, argv: Sequence[str], **_: object) -> Completed:
        return Completed(tuple(argv), self.code, "out", self.stderr)


@pytest.mark.parametrize(
    "said",
    [
        "Error: Could not process rule: Operation not permitted",  # nft
        "iptables v1.8.9 (nf_tables): Could not fetch rule set generation id: Permission denied (you must be root)",
        "conntrack v1.4.7 (conntrack-tools): Operation failed: Operation not permitted",
        "RTNETLINK answers: Operation not permitted",  # ip
    ],
)
async def test_a_refusal_names_the_capability(said: str, tmp_path: Path) -> None:
    host = Saying(tmp_path)
    host.stderr = said
    with pytest.raises(CapabilityMissing) as problem:
        await netadmin.attempt(host, ["nft"])
    assert problem.value.capability == "CAP_NET_ADMIN"
    assert problem.value.detail == said


async def test_another_failure_carries_what_was_given(tmp_path: Path) -> None:
    host = Saying(tmp_path)
    assert (await netadmin.attempt(host, ["nft"])).code == 1
    with pytest.raises(ProgramFailed) as problem:
        await netadmin.run(host, ["nft", "-f", "-"], "text")
    assert (problem.value.given, problem.value.code) == ("text", 1)


async def test_the_words_of_a_refusal_on_success_mean_nothing(tmp_path: Path) -> None:
    host = Saying(tmp_path)
    host.code, host.stderr = 0, "warning: permission denied for a cache"
    assert (await netadmin.run(host, ["nft"])).stdout == "out"
