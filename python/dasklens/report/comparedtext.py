"""A comparison in words: its verdict, what to be careful about, and the whole for a terminal."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..model.compare import LEAST_LONGER, NOTICEABLE, Slowdown
from .words import duration, plural, size

Comparison = Mapping[str, Any]

#: Prefixes named in a sentence; prefixes and functions in a terminal, and letters of a name there.
_NAMED, _ROWS, _FUNCTIONS, _LONGEST = 3, 25, 5, 36
#: What is said of a prefix without a ratio, and how each verdict is marked where there are no colours.
MARKS = {"slower": "▲", "faster": "▼", "no difference": " ", "too few tasks": "?"}


def verdict(comparison: Comparison) -> str:
    """What came of it, in some sentences."""
    runs, prefixes = comparison["runs"], comparison["prefixes"]
    first, last = runs[0]["label"], runs[-1]["label"]
    before, after = _values(comparison, "duration")
    said = [_whole(first, last, before, after)]
    for kind in ("slower", "faster"):
        found = [each for each in prefixes if each["verdict"] == kind]
        if found:
            named = ", ".join(f"{shown(each['prefix'])} {times(each)}" for each in found[:_NAMED])
            more = f" and {len(found) - _NAMED:,} more" if len(found) > _NAMED else ""
            said.append(f"{len(found):,} {_prefixes(len(found))} got {kind}: {named}{more}.")
    compared = comparison["compared"]
    if not compared:
        said.append("No prefix could be compared: none has tasks enough in both.")
    elif len(said) == 1:
        said.append(
            "The one prefix that could be compared shows no difference."
            if compared == 1
            else f"None of the {compared:,} prefixes that could be compared shows a difference."
        )
    return " ".join(said)


def _prefixes(n: int) -> str:
    return "prefix" if n == 1 else "prefixes"


def _whole(first: str, last: str, before: float | None, after: float | None) -> str:
    if not before or after is None:
        return f"{shown(last)} is compared with {shown(first)}."
    part = after / before - 1
    if abs(part) < 0.005:
        return f"{shown(last)} took as long as {shown(first)}, {duration(after)}."
    how = f"{_percent(abs(part))} {'longer' if part > 0 else 'less'}"
    return f"{shown(last)} took {duration(after)}, {how} than {shown(first)} with {duration(before)}."


def times(each: Mapping[str, Any]) -> str:
    """``"2.01 x (1.95 to 2.07)"``: the ratio of a prefix with its interval."""
    if each["interval"] is None:
        return ""
    low, high = each["interval"]
    return f"{_ratio(each['ratio'])} x ({_ratio(low)} to {_ratio(high)})"


def _ratio(value: float | None) -> str:
    if value is None:
        return "∞"
    return f"{value:.3g}" if value < 100 else f"{value:,.0f}"


def _percent(part: float) -> str:
    return f"{100 * part:.1f} %" if part < 0.0995 else f"{100 * part:,.0f} %"


def notes(comparison: Comparison, left_out: int = 0) -> list[str]:
    """What somebody should know who believes the numbers."""
    runs, prefixes, compared = comparison["runs"], comparison["prefixes"], comparison["compared"]
    said = []
    if compared > 1:
        said.append(
            f"{compared:,} prefixes were compared. One in twenty lies outside its 95 % interval by chance, "
            "so a verdict needs a surer one."
        )
    if left_out:
        said.append(f"{left_out:,} more prefixes, which cost the least, were not compared.")
    if comparison["all_prefixes"] > len(prefixes):
        said.append(
            f"{len(prefixes):,} of {comparison['all_prefixes']:,} prefixes are told, the most expensive."
        )
    few = [each for each in prefixes if each["verdict"] == "too few tasks"]
    if few:
        said.append(
            f"{len(few):,} {_prefixes(len(few))} could not be compared: "
            f"{comparison['fewest']} tasks in each run are needed."
        )
    said += _sizes(prefixes)
    for run in runs:
        label = shown(run["label"])
        if run["missed"]:
            said.append(f"Of {label}, {run['missed']:,} {plural(run['missed'], 'task')} are missing.")
        if run["ended_early"]:
            said.append(f"Of {label} not everything was recorded: {run['ended_early']}")
        if run["exception"]:
            said.append(f"The code of {label} raised {run['exception']}.")
    for name in ("threads", "workers"):
        before, after = _values(comparison, name)
        if before and after and before != after:
            said.append(
                f"{shown(runs[0]['label'])} had {before:,.0f} {name} and {shown(runs[-1]['label'])} "
                f"{after:,.0f}: the whole takes another time for that alone."
            )
            break
    said += _versions(runs)
    return said


def _sizes(prefixes: Sequence[Mapping[str, Any]]) -> list[str]:
    """Prefixes whose tasks are others than before, by their number."""
    other = [
        each
        for each in prefixes
        if each["interval"] is not None
        and max(each["shares"]) >= NOTICEABLE
        and not 2 / 3 < each["tasks"][-1] / each["tasks"][0] < 1.5
    ]
    if not other:
        return []
    named = "; ".join(
        f"{shown(each['prefix'])} {each['tasks'][0]:,} and {each['tasks'][-1]:,}" for each in other[:_NAMED]
    )
    more = f"; {len(other) - _NAMED:,} more" if len(other) > _NAMED else ""
    return [
        f"Other numbers of tasks, which may be of another size: {named}{more}. "
        "Compare what they took together."
    ]


def _versions(runs: Sequence[Mapping[str, Any]]) -> list[str]:
    first, last = runs[0]["versions"], runs[-1]["versions"]
    other = [name for name in first if name in last and first[name] != last[name]]
    if not other:
        return []
    named = ", ".join(f"{name} {first[name]} and {last[name]}" for name in other[:8])
    return [f"Of other versions: {named}."]


def _values(comparison: Comparison, name: str) -> tuple[float | None, float | None]:
    for each in comparison["figures"]:
        if each["name"] == name:
            return each["values"][0], each["values"][-1]
    return None, None


# -- for whoever has to say yes or no --------------------------------------------------------------------


def reason(slowdown: Slowdown, labels: tuple[str, str], limit: float) -> str:
    """Why a run counts as slower, in one sentence."""
    first, last = (shown(label) for label in labels)
    before, after = duration(slowdown.before), duration(slowdown.after)
    if not slowdown.prefix:
        return (
            f"The whole took {slowdown.ratio:.2f} times as long: {after} in {last}, {before} in {first}; "
            f"allowed is {1 + limit:.2f}."
        )
    assert slowdown.least is not None
    tasks = f"{slowdown.tasks[0]:,} and {slowdown.tasks[1]:,} tasks"
    return (
        f"{shown(slowdown.prefix)} takes {_ratio(slowdown.ratio)} times as long a task: "
        f"{after} in {last}, {before} in {first} (medians of {tasks}); "
        f"surely {_ratio(slowdown.least)} times or more, allowed is {1 + limit:.2f}."
    )


def rule(limit: float) -> str:
    """What counts as slower, in one sentence."""
    return (
        f"Slower is a prefix of {_percent(NOTICEABLE)} of all compute or more whose median surely grew by "
        f"more than {_percent(limit)}, or a whole that took so much longer, by {LEAST_LONGER} s at least."
    )


# -- for a terminal ---------------------------------------------------------------------------------------


def as_text(comparison: Comparison) -> str:
    """The whole, for a terminal: nothing in it moves a cursor."""
    runs = comparison["runs"]
    labels = [shown(run["label"]) for run in runs]
    lines = [shown(comparison["verdict"], 2000), ""]
    lines += [f"  {label}: {shown(run['title'], 100)}" for label, run in zip(labels, runs, strict=True)]
    lines.append("")
    head = ["", labels[0], labels[-1], "change"]
    rows = [
        [shown(each["title"]), *(_in_unit(value, each["unit"]) for value in ends), _change(*ends)]
        for each in comparison["figures"]
        if any(ends := (each["values"][0], each["values"][-1]))
    ]
    lines += _table(head, rows)
    prefixes = comparison["prefixes"]
    if prefixes:
        head = [
            "prefix",
            f"tasks {labels[0]}",
            labels[-1],
            f"median {labels[0]}",
            labels[-1],
            "ratio (95 %)",
            "",
        ]
        rows = [
            [
                shown(each["prefix"]),
                *(f"{n:,}" for n in (each["tasks"][0], each["tasks"][-1])),
                *(_seconds(each["medians"][place]) for place in (0, -1)),
                times(each),
                f"{MARKS.get(each['verdict'], '·')} {said_of(each['verdict'], labels)}",
            ]
            for each in prefixes[:_ROWS]
        ]
        lines += ["", *_table(head, rows)]
        if len(prefixes) > _ROWS:
            lines.append(f"  and {len(prefixes) - _ROWS:,} more prefixes that cost less")
    if comparison["functions"]:
        head = ["function", f"own {labels[0]}", labels[-1], "change"]
        rows = [
            [shown(name), f"{before:.1%}", f"{after:.1%}", f"{100 * (after - before):+.1f} points"]
            for name, _, _, _, before, after, *_ in comparison["functions"][:_FUNCTIONS]
        ]
        lines += ["", *_table(head, rows)]
    if comparison["notes"]:
        lines += ["", *(f"  {shown(note, 2000)}" for note in comparison["notes"])]
    return "\n".join(line.rstrip() for line in lines)


def said_of(verdict: str, labels: Sequence[str]) -> str:
    """A verdict with the runs' own names."""
    named = {"only in a": f"only in {labels[0]}", "only in b": f"only in {labels[-1]}"}
    return named.get(verdict, verdict)


def shown(text: str, most: int = _LONGEST) -> str:
    """A name of anybody's making: cut, and without what moves a cursor or turns letters round."""
    plain = "".join(
        letter if letter == " " or unicodedata.category(letter)[0] not in "CZ" else " "
        for letter in text[: 4 * most]
    )
    return plain if len(text) <= most else plain[: most - 1] + "…"


def _in_unit(value: float | None, unit: str) -> str:
    if value is None:
        return "-"
    if unit == "s":
        return duration(value)
    return size(value) if unit == "B" else f"{value:,.0f}"


def _seconds(value: float | None) -> str:
    return "-" if value is None else duration(value)


def _change(before: float | None, after: float | None) -> str:
    if before is None or after is None or not before or not math.isfinite(after / before):
        return ""
    part = after / before - 1
    return "=" if abs(part) < 0.0005 else f"{'+' if part > 0 else '-'}{_percent(abs(part))}"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    cells = [list(head), *(list(row) for row in rows)]
    widths = [max(_wide(row[i]) for row in cells) for i in range(len(head))]
    # The first and the last are words, the others numbers.
    last = len(head) - 1
    return [
        "  "
        + "  ".join(
            text + " " * (width - _wide(text)) if i in (0, last) else " " * (width - _wide(text)) + text
            for i, (text, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in cells
    ]


def _wide(text: str) -> int:
    """Columns of a terminal: letters of East Asia take two, those that stand over others none."""
    return sum(
        0 if unicodedata.combining(letter) else 1 + (unicodedata.east_asian_width(letter) in "WF")
        for letter in text
    )
