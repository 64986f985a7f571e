"""A history: a network, two agents on it, what they say, and a timeline of faults; written and read as text. Pure.

All of it follows from the text and its seed, so a history that failed once fails again.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from landfast.errors import RequestError
from landfast.lab.network import Occasion
from landfast.model.nat import Filtering, Mapping
from landfast.session.ice.events import Transport

Name = Literal["robot", "operator"]
NAMES: tuple[Name, Name] = ("robot", "operator")


def other(name: Name) -> Name:
    """The peer's."""
    return "operator" if name == "robot" else "robot"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Uplink(_Part):
    """What stands between a host's interface and the internet. Seconds and packets' shares, unless the name says."""

    behind: Literal["nothing", "router", "carrier"] = "nothing"
    """`carrier`: a home router that keeps ports, and above it one that is as the rest says."""
    mapping: Mapping = Mapping.ENDPOINT_INDEPENDENT
    filtering: Filtering = Filtering.ADDRESS_AND_PORT_DEPENDENT
    random_ports: bool = False
    timeout: int = 120
    """Until a mapping dies; of one without any answer, 30 at most."""
    refresh: Literal["both", "outbound"] = "both"
    pool: Annotated[int, Field(ge=1, le=8)] = 1
    """Public addresses at one time; more than 1 with the mapping of a symmetric NAT: another one for each flow."""
    sessions: int | None = None
    """How many a subscriber may have."""
    ipv6: Literal["off", "on", "one-way"] = "off"
    udp: Literal["open", "blocked"] = "open"
    delay_ms: float = 20
    jitter_ms: float = 0
    loss: float = 0


class Side(_Part):
    """One host and its agent."""

    uplink: Uplink = Uplink()
    second: Uplink | None = None
    relays: tuple[Transport, ...] = ()
    """How it may speak to the relay."""
    all_addresses: bool = False
    """Whether it uses every interface, or only that of the default route."""
    relay_only: bool = False


class Trick(StrEnum):
    """What happens besides the network's own occasions."""

    RESTART = "restart"
    MUTE = "mute"
    """Signalling is cut; what is said meanwhile arrives afterwards."""
    JUNK = "junk"
    """A third host sends what is nothing, from many ports."""
    NAG = "nag"
    """The same from one port."""
    COPY = "copy"
    """A third host sends copies of what a side sends, forwards checks and answers, and swallows data."""
    FORGE = "forge"
    """The same, but it makes answers to checks itself, without a signature."""
    CROSS = "cross"
    """The same as a copy, but answers come from another port than the one that was asked."""
    WHISPER = "whisper"
    """Signed checks of a side, recorded, are sent again and again from a third host."""


class Fault(_Part):
    """At this time, to this side; what may last lasts so long."""

    at: float
    what: Occasion | Trick
    on: Name
    lasts: float = 0


class Traffic(_Part):
    """A packet of the application each `every` seconds, `together` at once."""

    every: float = 0.1
    together: int = 1


class History(_Part):
    """One history. Times count from its beginning, in seconds."""

    seed: int
    lasts: float
    """At least: as long as data is missing that could flow, it goes on until the bound for that."""
    controlling: Name = "robot"
    robot: Side = Side()
    operator: Side = Side()
    mobility: bool = True
    """Of the relay: RFC 8016."""
    quota: int | None = None
    """Of the relay: allocations."""
    signalling_ms: float = 50
    traffic: Traffic = Traffic()
    third_ms: float = 80
    """How much later than the original a third host's copy leaves."""
    faults: tuple[Fault, ...] = ()

    def side(self, name: Name) -> Side:
        """That of a host."""
        return self.robot if name == "robot" else self.operator

    def text(self) -> str:
        """As it is written, without what is as usual."""
        return self.model_dump_json(indent=1, exclude_defaults=True)


def read(text: str) -> History:
    """The history of a text. Raises RequestError."""
    try:
        return History.model_validate_json(text)
    except ValidationError as problem:
        first = problem.errors()[0]
        place = ".".join(map(str, first["loc"])) or "it"
        raise RequestError(f"this is no history: {place}: {first['msg']}") from None
