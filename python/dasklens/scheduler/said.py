"""What the scheduler says of a finished task, made fit to be kept."""

from __future__ import annotations

import contextlib
import pickletools
import re
from math import nan
from time import time
from typing import Any

#: Texts of exceptions and tracebacks are cut here; the cut says so.
TEXT_LIMIT = 10_000


class _Nameless:
    """Task, group and prefix in one, of a task that has no name that could be kept."""

    key = name = "(unknown)"
    span_id = None

    @property
    def group(self) -> _Nameless:
        return self

    prefix = group


NAMELESS = _Nameless()


def cut(text: object) -> str:
    """`text` as a string of bounded length that says when something is missing."""
    text = "" if text is None else str(text)
    if len(text) <= TEXT_LIMIT:
        return text
    return f"{text[:TEXT_LIMIT]}\n… ({TEXT_LIMIT:,} of {len(text):,} characters)"


def base_of(start: Any) -> float:
    """What the times of a chunk are kept as offsets from: its first start, if that is a time."""
    start = float(start)
    return start if abs(start) < 1e11 else time()


def binary(value: Any) -> bytes:
    """`value` if it is bytes, and none otherwise."""
    return value if isinstance(value, bytes) else b""


def unsaid(said: dict[str, Any]) -> str:
    """Why a task failed that no worker reported: the scheduler passes a pickle and no text."""
    # The pickle is only searched, never loaded.
    if b"KilledWorker" in binary(said.get("exception")):
        return "KilledWorker: the workers died while they ran this task"
    return "failed on the scheduler, which gave no text"


def stimulus_time(stimulus: Any) -> float:
    """When the worker reported the task, by the id of the message that did; NaN when unknown."""
    # "task-finished-1795431048.8" and "task-erred-…": the worker's clock when it reported.
    if type(stimulus) is str and stimulus.startswith("task-"):
        try:
            return float(stimulus.rpartition("-")[2])
        except ValueError:
            pass
    return nan


#: Bytes of a pickled exception that are looked through, and characters of it that are told.
_LONGEST_PICKLE, _LONGEST_NAME = 10_000, 200


def exception_named(pickled: object) -> str:
    """Class and text of a pickled exception, which is read and never loaded: anybody may have sent it."""
    if not isinstance(pickled, bytes):
        return "gone"
    texts: list[str] = []
    with contextlib.suppress(Exception):
        for code, value, _ in pickletools.genops(pickled[:_LONGEST_PICKLE]):
            if "UNICODE" in code.name and isinstance(value, str):
                texts.append(value)
    # Module and class come first, then what it was made with; about them what tblib adds, for a traceback.
    if texts[:1] == ["tblib.pickling_support"]:
        texts = [each for each in texts[2:] if each not in ("__dict__", "args")]
        texts = texts[: texts.index("unpickle_traceback")] if "unpickle_traceback" in texts else texts
    return re.sub(r"\s+", " ", ": ".join(texts[1:3]))[:_LONGEST_NAME] or "failed"
