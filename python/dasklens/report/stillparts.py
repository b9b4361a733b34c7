"""The parts of a report where no script runs: HTML, a picture, and plain text of each.

Texts of a report are anybody's. In HTML they are escaped; in Markdown, which has no rule that all its readers
share, every punctuation mark of them is a character reference.
"""

from __future__ import annotations

import string
from collections.abc import Sequence
from datetime import datetime, timezone
from html import escape
from typing import Any

from ..model.charts import Chart, chart_png
from ..model.palette import colour_of
from ..widgets.still import Still, image_html, still_task_stream, text, words_html
from ..widgets.stillflame import still_flame
from ..wire.calltree import unpack_profile
from . import static
from .document import Document
from .words import duration, size

#: Rows of a table, lines of a log, and characters of a cell that are shown.
MOST_ROWS, MOST_LINES, _LONGEST = 100, 200, 4000
#: Rows, and characters of a cell, in plain text.
_TOLD, _WIDE = 30, 40
_REFERENCES = {ord(c): f"&#{ord(c)};" for c in string.punctuation}


def html(words: Any) -> str:
    """Any text as HTML."""
    return words_html(str(words))


def markdown(words: str) -> str:
    """Any text as Markdown that says nothing but it, in one line."""
    # HTML inside of Markdown, whose own marks are character references.
    line = " ".join(text(words).split())
    plain = line.translate(_REFERENCES)
    return words_html(line).replace(escape(line), plain) if "$" in line or "\\" in line else plain


# -- tables --------------------------------------------------------------------------------------------


def table_html(
    columns: Sequence[dict[str, str]], rows: Sequence[Sequence[Any]], most: int = MOST_ROWS
) -> str:
    """Rows as an HTML table, and how many are left out."""
    sides = ["right" if isinstance(value, (int, float)) else "left" for value in (rows[0] if rows else ())]
    sides += ["left"] * (len(columns) - len(sides))
    head = "".join(
        f'<th style="text-align:{side}">{html(column["title"])}</th>'
        for side, column in zip(sides, columns, strict=True)
    )
    body = "".join(
        f"<tr>{''.join(_cell(value, column) for value, column in zip(row, columns, strict=True))}</tr>"
        for row in rows[:most]
    )
    return (
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{_rest(len(rows), most, 'rows')}"
    )


def table_text(columns: Sequence[dict[str, str]], rows: Sequence[Sequence[Any]]) -> str:
    """Rows in plain text, for viewers that have neither HTML nor a picture of it."""
    told = [i for i, column in enumerate(columns) if column["name"] != "traceback"]
    lines = [[columns[i]["title"] for i in told]]
    lines += [[" ".join(shown(row[i], columns[i]).split()) for i in told] for row in rows[:_TOLD]]
    lines = [[cell if len(cell) <= _WIDE else f"{cell[: _WIDE - 1]}…" for cell in line] for line in lines]
    widths = [max(len(line[i]) for line in lines) for i in range(len(told))]
    told_lines = ["  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)).rstrip() for line in lines]
    more = [f"… {len(rows) - _TOLD:,} more rows"] if len(rows) > _TOLD else []
    return "\n".join([*told_lines, *more])


def _rest(n: int, most: int, what: str) -> str:
    return f"<p>{most:,} of {n:,} {what}; dasklens.load_report has them all.</p>" if n > most else ""


def _cell(value: Any, column: dict[str, str]) -> str:
    if column["name"] == "traceback":
        last = html(str(value or "")[-_LONGEST:])
        return f"<td><details><summary>traceback</summary><pre>{last}</pre></details></td>"
    side = "right" if isinstance(value, (int, float)) else "left"
    return f'<td style="text-align:{side}">{html(shown(value, column))}</td>'


def shown(value: Any, column: dict[str, str]) -> str:
    """A value as it stands in a cell, in the unit of its column."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value if len(value) <= _LONGEST else value[:_LONGEST] + "…"
    unit, name = column["unit"], column["name"]
    if unit in ("s", "") and 1e8 < value < 1e11 and any(w in name for w in ("time", "start", "stop", "seen")):
        return f"{datetime.fromtimestamp(value, timezone.utc):%Y-%m-%d %H:%M:%S} UTC"
    if unit == "s":
        return duration(value)
    if unit in ("B", "B/s"):
        return size(value) + unit[1:]
    if unit == "%":
        return f"{value:.3g} %"
    return f"{value:,.6g}" if isinstance(value, float) else f"{value:,}"


def _columns(*titles: str) -> list[dict[str, str]]:
    return [{"name": title, "title": title, "unit": ""} for title in titles]


# -- sections ------------------------------------------------------------------------------------------


def about_html(document: Document) -> str:
    """When it was, what it ran on, and whether anything is missing."""
    cluster = document.cluster
    begin = datetime.fromtimestamp(min(max(document.start, 0), 1e11), timezone.utc)
    facts = [
        f"{begin:%Y-%m-%d %H:%M:%S} UTC, {duration(document.stop - document.start)}",
        f"{cluster['workers']:,} workers, {cluster['threads']:,} threads, {size(cluster['memory'])} of memory"
        if cluster["workers"]
        else "",
        html(cluster["scheduler"]),
        f"without {', '.join(map(html, document.redacted))}" if document.redacted else "",
    ]
    said = f"<p>{' · '.join(fact for fact in facts if fact)}</p>"
    if document.missed.get("tasks"):
        missed = f"{document.missed['tasks']:,} tasks are not in it: the scheduler's log was full."
        said += f"<p><strong>{missed}</strong></p>"
    if document.ended_early:
        said += f"<p><strong>Recording ended early: {html(document.ended_early)}</strong></p>"
    if document.exception:
        kind, words = document.exception["type"], document.exception["text"][:_LONGEST]
        said += f"<p><strong>The block raised {html(kind)}:</strong> {html(words)}</p>"
    return said


def summary_still(document: Document, folded: bool = False) -> Still:
    """The verdict, where the time went, and what looks wrong; the tables perhaps `folded`."""
    summary = document.summary
    if not summary:
        return Still(about_html(document))
    png = static.time_bar(document) or b""
    bar = image_html(png, f"Where the time went: {_times(summary)}") if png else ""
    times = table_html(
        _columns("time", "in all", "share", "how it is computed"),
        [[e["name"], duration(e["seconds"]), f"{e['share']:.1%}", e["how"]] for e in summary["time"]],
    )
    tables = f"{times}{_prefixes(summary)}"
    if folded:
        tables = f"<details><summary>The same in numbers</summary>{tables}</details>"
    return Still(
        f"<p><strong>{html(summary['verdict'])}</strong></p>{about_html(document)}{bar}{tables}"
        f"{_findings(summary)}",
        png,
    )


def _times(summary: dict[str, Any]) -> str:
    return ", ".join(f"{each['name']} {each['share']:.1%}" for each in summary["time"])


def _prefixes(summary: dict[str, Any]) -> str:
    rows = "".join(
        f'<tr><td style="color:{colour_of(each["prefix"])}">■</td>'
        f'<td style="text-align:left">{html(each["prefix"])}</td>'
        f"<td>{each['tasks']:,.0f}</td><td>{duration(each['seconds'])}</td><td>{each['share']:.1%}</td>"
        f"<td>{duration(each['median'])}</td></tr>"
        for each in summary["prefixes"]
    )
    head = (
        "<th></th><th style='text-align:left'>most expensive prefixes</th>"
        "<th>tasks</th><th>compute</th><th>share</th><th>median</th>"
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>" if rows else ""


def _findings(summary: dict[str, Any]) -> str:
    found = "".join(
        f"<li><strong>{html(each['title'])}</strong> ({html(each['severity'])}): {html(each['evidence'])} "
        f'{html(each["remedy"])} <a href="{escape(each["link"])}">More</a></li>'
        for each in summary["findings"]
    )
    notes = "".join(f"<li>{html(note)}</li>" for note in summary["notes"])
    return (f"<p><strong>What looks wrong</strong></p><ul>{found}</ul>" if found else "") + (
        f"<p><strong>Notes</strong></p><ul>{notes}</ul>" if notes else ""
    )


def task_stream_still(document: Document, most_bytes: int | None = None) -> Still:
    """The task stream as a picture, with its costliest prefixes."""
    return still_task_stream(static.overview_of(document), most_bytes)


def profile_still(document: Document, kind: str, most_bytes: int | None = None) -> Still | None:
    """A flame graph and the hottest functions; None when nothing was sampled."""
    for data in document.frames(f"profile:{kind}"):
        state, covers, _ = unpack_profile(data)
        if state["count"]:
            return still_flame(state, data, static.seconds_of(covers), most_bytes, static.PROFILES[kind])
    return None


def history_still(chart: Chart) -> Still:
    """A chart, and what its curves reached."""
    png = chart_png(chart)
    said = "; ".join(f"{each.name}: {each.last}" for each in chart.series)
    return Still(image_html(png, f"{chart.title}. {said}"), png)


def table_still(document: Document, name: str) -> tuple[Still, str]:
    """One of the report's tables, and the same in plain text."""
    table = document.tables.get(name)
    if table is None or not table["rows"]:
        why = (table["empty"] if table else "") or "It was not recorded."
        return Still(f"<p>{html(why)}</p>"), why
    columns, rows = table["columns"], table["rows"]
    return Still(table_html(columns, rows)), table_text(columns, rows)


def logs_still(document: Document) -> tuple[Still, str]:
    """The newest lines of the scheduler's and the workers' logs, and some in plain text."""
    logs = document.logs
    lines = [("scheduler", *line) for line in logs["scheduler"]]
    lines += [(worker, *line) for worker, some in logs["workers"].items() for line in some]
    if not lines:
        why = logs["empty"] or "Nothing was logged."
        return Still(f"<p>{html(why)}</p>"), why
    lines.sort(key=lambda line: line[1] or 0)
    kept = lines[-MOST_LINES:]
    columns = [{"name": n, "title": n, "unit": ""} for n in ("of", "time", "level", "text")]
    rest = _rest(len(lines), MOST_LINES, "lines, the newest")
    return Still(table_html(columns, kept, MOST_LINES) + rest), table_text(columns, kept[-_TOLD:])


def code_still(document: Document) -> tuple[Still, str] | None:
    """The calling code, and the same in plain text; None without."""
    code = document.code
    if code is None:
        return None
    lines = text(code["text"]).splitlines()
    marked = [f"{'→' if at == code['line'] else ' '} {at:4} {line}" for at, line in enumerate(lines, 1)]
    said = "\n".join(marked)
    return Still(f"<p>{html(code['file'])}</p><pre>{html(said)}</pre>"), said


def versions_still(document: Document) -> tuple[Still, str]:
    """Versions of what took part, and the same in plain text."""
    columns = _columns("package", "version")
    rows = [[*each] for each in document.cluster["versions"].items()]
    return Still(table_html(columns, rows)), table_text(columns, rows)
