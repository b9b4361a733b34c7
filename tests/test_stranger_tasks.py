"""Tasks that came in a file, of anybody."""

from __future__ import annotations

from typing import Any

import pytest
from streams import tasks

from dasklens.model import spans
from dasklens.model.spans import TaskTable
from dasklens.scheduler.log import TaskLog
from dasklens.wire.frames import NameBudget


def test_what_many_tasks_share_does_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    metadata = {"a": [{}] * 50}
    log = TaskLog("a log", 1 << 20, str, lambda _: [])
    log.extend((task, {**said, "status": "OK", "metadata": metadata}) for task, said in tasks(0, 100))
    frames: list[bytes] = log.frames(0)["frames"]

    def little(*_: Any) -> NameBudget:
        return NameBudget(1000, 1000)

    monkeypatch.setattr(spans, "NameBudget", little)
    with pytest.raises(ValueError, match="more names than a report may have"):
        TaskTable(frames, stranger=True).records()
    # Of a scheduler that one is connected to there is nothing to fear that it could not do anyway.
    assert len(TaskTable(frames).records()) == 100
    few = TaskTable(log.frames(0, until=10)["frames"], stranger=True).records()
    assert [list(each["metadata"]["a"]) for each in few] == [[{}] * 50] * 10
