"""What to do on this host for these wishes. Pure: a World in, a Remedy out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from landfast.errors import CapabilityMissing, RequestError, UnknownName
from landfast.model.address import foreign_to
from landfast.model.remedies import Remedy, Undo
from landfast.model.routing import ways_out
from landfast.remedies.masquerade import persist, threats
from landfast.remedies.masquerade.diff import diff
from landfast.remedies.masquerade.languages import readable
from landfast.remedies.masquerade.options import Options, Persistence
from landfast.remedies.masquerade.ruleset import Form, Wanted, forms, rules
from landfast.remedies.masquerade.script import script
from landfast.remedies.masquerade.state import State, World, with_rules


@dataclass(frozen=True)
class Plan:
    """The rules wanted, the State that has them, and the way there."""

    wanted: Wanted
    state: State
    remedy: Remedy


def interfaces(world: World, options: Options) -> tuple[str, ...]:
    """Those named, or those of the preferred default routes. Raises UnknownName or RequestError, each with the names
    there are.
    """
    names = tuple(interface.name for interface in world.interfaces if interface.name != "lo")
    for name in options.interfaces:
        if name not in names:
            raise UnknownName("interface", name, names)
    if options.interfaces:
        return tuple(dict.fromkeys(options.interfaces))
    found = ways_out(world.defaults)
    if not found:
        raise RequestError(
            f"no default route tells the interface; name it with --interface: {', '.join(names) or 'there is none'}"
        )
    return found


def candidates(options: Options) -> tuple[Form, ...]:
    """The forms to try for these wishes. Raises CapabilityMissing when the backend cannot do them at all."""
    if options.action == "drop" and options.scope == "all":
        if options.backend == "iptables":
            raise CapabilityMissing("dropping what leaves after translation", "nftables: iptables has no such place")
        return forms("nft")
    return forms(options.backend)


def wanted(world: World, options: Options, form: Form) -> Wanted:
    """The rules' parameters on this host."""
    egresses = interfaces(world, options)
    foreign = [(egress, each.address) for egress in egresses for each in foreign_to(egress, world.addresses)]
    return Wanted(
        egresses,
        form,
        options.scope,
        options.action,
        options.nat66,
        world.ipv6,
        tuple(foreign) if form.by == "address" else (),
    )


def plan(world: World, options: Options, form: Form, configuration: threats.Configuration) -> Plan:
    """The whole plan. Files change only if there is nothing to confirm first; without `persist` the way in place stays,
    renewed.
    """
    rule_set = wanted(world, options, form)
    goal = with_rules(rules(rule_set), form.backend, world.state, world.missing)
    persistence = options.persist or persist.found(world.state.files)
    if options.confirm_within is None:
        text = script(replace(rule_set, ipv6=True), candidates(options))
        unit = persist.unit(needs_addresses=form.by == "address")
        goal = replace(goal, files=persist.wanted(world.state.files, persistence, text, unit))
    steps = diff(world.state, goal, systemd_runs=world.systemd_runs)
    remedy = Remedy(
        "masquerade",
        _what(rule_set),
        _scope(rule_set),
        _cost(rule_set),
        steps,
        Undo("landfast masquerade disable", diff(goal, world.state, systemd_runs=world.systemd_runs)),
        tuple(readable(rules(rule_set), form.backend)),
        tuple(_notes(rule_set, persistence, configuration)),
    )
    return Plan(rule_set, goal, remedy)


def _what(wanted: Wanted) -> str:
    where = " and ".join(wanted.interfaces)
    which = (
        "every packet"
        if (wanted.scope, wanted.action) == ("all", "masquerade")
        else "every packet with a foreign source"
    )
    does = f"gets the address of the interface ({where}) it leaves by"
    if wanted.action == "drop":
        does = f"that would leave by {where} is dropped"
    if not wanted.ipv6:
        return f"{which} {does}"
    six = "the same for IPv6" if wanted.nat66 or wanted.action == "drop" else "for IPv6 a foreign source is dropped"
    return f"{which} {does}; {six}"


def _scope(wanted: Wanted) -> str:
    whose = (
        "this host's own packets"
        if wanted.action == "drop" and wanted.scope == "foreign"
        else "own and forwarded packets"
    )
    return f"{whose} leaving by {', '.join(wanted.interfaces)}; by {wanted.form}; no rule of others is touched"


def _cost(wanted: Wanted) -> str:
    if wanted.action == "drop":
        return "sockets on foreign addresses reach nobody there, so gathering of candidates waits for its time-out"
    if wanted.scope == "all":
        return (
            "every flow is tracked and translated, the right ones too; ICE sees its public address once per interface"
        )
    return "flows from foreign addresses are translated, so ICE sees its public address once per interface"


def _notes(wanted: Wanted, persistence: Persistence | None, configuration: threats.Configuration) -> Iterable[str]:
    if wanted.form.by == "address":
        yield "the foreign addresses of this moment are written into the rules; enable again when they change"
    if not wanted.form.spares_ipsec:
        yield "this kernel cannot tell packets for IPsec: traffic of a policy-based tunnel is treated as any other"
    if persistence == "docker":
        yield (
            f'make it the entry point of the container: ENTRYPOINT ["{persist.SCRIPT}", "run"], '
            "with NET_ADMIN and the host's network"
        )
    yield from threats.warnings(configuration, wanted.form.backend, persistence)
