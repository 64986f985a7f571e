"""A peer that is Chromium: Debian's, without a window, driven by playwright. What it does is in `chromium.html`.

The page negotiates by itself over its own WebSocket, so that all of it crosses the network from the browser, and tells
what happens; here that becomes the attempt's happenings, on the machine's clock. The browser is up before the peer says
Ready, and its profile lies in memory and is gone with it.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from landfast import clock
from landfast.errors import CapabilityMissing, WorldError
from landfast.peers import program, report
from landfast.peers.assignment import Assignment, Interfaces
from landfast.peers.attempt import ECHO_EVERY, Broke, EchoReturned, EchoSent, PeerDone, PeerReady
from landfast.peers.program import Happen
from landfast.peers.report import ChecksStarted, GatheringFinished, GatheringStarted, StateChanged

if TYPE_CHECKING:
    from playwright.async_api import Page, Playwright

_PAGE = Path(__file__).with_suffix(".html")
_MEMORY = "/dev/shm"  # noqa: S108 -- tmpfs on every Linux; in a sandbox it is the sandbox's own and ends with it
_GATHER = 6.0  # seconds: aiortc gives up on a STUN server after 5, and Chromium would wait 10
_LOOKS = 5  # at the page's clock; the quickest tells its offset to less than a millisecond
_LEAVE = 1.5  # seconds: the page waits 1 for the signalling server's goodbye


async def _driver(until: AsyncExitStack) -> Playwright:
    """Playwright's driver, a Node.js of its own. Raises CapabilityMissing where that does not run."""
    from playwright.async_api import async_playwright

    try:
        return await until.enter_async_context(async_playwright())
    except Exception as problem:  # noqa: BLE001 -- its end has no class of its own
        raise CapabilityMissing("playwright's driver", "Debian package libatomic1", str(problem)) from None


class ChromiumStack:
    """One page in one browser."""

    def __init__(self, task: Assignment, happen: Happen) -> None:
        self._task = task
        self._happen = happen
        self._offset = 0.0
        self._open = AsyncExitStack()
        self._calls: set[asyncio.Task[Any]] = set()

    async def __aenter__(self) -> ChromiumStack:
        from playwright.async_api import Error

        memory = self._open.enter_context(
            TemporaryDirectory(prefix="chromium-", dir=_MEMORY, ignore_cleanup_errors=True)
        )
        os.environ["TMPDIR"] = memory  # playwright's driver makes the browser's profile there
        try:
            playwright = await _driver(self._open)
            browser = await playwright.chromium.launch(
                executable_path=shutil.which("chromium"),
                args=flags(self._task),
                env={"PATH": os.defpath, "TMPDIR": memory, "HOME": memory},
                # The signals are ours: the page shall say goodbye.
                handle_sigint=False,
                handle_sigterm=False,
                handle_sighup=False,
            )
            self._open.push_async_callback(browser.close)
            self._page: Page = await browser.new_page()
            await self._page.expose_function("happen", self._told)
            await self._page.goto(_PAGE.as_uri())
            self._offset = await self._clock_offset()
            await self._page.evaluate("task => prepare(task)", self._assignment())
        except Error as problem:
            await self._open.aclose()
            raise WorldError(f"Chromium: {problem}") from None
        except BaseException:
            await self._open.aclose()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        from playwright.async_api import Error

        with suppress(Error, TimeoutError):
            await asyncio.gather(*self._calls)
            await asyncio.wait_for(self._page.evaluate("leave()"), _LEAVE)
        with suppress(Error):
            await self._open.aclose()

    def ready(self) -> None:
        self._call("say({type: 'ready'})")

    def done(self) -> None:
        self._call("say({type: 'done'})")

    def begin(self) -> None:
        self._call("begin()")

    def _call(self, script: str) -> None:
        call = asyncio.create_task(self._page.evaluate(script))
        self._calls.add(call)
        call.add_done_callback(self._called)

    def _called(self, call: asyncio.Task[Any]) -> None:
        self._calls.discard(call)
        if not call.cancelled() and (problem := call.exception()):
            self._happen(Broke(clock.monotonic(), str(problem)))

    def _assignment(self) -> dict[str, Any]:
        """What the page wants to know; times in milliseconds."""
        task = self._task
        servers: list[dict[str, Any]] = [{"urls": [task.stun]}] if task.stun else []
        if task.turn:
            servers += [{"urls": list(task.turn), "username": task.turn_username, "credential": task.turn_password}]
        return {
            "role": task.role,
            "signalling": task.signalling,
            "room": task.room,
            "token": task.token,
            "camera": task.camera,
            "iceServers": servers,
            "gather": _GATHER * 1000,
            "echoEvery": ECHO_EVERY * 1000,
        }

    async def _clock_offset(self) -> float:
        """What the page's seconds lack: performance.now() runs with the monotonic clock, from another zero."""
        looks: list[tuple[float, float]] = []
        for _ in range(_LOOKS):
            before = clock.monotonic()
            page = await self._page.evaluate("performance.now()") / 1000
            after = clock.monotonic()
            looks.append((after - before, (before + after) / 2 - page))
        return min(looks)[1]

    def _told(self, kind: str, milliseconds: float, detail: Any) -> None:
        at = milliseconds / 1000 + self._offset
        match kind, detail:
            case "peer-ready", _:
                self._happen(PeerReady(at))
            case "peer-done", _:
                self._happen(PeerDone(at))
            case "gathering", _:
                self._happen(GatheringStarted(at))
            case "gathered", sdp:
                self._happen(GatheringFinished(at, report.candidates(sdp)))
            case "checking", _:
                self._happen(ChecksStarted(at))
            case "state", (what, state):
                self._happen(StateChanged(at, what, state))
            case "echo-sent", _:
                self._happen(EchoSent(at))
            case "echo-returned", _:
                self._happen(EchoReturned(at))
            case _:
                self._happen(Broke(at, str(detail)))


def flags(task: Assignment) -> list[str]:
    """Chromium's switches. Beside playwright's own: silent towards the world, stock towards WebRTC."""
    servers = [task.signalling, *(url.replace(":", "://", 1) for url in (task.stun, *task.turn) if url)]
    known = "".join(f", EXCLUDE {urlsplit(server).hostname}" for server in servers)
    switches = [
        "--no-sandbox",  # needs namespaces of its own, which a laboratory's guest may not make
        "--disable-gpu",
        "--disable-background-networking",
        f"--host-resolver-rules=MAP * ~NOTFOUND{known}",
    ]
    if task.camera:  # the switches alone are a permission already
        switches += ["--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"]
    if task.authority:
        switches.append("--ignore-certificate-errors")  # no switch adds an authority
    if task.interfaces is Interfaces.DEFAULT_ROUTE:
        switches.append("--webrtc-ip-handling-policy=default_public_interface_only")
    return switches


if __name__ == "__main__":
    sys.exit(program.main("landfast.peers.chromium", ChromiumStack))
