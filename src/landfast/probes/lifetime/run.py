"""The sockets of a measurement of lifetimes: each is brought into its state, left alone, and heard."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, suppress
from itertools import chain
from typing import Literal

from landfast import clock
from landfast.kernel.host import Host
from landfast.model.facts import BindingTried, Endpoint, Fact, NoReply, State
from landfast.probes import asking, nonces
from landfast.probes.asking import Socket
from landfast.probes.lifetime import later
from landfast.probes.lifetime.later import Companions, Later
from landfast.probes.lifetime.plan import COMPANIONS, STREAM_AFTER, Plan, Trial, plan
from landfast.probes.lifetime.progress import STATES, Progress
from landfast.probes.questions import Lifetime

# Local ports below those of other programs and questions (`asking.py`). What a NAT remembers of a port would be taken
# for the binding's own life, so each measurement has a block by the time it begins: the next 40 have others.
_PORTS, _BLOCK = range(20_000, 32_768), 300
_BLOCK_SECONDS = 4.0

_PULSE = 1.0  # seconds between packets that keep the companions' socket alive; no binding is known to die sooner
_UP = 0.15  # seconds, and a round trip, until copies have arrived or are lost
_BURST, _PAUSE = 10, 0.005  # packets sent at once, and seconds to the next ones

RefreshedBy = Literal["nothing", "inbound", "outbound"]


async def ask(host: Host, question: Lifetime, tell: Callable[[Fact], None]) -> None:
    """Tell BindingTried for each packet that a binding was tried with, as it comes; ends as soon as every lifetime is
    known, or `longest` is over.

    Tells NoReply when the reflector is silent from the beginning. Raises CapabilityMissing where no route leads to it.
    """
    if not question.reflector.stun:
        return
    await _Measurement(host, question, tell).run()


class _Measurement:
    def __init__(self, host: Host, question: Lifetime, tell: Callable[[Fact], None]) -> None:
        self._host, self._question, self._tell = host, question, tell
        self._server: Endpoint = question.reflector.stun[0]
        self._plan: Plan = plan(question.longest, question.mappings, oldest=question.oldest)
        self._progress = Progress(question.longest, question.oldest, self._plan.outbound or 1)
        self._news = asyncio.Event()
        self._ports = _block(clock.monotonic())
        self._marks: dict[bytes, asyncio.Future[int | None]] = {}
        self._unchecked: list[tuple[float, bytes]] = []

    async def run(self) -> None:
        self._own = await asking.source(self._host, self._server, self._question.interface)
        with ExitStack() as stack:
            pulse = stack.enter_context(closing(await self._open()))
            first = await pulse.ask(self._server)
            if first is None:
                for sent in pulse.unanswered(self._server):
                    self._tell(NoReply(clock.monotonic(), self._server, pulse.local, sent))
                return
            self._round_trip = first.seconds
            companion = stack.enter_context(closing(await self._open()))
            self._companions = Companions(companion, self._server, self._round_trip)
            await self._measure(pulse)

    async def _measure(self, pulse: Socket) -> None:
        began = clock.monotonic()
        for trial in self._plan.trials:
            self._progress.expect(trial.state, trial.silent)
        async with asyncio.TaskGroup() as group:
            tasks: dict[State | None, list[asyncio.Task[None]]] = {state: [] for state in (*STATES, None)}
            tasks[None] += [group.create_task(self._keep(pulse)), group.create_task(self._check())]
            tasks[None] += [group.create_task(self._feed(number)) for number in range(self._plan.inbound)]
            tasks[None] += [group.create_task(self._use(number)) for number in range(self._plan.outbound)]
            for trial in self._plan.trials:
                await asyncio.sleep(0)  # the first ones count from now
                tasks[trial.state].append(group.create_task(self._try(trial)))
            while not self._progress.finished(clock.monotonic() - began):
                for state in filter(self._progress.settled, STATES):
                    for task in tasks[state]:
                        task.cancel()
                await self._heard_something(_PULSE)
            for task in chain.from_iterable(tasks.values()):
                task.cancel()

    async def _heard_something(self, within: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                await self._news.wait()
        self._news.clear()

    async def _open(self) -> Socket:
        for port in self._ports:
            try:
                return await Socket.open(self._host, address=self._own, port=port, interface=self._question.interface)
            except OSError as problem:
                if problem.errno != errno.EADDRINUSE:
                    raise
        raise OSError(errno.EADDRINUSE, "no port is free")

    async def _keep(self, pulse: Socket) -> None:
        """Keep the companions' bindings alive, and know the round trip."""
        sockets = self._companions.sockets
        with ExitStack() as stack:
            while True:
                answer = await pulse.ask(self._server, sends=1)
                if answer:
                    self._round_trip = self._companions.round_trip = (self._round_trip * 3 + answer.seconds) / 4
                for socket in sockets:
                    await socket.ask(self._server, sends=1)
                await asyncio.sleep(_PULSE)
                if len(sockets) < COMPANIONS:
                    with suppress(OSError):
                        sockets.append(stack.enter_context(closing(await self._open())))

    # What came up, by the reflector's own word.

    async def _check(self) -> None:
        """Ask for each trial's copies, once they have arrived or are lost, and before they are forgotten."""
        while True:
            await asyncio.sleep(_UP)
            until = clock.monotonic() - self._round_trip - _UP
            ready = [mark for sent, mark in self._unchecked if sent <= until]
            if ready:
                self._unchecked = [(sent, mark) for sent, mark in self._unchecked if sent > until]
                seen = await nonces.seen(self._host, self._question.reflector.control, ready)
                for place, mark in enumerate(ready):
                    if not (counted := self._marks.pop(mark)).done():
                        counted.set_result(seen[place].count if seen else None)

    def _count(self, asked: Later) -> asyncio.Future[int | None]:
        """How many copies of it arrived; None where that is not known."""
        future = self._marks[asked.mark] = asyncio.get_running_loop().create_future()
        self._unchecked.append((asked.last, asked.mark))
        return future

    # One socket each.

    async def _try(self, trial: Trial) -> None:
        """Left alone."""
        try:
            with suppress(OSError), closing(await self._open()) as socket:
                began = clock.monotonic()
                if await self._brought(socket, trial.state, began):
                    await self._one(socket, trial.state, trial.silent, began)
        finally:
            self._progress.over(trial.state, trial.silent)
            self._news.set()

    async def _brought(self, socket: Socket, state: State, began: float) -> bool:
        """Into a state; False when the server did not answer."""
        socket.round_trip = self._round_trip
        if state == "unreplied":
            return True
        if await socket.ask(self._server) is None:
            return False
        if state == "replied":
            return True
        await asyncio.sleep(began + STREAM_AFTER - clock.monotonic())
        return await socket.ask(self._server) is not None

    async def _one(
        self,
        socket: Socket,
        state: State,
        silent: float,
        began: float,
        *,
        by: RefreshedBy = "nothing",
        copies: int = later.COPIES,
        apart: float = later.APART,
        mapped: set[Endpoint | None] | None = None,
    ) -> bool | None:
        """One trial of a binding; whether an answer arrived, None when nothing can be said. `mapped` collects where the
        server saw it."""
        asked = await later.ask(socket, self._server, silent, self._round_trip, copies=copies, apart=apart)
        counted = self._count(asked)
        answer, works = await later.outcome(socket, asked, self._companions)
        self._progress.companions(self._companions.sent, self._companions.arrived)
        if answer:
            if mapped is not None:
                mapped.add(answer.mapped)
            if by == "outbound" and (self._progress.aged or len(mapped or ()) > 1):  # it may be, or is, a new one
                return None
            arrived = min(answer.at - self._round_trip, asked.dues[-1])
            self._say(self._fact(state, asked.last, arrived, began, arrived=True, by=by))
            return True
        count = await counted
        if count is None:  # perhaps nothing was ever sent
            works, count = False, 1
        if by == "outbound":  # nobody else is tried at this age
            works = works and self._progress.convincing(count)
        for due in asked.dues[:count]:
            self._say(self._fact(state, asked.last, due, began, works=works, by=by))
        return False if works and count else None

    def _fact(
        self,
        state: State,
        last: float,
        due: float,
        began: float,
        *,
        by: RefreshedBy,
        arrived: bool = False,
        works: bool = True,
    ) -> BindingTried:
        """As it is for a NAT half a round trip away, whose time of silence ends as much later as it began."""
        silent = due - last + self._round_trip / 2
        now, age = clock.monotonic(), silent + last - began
        return BindingTried(now, self._server, state, silent, age, arrived, works, by)

    async def _feed(self, number: int) -> None:
        """Nothing goes out any more, and packets come in all the time."""
        every = self._plan.inbound_every
        with suppress(OSError), closing(await self._open()) as socket:
            began = clock.monotonic()
            if await socket.ask(self._server) is None:
                return
            asked: list[Later] = []
            moment = max(STREAM_AFTER, every) + every * number / self._plan.inbound
            while moment <= self._question.longest:
                left = moment - (clock.monotonic() - began)
                asked.append(await later.ask(socket, self._server, left, self._round_trip, copies=1))
                moment += every
                if not len(asked) % _BURST:
                    await asyncio.sleep(_PAUSE)
            last = clock.monotonic()
            for each in asked:
                answer, works = await later.outcome(socket, each, self._companions)
                due = each.dues[0]
                arrived = answer is not None
                self._say(self._fact("stream", last, due, began, arrived=arrived, works=works, by="inbound"))

    async def _use(self, number: int) -> None:
        """Packets go out and come in all the time, and the next go out as soon as the last have come in: a binding that
        was lost and made anew in between would look as old as its socket."""
        while not self._progress.aged:
            with suppress(OSError), closing(await self._open()) as socket:
                if await self._grows_old(socket, number) is False:
                    self._progress.died()
                    return

    async def _grows_old(self, socket: Socket, number: int) -> bool | None:
        """One binding, until all are known to die or this one does; None where it may have died, or never lived."""
        began = clock.monotonic()
        silent = self._plan.outbound_every * (number + 1) / self._plan.outbound
        mapped: set[Endpoint | None] = set()
        lives: bool | None = await self._brought(socket, "stream", began) or None
        while lives and not self._progress.aged:
            copies = self._progress.copies
            lives = await self._one(
                socket, "stream", silent, began, by="outbound", copies=copies, apart=0, mapped=mapped
            )
            silent = self._plan.outbound_every
        return lives

    def _say(self, fact: BindingTried) -> None:
        self._tell(fact)
        self._progress.hear(fact)
        self._news.set()


def _block(now: float) -> Iterator[int]:
    """Ports: those of this moment's block, then what lies behind it."""
    first = _PORTS.start + int(now // _BLOCK_SECONDS) % (len(_PORTS) // _BLOCK) * _BLOCK
    return iter(range(first, _PORTS.stop))
