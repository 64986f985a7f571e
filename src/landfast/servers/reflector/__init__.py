"""The reflector: the server that helps `landfast doctor`. STUN (RFC 8489, RFC 5780) that also answers later, remembers
which requests came, and tells so over TCP. One process; what arrives from anywhere leaves its memory flat.

* `settings.py` — where it listens, and how the world sees it.
* `reply.py` — one request → one reply, or none: from where, when, and how long at most. Pure.
* `limits.py` — who may ask how often, and how many answers may be put off. Pure.
* `memory.py` — which transaction ids came in the last minute. Pure.
* `control.py` — HTTP/1.1 over TCP: what this reflector is, and whether it saw a transaction id.
* `serve.py` — the sockets, in this process; and `start`, which runs it as a program on a Host.
* `__main__.py` — the program: `python -m landfast.servers.reflector --listen ADDRESS`.

Its counterparts: `wire/reflector.py` has the bytes, `probes/` ask.
"""

from __future__ import annotations

from landfast.servers.reflector.serve import serve, start
from landfast.servers.reflector.settings import Settings

__all__ = ["Settings", "serve", "start"]
