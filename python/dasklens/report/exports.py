"""What a report, a task stream and `get_task_stream` can be written as for other tools."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, BinaryIO

from .document import whole
from .files import Filename, check_target, opened
from .formats.about import Exported

if TYPE_CHECKING:
    import pyarrow as pa


class Exports:
    """Methods that write tasks, and what else a report has, as files of other tools.

    Each gives the bytes of the file when it is given no filename. A filename is as that of
    `performance_report`: it may be a URL that fsspec knows, and end in the suffix of a compression. All but
    speedscope's are read back by `load_report`, to the same tasks.
    """

    def _exported(self) -> Exported:
        """What there is to export."""
        raise NotImplementedError

    def to_trace_events(
        self, filename: Filename | None = None, storage_options: Mapping[str, Any] | None = None
    ) -> bytes | None:
        """As a trace for Perfetto or Chrome: what each thread did, memory and CPU, transfers as arrows.

        Parameters
        ----------
        filename : str or path, optional
            Such as ``"run.trace.json.gz"``.
        storage_options : dict, optional
            For `fsspec.open`.

        Returns
        -------
        bytes or None
            JSON in the trace-event format, where there is no filename.

        Raises
        ------
        ValueError
            When the file cannot be written.
        """
        from .formats.trace import write_trace

        return self._to(filename, storage_options, write_trace)

    def to_speedscope(
        self,
        filename: Filename | None = None,
        kind: str | None = None,
        storage_options: Mapping[str, Any] | None = None,
    ) -> bytes | None:
        """As profiles for speedscope: the call trees, and one of each worker thread.

        Parameters
        ----------
        filename : str or path, optional
            Such as ``"run.speedscope.json"``.
        kind : {"tasks", "worker", "server", "scheduler"}, optional
            One of them alone: worker threads by their tasks, or a call tree as `Report.profile` has it.
        storage_options : dict, optional
            For `fsspec.open`.

        Returns
        -------
        bytes or None
            JSON, where there is no filename.

        Raises
        ------
        ValueError
            When there is nothing of that kind, or the file cannot be written.
        """
        from .formats.speedscope import KINDS, TREES, write_speedscope

        if kind is not None and kind not in KINDS:
            raise ValueError(f"kind should be one of {', '.join(KINDS)}, got {kind!r}.")
        kinds = (*TREES, "tasks") if kind is None else (kind,)
        return self._to(filename, storage_options, partial(write_speedscope, kinds=kinds))

    def to_parquet(
        self, filename: Filename | None = None, storage_options: Mapping[str, Any] | None = None
    ) -> bytes | None:
        """As Parquet: a row a task, its spans as a list.

        Parameters
        ----------
        filename : str or path, optional
            Such as ``"run.parquet"``.
        storage_options : dict, optional
            For `fsspec.open`.

        Returns
        -------
        bytes or None

        Raises
        ------
        ImportError
            Without pyarrow.
        ValueError
            When the file cannot be written.
        """
        from .formats.table import pyarrow, write_parquet

        pyarrow("to_parquet()")
        return self._to(filename, storage_options, write_parquet)

    def to_csv(
        self, filename: Filename | None = None, storage_options: Mapping[str, Any] | None = None
    ) -> bytes | None:
        """As CSV: a row a task, its spans as JSON in a cell.

        Parameters
        ----------
        filename : str or path, optional
            Such as ``"run.csv.gz"``.
        storage_options : dict, optional
            For `fsspec.open`.

        Returns
        -------
        bytes or None

        Raises
        ------
        ValueError
            When the file cannot be written.
        """
        from .formats.csvfile import write_csv

        return self._to(filename, storage_options, write_csv)

    def to_arrow(
        self, filename: Filename | None = None, storage_options: Mapping[str, Any] | None = None
    ) -> pa.Table | None:
        """As a table of Arrow, or a file of it, which is Feather too: a row a task, its spans as a list.

        Parameters
        ----------
        filename : str or path, optional
            Such as ``"run.arrow"``.
        storage_options : dict, optional
            For `fsspec.open`.

        Returns
        -------
        pyarrow.Table or None
            The table, where there is no filename.

        Raises
        ------
        ImportError
            Without pyarrow.
        ValueError
            When the file cannot be written.
        """
        from .formats.table import pyarrow, to_arrow, write_arrow

        pyarrow("to_arrow()")
        if filename is None:
            with whole("its stream of tasks"):
                return to_arrow(self._exported())
        self._to(filename, storage_options, write_arrow)
        return None

    def _to(
        self,
        filename: Filename | None,
        storage_options: Mapping[str, Any] | None,
        write: Callable[[Exported, BinaryIO], None],
    ) -> bytes | None:
        # First of all: there may be nothing yet.
        run = self._exported()
        if filename is None:
            out = io.BytesIO()
            with whole("its stream of tasks"):
                write(run, out)
            return out.getvalue()
        check_target(filename, storage_options)
        with opened(filename, storage_options) as file, whole("its stream of tasks"):
            write(run, file)
        return None
