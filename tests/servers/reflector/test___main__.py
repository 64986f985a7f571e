from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landfast.kernel.host import Host
from landfast.servers.reflector import Settings
from landfast.servers.reflector.__main__ import settings
from landfast.servers.reflector.serve import arguments

PORTS = st.integers(1, 65535)
SETTINGS = st.builds(
    Settings,
    st.sampled_from([("192.0.2.1",), ("192.0.2.1", "192.0.2.2", "2001:db8::1")]),
    PORTS.filter(lambda port: port > 1),
    st.just(1),
    PORTS,
)


@given(SETTINGS)
def test_what_start_writes_the_program_reads(wanted: Settings) -> None:
    assert settings(arguments(wanted)) == wanted


def test_public_addresses_are_handed_on() -> None:
    wanted = Settings(("10.0.0.5",), public=("203.0.113.5",))
    assert settings(arguments(wanted)) == wanted


@pytest.mark.anyio
async def test_without_an_address_it_says_how_it_is_called() -> None:
    done = await Host.here().run([sys.executable, "-m", "landfast.servers.reflector"])
    assert done.code == 2
    assert "--listen" in done.stderr
