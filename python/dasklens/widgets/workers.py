"""`Workers`: the workers of a cluster as a table, live, in a notebook cell."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from traitlets import List, TraitError, Unicode, validate

from ..model.samples import WorkersNow
from .receiver import LivePart, Unfed

if TYPE_CHECKING:
    from distributed import Client

_STATIC = Path(__file__).parent.parent / "static"

#: Keys of the columns; `js/src/parts/workercolumns.ts` says what is in them.
COLUMNS = (
    *("name", "status", "cpu", "process", "managed", "unmanaged", "recent", "spilled"),
    *("processing", "executing", "ready", "threads"),
    *("netRead", "netWrite", "diskRead", "diskWrite", "seen", "address"),
)


class Workers(LivePart):
    """The workers of a cluster in a table that follows them.

    Click a header to sort, a row to choose its worker; type to filter. As many columns are shown as
    there is room for, the most telling ones first.

    Parameters
    ----------
    client : distributed.Client, optional
        The current client by default.
    columns : list of str, optional
        What to show instead of as many columns as fit, of ``status, cpu, process, managed, unmanaged,
        recent, spilled, processing, executing, ready, threads, netRead, netWrite, diskRead, diskWrite,
        seen, address``.
    sort : str, default ""
        The column to sort by, with a ``-`` in front for the largest first. By name when empty.
    **kwargs
        For `ipywidgets.DOMWidget`, such as ``layout``.

    Attributes
    ----------
    selected : str or None
        Address of the worker that was chosen. Link it to `TaskStream.worker` to see its lanes.

    Raises
    ------
    ValueError
        Without a client, or with a closed one.

    Examples
    --------
    >>> workers = dasklens.Workers()  # doctest: +SKIP
    >>> workers  # doctest: +SKIP
    >>> ipywidgets.link((workers, "selected"), (stream, "worker"))  # doctest: +SKIP
    """

    _esm = _STATIC / "workers.js"
    _reads = ("workers",)

    selected = Unicode(None, allow_none=True).tag(sync=True)
    columns = List(Unicode()).tag(sync=True)
    sort = Unicode("").tag(sync=True)

    @validate("columns")
    def _validate_columns(self, proposal: Any) -> list[str]:
        columns: list[str] = proposal.value
        unknown = [column for column in columns if column not in COLUMNS]
        if unknown:
            raise TraitError(f"columns should be some of {', '.join(COLUMNS)}; got {unknown[0]!r}.")
        return columns

    @validate("sort")
    def _validate_sort(self, proposal: Any) -> str:
        sort: str = proposal.value
        if sort and sort.removeprefix("-") not in COLUMNS:
            raise TraitError(
                f"sort should be one of {', '.join(COLUMNS)}, with a - for the largest first; got {sort!r}."
            )
        return sort

    def __init__(self, client: Client | Unfed | None = None, **kwargs: Any):
        self._now = WorkersNow()
        self._lock = threading.Lock()
        super().__init__(client, **kwargs)

    def _take(self, frames: list[bytes]) -> None:
        with self._lock:
            for data in frames:
                self._now.append(data)

    @property
    def data(self) -> list[dict[str, Any]]:
        """One dictionary a worker, as it was at the last sample.

        ``address, name, status, threads, limit, cpu, process, managed, unmanaged, recent, spilled,
        processing, executing, ready, net_read, net_write, disk_read, disk_write, last_seen``; memory in
        bytes, `cpu` in per cent of a core, rates in bytes a second, `last_seen` in seconds since the
        epoch.
        """
        with self._lock:
            return self._now.rows

    def __repr__(self) -> str:
        n = len(self.data)
        return f"<Workers: {n:,} worker{'s' * (n != 1)}, {self.phase}>"
