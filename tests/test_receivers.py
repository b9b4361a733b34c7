"""`dasklens.Workers` and `dasklens.Memory` on real clusters, before a page that writes down what it gets."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from distributed import Client, LocalCluster
from pages import Page
from traitlets import TraitError
from waiting import until

from dasklens import Memory, TaskStream, Workers
from dasklens.model.samples import CountsOverTime, WorkersNow
from dasklens.scheduler.recorder import Recorder
from dasklens.wire.frames import unpack_frame

pytestmark = pytest.mark.usefixtures("short_polls")


@pytest.fixture
def often(recorder: Recorder) -> None:
    """Sample often: a test need not wait for a second to be over."""
    recorder.sampler._interval = 0.05


@pytest.fixture
def workers(page: Page, client: Client, recorder: Recorder, often: None) -> Iterator[Workers]:
    workers = Workers(client)
    yield workers
    workers.close()


@pytest.fixture
def memory(page: Page, client: Client, recorder: Recorder, often: None) -> Iterator[Memory]:
    memory = Memory(client)
    yield memory
    memory.close()


def shown(page: Page, workers: Workers) -> WorkersNow:
    """What a page would have of the frames sent to it."""
    now = WorkersNow()
    for data in page.frames(workers):
        now.append(data)
    return now


def test_the_page_is_sent_the_workers(
    page: Page, client: Client, cluster: LocalCluster, workers: Workers
) -> None:
    until(lambda: len(workers.data) == 2, "the workers")
    assert {row["address"] for row in workers.data} == set(cluster.scheduler.workers)
    assert shown(page, workers).rows == workers.data
    assert repr(workers) == "<Workers: 2 workers, live>"
    cluster.scale(3)
    until(lambda: len(workers.data) == 3, "one more")
    cluster.scale(1)
    until(lambda: len(workers.data) == 1, "two to leave")
    assert shown(page, workers).rows == workers.data
    assert {unpack_frame(data).stream for data in page.frames(workers)} == {"workers"}
    assert page.values(workers, "streams") == [["workers"]]


def test_a_page_that_is_new_gets_all(page: Page, workers: Workers) -> None:
    until(lambda: len(page.frames(workers)) > 2, "some samples")
    assert [unpack_frame(data).first for data in page.frames(workers)].count(0) == 1
    page.ask(workers, type="read", stream="workers", cursor=0, names=0, log="")
    until(
        lambda: [unpack_frame(data).first for data in page.frames(workers)].count(0) == 2, "everything again"
    )


@pytest.mark.parametrize(
    "question",
    [
        {"type": "read", "stream": "nonsense"},
        {"type": "read", "stream": ["workers"], "cursor": "x"},
        {"type": "read", "stream": "workers", "cursor": -1, "names": 10**30, "log": 7},
        {"type": "what"},
    ],
)
def test_whatever_a_page_asks(page: Page, workers: Workers, question: dict[str, Any]) -> None:
    until(lambda: workers.phase == "live", "the feed")
    page.ask(workers, **question)
    n = len(page.frames(workers))
    until(lambda: len(page.frames(workers)) > n + 1, "frames to go on")
    assert workers.phase == "live"


def test_nobody_looks(page: Page, workers: Workers, recorder: Recorder) -> None:
    until(lambda: workers.phase == "live", "the feed")
    page.ask(workers, type="unwatched")
    until(lambda: workers.phase == "paused", "the pause")
    until(lambda: not recorder.sampler._waiting, "the reader to be gone")
    place = {"cursor": shown(page, workers).next, "names": 0, "log": shown(page, workers).log}
    page.ask(workers, type="read", stream="workers", **place)
    until(lambda: workers.phase == "live", "the feed to go on")
    n = len(page.frames(workers))
    until(lambda: len(page.frames(workers)) > n, "news")


def test_the_chosen_worker_is_that_of_the_stream(page: Page, client: Client, workers: Workers) -> None:
    from ipywidgets import link

    stream = TaskStream(client)
    link((workers, "selected"), (stream, "worker"))
    page.set(workers, selected="tcp://127.0.0.1:1")
    assert stream.worker == stream.mark.worker == "tcp://127.0.0.1:1"
    assert page.values(stream.mark, "worker")[-1] == "tcp://127.0.0.1:1"
    stream.worker = None
    assert workers.selected is None
    stream.close()


def test_columns_and_order_are_checked(page: Page, workers: Workers) -> None:
    workers.columns = ["cpu", "seen"]
    workers.sort = "-cpu"
    with pytest.raises(TraitError, match=r"columns should be some of name, status, .*; got 'mood'"):
        workers.columns = ["mood"]
    with pytest.raises(TraitError, match=r"sort should be one of name, .*; got '-mood'"):
        workers.sort = "-mood"
    assert (workers.columns, workers.sort) == (["cpu", "seen"], "-cpu")


def streams_of(page: Page, memory: Memory) -> set[str]:
    return {unpack_frame(data).stream for data in page.frames(memory.part)}


def test_memory_over_time_is_sent_and_kept(
    page: Page, client: Client, cluster: LocalCluster, memory: Memory
) -> None:
    held = client.submit(bytes, 1_000_000)
    held.result()
    until(lambda: bool(memory.totals.get("managed", [0])[-1]), "the memory of the result")
    totals = memory.totals
    assert totals["managed"][-1] >= 1_000_000
    assert totals["workers"][-1] == 2
    assert totals["limit"][-1] == sum(ws.memory_limit for ws in cluster.scheduler.workers.values())
    assert totals["time"] == sorted(totals["time"])
    assert "GiB in use, live" in repr(memory)
    # Each comes when it comes.
    until(lambda: streams_of(page, memory) == {"counts", "workers"}, "frames of both streams")
    frames = [unpack_frame(data) for data in page.frames(memory.part)]
    counts = CountsOverTime()
    assert all(counts.append(frame) for frame in frames if frame.stream == "counts")
    assert counts.columns["time"][: len(totals["time"])] == totals["time"]


def test_every_model_that_the_page_sets_is_named(page: Page, memory: Memory) -> None:
    until(lambda: memory.part.phase == "live", "the feed")
    (first, last) = page.values(memory.part, "models")[0], page.values(memory.part, "models")[-1]
    assert last["box"] == f"IPY_MODEL_{memory.model_id}"
    assert {name: reference for name, reference in last.items() if name != "box"} == first
    assert {reference.removeprefix("IPY_MODEL_") for reference in last.values()} <= page.open.keys()


def test_a_window_is_a_time(page: Page, memory: Memory) -> None:
    memory.window = 60
    assert page.values(memory.part, "window")[-1] == 60
    for wrong in (0, -1, float("inf"), float("nan")):
        with pytest.raises(TraitError, match="window should be a number of seconds above 0"):
            memory.window = wrong
        assert memory.part.window == 60


@pytest.mark.parametrize("figure", [Workers, Memory])
def test_closing_leaves_nothing_open(
    page: Page, client: Client, recorder: Recorder, often: None, figure: Any
) -> None:
    before = set(page.open)
    made = figure(client)
    until(lambda: recorder.sampler._waiting > 0, "it to read")
    assert set(page.open) > before
    made.close()
    assert set(page.open) == before
    until(lambda: not recorder.sampler._waiting, "the reader to be gone")


def test_a_scheduler_that_dies(page: Page, mortal: tuple[str, subprocess.Popen[str]]) -> None:
    address, process = mortal
    with Client(address) as client:
        workers = Workers(client)
        until(lambda: len(workers.data) == 1, "the worker")
        process.kill()
        until(lambda: workers.phase == "lost", "the loss to be noticed")
        assert workers.reason
        assert len(workers.data) == 1
        workers.close()


@pytest.mark.parametrize("figure", [Workers, Memory])
def test_without_a_client_it_says_what_to_do(figure: Any) -> None:
    with pytest.raises(ValueError, match="No Dask client here yet"):
        figure()
