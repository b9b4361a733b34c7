"""The feed of a live view: everything once, in order, through pauses and losses."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import dask
import pytest
from conftest import NO_DASHBOARD, SCHEDULER
from distributed import Client
from distributed.utils_test import gen_cluster
from waiting import until, until_async

from dasklens.model.overview import Overview
from dasklens.model.spans import TaskTable
from dasklens.scheduler import recorder as recorder_module
from dasklens.scheduler.recorder import Recorder
from dasklens.source.live import LiveFeed
from dasklens.wire.frames import unpack_frame


class Listener:
    """What a live view would hold."""

    def __init__(self) -> None:
        self.table = TaskTable()
        self.overview = Overview()
        #: Where a page would go on from.
        self.place: dict[str, Any] = {"cursor": 0, "names": 0, "log": ""}
        self.phases: list[tuple[str, str, float | None]] = []
        self.lock = threading.Lock()

    def on_frames(self, frames: list[bytes]) -> None:
        with self.lock:
            for data in frames:
                frame = unpack_frame(data)
                self.table.append(frame)
                self.overview.append(frame)
                names = frame.names0 + len(frame.names)
                self.place = {"cursor": frame.next, "names": names, "log": frame.log}

    def on_phase(self, phase: str, reason: str, retry_at: float | None) -> None:
        self.phases.append((phase, reason, retry_at))

    def keys(self) -> list[Any]:
        with self.lock:
            return self.table.keys()

    @property
    def phase(self) -> str:
        return self.phases[-1][0] if self.phases else ""


pytestmark = pytest.mark.usefixtures("short_polls")


@pytest.fixture
def heard() -> Listener:
    return Listener()


@pytest.fixture
def feed(client: Client, recorder: Recorder, heard: Listener) -> Iterator[LiveFeed]:
    feed = LiveFeed(client, heard.on_frames, heard.on_phase)
    yield feed
    feed.close()


def run(client: Client, *keys: str) -> None:
    client.gather([client.submit(abs, -1, key=key, pure=False) for key in keys])


def pause(feed: LiveFeed) -> None:
    """Pause, and wait until nothing is under way any more."""
    task = feed._task
    assert task is not None
    feed.pause()
    until(lambda: task.done() and feed._scheduler is None, "the reader to stop")


def test_it_follows_and_includes_the_past(client: Client, feed: LiveFeed, heard: Listener) -> None:
    run(client, "before anybody looked")
    feed.start()
    feed.start()
    until(lambda: heard.phase == "live", "the feed to be live")
    until(lambda: "before anybody looked" in heard.keys(), "the past")
    run(client, "now")
    until(lambda: "now" in heard.keys(), "news")
    assert feed.rewind(0)
    until(lambda: heard.keys().count("now") == 2, "the log from its beginning")
    assert [p[0] for p in heard.phases] == ["connecting", "live"]


def test_several_streams_are_read_each_from_its_place(client: Client, recorder: Recorder) -> None:
    recorder.sampler._interval = 0.05
    heard: dict[str, list[tuple[int, int]]] = {"tasks": [], "counts": [], "workers": []}
    phases: list[str] = []

    def on_frames(frames: list[bytes]) -> None:
        for data in frames:
            frame = unpack_frame(data)
            heard[frame.stream].append((frame.first, frame.next))

    feed = LiveFeed(client, on_frames, lambda phase, *_: phases.append(phase), streams=list(heard))
    feed.start()
    run(client, "one")
    until(lambda: len(heard["counts"]) > 3 < len(heard["workers"]), "samples")
    assert feed.catch_up(10)
    assert heard["tasks"] == [(0, 1)]
    for name in ("counts", "workers"):
        firsts, nexts = zip(*heard[name], strict=True)
        assert firsts == (0, *nexts[:-1])
    # A page that is new asks for one stream, and gets that one again.
    log = recorder.sampler.workers.ident
    assert feed.rewind(0, 0, log, "workers")
    until(lambda: [first for first, _ in heard["workers"]].count(0) == 2, "the workers again")
    assert not feed.rewind(0, 0, log, "nonsense")
    assert heard["tasks"] == [(0, 1)]
    assert [first for first, _ in heard["counts"]].count(0) == 1
    assert phases == ["connecting", "live"]
    pause(feed)
    feed.close()
    until(lambda: not recorder.sampler._waiting, "the reader to be gone")


def test_an_optional_stream_is_read_while_it_is_asked_for(client: Client, recorder: Recorder) -> None:
    recorder.sampler._interval = 0.05
    heard: list[str] = []
    feed = LiveFeed(
        client,
        lambda frames: heard.extend(unpack_frame(data).stream for data in frames),
        lambda *_: None,
        streams=["counts"],
        optional=["groups"],
    )
    feed.start()
    until(lambda: heard.count("counts") > 2, "samples")
    assert "groups" not in heard
    assert feed.rewind(0, 0, "", "groups")
    until(lambda: heard.count("groups") > 2, "groups")
    pause(feed)
    assert feed.rewind(0, 0, "", "counts")
    n = heard.count("groups")
    until(lambda: heard.count("groups") > n, "groups again, with the rest")
    feed.rest("counts")
    feed.rest("groups")
    until(lambda: feed._places["groups"].reading.done(), "the read to end")
    n, counted = heard.count("groups"), heard.count("counts")
    until(lambda: heard.count("counts") > counted + 3, "samples")
    assert heard.count("groups") == n
    pause(feed)
    feed.close()
    until(lambda: not recorder.sampler._waiting, "the reader to be gone")


def test_a_loss_ends_the_reading_of_every_stream(
    mortal: tuple[str, subprocess.Popen[str]], heard: Listener
) -> None:
    address, process = mortal
    with Client(address) as client:
        frames: list[bytes] = []
        feed = LiveFeed(
            client, lambda new: frames.extend(new), heard.on_phase, streams=("tasks", "workers", "counts")
        )
        feed.start()
        until(lambda: {unpack_frame(data).stream for data in frames} == {"workers", "counts"}, "samples")
        process.kill()
        until(lambda: heard.phase == "lost", "the loss")
        # Cancelled by a page just then, a reader must not go on by itself.
        feed.rewind(0, 0, "", "workers")
        place = feed._places["tasks"].reading
        until(lambda: place is None or place.done(), "the other readers to end")
        feed.close()


def test_catching_up_waits_until_all_was_passed_on(client: Client, feed: LiveFeed, heard: Listener) -> None:
    wanted = []
    assert feed.catch_up() is False
    for i in range(10):
        keys = [f"{i}-{j}" for j in range(50)]
        run(client, *keys)
        wanted += keys
        feed.start()
        assert feed.catch_up(10) is True
        assert sorted(heard.keys()) == sorted(wanted)


def test_catching_up_is_given_up_when_nothing_is_read(
    client: Client, feed: LiveFeed, heard: Listener, recorder: Recorder
) -> None:
    feed.start()
    assert feed.catch_up(10) is True
    # A cursor that is never reached: here it ends with the time that is allowed.
    recorder._pending.extend([(None, {})])
    assert feed.catch_up(0.05) is False
    recorder._pending.clear()
    pause(feed)
    assert feed.catch_up(10) is False
    feed.close()
    assert feed.catch_up(10) is False


def test_a_pause_loses_nothing(
    client: Client, feed: LiveFeed, heard: Listener, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder_module, "FORGET_AFTER", 0.3)
    feed.start()
    for i in range(3):
        run(client, f"watched-{i}")
        assert feed.catch_up(10)
        assert recorder.readers == 1
        pause(feed)
        run(client, f"missed-{i}")
        assert f"missed-{i}" not in heard.keys()
        until(lambda: recorder.readers == 0, "the scheduler to forget the reader")
        assert feed.rewind(**heard.place)
        assert feed.catch_up(10)
    assert heard.keys() == [f"{what}-{i}" for i in range(3) for what in ("watched", "missed")]
    assert [p[0] for p in heard.phases] == ["connecting", "live"] * 4


def test_a_pause_is_one_even_when_a_reply_comes_just_then(
    client: Client, recorder: Recorder, heard: Listener
) -> None:
    """`asyncio.wait_for` swallows a cancellation then, before Python 3.12."""
    for _ in range(30):
        feed = LiveFeed(client, heard.on_frames, heard.on_phase)
        feed.start()
        assert feed.catch_up(10)
        pause(feed)


def test_rewinding_at_any_time_loses_nothing(client: Client, feed: LiveFeed, heard: Listener) -> None:
    """Pages ask while a read is under way: what that brings must not move the cursor past what they want."""
    feed.start()
    for i in range(60):
        run(client, *(f"{i}-{j}" for j in range(5)))
        assert feed.rewind(max(0, heard.place["cursor"] - i % 7), 0, heard.place["log"])
        if i % 10 == 9:
            pause(feed)
            feed.rewind(heard.place["cursor"] // 2, 0, heard.place["log"])
    assert feed.catch_up(10)
    assert heard.overview.n_tasks == 300
    assert heard.overview.missed == 0


def test_the_cursor_of_another_log_counts_as_nought(
    client: Client, feed: LiveFeed, heard: Listener, recorder: Recorder
) -> None:
    feed.start()
    run(client, "before")
    assert feed.catch_up(10)
    pause(feed)
    # As if the scheduler had been started anew behind the same address.
    recorder.log.ident = "of the next scheduler"
    feed.rewind(**heard.place)
    until(lambda: heard.keys() == ["before", "before"], "the new log from its beginning")
    assert heard.overview.n_tasks == 1
    assert feed.rewind(10**9, 10**9, "of the former scheduler")
    until(lambda: heard.keys().count("before") == 3, "the log from its beginning")


def test_a_closed_feed_stays_closed(client: Client, feed: LiveFeed, heard: Listener) -> None:
    feed.start()
    assert feed.catch_up(10)
    pause(feed)
    feed.close()
    assert feed.rewind(0) is False
    feed.start()
    assert feed._task is None


def test_it_ends_with_its_listener(client: Client, recorder: Recorder) -> None:
    heard = Listener()
    feed = LiveFeed(client, heard.on_frames, heard.on_phase)
    feed.start()
    phases = heard.phases
    until(lambda: bool(phases) and phases[-1][0] == "live", "the feed to be live")
    del heard
    client.submit(abs, -1).result()
    until(lambda: feed._task is not None and feed._task.done(), "the feed to end")


def test_it_says_when_the_scheduler_is_gone_and_when_the_client_is(
    mortal: tuple[str, subprocess.Popen[str]], heard: Listener
) -> None:
    address, process = mortal
    client = Client(address)
    feed = LiveFeed(client, heard.on_frames, heard.on_phase)
    feed.start()
    run(client, "kept")
    assert feed.catch_up(10)
    process.kill()
    until(lambda: heard.phase == "lost", "the loss to be noticed")
    _, reason, retry_at = heard.phases[-1]
    assert reason
    assert retry_at is not None
    # It must not hold up the end of every cell now.
    begin = time.monotonic()
    assert feed.catch_up(10) is False
    assert time.monotonic() - begin < 5
    client.close()
    until(lambda: heard.phase == "finished", "the end", 15)
    assert heard.phases[-1] == ("finished", "the client was closed", None)
    until(lambda: feed._task is not None and feed._task.done(), "the feed to end")
    assert feed.rewind(0) is False
    assert heard.keys() == ["kept"]


@pytest.mark.parametrize("place", [2**53, 10**30, -1, 1.5, float("nan"), "x", None])
def test_whatever_a_page_asks_for_it_gets_what_there_is(
    client: Client, feed: LiveFeed, heard: Listener, place: Any
) -> None:
    feed.start()
    client.submit(abs, -1, key="before").result()
    until(lambda: heard.keys() == ["before"], "the task before")
    assert feed.rewind(place, place, feed._places["tasks"].log)
    client.submit(abs, -2, key="after").result()
    until(lambda: heard.keys()[-1:] == ["after"], "the task after")
    assert heard.phase == "live"


def test_a_scheduler_that_is_started_again_is_read_again(heard: Listener) -> None:
    command = [sys.executable, "-c", SCHEDULER.replace("port=0", "port=int(sys.argv[1])")]

    def started(port: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [*command, port],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert process.stdout is not None
        addresses.append(process.stdout.readline().strip())
        return process

    addresses: list[str] = []
    with dask.config.set({"distributed.scheduler.preload": []}), started("0") as first:
        with Client(addresses[0]) as client:
            feed = LiveFeed(client, heard.on_frames, heard.on_phase)
            feed.start()
            client.submit(abs, -1, key="one").result()
            until(lambda: heard.keys() == ["one"], "the first scheduler's task")
            first.kill()
            until(lambda: heard.phase == "lost", "the loss")
            with started(addresses[0].rpartition(":")[2]) as second:
                until(lambda: heard.phase == "live", "the second scheduler", 30)
                client.submit(abs, -2, key="two").result()
                until(lambda: heard.keys()[-1:] == ["two"], "the second scheduler's task")
                feed.close()
                second.kill()


def test_it_says_when_nothing_is_recorded() -> None:
    with dask.config.set({"dasklens.record": False}):
        with Client(n_workers=0, processes=False, **NO_DASHBOARD) as client:
            heard = Listener()
            feed = LiveFeed(client, heard.on_frames, heard.on_phase)
            feed.start()
            until(lambda: heard.phase == "lost", "the refusal")
            assert "dasklens.record to true" in heard.phases[-1][1]
            assert heard.phases[-1][2] is None
            feed.close()


@gen_cluster(client=True, nthreads=[("127.0.0.1", 1)])
async def test_catching_up_never_waits_for_a_scheduler_that_it_holds_up(c: Any, s: Any, a: Any) -> None:
    heard = Listener()
    feed = LiveFeed(c, heard.on_frames, heard.on_phase)
    feed.start()
    await until_async(lambda: heard.phase == "live", "the feed")
    # Longer than the test may take.
    assert not feed.catch_up(timeout=600)
    feed.close()
