"""All the stories: told in this process, and by an ordinary user in hers."""

from __future__ import annotations

import asyncio

from tests.kernel.stories import endings, hosts, sandboxes

OF_HOSTS = hosts.STORIES
OF_SANDBOXES = sandboxes.STORIES | endings.STORIES


def tell(name: str) -> None:
    """Tell a story; it is true when nothing is raised."""
    asyncio.run((OF_HOSTS | OF_SANDBOXES)[name]())
