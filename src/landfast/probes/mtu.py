"""The longest packets that pass, up and down: requests made long, and answers made long, beside short plain ones.

Up, a request carries an attribute that every server passes over, so that its answer is short whatever its own length.
Down, a request with PADDING (RFC 5780, section 7.6) asks for an answer as long as itself, which a landfast reflector
gives; only where such a request arrives can that be asked. The RFC's own answer is longer than the server's interface
takes, so it comes in fragments, and those pass where whole packets do not: from it nothing is concluded.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import struct
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial

from landfast import clock
from landfast.kernel.host import Host
from landfast.model.facts import Endpoint, Fact, LongPackets, NoReply, ServerProbed
from landfast.probes import asking, silence
from landfast.probes.asking import Socket
from landfast.probes.questions import PathMtu
from landfast.probes.silence import Doubt
from landfast.wire import stun

FILLER = 0xFFFE
"""An attribute that nobody knows, and of the kind that is then passed over (RFC 8489, section 14: 0x8000 and above)."""

# Bytes: of IP and UDP around a message, of a message's header and of an attribute's.
_AROUND = {socket.AF_INET: 28, socket.AF_INET6: 48}
_HEADER, _ATTRIBUTE = 20, 4
_SHORT = 200  # bytes of a padded message that passes everywhere (RFC 791: 576)

# <linux/in.h>, <linux/in6.h>: DF is set, and where a path is said to be narrow that is asked nevertheless.
_PROBE = 3
_MTU_DISCOVER = {socket.AF_INET: (socket.IPPROTO_IP, 10), socket.AF_INET6: (socket.IPPROTO_IPV6, 23)}
_IPV6_DONTFRAG = 62


async def ask(host: Host, question: PathMtu, tell: Callable[[Fact], None]) -> None:
    """Tell LongPackets for each length that this host's own interface lets out, and ServerProbed where the server
    answers at length; NoReply where it does not answer at all.

    Lengths are the question's or up to 3 bytes less. Raises CapabilityMissing where no route leads to the server.
    """
    own = await asking.source(host, question.server, question.interface)
    with closing(await Socket.open(host, address=own, interface=question.interface)) as opened:
        _never_fragment(opened.socket)
        if await opened.ask(question.server) is None:
            for sent in opened.unanswered(question.server):
                tell(NoReply(clock.monotonic(), question.server, opened.local, sent))
            return
        lengths = sorted({length & ~3 for length in question.lengths})  # STUN counts in words
        async with asyncio.TaskGroup() as group:
            up = group.create_task(_direction(opened, question.server, lengths, tell, up=True))
            short = group.create_task(opened.ask(question.server, padding=_SHORT - _HEADER - _ATTRIBUTE))
        answer = short.result()
        if answer and answer.mapped and answer.length == _SHORT:
            tell(ServerProbed(clock.monotonic(), question.server, True, ("padding",)))
            await _direction(opened, question.server, up.result(), tell, up=False)


def _never_fragment(opened: socket.socket) -> None:
    opened.setsockopt(*_MTU_DISCOVER[socket.AddressFamily(opened.family)], _PROBE)
    if opened.family == socket.AF_INET6:
        opened.setsockopt(socket.IPPROTO_IPV6, _IPV6_DONTFRAG, 1)


async def _direction(
    opened: Socket, server: Endpoint, lengths: Sequence[int], tell: Callable[[Fact], None], *, up: bool
) -> list[int]:
    """Ask at these lengths of IP packets, and tell; those that passed."""
    around = _AROUND[socket.AddressFamily(opened.socket.family)]
    began = clock.monotonic()
    request = _filled if up else _padded
    doubts = {length: Doubt(opened, server, partial(request, length - around)) for length in lengths}
    rounds = await silence.rounds([*doubts.values()], opened, server)
    told = [
        complaint.mtu or 0
        for complaint in opened.errors
        if complaint.number == errno.EMSGSIZE and complaint.by is not None and complaint.at >= began
    ]
    passed = []
    for length, doubt in doubts.items():
        received = len([answer for answer in doubt.answers if up or answer.length == length - around])
        if received:
            passed.append(length)
        if received or (rounds.convincing and doubt.sent):
            is_told = not received and any(mtu < length for mtu in told)
            now = clock.monotonic()
            tell(LongPackets(now, server, up, length, doubt.sent, received, is_told, rounds.answered))
    return passed


def _filled(length: int, transaction_id: bytes) -> bytes:
    filler = struct.pack("!HH", FILLER, length - _HEADER - _ATTRIBUTE) + bytes(length - _HEADER - _ATTRIBUTE)
    return stun.binding_request(transaction_id, attributes=filler)


def _padded(length: int, transaction_id: bytes) -> bytes:
    return stun.binding_request(transaction_id, padding=length - _HEADER - _ATTRIBUTE)
