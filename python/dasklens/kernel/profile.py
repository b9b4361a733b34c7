"""`profile`: where the time went inside the tasks."""

from __future__ import annotations

import asyncio
import warnings
from typing import TYPE_CHECKING, Any, Literal

from ..report.collect import of_frames
from ..report.files import check_target, write
from ..scheduler.profiling import Answer, Question, about, read_coverage, read_profile
from ..source.attach import resolve_client, rpc_of
from ..source.profile import Interval, When, addresses, stretch
from ..wire.calltree import counted, pack_profile

if TYPE_CHECKING:
    from distributed import Client


def profile(
    key: str | None = None,
    start: When | Interval = None,
    stop: When = None,
    workers: Any = None,
    merge_workers: bool = True,
    plot: bool | Literal["save"] = False,
    filename: str | None = None,
    server: bool = False,
    scheduler: bool = False,
    client: Client | None = None,
) -> Any:
    """Call trees of what ran recently: drop-in for `distributed.Client.profile`.

    Workers look at the stack of each of their threads every 10 ms, and remember what they saw for
    1,000 seconds.

    Parameters
    ----------
    key : str, optional
        Only tasks of this prefix, such as ``"inc"``.
    start, stop : float or str, optional
        Only samples from then to then: seconds since the epoch, or how long ago, such as ``"10s"``.
        A pair as `start`, such as the `interval` of a `TaskStream`, is both. Workers keep their samples
        in steps of a second, so what happened within a second of the edges may be in or out.
    workers : str or list of str, optional
        Only these addresses.
    merge_workers : bool, default True
        One tree of all; otherwise a dictionary of one per worker.
    plot : bool or "save", default False
        Give ``(state, figure)``, with a bqplot Figure.
    filename : str, optional
        Write the profile to this file, as ``plot="save"`` does to ``dask-profile.html``, and give the figure
        too: one that needs no network and is read back by `load_report`.
    server : bool, default False
        The administrative threads of the workers, instead of those that compute.
    scheduler : bool, default False
        The administrative thread of the scheduler.
    client : distributed.Client, optional
        The current one by default. With an asynchronous one, await what is returned.

    Returns
    -------
    dict or (dict, bqplot.Figure)
        Nested dictionaries with ``count, children, identifier, description``, as `distributed` gives.
        A worker that does not answer is left out, and a warning names it.

    Raises
    ------
    ValueError
        Without a client, with a closed one, when start and stop are no times, or when the file cannot be
        written.

    Examples
    --------
    >>> state = dasklens.profile(start="30s")  # doctest: +SKIP
    >>> state, figure = dasklens.profile(key="sum", plot=True)  # doctest: +SKIP
    >>> dasklens.profile(start=stream.interval)  # doctest: +SKIP

    See Also
    --------
    Profile : the same, live and to look around in
    """
    if plot == "save" and filename is None:
        filename = "dask-profile.html"
    if filename is not None:
        check_target(filename)
        plot = True
    if not isinstance(plot, bool):
        raise ValueError(f'plot should be True, False or "save", got {plot!r}.')
    client = resolve_client(client)
    begin, end = stretch(start, stop)
    question = Question(
        keys=() if key is None else (key,),
        start=begin,
        stop=end,
        workers=addresses(workers),
        server=server,
        scheduler=scheduler,
    )
    merged = merge_workers or scheduler
    if client.asynchronous:
        return _later(client, question, merged, plot, filename)
    answer, coverage = client.sync(_read, client, question, plot)
    state = answer.merged() if merged or plot else None
    if filename is not None:
        _save(filename, state, answer, coverage, question)
    return _given(answer, coverage, question, merged, state)


async def _later(client: Client, question: Question, merged: bool, plot: bool, filename: str | None) -> Any:
    answer, coverage = await _read(client, question, plot)
    # Many workers' trees take their time, and this loop may be the scheduler's.
    state = await asyncio.to_thread(answer.merged) if merged or plot else None
    if filename is not None:
        await asyncio.to_thread(_save, filename, state, answer, coverage, question)
    return _given(answer, coverage, question, merged, state)


def _save(filename: str, state: Any, answer: Answer, coverage: Any, question: Question) -> None:
    covers = about(question, answer, coverage)
    frame = pack_profile(counted(state), covers, coverage.timeline)
    times = [t for t, _ in coverage.timeline]
    start = question.start if question.start is not None else min(times, default=None)
    name = f"profile:{covers['kind']}"
    write(of_frames(name, [frame], title="Profile", start=start, stop=question.stop), filename)


async def _read(client: Client, question: Question, plot: bool) -> tuple[Answer, Any]:
    answer = await read_profile(rpc_of(client), question)
    return answer, await read_coverage(rpc_of(client), question) if plot else None


def _given(answer: Answer, coverage: Any, question: Question, merged: bool, state: Any) -> Any:
    result = state if merged else answer.states()
    _warn(answer)
    if coverage is None:
        return result
    # bqplot costs half a second: nobody pays for it who does not draw.
    from ..widgets.flamefigure import flame_figure

    return result, flame_figure(state, about(question, answer, coverage), coverage.timeline)


def _warn(answer: Answer) -> None:
    if answer.missing:
        named = ", ".join(f"{worker} ({why})" for worker, why in list(answer.missing.items())[:5])
        more = f" and {len(answer.missing) - 5:,} more" if len(answer.missing) > 5 else ""
        n = len(answer.missing)
        warnings.warn(
            f"{n:,} worker{'s' * (n != 1)} did not give a profile: {named}{more}.",
            RuntimeWarning,
            stacklevel=4,
        )
