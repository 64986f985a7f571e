"""How many mappings a subscriber gets (RFC 6888, REQ-4): many sockets ask, and those without an answer again.

One socket asks before all others and beside them to the end. While it is answered the path works, and silence of the
others is a budget that is used up; a network that is blocked is silent towards all.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack

from landfast import clock
from landfast.kernel.host import Host
from landfast.model.facts import Fact, MappedAddress, MappingsAsked, NoReply
from landfast.probes import asking, silence
from landfast.probes.asking import Socket
from landfast.probes.questions import Ports
from landfast.probes.silence import Doubt
from landfast.wire import stun


async def ask(host: Host, question: Ports, tell: Callable[[Fact], None]) -> None:
    """Tell MappingsAsked, and MappedAddress for each mapping; NoReply where not even the first socket is answered.

    Mappings that others hold, or that earlier questions left behind, are not counted. Raises CapabilityMissing where no
    route leads to the server.
    """
    server = question.server
    own = await asking.source(host, server, question.interface)
    with ExitStack() as opened:

        async def another() -> Socket:
            socket = await asking.anywhere(host, asking.BUDGET_PORTS, address=own, interface=question.interface)
            opened.callback(socket.close)
            return socket

        kept = await another()
        first = await kept.ask(server)
        if first is None:
            for sent in kept.unanswered(server):
                tell(NoReply(clock.monotonic(), server, kept.local, sent))
            tell(MappingsAsked(clock.monotonic(), server, 1, 0, None))
            return
        doubts = [Doubt(await another(), server, stun.binding_request) for _ in range(question.most - 1)]
        rounds = await silence.rounds(doubts, kept, server)
        mapped = [(kept, first), *((doubt.socket, doubt.answers[0]) for doubt in doubts if doubt.answers)]
        for socket, answer in mapped:
            if answer.mapped:
                tell(MappedAddress(answer.at, server, socket.local, answer.mapped))
        alive = True if rounds.convincing else None if rounds.answered or not rounds.asked else False
        tell(MappingsAsked(clock.monotonic(), server, len(doubts) + 1, len(mapped), alive))
