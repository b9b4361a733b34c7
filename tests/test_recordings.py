"""Recordings that a Jupyter server makes: complete, for all pages, whatever becomes of the child."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jupyter import Jupyter, jupyter
from streams import PLAIN, Scheduled, entry, scheduled
from waiting import until, until_async

from dasklens import Report, load_report


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Jupyter]:
    files = tmp_path / "files"
    (files / "work").mkdir(parents=True)
    args = ["--Dasklens.poll_interval=0.1", f"--ServerApp.root_dir={files}"]
    with jupyter(tmp_path, *args) as server:
        yield server


@pytest.fixture
def scheduler(server: Jupyter) -> Iterator[Scheduled]:
    with scheduled(server.runtime) as scheduler:
        yield scheduler


class Recorded:
    """The recording of a scheduler, as a page has it."""

    def __init__(self, server: Jupyter, scheduler_id: str = ""):
        self.server = server
        self.path = f"dasklens/api/schedulers/{entry(server, scheduler_id)['id']}/recording"

    @property
    def said(self) -> dict[str, Any]:
        said: dict[str, Any] = self.server.get(self.path).json["recording"]
        return said

    def start(self) -> None:
        answer = self.server.post(self.path, {})
        assert answer.status == 201, answer.body
        assert answer.json["recording"]["phase"] == "recording"

    def stop(self, folder: str = "", title: str = "") -> None:
        answer = self.server.request("DELETE", self.path, {"folder": folder, "title": title})
        assert answer.status == 202, answer.body

    def until(self, phase: str, seconds: float = 60) -> dict[str, Any]:
        last: list[Any] = []

        def there() -> bool:
            last[:] = [self.said]
            assert phase == "failed" or last[0]["phase"] != "failed", last
            return bool(last[0]["phase"] == phase)

        until(there, phase, seconds)
        said: dict[str, Any] = last[0]
        return said

    def until_tasks(self, n: int) -> None:
        until(lambda: self.said["tasks"] >= n, f"{n} tasks")

    def report(self) -> Report:
        """The file that was saved, read back."""
        path = self.until("saved")["path"]
        return load_report(self.server.home / "files" / path)


def test_what_is_recorded_is_what_ran(server: Jupyter, scheduler: Scheduled) -> None:
    scheduler.run(*(f"before-{i}" for i in range(20)))
    recorded = Recorded(server)
    recorded.start()
    keys = [f"x-{i}" for i in range(300)]
    scheduler.run(*keys)
    scheduler.run("bad", fail=True)
    recorded.stop("work", "mine")
    # Before the rest has been read.
    scheduler.run("after")
    report = recorded.report()
    said = recorded.said
    assert said["path"].startswith("work/dask-report-20")
    assert said["path"].endswith(".dasklens.html")
    assert sorted(str(record["key"]) for record in report.data) == sorted([*keys, "bad"])
    assert said["tasks"] == len(report) == 301
    assert report.title == "mine"
    assert report.missed == 0
    assert report.ended_early == ""
    assert report.cluster["threads"] == 1
    assert report.cluster["versions"]["distributed"]
    assert report.cluster["scheduler"].startswith("tcp://127.0.0.1")
    assert report.start_time < min(span["stop"] for record in report.data for span in record["startstops"])
    assert report.summary()["figures"]["errors"] == 1
    assert set(report._document.streams) >= {"tasks", "counts", "system", "workers", "profile:worker"}
    assert report.tables["fine_metrics"]["rows"]
    assert not report.tables["bandwidth_types"]["rows"]
    assert report.logs["empty"] == ""


def test_it_goes_on_for_pages_that_come_and_go_and_ends_with_no_reader(
    server: Jupyter, scheduler: Scheduled
) -> None:
    recorded = Recorded(server)
    assert recorded.said is None
    recorded.start()
    # Another page sees the same, and cannot begin one beside it.
    refused = server.post(recorded.path, {})
    assert refused.status == 409
    assert refused.json["message"] == "This scheduler is being recorded already."
    scheduler.run("a", "b")
    recorded.until_tasks(2)
    assert scheduler.readers == 1
    recorded.stop()
    assert [record["key"] for record in recorded.report().data] == ["a", "b"]
    until(lambda: scheduler.readers == 0, "the end of reading")
    until(lambda: not children(server), "the end of the child")
    assert server.request("DELETE", recorded.path, {}).status == 409
    # The next one begins anew.
    first = recorded.said["path"]
    recorded.start()
    scheduler.run("c")
    recorded.stop()
    assert [record["key"] for record in recorded.report().data] == ["c"]
    assert recorded.said["path"] != first


async def test_every_page_is_told(server: Jupyter, scheduler: Scheduled) -> None:
    recorded = Recorded(server)
    id = recorded.path.split("/")[-2]
    said: list[dict[str, Any]] = []

    def take(message: str | bytes | None) -> None:
        said.append(json.loads(message or "{}"))

    def phases() -> list[str]:
        return [each["recording"]["phase"] for each in said if each.get("id") == id]

    def counted() -> bool:
        tasks = [each["recording"]["tasks"] for each in said if each.get("id") == id]
        return tasks[-1] == 3

    changes = "dasklens/api/schedulers/changes"
    async with server.websocket(changes, on_message_callback=take):
        await asyncio.to_thread(recorded.start)
        await until_async(lambda: "recording" in phases(), "the beginning")
        # A page that is opened now is told at once.
        async with server.websocket(changes) as late:
            told = json.loads(await asyncio.wait_for(late.read_message(), 10) or "{}")
            assert told["recordings"][id]["phase"] == "recording"
        await asyncio.to_thread(scheduler.run, "a", "b", "c")
        await until_async(counted, "the last count")
        await asyncio.to_thread(recorded.stop)
        await until_async(lambda: phases()[-1] == "saved", "the end", 60)
    assert [phase for n, phase in enumerate(phases()) if not n or phases()[n - 1] != phase][-4:] == [
        "stopping",
        "making",
        "saving",
        "saved",
    ]


def children(server: Jupyter) -> list[int]:
    """Processes that make summaries for this server."""
    found = []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            line = (folder / "cmdline").read_bytes().split(b"\0")
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        if b"dasklens.report.child" in line and parent == server.pid:
            found.append(int(folder.name))
    return found


def environment_of(pid: int) -> bytes:
    return Path(f"/proc/{pid}/environ").read_bytes()


def test_a_child_that_is_killed_is_said_and_the_next_recording_works(
    server: Jupyter, scheduler: Scheduled
) -> None:
    recorded = Recorded(server)
    recorded.start()
    scheduler.run("a")
    recorded.until_tasks(1)
    (child,) = children(server)
    # It has no secret of Jupyter's, nor of the user's.
    assert server.token.encode() not in environment_of(child)
    os.kill(child, signal.SIGKILL)
    said = recorded.until("failed")
    assert "ended by itself (signal 9)" in said["reason"]
    assert said["reason"].endswith("What was recorded is lost.")
    assert said["again"] is False
    assert server.request("DELETE", recorded.path, {}).status == 409
    until(lambda: scheduler.readers == 0, "the end of reading")
    recorded.start()
    scheduler.run("b")
    recorded.stop()
    assert [record["key"] for record in recorded.report().data] == ["b"]


def test_a_child_goes_with_its_server(tmp_path: Path) -> None:
    with jupyter(tmp_path, "--Dasklens.poll_interval=0.1") as server:
        with scheduled(server.runtime) as scheduler:
            Recorded(server).start()
            (child,) = children(server)
            server.process.kill()
            server.process.wait()
            until(lambda: not alive(child), "the child to end")
            until(lambda: scheduler.readers == 0, "the end of reading")


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_scheduler_that_dies_leaves_what_came(server: Jupyter, scheduler: Scheduled) -> None:
    recorded = Recorded(server)
    recorded.start()
    scheduler.run(*(f"x-{i}" for i in range(50)))
    recorded.until_tasks(50)
    scheduler.kill()
    until(lambda: bool(recorded.said["trouble"]), "the loss")
    recorded.stop()
    report = recorded.report()
    assert len(report.data) == 50
    assert "could not be read any more" in report.ended_early
    assert report.start_time < report.stop_time


def test_a_plain_scheduler_gives_what_it_has(server: Jupyter) -> None:
    with scheduled(server.runtime, env=PLAIN) as scheduler:
        typed = server.post("dasklens/api/schedulers", {"url": f"http://127.0.0.1:{scheduler.port}"})
        assert typed.status == 201, typed.body
        recorded = Recorded(server)
        recorded.start()
        until(lambda: bool(recorded.said["lacks"]), "what there is not")
        scheduler.run("a", "b")
        recorded.until_tasks(2)
        recorded.stop()
        report = recorded.report()
        assert [record["key"] for record in report.data] == ["a", "b"]
        assert "This scheduler records nothing for dasklens" in recorded.said["lacks"]
        (note,) = [note for note in report.summary()["notes"] if note.startswith("Not recorded: counts")]
        assert "Workers and threads are those that ran one of these tasks" in note
        assert report.cluster["threads"] == 1


HOSTILE = "</script><script>alert(1)</script>\u202e\ud83d"


def test_hostile_names_are_text_and_stay_as_they_were(server: Jupyter, scheduler: Scheduled) -> None:
    recorded = Recorded(server)
    recorded.start()
    key = HOSTILE[:-1] + "-1"
    scheduler.run(key)
    recorded.stop("../../etc/<b>", HOSTILE)
    report = recorded.report()
    path = recorded.said["path"]
    # There is no such folder.
    assert path.startswith("dask-report-")
    assert [record["key"] for record in report.data] == [key]
    page = (server.home / "files" / path).read_text()
    assert page.count("<script>alert(1)") == 0


def test_what_cannot_be_saved_is_said_and_kept_for_another_try(server: Jupyter, scheduler: Scheduled) -> None:
    recorded = Recorded(server)
    recorded.start()
    scheduler.run("a")
    files = server.home / "files"
    # Root may write anywhere: what is no folder any more cannot be written into by anybody.
    (files / "work").rmdir()
    files.rename(server.home / "elsewhere")
    files.write_text("no folder")
    recorded.stop()
    said = recorded.until("failed")
    assert said["again"] is True
    assert said["reason"].startswith("The report could not be saved: ")
    files.unlink()
    (server.home / "elsewhere").rename(files)
    recorded.stop()
    assert [record["key"] for record in recorded.report().data] == ["a"]


def test_what_was_recorded_can_be_given_up(server: Jupyter, scheduler: Scheduled) -> None:
    recorded = Recorded(server)
    recorded.start()
    assert server.request("DELETE", recorded.path, {"discard": True}).status == 204
    assert recorded.said is None
    until(lambda: scheduler.readers == 0 and not children(server), "the end of all")
    assert list((server.home / "files").glob("**/*.html")) == []


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"{", "The request should be JSON."),
        (b"[]", "The request should be a JSON object."),
        (b'{"folder": 1}', "folder should be a text of at most 4,000 letters."),
        (b'{"title": "%s"}' % (b"x" * 201), "title should be a text of at most 200 letters."),
        (b"x" * 20_000, "The request should have at most 16384 bytes."),
    ],
)
def test_what_is_no_request_is_refused(server: Jupyter, body: bytes, message: str) -> None:
    answer = server.request("DELETE", f"dasklens/api/schedulers/{'0' * 16}/recording", body)
    assert answer.status == 400
    assert answer.json["message"] == message


def test_who_does_not_log_in_or_comes_from_another_site_starts_nothing(
    server: Jupyter, scheduler: Scheduled
) -> None:
    recorded = Recorded(server)
    browser = server.browser()
    assert browser.post(recorded.path, {}).status == 403
    assert recorded.said is None
    assert browser.post(recorded.path, {}, xsrf=True).status == 201
    assert browser.delete(recorded.path).status == 403
    assert recorded.said["phase"] == "recording"
