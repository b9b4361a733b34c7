"""The code around a call, as text: what a person sees in a report of what was recorded there."""

from __future__ import annotations

import inspect
import sys
import traceback
from types import FrameType
from typing import Any

#: Lines that are kept, around the call, and letters of a line.
MOST_LINES, LONGEST_LINE = 1000, 1000


def calling_code(stacklevel: int) -> dict[str, Any] | None:
    """The code of a frame: its function, or its module or cell when it is in none.

    Parameters
    ----------
    stacklevel : int
        1 is who calls this function. Less counts as 1.

    Returns
    -------
    dict or None
        ``text``, ``file``, and ``line``: which line of the text is the call, from 1. None when there is no
        such frame, or no source of it.
    """
    try:
        frame: FrameType = sys._getframe(max(1, stacklevel))
        lines, first = inspect.getsourcelines(frame)
    except (OSError, TypeError, ValueError, IndexError, OverflowError, SyntaxError):
        return None
    # Of a module the first line is 0, of a function it is its number.
    return code_of("".join(lines), frame.f_code.co_filename, frame.f_lineno - max(first, 1) + 1)


def code_of(text: str, file: str, line: int) -> dict[str, Any]:
    """Text as the field ``code`` has it, cut around a line when it is very long."""
    lines = text.splitlines()
    line = min(max(line, 1), max(len(lines), 1))
    start = max(0, line - 1 - MOST_LINES // 2)
    kept = [each[:LONGEST_LINE] for each in lines[start : start + MOST_LINES]]
    return {"text": "\n".join(kept), "file": file, "line": line - start}


def exception_of(error: BaseException) -> dict[str, str]:
    """What was raised in a block, as the field ``exception`` has it."""
    kind = type(error)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    try:
        text = str(error)
    except Exception:
        text = ""
    shown = "".join(traceback.format_exception(kind, error, error.__traceback__))
    return {"type": name, "text": text[:10_000], "traceback": shown[-100_000:]}
