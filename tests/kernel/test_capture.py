from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from landfast import clock
from landfast.errors import CapabilityMissing, UnknownName
from landfast.kernel.capture import (
    ETHERNET,
    RAW_IP,
    SNAP,
    TCP,
    UDP,
    Capture,
    Frame,
    Packet,
    Replay,
    Source,
    parse,
)
from landfast.kernel.host import Host, LocalHost
from landfast.kernel.sandbox import Sandbox

PORTS = st.integers(0, 65535)
PAYLOADS = st.binary(max_size=200)


def udp(sport: int, dport: int, payload: bytes) -> bytes:
    return struct.pack("!HHHH", sport, dport, 8 + len(payload), 0) + payload


def ipv4(source: str, destination: str, protocol: int, body: bytes, *, options: bytes = b"", offset: int = 0) -> bytes:
    header = 20 + len(options)
    first = struct.pack("!BBHHHBBH", 0x40 | header // 4, 0, header + len(body), 1, offset, 64, protocol, 0)
    return first + ip_address(source).packed + ip_address(destination).packed + options + body


def ipv6(source: str, destination: str, protocol: int, body: bytes) -> bytes:
    header = struct.pack("!IHBB", 6 << 28, len(body), protocol, 64)
    return header + ip_address(source).packed + ip_address(destination).packed + body


def ethernet(packet: bytes, *, tag: bytes = b"") -> bytes:
    kind = b"\x08\x00" if packet[0] >> 4 == 4 else b"\x86\xdd"
    return bytes(12) + tag + kind + packet


def frame(data: bytes, link: int = ETHERNET, at: float = 0.0, *, outgoing: bool = True) -> Frame:
    return Frame(at, outgoing, link, len(data), data)


def seen(data: bytes, link: int = ETHERNET) -> Packet:
    packet = parse(frame(data, link))
    assert packet is not None
    return packet


@given(PORTS, PORTS, PAYLOADS)
def test_udp_over_ipv4_is_read_with_and_without_ethernet(sport: int, dport: int, payload: bytes) -> None:
    packet = ipv4("10.42.0.1", "198.51.100.5", UDP, udp(sport, dport, payload))
    source, destination = IPv4Address("10.42.0.1"), IPv4Address("198.51.100.5")
    expected = Packet(0.0, True, source, destination, sport, dport, UDP, len(packet), payload)
    assert expected == seen(ethernet(packet)) == seen(packet, RAW_IP)


@given(PORTS, PORTS, PAYLOADS)
def test_udp_over_ipv6_is_read_behind_extension_headers(sport: int, dport: int, payload: bytes) -> None:
    hop_by_hop = bytes([60, 0]) + bytes(6)
    destination_options = bytes([44, 1]) + bytes(14)
    first_fragment = bytes([UDP, 0, 0, 1]) + bytes(4)
    body = hop_by_hop + destination_options + first_fragment + udp(sport, dport, payload)
    packet = seen(ethernet(ipv6("fd00::1", "2001:db8::5", 0, body)))
    assert packet.source == IPv6Address("fd00::1")
    assert (packet.sport, packet.dport, packet.protocol, packet.payload) == (sport, dport, UDP, payload)


def test_padding_that_ethernet_adds_to_short_packets_is_no_payload() -> None:
    assert seen(ethernet(ipv4("10.0.0.1", "10.0.0.2", UDP, udp(1, 2, b"hi"))) + bytes(12)).payload == b"hi"


def test_vlan_tags_and_ip_options_are_stepped_over() -> None:
    packet = ipv4("10.0.0.1", "10.0.0.2", UDP, udp(1, 2, b"hi"), options=bytes(8))
    assert seen(ethernet(packet, tag=b"\x88\xa8\x00\x05\x81\x00\x00\x06")).payload == b"hi"


def test_tcp_has_ports_and_icmp_has_none() -> None:
    assert seen(ethernet(ipv4("10.0.0.1", "10.0.0.2", TCP, struct.pack("!HH", 22, 40000) + bytes(16)))).sport == 22
    icmp = seen(ethernet(ipv4("10.0.0.1", "10.0.0.2", 1, b"\x08\x00" + bytes(6))))
    assert (icmp.sport, icmp.dport, icmp.protocol) == (None, None, 1)


def test_later_fragments_have_no_ports() -> None:
    assert seen(ethernet(ipv4("10.0.0.1", "10.0.0.2", UDP, udp(1, 2, b"hi"), offset=185))).sport is None
    fragment = bytes([UDP, 0]) + struct.pack("!H", 1448) + bytes(4)
    assert seen(ethernet(ipv6("fd00::1", "fd00::2", 44, fragment + udp(1, 2, b"hi")))).sport is None


@given(st.binary(max_size=200), st.sampled_from([ETHERNET, RAW_IP]))
@example(b"", ETHERNET)
@example(b"", RAW_IP)
@example(ethernet(ipv6("fd00::1", "fd00::2", 0, bytes(64))), ETHERNET)
def test_no_bytes_can_raise(data: bytes, link: int) -> None:
    packet = parse(frame(data, link))
    assert packet is None or len(packet.payload) <= len(data)


@given(st.integers(0, 70))
def test_a_cut_frame_is_read_as_far_as_it_goes(kept: int) -> None:
    whole = ethernet(ipv4("10.0.0.1", "10.0.0.2", UDP, udp(1, 2, bytes(28))))
    packet = parse(frame(whole[:kept]))
    if kept < 14 + 20:
        assert packet is None
    else:
        assert packet is not None
        assert packet.length == 56
        assert packet.sport == (1 if kept >= 14 + 20 + 4 else None)


# The door and its fake: the same claims of both.

Send = Callable[[bytes], Awaitable[None]]


@asynccontextmanager
async def captured() -> AsyncIterator[tuple[Source, Send]]:
    async with Sandbox() as sandbox:
        robot, other = await sandbox.host("robot"), await sandbox.host("other")
        link = f"link add wlan0 type veth peer name eth0 netns {other.network}\nlink set wlan0 up\n"
        await ip(
            robot, f"{link}address add 10.0.0.1/24 dev wlan0\nneigh add 10.0.0.2 lladdr 02:00:00:00:00:02 dev wlan0\n"
        )
        await ip(other, "link set eth0 up\n")
        capture = await Capture.open(robot, "wlan0")
        with await robot.udp("10.0.0.1", 5000) as sending:

            async def send(payload: bytes) -> None:
                sending.sendto(payload, ("10.0.0.2", 6000))

            yield capture, send
        capture.close()


@asynccontextmanager
async def replayed() -> AsyncIterator[tuple[Source, Send]]:
    replay = Replay()

    async def send(payload: bytes) -> None:
        data = ethernet(ipv4("10.0.0.1", "10.0.0.2", UDP, udp(5000, 6000, payload)))
        replay.feed(Frame(0.0, True, ETHERNET, len(data), data[:SNAP]))

    yield replay, send
    replay.close()


Opened = Callable[[], AbstractAsyncContextManager[tuple[Source, Send]]]
both = pytest.mark.parametrize("opened", [replayed, pytest.param(captured, marks=pytest.mark.lab)])


async def ip(host: Host, lines: str) -> None:
    (await host.run(["ip", "-batch", "-"], given=lines)).checked()


async def arrived(source: Source, packets: int) -> list[tuple[Frame, Packet]]:
    """Wait until so many UDP packets were captured; an interface also says things of its own (IPv6 neighbour
    discovery)."""
    found: list[tuple[Frame, Packet]] = []
    readable = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(source.fileno(), readable.set)
    while len(found) < packets:
        await readable.wait()
        readable.clear()
        pairs = [(each, parse(each)) for each in source.drain()]
        found += [(each, packet) for each, packet in pairs if packet and packet.dport == 6000]
    loop.remove_reader(source.fileno())
    return found


@both
@pytest.mark.anyio
async def test_what_leaves_is_captured_once_in_its_order(opened: Opened) -> None:
    async with opened() as (source, send):
        for payload in (b"one", b"two", b"three"):
            await send(payload)
        packets = [packet for _, packet in await arrived(source, 3)]
        assert [packet.payload for packet in packets] == [b"one", b"two", b"three"]
        assert all(packet.outgoing for packet in packets)
        assert source.dropped() == 0


@both
@pytest.mark.anyio
async def test_a_long_packet_is_cut_but_its_length_is_known(opened: Opened) -> None:
    async with opened() as (source, send):
        await send(bytes(1000))
        [(frame, packet)] = await arrived(source, 1)
        assert (len(frame.data), frame.length, packet.length) == (SNAP, 14 + 20 + 8 + 1000, 20 + 8 + 1000)


@both
@pytest.mark.anyio
async def test_nothing_waiting_is_no_error_and_closing_twice_is_none(opened: Opened) -> None:
    async with opened() as (source, send):
        await send(b"one")
        await arrived(source, 1)
        assert [each for each in source.drain() if (packet := parse(each)) and packet.dport == 6000] == []
        source.close()


@pytest.mark.lab
@pytest.mark.anyio
async def test_packets_are_stamped_on_the_monotonic_clock() -> None:
    async with captured() as (source, send):
        before = clock.monotonic()
        await send(b"one")
        after = clock.monotonic()
        [(frame, _)] = await arrived(source, 1)
        # Two clocks are read one after the other, to the microsecond: the difference is that far from exact.
        assert before - 0.001 <= frame.at <= after + 0.001


@pytest.mark.lab
@pytest.mark.anyio
async def test_packets_that_the_kernel_could_not_keep_are_told() -> None:
    async with Sandbox() as sandbox:
        robot = await sandbox.host("robot")
        await ip(robot, "link set lo up\n")
        with await Capture.open(robot, "lo") as capture, await robot.udp("127.0.0.1") as sending:
            for _ in range(20_000):
                sending.sendto(bytes(1400), ("127.0.0.1", 6000))
            kept = len(capture.drain())
            lost = capture.dropped()
            assert lost > 0
            assert capture.dropped() == lost, "reading the count does not change it"
            assert kept > 0


@pytest.mark.lab
@pytest.mark.anyio
async def test_an_interface_that_is_not_there_is_named_with_those_that_are() -> None:
    async with Sandbox() as sandbox:
        robot = await sandbox.host("robot")
        with pytest.raises(UnknownName) as caught:
            await Capture.open(robot, "wlan9")
        assert caught.value.name == "wlan9"
        assert "lo" in caught.value.allowed


@pytest.mark.anyio
async def test_no_right_to_capture_is_a_missing_capability() -> None:
    class Powerless(LocalHost):
        async def socket(self, family: int, kind: int, protocol: int = 0) -> socket.socket:
            raise PermissionError(1, "Operation not permitted")

    with pytest.raises(CapabilityMissing, match="CAP_NET_RAW"):
        await Capture.open(Powerless(), "lo")
