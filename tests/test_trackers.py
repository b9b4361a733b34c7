"""What strangers may ask of the trackers of a scheduler, and what that leaves behind."""

from __future__ import annotations

import asyncio
from math import inf, nan
from typing import Any

import pytest
from distributed import Client, Scheduler, Worker
from distributed.utils_test import captured_logger, gen_cluster
from waiting import until_async

from dasklens.model.progress import ProgressNow
from dasklens.scheduler.counting import Counting
from dasklens.scheduler.trackers import Trackers

ONE_WORKER: Any = [("127.0.0.1", 1)]


async def opened(trackers: Trackers, **more: Any) -> str:
    """A tracker of the reader ``me``."""
    reply = await trackers.open(reader="me", share="these", **more)
    return str(reply["tracker"])


def told(reply: dict[str, Any]) -> ProgressNow:
    now = ProgressNow()
    for frame in reply["frames"]:
        now.append(frame)
    return now


@gen_cluster(client=True, nthreads=ONE_WORKER)
async def test_what_cannot_be_a_key_is_refused_and_holds_nobody_up(
    c: Client, s: Scheduler, a: Worker
) -> None:
    trackers = Trackers(s)
    future = c.submit(pow, 2, 5, key="fine")
    await future
    tracker = await opened(trackers)
    for keys, words in [
        ([{"a": 1}], "number or a tuple of these, got {'a': 1}."),
        (["fine", ("a", {})], "number or a tuple of these, got ('a', {})."),
        ("fine", "keys should be a list, got str."),
        (None, "keys should be a list, got NoneType."),
    ]:
        with pytest.raises(TypeError) as raised:
            await trackers.keys(tracker, keys, True)
        assert words in str(raised.value)
    await asyncio.wait_for(trackers.keys(tracker, ["fine"], True), 5)
    counting = trackers.by_id[tracker].counting
    await until_async(lambda: trackers.by_id[tracker].final, "the end")
    assert counting.n_tracked == 1
    assert told(await trackers.read(tracker, "me")).status == "finished"
    trackers.stop()


@gen_cluster(client=True, nthreads=ONE_WORKER)
async def test_counting_that_fails_says_so_and_lets_everybody_go(c: Client, s: Scheduler, a: Worker) -> None:
    def broken(self: Counting, key: Any) -> None:
        raise ZeroDivisionError("by <0>")

    trackers = Trackers(s)
    tracker = await opened(trackers)
    with pytest.MonkeyPatch.context() as patch, captured_logger("dasklens.scheduler.tracker") as log:
        patch.setattr(Counting, "_root", broken)
        sending = [trackers.keys(tracker, ["a"], False) for _ in range(3)]
        reading = trackers.read(tracker, "me", wait=4)
        *_, reply = await asyncio.wait_for(asyncio.gather(*sending, reading), 3)
    assert log.getvalue().startswith("dasklens could not count tasks")
    assert log.getvalue().count("Traceback") == 1
    assert reply["final"]
    now = told(reply)
    assert (now.status, now.reason) == ("cancelled", "counting failed: ZeroDivisionError: by <0>")
    trackers.stop()


@pytest.mark.parametrize("times", [{"wait": nan}, {"wait": "x"}, {"wait": None}, {"wait": -inf}], ids=str)
@gen_cluster(client=True, nthreads=ONE_WORKER)
async def test_a_wait_that_is_no_number_is_none(
    c: Client, s: Scheduler, a: Worker, times: dict[str, Any]
) -> None:
    trackers = Trackers(s)
    tracker = await opened(trackers)
    reply = await asyncio.wait_for(trackers.read(tracker, "me", wait=0), 5)
    reply = await asyncio.wait_for(trackers.read(tracker, "me", reply["next"], **times), 2)
    assert reply["frames"] == []
    trackers.stop()


@gen_cluster(client=True, nthreads=ONE_WORKER)
async def test_a_pace_that_is_no_number_is_none(c: Client, s: Scheduler, a: Worker) -> None:
    trackers = Trackers(s)
    tracker = await opened(trackers)
    await trackers.keys(tracker, ["unknown"], False)
    for pace in (nan, "x", None):
        reply = await asyncio.wait_for(trackers.read(tracker, "me", 0, wait=4, pace=pace), 2)
        assert reply["frames"]
    trackers.stop()


@gen_cluster(client=True, nthreads=ONE_WORKER)
async def test_groups_that_are_no_list_leave_the_question_open(c: Client, s: Scheduler, a: Worker) -> None:
    futures = c.map(pow, range(3), range(3), key="k")
    await c.gather(futures)
    trackers = Trackers(s)
    tracker = await opened(trackers, group_by="client")
    await trackers.keys(tracker, [future.key for future in futures], True)
    reply = await trackers.read(tracker, "me", wait=4)
    while "ask" not in reply:
        reply = await trackers.read(tracker, "me", reply["next"], wait=4)
    for labels in (5, {"a": 1, "b": 2, "c": 3}, "abc"):
        with pytest.raises(TypeError, match="labels should be a list, got "):
            await trackers.groups(tracker, reply["question"], labels)
    assert len(trackers.by_id[tracker].counting.unlabelled) == 3
    await trackers.groups(tracker, reply["question"], ["x", "x", "y"])
    await until_async(lambda: trackers.by_id[tracker].final, "the end")
    counts = told(await trackers.read(tracker, "me")).counts
    assert {name: by["all"] for name, by in counts.items()} == {"x": 2, "y": 1}
    trackers.stop()
