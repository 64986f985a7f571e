from __future__ import annotations

import pytest

from landfast.model.facts import Endpoint, endpoint, written


@pytest.mark.parametrize("one", [("203.0.113.10", 1), ("2001:db8::1", 65535)])
def test_an_endpoint_is_read_as_it_is_written(one: Endpoint) -> None:
    assert endpoint(written(one)) == one


@pytest.mark.parametrize(
    "text", ["", "203.0.113.10", "203.0.113.10:", "host:7", "1.2.3.4:0", "1.2.3.4:65536", "1.2.3.4:\uff17", ":7"]
)
def test_what_is_no_endpoint_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        endpoint(text)
