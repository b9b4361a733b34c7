"""`get_task_stream`: what ran within a block."""

from __future__ import annotations

import asyncio
import warnings
from time import time
from typing import TYPE_CHECKING, Any, Literal

from ..model.relog import joined
from ..model.spans import TaskTable
from ..report.collect import of_frames
from ..report.files import check_target, write
from ..report.formats.about import Exported
from ..report.run import Run
from ..source.attach import resolve_client
from ..source.read import cursor, read_tasks

if TYPE_CHECKING:
    from types import TracebackType

    import bqplot
    import pandas as pd
    from distributed import Client

    from ..report.document import Document
    from ..wire.frames import Frame


class get_task_stream(Run):  # noqa: N801 - the name of distributed's
    """Collect every task that finished while the block was active.

    Drop-in for `distributed.get_task_stream`, as a context manager and as an asynchronous one.
    What belongs to the block is decided by the scheduler's own order of events, never by a clock,
    so workers whose clocks are off lose nothing.

    Parameters
    ----------
    client : distributed.Client, optional
        The current client by default.
    plot : bool or "save", default False
        Make :attr:`figure` when the block ends. ``"save"`` writes it to a file besides, which needs no
        network and is read back by `load_report`.
    filename : str, default "task-stream.html"
        For ``plot="save"``; as that of `performance_report`.

    Attributes
    ----------
    missed : int
        Tasks of the block that the scheduler's log had to drop, 0 normally; a warning says so too.

    Raises
    ------
    ValueError
        Without a client, with a closed one, with another kind of `plot`, or when the file cannot be written.

    Examples
    --------
    >>> with dasklens.get_task_stream(plot=True) as ts:  # doctest: +SKIP
    ...     x.sum().compute()
    >>> ts.data[0]["key"]  # doctest: +SKIP
    ('sum-9a1689536a934d67341eac3b9682a85a', 0, 0)
    >>> ts.to_pandas().groupby("prefix").duration.sum()  # doctest: +SKIP

    See Also
    --------
    distributed.get_task_stream : https://distributed.dask.org/en/stable/api.html
    """

    def __init__(
        self,
        client: Client | None = None,
        plot: bool | Literal["save"] = False,
        filename: str = "task-stream.html",
    ):
        if plot == "save":
            check_target(filename)
        elif not isinstance(plot, bool):
            raise ValueError(f'plot should be True, False or "save", got {plot!r}.')
        self.client = resolve_client(client)
        self.missed = 0
        self._plot = plot
        self._filename = filename
        self._figure: bqplot.Figure | None = None
        self._table = TaskTable()
        self._begun = self._ended = 0.0
        self._data: list[dict[str, Any]] = []
        self._stale = False
        #: Frames of each block, and when the first of them began.
        self._blocks: list[list[bytes]] = []
        self._first = 0.0
        self._start: dict[str, Any] | None = None

    def __enter__(self) -> get_task_stream:
        self._only_synchronous()
        self.client.sync(self.__aenter__)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._still_there(error):
            self.client.sync(self.__aexit__, kind, error, traceback)

    async def __aenter__(self) -> get_task_stream:
        self._start = await cursor(self.client)
        self._begun = time()
        self._first = self._first or self._begun
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if not self._still_there(error):
            return
        assert self._start is not None
        frames, missed = await read_tasks(self.client, self._start)
        for frame in frames:
            self._table.append(frame)
        self._blocks.append(frames)
        self._ended = time()
        self._stale = True
        self.missed += missed
        if self._plot:
            self._figure = self._draw(frames)
        if self._plot == "save":
            await asyncio.to_thread(self._save, frames)
        if missed:
            warnings.warn(
                f"{missed:,} of {missed + len(self._table):,} tasks of this block are missing: "
                "the scheduler's log was full. Raise dasklens.log.limit in the Dask configuration "
                "of the scheduler.",
                RuntimeWarning,
                stacklevel=3,
            )

    def _still_there(self, error: BaseException | None) -> bool:
        """Whether there is a scheduler to ask; what was raised in the block matters more than that."""
        if self._start is None:
            raise RuntimeError(
                "This block was never entered: write 'with dasklens.get_task_stream() as ts:'."
            )
        if self.client.status not in ("closed", "closing"):
            return True
        if error is None:
            raise RuntimeError(
                "The client was closed inside the block, so its tasks could not be read: close it after."
            )
        return False

    def _only_synchronous(self) -> None:
        if self.client.asynchronous:
            raise ValueError(
                "This client is asynchronous: write 'async with dasklens.get_task_stream() as ts:'."
            )

    def _draw(self, frames: list[bytes]) -> bqplot.Figure:
        # bqplot costs half a second: nobody pays for it who does not draw.
        from ..widgets.task_stream import task_stream_figure

        return task_stream_figure(frames)

    def _save(self, frames: list[bytes]) -> None:
        write(self._document_of(frames, self._begun), self._filename)

    def _document_of(self, frames: list[bytes], start: float) -> Document:
        return of_frames(
            "tasks",
            frames,
            title="Task stream",
            missed=self.missed,
            start=start,
            stop=self._ended,
        )

    def _to_document(self) -> Document:
        if not self._ended:
            raise ValueError("This block has not ended: compare task streams after it.")
        return self._document_of(joined(self._blocks), self._first)

    @property
    def data(self) -> list[dict[str, Any]]:
        """One dictionary a task, with the fields of `distributed`'s; empty until the block ends."""
        if self._stale:
            self._data = self._table.records()
            self._stale = False
        return self._data

    @property
    def figure(self) -> bqplot.Figure | None:
        """The task stream as a bqplot Figure; None unless `plot` is true."""
        return self._figure

    def to_pandas(self) -> pd.DataFrame:
        """One row a span; see `dasklens.model.spans.TaskTable.to_pandas` for the columns."""
        return self._table.to_pandas()

    def _exported(self) -> Exported:
        frames = self._table.frames

        def of(stream: str) -> list[Frame]:
            return frames if stream == "tasks" else []

        return Exported(of, len(self), self.missed, "Task stream", self._begun, self._ended)

    def __len__(self) -> int:
        return len(self._table)

    def __repr__(self) -> str:
        return f"<get_task_stream: {len(self._table):,} tasks, {self.missed:,} missed>"
