"""`Profile`: where the time goes inside the tasks, as a flame graph in a notebook cell."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ipywidgets
from traitlets import Dict, Enum, Float, List, Tuple, Unicode, link, validate

from ..model import profile as tree
from ..model.profilefile import from_text, to_collapsed, to_speedscope
from ..scheduler.profiling import Question, Reading
from ..source.liveprofile import ProfileFeed
from ..source.profile import Interval, When, addresses, stretch
from ..wire.calltree import pack_profile
from .flamefigure import compose, flame_mark, packed, parts_of
from .marks import KINDS, VIEWS, valid_interval
from .receiver import keep
from .still import Renewal, view_bundle
from .stillflame import still_flame

if TYPE_CHECKING:
    import pandas as pd
    from distributed import Client

_MIRRORED = ("view", "kind", "selected", "zoom", "search", "highlight", "workers", "interval")
#: Larger files are not read: nothing that samples makes them.
_MOST_BYTES = 1 << 30


class Profile(ipywidgets.VBox):
    """Where the time goes inside the tasks: a flame graph that follows the cluster.

    Workers look at the stack of each of their threads every 10 ms; what they saw of the last 1,000
    seconds is there, whether or not anybody watched. A click zooms, the breadcrumb leads back.

    Parameters
    ----------
    client : distributed.Client, optional
        The current client by default.
    key : str, optional
        Only tasks of this prefix: the same as ``highlight=[key]``.
    start, stop : float or str, optional
        Only samples from then to then, as for `dasklens.profile`; the same as `interval`.
    workers : str or list of str, optional
        Only these addresses.
    server, scheduler : bool, default False
        The administrative threads of the workers, or of the scheduler: the same as `kind`.
    every : float, default 5
        Seconds between two readings, while somebody looks.
    **kwargs
        For `ipywidgets.VBox`, and values of the attributes below.

    Attributes
    ----------
    view : {"tree", "inverted", "table"}
    kind : {"worker", "server", "scheduler"}
        Whose stacks: of the threads that run tasks, of the workers' event loops, or of the scheduler's.
    search : str
        Regular expression; frames that match stand out, and their share is said.
    selected : dict or None
        The frame that was clicked; see `dasklens.widgets.marks.Flame`.
    zoom : list of str
        The frame that fills the width.
    highlight : list of str
        Key prefixes that the tree is narrowed to, all when empty: of the same kind as that of
        `TaskStream`, to be linked with it.
    workers : list of str
        Addresses that the tree is narrowed to, all when empty.
    interval : (float, float) or None
        The stretch of time that the tree is narrowed to; may be linked with that of `TaskStream`.
    state : dict
        The call tree that is shown, with samples in its innermost frames too.
    missing : dict of str to str
        Workers that did not answer, and why not.
    figure : bqplot.Figure
    mark : Flame
        What draws. For `ipywidgets.jslink` use its traits.

    Raises
    ------
    ValueError
        Without a client, or with a closed one.

    Examples
    --------
    >>> profile = dasklens.Profile()  # doctest: +SKIP
    >>> profile  # doctest: +SKIP
    >>> ipywidgets.jslink((stream.mark, "interval"), (profile.mark, "interval"))  # doctest: +SKIP
    >>> profile.save("run.speedscope.json")  # doctest: +SKIP
    """

    view = Enum(VIEWS, default_value="tree")
    kind = Enum(KINDS, default_value="worker")
    selected = Dict(allow_none=True, default_value=None)
    zoom = List(Unicode())
    search = Unicode("")
    highlight = List(Unicode())
    workers = List(Unicode())
    interval = Tuple(Float(), Float(), allow_none=True, default_value=None)

    # Here as well as in the mark: a value that the mark refuses must not stay here.
    @validate("interval")
    def _validate_interval(self, proposal: Any) -> tuple[float, float] | None:
        return valid_interval(proposal.value)

    def __init__(
        self,
        client: Client | None = None,
        *,
        key: str | None = None,
        start: When | Interval = None,
        stop: When = None,
        workers: Any = None,
        server: bool = False,
        scheduler: bool = False,
        every: float = 5.0,
        **kwargs: Any,
    ):
        begin, end = stretch(start, stop)
        if key is not None:
            kwargs.setdefault("highlight", [key])
        kwargs["workers"] = list(addresses(workers) or ())
        if begin is not None and end is not None:
            kwargs.setdefault("interval", (begin, end))
            begin = end = None
        #: What is asked for besides the traits: the ends of time where only one was given.
        self._asks: dict[str, Any] = {"start": begin, "stop": end}
        if server or scheduler:
            kwargs.setdefault("kind", "scheduler" if scheduler else "server")
        static: tuple[Any, ...] | None = kwargs.pop("_static", None)
        self._feed: ProfileFeed | None = None
        self._renewal: Renewal | None = None
        self._lock = threading.Lock()
        self._display_id: str | None = None
        self._build(kwargs)
        if static is not None:
            self._show(*static)
            self.mark.phase = "finished"
            self.mark.snapshot = packed(*self._shown)
        else:
            self._feed = ProfileFeed(client, self._question(), self._on_reading, self._on_phase, every)
            self._renewal = Renewal(self._renew, settle=lambda: None)
            self.observe(self._on_narrowed, ["kind", "highlight", "workers", "interval"])
            self._feed.start()

    def _build(self, kwargs: dict[str, Any]) -> None:
        mirrored = {name: kwargs.pop(name) for name in _MIRRORED if name in kwargs}
        self.state: dict[str, Any] = tree.create()
        self.missing: dict[str, str] = {}
        self.seconds_per_sample: float | None = None
        self._shown: tuple[Any, ...] = (self.state, {}, ())
        self.mark = flame_mark(**mirrored)
        self.figure = compose(self.mark)
        super().__init__(parts_of(self.mark, self.figure), **kwargs)
        self._parts = [*self.children, self.figure.layout, *self.mark.scales.values(), self.mark]
        for name in _MIRRORED:
            link((self.mark, name), (self, name))
        self.mark.on_page(self._on_page)

    # --- without a cluster ----------------------------------------------------------------------------

    @classmethod
    def from_state(
        cls, state: Mapping[str, Any], seconds_per_sample: float | None = 0.01, **kwargs: Any
    ) -> Profile:
        """A profile that was taken before.

        Parameters
        ----------
        state : dict
            As `dasklens.profile` or `distributed.Client.profile` give it.
        seconds_per_sample : float, optional
            Without it nothing is said in seconds.
        """
        covers = {"interval": seconds_per_sample}
        return cls(_static=(tree.counted(state), covers, ()), **kwargs)

    @classmethod
    def from_file(cls, path: str | Path, **kwargs: Any) -> Profile:
        """A profile from a file: speedscope's JSON or collapsed stacks, of dasklens or anybody else.

        Raises
        ------
        OSError
            When the file cannot be read.
        ProfileFileError
            When it is of neither kind; the message says what was expected. It is a `ValueError`.
        """
        file = Path(path)
        if file.stat().st_size > _MOST_BYTES:
            raise ValueError(f"{file.name} is larger than 1 GiB: that is no profile.")
        state, seconds = from_text(file.read_bytes().decode(errors="replace"))
        return cls.from_state(state, seconds, **kwargs)

    def diff(self, other: Profile | Mapping[str, Any], **kwargs: Any) -> Profile:
        """What changed from `other`, a profile or a state, to this one.

        Shares of all samples are compared, so that neither need have run as long as the other. A frame
        is as wide as the mean of its two shares; those that take more now and those that take less have
        a colour each, and the change in percent points.
        """
        before = other.state if isinstance(other, Profile) else tree.counted(other)
        return type(self)(
            _static=(tree.diff(self.state, before), {"interval": self.seconds_per_sample}, ()), **kwargs
        )

    # --- exports --------------------------------------------------------------------------------------

    def functions(self) -> list[tree.Function]:
        """Every function with its own and its total samples, the most expensive first."""
        return tree.flatten(self.state)

    def to_pandas(self) -> pd.DataFrame:
        """One row a function: ``name, filename, line, library, own, total`` (samples).

        Raises
        ------
        ImportError
            Without pandas.
        """
        try:
            import pandas as pd
        except ImportError:
            raise ImportError("to_pandas() needs pandas: pip install pandas") from None
        names = ("name", "filename", "line", "library", "own", "total")
        return pd.DataFrame([[getattr(f, name) for name in names] for f in self.functions()], columns=names)

    def to_speedscope(self) -> str:
        """The tree as the JSON of speedscope (https://www.speedscope.app)."""
        return to_speedscope(self.state, interval=self.seconds_per_sample)

    def to_collapsed(self) -> str:
        """The tree as collapsed stacks, a line each, as `flamegraph.pl` and others read them."""
        return to_collapsed(self.state)

    def save(self, path: str | Path) -> None:
        """Write the tree to a file: speedscope's JSON if it ends in ``.json``, else collapsed stacks."""
        file = Path(path)
        written = self.to_speedscope() if file.suffix == ".json" else self.to_collapsed()
        file.write_text(written, encoding="utf-8", errors="replace")

    # --- what is read -----------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Read now. What comes is shown when it comes."""
        if self._feed is not None:
            self._feed.ask()

    def close(self) -> None:
        """Stop reading, and take the views off the page."""
        if getattr(self, "_feed", None) is not None:
            assert self._feed is not None
            self._feed.close()
        if getattr(self, "_renewal", None) is not None:
            assert self._renewal is not None
            self._renewal.close()
        for widget in getattr(self, "_parts", []):
            widget.close()
        super().close()

    def _question(self) -> Question:
        asks = {**self._asks, "server": self.kind == "server", "scheduler": self.kind == "scheduler"}
        if self.interval is not None:
            asks["start"], asks["stop"] = self.interval
        return Question(keys=tuple(self.highlight), workers=tuple(self.workers) or None, **asks)

    def _on_narrowed(self, _change: Any) -> None:
        if self._feed is not None:
            self._feed.ask(self._question())

    def _on_reading(self, reading: Reading) -> None:
        """In the feed's thread."""
        merged = tree.counted(reading.answer.merged())
        self.missing = reading.answer.missing
        self._show(merged, reading.about, reading.coverage.timeline)
        if self._renewal is not None:
            self._renewal.changed()

    def _show(self, state: Any, covers: dict[str, Any], timeline: Sequence[tuple[float, float]]) -> None:
        frame = pack_profile(state, covers, timeline)
        with self._lock:
            self.state, self._frame = dict(state), frame
            self.seconds_per_sample = covers.get("interval")
            self._shown = (self.state, covers, timeline)
        self.mark.feed([frame])

    def _on_phase(self, phase: str, reason: str, retry_at: float | None) -> None:
        self.mark.say_phase(phase, reason, retry_at)

    def _on_page(self, request: dict[str, Any]) -> None:
        if request["type"] == "unwatched":
            if self._feed is not None:
                self._feed.pause()
                self._on_phase("paused", "nobody was looking", None)
            return
        if request.get("again"):
            self.refresh()
            return
        with self._lock:
            frame: bytes | None = getattr(self, "_frame", None)
        # With a question it is no new page: the traits have said the same, and what they ask for comes.
        if frame is not None and "question" not in request:
            self.mark.feed([frame])
        if self._feed is not None and self.mark.phase != "finished":
            self._feed.start()

    # --- the output -------------------------------------------------------------------------------------

    def _ipython_display_(self, **_kwargs: Any) -> None:
        from IPython.display import display

        first = self._display_id is None
        self._display_id = self._display_id or f"dasklens-{self.model_id}"
        display(self._bundle(), raw=True, display_id=self._display_id)
        if first and self._renewal is not None:
            self._renewal.listen()

    def _bundle(self) -> dict[str, Any]:
        with self._lock:
            state, frame, seconds = self.state, getattr(self, "_frame", None), self.seconds_per_sample
        still = still_flame(state, frame, seconds)
        return view_bundle(still, repr(self), self.model_id, self.mark.model_id)

    def _renew(self) -> None:
        """Put what there is now into the saved notebook: the hottest functions, and the tree."""
        if self._display_id is None:
            return
        from IPython.display import update_display

        with self._lock:
            shown = self._shown
        keep(self.mark, packed(*shown))
        update_display(self._bundle(), raw=True, display_id=self._display_id)

    def __repr__(self) -> str:
        return f"<Profile: {self.state['count']:,} samples, {self.mark.phase}>"
