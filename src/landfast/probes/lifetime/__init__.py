"""How long a binding lives, measured in parallel and in about the lifetime itself.

* `plan.py` — which socket is left alone for how long                                     (pure)
* `progress.py` — when nothing more can be learned                                        (pure)
* `later.py` — answers that a reflector sends later, and companions that tell a lost packet from a dead binding
* `run.py` — the sockets; `ask`
"""

from __future__ import annotations

from landfast.probes.lifetime.run import ask

__all__ = ["ask"]
