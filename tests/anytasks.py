"""Runs with whatever a scheduler may be told: keys, names and texts of every kind, times near and far."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from hypothesis import strategies as st

from dasklens.scheduler import log as log_module
from dasklens.scheduler.log import TaskLog

#: Of all characters, halves of surrogate pairs and NUL too.
ANY = st.text(st.characters(codec=None), max_size=12)
#: What spreadsheets, terminals, CSV, JSON and our own cells could take for something else.
ODD = st.sampled_from(
    [
        "",
        "=1+1",
        "+cmd|' /C calc'!A0",
        "-1",
        "@SUM(A1)",
        "\t=1",
        "'quoted",
        '"',
        ",",
        "a\r\nb",
        "a\rb",
        "\0",
        "\ud800",
        "\x1b[31m",
        "('x', 1)",
        "('x', 01)",
        "('x',)",
        "{}",
        '{"msgpack":"AA=="}',
        "\ufeff",
        "\u2028",
        "<b>",
    ]
)
TEXT = ANY | ODD
LEAF = (
    TEXT
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False)
    | st.booleans()
    | st.none()
    | st.binary(max_size=5)
)
VALUE = st.recursive(
    LEAF,
    lambda each: st.lists(each, max_size=3).map(tuple) | st.dictionaries(TEXT, each, max_size=3),
    max_leaves=6,
)
PLAIN_TUPLE = st.tuples(st.sampled_from(["x", "sum-9a"]), st.integers(-9, 9), st.integers(0, 10**18))
TIME = (
    st.floats(1.7e9, 1.8e9)
    | st.integers(-5, 5).map(lambda n: 1.75e9 + n / 16)
    | st.floats(0, 2)
    | st.floats(allow_nan=False, width=64)
)
ACTION = st.sampled_from(["compute", "transfer", "disk-read"]) | TEXT
WORKER = st.sampled_from(["tcp://127.0.0.1:1", "tcp://127.0.0.1:2", "tls://ß:3"]) | TEXT


class Group:
    """What the log asks of a group of tasks: it can be a key."""

    def __init__(self, name: str, prefix: str, span_id: str | None):
        self.name, self.span_id = name, span_id
        self.prefix = SimpleNamespace(name=prefix)


@st.composite
def _span(draw: st.DrawFn) -> dict[str, Any]:
    span = {"action": draw(ACTION), "start": draw(TIME), "stop": draw(TIME)}
    if draw(st.booleans()):
        span["source"] = draw(WORKER)
    return span


@st.composite
def _task(draw: st.DrawFn) -> tuple[Any, dict[str, Any]]:
    name = draw(st.sampled_from(["x", "sum-9a"]) | TEXT)
    span = draw(st.none() | TEXT)
    group = Group(name, draw(TEXT), span)
    key = draw(
        TEXT
        | PLAIN_TUPLE
        | st.tuples(LEAF)
        | st.tuples(LEAF, VALUE)
        | st.integers(-5, 5)
        | st.binary(max_size=4)
        | st.just(name)
        | st.tuples(st.just(name), LEAF)
    )
    said = {
        "worker": draw(WORKER),
        "thread": draw(st.none() | st.integers(0, 2**63 - 1)),
        "status": "OK",
        "startstops": draw(st.lists(_span(), max_size=4)),
        "stimulus_id": draw(st.none() | st.floats(0, 2e9).map(lambda t: f"task-finished-{t!r}")),
    }
    if draw(st.booleans()):
        said.update(
            nbytes=draw(st.integers(0, 2**53) | st.just(2**70)),
            typename=draw(TEXT),
            type=draw(st.binary(max_size=6)),
            metadata=draw(st.dictionaries(LEAF, VALUE, max_size=3)),
        )
    else:
        said.update(status="error", exception_text=draw(TEXT), traceback_text=draw(TEXT))
    return SimpleNamespace(key=key, group=group), said


@st.composite
def anything(draw: st.DrawFn, most: int = 12) -> list[bytes]:
    """Frames of a log of such tasks, in chunks of a few."""
    names = draw(st.lists(TEXT | st.integers(0, 5), min_size=3, max_size=3))
    log = TaskLog("any", 1 << 30, lambda address: names[len(address) % 3], lambda span: [str(span), "ß"])
    known, log_module.CHUNK_RECORDS = log_module.CHUNK_RECORDS, draw(st.integers(1, 8))
    try:
        log.extend(draw(st.lists(_task(), max_size=most)))
    finally:
        log_module.CHUNK_RECORDS = known
    frames, at, known_names = [], 0, 0
    while at < log.next:
        reply = log.frames(at, known_names, max_bytes=1)
        frames += reply["frames"]
        at, known_names = reply["next"], reply["names"]
    return frames
