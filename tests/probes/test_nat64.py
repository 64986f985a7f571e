from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, IPv6Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landfast.kernel.host import Host
from landfast.model.facts import Nat64Seen
from landfast.probes import nat64
from landfast.probes.nat64 import LENGTHS, WELL_KNOWN, addresses, embedded, prefixes
from landfast.probes.questions import Nat64
from tests.lan import lan
from tests.probes.hearing import Told

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("prefix", "address"),
    [
        ("2001:db8::/32", "2001:db8:c000:221::"),
        ("2001:db8:100::/40", "2001:db8:1c0:2:21::"),
        ("2001:db8:122::/48", "2001:db8:122:c000:2:2100::"),
        ("2001:db8:122:300::/56", "2001:db8:122:3c0:0:221::"),
        ("2001:db8:122:344::/64", "2001:db8:122:344:c0:2:2100::"),
        ("2001:db8:122:344::/96", "2001:db8:122:344::192.0.2.33"),
        ("64:ff9b::/96", "64:ff9b::192.0.2.33"),
    ],
)
def test_addresses_are_embedded_as_in_the_table_of_rfc_6052(prefix: str, address: str) -> None:
    assert embedded(IPv6Network(prefix), IPv4Address("192.0.2.33")) == IPv6Address(address)


@st.composite
def networks(draw: st.DrawFn) -> IPv6Network:
    length = draw(st.sampled_from(LENGTHS))
    octets = bytearray(draw(st.binary(min_size=16, max_size=16)))
    octets[8] = 0  # RFC 6052, section 2.2: bits 64 to 71 are 0, also in a prefix of 96
    return IPv6Network((bytes(octets), length), strict=False)


@given(networks(), st.permutations(WELL_KNOWN))
def test_every_prefix_is_found_from_the_names_two_addresses(network: IPv6Network, known: list[IPv4Address]) -> None:
    assert prefixes([embedded(network, each) for each in known]) == (network,)


@given(networks(), st.sampled_from(WELL_KNOWN))
def test_one_address_is_enough(network: IPv6Network, known: IPv4Address) -> None:
    assert prefixes([embedded(network, known)]) == (network,)


def test_a_prefix_may_look_like_an_address_of_the_name() -> None:
    short, long = IPv6Network("c000:aa::/32"), IPv6Network("2001:db8:c000:aa::/96")
    assert prefixes([embedded(short, WELL_KNOWN[0])]) == (short,)
    assert prefixes([embedded(long, WELL_KNOWN[0])]) == (long,)


@given(st.lists(st.binary(min_size=16, max_size=16).filter(lambda octets: 0xC0 not in octets).map(IPv6Address)))
def test_an_ordinary_address_is_no_nat64(found: list[IPv6Address]) -> None:
    assert prefixes(found) == ()


@given(st.text(max_size=60))
def test_what_getent_writes_cannot_raise(said: str) -> None:
    assert all(address.ipv4_mapped is None for address in addresses(said))


def test_ipv4_addresses_in_ipv6_notation_are_no_nat64() -> None:
    said = "::ffff:192.0.0.170 STREAM ipv4only.arpa\n::ffff:192.0.0.170 DGRAM  \n64:ff9b::c000:ab STREAM x\n\n"
    assert addresses(said) == (IPv6Address("64:ff9b::c000:ab"),)


async def told(host: Host) -> list[str]:
    tell = Told()
    await nat64.ask(host, Nat64(), tell)
    return [fact.prefix for fact in tell.of(Nat64Seen)]


@pytest.mark.lab
async def test_the_hosts_own_resolver_is_asked() -> None:
    async with lan(robot="10.0.0.1/24 2001:db8::1/64", other="10.0.0.2/24") as hosts:
        for host, lines in (
            (hosts["robot"], "64:ff9b::c000:aa ipv4only.arpa\n64:ff9b::c000:ab ipv4only.arpa\n"),
            (hosts["other"], "192.0.0.170 ipv4only.arpa\n"),
        ):
            (host.root / "etc").mkdir(exist_ok=True)
            (host.root / "etc/hosts").write_text(lines)
        assert await told(hosts["robot"]) == ["64:ff9b::/96"]
        assert await told(hosts["other"]) == []


@pytest.mark.lab
async def test_a_resolver_that_never_answers_is_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nat64, "_PATIENCE", 0.3)
    async with lan(robot="10.0.0.1/24 2001:db8::1/64") as hosts:
        (hosts["robot"].root / "etc").mkdir(exist_ok=True)
        (hosts["robot"].root / "etc/resolv.conf").write_text("nameserver 10.0.0.77\n")
        assert await told(hosts["robot"]) == []
