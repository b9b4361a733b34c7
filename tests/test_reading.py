"""Reads that are shared: what a source is asked, and that each reader gets everything."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest
from streams import GROUP, Group, Reader, tasks
from waiting import until_async

from dasklens.scheduler.log import TaskLog
from dasklens.server import reading as reading_module
from dasklens.server.reading import Lost, Place, Reading, Replies, Reply, Unreadable


class Source:
    """A log that is asked as a recorder is, and remembers what it was asked."""

    recorded, lacks, trouble, said = True, "", "", {}

    def __init__(self, ident: str = "log", limit: int = 1 << 30, max_bytes: int = 1 << 20):
        self.log = TaskLog(ident, limit, lambda worker: worker, lambda span: [])
        self.max_bytes = max_bytes
        self.asked: list[tuple[Place, int | None, float]] = []
        self.lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.news = asyncio.Event()
        #: Cleared, it answers nobody.
        self.answers = asyncio.Event()
        self.answers.set()
        self.waiting = 0

    def add(self, n: int = 1, group: Group = GROUP) -> None:
        self.log.extend(tasks(self.log.next, n, group))
        self.news.set()
        self.news = asyncio.Event()

    async def ask(self, stream: str, place: Place, until: int | None, wait: float) -> Reply:
        if stream != "tasks":
            raise Unreadable(f"no {stream}")
        self.asked.append((place, until, wait))
        self.waiting += 1
        try:
            return await self._ask(place, until, wait)
        finally:
            self.waiting -= 1

    async def _ask(self, place: Place, until: int | None, wait: float) -> Reply:
        await self._or_lost(self.answers.wait())
        log = self.log
        if place.log != log.ident or place.cursor > log.next:
            place, until = Place(log.ident), None
        if log.next <= place.cursor and wait:
            await self._or_lost(self.news.wait())
        found = log.frames(place.cursor, place.names, self.max_bytes, until)
        return Reply(Place(log.ident, found["next"], found["names"]), log.next, tuple(found["frames"]))

    async def _or_lost(self, waiting: Any) -> None:
        task = asyncio.ensure_future(waiting)
        await asyncio.wait([task, self.lost], timeout=5, return_when=asyncio.FIRST_COMPLETED)
        task.cancel()
        if self.lost.done():
            raise Lost(self.lost.result())

    async def close(self) -> None:
        if not self.lost.done():
            self.lost.set_result("closed")


class Follower(Reader):
    """Reads on and on."""

    def __init__(self, reading: Reading, place: Place | None = None):
        super().__init__()
        self.at = place or Place()
        if place is not None:
            self.place = place._asdict()
        self.reading = reading
        self.task = asyncio.ensure_future(self._run())

    async def _run(self) -> None:
        while True:
            reply = await self.reading.read("tasks", self.at)
            for frame in reply.frames:
                self.take(frame)
                await asyncio.sleep(0)
            self.at = reply.place

    async def stop(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


@pytest.fixture
async def source() -> Source:
    return Source()


@pytest.fixture
def reading(source: Source) -> Reading:
    return Reading(source, Replies())


async def caught_up(source: Source, *followers: Follower) -> None:
    await until_async(
        lambda: all(f.task.done() or f.at[:2] == (source.log.ident, source.log.next) for f in followers),
        "all to catch up",
    )
    for follower in followers:
        assert not follower.task.done(), follower.task.exception()


async def test_ten_at_the_edge_are_one_question(source: Source, reading: Reading) -> None:
    source.add(5)
    ten = [Follower(reading) for _ in range(10)]
    await caught_up(source, *ten)
    for _ in range(20):
        source.add()
        await caught_up(source, *ten)
    # One for the beginning, and one for each piece of news and the next.
    assert len(source.asked) == 22
    await until_async(lambda: source.waiting == 1, "the one long poll")
    assert all(f.keys == [("g", i) for i in range(25)] for f in ten)
    frames = {id(frame) for f in ten for frame in f.frames}
    assert len(frames) == 21, "frames are packed once"
    for f in ten:
        await f.stop()


async def test_who_comes_late_reads_up_to_the_edge_and_joins_it(source: Source, reading: Reading) -> None:
    source.add(100)
    first = Follower(reading)
    await caught_up(source, first)
    await until_async(lambda: source.waiting == 1, "the long poll")
    del source.asked[:]
    late = [Follower(reading) for _ in range(5)]
    await caught_up(source, *late)
    # The same piece of history is asked for once, and no further than the edge.
    assert source.asked == [(Place("log"), 100, 0)]
    assert source.waiting == 1
    source.add()
    await caught_up(source, first, *late)
    assert len(source.asked) == 2
    assert late[0].keys == first.keys


async def test_whoever_lacks_names_of_the_edge_is_told_them(source: Source, reading: Reading) -> None:
    source.add(3)
    first = Follower(reading)
    await caught_up(source, first)
    # A page that knows where it is and no names.
    lacking = Follower(reading, Place("log", 3, 0))
    await until_async(lambda: len(source.asked) == 3, "its question")
    assert source.asked[-1] == (Place("log", 3, 0), None, 0)
    await asyncio.sleep(0.05)
    assert len(source.asked) == 3, "it waits with the others"
    source.add()
    await caught_up(source, first, lacking)
    assert lacking.keys == [("g", 3)]
    source.add()
    await caught_up(source, first, lacking)
    assert source.waiting == 1


async def test_a_cursor_from_nowhere_is_answered_from_the_beginning(source: Source, reading: Reading) -> None:
    source.add(3)
    first = Follower(reading)
    await caught_up(source, first)
    for place in (Place("log", 10**9, 10**9), Place("of another log", 2, 2), Place("", 7, 7)):
        reply = await reading.read("tasks", place)
        assert reply.place == first.at
        assert len(reply.frames) == 1


async def test_a_lost_source_lets_all_go(source: Source, reading: Reading) -> None:
    source.add()
    at_the_edge = (await reading.read("tasks", Place())).place
    readers = [asyncio.ensure_future(reading.read("tasks", at_the_edge)) for _ in range(3)]
    await until_async(lambda: source.waiting == 1, "the long poll")
    source.lost.set_result("cut")
    for result in await asyncio.gather(*readers, return_exceptions=True):
        assert isinstance(result, Lost)
        assert str(result) == "cut"
    with pytest.raises(Lost, match="cut"):
        await reading.read("tasks", Place("log", 1, 9))
    await reading.close()
    assert not reading._asked


async def test_closing_tells_those_who_wait_that_it_is_lost(source: Source, reading: Reading) -> None:
    source.answers.clear()
    readers = [asyncio.ensure_future(reading.read("tasks", Place("", n))) for n in range(12)]
    await until_async(lambda: source.waiting > 1, "the questions")
    assert source.waiting <= 1 + reading_module.HISTORY
    await reading.close()
    results = await asyncio.gather(*readers, return_exceptions=True)
    assert all(isinstance(result, Lost) for result in results)
    assert not reading._asked


async def test_what_cannot_be_read_is_said_to_whom_it_concerns(source: Source, reading: Reading) -> None:
    source.add()
    with pytest.raises(Unreadable, match="no counts"):
        await reading.read("counts", Place())
    assert (await reading.read("tasks", Place())).end == 1


async def test_nobody_spins_when_a_source_does_not_wait(
    source: Source, reading: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "_or_lost", lambda waiting: asyncio.sleep(0, waiting.close()))
    followers = [Follower(reading) for _ in range(3)]
    await asyncio.sleep(0.5)
    assert 0 < len(source.asked) < 10
    for follower in followers:
        await follower.stop()


async def test_replies_are_kept_within_bounds() -> None:
    replies = Replies(most=1_000_000)
    for n in range(30):
        replies.keep("tasks", Place("log", n), Reply(Place("log", n + 1), 30, (b"x" * 100_000,)))
        assert replies.nbytes <= 1_000_000
    assert replies.get("tasks", Place("log", 19)) is None
    assert replies.get("tasks", Place("log", 20)) is not None
    assert replies.get("counts", Place("log", 20)) is None
    # Asked for a moment ago, it stays longer than others.
    replies.keep("tasks", Place("log", 30), Reply(Place("log", 31), 31, (b"x" * 100_000,)))
    assert replies.get("tasks", Place("log", 20)) is not None
    assert replies.get("tasks", Place("log", 21)) is None
    for size in (10, 900_000):
        replies.keep("tasks", Place("log", size), Reply(Place("log", size + 1), 0, (b"x" * size,)))
        assert replies.get("tasks", Place("log", size)) is None
    replies.clear()
    assert replies.nbytes == 0
    assert replies.get("tasks", Place("log", 20)) is None


async def test_history_costs_the_source_once(
    source: Source, reading: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading_module, "WORTH_KEEPING", 1)
    source.max_bytes = 1
    for _ in range(5):
        source.add(8192)
    first = Follower(reading)
    await caught_up(source, first)
    asked = len(source.asked)
    for _ in range(3):
        late = Follower(reading)
        await caught_up(source, late)
        assert late.frames == first.frames
        assert all(a is b for a, b in zip(late.frames, first.frames, strict=True))
        await late.stop()
    assert len(source.asked) == asked
    await first.stop()


@pytest.mark.parametrize("seed", range(20))
async def test_whenever_they_come_go_and_rewind_nobody_misses_anything(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Random readers of a log that grows, whose oldest records may go; a gap raises in `Reader`."""
    monkeypatch.setattr(reading_module, "WORTH_KEEPING", 1)
    rng = random.Random(seed)
    # Of every second one the log drops records, in chunks; they have to be counted.
    source = Source(limit=1 << (20 if seed % 2 else 30), max_bytes=rng.choice((1, 3000, 1 << 20)))
    reading = Reading(source, Replies(most=1 << rng.choice((12, 20))))
    followers = [Follower(reading)]
    for _ in range(120):
        what = rng.random()
        if what < 0.5:
            group = rng.choice((GROUP, Group(f"g{rng.random()}")))
            source.add(rng.choice((1, 2, 50, 3000)), group)
        elif what < 0.65:
            followers.append(Follower(reading))
        elif what < 0.85:
            # As a page that reads on after it was away, or that has lost count.
            one = rng.choice(followers)
            await one.stop()
            cursor = rng.randint(0, one.place["cursor"])
            names = one.place["names"] if cursor == one.place["cursor"] else 0
            one.at = Place(one.place["log"], cursor, names)
            one.task = asyncio.ensure_future(one._run())
        for _ in range(rng.choice((0, 1, 5))):
            await asyncio.sleep(0)
    await caught_up(source, *followers)
    for follower in followers:
        assert not follower.task.done(), follower.task.exception()
        assert all(key[1] == cursor for cursor, key in follower.records.items())
        assert len(follower.keys) + follower.missed == source.log.next
        await follower.stop()
    await reading.close()
    assert source.waiting == 0
