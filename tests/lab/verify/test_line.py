from __future__ import annotations

import errno
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing

import pytest

from landfast.kernel.host import Host
from landfast.lab.verify.line import TOKEN, Came, Line, token
from landfast.wire import stun
from landfast.wire.stun import StunMessage

pytestmark = pytest.mark.anyio
HERE = "127.0.0.1"


@asynccontextmanager
async def line(address: str = HERE) -> AsyncIterator[Line]:
    with closing(await Line.open(Host.here(), address)) as opened:
        yield opened


async def test_a_datagram_is_found_by_its_token() -> None:
    async with line() as one, line() as other:
        mark = token()
        assert one.send(mark + b"and more", other.local)
        came = await other.wait(mark, 5)
        assert came is not None
        assert (came.source, came.length, came.message) == (one.local, TOKEN + 8, None)
        assert await other.wait(mark, 0) == came
        assert await other.wait(token(), 0) is None


async def test_stun_is_found_by_its_transaction_and_answered_by_whoever_is_asked() -> None:
    async with line() as one, line() as other:

        def answer(came: Came, message: StunMessage) -> None:
            other.send(stun.binding_response(message, came.source), came.source)

        other.asked = answer
        mark = token()
        one.send(stun.binding_request(mark), other.local)
        came = await one.wait(mark, 5)
        assert came is not None
        assert came.message is not None
        assert came.message.mapped == one.local


async def test_what_the_kernel_says_is_noted_and_nothing_raises() -> None:
    async with line() as one:
        async with line() as other:
            closed = other.local
        one.connect(closed)
        assert one.send(token())
        assert one.send(token())  # the first one's error does not keep the second from being sent
        one.read()
        assert set(one.errors) == {errno.ECONNREFUSED}
        assert not one.send(bytes(70000))
        assert one.errors[-1] == errno.EMSGSIZE
        one.close()
        one.close()


async def test_an_address_that_is_not_there_raises() -> None:
    with pytest.raises(OSError, match="assign"):
        await Line.open(Host.here(), "192.0.2.1")
