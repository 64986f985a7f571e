"""The standard streams of a program that is about to start: its ends as descriptors, ours as asyncio's streams.

asyncio's own subprocess transports are not used: what a sandbox starts is not our child, and both kinds of program
shall behave alike when they are cancelled, killed, or end without reading.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence

INHERIT = -1
"""For `Host.start`: the program shares this standard stream with us."""


class Pipes:
    """Made by `await Pipes.open(…)`. `theirs` are the program's three descriptors; a stream that is no pipe is None."""

    def __init__(self) -> None:
        self.stdin: asyncio.StreamWriter | None = None
        self.stdout: asyncio.StreamReader | None = None
        self.stderr: asyncio.StreamReader | None = None
        self.theirs: list[int] = []
        self._given: list[int] = []
        self._transports: list[asyncio.BaseTransport] = []

    @classmethod
    async def open(cls, streams: Sequence[int | None]) -> Pipes:
        """For stdin, stdout and stderr: None makes a pipe, INHERIT means ours, any other number is a descriptor."""
        pipes = cls()
        try:
            for standard, stream in enumerate(streams):
                if stream is None:
                    await pipes._pipe(standard)
                else:
                    pipes.theirs.append(standard if stream == INHERIT else stream)
        except BaseException:
            pipes.given()
            pipes.close()
            raise
        return pipes

    async def _pipe(self, standard: int) -> None:
        loop = asyncio.get_running_loop()
        reading, writing = os.pipe()
        theirs, ours = (reading, writing) if standard == 0 else (writing, reading)
        self.theirs.append(theirs)
        self._given.append(theirs)
        reader = asyncio.StreamReader()
        protocol = asyncio.StreamReaderProtocol(reader)
        if standard == 0:
            to_write, _ = await loop.connect_write_pipe(lambda: protocol, os.fdopen(ours, "wb"))
            self.stdin = asyncio.StreamWriter(to_write, protocol, None, loop)
            self._transports.append(to_write)
            return
        to_read, _ = await loop.connect_read_pipe(lambda: protocol, os.fdopen(ours, "rb"))
        self._transports.append(to_read)
        if standard == 1:
            self.stdout = reader
        else:
            self.stderr = reader

    def given(self) -> None:
        """The program has its ends now, or will never have them: close them here, so that an end can be heard."""
        for descriptor in self._given:
            os.close(descriptor)
        self._given.clear()

    def ended(self) -> None:
        """The program has ended: nobody reads what we write. What it wrote may still be read."""
        if self.stdin is not None and not self.stdin.transport.is_closing():
            self.stdin.transport.abort()

    def close(self) -> None:
        """Close our ends; what was not written or not read is lost."""
        for transport in self._transports:
            if not transport.is_closing():
                transport.abort() if isinstance(transport, asyncio.WriteTransport) else transport.close()

    @property
    def closed(self) -> bool:
        """Whether all our ends are closed, by us or because the other end is."""
        return all(transport.is_closing() for transport in self._transports)
