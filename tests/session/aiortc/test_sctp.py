from __future__ import annotations

import asyncio
from typing import Any

import aiortc.rtcsctptransport
import pytest
from aiortc.rtcsctptransport import Chunk, InitAckChunk, InitChunk

from landfast.session.aiortc.sctp import RTCSctpTransport
from landfast.session.transport import Transport
from tests.session.aiortc.calls import Call, call, ice, ours, until

pytestmark = pytest.mark.anyio


class Outage:
    """The way of one side, shut and opened; the other side's stays open."""

    def __init__(self, made: Call, patch: pytest.MonkeyPatch) -> None:
        self.ice = ice(made.one)
        self.shut = False
        self.sent = 0
        whole, send = Transport.may_send, self.ice.transport.send
        assert isinstance(whole, property)
        assert whole.fget
        asked = whole.fget

        def may_send(transport: Transport) -> bool:
            return not self.shut and bool(asked(transport))

        def count(data: bytes) -> bool:
            self.sent += 1
            return False if self.shut else send(data)

        patch.setattr(Transport, "may_send", property(may_send))
        patch.setattr(self.ice.transport, "send", count)

    def open(self, event: str = "statechange") -> None:
        self.shut = False
        self.ice.emit(event)


def sctp_of(made: Call) -> RTCSctpTransport:
    sctp = made.one.sctp
    assert isinstance(sctp, RTCSctpTransport)
    return sctp


def tick(sctp: RTCSctpTransport) -> None:
    """A second of the retransmission timer."""
    assert sctp._t3_handle
    sctp._t3_handle.cancel()
    sctp._t3_expired()


async def test_into_an_outage_nothing_is_said_and_after_it_everything_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    async with call() as made:
        outage, sctp = Outage(made, monkeypatch), sctp_of(made)
        made.channel.send("message 0")
        outage.shut = True
        before = outage.sent
        for number in range(1, 50):
            made.channel.send(f"message {number}")
        await asyncio.sleep(0)
        for _ in range(30):
            tick(sctp)
            await asyncio.sleep(0)
        assert outage.sent == before
        timer = sctp._t3_handle
        outage.open()
        await asyncio.sleep(0)
        assert timer
        assert timer.cancelled()
        assert outage.sent == before  # in this turn of the loop what has come is heard, and answered
        async with asyncio.timeout(10):
            assert [await made.echoes.get() for _ in range(50)] == [f"echo message {number}" for number in range(50)]


async def test_what_may_be_lost_is_lost_in_an_outage_and_the_first_after_it_comes_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with call() as made:
        lossy = made.one.createDataChannel("lossy", ordered=False, maxRetransmits=0)
        heard: asyncio.Queue[str] = asyncio.Queue()
        lossy.on("message", heard.put_nowait)
        await until(lossy, "open", lambda: lossy.readyState == "open")
        outage, sctp = Outage(made, monkeypatch), sctp_of(made)
        outage.shut = True
        for _ in range(5):
            for _ in range(50):
                lossy.send("old")
            await asyncio.sleep(0)
            tick(sctp)
        made.channel.send("kept")
        assert lossy.bufferedAmount == 0
        lossy.send("new")
        outage.open()
        async with asyncio.timeout(10):
            assert await made.echoes.get() == "echo kept"
            while await heard.get() != "echo new":
                assert heard.qsize() <= 1  # the one that SCTP had already taken


async def test_what_must_arrive_waits_after_a_second_without_an_answer_and_then_comes_in_portions(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with call() as made:
        outage, sctp = Outage(made, monkeypatch), sctp_of(made)
        lossy = made.one.createDataChannel("lossy", ordered=False, maxRetransmits=0)
        await until(lossy, "open", lambda: lossy.readyState == "open")
        outage.shut = True
        monkeypatch.setattr(RTCSctpTransport, "_passable", True)  # it is not known yet
        for second in range(5):
            for number in range(20):
                made.channel.send(f"message {20 * second + number}")
                lossy.send("lost")
                await asyncio.sleep(0)
            tick(sctp)
            await asyncio.sleep(0)
        assert sum(not chunk._abandoned for chunk in sctp._sent_queue) == 20  # those of the first second
        assert len(sctp._held) == 80
        under_way = []
        flush = sctp._data_channel_flush

        async def counting() -> None:
            await flush()
            under_way.append(sum(not (chunk._acked or chunk._abandoned) for chunk in sctp._sent_queue))

        monkeypatch.setattr(sctp, "_data_channel_flush", counting)
        outage.open("resumed")
        async with asyncio.timeout(10):
            assert [await made.echoes.get() for _ in range(100)] == [f"echo message {number}" for number in range(100)]
        assert under_way[0] <= 20
        assert max(under_way) < 80
        assert not sctp._held


async def unanswered(made: Call, monkeypatch: pytest.MonkeyPatch, messages: int) -> tuple[Outage, RTCSctpTransport]:
    """So many messages into an outage that is not known yet: after a second the rest of them waits."""
    outage, sctp = Outage(made, monkeypatch), sctp_of(made)
    outage.shut = True
    monkeypatch.setattr(RTCSctpTransport, "_passable", True)
    made.channel.send("message 0")
    await asyncio.sleep(0)
    tick(sctp)
    for number in range(1, messages):
        made.channel.send(f"message {number}")
    await asyncio.sleep(0)
    assert sctp._held
    return outage, sctp


async def test_a_portion_that_is_held_again_stays_before_what_is_younger(monkeypatch: pytest.MonkeyPatch) -> None:
    async with call() as made:
        outage, sctp = await unanswered(made, monkeypatch, 100)
        sctp._doubtful = False  # something is acknowledged, but there is no room on the way yet
        for number in range(100, 103):
            sctp._hold()
            made.channel.send(f"message {number}")
        assert 0 < len(sctp._data_channel_queue) < 30
        outage.open("resumed")
        async with asyncio.timeout(10):
            assert [await made.echoes.get() for _ in range(103)] == [f"echo message {number}" for number in range(103)]


async def test_what_has_waited_goes_in_smaller_portions_where_it_makes_a_queue() -> None:
    async with call() as made:
        sctp = sctp_of(made)

        def acknowledged(*after: float) -> int:
            for seconds in after:
                sctp._update_rto(seconds)
            return sctp._portion

        sctp._path_changed()
        first = acknowledged()
        assert acknowledged(*[0.04] * 20) == first + 40
        assert acknowledged(0.06) == first + 42  # no later than the machine may be
        assert acknowledged(0.1) == (first + 42) // 2
        least = acknowledged(*[0.2] * 20)
        assert 0 < least == acknowledged(0.09) <= first
        sctp._path_changed()  # to one that is longer
        assert acknowledged(*[0.09] * 5) == least + 10


async def test_a_channel_that_is_closed_in_an_outage_says_first_what_it_has_to_say(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with call() as made:
        outage, sctp = await unanswered(made, monkeypatch, 50)
        made.channel.close()
        await asyncio.sleep(0)
        assert not sctp._reconfig_request
        heard: list[str] = []
        assert made.other.sctp
        (there,) = made.other.sctp._data_channels.values()
        there.on("message", heard.append)
        outage.open("resumed")
        await until(made.channel, "close", lambda: made.channel.readyState == "closed")
        assert heard == [f"message {number}" for number in range(50)]


async def test_what_is_lost_is_skipped_once_in_a_round_trip_and_again_when_nobody_answers() -> None:
    async with call() as made:
        sctp = sctp_of(made)
        sctp._srtt = 3600.0
        skips = []
        for _ in range(3):
            sctp._advanced_peer_ack_tsn = (sctp._last_sacked_tsn + 7) % (1 << 32)
            sctp._update_advanced_peer_ack_point()
            skips.append(sctp._forward_tsn_chunk is not None)
        assert skips == [True, False, False]
        assert sctp._t3_handle
        assert sctp._skipped
        sctp._skipped = sctp._skipped[0], sctp._skipped[1] - 0.1  # however long the measured round trip
        sctp._update_advanced_peer_ack_point()
        skips.append(sctp._forward_tsn_chunk is not None)
        assert skips == [True, False, False, True]
        sctp._srtt = 1e-9
        tick(sctp)
        assert sctp._forward_tsn_chunk


async def test_after_an_outage_that_was_not_noticed_everything_is_said_at_once_and_without_caution(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with call() as made:
        outage, sctp = Outage(made, monkeypatch), sctp_of(made)
        sctp._rto = 3600.0
        outage.shut = True
        monkeypatch.setattr(RTCSctpTransport, "_passable", True)
        for number in range(50):
            made.channel.send(f"message {number}")
        await asyncio.sleep(0)
        assert sctp._t3_handle
        timer, window = sctp._t3_handle, sctp._cwnd
        outage.open("resumed")
        await asyncio.sleep(0)
        assert timer.cancelled()
        assert sctp._cwnd == window
        async with asyncio.timeout(10):
            assert [await made.echoes.get() for _ in range(50)] == [f"echo message {number}" for number in range(50)]


async def test_an_association_that_begins_in_an_outage_begins_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    async with call() as made:
        outage, sctp = Outage(made, monkeypatch), sctp_of(made)
        outage.shut = True
        chunk: Any = object()
        sctp._t1_start(chunk)
        for _ in range(30):  # aiortc gives up after 8
            assert sctp._t1_handle
            sctp._t1_handle.cancel()
            sctp._t1_expired()
        assert (sctp._t1_failures, sctp.state) == (0, "connected")
        sctp._t1_cancel()


async def test_both_sides_whose_inits_met_try_again_where_the_answers_were_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lost, send = set[int](), aiortc.rtcsctptransport.RTCSctpTransport._send_chunk

    async def lose(sctp: RTCSctpTransport, chunk: Chunk) -> None:
        if isinstance(chunk, InitAckChunk) and id(sctp) not in lost:
            lost.add(id(sctp))
        else:
            await send(sctp, chunk)

    monkeypatch.setattr(aiortc.rtcsctptransport.RTCSctpTransport, "_send_chunk", lose)
    async with call() as made:
        await made.says("hello")
    assert len(lost) == 2


async def test_an_init_that_comes_late_does_not_make_it_forget_what_has_come() -> None:
    async with call() as made:
        sctp, late = sctp_of(made), InitChunk()
        await made.says("hello")
        late.initiate_tag, late.initial_tsn = sctp._remote_verification_tag, 1
        came = sctp._last_received_tsn
        await sctp._receive_chunk(late)
        assert sctp._last_received_tsn == came
        await made.says("and again")


async def test_until_it_has_measured_a_round_trip_it_waits_for_three_of_ices_and_then_ever_longer() -> None:
    async with call() as made:
        sctp = sctp_of(made)
        selected = ice(made.one).transport.agent.selected
        assert selected
        selected.counters.round_trip = 0.2
        sctp._srtt, again, waits = None, InitChunk(), []
        again.initiate_tag = sctp._local_verification_tag
        sctp._t1_cancel()
        sctp._t1_start(again)
        while sctp.state == "connected":
            assert sctp._t1_handle
            waits.append(sctp._rto)
            sctp._t1_handle.cancel()
            sctp._t1_expired()
            await asyncio.sleep(0)
        assert waits == pytest.approx([0.6, 0.9, 1.35, 2.025, *[3] * 9])  # and aiortc has waited for eight
        sctp._srtt = sctp._rto = 1.0
        sctp._t3_expired()
        assert sctp._rto == 1


async def test_a_channel_that_is_closed_in_an_outage_does_not_end_the_association(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with call() as made:
        outage, sctp = Outage(made, monkeypatch), sctp_of(made)
        outage.shut = True
        made.channel.close()
        await asyncio.sleep(0)
        for _ in range(30):  # aiortc gives up after 10
            assert sctp._reconfig_handle
            sctp._reconfig_handle.cancel()
            sctp._reconfig_timer_expired()
        assert (sctp._reconfig_failures, sctp.state) == (0, "connected")


async def test_its_timers_run_as_ever_while_the_way_is_open() -> None:
    async with call() as made:
        sctp = sctp_of(made)
        made.channel.send("x")
        await asyncio.sleep(0)
        assert sctp._passable
        sctp._t3_expired()
        async with asyncio.timeout(10):
            assert await made.echoes.get() == "echo x"


async def test_a_bundled_association_listens_to_the_transport_that_it_was_given() -> None:
    async with call(ours(), ours()) as made:
        sctp = sctp_of(made)
        sctp.setTransport(sctp.transport)
        assert sctp._passable
