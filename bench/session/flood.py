"""Junk from many addresses to one: `python -m bench.session.flood ADDRESS PORT PER_SECOND SECONDS`.

It looks like DTLS, so that whoever takes it for the session's own data would follow it. A first line, {}, says that
every address has spoken. What comes back is told in the last: {"sent_bytes", "back_bytes", "most_back": packets in the
worst second}.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
from collections import Counter
from contextlib import ExitStack, suppress

from landfast import clock

SOURCES = 64
SIZE = 100
_RECORD = bytes([23, 254, 253])  # application data of DTLS 1.2 (RFC 6347, section 4.1)


async def flood(address: str, port: int, per_second: float, seconds: float) -> dict[str, int]:
    """Send, and count what comes back."""
    loop = asyncio.get_running_loop()
    back: Counter[int] = Counter()
    back_bytes = sent = 0
    began = clock.monotonic()

    def came(opened: socket.socket) -> None:
        nonlocal back_bytes
        with suppress(OSError):  # refused, or nothing
            back_bytes += len(opened.recv(2048))
            back[int(clock.monotonic() - began)] += 1

    with ExitStack() as stack:
        sources = [stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) for _ in range(SOURCES)]
        for source in sources:
            source.setblocking(False)
            source.connect((address, port))
            loop.add_reader(source, came, source)
        while (passed := clock.monotonic() - began) < seconds:
            while sent < passed * per_second:
                junk = _RECORD + os.urandom(SIZE - len(_RECORD))
                with suppress(OSError):  # refused
                    sources[sent % SOURCES].send(junk)
                sent += 1
                if sent == SOURCES:
                    say({})
            await asyncio.sleep(0.002)
        for source in sources:
            loop.remove_reader(source)
    return {"sent_bytes": sent * SIZE, "back_bytes": back_bytes, "most_back": max(back.values(), default=0)}


def say(line: dict[str, int]) -> None:
    """At once."""
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    where, at, rate, lasting = sys.argv[1:]
    say(asyncio.run(flood(where, int(at), float(rate), float(lasting))))
