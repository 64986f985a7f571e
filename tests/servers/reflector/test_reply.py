from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from landfast.model.facts import Endpoint
from landfast.servers.reflector.reply import PLAIN, reply
from landfast.servers.reflector.settings import Settings
from landfast.wire import reflector, stun
from landfast.wire.stun import Kind, StunMessage

ID = bytes(range(12))
ONE, OTHER, SIX = "198.51.100.5", "198.51.100.6", "2001:db8::5"
TWO_ADDRESSES = Settings((ONE, OTHER))
ONE_ADDRESS = Settings((ONE, SIX))
HERE, ASKER = (ONE, 3478), ("192.0.2.9", 40000)


def parsed(data: bytes) -> StunMessage:
    message = stun.parse(data)
    assert message is not None
    return message


def test_a_plain_request_is_answered_with_both_the_address_seen_and_the_other_to_ask() -> None:
    said = reply(TWO_ADDRESSES, stun.binding_request(ID), HERE, ASKER)
    assert said is not None
    assert (said.by, said.to, said.after, said.transaction_id) == (HERE, ASKER, 0.0, ID)
    message = parsed(said.data)
    assert (message.xor_mapped_address, message.other_address) == (ASKER, (OTHER, 3479))


def test_with_one_address_nobody_is_told_of_another() -> None:
    said = reply(ONE_ADDRESS, stun.binding_request(ID), HERE, ASKER)
    assert said is not None
    assert parsed(said.data).other_address is None
    assert parsed(said.data).response_origin == HERE


@pytest.mark.parametrize(
    ("address", "port", "by"), [(True, False, (OTHER, 3478)), (False, True, (ONE, 3479)), (True, True, (OTHER, 3479))]
)
def test_it_answers_from_elsewhere(address: bool, port: bool, by: Endpoint) -> None:
    request = stun.binding_request(ID, change_ip=address, change_port=port, padding=8)
    said = reply(TWO_ADDRESSES, request, HERE, ASKER)
    assert said is not None
    assert (said.by, said.to) == (by, ASKER)
    assert parsed(said.data).mapped == ASKER


def test_with_one_address_it_says_that_it_has_no_other_and_still_changes_the_port() -> None:
    said = reply(ONE_ADDRESS, stun.binding_request(ID, change_ip=True), HERE, ASKER)
    assert said is not None
    assert (said.by, parsed(said.data).error_code) == (HERE, 420)
    changed = reply(ONE_ADDRESS, stun.binding_request(ID, change_port=True), HERE, ASKER)
    assert changed is not None
    assert (changed.by, parsed(changed.data).kind) == ((ONE, 3479), Kind.SUCCESS)


def test_another_port_may_be_answered_and_no_other_address() -> None:
    said = reply(TWO_ADDRESSES, stun.binding_request(ID, response_port=1234), HERE, ASKER)
    assert said is not None
    assert (said.to, said.by) == ((ASKER[0], 1234), HERE)


def test_an_answer_is_put_off_and_shows_the_address_of_either_family() -> None:
    for here, asker in ((HERE, ASKER), ((SIX, 3478), ("2001:db8::9", 9))):
        said = reply(ONE_ADDRESS, reflector.later_request(ID, 20), here, asker)
        assert said is not None
        assert (said.after, said.to, parsed(said.data).mapped) == (20.0, asker, asker)


def test_an_answer_to_padding_is_as_long_as_the_request() -> None:
    request = stun.binding_request(ID, padding=1400)
    said = reply(TWO_ADDRESSES, request, HERE, ASKER)
    assert said is not None
    assert len(said.data) == len(request)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"hello",
        bytes(20),
        stun.binding_response(parsed(stun.binding_request(ID)), ASKER),
        b"\x00\x11" + stun.binding_request(ID)[2:],  # an indication
        b"\x00\x03" + stun.binding_request(ID)[2:],  # Allocate
        stun.binding_request(ID) + b"x",
    ],
)
def test_nothing_else_is_answered(data: bytes) -> None:
    assert reply(TWO_ADDRESSES, data, HERE, ASKER) is None


def test_who_has_no_port_cannot_be_answered() -> None:
    assert reply(TWO_ADDRESSES, stun.binding_request(ID), HERE, (ASKER[0], 0)) is None


REQUESTS = st.builds(
    stun.binding_request,
    st.just(ID),
    change_ip=st.booleans(),
    change_port=st.booleans(),
    response_port=st.none() | st.integers(0, 65535),
    padding=st.integers(0, 1400),
    attributes=st.just(b"") | st.floats(0, 300).map(reflector.answer_after) | st.binary(max_size=40),
)
ASKERS = st.sampled_from([(HERE, ASKER), ((ONE, 3479), ASKER), ((OTHER, 3478), ASKER), ((SIX, 3478), ("::9", 9))])


@given(
    REQUESTS | st.binary(max_size=200),
    ASKERS,
    st.sampled_from([(ONE, OTHER, SIX), (ONE, SIX), (ONE, OTHER, SIX, "::1")]),
)
def test_nothing_is_gained_by_asking_in_somebody_elses_name(
    data: bytes, where: tuple[Endpoint, Endpoint], addresses: tuple[str, ...]
) -> None:
    (here, asker), settings = where, Settings(addresses)
    assume(here in settings.endpoints)
    said = reply(settings, data, here, asker)
    if said is None:
        return
    assert said.to[0] == asker[0]
    assert said.by in settings.endpoints
    assert len(said.data) <= PLAIN * len(data)
    if said.after or said.by != here or said.to != asker:
        assert len(said.data) <= len(data)
