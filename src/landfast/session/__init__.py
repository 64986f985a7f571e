"""Sessions that survive the networks they run on.

    from landfast.session import RTCPeerConnection      instead of: from aiortc import RTCPeerConnection

ice/              the ICE agent: it follows the network without signalling
policy.py         which of this host's addresses it may use
transport.py      the asyncio shell of an agent; sockets.py has its sockets
alarms.py         one timer for all sessions
tickets.py        TLS that goes on where an earlier connection was
surroundings.py   this host's addresses, watched once for all sessions
aiortc/           the seam into aiortc: RTCPeerConnection
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from landfast.errors import CapabilityMissing

if TYPE_CHECKING:
    from landfast.session.aiortc import (
        RTCConfiguration,
        RTCIceCandidate,
        RTCIceServer,
        RTCPeerConnection,
        RTCSessionDescription,
        candidate_from_sdp,
        candidate_to_sdp,
    )

__all__ = [
    "RTCConfiguration",
    "RTCIceCandidate",
    "RTCIceServer",
    "RTCPeerConnection",
    "RTCSessionDescription",
    "candidate_from_sdp",
    "candidate_to_sdp",
]


def __getattr__(name: str) -> Any:
    """aiortc takes half a second to import, and who only wants the agent need not have it."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        from landfast.session import aiortc
    except ModuleNotFoundError as problem:
        if problem.name != "aiortc":
            raise
        raise CapabilityMissing("Python package aiortc", "pip install 'landfast[session]'") from None
    return getattr(aiortc, name)
