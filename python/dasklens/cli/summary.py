"""`dasklens report summary`: where the time went and what looks wrong, for people or for programs."""

from __future__ import annotations

import argparse
import json
from typing import Any

from ..kernel.written import plain
from ..report.document import Document
from ..report.document import plain as as_json
from ..report.words import duration, plural
from . import BAD
from .reading import Reading, add_files


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments."""
    add_files(parser)
    parser.add_argument("--json", action="store_true", help="for programs: an object with the list `reports`")
    parser.add_argument(
        "--fail-on-findings",
        action="store_true",
        help="exit with 1 when a file has a finding, an exception, an early end, or missing tasks",
    )


def run(asked: argparse.Namespace, out: Any, err: Any) -> int:
    """Sum up each file."""
    reading = Reading(err)
    told, bad = [], []
    for name, document in reading.runs(asked.files):
        said = _summary(name, document)
        reasons = _reasons(document)
        bad += [f"{plain(name)}: {reason}" for reason in reasons]
        if asked.json:
            told.append({**said, "bad": reasons})
        else:
            out.write("\n" * bool(told) + _text(said))
            told.append(said)
    if asked.json:
        out.write(json.dumps({"reports": told}, indent=1, allow_nan=False) + "\n")
    if asked.fail_on_findings and bad:
        for reason in bad:
            err.write(f"dasklens: {reason}\n")
        return reading.code or BAD
    return reading.code


def _summary(name: str, document: Document) -> dict[str, Any]:
    tasks = document.streams.get("tasks")
    said = {
        "file": name,
        "title": document.title,
        "tasks": tasks.records if tasks is not None else 0,
        "missed": document.missed.get("tasks", 0),
        "start": document.start,
        "stop": document.stop,
        "ended_early": document.ended_early,
        "exception": document.exception,
        "cluster": document.cluster,
        "summary": document.summary,
    }
    jsonable: dict[str, Any] = as_json(said)
    return jsonable


def _reasons(document: Document) -> list[str]:
    """What is bad about a run, a line each."""
    found = not_whole(document)
    for finding in document.summary.get("findings", ()):
        found.append(f"{_line(finding['title'])}: {_line(finding['evidence'])}")
    return found


def not_whole(document: Document) -> list[str]:
    """Why a report is not that of a whole run, a line each."""
    found = []
    if document.exception is not None:
        found.append(
            f"the block raised {_line(document.exception['type'])}: {_line(document.exception['text'])}"
        )
    if document.ended_early:
        found.append(f"recording ended early: {_line(document.ended_early)}")
    if document.missed.get("tasks"):
        found.append(f"{document.missed['tasks']:,} tasks are missing")
    return found


def _text(said: dict[str, Any]) -> str:
    from ..report.report import Summary

    n, missed = said["tasks"], said["missed"]
    lines = [
        f"{plain(said['file'])}: {_line(said['title']) or '(no title)'}",
        f"{n:,} {plural(n, 'task')} in {duration(max(0.0, said['stop'] - said['start']))}"
        + (f"; {missed:,} of {n + missed:,} are missing" if missed else ""),
    ]
    if said["exception"] is not None:
        lines.append(f"The block raised {said['exception']['type']}: {said['exception']['text']}")
    if said["ended_early"]:
        lines.append(f"Recording ended early: {said['ended_early']}")
    lines.append(str(Summary(said["summary"])))
    lines += said["summary"].get("notes", ())
    return "\n".join(lines) + "\n"


def _line(text: str) -> str:
    return " ".join(text.split())
