"""What every exported file says of itself, and what is exported."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from time import time
from typing import Any

from ...model.taskcells import shown
from ...wire.frames import Frame
from ..document import Document, ReportError

FORMAT, VERSION = "dasklens-tasks", 1
#: Bytes of it that are read.
MOST_ABOUT = 100_000
_TIMES = ("created", "start", "stop")


@dataclass(frozen=True)
class Exported:
    """A run that is to be exported.

    Attributes
    ----------
    frames : callable
        ``frames(stream)``: the frames of a stream of a report, from the beginning each time.
    records, missed : int
        Tasks that are in it, and that should be.
    start, stop, created : float
        Seconds since the epoch; 0 when unknown.
    """

    frames: Callable[[str], Iterable[bytes | Frame]]
    records: int
    missed: int = 0
    title: str = ""
    start: float = 0.0
    stop: float = 0.0
    created: float = field(default_factory=time)

    def about(self, **more: Any) -> dict[str, Any]:
        """What a file says of itself; JSON holds it, in ASCII too."""
        from ... import __version__

        times = {name: getattr(self, name) for name in _TIMES}
        return {
            "format": FORMAT,
            "version": VERSION,
            "dasklens": __version__,
            "title": shown(self.title),
            **{name: value if math.isfinite(value) else 0.0 for name, value in times.items()},
            "records": self.records,
            "missed": self.missed,
            **more,
        }


def of_document(document: Document) -> Exported:
    """What there is of a report."""
    tasks = document.streams.get("tasks")
    return Exported(
        document.frames,
        tasks.records if tasks is not None else 0,
        document.missed.get("tasks", 0),
        document.title,
        document.start,
        document.stop,
        document.created,
    )


def dumped(about: Mapping[str, Any]) -> str:
    """As text of letters that every file can hold."""
    return json.dumps(about, separators=(",", ":"), allow_nan=False)


def checked(said: Any, what: str) -> dict[str, Any]:
    """What a file says of itself, if it is one of ours that can be read.

    Parameters
    ----------
    said : bytes or str or dict
        As JSON, or as that says.
    what : str
        Such as ``"Parquet file"``.

    Raises
    ------
    ReportError
    """
    if isinstance(said, (bytes, str)):
        try:
            said = json.loads(said) if len(said) <= MOST_ABOUT else None
        except (ValueError, RecursionError):
            said = None
    if not isinstance(said, dict) or said.get("format") != FORMAT:
        raise foreign(what)
    version = said.get("version")
    if type(version) is not int or version < 1:
        raise broken(what, "it does not say of which version it is")
    if version > VERSION:
        raise ReportError(
            f"This {what} is of version {version} and this dasklens reads up to version {VERSION}: "
            "pip install --upgrade dasklens"
        )
    for name in ("title", "dasklens"):
        if not isinstance(said.get(name), str):
            raise broken(what, f"its {name!r} should be text")
    for name in ("records", "missed"):
        if type(said.get(name)) is not int or not 0 <= said[name] < 1 << 53:
            raise broken(what, f"its {name!r} should be a whole number")
    for name in _TIMES:
        number(said, name, what)
    return said


def number(said: Mapping[str, Any], name: str, what: str) -> float:
    """A number that a file says of itself."""
    value = said.get(name)
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not abs(value) < math.inf:
        raise broken(what, f"its {name!r} should be a number")
    return float(value)


def foreign(what: str) -> ReportError:
    """What is said of a file that another tool wrote, or wrote anew."""
    return ReportError(
        f"Expected a {what} that dasklens exported, got one of something else: other tools may leave out "
        "what dasklens needs, so give the file as it was exported."
    )


def broken(what: str, why: str) -> ReportError:
    """What is said of one that is not whole."""
    return ReportError(f"This {what} cannot be read: {why}. Copy the file again, or export it anew.")
