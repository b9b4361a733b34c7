"""Following keys on real schedulers: the states there are, and what they cost."""

from __future__ import annotations

import gc
import subprocess
import time
from collections.abc import Callable, Iterator
from typing import Any

import dask
import pytest
from certificates import self_signed
from conftest import NO_DASHBOARD
from distributed import Client, Event, LocalCluster, span, wait
from distributed.security import Security
from waiting import until

import dasklens
from dasklens.model.progress import ProgressNow
from dasklens.scheduler import tracker as tracker_module
from dasklens.scheduler.counting import Counting
from dasklens.scheduler.recorder import NAME as RECORDER
from dasklens.scheduler.recorder import Recorder
from dasklens.scheduler.trackers import NAME
from dasklens.source import progress as progress_module
from dasklens.source.feed import Feed
from dasklens.source.progress import Following

pytestmark = pytest.mark.usefixtures("short_polls")

Follow = Callable[..., Following]


def inc(x: int) -> int:
    return x + 1


def slow(x: int, seconds: float = 0.02) -> int:
    time.sleep(seconds)
    return x


def failing(x: int) -> int:
    raise ValueError("<b>no</b>")


@pytest.fixture
def follow(client: Client, recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> Iterator[Follow]:
    monkeypatch.setattr(progress_module, "WAIT", 0.5)
    made: list[Following] = []

    def begin(futures: Any, client: Client = client, **more: Any) -> Following:
        keys = [getattr(future, "key", future) for future in futures] if futures is not None else None
        heard: list[bytes] = []
        following = Following(client, keys, lambda frames: heard.extend(frames), **more)
        following.heard = heard  # type: ignore[attr-defined]
        made.append(following)
        following.feed.start()
        return following

    yield begin
    for following in made:
        following.feed.close()


def test_from_start_to_end(client: Client, follow: Follow, recorder: Recorder) -> None:
    event = Event(client=client)
    first = client.submit(lambda event: event.wait(), event, key="gate-0")
    rest = client.map(lambda x, y: x, range(10), y=first, key="rest")
    following = follow(rest)
    until(lambda: following.now.total == 11, "all to be counted")
    assert following.status in ("waiting", "running")
    assert following.now.counts["rest"]["waiting"] == 10
    until(lambda: [group.name for group in following.now.groups] == ["gate", "rest"], "them in order")
    assert NAME in recorder._scheduler.plugins
    event.set()
    assert following.wait(10)
    assert following.status == "finished"
    assert following.now.done == 11
    assert following.now.counts["rest"] == {
        "all": 10,
        "memory": 10,
        **dict.fromkeys(("processing", "waiting", "released", "erred"), 0),
    }
    assert following.now.eta == 0
    copy = ProgressNow()
    assert copy.append(following.now.packed())
    assert (copy.counts, copy.status, copy.final) == (following.now.counts, "finished", True)
    until(lambda: NAME not in recorder._scheduler.plugins, "the plugin to go")


def test_all_done_already(client: Client, follow: Follow) -> None:
    futures = client.map(inc, range(20))
    wait(futures)
    following = follow(futures)
    assert following.wait(5)
    assert following.status == "finished"
    assert following.now.done == following.now.total == 20
    following = follow(futures, complete=False)
    assert following.wait(5)
    assert (following.status, following.now.total) == ("finished", 0)


def test_nothing(follow: Follow) -> None:
    following = follow([])
    assert following.wait(5)
    assert (following.status, following.now.total) == ("finished", 0)


def test_a_failure_is_told_in_full(client: Client, follow: Follow) -> None:
    futures = client.map(failing, range(3), key="bad")
    after = client.submit(sum, futures, key="after-0")
    following = follow([after])
    assert following.wait(10)
    assert following.status == "error"
    until(lambda: following.now.final, "the rest")
    error = following.now.error
    assert error is not None
    assert error["key"].startswith("bad")
    assert error["worker"].startswith("tcp://")
    assert error["exception"] == "ValueError('<b>no</b>')"
    assert "raise ValueError" in error["traceback"]
    assert following.now.counts["bad"]["erred"] >= 1
    assert following.now.counts["after"]["erred"] == 1


def test_cancelled(client: Client, follow: Follow) -> None:
    event = Event(client=client)
    futures = client.map(lambda x, event: event.wait(), range(10), event=event, key="held")
    following = follow(futures)
    until(lambda: following.status == "running", "it to run")
    client.cancel(futures)
    event.set()
    assert following.wait(10)
    assert following.status == "cancelled"


def test_keys_that_nobody_knows(client: Client, follow: Follow) -> None:
    following = follow(["to-come"])
    until(lambda: following.now.unknown == 1, "it to be looked for")
    assert following.status == "waiting"
    assert not following.wait(0.3)
    future = client.submit(inc, 1, key="to-come")
    assert following.wait(5)
    assert following.status == "finished"
    assert following.now.total == 1
    future.release()


def test_futures_of_another_client(client: Client, follow: Follow) -> None:
    with Client(client.scheduler.address, set_as_default=False) as other:
        futures = other.map(slow, range(20))
        following = follow(futures)
        assert following.wait(10)
        assert following.status == "finished"


def test_restart(client: Client, follow: Follow) -> None:
    event = Event(client=client)
    futures = client.map(lambda x, event: event.wait(1), range(4), event=event, key="held")
    following = follow(futures)
    until(lambda: following.status == "running", "it to run")
    client.restart(wait_for_workers=False)
    assert following.wait(10)
    assert following.status == "cancelled"
    assert "restarted" in following.why


def test_closed_client(client: Client, follow: Follow) -> None:
    with Client(client.scheduler.address, set_as_default=False) as other:
        event = Event(client=client)
        futures = other.map(lambda x, event: event.wait(1), range(4), event=event, key="held")
        following = follow(futures, client=other)
        until(lambda: following.status == "running", "it to run")
    assert following.wait(10)
    assert following.status == "cancelled"
    event.set()


def test_a_scheduler_that_dies(
    mortal: tuple[str, subprocess.Popen[str]], follow: Follow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress_module, "LOST_FOR", 1.0)
    address, process = mortal
    with Client(address, timeout="5s", set_as_default=False) as doomed:
        futures = doomed.map(time.sleep, range(50, 55))
        following = follow(futures, client=doomed)
        until(lambda: following.status == "running", "it to run")
        process.kill()
        until(lambda: following.status == "lost", "it to be lost")
        assert following.why
        assert following.now.total == 5
        assert following.wait(10)


def test_lost_workers(client: Client, cluster: LocalCluster, follow: Follow) -> None:
    event = Event(client=client)
    first = client.map(slow, range(8), seconds=0.2, key="first")
    wait(first)
    last = client.submit(lambda xs, event: event.wait(), first, event, key="last-0")
    following = follow([last])
    until(lambda: following.now.done == 8, "the first")
    until(lambda: following.now.counts["last"]["processing"] == 1, "the last")
    (running,) = [address for address, keys in client.processing().items() if keys]
    client.sync(cluster.scheduler.remove_worker, running, stimulus_id="test", expected=False)
    until(lambda: following.now.counts["first"]["memory"] < 8 or following.now.done < 8, "it to go back")
    event.set()
    assert following.wait(20)
    assert following.status == "finished"
    assert following.now.total == 9


def test_groups(client: Client, follow: Follow) -> None:
    futures = client.map(inc, range(30), key=[f"task-{i}" for i in range(30)])
    following = follow(futures, group_by=lambda key: f"by {int(key[5:]) % 3}")
    assert following.wait(5)
    assert {name: by["all"] for name, by in following.now.counts.items()} == dict.fromkeys(
        ("by 0", "by 1", "by 2"), 10
    )
    following = follow(futures, group_by=lambda key: 1 / 0)
    assert following.wait(5)
    assert list(following.now.counts) == ["(group_by failed: ZeroDivisionError: division by zero)"]


def test_spans(client: Client, follow: Follow) -> None:
    with span("load"):
        a = client.map(inc, range(3), key="a")
    with span("train"):
        b = client.map(inc, range(4), key="b")
    following = follow([*a, *b], group_by="spans")
    assert following.wait(5)
    assert {name: by["all"] for name, by in following.now.counts.items()} == {"load": 3, "train": 4}


def test_what_a_client_submits(client: Client, follow: Follow) -> None:
    before = client.map(inc, range(5), key="before")
    wait(before)
    following = follow(None)
    assert following.feed.opened.wait(5)
    with Client(client.scheduler.address, set_as_default=False) as other:
        wait(other.map(inc, range(9), key="others"))
        assert dask.delayed(sum)([dask.delayed(slow)(i) for i in range(6)]).compute(scheduler=client) == 15
        following.feed.end_block()
        assert following.wait(5)
    assert following.status == "finished"
    assert {name: by["all"] for name, by in following.now.counts.items()} == {"slow": 6, "sum": 1}


def test_one_tracker_for_all(client: Client, follow: Follow, recorder: Recorder) -> None:
    event = Event(client=client)
    futures = client.map(lambda x, event: event.wait(), range(4), event=event, key="held")
    all_of_them = [follow(futures), follow(futures[::-1]), follow(futures)]
    until(lambda: all(each.now.total == 4 for each in all_of_them), "all bars")
    assert len(recorder.trackers.by_id) == 1
    assert follow(futures[:2]).feed.opened.wait(5)
    assert len(recorder.trackers.by_id) == 2
    event.set()
    assert all(each.wait(5) for each in all_of_them)


def test_a_bar_that_is_gone_costs_nothing(
    client: Client, follow: Follow, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracker_module, "FORGET_AFTER", 0.5)
    event = Event(client=client)
    futures = client.map(lambda x, event: event.wait(), range(4), event=event, key="held")
    following = follow(futures)
    until(lambda: following.now.total == 4, "a count")
    # It goes without a word, as a kernel that dies.
    following.feed._closed = True
    Feed.pause(following.feed)
    until(lambda: not recorder.trackers.by_id, "the tracker to go")
    assert NAME not in recorder._scheduler.plugins
    following = follow(futures)
    until(lambda: following.now.total == 4, "a count")
    following.feed.close()
    until(lambda: not recorder.trackers.by_id, "the tracker to go at once", 2)
    event.set()


def test_paused_and_resumed(client: Client, follow: Follow, recorder: Recorder) -> None:
    event = Event(client=client)
    futures = client.map(lambda x, event: event.wait(), range(4), event=event, key="held")
    following = follow(futures)
    until(lambda: following.now.total == 4, "a count")
    following.feed.pause()
    until(lambda: not recorder.trackers.by_id, "the tracker to go")
    assert following.feed.rewind()
    until(lambda: bool(recorder.trackers.by_id), "another one")
    event.set()
    assert following.wait(5)
    assert following.now.done == 4
    until(lambda: not following.feed.rewind(), "the feed to end")


def test_counting_does_not_hold_the_loop(
    client: Client, follow: Follow, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = Event(client=client)
    gate = client.submit(lambda event: event.wait(), event, key="gate")
    futures = client.map(lambda x, gate: x, range(20_000), gate=gate, key="many")
    until(lambda: len(recorder._scheduler.tasks) > 20_000, "all tasks", 60)
    waiting: list[int] = []
    add = Counting.add

    def counted(self: Counting, roots: Any) -> None:
        add(self, roots)
        waiting.append(len(self._chunks))

    monkeypatch.setattr(Counting, "add", counted)
    # What Python's collector does with everything else in this process is nobody's business here.
    gc.disable()
    try:
        following = follow(futures)
        until(lambda: following.now.total == 20_001, "all to be counted")
    finally:
        gc.enable()
    (tracker,) = recorder.trackers.by_id.values()
    assert tracker.n_slices > 3
    # By the thread's own clock: a slice, and the few tasks that it may be late.
    assert 0 < tracker.longest < 5 * tracker_module.SLICE
    # The keys came in pieces, and none while two others waited.
    assert len(waiting) == 10
    assert max(waiting) <= 2
    client.cancel(futures)
    event.set()


def test_msgpack_clients(client: Client, cluster: LocalCluster, follow: Follow) -> None:
    """They cannot submit, for tasks are pickled; they can follow what others do, also when it fails."""
    futures = client.map(failing, range(3), key="bad")
    after = client.submit(sum, futures, key="after-0")
    good = client.map(slow, range(20), key=[("good", i) for i in range(20)])
    with Client(
        cluster.scheduler_address,
        serializers=["msgpack"],
        deserializers=["msgpack", "dask"],
        set_as_default=False,
    ) as plain:
        following = follow(good, client=plain)
        assert following.wait(10)
        assert (following.status, following.now.done) == ("finished", 20)
        following = follow(good, client=plain, group_by=lambda key: f"by {key[1] % 2}")
        assert following.wait(10)
        assert {name: by["all"] for name, by in following.now.counts.items()} == {"by 0": 10, "by 1": 10}
        following = follow([after], client=plain)
        until(lambda: following.now.final, "the failure")
        assert following.status == "error"
        assert following.now.error is not None
        assert following.now.error["exception"] == "ValueError('<b>no</b>')"
        following = follow(["nothing"], client=plain)
        until(lambda: following.now.unknown == 1, "an answer")


def test_tls(follow: Follow) -> None:
    certificate, key = self_signed()
    names = {
        f"tls_{role}_{part}": file
        for role in ("client", "scheduler", "worker")
        for part, file in (("cert", certificate), ("key", key))
    }
    security = Security(tls_ca_file=certificate, require_encryption=True, **names)
    with LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, protocol="tls", security=security, **NO_DASHBOARD
    ) as secure:
        with Client(secure, set_as_default=False) as client:
            futures = client.map(inc, range(5), key="good")
            following = follow(futures, client=client)
            assert following.wait(10)
            assert following.status == "finished"
            bad = client.map(failing, range(2), key="bad")
            following = follow(bad, client=client, group_by=str)
            until(lambda: following.now.final, "the failure")
            assert following.now.error is not None
            assert following.now.error["worker"].startswith("tls://")
            # It says goodbye over a connection of its own, which is encrypted as the other one is.
            following = follow(None, client=client)
            assert following.feed.opened.wait(5)
            trackers = secure.scheduler.plugins[RECORDER].trackers
            until(lambda: len(trackers.by_id) > 0, "a tracker")
            following.feed.pause()
            until(lambda: following.feed._tracker not in trackers.by_id, "the tracker to go")
            assert dasklens.progress(futures, notebook=False) is None
