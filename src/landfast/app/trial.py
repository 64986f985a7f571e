"""A trial: what is asked for is checked, the arms take turns, each attempt is in the journal as it ends."""

from __future__ import annotations

import asyncio
import os
import platform
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import landfast
from landfast import clock
from landfast.errors import BadFile, LandfastError, RequestError
from landfast.journal.file import Journal, Recording, read
from landfast.kernel.host import Host
from landfast.model.facts import Endpoint
from landfast.peers import Assignment, Role, Stack
from landfast.remedies.masquerade.options import Options
from landfast.trials import arms, result
from landfast.trials.arms import Arm
from landfast.trials.attempt import HOLD, LIMIT, Place, Terms
from landfast.trials.plan import ATTEMPTS, GROUPS, Slot, plan
from landfast.trials.result import Attempt, Trial
from landfast.trials.run import run

if TYPE_CHECKING:
    from landfast.lab.network import Network


@dataclass(frozen=True)
class TrialRequest:
    """What somebody wants tried. `operator` is the URL of an operator's machine; without it there is a laboratory."""

    network: str = "mifi"
    """A profile's name, or the path of a TOML file."""
    operator: str = ""
    token: str = ""
    arms: tuple[str, ...] = ("off", "on")
    groups: int = GROUPS
    attempts: int = ATTEMPTS
    stack: Stack = Stack.AIORTC
    camera: bool = False
    options: Options = field(default_factory=Options)
    limit: float = LIMIT
    hold: float = HOLD
    journal: Path = Path("landfast-trial.jsonl")
    resume: bool = False
    pcap: Path | None = None


@dataclass(frozen=True)
class Prepared:
    """A trial that can be made: everything asked for exists, and what an earlier session finished is known."""

    request: TrialRequest
    arms: dict[str, Arm]
    network: Network | None
    """None: a real robot."""
    plan: dict[str, Any]
    """What the journal keeps of the request; a trial is resumed only by the same."""
    slots: tuple[Slot, ...]
    finished: tuple[Attempt, ...]
    notice: str = ""

    @property
    def remaining(self) -> tuple[Slot, ...]:
        """What is still to be done."""
        done = {attempt.number for attempt in self.finished}
        return tuple(slot for slot in self.slots if slot.number not in done)


def prepare(request: TrialRequest) -> Prepared:
    """Check a request and read its journal. Nothing is started or written. Raises RequestError and its children."""
    chosen = arms.chosen(request.arms, laboratory=not request.operator)
    slots = plan(request.arms, request.groups, request.attempts)
    if not (request.limit > 0 and request.hold >= 0):
        raise RequestError("an attempt needs some time to connect, and none or some to hold")
    network = None if request.operator else _network(request.network)
    asked = _plan(request, network)
    done, notice = _finished(request, asked) if request.resume else ((), "")
    return Prepared(request, chosen, network, asked, slots, done, notice)


def _network(name: str) -> Network:
    from landfast.lab import parse

    return parse.read(Path(name)) if name.endswith(".toml") else parse.profile(name)


def _plan(request: TrialRequest, network: Network | None) -> dict[str, Any]:
    return {
        "network": (network.name or request.network) if network else request.operator,
        "declaration": network.model_dump(mode="json") if network else None,
        "stack": str(request.stack),
        "camera": request.camera,
        "arms": list(request.arms),
        "groups": request.groups,
        "attempts": request.attempts,
        "limit_s": request.limit,
        "hold_s": request.hold,
        "scope": request.options.scope,
        "action": request.options.action,
        "backend": request.options.backend,
        "interfaces": list(request.options.interfaces),
    }


def _finished(request: TrialRequest, asked: dict[str, Any]) -> tuple[tuple[Attempt, ...], str]:
    """The attempts in the journal, and what is to be said about it."""
    recording = _recorded(request.journal)
    if recording is None:
        return (), f"{request.journal} holds nothing yet: the trial begins"
    earlier = result.fold(request.journal, recording)
    differences = [
        f"{key} was {earlier.plan.get(key)!r} and is {value!r}"
        for key, value in asked.items()
        if earlier.plan.get(key) != value
    ]
    if differences:
        raise BadFile(
            request.journal, 1, f"the journal of another trial: {'; '.join(differences)}", "choose another --journal"
        )
    torn = "; its last line was not finished and is left out" if recording.torn else ""
    return earlier.attempts, f"{len(earlier.attempts)} of {earlier.planned} attempts are in {request.journal}{torn}"


def _recorded(journal: Path) -> Recording | None:
    try:
        there = journal.exists()
    except OSError as problem:
        raise BadFile(journal, None, problem.strerror or str(problem), "choose another --journal") from None
    return read(journal) if there else None


def so_far(journal: Path) -> Trial | None:
    """The trial in a journal as far as it has come; None when there is nothing to read."""
    recording = _recorded(journal)
    return result.fold(journal, recording) if recording else None


Opens = Callable[["Prepared", "Network | None", Path | None, Callable[[str], None]], AbstractAsyncContextManager[Place]]
"""Makes a place of a network, or of this machine where there is none; foreign packets go to the file."""


def open_place(
    prepared: Prepared, network: Network | None, pcap: Path | None, progress: Callable[[str], None]
) -> AbstractAsyncContextManager[Place]:
    """The laboratory, or the real robot."""
    from landfast.trials.place import laboratory
    from landfast.trials.robot import robot

    asked = prepared.request
    task = Assignment(Role.ROBOT, "", "", limit=asked.limit, hold=asked.hold, camera=asked.camera)
    if network:
        return laboratory(network, asked.stack, task, pcap=pcap, progress=progress)
    return robot(asked.operator, asked.token, asked.stack, task, pcap=pcap, progress=progress)


async def trial(
    prepared: Prepared, now: Callable[[str], None], finished: Callable[[Attempt], None], opens: Opens = open_place
) -> Trial:
    """Make what remains of a trial, each attempt into the journal as it ends. `now` and `finished` hear what
    happens."""
    request = prepared.request
    provenance = await _provenance()
    if not prepared.network and any(arm.enter for arm in prepared.arms.values()):
        await _refuse_standing_remedy()
    async with AsyncExitStack() as stack:
        places = _Places(prepared, stack, now, opens)
        journal: Journal | None = None

        async def place_for(arm: Arm) -> Place:
            nonlocal journal
            place = await places.place_for(arm)
            if journal is None:  # not before something stands that can be measured: an older journal stays till then
                journal = stack.enter_context(_journal(prepared, provenance))
            return place

        def keep(attempt: Attempt) -> None:
            assert journal
            journal.append(result.record(attempt))
            finished(attempt)

        await run(
            prepared.remaining,
            prepared.arms,
            place_for,
            options=request.options,
            terms=Terms(request.limit, request.hold),
            after=max((a.began_s + a.lasted_s for a in prepared.finished), default=0.0),
            now=now,
            finished=keep,
        )
    made = so_far(request.journal)
    assert made
    return made


def _journal(prepared: Prepared, provenance: dict[str, Any]) -> Journal:
    path = prepared.request.journal
    if prepared.request.resume and _recorded(path):
        journal = Journal.resume(path)
        journal.append(result.resumed(provenance))
        return journal
    return Journal.create(path, result.header(prepared.plan, provenance))


async def _refuse_standing_remedy() -> None:
    from landfast.remedies import masquerade

    if (await masquerade.status(Host.here())).enabled:
        raise RequestError(
            "the masquerade remedy is in force on this robot, and a trial puts it in and takes it away: "
            "`landfast masquerade disable` first"
        )


class _Places:
    """One place for each network that the arms need, made when it is first needed and kept to the end."""

    def __init__(self, prepared: Prepared, stack: AsyncExitStack, now: Callable[[str], None], opens: Opens) -> None:
        self._prepared, self._stack, self._now, self._opens = prepared, stack, now, opens
        self._standing: list[tuple[Network | None, Place]] = []

    async def place_for(self, arm: Arm) -> Place:
        network = self._prepared.network
        wanted = arm.network(network) if network else None
        for known, place in self._standing:
            if known == wanted:
                return place
        opened = self._opens(self._prepared, wanted, self._pcap(arm), self._now)
        place = await self._stack.enter_async_context(opened)
        self._standing.append((wanted, place))
        return place

    def _pcap(self, arm: Arm) -> Path | None:
        """The file for the first network; each further one has the arm's name in it, since one meter writes one
        file."""
        path = self._prepared.request.pcap
        if path is None:
            return None
        path = path.absolute()
        if self._standing:
            path = path.with_stem(f"{path.stem}-{arm.name}")
        if not self._prepared.finished:
            path.unlink(missing_ok=True)  # the meter appends, so that a resumed trial keeps what it had
        return path


async def _provenance() -> dict[str, Any]:
    """Where, when and with what: a result without it proves nothing later."""
    nft = await _said("nft", "--version")
    return {
        "started": clock.wall().isoformat(sep=" ", timespec="seconds"),
        "landfast": landfast.__version__,
        "commit": await _commit(),
        "kernel": f"{platform.system()} {platform.release()} {platform.machine()}",
        "processors": os.cpu_count(),
        "nft": nft.removeprefix("nftables ") if nft else None,
        "python": platform.python_version(),
    }


async def _commit() -> str | None:
    """The commit of the source tree that runs, with a plus sign when it was changed since; None when it is no such
    tree."""
    source = Path(landfast.__file__).parents[2]
    if not (source / ".git").exists():
        return None
    commit = await _said("git", "-C", str(source), "rev-parse", "--short=12", "HEAD")
    changed = await _said("git", "-C", str(source), "status", "--porcelain")
    return f"{commit}+" if commit and changed else commit or None


async def _said(*argv: str) -> str:
    """What a program writes; nothing when it is not there or fails."""
    with suppress(LandfastError):
        return (await Host.here().run(argv)).checked().stdout.strip()
    return ""


async def operate(listen: Endpoint, token: str, stun: Endpoint | None, ready: Callable[[str], None]) -> None:
    """Be the operator's machine of a real robot's trial, until cancelled. `ready` hears at which address it is
    reached."""
    from landfast.trials.operator import reached_at, serve

    async with serve(listen, token, stun):
        ready(await reached_at(listen[0]))
        await asyncio.Future()
