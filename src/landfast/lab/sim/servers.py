"""STUN and TURN on the laboratory's server: UDP, TCP and TLS, two addresses of each family, with RFC 5780. Pure.

Addresses, ports and credentials are those of `lab/services.py`, what they do is what coturn does there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from landfast.lab.sim.hosts import Host, Socket
from landfast.lab.sim.relays import CREDENTIAL, REALM, Relays
from landfast.lab.sim.streams import Stream
from landfast.lab.topology import SERVER_ADDRESSES, SERVER_ADDRESSES6
from landfast.model.facts import Endpoint
from landfast.wire import stun
from landfast.wire.turn import framing

PORT, TLS_PORT, WEB_PORT = 3478, 5349, 443


class Server:
    """What answers on the host `server`. `relays` is its TURN part, whose options may be changed."""

    addresses: ClassVar = tuple(map(str, SERVER_ADDRESSES))
    addresses6: ClassVar = tuple(map(str, SERVER_ADDRESSES6))
    port: ClassVar = PORT
    tls_port: ClassVar = TLS_PORT
    web_port: ClassVar = WEB_PORT
    realm: ClassVar = REALM
    username: ClassVar = CREDENTIAL.username
    password: ClassVar = CREDENTIAL.password

    def __init__(self, host: Host) -> None:
        self.relays = Relays(host, self.addresses, self.addresses6)
        self._sockets: dict[Endpoint, Socket] = {}
        for family in (self.addresses, self.addresses6):
            for address in family:
                for port in (PORT, PORT + 1):
                    self._open(host, family, (address, port))
                for port in (PORT, TLS_PORT, WEB_PORT):
                    host.streams.listen((address, port), self._accept, tls=port != PORT)

    def _open(self, host: Host, family: tuple[str, ...], at: Endpoint) -> None:
        says: dict[Endpoint, Callable[[bytes], None]] = {}

        def receive(data: bytes, source: Endpoint) -> None:
            if data[:2] == b"\0\x01":  # a Binding request
                self._bound(data, source, family, at)
                return
            say = says.get(source)
            if say is None:

                def say(answer: bytes) -> None:
                    self._sockets[at].send(answer, source)

                says[source] = say
            self.relays.receive(data, (at, source), source, say)

        self._sockets[at] = host.udp(receive, *at)

    def _bound(self, data: bytes, source: Endpoint, family: tuple[str, ...], at: Endpoint) -> None:
        request = stun.parse(data)
        if request is None:
            return
        elsewhere = family[at[0] == family[0]], PORT + (at[1] == PORT)
        answering = elsewhere[0] if request.change_ip else at[0], elsewhere[1] if request.change_port else at[1]
        to = source[0], request.response_port or source[1]
        response = stun.binding_response(request, source, origin=answering, other=elsewhere)
        self._sockets[answering].send(response, to)

    def _accept(self, stream: Stream) -> None:
        cutter = framing.Cutter()

        def say(answer: bytes) -> None:
            stream.send(framing.padded(answer))

        def received(data: bytes) -> None:
            for message in cutter.feed(data):
                if message[:2] == b"\0\x01" and (request := stun.parse(message)):
                    say(stun.binding_response(request, stream.remote, origin=stream.local))
                else:
                    self.relays.receive(message, stream, stream.remote, say)
            if cutter.broken:
                stream.close()
                self.relays.gone(stream)

        stream.received = received
        stream.closed = lambda: self.relays.gone(stream)
