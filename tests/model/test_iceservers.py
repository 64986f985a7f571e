from __future__ import annotations

import pytest

from landfast.model.iceservers import StunServer, TurnServer


@pytest.mark.parametrize(
    ("server", "url"),
    [
        (StunServer("stun.example.org"), "stun:stun.example.org:3478"),
        (StunServer("2001:db8::1", 3479), "stun:[2001:db8::1]:3479"),
        (TurnServer("h", 3478, "udp", "u", "p"), "turn:h:3478?transport=udp"),
        (TurnServer("h", 443, "tcp", "u", "p"), "turn:h:443?transport=tcp"),
        (TurnServer("2001:db8::1", 443, "tls", "u", "p"), "turns:[2001:db8::1]:443?transport=tcp"),
    ],
)
def test_urls_are_written_as_the_rfcs_say_and_without_the_credential(server: StunServer | TurnServer, url: str) -> None:
    assert server.url == url
