"""What a session on this host shall do because of what was measured here: a file between doctor and session. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

SCHEMA_VERSION = 1


@dataclass(frozen=True)
class Policy:
    """Each None or empty: nothing is asked of the session.

    * `interfaces`: gather candidates on the addresses of these only.
    * `families`: 4, 6: use addresses of these only.
    * `keepalive`: seconds; nothing that must stay open may be silent for longer.
    * `relays`: URLs of TURN servers that worked from here, in the order to try them.
    """

    interfaces: tuple[str, ...] = ()
    families: tuple[int, ...] = ()
    keepalive: float | None = None
    relays: tuple[str, ...] = ()

    def text(self) -> str:
        """As a file: JSON, with a last newline."""
        said = {
            "schema_version": SCHEMA_VERSION,
            "interfaces": list(self.interfaces),
            "families": list(self.families),
            "keepalive_s": self.keepalive,
            "relays": list(self.relays),
        }
        return json.dumps(said, indent=2) + "\n"

    @staticmethod
    def read(text: str) -> Policy:
        """What `text` wrote. Raises ValueError for anything else."""
        try:
            said: dict[str, Any] = json.loads(text)
            if said["schema_version"] != SCHEMA_VERSION:
                raise ValueError(f"schema_version {said['schema_version']!r}, readable here is {SCHEMA_VERSION}")
            keepalive = said.get("keepalive_s")
            if keepalive is not None and not (isinstance(keepalive, int | float) and 0 < keepalive < float("inf")):
                raise ValueError(f"keepalive_s {keepalive!r}")
            families = tuple(said.get("families", ()))
            if set(families) - {4, 6}:
                raise ValueError(f"families {families!r}")
            words = [said.get("interfaces", []), said.get("relays", [])]
            if not all(isinstance(each, list) and all(isinstance(word, str) for word in each) for each in words):
                raise ValueError("interfaces and relays are lists of words")
        except (LookupError, TypeError, AttributeError, RecursionError) as problem:
            raise ValueError(f"no policy of a session: {problem!r}") from None
        return Policy(tuple(words[0]), families, keepalive, tuple(words[1]))
