from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from landfast import clock
from landfast.kernel.host import Host
from landfast.lab import parse, topology
from landfast.lab.hosts import Attachments, Change
from landfast.lab.network import Event, Network, Occasion
from tests.lab.mirror import world

TWO_UPLINKS = """
title = "A robot with Wi-Fi and LTE"
observed_on = ["this test"]

[routers.wifi]
ipv6 = "on"

[routers.lte]

[hosts.robot.interfaces]
wlan0.via = "wifi"
wwan0.via = "lte"

[hosts.operator.interfaces]
eth0.via = "internet"

[hosts.bystander.interfaces]
eth0.via = "wifi"
"""


def two_uplinks(**robot: Any) -> Network:
    network = parse.parse(TWO_UPLINKS, "two-uplinks.toml")
    return network.but(hosts={**network.hosts, "robot": network.hosts["robot"].but(**robot)})


class Changes(RuleBasedStateMachine):
    """Any sequence of what may happen to a robot with two uplinks, and what the kernel would make of it."""

    def __init__(self) -> None:
        super().__init__()
        self.plan = topology.plan(two_uplinks(routing="strong"))
        self.attachments = Attachments(self.plan)
        self.up = {"wlan0": True, "wwan0": True}
        self.addresses = {a.interface: {str(a.address)} for a in self.plan.attachments if a.host == "robot"}
        self.strong = {str(a.address.ip) for a in self.plan.attachments if a.host == "robot"}
        self.used = [a.address for a in self.plan.attachments]
        self.lasting: list[Change] = []
        self.reasons: dict[str, list[Change]] = {"wlan0": [], "wwan0": []}
        """Why each is down."""

    def batch(self, lines: str) -> None:
        """What `ip -batch` would do, and refuse."""
        for line in lines.splitlines():
            match line.split():
                case ["link", "set", "dev", face, ("up" | "down") as way]:
                    self.up[face] = way == "up"
                case ["address", "add", address, "dev", face] if ":" not in address:
                    assert address not in self.addresses[face]
                    self.addresses[face].add(address)
                case ["address", "del", address, "dev", face] if ":" not in address:
                    self.addresses[face].remove(address)
                case ["rule", verb, "pref", "100", "from", address, "lookup", _]:
                    {"add": self.strong.add, "del": self.strong.remove}[verb](address)
                case ["route", "replace", *words]:
                    assert self.up[words[words.index("dev") + 1]], "the kernel takes no route over what is down"
                case ["address", ("replace" | "del"), address, "dev", face, *_]:
                    assert ":" in address
                    assert self.up[face], "the kernel forgets addresses of IPv6 on what is down"
                case words:
                    pytest.fail(f"what is {words}?")

    @rule(what=st.sampled_from([Occasion.LINK_DOWN, Occasion.ADDRESS_REPLACED, Occasion.HANDOFF]))
    def happens(self, what: Occasion) -> None:
        change = self.attachments.begin(Event(what=what, on="robot"))
        self.batch(change.lines)
        if what is Occasion.LINK_DOWN:
            self.lasting.append(change)
        if what is Occasion.HANDOFF:
            self.reasons[self.attachments.of("robot")[0].interface].clear()
        if change.down:
            self.reasons[change.down].append(change)
        if what is Occasion.ADDRESS_REPLACED:
            self.used.append(self.attachments.of("robot")[0].address)
            assert len(self.used) == len(set(self.used)), "an old address is somebody's again"

    @precondition(lambda self: self.lasting)
    @rule(data=st.data())
    def ends(self, data: st.DataObject) -> None:
        change = data.draw(st.sampled_from(self.lasting))
        self.lasting.remove(change)
        if change in self.reasons[change.down or ""]:
            self.reasons[change.down or ""].remove(change)
        self.batch(self.attachments.end("robot", change))

    @invariant()
    def what_it_knows_is_so(self) -> None:
        for each in self.attachments.of("robot"):
            assert self.addresses[each.interface] == {str(each.address)}
        assert self.strong == {str(each.address.ip) for each in self.attachments.of("robot")}

    @invariant()
    def each_is_down_as_long_as_it_has_a_reason(self) -> None:
        assert self.up == {face: not reasons for face, reasons in self.reasons.items()}


Changes.TestCase.settings = settings(max_examples=50, stateful_step_count=30, deadline=None)
test_any_sequence_of_changes = Changes.TestCase


async def addresses(host: Host, face: str) -> list[str]:
    shown = json.loads((await host.run(["ip", "-json", "address", "show", "dev", face])).checked().stdout)
    return [each["local"] for each in shown[0]["addr_info"] if each["scope"] == "global"]


@pytest.mark.lab
@pytest.mark.anyio
async def test_a_replaced_address_is_another_one_and_the_old_one_is_gone() -> None:
    async with world(two_uplinks()) as here:
        robot = here.lab.host("robot")
        seen = [await addresses(robot, "wlan0")]
        for _ in range(2):
            await here.lab.event("address-replaced")
            seen.append(await addresses(robot, "wlan0"))
        assert [len(each) for each in seen] == [2, 2, 2]  # one of each family
        assert len({address for each in seen for address in each}) == 6
        client = await here.client()
        await client.seen()


@pytest.mark.lab
@pytest.mark.anyio
@pytest.mark.parametrize("routing", ["weak", "strong"])
async def test_a_link_comes_back_with_all_that_it_had(routing: str) -> None:
    async with world(two_uplinks(routing=routing)) as here:
        robot = here.lab.host("robot")

        async def state() -> list[str]:
            shown = [["rule"], ["route", "show", "table", "all"], ["-6", "route", "show", "table", "all"], ["address"]]
            said = [(await robot.run(["ip", *words])).checked().stdout for words in shown]
            # A link-local address comes by itself, some time later; nothing here uses one.
            return sorted(line.strip() for text in said for line in text.splitlines() if "fe80::" not in line)

        before = await state()
        await here.lab.event("address-replaced")
        replaced = await state()
        assert replaced != before
        await here.lab.event("link-down", lasts=0.2)
        assert "state DOWN" in (await robot.run(["ip", "link", "show", "wlan0"])).stdout
        client = await here.client(source=(await addresses(robot, "wlan0"))[0])
        await client.seen()
        assert [line for line in await state() if "lft" not in line] == [line for line in replaced if "lft" not in line]


@pytest.mark.lab
@pytest.mark.anyio
async def test_a_handoff_moves_traffic_to_the_other_interface_and_the_next_one_back() -> None:
    async with world(two_uplinks()) as here:
        client = await here.client()
        wifi = await client.seen()
        await here.lab.event("handoff")
        lte = await client.seen()
        await here.lab.event("handoff")
        assert (await client.seen())[0] == wifi[0] != lte[0]


@pytest.mark.lab
@pytest.mark.anyio
async def test_two_reasons_to_be_down_end_at_the_later_end() -> None:
    async with world("home") as here:
        client = await here.client()
        await client.seen()
        began = clock.monotonic()
        await here.lab.event("link-down", lasts=0.1)
        await here.lab.event("link-down", lasts=0.6)
        # While it is down the robot has no way to anybody; the first end comes and goes meanwhile.
        with pytest.raises(OSError, match="unreachable"):
            client.say(b"lost")
        await client.seen()
        assert clock.monotonic() - began >= 0.6
        assert b"lost" not in here.mirror.words
