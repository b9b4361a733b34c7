"""Which schedulers there are: announced in the runtime folder, or typed in; and whether they answer.

Polled, because a shared home folder has no other way to tell of a change: quickly while somebody looks,
else at a tenth of that rate. Each entry is probed by one probe at a time, whoever asks for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from jupyter_core.paths import jupyter_runtime_dir
from jupyter_core.utils import ensure_async

from dasklens.server.allowed import Allowed, TypedIn, own_ports, parse, server_ports
from dasklens.server.announced import Folder, Heard, aside
from dasklens.server.entries import Entry, id_of, key_of
from dasklens.server.finding import Finder, Finding
from dasklens.server.target import NotThere, Refusal, Target
from dasklens.wire.announcement import this_host

if TYPE_CHECKING:
    from jupyter_server.serverapp import ServerApp

    from dasklens.server.config import Dasklens

__all__ = ["Entry", "NotThere", "Refusal", "Registry", "Target"]

Event = Literal["added", "changed", "gone"]
Listener = Callable[[str, Entry], None]

#: An announced scheduler that does not answer is forgotten after so many seconds without a sign of life of
#: who announced it.
GONE_AFTER = 600.0
#: A proof holds that many seconds.
PROVED_FOR = 1.0
#: Seconds that the folder may take; what was read before counts until it is there.
READ_TIMEOUT = 2.0
#: When nobody looks, while a connection is open, or where somebody has to act first, it is looked at so many
#: times more rarely.
RARELY = 10
#: Typed-in schedulers at most.
MOST_TYPED = 100


class Registry:
    """Every scheduler that is known.

    Parameters
    ----------
    config : Dasklens
    serverapp : ServerApp
        Whose log, ports, kernels and sessions count.
    """

    def __init__(self, config: Dasklens, serverapp: ServerApp):
        self._config = config
        self._serverapp: Any = serverapp
        self._log = serverapp.log
        self._here = this_host()
        self._folder = Folder(Path(jupyter_runtime_dir()) / "dasklens", self._log)
        self._entries: dict[str, Entry] = {}
        self._listeners: list[tuple[Listener, bool, Callable[[], None] | None]] = []
        self._reading: asyncio.Task[None] | None = None
        self._probes: set[asyncio.Task[None]] = set()
        self._polling: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()
        self._ports: set[int] = set()
        self._finder = Finder(self._jupyters_ports, config.ca_file, self._here, config.trusted_ids)

    # -- what there is -----------------------------------------------------------------------------

    @property
    def entries(self) -> list[Entry]:
        """All entries, in the order in which they came."""
        return list(self._entries.values())

    def get(self, id: str) -> Entry | None:
        """The entry of this id."""
        return self._entries.get(id)

    def find(self, host: str, port: int) -> Entry | None:
        """The entry that a link with this host and port means.

        Both are a key, compared with `Entry.links`, and never a place to connect to. Machines that share a
        home folder may each have a scheduler at ``127.0.0.1:8787``: one that answers is preferred, then one
        of this machine, then the newest.
        """
        found = [entry for entry in self._entries.values() if (key_of(host), port) in entry.links]
        return max(found, key=lambda e: (e.state == "reachable", e.here, e.since), default=None)

    async def scan(self) -> None:
        """Read the folder now, and probe what is new. Never waits longer than a probe takes."""
        await self._read()
        new = [self._probe(entry) for entry in self._entries.values() if entry.state == "checking"]
        if new:
            await asyncio.wait(new)
        await self._name_notebooks()

    async def add(self, url: object) -> Entry:
        """Take a dashboard that was typed in, if it answers as one.

        One that is announced already is not there twice: it gets the address beside its own.

        Raises
        ------
        Refusal
            When it is not taken; nothing has changed then.
        """
        typed = parse(url)
        await self._read()
        known = self._entries.get(id_of(typed.url))
        if known is None and sum(e.source == "typed" for e in self._entries.values()) >= MOST_TYPED:
            raise Refusal(f"There are {MOST_TYPED} typed-in addresses already.", "Remove some.")
        try:
            found = await self._finder.typed(typed, self._allowed())
            links = {(key_of(typed.host), typed.port), *found.links}
            announced = self._entries.get(id_of(found.scheduler_id))
            if announced is not None:
                # That it has the id, anybody could say.
                await self._finder.same(announced, found.target)
                return await self._add_to(announced, typed, links)
        except NotThere as error:
            raise Refusal(error.reason, error.remedy) from None
        entry = known or Entry(id_of(typed.url), "typed")
        entry.typed, entry.links = {typed: links}, links
        entry.scheduler_id, entry.scheduler = found.scheduler_id, found.scheduler
        entry.name = entry.scheduler or typed.url
        self._entries.setdefault(entry.id, entry)
        self._settle(entry, found)
        self._wake.set()
        return entry

    async def _add_to(self, entry: Entry, typed: TypedIn, links: set[tuple[str, int]]) -> Entry:
        before, links_before = entry.typed.get(typed), set(entry.links)
        entry.typed[typed] = links
        entry.links |= links
        if entry.target is None:
            if entry.probing is not None:
                # It may have begun without the new address.
                await asyncio.wait([entry.probing])
            try:
                await self.verify(entry)
            except NotThere:
                if before is None:
                    del entry.typed[typed]
                entry.links = links_before
                raise
        self._changed(entry)
        return entry

    def remove(self, id: str) -> None:
        """Forget a typed-in scheduler.

        Raises
        ------
        KeyError
            When there is none of this id, or it is announced: then it goes with its announcement.
        """
        if self._entries[id].source != "typed":
            raise KeyError(id)
        self._forget(self._entries[id])

    async def verify(self, entry: Entry) -> Target:
        """Where to connect, after it has proved itself less than a second ago.

        Raises
        ------
        NotThere
            When it does not. The entry's state says so too, then.
        """
        if self._entries.get(entry.id) is not entry:
            raise NotThere("This scheduler has gone.")
        if entry.target is None or time.monotonic() - entry.proved > PROVED_FOR:
            # Who asks may go away; others wait for the same probe.
            await asyncio.wait([self._probe(entry)])
        if self._entries.get(entry.id) is not entry:
            raise NotThere("This scheduler has gone.")
        if entry.target is None:
            raise NotThere(
                entry.reason, entry.remedy, "refused" if entry.state == "refused" else "unreachable"
            )
        return entry.target

    def hold(self, entry: Entry) -> Callable[[], None]:
        """Say that a proven connection to it is open, until the returned function is called.

        While there is one, its end tells soon enough, and the scheduler is spared most probes: each is a
        connection and two requests that its loop has to answer.
        """
        entry.held += 1

        def let_go() -> None:
            entry.held -= 1
            entry.due = float("-inf")
            self._wake.set()

        return let_go

    # -- who is told -------------------------------------------------------------------------------

    def subscribe(
        self, listener: Listener, *, looking: bool = False, on_stop: Callable[[], None] | None = None
    ) -> Callable[[], None]:
        """Tell `listener` of changes until the returned function is called.

        Parameters
        ----------
        listener : callable
            Called with ``"added"``, ``"changed"`` or ``"gone"`` and the entry, on the server's loop.
        looking : bool
            Whether somebody looks, so that changes are to be noticed soon. Hearing alone costs nothing.
        on_stop : callable, optional
            Called when the registry stops.
        """
        member = (listener, looking, on_stop)
        self._listeners.append(member)
        if looking:
            self._wake.set()

        def unsubscribe() -> None:
            with contextlib.suppress(ValueError):
                self._listeners.remove(member)

        return unsubscribe

    @property
    def looked_at(self) -> bool:
        """Whether somebody looks."""
        return any(looking for _, looking, _ in self._listeners)

    def _tell(self, event: Event, entry: Entry) -> None:
        entry.told = entry.said()
        for listener, _, _ in list(self._listeners):
            try:
                listener(event, entry)
            except Exception:
                self._log.exception("dasklens: a listener of the registry failed")

    def _changed(self, entry: Entry) -> None:
        if self._entries.get(entry.id) is entry and entry.said() != entry.told:
            self._tell("changed" if entry.told else "added", entry)

    def _forget(self, entry: Entry) -> None:
        del self._entries[entry.id]
        entry.target = None
        self._tell("gone", entry)

    # -- life --------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Begin to look. Returns at once."""
        self._polling = asyncio.ensure_future(self._poll())

    async def stop(self) -> None:
        """Leave no task, socket or timer behind."""
        for _, _, on_stop in list(self._listeners):
            if on_stop is not None:
                on_stop()
        tasks = [task for task in (self._polling, self._reading, *self._probes) if task is not None]
        self._polling = self._reading = None
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _poll(self) -> None:
        while True:
            self._wake.clear()
            try:
                await self._read()
                now = time.monotonic()
                for entry in self.entries:
                    if entry.due <= now:
                        self._probe(entry)
                if self.looked_at:
                    await self._name_notebooks()
            except Exception:
                # Whatever it was: without this loop nothing would be noticed any more.
                self._log.exception("dasklens: looking for schedulers failed; it is tried again")
            interval = self._config.poll_interval * (1 if self.looked_at else RARELY)
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._wake.wait(), interval)

    # -- what was announced ------------------------------------------------------------------------

    async def _read(self) -> None:
        # One that has begun before may have missed what was written since: then once more.
        begun = self._reading is not None and not self._reading.done()
        for _ in range(1 + begun):
            if self._reading is None or self._reading.done():
                self._reading = asyncio.ensure_future(self._read_once())
            # Not cancelled when that takes long: while it hangs, no second thread is to hang beside it.
            done, _ = await asyncio.wait([self._reading], timeout=READ_TIMEOUT)
            if not done:
                return

    async def _read_once(self) -> None:
        runtime = Path(getattr(self._serverapp, "runtime_dir", "") or jupyter_runtime_dir())
        try:
            heard, self._ports = await aside(lambda: (self._folder.read(), server_ports(runtime)))
            self._merge(heard)
        except Exception:
            self._log.exception("dasklens: reading the announcements failed; it is tried again")

    def _merge(self, heard: list[Heard]) -> None:
        by_scheduler: dict[str, list[Heard]] = {}
        for one in heard:
            by_scheduler.setdefault(one.announcement.scheduler_id, []).append(one)
        announced = {id_of(scheduler): all_ for scheduler, all_ in by_scheduler.items()}
        for id, all_ in announced.items():
            entry = self._entries.get(id)
            if entry is None:
                if min(one.silent for one in all_) > GONE_AFTER:
                    continue  # left by a process that was killed
                entry = self._entries[id] = Entry(id, "announced", reason="It has not been asked yet.")
            entry.merge(all_, self._here)
            if entry.silent > GONE_AFTER and entry.state in ("unreachable", "refused"):
                self._forget(entry)
            else:
                self._changed(entry)
        for entry in self.entries:
            if entry.source == "announced" and entry.id not in announced:
                self._forget(entry)

    async def _name_notebooks(self) -> None:
        kernels = {kernel for entry in self._entries.values() for kernel in entry.kernels}
        if not kernels:
            return
        try:
            sessions = await ensure_async(self._serverapp.session_manager.list_sessions())
            notebooks = {
                str(session["kernel"]["id"]): {"path": str(session["path"]), "name": str(session["name"])}
                for session in sessions
                if session.get("kernel")
            }
        except Exception:
            # Servers without sessions, or with a session manager of their own.
            self._log.debug("dasklens: the sessions cannot be listed", exc_info=True)
            return
        for entry in self.entries:
            entry.notebooks = [
                {"kernel": kernel, **notebooks[kernel]} for kernel in entry.kernels if kernel in notebooks
            ]
            self._changed(entry)

    # -- whether it answers ------------------------------------------------------------------------

    def _probe(self, entry: Entry) -> asyncio.Task[None]:
        """The probe of this entry that is under way, begun now if there was none."""
        if entry.probing is None or entry.probing.done():
            task = entry.probing = asyncio.ensure_future(self._probe_once(entry))
            self._probes.add(task)
            task.add_done_callback(self._probes.discard)
        return entry.probing

    async def _probe_once(self, entry: Entry) -> None:
        result: Finding | NotThere
        try:
            result = await self._finder.find(entry, self._allowed())
        except NotThere as error:
            result = error
        except Refusal as error:
            result = NotThere(error.sentence, error.remedy, "refused")
        except Exception:
            self._log.exception("dasklens: a probe failed")
            result = NotThere("It could not be asked; the log of the Jupyter server says why.")
        self._settle(entry, result)

    def _settle(self, entry: Entry, result: Finding | NotThere) -> None:
        if self._entries.get(entry.id) is not entry:
            return  # gone while it was asked
        now = time.monotonic()
        entry.reason = entry.reason if result.reason is None else result.reason
        entry.remedy = entry.remedy if result.remedy is None else result.remedy
        if isinstance(result, NotThere):
            entry.target = None
            entry.due = now + self._config.poll_interval * (RARELY if result.state == "refused" else 0)
        else:
            entry.target = entry.last = result.target
            entry.proved, entry.due = now, now + self._config.poll_interval * (RARELY if entry.held else 0)
            if result.identified:
                entry.identified = now
            entry.token, entry.recorded = result.token, bool(result.token)
            entry.dasklens = entry.dasklens if result.dasklens is None else result.dasklens
            entry.bokeh = entry.bokeh if result.bokeh is None else result.bokeh
        if result.state != entry.state:
            entry.state, entry.since = result.state, time.time()
        self._changed(entry)

    def _allowed(self) -> Allowed:
        return Allowed(self._config.allowed_hosts)

    def _jupyters_ports(self) -> set[int]:
        return (self._ports | own_ports(self._serverapp)) - {0}
