"""Packets in files: pcap (draft-ietf-opsawg-pcap), as tcpdump and Wireshark read it."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from pathlib import Path

from landfast import clock
from landfast.errors import BadFile
from landfast.kernel.capture import SNAP, Frame

# How a file begins: with nanoseconds, or the classic one with microseconds (section 4).
_NANOSECONDS, _MICROSECONDS = 0xA1B23C4D, 0xA1B2C3D4
_MAX_FRAME = 1 << 18  # libpcap's own bound on a snap length (MAXIMUM_SNAPLEN)


class PcapWriter:
    """Writes frames to a pcap file (nanosecond form, our byte order), after those that are there. It keeps no
    directions."""

    def __init__(self, path: Path, link: int) -> None:
        self._file = path.open("ab")
        self._difference = clock.wall().timestamp() - clock.monotonic()
        if not self._file.tell():
            self._file.write(struct.pack("=IHHiIII", _NANOSECONDS, 2, 4, 0, 0, SNAP, link))
            self._file.flush()

    def write(self, frames: Iterable[Frame]) -> None:
        """Append frames at their time of day; they are in the file when this returns."""
        for frame in frames:
            seconds, nanoseconds = divmod(round((frame.at + self._difference) * 1e9), 10**9)
            self._file.write(struct.pack("=IIII", seconds, nanoseconds, len(frame.data), frame.length) + frame.data)
        self._file.flush()

    def close(self) -> None:
        """Close the file. Idempotent."""
        self._file.close()


def read_pcap(path: Path) -> Iterator[Frame]:
    """The frames of a pcap file, of either precision and byte order; `at` is the time of day. Raises BadFile."""
    with path.open("rb") as file:
        header = file.read(24)
        orders = {
            struct.pack(order + "I", magic): (order, unit)
            for order in "<>"
            for magic, unit in ((_NANOSECONDS, 1e-9), (_MICROSECONDS, 1e-6))
        }
        if len(header) < 24 or header[:4] not in orders:
            raise BadFile(path, None, "not a pcap file")
        order, unit = orders[header[:4]]
        link = struct.unpack_from(order + "I", header, 20)[0] & 0xFFFF
        while record := file.read(16):
            if len(record) < 16:
                raise BadFile(path, None, "ends inside a record's header")
            seconds, fraction, kept, length = struct.unpack(order + "IIII", record)
            data = file.read(kept) if kept <= _MAX_FRAME else b""
            if len(data) < kept:
                raise BadFile(path, None, f"ends inside a record of {kept} bytes")
            yield Frame(seconds + fraction * unit, False, link, length, data)
