"""What can only be asked for at the end of a recording: call trees, the scheduler's books, versions.

Each part is asked for by itself: what does not come is named, with why not, and costs nothing else.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable
from typing import Any

from ..model.kept import PROFILES, Answers, versions_of
from ..scheduler.answers import PACKAGES
from ..scheduler.profileslices import Slice, read_slices
from ..scheduler.profiling import (
    Answer,
    Coverage,
    Question,
    about,
    read_coverage,
    read_profile,
    read_settings,
)
from ..wire.calltree import counted, merge, pack_profile
from ..wire.details import unpack_details
from ..wire.frames import unpack_frame
from ..wire.treeslices import slice_columns
from .feed import reason_of

logger = logging.getLogger(__name__)

#: Seconds that a part may take.
PATIENCE = 30.0
#: And the call trees of the tasks slice by slice, of which there is one for the whole time otherwise.
SLICES_PATIENCE = 5.0


class Inquiry(Answers):
    """Asks a scheduler by RPC."""

    async def prepare(self, scheduler: Any) -> None:
        """Remember the sums that there are at the beginning: only what comes to them is wanted."""
        try:
            reply = await asyncio.wait_for(scheduler.dasklens_details(logs=False), PATIENCE)
            self.before = unpack_details(reply)["fine_metrics"]["rows"]
        except Exception:
            logger.debug("dasklens does not know what was before a recording", exc_info=True)

    async def make(self, scheduler: Any, start: float) -> None:
        """Ask for everything.

        Parameters
        ----------
        scheduler : distributed.core.rpc
        start : float
            Seconds since the epoch: what was before is not wanted.
        """
        await asyncio.gather(
            self._part("details", self._ask_details(scheduler, start)),
            self._part("versions", self._ask_versions(scheduler)),
            self._part("profiles", self._ask_profiles(scheduler, start)),
        )

    async def _part(self, name: str, asking: Awaitable[None]) -> None:
        try:
            await asyncio.wait_for(asking, PATIENCE)
        except Exception as error:
            logger.debug("dasklens got no %s", name, exc_info=True)
            self.absent[name] = reason_of(error)

    async def _ask_details(self, scheduler: Any, start: float) -> None:
        self.take_details(unpack_details(await scheduler.dasklens_details(start=start)))

    async def _ask_versions(self, scheduler: Any) -> None:
        said = await scheduler.versions(packages=list(PACKAGES))
        self.versions = versions_of(said)

    async def _ask_profiles(self, scheduler: Any, start: float) -> None:
        settings = await read_settings(scheduler, list(await scheduler.ncores()))
        await asyncio.gather(
            *(
                self._part(f"profile:{kind}", self._ask_profile(scheduler, kind, start, settings))
                for kind in PROFILES
            )
        )

    async def _ask_profile(self, scheduler: Any, kind: str, start: float, settings: dict[str, Any]) -> None:
        question = Question(start=start, server=kind == "server", scheduler=kind == "scheduler")
        coverage = await read_coverage(scheduler, question, settings)
        # Entries say when a step ended.
        coverage.timeline = [entry for entry in coverage.timeline if entry[0] >= start]
        prefixes = tuple(coverage.prefixes)
        slices = await _slices(scheduler, start, coverage, prefixes) if kind == "worker" else []
        if slices:
            answer = Answer({worker: [] for worker in coverage.threads})
        else:
            answer = await read_profile(scheduler, question, prefixes)
        # Many workers' trees take their time: other readers share this thread.
        self.profiles[kind] = await asyncio.to_thread(_packed, question, answer, coverage, slices)


async def _slices(scheduler: Any, start: float, coverage: Coverage, prefixes: tuple[str, ...]) -> list[Slice]:
    """The tree by time, if it can be had soon."""
    try:
        return await asyncio.wait_for(
            read_slices(scheduler, start, coverage.cycle, prefixes), SLICES_PATIENCE
        )
    except Exception:
        logger.debug("dasklens got no slices of a profile", exc_info=True)
        return []


def _packed(question: Question, answer: Answer, coverage: Coverage, slices: list[Slice]) -> tuple[bytes, int]:
    by_time = [(stop, merge(map(counted, trees))) for stop, trees in slices]
    tree = merge(each for _, each in by_time) if by_time else counted(answer.merged())
    more = slice_columns(tree, by_time) if by_time else {}
    frame = pack_profile(tree, about(question, answer, coverage), coverage.timeline, more=more)
    return frame, unpack_frame(frame).next
