"""How a router translates: it is asked as `diagnose.nat` wishes to be asked, and that judges."""

from __future__ import annotations

from collections.abc import Sequence

from landfast.diagnose import nat as judge
from landfast.lab.network import Nat, Ports
from landfast.lab.verify.asking import Asker, together
from landfast.lab.verify.line import token
from landfast.lab.verify.measured import NONE, Row, Value
from landfast.lab.verify.points import Hop
from landfast.model.facts import Fact, MappedAddress
from landfast.model.nat import NatBehaviour, Pooling

MANY = 2 * judge.ENOUGH_MAPPINGS
"""Lines that see the pool. In an arbitrary pool of two all look alike, or change only once, with 3e-6."""

_NARROW = 8192
"""A range of ports this narrow is a block: eight random ports of 64000 lie within one by chance with 4e-6."""
_ENOUGH_PORTS = 8


async def mapping(asker: Asker, lines: int) -> list[Fact]:
    """On each line the server, its other port, its other address, the server again: three sessions of one mapping."""
    x = asker.server
    servers = (x, asker.responder.other(x, port=True), asker.responder.other(x, address=True), x)

    async def one() -> list[Fact]:
        line = await asker.line()
        return [await asker.ask(line, server) for server in servers]

    return [fact for facts in await together(*(one() for _ in range(lines))) for fact in facts]


async def filtering(asker: Asker) -> list[Fact]:
    """On two fresh lines: answers from another port, and from another address."""
    port, address = await asker.line(), await asker.line()
    asked = await together(asker.ask_for_another(port, port=True), asker.ask_for_another(address, address=True))
    return [fact for facts in asked for fact in facts]


async def pool(asker: Asker) -> list[Fact]:
    """Many lines, one question each."""
    lines = [await asker.line() for _ in range(MANY)]
    return [*await together(*(asker.ask(line, asker.server) for line in lines))]


async def hairpin(hop: Hop, asker: Asker) -> list[Row]:
    """Whether one inner socket reaches another at its external endpoint (RFC 4787, REQ-9)."""
    nat = hop.router.nat
    if nat is None:
        return []
    one, other = await asker.line(), await asker.line()
    seen = await asker.ask(other, asker.server)
    reached = None
    if isinstance(seen, MappedAddress):
        mark = token()
        for _ in range(asker.attempts):
            one.send(mark, seen.mapped)
        reached = await asker.arrives(other, mark)
    return [Row(hop.name, "nat.hairpin", nat.hairpin, reached, "from one inner socket to another's external one")]


def rows(hop: Hop, facts: Sequence[Fact], refused: str) -> list[Row]:
    """What the facts say of each axis; `refused` is why something was not asked."""
    name, declared = hop.name, hop.router.nat
    seen = judge.behaviour(facts)
    how = refused or f"STUN, {sum(isinstance(fact, MappedAddress) for fact in facts)} answers"
    observed = None if seen.translated is None else "yes" if seen.translated else NONE
    found = [Row(name, "nat", "yes" if declared else NONE, observed, how)]
    if declared is None or seen.translated is False:
        return found
    kind, block = _ports(declared, seen, facts)
    moved = next((f for f in facts if isinstance(f, MappedAddress) and f.mapped[1] != f.local[1]), None)
    if moved:
        how += f", port {moved.local[1]} became {moved.mapped[1]}"
    said: list[tuple[str, Value, Value | None]] = [
        ("mapping", declared.mapping, seen.mapping),
        ("filtering", declared.filtering, seen.filtering),
        ("ports", declared.ports, kind),
    ]
    if declared.block:
        said.append(("block", "{}-{}".format(*declared.block), block))
    if declared.pool > 1 or seen.pooling is Pooling.ARBITRARY:
        said.append(("pooling", declared.pooling, seen.pooling))
    return found + [Row(name, f"nat.{axis}", is_, was, how) for axis, is_, was in said]


def _ports(declared: Nat, seen: NatBehaviour, facts: Sequence[Fact]) -> tuple[Ports | None, str | None]:
    """Port allocation, and the block that the external ports were seen in."""
    ports = sorted({fact.mapped[1] for fact in facts if isinstance(fact, MappedAddress)})
    if seen.port_preserved is None:
        return None, None
    if seen.port_preserved:
        return Ports.PRESERVING, NONE
    low, high = ports[0], ports[-1]
    if declared.block and declared.block[0] <= low and high <= declared.block[1]:
        return Ports.BLOCK, "{}-{}".format(*declared.block)
    if len(ports) < _ENOUGH_PORTS:
        return None, None
    return (Ports.BLOCK if high - low < _NARROW else Ports.RANDOM), f"{low}-{high}"


def external(hop: Hop, facts: Sequence[Fact], each: Sequence[str], held: Sequence[str]) -> list[Row]:
    """How many external addresses are in use: as many as the router holds on `wan`, if enough of them are seen.

    `each` has the external address of each subscriber. A paired pool gives them one each, as far as it goes.
    """
    nat = hop.router.nat
    if nat is None:
        return []
    seen = {fact.mapped[0] for fact in facts if isinstance(fact, MappedAddress)} | set(each)
    at_least = min(len(held), len(each) if nat.pooling is Pooling.PAIRED else 2)
    observed = len(held) if len(seen) >= at_least and seen <= set(held) else len(seen)
    how = f"{len(held)} on wan, {len(seen)} seen by {len(each)} subscribers"
    return [Row(hop.name, "nat.pool", nat.pool, observed if seen else None, how)]
