from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landfast.errors import RequestError
from landfast.session.ice.events import Transport
from landfast.session.ice.ground.servers import Server, read_servers
from landfast.wire.turn import Credential

USER = Credential("robot", "secret")


def test_urls_are_read_as_applications_write_them() -> None:
    urls = ["stun:stun.example", "turn:[2001:db8::1]:99?transport=tcp", "turn:turn.example", "turns:turn.example:443"]
    assert read_servers(urls, "robot", "secret") == [
        Server(urls[0], "stun", "stun.example", 3478),
        Server(urls[1], "turn", "2001:db8::1", 99, Transport.TCP, USER),
        Server(urls[2], "turn", "turn.example", 3478, Transport.UDP, USER),
        Server(urls[3], "turn", "turn.example", 443, Transport.TLS, USER),
    ]
    assert read_servers("stun:one.example") == [Server("stun:one.example", "stun", "one.example", 3478)]


def test_stun_over_tls_is_right_and_not_asked() -> None:
    assert read_servers("stuns:stun.example") == []


@pytest.mark.parametrize(
    ("url", "username", "credential", "sentence"),
    [
        ("http://x", "u", "c", "http: is none of stun:, stuns:, turn:, turns:"),
        ("turn:x?transport=sctp", "u", "c", "after ? only transport=udp or transport=tcp"),
        ("turn:x", None, "c", "needs a username and a credential, username is missing"),
        ("turn:x", "u", "", "needs a username and a credential, credential is missing"),
        ("turn:x", "u" * 509, "c", "a username of more than 508 bytes"),
    ],
)
def test_a_mistake_is_named_with_its_url(url: str, username: str | None, credential: str, sentence: str) -> None:
    with pytest.raises(RequestError) as problem:
        read_servers([url], username, credential)
    assert repr(url) in str(problem.value)
    assert sentence in str(problem.value)


@given(
    st.text(max_size=30) | st.sampled_from(["turn:", "stun:"]).flatmap(lambda s: st.text(max_size=20).map(s.__add__))
)
def test_any_text_is_servers_or_a_mistake(url: str) -> None:
    with suppress(RequestError):
        assert all(server.url == url and 0 < server.port < 1 << 16 for server in read_servers(url, "u", "c"))
