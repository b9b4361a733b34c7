"""What receives frames: a model that a page shows, and that is fed here.

`js/src/marks/spansmodel.ts` and `js/src/parts/receiver.ts` are the other side. Frames go as custom
messages, not as a trait: a trait would send all of it again with every change.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import anywidget
from ipywidgets import CallbackDispatcher, Widget
from traitlets import Enum, Float, List, Unicode

from ..source.live import LiveFeed

if TYPE_CHECKING:
    from distributed import Client

PHASES = ("connecting", "live", "paused", "lost", "finished")


class Receiver(Widget):
    """A model that is fed frames.

    Attributes
    ----------
    streams : list of str
        The streams whose frames it takes.
    phase : {"connecting", "live", "paused", "lost", "finished"}
        State of what feeds it, with `reason` in words and `retry_at` in seconds since the epoch.
    """

    streams = List(Unicode(), ["tasks"]).tag(sync=True)
    phase = Enum(PHASES, default_value="connecting").tag(sync=True)
    reason = Unicode("").tag(sync=True)
    retry_at = Float(None, allow_none=True).tag(sync=True)

    def __init__(self, **kwargs: Any):
        self._page_handlers = CallbackDispatcher()
        super().__init__(**kwargs)
        self.on_msg(self._on_page_message)

    def feed(self, frames: Sequence[bytes]) -> None:
        """Send frames to the pages that show this. May be called from any thread."""
        if frames:
            self.send({"type": "frames", "n": len(frames)}, list(frames))

    def on_page(self, callback: Callable[[dict[str, Any]], None]) -> None:
        """Have `callback` called with what a page asks for.

        ``{"type": "read", "stream", "cursor", "names", "log"}`` asks for frames from there on: a page
        that is new, or that missed some; without a stream it is ``tasks``. ``{"type": "unread", "stream"}``
        says that nobody needs an optional stream any more, ``{"type": "unwatched"}`` that nobody looks.
        """
        self._page_handlers.register_callback(callback)

    def say_phase(self, phase: str, reason: str, retry_at: float | None) -> None:
        """Tell pages how the feed is; the callback of a `LiveFeed`."""
        with self.hold_sync():
            self.phase, self.reason, self.retry_at = phase, reason, retry_at

    def _on_page_message(self, _widget: Any, content: Any, _buffers: Any) -> None:
        if isinstance(content, dict) and content.get("type") in ("read", "unread", "unwatched"):
            self._page_handlers(content)


def keep(receiver: Receiver, snapshot: bytes) -> None:
    """Set the trait ``snapshot``, which is saved with a notebook, and send it even if it is the same.

    What was sent between two cells is dropped by who runs a notebook without a page (nbclient).
    """
    same = getattr(receiver, "snapshot") == snapshot  # noqa: B009 - whose trait it is differs
    receiver.set_trait("snapshot", snapshot)
    if same:
        receiver.send_state("snapshot")


class Unfed:
    """Instead of a client: for a figure of which only the state counts, fed by whoever shows that."""


class LivePart(Receiver, anywidget.AnyWidget):
    """A part of a page that follows a client's scheduler.

    Subclasses name what they read, and take each list of frames in `_take`, in the feed's thread.
    """

    _reads: ClassVar[tuple[str, ...]] = ()
    #: Streams that are read while a page asks for them.
    _may_read: ClassVar[tuple[str, ...]] = ()

    def __init__(self, client: Client | Unfed | None, **kwargs: Any):
        self._feed: LiveFeed | None = None
        if not isinstance(client, Unfed):
            self._feed = LiveFeed(
                client, self._on_frames, self._on_phase, streams=self._reads, optional=self._may_read
            )
        super().__init__(streams=list(self._reads), **kwargs)
        if self._feed is not None:
            self.on_page(self._on_page)
            self._feed.start()

    def close(self) -> None:
        """Stop reading, and take the views off the page."""
        # Not there yet when it was refused while it was made.
        if hasattr(self, "_feed"):
            if self._feed is not None:
                self._feed.close()
            self.layout.close()
        super().close()

    def _take(self, frames: list[bytes]) -> None:
        """What Python keeps of the frames; nothing by default."""

    def _on_frames(self, frames: list[bytes]) -> None:
        self.feed(frames)
        self._take(frames)

    def _on_phase(self, phase: str, reason: str, retry_at: float | None) -> None:
        self.say_phase(phase, reason, retry_at)

    def _on_page(self, request: dict[str, Any]) -> None:
        assert self._feed is not None
        if request["type"] == "unwatched":
            self._feed.pause()
            self.say_phase("paused", "nobody was looking", None)
            return
        stream = str(request.get("stream", "tasks"))
        if request["type"] == "unread":
            self._feed.rest(stream)
            return
        self._feed.rewind(request.get("cursor", 0), request.get("names", 0), request.get("log", ""), stream)
