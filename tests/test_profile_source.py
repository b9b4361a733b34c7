"""How workers are asked for their profiles, of a scheduler that never was."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from distributed.comm.core import CommClosedError
from distributed.protocol.pickle import dumps
from trees import node, rooted

from dasklens.scheduler import asking
from dasklens.scheduler import profiling as source
from dasklens.scheduler.said import exception_named


def test_one_that_does_not_answer_costs_only_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "PATIENCE", 0.05)
    monkeypatch.setattr(asking, "LAST_CHANCE", 0.05)

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


RAN: list[str] = []


def boom() -> None:
    RAN.append("now")


class Bomb:
    """What runs when it is loaded."""

    def __reduce__(self) -> Any:
        return boom, ()


def raised(error: Exception) -> bytes:
    """As a scheduler passes on what it met at a worker."""
    try:
        raise error
    except Exception as met:
        return dumps(met)


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (dumps(Bomb()), "failed"),
        (b"no pickle", "failed"),
        (b"", "failed"),
        (None, "gone"),
        (7, "gone"),
        (raised(KeyError("a")), "KeyError: a"),
        (raised(ValueError("two\nlines <b>")), "ValueError: two lines <b>"),
        (raised(RuntimeError()), "RuntimeError"),
        (raised(CommClosedError("gone away")), "CommClosedError: gone away"),
    ],
)
def test_why_a_worker_failed_is_read_and_never_run(reply: Any, why: str) -> None:
    said = exception_named(reply)
    assert said.startswith(why) if why != "failed" else len(said) <= 200
    assert RAN == []


@pytest.mark.parametrize(
    "odd",
    [
        {"count": 3},
        rooted(node("f", 2)) | {"count": "x"},
        rooted(node("f", 2)) | {"count": 1.5},
        rooted(node("f", 2)) | {"children": []},
        rooted(node("f", 2)) | {"children": {"f": None}},
        rooted(node("f", 2)) | {"children": {"f": {"count": 2}}},
        rooted(node("f", 2)) | {"children": {"f": node("f", 2) | {"identifier": 7}}},
        rooted(node("f", 2)) | {"children": {"f": node("f", 2) | {"description": "f"}}},
        rooted(node("f", 2)) | {"identifier": "leaf"},
    ],
)
@pytest.mark.parametrize("exact", [True, False])
def test_an_answer_that_is_no_profile_costs_only_itself(odd: Any, exact: bool) -> None:
    class Scheduler:
        async def ncores(self) -> dict[str, int]:
            return {"a": 1, "odd": 1}

        async def broadcast(self, msg: Any, workers: list[str], on_error: str) -> Any:
            return {worker: odd if worker == "odd" else rooted(node("f", 2)) for worker in workers}

    async def read() -> source.Answer:
        return await source.read_profile(Scheduler(), source.Question(), ("inc",) if exact else None)

    answer = asyncio.run(read())
    assert answer.merged()["count"] == 2
    assert answer.missing == {"odd": "answered something that is no profile"}
    assert list(asyncio.run(read()).states()) == ["a"]


@pytest.mark.parametrize(
    "odd",
    [
        {},
        {"counts": [(1.0, "x")], "keys": [(1.0, {})]},
        {"counts": [(None, 1)], "keys": [(1.0, {"inc": 1})]},
        {"counts": 5, "keys": 6},
        {"counts": [(1.0, 1)], "keys": [(1.0, ["inc"])]},
        {"counts": [(float("nan"), 1)], "keys": [(1.0, {"inc": "many"})]},
        {"counts": [(1e400, 1)], "keys": [(1.0, {"inc": float("inf")})]},
    ],
)
def test_a_history_that_is_none_costs_only_itself(odd: Any) -> None:
    class Scheduler:
        async def ncores(self) -> dict[str, int]:
            return {"a": 1, "odd": 1}

        async def broadcast(self, msg: Any, workers: list[str], on_error: str) -> Any:
            good = {"counts": [(1.5, 4)], "keys": [(1.5, {"inc": 3, "sum": 1})]}
            return {worker: odd if worker == "odd" else good for worker in workers}

    settings = {"profile": {}, "kept": 100, "minor": 12}
    coverage = asyncio.run(source.read_coverage(Scheduler(), source.Question(), settings))
    assert coverage.timeline == [(2.0, 4)]
    assert coverage.prefixes == {"inc": 3, "sum": 1}
    assert coverage.missing == {"odd": "answered something that is no history"}
