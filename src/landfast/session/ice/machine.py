"""The states of an ICE transport, as a table; the words are W3C's RTCIceTransportState. Pure."""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """How the transport is. What application data needs is consent, and that is CONNECTED, COMPLETED, DISCONNECTED."""

    NEW = "new"
    CHECKING = "checking"
    CONNECTED = "connected"
    """A pair is selected; others are still being checked."""
    COMPLETED = "completed"
    DISCONNECTED = "disconnected"
    """The peer has been silent longer than it may; checks go on, and data returns by itself."""
    FAILED = "failed"
    """No pair works, or consent has ended. Not the end: an answer, or a restart, brings it back."""
    CLOSED = "closed"

    __hash__ = str.__hash__  # Enum's own is of the name, and slow


class Step(StrEnum):
    """What may happen to it."""

    START = "start"
    """Both sides' credentials are known."""
    SELECT = "select"
    FINISH = "finish"
    """A pair is selected and no other is worth a check."""
    SILENCE = "silence"
    ANSWER = "answer"
    EXPIRE = "expire"
    """30 s without an answer (RFC 7675, section 5.1), or all checks have failed."""
    CLOSE = "close"

    __hash__ = str.__hash__


TABLE: dict[tuple[State, Step], State] = {
    (State.NEW, Step.START): State.CHECKING,
    (State.CHECKING, Step.SELECT): State.CONNECTED,
    (State.CHECKING, Step.EXPIRE): State.FAILED,
    (State.CONNECTED, Step.FINISH): State.COMPLETED,
    (State.CONNECTED, Step.SILENCE): State.DISCONNECTED,
    (State.COMPLETED, Step.SILENCE): State.DISCONNECTED,
    (State.CONNECTED, Step.EXPIRE): State.FAILED,
    (State.COMPLETED, Step.EXPIRE): State.FAILED,
    (State.DISCONNECTED, Step.EXPIRE): State.FAILED,
    (State.DISCONNECTED, Step.ANSWER): State.COMPLETED,
    (State.DISCONNECTED, Step.SELECT): State.CONNECTED,
    (State.FAILED, Step.ANSWER): State.COMPLETED,
    (State.FAILED, Step.SELECT): State.CONNECTED,
    (State.FAILED, Step.START): State.CHECKING,
} | {(state, Step.CLOSE): State.CLOSED for state in State if state is not State.CLOSED}
"""What is not listed changes nothing. A restart of a transport that works keeps its state: make before break."""
