"""Read the announcements: files in the user's own Jupyter runtime folder, of which nothing is trusted.

Whoever can write there can already run code as the user, so what is refused is what somebody else may have
put there: links, files of another owner, files or a folder that others may read or write. Each is named in
the log once, not at each look.

A file's modification time is the heartbeat of the process that wrote it. Clocks of machines that share a
home folder differ, so what counts is when it was last *seen to change*.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import stat
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from logging import Logger
from pathlib import Path
from typing import Any, TypeVar

from dasklens.wire.announcement import LIMIT, Announcement, AnnouncementError, unpack

T = TypeVar("T")

#: Files that are looked at; a folder with more has something wrong with it.
MOST_FILES = 500
#: No two clocks differ by that many seconds: a file that is older when first seen has been silent so long.
UNLIKELY = 3600.0
#: A file of ours that was silent for that many seconds is deleted, once it was also seen to stay silent for
#: a while: after a laptop wakes up every file is old, and the living ones are touched within seconds.
DELETE_AFTER, SURE = 86_400.0, 60.0


#: What is refused, where it is no single file; no file that is looked at has such a name.
_FOLDER, _TOO_MANY = "", " "


@dataclass(frozen=True, slots=True)
class Heard:
    """An announcement, and for how many seconds nothing was heard of who wrote it."""

    file: str
    announcement: Announcement
    silent: float


class Folder:
    """The folder of announcements.

    Parameters
    ----------
    path : Path
        ``jupyter_runtime_dir()/dasklens``; it need not exist.
    log : logging.Logger
        Where refused files are named.
    """

    def __init__(self, path: Path, log: Logger):
        self.path = path
        self._log = log
        self._known: dict[str, _Known] = {}
        self._refused: dict[str, str] = {}

    def read(self) -> list[Heard]:
        """Look at every file. Blocks as long as the file system does: call it through :func:`aside`.

        A file that is gone, or refused, is not in the result; one that cannot be read just now because
        the file system fails is there as it was read last.
        """
        now = time.monotonic()
        try:
            with self._opened() as at:
                names = self._names(at)
                read = {name: self._one(at, name, now) for name in names}
        except _Refused as reason:
            self._refuse(_FOLDER, str(reason))
            read = {}
        except FileNotFoundError:
            read = {}
        except OSError:
            return self._heard(now)
        else:
            self._refused.pop(_FOLDER, None)
        self._known = {name: known for name, known in read.items() if known is not None}
        kept = {_FOLDER, _TOO_MANY, *read}
        self._refused = {name: reason for name, reason in self._refused.items() if name in kept}
        return self._heard(now)

    def _heard(self, now: float) -> list[Heard]:
        return [
            Heard(name, known.announcement, now - known.changed)
            for name, known in sorted(self._known.items())
            if known.announcement is not None
        ]

    def _opened(self) -> _At:
        found = os.lstat(self.path)
        _check(found, stat.S_ISDIR, "a folder")
        if not _AT:
            return _At(self.path, None)
        descriptor = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            _check(os.fstat(descriptor), stat.S_ISDIR, "a folder")
        except BaseException:
            os.close(descriptor)
            raise
        return _At(self.path, descriptor)

    def _names(self, at: _At) -> list[str]:
        with os.scandir(at.folder) as entries:
            names = [entry.name for entry in itertools.islice(entries, MOST_FILES + 1)]
        if len(names) > MOST_FILES:
            self._refuse(_TOO_MANY, f"there should be at most {MOST_FILES}, and what is more is not read")
        else:
            self._refused.pop(_TOO_MANY, None)
        return [name for name in names[:MOST_FILES] if name.endswith(".json") or name.startswith(".tmp-")]

    def _one(self, at: _At, name: str, now: float) -> _Known | None:
        try:
            found = at.stat(name)
            known = self._seen(name, found, now)
            if _is_left_over(found, known, now):
                at.unlink(name)
                return None
        except OSError as error:
            return None if isinstance(error, FileNotFoundError) else self._known.get(name)
        if name.startswith(".tmp-"):
            # Half of an announcement, whose writer is about to rename it or was ended doing so.
            return known
        try:
            _check(found, stat.S_ISREG, "a file")
            if known.announcement is None:
                known = replace(known, announcement=_unpack(at.read(name)))
        except FileNotFoundError:
            return None
        except (_Refused, PermissionError) as error:
            self._refuse(name, str(error) if isinstance(error, _Refused) else "it cannot be read")
            return replace(known, announcement=None)
        except OSError:
            return self._known.get(name)
        self._refused.pop(name, None)
        return known

    def _seen(self, name: str, found: os.stat_result, now: float) -> _Known:
        known = self._known.get(name)
        version = (found.st_ino, found.st_mtime_ns, found.st_size)
        if known is not None and known.version == version:
            return known
        age = time.time() - found.st_mtime
        unseen = known is None and age > UNLIKELY
        return _Known(version, None, now - (age if unseen else 0.0), now)

    def _refuse(self, name: str, reason: str) -> None:
        if self._refused.get(name) != reason:
            self._refused[name] = reason
            whole = name in (_FOLDER, _TOO_MANY)
            # The name may be anybody's: as a literal it cannot forge a line of the log.
            what = f"announcements in {str(self.path)!a}" if whole else f"announcement {name!a}"
            self._log.warning("dasklens ignores the %s: %s.", what, reason.rstrip("."))


async def aside(function: Callable[[], T]) -> T:
    """Run what may block in a thread of its own.

    Not in an executor: a shared home folder or a name server may never answer, and the interpreter waits
    for an executor's threads at its end.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: BaseException | None) -> None:
        if future.done():
            return
        if error is None:
            future.set_result(result)  # type: ignore[arg-type]
        else:
            future.set_exception(error)

    def run() -> None:
        result, error = None, None
        try:
            result = function()
        except Exception as raised:
            error = raised
        with contextlib.suppress(RuntimeError):  # the loop has ended in the meantime
            loop.call_soon_threadsafe(settle, result, error)

    threading.Thread(target=run, name="dasklens-aside", daemon=True).start()
    return await future


@dataclass(frozen=True, slots=True)
class _Known:
    """What was seen of a file: which version, what it says, when it changed, since when it was seen so."""

    version: tuple[int, int, int]
    announcement: Announcement | None
    changed: float
    seen: float


def _is_left_over(found: os.stat_result, known: _Known, now: float) -> bool:
    if not stat.S_ISREG(found.st_mode) or (hasattr(os, "geteuid") and found.st_uid != os.geteuid()):
        return False
    return time.time() - found.st_mtime > DELETE_AFTER and now - known.seen >= SURE


class _Refused(Exception):
    """Why a file is not read."""


#: Where the system has them, files are opened relative to the folder that was checked, not by path.
_AT = os.open in os.supports_dir_fd and hasattr(os, "O_NOFOLLOW")


class _At:
    """An open folder."""

    def __init__(self, path: Path, descriptor: int | None):
        self._path = path
        self._descriptor = descriptor
        self.folder: Any = path if descriptor is None else descriptor

    def __enter__(self) -> _At:
        return self

    def __exit__(self, *_: object) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)

    def stat(self, name: str) -> os.stat_result:
        if self._descriptor is None:
            return os.lstat(self._path / name)
        return os.stat(name, dir_fd=self._descriptor, follow_symlinks=False)

    def unlink(self, name: str) -> None:
        if self._descriptor is None:
            os.unlink(self._path / name)
        else:
            os.unlink(name, dir_fd=self._descriptor)

    def read(self, name: str) -> bytes:
        """At most one byte more than an announcement may have; never waits for the writer of a pipe."""
        if self._descriptor is None:
            with (self._path / name).open("rb") as file:
                return file.read(LIMIT + 1)
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        with open(os.open(name, flags, dir_fd=self._descriptor), "rb") as file:
            # It may be another one by now than that which was looked at.
            _check(os.fstat(file.fileno()), stat.S_ISREG, "a file")
            return file.read(LIMIT + 1)


def _check(found: os.stat_result, is_kind: Callable[[int], bool], kind: str) -> None:
    if stat.S_ISLNK(found.st_mode):
        raise _Refused(f"it should be {kind} and is a link")
    if not is_kind(found.st_mode):
        raise _Refused(f"it should be {kind} and is something else")
    if not hasattr(os, "geteuid"):
        return  # a system whose modes say nothing of others
    if found.st_uid != os.geteuid():
        raise _Refused(f"it belongs to another user (uid {found.st_uid})")
    if found.st_mode & 0o077:
        mode = stat.S_IMODE(found.st_mode)
        raise _Refused(f"others than its owner may use it (mode {mode:o}); chmod go= makes it right")


def _unpack(data: bytes) -> Announcement:
    try:
        return unpack(data)
    except AnnouncementError as error:
        raise _Refused(str(error)) from None
