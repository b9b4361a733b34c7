"""The streams ``moment``, ``details`` and ``versions``: what is told at once, to readers that have no client.

A recording asks where the log is when it begins and when it ends, and at its end for what `distributed` keeps
anyway. By RPC there are calls for these; over HTTP they are streams, each reply with one frame. Details take
their time: a reply without a frame says that they are not there yet.
"""

from __future__ import annotations

import asyncio
from time import monotonic, time
from typing import TYPE_CHECKING, Any

from distributed.versions import get_versions

from ..wire.answers import DETAILS, MOMENT, VERSIONS, pack_answer
from .profiles import QuestionError, object_of

if TYPE_CHECKING:
    from .details import Details
    from .recorder import Recorder

#: Letters of a question; different ones that are remembered, and seconds after which one is forgotten.
LONGEST, MOST_KEPT, FORGET = 400, 4, 60.0
#: Seconds a reader may wait for news in one call.
LONGEST_WAIT = 4.0
#: Beside those that distributed asks for anyway.
PACKAGES = ("dasklens", "bokeh", "pyarrow")


class Answers:
    """Answers readers over HTTP.

    Parameters
    ----------
    recorder : Recorder
    details : Details

    Attributes
    ----------
    streams : dict
        What can be read, by name: each a coroutine with the parameters of `Recorder.read`.
    """

    def __init__(self, recorder: Recorder, details: Details):
        self._recorder = recorder
        self._details = details
        #: By question, with when it was asked last.
        self._asked: dict[str, tuple[asyncio.Task[bytes], float]] = {}
        #: Details take many short steps and ask all workers: they are told one after the other.
        self._one = asyncio.Lock()
        self.streams = {MOMENT: self.moment, DETAILS: self.details, VERSIONS: self.versions}

    async def moment(self, **_others: Any) -> dict[str, Any]:
        """What the scheduler's clock says, when it was started, and the cursor behind all it has heard of."""
        started = float(self._recorder.scheduler.time_started)
        cursor = self._recorder.next
        return self._reply(MOMENT, [self._frame(MOMENT, {"started": started}, cursor)], cursor)

    async def details(self, question: str = "", wait: float = 0, **_others: Any) -> dict[str, Any]:
        """See `Details.read`; all who ask the same within a minute share one answer.

        Parameters
        ----------
        question : str
            JSON with ``start`` and ``logs``, the parameters there; both may be missing.
        wait : float
            Seconds to wait for it.

        Raises
        ------
        QuestionError
            When the question cannot be read, or is one too many.
        """
        task = self._find(question)
        await asyncio.wait([task], timeout=min(wait, LONGEST_WAIT))
        return self._reply(DETAILS, [task.result()] if task.done() else [])

    def _find(self, question: str) -> asyncio.Task[bytes]:
        start, logs = _question(question)
        now = monotonic()
        for other, (task, last) in list(self._asked.items()):
            if task.done() and now - last > FORGET:
                del self._asked[other]
        found = self._asked.get(question)
        if found is None and len(self._asked) >= MOST_KEPT:
            raise QuestionError(f"{MOST_KEPT} different details were asked for already: wait a minute.")
        task = found[0] if found is not None else asyncio.ensure_future(self._tell(start, logs))
        # Whoever asked may have gone when it fails.
        task.add_done_callback(lambda task: task.cancelled() or task.exception())
        self._asked[question] = task, now
        return task

    async def _tell(self, start: Any, logs: bool) -> bytes:
        async with self._one:
            try:
                said = await self._details.read(start, logs)
            except ValueError as error:
                raise QuestionError(str(error)) from None
        return self._frame(DETAILS, said)

    def close(self) -> None:
        """Ask nobody any more."""
        for task, _ in self._asked.values():
            task.cancel()

    async def versions(self, **_others: Any) -> dict[str, Any]:
        """What `distributed` says of itself and its packages."""
        # Reading what is installed takes some milliseconds the first time.
        said = await asyncio.to_thread(get_versions, packages=PACKAGES)
        return self._reply(VERSIONS, [self._frame(VERSIONS, said)])

    def _frame(self, stream: str, answer: Any, cursor: int = 0) -> bytes:
        return pack_answer(stream, self._recorder.log.ident, cursor, time(), answer)

    def _reply(self, stream: str, frames: list[bytes], cursor: int = 0) -> dict[str, Any]:
        log = self._recorder.log.ident
        return {"log": log, "end": cursor, "next": cursor, "names": 0, "missed": 0, "frames": frames}


def _question(said: str) -> tuple[Any, bool]:
    asked = object_of(said, LONGEST)
    logs = asked.get("logs", True)
    if not isinstance(logs, bool):
        raise QuestionError(f"logs should be true or false, got {ascii(logs)[:80]}.")
    return asked.get("start"), logs
