"""A prober that is Chromium: the same questions, answered by a page (`browser.html`, `w3c.js`).

    python -m bench.session.browser chromium CONFIGURATION

Addresses are not hidden behind names of mDNS: the peer is a machine of its own, and no name server is there to ask.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from bench.session import prober
from bench.session.prober import Candidate, Configuration, Description, Heard
from landfast import clock
from landfast.peers import chromium
from landfast.peers.assignment import Assignment, Role

if TYPE_CHECKING:
    from playwright.async_api import Page

_PAGE = Path(__file__).with_suffix(".html")
_MEMORY = "/dev/shm"  # noqa: S108 -- tmpfs on every Linux; in a sandbox it is the sandbox's own and ends with it
_WITH_MEDIA = "given => (prepare({ ...given, ...VISIBLE }), film())"
_LOOKS = 9  # at the page's clock; the quickest tells its offset to less than a millisecond


class Browser:
    """One page, whose times are told on the machine's clock."""

    def __init__(self, page: Page, offset: float) -> None:
        self._page, self._offset = page, offset

    async def offer(self) -> Description:
        return dict(await self._ask("offer()"))

    async def accept(self, description: Description) -> Description:
        found: Description = await self._page.evaluate("description => accept(description)", description)
        return found

    async def candidate(self, candidate: Candidate) -> None:
        await self._page.evaluate("candidate => connection.addIceCandidate(candidate)", candidate)

    async def restart(self) -> Description:
        return dict(await self._ask("restart()"))

    async def rollback(self) -> None:
        await self._ask("rollback()")

    async def path(self) -> tuple[str, str]:
        said = await self._ask("path()")
        return said["path"], said["ufrag"]

    async def close(self) -> None:
        await self._ask("connection.close()")

    async def take(self) -> Heard:
        said = await self._ask("({ ...take(), media: takeMedia() })")
        return Heard(
            [self._time(at) for at in said["probes"]],
            said["reliable"],
            [(self._time(at), state) for at, state in said["states"]],
            said["sent"],
            said["candidates"],
            self._time(said["opened"]) if said["opened"] else None,
            media={stream: [self._time(at) for at in times] for stream, times in said["media"].items()},
        )

    async def _ask(self, script: str) -> Any:
        return await self._page.evaluate(script)

    def _time(self, milliseconds: float) -> float:
        return round(milliseconds / 1000 + self._offset, 4)


def _servers(given: Configuration) -> list[dict[str, Any]]:
    servers: list[dict[str, Any]] = [{"urls": [given.stun]}] if given.stun else []
    if given.turn:
        servers += [{"urls": list(given.turn), "username": given.username, "credential": given.password}]
    return servers


def _flags(given: Configuration) -> list[str]:
    asked = Assignment(
        Role.ROBOT, "", "", stun=given.stun, turn=given.turn, authority=given.authority, camera=given.media
    )
    return [*chromium.flags(asked), "--disable-features=WebRtcHideLocalIpsWithMdns"]


async def _offset(page: Page) -> float:
    looks: list[tuple[float, float]] = []
    for _ in range(_LOOKS):
        before = clock.monotonic()
        there = await page.evaluate("performance.now()") / 1000
        after = clock.monotonic()
        looks.append((after - before, (before + after) / 2 - there))
    return min(looks)[1]


async def _main(given: Configuration) -> None:
    from playwright.async_api import async_playwright

    with TemporaryDirectory(prefix="chromium-", dir=_MEMORY, ignore_cleanup_errors=True) as memory:
        os.environ["TMPDIR"] = memory  # playwright's driver makes the browser's profile there
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(
                executable_path=shutil.which("chromium"),
                args=_flags(given),
                env={"PATH": os.defpath, "TMPDIR": memory, "HOME": memory},
            )
            page = await browser.new_page()
            await page.goto(_PAGE.as_uri())
            offset = await _offset(page)
            wish = {"iceServers": _servers(given), "iceTransportPolicy": "relay" if given.relay_only else "all"}
            await page.evaluate("given => prepare(given)" if not given.media else _WITH_MEDIA, wish)
            await prober.serve(Browser(page, offset))
            await browser.close()


if __name__ == "__main__":
    asyncio.run(_main(prober.read(sys.argv[2])))
