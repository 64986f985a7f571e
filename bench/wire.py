"""How late a delayed link is beyond its delay, beside a link that delays nothing, under the traffic of a call and more.

What the bench itself adds is in both arms; the difference is what impairs the link: the wire, or netem where it is.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from contextlib import suppress

from bench.measure import Row, row
from landfast import clock
from landfast.kernel.sandbox import Sandbox
from landfast.lab import build, topology
from landfast.lab.network import Network
from landfast.lab.topology import SERVER_ADDRESSES

DELAY_MS = 20
SECONDS = 2
SIZE = 1200
# A call with video is 500 packets a second each way; the last is more than any.
RATES = (500, 2000, 5000)
PORT = 7


async def run() -> list[Row]:
    """One-way times less the delay that was asked for, both ways together."""
    rows: list[Row] = []
    for rate in RATES:
        case = f"{rate} packets/s each way"
        rows += [await _arm(case, rate, DELAY_MS), await _arm(case, rate, 0)]
    return rows


async def _arm(case: str, rate: int, delay_ms: int) -> Row:
    network = Network.model_validate(
        {
            "title": "one link",
            "observed_on": ["nowhere"],
            "hosts": {
                "robot": {"interfaces": {"eth0": {"via": "internet", "link": {"delay_ms": delay_ms}}}},
                "operator": {"interfaces": {"eth0": {"via": "internet"}}},
            },
        }
    )
    plan = topology.plan(network)
    server, robot = (str(SERVER_ADDRESSES[0]), PORT), (str(plan.address("robot")), PORT)
    async with Sandbox() as sandbox:
        hosts, links = await build.build(sandbox, plan)
        here, there = await hosts["robot"].udp(*robot), await hosts["server"].udp(*server)
        with here, there:
            here.connect(server)
            there.connect(robot)
            took = await _both_ways(here, there, rate)
    arm = f"{delay_ms} ms by {', '.join(links.means)}" if delay_ms else "no delay"
    return row(case, arm, [1000 * (seconds - delay_ms / 1000) for seconds in took], "ms")


async def _both_ways(here: socket.socket, there: socket.socket, rate: int) -> list[float]:
    took: list[float] = []

    def arrived(opened: socket.socket) -> None:
        try:
            while True:
                took.append(-struct.unpack("d", opened.recv(SIZE)[:8])[0] + clock.monotonic())
        except BlockingIOError:
            if len(took) == 2 * number:
                complete.set()

    number, complete = rate * SECONDS, asyncio.Event()
    loop = asyncio.get_running_loop()
    for opened in (here, there):
        loop.add_reader(opened, arrived, opened)
    began, sent = clock.monotonic(), 0
    while sent < number:
        while sent < min(number, (clock.monotonic() - began) * rate):
            for opened in (here, there):
                opened.send(struct.pack("d", clock.monotonic()) + bytes(SIZE - 8))
            sent += 1
        await asyncio.sleep(0.001)  # not busy: the wire needs a core too
    with suppress(TimeoutError):  # on a busy machine some find the receiver's buffer full; `n` tells how many came
        async with asyncio.timeout(1):
            await complete.wait()
    for opened in (here, there):
        loop.remove_reader(opened)
    return took
