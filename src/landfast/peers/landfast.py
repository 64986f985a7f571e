"""A peer that is landfast's own session: on the addresses of the default route, whatever else the host has."""

from __future__ import annotations

import ssl
import sys

from landfast.peers import program
from landfast.peers.assignment import Assignment
from landfast.peers.call import Call
from landfast.peers.program import Happen
from landfast.session import RTCConfiguration, RTCIceServer, RTCPeerConnection, RTCSessionDescription


class LandfastStack(Call):
    """One RTCPeerConnection with one data channel. Both of `Interfaces` mean the same: it is its policy."""

    def __init__(self, task: Assignment, happen: Happen) -> None:
        trusted = ssl.create_default_context(cafile=task.authority or None)
        connection = RTCPeerConnection(RTCConfiguration(iceServers=_servers(task)), tls=trusted)
        super().__init__(task, happen, connection, RTCSessionDescription)


def _servers(task: Assignment) -> list[RTCIceServer]:
    stun = [RTCIceServer(task.stun)] if task.stun else []
    turn = RTCIceServer(list(task.turn), task.turn_username, task.turn_password)
    return [*stun, turn] if task.turn else stun


if __name__ == "__main__":
    sys.exit(program.main("landfast.peers.landfast", LandfastStack))
