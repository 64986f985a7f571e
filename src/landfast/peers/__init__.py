"""Peers: one WebRTC stack a file, each a program of its own on its own Host, since one GIL must not time another.

For who starts them:

* `run.py` — `start(stack, host, assignment)` → `PeerRun`: events as they come, and the outcome.
* `assignment.py` — what a peer is asked to do. `report.py` — what it says of itself.

The programs, `python -m landfast.peers.aiortc`, `.chromium` and `.landfast`:

* `aiortc.py`, `chromium.py` (with its page, `chromium.html`), `landfast.py` — the stacks.
* `call.py` — what stacks with aiortc's interface do. `signalling.py` — their way to the other peer; the page has its
  own.
* `agent.py` — only the ICE agent, without another peer: it gathers and checks.
* `attempt.py` — decides, purely: when it begins, is connected, has held, is over. `program.py` joins it to a stack.
"""

from landfast.peers.assignment import Assignment, Interfaces, Role
from landfast.peers.report import Event, Outcome, Reason
from landfast.peers.run import PeerRun, Stack, require, start

__all__ = ["Assignment", "Event", "Interfaces", "Outcome", "PeerRun", "Reason", "Role", "Stack", "require", "start"]
