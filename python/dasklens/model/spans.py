"""From frames to task records, columns and lanes.

A `TaskTable` holds the frames of the stream ``tasks`` as they came, and makes of them what is asked
for: dictionaries like those of `distributed`, numpy columns, a pandas table. Columns are joined
once and kept; dictionaries are made anew at each call.
"""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..wire.frames import NO_NAME, Frame, FrameError, NameBudget, unpack_frame, unpack_name
from ..wire.keys import unpack_key

if TYPE_CHECKING:
    import pandas as pd

_RECORD = {
    "group": "<u4",
    "lane": "<u4",
    "type": "<u4",
    "error": "<u4",
    "metadata": "<u4",
    "nbytes": "<f8",
    "stimulus": "<f8",
    "spans": "<u4",
    "key_len": "<u4",
}
_SPARSE = ("error", "metadata", "source")


class TaskTable:
    """What a list of frames says of finished tasks.

    Parameters
    ----------
    frames : iterable of bytes or Frame
        Frames of the stream ``tasks`` of one log, in the order of their cursors.
    stranger : bool, default False
        Whether they came in a file, of anybody: what `records` makes of their metadata is bounded then.

    Attributes
    ----------
    missed : int
        Records that the log had dropped before they were read.
    """

    def __init__(self, frames: Iterable[bytes | Frame] = (), missed: int = 0, *, stranger: bool = False):
        self.missed = missed
        self._stranger = stranger
        self._frames: list[Frame] = []
        self._names: dict[int, Any] = {}
        self._columns: dict[str, npt.NDArray[Any]] | None = None
        for frame in frames:
            self.append(frame)

    def append(self, frame: bytes | Frame) -> None:
        """Add the next frame.

        Raises
        ------
        FrameError
            When it is not a frame of tasks.
        """
        if not isinstance(frame, Frame):
            frame = unpack_frame(frame)
        if frame.stream != "tasks":
            raise FrameError(f"Expected a frame of the stream 'tasks', got {frame.stream!r}.")
        self._names.update(enumerate(frame.names, frame.names0))
        self._frames.append(frame)
        self._columns = None

    def __len__(self) -> int:
        return sum(frame.next - frame.first for frame in self._frames)

    @property
    def frames(self) -> list[Frame]:
        """What was appended."""
        return list(self._frames)

    @property
    def names(self) -> Mapping[int, Any]:
        """What the ids in the columns stand for; the same text has an id per chunk of the log."""
        return self._names

    def columns(self) -> dict[str, npt.NDArray[Any]]:
        """All columns joined, as in ``docs/frames.md``.

        Returns
        -------
        dict of str to ndarray
            Per record: ``group lane type error metadata`` (ids), ``nbytes`` (bytes), ``stimulus``
            (s), ``spans``, ``key_len``. Per span: ``action`` and ``source`` (ids), ``start`` and
            ``stop`` (seconds since the epoch, on the worker's clock), ``record`` (index of its
            record).
        """
        if self._columns is None:
            joined = {name: self._join(name, dtype) for name, dtype in _RECORD.items()}
            joined["action"] = self._join("action", "<u4")
            joined["source"] = self._join("source", "<u4")
            for name in ("start", "stop"):
                parts = [np.frombuffer(f.cols[name][1], "<f8") + f.base for f in self._frames]
                joined[name] = np.concatenate(parts) if parts else np.empty(0, "<f8")
            joined["record"] = np.repeat(np.arange(len(joined["spans"]), dtype="u4"), joined["spans"])
            self._columns = joined
        return self._columns

    def _join(self, name: str, dtype: str) -> npt.NDArray[Any]:
        parts = []
        for frame in self._frames:
            if name in _SPARSE and name not in frame.cols:
                rows = frame.next - frame.first if name in _RECORD else _n_spans(frame)
                parts.append(np.full(rows, NO_NAME, dtype))
            else:
                parts.append(np.frombuffer(frame.cols[name][1], dtype=dtype))
        return np.concatenate(parts) if parts else np.empty(0, dtype)

    def keys(self) -> list[Any]:
        """The key of every record: str, tuple, … as the scheduler had it."""
        return self.keys_of(np.arange(len(self)))

    def keys_of(self, records: npt.NDArray[Any]) -> list[Any]:
        """The keys of some records, given by their numbers in rising order."""
        out: list[Any] = []
        names = self._names
        first = 0
        for frame in self._frames:
            n = frame.next - frame.first
            begin, end = np.searchsorted(records, (first, first + n))
            wanted = records[begin:end] - first
            first += n
            if not len(wanted):
                continue
            packed = bytes(frame.cols["key"][1])
            lengths = np.frombuffer(frame.cols["key_len"][1], "<u4")
            starts = (np.cumsum(lengths, dtype="i8") - lengths)[wanted].tolist()
            groups = np.frombuffer(frame.cols["group"][1], "<u4")[wanted].tolist()
            for at, length, group in zip(starts, lengths[wanted].tolist(), groups, strict=True):
                out.append(unpack_key(packed[at : at + length], names[group][0]))
        return out

    def records(self) -> list[dict[str, Any]]:
        """Every task as a dictionary with the fields of `distributed.get_task_stream`.

        Returns
        -------
        list of dict
            ``key, worker, thread, status`` (``"OK"`` or ``"error"``), ``startstops`` (list of
            ``{"action", "start", "stop"}``, seconds since the epoch, and ``"source"`` of a
            transfer), ``nbytes, typename, type,
            metadata, stimulus_id``, and ``prefix, group, span, worker_name``; of a failed task
            ``exception_text, traceback_text, cause`` instead of what describes its result.
        """
        with _no_garbage_collection():
            return self._records()

    def _records(self) -> list[dict[str, Any]]:
        columns = {name: column.tolist() for name, column in self.columns().items()}
        names = self._names
        spans = [
            {"action": names[action], "start": start, "stop": stop}
            for action, start, stop in zip(columns["action"], columns["start"], columns["stop"], strict=True)
        ]
        for i in np.flatnonzero(self.columns()["source"] != NO_NAME).tolist():
            spans[i]["source"] = names[columns["source"][i]]
        # A name of metadata may be that of many tasks, each of which has an object of its own.
        budget = NameBudget() if self._stranger else None
        out = []
        at = 0
        for key, group, lane, kind, error, metadata, nbytes, stimulus, n in zip(
            self.keys(),
            columns["group"],
            columns["lane"],
            columns["type"],
            columns["error"],
            columns["metadata"],
            columns["nbytes"],
            columns["stimulus"],
            columns["spans"],
            strict=True,
        ):
            worker, thread, worker_name = names[lane]
            group_name, prefix, span = names[group][:3]
            ok = error == NO_NAME
            record = {
                "key": key,
                "worker": worker,
                "thread": thread,
                "status": "OK" if ok else "error",
                "startstops": spans[at : at + n],
                "prefix": prefix,
                "group": group_name,
                "span": span,
                "worker_name": worker_name,
                "stimulus_id": None
                if stimulus != stimulus
                else f"task-{'finished' if ok else 'erred'}-{stimulus!r}",
            }
            if ok:
                record["nbytes"] = int(nbytes)
                record["typename"], record["type"] = names[kind]
                record["metadata"] = {} if metadata == NO_NAME else unpack_name(names[metadata], budget)
            else:
                record["exception_text"], record["traceback_text"] = names[error]
                record["cause"] = key
            out.append(record)
            at += n
        return out

    def to_pandas(self) -> pd.DataFrame:
        """One row a span.

        Returns
        -------
        pandas.DataFrame
            ``key, prefix, group, span, worker, worker_name, thread, action, start, stop`` (seconds
            since the epoch), ``duration`` (s), ``status, nbytes, typename, error``. Repeating text
            is categorical.

        Raises
        ------
        ImportError
            Without pandas.
        """
        try:
            import pandas as pd
        except ImportError:
            raise ImportError("to_pandas() needs pandas: pip install pandas") from None
        columns = self.columns()
        record = columns["record"]

        def text(ids: npt.NDArray[Any], part: Any) -> pd.Categorical:
            return self._categorical(pd, ids, part)

        keys = np.empty(len(self), dtype=object)
        keys[:] = self.keys()
        failed = columns["error"] != NO_NAME
        threads = self._lookup(columns["lane"], lambda name: name[1])
        return pd.DataFrame(
            {
                "key": pd.Series(keys[record], dtype=object),
                "prefix": text(columns["group"][record], lambda name: name[1]),
                "group": text(columns["group"][record], lambda name: name[0]),
                "span": text(columns["group"][record], lambda name: name[2]),
                "worker": text(columns["lane"][record], lambda name: name[0]),
                "worker_name": text(columns["lane"][record], lambda name: name[2]),
                "thread": threads[record],
                "action": text(columns["action"], lambda name: name),
                "start": columns["start"],
                "stop": columns["stop"],
                "duration": columns["stop"] - columns["start"],
                "status": pd.Categorical.from_codes(failed[record].astype("i1"), ["OK", "error"]),
                "nbytes": np.nan_to_num(columns["nbytes"][record]).astype("i8"),
                "typename": text(columns["type"][record], lambda name: name[0]),
                "error": text(columns["error"][record], lambda name: name[0]),
            },
            copy=False,
        )

    def _lookup(self, ids: npt.NDArray[Any], part: Any) -> npt.NDArray[Any]:
        unique, where = np.unique(ids, return_inverse=True)
        values = np.empty(len(unique), dtype=object)
        values[:] = [part(self._names[i]) for i in unique.tolist()]
        taken: npt.NDArray[Any] = values[where]
        return taken

    def _categorical(self, pd: Any, ids: npt.NDArray[Any], part: Any) -> pd.Categorical:
        # The same text has an id per chunk of the log: categories are its distinct values.
        unique, where = np.unique(ids, return_inverse=True)
        values = [None if i == NO_NAME else encodable(part(self._names[i])) for i in unique.tolist()]
        distinct = list(dict.fromkeys(value for value in values if value is not None))
        code = {value: at for at, value in enumerate(distinct)}
        codes = np.array([-1 if v is None else code[v] for v in values], dtype="i8")
        return pd.Categorical.from_codes(codes[where] if len(ids) else where, distinct)


def encodable(text: Any) -> Any:
    """Text without lone surrogates, which pandas cannot keep."""
    return text.encode("utf-8", "replace").decode() if isinstance(text, str) else text


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """Hundreds of thousands of new dictionaries, none of them garbage: looking doubles the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _n_spans(frame: Frame) -> int:
    return len(frame.cols["start"][1]) // 8
