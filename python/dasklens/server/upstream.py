"""One connection to a scheduler, for all who look: made for the first, kept up, closed after the last.

It says at any time how it stands, in the phases of ``source/live.py``, and reads on where its readers are
when a scheduler comes back.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from time import time
from typing import TYPE_CHECKING, Any

from dasklens.server.plain import Plain, PlainLogs
from dasklens.server.reading import Lost, Place, Reading, Replies, Reply, Source
from dasklens.server.recorded import Recorded
from dasklens.server.target import NotThere

if TYPE_CHECKING:
    from dasklens.server.registry import Entry, Registry

#: Seconds to wait before trying again, first and at most.
RETRY_FIRST, RETRY_MOST = 0.5, 10.0
#: Seconds after a loss in which the registry may hear that the scheduler has gone for good.
GRACE = 0.25

GONE = "The scheduler has gone."


@dataclass(frozen=True, slots=True)
class State:
    """How a connection stands.

    Attributes
    ----------
    phase : str
        ``"connecting"``, ``"live"``, ``"lost"`` or ``"finished"``.
    reason : str
        Why it is lost or finished; of a live one, what it does not show.
    since : float
        Of the phase, in seconds since the epoch.
    retry_at : float or None
        When it is tried again; None when nobody tries, or it is not lost.
    """

    phase: str
    reason: str
    since: float
    retry_at: float | None = None


class Upstream:
    """The connection to one entry of the registry.

    Parameters
    ----------
    id : str
        Of the entry, which may come and go.
    registry : Registry
    replies : Replies
    plain_logs : PlainLogs
        Where what plain schedulers told is kept.
    log : logging.Logger

    Attributes
    ----------
    state : State
    """

    def __init__(self, id: str, registry: Registry, replies: Replies, plain_logs: PlainLogs, log: Any):
        self.id = id
        self._registry = registry
        self._replies = replies
        self._plain_logs = plain_logs
        self.log = log
        self._listeners: list[Callable[[], None]] = []
        #: The one that keeps the connection up, and those before it that still close theirs.
        self._running: asyncio.Task[None] | None = None
        self._runs: set[asyncio.Task[None]] = set()
        self._reading: Reading | None = None
        self._readable = asyncio.Event()
        self._source: Source | None = None
        self._said: dict[str, Any] | None = None
        #: Set when something may have changed for the better.
        self._wake = asyncio.Event()
        self._unsubscribe: list[Callable[[], None]] = []
        self.state = State("connecting", "", time())

    # -- who looks -------------------------------------------------------------------------------

    @property
    def said(self) -> dict[str, Any]:
        """What a page's hello says of the scheduler."""
        if self._source is not None:
            self._said = {"scheduler": None, **self._source.said, "recorded": self._source.recorded}
        elif self._said is None:
            entry = self._registry.get(self.id)
            return {"scheduler": None, "recorded": bool(entry is not None and entry.recorded)}
        return self._said

    def join(self, listener: Callable[[], None]) -> None:
        """Look, until `leave`; `listener` is called when `state` or `said` have changed."""
        if listener in self._listeners:
            return
        self._listeners.append(listener)
        if self._running is None:
            self.state = self._connecting()
            self._running = asyncio.ensure_future(self._run(set(self._runs)))
            self._runs.add(self._running)
            self._running.add_done_callback(self._runs.discard)

    def leave(self, listener: Callable[[], None]) -> None:
        """Look no more."""
        if listener in self._listeners:
            self._listeners.remove(listener)
        if not self._listeners:
            self._end()

    @property
    def running(self) -> bool:
        """Whether somebody looks, or what was open for them is still being closed."""
        return bool(self._runs)

    async def read(self, stream: str, place: Place, until: int | None = None) -> Reply:
        """See `Reading.read`; while the scheduler is not there it waits until it is.

        Raises
        ------
        Unreadable
            When the scheduler does not give what is asked for.
        """
        while True:
            await self._readable.wait()
            reading = self._reading
            if reading is None:
                continue
            try:
                return await reading.read(stream, place, until)
            except Lost:
                # `_run` will notice too; until then there is nothing to be read.
                if self._reading is reading:
                    self._set(None)

    async def close(self) -> None:
        """Leave nothing open."""
        self._listeners.clear()
        self._end()
        if self._runs:
            await asyncio.wait(self._runs)

    def _end(self) -> None:
        # Once: a second cancellation would interrupt the closing.
        if self._running is not None:
            self._running.cancel()
            self._running = None

    # -- connected, lost, and connected again ------------------------------------------------------

    async def _run(self, former: set[asyncio.Task[None]]) -> None:
        if former:
            # Of a plain scheduler the old connection would take what the new one listens to with it.
            await asyncio.wait(former)
        self._unsubscribe = [self._registry.subscribe(self._on_change)]
        try:
            while self._wanted():
                if self._registry.get(self.id) is None:
                    await self._gone()
                self._look(True)
                try:
                    await self._keep_up()
                except Exception as error:
                    self.log.exception("dasklens: reading a scheduler failed")
                    self._say("lost", f"Reading it failed ({_kind(error)}).", time() + RETRY_MOST)
                    await self._woken(RETRY_MOST)
        except asyncio.CancelledError:
            pass
        finally:
            for unsubscribe in self._unsubscribe:
                unsubscribe()
            self._unsubscribe = []
            await self._disconnect()

    def _wanted(self) -> bool:
        # Until Python 3.12 `wait_for` may swallow a cancellation, and others may have come since: they have a
        # run of their own, which waits for this one.
        return asyncio.current_task() is self._running

    async def _gone(self) -> None:
        self._look(False)
        self._say("finished", GONE)
        while self._registry.get(self.id) is None:
            self._wake.clear()
            await self._wake.wait()
        self.state = self._connecting()
        self._tell()

    async def _keep_up(self) -> None:
        """Connect and read until the entry has gone."""
        pause = RETRY_FIRST
        while self._wanted() and (entry := self._registry.get(self.id)) is not None:
            self._wake.clear()
            try:
                source = await self._connect(entry)
            except NotThere as error:
                reason = f"{error.reason} {error.remedy}".strip()
            else:
                pause = RETRY_FIRST
                reason = await self._follow(source)
                # While it is lost, changes are to be noticed soon.
                self._look(True)
                await self._woken(GRACE)
            if not self._wanted() or self._registry.get(self.id) is not entry:
                continue
            self._say("lost", reason, time() + pause)
            await self._woken(pause)
            pause = min(RETRY_MOST, pause * 2)

    async def _connect(self, entry: Entry) -> Source:
        target = await self._registry.verify(entry)
        source: Source
        if entry.recorded:
            source = await Recorded.open(target, entry.token, entry.scheduler_id)
            let_go = self._registry.hold(entry)
            source.lost.add_done_callback(lambda _: let_go())
        else:
            source = await Plain.open(target, entry, self._plain_logs, self._on_source)
        self._source = source
        return source

    async def _follow(self, source: Source) -> str:
        """Let all read until it is lost; returns the reason."""
        if not self._wanted():
            raise asyncio.CancelledError
        self._look(False)
        self._set(Reading(source, self._replies))
        self._on_source()
        try:
            # Not the future itself: whoever waits here may be cancelled.
            return await asyncio.shield(source.lost)
        finally:
            await self._disconnect()

    async def _disconnect(self) -> None:
        reading, source = self._reading, self._source
        self._source = None
        self._set(None)
        if reading is not None:
            await reading.close()
        elif source is not None:
            await source.close()

    async def _woken(self, seconds: float) -> None:
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._wake.wait(), seconds)

    def _set(self, reading: Reading | None) -> None:
        self._reading = reading
        if reading is None:
            self._readable.clear()
        else:
            self._readable.set()

    # -- what is said --------------------------------------------------------------------------------

    def _say(self, phase: str, reason: str, retry_at: float | None = None) -> None:
        since = self.state.since if self.state.phase == phase else time()
        self.state = State(phase, reason, since, retry_at)
        self._tell()

    def _tell(self) -> None:
        for listener in list(self._listeners):
            listener()

    def _connecting(self) -> State:
        entry = self._registry.get(self.id)
        place = entry.scheduler or entry.address if entry is not None else "the scheduler"
        return State("connecting", f"Connecting to {place}.", time())

    def _on_source(self) -> None:
        """It is connected, or says something else of itself now."""
        source = self._source
        if source is not None and not source.lost.done():
            if source.trouble:
                self._say("lost", source.trouble)
            else:
                self._say("live", source.lacks)

    def _on_change(self, event: str, entry: Entry) -> None:
        if entry.id != self.id:
            return
        source = self._source
        if event == "gone" or entry.state == "refused":
            self._lose(GONE if event == "gone" else entry.reason)
        elif source is not None and entry.recorded is not None and entry.recorded != source.recorded:
            self._lose("The scheduler records from now on." if entry.recorded else "It records no more.")
        if event != "changed" or entry.state in ("reachable", "refused"):
            # Also who answers now instead: that is told at once, not when the pause is over.
            self._wake.set()

    def _lose(self, reason: str) -> None:
        if self._source is not None and not self._source.lost.done():
            self._source.lost.set_result(reason)

    def _look(self, looking: bool) -> None:
        """Have the registry look often, or as often as it likes."""
        if looking == (len(self._unsubscribe) > 1):
            return
        if looking:
            self._unsubscribe.append(self._registry.subscribe(_ignore, looking=True))
        else:
            self._unsubscribe.pop()()


def _kind(error: BaseException) -> str:
    return f"{type(error).__name__}; Jupyter's log says more"


def _ignore(event: str, entry: Entry) -> None:
    """Looking is all."""
