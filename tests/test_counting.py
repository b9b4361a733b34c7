"""Counting tasks by group and state, without a cluster."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from dasklens.scheduler.counting import (
    CHANGED,
    FAILED,
    KNOWN,
    NOT_TRACKED,
    Counting,
)
from dasklens.scheduler.eta import Eta
from dasklens.scheduler.taskgroups import STATES


class Task(SimpleNamespace):
    """Hashed by who it is, as the scheduler's."""

    __hash__ = object.__hash__

    def __eq__(self, other: object) -> bool:
        return self is other


class Graph:
    """Tasks as a scheduler has them."""

    def __init__(self) -> None:
        self.tasks: dict[Any, Any] = {}
        self.prefixes: dict[str, Any] = {}

    def add(self, key: Any, *needs: Any, state: str = "waiting", nbytes: int = -1, priority: int = 0) -> None:
        name = str(key).split("-")[0]
        prefix = self.prefixes.setdefault(name, SimpleNamespace(name=name, duration_average=-1))
        self.tasks[key] = Task(
            key=key,
            state=state,
            nbytes=8 if state == "memory" else nbytes,
            dependencies={self.tasks[need] for need in needs},
            priority=(priority,),
            prefix=prefix,
        )

    def counting(self, *roots: Any, complete: bool = True, labels: bool = True) -> Counting:
        counting = Counting(self.tasks, (lambda task: task.prefix.name) if labels else None, complete)
        counting.add(roots)
        for _ in counting.walk():
            pass
        return counting


def shown(counting: Counting) -> dict[Any, dict[str, int]]:
    return {
        group.label: {state: n for state, n in zip(STATES, group.counts, strict=True) if n}
        for group in sorted(counting.groups, key=lambda group: group.place)
    }


@pytest.fixture
def graph() -> Graph:
    graph = Graph()
    for i in range(4):
        graph.add(f"load-{i}", priority=i)
    graph.add("sum-0", *(f"load-{i}" for i in range(4)), priority=9)
    graph.add("other-0")
    return graph


def test_roots_and_what_they_depend_on(graph: Graph) -> None:
    counting = graph.counting("sum-0")
    assert shown(counting) == {"load": {"waiting": 4}, "sum": {"waiting": 1}}
    assert counting.n_tracked == 5
    assert counting.status == "waiting"
    assert counting.on("other-0", "memory") == NOT_TRACKED
    assert counting.on("load-0", "processing") == CHANGED
    assert counting.status == "running"


def test_a_dependency_comes_before_what_needs_it() -> None:
    graph = Graph()
    for name, needs in (("z", ()), ("y", ("z-0",)), ("a", ("y-0",)), ("b", ("y-0", "a-0"))):
        graph.add(f"{name}-0", *needs)
    assert list(shown(graph.counting("b-0", "a-0"))) == ["z", "y", "a", "b"]
    # Groups that need each other have an order too.
    graph.tasks["z-0"].dependencies.add(graph.tasks["b-0"])
    assert sorted(shown(graph.counting("b-0"))) == ["a", "b", "y", "z"]


def test_from_start_to_end(graph: Graph) -> None:
    counting = graph.counting("sum-0")
    for i in range(4):
        counting.on(f"load-{i}", "processing")
        counting.on(f"load-{i}", "memory")
    assert counting.n_done == 4
    assert not counting.settled
    counting.on("sum-0", "processing")
    counting.on("sum-0", "memory")
    for i in range(4):
        counting.on(f"load-{i}", "released")
        counting.on(f"load-{i}", "forgotten")
    assert shown(counting) == {"load": {"released": 4}, "sum": {"memory": 1}}
    assert counting.settled
    assert counting.status == "finished"


def test_lost_results_go_back(graph: Graph) -> None:
    counting = graph.counting("sum-0")
    counting.on("load-0", "processing")
    counting.on("load-0", "memory")
    assert counting.n_done == 1
    # Its worker died.
    counting.on("load-0", "released")
    counting.on("load-0", "waiting")
    assert counting.n_done == 0
    assert shown(counting)["load"] == {"waiting": 4}


def test_a_failure_is_told_once_a_group(graph: Graph) -> None:
    counting = graph.counting("sum-0")
    assert counting.on("load-1", "erred") == FAILED
    assert counting.on("load-2", "erred") == CHANGED
    assert counting.on("sum-0", "erred") == FAILED
    assert counting.status == "error"
    assert [group.failed for group in counting.groups] == ["sum-0", "load-1"]
    # It stays so when it is forgotten, until it is tried again.
    counting.on("load-1", "released")
    assert shown(counting)["load"]["erred"] == 2
    counting.on("load-1", "waiting")
    assert shown(counting)["load"]["erred"] == 1


def test_what_is_let_go_before_it_ran_is_cancelled(graph: Graph) -> None:
    counting = graph.counting("sum-0")
    counting.on("sum-0", "released")
    assert counting.status != "cancelled"
    for i in range(4):
        counting.on(f"load-{i}", "released")
    assert counting.settled
    assert counting.status == "cancelled"


def test_roots_that_nobody_knows_are_waited_for(graph: Graph) -> None:
    counting = graph.counting("sum-0", "late-0")
    assert counting.n_unknown == 1
    assert not counting.settled
    graph.add("late-0", "other-0")
    assert counting.on("late-0", "waiting") == KNOWN
    assert counting.walking
    for _ in counting.walk():
        pass
    assert counting.n_unknown == 0
    assert {"late", "other"} <= set(shown(counting))


def test_unknown_roots_are_looked_for_again(graph: Graph) -> None:
    counting = graph.counting("scattered-0")
    assert shown(counting) == {}
    graph.add("scattered-0", state="memory")
    for _ in counting.look_again():
        pass
    assert shown(counting) == {"scattered": {"memory": 1}}
    assert counting.status == "finished"


def test_what_was_done_before(graph: Graph) -> None:
    graph.tasks["load-0"].state = "memory"
    graph.tasks["load-0"].nbytes = 8
    graph.tasks["load-1"].state, graph.tasks["load-1"].nbytes = "released", 8
    assert shown(graph.counting("sum-0"))["load"] == {"memory": 1, "waiting": 2, "released": 1}
    assert shown(graph.counting("sum-0", complete=False))["load"] == {"waiting": 2}
    assert graph.counting("load-0", complete=False).status == "finished"


def test_nothing_at_all(graph: Graph) -> None:
    counting = graph.counting()
    assert counting.settled
    assert counting.status == "finished"


def test_readers_get_what_changed(graph: Graph) -> None:
    counting = graph.counting("sum-0")
    first = counting.bump()
    assert counting.bump() == first
    counting.on("sum-0", "processing")
    assert [group.label for group in counting.groups if group.changed >= first] == ["sum"]
    assert counting.bump() == first + 1


def test_groups_that_others_name(graph: Graph) -> None:
    counting = graph.counting("sum-0", labels=False)
    assert not counting.settled
    keys = list(counting.unlabelled)
    counting.unlabelled.clear()
    counting.on("load-3", "erred")
    failed = counting.label(keys, [f"{key[0]}!" for key in keys])
    assert {group.label: sum(group.counts) for group in counting.groups} == {None: 0, "l!": 4, "s!": 1}
    assert [group.label for group in failed] == ["l!"]


def test_a_walk_goes_in_small_steps() -> None:
    graph = Graph()
    for i in range(5000):
        graph.add(f"leaf-{i}")
    graph.add("sum-0", *(f"leaf-{i}" for i in range(5000)))
    counting = Counting(graph.tasks, lambda task: task.prefix.name)
    counting.add(["sum-0"])
    before, most, steps = 0, 0, 0
    for _ in counting.walk():
        most = max(most, counting.n_tracked - before)
        before = counting.n_tracked
        steps += 1
    assert counting.n_tracked == 5001
    assert most <= 100
    assert steps > 50


def test_tasks_are_counted_while_they_go_on() -> None:
    graph = Graph()
    for i in range(2000):
        graph.add(f"leaf-{i}")
    counting = Counting(graph.tasks, lambda task: task.prefix.name)
    counting.add([f"leaf-{i}" for i in range(2000)])
    for step, _ in enumerate(counting.walk()):
        task = graph.tasks[f"leaf-{step}"]
        task.state, task.nbytes = "memory", 8
        counting.on(task.key, "memory")
        # One that is to come, too.
        task = graph.tasks[f"leaf-{1999 - step}"]
        task.state, task.nbytes = "memory", 8
        counting.on(task.key, "memory")
    done = sum(task.state == "memory" for task in graph.tasks.values())
    assert counting.n_done == done > 20
    assert counting.n_tracked == 2000


def test_time_left() -> None:
    eta = Eta()
    assert eta.note(0, [(0, 10, -1)]) != eta.note(0, [(0, 10, -1)])  # NaN
    assert eta.note(1, [(1, 9, 1.0)]) == pytest.approx(9)
    # Half as fast as its mean says: a second took half a task.
    assert eta.note(4, [(2, 8, 1.0)]) == pytest.approx(16)
    # Results were lost.
    assert eta.note(5, [(1, 9, 1.0)]) != eta.note(5, [(1, 9, 1.0)])
    assert eta.note(9, [(10, 0, 1.0)]) == 0
