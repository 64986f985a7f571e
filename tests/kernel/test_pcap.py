from __future__ import annotations

import struct
from contextlib import nullcontext
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landfast import clock
from landfast.errors import BadFile
from landfast.kernel.capture import ETHERNET, RAW_IP, SNAP, Frame
from landfast.kernel.pcap import PcapWriter, read_pcap

FRAMES = st.builds(
    lambda at, data, more: Frame(at, False, ETHERNET, len(data) + more, data),
    at=st.floats(0, 1e6),
    data=st.binary(max_size=SNAP),
    more=st.integers(0, 2000),
)


@given(st.lists(FRAMES, max_size=5), st.lists(FRAMES, max_size=5))
def test_a_pcap_file_gives_back_what_was_written_by_one_writer_after_another(
    tmp_path_factory: pytest.TempPathFactory, first: list[Frame], second: list[Frame]
) -> None:
    path = tmp_path_factory.mktemp("pcap") / "kept.pcap"
    for frames in (first, second):
        writer = PcapWriter(path, ETHERNET)
        writer.write(frames)
        writer.close()
    written, found = first + second, list(read_pcap(path))
    assert [(f.length, f.data) for f in written] == [(f.length, f.data) for f in found]
    assert {f.link for f in found} <= {ETHERNET}


def test_a_pcap_file_keeps_the_time_of_day_to_the_microsecond(tmp_path: Path) -> None:
    before = clock.wall().timestamp()
    writer = PcapWriter(tmp_path / "kept.pcap", RAW_IP)
    now = clock.monotonic()
    writer.write([Frame(now, True, RAW_IP, 1, b"x"), Frame(now + 0.25, True, RAW_IP, 1, b"y")])
    writer.close()
    first, second = read_pcap(tmp_path / "kept.pcap")
    assert before - 0.001 <= first.at <= clock.wall().timestamp() + 0.001
    assert second.at - first.at == pytest.approx(0.25, abs=1e-6)


@pytest.mark.parametrize("order", "<>")
def test_classic_pcap_files_of_either_byte_order_are_read(tmp_path: Path, order: str) -> None:
    path = tmp_path / "classic.pcap"
    header = struct.pack(order + "IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
    path.write_bytes(header + struct.pack(order + "IIII", 7, 500_000, 2, 9) + b"hi")
    assert list(read_pcap(path)) == [Frame(7.5, False, ETHERNET, 9, b"hi")]


@given(st.binary(max_size=100), st.booleans())
def test_a_broken_pcap_file_is_a_bad_file(tmp_path_factory: pytest.TempPathFactory, rest: bytes, headed: bool) -> None:
    path = tmp_path_factory.mktemp("pcap") / "broken.pcap"
    good = struct.pack("=IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, SNAP, 1)
    path.write_bytes(good + rest if headed else rest)
    # What may stand after a good header: whole records. Everything else is refused, whatever it is.
    whole = headed and _records(rest)
    with nullcontext() if whole else pytest.raises(BadFile, match=r"broken\.pcap"):
        assert sum(16 + len(each.data) for each in read_pcap(path)) == len(rest)


def _records(data: bytes) -> bool:
    while len(data) >= 16 and len(data) >= (size := 16 + int(struct.unpack_from("=I", data, 8)[0])):
        data = data[size:]
    return not data
