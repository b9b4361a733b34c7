"""Tasks by group and span: what the table says, what it costs, and that nobody pays who does not ask."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from distributed import Client, Scheduler, Worker, span, wait
from distributed.core import rpc
from distributed.utils_test import gen_cluster

from dasklens.model.samples import GroupsNow
from dasklens.scheduler import grouptable as grouptable_module
from dasklens.scheduler.counts import STATES
from dasklens.scheduler.grouptable import BATCH, GroupTable
from dasklens.scheduler.recorder import ensure_recorder


class Group(SimpleNamespace):
    __hash__ = object.__hash__


def group(at: int, span: str | None = None, **states: int) -> Group:
    prefix = SimpleNamespace(name="g")
    return Group(name=f"g-{at}", prefix=prefix, span_id=span, states={**dict.fromkeys(STATES, 0), **states})


def bare(*groups: Group) -> Any:
    return SimpleNamespace(task_groups={each.name: each for each in groups}, extensions={})


class Reader:
    def __init__(self, table: GroupTable):
        self.table, self.now, self.names = table, GroupsNow(), 0

    def read(self, scheduler: Any) -> int:
        """Sample and read; how many bytes there were."""
        for _ in self.table.sample(scheduler):
            pass
        same = self.now.log == self.table.ident
        reply = self.table.frames(*((self.now.next, self.names) if same else (0, 0)))
        for data in reply["frames"]:
            assert self.now.append(data)
        self.names = reply["names"]
        return sum(len(data) for data in reply["frames"])


@gen_cluster(client=True, config={"dasklens.sample.interval": "200ms"})
async def test_groups_and_spans_of_a_cluster(c: Client, s: Scheduler, a: Worker, b: Worker) -> None:
    recorder = ensure_recorder(s)
    assert recorder is not None
    with span("load"):
        first = c.map(abs, range(3), key=["load-1-0", "load-1-1", "load-1-2"])
    with span("train"), span("fit"):
        second = c.submit(lambda: 1 / 0, key="fit-1")
    await wait([*first, second])
    async with rpc(s.address) as scheduler:
        await scheduler.dasklens_read(stream="counts", wait=2)
        assert recorder.sampler.groups.next == 0, "nobody asked for it"
        reply = await scheduler.dasklens_read(stream="groups", wait=2)
    now = GroupsNow()
    assert all(now.append(data) for data in reply["frames"])
    assert {name: sum(by.values()) for name, by in now.groups.items()} == {
        (name, group.prefix.name): sum(group.states.values()) for name, group in s.task_groups.items()
    }
    assert now.n_groups == len(s.task_groups)
    by_name = {name: by for (name, _), by in now.spans.items()}
    assert by_name["load"]["memory"] == 3
    assert by_name["train, fit"]["erred"] == 1


def test_what_changed_is_told_and_who_left() -> None:
    reader = Reader(GroupTable("log"))
    groups = [group(at, "one", waiting=1) for at in range(20)]
    scheduler = bare(*groups)
    whole = reader.read(scheduler)
    assert reader.now.spans["one", "one"]["waiting"] == 20
    groups[3].states.update(waiting=0, memory=1)
    del scheduler.task_groups["g-4"]
    assert reader.read(scheduler) < whole
    assert reader.now.groups["g-3", "g"]["memory"] == 1
    assert ("g-4", "g") not in reader.now.groups
    assert (reader.now.n_groups, len(reader.now.groups)) == (19, 19)
    assert reader.now.spans["one", "one"]["waiting"] == 18


def test_of_very_many_the_newest_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grouptable_module, "MOST", 10)
    reader = Reader(GroupTable("log"))
    scheduler = bare(*(group(at, "all", waiting=1) for at in range(1000)))
    assert sum(1 for _ in reader.table.sample(scheduler)) == 1000 // BATCH
    reader.read(scheduler)
    assert [name for name, _ in reader.now.groups] == [f"g-{at}" for at in range(990, 1000)]
    assert reader.now.n_groups == 1000
    assert reader.now.spans["all", "all"]["waiting"] == 1000


def test_it_rests_longer_than_it_works(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(0, 1000, 3))
    monkeypatch.setattr(grouptable_module, "thread_time", lambda: float(next(clock)))
    monkeypatch.setattr(grouptable_module, "monotonic", lambda: 100.0)
    table = GroupTable("log")
    assert table.due
    list(table.sample(bare(*(group(at) for at in range(2 * BATCH)))))
    assert not table.due
    monkeypatch.setattr(grouptable_module, "monotonic", lambda: 100.0 + 20 * 9)
    assert table.due


def test_names_begin_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grouptable_module, "MOST_NAMES", 10)
    reader = Reader(GroupTable("log"))
    for at in range(0, 40, 8):
        reader.read(bare(*(group(at + i) for i in range(8))))
        assert {name for name, _ in reader.now.groups} == {f"g-{at + i}" for i in range(8)}
    assert reader.now.log != "log.groups.0"
