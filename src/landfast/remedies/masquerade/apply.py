"""Apply, verify, revert: the thin shell around `plan.py` and `diff.py`.

Each verb looks, decides, acts, and looks again. What fails half-way is taken back, to what was seen before; what a
crash leaves half-way the next `enable` or `disable` puts right, because both start from what they see.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace

from landfast import clock
from landfast.errors import CapabilityMissing, ProgramFailed, RequestError, WorldError
from landfast.kernel import conntrack, files, iptables, netadmin, nft, routes
from landfast.kernel.host import Host
from landfast.model.remedies import Link, Outcome, Remedy, Remove, Run, Step, Undo, Write, shell
from landfast.remedies.masquerade import confirmation, flows, persist, threats
from landfast.remedies.masquerade.diff import diff
from landfast.remedies.masquerade.languages import HOOKS, by_table, iptables_lines, nft_json, shape
from landfast.remedies.masquerade.made import Spot, unused
from landfast.remedies.masquerade.observe import look, look_at_ours, systemd_runs
from landfast.remedies.masquerade.options import Options
from landfast.remedies.masquerade.plan import Plan, candidates, plan, wanted
from landfast.remedies.masquerade.ruleset import Form, Place, Rule, Wanted, rules
from landfast.remedies.masquerade.state import NOTES, TRIAL, State, World, with_rules
from landfast.wire.netfilter import conntrack_deletion, iptables_restore

DEFAULT = Options()
_TRIAL_TABLE = "landfast-try"


async def propose(host: Host, options: Options = DEFAULT) -> Remedy:
    """What `enable` would do, without doing it. Flows that are open now are among the steps."""
    prepared = await _prepare(host, await look(host), options)
    remedy = prepared.remedy
    pairs, _ = await _leaking(host, prepared.wanted)
    deletions = tuple(Run(conntrack_deletion(*pair, only_untranslated=True), may_fail=True) for pair in pairs)
    return replace(remedy, steps=(*remedy.steps, *deletions))


async def enable(host: Host, options: Options = DEFAULT) -> Outcome:
    """Put the remedy in force; nothing happens when it is. Raises what stands in errors.py, and then the host is as
    before.
    """
    await _decide_pending(host)
    world = await look(host)
    waiting = None
    try:
        prepared = await _prepare(host, world, options)
        if options.confirm_within is not None:
            if not prepared.remedy.steps:  # in force: there is nothing to confirm, perhaps something to persist
                return await enable(host, replace(options, confirm_within=None))
            undo = prepared.remedy.undo.steps
            waiting = await confirmation.arm(host, options, undo, clock.monotonic(), systemd_runs=world.systemd_runs)
        await _go(host, prepared.remedy.steps)
        await _tidy(host, world.state.tables_made)
        await _verify(host, prepared.state)
    except BaseException as problem:
        made = [spot for spot, what in world.missing.items() if what == "table"]
        await _revert(host, world.state, made, problem)
        if waiting:
            confirmation.claim(waiting)
        raise
    notes = [*prepared.remedy.notes, *await _forget(host, prepared.wanted)]
    if waiting:
        notes.append(f"undone in {options.confirm_within:g} s unless `landfast masquerade confirm` comes")
    return Outcome(prepared.remedy, bool(prepared.remedy.steps), tuple(notes))


async def disable(host: Host) -> Outcome:
    """Take away rules and persistence, whichever way they came. Nothing happens when there is none."""
    if waiting := confirmation.pending(host):
        confirmation.claim(waiting)
    _, before = await look_at_ours(host)
    files_without = persist.wanted(before.files, None, "", "")
    nothing = State(files=files_without)
    steps = diff(before, nothing, systemd_runs=systemd_runs(host))
    try:
        await _go(host, steps)
        await _tidy(host, before.tables_made)
        await _verify(host, nothing)
    except BaseException as problem:
        await _revert(host, before, (), problem)
        raise
    remedy = Remedy(
        "masquerade",
        "the rules and what makes them at boot are removed",
        "what landfast put there",
        "packets with a foreign source leave again",
        steps,
        Undo("landfast masquerade enable", diff(nothing, before)),
    )
    return Outcome(remedy, bool(steps))


async def present(host: Host) -> State:
    """What of the remedy there is: what `restore` leads back to."""
    return (await look_at_ours(host))[1]


async def restore(host: Host, before: State) -> bool:
    """Back to a State, from whatever is there now, also what a crash left half-way; whether anything had to be changed.

    Raises what stands in errors.py.
    """
    if waiting := confirmation.pending(host):
        confirmation.claim(waiting)
    _, there = await look_at_ours(host)
    steps = diff(there, before, systemd_runs=systemd_runs(host))
    await _go(host, steps)
    await _tidy(host, set(there.tables_made) - set(before.tables_made))
    await _verify(host, before)
    return bool(steps)


async def confirm(host: Host) -> Outcome:
    """Keep what `enable` with `confirm_within` did; make it persistent if that was asked for. Raises RequestError."""
    waiting = confirmation.pending(host)
    if waiting is None or not confirmation.claim(waiting):
        raise RequestError("nothing waits for a confirmation; if there was something, it is undone by now")
    return await enable(host, replace(waiting.options, confirm_within=None))


async def _decide_pending(host: Host) -> None:
    """A change that waits must be decided first. One whose shell was killed is still there after its time: it is undone
    now.
    """
    waiting = confirmation.pending(host)
    if waiting is None:
        return
    if waiting.until > clock.monotonic():
        raise RequestError("a change waits for `landfast masquerade confirm`; confirm or `disable` it first")
    way_back = waiting.path.read_text()
    if confirmation.claim(waiting):
        await netadmin.run(host, ["sh", "-s"], way_back)


async def _prepare(host: Host, world: World, options: Options) -> Plan:
    form = await _form(host, world, options)
    return plan(world, options, form, threats.read(host.root))


async def _form(host: Host, world: World, options: Options) -> Form:
    """The first form that this kernel takes, found out by doing."""
    refusals = []
    for form in candidates(options):
        found = rules(wanted(world, options, form))
        goal = with_rules(found, form.backend, world.state, world.missing)
        if (goal.nft, goal.iptables) == (world.state.nft, world.state.iptables):
            return form  # in force
        try:
            if form.backend == "iptables":
                accepted = await _iptables_accepts(host, found, world)
            elif world.listing is None:
                raise CapabilityMissing("program nft", "Debian package nftables")
            else:
                accepted = await nft.accepts(host, nft_json(found, _TRIAL_TABLE))
            if accepted:
                return form
            refusals.append(f"{form}: refused")
        except CapabilityMissing as problem:
            if problem.capability == "CAP_NET_ADMIN":
                raise
            refusals.append(f"{form}: {problem}")
    raise CapabilityMissing(
        "a rule for packets with a foreign source",
        "nftables with fib and masquerade (kernel: NFT_FIB_IPV4, NFT_FIB_IPV6, NFT_MASQ), or iptables with addrtype",
        "; ".join(dict.fromkeys(refusals)),
    )


async def _iptables_accepts(host: Host, found: Iterable[Rule], world: World) -> bool:
    """The very rules in a throw-away chain of each table, and whatever iptables-nft made for it taken away again.

    The first rule there is only a note, for whoever finds the chain after this process was killed.
    """
    tables = by_table(found)
    try:
        for (family, place), inside in tables.items():
            note = NOTES[world.missing.get((family, place), "")]
            lines = [f"-m comment --comment {note} -j RETURN", *iptables_lines(inside)]
            await iptables.load(host, family, _trial(place, *(f"-A {TRIAL} {line}" for line in lines)))
    except ProgramFailed:
        return False
    else:
        return True
    finally:
        for family, place in tables:
            await netadmin.attempt(host, iptables_restore(family), _trial(place, f"-X {TRIAL}"))
        await _tidy(host, [spot for spot in tables if world.missing.get(spot) == "table"])


def _trial(place: Place, *lines: str) -> str:
    return "\n".join([f"*{HOOKS[place].table}", f":{TRIAL} - [0:0]", *lines, "COMMIT", ""])


async def _go(host: Host, steps: Iterable[Step]) -> None:
    for step in steps:
        match step:
            case Run(argv, given, may_fail):
                await (netadmin.attempt if may_fail else netadmin.run)(host, argv, given)
            case Write(path, text, mode):
                files.replace(host.root / path[1:], text, mode)
            case Link(path, target):
                files.link(host.root / path[1:], target)
            case Remove(path, folder):
                files.remove(host.root / path[1:], folder=folder)


async def _tidy(host: Host, made: Collection[Spot]) -> None:
    """Take away tables that iptables-nft made for our rules, if they are empty now."""
    if made and (empty := unused(await nft.listing(host), made)):
        await nft.apply(host, [{"delete": table} for table in empty])


async def _verify(host: Host, state: State) -> None:
    """Look whether it is there. An nft that lists a condition in other words than it was given is believed."""
    _, there = await look_at_ours(host)
    if shape(there.nft) == shape(state.nft):
        there = replace(there, nft=state.nft)
    if left := diff(there, state):
        raise WorldError(f"what was changed is not there; still to be done:\n{shell(left)}")


async def _revert(host: Host, before: State, made: Collection[Spot], problem: BaseException) -> None:
    """Back to what was seen before, from whatever is there now. What fails in it is added to the first problem."""
    try:
        _, there = await look_at_ours(host)
        await _go(host, diff(there, before, systemd_runs=systemd_runs(host)))
        await _tidy(host, {*made, *there.tables_made} - set(before.tables_made))
    except Exception as another:  # noqa: BLE001 - the first problem is the one to tell
        problem.add_note(f"taking it back failed too: {another}")


async def _leaking(host: Host, wanted: Wanted) -> tuple[tuple[flows.Pair, ...], tuple[str, ...]]:
    """Open flows that leave with a foreign source although rules translate; and a note when that cannot be told."""
    if wanted.action != "masquerade":
        return (), ()  # dropping looks at every packet
    addresses = tuple(address for interface in await routes.interfaces(host) for address in interface.addresses)
    try:
        entries = [*await conntrack.flows(host, 4), *(await conntrack.flows(host, 6) if wanted.nat66 else ())]
    except (CapabilityMissing, ProgramFailed) as problem:
        return (), (f"flows that are open now keep their source until they end ({problem})",)
    pairs = flows.untranslated(entries, addresses, wanted.interfaces)
    asked = await routes.egress(host, [flows.question(pair, addresses) for pair in pairs])
    return flows.leaking(pairs, asked, addresses, wanted.interfaces), ()


async def _forget(host: Host, wanted: Wanted) -> tuple[str, ...]:
    pairs, notes = await _leaking(host, wanted)
    forgotten = sum([await conntrack.delete(host, *pair, only_untranslated=True) for pair in pairs])
    if not forgotten:
        return notes
    return (*notes, f"open flows forgotten by conntrack, so that their next packet is translated: {forgotten}")
