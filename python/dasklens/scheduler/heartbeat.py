"""Announcement files: written, touched while what they announce is alive, and removed with it.

All work on files is done by one thread of this process, so that a slow home folder holds up neither a
scheduler nor a client. The thread is there only while something is announced. A file that a killed process
left is removed a day later by the next one that announces; readers go by the modification time anyway.
"""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import queue
import re
import stat
import threading
import uuid
import weakref
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError, TimeoutError
from time import monotonic
from typing import Any

from ..wire.announcement import HEARTBEAT, Announcement, pack

logger = logging.getLogger(__name__)

#: Seconds after which a file that nobody touches is removed.
LEFT_BEHIND = 24 * 3600.0
#: Seconds that the end of the process waits for files to be removed.
AT_EXIT = 2.0


class AnnouncementFile:
    """One announcement in the user's Jupyter runtime folder.

    Parameters
    ----------
    announcement : Announcement
        What it says.
    folder : str, optional
        Where to write it, ``dasklens`` in the runtime folder by default.
    """

    def __init__(self, announcement: Announcement, folder: str | None = None):
        self.announcement = announcement
        self.path = ""
        self._folder = folder

    def write(self) -> None:
        """Write it, or write it anew.

        Raises
        ------
        OSError
            Where it cannot be written, or the folder is not safely the user's own.
        """
        folder = self._folder or announcements_folder()
        _own_folder(folder)
        path = self.path or os.path.join(folder, f"{uuid.uuid4().hex}.json")
        beside = os.path.join(folder, f".tmp-{uuid.uuid4().hex}")
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
        data = pack(self.announcement)
        try:
            # The mode is there from the beginning: there is a token in it.
            with os.fdopen(os.open(beside, flags, 0o600), "wb") as file:
                file.write(data)
            # Whoever reads finds a whole announcement or none.
            os.replace(beside, path)
        except OSError:
            with contextlib.suppress(OSError):
                os.remove(beside)
            raise
        self.path = path
        _remove_left_behind(folder, os.lstat(path).st_mtime)

    def touch(self) -> None:
        """Give the sign of life: the modification time is now."""
        try:
            if self.path:
                os.utime(self.path)
                return
        except FileNotFoundError:
            pass  # somebody tidied up
        self.write()

    def remove(self) -> None:
        """Take it away."""
        if self.path:
            with contextlib.suppress(FileNotFoundError):
                os.remove(self.path)
            self.path = ""


def announcements_folder() -> str:
    """The folder that announcements of this user are in."""
    from jupyter_core.paths import jupyter_runtime_dir

    return os.path.join(jupyter_runtime_dir(), "dasklens")


def keep(key: str, announcement: Announcement, owner: Any, alive: Callable[[Any], bool]) -> None:
    """Announce as long as somebody owns the announcement; returns at once.

    Parameters
    ----------
    key : str
        Of what is announced: there is one file for each. A new announcement replaces the one there is,
        unless that has a token and the new one has none.
    owner : object
        Held weakly. The file goes with the last of its owners, or with this process.
    alive : callable
        ``alive(owner)``, asked at each heartbeat, in the thread.
    """
    reference = weakref.ref(owner)
    _thread.order(lambda: _thread.keep(key, announcement, reference, alive))


def end(owner: Any) -> Future[None]:
    """No longer announce what only this owner has; returns at once.

    Returns
    -------
    concurrent.futures.Future
        Done when the files are gone.
    """
    reference = weakref.ref(owner)
    return _thread.order(lambda: _thread.end(reference))


class _Kept:
    """A file and its owners."""

    def __init__(self, announcement: Announcement, alive: Callable[[Any], bool]):
        self.file = AnnouncementFile(announcement)
        self.owners: list[weakref.ref[Any]] = []
        self.alive = alive

    def owned(self, but: Any = None) -> bool:
        """Whether somebody still owns it; `but` does not any more."""
        for reference in list(self.owners):
            owner = reference()
            if owner is None or owner is but or not self.alive(owner):
                self.owners.remove(reference)
        return bool(self.owners)


class _Thread:
    """The thread, what it is to do, and what it keeps."""

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """As in a new process. In a forked one, what the parent announces is the parent's."""
        self._lock = threading.Lock()
        self._orders: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._kept: dict[str, _Kept] = {}
        self._ended = False

    def order(self, work: Callable[[], None]) -> Future[None]:
        """Have the thread do `work`, after what it was told before."""
        done: Future[None] = Future()

        def do() -> None:
            try:
                work()
            except Exception as error:
                # Whatever it is, nobody's work may end because it could not be announced.
                logger.debug("dasklens cannot announce: %s", error)
            with contextlib.suppress(InvalidStateError):  # nobody waits any more
                done.set_result(None)

        if self._ended:
            done.set_result(None)
            return done
        self._orders.put(do)
        # Not for ever: whoever holds it may be collecting garbage, a client that waits for this call.
        if self._lock.acquire(timeout=1):
            try:
                if self._thread is None:
                    thread = threading.Thread(target=self._run, name="dasklens-announcing", daemon=True)
                    thread.start()
                    self._thread = thread
            except RuntimeError:
                # The interpreter is ending and starts no threads any more.
                done.set_result(None)
            finally:
                self._lock.release()
        return done

    def keep(
        self, key: str, announcement: Announcement, owner: weakref.ref[Any], alive: Callable[[Any], bool]
    ) -> None:
        kept = self._kept.setdefault(key, _Kept(announcement, alive))
        if owner not in kept.owners:
            kept.owners.append(owner)
        kept.alive = alive
        file = kept.file
        if file.announcement.token and not announcement.token:
            announcement = file.announcement
        if not file.path or file.announcement != announcement:
            file.announcement = announcement
            file.write()

    def end(self, owner: weakref.ref[Any]) -> None:
        for key, kept in list(self._kept.items()):
            if not kept.owned(but=owner()):
                self._remove(key)

    def end_all(self) -> None:
        for key in list(self._kept):
            self._remove(key)

    def close(self) -> None:
        """The process ends."""
        if self._thread is not None:
            # Not without a limit: a home folder that hangs must not hang the end of the process.
            with contextlib.suppress(TimeoutError):
                self.order(self.end_all).result(AT_EXIT)
        self._ended = True

    def _remove(self, key: str) -> None:
        self._kept.pop(key).file.remove()

    def _run(self) -> None:
        beat = monotonic() + HEARTBEAT
        while True:
            with contextlib.suppress(queue.Empty):
                self._orders.get(timeout=max(0.0, beat - monotonic()))()
            if monotonic() >= beat:
                self._beat()
                beat = monotonic() + HEARTBEAT
            with self._lock:
                if not self._kept and self._orders.empty():
                    self._thread = None
                    return

    def _beat(self) -> None:
        for key, kept in list(self._kept.items()):
            # What could not be written was said when it was first tried; it is tried again in silence.
            with contextlib.suppress(Exception):
                if kept.owned():
                    kept.file.touch()
                else:
                    self._remove(key)


_thread = _Thread()
atexit.register(lambda: _thread.close())
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=lambda: _thread.begin())


def _own_folder(folder: str) -> None:
    os.makedirs(os.path.dirname(folder), mode=0o700, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        os.mkdir(folder, 0o700)
    found = os.lstat(folder)
    if not stat.S_ISDIR(found.st_mode) or (hasattr(os, "getuid") and found.st_uid != os.getuid()):
        raise PermissionError(f"{folder} should be a folder of this user's own: remove what is there.")
    if stat.S_IMODE(found.st_mode) & 0o077:
        os.chmod(folder, 0o700)


_OURS = re.compile(r"[0-9a-f]{32}\.json|\.tmp-[0-9a-f]{32}")


def _remove_left_behind(folder: str, now: float) -> None:
    # By the clock of the folder's own machine, which the new file has its time from.
    for entry in os.scandir(folder):
        if _OURS.fullmatch(entry.name):
            with contextlib.suppress(OSError):
                if now - entry.stat(follow_symlinks=False).st_mtime > LEFT_BEHIND:
                    os.remove(entry.path)
