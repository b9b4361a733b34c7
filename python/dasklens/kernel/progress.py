"""`progress` and `progress_of`: see how far it is, in a notebook, a terminal, a script."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Iterator
from datetime import timedelta
from threading import TIMEOUT_MAX
from typing import TYPE_CHECKING, Any

from dask.base import is_dask_collection
from dask.utils import parse_timedelta
from distributed import Client, Future
from distributed.client import futures_of
from distributed.core import coerce_to_address
from distributed.utils import is_kernel

from ..source.arguments import number
from ..source.attach import resolve_client, rpc_of
from ..source.progress import Following
from .console import BAR, ConsoleProgress

if TYPE_CHECKING:
    from ..widgets.progress import ProgressBars

#: Seconds between two updates: in a terminal as upstream has it, in a notebook what eyes can follow.
_INTERVAL, _NOTEBOOK_INTERVAL, _SHORTEST = 0.1, 0.2, 0.02
#: Characters of a bar at most.
_WIDEST = 10_000
#: What arguments should be.
_WIDTH = f"width should be the characters of the bar, such as {BAR}, and at most {_WIDEST:,}"
_TIME = 'interval should be the time between two updates, such as "100ms" or 0.1 seconds'
#: Accepted because upstream's has them; nothing here depends on them.
_IGNORED = ("loop", "start", "minimum", "dt", "func", "prefer_tasks")
#: Seconds to wait for the scheduler to begin counting, before a block runs.
_BEGIN = 5.0


def progress(
    *futures: Any,
    notebook: bool | None = None,
    multi: bool = True,
    complete: bool = True,
    group_by: str | Callable[[Any], Any] = "prefix",
    **kwargs: Any,
) -> ProgressBars | ConsoleProgress | None:
    """Show how far futures are, and everything they depend on.

    In a notebook it returns at once and shows itself where it stands in the cell. In a terminal or a script
    it blocks until all is done, something failed or the scheduler is lost; Ctrl-C ends the watching only.

    Parameters
    ----------
    *futures
        Futures, keys, collections such as persisted arrays, and lists of these.
    notebook : bool, optional
        Whether this is a notebook; found out by default.
    multi : bool, default True
        A bar for each group, not only one for all.
    complete : bool, default True
        Count what was done before, too.
    group_by : {"prefix", "spans"} or callable, default "prefix"
        What a bar stands for. A callable takes a key and gives a name; it is called in this process.
    **kwargs
        ``interval`` ("100ms" or seconds between updates), ``scheduler`` (the address of another than the
        futures'), ``width`` (of the bar in a terminal, 40), ``layout`` (in a notebook), and what else
        `distributed.progress` accepts.

    Returns
    -------
    ProgressBars or None
        In a notebook, with ``status``, ``counts``, ``elapsed``, ``eta``, ``error`` and ``wait``; it can be
        awaited. None in a terminal, unless an event loop runs in this thread: then it does not block, and
        what it returns is to be awaited.

    Raises
    ------
    ValueError
        For another `group_by`, an `interval` or a `width` that is none, or without a client.
    TypeError
        For an argument that neither this nor upstream knows, or of another type.

    Examples
    --------
    >>> progress(futures)  # doctest: +SKIP
    [########################################] | 100% Completed |  1.7s
    """
    settings = _settings(group_by, kwargs)
    leaves = list(_leaves(futures))
    client, ours = _client_of(leaves, kwargs.get("scheduler"))
    keys = list(dict.fromkeys(leaf.key if isinstance(leaf, Future) else leaf for leaf in leaves))
    if notebook is None:
        notebook = is_kernel()
    if notebook:
        from ..widgets.progress import ProgressBars

        interval = settings.pop("interval", _NOTEBOOK_INTERVAL)
        settings.pop("width", None)
        bars = ProgressBars(client, keys, multi=multi, complete=complete, interval=interval, **settings)
        bars.display()
        return bars
    try:
        shown = _console(client, keys, multi, complete, settings)
        if _loop_runs():
            shown.start()
            return shown
        shown.run()
    finally:
        if ours and not _loop_runs():
            client.close()
    return None


class progress_of:  # noqa: N801 -- called like `get_task_stream`, a function to its users
    """Show how far everything is that a block submits, whatever submits it.

    Parameters
    ----------
    client : distributed.Client, optional
        The current client by default.
    notebook, multi, group_by, **kwargs
        As for `progress`.

    Raises
    ------
    ValueError
        Without a client, or with a closed one; for arguments as `progress` does.
    RuntimeError
        When it is left without having been entered.

    Examples
    --------
    >>> with dasklens.progress_of():  # doctest: +SKIP
    ...     x.sum().compute()
    """

    def __init__(
        self,
        client: Client | None = None,
        *,
        notebook: bool | None = None,
        multi: bool = True,
        group_by: str | Callable[[Any], Any] = "prefix",
        **kwargs: Any,
    ):
        self._settings = _settings(group_by, kwargs)
        self._client = resolve_client(client)
        self._notebook = is_kernel() if notebook is None else notebook
        self._multi = multi
        self._shown: ProgressBars | ConsoleProgress | None = None
        self._entered: Following | None = None

    def __enter__(self) -> ProgressBars | ConsoleProgress:
        if self._client.asynchronous:
            raise ValueError("This client is asynchronous: write 'async with dasklens.progress_of():'.")
        shown = self._begin()
        shown.following.feed.opened.wait(_BEGIN)
        return shown

    def __exit__(self, *error: object) -> None:
        following = self._leave()
        following.wait(0.5)
        self._end()

    async def __aenter__(self) -> ProgressBars | ConsoleProgress:
        shown = self._begin()
        opened = shown.following.feed.opened
        await asyncio.get_running_loop().run_in_executor(None, opened.wait, _BEGIN)
        return shown

    async def __aexit__(self, *error: object) -> None:
        following = self._leave()
        await asyncio.get_running_loop().run_in_executor(None, following.wait, 0.5)
        self._end()

    def _begin(self) -> ProgressBars | ConsoleProgress:
        settings = dict(self._settings)
        shown: ProgressBars | ConsoleProgress
        if self._notebook:
            from ..widgets.progress import ProgressBars

            settings.pop("width", None)
            interval = settings.pop("interval", _NOTEBOOK_INTERVAL)
            shown = ProgressBars(self._client, None, multi=self._multi, interval=interval, **settings)
            shown.display()
        else:
            shown = _console(self._client, None, self._multi, True, settings)
            shown.start()
        self._shown, self._entered = shown, shown.following
        return shown

    def _leave(self) -> Following:
        following, self._entered = self._entered, None
        if following is None:
            raise RuntimeError("Nothing was entered here: write 'with dasklens.progress_of():'.")
        following.feed.end_block()
        return following

    def _end(self) -> None:
        if isinstance(self._shown, ConsoleProgress):
            self._shown.stop()


def _console(
    client: Client, keys: list[Any] | None, multi: bool, complete: bool, settings: dict[str, Any]
) -> ConsoleProgress:
    interval = settings.get("interval", _INTERVAL)
    following = Following(
        client, keys, _nothing, complete=complete, group_by=settings["group_by"], interval=interval
    )
    return ConsoleProgress(following, multi, interval, settings.get("width", BAR))


def _nothing(frames: list[bytes]) -> None:
    """Who draws asks by itself."""


def _settings(group_by: Any, kwargs: dict[str, Any]) -> dict[str, Any]:
    """What was asked for, checked."""
    if not callable(group_by) and group_by not in ("spans", "prefix"):
        raise ValueError(f"`group_by` should be 'spans', 'prefix', or a Callable, got {group_by!r}.")
    found: dict[str, Any] = {"group_by": group_by}
    for name, value in kwargs.items():
        if name == "interval":
            found["interval"] = _interval(value)
        elif name == "width":
            found["width"] = int(number(value, _WIDTH, _WIDEST))
        elif name == "layout":
            found["layout"] = value
        elif name not in (*_IGNORED, "scheduler"):
            raise TypeError(f"progress() got an unexpected keyword argument {name!r}")
    return found


def _interval(value: Any) -> float:
    try:
        seconds = parse_timedelta(value, default="s") if isinstance(value, str | timedelta) else value
    except (ValueError, LookupError, OverflowError):
        raise ValueError(f"{_TIME}, got {value!r}.") from None
    # No thread can wait for longer.
    return max(_SHORTEST, number(seconds, _TIME, TIMEOUT_MAX))


def _leaves(thing: Any) -> Iterator[Any]:
    """The futures and keys in collections and lists, one by one."""
    if isinstance(thing, Future | str | bytes) or _is_key(thing):
        yield thing
    elif is_dask_collection(thing):
        yield from futures_of(thing)
    elif isinstance(thing, dict):
        yield from _leaves(list(thing.values()))
    elif isinstance(thing, list | tuple | set | frozenset) or inspect.isgenerator(thing):
        for each in thing:
            yield from _leaves(each)
    elif thing is not None:
        raise TypeError(
            f"progress() takes futures, collections, keys and lists of these, got {type(thing).__name__}."
        )


def _is_key(thing: Any) -> bool:
    """Whether a tuple is a key such as ``("sum-1234", 0, 1)`` rather than several things."""
    return (
        isinstance(thing, tuple)
        and len(thing) > 1
        and isinstance(thing[0], str)
        and all(isinstance(part, int | float) for part in thing[1:])
    )


def _client_of(leaves: list[Any], scheduler: Any) -> tuple[Client, bool]:
    """The client that knows the futures, or another for an address; whether it is ours to close."""
    own = next((leaf.client for leaf in leaves if isinstance(leaf, Future)), None)
    if scheduler is None or isinstance(scheduler, Client):
        return resolve_client(scheduler or own), False
    address = coerce_to_address(scheduler)
    for client in (own, *Client._instances):
        if client is not None and client.status == "running" and rpc_of(client).address == address:
            return client, False
    return Client(address, set_as_default=False), True


def _loop_runs() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
