"""Recordings and live summaries when a scheduler, the child or a folder does what it should not."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from jupyter_server.services.contents.largefilemanager import AsyncLargeFileManager, LargeFileManager
from test_report_child import NOW, Told

from dasklens import load_report
from dasklens.model.relog import repacked
from dasklens.report import window
from dasklens.report.window import Window
from dasklens.server import child as childs
from dasklens.server import reckoning
from dasklens.server.child import Child, ChildError
from dasklens.server.following import MOST_MOMENT, moment
from dasklens.server.reading import Place, Reply, Unreadable
from dasklens.server.reckoning import Reckoners
from dasklens.server.recordings import Recording, Refused, saved
from dasklens.server.upstream import State
from dasklens.wire.answers import MOMENT, pack_answer, unpack_answer
from dasklens.wire.details import unpack_details
from dasklens.wire.frames import FrameError, pack_frame, pack_name, unpack_frame

GOOD = pack_answer("moment", "log", 0, NOW, {"started": NOW})


class Upstream:
    """A scheduler that says the same of every moment, and has no streams."""

    def __init__(self, said: Any = GOOD):
        self.said = said
        self.state = State("live", "", NOW)
        self.log = logging.getLogger("test")
        self.listeners: list[Any] = []

    def join(self, listener: Any) -> None:
        if listener not in self.listeners:
            self.listeners.append(listener)

    def leave(self, listener: Any) -> None:
        if listener in self.listeners:
            self.listeners.remove(listener)

    async def read(self, stream: str, place: Place, until: int | None = None) -> Reply:
        if stream != MOMENT:
            raise Unreadable("There is none.")
        if isinstance(self.said, Exception):
            raise self.said
        return Reply(Place("log"), 0, (self.said,))


class Listens:
    """A child that does nothing."""

    gone = ""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.mentioned: list[str] = []

    async def tell(self, do: str, **more: Any) -> None:
        self.told.append(f"{do} {more.get('phase', '')}".strip())

    async def ask(self, do: str, *args: Any, **more: Any) -> dict[str, Any]:
        return {"chunks": [b"page"]}

    def mention(self, do: str) -> None:
        self.mentioned.append(do)


class Contents:
    """Files of Jupyter's, as slow as any."""

    allow_hidden = True

    def __init__(self) -> None:
        self.files: dict[str, str] = {}

    async def dir_exists(self, path: str) -> bool:
        return True

    async def increment_filename(self, name: str, path: str, insert: str) -> str:
        await asyncio.sleep(0)
        return name if f"{path}/{name}".strip("/") not in self.files else f"{len(self.files)}{insert}{name}"

    async def save(self, model: dict[str, Any], path: str) -> None:
        await asyncio.sleep(0)
        self.files[path] = model["content"]


def recording_of(upstream: Upstream, child: Any) -> Recording:
    async def get() -> Any:
        return child

    return Recording(upstream, get, "tcp://s:1", lambda: None)  # type: ignore[arg-type]


# A list of a million maps, for some bytes each, would be a hundred times as much here.
BOMB = pack_frame(
    stream="moment", log="l", first=0, next=0, missed=0, names0=0, names=[b"\x80"] * 60_000, base=NOW, cols={}
)
NOT_NOW = repacked(unpack_frame(GOOD), base=float("nan"))


@pytest.mark.parametrize("said", [b"", b"x", b"x" * (MOST_MOMENT + 1), BOMB, NOT_NOW])
async def test_a_moment_that_is_none_is_refused_and_the_next_recording_may_begin(said: bytes) -> None:
    upstream = Upstream(said)
    with pytest.raises(Unreadable):
        await moment(upstream)  # type: ignore[arg-type]
    recording = recording_of(upstream, Listens())
    with pytest.raises(Refused):
        await recording.start()
    assert recording.phase == "failed"
    assert not recording.active
    assert upstream.listeners == []


@pytest.mark.parametrize("said", [Unreadable("It does not tell."), b"x"])
async def test_a_scheduler_that_tells_no_end_leaves_what_came(said: Any) -> None:
    upstream, child, contents = Upstream(), Listens(), Contents()
    recording = recording_of(upstream, child)
    await recording.start()
    upstream.said = said
    recording.stop("", "t", contents)
    assert recording._work is not None
    await recording._work
    assert recording.phase == "saved"
    assert "phase lost" in child.told
    assert list(contents.files.values()) == ["page"]


async def test_an_end_that_fails_is_said() -> None:
    upstream = Upstream()
    recording = recording_of(upstream, Listens())
    await recording.start()
    upstream.said = RuntimeError("of any kind")
    recording.stop("", "t", Contents())
    assert recording._work is not None
    await recording._work
    assert recording.phase == "failed"
    assert recording.said["reason"] == "The recording could not be ended (RuntimeError)."
    assert upstream.listeners == []


async def test_what_is_given_up_while_it_begins_does_not_go_on() -> None:
    upstream, child = Upstream(), Listens()
    recording = recording_of(upstream, child)

    async def tell(do: str, **more: Any) -> None:
        await recording.close()

    child.tell = tell  # type: ignore[method-assign]
    with pytest.raises(Refused, match="given up"):
        await recording.start()
    assert upstream.listeners == []


async def test_two_reports_of_the_same_second_are_two_files() -> None:
    contents = Contents()
    await asyncio.gather(*(saved(contents, "work", f"{n}") for n in range(3)))
    assert sorted(contents.files.values()) == ["0", "1", "2"]


@pytest.mark.parametrize("kind", [AsyncLargeFileManager, LargeFileManager])
async def test_a_report_goes_where_jupyter_shows_it(tmp_path: Path, kind: Any) -> None:
    root = tmp_path / "root"
    for folder in ("root/work", "root/.hidden", "elsewhere"):
        (tmp_path / folder).mkdir(parents=True)
    contents = kind(root_dir=str(root))
    assert (await saved(contents, "/work/", "t")).startswith("work/dask-report-")
    for folder in (
        "..",
        "../elsewhere",
        "/etc",
        ".hidden",
        "work/../.hidden",
        "x\0y",
        "\ud800",
        "a\nb",
        "none",
    ):
        assert "/" not in await saved(contents, folder, "t")
    assert [*(tmp_path / "elsewhere").iterdir(), *(root / ".hidden").iterdir()] == []
    assert len([*root.glob("*.html")]) == 9


async def test_a_child_that_stands_still_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(childs, "PATIENCE", 0.2)
    gone: list[str] = []
    child = await Child.start(lambda known: None, gone.append)
    os.kill(child.pid, signal.SIGSTOP)
    with pytest.raises(ChildError, match="took nothing for"):
        await child.tell("take", frames=[b"x" * (4 << 20)])
    assert len(gone) == 1
    # Whoever leaves does not wait for it, whether it is gone or not.
    child.mention("drop")
    await child.close()


async def test_what_is_not_saved_yet_is_not_recorded_over() -> None:
    reckoner = Reckoners(None, None, None).of("a")  # type: ignore[arg-type]
    reckoner.recording = SimpleNamespace(active=False, said={"again": True})  # type: ignore[assignment]
    with pytest.raises(Refused, match="not saved yet"):
        await reckoner.record("tcp://s:1")


async def test_a_child_that_was_killed_takes_no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    reckoners = Reckoners(SimpleNamespace(get=lambda id: id), None, logging.getLogger("test"))  # type: ignore[arg-type]
    monkeypatch.setattr(reckoning, "MOST_CHILDREN", 1)
    one, other = reckoners.of("a"), reckoners.of("b")
    first = await one._get_child()
    with pytest.raises(ChildError, match="being made already"):
        await other._get_child()
    os.kill(first.pid, signal.SIGKILL)
    await asyncio.wait([first._reading])
    assert await one._get_child() is not first
    await reckoners.close()


# -- in the child ----------------------------------------------------------------------------------------


def made() -> bytes:
    told = Told()
    told.take(0, 4)
    frame: bytes = told.log.frames(0, 0)["frames"][0]
    return frame


def test_columns_that_do_not_fit_together_are_refused() -> None:
    """What reads them makes room for as many values as they say."""
    bomb = repacked(unpack_frame(made()), cols={"spans": np.full(4, 4_000_000_000, "<u4")})
    with pytest.raises(FrameError, match="do not fit together"):
        Window().take("tasks", [bomb])
    told = Told()
    told.begin()
    take = {"of": "recording", "stream": "tasks", "log": "log", "cursor": 4, "names": 0}
    told.do("take", frames=[bomb], **take)
    assert told.child._kept is not None
    assert "do not fit together" in told.child._kept.inquiry.absent["tasks"]


def test_an_answer_of_more_maps_than_bytes_are_for_is_refused() -> None:
    """Each of these bytes would be an object of sixty."""
    many = b"\xdc\xff\xff" + b"\x80" * 0xFFFF
    frame = repacked(unpack_frame(GOOD), cols={"answer": np.frombuffer(many, "u1")})
    with pytest.raises(FrameError, match="Expected an answer"):
        unpack_answer(frame)
    with pytest.raises(ValueError, match="Expected the details"):
        unpack_details({"v": 1, "packed": [many]})


def test_a_window_holds_so_many_bytes_whatever_tasks_are_called(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(window, "MOST_BYTES", 1 << 20)
    frame = unpack_frame(made())
    n = frame.next - frame.first
    held = Window()
    held.moment(NOW, NOW - 60)
    for i in range(60):
        # Names that nothing speaks of, of a log that says of itself that it is the same.
        name = pack_name("x" * 50_000 + str(i))
        data = pack_frame(
            stream="tasks", log="log", first=i * n, next=i * n + n, missed=0, names0=1000 + i, names=[name],
            base=NOW, cols={each: (dtype, bytes(data)) for each, (dtype, data) in frame.cols.items()},
        )  # fmt: skip
        held.take("tasks", [data])
        # Told once more, with other names: it is not taken at all.
        held.take("tasks", [repacked(unpack_frame(data), names=["y" * 50_000])])
    assert held._nbytes <= 1 << 20
    assert sum(len(str(name)) for name in held._names.values()) <= 2 << 20


def test_a_recording_takes_no_more_than_can_be_unpacked_again() -> None:
    told = Told(most_taken=1)
    told.begin()
    told.take(0, 100)
    told.take(100, 100)
    told.do("end", frame=None, after=1.0)
    report = load_report(told.document())
    assert len(report) == 100
    assert "a recording may take" in report.ended_early
