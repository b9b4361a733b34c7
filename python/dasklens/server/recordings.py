"""A recording of one scheduler: begun and stopped from any page, held here, and saved among Jupyter's files.

What is read goes to the child at once, which keeps it compressed; here is only how far it is. When it is
stopped what was not read yet is read, the report is made and goes through Jupyter's contents manager. If
that fails the child still has all of it, for another try.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from time import localtime, monotonic, strftime, time
from typing import Any
from weakref import WeakKeyDictionary

from jupyter_core.utils import ensure_async
from tornado.web import HTTPError

from dasklens.server.child import Child, ChildError
from dasklens.server.following import TASKS, Following, moment, place_of
from dasklens.server.reading import Place, Reply, Unreadable, asking
from dasklens.server.upstream import State, Upstream
from dasklens.wire.answers import DETAILS, VERSIONS
from dasklens.wire.calltree import STREAM as PROFILE
from dasklens.wire.frames import unpack_frame
from dasklens.wire.pace import pause_after

#: What is recorded besides tasks.
SAMPLED = ("counts", "system", "workers", "groups")
KINDS = ("worker", "server", "scheduler")
#: Seconds that a scheduler may take to begin with, and to be there when it is stopped; one that was lost.
PATIENCE, LAST_CHANCE = 10.0, 2.0
#: Seconds that the rest of the tasks, the last sample and each part that is asked for at the end may take.
LONGEST_REST, LAST_SAMPLE, LONGEST_PART = 60.0, 1.5, 30.0
#: Seconds between two words on how far it is.
TELL_EVERY = 1.0

#: Phases in which something is going on.
ACTIVE = ("starting", "recording", "stopping", "making", "saving")


class Refused(Exception):
    """Why something cannot be done now, in a sentence."""


class Recording:
    """One recording.

    Parameters
    ----------
    upstream : Upstream
    child : callable
        Gives the child, which is started if need be.
    address : str
        Of the scheduler, as the report says it.
    on_change : callable
        Called when `said` has changed.

    Attributes
    ----------
    phase : str
        ``"starting"``, ``"recording"``, ``"stopping"`` (what was not read yet is being read), ``"making"``,
        ``"saving"``, ``"saved"`` or ``"failed"``.
    """

    def __init__(
        self,
        upstream: Upstream,
        child: Callable[[], Awaitable[Child]],
        address: str,
        on_change: Callable[[], None],
    ):
        self._upstream = upstream
        self._child_of = child
        self._address = address
        self._on_change = on_change
        self._child: Child | None = None
        self._following: Following | None = None
        self._work: asyncio.Task[None] | None = None
        self._began, self._took = monotonic(), 0.0
        #: When it began by the scheduler's clock.
        self._start = 0.0
        self._known: dict[str, Any] = {"tasks": 0, "missed": 0, "full": False}
        self._reason = self._trouble = self._progress = self.path = ""
        #: Streams that there are not, and why.
        self._lacks: dict[str, str] = {}
        self._told: tuple[float, dict[str, Any]] = (0.0, {})
        self._due: asyncio.TimerHandle | None = None
        self._ended = self._given_up = False
        self.phase = "starting"

    @property
    def active(self) -> bool:
        """Whether something is going on."""
        return self.phase in ACTIVE

    @property
    def said(self) -> dict[str, Any]:
        """What pages are told.

        Returns
        -------
        dict
            ``phase``; ``seconds`` since it began, or that it took; ``tasks``, and ``missed``, which the
            scheduler's log had dropped; ``trouble``, why nothing comes just now; ``lacks``, what this
            scheduler does not tell; ``full``, whether no more is taken; ``progress``; ``path`` of the file;
            ``reason`` of a failure, and ``again``, whether it can be tried again.
        """
        return {
            "phase": self.phase,
            "seconds": round(self._took or monotonic() - self._began, 1),
            "tasks": self._known.get("tasks", 0),
            "missed": self._known.get("missed", 0),
            "full": bool(self._known.get("full")),
            "trouble": self._trouble,
            "lacks": self._lack_of(),
            "progress": self._progress,
            "path": self.path,
            "reason": self._reason,
            "again": self.phase == "failed" and self._ended,
        }

    def _lack_of(self) -> str:
        names = ", ".join(self._lacks)
        return f"Not recorded: {names}. {next(iter(self._lacks.values()))}" if names else ""

    def hear(self, known: dict[str, Any]) -> None:
        """The child says how far it is."""
        self._known = known
        self._tell(False)

    def lose(self, reason: str) -> None:
        """The child is gone, and what it kept."""
        if self.phase in ("saved", "failed"):
            self._ended = False
            return
        if self._work is not None:
            self._work.cancel()
        self._fail(f"{reason} What was recorded is lost.", False)
        self._work = asyncio.ensure_future(self._unfollow())

    def _tell(self, now: bool = True) -> None:
        if not now and monotonic() - self._told[0] < TELL_EVERY:
            if self._due is None:
                self._due = asyncio.get_running_loop().call_later(TELL_EVERY, self._tell)
            return
        if self._due is not None:
            self._due.cancel()
            self._due = None
        said = {**self.said, "seconds": 0}
        if said != self._told[1]:
            self._told = monotonic(), said
            self._on_change()

    def _go(self, phase: str, progress: str = "") -> None:
        self.phase, self._progress = phase, progress
        self._tell()

    def _fail(self, reason: str, again: bool) -> None:
        self._reason, self._ended = reason, again
        self._took = self._took or monotonic() - self._began
        self._go("failed")

    # -- begin -------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Record from now on.

        Raises
        ------
        Refused
            When that cannot be; `said` has the reason too.
        """
        try:
            child = self._child = await self._child_of()
            # Looked at from here on, so that the connection stays.
            self._following = following = Following(
                self._upstream, {}, self._take, self._lack, self._on_state, pause_after
            )
            following.start()
            at = await asyncio.wait_for(moment(self._upstream), PATIENCE)
            await child.tell("begin", frame=at, address=self._address)
            if self._given_up:
                # Meanwhile; nobody would end what begins now.
                raise ChildError("This recording was given up.")
            following.places = {TASKS: place_of(at), **dict.fromkeys(SAMPLED, Place())}
            await following.stop()
            self._began = monotonic()
            self.phase = "recording"
            following.start()
            self._start = unpack_frame(at).base
            self._work = asyncio.ensure_future(self._prepare())
        except (asyncio.TimeoutError, Unreadable, ChildError) as error:
            reason = str(error) or self._upstream.state.reason or "The scheduler does not answer."
            if isinstance(error, Unreadable):
                reason = (
                    "The dasklens of this scheduler does not tell what a recording needs "
                    f"({_within(reason)}). Upgrade the older one, and restart it."
                )
            await self._unfollow()
            self._fail(reason, False)
            raise Refused(reason) from None
        self._tell()

    async def _prepare(self) -> None:
        # Sums that there are already: only what comes to them is wanted.
        await self._part("before", DETAILS, {"start": self._start, "logs": False})

    async def _take(self, stream: str, reply: Reply) -> None:
        log, cursor, names = reply.place
        await self._told_child(
            "take",
            of="recording",
            stream=stream,
            log=log,
            cursor=cursor,
            names=names,
            frames=list(reply.frames),
        )

    async def _lack(self, stream: str, why: str) -> None:
        self._lacks[stream] = why
        await self._told_child("lack", of="recording", stream=stream, why=why)
        self._tell()

    async def _on_state(self, state: State) -> None:
        self._trouble = state.reason if state.phase in ("lost", "finished") else ""
        if self.phase != "starting":
            await self._told_child("phase", of="recording", phase=state.phase, reason=state.reason)
        self._tell()

    async def _told_child(self, do: str, **more: Any) -> None:
        assert self._child is not None
        await self._child.tell(do, **more)

    async def _unfollow(self) -> None:
        following, self._following = self._following, None
        if following is not None:
            await following.stop()
            following.leave()

    # -- end ---------------------------------------------------------------------------------------

    def stop(self, folder: str, title: str, contents: Any) -> None:
        """Record no more, and save; `said` tells how far that is.

        Parameters
        ----------
        folder : str
            Where the file goes, as a path of Jupyter's; the root if there is no such folder.
        title : str
            Of the report.
        contents : ContentsManager

        Raises
        ------
        Refused
            When it is over, or being stopped.
        """
        if self.phase == "failed" and self._ended:
            self._reason = ""
            self._go("making")
            self._work = asyncio.ensure_future(self._save(folder, title, contents))
            return
        if self.phase != "recording":
            raise Refused("This recording is not going on: it is over, or being stopped already.")
        self._go("stopping", "Reading the rest")
        self._work = asyncio.ensure_future(self._finish(self._work, folder, title, contents))

    async def _finish(
        self, preparing: asyncio.Task[None] | None, folder: str, title: str, contents: Any
    ) -> None:
        try:
            self._took = monotonic() - self._began
            if preparing is not None:
                preparing.cancel()
            following = self._following
            assert following is not None
            await following.stop()
            patience = LAST_CHANCE if self._trouble else PATIENCE
            at: bytes | None = None
            try:
                at = await asyncio.wait_for(moment(self._upstream), patience)
                await asyncio.wait_for(self._read_rest(following, at), LONGEST_REST)
                await self._told_child("phase", of="recording", phase="live", reason="")
            except (asyncio.TimeoutError, Unreadable) as error:
                # One that was started anew may not tell what the one before did.
                why = self._trouble or str(error) or "the scheduler does not answer"
                await self._told_child("phase", of="recording", phase="lost", reason=_within(why))
            else:
                await self._ask_the_rest()
            await self._told_child("end", frame=at, after=self._took)
            self._ended = True
        except ChildError as error:
            self._fail(str(error), False)
        except Exception as error:
            # It would be said to be stopping for ever.
            self._upstream.log.exception("dasklens: a recording could not be ended")
            self._fail(f"The recording could not be ended ({type(error).__name__}).", False)
        finally:
            await self._unfollow()
        if self.phase != "failed":
            await self._save(folder, title, contents)

    async def _read_rest(self, following: Following, at: bytes) -> None:
        end = place_of(at)
        tasks = following.places.get(TASKS, end)
        if tasks.log != end.log:
            tasks = Place(end.log)
            await self._told_child(
                "take", of="recording", stream=TASKS, log=end.log, cursor=0, names=0, frames=[]
            )
        while tasks.cursor < end.cursor:
            reply = await self._upstream.read(TASKS, tasks, end.cursor)
            if reply.place == tasks or reply.place.log != end.log:
                break
            tasks = reply.place
            await self._take(TASKS, reply)
        sampled = [stream for stream in SAMPLED if stream in following.places]
        await asyncio.gather(*(self._last_sample(following, stream) for stream in sampled))

    async def _last_sample(self, following: Following, stream: str) -> None:
        try:
            read = self._upstream.read(stream, following.places[stream])
            await self._take(stream, await asyncio.wait_for(read, LAST_SAMPLE))
        except (asyncio.TimeoutError, Unreadable):
            pass  # there is the one before

    async def _ask_the_rest(self) -> None:
        if self._lacks:
            # What keeps no samples keeps no books either, and its reason is told already.
            return
        start = self._start
        await asyncio.gather(
            self._part(DETAILS, DETAILS, {"start": start}),
            self._part(VERSIONS, VERSIONS, None),
            *(self._part(f"{PROFILE}:{kind}", PROFILE, {"kind": kind, "start": start}) for kind in KINDS),
        )

    async def _part(self, what: str, stream: str, question: dict[str, Any] | None) -> None:
        """Ask for what can only be asked for; what does not come is named, and costs nothing else."""
        asked = asking(stream, json.dumps(question) if question else "")
        try:
            frame = await asyncio.wait_for(self._answer(asked), LONGEST_PART)
        except asyncio.TimeoutError:
            await self._told_child("lack", of="recording", stream=what, why="the scheduler does not answer")
        except Unreadable as error:
            await self._told_child("lack", of="recording", stream=what, why=str(error))
        else:
            await self._told_child("answer", of="recording", stream=what, frame=frame)

    async def _answer(self, asked: str) -> bytes:
        place = Place()
        while True:
            reply = await self._upstream.read(asked, place)
            if reply.frames:
                return reply.frames[0]
            place = reply.place

    # -- save --------------------------------------------------------------------------------------

    async def _save(self, folder: str, title: str, contents: Any) -> None:
        assert self._child is not None
        try:
            self._go("making", "Counting what was recorded")
            said = await self._child.ask("document", lambda words: self._go("making", words), title=title)
            text = b"".join(said["chunks"]).decode()
            self._go("saving", f"Saving {len(text) / 2**20:,.1f} MiB")
            self.path = await saved(contents, folder, text)
            await self._child.tell("drop")
        except ChildError as error:
            self._fail(f"The report could not be made: {error}", not error.gone)
        except Exception as error:
            # Whatever a contents manager raises; `HTTPError` of tornado has its words in `log_message`.
            why = getattr(error, "log_message", None) or getattr(error, "reason", None) or str(error)
            self._upstream.log.warning("dasklens: a report could not be saved", exc_info=True)
            self._fail(f"The report could not be saved: {why or type(error).__name__}", True)
        else:
            self._ended = False
            self._go("saved")

    async def close(self) -> None:
        """Give it up, with what it has."""
        self._given_up = True
        if self._due is not None:
            self._due.cancel()
        if self._work is not None:
            self._work.cancel()
            await asyncio.gather(self._work, return_exceptions=True)
        await self._unfollow()
        if self._child is not None:
            self._child.mention("drop")


#: Of each contents manager: between looking for a name and saving, another could take the same.
_NAMING: WeakKeyDictionary[Any, asyncio.Lock] = WeakKeyDictionary()


async def saved(contents: Any, folder: str, text: str) -> str:
    """Save a report in a folder of Jupyter's, under a name that no file has.

    Returns
    -------
    str
        Where it is.
    """
    folder = folder.strip("/")
    try:
        there = not folder or await ensure_async(contents.dir_exists(folder))
        # Into a hidden one some write, and then say that they could not.
        there = there and (contents.allow_hidden or not await ensure_async(contents.is_hidden(folder)))
    except HTTPError:
        there = False  # it would be outside of all that Jupyter serves
    folder = folder if there else ""
    name = f"dask-report-{strftime('%Y-%m-%d-%H%M%S', localtime(time()))}.dasklens.html"
    async with _NAMING.setdefault(contents, asyncio.Lock()):
        name = await ensure_async(contents.increment_filename(name, folder, insert="-"))
        path = f"{folder}/{name}" if folder else name
        await ensure_async(contents.save({"type": "file", "format": "text", "content": text}, path))
    return path


def _within(sentence: str) -> str:
    """A sentence as a part of another."""
    return sentence.strip().rstrip(".")
