"""Facts: what was seen, where and when. Never a conclusion.

    endpoint.py   an address and a port
    host.py       the host itself: interfaces, ways out, sources that can leave
    network.py    what answers across the network: STUN, silence, lifetimes, lengths
    relay.py      TURN servers, and what an application is configured to use
    watch.py      what a meter sees while somebody connects

Each has `at`, seconds on the machine's monotonic clock (clock.py). `encode` and `decode` carry them between processes,
one JSON object a line with the fact's name under `fact`; the names are stable.
"""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from typing import Any

from landfast.model.facts.endpoint import (
    Endpoint,
    endpoint,
    written,
)
from landfast.model.facts.host import (
    Confined,
    DefaultRouteSeen,
    ForeignSourcePossible,
    ForeignSourceTried,
    Gathered,
    InterfaceSeen,
)
from landfast.model.facts.network import (
    BindingTried,
    ChangedResponse,
    HopSeen,
    Ipv6Tried,
    LongPackets,
    MappedAddress,
    MappingsAsked,
    Nat64Seen,
    NoReply,
    PortMappingAsked,
    RoundTrips,
    ServerProbed,
    State,
    TcpTried,
)
from landfast.model.facts.relay import (
    IceServerMistake,
    IceServersRead,
    RelayRoundTrip,
    RelayTried,
    ServerClock,
    Step,
)
from landfast.model.facts.watch import (
    CaptureDropped,
    ConnectionTried,
    EchoAnswered,
    EchoReconnected,
    ForeignSourcePacket,
    IceCheckSent,
    PublicAddressChanged,
    WatchBegan,
)

__all__ = [
    "BindingTried",
    "CaptureDropped",
    "ChangedResponse",
    "Confined",
    "ConnectionTried",
    "DefaultRouteSeen",
    "EchoAnswered",
    "EchoReconnected",
    "Endpoint",
    "Fact",
    "ForeignSourcePacket",
    "ForeignSourcePossible",
    "ForeignSourceTried",
    "Gathered",
    "HopSeen",
    "IceCheckSent",
    "IceServerMistake",
    "IceServersRead",
    "InterfaceSeen",
    "Ipv6Tried",
    "LongPackets",
    "MappedAddress",
    "MappingsAsked",
    "Nat64Seen",
    "NoReply",
    "PortMappingAsked",
    "PublicAddressChanged",
    "RelayRoundTrip",
    "RelayTried",
    "RoundTrips",
    "ServerClock",
    "ServerProbed",
    "State",
    "Step",
    "TcpTried",
    "WatchBegan",
    "decode",
    "encode",
    "endpoint",
    "written",
]

Fact = (
    Confined
    | DefaultRouteSeen
    | ForeignSourcePossible
    | ForeignSourceTried
    | Gathered
    | InterfaceSeen
    | BindingTried
    | ChangedResponse
    | HopSeen
    | Ipv6Tried
    | LongPackets
    | MappedAddress
    | MappingsAsked
    | Nat64Seen
    | NoReply
    | PortMappingAsked
    | RoundTrips
    | ServerProbed
    | TcpTried
    | IceServerMistake
    | IceServersRead
    | RelayRoundTrip
    | RelayTried
    | ServerClock
    | CaptureDropped
    | ConnectionTried
    | EchoAnswered
    | EchoReconnected
    | ForeignSourcePacket
    | IceCheckSent
    | PublicAddressChanged
    | WatchBegan
)
_KINDS: dict[str, Any] = {kind.__name__: kind for kind in Fact.__args__}


def encode(fact: Fact) -> str:
    """One line of JSON, without the newline."""
    return json.dumps({"fact": type(fact).__name__, **asdict(fact)}, separators=(",", ":"))


def decode(line: str | bytes) -> Fact:
    """The fact of a line. Raises ValueError for anything that `encode` did not write."""
    try:
        said: dict[str, Any] = json.loads(line)
        kind = _KINDS[said.pop("fact")]
        if set(said) != {field.name for field in fields(kind)}:
            raise ValueError(f"fields {sorted(said)}")
        fact: Fact = kind(**{name: tuple(value) if isinstance(value, list) else value for name, value in said.items()})
        return fact
    except (ValueError, LookupError, TypeError, AttributeError) as problem:
        raise ValueError(f"not a fact: {line[:200]!r} ({problem})") from None
