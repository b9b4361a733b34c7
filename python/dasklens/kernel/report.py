"""`performance_report`: one file that says what a block did; `load_report` reads it back."""

from __future__ import annotations

import asyncio
import logging
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..report.callingcode import calling_code, exception_of
from ..report.collect import Block, checked_title
from ..report.comparison import of_document
from ..report.files import Filename, check_target, read, write
from ..report.redact import checked
from ..report.report import Report
from ..source.attach import resolve_client

if TYPE_CHECKING:
    from types import TracebackType

    from distributed import Client

logger = logging.getLogger(__name__)

#: What `bokeh.io.output_file` knows, and so `distributed.performance_report`.
MODES = ("inline", "cdn", "server", "server-dev", "relative", "relative-dev", "absolute", "absolute-dev")


class performance_report:  # noqa: N801 - the name of distributed's
    """Record what a block does, and write it to one file that opens anywhere.

    Drop-in for `distributed.performance_report`, as a context manager and as an asynchronous one. The file
    needs no network, holds every task of the block, and is read back by `load_report`. When the block raises,
    the exception is in the report too and goes on up; when the scheduler dies, what came before is kept.

    Parameters
    ----------
    filename : str or path, default "dask-report.html"
        ``.json`` at its end gives the data alone, ``.ipynb`` a notebook, anything else one HTML file. May be
        a URL that fsspec knows, and end in the suffix of a compression, such as ``.json.gz``. None writes no
        file.
    stacklevel : int, default 1
        Whose code is shown as the calling code: 1 is who calls `performance_report`, 2 its caller.
    mode : str, optional
        For those who come from `distributed`: its values are accepted, and the file is always an offline one.
        With ``"cdn"`` a warning says so.
    storage_options : dict, optional
        For `fsspec.open`.
    client : distributed.Client, optional
        The current one by default.
    title : str, optional
    redact : iterable of {"code", "hosts", "paths", "keys", "logs"}
        What to leave out. Hosts, paths and keys have numbered stand-ins, so that they can be told apart.

    Raises
    ------
    ValueError
        Without a client, with a closed one, or when the file cannot be written: before the block runs.
    NotRecorded
        When the scheduler does not record for dasklens.

    Examples
    --------
    >>> with dasklens.performance_report("run.html") as report:  # doctest: +SKIP
    ...     x.sum().compute()
    >>> report.summary()  # doctest: +SKIP

    See Also
    --------
    Report : what ``as`` gives
    distributed.performance_report : https://distributed.dask.org/en/stable/diagnosing-performance.html
    """

    def __init__(
        self,
        filename: Filename | None = "dask-report.html",
        stacklevel: int = 1,
        mode: str | None = None,
        storage_options: Mapping[str, Any] | None = None,
        client: Client | None = None,
        title: str | None = None,
        redact: Iterable[str] = (),
    ):
        _check_mode(mode)
        if filename is not None:
            check_target(filename, storage_options)
        self.filename = filename
        self.mode = mode
        self.storage_options = dict(storage_options or {})
        if not isinstance(stacklevel, int):
            raise ValueError(f"stacklevel should be a whole number, got {stacklevel!r}.")
        code = calling_code(max(1, stacklevel) + 1)
        self._block = Block(title=checked_title(title), code=code, redact=checked(redact))
        self.client = resolve_client(client)
        self._prepare()

    def _prepare(self) -> None:
        self._report = Report()
        self._recording = self._report._prepare(self.client, replace(self._block))

    def __enter__(self) -> Report:
        if self.client.asynchronous:
            raise ValueError(
                "This client is asynchronous: write 'async with dasklens.performance_report() as report:'."
            )
        self.client.sync(self.__aenter__)
        return self._report

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._note(error)
        try:
            self._recording.end_here()
            self._finish()
        except Exception as failure:
            self._failed(failure, error)

    async def __aenter__(self) -> Report:
        if self._recording.start_time and not self._recording.stop_time:
            raise RuntimeError(
                "This performance_report records a block already: make another one for a block within it."
            )
        if self._recording.start_time:
            # Another block, another report.
            self._prepare()
        await self._recording.begin()
        return self._report

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._note(error)
        try:
            await self._recording.end()
            # Millions of tasks take their time, and this loop may be the scheduler's.
            await asyncio.to_thread(self._finish)
        except Exception as failure:
            self._failed(failure, error)

    def _note(self, error: BaseException | None) -> None:
        if error is not None:
            self._report._block.exception = exception_of(error)

    def _finish(self) -> None:
        self._report._fill()
        if self.filename is not None:
            write(self._report._document, self.filename, self.storage_options)

    def _failed(self, failure: Exception, error: BaseException | None) -> None:
        # What was raised in the block matters more than what became of its report.
        if error is None:
            raise failure
        warnings.warn(
            f"There is no whole report of this block: {type(failure).__name__}: {failure}",
            RuntimeWarning,
            stacklevel=3,
        )

    def __repr__(self) -> str:
        return f"<performance_report: {self.filename}>"


def load_report(source: Filename | bytes, storage_options: Mapping[str, Any] | None = None) -> Any:
    """Read a report back, a comparison of several, or the tasks of what was exported of a run.

    Its data alone are read: nothing in it is run or unpickled, and what it unpacks to is bounded.

    Parameters
    ----------
    source : str, path or bytes
        A file or a URL that fsspec knows, ``.html``, ``.ipynb`` or ``.json``, or of what `Report.to_parquet`,
        `to_arrow`, `to_csv` and `to_trace_events` write, compressed or not; or the bytes of one.
    storage_options : dict, optional
        For `fsspec.open`.

    Returns
    -------
    Report, Comparison or Trend
        Whatever was saved.

    Raises
    ------
    OSError
        When the file cannot be read.
    ReportError
        When it is neither, cut short, too large, or of a later version of dasklens; the message says which.
        It is a `ValueError`.
    ImportError
        When it takes pyarrow to read it, which is not there.

    Examples
    --------
    >>> report = dasklens.load_report("run.html")  # doctest: +SKIP
    >>> report.to_pandas().groupby("prefix").duration.sum()  # doctest: +SKIP
    """
    document = read(source, storage_options)
    return Report(document) if document.comparison is None else of_document(document)


def _check_mode(mode: str | None) -> None:
    if mode is not None and mode not in MODES:
        raise ValueError(f"mode should be None or one of {', '.join(MODES)}; got {mode!r}.")
    if mode == "cdn":
        warnings.warn(
            'This report will not load anything from a network: with mode="cdn" too it is one whole file.',
            UserWarning,
            stacklevel=3,
        )
