"""The bars of a saved notebook: HTML that needs neither script nor style, and a picture for what prints."""

from __future__ import annotations

from html import escape

from ..model.charts import Part, bars_png
from ..model.palette import ERROR_COLOUR, colour_of
from ..model.progress import Group, ProgressNow
from .still import Still, words_html

#: Groups listed, and characters shown of a name and of a text.
_LISTED, _LONGEST, _LONGEST_TEXT = 50, 100, 4000
#: Characters of a bar, and what stands for tasks by state: no viewer takes these away.
_WIDTH = 24
_DONE, _FAILED, _RUNNING, _LEFT = "█", "✕", "▒", "░"


#: Bars in a picture.
_PICTURED = 20


def still_progress(now: ProgressNow, status: str, why: str, multi: bool) -> Still:
    """How far it is as HTML, and as a picture."""
    html = progress_html(now, status, why, multi)
    if not now.groups:
        return Still(html)
    groups = now.groups[:_PICTURED] if multi else []
    title = f"Progress: {status}, {now.done:,} of {now.total:,} tasks"
    bars = [
        (group.name, f"{group.done:,} / {group.total:,}", _parts(group)) for group in (_all(now), *groups)
    ]
    more = len(now.groups) - _PICTURED
    note = f"and {more:,} more groups" if multi and more > 0 else ""
    return Still(
        html, bars_png(title, [("all", f"{now.done:,} / {now.total:,}", _parts(_all(now))), *bars], note)
    )


def _parts(group: Group) -> list[Part]:
    total, counts = max(1, group.total), group.counts
    return [
        Part("done", colour_of(group.name) if group.name != "all" else "#4477aa", group.done / total, ""),
        Part("failed", ERROR_COLOUR, counts["erred"] / total, ""),
        Part("running", "#a3a3a3", counts["processing"] / total, ""),
    ]


def _all(now: ProgressNow) -> Group:
    return Group("all", counts={s: sum(g.counts[s] for g in now.groups) for s in _states(now.groups)})


def progress_html(now: ProgressNow, status: str, why: str, multi: bool) -> str:
    """How far it is as HTML. All text in it is escaped."""
    total = now.total
    percent = f", {100 * now.done // total} %" if total else ""
    words = f"{now.done:,} of {total:,} task{'s' * (total != 1)}{percent}" if total else "nothing to do"
    if not total and not now.final:
        words = "counting"
    reason = f" ({words_html(why)})" if why else ""
    head = (
        f"<p><strong>Progress: {escape(status)}</strong>{reason}: {words}; {now.elapsed:,.1f} s elapsed</p>"
    )
    groups = now.groups
    rows = [_all(now), *(groups[:_LISTED] if multi else [])] if groups else []
    more = len(groups) - _LISTED
    rest = f"<p>and {more:,} more groups</p>" if multi and more > 0 else ""
    table = f"<table><tbody>{''.join(_row(group) for group in rows)}</tbody></table>" if rows else ""
    return head + table + rest + _failure(now.error)


def _states(groups: list[Group]) -> list[str]:
    return list(groups[0].counts) if groups else []


def _row(group: Group) -> str:
    counts = group.counts
    failed = f", {counts['erred']:,} failed" if counts["erred"] else ""
    cancelled = f", {counts['cancelled']:,} cancelled" if counts["cancelled"] else ""
    mark = "✕ " if failed else ""
    return (
        f"<tr><td>{mark}{words_html(group.name[:_LONGEST])}{'…' * (len(group.name) > _LONGEST)}</td>"
        f"<td><code>{_bar(group)}</code></td>"
        f"<td>{group.done:,} / {group.total:,}{failed}{cancelled}</td></tr>"
    )


def _bar(group: Group) -> str:
    total = max(1, group.total)
    parts = ((group.done, _DONE), (group.counts["erred"], _FAILED), (group.counts["processing"], _RUNNING))
    bar = ""
    for n, character in parts:
        # What there is is seen, however little.
        bar += character * max(round(_WIDTH * n / total), int(n > 0))
    return (bar + _LEFT * _WIDTH)[:_WIDTH]


def _failure(error: dict[str, str] | None) -> str:
    if error is None:
        return ""
    rows = [("exception", error["exception"]), ("key", error["blamed"]), ("worker", error["worker"])]
    lines = "".join(
        f"<tr><td>{name}</td><td>{words_html(text[:_LONGEST_TEXT])}</td></tr>" for name, text in rows
    )
    traceback = f"<pre>{words_html(error['traceback'][-_LONGEST_TEXT:])}</pre>" if error["traceback"] else ""
    table = f"<table><tbody>{lines}</tbody></table>"
    return f"<details open><summary>Why it failed</summary>{table}{traceback}</details>"
