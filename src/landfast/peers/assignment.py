"""What a peer is asked to do: the arguments of its program, the same for every stack."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """The robot offers, the operator answers."""

    ROBOT = "robot"
    OPERATOR = "operator"


class Interfaces(StrEnum):
    """Which addresses a stack gathers from."""

    STOCK = "stock"
    """As the stack does by itself, which is what is under test."""
    DEFAULT_ROUTE = "default-route"
    """Only from the one that the default route uses."""


@dataclass(frozen=True)
class Assignment:
    """A peer's task. Times are seconds."""

    role: Role
    signalling: str
    """ws://HOST:PORT"""
    room: str
    """A name of its own for every attempt."""
    stun: str = ""
    """stun:HOST:PORT"""
    turn: tuple[str, ...] = ()
    """turn: and turns: URLs (RFC 7065), all with the same credentials."""
    turn_username: str = ""
    turn_password: str = ""
    authority: str = ""
    """Path, on the peer's host, of a certificate authority to trust for turns: URLs."""
    token: str = ""
    """For a signalling server that wants one."""
    limit: float = 8.0
    """To connect. The source document's robots were given up on after about as long."""
    hold: float = 5.0
    """To stay connected."""
    interfaces: Interfaces = Interfaces.STOCK
    camera: bool = False
    """Ask for the camera first (Chromium: only with it is there a socket an interface)."""

    def arguments(self) -> list[str]:
        """The program's arguments; what is secret is in `environment`."""
        given = ["--role", self.role.value, "--signalling", self.signalling, "--room", self.room]
        given += ["--stun", self.stun, "--turn", ",".join(self.turn), "--authority", self.authority]
        given += ["--limit", str(self.limit), "--hold", str(self.hold), "--interfaces", self.interfaces.value]
        return [*given, "--camera"] if self.camera else given

    def environment(self) -> dict[str, str]:
        """The program's variables: arguments can be read by everybody on a machine."""
        return {
            "LANDFAST_TURN_USERNAME": self.turn_username,
            "LANDFAST_TURN_PASSWORD": self.turn_password,
            "LANDFAST_SIGNALLING_TOKEN": self.token,
        }


def parse(program: str, argv: Sequence[str] | None = None, environment: Mapping[str, str] = os.environ) -> Assignment:
    """The assignment of a command line; servers default to what guests of a laboratory find in their environment."""
    parser = argparse.ArgumentParser(
        prog=program, description="Connect to the other peer of a room and exchange echoes."
    )
    parser.add_argument("--role", type=Role, choices=list(Role), required=True)
    parser.add_argument("--signalling", metavar="WS-URL", default=environment.get("LANDFAST_SIGNALLING"))
    parser.add_argument("--room", default="landfast")
    parser.add_argument("--stun", metavar="STUN-URL", default=environment.get("LANDFAST_STUN", ""))
    parser.add_argument("--turn", metavar="TURN-URL,…", default=environment.get("LANDFAST_TURN", ""))
    parser.add_argument("--authority", metavar="PEM-FILE", default=environment.get("LANDFAST_AUTHORITY", ""))
    parser.add_argument("--limit", metavar="SECONDS", type=float, default=Assignment.limit)
    parser.add_argument("--hold", metavar="SECONDS", type=float, default=Assignment.hold)
    parser.add_argument("--interfaces", type=Interfaces, choices=list(Interfaces), default=Interfaces.STOCK)
    parser.add_argument("--camera", action="store_true")
    given = vars(parser.parse_args(argv))
    if not given["signalling"]:
        parser.error("--signalling is missing")
    given["turn"] = tuple(url for url in given["turn"].split(",") if url)
    return Assignment(
        **given,
        turn_username=environment.get("LANDFAST_TURN_USERNAME", ""),
        turn_password=environment.get("LANDFAST_TURN_PASSWORD", ""),
        token=environment.get("LANDFAST_SIGNALLING_TOKEN", ""),
    )
