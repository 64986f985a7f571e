"""How two peers find each other: numbered messages over a room of a server, in JSON over WebSocket. Pure.

A peer takes a seat in a room by its address, `/ROOM?seat=robot&me=ID&heard=N`, and what it says is kept and passed on
to the other seat. A conversation outlives its connections, since those die when the public address changes: each
message has a number in its direction, the server tells how far it has heard (the peer repeats the rest), and a peer
that comes back tells how far it has heard (`heard=N`, the server repeats the rest). `me` is drawn once a conversation:
a seat that another process took is refused instead of mixed up.

    peer → server   {"number": 1, "say": …}    {} : are you there?    {"bye": true} : close, I shall not come back
    server → peer   {"number": 1, "say": …}    {"heard": 1} : at the beginning, and as answer to each of the above
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit

MAX_MESSAGE = 64 << 10
"""Bytes. An offer with video and audio and 40 candidates has 12 KiB."""
MAX_KEPT = 1 << 20
"""Bytes of one seat's frames: eighty such offers."""

_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")


@dataclass(frozen=True)
class Said:
    """A message of one peer for the other; `number` counts from 1 in its direction."""

    number: int
    message: Any


@dataclass(frozen=True)
class Heard:
    """The server has every message up to this number."""

    number: int


@dataclass(frozen=True)
class AreYouThere:
    """A peer that has heard nothing for a while wants an answer."""


@dataclass(frozen=True)
class Bye:
    """A peer will not come back; the server closes the connection."""


Frame = Said | Heard | AreYouThere | Bye


def write(frame: Frame) -> str:
    """A frame as text."""
    said: dict[str, Any] = {}
    if isinstance(frame, Said):
        said = {"number": frame.number, "say": frame.message}
    elif isinstance(frame, Heard):
        said = {"heard": frame.number}
    elif isinstance(frame, Bye):
        said = {"bye": True}
    return json.dumps(said, separators=(",", ":"))


def read(text: str | bytes) -> Frame | None:
    """The frame of a text; None when it is none."""
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        return None
    match said:
        case {"number": int(number), "say": message} if number > 0 and not isinstance(number, bool):
            return Said(number, message)
        case {"heard": int(number)} if number >= 0 and not isinstance(number, bool):
            return Heard(number)
        case {"bye": True}:
            return Bye()
        case dict() if not said:
            return AreYouThere()
        case _:
            return None


@dataclass(frozen=True)
class Place:
    """Where a peer wants to sit, and how far it has heard."""

    room: str
    seat: str
    me: str
    heard: int = 0
    token: str = ""

    def address(self, server: str) -> str:
        """The WebSocket address of this place at a server, `ws://HOST:PORT` with or without a path."""
        scheme, netloc, path, _, _ = urlsplit(server)
        query = {"seat": self.seat, "me": self.me, "heard": self.heard, "token": self.token}
        asked = urlencode({key: value for key, value in query.items() if value})
        return urlunsplit((scheme, netloc, f"{path.rstrip('/')}/{self.room}", asked, ""))


def place(target: str) -> Place | None:
    """The place that a request's target asks for; None when it names none."""
    path, query = urlsplit(target).path, parse_qs(urlsplit(target).query)
    room, seat, me = path.rpartition("/")[2], query.get("seat", [""])[0], query.get("me", [""])[0]
    heard = query.get("heard", ["0"])[0]
    if not all(_NAME.fullmatch(name) for name in (room, seat, me)) or not re.fullmatch(r"[0-9]{1,9}", heard):
        return None
    return Place(room, seat, me, int(heard), query.get("token", [""])[0])


@dataclass
class _Seat:
    me: str
    said: list[Any] = field(default_factory=list)
    size: int = 0
    left: bool = False


class Room:
    """What was said in a room: two seats, everything kept until both have left."""

    def __init__(self) -> None:
        self._seats: dict[str, _Seat] = {}

    def sit(self, seat: str, me: str) -> str | None:
        """Take a seat or come back to it. The reason when it is refused."""
        if seat in self._seats:
            if self._seats[seat].me != me:
                return "the seat is taken: every conversation needs a room of its own"
            self._seats[seat].left = False
            return None
        if len(self._seats) == 2:
            return "the room is full"
        self._seats[seat] = _Seat(me)
        return None

    def hear(self, seat: str, said: Said) -> str | None:
        """Keep what a seat said; repetitions are known already. The reason when it is refused."""
        taken = self._seats[seat]
        expected = len(taken.said) + 1
        if said.number > expected:
            return f"message {expected} is missing"
        if said.number == expected:
            taken.size += len(write(said))
            if taken.size > MAX_KEPT:
                return "too much was said"
            taken.said.append(said.message)
        return None

    def heard(self, seat: str) -> Heard:
        """How far a seat has been heard."""
        return Heard(len(self._seats[seat].said))

    def for_seat(self, seat: str, after: int) -> Iterator[Said]:
        """What the other seat said after a number."""
        for name, other in self._seats.items():
            if name != seat:
                for number, message in enumerate(other.said[after:], start=after + 1):
                    yield Said(number, message)

    def leave(self, seat: str) -> bool:
        """A peer said goodbye. True when nobody will come back: both have."""
        self._seats[seat].left = True
        return len(self._seats) == 2 and all(taken.left for taken in self._seats.values())


class Conversation:
    """A peer's side: what the server has not heard yet, and how far we have heard the other."""

    def __init__(self) -> None:
        self.heard = 0
        self._said: list[Said] = []
        self._count = 0

    def say(self, message: Any) -> Said:
        """The frame of a new message, kept until the server has it."""
        self._count += 1
        self._said.append(Said(self._count, message))
        return self._said[-1]

    def unheard(self) -> list[Said]:
        """What to repeat on a new connection."""
        return list(self._said)

    def receive(self, frame: Frame) -> list[Any]:
        """Take a frame; the messages that are new, at most one."""
        if isinstance(frame, Heard):
            self._said = [said for said in self._said if said.number > frame.number]
        elif isinstance(frame, Said) and frame.number == self.heard + 1:
            self.heard += 1
            return [frame.message]
        return []
