"""What an application gives to RTCPeerConnection, read as the browser reads it, with every mistake named. Pure.

A file holds an RTCConfiguration (W3C webrtc, section 4.2.1), or only its list `iceServers`, in JSON. URLs are those of
RFC 7064 and RFC 7065.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import IPv6Address
from typing import Any

from landfast.errors import BadFile
from landfast.model.iceservers import StunServer, Transport, TurnServer
from landfast.wire.turn.messages import Credential

MAX_FILE = 1 << 20
"""Bytes. A configuration has a few hundred."""

_ENTRY = {"urls", "username", "credential"}
# What people write instead, and what is meant: names of draft-uberti-behave-turn-rest-00 and of older WebRTC.
_MEANT = {"url": "urls", "uri": "urls", "uris": "urls", "password": "credential", "user": "username"}
_HARMLESS = {"credentialType": "password"}  # a key that the standard has had, with the only value in use
_URL = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*):(?P<rest>[!-~]*)")
_PLACE = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~%!$&'()*+,;=-]+)(?::(?P<port>[0-9]+))?")
_PORTS = {"stun": 3478, "stuns": 5349, "turn": 3478, "turns": 5349}  # RFC 7064 and RFC 7065, section 3.2
# USERNAME of draft-uberti-behave-turn-rest-00, section 2.2: when it expires, and whose it is. 10 digits: 2001 to 2286.
_EXPIRES = re.compile(r"(?P<seconds>[0-9]{10})(?::.*)?", re.DOTALL)


@dataclass(frozen=True)
class Mistake:
    """One, as the fact IceServerMistake tells it. `entry` counts from 0; `url` is empty when it is about the entry."""

    entry: int
    url: str
    mistake: str
    detail: str


@dataclass(frozen=True)
class IceServers:
    """What a file holds: its URLs in their order, the servers that can be asked, and what is wrong with it.

    A `stuns:` URL is right but has no server here: nothing that is asked here speaks STUN over TLS.
    """

    urls: tuple[str, ...]
    servers: tuple[StunServer | TurnServer, ...]
    mistakes: tuple[Mistake, ...]


def parse(data: bytes, path: str, now: float) -> IceServers:
    """Read a file's content. `now` is the time of day, seconds since 1970 (UTC).

    Raises BadFile, with `path` and where possible the line, when it holds no list of ICE servers at all.
    """
    urls: list[str] = []
    servers: list[StunServer | TurnServer] = []
    mistakes: list[Mistake] = []
    for number, entry in enumerate(_entries(_json(data, path), path)):
        for found in _entry(number, entry, now):
            if isinstance(found, str):
                urls.append(found)
            elif isinstance(found, Mistake):
                mistakes.append(found)
            else:
                servers.append(found)
    return IceServers(tuple(urls), tuple(servers), tuple(mistakes))


def _json(data: bytes, path: str) -> Any:
    remedy = "write it as JSON.stringify does"
    if len(data) > MAX_FILE:
        raise BadFile(path, None, f"{len(data)} bytes are no configuration")
    try:
        return json.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError as problem:
        raise BadFile(path, data.count(b"\n", 0, problem.start) + 1, "not UTF-8", remedy) from None
    except json.JSONDecodeError as problem:
        raise BadFile(path, problem.lineno, f"not JSON: {problem.msg}, column {problem.colno}", remedy) from None
    except (ValueError, RecursionError) as problem:
        raise BadFile(path, None, f"not JSON: {problem}", remedy) from None


def _entries(said: Any, path: str) -> list[Any]:
    match said:
        case list() | {"iceServers": list()}:
            entries: list[Any] = said if isinstance(said, list) else said["iceServers"]
            return entries
        case {"iceServers": _}:
            raise BadFile(path, None, "iceServers is not a list", 'write {"iceServers": [{"urls": …}]}')
        case dict() if _ENTRY & said.keys():
            raise BadFile(path, None, "one server, not a list of them", "put it into a list: [{…}]")
        case dict():
            raise BadFile(path, None, "no iceServers in it", 'write {"iceServers": [{"urls": …}]}')
    raise BadFile(path, None, "neither an object nor a list", 'write {"iceServers": [{"urls": …}]}')


def _entry(number: int, entry: Any, now: float) -> Iterator[str | Mistake | StunServer | TurnServer]:
    if not isinstance(entry, dict):
        yield Mistake(number, "", "not-an-object", f'{_shown(entry)} where {{"urls": …}} should be')
        return
    for key in entry.keys() - _ENTRY:
        if entry[key] != _HARMLESS.get(key, entry):
            meant = f", write {_MEANT[key]}" if key in _MEANT else ""
            yield Mistake(number, "", "unknown-key", f"{_shown(key)} is ignored{meant}")
    listed = entry.get("urls")
    urls = [listed] if isinstance(listed, str) else listed
    if not isinstance(urls, list) or not urls:
        yield Mistake(number, "", "bad-url", "no urls")
        return
    for url in urls:
        if isinstance(url, str):
            yield url
            yield from _server(number, url, entry, now)
        else:
            yield Mistake(number, "", "bad-url", f"{_shown(url)} is no text")


def _server(number: int, url: str, entry: dict[str, Any], now: float) -> Iterator[Mistake | StunServer | TurnServer]:
    try:
        scheme, host, port, transport = read_url(url)
    except ValueError as problem:
        yield Mistake(number, url, "bad-url", str(problem))
        return
    if scheme == "stun":
        yield StunServer(host, port)
    if scheme.startswith("stun"):
        return
    username, password = entry.get("username"), entry.get("credential")
    for key, value in (("username", username), ("credential", password)):
        if not isinstance(value, str) or not value:
            said = "is missing" if value is None else f"is {_shown(value)}"
            yield Mistake(number, url, "no-credential", f"{key} {said}: RTCPeerConnection throws")
            return
    assert isinstance(username, str)
    assert isinstance(password, str)
    try:
        Credential(username, password)
    except ValueError as problem:
        yield Mistake(number, url, "no-credential", f"no server can be told it: {problem}")
        return
    expires = _EXPIRES.fullmatch(username)
    if expires and int(expires["seconds"]) <= now:
        when = datetime.fromtimestamp(int(expires["seconds"]), UTC)
        detail = f"expired {now - when.timestamp():.0f} s ago, at {when:%Y-%m-%d %H:%M:%S} UTC"
        yield Mistake(number, url, "expired-credential", detail)
    yield TurnServer(host, port, transport, username, password)


def read_url(url: str) -> tuple[str, str, int, Transport]:
    """Scheme in small letters, host without brackets, port and transport. Raises ValueError that says what is wrong."""
    if not (said := _URL.fullmatch(url)):
        raise ValueError("not a URL: it begins with no stun: or turn:, or has spaces or letters that a URL has not")
    scheme, rest = said["scheme"].lower(), said["rest"]
    if scheme not in _PORTS:
        raise ValueError(f"{scheme}: is none of {', '.join(f'{known}:' for known in _PORTS)}")
    if rest.startswith("//"):
        raise ValueError(f"no // after {scheme}:")
    place, _, query = rest.partition("?")
    if "@" in place:
        raise ValueError("no user in the URL: write username and credential beside it")
    if not (at := _PLACE.fullmatch(place)):
        raise ValueError("no host" if not place or place[0] == ":" else _unplaced(place))
    host, port = at["host"], int(at["port"]) if at["port"] else _PORTS[scheme]
    if host.startswith("["):
        host = str(IPv6Address(host[1:-1]))
    if not 0 < port < 1 << 16:
        raise ValueError(f"no port {port}")
    return scheme, host, port, _transport(scheme, query, asked="?" in rest)


def _unplaced(place: str) -> str:
    if place.count(":") > 1 and "[" not in place:
        return "an IPv6 address stands in brackets: [2001:db8::1]"
    return "a path or another letter that no host and port have"


def _transport(scheme: str, query: str, *, asked: bool) -> Transport:
    secure = scheme == "turns"
    if not asked:
        return "tls" if secure else "udp"
    if scheme.startswith("stun"):
        raise ValueError(f"nothing may follow ? in {scheme}: URLs")
    name, _, transport = query.partition("=")
    if name != "transport" or transport.lower() not in ("udp", "tcp"):
        raise ValueError("after ? only transport=udp or transport=tcp")
    if secure and transport.lower() == "udp":
        raise ValueError("TURN over DTLS, which no browser speaks: write transport=tcp")
    if secure:
        return "tls"
    return "tcp" if transport.lower() == "tcp" else "udp"


def _shown(value: Any) -> str:
    """A value of a file in a sentence, short."""
    if isinstance(value, (list, dict)):
        return "a list" if isinstance(value, list) else "an object"
    text = json.dumps(value)
    return text if len(text) <= 40 else f"{text[:39]}…"
