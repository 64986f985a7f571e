"""What sessions of a stack cost, as a program of its own: `python -m bench.session.cost STACK idle SESSIONS SECONDS`,
or `… STACK data SECONDS`, or `… STACK datagrams SECONDS`. One line of JSON.

Both ends are in one process, on this host's own address, so every number is of two ends.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import resource
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from aiortc import RTCIceGatherer, RTCIceTransport

from bench.session.prober import Configuration, connection
from landfast import clock
from landfast.session.aiortc import ice
from landfast.session.ice.agent import Agent
from landfast.session.transport import Transport

SIZE = 1200
"""Bytes of a datagram: what media's packets have."""
MESSAGE = 16 * 1024
"""Bytes of a data channel's message: what every browser takes (RFC 8831 leaves more to negotiation)."""
_AHEAD = 1 << 18  # bytes that may wait in a channel
_TOGETHER = 10  # sessions that connect at a time
_WINDOW, _LOST = 64, 0.5  # datagrams on their way; seconds after which they are lost
_SETTLE = 45.0  # seconds until what was made is at rest: `Settings.checking`, and more


async def pair(stack: str) -> tuple[Any, Any, Any, Any]:
    """Two ends, connected, and a channel's two ends."""
    (one, described), (other, _) = connection(stack, Configuration()), connection(stack, Configuration())
    there: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    opened = asyncio.Event()
    channel = one.createDataChannel("data")
    channel.on("open", opened.set)
    other.on("datachannel", there.set_result)
    for a, b, make in ((one, other, one.createOffer), (other, one, other.createAnswer)):
        await a.setLocalDescription(await make())
        await b.setRemoteDescription(described(a.localDescription.sdp, a.localDescription.type))
    await opened.wait()
    return one, other, channel, await there


async def idle(stack: str, sessions: int, seconds: float) -> dict[str, float]:
    """CPU and memory of sessions that say nothing; `sessions` counts ends, so 500 are 250 pairs in this process."""
    before, spent = _resident(), _spent()
    kept: list[Any] = []
    for _ in range(sessions // 2 // _TOGETHER):
        kept += await asyncio.gather(*(pair(stack) for _ in range(_TOGETHER)))
    ends = 2 * len(kept)
    set_up = _spent() - spent
    await asyncio.sleep(_SETTLE)
    gc.collect()
    began, spent = clock.monotonic(), _spent()
    await asyncio.sleep(seconds)
    passed = clock.monotonic() - began
    alive = sum(each.connectionState == "connected" for one, other, *_ in kept for each in (one, other))
    return {
        "sessions": ends,
        "connected": alive,
        "cpu_ms_per_minute": 1000 * 60 * (_spent() - spent) / passed / ends,
        "set_up_cpu_ms": 1000 * set_up / ends,
        "kb": (_resident() - before) / ends / 1024,
    }


async def data(stack: str, seconds: float) -> dict[str, float]:
    """What one data channel carries, reliable and in order: megabits per second."""
    one, other, channel, far = await pair(stack)
    came = 0

    def message(given: bytes) -> None:
        nonlocal came
        came += len(given)

    far.on("message", message)
    room = asyncio.Event()
    channel.bufferedAmountLowThreshold = _AHEAD // 2
    channel.on("bufferedamountlow", room.set)
    began = clock.monotonic()
    while clock.monotonic() - began < seconds:
        while channel.bufferedAmount < _AHEAD:
            channel.send(bytes(MESSAGE))
        room.clear()
        await room.wait()
    rate = came * 8 / (clock.monotonic() - began) / 1e6
    await asyncio.gather(one.close(), other.close())
    return {"mbit": rate}


async def datagrams(stack: str, seconds: float) -> dict[str, float]:
    """What goes through the agents alone, without DTLS: packets per second that came."""
    one, other = await _agents(stack)
    sending, receiving = _inside(one), _inside(other)
    came = 0
    there = asyncio.Event()

    async def receive() -> None:
        nonlocal came
        while True:
            await receiving.recv()
            came += 1
            there.set()

    task = asyncio.create_task(receive())
    began, sent = clock.monotonic(), 0
    packet = b"\x80" + bytes(SIZE - 1)
    while clock.monotonic() - began < seconds:
        for _ in range(_TOGETHER):
            await sending.send(packet)
            sent += 1
        while came < sent - _WINDOW:  # what waits to be read is not sent past
            there.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(there.wait(), _LOST)
                continue
            sent = came  # the rest was lost
    passed = clock.monotonic() - began
    task.cancel()
    await asyncio.gather(one.stop(), other.stop())
    return {"packets": came / passed}


async def _agents(stack: str) -> tuple[Any, Any]:
    """Two ICE transports, connected."""
    made: list[Any] = []
    for _ in range(2):
        if stack == "aiortc":
            made.append(RTCIceTransport(RTCIceGatherer(iceServers=[])))
        else:
            made.append(ice.RTCIceTransport(ice.RTCIceGatherer(Transport(Agent(controlling=False)))))
    one, other = made
    _inside(one).ice_controlling, _inside(other).ice_controlling = True, False
    await asyncio.gather(*(each.iceGatherer.gather() for each in made))
    for a, b in ((one, other), (other, one)):
        for candidate in a.iceGatherer.getLocalCandidates():
            await b.addRemoteCandidate(candidate)
        await b.addRemoteCandidate(None)
    parameters = [each.iceGatherer.getLocalParameters() for each in made]
    await asyncio.gather(one.start(parameters[1]), other.start(parameters[0]))
    return one, other


def _inside(transport: Any) -> Any:
    """What sends and receives: aioice's Connection, or what stands in its place."""
    return transport._connection  # noqa: SLF001 -- where aiortc's DTLS takes it


def _spent() -> float:
    """CPU seconds of this process, the kernel's on its behalf included."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _resident() -> int:
    """Bytes in memory (proc(5), statm)."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def _main(stack: str, what: str, *numbers: str) -> None:
    measures: dict[str, Callable[..., Awaitable[dict[str, float]]]] = {"data": data, "datagrams": datagrams}
    if what == "idle":
        found = await idle(stack, int(numbers[0]), float(numbers[1]))
    else:
        found = await measures[what](stack, float(numbers[0]))
    sys.stdout.write(json.dumps(found) + "\n")
    sys.stdout.flush()
    os._exit(0)  # hundreds of goodbyes would take longer than what was measured


if __name__ == "__main__":
    asyncio.run(_main(*sys.argv[1:]))
