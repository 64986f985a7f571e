"""Plan → namespaces: cables, addresses, routes, sysctls and rules, in as few programs as possible."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping

from landfast.kernel import carrier, nft, offload, sysctl
from landfast.kernel.host import Host
from landfast.kernel.sandbox import Sandbox, SandboxHost
from landfast.lab import ruleset
from landfast.lab.links import Links
from landfast.lab.network import NOWHERE, SERVER
from landfast.lab.topology import SERVER_ADDRESSES, Cable, Place, Plan, Routing

# Frames that cross a bridge must not meet the bridging host's iptables: on by default wherever br_netfilter is loaded.
_BRIDGE_SYSCTLS = {f"bridge/bridge-nf-call-{kind}": "0" for kind in ("iptables", "ip6tables", "arptables")}


async def build(sandbox: Sandbox, plan: Plan) -> tuple[dict[str, SandboxHost], Links]:
    """Make everything that the plan says; the hosts by name, and the links between them."""
    hosts = {name: await sandbox.host(name) for name in plan.places}
    for name, host in hosts.items():
        _own_files(host, plan, name)
        # Before any cable: an interface takes the namespace's defaults when it is made.
        await sysctl.write(host, plan.places[name].sysctls)
        await sysctl.write(host, _BRIDGE_SYSCTLS, absent_ok=True)
    links = await Links.choose(sandbox, plan.cables)
    cables = "".join(_cable(cable, hosts | links.hosts) for cable in links.plan.cables)
    await ip(hosts[NOWHERE], cables)
    await asyncio.gather(*(_place(hosts[name], place, plan) for name, place in plan.places.items()))
    await links.put(hosts)
    await _settle(hosts | links.hosts, links.plan.cables)
    return hosts, links


async def _settle(hosts: Mapping[str, SandboxHost], cables: Iterable[Cable]) -> None:
    """Return when every cable carries packets; else one network in ten loses its first, and a second with it."""
    ends: dict[str, list[str]] = {}
    for cable in cables:
        for place, interface in (cable.near, cable.far):
            ends.setdefault(place, []).append(interface)
    await asyncio.gather(*(carrier.settle(hosts[place], interfaces) for place, interfaces in ends.items()))


async def ip(host: Host, lines: str) -> None:
    """Run lines of `ip -batch` on a host."""
    (await host.run(["ip", "-batch", "-"], given=lines)).checked()


def _cable(cable: Cable, hosts: Mapping[str, SandboxHost]) -> str:
    (near, interface), (far, port) = cable.near, cable.far
    return f"link add {interface} netns {hosts[near].network} type veth peer name {port} netns {hosts[far].network}\n"


async def _place(host: Host, place: Place, plan: Plan) -> None:
    ends = [end for cable in plan.cables for end in (cable.near, cable.far)]
    # No real cable carries unfinished packets: they would be too large for rules on length, and counted as one.
    await offload.disable(host, [interface for name, interface in ends if name == place.name])
    await ip(host, "\n".join(place.lines) + "\n")
    await sysctl.write(host, place.later)
    if routing := plan.routings.get(place.name):
        await load(host, routing)
    await _docker_rules(host, plan, place.name)


async def load(host: Host, routing: Routing) -> None:
    """The router's rules as they are at the beginning: counters at 0, sets empty, clear weather."""
    await nft.load(host, ruleset.nat(routing) + ruleset.router(routing) + ruleset.weather(ruleset.CLEAR))


async def _docker_rules(host: Host, plan: Plan, name: str) -> None:
    declared = plan.network.hosts.get(name)
    bridges = declared.bridges.items() if declared else ()
    for bridge, spec in bridges:
        if spec.masquerade:
            rule = ["-s", str(spec.address.network), "!", "-o", bridge, "-j", "MASQUERADE"]
            (await host.run(["iptables", "-w", "-t", "nat", "-A", "POSTROUTING", *rule])).checked()


def _own_files(host: Host, plan: Plan, name: str) -> None:
    lines = ["127.0.0.1 localhost", f"{SERVER_ADDRESSES[0]} {SERVER}", f"{SERVER_ADDRESSES[1]} {SERVER}-2"]
    lines += [f"{plan.address(other)} {other}" for other in plan.network.hosts]
    etc = host.root / "etc"
    (etc / "hosts").write_text("\n".join(lines) + "\n")
    # No name server: a look-up of anything else fails at once instead of after five seconds.
    (etc / "resolv.conf").write_text("options attempts:1 timeout:1\n")
    (etc / "hostname").write_text(f"{name}\n")
