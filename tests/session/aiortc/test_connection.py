from __future__ import annotations

import pytest
from aiortc import RTCConfiguration, RTCIceServer
from aiortc.exceptions import InvalidStateError

from landfast import session
from landfast.session import RTCPeerConnection
from tests.session.aiortc.calls import call, ice, negotiate, ours

pytestmark = pytest.mark.anyio

NEW = RTCConfiguration(iceServers=[RTCIceServer("stun:127.0.0.1:9")])


async def test_new_servers_are_asked_by_the_next_restart() -> None:
    async with call() as made:
        one = made.one
        assert isinstance(one, RTCPeerConnection)
        one.setConfiguration(NEW)
        assert one.getConfiguration() is NEW
        assert [each.url for each in one._servers] == ["stun:127.0.0.1:9"]
        before = ice(one).transport.agent.local
        await negotiate(one, made.other, iceRestart=True)
        assert ice(one).transport.agent.local != before
        await made.says("hello")


async def test_what_is_closed_cannot_be_configured() -> None:
    one = ours()
    await one.close()
    with pytest.raises(InvalidStateError):
        one.setConfiguration(NEW)


def test_all_that_an_application_needs_has_one_door() -> None:
    for name in session.__all__:
        assert getattr(session, name)
    with pytest.raises(AttributeError, match="bogus"):
        session.bogus  # noqa: B018
