from __future__ import annotations

from landfast.session.ice import transactions
from landfast.session.ice.transactions import Sent, Transactions
from tests.session.ice.making import pair


def sent(at: float, owner: str = "one") -> Sent[str]:
    return Sent(owner, pair(), at, "password", controlling=True, nominating=False, priority=1)


def test_a_late_answer_still_finds_its_check() -> None:
    known: Transactions[str] = Transactions(30)
    known.add(b"1", sent(100))
    assert known.find(b"1", 129.9) == known.find(b"1", 100)
    assert known.find(b"1", 129.9) is not None
    assert known.find(b"1", 130) is None
    assert known.find(b"2", 100) is None


def test_an_answer_counts_once() -> None:
    known: Transactions[str] = Transactions(30)
    known.add(b"1", sent(100))
    known.drop(b"1")
    known.drop(b"1")
    assert known.find(b"1", 101) is None


def test_what_nobody_can_answer_any_more_is_forgotten() -> None:
    known: Transactions[str] = Transactions(30)
    for second in range(100):
        known.add(bytes([second]), sent(100 + second))
    assert len(known) == 30


def test_however_many_are_sent_the_memory_is_bounded() -> None:
    known: Transactions[str] = Transactions(30)
    for number in range(3 * transactions.MOST):
        known.add(number.to_bytes(12, "big"), sent(100))
    assert len(known) == transactions.MOST


def test_an_answer_may_become_another_pairs() -> None:
    known: Transactions[str] = Transactions(30)
    new = pair()
    known.add(b"1", sent(100))
    known.add(b"2", sent(101))
    known.renewed(lambda each: each.pair if each.at > 100 else new)
    found = known.find(b"1", 100), known.find(b"2", 101)
    assert found[0]
    assert found[1]
    assert found[0].pair is new
    assert found[1].pair is not new


def test_an_owner_takes_its_checks_with_it() -> None:
    known: Transactions[str] = Transactions(30)
    known.add(b"1", sent(100, "one"))
    known.add(b"2", sent(100, "other"))
    known.forget(lambda each: each.owner == "one")
    assert known.find(b"1", 100) is None
    assert known.find(b"2", 100) is not None
