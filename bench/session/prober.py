"""A peer as a program: one connection, probes at 50 Hz, and the times at which the other's arrived.

python -m bench.session.prober STACK CONFIGURATION      a line of JSON on stdin is a question; each is answered by one

{"do": "offer"}                   → {"type", "sdp"}
{"do": "accept", "type", "sdp"}   → {"type", "sdp"} of the answer, or {}
{"do": "take"}                    → what came since: see `Heard`
{"do": "path"}                    → {"path": how data goes}
{"do": "restart"}                 → an offer with new credentials
{"do": "rollback"}                → {}: the offer that is out is taken back
{"do": "close"}                   → {}, and it ends
"""

from __future__ import annotations

import asyncio
import json
import os
import ssl
import sys
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from landfast import clock

if TYPE_CHECKING:
    from bench.session.media import Media

EVERY = 0.02
"""Seconds between two probes: a robot's control messages at 50 Hz."""
RELIABLE_EVERY = 12  # probes between two reliable messages: four a second
REFUSED = "error restart refused"
"""What it says when the other cannot restart."""
_CLOSE_WITHIN = 1.0  # seconds: aiortc says goodbye, and waits when nobody answers

Description = dict[str, str]
Candidate = dict[str, str]
"""As RTCIceCandidateInit (W3C webrtc, section 4.8.1)."""


@dataclass(frozen=True)
class Configuration:
    """What a peer's connection is made with."""

    stun: str = ""
    turn: tuple[str, ...] = ()
    username: str = ""
    password: str = ""
    authority: str = ""
    """Path of the certificate authority of turns: URLs."""
    relay_only: bool = False
    media: bool = False
    """Audio and video beside the channels: see media.py."""


@dataclass
class Heard:
    """What came since it was last told, and what was sent since the beginning."""

    probes: list[float] = field(default_factory=list)
    """When, in monotonic seconds."""
    reliable: list[int] = field(default_factory=list)
    """The numbers of reliable messages, as they came."""
    states: list[tuple[float, str]] = field(default_factory=list)
    """States of the connection and of its channels, and what it complained of."""
    sent: int = 0
    """Reliable messages."""
    candidates: list[Candidate] = field(default_factory=list)
    """Its own, to be told to the other."""
    opened: float | None = None
    """When both channels were open."""
    association: str = ""
    """Of SCTP and DTLS: the tags of the one (RFC 9260, section 5.3.1), the first Finished of the other. Empty where the
    stack does not tell."""
    media: dict[str, list[float]] = field(default_factory=dict)
    """When audio and video came, by stream."""


class Stack(Protocol):
    """What answers the questions."""

    async def offer(self) -> Description:
        """Gather and offer."""

    async def accept(self, description: Description) -> Description:
        """Take the other's description; the answer to an offer."""

    async def candidate(self, candidate: Candidate) -> None:
        """One of the other's."""

    async def take(self) -> Heard:
        """What came."""

    async def path(self) -> tuple[str, str]:
        """How data goes, as "local type > remote type", and the user fragment of the generation that carries it; empty
        where the stack does not tell."""

    async def restart(self) -> Description:
        """Offer new credentials."""

    async def rollback(self) -> None:
        """Take the offer back that is out."""

    async def close(self) -> None:
        """Say goodbye."""


class Prober:
    """A stack with aiortc's interface."""

    def __init__(self, stack: str, given: Configuration) -> None:
        self._heard = Heard()
        self._channels: dict[str, Any] = {}
        self._sent = 0
        self._opened: float | None = None
        self._sending: asyncio.Task[None] | None = None
        self.connection, self._described = connection(stack, given)
        self.connection.on("datachannel", self._add)
        for event, name in (("connectionstatechange", "connectionState"), ("iceconnectionstatechange", "ice")):
            self.connection.on(event, lambda name=name: self._state(name))
        self.connection.on("icecandidateerror", lambda event: self._said(f"error {event}"))
        self.connection.on("icerestartrefused", lambda: self._said(REFUSED))
        self.connection.on("icerestartwaits", lambda: self._said("error restart waits"))
        self._media = self._with_media() if given.media else None
        if stack != "aiortc":  # which gathers first, and tells all at once
            self.connection.on("icecandidate", self._candidate)

    async def offer(self) -> Description:
        self._add(self.connection.createDataChannel("probes", ordered=False, maxRetransmits=0))
        self._add(self.connection.createDataChannel("reliable"))
        return await self._describe(await self.connection.createOffer())

    async def accept(self, description: Description) -> Description:
        await self.connection.setRemoteDescription(self._described(description["sdp"], description["type"]))
        if description["type"] == "answer":
            return {}
        return await self._describe(await self.connection.createAnswer())

    async def restart(self) -> Description:
        return await self._describe(await self.connection.createOffer(iceRestart=True))

    async def rollback(self) -> None:
        await self.connection.setLocalDescription(self._described("", "rollback"))

    async def candidate(self, candidate: Candidate) -> None:
        from landfast import session

        told = session.candidate_from_sdp(candidate["candidate"].removeprefix("candidate:"))
        told.sdpMid = candidate["sdpMid"]
        await self.connection.addIceCandidate(told)

    async def take(self) -> Heard:
        heard, self._heard = self._heard, Heard()
        heard.sent, heard.opened = self._sent, self._opened
        heard.association = self._association() if self._opened else ""
        heard.media = self._media.take() if self._media else {}
        return heard

    async def path(self) -> tuple[str, str]:
        ice = self.connection.sctp.transport.transport
        agent = getattr(getattr(ice, "transport", None), "agent", None)
        pair = agent.stats(clock.monotonic()).selected if agent else None
        if pair is None:
            return "", ""
        words = [pair.local.type.value, pair.local.relay, ">", pair.remote.type.value]
        words += ["over IPv6"] if ":" in pair.remote.endpoint[0] else []
        return " ".join(word for word in words if word), pair.ufrag

    async def close(self) -> None:
        if self._sending:
            self._sending.cancel()
        with suppress(TimeoutError):
            await asyncio.wait_for(self.connection.close(), _CLOSE_WITHIN)

    def _association(self) -> str:
        sctp = self.connection.sctp
        tags = sctp._local_verification_tag, sctp._remote_verification_tag  # noqa: SLF001 -- told nowhere else
        return f"{tags[0]:08x} {tags[1]:08x} {sctp.transport._ssl.get_finished().hex()}"  # noqa: SLF001

    def _with_media(self) -> Media:
        from bench.session.media import Media  # PyAV takes a while to import

        return Media(self.connection, self._said)

    async def _describe(self, description: Any) -> Description:
        await self.connection.setLocalDescription(description)
        local = self.connection.localDescription
        return {"type": local.type, "sdp": local.sdp}

    def _candidate(self, candidate: Any) -> None:
        from landfast import session

        if candidate:
            said = f"candidate:{session.candidate_to_sdp(candidate)}"
            self._heard.candidates.append({"candidate": said, "sdpMid": candidate.sdpMid})

    def _state(self, name: str) -> None:
        ice = name == "ice"
        self._said(f"ice {self.connection.iceConnectionState}" if ice else self.connection.connectionState)

    def _said(self, what: str) -> None:
        self._heard.states.append((clock.monotonic(), what))

    def _add(self, channel: Any) -> None:
        if channel.label in self._channels:
            self._said(f"another channel {channel.label}")
        self._channels[channel.label] = channel
        channel.on("open", self._open)
        channel.on("close", lambda: self._said(f"{channel.label} closed"))
        channel.on("message", self._probe if channel.label == "probes" else self._reliable)
        self._open()

    def _probe(self, _message: str) -> None:
        self._heard.probes.append(round(clock.monotonic(), 4))

    def _reliable(self, message: str) -> None:
        self._heard.reliable.append(int(message))

    def _open(self) -> None:
        states = [channel.readyState for channel in self._channels.values()]
        if states == ["open", "open"] and self._opened is None:
            self._opened = clock.monotonic()
            self._sending = asyncio.create_task(self._send())

    async def _send(self) -> None:
        probes, reliable = self._channels["probes"], self._channels["reliable"]
        began, number = clock.monotonic(), 0
        while probes.readyState == "open" and reliable.readyState == "open":
            number += 1
            probes.send(str(number))
            if number % RELIABLE_EVERY == 0:
                self._sent += 1
                reliable.send(str(self._sent))
            await asyncio.sleep(max(0.0, began + number * EVERY - clock.monotonic()))


def connection(stack: str, given: Configuration) -> tuple[Any, Any]:
    """The stack's connection, and its class of descriptions."""
    import aiortc
    from aiortc.rtcconfiguration import RTCIceTransportPolicy

    servers = [aiortc.RTCIceServer(given.stun)] if given.stun else []
    servers += [aiortc.RTCIceServer(list(given.turn), given.username, given.password)] if given.turn else []
    policy = RTCIceTransportPolicy.RELAY if given.relay_only else RTCIceTransportPolicy.ALL
    configuration = aiortc.RTCConfiguration(iceServers=servers, iceTransportPolicy=policy)
    if stack == "aiortc":
        if given.authority:
            os.environ["SSL_CERT_FILE"] = given.authority  # it takes no TLS context
        return aiortc.RTCPeerConnection(configuration), aiortc.RTCSessionDescription
    from landfast import session
    from landfast.session.aiortc.seat import Options

    options: Options = {"tls": ssl.create_default_context(cafile=given.authority)} if given.authority else {}
    return session.RTCPeerConnection(configuration, **options), session.RTCSessionDescription


async def serve(stack: Stack) -> None:
    """Answer until told to close, or until nobody asks any more."""
    loop = asyncio.get_running_loop()
    asked = asyncio.StreamReader(limit=1 << 20)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(asked), sys.stdin)
    _say({})
    while line := await asked.readline():
        question = json.loads(line)
        do = question.pop("do")
        try:
            _say(await answer(stack, do, question))
        except Exception as problem:  # noqa: BLE001 -- whatever it is, the table shall tell
            _say({"problem": repr(problem)})
        if do == "close":
            return


async def answer(stack: Stack, do: str, given: Description) -> dict[str, Any]:
    """One answer."""
    if do == "accept":
        return dict(await stack.accept(given))
    if do in ("offer", "restart"):
        return dict(await (stack.offer() if do == "offer" else stack.restart()))
    if do == "take":
        return asdict(await stack.take())
    if do == "path":
        path, ufrag = await stack.path()
        return {"path": path, "ufrag": ufrag}
    if do == "candidate":
        await stack.candidate(given)
    else:
        await (stack.rollback() if do == "rollback" else stack.close())
    return {}


def read(text: str) -> Configuration:
    """What `asdict` and JSON made of a configuration."""
    given = json.loads(text)
    return Configuration(**{**given, "turn": tuple(given["turn"])})


def _say(line: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(line, separators=(",", ":")) + "\n")
    sys.stdout.flush()


async def _main(stack: str, given: str) -> None:
    await serve(Prober(stack, read(given)))


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1], sys.argv[2]))
