"""A network's file: every mistake is told with the file, the line and what is allowed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from landfast.errors import BadFile, UnknownName
from landfast.lab import parse
from landfast.lab.network import Network, Occasion

PLACE = "networks/mine.toml"
MINE = """\
title = "Mine"  # a comment
observed_on = [
    "here",
]

[routers.home]
via = "internet"
nat = { pool = 2, ports = "preserving" }

[ routers . "office" ]
link.delay_ms = 20

[hosts.robot]
routing = "weak"
[hosts.robot.interfaces]
wlan0.via = "home"
eth1 = { address = "10.42.0.1/24" }

[hosts.operator.interfaces.eth0]
via = "office"

[[events]]
what = "flush"
on = "home"
at = 5

[[events]]
what = "suspend-radio"
on = "home"
first_stun = true
lasts = 2
"""
NAT_KEYS = (
    "block, filtering, hairpin, mapping, max_age, pool, pooling, ports, refresh, translates, udp_stream_timeout, "
    "udp_timeout"
)
ROUTER_KEYS = "budget, gateway, input, ipv6, lan, link, mtu, mtu_signalled, nat, reverse_path_filter, udp, via"


def refusal(text: str) -> BadFile:
    with pytest.raises(BadFile) as caught:
        parse.parse(text, PLACE)
    problem = caught.value
    assert problem.exit_code == 2
    assert str(problem).startswith(f"{PLACE}:{problem.line}: " if problem.line else f"{PLACE}: ")
    return problem


def line_of(text: str, mark: str) -> int:
    """The number of the only line with this mark."""
    [number] = [number for number, line in enumerate(text.split("\n"), start=1) if mark in line]
    return number


def test_the_network_of_these_tests_is_right() -> None:
    network = parse.parse(MINE, PLACE)
    assert (network.name, network.title, list(network.routers)) == ("mine", "Mine", ["home", "office"])
    assert [event.what for event in network.events] == [Occasion.FLUSH, Occasion.SUSPEND_RADIO]
    assert parse.parse(f'name = "other"\n{MINE}', PLACE).name == "other"


# What is written instead of what, which place the error names, and which keys it says are allowed there.
UNKNOWN = {
    "at the top": ("observed_on = [", "nmae = 1\nobserved_on = [", "nmae", "events, hosts, name, observed_on, "),
    "a table": ("[routers.home]", "[router.home]", "router", "events, hosts, name, observed_on, routers, title"),
    "in a table": ('via = "internet"', 'vai = "internet"', "routers.home.vai", ROUTER_KEYS),
    "under a spaced header": ("link.delay_ms = 20", "delay_ms = 20", "routers.office.delay_ms", ROUTER_KEYS),
    "in an inline table": ("pool = 2", "pools = 2", "routers.home.nat.pools", NAT_KEYS),
    "in a dotted key": (
        "link.delay_ms",
        "link.delay",
        "routers.office.link.delay",
        "delay_ms, jitter_ms, loss, rate_kbit, reorder",
    ),
    "in a quoted dotted key": ("link.delay_ms", '"link"."delay"', "routers.office.link.delay", "delay_ms, jitter_ms"),
    "in a nested table": (
        'via = "office"',
        'vai = "office"',
        "hosts.operator.interfaces.eth0.vai",
        "address, link, via",
    ),
    "of a host": ("routing =", "root =", "hosts.robot.root", "bridges, foreign_ipv6, interfaces, routing"),
    "in the second of an array": (
        "lasts = 2",
        "last = 2",
        "events.1.last",
        "at, first_stun, lasts, mappings, on, what",
    ),
    "in the first of an array": ("at = 5", "after = 5", "events.0.after", "at, first_stun, lasts, mappings, on, what"),
}


@pytest.mark.parametrize(("old", "new", "where", "allowed"), UNKNOWN.values(), ids=UNKNOWN)
def test_an_unknown_key_is_told_with_its_line_and_all_that_may_stand_there(
    old: str, new: str, where: str, allowed: str
) -> None:
    assert MINE.count(old) == 1
    text = MINE.replace(old, new)
    problem = refusal(text)
    assert problem.problem.startswith(f"{where}: unknown key; allowed here: {allowed}")
    assert problem.line == line_of(text, new.split("\n", maxsplit=1)[0])


IMPOSSIBLE = {
    "a word": (
        'ports = "preserving"',
        'ports = "odd"',
        "routers.home.nat.ports",
        "'preserving', 'random' or 'block', not 'odd'",
    ),
    "a number": ("pool = 2", "pool = 21", "routers.home.nat.pool", "less than or equal to 20, not 21"),
    "a negative": ("delay_ms = 20", "delay_ms = -1", "routers.office.link.delay_ms", "or equal to 0, not -1"),
    "never": ("delay_ms = 20", "delay_ms = inf", "routers.office.link.delay_ms", "a finite number, not inf"),
    "a kind": ('via = "office"', "via = 5", "hosts.operator.interfaces.eth0.via", "a valid string, not 5"),
    "an address": ("10.42.0.1/24", "10.42.0.1/33", "hosts.robot.interfaces.eth1.address", "not '10.42.0.1/33'"),
    "a numbered address": (
        '"10.42.0.1/24"',
        "169",
        "hosts.robot.interfaces.eth1.address",
        "is written as text, not 169",
    ),
    "a mode": ('routing = "weak"', 'routing = "loose"', "hosts.robot.routing", "'weak' or 'strong', not 'loose'"),
    "an event": (
        'what = "flush"',
        'what = "flood"',
        "events.0.what",
        "'change-public-address', 'rebind-port', 'flush'",
    ),
    "a combination": (
        'ports = "preserving"',
        "hairpin = true",
        "routers.home.nat",
        'needs filtering "endpoint-independent"',
    ),
    "a duration": ('"suspend-radio"', '"rebind-port"', "events.1", "these may: block-udp, link-down"),
    "a place": ('what = "flush"', 'what = "link-down"', "events.0.on", "only on: operator, robot"),
    "a pool": ('via = "internet"', 'via = "office"', "routers.home", "nat.pool of 2 needs via 'internet'"),
    "a name": ("[routers.home]", "[routers.Home]", "routers.Home", "pattern '^[a-z][a-z0-9-]{0,14}$', not 'Home'"),
    "no via": (
        'wlan0.via = "home"',
        'wlan0.via = "hme"',
        "hosts.robot.interfaces.wlan0.via",
        "'hme' is not one of home, i",
    ),
    "no router": (
        "link.delay_ms = 20",
        'via = "carrier"',
        "routers.office.via",
        "'carrier' is not one of home, internet, o",
    ),
}
# Where the mistake lies between several keys, the line is that of their table, or of the one that must change.
ELSEWHERE = {
    "a combination": ("nat = {", 0),
    "a pool": ("[routers.home]", 0),
    "a duration": ('what = "rebind-port"', -1),
    "a place": ('what = "link-down"', 1),
}


@pytest.mark.parametrize("case", IMPOSSIBLE)
def test_an_impossible_value_is_told_with_its_line_and_what_is_possible(case: str) -> None:
    old, new, where, allowed = IMPOSSIBLE[case]
    assert MINE.count(old) == 1
    text = MINE.replace(old, new)
    problem = refusal(text)
    assert problem.problem.startswith(f"{where}: ")
    assert allowed in problem.problem
    mark, further = ELSEWHERE.get(case, (new, 0))
    assert problem.line == line_of(text, mark) + further


def test_a_missing_host_is_told_with_those_that_there_are() -> None:
    text = MINE.replace("[hosts.operator.", "[hosts.driver.")
    problem = refusal(text)
    assert problem.problem == "hosts: missing host 'operator'; there are robot, driver"
    assert problem.line == line_of(text, "[hosts.robot]")


def test_a_missing_key_is_told_at_the_table_where_it_belongs() -> None:
    problem = refusal(MINE.replace('what = "flush"\n', ""))
    assert problem.problem == "events.0.what: Field required"
    assert problem.line == MINE.split("\n").index("[[events]]") + 1
    without = MINE.replace("[hosts.robot.interfaces]", "[hosts.robot.bridges]").replace(
        'wlan0.via = "home"\neth1', "eth1"
    )
    problem = refusal(without.replace("eth1 = {", "docker0 = {"))
    assert problem.problem == "hosts.robot.interfaces: Field required"
    assert problem.line == line_of(MINE, "[hosts.robot]")
    assert refusal("").problem == "title: Field required"


def test_of_two_mistakes_the_misspelt_key_is_told_and_not_the_missing_one() -> None:
    text = MINE.replace("title = ", "titel = ")
    assert refusal(text).problem.startswith("titel: unknown key")
    assert refusal(text).line == 1


def test_what_the_plan_refuses_has_a_place_and_a_line_too() -> None:
    text = MINE.replace('via = "internet"', 'lan = "203.0.113.0/24"')
    problem = refusal(text)
    assert problem.problem.startswith("routers.home.lan: 203.0.113.0/24 overlaps ")
    assert problem.line == line_of(text, "lan = ")
    text = MINE + "".join(f"[routers.r{number}]\n" for number in range(5))
    assert refusal(text).problem == "routers: at most 6 may stand directly on the internet"


def test_lines_are_counted_as_toml_counts_them() -> None:
    text = MINE.replace("# a comment", "# \u2028 \x85 ").replace("routing =", "root =")
    assert refusal(text).line == line_of(MINE, "routing =")
    windows = MINE.replace("routing =", "root =").replace("\n", "\r\n")
    assert refusal(windows).line == line_of(MINE, "routing =")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("title = \n", 1),
        (MINE.replace("pool = 2,", "pool = 2;"), line_of(MINE, "pool = 2")),
        (MINE + "[routers.home]\n", None),
    ],
)
def test_what_is_not_toml_is_told_with_the_line(text: str, line: int | None) -> None:
    problem = refusal(text)
    assert problem.problem.startswith("is not TOML: ")
    assert problem.line == (line or MINE.count("\n") + 1)


@pytest.mark.parametrize("text", ["a = " + "[" * 9000, "a = " + "{a = " * 9000, "a = " + "1" * 9000])
def test_what_the_reader_of_toml_cannot_hold_is_a_bad_file(text: str) -> None:
    assert refusal(text).problem.startswith("cannot be read: ")


def test_a_file_is_read_and_named_after(tmp_path: Path) -> None:
    file = tmp_path / "garage.toml"
    file.write_text(MINE.replace("Mine", "Mine, naïve"), "utf-8")
    assert parse.read(file).name == "garage"
    assert parse.read(file).title == "Mine, naïve"
    file.write_text(MINE + "oops = 1\n")
    with pytest.raises(BadFile) as caught:
        parse.read(file)
    assert str(caught.value).startswith(
        f"{file}:{MINE.count(chr(10)) + 1}: events.1.oops: unknown key; allowed here: at"
    )


def unreadable(folder: Path) -> list[tuple[Path, str]]:
    binary, large = folder / "binary.toml", folder / "large.toml"
    binary.write_bytes(b'title = "\xff"')
    large.write_text("#" * (1 << 18) + "\n")
    return [
        (binary, "is not UTF-8 (byte 9)"),
        (large, f"has {(1 << 18) + 1} bytes (a network has at most {1 << 18})"),
        (folder / "none.toml", "No such file or directory"),
        (folder, "Is a directory"),
    ]


def test_a_file_that_cannot_be_read_is_told_with_its_path(tmp_path: Path) -> None:
    for path, sentence in unreadable(tmp_path):
        with pytest.raises(BadFile) as caught:
            parse.read(path)
        assert str(caught.value) == f"{path}: {sentence}"


@pytest.mark.parametrize("name", parse.profiles())
def test_every_profile_is_named_as_its_file_and_says_where_it_was_seen(name: str) -> None:
    network = parse.profile(name)
    assert network.name == name
    assert all(network.observed_on)


def test_the_profiles_are_those_that_were_promised() -> None:
    assert parse.profiles() == [
        "cgnat", "cgnat-absolute", "cgnat-budget", "cgnat-unpaired", "dual-stack", "home", "home-full-cone", "mifi",
        "mifi-masquerade-all", "mifi-rpfilter", "mtu-black-hole", "one-way-ipv6", "open", "symmetric", "udp-blocked",
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["mifi.toml", "../profiles/mifi", "", "MIFI"])
def test_an_unknown_profile_is_told_with_all_that_there_are(name: str) -> None:
    with pytest.raises(UnknownName) as caught:
        parse.profile(name)
    assert caught.value.allowed == parse.profiles()


def outcome(text: str) -> Network | BadFile:
    """What parse makes of a text: whatever else it raises fails the test."""
    try:
        return parse.parse(text, PLACE)
    except BadFile as told:
        problem = told
    assert str(problem).startswith(PLACE)
    assert problem.line is None or 1 <= problem.line <= text.count("\n") + 1
    return problem


@given(st.text())
@example("a.b = 1\na = 2")
@example('routers = [[]]\nhosts = ""')
def test_any_text_is_a_network_or_a_bad_file(text: str) -> None:
    outcome(text)


WORDS = sorted(
    {word for line in MINE.split("\n") for word in line.split()} | {"[", "]", "{", "}", '"', "=", "-1", "[]"}
)


@st.composite
def misprints(draw: st.DrawFn) -> str:
    """The network above with a few words and lines changed, doubled, moved or lost."""
    lines = MINE.split("\n")
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(lines) - 1))
        words = lines[at].split()
        if draw(st.booleans()) and words:
            words[draw(st.integers(0, len(words) - 1))] = draw(st.sampled_from(WORDS))
            lines[at] = " ".join(words)
        else:
            other = draw(st.sampled_from(lines))
            instead: list[list[str]] = [[], [lines[at], lines[at]], [other, lines[at]]]
            lines[at : at + 1] = draw(st.sampled_from(instead))
    return "\n".join(lines)


@given(misprints())
def test_any_misprint_is_a_network_or_a_bad_file(text: str) -> None:
    outcome(text)


def toml(value: Any) -> str:
    match value:
        case dict():
            return "{" + ", ".join(f"{key} = {toml(inner)}" for key, inner in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(toml, value)) + "]"
        case bool():
            return str(value).lower()
        case str():
            return f'"{value}"'
    return str(value)


KEYS = st.sampled_from(["home", "robot", "operator", "via", "nat", "lan", "interfaces", "pool", "what", "on", "link"])
VALUES = st.recursive(
    st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from(["home", "internet", "block", "", "10.0.0.0/8", "flush"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)
TABLES = st.sampled_from(
    ["routers", "hosts", "events", "title", "observed_on", "name", "routers.home.nat", "hosts.robot"]
)


@example([("routers.home.lan", False)])
@given(st.lists(st.tuples(TABLES, VALUES), max_size=5, unique_by=lambda pair: pair[0]))
def test_any_value_anywhere_is_a_network_or_a_bad_file(pairs: list[tuple[str, Any]]) -> None:
    outcome("\n".join(f"{key} = {toml(value)}" for key, value in pairs))
