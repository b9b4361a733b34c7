"""What is written as a trace is one: the rules of the trace-event format, and what viewers make of it."""

from __future__ import annotations

import io
import json
import tracemalloc
from collections import Counter
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jsonschema
import pytest
from anytasks import anything
from hypothesis import given, settings
from make_golden_frames import BASE, several
from runs import Run, runs
from streams import GROUP
from streams import tasks as spans

from dasklens import Report, load_report
from dasklens.model.profilefile import from_text
from dasklens.report.collect import of_frames
from dasklens.report.formats.about import of_document
from dasklens.report.formats.csvfile import write_csv
from dasklens.report.formats.speedscope import write_speedscope
from dasklens.report.formats.trace import write_trace
from dasklens.scheduler.log import TaskLog
from dasklens.wire.calltree import pack_profile

SAMPLE = Path(__file__).parent / "data" / "reports" / "sample.json"
_NUMBER = {"type": "number", "minimum": 0}
_ID = {"type": "integer", "minimum": 0}
_CATEGORY = {"type": "string", "pattern": "^[^,]+$"}
_COMMON = {
    "ph": {"type": "string"},
    "name": {"type": "string"},
    "cat": _CATEGORY,
    "pid": _ID,
    "tid": _ID,
    "ts": _NUMBER,
}


def _phase(phase: str, required: tuple[str, ...] = (), **properties: Any) -> dict[str, Any]:
    """The fields that the format knows for a phase; an event has no others."""
    return {
        "if": {"properties": {"ph": {"const": phase}}},
        "then": {
            "properties": {**_COMMON, **properties},
            # Readers that are strict want a category of every event.
            "required": ["name", "cat", "pid", "tid", "ts", *required],
            "additionalProperties": False,
        },
    }


_ARGS = {"type": "object"}
#: The format as its documentation has it, as far as it is used here.
SCHEMA = {
    "type": "object",
    "required": ["traceEvents"],
    "properties": {
        "displayTimeUnit": {"enum": ["ms", "ns"]},
        "otherData": {"type": "object"},
        "traceEvents": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"ph": {"enum": ["X", "i", "M", "C", "s", "f"]}},
                "required": ["ph"],
                "allOf": [
                    _phase("X", ("dur",), dur=_NUMBER, args=_ARGS),
                    _phase("i", ("s",), s={"enum": ["g", "p", "t"]}, args=_ARGS),
                    _phase(
                        "C",
                        ("args",),
                        args={
                            "type": "object",
                            "minProperties": 1,
                            "additionalProperties": {"type": "number"},
                        },
                    ),
                    _phase("s", ("id",), id=_ID),
                    _phase("f", ("id", "bp"), id=_ID, bp={"const": "e"}),
                    _phase(
                        "M",
                        ("args",),
                        name={
                            "enum": ["process_name", "process_sort_index", "thread_name", "thread_sort_index"]
                        },
                        args={
                            "type": "object",
                            "properties": {"name": {"type": "string"}, "sort_index": {"type": "integer"}},
                            "additionalProperties": False,
                            "minProperties": 1,
                        },
                    ),
                ],
            },
        },
    },
}
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def trace_of(report: Report) -> dict[str, Any]:
    """The trace of a report; it keeps the rules."""
    data = report.to_trace_events()
    assert data is not None
    trace: dict[str, Any] = json.loads(data, parse_constant=pytest.fail)
    keeps_the_rules(trace)
    return trace


def keeps_the_rules(trace: dict[str, Any]) -> None:
    VALIDATOR.validate(trace)
    events = trace["traceEvents"]
    named = Counter((e["name"], e["pid"], e["tid"]) for e in events if e["ph"] == "M")
    assert set(named.values()) <= {1}
    processes = {pid for name, pid, _ in named if name == "process_name"}
    threads = {(pid, tid) for name, pid, tid in named if name == "thread_name"}
    slices: dict[tuple[int, int], list[tuple[float, float]]] = {}
    for e in events:
        assert e["pid"] in processes
        if e["ph"] in "Xisf":
            assert (e["pid"], e["tid"]) in threads
        if e["ph"] == "X":
            slices.setdefault((e["pid"], e["tid"]), []).append((ns(e["ts"]), ns(e["ts"]) + ns(e["dur"])))
    # Slices of a thread lie within each other or apart; ours lie apart, but where there are very many tracks.
    for row in slices.values():
        row.sort()
        assert all(one[1] <= other[0] for one, other in pairwise(row))
    # An arrow begins and ends in a slice.
    arrows = {end: {e["id"]: e for e in events if e["ph"] == end} for end in "sf"}
    assert arrows["s"].keys() == arrows["f"].keys()
    for ends in arrows.values():
        for e in ends.values():
            at = ns(e["ts"])
            assert any(one <= at <= other for one, other in slices[e["pid"], e["tid"]])


def ns(microseconds: float) -> int:
    return round(microseconds * 1000)


def of(trace: dict[str, Any], phase: str, **what: Any) -> list[dict[str, Any]]:
    found = [event for event in trace["traceEvents"] if event["ph"] == phase]
    return [event for event in found if all(event[name] == value for name, value in what.items())]


def report_of(frames: list[bytes]) -> Report:
    return Report(of_frames("tasks", frames, title="t"))


def test_a_real_report_is_a_trace() -> None:
    sample = load_report(SAMPLE)
    trace = trace_of(sample)
    epoch = trace["otherData"]["epoch"]
    spans = [(record, span) for record in sample.data for span in record["startstops"]]
    drawn = of(trace, "X", cat="task")
    assert len(drawn) == len(spans)
    for (record, span), event in zip(spans, drawn, strict=True):
        assert epoch + event["ts"] / 1e6 == pytest.approx(span["start"], abs=1e-6)
        assert event["dur"] / 1e6 == pytest.approx(span["stop"] - span["start"], abs=1e-6)
        assert event["args"]["key"] == str(record["key"])
        assert event["args"]["action"] == span["action"]
    # Every worker is a process, called as people call it.
    workers = {record["worker"] for record in sample.data}
    names = {event["args"]["name"] for event in of(trace, "M", name="process_name")}
    assert "Cluster" in names
    assert all(any(worker in name for name in names) for worker in workers)
    # Memory and CPU of the cluster, and of each worker.
    counted = {(event["pid"], event["name"]) for event in of(trace, "C")}
    for pid in range(1, 2 + len(workers)):
        assert {(pid, "memory (bytes)"), (pid, "CPU (%)")} <= counted
    assert (1, "tasks") in counted
    # Transfers come from somewhere.
    arrows = of(trace, "s")
    transfers = [span for _, span in spans if span.get("source")]
    assert len(arrows) == len(transfers) > 0
    assert len(of(trace, "X", cat="sent")) == len(transfers)


def test_what_a_task_says_is_in_its_first_event() -> None:
    trace = trace_of(report_of(several()))
    first = next(e for e in of(trace, "X", cat="task") if e["name"] == "transfer-x")
    assert first["args"]["source"] == "tcp://127.0.0.1:40009"
    assert (first["args"]["status"], first["args"]["typename"]) == ("OK", "numpy.ndarray")
    failed = next(e for e in of(trace, "X", cat="task") if e["args"]["status"] == "error")
    assert failed["args"]["exception_text"].startswith("ValueError(")
    # A worker that only sent has a process too; a task without one is told all the same.
    names = {e["args"]["name"] for e in of(trace, "M", name="process_name")}
    assert {"tcp://127.0.0.1:40009", "No worker"} <= names
    (lost,) = of(trace, "i")
    assert lost["args"]["key"] == "lost"


def test_a_transfer_from_nobody_knows_where_has_no_arrow() -> None:
    log = TaskLog("log", 1 << 30, str, lambda span: [])
    said = {
        "worker": "tcp://w:1",
        "thread": 1,
        "status": "OK",
        "startstops": ({"action": "transfer", "start": BASE, "stop": BASE + 1},),
    }
    log.extend([(SimpleNamespace(key="x", group=GROUP), said)])
    trace = trace_of(report_of(log.frames(0)["frames"]))
    (event,) = of(trace, "X")
    assert event["args"]["source"] is None
    assert not of(trace, "s")


def test_workers_that_did_nothing_are_counted_too() -> None:
    sample = load_report(SAMPLE)
    del sample._document.streams["tasks"]
    trace = trace_of(sample)
    assert len({event["pid"] for event in of(trace, "C")}) == 3
    assert not of(trace, "X")
    assert load_report(sample.to_trace_events() or b"").data == []


@settings(deadline=None, max_examples=60)
@given(run=runs())
def test_runs_keep_the_rules(run: Run) -> None:
    trace_of(report_of(run.frames(5)))


@settings(deadline=None, max_examples=60)
@given(frames=anything())
def test_anything_keeps_the_rules(frames: list[bytes]) -> None:
    trace_of(report_of(frames))


class Counted(io.RawIOBase):
    """Takes what is written and keeps nothing."""

    def write(self, data: Any) -> int:
        return len(data)


def peak(write: Any, tasks: int) -> int:
    """Bytes that writing takes besides the report itself."""
    log = TaskLog("log", 1 << 30, str, lambda span: [])
    log.extend(spans(0, tasks))
    run = of_document(of_frames("tasks", log.frames(0, max_bytes=1 << 30)["frames"], title="many"))
    tracemalloc.start()
    try:
        write(run, Counted())
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("kind", ["trace", "speedscope", "csv"])
def test_three_million_tasks_take_no_gigabytes(kind: str) -> None:
    writers: dict[str, Any] = {
        "trace": write_trace,
        "speedscope": lambda run, out: write_speedscope(run, out, ("tasks",)),
        "csv": write_csv,
    }
    # Beside what a frame takes, which has 8192 tasks of a scheduler: bytes a task.
    more = (peak(writers[kind], 60_000) - peak(writers[kind], 20_000)) / 40_000
    assert more * 3e6 < 1e9


# -- speedscope ----------------------------------------------------------------------------------------------


def test_speedscope_has_the_call_trees_and_a_profile_a_row() -> None:
    sample = load_report(SAMPLE)
    file = json.loads(sample.to_speedscope() or b"")
    names = [profile["name"] for profile in file["profiles"]]
    assert names[0] == "worker threads (samples)"
    assert sum("thread" in name for name in names[1:]) >= 4
    in_tasks = {}
    for profile in file["profiles"]:
        open_frames: list[int] = []
        last = profile["startValue"]
        for event in profile["events"]:
            assert event["at"] >= last
            last = event["at"]
            if event["type"] == "O":
                open_frames.append(event["frame"])
            else:
                assert open_frames.pop() == event["frame"]
        assert not open_frames
        assert last <= profile["endValue"]
    for profile in json.loads(sample.to_speedscope(kind="tasks") or b"")["profiles"]:
        begun = 0.0
        for event in profile["events"]:
            if event["type"] == "O":
                begun = event["at"]
            else:
                in_tasks[event["frame"]] = in_tasks.get(event["frame"], 0.0) + event["at"] - begun
    frames = json.loads(sample.to_speedscope(kind="tasks") or b"")["shared"]["frames"]
    seconds = sample.to_pandas().query("action == 'compute'").groupby("prefix", observed=True).duration.sum()
    told = {frames[at]["name"]: total for at, total in in_tasks.items()}
    for prefix, total in seconds.items():
        assert told[prefix] == pytest.approx(total, abs=1e-5)


def test_names_of_any_kind_are_exported_for_speedscope() -> None:
    state, _ = from_text("a\ud800 (<b>\x1b:3);b 3\nc 2\n")
    document = of_frames("profile:worker", [pack_profile(state, {"interval": 0.01})], title="\ud800")
    file = json.loads(Report(document).to_speedscope() or b"")
    (profile,) = file["profiles"]
    assert (profile["unit"], profile["endValue"]) == ("seconds", pytest.approx(0.05))
    assert {frame["name"] for frame in file["shared"]["frames"]} >= {"a\ud800", "b", "c"}
