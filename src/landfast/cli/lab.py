"""`landfast lab`: networks that break WebRTC, to look at, to verify, and to run things in."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from landfast.cli.printable import printable

if TYPE_CHECKING:
    from landfast.lab.guests import Guest
    from landfast.lab.lab import Lab
    from landfast.lab.network import Network
    from landfast.lab.verify import Measured

app = typer.Typer(
    help="The carrier in a box: networks that break WebRTC, on this machine, without root.", no_args_is_help=True
)

NOT_AS_DECLARED = 1
"""`verify` measured a network otherwise than it says."""
# Networks that are built and asked at one time: more would wait for each other, and silence is told by its length.
_AT_ONCE = 2

Name = Annotated[str | None, typer.Argument(metavar="NAME", help="One of `lab list`.", show_default=False)]
NetworkFile = Annotated[
    Path | None, typer.Option("--network", metavar="FILE.toml", help="A network of your own instead.")
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")]
Publish = Annotated[
    list[str] | None,
    typer.Option(
        "--publish", metavar="PORT:HOST", help="Reach a port of a laboratory host on this machine's localhost."
    ),
]
LabName = Annotated[str | None, typer.Option("--lab", metavar="NAME", help="Which laboratory, when several are up.")]


class WithCommand(TyperCommand):
    """A command whose words behind the first `--` belong to somebody else; they are in the context's `obj`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        end = args.index("--") if "--" in args else len(args)
        ctx.obj = args[end + 1 :]
        return super().parse_args(ctx, args[:end])

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        return [*super().collect_usage_pieces(ctx), "-- COMMAND…"]


def _load(name: str | None, file: Path | None) -> Network:
    from landfast.errors import RequestError
    from landfast.lab import parse

    if file and name:
        raise RequestError("say NAME or --network FILE.toml, not both")
    if file:
        return parse.read(file)
    if name is None:
        raise RequestError(f"say which network: one of {', '.join(parse.profiles())}, or --network FILE.toml")
    return parse.profile(name)


@contextmanager
def _status() -> Iterator[Callable[[str], None]]:
    """A line on stderr that tells what is happening, where somebody looks at it."""
    from rich.console import Console
    from rich.markup import escape

    with Console(stderr=True).status("…") as status:
        yield lambda step: status.update(f"{escape(printable(step))} …")


def _say(text: str) -> None:
    """Text that may come from a file."""
    print(printable(text))


@app.command("list")
def list_networks(as_json: AsJson = False) -> None:
    """The networks that come with landfast, and the laboratories that are up."""
    from landfast.lab import parse, remote

    networks = [parse.profile(name) for name in parse.profiles()]
    up = remote.standing()
    if as_json:
        rows = [{"name": n.name, "title": n.title, "observed_on": n.observed_on} for n in networks]
        print(json.dumps({"schema_version": 1, "networks": rows, "up": up}))
        return
    width = max(len(network.name) for network in networks)
    for network in networks:
        _say(f"{network.name:{width}}  {network.title}")
    if up:
        _say(f"\nup: {', '.join(up)}")


@app.command()
def show(name: Name = None, network: NetworkFile = None, as_json: AsJson = False) -> None:
    """A picture of a network and what it declares."""
    shown = _load(name, network)
    if as_json:
        print(json.dumps({"schema_version": 1, "network": shown.model_dump(mode="json")}))
        return
    _say(f"{shown.name} — {shown.title}\n")
    _draw(shown)
    _say("\nobserved on: " + "\n             ".join(shown.observed_on))


def _draw(network: Network) -> None:
    from landfast.lab import picture

    for line in picture.lines(picture.tree(network)):
        _say(line)


@app.command(cls=WithCommand)
def run(
    context: typer.Context,
    name: Name = None,
    on: Annotated[str, typer.Option("--on", metavar="HOST", help="Where the command runs.")] = "robot",
    network: NetworkFile = None,
    publish: Publish = None,
) -> None:
    """Run a command inside a network; the exit code is the command's own.

    Several: `lab run mifi --on operator -- node server.js --on robot -- npm test`. The last one decides: at its end the
    others are ended.
    """
    from landfast.lab import guests

    chosen = guests.split(context.obj, on)
    raise typer.Exit(asyncio.run(_run(_load(name, network), chosen, publish or [])))


async def _run(network: Network, chosen: Sequence[Guest], publications: Sequence[str]) -> int:
    from landfast.lab import guests

    width = max(len(guest.host) for guest in chosen)

    def write(host: str, stream: int, line: bytes) -> None:
        text = line.decode(errors="replace").rstrip("\r")
        print(f"{host:>{width}} │ {text}", file=sys.stderr if stream == 2 else sys.stdout, flush=True)

    async with AsyncExitStack() as stack:
        with _status() as tell:
            lab = await _standing(network, tell, [guest.host for guest in chosen], publications, stack)
        return await guests.run(lab, chosen, write)


async def _standing(
    network: Network,
    tell: Callable[[str], None],
    named: Sequence[str],
    publications: Sequence[str],
    stack: AsyncExitStack,
) -> Lab:
    """Build a laboratory and publish what is wanted, until the stack ends; what is named must be there."""
    from landfast.errors import UnknownName
    from landfast.lab import publish
    from landfast.lab.lab import Lab

    wanted = [publish.parse(publication) for publication in publications]
    lab = Lab(network, progress=tell)
    for name in (*named, *(publication.host for publication in wanted)):
        if name not in lab.names:
            raise UnknownName("host", name, lab.names)
    await stack.enter_async_context(lab)
    for publication in wanted:
        await stack.enter_async_context(publish.published(publication, lab.host(publication.host)))
    if lab.impairment:  # whoever measures there must know how well the cables do what they are asked to
        print(f"cables impaired by {lab.impairment}", file=sys.stderr)
        for delay in lab.links.delays:
            print(printable(f"  {delay}"), file=sys.stderr)
    return lab


@app.command()
def up(name: Name = None, network: NetworkFile = None, publish: Publish = None) -> None:
    """Build a network and keep it until Ctrl-C or `lab down`.

    Use it from other terminals with `lab exec` and `lab event`.
    """
    asyncio.run(_up(_load(name, network), publish or []))


async def _up(network: Network, publications: Sequence[str]) -> None:
    from landfast.lab.remote import Door

    def tell(step: str) -> None:
        print(printable(f"{step} …"), file=sys.stderr, flush=True)

    async with AsyncExitStack() as stack:
        door = await stack.enter_async_context(Door(network.name))
        lab = await _standing(network, tell, (), publications, stack)
        _draw(network)
        print()
        for key, value in lab.environment.items():
            print(f"{key}={value}")
        for publication in publications:
            _say(f"published: {publication}")
        _say(f"\n{network.name} is up. In another terminal:")
        print("  landfast lab exec robot -- COMMAND…")
        print(f"  landfast lab event {'|'.join(lab.occasions())}")
        print("Ctrl-C or `landfast lab down` ends it.", flush=True)
        await door.open(lab)


@app.command(cls=WithCommand)
def exec(  # noqa: A001 -- the verb that docker and kubectl taught everybody
    context: typer.Context,
    host: Annotated[str, typer.Argument(metavar="HOST", help="As in `lab show`.")],
    lab: LabName = None,
) -> None:
    """Run a command on a host of the laboratory that is up; the exit code is the command's own."""
    from landfast.errors import RequestError
    from landfast.lab import remote

    if not context.obj:
        raise RequestError(f"nothing to run on {host}: write -- COMMAND …")
    raise typer.Exit(asyncio.run(remote.execute(lab, host, context.obj)))


@app.command()
def event(
    what: Annotated[str, typer.Argument(help="change-public-address, rebind-port, flush, suspend-radio, link-down, …")],
    on: Annotated[
        str,
        typer.Option(
            metavar="HOST",
            help="The host or router that it happens to. [default: the robot, or the outermost router on its way]",
            show_default=False,
        ),
    ] = "",
    lasts: Annotated[float | None, typer.Option(metavar="SECONDS", help="Until it ends, if it can.")] = None,
    lab: LabName = None,
) -> None:
    """Let something happen to the laboratory that is up."""
    from landfast.lab import remote

    asyncio.run(remote.event(lab, what, on, lasts))


@app.command()
def down(
    lab: Annotated[str | None, typer.Argument(metavar="NAME", help="Which, when several are up.")] = None,
) -> None:
    """End a laboratory that is up."""
    from landfast.lab import remote

    asyncio.run(remote.down(lab))


@app.command()
def verify(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]…", help="Of `lab list`. [default: all]", show_default=False)
    ] = None,
    network: NetworkFile = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Without timers, ages and budgets, as before each use: a second each.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Build networks and measure whether they are as they declare; 1 when one is not."""
    from landfast.lab import parse

    if network or names:
        networks = [_load(None, network)] if network else []
        networks += [_load(name, None) for name in names or ()]
    else:
        networks = [parse.profile(name) for name in parse.profiles()]
    measured, problems = asyncio.run(_verify(networks, quick))
    if as_json:
        print(json.dumps({"schema_version": 1, "networks": [each.as_json() for each in measured]}))
    else:
        for each in measured:
            for line in _report(each):
                _say(line)
    if problems:  # what was measured is told in spite of them
        raise ExceptionGroup("networks that could not be measured", problems)
    if not all(each.ok for each in measured):
        raise typer.Exit(NOT_AS_DECLARED)


async def _verify(networks: Sequence[Network], quick: bool) -> tuple[list[Measured], list[Exception]]:
    """Measure networks: thoroughly all at once, for that is mostly waiting. What was measured, and what went wrong."""
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TimeElapsedColumn(), TextColumn("{task.description}", markup=False))
    turns = asyncio.Semaphore(_AT_ONCE if quick else len(networks))
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as shown:

        async def one(network: Network) -> Measured:
            async with turns:
                line = shown.add_task(printable(network.name))

                def tell(step: str) -> None:
                    shown.update(line, description=printable(f"{network.name}: {step}"))

                try:
                    return await _measure(network, quick, tell)
                finally:
                    shown.remove_task(line)

        results = await asyncio.gather(*map(one, networks), return_exceptions=True)
    if interrupted := [each for each in results if isinstance(each, BaseException) and not isinstance(each, Exception)]:
        raise interrupted[0]
    problems = [each for each in results if isinstance(each, Exception)]
    return [each for each in results if not isinstance(each, BaseException)], problems


async def _measure(network: Network, quick: bool, tell: Callable[[str], None]) -> Measured:
    from landfast.lab import verify
    from landfast.lab.lab import Lab

    if not quick:
        return await verify.deep(network, tell)
    # What happens to a network would be taken for what it is.
    async with Lab(network.but(events=[]), verified=False, served=False, progress=tell) as lab:
        tell("verifying it")
        return await verify.measure(lab.plan, lab.host)


def _report(measured: Measured) -> Iterator[str]:
    unknown = sum(row.agrees is None for row in measured.rows)
    said = f"{len(measured.rows) - unknown} axes measured" + (f", {unknown} unknown" if unknown else "")
    yield f"{measured.network}: {'' if measured.ok else 'NOT '}as declared ({said})"
    for row in measured.differences:
        yield f"  {row}"
