from __future__ import annotations

from ipaddress import ip_address

import pytest

from landfast.errors import CapabilityMissing
from landfast.kernel.netevents import FakeNetEvents, NetEvents
from landfast.model.address import InterfaceAddress
from landfast.model.routing import Surroundings
from landfast.session import surroundings
from landfast.session.surroundings import Watch

pytestmark = pytest.mark.anyio

BEFORE = Surroundings((InterfaceAddress("wlan0", ip_address("10.0.0.2"), 24),))


class Watched(Watch):
    """On a world that can be told to change."""

    def __init__(self) -> None:
        super().__init__()
        self.opened: list[FakeNetEvents] = []

    async def _open(self) -> FakeNetEvents:
        self.opened.append(FakeNetEvents(BEFORE, self._tell))
        return self.opened[-1]


async def test_all_who_look_share_one_door_and_the_last_closes_it() -> None:
    watch, told = Watched(), list[str]()
    first, second = (lambda: told.append("first")), (lambda: told.append("second"))
    await watch.join(first)
    await watch.join(second)
    (door,) = watch.opened
    assert watch.look() == BEFORE
    door.become(Surroundings())
    assert (told, watch.look()) == (["first", "second"], Surroundings())
    watch.leave(first)
    watch.leave(first)
    assert not door.closed
    watch.leave(second)
    assert door.closed
    assert watch.look() == Surroundings()


async def test_this_host_is_seen() -> None:
    watch = Watch()
    await watch.join(print)
    assert "127.0.0.1" in [str(each.address) for each in watch.look().addresses]
    watch.leave(print)


async def test_a_loop_has_one_watch() -> None:
    assert surroundings.watch() is surroundings.watch()


async def test_without_netlink_it_asks_for_its_addresses_and_says_that_it_is_blind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def refused(*_: object) -> NetEvents:
        raise CapabilityMissing("network events", "rtnetlink")

    monkeypatch.setattr(NetEvents, "open", refused)
    monkeypatch.setattr(surroundings, "ELSEWHERE", {4: ip_address("127.0.0.9")})
    watch = Watch()
    await watch.join(print)
    assert [str(each.address) for each in watch.look().addresses] == ["127.0.0.1"]
    assert watch.blind
    watch.leave(print)
