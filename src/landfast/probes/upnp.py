"""UPnP's Internet gateways: found by SSDP, asked by SOAP which external address they have. Nothing is mapped.

Only the gateway itself is asked, whatever its answers point to, and no XML is parsed: it is hostile input, and what is
wanted of it are two elements.
"""

from __future__ import annotations

import asyncio
import re
import socket
from contextlib import suppress
from ipaddress import IPv4Address
from urllib.parse import urlsplit

from landfast.kernel.host import Host

PORT = 1900
WITHIN = 0.4
"""Seconds for each of the two requests: the gateway is on the local network, and a small router's page takes 0.1 s."""
LARGEST = 1 << 16
"""Bytes read of an answer; a gateway's description has up to 10 000."""

SEARCH = (
    b"M-SEARCH * HTTP/1.1\r\n"
    b"HOST: 239.255.255.250:1900\r\n"
    b'MAN: "ssdp:discover"\r\n'
    b"MX: 1\r\n"
    b"ST: urn:schemas-upnp-org:device:InternetGatewayDevice:1\r\n"
    b"\r\n"
)
"""UPnP Device Architecture 1.1, section 1.3.2: a search, here sent to the gateway only."""

_KIND = re.compile(r"^ST:\s*urn:schemas-upnp-org:device:InternetGatewayDevice:", re.IGNORECASE | re.MULTILINE)
_LOCATION = re.compile(r"^LOCATION:\s*(\S+)", re.IGNORECASE | re.MULTILINE)
_SERVICE = re.compile(r"<serviceType>\s*(urn:schemas-upnp-org:service:WAN(?:IP|PPP)Connection:[12])\s*<")
_CONTROL = re.compile(r"<controlURL>\s*([^<\s]+)\s*<")
_ADDRESS = re.compile(r"<NewExternalIPAddress[^>]*>\s*([0-9.]{7,15})\s*</")


def is_gateway(found: bytes) -> bool:
    """Whether a datagram is the response of such a device to the search (section 1.3.3)."""
    head = found.decode("latin-1")
    return bool(re.match(r"HTTP/1\.[01] 200\b", head) and _KIND.search(head))


def location(found: bytes, gateway: str) -> tuple[int, str] | None:
    """Port and path of the description, if it is on the gateway."""
    said = _LOCATION.search(found.decode("latin-1"))
    return _on(gateway, said[1], 80) if said else None


def control(description: bytes, gateway: str, port: int) -> tuple[str, int, str] | None:
    """The service that knows the external address, and where it is asked; also a URL relative to the description."""
    for service in description.decode("latin-1").split("</service>"):
        if (kind := _SERVICE.search(service)) and (url := _CONTROL.search(service)):
            where = _on(gateway, url[1], port)
            return (kind[1], *where) if where else None
    return None


def _on(gateway: str, url: str, port: int) -> tuple[int, str] | None:
    try:
        parts = urlsplit(url)
        if parts.hostname not in {None, gateway} or parts.scheme not in {"", "http"}:
            return None
        there = (parts.port or 80) if parts.hostname else port
    except ValueError:
        return None
    path = parts.path if parts.path.startswith("/") else f"/{parts.path}"
    return there, path + (f"?{parts.query}" if parts.query else "")


def told(answer: bytes) -> str | None:
    """The address in the answer to GetExternalIPAddress (UPnP's WANIPConnection:1); None while there is none."""
    said = _ADDRESS.search(answer.decode("latin-1"))
    with suppress(ValueError):
        if said and not IPv4Address(said[1]).is_unspecified:
            return said[1]
    return None


async def external(host: Host, gateway: str, found: bytes) -> str | None:
    """Ask the gateway that answered the search with `found`; None when it does not tell."""
    described = location(found, gateway)
    if described is None:
        return None
    port, path = described
    service = control(await _http(host, gateway, port, "GET", path), gateway, port)
    if service is None:
        return None
    kind, port, path = service
    body = (
        '<?xml version="1.0"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" '
        's:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/"><s:Body>'
        f'<u:GetExternalIPAddress xmlns:u="{kind}"/></s:Body></s:Envelope>'
    )
    action = ('Content-Type: text/xml; charset="utf-8"', f'SOAPAction: "{kind}#GetExternalIPAddress"')
    return told(await _http(host, gateway, port, "POST", path, body, action))


async def _http(
    host: Host, gateway: str, port: int, method: str, path: str, body: str = "", lines: tuple[str, ...] = ()
) -> bytes:
    """What came within the time, head and all. HTTP/1.0, so that it ends with the connection and is not chunked."""
    loop = asyncio.get_running_loop()
    length = (f"Content-Length: {len(body)}",) if body else ()
    request = "\r\n".join([f"{method} {path} HTTP/1.0", f"Host: {gateway}:{port}", *lines, *length, "", body])
    came = bytearray()
    with await host.socket(socket.AF_INET, socket.SOCK_STREAM) as opened, suppress(OSError):
        async with asyncio.timeout(WITHIN):  # its TimeoutError is an OSError
            await loop.sock_connect(opened, (gateway, port))
            await loop.sock_sendall(opened, request.encode())
            while len(came) < LARGEST and (data := await loop.sock_recv(opened, LARGEST)):
                came += data
    return bytes(came)
