"""Runs that never ran: tasks at random or by the million, as the frames that a scheduler would send."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st
from make_golden_frames import BASE, said, task

from dasklens.scheduler import log as log_module
from dasklens.scheduler.log import TaskLog
from dasklens.wire.frames import NO_NAME, pack_frame, pack_name

ACTIONS = ("compute", "transfer", "disk-read", "disk-write", "deserialize", "walk")


@dataclass
class Run:
    """A log, and the cursors of all its records."""

    log: TaskLog

    @property
    def n(self) -> int:
        return self.log.next

    def frames(self, *cuts: int) -> list[bytes]:
        """The whole log as frames; each call of `cuts` is where somebody read."""
        out: list[bytes] = []
        at, names = 0, 0
        for cut in sorted({min(cut, self.n) for cut in cuts} | {self.n}):
            while at < cut:
                reply = self.log.frames(at, names, until=cut, max_bytes=1)
                out += reply["frames"]
                at, names = reply["next"], reply["names"]
        return out


def finished(i: int, prefix: str, worker: int, thread: int, work: Any, failed: bool) -> tuple[Any, Any]:
    """Task `i` as `TaskLog.extend` takes it; `work` is a list of (action, start, duration)."""
    more: dict[str, Any] = {}
    if failed:
        more = {"status": "error", "exception_text": f"ValueError({i})", "traceback_text": f"line {i}"}
    spans = [(action, start, start + long) for action, start, long in work]
    return task((prefix, i), prefix, prefix), said(worker, thread, *spans, nbytes=i, **more)


def make(tasks: list[tuple[Any, Any]], chunk: int = 8192, ident: str = "run", limit: int = 1 << 30) -> Run:
    """A log of these tasks with chunks of so many records."""
    log = TaskLog(ident, limit, lambda address: f"w-{address[-2:]}", lambda span: [])
    known, log_module.CHUNK_RECORDS = log_module.CHUNK_RECORDS, chunk
    try:
        log.extend(tasks)
    finally:
        log_module.CHUNK_RECORDS = known
    return Run(log)


@st.composite
def runs(draw: st.DrawFn, most: int = 30, least_spans: int = 0) -> Run:
    """Few tasks of every kind: several spans or none, failed, on lanes that come and go."""
    seconds = st.integers(0, 800).map(lambda n: n / 16)
    work = st.lists(st.tuples(st.sampled_from(ACTIONS), seconds, seconds), min_size=least_spans, max_size=4)
    each = st.tuples(
        st.sampled_from(["inc", "sum", "<b>", "ß"]), st.integers(0, 2), st.integers(0, 1), work, st.booleans()
    )
    tasks = [finished(i, *spec) for i, spec in enumerate(draw(st.lists(each, max_size=most)))]
    return make(tasks, chunk=draw(st.integers(1, 12)))


def many(n: int, lanes: int, prefixes: int, seed: int = 0, failed: float = 0.0) -> list[bytes]:
    """Frames of `n` tasks of a span each, at random."""
    random = np.random.default_rng(seed)
    names = [pack_name("compute"), pack_name(["int", b""]), pack_name(["ValueError()", ""])]
    names += [pack_name([f"tcp://w{i // 2}", i % 2, f"w-{i // 2}"]) for i in range(lanes)]
    names += [pack_name([f"prefix-{i}", f"prefix-{i}", None, []]) for i in range(prefixes)]
    frames, size = [], 100_000
    for first in range(0, n, size):
        k = min(size, n - first)
        start = np.sort(random.random(k)) * 60 + first / size * 60
        columns = {
            "group": random.integers(0, prefixes, k) + 3 + lanes,
            "lane": random.integers(0, lanes, k) + 3,
            "type": np.full(k, 1),
            "error": np.where(random.random(k) < failed, 2, NO_NAME),
            "nbytes": np.full(k, 8.0),
            "stimulus": BASE + start,
            "spans": np.full(k, 1),
            "key_len": np.full(k, 2),
            "action": np.zeros(k),
            "start": start,
            "stop": start + random.exponential(0.01, k),
        }
        wide = ("nbytes", "stimulus", "start", "stop")
        kinds = {name: "f8" if name in wide else "u4" for name in columns}
        cols = {name: (kind, columns[name].astype(f"<{kind}").tobytes()) for name, kind in kinds.items()}
        cols["key"] = ("u1", b"\x02x" * k)
        frames.append(
            pack_frame(
                stream="tasks",
                log="many",
                first=first,
                next=first + k,
                missed=0,
                names0=0 if not first else len(names),
                names=names if not first else [],
                base=BASE,
                cols=cols,
            )
        )
    return frames
