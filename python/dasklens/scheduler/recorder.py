"""The recorder: one plugin per scheduler that writes down what finished.

`transition` runs on the scheduler's loop for every transition of every task, so it keeps one
reference and returns. A drain turns what was kept into columns some milliseconds later, in batches
short enough that nobody waits for them. Readers ask by RPC from a cursor and wait for news there
(long poll): the recorder keeps nothing for a reader but the time it last asked.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import sys
import uuid
from functools import partial
from time import monotonic, time
from typing import TYPE_CHECKING, Any

import dask
from dask.utils import parse_bytes
from distributed.diagnostics.plugin import SchedulerPlugin

from ..wire.calltree import STREAM as PROFILE
from .answers import Answers
from .bell import Bell
from .dashboard import dashboard_of
from .departures import Departures
from .details import Details
from .log import TaskLog
from .profiles import Profiles
from .routes import add_routes
from .sampler import Sampler
from .trackers import Trackers

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from distributed import Scheduler

logger = logging.getLogger(__name__)

NAME = "dasklens"
#: Version of the calls below; a client and a recorder of different numbers say so.
PROTOCOL = 1
#: What an upload is answered where nothing is to be recorded.
SWITCHED_OFF = "dasklens.record is false in the scheduler's configuration"

#: Seconds from the first finished task to the drain, and between two drains of a busy scheduler.
FIRST_DRAIN, NEXT_DRAIN = 0.02, 0.2
#: Records a drain converts before it looks at the clock, and seconds after which it lets the loop
#: go on.
BATCH, BUDGET = 100, 0.001
#: Seconds a reader may wait for news in one call, and after which a silent one is forgotten.
LONGEST_WAIT, FORGET_AFTER = 4.0, 9.0
#: Bytes that a reader gets at once at most: copying more would hold the loop too long.
MOST_BYTES = 2 << 20
#: Readers that are counted, and letters of their names.
MOST_READERS, LONGEST_READER = 1000, 64

DEFAULT_LIMIT = 256 * 2**20


class Recorder(SchedulerPlugin):
    """Records finished tasks of the scheduler it is started on.

    Added once per scheduler by :func:`ensure_recorder`, however many people watch.

    Attributes
    ----------
    log : TaskLog
        What was recorded.
    sampler : Sampler
        The streams ``counts``, ``workers``, ``groups`` and ``system``.
    departures : Departures
        Workers that were lost with work on them.
    trackers : Trackers
        Who asks how far something is.
    profiles : Profiles
        The stream ``profile``, for those who read over HTTP: whoever has a client asks the workers itself.
    answers : Answers
        The streams ``moment``, ``details`` and ``versions``, for them too.
    token : str
        Who holds it may read over HTTP; 64 hexadecimal digits.
    scheduler_id : str
        Of the scheduler that is recorded.
    streams : dict
        What can be read, by name: each a coroutine with the parameters of :meth:`read`.
    """

    name = NAME
    idempotent = True

    def __init__(self, limit: int | None = None):
        self._limit = limit
        self._pending: list[tuple[Any, dict[str, Any]]] = []
        self._readers: dict[str, float] = {}
        self._sockets: dict[str, Callable[[], None]] = {}
        self.token = secrets.token_hex(32)
        self.scheduler_id = ""
        self.departures = Departures()
        self.streams: dict[str, Callable[..., Awaitable[dict[str, Any]]]] = {"tasks": self.read}
        self._news = Bell()
        self._begun = False
        self._timer: asyncio.TimerHandle | None = None
        self._last_drain = 0.0
        self._closed = False

    async def start(self, scheduler: Scheduler) -> None:
        """Called by the scheduler when the plugin comes as an upload.

        Raises
        ------
        RuntimeError
            Where the scheduler's own configuration switches recording off.
        """
        if not dask.config.get("dasklens.record", True):
            raise RuntimeError(SWITCHED_OFF)
        self.begin(scheduler)

    def begin(self, scheduler: Scheduler) -> None:
        """Start recording on `scheduler` and answer readers there; once, however often called."""
        if self._begun:
            # A plugin added by a preload is started again by the scheduler's own start.
            self._serve(scheduler)
            return
        self._scheduler = scheduler
        self.scheduler_id = scheduler.id
        limit = self._limit if self._limit is not None else log_limit()
        self.log = TaskLog(uuid.uuid4().hex, limit, self._worker_name, self._span_name)
        self.sampler = Sampler(scheduler, self.log.ident)
        self.trackers = Trackers(scheduler)
        self.trackers.serve()
        for name in self.sampler.streams:
            self.streams[name] = partial(self.read, stream=name)
        self.profiles = Profiles(scheduler)
        self.streams[PROFILE] = self.profiles.read
        details = Details(scheduler, self.departures)
        self.answers = Answers(self, details)
        self.streams.update(self.answers.streams)
        self._loop = asyncio.get_running_loop()
        self._begun = True
        self.transition = _hot_path(scheduler.tasks, self._pending, self._wake_drain)  # type: ignore[method-assign]
        scheduler.handlers.update(
            dasklens_hello=self.hello,
            dasklens_read=self.read,
            dasklens_cursor=self.cursor,
            dasklens_details=details.read,
        )
        self._serve(scheduler)
        # A topic that every client can ask for: calling a handler that a scheduler without
        # dasklens does not have would put a warning into its log.
        scheduler.log_event(NAME, {"protocol": PROTOCOL, "log": self.log.ident})

    def _serve(self, scheduler: Scheduler) -> None:
        try:
            add_routes(scheduler, self)
        except Exception:
            logger.warning("dasklens cannot be read over HTTP on this scheduler", exc_info=True)

    def transition(self, key: Any, start: str, finish: str, *args: Any, **kwargs: Any) -> None:
        """Replaced by :func:`_hot_path` when recording begins."""

    def log_event(self, topic: str, msg: Any) -> None:
        """Called for every event of the scheduler; few are of interest."""
        self.departures.note(topic, msg)

    # -- from pending to columns -----------------------------------------------------------------

    def _wake_drain(self) -> None:
        since = monotonic() - self._last_drain
        delay = FIRST_DRAIN if since > NEXT_DRAIN else max(FIRST_DRAIN, NEXT_DRAIN - since)
        with contextlib.suppress(RuntimeError):  # the loop is closing
            self._timer = self._loop.call_later(delay, self._drain)

    def _drain(self) -> None:
        pending = self._pending
        stop = monotonic() + BUDGET
        done = 0
        try:
            while done < len(pending) and (done == 0 or monotonic() < stop):
                batch = pending[done : done + BATCH]
                done += BATCH
                self.log.extend(batch)
        finally:
            # Whatever happened: what is left pending without a timer would be left for ever.
            del pending[:done]
            self._last_drain = monotonic()
            self._timer = self._loop.call_later(0, self._drain) if pending else None
        self._news.ring()

    @property
    def scheduler(self) -> Scheduler:
        """Whose tasks are recorded."""
        return self._scheduler

    @property
    def next(self) -> int:
        """Cursor of the next task to finish, those still to be converted counted."""
        return self.log.next + len(self._pending)

    # -- what readers call -----------------------------------------------------------------------

    def versions(self) -> dict[str, Any]:
        """What is compared before anything else is asked."""
        from .. import __version__

        return {"dasklens": __version__, "protocol": PROTOCOL, "python": sys.version.split()[0]}

    async def hello(self) -> dict[str, Any]:
        """Who is here: versions, the log's id and extent, how many look, and where to read over HTTP.

        The token is told to whoever asks by RPC, for that peer may run code in the scheduler anyway.
        """
        return {
            **self.versions(),
            "scheduler_id": self.scheduler_id,
            "token": self.token,
            "dashboard": dashboard_of(self._scheduler),
            "log": self.log.ident,
            "first": self.log.first,
            "next": self.next,
            "nbytes": self.log.nbytes,
            "limit": self.log.limit,
            "readers": self.readers,
        }

    async def cursor(self) -> dict[str, Any]:
        """The cursor behind everything that the scheduler has heard of by now, and its clock's time."""
        return {"log": self.log.ident, "cursor": self.next, "time": time()}

    async def read(
        self,
        cursor: int = 0,
        names: int = 0,
        log: str = "",
        until: int | None = None,
        wait: float = 0,
        max_bytes: int = 1 << 20,
        reader: str = "",
        stream: str = "tasks",
        fresh: bool = False,
    ) -> dict[str, Any]:
        """Frames from a cursor on; waits for some if there are none yet.

        Parameters
        ----------
        cursor, names, log
            Where the reader is: see :meth:`TaskLog.frames`. Another log's cursor counts as 0.
        until : int, optional
            Stop before this cursor, and wait until the log has got there.
        wait : float
            Seconds to wait for news.
        reader : str
            Who asks, so that watchers can be counted.
        stream : {"tasks", "counts", "workers", "groups", "system"}
            All but the first are the sampler's; `until` means nothing there.
        fresh : bool
            Of those: wait for a sample that is taken now.
        """
        if isinstance(reader, str) and 0 < len(reader) <= LONGEST_READER and self.readers < MOST_READERS:
            self._readers[reader] = monotonic()
        if stream != "tasks":
            return await self.sampler.read(stream, cursor, names, log, wait, max_bytes, fresh)
        if log != self.log.ident:
            cursor = names = 0
            until = None
        if not 0 <= cursor <= self.next:
            # Nobody can be there: whoever says so has lost count.
            cursor = names = 0
        if until is not None:
            until = min(until, self.next)
        max_bytes = min(max_bytes, MOST_BYTES)
        deadline = monotonic() + (min(wait, LONGEST_WAIT) if wait > 0 else 0)
        while until is not None and self.log.next < until:
            await self._news.wait(1)
            if self._closed:
                break
        while self.log.next <= cursor and not self._closed:
            left = deadline - monotonic()
            if left <= 0 or not await self._news.wait(left):
                break
        found = self.log.frames(cursor, names, max_bytes, until)
        if reader and reader in self._readers:
            self._readers[reader] = monotonic()
        return {"log": self.log.ident, "end": self.log.next, **found}

    @property
    def readers(self) -> int:
        """How many readers asked within the last seconds, or are connected over HTTP."""
        now = monotonic()
        for reader, seen in list(self._readers.items()):
            if now - seen > FORGET_AFTER:
                del self._readers[reader]
        return len(self._readers) + len(self._sockets)

    def watch(self, reader: str, close: Callable[[], None]) -> None:
        """Count a connected reader until it is forgotten; `close` is called when the scheduler closes."""
        self._sockets[reader] = close
        if self._closed:
            close()

    def forget(self, reader: str) -> None:
        """Drop a reader at once."""
        self._sockets.pop(reader, None)
        self._readers.pop(reader, None)

    # -- what the log asks, and the end ----------------------------------------------------------

    def _worker_name(self, address: str | None) -> str:
        worker = self._scheduler.workers.get(address or "")
        return str(worker.name) if worker is not None else (address or "")

    def _span_name(self, span_id: str) -> list[str]:
        spans = self._scheduler.extensions.get("spans")
        span = spans.spans.get(span_id) if spans is not None else None
        return list(span.name) if span is not None else []

    async def close(self) -> None:
        """The scheduler closes: let waiting readers go."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        self._news.close()
        if self._begun:
            self.sampler.close()
            self.trackers.stop()
            self.profiles.close()
            self.answers.close()
        for close in list(self._sockets.values()):
            close()


def _hot_path(
    tasks: dict[Any, Any], pending: list[tuple[Any, dict[str, Any]]], wake: Callable[[], None]
) -> Callable[..., None]:
    """`SchedulerPlugin.transition` as a closure: no attribute is looked up for most transitions."""
    keep = pending.append

    def transition(key: Any, start: str, finish: str, *args: Any, **said: Any) -> None:
        # Without startstops nothing ran: the scheduler found the result somewhere.
        if start == "processing" and ((finish == "memory" and "startstops" in said) or finish == "erred"):
            if not pending:
                wake()
            # The TaskState stays reachable until the drain, so its group is there even if the
            # scheduler forgets the task first.
            keep((tasks[key], said))

    return transition


def log_limit() -> int:
    """Bytes that the log may take: ``dasklens.log.limit`` of the dask configuration.

    By default the smaller of 256 MiB and 2 % of the machine's memory.

    Raises
    ------
    ValueError
        When the setting is not a number of bytes.
    """
    configured = dask.config.get("dasklens.log.limit", None)
    if configured is None:
        from distributed.system import MEMORY_LIMIT

        return min(DEFAULT_LIMIT, int(MEMORY_LIMIT * 0.02))
    try:
        limit = parse_bytes(configured)
    except (ValueError, TypeError):
        limit = -1
    if limit <= 0:
        raise ValueError(
            f"dasklens.log.limit should be a number of bytes such as '256 MiB', got {configured!r}."
        )
    return limit


def ensure_recorder(scheduler: Scheduler) -> Recorder | None:
    """Record on this scheduler: the one way in, and the same recorder at every call.

    Returns
    -------
    Recorder or None
        None where ``dasklens.record`` is false.
    """
    existing = scheduler.plugins.get(NAME)
    if existing is not None:
        return existing  # type: ignore[return-value]
    if not dask.config.get("dasklens.record", True):
        return None
    recorder = Recorder()
    recorder.begin(scheduler)
    scheduler.add_plugin(recorder, name=NAME)
    return recorder
