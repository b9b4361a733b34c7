"""How far tasks are, in a notebook cell: `ProgressBars` of some keys, `Progress` of everything.

Both are the same figure. What it shows is set in the page by `js/src/parts/progress.ts`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import bqplot
import ipywidgets
from ipywidgets import widget_serialization
from traitlets import Bool, Bytes, Dict, Enum, Float

from ..source.attach import resolve_client
from ..source.progress import Following
from .marks import Presence
from .receiver import LivePart, Unfed, keep
from .still import Renewal, view_bundle
from .still_progress import still_progress

if TYPE_CHECKING:
    from distributed import Client

_STATIC = Path(__file__).parent.parent / "static"
GROUP_BY = ("prefix", "group", "span")
STATUSES = ("waiting", "running", "finished", "error", "cancelled", "lost")
#: What the page makes of the frames as Python does: sent once, with the model.
_TOLD = ("status", "counts", "elapsed", "eta", "error")


def _compose() -> dict[str, Any]:
    """The figure of bars and what it is made of, by name."""
    share = bqplot.LinearScale(min=0.0, max=1.0, allow_padding=False)
    band = bqplot.OrdinalScale()
    bars = bqplot.Bars(
        # Nothing to see until the page sets what there is.
        x=[],
        y=[],
        scales={"x": band, "y": share},
        orientation="horizontal",
        padding=0.4,
        stroke=None,
    )
    figure = bqplot.Figure(
        marks=[bars],
        axes=[],
        fig_margin={"top": 0, "bottom": 0, "left": 160, "right": 190},
        layout=ipywidgets.Layout(width="100%", height="0px", min_width="0px", min_height="0px"),
        min_aspect_ratio=0.0001,
        max_aspect_ratio=10000,
        padding_x=0,
        padding_y=0,
        display_toolbar=False,
    )
    figure.add_class("dasklens-progress-figure")
    return {"figure": figure, "bars": bars, "band": band, "share": share}


def _close(models: dict[str, ipywidgets.Widget]) -> None:
    for widget in models.values():
        for trait in ("layout", "scale_x", "scale_y"):
            if widget.has_trait(trait):
                getattr(widget, trait).close()
        widget.close()


class ProgressPart(LivePart):
    """Names, counts, rates and failures beside the bars, which it sets in the page.

    Attributes
    ----------
    models : dict of str to Widget
        The figure, its bars and their scales.
    multi : bool
        A bar for each group, not only for all.
    group_by : {"prefix", "group", "span"}
        What a bar stands for, of everything that a scheduler runs.
    status, counts, elapsed, eta, error
        As of `ProgressBars`.
    """

    _esm = _STATIC / "progress.js"
    _reads = ("counts",)
    _may_read: ClassVar[tuple[str, ...]] = ("groups",)

    models = Dict().tag(sync=True, **widget_serialization)
    multi = Bool(True).tag(sync=True)
    group_by = Enum(GROUP_BY, default_value="prefix").tag(sync=True)
    status = Enum(STATUSES, default_value="waiting").tag(sync=True)
    counts = Dict().tag(sync=True)
    elapsed = Float(0.0).tag(sync=True)
    eta = Float(None, allow_none=True).tag(sync=True)
    error = Dict(allow_none=True, default_value=None).tag(sync=True)

    def _should_send_property(self, key: str, value: Any) -> bool:
        return key not in _TOLD and bool(super()._should_send_property(key, value))


class _FollowingPart(ProgressPart):
    """The same, fed by somebody else than a `LiveFeed`.

    Attributes
    ----------
    snapshot : bytes
        A frame with everything, renewed as the still picture is: for a page that has only what was saved of
        the widget.
    """

    _reads = ("progress",)
    _may_read = ()
    snapshot = Bytes(b"").tag(sync=True)

    def __init__(self, **kwargs: Any):
        super().__init__(Unfed(), **kwargs)


class Progress(ipywidgets.VBox):
    """How far everything is that a cluster runs, live: in all, and by prefix, group or span.

    Whoever submitted it. What the scheduler has forgotten, because nobody needs its result any more, does
    not count.

    Parameters
    ----------
    client : distributed.Client, optional
        The current client by default.
    group_by : {"prefix", "group", "span"}
        What a bar stands for; it may be chosen in the figure, too. Of very many groups, or spans, the newest
        are shown.
    **kwargs
        For `ipywidgets.VBox`, such as ``layout``.

    Attributes
    ----------
    figure : bqplot.Figure
        An ordinary one: change it, link it, save it.

    Raises
    ------
    ValueError
        Without a client, with a closed one, or for another `group_by`.

    Examples
    --------
    >>> dasklens.Progress()  # doctest: +SKIP
    """

    def __init__(self, client: Client | Unfed | None = None, *, group_by: str = "prefix", **kwargs: Any):
        if group_by not in GROUP_BY:
            raise ValueError(f"group_by should be one of {', '.join(GROUP_BY)}; got {group_by!r}.")
        client = client if isinstance(client, Unfed) else resolve_client(client)
        self._models = _compose()
        self.figure: bqplot.Figure = self._models["figure"]
        self.part = ProgressPart(client, models=self._models, group_by=group_by)
        super().__init__([self.part, self.figure], **kwargs)

    def close(self) -> None:
        """Stop reading, and take the views off the page."""
        part = getattr(self, "part", None)
        if part is not None:
            part.close()
            _close(self._models)
            self.layout.close()
        super().close()

    def __repr__(self) -> str:
        return f"<Progress of everything, {self.part.phase}>"


class ProgressBars(ipywidgets.VBox):
    """How far some tasks are, live; what `dasklens.progress` gives in a notebook.

    Attributes
    ----------
    status : {"waiting", "running", "finished", "error", "cancelled", "lost"}
        ``error`` as soon as a task failed, while others may still run; ``lost`` while the scheduler
        cannot be reached.
    counts : dict
        Group to its tasks: ``all``, and by state ``memory, processing, waiting, released, erred``, and
        ``cancelled`` if there are any. In the order of the graph.
    elapsed : float
        Seconds since it was made, until all was done.
    eta : float or None
        Seconds left: the tasks left, each as long as the mean of its prefix on this scheduler, by how much
        of such work was done a second within the last half minute. None when nothing was done yet.
    error : dict or None
        Of the first task that failed: ``key``, ``worker``, ``exception``, ``traceback`` as text, and
        ``blamed``, the key that is to blame.
    figure : bqplot.Figure
        An ordinary one: change it, link it, save it.
    part : ProgressPart
        Has these as synced traits, for `ipywidgets.jslink`.

    Examples
    --------
    >>> bar = dasklens.progress(futures)  # doctest: +SKIP
    >>> bar.wait(timeout=60)  # doctest: +SKIP
    >>> await bar  # doctest: +SKIP
    """

    status = Enum(STATUSES, default_value="waiting")
    counts = Dict()
    elapsed = Float(0.0)
    eta = Float(None, allow_none=True)
    error = Dict(allow_none=True, default_value=None)

    def __init__(
        self,
        client: Client,
        keys: Sequence[Any] | None,
        *,
        multi: bool = True,
        complete: bool = True,
        group_by: str | Callable[[Any], Any] = "prefix",
        interval: float = 0.2,
        **kwargs: Any,
    ):
        self._multi = multi
        self._display_id: str | None = None
        self._shown_in: Any = None
        self._waiting = 0
        self.following = Following(
            client, keys, self._on_change, complete=complete, group_by=group_by, interval=interval
        )
        self._models = _compose()
        self.figure: bqplot.Figure = self._models["figure"]
        self.part = _FollowingPart(models=self._models, multi=multi)
        self._renewal = Renewal(self._renew, settle=lambda: self.following.wait(0.05))
        super().__init__([self.part, self.figure], **kwargs)
        # The last: once it is in a page, so are the others.
        self._presence = Presence()
        self.part.on_page(self._on_page)
        self.following.feed.start()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until all is done, something failed, or the scheduler is lost for some seconds.

        Parameters
        ----------
        timeout : float, optional
            Seconds.

        Returns
        -------
        bool
            False when it took longer than `timeout`.
        """
        self._waiting += 1
        try:
            done = self.following.wait(timeout)
        finally:
            self._waiting -= 1
        self._take()
        return done

    def __await__(self) -> Generator[Any, None, ProgressBars]:
        return self._wait_async().__await__()

    async def _wait_async(self) -> ProgressBars:
        self._waiting += 1
        try:
            await self.following.wait_async()
        finally:
            self._waiting -= 1
        self._take()
        return self

    def close(self) -> None:
        """Stop watching, and take the views off the page. What runs goes on."""
        following = getattr(self, "following", None)
        if following is not None:
            following.feed.close()
            self._renewal.close()
            self.part.close()
            # Not there yet when it was refused while it was made.
            if hasattr(self, "_presence"):
                self._presence.close()
            _close(self._models)
            self.layout.close()
        super().close()

    # --- in the feed's thread -----------------------------------------------------------------------

    def _on_change(self, frames: list[bytes]) -> None:
        following = self.following
        self.part.feed(frames)
        self._take()
        if not frames and self.part.phase != following.phase:
            self.part.say_phase(following.phase, following.reason, following.retry_at)
        if following.phase == "finished":
            self._renewal.now()
        else:
            self._renewal.changed()

    def _take(self) -> None:
        now = self.following.now
        for holder in (self.part, self):
            holder.counts, holder.elapsed, holder.eta = now.counts, now.elapsed, now.eta
            holder.error = dict(now.error) if now.error else None  # type: ignore[assignment]
            holder.status = self.following.status

    # --- what pages ask -----------------------------------------------------------------------------

    def _on_page(self, request: dict[str, Any]) -> None:
        feed = self.following.feed
        if request["type"] == "unwatched":
            if not self._waiting and not self.following.settled:
                feed.pause()
                self.part.say_phase("paused", "nobody was looking", None)
        elif not feed.rewind():
            # Nothing will come any more: what there is.
            self.part.feed([self.following.now.packed()])

    # --- the output -----------------------------------------------------------------------------------

    def _ipython_display_(self, **_kwargs: Any) -> None:
        if self._shown_in is not None and self._shown_in == _execution() and _is_result():
            # It was shown where it was made, and is the value of that cell's last line.
            return
        self.display()

    def display(self) -> None:
        """Show it here and now, in whatever cell runs; nothing where there is no IPython."""
        if _execution() is None:
            return
        from IPython.display import display

        first = self._display_id is None
        self._display_id = self._display_id or f"dasklens-{self.model_id}"
        self._shown_in = _execution()
        display(self._bundle(), raw=True, display_id=self._display_id)
        if first:
            self._renewal.listen()

    def _bundle(self) -> dict[str, Any]:
        following = self.following
        still = still_progress(following.now, following.status, following.why, self._multi)
        return view_bundle(still, repr(self), self.model_id, self._presence.model_id)

    def _renew(self) -> None:
        keep(self.part, self.following.now.packed())
        if self._display_id is not None:
            from IPython.display import update_display

            update_display(self._bundle(), raw=True, display_id=self._display_id)

    def __repr__(self) -> str:
        now = self.following.now
        return f"<progress: {now.done:,} of {now.total:,} tasks, {self.following.status}>"


def _execution() -> Any:
    """What tells one run of a cell from another; None where there is no IPython."""
    try:
        from IPython import get_ipython
    except ImportError:
        return None
    shell = get_ipython()
    return None if shell is None else shell.execution_count


def _is_result() -> bool:
    """Whether somebody up the stack shows the value of a cell's last line."""
    import sys

    from IPython.core.displayhook import DisplayHook

    frame = sys._getframe(1)
    while frame is not None:
        if isinstance(frame.f_locals.get("self"), DisplayHook):
            return True
        frame = frame.f_back  # type: ignore[assignment]
    return False
