"""Where a reflector listens, and how the world sees it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address

from landfast.errors import RequestError
from landfast.model.facts import Endpoint
from landfast.wire.reflector import CONTROL_PORT, Description

_MOST_ADDRESSES = 2  # of a family: RFC 5780 speaks of one and the other


@dataclass(frozen=True)
class Settings:
    """Addresses to listen on, one or two of each family, the first being what clients are told. UDP on two ports.

    `public`: the same addresses as the world sees them, in the same order, where a NAT one to one stands before this
    machine. Raises RequestError for what cannot be.
    """

    addresses: tuple[str, ...]
    port: int = 3478
    """RFC 8489, section 18.7."""
    other_port: int = 3479
    control: int = CONTROL_PORT
    """TCP, on the first address."""
    public: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for text in (*self.addresses, *self.public):
            try:
                ip_address(text)
            except ValueError:
                raise RequestError(f"not an IP address: {text!r}") from None
        for family in (4, 6):
            if len(self.of(family)) > _MOST_ADDRESSES:
                raise RequestError(f"a reflector has at most two IPv{family} addresses: {', '.join(self.of(family))}")
        if not self.addresses or len(set(self.addresses)) < len(self.addresses):
            raise RequestError("a reflector listens on one or two addresses of each family, each named once")
        families = [":" in address for address in self.public]
        if self.public and families != [":" in address for address in self.addresses]:
            raise RequestError("there is one public address for each address to listen on, in the same order")
        if self.port == self.other_port:
            raise RequestError(f"the two ports are the same: {self.port}")

    def of(self, family: int) -> tuple[str, ...]:
        """The addresses of a family, 4 or 6."""
        return tuple(address for address in self.addresses if (":" in address) == (family == 6))

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """Where UDP is heard."""
        return tuple((address, port) for address in self.addresses for port in (self.port, self.other_port))

    def other(self, here: Endpoint, *, address: bool, port: bool) -> Endpoint | None:
        """The endpoint that differs from one of ours in its address, its port or both; None where there is none."""
        others = [other for other in self.of(6 if ":" in here[0] else 4) if other != here[0]]
        if address and not others:
            return None
        return others[0] if address else here[0], self.port + self.other_port - here[1] if port else here[1]

    def seen_from_outside(self, endpoint: Endpoint) -> Endpoint | None:
        """One of ours as the world sees it; None for a wildcard, of which nobody knows."""
        address = self.public[self.addresses.index(endpoint[0])] if self.public else endpoint[0]
        return None if ip_address(address).is_unspecified else (address, endpoint[1])

    def description(self, reached: str) -> Description:
        """What the control tells. `reached`: the address at which it was asked, which stands for its family's wildcard;
        another wildcard is left out."""
        known = [
            self.seen_from_outside(one) or (reached, one[1]) for one in self.endpoints if self._known(one, reached)
        ]
        four, six = (tuple(one for one in known if (":" in one[0]) == wanted) for wanted in (False, True))
        other = ("other-address",) if any(len(self.of(family)) > 1 for family in (4, 6)) else ()
        return Description(four, six, (*other, "other-port", "response-port", "later", "nonce", "padding"))

    def _known(self, endpoint: Endpoint, reached: str) -> bool:
        return bool(self.seen_from_outside(endpoint)) or (":" in endpoint[0]) == (":" in reached)
