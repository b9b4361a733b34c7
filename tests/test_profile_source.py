"""How workers are asked for their profiles, of a scheduler that never was."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from trees import node, rooted

from dasklens.scheduler import profiling as source


def test_one_that_does_not_answer_costs_only_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "PATIENCE", 0.05)
    monkeypatch.setattr(source, "LAST_CHANCE", 0.05)

    class Scheduler:
        async def ncores(self) -> dict[str, int]:
            return {"a": 1, "stuck": 1, "b": 2}

        async def broadcast(self, msg: Any, workers: list[str], on_error: str) -> Any:
            if "stuck" in workers:
                await asyncio.Event().wait()
            return {worker: rooted(node("f", 2)) for worker in workers}

    answer = asyncio.run(source.read_profile(Scheduler(), source.Question()))
    assert answer.missing == {"stuck": "does not answer"}
    assert answer.merged()["count"] == 4


@pytest.mark.parametrize(("workers", "asked"), [(2, ["inc", "sum"]), (150, [None])])
def test_prefixes_are_asked_for_one_by_one_only_where_that_costs_little(
    workers: int, asked: list[str | None]
) -> None:
    keys: list[str | None] = []

    class Scheduler:
        async def ncores(self) -> dict[str, int]:
            return {str(i): 1 for i in range(workers)}

        async def broadcast(self, msg: Any, workers: list[str], on_error: str) -> Any:
            keys.append(msg["key"])
            return {worker: rooted(node("f", 2)) for worker in workers}

    answer = asyncio.run(source.read_profile(Scheduler(), source.Question(), ("inc", "sum")))
    assert list(dict.fromkeys(keys)) == asked
    assert answer.merged()["count"] == 2 * workers * len(asked)
