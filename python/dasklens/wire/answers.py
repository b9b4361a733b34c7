"""Answers as frames: what is told at once, by those streams of a scheduler that have no records.

Such a frame has one column ``answer`` (u1), msgpack of what is told; its `base` is the time of the scheduler
at which it was made.
"""

from __future__ import annotations

from typing import Any

import msgpack

from .frames import FrameError, NameBudget, pack_frame, unpack_frame

#: When it is there, and how far the log of tasks is: `{"started"}`, and the cursor as the frame's.
MOMENT = "moment"
#: What `distributed` keeps anyway, see `dasklens.wire.details`; and versions of what matters.
DETAILS, VERSIONS = "details", "versions"


def pack_answer(stream: str, log: str, cursor: int, when: float, answer: Any) -> bytes:
    """A frame of what is told."""
    packed = msgpack.packb(answer, use_bin_type=True, unicode_errors="surrogatepass")
    return pack_frame(
        stream=stream,
        log=log,
        first=cursor,
        next=cursor,
        missed=0,
        names0=0,
        names=(),
        base=when,
        cols={"answer": ("u1", packed)},
    )


def unpack_answer(data: bytes) -> Any:
    """What `pack_answer` was given.

    Raises
    ------
    FrameError
        When it is no such frame.
    """
    frame = unpack_frame(data, NameBudget())
    dtype, packed = frame.cols.get("answer", ("", memoryview(b"")))
    try:
        if dtype == "u1":
            return NameBudget().unpack(packed)
    except ValueError:
        pass
    raise FrameError(f"Expected an answer of the stream {frame.stream!r}, got something else.")
