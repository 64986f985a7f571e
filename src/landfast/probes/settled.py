"""Wait until the network answers again, after questions that may have ended its session.

A carrier that ends a session for foreign sources needs seconds to begin the next. What is asked meanwhile would be
silence that says nothing about NATs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from landfast.kernel.host import Host
from landfast.model.facts import Fact, MappedAddress
from landfast.probes.asking import Socket, source
from landfast.probes.questions import Settled


async def ask(host: Host, question: Settled, tell: Callable[[Fact], None]) -> None:
    """Ask one server until it answers, or patience ends; tells how it saw us then."""
    asking = await Socket.open(host, address=await source(host, question.server))
    try:
        async with asyncio.timeout(question.patience):
            while (answer := await asking.ask(question.server)) is None or answer.mapped is None:
                pass
        tell(MappedAddress(answer.at, question.server, asking.local, answer.mapped))
    except TimeoutError:  # what comes next will see the same silence, and say so
        pass
    finally:
        asking.close()
