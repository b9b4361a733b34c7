"""The child of the Jupyter server: it makes live summaries and reports of what the server pipes to it.

Summaries and reports are made in Python with numpy, which the server does not load, and in this process so
that neither millions of tasks nor a text that breaks something hold the server up. It has no network, no
address and no secret: messages on its standard input and output are all, and when the input ends so does
it.

What the server says (``do``), see `dasklens.wire.pipes`:

- ``moment``, ``take``, ``lack``, ``phase`` with ``of``, ``"live"`` or ``"recording"``: when it is on the
  scheduler, what came of a stream, which there is not and why, whether it can be read.
- ``summary`` with ``id`` and ``seconds``; ``forget``: no more live summaries.
- ``begin``, ``answer``, ``end``, ``drop``: of a recording.
- ``document`` with ``id`` and ``title``: its file, in pieces.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
from pathlib import Path
from time import monotonic
from typing import Any, BinaryIO

from ..model.kept import Kept, versions_of
from ..wire.answers import unpack_answer
from ..wire.calltree import STREAM as PROFILE
from ..wire.details import unpack_details
from ..wire.frames import NameBudget, unpack_frame
from ..wire.pipes import CHUNK, pack_message, read_message
from .collect import Block, collect
from .window import Window

#: Bytes that a recording may take, compressed: more than JupyterLab's viewer opens of a file.
MOST_BYTES = 180 << 20
#: And before that: what makes the report unpacks all of it, and so does who reads it.
MOST_TAKEN = 2 << 30
#: Seconds between two words on how far a recording is.
TELL_EVERY = 0.5


class Child:
    """Does what it is told.

    Parameters
    ----------
    output : binary file
        Where answers go.
    most : int
        Bytes that a recording may take.
    most_taken : int
        Bytes before they are compressed.
    """

    def __init__(self, output: BinaryIO, most: int = MOST_BYTES, most_taken: int = MOST_TAKEN):
        self._output = output
        self._most, self._most_taken = most, most_taken
        self._taken = 0
        self._writing = threading.Lock()
        self._window: Window | None = None
        self._kept: Kept | None = None
        self._told = -TELL_EVERY
        self._timer: threading.Timer | None = None

    def do(self, message: dict[str, Any]) -> None:
        """Do what a message says; what is wrong with it is answered, or told of the recording."""
        try:
            getattr(self, f"_do_{message['do']}")(
                **{name: it for name, it in message.items() if name != "do"}
            )
        except Exception as error:
            said = f"{type(error).__name__}: {error}"[:500]
            if "id" in message:
                self._answer(id=message["id"], error=said)
            elif message.get("of") == "recording" and self._kept is not None:
                self._kept.inquiry.absent[str(message.get("stream"))] = said
            else:
                sys.stderr.write(f"dasklens: {message.get('do')}: {said}\n")

    def _answer(self, **message: Any) -> None:
        with self._writing:
            self._output.write(pack_message(message))
            self._output.flush()

    # -- what comes ----------------------------------------------------------------------------------

    def _do_moment(self, of: str, frame: bytes) -> None:
        at = unpack_frame(frame)
        if of == "live":
            self._live.moment(at.base, unpack_answer(frame).get("started"))

    def _do_take(self, of: str, stream: str, log: str, cursor: int, names: int, frames: list[bytes]) -> None:
        if of == "live":
            self._live.take(stream, frames)
        elif self._kept is not None:
            kept = self._kept
            if self._full(kept):
                kept.fill_up()
            else:
                # Before: what is refused has cost as much.
                self._taken += sum(map(len, frames))
                kept.take(stream, log, cursor, names, frames)
            self._tell_soon()

    def _do_lack(self, of: str, stream: str, why: str) -> None:
        if of == "live":
            self._live.lack(stream, why)
        elif self._kept is not None:
            self._kept.inquiry.absent[stream] = why

    def _do_phase(self, of: str, phase: str, reason: str) -> None:
        known = self._live if of == "live" else self._kept
        if known is None:
            return
        if phase == "live":
            known.find()
        elif phase in ("lost", "finished"):
            known.lose() if isinstance(known, Window) else known.lose(reason)

    # -- live summaries --------------------------------------------------------------------------------

    @property
    def _live(self) -> Window:
        if self._window is None:
            self._window = Window()
        return self._window

    def _do_summary(self, id: int, seconds: float) -> None:
        begin = monotonic()
        said = self._live.summary(seconds)
        self._answer(id=id, json=json.dumps(_finite(said)), took=monotonic() - begin)

    def _do_forget(self) -> None:
        self._window = None

    # -- a recording -----------------------------------------------------------------------------------

    def _do_begin(self, frame: bytes, address: str) -> None:
        at = unpack_frame(frame)
        self._kept = kept = _Recorded(address)
        kept.begin_at(at.log, at.first)
        kept.start_time = at.base
        self._taken = 0
        self._tell()

    def _do_answer(self, of: str, stream: str, frame: bytes) -> None:
        if self._kept is None:
            return
        answers = self._kept.inquiry
        if stream.startswith(PROFILE):
            answers.profiles[stream.partition(":")[2]] = frame, unpack_frame(frame, NameBudget()).next
        elif stream == "versions":
            answers.versions = versions_of(unpack_answer(frame))
        elif stream == "before":
            answers.before = unpack_details(unpack_answer(frame))["fine_metrics"]["rows"]
        else:
            answers.take_details(unpack_details(unpack_answer(frame)))

    def _do_end(self, frame: bytes | None, after: float) -> None:
        kept = self._kept
        if kept is not None:
            stop = unpack_frame(frame).base if frame is not None else kept.start_time + after
            kept.stop_time = max(kept.start_time, stop)
            kept.take_profiles()
            kept.explain()
            self._tell()

    def _do_drop(self) -> None:
        self._kept = None

    def _full(self, kept: Kept) -> bool:
        return kept.nbytes >= self._most or self._taken >= self._most_taken

    def _tell_soon(self) -> None:
        if self._timer is None:
            self._timer = threading.Timer(max(0.0, self._told + TELL_EVERY - monotonic()), self._tell)
            self._timer.daemon = True
            self._timer.start()

    def _tell(self) -> None:
        kept = self._kept
        self._told, self._timer = monotonic(), None
        if kept is not None:
            full = self._full(kept)
            records = kept.kept["tasks"].records
            self._answer(
                recording={"tasks": records, "missed": kept.missed, "nbytes": kept.nbytes, "full": full}
            )

    def _do_document(self, id: int, title: str) -> None:
        if self._kept is None:
            raise ValueError("there is no recording")
        # Meanwhile there may be live summaries.
        threading.Thread(target=self._make, args=(id, self._kept, title), daemon=True).start()

    def _make(self, id: int, kept: Kept, title: str) -> None:
        from .pages import render

        try:
            self._answer(id=id, progress="Counting what was recorded")
            document = collect(kept, Block(title=title))
            self._answer(id=id, progress="Writing the page")
            page = render(document)
            for at in range(0, len(page), CHUNK):
                self._answer(id=id, chunk=page[at : at + CHUNK])
            self._answer(id=id, done=True, tasks=kept.kept["tasks"].records, ended_early=kept.ended_early)
        except Exception as error:
            self._answer(id=id, error=f"{type(error).__name__}: {error}"[:500])


class _Recorded(Kept):
    """What is known of a scheduler by what is piped here."""

    def __init__(self, address: str) -> None:
        super().__init__()
        self._address = address

    @property
    def address(self) -> str:
        """As the list of schedulers has it."""
        return self._address


def _finite(value: Any) -> Any:
    """Without NaN and infinity, which JSON has not."""
    if isinstance(value, dict):
        return {name: _finite(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_finite(each) for each in value]
    return None if isinstance(value, float) and not abs(value) < float("inf") else value


def main() -> None:
    """Do what comes on the standard input until it ends."""
    output = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    # Whatever prints does not get between the messages.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    with contextlib.suppress(OSError, AttributeError):
        os.nice(5)
    # Where memory runs out, it goes rather than Jupyter or somebody's kernel: that is a state with a reason.
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")
    child = Child(output)
    with contextlib.suppress(BrokenPipeError):
        while (message := read_message(sys.stdin.buffer)) is not None:
            child.do(message)
    # Not to wait for a report that nobody will read.
    os._exit(0)


if __name__ == "__main__":
    main()
