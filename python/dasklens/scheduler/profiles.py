"""The stream ``profile``: call trees, read while somebody looks, for readers that have no client.

A *question* is JSON: what is asked for, of which threads. All who ask the same share one tree, which is read
again every few seconds while one of them waits. Trees are asked of the workers by distributed's own handlers,
and merged and packed in another thread: the scheduler's loop has only the messages to pass on.
"""

from __future__ import annotations

import asyncio
import json
import logging
import math
import uuid
from time import monotonic
from typing import TYPE_CHECKING, Any

from distributed.protocol.serialize import Serialized, deserialize

from ..wire.calltree import counted, pack_profile
from ..wire.frames import unpack_frame
from .bell import Bell
from .profiling import Follower, Question, Reading

if TYPE_CHECKING:
    from distributed import Scheduler

logger = logging.getLogger(__name__)

#: Seconds between two readings, and the part of the time that they may take, however short that pause is.
EVERY, PART = 5.0, 0.02
#: Seconds without a reader after which no more is read, and after which a tree is forgotten.
IDLE, FORGET = 5.0, 120.0
#: Seconds a reader may wait for news in one call.
LONGEST_WAIT = 4.0
#: Questions that are read at the same time, and that are remembered; letters of one; names in one.
MOST_READ, MOST_KEPT, LONGEST, MOST_NAMES = 8, 16, 4000, 200

KINDS = ("worker", "server", "scheduler")


class QuestionError(ValueError):
    """What is wrong with a question, in one sentence."""


class Here:
    """The scheduler as `profiling` knows it: what a connection to it answers, without one."""

    def __init__(self, scheduler: Scheduler):
        self._scheduler = scheduler
        self.address = scheduler.address

    async def ncores(self) -> dict[str, int]:
        """Threads by worker."""
        return {address: ws.nthreads for address, ws in self._scheduler.workers.items()}

    async def broadcast(self, **message: Any) -> dict[str, Any]:
        """What workers answer, as msgpack: a scheduler does not load what workers have pickled."""
        said = await self._scheduler.broadcast(**message, serializers=["msgpack"])
        return {worker: _loaded(reply) for worker, reply in said.items()}

    async def profile(self, **asked: Any) -> Any:
        """The scheduler's own."""
        return await self._scheduler.get_profile(**asked)


def _loaded(reply: Any) -> Any:
    if not isinstance(reply, dict):
        return reply
    loaded = {}
    for name, value in reply.items():
        if isinstance(value, Serialized):
            value = deserialize(value.header, value.frames, deserializers=["msgpack"])
        loaded[name] = value
    return loaded


class Profiles:
    """Call trees of a scheduler for the readers of the stream ``profile``."""

    def __init__(self, scheduler: Scheduler):
        self._scheduler = scheduler
        self._asked: dict[Question, _Asked] = {}
        self._closed = False

    async def read(
        self,
        cursor: int = 0,
        names: int = 0,
        log: str = "",
        wait: float = 0,
        question: str = "",
        **_others: Any,
    ) -> dict[str, Any]:
        """The tree of a question as one frame, unless the reader has it; waits for the next one if so.

        Parameters
        ----------
        cursor, names, log
            Where the reader is: it has the tree of the id `log`, if it got to the end of it.
        wait : float
            Seconds to wait for news.
        question : str
            JSON with ``kind`` (``"worker"``, the threads that compute; ``"server"``, the workers' event
            loops; ``"scheduler"``, its own), ``prefixes``, ``workers``, ``start`` and ``stop``; everything
            may be missing.

        Raises
        ------
        QuestionError
            When the question cannot be read, or is one too many.
        """
        asked = self._find(question_of(question))
        deadline = monotonic() + (min(wait, LONGEST_WAIT) if wait > 0 else 0)
        asked.waiting += 1
        try:
            asked.wake()
            while not self._closed and asked.known_by(log, cursor):
                left = deadline - monotonic()
                if left <= 0 or not await asked.news_within(left):
                    break
        finally:
            asked.waiting -= 1
            asked.last = monotonic()
        return asked.reply(log, cursor, names)

    def close(self) -> None:
        """Read no more, and let waiting readers go."""
        self._closed = True
        for asked in self._asked.values():
            asked.close()

    def _find(self, question: Question) -> _Asked:
        found = self._asked.get(question)
        if found is None:
            now = monotonic()
            for other, asked in list(self._asked.items()):
                if not asked.waiting and (len(self._asked) >= MOST_KEPT or now - asked.last > FORGET):
                    del self._asked[other]
                    asked.close()
            if sum(asked.running for asked in self._asked.values()) >= MOST_READ:
                raise QuestionError(
                    f"{MOST_READ} different profiles are being read already: close one, or wait a moment."
                )
            found = self._asked[question] = _Asked(Here(self._scheduler), question)
        return found


class _Asked:
    """One question, and the newest tree that answers it."""

    def __init__(self, here: Here, question: Question):
        self._here = here
        self._question = question
        self._follower = Follower()
        self._task: asyncio.Task[None] | None = None
        self._news = Bell()
        self._log, self._frame, self._records, self._names = uuid.uuid4().hex, b"", 0, 0
        self._closed = False
        self.waiting = 0
        self.last = monotonic()

    @property
    def running(self) -> bool:
        """Whether it is being read."""
        return self._task is not None and not self._task.done()

    def wake(self) -> None:
        """Read on: somebody looks."""
        if not self.running and not self._closed:
            self._task = asyncio.ensure_future(self._run())

    def close(self) -> None:
        """Read no more."""
        self._closed = True
        if self._task is not None:
            self._task.cancel()
        self._news.close()

    def known_by(self, log: str, cursor: int) -> bool:
        """Whether a reader has all that there is."""
        return not self._frame or (log == self._log and cursor >= self._records)

    async def news_within(self, seconds: float) -> bool:
        """Whether there is another tree within so many seconds."""
        return await self._news.wait(seconds)

    def reply(self, log: str, cursor: int, names: int) -> dict[str, Any]:
        """As `TaskLog.frames` gives it."""
        known = self.known_by(log, cursor)
        frames = [] if known else [self._frame]
        # Without a tree the reader is at the start of the one to come.
        said = {"log": self._log, "end": self._records, "frames": frames, "missed": 0}
        return {**said, "next": self._records, "names": self._names}

    async def _run(self) -> None:
        while not self._closed and (self.waiting or monotonic() - self.last < IDLE):
            begin = monotonic()
            try:
                reading = await self._follower.read(self._here, self._question)
                if reading is not None:
                    self._take(*await asyncio.to_thread(_packed, reading))
            except Exception:
                # The next one may do better; readers keep what they have.
                logger.warning("dasklens could not read a profile", exc_info=True)
            await asyncio.sleep(max(EVERY, (monotonic() - begin) / PART))

    def _take(self, log: str, frame: bytes, records: int, names: int) -> None:
        self._log, self._frame, self._records, self._names = log, frame, records, names
        self._news.ring()


def _packed(reading: Reading) -> tuple[str, bytes, int, int]:
    log = uuid.uuid4().hex
    tree = counted(reading.answer.merged())
    packed = pack_profile(tree, reading.about, reading.coverage.timeline, log)
    frame = unpack_frame(packed)
    return log, packed, frame.next, len(frame.names)


def object_of(said: str, longest: int) -> dict[str, Any]:
    """The object that a question of at most so many letters is, in JSON; empty where nothing was asked.

    Raises
    ------
    QuestionError
    """
    if len(said) > longest:
        raise QuestionError(f"A question should be of at most {longest:,} letters, got {len(said):,}.")
    try:
        asked = json.loads(said) if said else {}
    except (ValueError, RecursionError):
        asked = None
    if not isinstance(asked, dict):
        raise QuestionError("A question should be a JSON object, got something else.")
    return asked


def question_of(said: str) -> Question:
    """What is asked for, from JSON.

    Raises
    ------
    QuestionError
    """
    asked = object_of(said, LONGEST)
    kind = asked.get("kind", "worker")
    if kind not in KINDS:
        raise QuestionError(f"kind should be one of {', '.join(KINDS)}, got {ascii(kind)[:80]}.")
    return Question(
        keys=_names(asked, "prefixes"),
        start=_instant(asked, "start"),
        stop=_instant(asked, "stop"),
        workers=_names(asked, "workers") or None,
        server=kind == "server",
        scheduler=kind == "scheduler",
    )


def _names(asked: dict[str, Any], name: str) -> tuple[str, ...]:
    value = asked.get(name) or []
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise QuestionError(f"{name} should be a list of texts, got something else.")
    if len(value) > MOST_NAMES:
        raise QuestionError(f"{name} should be at most {MOST_NAMES}, got {len(value):,}.")
    for each in value:
        try:
            each.encode()
        except UnicodeEncodeError:
            # No message to a worker can hold it: every reading would fail.
            raise QuestionError(f"{name} should be texts in Unicode, got {ascii(each)[:80]}.") from None
    return tuple(value)


def _instant(asked: dict[str, Any], name: str) -> float | None:
    value = asked.get(name)
    if value is None:
        return None
    try:
        seconds = float(value) if type(value) in (int, float) else math.nan
    except OverflowError:
        seconds = math.nan
    if not math.isfinite(seconds):
        raise QuestionError(f"{name} should be seconds since the epoch, got something else.")
    return seconds
