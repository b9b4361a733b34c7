"""Reading announcements: only the user's own files, whatever else lies in the folder."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from backends import TOKEN, announcement, folder_of, write
from waiting import until

from dasklens.server import announced
from dasklens.server.announced import Folder, aside
from dasklens.wire.announcement import LIMIT, pack

LOG = logging.getLogger("test.announced")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return folder_of(tmp_path / "runtime")


def ids(folder: Folder) -> list[str]:
    return [heard.announcement.scheduler_id for heard in folder.read()]


def test_what_was_announced_is_read_until_it_is_removed(place: Path) -> None:
    folder = Folder(place, LOG)
    assert ids(folder) == []
    write(place, announcement(scheduler_id="one"), "a.json")
    second = write(place, announcement(scheduler_id="two"), "b.json")
    assert ids(folder) == ["one", "two"]
    write(place, announcement(scheduler_id="one, renewed"), "a.json")
    assert ids(folder) == ["one, renewed", "two"]
    second.unlink()
    assert ids(folder) == ["one, renewed"]


def test_a_folder_that_is_not_there_announces_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = Folder(tmp_path / "runtime" / "dasklens", LOG)
    assert ids(folder) == []
    write(folder_of(tmp_path / "runtime"), announcement())
    assert ids(folder) == ["Scheduler-toy"]
    assert caplog.text == ""


def link(place: Path) -> None:
    write(place.parent, announcement(), "elsewhere.json")
    (place / "bad.json").symlink_to(place.parent / "elsewhere.json")


def dangling(place: Path) -> None:
    (place / "bad.json").symlink_to("/nowhere/at/all")


def listening_socket(place: Path) -> None:
    with socket.socket(socket.AF_UNIX) as sock:
        # A path of a socket has at most some hundred letters.
        here = os.getcwd()
        os.chdir(place)
        try:
            sock.bind("bad.json")
        finally:
            os.chdir(here)
    (place / "bad.json").chmod(0o600)


def unreadable_json(place: Path) -> None:
    write(place, b"[" * 60_000, "bad.json")


HOSTILE: list[tuple[str, Callable[[Path], object], str]] = [
    ("link", link, "is a link"),
    ("dangling link", dangling, "is a link"),
    ("FIFO", lambda place: os.mkfifo(place / "bad.json", 0o600), "should be a file"),
    ("folder", lambda place: (place / "bad.json").mkdir(mode=0o700), "should be a file"),
    ("socket", listening_socket, "should be a file"),
    ("writable by all", lambda place: write(place, announcement(), "bad.json", 0o602), "mode 602"),
    ("readable by all", lambda place: write(place, announcement(), "bad.json", 0o604), "mode 604"),
    ("readable by the group", lambda place: write(place, announcement(), "bad.json", 0o640), "mode 640"),
    (
        "too large",
        lambda place: write(place, pack(announcement()) + b" " * LIMIT, "bad.json"),
        "at most 65,536",
    ),
    ("empty", lambda place: write(place, b"", "bad.json"), "JSON"),
    ("half written", lambda place: write(place, pack(announcement())[:200], "bad.json"), "JSON"),
    ("not JSON", lambda place: write(place, b"\xff\x00<script>", "bad.json"), "JSON"),
    ("deep JSON", unreadable_json, "JSON"),
    (
        "another kind of JSON",
        lambda place: write(place, b'{"version": 1}', "bad.json"),
        "should have the field",
    ),
]


@pytest.mark.parametrize(("make", "reason"), [row[1:] for row in HOSTILE], ids=[row[0] for row in HOSTILE])
def test_a_hostile_file_is_named_once_and_the_others_are_read(
    place: Path, caplog: pytest.LogCaptureFixture, make: Callable[[Path], object], reason: str
) -> None:
    write(place, announcement(scheduler_id="honest"), "honest.json")
    make(place)
    folder = Folder(place, LOG)
    begin = time.monotonic()
    for _ in range(3):
        assert ids(folder) == ["honest"]
    assert time.monotonic() - begin < 1
    assert len(caplog.records) == 1
    assert "'bad.json'" in caplog.text
    assert reason in caplog.text
    assert TOKEN not in caplog.text
    # Once it was put right it counts, and what is wrong with it later is said again.
    if os.path.isdir(place / "bad.json"):
        (place / "bad.json").rmdir()
    else:
        (place / "bad.json").unlink()
    write(place, announcement(scheduler_id="put right"), "bad.json")
    assert ids(folder) == ["put right", "honest"]
    (place / "bad.json").chmod(0o666)
    assert ids(folder) == ["honest"]
    assert len(caplog.records) == 2


def owned_by_another(monkeypatch: pytest.MonkeyPatch) -> None:
    mine = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: mine + 1)


def test_another_users_file_is_refused(
    place: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(place, announcement(), "bad.json")
    if os.geteuid() == 0:
        os.chown(path, 12345, -1)
    else:
        owned_by_another(monkeypatch)  # only root can give a file away: it is we who become another
    assert ids(Folder(place, LOG)) == []
    assert "belongs to another user" in caplog.text


@pytest.mark.parametrize("kind", ["link", "file", "foreign", "loose", "readable"])
def test_a_folder_that_others_may_have_touched_is_refused(
    place: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    write(place, announcement())
    path = place
    if kind == "link":
        path = place.with_name("link")
        path.symlink_to(place)
    elif kind == "file":
        path = write(place, announcement(), "file.json")
    elif kind == "foreign":
        owned_by_another(monkeypatch)
    else:
        path.chmod(0o770 if kind == "loose" else 0o755)
    folder = Folder(path, LOG)
    for _ in range(3):
        assert ids(folder) == []
    assert len(caplog.records) == 1
    assert str(path) in caplog.text
    if kind in ("loose", "readable"):
        path.chmod(0o700)
        assert ids(folder) == ["Scheduler-toy"]


def test_a_name_cannot_forge_a_line_of_the_log(place: Path, caplog: pytest.LogCaptureFixture) -> None:
    write(place, b"", "x\nWARNING all is well\x1b[2J.json")
    Folder(place, LOG).read()
    assert len(caplog.records) == 1
    assert caplog.records[0].getMessage().isprintable()


def test_a_link_that_is_put_in_a_files_place_while_it_is_looked_at_is_not_followed(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = write(place, announcement(), "a.json")
    folder = Folder(place, LOG)
    elsewhere = write(place.parent, announcement(scheduler_id="elsewhere"), "elsewhere.json")
    look = announced._check

    def swap(*args: object) -> None:
        look(*args)  # type: ignore[arg-type]
        if honest.exists() and not honest.is_symlink() and args[2] == "a file":
            honest.unlink()
            honest.symlink_to(elsewhere)

    monkeypatch.setattr(announced, "_check", swap)
    assert ids(folder) == []


def test_half_of_an_announcement_is_not_looked_at(place: Path, caplog: pytest.LogCaptureFixture) -> None:
    write(place, b"{", ".tmp-a.json")
    (place / "notes.txt").write_text("mine")
    assert ids(Folder(place, LOG)) == []
    assert caplog.text == ""


def test_a_folder_of_too_many_files_is_read_in_part(
    place: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(announced, "MOST_FILES", 5)
    for i in range(9):
        write(place, announcement(scheduler_id=str(i)))
    folder = Folder(place, LOG)
    for _ in range(3):
        assert len(ids(folder)) == 5
    assert len(caplog.records) == 1


def test_silence_counts_from_the_last_change_that_was_seen(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    path = write(place, announcement())
    # The clock of the machine that writes is ten minutes behind.
    behind = time.time() - 600
    os.utime(path, (behind, behind))
    folder = Folder(place, LOG)
    assert folder.read()[0].silent == 0
    clock[0] += 40
    assert folder.read()[0].silent == 40
    os.utime(path, (behind + 45, behind + 45))
    assert folder.read()[0].silent == 0
    # What nobody's clock can be wrong by has been silent since.
    long_ago = time.time() - 3 * 3600
    os.utime(path, (long_ago, long_ago))
    assert Folder(place, LOG).read()[0].silent == pytest.approx(3 * 3600, abs=5)


@pytest.mark.parametrize("name", ["a.json", ".tmp-a.json"])
@pytest.mark.parametrize("content", [pack(announcement()), b"half"])
def test_a_file_that_was_silent_for_a_day_is_removed_when_it_stays_so(
    place: Path, monkeypatch: pytest.MonkeyPatch, name: str, content: bytes
) -> None:
    clock = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    old = time.time() - announced.DELETE_AFTER - 60
    left, woken = write(place, content, name), write(place, content, "b.json")
    os.utime(left, (old, old))
    os.utime(woken, (old, old))
    (place / "mine.txt").write_text("not ours")
    os.utime(place / "mine.txt", (old, old))
    folder = Folder(place, LOG)
    folder.read()
    clock[0] += announced.SURE / 2
    os.utime(woken)  # the laptop has just woken up, and so has this scheduler
    folder.read()
    assert left.exists()
    clock[0] += announced.SURE
    folder.read()
    assert not left.exists()
    assert woken.exists()
    assert (place / "mine.txt").exists()


def test_a_file_system_that_fails_does_not_remove_schedulers(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(place, announcement())
    folder = Folder(place, LOG)
    assert ids(folder) == ["Scheduler-toy"]

    def fail(*args: object, **kwargs: object) -> object:
        raise OSError(116, "Stale file handle")

    with monkeypatch.context() as patch:
        patch.setattr(os, "scandir", fail)
        assert ids(folder) == ["Scheduler-toy"]
    with monkeypatch.context() as patch:
        patch.setattr(announced._At, "stat", fail)
        assert ids(folder) == ["Scheduler-toy"]
    assert ids(folder) == ["Scheduler-toy"]


def test_no_descriptor_is_left_open(place: Path) -> None:
    for _, make, _ in HOSTILE:
        make(place)
        before = len(os.listdir("/proc/self/fd"))
        Folder(place, LOG).read()
        assert len(os.listdir("/proc/self/fd")) == before
        (place / "bad.json").rmdir() if (place / "bad.json").is_dir() else (place / "bad.json").unlink()


async def test_what_hangs_holds_nobody_up() -> None:
    go = threading.Event()
    hanging = asyncio.ensure_future(aside(lambda: go.wait(20)))
    assert await aside(lambda: 42) == 42
    with pytest.raises(ZeroDivisionError):
        await aside(lambda: 1 / 0)
    await asyncio.sleep(0)
    assert not hanging.done()
    hanging.cancel()
    go.set()
    until(lambda: not any(t.name == "dasklens-aside" for t in threading.enumerate()), "the threads to end")
    await asyncio.sleep(0)
