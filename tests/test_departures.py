"""What is taken from the scheduler's events, whoever wrote them."""

from __future__ import annotations

import pytest

from dasklens.scheduler.departures import MOST, Departures

LOST = {
    "action": "remove-worker",
    "expected": False,
    "worker": "tcp://a",
    "processing-tasks": {"x", "y"},
    "lost-computed-tasks": {"z"},
    "lost-scattered-tasks": set(),
}


def test_a_worker_that_went_with_work_on_it() -> None:
    departures = Departures()
    departures.note("all", LOST)
    ((at, *rest),) = departures.since(0)
    assert rest == ["tcp://a", 2, 1, 0]
    assert departures.since(at + 1) == []


@pytest.mark.parametrize(
    ("topic", "msg"),
    [
        ("tcp://a", LOST),
        ("all", {**LOST, "expected": True}),
        ("all", {**LOST, "processing-tasks": set(), "lost-computed-tasks": set()}),
        ("all", {**LOST, "action": "add-worker"}),
        ("all", {"action": "remove-worker", "processing-tasks": 7}),
        ("all", "remove-worker"),
        ("all", None),
    ],
)
def test_nothing_else_is_a_loss(topic: str, msg: object) -> None:
    departures = Departures()
    departures.note(topic, msg)
    assert departures.since(0) == []


def test_the_last_ones_are_remembered() -> None:
    departures = Departures()
    for n in range(MOST + 5):
        departures.note("all", {**LOST, "worker": n})
    found = departures.since(0)
    assert len(found) == MOST
    assert found[-1][1] == str(MOST + 4)
