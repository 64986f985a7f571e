"""A server's words, read by the codec of the clients."""

from __future__ import annotations

import pytest

from landfast.lab.sim import answers
from landfast.wire.stun import Kind
from landfast.wire.turn.messages import Credential, Method, parse

TRANSACTION = bytes(range(12))
KEY = Credential("robot", "secret").key("example.org")


@pytest.mark.parametrize("endpoint", [("203.0.113.5", 50000), ("2001:db8::5", 443)])
def test_what_is_said_is_read(endpoint: tuple[str, int]) -> None:
    at = answers.address(endpoint, TRANSACTION)
    said = [(answers.RELAYED, at), (answers.MAPPED, at), answers.lifetime(600), (answers.TICKET, b"ticket")]
    data = answers.message(Kind.SUCCESS, Method.ALLOCATE, TRANSACTION, said)
    read = parse(answers.fingerprinted(answers.signed(data, KEY)))
    assert read
    assert (read.kind, read.method, read.transaction_id) == (Kind.SUCCESS, Method.ALLOCATE, TRANSACTION)
    assert read.relayed == read.mapped == endpoint
    assert (read.lifetime, read.ticket) == (600, b"ticket")
    assert read.signed_with(KEY)
    assert not read.signed_with(KEY[::-1])


def test_an_error_has_its_code_and_a_challenge() -> None:
    said = [answers.error(438), (answers.REALM, b"example.org"), (answers.NONCE, b"nonce")]
    read = parse(answers.fingerprinted(answers.message(Kind.ERROR, Method.REFRESH, TRANSACTION, said)))
    assert read
    assert (read.kind, read.code) == (Kind.ERROR, 438)
    assert read.challenge
    assert (read.challenge.realm, read.challenge.nonce) == ("example.org", b"nonce")


def test_an_indication_carries_data_of_any_length() -> None:
    for length in range(6):
        said = [(answers.PEER, answers.address(("192.0.2.20", 6000), TRANSACTION)), (answers.DATA, bytes(length))]
        read = parse(answers.message(Kind.INDICATION, Method.DATA, TRANSACTION, said))
        assert read
        assert (read.peer, read.data) == (("192.0.2.20", 6000), bytes(length))


def test_a_broken_fingerprint_is_noticed() -> None:
    data = answers.fingerprinted(answers.message(Kind.SUCCESS, Method.REFRESH, TRANSACTION, [answers.lifetime(1)]))
    assert parse(data)
    assert parse(data[:-1] + bytes([data[-1] ^ 1])) is None
