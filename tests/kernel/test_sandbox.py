from __future__ import annotations

import asyncio
import socket
import types
import warnings
from collections.abc import Coroutine, Generator
from typing import Any

import pytest

from landfast.kernel.sandbox import Sandbox
from tests.kernel.stories.telling import Teller
from tests.kernel.stories.told import OF_SANDBOXES

pytestmark = [pytest.mark.needs("namespaces", "veth"), pytest.mark.anyio]


@pytest.mark.parametrize("story", OF_SANDBOXES)
async def test_a_sandbox(story: str, teller: Teller) -> None:
    await teller(story)


@types.coroutine
def cancelled_with_the_answer(doing: Coroutine[Any, None, object]) -> Generator[Any, None, None]:
    """Do this; once what it waits for is there, cancel it before it has its turn."""
    yield doing.send(None)
    doing.throw(asyncio.CancelledError())


async def test_a_socket_that_nobody_waits_for_any_more_is_closed() -> None:
    async with Sandbox() as sandbox:
        robot = await sandbox.host("robot")
        with warnings.catch_warnings(record=True) as unclosed:
            warnings.simplefilter("always", ResourceWarning)
            with pytest.raises(asyncio.CancelledError):
                await cancelled_with_the_answer(robot.socket(socket.AF_INET, socket.SOCK_DGRAM))
    assert [str(each.message) for each in unclosed] == []
