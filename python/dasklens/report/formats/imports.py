"""Reading back the tasks of what dasklens exported: Parquet, Arrow, CSV and traces.

The file comes from anybody: nothing of it is run or unpickled, and whatever is wrong gives one sentence.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from ...model.taskcells import Cells
from ...model.taskframes import CellError, TaskFrames
from ..document import MOST_UNPACKED, Document, ReportError
from ..unpacking import most_unpacked
from .about import broken
from .csvfile import CSV, is_csv, read_csv
from .table import ARROW, PARQUET, read_arrow, read_parquet
from .tracefile import TRACE, is_trace, read_trace


@dataclass(frozen=True)
class Format:
    """How files of a format are told from others, and read."""

    what: str
    is_one: Callable[[bytes], bool]
    read: Callable[[bytes], tuple[dict[str, Any], Iterator[Cells]]]


FORMATS = (
    Format(PARQUET, lambda data: data[:4] == b"PAR1", read_parquet),
    Format(ARROW, lambda data: data[:6] == b"ARROW1", read_arrow),
    Format(CSV, is_csv, read_csv),
    Format(TRACE, is_trace, read_trace),
)


def format_of(data: bytes) -> Format | None:
    """What these bytes are, if they are a file with tasks in it that is no report."""
    return next((each for each in FORMATS if each.is_one(data)), None)


def imported(data: bytes, kind: Format) -> Document:
    """A report of the tasks alone.

    Raises
    ------
    ReportError
        When it is another tool's, cut short, too large, or of a later version of dasklens.
    ImportError
        When it takes pyarrow to read it, which is not there.
    """
    # With it comes distributed, which takes its time.
    from ..collect import of_frames

    about, batches = kind.read(data)
    frames, made, size = TaskFrames(), [], 0
    # Tasks say different things, so a file of them shrinks only so much.
    most = most_unpacked(len(data), MOST_UNPACKED)
    try:
        for cells in batches:
            made.append(frames.frame(cells))
            size += len(made[-1])
            if size > most or frames.records > about["records"]:
                break
    except (CellError, ReportError) as error:
        raise error if isinstance(error, ReportError) else broken(kind.what, str(error)) from None
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        said = str(error).partition("\n")[0][:200].rstrip(".")
        raise broken(kind.what, f"it does not hold together ({type(error).__name__}: {said})") from None
    if size > most:
        raise broken(kind.what, f"it unpacks to more than {most >> 20:,} MiB")
    if frames.records != about["records"]:
        more = (
            f"more than {about['records']:,}" if frames.records > about["records"] else f"{frames.records:,}"
        )
        raise broken(
            kind.what, f"it should have {about['records']:,} tasks and has {more}: it was cut or changed"
        )
    document = of_frames("tasks", made, title=about["title"], missed=about["missed"])
    document.dasklens = about["dasklens"]
    document.created = about["created"] or document.created
    if about["start"] or about["stop"]:
        document.start, document.stop = about["start"], about["stop"]
    return document
