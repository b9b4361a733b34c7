"""What was read of a scheduler from a beginning to an end: the books of a recording, without any reading.

Whoever reads says what came: `dasklens.source.recording`, by RPC, or the child of the Jupyter server, by what
is piped to it. Here it is compressed at once, counted, and put into one log whatever became of the scheduler.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from time import localtime, strftime, time
from typing import Any

from ..wire.details import metrics_since
from ..wire.frames import Frame, FrameError, NameBudget, unpack_frame
from .pieces import PieceWriter
from .relog import continued, holds_together, newest_sample

#: What is recorded. Histories are appended to, tables say what changed.
HISTORIES, TABLES = ("tasks", "counts", "system"), ("workers", "groups")
STREAMS = (*HISTORIES, *TABLES)
#: Whose call trees are asked for at the end: of the threads that compute, of the workers' event loops, of the
#: scheduler's.
PROFILES = ("worker", "server", "scheduler")


@dataclass
class Answers:
    """What was asked for at the end.

    Attributes
    ----------
    profiles : dict of str to (bytes, int)
        By kind, a frame of the stream ``profile`` and how many nodes it has.
    details : dict
        As `dasklens.wire.details.unpack_details` gives it, its metrics those since the beginning.
    versions : dict of str to str
        Of what matters, on the scheduler.
    absent : dict of str to str
        ``"profile:worker"``, … ``"details"``, ``"versions"``, or a stream that did not come, and why not.
    before : list of list
        Rows of ``fine_metrics`` at the beginning: only what comes to these sums is wanted.
    """

    profiles: dict[str, tuple[bytes, int]] = field(default_factory=dict)
    details: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)
    before: list[list[Any]] = field(default_factory=list)

    def forget(self) -> None:
        """The scheduler was started anew, and its sums with it."""
        self.before = []

    def take_details(self, details: dict[str, Any]) -> None:
        """Keep the details of the end, of whose sums what was before is taken away."""
        metrics = details["fine_metrics"]
        metrics["rows"] = metrics_since(self.before, metrics["rows"])
        self.details = details


def versions_of(said: Any) -> dict[str, str]:
    """What `distributed.versions.get_versions` gave, as names and versions of what is there."""
    found: dict[str, str] = {}
    for part, names in (("host", ("python", "OS", "machine")), ("packages", None)):
        entries = said.get(part) if isinstance(said, dict) else None
        if isinstance(entries, dict):
            for name in names or entries:
                version = entries.get(name)
                if version and isinstance(name, str) and (names or name != "python"):
                    found[name] = str(version)[:200]
    return found


@dataclass
class Place:
    """How far a stream was read, and what came of it."""

    stream: str
    cursor: int = 0
    names: int = 0
    log: str = ""
    kept: PieceWriter = field(default_factory=PieceWriter)
    missed: int = 0
    #: A history is told from 0 on, in one log whatever became of the scheduler: the log that its frames are
    #: said to be of, and what is added to their cursors and to ids of names.
    first_log: str = ""
    more_cursors: int = 0
    more_names: int = 0
    begun: bool = False
    last: bytes = b""


class Kept:
    """Everything that was read of a scheduler, from `begin_at` to `end_at`.

    Parameters
    ----------
    streams : sequence of str
        Which of `STREAMS`.

    Attributes
    ----------
    start_time, stop_time : float
        Seconds since the epoch on the scheduler's clock, as the times of spans and samples are; the latter 0
        until the end.
    ended_early : str
        Why recording ended before it was told to, or what it had to leave out; empty as a rule.
    kept : dict of str to PieceWriter
        Frames by stream, call trees as ``profile:worker`` and so on.
    inquiry : Answers
        What was asked for at the end.
    """

    def __init__(self, streams: Sequence[str] = STREAMS) -> None:
        self._places = {stream: Place(stream) for stream in streams}
        self._lost: tuple[float, str] | None = None
        self._anew = self._full = 0.0
        self.start_time = self.stop_time = 0.0
        self.ended_early = ""
        self.kept: dict[str, PieceWriter] = {stream: place.kept for stream, place in self._places.items()}
        self.inquiry = Answers()

    @property
    def address(self) -> str:
        """Of the scheduler; empty where it is not known."""
        return ""

    @property
    def missed(self) -> int:
        """Tasks that the scheduler's log had to drop."""
        return self._places["tasks"].missed

    @property
    def nbytes(self) -> int:
        """Bytes that what was kept takes."""
        return sum(writer.nbytes for writer in self.kept.values())

    def last(self, stream: str) -> bytes:
        """The newest frame of a stream; empty when there is none."""
        place = self._places.get(stream)
        return place.last if place is not None else b""

    # -- what came ---------------------------------------------------------------------------------

    def begin_at(self, log: str, cursor: int) -> None:
        """The first task is the one at this cursor of the scheduler's log."""
        tasks = self._places["tasks"]
        tasks.log = tasks.first_log = log
        tasks.cursor = cursor
        tasks.more_cursors = -cursor

    def take(self, stream: str, log: str, cursor: int, names: int, frames: Sequence[bytes]) -> None:
        """Keep what came of a stream.

        Parameters
        ----------
        log : str
            Id of the log that it is of.
        cursor, names : int
            Where the reader is after it; what lies between the cursor before and this one, and is in none
            of the frames, was dropped before it could be read.
        frames : sequence of bytes
        """
        place = self._places[stream]
        history = stream in HISTORIES
        if log != place.log:
            if place.log and history:
                # Another scheduler: its numbers go on where those of the one before ended.
                place.more_cursors += place.cursor
                place.more_names += place.names
                self._anew = self._anew or time()
                self.inquiry.forget()
            place.log = log
            place.first_log = place.first_log or log
            place.cursor = place.names = 0
        unpacked = [_read(frame) for frame in frames] if history else []
        records = sum(frame.next - frame.first for frame in unpacked) if history else len(frames)
        if history and (place.begun or stream == "tasks"):
            place.missed += max(0, cursor - place.cursor - records)
        elif unpacked:
            # It reaches back to before; the last is of now, whatever the clocks say. There is one frame: a
            # history of samples is never more.
            frames, records = [newest_sample(frames[0])], 1
            place.more_cursors = -unpack_frame(frames[0]).first
        if frames and not place.begun:
            place.begun = True
            place.more_names = -unpack_frame(frames[0]).names0 if history else 0
        for n, frame in enumerate(frames):
            if history:
                frame = continued(frame, place.first_log, place.more_cursors, place.more_names)
            place.kept.add(frame, 0 if n else records)
            place.last = frame
        place.cursor, place.names = cursor, names

    def take_profiles(self) -> None:
        """Keep the call trees of `inquiry` as streams."""
        for kind in PROFILES:
            if kind in self.inquiry.profiles:
                writer = self.kept[f"profile:{kind}"] = PieceWriter()
                writer.add(*self.inquiry.profiles[kind])

    # -- what became of the scheduler, and of the recording ------------------------------------------

    def lose(self, why: str) -> None:
        """The scheduler cannot be read, since now unless it could not before."""
        if self._lost is None:
            self._lost = (time(), why)

    def find(self) -> None:
        """It can be read again."""
        self._lost = None

    def fill_up(self) -> None:
        """No more is taken: there is as much as may be."""
        self._full = self._full or time()

    def explain(self) -> None:
        """Say in `ended_early` what there is not, at the end."""
        if self._full:
            self.ended_early = (
                f"Recording ended at {_clock(self._full)}, before it was stopped, for a recording may take "
                f"no more than it had by then ({self.nbytes >> 20:,} MiB, compressed). What was read before "
                "is here."
            )
        elif self._lost is not None:
            when, why = self._lost
            if "<" in why:
                # The name of a connection means something to distributed's authors alone.
                why = "the connection to it broke"
            self.ended_early = (
                f"Recording ended at {_clock(when)}, before it was to end, for the scheduler could not be "
                f"read any more ({why}). What was read before is here."
            )
        elif self._anew:
            self.ended_early = (
                f"The scheduler was started anew at {_clock(self._anew)}: of what its predecessor did, only "
                "what had been read before is here."
            )


def _read(data: bytes) -> Frame:
    """A frame of whatever the scheduler is: it will be read again, by who makes room for what it says."""
    frame = unpack_frame(data, NameBudget())
    if not holds_together(frame):
        raise FrameError(f"The columns of a {frame.stream!r} frame do not fit together.")
    return frame


def _clock(when: float) -> str:
    return strftime("%Y-%m-%d %H:%M:%S", localtime(when))
