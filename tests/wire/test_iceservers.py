from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landfast.errors import BadFile
from landfast.model.iceservers import StunServer, TurnServer
from landfast.wire import iceservers
from landfast.wire.iceservers import IceServers, parse

NOW = 1_780_000_000.0
TURN = {"username": "robot", "credential": "secret"}


def read(said: Any) -> IceServers:
    return parse(json.dumps(said).encode(), "ice.json", NOW)


def mistakes(*entries: Any) -> list[tuple[int, str, str]]:
    return [(each.entry, each.url, each.mistake) for each in read(list(entries)).mistakes]


def test_a_configuration_is_read_in_its_order() -> None:
    said = read(
        {
            "iceServers": [
                {"urls": "stun:stun.example.org"},
                {"urls": ["turn:turn.example.org?transport=udp", "turns:[2001:db8::1]:443?transport=tcp"], **TURN},
            ],
            "iceTransportPolicy": "all",
        }
    )
    assert said.urls == (
        "stun:stun.example.org",
        "turn:turn.example.org?transport=udp",
        "turns:[2001:db8::1]:443?transport=tcp",
    )
    assert said.servers == (
        StunServer("stun.example.org", 3478),
        TurnServer("turn.example.org", 3478, "udp", "robot", "secret"),
        TurnServer("2001:db8::1", 443, "tls", "robot", "secret"),
    )
    assert said.mistakes == ()


def test_the_bare_list_is_the_same() -> None:
    entries = [{"urls": "stun:192.0.2.1:3479"}]
    assert read(entries) == read({"iceServers": entries})
    assert read([]) == IceServers((), (), ())


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("stun:h", StunServer("h", 3478)),
        ("STUN:h:1", StunServer("h", 1)),
        ("turn:h", TurnServer("h", 3478, "udp", "robot", "secret")),
        ("turn:h:65535?transport=tcp", TurnServer("h", 65535, "tcp", "robot", "secret")),
        ("turn:h?transport=TCP", TurnServer("h", 3478, "tcp", "robot", "secret")),
        ("turns:h", TurnServer("h", 5349, "tls", "robot", "secret")),
        ("turns:192.0.2.1:443", TurnServer("192.0.2.1", 443, "tls", "robot", "secret")),
        ("turn:[2001:DB8::0:1]", TurnServer("2001:db8::1", 3478, "udp", "robot", "secret")),
        ("turn:[::ffff:192.0.2.1]:5", TurnServer("::ffff:c000:201", 5, "udp", "robot", "secret")),
    ],
)
def test_urls_are_those_of_rfc_7064_and_7065(url: str, server: StunServer | TurnServer) -> None:
    said = read([{"urls": url, **TURN}])
    assert (said.servers, said.mistakes) == ((server,), ())


def test_stun_over_tls_is_right_but_nothing_here_asks_it() -> None:
    assert read([{"urls": "stuns:h"}]) == IceServers(("stuns:h",), (), ())


@pytest.mark.parametrize(
    ("url", "detail"),
    [
        ("", "not a URL"),
        ("turn.example.org", "not a URL"),
        ("turn.example.org:3478", "turn.example.org: is none of stun:, stuns:, turn:, turns:"),
        ("https://h", "https: is none of"),
        ("turn://h", "no // after turn:"),
        ("turn:", "no host"),
        ("stun::3478", "no host"),
        ("turn:h:", "a path or another letter"),
        ("turn:h:0", "no port 0"),
        ("turn:h:65536", "no port 65536"),
        ("turn:h:" + "9" * 5000, "limit"),
        ("turn:user@h", "no user in the URL"),
        ("turn:2001:db8::1:3478", "in brackets"),
        ("turn:[2001:db8::1", "a path or another letter"),
        ("turn:[1.2.3]", "At least 3 parts"),
        ("turn:h/path", "a path or another letter"),
        ("turn:h h", "spaces"),
        ("turn:röbot", "letters that a URL has not"),
        ("stun:h?transport=udp", "nothing may follow ?"),
        ("turn:h?", "only transport="),
        ("turn:h?transport=tls", "only transport="),
        ("turn:h?proto=udp", "only transport="),
        ("turns:h?transport=udp", "DTLS"),
    ],
)
def test_what_is_wrong_with_a_url_is_said(url: str, detail: str) -> None:
    said = read([{"urls": "stun:first"}, {"urls": [url], **TURN}])
    (mistake,) = said.mistakes
    assert (mistake.entry, mistake.url, mistake.mistake) == (1, url, "bad-url")
    assert detail in mistake.detail
    assert said.servers == (StunServer("first"),)


@pytest.mark.parametrize(
    "credential",
    [
        {},
        {"username": "robot"},
        {"credential": "secret"},
        {"username": "", "credential": "secret"},
        {"username": "robot", "credential": None},
        {"username": 1, "credential": "secret"},
        {"username": "robot", "credential": {"accessToken": "x"}},
        {"username": "r" * 509, "credential": "secret"},
        {"username": "\ud800", "credential": "secret"},
    ],
)
def test_turn_without_a_usable_credential_is_a_mistake_and_stun_needs_none(credential: dict[str, Any]) -> None:
    said = read([{"urls": ["stun:h", "turn:h", "turns:h"], **credential}])
    assert [(each.url, each.mistake) for each in said.mistakes] == [
        ("turn:h", "no-credential"),
        ("turns:h", "no-credential"),
    ]
    assert said.servers == (StunServer("h"),)


@pytest.mark.parametrize("username", ["1779999999:robot", "1780000000", "1779999999:"])
def test_a_time_limited_username_tells_that_it_has_expired(username: str) -> None:
    said = read([{"urls": "turn:h", "username": username, "credential": "x"}])
    (mistake,) = said.mistakes
    assert (mistake.entry, mistake.url, mistake.mistake) == (0, "turn:h", "expired-credential")
    assert "2026-05-28" in mistake.detail
    assert len(said.servers) == 1  # the server has the last word


@pytest.mark.parametrize("username", ["1780000001:robot", "robot:1779999999", "177999999:robot", "robot"])
def test_other_usernames_do_not_expire(username: str) -> None:
    assert mistakes({"urls": "turn:h", "username": username, "credential": "x"}) == []


def test_how_long_ago_it_expired_is_said() -> None:
    said = read([{"urls": "turn:h", "username": "1779996400:robot", "credential": "x"}])
    assert said.mistakes[0].detail == "expired 3600 s ago, at 2026-05-28 19:26:40 UTC"


def test_keys_that_nobody_reads_are_named_with_what_is_meant() -> None:
    said = read([{"url": "stun:h", "urls": "stun:h", "password": "x", "credentialType": "password", "note": 1}])
    assert sorted((each.mistake, each.detail) for each in said.mistakes) == [
        ("unknown-key", '"note" is ignored'),
        ("unknown-key", '"password" is ignored, write credential'),
        ("unknown-key", '"url" is ignored, write urls'),
    ]


def test_entries_that_are_none_are_named_and_the_others_read() -> None:
    entries: list[Any] = ["stun:h", None, {}, {"urls": []}, {"urls": 7}, {"urls": ["stun:h", 7]}]
    assert mistakes(*entries) == [
        (0, "", "not-an-object"),
        (1, "", "not-an-object"),
        (2, "", "bad-url"),
        (3, "", "bad-url"),
        (4, "", "bad-url"),
        (5, "", "bad-url"),
    ]
    assert read(entries).servers == (StunServer("h"),)


@pytest.mark.parametrize(
    ("data", "line", "problem"),
    [
        (b"", 1, "not JSON"),
        (b'[\n  {"urls": "stun:h"},\n]', 3, "not JSON"),
        (b"{iceServers: []}", 1, "not JSON"),
        (b'[{"urls":\n"stun:\xff"}]', 2, "not UTF-8"),
        (b"[" * 100_000, None, "not JSON"),
        (b"[" + b"9" * 5000 + b"]", None, "not JSON"),
        (b" " * (iceservers.MAX_FILE + 1), None, "bytes"),
        (b"7", None, "neither an object nor a list"),
        (b'"stun:h"', None, "neither an object nor a list"),
        (b"{}", None, "no iceServers"),
        (b'{"iceservers": []}', None, "no iceServers"),
        (b'{"iceServers": {"urls": "stun:h"}}', None, "not a list"),
        (b'{"urls": "stun:h"}', None, "one server"),
    ],
)
def test_a_file_without_a_list_is_refused_with_its_place(data: bytes, line: int | None, problem: str) -> None:
    with pytest.raises(BadFile) as refused:
        parse(data, "ice.json", NOW)
    assert (refused.value.path, refused.value.line) == ("ice.json", line)
    assert problem in refused.value.problem


def test_a_byte_order_mark_is_no_mistake() -> None:
    assert parse(b"\xef\xbb\xbf[]", "ice.json", NOW) == IceServers((), (), ())


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
URLS = st.builds(
    lambda scheme, rest: f"{scheme}:{rest}",
    st.sampled_from(["stun", "stuns", "turn", "turns", "TURN", "http"]),
    st.text("[]:/?@=.%019abtransportudpc ", max_size=24) | st.text(max_size=8),
)
ENTRIES = JSON | st.fixed_dictionaries(
    {"urls": URLS | st.lists(URLS | JSON, max_size=3) | JSON},
    optional={"username": st.text(max_size=8) | JSON, "credential": st.text(max_size=8) | JSON, "x": JSON},
)


@given(st.lists(ENTRIES, max_size=4))
def test_any_list_is_read_and_every_url_is_a_server_or_a_mistake(entries: list[Any]) -> None:
    said = read(entries)
    wrong = [
        each.url
        for each in said.mistakes
        if each.mistake in ("bad-url", "no-credential") and not each.detail.endswith(("no urls", "is no text"))
    ]
    unasked = [url for url in said.urls if url.lower().startswith("stuns:") and url not in wrong]
    assert len(said.urls) == len(said.servers) + len(wrong) + len(unasked)
    for server in said.servers:
        again = read([{"urls": server.url, **TURN}])
        assert [(each.host, each.port) for each in again.servers] == [(server.host, server.port)]
    assert all(0 <= each.entry < len(entries) for each in said.mistakes)


@given(st.binary(max_size=200))
def test_any_file_is_read_or_refused(data: bytes) -> None:
    with suppress(BadFile):
        parse(data, "ice.json", NOW)
