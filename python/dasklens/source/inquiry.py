"""What can only be asked for at the end of a recording: call trees, the scheduler's books, versions.

Each part is asked for by itself: what does not come is named, with why not, and costs nothing else.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import Any

from ..scheduler.details import metrics_since, unpack_details
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
from ..wire.frames import unpack_frame
from ..wire.treeslices import slice_columns
from .feed import reason_of

logger = logging.getLogger(__name__)

#: Whose call trees: of the threads that compute, of the workers' event loops, of the scheduler's.
PROFILES = ("worker", "server", "scheduler")
#: Seconds that a part may take.
PATIENCE = 30.0
#: And the call trees of the tasks slice by slice, of which there is one for the whole time otherwise.
SLICES_PATIENCE = 5.0


@dataclass
class Inquiry:
    """What was asked for at the end.

    Attributes
    ----------
    profiles : dict of str to (bytes, int)
        By kind, a frame of the stream ``profile`` and how many nodes it has.
    details : dict
        As `dasklens.scheduler.details.unpack_details` gives it, its metrics those since the beginning.
    versions : dict of str to str
        Of what matters, on the scheduler.
    absent : dict of str to str
        ``"profile:worker"``, … ``"details"`` or ``"versions"`` that did not come, and why not.
    """

    profiles: dict[str, tuple[bytes, int]] = field(default_factory=dict)
    details: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)

    _before: list[list[Any]] = field(default_factory=list)

    async def prepare(self, scheduler: Any) -> None:
        """Remember the sums that there are at the beginning: only what comes to them is wanted."""
        try:
            reply = await asyncio.wait_for(scheduler.dasklens_details(logs=False), PATIENCE)
            self._before = unpack_details(reply)["fine_metrics"]["rows"]
        except Exception:
            logger.debug("dasklens does not know what was before a recording", exc_info=True)

    def forget(self) -> None:
        """The scheduler was started anew, and its sums with it."""
        self._before = []

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
        details = unpack_details(await scheduler.dasklens_details(start=start))
        metrics = details["fine_metrics"]
        metrics["rows"] = metrics_since(self._before, metrics["rows"])
        self.details = details

    async def _ask_versions(self, scheduler: Any) -> None:
        said = await scheduler.versions(packages=["dasklens", "bokeh", "pyarrow"])
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
