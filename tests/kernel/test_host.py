from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from landfast.errors import CapabilityMissing
from landfast.kernel.host import PACKAGES, Host, program_environment
from tests.kernel.stories.telling import Teller
from tests.kernel.stories.told import OF_HOSTS


@pytest.mark.anyio
@pytest.mark.needs("namespaces")
@pytest.mark.parametrize("story", OF_HOSTS)
async def test_a_host(story: str, teller: Teller) -> None:
    await teller(story)


def test_here_is_this_machine() -> None:
    here = Host.here()
    assert here.root == Path("/")
    assert here.name == Path("/proc/sys/kernel/hostname").read_text().strip()


@pytest.mark.parametrize("name", PACKAGES)
def test_a_missing_program_names_its_package(name: str) -> None:
    with pytest.raises(CapabilityMissing) as caught:
        program_environment(f"/nowhere/{name}", None)
    assert caught.value.provided_by == f"Debian package {PACKAGES[name]}"


@pytest.mark.parametrize(
    ("added", "path"),
    [
        ({"PATH": "/usr/bin"}, "/usr/bin:/usr/local/sbin:/usr/sbin:/sbin"),
        ({"PATH": "/sbin:/usr/bin"}, "/sbin:/usr/bin:/usr/local/sbin:/usr/sbin"),
    ],
)
def test_the_systems_tools_are_found_by_who_has_them_not_on_her_path(added: Mapping[str, str], path: str) -> None:
    assert program_environment("sh", added)["PATH"] == path
