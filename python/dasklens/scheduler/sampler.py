"""The sampler: how the workers and the scheduler as a whole are, looked at once for all readers.

A *sample* is one look. It is taken while somebody reads one of its streams, every second by default and
not at all otherwise: heartbeats bring nothing faster. Samples are 200 ms apart at least; one that the end
of a recording asks for may come sooner, but then two had 400 ms. It goes through workers and prefixes in
short steps, so that the scheduler's loop is never held for long, and it never walks tasks. The cursor of
each stream counts its samples. The streams ``groups`` and ``system`` are sampled only while somebody reads
them.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from math import nan
from time import monotonic
from typing import TYPE_CHECKING, Any

import dask
from dask.utils import parse_timedelta

from .bell import Bell
from .counts import CountsLog
from .grouptable import GroupTable
from .systemlog import SystemLog
from .workertable import WorkerTable

if TYPE_CHECKING:
    from distributed import Scheduler

logger = logging.getLogger(__name__)

#: Seconds between two samples at least, whatever is configured; of one that is hurried, the mean of the
#: last two.
SHORTEST = 0.2
#: Seconds that a step may hold the loop before it lets others go on.
STEP = 0.0015
#: Seconds without a reader after which sampling stops. More than a reader may wait in one call.
IDLE = 5.0
#: Seconds a reader may wait for news in one call.
LONGEST_WAIT = 4.0


class Sampler:
    """Samples a scheduler for the readers of its streams.

    Parameters
    ----------
    scheduler : Scheduler
    ident : str
        Id of the logs: another one tells readers that the scheduler began anew.

    Attributes
    ----------
    streams : dict
        What can be read, by name.
    """

    def __init__(self, scheduler: Scheduler, ident: str):
        self.counts = CountsLog(ident)
        self.workers = WorkerTable(ident)
        self.groups = GroupTable(ident)
        self.system = SystemLog(ident)
        self._scheduler = scheduler
        self.streams: dict[str, CountsLog | WorkerTable | GroupTable | SystemLog] = {
            each.stream: each for each in (self.counts, self.workers, self.groups, self.system)
        }
        self._news = Bell()
        self._work: Iterator[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._interval = sample_interval()
        #: When the last sample was taken, and the one before.
        self._sampled = self._sampled_before = -float("inf")
        self._asked = -float("inf")
        #: When those were asked for that are filled only then.
        self._wanted = dict.fromkeys((self.groups.stream, self.system.stream), -float("inf"))
        self._due: float | None = None
        self._waiting = 0
        self._closed = False
        #: Samples taken, the seconds of the loop that they took, and the longest step.
        self.n_samples, self.seconds, self.longest = 0, 0.0, 0.0

    async def read(
        self,
        stream: str,
        cursor: int = 0,
        names: int = 0,
        log: str = "",
        wait: float = 0,
        max_bytes: int = 1 << 20,
        fresh: bool = False,
    ) -> dict[str, Any]:
        """Frames of `stream` from a sample on; waits for the next one if there is none yet.

        Parameters
        ----------
        fresh : bool
            Take the next sample now, or as soon as may be, and wait for it in any case: at the end of a
            recording what is there is to be as of then.

        Raises
        ------
        ValueError
            When there is no such stream.
        """
        found = self.streams.get(stream)
        if found is None:
            known = ", ".join(["tasks", *self.streams])
            raise ValueError(f"stream should be one of {known}; got {stream!r}.")
        wanted = (cursor, names) if log == found.ident else (0, 0)
        if not 0 <= wanted[0] <= found.next:
            # Nobody can be there: whoever says so has lost count.
            wanted = (0, 0)
        deadline = monotonic() + (min(wait, LONGEST_WAIT) if wait > 0 else 0)
        had = max(wanted[0], found.next if fresh else 0)
        self._waiting += 1
        if stream in self._wanted:
            self._wanted[stream] = monotonic()
        try:
            self._ask()
            if fresh and found.next <= had:
                self._hurry()
            # What lay here since the last reader left is no news: the sample under way is.
            while not self._closed and (self._stale or found.next <= had):
                left = (deadline if not self._stale else deadline + 2) - monotonic()
                if left <= 0 or not await self._news.wait(left):
                    break
        finally:
            self._waiting -= 1
            self._asked = monotonic()
        if wanted[0] and log != found.ident:
            # The names ran out in the meantime: the table was begun anew.
            wanted = (0, 0)
        return {"log": found.ident, "end": found.next, **found.frames(*wanted, max_bytes=max_bytes)}

    @property
    def running(self) -> bool:
        """Whether samples are being taken."""
        return self._timer is not None or self._work is not None

    def close(self) -> None:
        """Sample no more, and let waiting readers go."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._work = None
        self._news.close()

    # -- when ------------------------------------------------------------------------------------

    def _ask(self) -> None:
        self._asked = monotonic()
        if not self.running and not self._closed:
            self._begin()

    def _hurry(self) -> None:
        """Begin the next sample now, unless one was just hurried: whoever ends a recording waits for it."""
        if self._work is None and self._timer is not None and self._due is not None:
            self._timer.cancel()
            now = monotonic()
            rest = max(0.0, min(self._due, self._sampled_before + 2 * SHORTEST) - now)
            self._due = now + rest
            self._timer = asyncio.get_running_loop().call_later(rest, self._begin)

    @property
    def _stale(self) -> bool:
        # A sample may be late on a busy scheduler; one older than this is of a former reader.
        return monotonic() - self._sampled > 2 * self._interval + IDLE

    def _begin(self) -> None:
        self._timer = None
        due, self._due = self._due, None
        if not self._waiting and monotonic() - self._asked > IDLE:
            return
        self._begun = monotonic()
        self._work = self._sample(nan if due is None else max(0.0, self._begun - due))
        self._step()

    def _step(self) -> None:
        """Go on with the sample under way, for as long as a step may take."""
        work = self._work
        if work is None:
            return
        loop = asyncio.get_running_loop()
        start = now = monotonic()
        done = True
        try:
            for _ in work:
                now = monotonic()
                if now - start > STEP:
                    done = False
                    break
        except Exception:
            # The next sample may do better; readers keep what they have.
            logger.warning("dasklens could not take a sample of the scheduler", exc_info=True)
        now = monotonic()
        self.seconds += now - start
        self.longest = max(self.longest, now - start)
        if not done:
            self._timer = loop.call_later(0, self._step)
            return
        self._work = None
        self._sampled_before, self._sampled = self._sampled, now
        self.n_samples += 1
        rest = max(SHORTEST, self._begun + self._interval - now)
        self._due = now + rest
        self._timer = loop.call_later(rest, self._begin)
        self._news.ring()

    # -- what ------------------------------------------------------------------------------------

    def _sample(self, lag: float) -> Iterator[None]:
        scheduler = self._scheduler
        totals = yield from self.workers.sample(scheduler)
        yield from self.counts.sample(scheduler, totals)
        if self._is_wanted(self.system.stream):
            yield from self.system.sample(scheduler, self.workers, totals.time, lag)
        if self._is_wanted(self.groups.stream) and self.groups.due:
            yield from self.groups.sample(scheduler)

    def _is_wanted(self, stream: str) -> bool:
        # A reader asks again well before that.
        return monotonic() - self._wanted[stream] < IDLE + LONGEST_WAIT


def sample_interval() -> float:
    """Seconds between two samples: ``dasklens.sample.interval`` of the dask configuration.

    Raises
    ------
    ValueError
        When the setting is not a time.
    """
    configured = dask.config.get("dasklens.sample.interval", "1s")
    try:
        seconds = float(parse_timedelta(configured, default="s"))
    except (ValueError, TypeError, KeyError, AttributeError):
        seconds = -1
    if not 0 < seconds < 1e6:
        raise ValueError(f"dasklens.sample.interval should be a time such as '1s', got {configured!r}.")
    return max(SHORTEST, seconds)
