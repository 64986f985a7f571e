"""The servers' names, and what a resolver said of them. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from landfast.session.ice.events import Resolve
from landfast.session.ice.ground.addresses import canonical


class Names:
    """What was resolved stays known until a resolver says otherwise: it may be silent just when the network changes."""

    def __init__(self, tell: Callable[[Resolve], None]) -> None:
        self._tell = tell
        self._known: dict[str, tuple[str, ...]] = {}
        self._asked: frozenset[str] = frozenset()

    def ask(self, name: str) -> None:
        """Find the addresses of a name, unless that is under way or it is an address itself."""
        if name not in self._asked and not canonical(name):
            self._asked |= {name}
            self._tell(Resolve(name))

    def resolved(self, name: str, addresses: Sequence[str]) -> bool:
        """A resolver has answered; False when it was not asked. Without any address, what was known still is."""
        if name not in self._asked:
            return False
        self._asked -= {name}
        if found := tuple(text for address in addresses if (text := canonical(address))):
            self._known[name] = found
        return True

    def of(self, name: str) -> tuple[str, ...]:
        """Its addresses, the best first; empty while none is known."""
        address = canonical(name)
        return (address,) if address else self._known.get(name, ())

    def waits(self, name: str) -> bool:
        """Whether nothing is known of it, and the resolver has not answered."""
        return name in self._asked and name not in self._known
