"""A scheduler without dasklens: what its ``/eventstream`` tells, as a log, so that pages know one format.

Every scheduler of `distributed` has that websocket: JSON events, one for each startstop of a task that
succeeded. It costs the scheduler something, so it is open only while somebody looks; what it told is kept
for a while after that, so that a page may be loaded again. What was not heard, and why, is always said.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import uuid
from collections.abc import Callable
from time import localtime, monotonic, strftime, time
from typing import TYPE_CHECKING, Any, NamedTuple

from dasklens.scheduler.log import TaskLog
from dasklens.server.reading import Lost, Place, Reply, Unreadable
from dasklens.server.socket import Socket
from dasklens.server.target import Target
from dasklens.wire.answers import MOMENT, pack_answer

if TYPE_CHECKING:
    from dasklens.server.registry import Entry

#: Bytes of a log, logs that are kept while nobody looks, and for how many seconds.
LIMIT, MOST_KEPT, KEEP_FOR = 32 << 20, 4, 600.0
#: Bytes after which a reply ends, and that an event may have.
ENOUGH, MOST = 1 << 20, 8 << 20
#: Seconds from an event to the reply that has it: one reply has many.
GATHER = 0.05
#: Seconds between two questions whether the scheduler is alive; questions without an answer after which that
#: is said; and after which the connection is given up. It is kept long, for what comes then was not missed.
ASK_EVERY, SILENT, GIVEN_UP = 1.0, 7, 60
#: Gaps that are told one by one.
MOST_GAPS = 20

WHY = "This scheduler records nothing for dasklens."
REMEDY = (
    "To see all, failed tasks too, run dasklens.TaskStream(client) in a notebook, or install dasklens where "
    "the scheduler runs and restart it."
)


class PlainLogs:
    """What plain schedulers told: of those that are looked at, and for a while of others."""

    def __init__(self) -> None:
        self._logs: dict[tuple[str, str], PlainLog] = {}
        self._timer: asyncio.TimerHandle | None = None

    def open(self, entry: Entry) -> PlainLog:
        """The log of this entry's scheduler: the one of before, if it is still here."""
        self._forget()
        log = self._logs.setdefault((entry.id, entry.scheduler_id), PlainLog())
        log.left = None
        return log

    def left(self, log: PlainLog) -> None:
        """Nobody looks at it any more."""
        log.left = monotonic()
        self._forget()
        if self._timer is None and self._logs:
            self._timer = asyncio.get_running_loop().call_later(KEEP_FOR, self._late)

    def close(self) -> None:
        """Keep nothing, leave no timer."""
        self._logs.clear()
        if self._timer is not None:
            self._timer.cancel()

    def _late(self) -> None:
        self._timer = None
        self._forget()
        if any(log.left is not None for log in self._logs.values()):
            self._timer = asyncio.get_running_loop().call_later(KEEP_FOR / 4, self._late)

    def _forget(self) -> None:
        now = monotonic()
        unseen = sorted(
            ((log.left, place) for place, log in self._logs.items() if log.left is not None), reverse=True
        )
        for n, (left, place) in enumerate(unseen):
            if n >= MOST_KEPT or now - left >= KEEP_FOR:
                del self._logs[place]


class PlainLog:
    """What one plain scheduler told.

    Attributes
    ----------
    tasks : TaskLog
    since : float
        When it began, in seconds since the epoch.
    gaps : list of (float, float)
        From when to when nobody listened; the newest.
    deaf : float or None
        Since when nobody listens.
    left : float or None
        When nobody looked at it any more (monotonic).
    """

    def __init__(self) -> None:
        self.tasks = TaskLog(uuid.uuid4().hex, LIMIT, _worker_name, lambda span: [])
        self.since = time()
        self.gaps: list[tuple[float, float]] = []
        self.deaf: float | None = None
        self.left: float | None = None
        self._last: Any = None

    def listen(self) -> None:
        """From now on everything is heard."""
        if self.deaf is not None:
            self.gaps = [*self.gaps, (self.deaf, time())][-MOST_GAPS:]
        self.deaf = self._last = None

    def take(self, event: dict[str, Any]) -> bool:
        """Keep a task, of which there is an event for each startstop; False if there was nothing to keep."""
        key = _hashable(event.get("key", "(unknown)"))
        this = (key, event.get("stimulus_id"))
        if this == self._last:
            return False
        self._last = this
        # `name` would be the prefix, but it is overwritten by that of the event.
        task = _Task(key, _Group(group_of(key), _Prefix(prefix_of(key)), None))
        self.tasks.extend([(task, event)])
        return True


class Plain:
    """A source of replies (`reading.Source`): the log of a plain scheduler, fed while it is open."""

    recorded = False

    socket: Socket
    _asking: asyncio.Task[None]

    def __init__(self, entry: Entry, logs: PlainLogs, changed: Callable[[], None]):
        self.trouble = ""
        # The registry knows why one that records cannot be read.
        self._why, self._remedy = entry.reason or WHY, entry.remedy or REMEDY
        self._log = logs.open(entry)
        self._logs = logs
        self._changed = changed
        self._silent = 0
        self._news = asyncio.Event()
        self._gathering: asyncio.TimerHandle | None = None

    @classmethod
    async def open(cls, target: Target, entry: Entry, logs: PlainLogs, changed: Callable[[], None]) -> Plain:
        """Listen.

        Parameters
        ----------
        changed : callable
            Called when `trouble` has changed.

        Raises
        ------
        NotThere
            When that fails.
        """
        source = cls(entry, logs, changed)
        try:
            source.socket = await Socket.open(target, "eventstream", source._on_message, most=MOST)
        except BaseException:
            logs.left(source._log)
            raise
        source._log.listen()
        source.socket.lost.add_done_callback(source._on_lost)
        source._asking = asyncio.ensure_future(source._ask_whether_alive())
        return source

    @property
    def lost(self) -> asyncio.Future[str]:
        """See `reading.Source`."""
        return self.socket.lost

    @property
    def said(self) -> dict[str, Any]:
        """See `reading.Source`."""
        return {"since": self._log.since, "gaps": list(self._log.gaps)}

    @property
    def lacks(self) -> str:
        """See `reading.Source`."""
        log = self._log
        text = f"{self._why} Shown is what succeeded since {_clock(log.since)}"
        if log.gaps:
            gaps = ", ".join(f"{_clock(begin)} to {_clock(end)}" for begin, end in log.gaps[-3:])
            more = ", and before," if len(log.gaps) > 3 else ""
            text += f", but for {gaps}{more} when nobody looked or the connection was lost"
        return f"{text}. {self._remedy}"

    async def ask(self, stream: str, place: Place, until: int | None, wait: float) -> Reply:
        """See `reading.Source`."""
        if stream == MOMENT:
            return self._moment()
        if stream != self._log.tasks.stream:
            raise Unreadable(f"{self._why} So there is no {ascii(stream)[:80]}. {self._remedy}")
        tasks = self._log.tasks
        _, cursor, names = place if place.log == tasks.ident and place.cursor <= tasks.next else Place()
        deadline = monotonic() + wait
        while not self.lost.done() and tasks.next <= cursor and (left := deadline - monotonic()) > 0:
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._news.wait(), left)
        if self.lost.done():
            raise Lost(self.lost.result())
        found = tasks.frames(cursor, names, ENOUGH, until)
        return Reply(Place(tasks.ident, found["next"], found["names"]), tasks.next, tuple(found["frames"]))

    def _moment(self) -> Reply:
        # Its clock is not told: what its events say of times is by those of its workers anyway.
        log = self._log.tasks
        frame = pack_answer(MOMENT, log.ident, log.next, time(), {"started": self._log.since})
        return Reply(Place(log.ident, log.next), log.next, (frame,))

    async def close(self) -> None:
        """See `reading.Source`."""
        await self.socket.close()
        self._asking.cancel()
        await asyncio.gather(self._asking, return_exceptions=True)
        self._logs.left(self._log)

    def _on_message(self, message: str | bytes) -> None:
        self._silent = 0
        if self.trouble:
            self.trouble = ""
            self._changed()
        try:
            event = json.loads(message)
        except (ValueError, RecursionError):
            return
        if not isinstance(event, dict) or event.get("name") != "transition":
            return
        if self._log.take(event) and self._gathering is None:
            self._gathering = asyncio.get_running_loop().call_later(GATHER, self._gathered)

    def _gathered(self) -> None:
        self._gathering = None
        self._news.set()
        self._news = asyncio.Event()

    def _on_lost(self, lost: asyncio.Future[str]) -> None:
        self._log.deaf = time()
        if self._gathering is not None:
            self._gathering.cancel()
        self._gathered()

    async def _ask_whether_alive(self) -> None:
        while not self.lost.done():
            self.socket.send('{"name": "ping"}')
            await asyncio.sleep(ASK_EVERY)
            # Counted, not measured: this very loop may have stood still.
            self._silent += 1
            if self._silent == SILENT:
                self.trouble = "The scheduler does not answer."
                self._changed()
            elif self._silent >= GIVEN_UP:
                self.socket.lose("The scheduler does not answer.")


# -- what the scheduler does not say of a task ---------------------------------------------------------


class _Prefix(NamedTuple):
    name: str


class _Group(NamedTuple):
    name: str
    prefix: _Prefix
    span_id: None


class _Task(NamedTuple):
    """What a `TaskLog` wants to know of a `TaskState`."""

    key: Any
    group: _Group


def prefix_of(key: Any) -> str:
    """What `dask.utils.key_split` makes of a key: its words up to a token.

    Importing that takes a tenth of a second. It takes every word of eight letters that begins with one of a
    to f for a token; so the prefixes here are those of the scheduler.
    """
    if type(key) is tuple:
        return prefix_of(key[0]) if key else "Other"
    if type(key) is not str or not key:
        return "Other"
    first, *words = key.split("-")
    if not first:
        return "Other"
    if not first[0].isalpha():
        first = first.split(",")[0].strip("_'()\"")
    taken = [first]
    for word in words:
        if not word.isalpha() or (len(word) == 8 and word[0] in "abcdef"):
            break
        taken.append(word)
    prefix = "-".join(taken)
    if _HEX32.fullmatch(prefix):
        return "data"
    return _unwrapped(prefix) if prefix else "Other"


def group_of(key: Any) -> Any:
    """What `distributed.utils.key_split_group` makes of a key: tokens are kept, positions are not."""
    if type(key) is tuple:
        return key[0] if key else "Other"
    if type(key) is not str or not key:
        return "Other"
    if key[0] == "(":
        return key.split(",", 1)[0].strip("()\"'")
    if _HEX32.fullmatch(key):
        return "data"
    if key[0] == "<":
        return _unwrapped(key)
    return prefix_of(key)


_HEX32 = re.compile("[a-f0-9]{32}")


def _unwrapped(name: str) -> str:
    """The class of an object's repr, any other name as it is."""
    if name[0] != "<":
        return name
    words = name.strip("<>").split()
    return words[0].rpartition(".")[2] if words else "Other"


def _hashable(value: Any) -> Any:
    """A key as it was before it was JSON."""
    if isinstance(value, list):
        return tuple(_hashable(item) for item in value)
    return str(value) if isinstance(value, dict) else value


def _worker_name(address: str | None) -> str:
    return address or ""


def _clock(seconds: float) -> str:
    return strftime("%H:%M:%S", localtime(seconds))
