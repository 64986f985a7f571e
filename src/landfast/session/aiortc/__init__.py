"""The seam into aiortc: the only part of a session that knows it.

Each class is called as the one of aiortc whose place it takes, and each file adds one thing to the file before.

versions.py     the releases of aiortc whose inside is known; another is refused
candidates.py   candidates as the agent and as aiortc have them
flights.py      DTLS's handshake, repeated by the measured round trip
ice.py          our transport as RTCIceGatherer and RTCIceTransport
sctp.py         SCTP that is quiet while nobody hears it
media.py        audio and video that wait for the path, and go on when it is back
seat.py         RTCPeerConnection with these in the place of aiortc's
restart.py      + restarts by either side
trickle.py      + candidates as they are found
rollback.py     + offers that are taken back, and offers that meet
stats.py        what getStats() tells
connection.py   the whole
"""

from __future__ import annotations

import aiortc
from aiortc import RTCConfiguration, RTCIceServer, RTCSessionDescription

from landfast.session.aiortc import versions

versions.require(aiortc.__version__)  # before anything of its inside is imported

from landfast.session.aiortc.candidates import RTCIceCandidate, candidate_from_sdp, candidate_to_sdp  # noqa: E402
from landfast.session.aiortc.connection import RTCPeerConnection  # noqa: E402

__all__ = [
    "RTCConfiguration",
    "RTCIceCandidate",
    "RTCIceServer",
    "RTCPeerConnection",
    "RTCSessionDescription",
    "candidate_from_sdp",
    "candidate_to_sdp",
]
