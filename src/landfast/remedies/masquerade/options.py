"""What the caller may ask of the remedy."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from landfast.errors import RequestError, UnknownName

Scope = Literal["foreign", "all"]
Action = Literal["masquerade", "drop"]
Backend = Literal["auto", "nft", "iptables"]
Persistence = Literal["systemd", "rc.local", "docker"]

# An interface's name goes into rulesets and shell scripts, so these characters only; the kernel's limit is IFNAMSIZ - 1
# = 15.
_INTERFACE = re.compile(r"[A-Za-z0-9_.@:-]{1,15}")


@dataclass(frozen=True)
class Options:
    """How the remedy shall be. Every name is checked when it is made; raises RequestError.

    * `interfaces`: those to guard; none means the one that the default route leaves by.
    * `scope`: `foreign`, only packets whose source is no address of the interface they leave by; `all`, with
      `masquerade` every packet that leaves there (the source document's rule), with `drop` also what is forwarded.
    * `action`: `masquerade`, give it the interface's address; `drop`, do not send it.
    * `nat66`: translate IPv6 too; without it a foreign IPv6 source is dropped.
    * `persist`: what shall make it again after a reboot.
    * `confirm_within`: seconds; undone unless confirmed by then.
    """

    interfaces: tuple[str, ...] = ()
    scope: Scope = "foreign"
    action: Action = "masquerade"
    backend: Backend = "auto"
    nat66: bool = False
    persist: Persistence | None = None
    confirm_within: float | None = None

    def __post_init__(self) -> None:
        one_of("scope", self.scope, Scope)
        one_of("action", self.action, Action)
        one_of("backend", self.backend, Backend)
        if self.persist is not None:
            one_of("way to persist", self.persist, Persistence)
        for name in self.interfaces:
            if not _INTERFACE.fullmatch(name):
                raise RequestError(
                    f"{name!r} cannot be an interface's name: letters, digits and _ . @ : - only, 15 at most"
                )
        if self.nat66 and self.action == "drop":
            raise RequestError("NAT66 is a translation; with the action `drop` nothing is translated")
        if self.confirm_within is not None and not 0 < self.confirm_within <= LONGEST_WAIT:
            raise RequestError(f"the time to confirm is more than 0 and at most {LONGEST_WAIT} seconds")

    def encoded(self) -> dict[str, Any]:
        """For JSON; `decoded` reads it."""
        return asdict(self)

    @staticmethod
    def decoded(said: dict[str, Any]) -> Options:
        """What `encoded` wrote. Raises RequestError or TypeError for anything else."""
        return Options(**{**said, "interfaces": tuple(said.get("interfaces", ()))})


LONGEST_WAIT = 3600
"""Seconds. Who has not confirmed within an hour has forgotten it; the number is ours."""


def one_of(kind: str, name: str, allowed: Any) -> None:
    """Raise UnknownName unless `name` is one of a Literal's."""
    if name not in get_args(allowed):
        raise UnknownName(kind, name, get_args(allowed))


def seconds(text: str) -> float:
    """`30`, `30s`, `5m` in seconds. Raises RequestError."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)(s|m|min)?", text.strip())
    if not found:
        raise RequestError(f"{text!r} is no length of time: write 30s or 5m")
    return float(found[1]) * (60 if found[2] in {"m", "min"} else 1)
