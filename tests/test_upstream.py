"""One connection to a real scheduler for all who look: made, kept up, shared, and gone without a trace."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import dask
import pytest
from backends import TOKEN, Toy, announcement, folder_of, write
from certificates import self_signed
from distributed import Scheduler
from registries import only
from streams import Reader, tasks
from waiting import until_async

from dasklens.scheduler.recorder import Recorder
from dasklens.server import recorded as recorded_module
from dasklens.server import upstream as upstream_module
from dasklens.server.reading import Place
from dasklens.server.registry import Registry
from dasklens.server.socket import Socket
from dasklens.server.stream import Streams, Viewer

LOG = logging.getLogger("test.upstream")


class Local:
    """A scheduler on this loop, which finishes tasks when told to."""

    def __init__(self, scheduler: Scheduler):
        self.scheduler = scheduler
        recorder = scheduler.plugins["dasklens"]
        assert isinstance(recorder, Recorder)
        self.recorder = recorder
        self.n = 0
        #: How often it was read, and what it packed.
        self.reads = 0
        self.packed: list[bytes] = []
        read = recorder.streams["tasks"]

        async def counted(**more: Any) -> Any:
            self.reads += 1
            reply = await read(**more)
            self.packed += reply["frames"]
            return reply

        recorder.streams["tasks"] = counted

    def finish(self, n: int = 1) -> None:
        for key, said in tasks(self.n, n):
            self.scheduler.tasks[key.key] = key
            self.recorder.transition(key.key, "processing", "memory", **said)
            del self.scheduler.tasks[key.key]
        self.n += n

    def cut(self) -> None:
        """Cut every websocket, as when a network fails."""
        for close in list(self.recorder._sockets.values()):
            close.__self__._abort()  # type: ignore[attr-defined]


@asynccontextmanager
async def local(**more: Any) -> AsyncIterator[Local]:
    async with Scheduler(
        host="127.0.0.1", port=0, dashboard=False, dashboard_address="127.0.0.1:0", **more
    ) as scheduler:
        yield Local(scheduler)


@pytest.fixture
async def scheduler(registry: Registry) -> AsyncIterator[Local]:
    """It announces itself below the test's own runtime folder; so it has to come after that."""
    async with local() as found:
        yield found


@pytest.fixture
async def streams(registry: Registry) -> AsyncIterator[Streams]:
    await registry.start()
    streams = Streams(registry, LOG)
    yield streams
    await streams.close()


class Looking(Reader):
    """A page without a socket; `reads` cleared, it takes nothing."""

    def __init__(self, streams: Streams, id: str, stream: str = "tasks"):
        super().__init__()
        self.reads = asyncio.Event()
        self.reads.set()
        self.held = 0
        self.viewer = Viewer(streams.upstream(id), stream, self._write)

    async def _write(self, message: str | bytes) -> None:
        self.held += 1
        await self.reads.wait()
        self.held -= 1
        self.take(message)

    def read(self, **place: Any) -> None:
        self.viewer.read(Place(**{**self.place, **place}))

    async def caught_up(self, scheduler: Local) -> None:
        def is_there() -> bool:
            return self.place["cursor"] == scheduler.n and self.place["log"] == scheduler.recorder.log.ident

        await until_async(is_there, f"all {scheduler.n}, not {self.place}; {self.last('state')}")


async def known(registry: Registry) -> str:
    await until_async(lambda: bool(registry.entries), "the announcement")
    await registry.scan()
    return only(registry).id


def running() -> Counter[str]:
    return Counter(task.get_coro().__qualname__ for task in asyncio.all_tasks())  # type: ignore[union-attr]


def fds() -> int:
    return len(os.listdir("/proc/self/fd"))


@pytest.fixture
async def id(scheduler: Local, registry: Registry, streams: Streams) -> str:
    return await known(registry)


async def test_pages_are_sent_the_very_bytes(scheduler: Local, streams: Streams, id: str) -> None:
    scheduler.finish(20_000)
    page = Looking(streams, id)
    page.read()
    await page.caught_up(scheduler)
    scheduler.finish(10)
    await page.caught_up(scheduler)
    assert page.frames == scheduler.packed
    assert len(page.frames) > 3
    assert page.missed == 0
    page.viewer.close()


async def test_ten_pages_cost_the_recorder_as_much_as_one(
    scheduler: Local, streams: Streams, id: str
) -> None:
    reads = []
    for n in (1, 10):
        pages = [Looking(streams, id) for _ in range(n)]
        for page in pages:
            page.place = {"log": scheduler.recorder.log.ident, "cursor": scheduler.n, "names": 0}
            page.read()
        await until_async(lambda: all(p.phase == "live" for p in pages), "them to be live")  # noqa: B023
        before = scheduler.reads
        for _ in range(10):
            scheduler.finish(3)
            for page in pages:
                await page.caught_up(scheduler)
        assert scheduler.recorder.readers == 1
        reads.append(scheduler.reads - before)
        for page in pages:
            page.viewer.close()
        await until_async(lambda: scheduler.recorder.readers == 0, "nobody to look", 2)
    assert reads[1] <= reads[0] + 2


async def test_it_is_open_only_while_somebody_looks(scheduler: Local, streams: Streams, id: str) -> None:
    one, other = Looking(streams, id), Looking(streams, id)
    assert one.texts == []
    await until_async(lambda: one.last("hello") != {}, "its hello")
    assert one.last("hello")["scheduler"] is None
    assert scheduler.recorder.readers == 0
    one.read()
    other.read()
    await until_async(lambda: {one.phase, other.phase} == {"live"}, "both")
    assert one.last("hello")["scheduler"]["protocol"] == 1
    assert one.last("hello")["recorded"] is True
    one.viewer.pause()
    scheduler.finish()
    await other.caught_up(scheduler)
    assert scheduler.recorder.readers == 1
    assert one.frames == []
    other.viewer.pause()
    await until_async(lambda: scheduler.recorder.readers == 0, "the pause", 2)
    scheduler.finish()
    one.read()
    await one.caught_up(scheduler)
    assert one.phases == ["connecting", "live", "connecting", "live"]
    one.viewer.close()
    other.viewer.close()
    await until_async(lambda: scheduler.recorder.readers == 0, "the end", 2)


async def test_nothing_is_left_behind(scheduler: Local, streams: Streams, id: str) -> None:
    async def look() -> None:
        pages = [Looking(streams, id) for _ in range(5)]
        for page in pages:
            page.read()
        scheduler.finish(10)
        for page in pages:
            await page.caught_up(scheduler)
        scheduler.cut()
        scheduler.finish(10)
        for page in pages:
            await page.caught_up(scheduler)
            page.viewer.close()
        await until_async(lambda: not streams.upstream(id).running, "it to be closed")
        await until_async(lambda: scheduler.recorder.readers == 0, "the recorder to forget it")

    await look()
    gc.collect()
    tasks, open_ = running(), fds()
    for _ in range(5):
        await look()

    await until_async(lambda: fds() <= open_ and running() <= tasks, f"no more than {open_} files, {tasks}")


async def test_a_cut_connection_is_made_again_and_nothing_is_missed(
    scheduler: Local, streams: Streams, id: str
) -> None:
    page = Looking(streams, id)
    page.read()
    for _ in range(3):
        scheduler.finish(5)
        await page.caught_up(scheduler)
        scheduler.cut()
        scheduler.finish(5)
        await page.caught_up(scheduler)
    assert page.missed == 0
    assert page.phases == ["connecting", "live", *["lost", "live"] * 3]
    lost = next(text for text in page.texts if text.get("phase") == "lost")
    assert lost["reason"] == "The connection to the scheduler was lost."
    assert lost["since"] < lost["retry_at"] <= lost["since"] + 0.6
    page.viewer.close()


async def test_rewinding_at_any_time_loses_nothing(
    scheduler: Local, streams: Streams, id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upstream_module, "RETRY_FIRST", 0.01)
    monkeypatch.setattr(upstream_module, "GRACE", 0.01)
    rng = random.Random(1)
    page, other = Looking(streams, id), Looking(streams, id)
    page.read()
    other.read()
    for i in range(80):
        scheduler.finish(rng.choice((1, 5, 400)))
        cursor = max(0, page.place["cursor"] - rng.choice((0, 1, 7, 5000)))
        page.read(cursor=cursor, names=page.place["names"] if cursor == page.place["cursor"] else 0)
        if i % 10 == 9:
            page.viewer.pause()
            page.read(names=0)
        if i % 20 == 19:
            scheduler.cut()
        await asyncio.sleep(rng.choice((0, 0, 0.001, 0.05)))
    for each in (page, other):
        await each.caught_up(scheduler)
        assert list(each.records) == list(range(scheduler.n))
        assert each.missed == 0
        each.viewer.close()


@pytest.mark.parametrize("place", [(2**53 - 1, 0), (10, 2**53 - 1), (10**9, 10**9)])
async def test_whatever_a_page_asks_for_it_gets_what_there_is(
    scheduler: Local, streams: Streams, id: str, place: tuple[int, int]
) -> None:
    scheduler.finish(20)
    page = Looking(streams, id)
    page.read()
    await page.caught_up(scheduler)
    asked: list[Any] = []
    page.take = asked.append  # type: ignore[method-assign]
    page.read(cursor=place[0], names=place[1])
    scheduler.finish(1)
    await until_async(lambda: any(isinstance(message, bytes) for message in asked), "a frame")
    page.viewer.close()


async def test_a_page_that_does_not_read_holds_one_frame(scheduler: Local, streams: Streams, id: str) -> None:
    page, slow = Looking(streams, id), Looking(streams, id)
    page.read()
    slow.read()
    await until_async(lambda: {page.phase, slow.phase} == {"live"}, "both")
    slow.reads.clear()
    for _ in range(30):
        scheduler.finish(100)
        await page.caught_up(scheduler)
        assert slow.held <= 1
        slow.viewer.pause()
        slow.read()
    assert slow.place["cursor"] < scheduler.n
    slow.reads.set()
    await slow.caught_up(scheduler)
    assert slow.keys == page.keys
    # It was told in few frames what the other got as it came.
    assert len(slow.frames) < len(page.frames) / 4
    page.viewer.close()
    slow.viewer.close()


async def test_a_page_that_reads_too_slowly_is_told_what_it_missed(
    scheduler: Local, streams: Streams, id: str
) -> None:
    scheduler.recorder.log.limit = 1 << 20
    page = Looking(streams, id)
    page.read()
    scheduler.finish(10)
    await page.caught_up(scheduler)
    page.reads.clear()
    for _ in range(10):
        scheduler.finish(8192)
        await until_async(lambda: not scheduler.recorder._pending, "the recorder")
    assert scheduler.recorder.log.first > 20_000
    page.reads.set()
    await page.caught_up(scheduler)
    assert page.missed > 10_000
    assert len(page.records) + page.missed == scheduler.n
    page.viewer.close()


async def test_what_the_scheduler_does_not_have_is_said(scheduler: Local, streams: Streams, id: str) -> None:
    page = Looking(streams, id, "nonsense")
    page.read()
    await page.until("lost")
    state = page.last("state")
    assert "stream should be one of counts, details, groups, moment, profile, " in state["reason"]
    assert state["retry_at"] is None
    await until_async(lambda: scheduler.recorder.readers == 0, "the end", 2)
    # It may ask again, and is told again.
    page.read()
    await until_async(lambda: page.phases == ["connecting", "live", "lost"] * 2, "the same")
    page.viewer.close()


async def test_a_scheduler_that_closes_has_finished_and_the_next_is_another(
    registry: Registry,
    streams: Streams,
) -> None:
    async with local() as scheduler:
        id = await known(registry)
        page = Looking(streams, id)
        page.read()
        scheduler.finish(3)
        await page.caught_up(scheduler)
    await page.until("finished")
    assert page.last("state")["reason"] == "The scheduler has gone."
    assert page.phases == ["connecting", "live", "finished"]
    assert len(page.records) == 3, "the last picture stays"
    assert registry.get(id) is None
    page.viewer.close()
    await until_async(lambda: not streams.upstream(id).running, "the end")


async def test_an_unknown_scheduler_is_finished_until_it_comes(
    registry: Registry,
    runtime: Path,
    streams: Streams,
) -> None:
    page = Looking(streams, "0123456789abcdef")
    page.read()
    await page.until("finished")
    page.viewer.close()
    async with local() as scheduler:
        # As after a restart of Jupyter: the page is back before the announcements are read.
        id = await known(registry)
        announced = next(folder_of(runtime).glob("*.json"))
        said = announced.read_bytes()
        announced.unlink()
        await until_async(lambda: registry.get(id) is None, "it to go")
        page = Looking(streams, id)
        page.read()
        await page.until("finished")
        write(folder_of(runtime), said)
        await page.until("live")
        scheduler.finish()
        await page.caught_up(scheduler)
        page.viewer.close()


async def test_a_dead_scheduler_is_lost_with_a_reason(
    registry: Registry,
    runtime: Path,
    streams: Streams,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(upstream_module, "RETRY_MOST", 1.0)
    async with Toy(token=TOKEN).serve() as toy:
        write(folder_of(runtime), announcement(toy.port, token=TOKEN))
        id = await known(registry)
        page = Looking(streams, id)
        page.read()
        # It proves itself, but there is no stream to be had.
        await page.until("lost")
        assert "lets no websocket through: it answers 404." in page.last("state")["reason"]
    await until_async(lambda: "Nothing listens" in page.last("state")["reason"], "the other reason")
    states = [text for text in page.texts if text.get("phase") == "lost"]
    assert len({state["since"] for state in states}) == 1, "it is lost since the beginning"
    assert all(state["retry_at"] is not None for state in states)
    page.viewer.close()


async def test_versions_that_do_not_fit_are_named(
    scheduler: Local, streams: Streams, id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorded_module, "PROTOCOL", 9)
    page = Looking(streams, id)
    page.read()
    await page.until("lost")
    reason = page.last("state")["reason"]
    assert "(protocol 1)" in reason
    assert "(protocol 9)" in reason
    assert "Upgrade the older one" in reason
    assert page.frames == []
    page.viewer.close()


async def test_a_wrong_token_opens_nothing(
    scheduler: Local,
    streams: Streams,
    id: str,
    registry: Registry,
) -> None:
    only(registry).token = "0" * 64
    page = Looking(streams, id)
    page.read()
    await page.until("live")  # the registry proves it again, with the token that was announced
    page.viewer.close()
    scheduler.recorder.token = "0" * 64
    page = Looking(streams, id)
    page.read()
    await page.until("lost")
    await until_async(lambda: "does not prove to be it" in page.last("state")["reason"], "the reason")
    page.viewer.close()


async def test_a_reader_that_gives_no_answer_is_lost(
    scheduler: Local, streams: Streams, id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorded_module, "TIMEOUT", 0.3)
    monkeypatch.setattr("dasklens.server.reading.WAIT", 0.1)
    page = Looking(streams, id)
    page.read()
    scheduler.finish()
    await page.caught_up(scheduler)
    counted = scheduler.recorder.streams["tasks"]
    hung = asyncio.Event()

    async def never(**more: Any) -> Any:
        hung.set()
        await asyncio.Event().wait()

    scheduler.recorder.streams["tasks"] = never
    await asyncio.wait_for(hung.wait(), 5)
    await page.until("lost", 2)
    assert page.last("state")["reason"] == "The scheduler does not answer."
    scheduler.recorder.streams["tasks"] = counted
    scheduler.finish()
    await page.caught_up(scheduler)
    assert page.missed == 0
    page.viewer.close()


@pytest.mark.parametrize("recorded", [True, False])
async def test_over_tls_and_below_a_prefix(registry: Registry, streams: Streams, recorded: bool) -> None:
    certificate, key = self_signed()
    tls = "distributed.scheduler.dashboard.tls"
    settings = {f"{tls}.cert": certificate, f"{tls}.key": key, "dasklens.record": recorded}
    with dask.config.set(settings):
        async with Scheduler(
            host="127.0.0.1",
            port=0,
            dashboard=False,
            dashboard_address="127.0.0.1:0",
            http_prefix="/behind/proxy",
        ) as scheduler:
            id = await known(registry)
            page = Looking(streams, id)
            page.read()
            await page.until("live")
            target = only(registry).target
            assert target is not None
            assert (target.scheme, target.tls) == ("https", "self-signed")
            assert target.prefix.startswith("/behind/proxy")
            assert page.last("hello")["recorded"] is recorded
            if recorded:
                here = Local(scheduler)
                here.finish(3)
                await page.caught_up(here)
            else:
                assert "websocket" in scheduler.plugins
            page.viewer.close()


async def test_a_connection_that_closes_is_not_overtaken_by_the_next(
    scheduler: Local, streams: Streams, id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the order in which pages come and go, there is one connection at most."""
    close = Socket.close

    async def slowly(socket: Socket) -> None:
        await asyncio.sleep(0.02)
        await close(socket)

    monkeypatch.setattr(Socket, "close", slowly)
    rng = random.Random(3)
    pages = [Looking(streams, id) for _ in range(4)]
    most = 0
    for _ in range(150):
        page = rng.choice(pages)
        if rng.random() < 0.5:
            page.read()
        else:
            page.viewer.pause()
        for _ in range(rng.choice((0, 1, 3, 20))):
            await asyncio.sleep(0.001)
            most = max(most, scheduler.recorder.readers)
    pages[0].read()
    scheduler.finish()
    await pages[0].caught_up(scheduler)
    assert most == 1
    for page in pages:
        page.viewer.close()
    await until_async(lambda: not streams.upstream(id).running, "the end")
    await until_async(lambda: scheduler.recorder.readers == 0, "the recorder", 2)


async def test_a_connection_that_swallows_its_end_is_closed(
    scheduler: Local, streams: Streams, id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `asyncio.wait_for` may until Python 3.12, while somebody else has come."""
    connect, connecting, ended = recorded_module.Recorded.open, asyncio.Event(), asyncio.Event()

    async def swallowing(*args: Any) -> Any:
        opening = asyncio.ensure_future(connect(*args))
        connecting.set()
        try:
            await ended.wait()
        except asyncio.CancelledError:
            ended.set()
        return await opening

    monkeypatch.setattr(recorded_module.Recorded, "open", swallowing)
    one, other = Looking(streams, id), Looking(streams, id)
    one.read()
    await connecting.wait()
    one.viewer.close()
    other.read()
    scheduler.finish()
    await other.caught_up(scheduler)
    assert ended.is_set()
    assert scheduler.recorder.readers == 1
    other.viewer.close()
    await until_async(lambda: not streams.upstream(id).running, "the end")
    await until_async(lambda: scheduler.recorder.readers == 0, "the recorder", 2)


async def test_an_open_connection_spares_the_scheduler_the_probes(
    scheduler: Local, registry: Registry, streams: Streams, id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = probes = 0
    read, find = registry._read, registry._finder.find

    async def reading() -> None:
        nonlocal looks
        looks += 1
        await read()

    async def finding(*args: Any) -> Any:
        nonlocal probes
        probes += 1
        return await find(*args)

    monkeypatch.setattr(registry, "_read", reading)
    monkeypatch.setattr(registry._finder, "find", finding)
    # As JupyterLab's panel, for as long as it is open.
    unsubscribe = registry.subscribe(lambda event, entry: None, looking=True)
    page = Looking(streams, id)
    page.read()
    await until_async(lambda: page.phase == "live", "the connection")
    looks = probes = 0
    await until_async(lambda: looks >= 30, "30 looks")
    # One in ten looks, and one that was under way.
    assert probes <= 30 / 10 + 2
    scheduler.cut()
    await until_async(lambda: page.phases.count("live") == 2, "it to be there again")
    page.viewer.close()
    await until_async(lambda: scheduler.recorder.readers == 0, "nobody to look", 2)
    looks = probes = 0
    await until_async(lambda: looks >= 10, "10 looks")
    assert probes >= 8
    unsubscribe()
