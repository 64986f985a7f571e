"""Which words of `tc` and nft each link becomes, and which cables are cut."""

from __future__ import annotations

import pytest

from landfast.lab.delayline import Manner
from landfast.lab.impair import WIRES, impair, room, took
from landfast.lab.network import Link
from landfast.lab.topology import Cable

PLAIN = Cable(("operator", "eth0"), ("internet", "operator"))


def cable(**link: float) -> Cable:
    return Cable(("robot", "eth0"), ("mifi", "robot"), link=Link.model_validate(link))


@pytest.mark.parametrize(
    ("link", "words"),
    [
        ({"delay_ms": 20}, ["root handle 1: netem limit 1400 delay 20000us"]),
        (
            {"delay_ms": 20, "jitter_ms": 2.5},
            ["root handle 1: netem limit 1450 delay 20000us 2500us rate 100gbit"],
        ),
        ({"delay_ms": 1, "reorder": 0.02}, ["root handle 1: netem limit 1020 delay 1000us reorder 2%"]),
        ({"loss": 0.001}, ["root handle 1: netem limit 1000 loss 0.1%"]),
        (
            {"delay_ms": 20, "loss": 0.05, "rate_kbit": 500},
            [
                "root handle 1: netem limit 1400 delay 20000us loss 5%",
                "parent 1:1 handle 2: tbf rate 500kbit burst 3278b latency 200ms",
            ],
        ),
        ({"rate_kbit": 8}, ["root handle 2: tbf rate 8kbit burst 3032b latency 200ms"]),
    ],
)
def test_with_netem_both_ends_have_the_same_queues(link: dict[str, float], words: list[str]) -> None:
    done = impair([PLAIN, cable(**link)], netem=True)
    assert done.tc == {
        "robot": "".join(f"qdisc replace dev eth0 {word}\n" for word in words),
        "mifi": "".join(f"qdisc replace dev robot {word}\n" for word in words),
    }
    assert done.cables == (PLAIN, cable(**link))
    assert (done.cuts, done.nft) == ((), {})


@pytest.mark.parametrize("netem", [True, False])
def test_a_network_without_impairments_needs_nothing(netem: bool) -> None:
    done = impair([PLAIN, cable()], netem)
    assert (done.means, done.cables, done.cuts, done.tc, done.nft) == ((), (PLAIN, cable()), (), {}, {})


def test_without_netem_a_cable_that_delays_is_cut() -> None:
    slow = cable(delay_ms=20, jitter_ms=5, reorder=0.1)
    done = impair([PLAIN, slow, slow], netem=False)
    assert done.means == ("wire",)
    assert [(laid.near, laid.far) for laid in done.cables] == [
        (PLAIN.near, PLAIN.far),
        (slow.near, (WIRES, "near0")),
        ((WIRES, "far0"), slow.far),
        (slow.near, (WIRES, "near1")),
        ((WIRES, "far1"), slow.far),
    ]
    manner = Manner(delay=0.02, jitter=0.005, reorder=0.1, room=1500)
    assert done.cuts == (("near0", "far0", manner), ("near1", "far1", manner))


def test_without_netem_loss_is_nfts_on_the_far_bridge_and_spares_neighbours() -> None:
    done = impair([PLAIN, cable(loss=0.25)], netem=False)
    assert done.means == ("nft",)
    assert done.cables == (PLAIN, cable(loss=0.25))
    ruleset = [line.strip() for line in done.nft.pop("mifi").splitlines()]
    assert done.nft == {}
    assert 'iifname "robot" numgen random mod 1000000 < 250000 drop' in ruleset
    assert 'oifname "robot" numgen random mod 1000000 < 250000 drop' in ruleset
    for chain in ("up", "down"):
        begins = ruleset.index(f"chain {chain} {{")
        assert ruleset[begins + 2] == "ether type arp accept"


def test_however_small_a_loss_is_it_is_not_none() -> None:
    assert "< 1 drop" in impair([cable(loss=1e-9)], netem=False).nft["mifi"]


def test_what_is_used_is_said() -> None:
    everything = cable(delay_ms=20, loss=0.1, rate_kbit=500)
    assert impair([everything], netem=True).means == ("netem", "tbf")
    assert impair([everything], netem=False).means == ("wire", "nft", "tbf")
    assert impair([cable(rate_kbit=500)], netem=True).means == ("tbf",)


def test_a_slow_link_holds_what_comes_while_frames_wait() -> None:
    assert room(Link()) == 1000
    assert room(Link(delay_ms=5000)) == 101_000


def test_delays_are_summarised_by_median_and_p95() -> None:
    seen = took(cable(delay_ms=20), [0.0201] * 18 + [0.021, 0.03])
    assert (seen.asked, seen.probes) == (20, 20)
    assert (seen.median, seen.p95) == pytest.approx((20.1, 30))
    assert str(seen) == "robot eth0 – mifi: 20 ms asked, 20.10 ms median, 30.00 ms p95 of 20"


def test_probes_that_overtook_on_purpose_do_not_count() -> None:
    assert took(cable(delay_ms=20, reorder=0.5), [0.0001] * 30 + [0.0202] * 10).median == pytest.approx(20.2)
    assert took(cable(delay_ms=20), [0.0001] * 3).median == pytest.approx(0.1)


def test_a_link_that_lets_no_probe_through_has_an_unknown_delay() -> None:
    seen = took(cable(delay_ms=20, jitter_ms=1), [])
    assert (seen.median, seen.p95, seen.probes) == (None, None, 0)
    assert str(seen) == "robot eth0 – mifi: 20 ms ± 1 asked, no probe arrived"


@pytest.mark.parametrize("link", [{"jitter_ms": 5}, {"delay_ms": 5, "jitter_ms": 6}, {"reorder": 0.1}])
def test_what_no_link_can_do_is_refused(link: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="delay_ms"):
        Link.model_validate(link)
