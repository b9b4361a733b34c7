"""`dasklens.TaskStream` on real clusters, before a page that writes down what it is sent."""

from __future__ import annotations

import asyncio
import subprocess
import time
import zlib
from typing import Any

import comm
import dask.array as da
import pytest
from conftest import NO_DASHBOARD
from distributed import Client, Scheduler, Worker, wait
from distributed.utils_test import gen_cluster
from pages import Page
from waiting import until, until_async

from dasklens import TaskStream
from dasklens.model.spans import TaskTable
from dasklens.scheduler.recorder import Recorder, ensure_recorder
from dasklens.source import feed, live
from dasklens.widgets.receiver import PHASES
from dasklens.widgets.still import Still
from dasklens.wire.frames import unpack_frame

pytestmark = pytest.mark.usefixtures("short_polls")


def run(client: Client, *keys: str) -> None:
    client.gather([client.submit(abs, -1, key=key, pure=False) for key in keys])


def fail(message: str) -> None:
    raise ValueError(message)


# --- what it shows ----------------------------------------------------------------------------------


def test_it_follows_and_shows_the_past(page: Page, client: Client, recorder: Recorder) -> None:
    run(client, "before anybody looked")
    ts = TaskStream(client)
    da.ones((400, 400), chunks=100).sum().compute()
    wait(client.submit(fail, "no"))
    assert ts._feed.catch_up(10)
    assert recorder.next == recorder.log.next
    recorded = TaskTable(recorder.log.frames(0, max_bytes=1 << 30)["frames"]).records()
    shown = TaskTable(page.frames(ts.mark)).records()
    assert shown == recorded
    assert shown[0]["key"] == "before anybody looked"
    assert shown[-1]["exception_text"] == "ValueError('no')"
    assert repr(ts) == f"<TaskStream: {len(recorded):,} tasks on {len(ts._overview.lanes)} threads, live>"
    ts.close()


def test_phases(page: Page, client: Client, recorder: Recorder) -> None:
    with Client(client.scheduler.address) as second:
        ts = TaskStream(second)
        assert ts.mark.phase == "connecting"
        until(lambda: ts.mark.phase == "live", "the view to be live")
        assert (ts.mark.reason, ts.mark.retry_at) == ("", None)
        run(second, "kept")
        assert ts._feed.catch_up(10)
    until(lambda: ts.mark.phase == "finished", "the end")
    assert ts.mark.reason == "the client was closed"
    assert [*dict.fromkeys(page.values(ts.mark, "phase"))] == ["connecting", "live", "finished"]
    assert set(page.values(ts.mark, "phase")) <= set(PHASES)
    ts.close()


def test_a_scheduler_that_dies(page: Page, mortal: tuple[str, subprocess.Popen[str]]) -> None:
    address, process = mortal
    client = Client(address)
    ts = TaskStream(client)
    run(client, "kept")
    assert ts._feed.catch_up(10)
    process.kill()
    until(lambda: ts.mark.phase == "lost", "the loss to be noticed")
    assert ts.mark.reason
    assert 0 < ts.mark.retry_at - time.time() < feed.RETRY_MOST
    # The last picture stays.
    assert ts._overview.n_tasks == 1
    client.close()
    until(lambda: ts.mark.phase == "finished", "the end", 15)
    ts.close()


def test_two_streams_at_once(page: Page, client: Client, recorder: Recorder) -> None:
    one, two = TaskStream(client), TaskStream(client)
    run(client, "both")
    assert one._feed.catch_up(10)
    assert two._feed.catch_up(10)
    assert page.keys(one.mark) == page.keys(two.mark) == ["both"]
    assert recorder.readers == 2
    one.close()
    run(client, "second only")
    assert two._feed.catch_up(10)
    assert page.keys(two.mark) == ["both", "second only"]
    two.close()
    until(lambda: recorder.readers == 0, "the scheduler to forget both")


@gen_cluster(client=True, nthreads=[("127.0.0.1", 2)])
async def test_an_asynchronous_client(c: Client, s: Scheduler, a: Worker) -> None:
    page = Page()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(comm, "create_comm", page.create_comm)
        patch.setattr(live, "WAIT", 0.1)
        ensure_recorder(s)
        ts = TaskStream(c)
        await c.gather([c.submit(abs, -i, key=f"x-{i}") for i in range(20)])
        # The scheduler is on this very loop: it has to go on while we wait.
        await until_async(lambda: len(page.keys(ts.mark)) == 20, "the tasks")
        assert await asyncio.to_thread(ts._feed.catch_up, 10)
        assert ts.mark.phase == "live"
        ts.close()
        task = ts._feed._task
        assert task is None


def test_while_the_loop_of_an_asynchronous_client_stands_still(page: Page, client: Client) -> None:
    """As in a cell that computes without `await`: reading needs neither that loop nor the main thread."""
    address = client.scheduler.address

    async def cell() -> None:
        async with Client(address, asynchronous=True) as c:
            ts = TaskStream(c)
            await until_async(lambda: ts.mark.phase == "live", "the view to be live")
            run(client, "meanwhile")
            until(lambda: page.keys(ts.mark) == ["meanwhile"], "the task")
            ts.close()

    asyncio.run(cell())


# --- what pages ask -----------------------------------------------------------------------------------


def test_a_new_page_is_sent_everything_again(page: Page, client: Client, ts: TaskStream) -> None:
    run(client, "a", "b")
    assert ts._feed.catch_up(10)
    page.ask(ts.mark, type="read", cursor=0, names=0, log="")
    until(lambda: sorted(page.keys(ts.mark)) == ["a", "a", "b", "b"], "everything again")
    run(client, "c")
    assert ts._feed.catch_up(10)
    # It counts once, here and for the saved notebook.
    assert ts._overview.n_tasks == page.overview(ts.mark).n_tasks == 3
    kept = unpack_frame(zlib.decompress(ts._excerpt.packed(1 << 20)))
    assert (kept.first, kept.next, kept.missed) == (0, 3, 0)


def test_nobody_looks_and_somebody_looks_again(
    page: Page, client: Client, recorder: Recorder, ts: TaskStream
) -> None:
    run(client, "watched")
    assert ts._feed.catch_up(10)
    page.ask(ts.mark, type="unwatched")
    assert (ts.mark.phase, ts.mark.reason) == ("paused", "nobody was looking")
    run(client, "unseen-1", "unseen-2")
    until(lambda: recorder.readers == 0, "the scheduler to forget the reader")
    assert page.keys(ts.mark) == ["watched"]
    assert ts.mark.phase == "paused"
    last = unpack_frame(page.frames(ts.mark)[-1])
    page.ask(ts.mark, type="read", cursor=last.next, names=last.names0 + len(last.names), log=last.log)
    assert ts._feed.catch_up(10)
    assert page.keys(ts.mark)[0] == "watched"
    assert sorted(page.keys(ts.mark)[1:]) == ["unseen-1", "unseen-2"]
    assert page.overview(ts.mark).missed == 0
    assert ts.mark.phase == "live"


def test_a_page_that_is_loaded_after_the_end_is_sent_what_was_kept(page: Page, client: Client) -> None:
    with Client(client.scheduler.address) as second:
        ts = TaskStream(second)
        run(second, "kept")
        assert ts._feed.catch_up(10)
    until(lambda: ts.mark.phase == "finished", "the end")
    until(lambda: ts._feed._task.done(), "the feed to end")
    page.sent.clear()
    page.ask(ts.mark, type="read", cursor=0, names=0, log="")
    assert page.keys(ts.mark) == ["kept"]
    # One that has some frames counts names as the scheduler does: these would not fit.
    page.sent.clear()
    page.ask(ts.mark, type="read", cursor=1, names=3, log="")
    assert page.frames(ts.mark) == []
    ts.close()


def test_what_is_no_question_is_passed_over(page: Page, ts: TaskStream) -> None:
    asked: list[Any] = []
    ts.mark.on_page(asked.append)
    page.ask(ts.mark, type="event", name="click")
    page.ask(ts.mark)
    page.ask(ts.mark, type="unwatched")
    assert asked == [{"type": "unwatched"}]


# --- bad use, and the end -----------------------------------------------------------------------------


def test_no_client(page: Page) -> None:
    with pytest.raises(ValueError, match=r"^No Dask client here yet\. Make one first: "):
        TaskStream()
    assert page.sent == []


def test_a_closed_client(page: Page) -> None:
    with Client(n_workers=0, processes=False, **NO_DASHBOARD) as client:
        pass
    with pytest.raises(ValueError, match=r"^This Dask client is closed\. Make a new one: "):
        TaskStream(client)
    assert page.sent == []


def test_what_is_no_client(page: Page) -> None:
    with pytest.raises(TypeError, match=r"^client should be a distributed\.Client or None, got str\.$"):
        TaskStream("tcp://127.0.0.1:8786")  # type: ignore[arg-type]
    assert page.sent == []


def test_closing_leaves_nothing_behind(page: Page, client: Client, recorder: Recorder) -> None:
    ts = TaskStream(client)
    until(lambda: recorder.readers == 1, "the feed to read")
    assert len(page.open) > 10
    layout = ts.layout.model_id
    ts.close()
    # The layout may be somebody else's; ipywidgets leaves it too.
    assert list(page.open) == [layout]
    until(lambda: recorder.readers == 0, "the scheduler to forget the reader")
    frames = len(page.sent)
    run(client, "afterwards")
    ts.close()
    assert len(page.sent) == frames


# --- the output -----------------------------------------------------------------------------------------


@pytest.fixture
def outputs(monkeypatch: pytest.MonkeyPatch) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """What was displayed, and how."""
    shown: list[tuple[dict[str, Any], dict[str, Any]]] = []
    for name in ("display", "update_display"):
        monkeypatch.setattr(
            f"IPython.display.{name}",
            lambda data, name=name, **how: shown.append((data, {"how": name, **how})),
        )
    return shown


def test_the_output_holds_every_form(
    page: Page, client: Client, ts: TaskStream, outputs: list[tuple[dict[str, Any], dict[str, Any]]]
) -> None:
    ts._renew()
    assert outputs == []
    ts._ipython_display_()
    run(client, "a", "b")
    assert ts._feed.catch_up(10)
    ts._renew()
    (first, how), (second, how_again) = outputs
    assert (how["how"], how_again["how"]) == ("display", "update_display")
    assert how["display_id"] == how_again["display_id"]
    assert how["raw"] is how_again["raw"] is True
    view = {"version_major": 2, "version_minor": 0, "model_id": ts.model_id}
    for bundle in (first, second):
        assert bundle["application/vnd.jupyter.widget-view+json"] == view
        assert bundle["application/vnd.dasklens.view+json"] == {
            "model_id": ts.model_id,
            "mark_id": ts.mark.model_id,
        }
    assert "no task had finished yet" in first["text/html"]
    assert "image/png" not in first
    assert second["image/png"] in second["text/html"]
    assert "2 tasks" in second["text/html"]
    assert second["text/plain"].startswith("<TaskStream: 2 tasks on ")
    assert sorted(TaskTable([zlib.decompress(ts.mark.snapshot)]).keys()) == ["a", "b"]


def test_the_feed_does_not_wait_for_a_picture(
    page: Page,
    client: Client,
    ts: TaskStream,
    outputs: list[tuple[dict[str, Any], dict[str, Any]]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Painting a million spans takes longer than a live view may lag behind."""
    ts._ipython_display_()
    pictures: list[int] = []

    def slow(overview: Any) -> Still:
        run(client, "meanwhile")
        until(lambda: page.keys(ts.mark)[-1:] == ["meanwhile"], "the task")
        assert ts._feed.catch_up(10)
        pictures.append(overview.n_tasks)
        return Still("")

    monkeypatch.setattr("dasklens.widgets.task_stream.still_task_stream", slow)
    run(client, "before")
    assert ts._feed.catch_up(10)
    ts._renewal._at_end_of_cell()
    # What came while it was painted is in the next one.
    assert pictures == [1]
    assert ts._overview.n_tasks == 2
    assert ts._renewal._stale
