"""From one State to another: the steps, and none when they are the same. Pure.

Rules first, then files, so that what a boot would do never runs ahead of what was tried now. nftables changes in one
transaction, iptables in one for each table; a file is replaced at once.
"""

from __future__ import annotations

from collections.abc import Iterator

from landfast.model.remedies import Link, Remove, Run, Step, Write
from landfast.remedies.masquerade import persist
from landfast.remedies.masquerade.languages import CHAIN, HOOKS, TABLE
from landfast.remedies.masquerade.ruleset import FAMILIES, PLACES
from landfast.remedies.masquerade.state import Chain, Regular, State, Symlink
from landfast.wire.netfilter import NFT_APPLY, NFT_FAMILY, Json, iptables, iptables_restore, nft_document


def diff(now: State, wanted: State, *, systemd_runs: bool = False) -> tuple[Step, ...]:
    """The steps from `now` to `wanted`. With `systemd_runs` its manager is told when its unit changes."""
    return (*_nft(now, wanted), *_iptables(now, wanted), *_files(now, wanted, systemd_runs))


def _nft(now: State, wanted: State) -> Iterator[Step]:
    commands: list[Json] = []
    for family in NFT_FAMILY.values():
        before, after = ([each for each in state.nft if _family(each) == family] for state in (now, wanted))
        if before == after:
            continue
        table = {"table": {"family": family, "name": TABLE}}
        # adding first makes deleting right whether or not it is there by now
        commands += [{"add": table}, {"delete": table}, *({"add": each} for each in after)]
    if commands:
        yield Run(NFT_APPLY, nft_document(commands))


def _family(listed: Json) -> str:
    (body,) = listed.values()
    return str(body["family"])


def _iptables(now: State, wanted: State) -> Iterator[Step]:
    for family in FAMILIES:
        for place in PLACES:
            before, after = (
                next((chain for chain in state.iptables if (chain.family, chain.place) == (family, place)), None)
                for state in (now, wanted)
            )
            if before and not after:
                yield from _taken_away(before)
            elif after and not _same(before, after):
                yield _put(before, after)


def _same(before: Chain | None, after: Chain) -> bool:
    if before is None:
        return False
    return (before.names, before.lines, before.jumps) == (after.names, after.lines, after.jumps)


def _put(before: Chain | None, after: Chain) -> Step:
    hook = HOOKS[after.place]
    where = [f"-I {hook.builtin} 1", f"-A {hook.builtin}"][not hook.first]
    lines = [
        f"*{hook.table}",
        f":{CHAIN} - [0:0]",
        *(f"-D {jump}" for jump in (before.jumps if before else ())),
        *_without_trials(before),
        *(f"-A {CHAIN} {line}" for line in after.lines),
        *(f"{where} {jump.partition(' ')[2]}" for jump in after.jumps),
        "COMMIT",
    ]
    return Run(iptables_restore(after.family), "".join(f"{line}\n" for line in lines))


def _taken_away(chain: Chain) -> Iterator[Step]:
    hook = HOOKS[chain.place]
    lines = [
        f"*{hook.table}",
        *(f":{name} - [0:0]" for name in chain.names),
        *(f"-D {jump}" for jump in chain.jumps),
        *(f"-X {name}" for name in chain.names),
        "COMMIT",
    ]
    yield Run(iptables_restore(chain.family), "".join(f"{line}\n" for line in lines))
    if chain.made:
        # refused while others have rules there; nft's own deletion would take those along
        yield Run((iptables(chain.family), "--wait", "-t", hook.table, "-X", hook.builtin), may_fail=True)


def _without_trials(chain: Chain | None) -> Iterator[str]:
    for name in chain.names if chain else ():
        if name != CHAIN:
            yield f":{name} - [0:0]"
            yield f"-X {name}"


def _files(now: State, wanted: State, systemd_runs: bool) -> Iterator[Step]:
    changed = [path for path in wanted.files if wanted.files[path] != now.files.get(path)]
    units = systemd_runs and any(path in persist.UNITS for path in changed)
    if units and wanted.files.get(persist.UNIT) is None:
        yield Run(("systemctl", "stop", persist.SERVICE), may_fail=True)
    for path in changed:
        match wanted.files[path]:
            case Regular(text, mode):
                yield Write(path, text, mode)
            case Symlink(target):
                yield Link(path, target)
            case None:
                yield Remove(path, folder=path == persist.SCRIPT)
    if units:
        yield Run(("systemctl", "daemon-reload"))
        if wanted.files.get(persist.UNIT) is not None:
            yield Run(("systemctl", "start", persist.SERVICE))
