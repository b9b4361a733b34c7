"""Checks of the announcements themselves: whether they may be read, and whether their writers are alive."""

from __future__ import annotations

import asyncio
import logging
import os
import shlex
import stat
import time
from collections.abc import Sequence
from pathlib import Path

from dasklens.server.announced import Folder, Heard, aside
from dasklens.server.check_result import Check
from dasklens.server.entries import Entry
from dasklens.wire.announcement import HEARTBEAT, LIMIT

#: Seconds between two looks at a file that was not touched lately.
_LOOK = 0.25


class _Ear(logging.Handler):
    """Takes down what the reader of announcements refuses; it tells nobody else."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(record.getMessage())


def read(folder: Path) -> tuple[list[Heard], list[Check]]:
    """All announcements, and what is wrong with those that are refused. Blocks: call it through `aside`.

    Parameters
    ----------
    folder : Path
        ``<runtime folder>/dasklens``.
    """
    log, ear = logging.Logger("dasklens.check"), _Ear()
    log.addHandler(ear)
    heard = Folder(folder, log).read()
    return heard, list(_readable(folder, heard, ear.said))


def _readable(folder: Path, heard: Sequence[Heard], refused: Sequence[str]) -> list[Check]:
    title = "Announcements can be read"
    wrong = [
        Check("readable", title, False, f"A file is ignored: {_short(said)}", *_remedy(folder, said))
        for said in refused
    ]
    if wrong:
        return wrong
    if not folder.exists():
        return [Check("readable", title, None, f"not run: there is no folder {folder}.")]
    if not heard:
        return [Check("readable", title, None, f"not run: there is none in {folder}.")]
    return [Check("readable", title, True, f"{len(heard)} in {folder}.")]


def _remedy(folder: Path, said: str) -> tuple[str, str]:
    """What to do about the file, or the folder, that this sentence names; and the command."""
    path = next((file for file in _entries(folder) if f" {file.name!a}:" in said), folder)
    try:
        found = os.lstat(path)
    except OSError:
        return "It has gone in the meantime: run the checks again.", ""
    quoted = shlex.quote(str(path))
    if hasattr(os, "geteuid") and found.st_uid != os.geteuid():
        return (
            "Remove it, or have its owner do so: what another user wrote there is not believed. Both Jupyter "
            "and the scheduler have to run as you.",
            f"rm -r {quoted}",
        )
    if stat.S_ISLNK(found.st_mode):
        return "Replace the link by a real file or folder: whoever makes links there decides what is read.", (
            f"rm {quoted}"
        )
    if stat.S_ISDIR(found.st_mode):
        return "Let nobody else into the folder.", f"chmod 700 {quoted}"
    if stat.S_ISREG(found.st_mode) and stat.S_IMODE(found.st_mode) & 0o077 and "mode" in said:
        return "Let nobody else use it: the token in it opens what was recorded.", f"chmod 600 {quoted}"
    if found.st_size > LIMIT:
        return "Remove it: dasklens writes none so large. Then start the scheduler again.", f"rm {quoted}"
    return (
        "Remove it, and start the scheduler again. If its version is another one, install the same dasklens "
        "for Jupyter and for the scheduler.",
        f"rm {quoted}",
    )


def _short(said: str) -> str:
    return said.removeprefix("dasklens ignores the ")


def _entries(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []


async def heartbeat(folder: Path, entry: Entry, here: str) -> Check:
    """Whether somebody who announced this scheduler is alive: the file is touched again and again.

    A file that was touched lately by this machine's clock is believed at once. Another is watched for as
    long as its writer may take: the clocks of machines that share a home folder differ.
    """
    name, title = "heartbeat", "Its process is alive"
    files = [folder / one.file for one in entry.heard]
    begin = time.monotonic()
    first = now = await aside(lambda: [_touched(file) for file in files])
    while now == first and not any(at is not None and _lately(at) for at in now):
        if time.monotonic() - begin > HEARTBEAT * 1.3:
            return Check(name, title, False, *_dead(folder, entry, here))
        await asyncio.sleep(_LOOK)
        now = await aside(lambda: [_touched(file) for file in files])
    if all(at is None for at in now):
        said = "The announcement was taken back just now: the scheduler was closed."
        return Check(name, title, False, said, "Start it again.")
    alive = max(zip(now, entry.heard, strict=True), key=lambda pair: pair[0] or 0)[1].announcement
    return Check(name, title, True, f"Process {alive.pid} on {alive.host} touches its announcement.")


def _dead(folder: Path, entry: Entry, here: str) -> tuple[str, str, str]:
    one = entry.heard[0].announcement
    file = shlex.quote(str(folder / entry.heard[0].file))
    said = f"Process {one.pid} on {one.host} has not touched its announcement for a while"
    if entry.ended:
        return (
            f"{said}: there is no such process any more.",
            "It ended without taking its announcement back. Start the scheduler again; the file may go.",
            f"rm {file}",
        )
    if one.host == here:
        return (
            f"{said}, though it is there: it is suspended, or it cannot write.",
            "Let it go on if it was stopped; else look whether the disk is full or the folder is read-only.",
            f"kill -CONT {one.pid}",
        )
    return (
        f"{said}.",
        f"Look whether its job still runs on {one.host}, and start the scheduler again if not. The entry "
        "goes by itself ten minutes after the last sign of life, or with the file.",
        f"rm {file}",
    )


def _touched(file: Path) -> float | None:
    try:
        return os.lstat(file).st_mtime
    except OSError:
        return None


def _lately(at: float) -> bool:
    return -HEARTBEAT < time.time() - at < 2 * HEARTBEAT
