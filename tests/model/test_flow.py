from __future__ import annotations

from ipaddress import ip_address

from landfast.model.flow import Direction, Flow

A, B, C = ip_address("10.42.0.1"), ip_address("198.51.100.5"), ip_address("192.168.1.10")


def test_the_answers_tell_whether_the_source_is_translated() -> None:
    assert Flow("udp", 17, Direction(A, B, 1, 2), Direction(B, C, 2, 1)).source_translated
    assert not Flow("udp", 17, Direction(A, B, 1, 2), Direction(B, A, 2, 1)).source_translated
    assert not Flow("udp", 17, Direction(A, C, 1, 2), Direction(B, A, 2, 1)).source_translated  # its destination is
