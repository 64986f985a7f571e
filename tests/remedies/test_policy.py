from __future__ import annotations

from pathlib import Path

import pytest

from landfast.errors import BadFile
from landfast.kernel.fake import FakeHost
from landfast.kernel.host import Host
from landfast.model.policy import Policy
from landfast.model.remedies import Remove, Write
from landfast.remedies import policy

KEEP = Policy(keepalive=10.0, interfaces=("wlan0",))


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return FakeHost(tmp_path)


def test_without_a_file_there_is_no_policy(host: Host) -> None:
    assert policy.read(host) == Policy()


def test_what_is_written_is_in_force_and_then_there_is_nothing_to_do(host: Host) -> None:
    remedy = policy.propose(host, KEEP)
    assert remedy.steps == (Write(policy.PATH, KEEP.text()),)
    assert remedy.undo.steps == (Remove(policy.PATH, folder=True),)
    assert "silent for 10 s at most" in remedy.what
    policy.write(host, KEEP)
    assert policy.read(host) == KEEP
    assert policy.propose(host, KEEP).steps == ()


@pytest.mark.parametrize("text", [None, Policy(families=(4,)).text(), "\udcff not ours"])
def test_what_was_there_comes_back_exactly(host: Host, text: str | None) -> None:
    there = host.root / policy.PATH[1:]
    if text is not None:
        there.parent.mkdir(parents=True)
        there.write_bytes(text.encode(errors="surrogateescape"))
        there.chmod(0o640)
    before = policy.look(host)
    policy.write(host, KEEP)
    assert policy.restore(host, before) is True
    assert policy.restore(host, before) is False
    if text is None:
        assert not there.parent.exists()
    else:
        assert there.read_bytes() == text.encode(errors="surrogateescape")
        assert there.stat().st_mode & 0o7777 == 0o640


@pytest.mark.parametrize("text", ["{", "x" * (policy.LARGEST + 1)])
def test_a_file_that_is_no_policy_is_an_error_with_its_path(host: Host, text: str) -> None:
    there = host.root / policy.PATH[1:]
    there.parent.mkdir(parents=True)
    there.write_text(text)
    with pytest.raises(BadFile, match=policy.PATH):
        policy.read(host)


def test_a_folder_in_its_place_is_an_error(host: Host) -> None:
    (host.root / policy.PATH[1:]).mkdir(parents=True)
    with pytest.raises(BadFile):
        policy.look(host)
