"""A TCP server that sends back every line: the bystander's other end, standing for SSH and whatever runs beside WebRTC.

`python -m landfast.servers.echo --listen ADDRESS:PORT` prints one line of JSON when it listens, and runs until it is
told to stop or whoever started it is gone. With a token in LANDFAST_ECHO_TOKEN, a connection's first line must be it;
otherwise the connection is closed.
"""

from __future__ import annotations

import argparse
import asyncio
import hmac
import os
from contextlib import closing, suppress

from landfast.kernel.host import Host
from landfast.servers import running
from landfast.servers.running import Running

VARIABLE = "LANDFAST_ECHO_TOKEN"
"""The variable that carries the token, since arguments can be read by everybody on a machine."""
_MAX_LINE = 256  # bytes; ours are numbers


async def serve(address: str, port: int, token: str = "") -> asyncio.Server:
    """Listen, in this process; the returned server stops it."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with closing(writer), suppress(ConnectionError, TimeoutError, ValueError):  # ValueError: a line too long
            if token and not hmac.compare_digest((await reader.readline()).strip(), token.encode()):
                return
            while line := await reader.readline():
                writer.write(line)
                await writer.drain()

    return await asyncio.start_server(answer, address, port, limit=_MAX_LINE)


async def start(host: Host, address: str, port: int, *, token: str = "") -> Running:
    """Run the server on a host as a process of its own; it listens when this returns. Raises NotReady."""
    return await running.listening(host, __name__, address, port, {VARIABLE: token})


async def _main(address: str, port: int) -> None:
    await running.serve(await serve(address, port, os.environ.get(VARIABLE, "")))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="landfast.servers.echo", description="Send back every line.")
    parser.add_argument("--listen", metavar="ADDRESS:PORT", type=running.endpoint, required=True)
    asyncio.run(_main(*parser.parse_args().listen))
