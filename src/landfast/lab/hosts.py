"""What may happen to a host: its link goes down, its address is replaced, its traffic moves to another interface. Pure.

`Attachments` knows how the hosts are attached at the moment and says each change in lines for `ip -batch`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from ipaddress import IPv4Interface, IPv6Interface

from landfast.lab.network import Event, Occasion
from landfast.lab.topology import Attachment, Plan

# Replaced addresses come from the upper half of a LAN (a /24 or larger), which the plan never gives out.
_REPLACEMENTS = range(128, 255)


@dataclass(frozen=True, eq=False)
class Change:
    """Lines for `ip -batch`, and the interface that goes down for it, if any."""

    lines: str
    down: str | None = None


class Attachments:
    """The hosts' attachments: as planned at first, as events have left them later."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._now = {(each.host, each.interface): each for each in plan.attachments}
        self._active = dict.fromkeys(plan.network.hosts, 0)
        self._down: defaultdict[tuple[str, str], set[Change]] = defaultdict(set)  # what each is down for

    def of(self, host: str) -> list[Attachment]:
        """A host's attachments, the one that carries its traffic first."""
        mine = [each for each in self._now.values() if each.host == host]
        active = self._active[host] % len(mine)
        return mine[active:] + mine[:active]

    def begin(self, event: Event) -> Change:
        """Let it happen."""
        first, *others = self.of(event.on)
        lower = f"link set dev {first.interface} down\n"
        if event.what is Occasion.LINK_DOWN:
            change = Change(lower, first.interface)
        elif event.what is Occasion.ADDRESS_REPLACED:
            return Change(self._replace(first))
        elif event.what is Occasion.HANDOFF:
            self._active[event.on] += 1
            self._down[event.on, others[0].interface].clear()
            change = Change(lower + self._raise(others[0]), first.interface)
        else:
            raise ValueError(f"{event.what} does not happen to hosts")
        self._down[event.on, first.interface].add(change)
        return change

    def end(self, host: str, change: Change) -> str:
        """What went down comes up again, unless there is another reason for it to be down."""
        key = host, change.down or ""
        reasons = self._down[key]
        if change not in reasons:  # a handoff has brought it up meanwhile
            return ""
        reasons.remove(change)
        return "" if reasons else self._raise(self._now[key])

    def _raise(self, at: Attachment) -> str:
        """Up, with all that the kernel forgot when it went down: routes, and addresses of IPv6."""
        return f"link set dev {at.interface} up\n" + "".join(self._forgotten(at))

    def _forgotten(self, at: Attachment) -> Iterator[str]:
        if at.address6:
            yield f"address replace {at.address6} dev {at.interface} nodad\n"
        for line in self._plan.places[at.host].lines:
            if line.startswith("route add ") and f" dev {at.interface} " in f"{line} ":
                yield line.replace("route add ", "route replace ", 1) + "\n"

    def _replace(self, at: Attachment) -> str:
        new = self._with_new_addresses(at)
        self._now[at.host, at.interface] = new
        lines = f"address add {new.address} dev {at.interface}\naddress del {at.address} dev {at.interface}\n"
        if not self._down[at.host, at.interface]:
            if new.address6:
                lines += f"address del {at.address6} dev {at.interface}\n"
            lines += "".join(self._forgotten(new))
        # A strong host's rule names the address that it is about.
        planned = next(p for p in self._plan.attachments if (p.host, p.interface) == (at.host, at.interface))
        for rule in self._plan.places[at.host].lines:
            if rule.startswith("rule add ") and f" from {planned.address.ip} " in rule:
                words = rule.removeprefix("rule add ")
                lines += f"rule del {words.replace(str(planned.address.ip), str(at.address.ip))}\n"
                lines += f"rule add {words.replace(str(planned.address.ip), str(new.address.ip))}\n"
        return lines

    def _with_new_addresses(self, at: Attachment) -> Attachment:
        network = at.address.network
        numbers = [int(e.address.ip) - int(network.network_address) for e in self._now.values() if e.via == at.via]
        # The next one, so that an old one is not soon somebody's again; from the beginning when there is none.
        after = [n for n in _REPLACEMENTS if n > max(numbers)] or [n for n in _REPLACEMENTS if n not in numbers]
        address6 = at.address6
        if address6:
            address6 = IPv6Interface((address6.network[0x1000 + after[0]], address6.network.prefixlen))
        return replace(at, address=IPv4Interface((network[after[0]], network.prefixlen)), address6=address6)
