from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landfast.errors import BadFile
from landfast.kernel.fake import FakeHost
from landfast.kernel.host import Host
from landfast.remedies import record
from landfast.remedies.masquerade import State
from landfast.remedies.masquerade.state import Chain, Regular, Symlink
from landfast.remedies.policy import Before
from landfast.remedies.record import Record

STATE = State(
    nft=({"table": {"family": "ip", "name": "landfast"}},),
    iptables=(Chain(4, "translate", ("LANDFAST",), ("-j MASQUERADE",), ("POSTROUTING -j LANDFAST",), "table"),),
    files={"/a": Regular("\udcff\n", 0o755), "/b": Symlink("../a"), "/c": None},
)
POLICY = Before("/etc/landfast/session.json", "{}", 0o600)


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return FakeHost(tmp_path)


@pytest.mark.parametrize(
    "kept", [Record(), Record(STATE), Record(policy=POLICY), Record(State(), Before("/etc/x", None))]
)
def test_what_is_kept_is_read(host: Host, kept: Record) -> None:
    record.keep(host, kept)
    assert record.read(host) == kept
    assert (host.root / record.PATH[1:]).stat().st_mode & 0o777 == 0o600


def test_nothing_kept_is_nothing_to_undo_and_forgetting_leaves_nothing(host: Host) -> None:
    assert record.read(host) is None
    record.keep(host, Record(STATE))
    record.forget(host)
    assert record.read(host) is None
    assert not (host.root / record.PATH[1:]).parent.exists()


def test_the_state_before_the_first_fix_stays(host: Host) -> None:
    record.keep(host, Record(State()))
    record.keep(host, Record(STATE, POLICY))
    assert record.read(host) == Record(State(), POLICY)


@given(st.binary(max_size=200) | st.from_regex(rb'\{"schema_version": 1, "masquerade": [^n].*, "policy": [^n].*\}'))
def test_a_file_that_is_no_record_is_an_error_with_its_path(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    host = FakeHost(tmp_path_factory.mktemp("root"))
    there = host.root / record.PATH[1:]
    there.parent.mkdir(parents=True)
    there.write_bytes(data)
    with pytest.raises(BadFile, match=record.PATH):
        record.read(host)
