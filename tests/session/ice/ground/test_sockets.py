from __future__ import annotations

from landfast.session.ice.events import Close, Command, Open, Transmit, Transport
from landfast.session.ice.ground.sockets import Sockets

SERVER = ("198.51.100.5", 3478)


def test_each_open_has_a_number_of_its_own_and_one_close() -> None:
    told: list[Command] = []
    sockets = Sockets(told.append)
    first, second = sockets.open(Transport.UDP, 0.0, local="10.0.0.1"), sockets.open(Transport.TCP, 1.0, remote=SERVER)
    for held in (first, first, second):
        sockets.close(held)
    third = sockets.open(Transport.UDP, 2.0)
    assert told == [
        Open(1, Transport.UDP, "10.0.0.1"),
        Open(2, Transport.TCP, None, SERVER),
        Close(1),
        Close(2),
        Open(3, Transport.UDP),
    ]
    assert [sockets.get(number) for number in (1, 2, 3)] == [None, None, third]
    assert [held.stream for held in (first, second)] == [False, True]


def test_only_what_is_open_sends() -> None:
    told: list[Command] = []
    sockets = Sockets(told.append)
    held = sockets.open(Transport.UDP, 0.0, remote=SERVER)
    told.clear()
    sockets.send(held, b"early")
    before = held.source
    assert sockets.opened(1, ("10.0.0.1", 5)) is held
    assert sockets.opened(1, ("10.0.0.1", 6)) is None
    assert sockets.opened(2, ("10.0.0.1", 6)) is None
    sockets.send(held, b"one")
    sockets.send(held, b"two", ("192.0.2.1", 1))
    sockets.close(held)
    sockets.send(held, b"late")
    assert told == [Transmit(1, b"one", SERVER), Transmit(1, b"two", ("192.0.2.1", 1)), Close(1)]
    assert held.bound == ("10.0.0.1", 5)
    assert (before, held.source) == (None, "10.0.0.1")
    assert not held.open
