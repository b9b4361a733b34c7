"""A tracker: counts one set of keys for everybody who watches them.

It walks the graph in slices, so that the scheduler's loop is never held for long, listens to
transitions, and answers readers with frames of the stream ``progress``. A reader waits for news (long
poll): what changes is told after some time, together; a failure and the end are told at once.
"""

from __future__ import annotations

import asyncio
import logging
from array import array
from collections.abc import Iterator
from itertools import islice
from math import nan
from time import monotonic, thread_time
from typing import Any

from ..wire.frames import pack_frame, pack_name
from .bell import Bell
from .columns import floats, number, text, whole
from .counting import FAILED, KNOWN, NOT_TRACKED, Counting
from .eta import Eta
from .said import unsaid
from .taskgroups import ERRED, Group, labels_of

logger = logging.getLogger(__name__)

STREAM = "progress"
STATUSES = ("waiting", "running", "finished", "error", "cancelled")
#: Columns of the tasks of a group, by state, as `taskgroups.STATES`.
COUNTS = ("memory", "processing", "waiting", "released", "erred", "cancelled")
#: Seconds that a slice of counting may hold the loop, and of what follows a transition to its news.
SLICE, TICK = 0.001, 0.05
#: Seconds a reader may wait in one call, and after which a silent one is forgotten.
LONGEST_WAIT, FORGET_AFTER = 4.0, 9.0
#: Keys that a reader is asked to group at once, and characters of a group's name.
ASK, LONGEST_NAME = 2000, 1000
#: Seconds between two looks for roots that no transition told of.
LOOK_AGAIN = 1.0


class _Reader:
    __slots__ = ("asked", "opened", "replied")

    def __init__(self, now: float, age: float):
        self.asked = now
        self.opened = now - age
        self.replied = 0.0


class Tracker:
    """Follows tasks of a scheduler.

    Parameters
    ----------
    ident : str
        Of this tracker, and of the log that its cursors belong to.
    scheduler : Scheduler
    group_by : {"prefix", "spans", "client"}
        With the last one, readers are asked for the group of each key.
    complete : bool
        Count what was done before, too.
    client : str, optional
        Instead of keys: whatever this client submits until :meth:`end`.
    """

    def __init__(
        self, ident: str, scheduler: Any, group_by: str, complete: bool = True, client: str | None = None
    ):
        self.ident = ident
        self.client = client
        self._scheduler = scheduler
        self._loop = asyncio.get_running_loop()
        self.counting = Counting(scheduler.tasks, labels_of(scheduler, group_by), complete)
        self.readers: dict[str, _Reader] = {}
        #: Whether all keys have come; and whether nothing more is going to happen.
        self.whole, self.final = False, False
        self.reason = ""
        self._error: dict[Any, int] = {}
        self._names: list[bytes] = []
        self._name_of: dict[Group, int] = {}
        self._eta, self._eta_now = Eta(), nan
        self._news = Bell()
        self._taken = asyncio.Event()
        self._taken.set()
        self._work: Iterator[None] | None = None
        self._ticking = self._checking = False
        self._urgent = self._ended = 0.0
        self._ask_from = 0
        self._looked = monotonic()
        #: Slices, and the seconds that the longest computed.
        self.n_slices, self.longest = 0, 0.0

    # -- keys ------------------------------------------------------------------------------------

    def add(self, keys: Any, last: bool) -> None:
        """More keys to follow; `last` when these are all."""
        if self.final:
            return
        self.counting.add(keys)
        if not self.counting.hungry:
            self._taken.clear()
        self.whole = self.whole or last
        self._count()
        self._check_soon()

    async def taken(self) -> None:
        """Wait until it is the turn of the keys that came last, or nobody wants them any more."""
        await self._taken.wait()

    def _count(self) -> None:
        if self._work is None and not self.final:
            self._work = self.counting.walk()
            self._loop.call_soon(self._slice)

    def _slice(self) -> None:
        work = self._work
        if work is None:
            return
        start, own = monotonic(), thread_time()
        done = False
        try:
            while not done and monotonic() - start < SLICE:
                done = next(work, self) is self
        except Exception as error:
            # Whoever waits is told: nobody would go on with what is left.
            logger.warning("dasklens could not count tasks", exc_info=True)
            self.end(text(f"counting failed: {type(error).__name__}: {error}")[:LONGEST_NAME])
            return
        if done:
            self._work = None
        if self.counting.hungry:
            self._taken.set()
        self.n_slices += 1
        self.longest = max(self.longest, thread_time() - own)
        if not done:
            self._tick_soon()
            self._loop.call_later(0, self._slice)
        elif not self.final:
            for group in self.counting.groups:
                if group.failed is not None:
                    self._note_failure(group)
            if self.counting.walking:
                self._count()
            self._tick_soon()
            self._check_soon()

    # -- transitions -----------------------------------------------------------------------------

    def transition(self, key: Any, finish: str) -> None:
        """A task became something else, perhaps one of these."""
        if not self.final:
            self._after(self.counting.on(key, finish), key)

    def submitted(self, key: Any, finish: str) -> None:
        """A task of the client came into being."""
        if not self.final:
            self._after(self.counting.enter(key, finish), key)

    def _after(self, said: int, key: Any) -> None:
        if said == NOT_TRACKED:
            return
        counting = self.counting
        if said == FAILED:
            for group in counting.groups:
                if group.failed == key:
                    self._note_failure(group)
            self._urgent = monotonic()
            self._check_soon()
        elif said == KNOWN:
            self._count()
        if not counting.n_active:
            self._check_soon()
        if not self._ticking:
            self._tick_soon()

    def _tick_soon(self) -> None:
        if not self._ticking:
            self._ticking = True
            self._loop.call_later(TICK, self._tick)

    def _tick(self) -> None:
        self._ticking = False
        self._tell()

    def _check_soon(self) -> None:
        # Within one stimulus a task may be released only to run again: what counts is how it ends.
        if not self._checking and not self.final:
            self._checking = True
            self._loop.call_soon(self._check)

    def _check(self) -> None:
        self._checking = False
        if self.final:
            return
        if self.whole and self.counting.settled and self._work is None:
            self.end()
        elif self._urgent:
            self._tell()

    def end(self, reason: str = "") -> None:
        """Nothing more is going to happen; `reason` when that is not the tasks' own doing."""
        if self.final:
            return
        self._eta_now = 0.0
        self.final, self.reason, self._ended = True, reason, monotonic()
        self.counting.touched = True
        # A million entries that go at once would be felt.
        self._work = None
        self._taken.set()
        self._let_go(self.counting.forget())
        self._tell()

    def _let_go(self, work: Iterator[None]) -> None:
        if next(work, self) is not self:
            self._loop.call_later(0, self._let_go, work)

    def finish_block(self) -> None:
        """The client submits no more that counts here."""
        self.whole = True
        self._check_soon()

    def _tell(self) -> None:
        self._news.ring()

    # -- reading ---------------------------------------------------------------------------------

    def enter(self, reader: str, age: float = 0.0) -> None:
        """Somebody looks from now on, and began to `age` seconds ago."""
        if reader not in self.readers:
            self.readers[reader] = _Reader(monotonic(), age)

    def leave(self, reader: str) -> None:
        """Somebody does not look any more."""
        self.readers.pop(reader, None)
        # It may be waiting.
        self._tell()

    def silent(self) -> bool:
        """Forget readers that do not ask any more. Whether that leaves nobody."""
        now = monotonic()
        for reader, seen in list(self.readers.items()):
            if now - seen.asked > FORGET_AFTER:
                del self.readers[reader]
        return not self.readers

    async def read(
        self, reader: str, cursor: int, names: int, wait: float, pace: float, answered: int = 0
    ) -> dict[str, Any]:
        """What changed since `cursor`, as frames; waits for something if there is nothing yet.

        Parameters
        ----------
        pace : float
            Seconds since the last answer before which only a failure or the end is told.
        answered : int
            How many questions for groups the reader has answered.
        """
        me = self.readers[reader]
        me.asked = monotonic()
        # Of strangers: with a NaN no deadline ever comes.
        deadline, pace = me.asked + min(number(wait), LONGEST_WAIT), number(pace)
        while True:
            now = monotonic()
            question = len(self.counting.unlabelled) > 0 and answered <= self._ask_from
            due = self._fresh(cursor) and (
                self.final or self._urgent > me.replied or now >= me.replied + pace
            )
            if due or question or now >= deadline:
                break
            until = deadline if not self._fresh(cursor) else min(deadline, me.replied + pace)
            await self._news.wait(max(0.001, until - now))
            self._look_again()
            if self.readers.get(reader) is not me:
                return {"gone": True}
        me.asked = now
        reply: dict[str, Any] = {"log": self.ident, "frames": [], "final": self.final, "names": names}
        if self._fresh(cursor):
            me.replied = now
            reply["frames"].append(self._pack(me, cursor, names))
            reply["names"] = len(self._names)
        reply["next"] = self.counting.version
        if question:
            reply["ask"] = list(islice(self.counting.unlabelled, ASK))
            reply["question"] = self._ask_from
        return reply

    def _fresh(self, cursor: int) -> bool:
        return self.counting.touched or cursor < self.counting.version

    def _look_again(self) -> None:
        now = monotonic()
        if self.counting.n_unknown and self._work is None and now - self._looked > LOOK_AGAIN:
            self._looked = now
            self._work = self.counting.look_again()
            self._loop.call_soon(self._slice)

    def answer(self, question: int, labels: Any) -> None:
        """A reader says which groups the keys that it was asked for belong to."""
        counting = self.counting
        if question != self._ask_from or self.final:
            return
        self._ask_from += 1
        keys = [counting.unlabelled.popleft() for _ in range(min(len(labels), len(counting.unlabelled)))]
        for group in counting.label(keys, [text(label)[:LONGEST_NAME] for label in labels[: len(keys)]]):
            self._note_failure(group)
        self._tick_soon()
        self._check_soon()

    # -- frames ----------------------------------------------------------------------------------

    def _pack(self, reader: _Reader, cursor: int, names: int) -> bytes:
        counting = self.counting
        now = self._ended if self.final else monotonic()
        if not self.final:
            self._eta_now = self._eta.note(now, [_work_of(group) for group in counting.groups])
        shown = [group for group in counting.groups if group.changed >= cursor and group.label is not None]
        ids = [self._name(group) for group in shown]
        reason = self._intern(self.reason) + 1 if self.reason else 0
        status = "cancelled" if self.reason else counting.status
        if not self.final and status == "finished":
            status = "running" if counting.n_tracked else "waiting"
        # With nobody's group yet there are tasks all the same.
        cols: dict[str, tuple[str, bytes | memoryview]] = {
            "status": whole([STATUSES.index(status)]),
            "final": whole([int(self.final)]),
            "counting": whole([int(counting.walking or (not self.whole and self.client is None))]),
            "tracked": whole([counting.n_tracked]),
            "unknown": whole([counting.n_unknown]),
            "reason": whole([reason]),
            "elapsed": floats(array("d", [max(0.0, now - reader.opened)])),
            "eta": floats(array("f", [min(self._eta_now, 1e9)])),
            "group": whole(ids),
            "place": whole([group.place for group in shown]),
        }
        for state, name in enumerate(COUNTS):
            values = [group.counts[state] for group in shown]
            if state < ERRED or any(values):
                cols[name] = whole(values)
        failed = [self._error.get(group, 0) for group in shown]
        if any(failed):
            cols["failed"] = whole(failed)
        return pack_frame(
            stream=STREAM,
            log=self.ident,
            first=cursor,
            next=counting.bump(),
            missed=0,
            names0=min(names, len(self._names)),
            names=self._names[names:],
            base=0.0,
            cols=cols,
        )

    def _name(self, group: Group) -> int:
        ident = self._name_of.get(group)
        if ident is None:
            label: Any = group.label
            # A span is its name and its id.
            entry = [text(part)[:LONGEST_NAME] for part in (label if isinstance(label, tuple) else (label,))]
            ident = self._name_of[group] = self._intern(entry)
        return ident

    def _intern(self, entry: Any) -> int:
        self._names.append(pack_name(entry))
        return len(self._names) - 1

    def _note_failure(self, group: Group) -> None:
        if group not in self._error:
            task = self._scheduler.tasks.get(group.failed)
            self._error[group] = self._intern(failure_of(group.failed, task)) + 1


def failure_of(key: Any, task: Any) -> list[str]:
    """Of a task that failed: key, the key that is to blame, worker, exception and traceback as text."""
    blamed = getattr(task, "exception_blame", None) or task
    if blamed is None:
        return [text(key), text(key), "", "failed, and was forgotten", ""]
    exception = text(blamed.exception_text) or unsaid({"exception": _pickled(blamed.exception)})
    worker = next(iter(blamed.erred_on or getattr(task, "erred_on", None) or ()), "")
    return [text(key), text(blamed.key), text(worker), exception, text(blamed.traceback_text)]


def _pickled(exception: Any) -> bytes:
    frames = getattr(exception, "frames", None) or ()
    return b"".join(bytes(frame) for frame in frames[:4])


def _work_of(group: Group) -> tuple[int, int, float]:
    memory, processing, waiting, released = group.counts[:4]
    return memory + released, processing + waiting, getattr(group.prefix, "duration_average", -1)
