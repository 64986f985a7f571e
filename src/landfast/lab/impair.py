"""Links → how this kernel impairs them: by netem, or by a wire, nft and tbf. Pure; `links.py` puts it in place.

    declared           with netem                      without
    delay, jitter      netem at both ends              the cable is cut, and the wire (`wire.py`) carries its frames
    reorder            netem at both ends              the wire
    loss               netem at both ends              nft's numgen on the bridge at the far end, each way by itself
    rate               tbf below netem, at both ends   tbf at both ends

`delayline.py` tells what the words mean. They mean the same on both sides but for one thing: netem also delays and
loses the questions by which hosts find their neighbours (ARP, ND).

nft loses on the bridge and not at an interface, so that a capture shows at the sender what was sent and at the receiver
what arrived, and no sender is told.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from landfast.lab.delayline import Manner
from landfast.lab.network import Link
from landfast.lab.topology import Cable

# The namespace where cut cables meet. No host can be called so (`network.Name`).
WIRES = "_wires"
# What a link holds at one time: as much as netem by default, and what 240 Mbit/s of full frames bring while they wait.
_ROOM, _ROOM_PER_SECOND = 1000, 20_000
# A full frame: 1500 bytes and Ethernet's header.
_FRAME = 1514
# tbf lets go at once what adds up between two ticks of a slow kernel (HZ=250), and two frames: one must always fit.
_TICK = 0.004
# What may wait for a slow link: a round trip, as buffers are usually sized (Villamizar and Song, 1994), a long one.
_QUEUE_MS = 200
# With a rate netem never lets jitter reorder (sch_netem.c); this one is too high to be felt.
_IN_ORDER = "rate 100gbit"
# Odds are told to nft in millionths.
_WHOLE = 1_000_000


@dataclass(frozen=True)
class Impairment:
    """What is done to a network's links. `impair` makes it."""

    means: tuple[str, ...]
    """Those of `netem`, `wire`, `nft` and `tbf` that are in use."""
    cables: tuple[Cable, ...]
    """All cables; one that is cut has become two that end in WIRES."""
    cuts: tuple[tuple[str, str, Manner], ...]
    """The interfaces of WIRES between which the wire carries frames, and how."""
    tc: dict[str, str]
    """Text for `tc -batch`, by host."""
    nft: dict[str, str]
    """Rulesets, by host."""


def impair(cables: Sequence[Cable], netem: bool) -> Impairment:
    """How these cables are impaired in a kernel with or without netem."""
    laid: list[Cable] = []
    cuts: list[tuple[str, str, Manner]] = []
    tc: dict[str, str] = {}
    for cable in cables:
        for host, interface in (cable.near, cable.far):
            tc[host] = tc.get(host, "") + "".join(f"{line}\n" for line in _queues(interface, cable.link, netem))
        if cable.link.delay_ms and not netem:
            ends = f"near{len(cuts)}", f"far{len(cuts)}"
            laid += [replace(cable, far=(WIRES, ends[0])), replace(cable, near=(WIRES, ends[1]))]
            cuts.append((*ends, _manner(cable.link)))
        else:
            laid.append(cable)
    tc = {host: text for host, text in tc.items() if text}
    lossy = [] if netem else [cable for cable in cables if cable.link.loss]
    nft = {host: _loss(c for c in lossy if c.far[0] == host) for host in dict.fromkeys(c.far[0] for c in lossy)}
    queues = "".join(tc.values())
    used = {"netem": " netem " in queues, "wire": bool(cuts), "nft": bool(nft), "tbf": " tbf " in queues}
    return Impairment(tuple(name for name, is_used in used.items() if is_used), tuple(laid), tuple(cuts), tc, nft)


def room(link: Link) -> int:
    """How many frames find place on a link in one direction; more are lost."""
    return _ROOM + math.ceil((link.delay_ms + link.jitter_ms) / 1000 * _ROOM_PER_SECOND)


def _manner(link: Link) -> Manner:
    return Manner(link.delay_ms / 1000, link.jitter_ms / 1000, link.reorder, room(link))


def _queues(interface: str, link: Link, netem: bool) -> Iterator[str]:
    """The queueing disciplines of one end."""
    netem = netem and bool(link.delay_ms or link.loss)
    if netem:
        yield f"qdisc replace dev {interface} root handle 1: {_netem(link)}"
    if link.rate_kbit:
        burst = 2 * _FRAME + math.ceil(link.rate_kbit * 1000 / 8 * _TICK)
        tbf = f"tbf rate {link.rate_kbit}kbit burst {burst}b latency {_QUEUE_MS}ms"
        yield f"qdisc replace dev {interface} {'parent 1:1' if netem else 'root'} handle 2: {tbf}"


def _netem(link: Link) -> str:
    words = [f"netem limit {room(link)}"]
    if link.delay_ms:
        words.append(f"delay {_us(link.delay_ms)}")
    if link.jitter_ms:
        words += [_us(link.jitter_ms), _IN_ORDER]
    if link.reorder:
        words.append(f"reorder {_percent(link.reorder)}")
    if link.loss:
        words.append(f"loss {_percent(link.loss)}")
    return " ".join(words)


def _us(milliseconds: float) -> str:
    return f"{round(milliseconds * 1000)}us"


def _percent(share: float) -> str:
    return f"{share * 100:.6g}%"


def _loss(cables: Iterable[Cable]) -> str:
    """The ruleset of a bridge that loses what comes from and goes to the ports of these cables."""
    up, down = [], []
    for cable in cables:
        lost = f"numgen random mod {_WHOLE} < {max(1, round(cable.link.loss * _WHOLE))} drop"
        up.append(f'iifname "{cable.far[1]}" {lost}')
        down.append(f'oifname "{cable.far[1]}" {lost}')
    lines = ["table bridge links {"]
    for chain, hook, rules in (("up", "prerouting", up), ("down", "postrouting", down)):
        neighbours = ["ether type arp accept", "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept"]
        within = [f"type filter hook {hook} priority 0; policy accept;", *neighbours, *rules]
        lines += [f"  chain {chain} {{", *(f"    {line}" for line in within), "  }"]
    return "\n".join([*lines, "}", ""])


@dataclass(frozen=True)
class Delay:
    """How long frames take over one cable, one way, asked and measured; milliseconds. `took` makes it."""

    cable: str
    asked: float
    jitter: float
    median: float | None
    """None: no probe arrived."""
    p95: float | None
    probes: int
    """How many arrived, of both directions together."""

    def __str__(self) -> str:
        asked = f"{self.cable}: {self.asked:g} ms" + (f" ± {self.jitter:g}" if self.jitter else "") + " asked, "
        if self.median is None or self.p95 is None:
            return asked + "no probe arrived"
        return asked + f"{self.median:.2f} ms median, {self.p95:.2f} ms p95 of {self.probes}"


def took(cable: Cable, seconds: Iterable[float]) -> Delay:
    """From the times that probes took. Those that overtook on purpose do not count."""
    link = cable.link
    earliest = (link.delay_ms - link.jitter_ms) / 2 if link.reorder else 0
    times = sorted(ms for each in seconds if (ms := each * 1000) >= earliest)

    def at(share: float) -> float | None:
        return times[int(share * len(times))] if times else None

    name = f"{cable.near[0]} {cable.near[1]} – {cable.far[0]}"
    return Delay(name, link.delay_ms, link.jitter_ms, at(0.5), at(0.95), len(times))
