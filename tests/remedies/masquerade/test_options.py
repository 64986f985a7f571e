from __future__ import annotations

import json
from typing import Any

import pytest

from landfast.errors import RequestError, UnknownName
from landfast.remedies.masquerade.options import LONGEST_WAIT, Options, seconds


@pytest.mark.parametrize(
    "said",
    [
        {"scope": "some"},
        {"action": "reject"},
        {"backend": "pf"},
        {"persist": "cron"},
        {"interfaces": ("wlan0; reboot",)},
        {"interfaces": ('wl"an0',)},
        {"interfaces": ("averyverylongname",)},
        {"interfaces": ("",)},
        {"interfaces": ("$interface",)},
        {"nat66": True, "action": "drop"},
        {"confirm_within": 0},
        {"confirm_within": LONGEST_WAIT + 1},
    ],
    ids=str,
)
def test_what_cannot_be_is_refused(said: dict[str, Any]) -> None:
    with pytest.raises(RequestError):
        Options(**said)


def test_a_wrong_name_is_told_with_the_right_ones() -> None:
    with pytest.raises(UnknownName) as problem:
        Options(scope="some")  # type: ignore[arg-type]
    assert problem.value.allowed == ("foreign", "all")


@pytest.mark.parametrize("name", ["wlan0", "enp0s31f6", "eth0.100", "wwan_0", "br-ab12", "can0@if3", "wlx00c0ca959b21"])
def test_names_that_interfaces_have_are_taken(name: str) -> None:
    assert Options((name,)).interfaces == (name,)


def test_options_survive_json() -> None:
    options = Options(("wlan0",), "all", "drop", "nft", persist="systemd", confirm_within=30)
    assert Options.decoded(json.loads(json.dumps(options.encoded()))) == options
    with pytest.raises((RequestError, TypeError)):
        Options.decoded({"colour": "blue"})


@pytest.mark.parametrize(("said", "found"), [("30", 30), ("30s", 30), ("1.5s", 1.5), ("5m", 300), (" 2min ", 120)])
def test_lengths_of_time_are_read(said: str, found: float) -> None:
    assert seconds(said) == found


@pytest.mark.parametrize("said", ["", "s", "-1s", "1h", "1 s s", "soon"])
def test_other_words_are_no_length_of_time(said: str) -> None:
    with pytest.raises(RequestError):
        seconds(said)
