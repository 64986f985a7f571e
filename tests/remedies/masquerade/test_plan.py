from __future__ import annotations

import pytest

from landfast.errors import CapabilityMissing, RequestError, UnknownName
from landfast.model.remedies import Run, Write
from landfast.model.routing import DefaultRoute
from landfast.remedies.masquerade import persist
from landfast.remedies.masquerade.options import Options
from landfast.remedies.masquerade.plan import Plan, candidates, interfaces, plan, wanted
from landfast.remedies.masquerade.ruleset import Form
from landfast.remedies.masquerade.state import Regular, State, World
from landfast.remedies.masquerade.threats import Configuration
from tests.remedies.masquerade.worlds import NO_FILES, world

FIB = Form("nft")


def planned(options: Options = Options(), here: World | None = None, form: Form = FIB) -> Plan:  # noqa: B008 - frozen
    return plan(here or world(), options, form, Configuration())


def test_the_interfaces_are_the_default_routes_unless_named() -> None:
    assert interfaces(world(), Options()) == ("wlan0",)
    assert interfaces(world(), Options(("eth1", "wlan0", "eth1"))) == ("eth1", "wlan0")
    several = (DefaultRoute("wlan0", 4, 600), DefaultRoute("eth1", 4, 100), DefaultRoute("wlan0", 6, 1))
    assert interfaces(world(defaults=several), Options()) == ("eth1", "wlan0")


def test_an_interface_that_cannot_be_known_is_asked_for() -> None:
    with pytest.raises(RequestError, match="--interface: wlan0, eth1"):
        interfaces(world(defaults=()), Options())
    with pytest.raises(UnknownName, match="there are: wlan0, eth1"):
        interfaces(world(), Options(("wwan0",)))


def test_addresses_are_written_down_only_where_nothing_looks_them_up() -> None:
    assert wanted(world(), Options(), FIB).foreign == ()
    found = wanted(world(), Options(("wlan0", "eth1")), Form("nft", "address")).foreign
    assert [(egress, str(address)) for egress, address in found] == [
        ("wlan0", "10.42.0.1"),
        ("wlan0", "fd00:42::1"),
        ("eth1", "192.168.1.10"),
        ("eth1", "2001:db8:1::10"),
    ]


def test_dropping_after_translation_is_nftables_alone() -> None:
    options = Options(scope="all", action="drop")
    assert {form.backend for form in candidates(options)} == {"nft"}
    with pytest.raises(CapabilityMissing):
        candidates(Options(scope="all", action="drop", backend="iptables"))


def test_the_undo_leads_back() -> None:
    there = planned(Options(persist="systemd"))
    assert [type(step) for step in there.remedy.undo.steps] != []
    again = planned(Options(persist="systemd"), world(state=there.state))
    assert again.remedy.steps == ()
    assert there.remedy.undo.command == "landfast masquerade disable"


def test_without_persist_the_way_in_place_stays_and_is_renewed() -> None:
    first = planned(Options(persist="rc.local"))
    second = planned(Options(scope="all"), world(state=first.state))
    assert persist.found(second.state.files) == "rc.local"
    (script,) = [step for step in second.remedy.steps if isinstance(step, Write)]
    assert script.path == persist.SCRIPT
    assert planned(Options()).state.files == NO_FILES


def test_another_way_to_persist_replaces_the_first() -> None:
    first = planned(Options(persist="rc.local"))
    second = planned(Options(persist="systemd"), world(state=first.state))
    assert second.state.files[persist.RC_LOCAL] is None
    assert persist.found(second.state.files) == "systemd"


def test_nothing_is_persisted_before_it_is_confirmed() -> None:
    there = planned(Options(persist="systemd", confirm_within=30))
    assert there.state.files == NO_FILES
    assert all(isinstance(step, Run) for step in there.remedy.steps)


def test_a_change_of_others_in_a_shared_file_is_kept() -> None:
    mine = Regular("#!/bin/sh\necho mine\nexit 0\n", 0o755)
    there = planned(Options(persist="rc.local"), world(state=State(files={**NO_FILES, persist.RC_LOCAL: mine})))
    entry = there.state.files[persist.RC_LOCAL]
    assert isinstance(entry, Regular)
    assert "echo mine\n" in entry.text


@pytest.mark.parametrize(
    ("options", "form", "note"),
    [
        (Options(), Form("nft", "address"), "enable again when they change"),
        (Options(), Form("nft", spares_ipsec=False), "IPsec"),
        (Options(persist="docker"), FIB, 'ENTRYPOINT ["/etc/landfast/masquerade.sh", "run"]'),
    ],
)
def test_what_this_host_makes_special_is_told(options: Options, form: Form, note: str) -> None:
    assert any(note in told for told in planned(options, form=form).remedy.notes)
    assert planned().remedy.notes == ()


def test_who_would_flush_the_rules_is_told() -> None:
    flushing = Configuration(nftables_flushes=True)
    assert plan(world(), Options(), FIB, flushing).remedy.notes
    assert plan(world(), Options(persist="systemd"), FIB, flushing).remedy.notes == ()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (Options(), "every packet with a foreign source gets the address of the interface (wlan0) it leaves by"),
        (Options(scope="all"), "every packet gets the address"),
        (Options(action="drop"), "would leave by wlan0 is dropped; the same for IPv6"),
        (Options(nat66=True), "the same for IPv6"),
    ],
)
def test_the_remedy_says_what_it_does(options: Options, words: str) -> None:
    assert words in planned(options).remedy.what


def test_without_ipv6_nothing_is_said_of_it() -> None:
    assert "IPv6" not in planned(here=world(ipv6=False)).remedy.what
