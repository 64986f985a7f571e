"""`landfast reflector`: the server that helps doctor, on a machine of yours with a public address."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from landfast.servers.reflector import Settings

app = typer.Typer()


@app.command()
def reflector(
    listen: Annotated[
        list[str],
        typer.Option("--listen", metavar="ADDRESS", help="Answer here; a second one lets doctor ask twice as much."),
    ],
    public: Annotated[
        list[str] | None,
        typer.Option("--public", metavar="ADDRESS", help="The same as the world sees it, behind a NAT one to one."),
    ] = None,
    port: Annotated[int, typer.Option(min=1, max=65535, help="UDP.")] = 3478,
    other_port: Annotated[int, typer.Option(min=1, max=65535, help="UDP, from which it answers when asked to.")] = 3479,
    control: Annotated[
        int, typer.Option(min=1, max=65535, help="TCP, on the first address: the port that doctor is given.")
    ] = 3480,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout when it listens.")] = False,
) -> None:
    """Answer doctor's questions until Ctrl-C: STUN that answers from elsewhere, later, and tells over TCP what came.

    Nobody can use it to send more to others than was sent to it. It needs no root.
    """
    from landfast.app import until_interrupted
    from landfast.servers.reflector import Settings

    settings = Settings(tuple(listen), port, other_port, control, tuple(public or ()))
    until_interrupted(_serve(settings, as_json=as_json))


async def _serve(settings: Settings, *, as_json: bool) -> None:
    from landfast.errors import WorldError
    from landfast.servers.reflector import serve

    try:
        async with serve(settings):
            _say(settings, as_json=as_json)
            await asyncio.Future()
    except OSError as problem:
        raise WorldError(f"cannot listen: {problem.strerror}") from problem


def _say(settings: Settings, *, as_json: bool) -> None:
    from ipaddress import ip_address

    from landfast.model.facts import written

    told = settings.seen_from_outside((settings.addresses[0], settings.control))
    where = written(told) if told else f"ADDRESS-OF-THIS-MACHINE:{settings.control}"
    if as_json:
        description = settings.description(settings.addresses[0])
        said = {"schema_version": 1, "control": where if told else None, "offers": description.offers}
        ours = [written(one) for one in settings.endpoints]
        print(json.dumps({**said, "listening": ours, "public": list(settings.public)}), flush=True)
        return
    udp = ", ".join(map(written, settings.endpoints))
    print(f"answering on UDP {udp} and TCP {written((settings.addresses[0], settings.control))}", flush=True)
    four = [address for address in settings.of(4) if not ip_address(address).is_unspecified]
    if len(four) < 2:
        print("with a second --listen, doctor learns too what depends on the server's address", flush=True)
    print(f"on the robot: landfast doctor --server reflector:{where}", flush=True)
