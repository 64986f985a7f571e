"""The masquerade remedy: no packet leaves with a source that is no address of the interface it leaves by.

    options.py        what may be asked                                           (pure)
    ruleset.py        which rules that means                                      (pure)
    languages.py      those rules for nft and iptables, and back                  (pure)
    made.py           what iptables-nft makes on demand, and what is left of it   (pure)
    state.py          what there is on a host, and what of it is ours             (pure)
    diff.py           the steps from one State to another                         (pure)
    plan.py           what to do on this host                                     (pure)
    flows.py          open flows that would keep a foreign source                 (pure)
    script.py         the same without landfast, as a POSIX script                (pure)
    persist.py        what runs that script at boot                               (pure but for `read`)
    threats.py        who would take the rules away                               (pure but for `read`)
    observe.py        look at a host
    apply.py          enable, disable, confirm, restore: look, decide, act, look again
    confirmation.py   undone unless confirmed
    standing.py       what is in force, and whether it works

Its counterpart is `deploy/`: the same script and unit, written out for robots that cannot run landfast.
"""

from __future__ import annotations

from landfast.remedies.masquerade.apply import confirm, disable, enable, present, propose, restore
from landfast.remedies.masquerade.options import Options
from landfast.remedies.masquerade.standing import Status, status
from landfast.remedies.masquerade.state import State

__all__ = ["Options", "State", "Status", "confirm", "disable", "enable", "present", "propose", "restore", "status"]
