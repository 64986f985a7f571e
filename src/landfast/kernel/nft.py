"""The door to nftables: the program `nft`.

Text for the laboratory's routers (the JSON of nft 1.0.6 cannot carry maps, dynamic sets and `ct timeout`), JSON for
reading and for a remedy's own table. Whatever is given is one transaction: the kernel takes all of it or nothing.
"""

from __future__ import annotations

from collections.abc import Iterable

from landfast.errors import CapabilityMissing, ProgramFailed
from landfast.kernel import netadmin
from landfast.kernel.host import Host
from landfast.wire.netfilter import NFT_APPLY, Json, nft_document, nft_objects


async def load(host: Host, text: str) -> None:
    """Load a ruleset's text, all of it or nothing. Raises ProgramFailed with the text."""
    await netadmin.run(host, ["nft", "-f", "-"], text)


async def apply(host: Host, commands: Iterable[Json]) -> None:
    """Carry out commands, all of them or none. Raises ProgramFailed with the document."""
    await netadmin.run(host, NFT_APPLY, nft_document(commands))


async def accepts(host: Host, objects: Iterable[Json]) -> bool:
    """Whether the kernel takes these tables, chains and rules: they are added and deleted again in one transaction.

    The tables must have names of their own, for what they held before would be gone too.
    """
    wanted = list(objects)
    tables = [found for found in wanted if "table" in found]
    try:
        await apply(host, [{"add": each} for each in wanted] + [{"delete": table} for table in tables])
    except ProgramFailed:
        return False
    return True


async def listing(host: Host) -> tuple[Json, ...]:
    """Every object of the ruleset, in nft's order. Raises CapabilityMissing when this nft has no JSON."""
    try:
        said = await netadmin.run(host, ["nft", "-j", "list", "ruleset"])
    except ProgramFailed as problem:
        if "JSON" in problem.stderr:
            raise CapabilityMissing("nft with JSON", "an nft built with libjansson (Debian: nftables)") from None
        raise
    return nft_objects(said.stdout)


async def text(host: Host) -> str:
    """The whole ruleset without its counters, as a person reads it."""
    return (await netadmin.run(host, ["nft", "-s", "list", "ruleset"])).stdout
