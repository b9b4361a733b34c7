"""What a report is told once, at its end: bandwidths, fine performance metrics and logs.

All of it is what `distributed` keeps anyway; nothing is recorded for it. It is gone through in short steps,
so that the scheduler's loop is never held for long, and packed in pieces as it goes, for to pack all at once
would hold it too. Workers are asked for their logs by distributed's own handler, and nothing that they say is
unpickled.
"""

from __future__ import annotations

import asyncio
import heapq
import math
from collections.abc import Iterable
from itertools import islice
from time import monotonic, time
from typing import TYPE_CHECKING, Any

import msgpack

from ..wire.details import TABLES, VERSION
from .asking import ask
from .columns import text
from .departures import Departures
from .profiles import Here

if TYPE_CHECKING:
    from distributed import Scheduler

#: Seconds after which the loop may go on, and rows that are packed at a time.
STEP, PIECE = 0.001, 200
#: Rows that are told: of bandwidths the slowest, of metrics those of the newest spans.
MOST_BANDWIDTHS, MOST_METRICS, MOST_SPANS = 5000, 10_000, 50_000
#: Pairs of workers up to which they are copied at once, to look at them while they change.
COPIED = 20_000
#: Lines of a log, of all workers' logs, and of one worker's among very many.
MOST_LINES, ALL_LINES, FEWEST_LINES = 2000, 10_000, 10
#: Bytes of all logs, and characters of a line.
MOST_BYTES, LONGEST_LINE = 2 << 20, 2000
#: Seconds that workers may take to say what they have logged.
PATIENCE = 5.0
#: Metrics that the spans have: what the scheduler adds up over all spans is the same once more.
_OF_SPANS = ("execute", "p2p")


class Details:
    """Answers `dasklens_details` on a scheduler.

    Parameters
    ----------
    scheduler : Scheduler
    departures : Departures, optional
        Workers that were lost.
    """

    def __init__(self, scheduler: Scheduler, departures: Departures | None = None):
        self._scheduler = scheduler
        self._departures = departures or Departures()

    async def read(self, start: float | None = None, logs: bool = True) -> dict[str, Any]:
        """Everything, for `unpack_details`.

        Parameters
        ----------
        start : float, optional
            Seconds since the epoch: log lines from before are left out. Bandwidths and metrics are sums since
            the scheduler began; see `metrics_since`.
        logs : bool
            Whether logs are wanted, for which workers have to be asked.

        Raises
        ------
        ValueError
            When `start` is no time.
        """
        if start is not None and (type(start) not in (int, float) or not math.isfinite(start)):
            raise ValueError(f"start should be seconds since the epoch, got {ascii(start)[:80]}.")
        answer = _Answer()
        await self._bandwidths(answer)
        await self._metrics(answer)
        if logs:
            await self._logs(answer, start or 0.0)
        answer.flush()
        return {
            "v": VERSION,
            "time": time(),
            "of": answer.of,
            "dropped": answer.dropped,
            "more": answer.more,
            "missing": _pack(answer.missing),
            "lost": _pack(self._departures.since(start or 0.0)),
            "packed": answer.packed,
        }

    # -- bandwidths ------------------------------------------------------------------------------

    async def _bandwidths(self, answer: _Answer) -> None:
        scheduler = self._scheduler
        for table, items in (
            ("bandwidth_workers", self._pairs()),
            ("bandwidth_types", islice(list(scheduler.bandwidth_types.items()), COPIED)),
        ):
            slowest: list[tuple[float, tuple[str, ...]]] = []
            for n, (names, speed) in enumerate(items):
                # There may be a million.
                if not n % 32:
                    await answer.rest()
                if names is None:
                    continue
                row = _bandwidth(names if table == "bandwidth_workers" else (names,), speed)
                if row is None:
                    answer.dropped += 1
                    continue
                answer.of[table] += 1
                if len(slowest) < MOST_BANDWIDTHS:
                    heapq.heappush(slowest, row)
                elif row[0] > slowest[0][0]:
                    heapq.heapreplace(slowest, row)
            for speed, row_names in sorted(slowest, reverse=True):
                await answer.rest()
                answer.add(table, "", [*map(text, row_names), -speed])

    def _pairs(self) -> Iterable[tuple[Any, Any]]:
        known: Any = self._scheduler.bandwidth_workers
        if len(known) <= COPIED:
            yield from list(known.items())
            return
        # To copy very many would hold the loop: each is looked up, with a breath where there is none.
        workers = list(self._scheduler.workers)
        for receiver in workers:
            for sender in workers:
                speed = known.get((receiver, sender))
                yield (None if speed is None else (receiver, sender)), speed

    # -- metrics ---------------------------------------------------------------------------------

    async def _metrics(self, answer: _Answer) -> None:
        scheduler: Any = self._scheduler
        extension = scheduler.extensions.get("spans")
        if extension is not None:
            for span in list(islice(reversed(extension.spans.values()), MOST_SPANS)):
                found = getattr(span, "_cumulative_worker_metrics", None) or {}
                await self._metrics_of(answer, list(found.items()), ", ".join(map(text, span.name)), span.id)
        others = [
            (key, value)
            for key, value in list(scheduler.cumulative_worker_metrics.items())
            # The rest, such as "latency", is a sum of what adds up to nothing.
            if type(key) is tuple and (extension is None or key[:1] not in (("execute",), ("p2p",)))
        ]
        await self._metrics_of(answer, others, "", "")

    async def _metrics_of(self, answer: _Answer, items: list[tuple[Any, Any]], span: str, ident: str) -> None:
        for key, value in items:
            await answer.rest()
            if not (type(key) is tuple and len(key) > 2 and _is_number(value)):
                answer.dropped += 1
                continue
            answer.of["fine_metrics"] += 1
            if answer.of["fine_metrics"] <= MOST_METRICS:
                prefixed = key[0] in _OF_SPANS and len(key) > 3
                activity = ", ".join(_label(part) for part in key[2 if prefixed else 1 : -1])
                prefix = text(key[1]) if prefixed else ""
                row = [text(key[0]), span, text(ident), prefix, activity, text(key[-1]), value]
                answer.add("fine_metrics", "", row)

    # -- logs ------------------------------------------------------------------------------------

    async def _logs(self, answer: _Answer, start: float) -> None:
        # Formatting a line takes some 10 µs, and there may be ten thousand: not by `get_logs`.
        handler: Any = getattr(self._scheduler, "_deque_handler", None)
        lines = list(handler.deque) if handler is not None else []
        for n, line in enumerate(reversed(lines)):
            await answer.rest()
            if line.created < start:
                break
            if n == MOST_LINES:
                answer.more.append("")
                break
            answer.add_line("", [line.created, line.levelname, handler.format(line)], MOST_BYTES // 4)
        workers = list(self._scheduler.workers)
        most = max(FEWEST_LINES, min(MOST_LINES, ALL_LINES // max(1, len(workers))))
        share = 3 * MOST_BYTES // 4 // max(1, len(workers))
        message = {"op": "get_logs", "start": start, "n": most + 1, "timestamps": True}
        replies = await ask(Here(self._scheduler), message, workers, kinds=(list, tuple), patience=PATIENCE)
        answer.missing.update({text(worker): text(why) for worker, why in replies.missing.items()})
        for worker, said in replies.said.items():
            if len(said) > most:
                answer.more.append(worker)
            answer.flush()
            for line in islice(said, most):
                await answer.rest()
                answer.add_line(worker, line, share)


class _Answer:
    """What has been found so far, packed in pieces."""

    def __init__(self) -> None:
        self.packed: list[bytes] = []
        self.of = dict.fromkeys(TABLES, 0)
        self.missing: dict[str, str] = {}
        #: Logs of which only the newest lines are told; "" is the scheduler's.
        self.more: list[str] = []
        self.dropped = 0
        self._where = ("", "")
        self._rows: list[Any] = []
        self._bytes: dict[str, int] = {}
        self._begun = monotonic()

    async def rest(self) -> None:
        """Let the loop go on when it is time."""
        if monotonic() - self._begun > STEP:
            await asyncio.sleep(0)
            self._begun = monotonic()

    def add(self, table: str, name: str, row: Any) -> None:
        """One more row of a table, or of the logs of somebody."""
        if self._where != (table, name) or len(self._rows) >= PIECE:
            self.flush()
            self._where = table, name
        self._rows.append(row)

    def add_line(self, name: str, line: Any, most: int) -> None:
        """One more line of a log, if it is one; `most` bytes of each log are told."""
        if not (
            isinstance(line, list | tuple)
            and len(line) == 3
            and _is_number(line[0])
            and isinstance(line[1], str)
            and isinstance(line[2], str)
        ):
            self.dropped += 1
            return
        said = line[2][:LONGEST_LINE]
        if len(line[2]) > LONGEST_LINE:
            said += f"\n… ({LONGEST_LINE:,} of {len(line[2]):,} characters)"
        self._bytes[name] = self._bytes.get(name, 0) + len(said) + 50
        if self._bytes[name] <= most:
            self.add("logs", name, [float(line[0]), line[1][:20], said])
        elif name not in self.more[-1:]:
            self.more.append(name)

    def flush(self) -> None:
        """Pack what is not packed yet."""
        if self._rows:
            piece = [*self._where, self._rows]
            self.packed.append(_pack(piece))
        self._rows = []


def _pack(value: Any) -> bytes:
    packed: bytes = msgpack.packb(value, unicode_errors="surrogatepass")
    return packed


def _bandwidth(names: Any, speed: Any) -> tuple[float, tuple[str, ...]] | None:
    """A row that the slowest is the largest of; None for what is no bandwidth."""
    if type(names) is not tuple or not all(isinstance(name, str) for name in names):
        return None
    if not _is_number(speed) or speed < 0:
        return None
    return -float(speed), names


def _label(part: Any) -> str:
    return ", ".join(_label(each) for each in part) if type(part) is tuple else text(part)


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and abs(value) < 1e300
