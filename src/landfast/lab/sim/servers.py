"""STUN on the laboratory's server: Binding on two addresses and two ports of each family, with RFC 5780. Pure.

Addresses, ports and credentials are those of `lab/services.py`.
"""

from __future__ import annotations

from landfast.lab.sim.hosts import Host, Socket
from landfast.lab.topology import SERVER_ADDRESSES, SERVER_ADDRESSES6
from landfast.model.facts import Endpoint
from landfast.wire import stun

PORT, TLS_PORT = 3478, 5349


class Server:
    """What answers on the host `server`."""

    addresses = tuple(map(str, SERVER_ADDRESSES))
    addresses6 = tuple(map(str, SERVER_ADDRESSES6))
    port, tls_port = PORT, TLS_PORT

    def __init__(self, host: Host) -> None:
        self._sockets: dict[Endpoint, Socket] = {}
        for family in (self.addresses, self.addresses6):
            for address in family:
                for port in (PORT, PORT + 1):
                    self._open(host, family, address, port)

    def _open(self, host: Host, family: tuple[str, ...], address: str, port: int) -> None:
        def receive(data: bytes, source: Endpoint) -> None:
            self._answer(data, source, family, (address, port))

        self._sockets[address, port] = host.udp(receive, address, port)

    def _answer(self, data: bytes, source: Endpoint, family: tuple[str, ...], at: Endpoint) -> None:
        request = stun.parse(data)
        if request is None or not (request.is_request and request.is_binding):
            return
        elsewhere = family[at[0] == family[0]], PORT + (at[1] == PORT)
        answering = elsewhere[0] if request.change_ip else at[0], elsewhere[1] if request.change_port else at[1]
        to = source[0], request.response_port or source[1]
        response = stun.binding_response(request, source, origin=answering, other=elsewhere)
        self._sockets[answering].send(response, to)
