"""A router's keeper from this side: started, asked, and heard of when it resets a session or ends (`keeper.py`)."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from landfast.errors import NotReady, WorldError
from landfast.kernel.host import Host, Program
from landfast.lab import keeper
from landfast.lab.network import Event, Network
from landfast.servers import running
from landfast.servers.running import Running


class Kept:
    """A keeper that runs. `problem` is why it does not any more."""

    def __init__(self, router: str) -> None:
        self.router = router
        self.resets = 0
        self.problem: WorldError | None = None
        self._asked = 0
        self._answers: dict[int, asyncio.Future[None]] = {}
        self._running: Running
        self.hearing: asyncio.Task[None]
        """Lasts as long as it does."""

    @classmethod
    async def start(cls, host: Host, network: Network, router: str) -> Kept:
        """Start the keeper of a router; it keeps it when this returns. Raises NotReady with its last words."""
        kept = cls(router)

        async def ready(program: Program) -> None:
            assert program.stdout
            _write(program, {"network": network.model_dump(mode="json"), "router": router})
            if not (line := await program.stdout.readline()):
                await asyncio.Event().wait()  # for ever: it has ended, and `running.start` sees that
            if "failed" in (said := json.loads(line)):
                raise WorldError(f"the keeper of {router} could not begin: {said['failed']}")

        # -P: no module of the folder that we happen to be in
        argv = [sys.executable, "-P", "-m", keeper.__name__]
        try:
            kept._running = await running.start(host, argv, ready)
        except NotReady as problem:
            problem.what = f"the keeper of {router}"
            raise
        kept.hearing = asyncio.create_task(kept._hear(), name=f"keeper of {router}")
        return kept

    async def ask(self, event: Event) -> None:
        """Have an event happen; returns when it has taken effect. Raises WorldError when the keeper has ended."""
        if self.problem:
            raise self.problem
        self._asked += 1
        answer = self._answers[self._asked] = asyncio.get_running_loop().create_future()
        _write(self._running.program, event.model_dump(mode="json"))
        await answer

    def leave(self) -> None:
        """Hear no more of it: it ends with the laboratory."""
        self.hearing.cancel()

    async def _hear(self) -> None:
        program = self._running.program
        assert program.stdout
        why = ""
        while line := await program.stdout.readline():
            said = json.loads(line)
            if "reset" in said:
                self.resets += 1
            elif "failed" in said:
                why = said["failed"]
            elif not (answer := self._answers.pop(said["done"])).done():
                answer.set_result(None)
        await program.wait()
        self.problem = WorldError(f"the keeper of {self.router} ended: {why or f'code {program.code}'}")
        self.problem.add_note(self._running.log.end())
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(self.problem)


def _write(program: Program, line: dict[str, Any]) -> None:
    assert program.stdin
    program.stdin.write(json.dumps(line).encode() + b"\n")
