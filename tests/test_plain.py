"""A scheduler without dasklens: its events as frames, what is missing said, nothing asked that costs much."""

from __future__ import annotations

import asyncio
import json
import signal
import string
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import dask
import pytest
from dask.utils import key_split
from distributed import Client, Scheduler, Worker
from distributed.utils import key_split_group
from hypothesis import example, given
from hypothesis import strategies as st
from registries import only
from streams import PLAIN, Reader, scheduled
from test_upstream import LOG, Looking
from waiting import until_async

from dasklens.scheduler.recorder import ensure_recorder
from dasklens.server import plain as plain_module
from dasklens.server.plain import PlainLog, PlainLogs, group_of, prefix_of
from dasklens.server.reading import Place
from dasklens.server.registry import Entry, Registry
from dasklens.server.stream import Streams

# -- names -----------------------------------------------------------------------------------------

WORDS = st.sampled_from(
    [
        "x",
        "sum",
        "read-csv",
        "abcdefab",
        "computed",
        "aggregate",
        "é",
        "1",
        "9a1689536a934d67341eac3b9682a85a",
    ]
)
TEXTS = st.text(string.ascii_letters[:8] + string.digits + "-_()'\",<>. é", max_size=12)
KEYS = st.one_of(
    st.lists(st.one_of(WORDS, TEXTS), min_size=1, max_size=4).map("-".join),
    st.lists(st.one_of(WORDS, TEXTS), min_size=1, max_size=2).map(lambda w: f"('{'-'.join(w)}', 1, 2)"),
    st.text(max_size=40),
)


@given(KEYS)
@example("x")
@example("x-1-2-3")
@example("('x-2', 1)")
@example("hello-world-1")
@example("ae05086432ca935f6eba409a8ecd4896")
@example("<module.submodule.myclass object at 0xdaf372")
@example("x-abcdefab")
@example("x-computed")
@example("_(x)")
@example("-")
@example("<")
@example("<>")
@example("()")
def test_groups_and_prefixes_are_the_schedulers(key: str) -> None:
    assert prefix_of(key) == key_split(key)
    assert prefix_of((key, 1)) == key_split((key, 1))
    assert group_of((key, 1)) == key_split_group((key, 1))
    try:
        theirs = key_split_group(key)
    except IndexError:
        return  # no scheduler takes such a key
    assert group_of(key) == theirs


@pytest.mark.parametrize("key", [1, 1.5, None, ("x-1", 2, 3), (("nested", 1), 2)])
def test_groups_of_keys_that_are_no_text(key: Any) -> None:
    assert prefix_of(key) == key_split(key)
    assert group_of(key) == key_split_group(key)


def test_keys_that_no_scheduler_has_are_named_all_the_same() -> None:
    for key in ((), "", [], {}):
        assert prefix_of(key) == "Other"
        assert group_of(key) == "Other"


# -- events ----------------------------------------------------------------------------------------


def event(**more: Any) -> dict[str, Any]:
    spans = [{"action": "transfer", "start": 1e9, "stop": 1e9 + 1, "source": "tcp://a:1"}]
    spans.append({"action": "compute", "start": 1e9 + 1, "stop": 1e9 + 3})
    said = {
        "name": "transition",
        "key": ["sum-1", 2],
        "color": "red",
        "stimulus_id": "task-finished-1000000003.5",
        "worker": "tcp://b:2",
        "thread": 7,
        "nbytes": 28,
        "typename": "int",
        "metadata": {},
        "status": "OK",
        "startstops": spans,
    }
    return {**said, **more}


def held(log: PlainLog) -> list[dict[str, Any]]:
    reader = Reader()
    for frame in log.tasks.frames(0)["frames"]:
        reader.take(frame)
    return reader.table.records()


def test_a_task_is_one_record_however_many_events_tell_of_it() -> None:
    log = PlainLog()
    for n, span in enumerate(event()["startstops"]):
        assert log.take(event(**span)) == (n == 0)
    # Computed again.
    assert log.take(event(stimulus_id="task-finished-1000000009.5"))
    first, again = held(log)
    assert first["key"] == again["key"] == ("sum-1", 2)
    assert [span["action"] for span in first["startstops"]] == ["transfer", "compute"]
    assert first["startstops"][0]["source"] == "tcp://a:1"
    assert (first["worker"], first["thread"], first["nbytes"]) == ("tcp://b:2", 7, 28)
    assert (first["status"], first["typename"]) == ("OK", "int")


@pytest.mark.parametrize(
    "odd",
    [
        {"key": None},
        {"key": {"a": ["b"]}},
        {"key": [[["deep"]], 1]},
        {"key": ""},
        {"key": []},
        {"key": "<>"},
        {"startstops": "many"},
        {"startstops": [1]},
        {"startstops": [{"action": "compute"}]},
        {"worker": ["a"]},
        {"thread": {}},
        {"nbytes": "x"},
        {"typename": [1]},
        {"metadata": [1, {}]},
        {"stimulus_id": ["x"]},
        {"status": "error"},
    ],
)
def test_odd_events_are_counted_and_stop_nothing(odd: dict[str, Any]) -> None:
    log = PlainLog()
    assert log.take(event(**odd))
    assert log.take(event(stimulus_id="task-finished-5"))
    assert len(held(log)) == 2
    without = event()
    del without["key"]
    assert log.take(without)
    assert held(log)[-1]["key"] == "(unknown)"


# -- logs that are kept ----------------------------------------------------------------------------


async def test_logs_are_kept_for_a_while_and_not_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    logs = PlainLogs()
    entries = [Entry(str(n), "typed", scheduler_id="s") for n in range(8)]
    first = logs.open(entries[0])
    assert logs.open(entries[0]) is first
    logs.left(first)
    assert logs.open(entries[0]) is first, "a page that was loaded again"
    for one in entries[1:]:
        logs.left(logs.open(one))
    assert logs.open(entries[0]) is first, "it is looked at"
    assert len(logs._logs) == 1 + plain_module.MOST_KEPT
    assert ("7", "s") in logs._logs
    # Another scheduler at the same place is another.
    assert logs.open(Entry("0", "typed", scheduler_id="other")) is not first
    logs.close()
    assert logs._timer is not None
    assert logs._timer.cancelled()
    monkeypatch.setattr(plain_module, "KEEP_FOR", 0.05)
    logs = PlainLogs()
    looked_at, *others = (logs.open(one) for one in entries[:3])
    for log in others:
        logs.left(log)
    await until_async(lambda: len(logs._logs) == 1, "the others to be forgotten")
    assert logs.open(entries[0]) is looked_at
    await until_async(lambda: logs._timer is None, "no timer")


async def test_the_registry_knows_why_one_that_records_cannot_be_read() -> None:
    odd = Entry("0", "typed", scheduler_id="s", reason="It records, but.", remedy="Connect a client.")
    lacks = plain_module.Plain(odd, PlainLogs(), print).lacks
    assert lacks.startswith("It records, but. Shown is what succeeded since ")
    assert lacks.endswith(". Connect a client.")


# -- a real scheduler ------------------------------------------------------------------------------


class Plain:
    """A scheduler on this loop that does not record, its worker and a client."""

    def __init__(self, scheduler: Scheduler, client: Client):
        self.scheduler = scheduler
        self.client = client
        self.asked: list[str] = []
        application: Any = scheduler.http_application
        application.settings["log_function"] = lambda handler: self.asked.append(handler.request.path)

    async def run(self, *keys: Any, fail: bool = False) -> None:
        work, argument = (int, "x") if fail else (abs, -1)
        futures = [self.client.submit(work, argument, key=key) for key in keys]
        await self.client.gather(futures, errors="skip")

    @property
    def listened_to(self) -> bool:
        return "websocket" in self.scheduler.plugins


@asynccontextmanager
async def plain() -> AsyncIterator[Plain]:
    with dask.config.set({"dasklens.record": False}):
        async with (
            Scheduler(
                host="127.0.0.1", port=0, dashboard=False, dashboard_address="127.0.0.1:0"
            ) as scheduler,
            Worker(scheduler.address, nthreads=1),
            Worker(scheduler.address, nthreads=1),
            Client(scheduler.address, asynchronous=True) as client,
        ):
            yield Plain(scheduler, client)


@pytest.fixture
async def scheduler(registry: Registry) -> AsyncIterator[Plain]:
    async with plain() as found:
        yield found


@pytest.fixture
async def streams(registry: Registry) -> AsyncIterator[Streams]:
    await registry.start()
    streams = Streams(registry, LOG)
    yield streams
    await streams.close()


@pytest.fixture
async def id(scheduler: Plain, registry: Registry, streams: Streams) -> str:
    await until_async(lambda: bool(registry.entries), "the announcement")
    await registry.scan()
    return only(registry).id


async def test_its_tasks_come_as_frames(scheduler: Plain, streams: Streams, id: str) -> None:
    await scheduler.run("before anybody looked")
    page = Looking(streams, id)
    page.read()
    await page.until("live")
    assert scheduler.listened_to
    begin = time.time()
    await scheduler.run("now", ("sum-9a16", 0, 1))
    await page.until_key(("sum-9a16", 0, 1))
    assert page.keys == ["now", ("sum-9a16", 0, 1)]
    now, _ = page.table.records()
    assert (now["status"], now["nbytes"], now["typename"]) == ("OK", 28, "int")
    assert [span["action"] for span in now["startstops"]] == ["compute"]
    assert begin - 1 < now["startstops"][0]["start"] < time.time()
    assert now["worker"] in scheduler.scheduler.workers
    page.viewer.close()
    await until_async(lambda: not scheduler.listened_to, "the end", 2)


async def test_what_is_not_shown_is_said_and_how_to_have_it(
    scheduler: Plain, streams: Streams, id: str
) -> None:
    begin = time.time()
    page = Looking(streams, id)
    page.read()
    await page.until("live")
    await scheduler.run("wrong", fail=True)
    await scheduler.run("right")
    await page.until_key("right")
    assert page.keys == ["right"], "upstream does not tell of tasks that failed"
    hello = page.last("hello")
    assert hello["recorded"] is False
    assert hello["scheduler"] is None
    assert hello["gaps"] == []
    assert begin <= hello["since"] <= time.time()
    reason = page.last("state")["reason"]
    assert reason.startswith("This scheduler records nothing for dasklens. Shown is what succeeded since ")
    assert "dasklens.TaskStream(client)" in reason
    assert "failed tasks too" in reason
    page.viewer.close()
    counts = Looking(streams, id, "counts")
    counts.read()
    await counts.until("lost")
    assert "So there is no 'counts'" in counts.last("state")["reason"]
    counts.viewer.close()


async def test_a_transfer_and_the_work_are_one_record(scheduler: Plain, streams: Streams, id: str) -> None:
    page = Looking(streams, id)
    page.read()
    await page.until("live")
    a, b = scheduler.scheduler.workers
    there = scheduler.client.submit(abs, -1, key="there", workers=[a])
    here = scheduler.client.submit(lambda x: x, there, key="here", workers=[b])
    await here
    await page.until_key("here")
    assert page.keys == ["there", "here"]
    actions = [span["action"] for span in page.table.records()[1]["startstops"]]
    assert "transfer" in actions
    assert "compute" in actions
    page.viewer.close()


async def test_a_page_that_is_loaded_again_has_what_was_seen_and_is_told_of_the_gap(
    scheduler: Plain, streams: Streams, id: str
) -> None:
    page = Looking(streams, id)
    page.read()
    await page.until("live")
    await scheduler.run("seen")
    await page.until_key("seen")
    at, since = page.place, page.last("hello")["since"]
    page.viewer.close()
    await until_async(lambda: not scheduler.listened_to, "the end", 2)
    await scheduler.run("unseen")
    again, other = Looking(streams, id), Looking(streams, id)
    again.place = at
    again.read()
    other.read()
    await until_async(lambda: {again.phase, other.phase} == {"live"}, "both")
    await scheduler.run("seen again")
    await other.until_key("seen again")
    await again.until_key("seen again")
    assert other.keys == ["seen", "seen again"]
    assert again.keys == ["seen again"], "it had the first one already"
    hello = other.last("hello")
    assert hello["since"] == since
    ((begin, end),) = hello["gaps"]
    assert since < begin <= end <= time.time()
    assert ", but for " in other.last("state")["reason"]
    assert "when nobody looked" in other.last("state")["reason"]
    for each in (again, other):
        each.viewer.close()


async def test_ten_pages_are_one_listener(scheduler: Plain, streams: Streams, id: str) -> None:
    pages = [Looking(streams, id) for _ in range(10)]
    for page in pages:
        page.read()
    await until_async(lambda: all(page.phase == "live" for page in pages), "them to be live")
    keys = [f"k-{n}" for n in range(50)]
    await scheduler.run(*keys)
    for page in pages:
        await until_async(lambda page=page: len(page.keys) == 50, "all tasks")  # type: ignore[misc]
    assert all(page.frames == pages[0].frames for page in pages)
    for page in pages:
        page.viewer.close()
    await until_async(lambda: not scheduler.listened_to, "the end", 2)
    assert not any("counts" in path for path in scheduler.asked), scheduler.asked
    assert sum("eventstream" in path for path in scheduler.asked) == 1


async def test_rewinding_at_any_time_loses_nothing(scheduler: Plain, streams: Streams, id: str) -> None:
    page = Looking(streams, id)
    page.read()
    await page.until("live")
    for i in range(30):
        await scheduler.run(*(f"{i}-{j}" for j in range(5)))
        page.read(cursor=max(0, page.place["cursor"] - i % 7), names=0)
    await until_async(lambda: len(page.records) == 150, "all of them")
    assert page.missed == 0
    page.viewer.close()


async def test_when_it_begins_to_record_that_is_read(
    scheduler: Plain, streams: Streams, id: str, place: Path
) -> None:
    page = Looking(streams, id)
    page.read()
    await page.until("live")
    await scheduler.run("plain")
    await page.until_key("plain")
    with dask.config.set({"dasklens.record": True}):
        recorder = ensure_recorder(scheduler.scheduler)
    assert recorder is not None
    # As a kernel does that attaches.
    (announced,) = place.glob("*.json")
    said = json.loads(announced.read_bytes())
    announced.write_bytes(json.dumps({**said, "token": recorder.token, "dasklens": "1"}).encode())
    await until_async(lambda: page.last("hello")["recorded"] is True, "the recorder")
    await page.until("live")
    assert page.last("state")["reason"] == ""
    await scheduler.run("recorded")
    await scheduler.run("wrong", fail=True)
    await page.until_key("wrong")
    assert page.keys == ["recorded", "wrong"]
    assert recorder.readers == 1
    assert not scheduler.listened_to
    page.viewer.close()


async def test_a_lost_connection_leaves_a_gap_that_is_told(
    scheduler: Plain, streams: Streams, id: str
) -> None:
    page = Looking(streams, id)
    page.read()
    await page.until("live")
    await scheduler.run("before")
    await page.until_key("before")
    scheduler.scheduler.plugins["websocket"].socket.ws_connection.stream.close()  # type: ignore[attr-defined]
    await until_async(lambda: page.phases[-2:] == ["lost", "live"], "the loss and the return")
    await scheduler.run("after")
    await page.until_key("after")
    assert page.keys == ["before", "after"]
    assert len(page.last("hello")["gaps"]) == 1
    assert "or the connection was lost" in page.last("state")["reason"]
    page.viewer.close()


async def test_a_suspended_scheduler_is_lost_and_then_nothing_was_missed(
    registry: Registry, runtime: Path, streams: Streams, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plain_module, "ASK_EVERY", 0.05)
    with scheduled(runtime, env=PLAIN) as scheduler:
        await until_async(lambda: bool(registry.entries), "the announcement")
        await registry.scan()
        page = Looking(streams, only(registry).id)
        page.read()
        await page.until("live")
        await asyncio.to_thread(scheduler.run, "before")
        scheduler.signal(signal.SIGSTOP)
        await page.until("lost", 3)
        state = page.last("state")
        assert state["reason"] == "The scheduler does not answer."
        assert state["retry_at"] is None
        scheduler.signal(signal.SIGCONT)
        await page.until("live", 3)
        await asyncio.to_thread(scheduler.run, "after")
        await page.until_key("after")
        assert page.keys == ["before", "after"]
        assert page.last("hello")["gaps"] == []
        # For good.
        monkeypatch.setattr(plain_module, "GIVEN_UP", 15)
        scheduler.signal(signal.SIGSTOP)
        await until_async(lambda: page.last("state")["retry_at"] is not None, "it to be given up", 10)
        scheduler.process.kill()
        await until_async(lambda: "Nothing listens" in page.last("state")["reason"], "the reason", 15)
        page.viewer.close()


async def test_events_that_are_none_are_passed_over(scheduler: Plain, streams: Streams, id: str) -> None:
    page = Looking(streams, id)
    page.read()
    await page.until("live")
    handler = scheduler.scheduler.plugins["websocket"].socket  # type: ignore[attr-defined]
    for odd in ("", "[]", "1", "{", "null", "[" * 100_000, '{"name": ["transition"]}', b"binary"):
        handler.write_message(odd, binary=isinstance(odd, bytes))
    await scheduler.run("right")
    await page.until_key("right")
    assert page.keys == ["right"]
    page.viewer.close()


async def test_a_cursor_from_nowhere_is_answered_from_the_beginning(
    scheduler: Plain, streams: Streams, id: str
) -> None:
    page = Looking(streams, id)
    page.read()
    await page.until("live")
    await scheduler.run("a")
    await page.until_key("a")
    for place in ({"cursor": 10**6}, {"log": "another", "cursor": 1}, {"cursor": 0, "names": 0}):
        other = Looking(streams, id)
        other.viewer.read(Place(**{**page.place, **place}))
        await other.until_key("a")
        other.viewer.close()
    page.viewer.close()
