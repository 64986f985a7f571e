"""A laboratory from nothing to verified, and a bare chain of six namespaces, beside one `ip` process a command."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

from bench.measure import Row, alternating
from landfast.kernel import sysctl
from landfast.kernel.host import Host
from landfast.kernel.sandbox import Sandbox
from landfast.lab.lab import Lab

TIMES = 9
CHAIN = 6


async def run() -> list[Row]:
    """`cgnat` and `mifi`, started and verified, and the bare chain, each beside a shell script that makes the chain."""
    scripted: dict[str, Callable[[], Awaitable[object]]] = {"one ip process a command (the bare chain)": _their_chain}
    rows: list[Row] = []
    for name in ("cgnat", "mifi"):
        ours: dict[str, Callable[[], Awaitable[object]]] = {"landfast: started and verified": partial(_stand, name)}
        rows += await alternating(name, ours | scripted, TIMES)
    chain = {"landfast: the bare chain": _our_chain} | scripted
    return rows + await alternating(f"chain of {CHAIN}", chain, TIMES)


async def _stand(name: str) -> None:
    async with Lab(name, served=False):
        pass


def _links() -> list[tuple[int, int]]:
    return [(n, n + 1) for n in range(CHAIN - 1)]


def _commands(number: int) -> list[str]:
    """What one namespace of the chain needs, as words for `ip`."""
    lines = ["link set lo up"]
    for left, right in _links():
        if number in (left, right):
            own = "right" if number == left else "left"
            lines += [f"link set {own} up", f"address add 10.0.{left}.{1 if number == left else 2}/24 dev {own}"]
    if number < CHAIN - 1:
        lines += [f"route add 10.0.{far}.0/24 via 10.0.{number}.2" for far in range(number + 1, CHAIN - 1)]
    if number > 0:
        lines += [f"route add 10.0.{far}.0/24 via 10.0.{number - 1}.1" for far in range(number - 1)]
    return lines


async def _our_chain() -> None:
    async with Sandbox() as sandbox:
        hosts = [await sandbox.host(f"n{number}") for number in range(CHAIN)]
        cables = [
            f"link add right netns {hosts[a].network} type veth peer name left netns {hosts[b].network}"
            for a, b in _links()
        ]
        await _batch(hosts[0], cables)
        await asyncio.gather(*(_place(host, number) for number, host in enumerate(hosts)))
        (await hosts[0].run(["ip", "route", "get", f"10.0.{CHAIN - 2}.2"])).checked()


async def _place(host: Host, number: int) -> None:
    await sysctl.write(host, {"ipv4/ip_forward": "1"})
    await _batch(host, _commands(number))


async def _batch(host: Host, lines: list[str]) -> None:
    (await host.run(["ip", "-batch", "-"], given="\n".join(lines) + "\n")).checked()


async def _their_chain() -> None:
    script = ["set -e", "mount -t tmpfs none /run"]
    script += [f"ip netns add n{number}" for number in range(CHAIN)]
    script += [f"ip link add right netns n{a} type veth peer name left netns n{b}" for a, b in _links()]
    for number in range(CHAIN):
        script += [f"ip -n n{number} {line}" for line in _commands(number)]
        script.append(f"ip netns exec n{number} sh -c 'echo 1 > /proc/sys/net/ipv4/ip_forward'")
    script.append(f"ip -n n0 route get 10.0.{CHAIN - 2}.2 >/dev/null")
    async with Sandbox() as sandbox:  # so that it works for an ordinary user and leaves nothing either
        host = await sandbox.host("outside")
        (await host.run(["sh"], given="\n".join(script) + "\n")).checked()
