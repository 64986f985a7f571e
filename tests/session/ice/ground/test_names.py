from __future__ import annotations

from landfast.session.ice.events import Resolve
from landfast.session.ice.ground.names import Names


def test_a_name_is_asked_for_once_and_an_address_never() -> None:
    told: list[Resolve] = []
    names = Names(told.append)
    for name in ("a.example", "a.example", "192.0.2.1", "2001:DB8::1"):
        names.ask(name)
    assert told == [Resolve("a.example")]
    assert names.waits("a.example")
    assert names.of("2001:DB8::1") == ("2001:db8::1",)
    assert not names.waits("2001:DB8::1")


def test_what_is_known_stays_known_until_a_resolver_says_otherwise() -> None:
    names = Names(lambda _: None)
    names.ask("a.example")
    assert names.resolved("a.example", ["192.0.2.1", "no address", "2001:DB8::1"])
    names.ask("a.example")
    assert names.of("a.example") == ("192.0.2.1", "2001:db8::1")
    assert not names.waits("a.example")
    assert names.resolved("a.example", [])
    assert names.of("a.example") == ("192.0.2.1", "2001:db8::1")
    names.ask("a.example")
    names.resolved("a.example", ["192.0.2.2"])
    assert names.of("a.example") == ("192.0.2.2",)


def test_an_answer_to_no_question_is_nothing() -> None:
    names = Names(lambda _: None)
    assert not names.resolved("a.example", ["192.0.2.1"])
    assert names.of("a.example") == ()
