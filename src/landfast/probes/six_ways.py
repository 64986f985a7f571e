"""IPv6 by direction: requests go up over IPv6, and what came of them is asked for over another way.

An answer shows both directions. Without one, the reflector's word over TCP tells whether the requests arrived: then it
is the way down that is dead, else the way up; what would have happened to answers that were never sent is not known.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing

from landfast import clock
from landfast.kernel.host import Host
from landfast.model.facts import Fact, Ipv6Tried
from landfast.probes import asking, nonces
from landfast.probes.asking import Socket
from landfast.probes.questions import SENDS, SixWays
from landfast.wire import stun

_APART = 0.1
"""Seconds between requests: RFC 8489 allows less than its 0.5 s to who knows the path, and five are 400 bytes."""

_GRACE = 0.1
"""Seconds, at least, by which IPv6 may be slower than IPv4."""


async def ask(host: Host, question: SixWays, tell: Callable[[Fact], None]) -> None:
    """Tell one Ipv6Tried. Raises CapabilityMissing where no route leads to the reflector's IPv6 address."""
    if not question.reflector.stun6:
        return
    server = question.reflector.stun6[0]
    own = await asking.source(host, server)
    with closing(await Socket.open(host, address=own)) as socket:
        mark, sent, answer = asking.token(), 0, None
        while answer is None and sent < SENDS:
            socket.send(stun.binding_request(mark), server)
            sent += 1
            answer = await socket.hear(mark, _APART)
        count: int | None = None
        if answer is None:
            began = clock.monotonic()
            said = await nonces.seen(host, question.reflector.control, [mark])
            count = said[0].count if said else None
            # TCP's way there and back, and that twice, is longer than an answer's. Once more, for a slower IPv6.
            answer = await socket.hear(mark, max(_GRACE, clock.monotonic() - began))
        up = True if answer else None if count is None else count > 0
        down = True if answer else False if up else None
        tell(Ipv6Tried(clock.monotonic(), server, socket.local, sent, up, down))
