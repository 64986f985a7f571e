"""TURN (RFC 8656), the client's side, without a socket or a clock.

    client.py       the client: verbs, datagrams and time go in; transmissions and events come out
    events.py       what comes out
    machine.py      the life of an allocation, as a table
    wishes.py       permissions and channels that are to stand, refreshed in their own time
    repetition.py   when a request is repeated and when it is given up
    messages.py     its messages, error codes and credentials
    framing.py      ChannelData, and messages cut out of a stream

Whoever has the socket does this:

    client = Client(Credential("robot", "secret"))
    client.allocate(now)
    while item := client.poll():            a Transmit, or an event
        ...
    client.receive(datagram, now)           whatever came; then poll again
    client.handle_timer(now)                not before client.deadline; then poll again
"""

from __future__ import annotations

from landfast.wire.turn.client import Client
from landfast.wire.turn.events import (
    Allocated,
    Arrived,
    Ask,
    Bound,
    Ended,
    Event,
    Moved,
    Permitted,
    Refreshed,
    Refused,
    Transmit,
    Unanswered,
)
from landfast.wire.turn.machine import State, Step
from landfast.wire.turn.messages import Code, Credential

__all__ = [
    "Allocated",
    "Arrived",
    "Ask",
    "Bound",
    "Client",
    "Code",
    "Credential",
    "Ended",
    "Event",
    "Moved",
    "Permitted",
    "Refreshed",
    "Refused",
    "State",
    "Step",
    "Transmit",
    "Unanswered",
]
