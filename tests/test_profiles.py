"""The stream `profile` of a scheduler: for those who look without a client."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import pytest
from distributed import Client, Scheduler, Worker
from distributed.utils_test import gen_cluster
from test_scheduler_routes import Asking
from waiting import until_async

from dasklens.scheduler import profiles
from dasklens.scheduler.profiles import Profiles, QuestionError, question_of
from dasklens.scheduler.profiling import Question
from dasklens.wire.frames import unpack_frame

FAST: Any = {
    "distributed.worker.profile.enabled": True,
    "distributed.worker.profile.interval": "2ms",
    "distributed.worker.profile.cycle": "20ms",
    "distributed.scheduler.active-memory-manager.start": False,
}
TWO: Any = [("127.0.0.1", 1), ("127.0.0.1", 1)]


def nap(seconds: float) -> None:
    stop = time.perf_counter() + seconds
    while time.perf_counter() < stop:
        pass


def doze(seconds: float) -> None:
    nap(seconds)


def names_of(reply: dict[str, Any]) -> set[str]:
    """Names of the functions in the tree of a reply."""
    (frame,) = reply["frames"]
    read = unpack_frame(frame)
    return {read.names[i][0] for i in read.cols["function"][1].cast("I")}


def about_of(reply: dict[str, Any]) -> Any:
    (frame,) = reply["frames"]
    read = unpack_frame(frame)
    return read.names[read.cols["about"][1].cast("I")[0]]


def at(reply: dict[str, Any]) -> dict[str, Any]:
    """Where a reader is after a reply."""
    return {"log": reply["log"], "cursor": reply["next"], "names": reply["names"]}


async def ran(c: Client, *functions: Any) -> None:
    """Have tasks of these functions run, long enough to be sampled."""
    await c.gather([c.submit(function, 0.3, pure=False) for function in functions for _ in range(2)])


@gen_cluster(client=True, nthreads=TWO, config=FAST)
async def test_a_reader_without_a_client_gets_the_tree_and_then_waits_for_another(
    c: Client, s: Scheduler, a: Worker, b: Worker
) -> None:
    await ran(c, nap)
    asking = Asking(s)
    async with await asking.connect() as socket:
        first = await socket.read(stream="profile", wait=20)
        while not first["frames"]:
            first = await socket.read(stream="profile", wait=20)
        assert "nap" in names_of(first)
        said = about_of(first)
        assert sorted(said["workers"]) == sorted([a.address, b.address])
        assert (said["kind"], said["missing"], said["threads"]) == ("worker", (), 2)
        # It has all there is.
        again = await socket.read(stream="profile", wait=0, **at(first))
        assert again["frames"] == []
        assert at(again) == at(first)
        # Somebody else has not.
        other = await socket.read(stream="profile", wait=0)
        assert other["frames"] == first["frames"]


@gen_cluster(client=True, nthreads=TWO, config=FAST)
async def test_questions_narrow_it_and_have_trees_of_their_own(
    c: Client, s: Scheduler, a: Worker, b: Worker
) -> None:
    await ran(c, nap, doze)
    async with await Asking(s).connect() as socket:

        async def tree(**question: Any) -> dict[str, Any]:
            asked = {"stream": "profile", "question": json.dumps(question), "wait": 4}
            while not (reply := await socket.read(**asked))["frames"]:
                pass
            return reply

        assert {"nap", "doze"} <= names_of(await tree())
        only = await tree(prefixes=["doze"])
        assert "doze" in names_of(only)
        one = about_of(await tree(workers=[a.address]))
        assert one["asked"]["workers"] == (a.address,)
        assert one["threads"] == 1
        later = await tree(start=time.time() + 1000)
        assert "nap" not in names_of(later)
        assert about_of(await tree(kind="server"))["kind"] == "server"
        assert about_of(await tree(kind="scheduler"))["kind"] == "scheduler"


@gen_cluster(client=True, nthreads=TWO, config=FAST)
async def test_new_samples_bring_a_new_tree_to_who_waits(
    c: Client, s: Scheduler, a: Worker, b: Worker
) -> None:
    read = Profiles(s)
    read_every, profiles.EVERY = profiles.EVERY, 0.05
    part, profiles.PART = profiles.PART, 1.0
    try:
        await ran(c, nap)
        first = await read.read(wait=4)
        while not first["frames"]:
            first = await read.read(wait=4)
        waiting = asyncio.ensure_future(read.read(**at(first), wait=4))
        await ran(c, doze)
        reply = await waiting
        while not reply["frames"] or "doze" not in names_of(reply):
            reply = await read.read(**at(reply), wait=4)
        assert reply["log"] != first["log"]
    finally:
        profiles.EVERY, profiles.PART = read_every, part
        read.close()


@gen_cluster(client=True, nthreads=TWO, config=FAST)
async def test_nothing_is_asked_of_workers_while_nobody_looks(
    c: Client, s: Scheduler, a: Worker, b: Worker
) -> None:
    read = Profiles(s)
    before = profiles.EVERY, profiles.IDLE, profiles.PART
    profiles.EVERY, profiles.IDLE, profiles.PART = 0.02, 0.1, 1.0
    try:
        await read.read(wait=1)
        (asked,) = read._asked.values()
        await until_async(lambda: not asked.running, "nobody is asked any more")
        assert await read.read(wait=0)
        assert asked.running
    finally:
        profiles.EVERY, profiles.IDLE, profiles.PART = before
        read.close()
    await until_async(lambda: not asked.running, "closed")


@gen_cluster(client=True, nthreads=TWO, config=FAST)
async def test_how_many_are_read_at_once_is_bounded_and_said(
    c: Client, s: Scheduler, a: Worker, b: Worker
) -> None:
    async with await Asking(s).connect() as socket:
        for n in range(profiles.MOST_READ):
            question = json.dumps({"prefixes": [f"p{n}"]})
            assert "error" not in await socket.read(stream="profile", question=question, wait=0)
        refused = await socket.read(stream="profile", question=json.dumps({"prefixes": ["more"]}), wait=0)
        assert refused["error"].startswith("8 different profiles are being read already")
        # Those that were asked before go on.
        assert "error" not in await socket.read(stream="profile", question='{"prefixes": ["p0"]}', wait=0)


@gen_cluster(client=True, nthreads=TWO[:1])
async def test_other_streams_take_no_question(c: Client, s: Scheduler, a: Worker) -> None:
    async with await Asking(s).connect() as socket:
        refused = await socket.read(stream="tasks", question="{}")
        assert refused["error"] == "The stream tasks takes no question, only profile and details do."
        refused = await socket.read(stream="profile", question=7)
        assert refused["error"].startswith("question should be a text of JSON, got 7")
        refused = await socket.read(stream="profile", question="[")
        assert refused["error"] == "A question should be a JSON object, got something else."


def test_what_questions_mean() -> None:
    assert question_of("") == Question()
    asked = {"kind": "server", "prefixes": ["a"], "workers": ["w"], "start": 1, "stop": 2.5}
    assert question_of(json.dumps(asked)) == Question(
        keys=("a",), workers=("w",), start=1.0, stop=2.5, server=True
    )
    assert question_of('{"kind": "scheduler"}').scheduler
    # Two halves of a pair are one character.
    assert question_of(json.dumps({"prefixes": ["🔍"]})).keys == ("🔍",)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("[]", "should be a JSON object"),
        ("{" * 3000, "should be a JSON object"),
        ("x" * 4001, "at most 4,000 letters, got 4,001"),
        ('{"kind": "<b>"}', "kind should be one of worker, server, scheduler, got '<b>'"),
        ('{"kind": {}}', "kind should be one of"),
        ('{"prefixes": "a"}', "prefixes should be a list of texts"),
        ('{"workers": [1]}', "workers should be a list of texts"),
        (json.dumps({"workers": ["w"] * 201}), "workers should be at most 200, got 201"),
        ('{"start": "now"}', "start should be seconds since the epoch"),
        ('{"stop": NaN}', "stop should be seconds since the epoch"),
        ('{"stop": true}', "stop should be seconds since the epoch"),
        (json.dumps({"start": 10**400}), "start should be seconds since the epoch"),
        (json.dumps({"prefixes": ["a", "\ud800"]}), r"prefixes should be texts in Unicode, got '\ud800'."),
        (json.dumps({"workers": ["x" * 99 + "\udfff"]}), "workers should be texts in Unicode, got 'xxx"),
    ],
)
def test_bad_questions_are_refused_with_a_sentence(said: str, why: str) -> None:
    with pytest.raises(QuestionError) as raised:
        question_of(said)
    assert why in str(raised.value)
