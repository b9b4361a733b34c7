"""`Report`: what a block did, to look at, to compute with, to save and to send."""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Mapping
from threading import Lock
from typing import TYPE_CHECKING, Any

from ..model.spans import TaskTable
from ..source.recording import Recording
from .collect import Block, checked_title, collect
from .document import Document, whole
from .files import Filename, check_target, write
from .formats.about import Exported, of_document
from .redact import checked
from .run import Run

if TYPE_CHECKING:
    import ipywidgets
    import pandas as pd
    from distributed import Client


_KINDS = ("worker", "server", "scheduler")


class Summary(dict[str, Any]):
    """Where the time went and what looks wrong, as a dictionary that reads well when it is shown.

    ``verdict``; ``time``, a list of ``{"name", "seconds", "share", "how"}``; ``prefixes``, the most
    expensive, each ``{"prefix", "tasks", "seconds", "share", "median"}``; ``findings``, each ``{"id",
    "severity", "title", "evidence", "remedy", "link"}``; ``notes``; ``figures``.
    """

    #: What is said when there is none.
    empty = "A figure that was saved alone has no summary."

    def __str__(self) -> str:
        if not self:
            return self.empty
        lines = [self["verdict"]]
        lines += [f"  {e['name']:<14} {e['seconds']:>10.2f} s {e['share']:>6.1%}" for e in self["time"]]
        for finding in self["findings"]:
            lines += [f"{finding['title']}: {finding['evidence']}", f"  {finding['remedy']}"]
        return "\n".join(lines)

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(str(self))


class Report(Run):
    """What a block did, as `performance_report` records it or `load_report` reads it.

    While it is being recorded it is empty; it is filled when the block ends.

    Examples
    --------
    >>> report = dasklens.Report.start()  # doctest: +SKIP
    >>> x.sum().compute()  # doctest: +SKIP
    >>> report.stop().save("run.html")  # doctest: +SKIP

    See Also
    --------
    performance_report : the same around a block, with a file at the end
    load_report : read a file back
    """

    def __init__(self, document: Document | None = None):
        self._document = document or Document()
        self._recording: Recording | None = None
        self._ended = document is not None
        self._block = Block()
        self._filling = Lock()
        self._tasks: TaskTable | None = None
        self._data: list[dict[str, Any]] | None = None

    # -- recording -----------------------------------------------------------------------------------

    @classmethod
    def start(cls, client: Client | None = None, title: str | None = None, redact: Iterable[str] = ()) -> Any:
        """Record from now on, until `stop`.

        Parameters
        ----------
        client : distributed.Client, optional
            The current one by default. With an asynchronous one, await what is returned.
        title : str, optional
        redact : iterable of {"code", "hosts", "paths", "keys", "logs"}
            What to leave out.

        Returns
        -------
        Report

        Raises
        ------
        ValueError
            Without a client, or with a closed one; when `title` or `redact` are of another kind.
        NotRecorded
            When the scheduler does not record for dasklens.
        """
        report = cls()
        recording = report._prepare(client, Block(title=checked_title(title), redact=checked(redact)))
        if recording.client.asynchronous:
            return report._begin()
        recording.client.sync(report._begin)
        return report

    def _prepare(self, client: Client | None, block: Block) -> Recording:
        self._block = block
        self._recording = Recording(client)
        # Whoever forgets to stop it does not record for ever.
        weakref.finalize(self, self._recording.close).atexit = False
        return self._recording

    async def _begin(self) -> Report:
        assert self._recording is not None
        await self._recording.begin()
        return self

    def stop(self) -> Any:
        """End the recording.

        Returns
        -------
        Report
            This one. With an asynchronous client, await it.

        Raises
        ------
        RuntimeError
            When it was never started.
        """
        recording = self._started()
        if recording.client.asynchronous:
            return self._stop()
        recording.end_here()
        self._fill()
        return self

    async def _stop(self) -> Report:
        import asyncio

        await self._started().end()
        # Its tasks are unpacked and counted, and this loop may be the scheduler's.
        await asyncio.to_thread(self._fill)
        return self

    def _started(self) -> Recording:
        if self._recording is None or (self._ended and not self._recording.stop_time):
            raise RuntimeError("This report is not being recorded: begin one with dasklens.Report.start().")
        return self._recording

    def _fill(self) -> None:
        with self._filling:
            if not self._ended and self._recording is not None:
                self._document = collect(self._recording, self._block)
                self._tasks = None
                self._ended = True

    # -- what it says ----------------------------------------------------------------------------------

    @property
    def title(self) -> str:
        """What it is called."""
        return self._document.title or self._block.title

    @property
    def start_time(self) -> float:
        """When the block began, in seconds since the epoch."""
        return self._document.start or (self._recording.start_time if self._recording is not None else 0.0)

    @property
    def stop_time(self) -> float:
        """When it ended, likewise; 0 while it runs."""
        return self._document.stop

    @property
    def missed(self) -> int:
        """Tasks of the block that are not in it because the scheduler's log was full; 0 as a rule."""
        return self._document.missed.get("tasks", 0)

    @property
    def ended_early(self) -> str:
        """Why recording ended before the block did; empty as a rule."""
        return self._document.ended_early

    @property
    def exception(self) -> dict[str, str] | None:
        """What the block raised: ``type``, ``text`` and ``traceback``."""
        return self._document.exception

    @property
    def code(self) -> dict[str, Any] | None:
        """The calling code: ``text``, ``file``, and ``line``, which line of the text it was."""
        return self._document.code

    @property
    def cluster(self) -> dict[str, Any]:
        """What it ran on: ``scheduler``, ``workers``, ``threads``, ``memory`` (bytes), ``versions``."""
        return self._document.cluster

    @property
    def logs(self) -> dict[str, Any]:
        """Lines of ``scheduler``, and of ``workers`` by address: seconds since the epoch, level, text."""
        return self._document.logs

    @property
    def tables(self) -> dict[str, dict[str, Any]]:
        """Tables by name, each with ``title``, ``columns``, ``rows``, and why it is ``empty``."""
        return self._document.tables

    def summary(self) -> Summary:
        """Where the time went and what looks wrong: a dictionary that reads well when it is shown."""
        summary = Summary(self._document.summary)
        if not self._ended:
            summary.empty = "There is a summary when the recording has ended."
        return summary

    @property
    def data(self) -> list[dict[str, Any]]:
        """One dictionary a task, as that of `get_task_stream`; empty until the block ends.

        Raises
        ------
        ReportError
            When the file that it was read from is damaged.
        """
        if self._data is None:
            data = self._of_tasks(lambda tasks: tasks.records())
            if not self._ended:
                return []
            self._data = data
        return self._data

    def to_pandas(self) -> pd.DataFrame:
        """One row a span, as `get_task_stream` has it.

        Raises
        ------
        ImportError
            Without pandas.
        ReportError
            When the file that it was read from is damaged.
        """
        return self._of_tasks(lambda tasks: tasks.to_pandas())

    def _of_tasks(self, ask: Any) -> Any:
        with whole("its stream of tasks"):
            if self._tasks is None or not self._ended:
                frames = self._document.frames("tasks")
                self._tasks = TaskTable(frames, self.missed, stranger=self._recording is None)
            return ask(self._tasks)

    # -- as figures ------------------------------------------------------------------------------------

    def task_stream(self) -> ipywidgets.Widget:
        """The task stream with its legend and details, to look around in.

        Raises
        ------
        ReportError
            When the file that it was read from is damaged.
        """
        from ..widgets.task_stream import task_stream_box

        with whole("its stream of tasks"):
            return task_stream_box(list(self._document.frames("tasks")))

    def profile(self, kind: str = "worker") -> ipywidgets.Widget:
        """A flame graph of what was sampled during the block.

        Parameters
        ----------
        kind : {"worker", "server", "scheduler"}
            Of the threads that run tasks, of the workers' event loops, or of the scheduler's.

        Returns
        -------
        Profile

        Raises
        ------
        ReportError
            When the file that it was read from is damaged.
        """
        from ..widgets.flame import Profile
        from ..wire.calltree import create, unpack_profile

        if kind not in _KINDS:
            raise ValueError(f"kind should be one of {', '.join(_KINDS)}, got {kind!r}.")
        with whole("its call tree"):
            for frame in self._document.frames(f"profile:{kind}"):
                return Profile(_static=unpack_profile(frame), kind=kind)
        return Profile(_static=(create(), {"kind": kind}, ()), kind=kind)

    def history(self, what: str = "memory") -> ipywidgets.Widget:
        """What changed over time, as curves.

        Parameters
        ----------
        what : {"tasks", "memory", "cpu"}
            Tasks that finished, by prefix; memory, or CPU, of all workers.

        Raises
        ------
        ValueError
            For something else, and when the report has too little of it.
        ReportError
            When the file that it was read from is damaged.
        """
        from ..widgets.history import history_box
        from .static import HISTORIES, history

        if what not in HISTORIES:
            raise ValueError(f"what should be one of {', '.join(HISTORIES)}, got {what!r}.")
        with whole("its history"):
            chart = history(self._document, what)
        if chart is None:
            raise ValueError(f"This report has no history of {what}: it was recorded for too short a time.")
        return history_box(chart)

    def _ipython_display_(self, **_kwargs: Any) -> None:
        from .shown import show

        show(self, self._document if self._ended else None)

    # -- beside others ---------------------------------------------------------------------------------

    def _to_document(self) -> Document:
        if not self._ended:
            raise ValueError("This report is still being recorded: stop() it before it is compared.")
        return self._document

    # -- as a file -------------------------------------------------------------------------------------

    def to_json(self) -> bytes:
        """The whole as JSON, as a file ending in ``.json`` has it."""
        return self._document.to_json()

    def save(self, filename: Filename, storage_options: Mapping[str, Any] | None = None) -> None:
        """Write it to a file.

        Parameters
        ----------
        filename : str or path
            ``.json`` at its end gives the data alone, ``.ipynb`` a notebook, anything else one HTML file that
            needs no network. May be a URL that fsspec knows, and end in the suffix of a compression, such as
            ``.json.gz``.
        storage_options : dict, optional
            For `fsspec.open`.

        Raises
        ------
        ValueError
            When the file cannot be written.
        RuntimeError
            While it is still being recorded.
        """
        self._must_have_ended()
        check_target(filename, storage_options)
        write(self._document, filename, storage_options)

    def _exported(self) -> Exported:
        self._must_have_ended()
        return of_document(self._document)

    def _must_have_ended(self) -> None:
        if not self._ended:
            raise RuntimeError("This report is still being recorded: stop() it first.")

    def __len__(self) -> int:
        stream = self._document.streams.get("tasks")
        return stream.records if stream is not None else 0

    def __repr__(self) -> str:
        if not self._ended:
            return "<Report: recording>" if self._recording is not None else "<Report: empty>"
        seconds = self.stop_time - self.start_time
        missed = f", {self.missed:,} missed" if self.missed else ""
        return f"<Report {self.title!r}: {len(self):,} tasks in {seconds:,.1f} s{missed}>"
