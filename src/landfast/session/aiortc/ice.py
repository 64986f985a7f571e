"""Our transport in the shape of aiortc's RTCIceGatherer and RTCIceTransport.

aiortc's own would hold an `aioice.Connection`; nothing of theirs but their interface is used. Candidates are addresses
of a session that goes on: losing the peer is a state here, and never the end of the connection.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from math import inf

import aiortc
from aiortc.exceptions import InvalidStateError
from aiortc.rtcicetransport import RTCIceParameters

from landfast import clock
from landfast.session.aiortc import candidates
from landfast.session.aiortc.candidates import RTCIceCandidate
from landfast.session.aiortc.flights import Flights
from landfast.session.ice.credentials import Credentials
from landfast.session.ice.events import Event, PairSelected, PeerReturned, StateChanged, Why
from landfast.session.ice.machine import State
from landfast.session.transport import Transport

# aiortc has no `connected`: it says `checking` until a pair is nominated. Data goes from the first pair on, though.
_STATES = {state: state.value for state in State} | {State.CONNECTED: State.CHECKING.value}

_TRIPS, _SOON = 3, 0.1  # round trips until an answer is overdue; seconds: a busy peer's answer, however near it is
_UNKNOWN = 1.0  # seconds: the same before any was measured (RFC 6298, section 2.1)

_AFTER_LOSS = {Why.NOMINATED, Why.FOLLOWED, Why.REBOUND, Why.FALLBACK, Why.RETURNED}
"""Moves from a way that did not carry any more; the others leave one that did."""


class Connection:
    """What aiortc touches below its transports."""

    def __init__(self, transport: Transport) -> None:
        self.transport = transport
        self._handshake: Flights | None = None
        self._begun = False  # whether there was a handshake, which may be over
        self._repeating: asyncio.TimerHandle | None = None

    async def recv(self) -> bytes:
        """The next datagram; ConnectionError when closed."""
        datagram = await self.transport.recv()
        if self._handshake:
            self._handshake.received(datagram)
            if self._handshake.over:
                self._handshake = None
                self._wait(inf)
        return datagram

    async def send(self, data: bytes) -> None:
        """Send, or drop: what DTLS, SCTP and SRTP send they send again, or can do without."""
        self.transport.send(data)
        if not self._begun:
            self._begun, self._handshake = True, Flights(patience(self.transport))
        if self._handshake:
            self._handshake.sent(data, clock.monotonic())
            self._wait(self._handshake.deadline)

    def _wait(self, until: float) -> None:
        if self._repeating:
            self._repeating.cancel()
            self._repeating = None
        if until < inf:
            self._repeating = asyncio.get_running_loop().call_later(until - clock.monotonic(), self._repeat)

    def _repeat(self) -> None:
        if self._handshake and not self.transport.closed:
            for datagram in self._handshake.due(clock.monotonic()):
                self.transport.send(datagram)
            self._wait(self._handshake.deadline)

    @property
    def ice_controlling(self) -> bool:
        """The role; aiortc decides it when a description is set."""
        return self.transport.agent.controlling

    @ice_controlling.setter
    def ice_controlling(self, controlling: bool) -> None:
        self.transport.agent.controlling = controlling


class RTCIceGatherer(aiortc.RTCIceGatherer):
    """Gathers the agent's candidates. `hurried`: whoever gathers does not wait for them, because they are trickled."""

    def __init__(self, transport: Transport) -> None:
        super(aiortc.RTCIceGatherer, self).__init__()  # not aiortc's own, which would make an aioice.Connection
        self._connection = Connection(transport)  # type: ignore[assignment] # it is only ours that uses it
        self.transport = transport
        self.hurried: Callable[[], bool] = lambda: False
        self._is = "new"
        self._gathers: str | None = None
        self._finishing: asyncio.Task[None] | None = None

    @property
    def state(self) -> str:
        return self._is

    async def gather(self) -> None:
        ufrag = self.transport.agent.local.ufrag
        if self._gathers != ufrag:
            self._gathers = ufrag
            self._become("gathering")
            self._finishing = asyncio.create_task(self._finish(ufrag))
        if self._finishing and not self.hurried():
            await self._finishing

    def getLocalCandidates(self) -> list[aiortc.RTCIceCandidate]:
        return [candidates.told(each) for each in self.transport.agent.local_candidates]

    def getLocalParameters(self) -> RTCIceParameters:
        local = self.transport.agent.local
        return RTCIceParameters(usernameFragment=local.ufrag, password=local.password)

    async def _finish(self, ufrag: str) -> None:
        await self.transport.gather()
        if self._gathers == ufrag:
            self._become("completed")

    def _become(self, state: str) -> None:
        if state != self._is:
            self._is = state
            self.emit("statechange")


class RTCIceTransport(aiortc.RTCIceTransport):
    """Connects, and stays. Events beside aiortc's: `selectedcandidatepairchange`, and `resumed` when data goes again
    after some was lost."""

    def __init__(self, gatherer: RTCIceGatherer) -> None:
        super().__init__(gatherer)
        self.transport = gatherer.transport
        self.transport.tell = self._told
        self.remote: Credentials | None = None
        """As the peer's last description said. It is told to the agent by `start`, whose own parameters may be those of
        another section of a bundle."""
        self.restarting = False
        """We have offered a restart that is not answered."""
        self._started: Credentials | None = None
        self._is = "new"
        self.listener: Callable[[RTCIceTransport, Event], None] | None = None
        """Who hears what else the agent says, candidates before all: one, and he costs less than an emitter's."""
        self._is_alive = False
        self._starting: asyncio.Event | None = None

    @property
    def state(self) -> str:
        return self._is

    async def addRemoteCandidate(self, candidate: aiortc.RTCIceCandidate | None) -> None:
        if self._is != "closed":
            self.transport.add_remote_candidate(candidates.read(candidate) if candidate else None)

    def getRemoteCandidates(self) -> list[aiortc.RTCIceCandidate]:
        return [candidates.told(each) for each in self.transport.agent.remote_candidates]

    async def start(self, remoteParameters: RTCIceParameters) -> None:
        """Check, or check anew when the credentials have changed; returns when there is a pair, or it is closed."""
        if self._is == "closed":
            raise InvalidStateError("RTCIceTransport is closed")
        self.remote = self.remote or credentials(remoteParameters)
        if self.remote != self._started:
            self._started = self.remote
            self.transport.set_remote(self.remote, lite=remoteParameters.iceLite)
        if not self._is_alive:
            self._starting = self._starting or asyncio.Event()
            await self._starting.wait()

    async def stop(self) -> None:
        if self._is != "closed":
            self.transport.close()
            self._become("closed")
            self._live()
            self.listener = None
            self.iceGatherer.remove_all_listeners()
            self.remove_all_listeners()

    def roll_back(self, remote: Credentials | None) -> None:
        """An offer is taken back: no restart, and the peer's credentials as they were before it."""
        if self.restarting or remote != self.remote:
            self.transport.abort_restart()
        self.restarting, self.remote, self._started = False, remote, remote
        if remote is None:
            self._role_set = False  # the next description decides it

    def getSelectedCandidatePair(self) -> tuple[RTCIceCandidate, RTCIceCandidate] | None:
        """Ours and the peer's (W3C webrtc, section 5.6), or None while there is none."""
        pair = self.transport.agent.selected
        return (candidates.told(pair.local), candidates.told(pair.remote)) if pair else None

    def _told(self, event: Event) -> None:
        if isinstance(event, StateChanged):
            self._moved(event)
        elif isinstance(event, PairSelected):
            self.emit("selectedcandidatepairchange")
            if event.why in _AFTER_LOSS:
                self.emit("resumed")
        elif isinstance(event, PeerReturned):
            self.emit("resumed")
        elif self.listener:
            self.listener(self, event)

    def _moved(self, event: StateChanged) -> None:
        if event.new in (State.CONNECTED, State.COMPLETED):
            self._live()
        if event.new is State.CONNECTED and event.old is not State.CHECKING:
            self._become(State.COMPLETED.value)  # it comes back
        elif event.new is not State.CLOSED:
            self._become(_STATES[event.new])

    def _live(self) -> None:
        """Who started it need not wait any more."""
        self._is_alive = True
        if self._starting:
            self._starting.set()
            self._starting = None

    def _become(self, state: str) -> None:
        if state != self._is:
            self._is = state
            self.emit("statechange")


def credentials(parameters: RTCIceParameters | None) -> Credentials:
    """As the agent has them. Raises ValueError for what RFC 8839 does not allow."""
    given = parameters or RTCIceParameters()
    return Credentials(given.usernameFragment or "", given.password or "")


def patience(transport: Transport) -> float:
    """Seconds after which an answer is overdue, for those above ICE that have measured no round trip yet."""
    trip = transport.agent.selected.counters.round_trip if transport.agent.selected else None
    return _UNKNOWN if trip is None else max(_TRIPS * trip, _SOON)
