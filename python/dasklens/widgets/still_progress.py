"""The bars of a saved notebook: HTML that needs neither script nor style, beside the live widget."""

from __future__ import annotations

from html import escape

from ..model.progress import Group, ProgressNow

#: Groups listed, and characters shown of a name and of a text.
_LISTED, _LONGEST, _LONGEST_TEXT = 50, 100, 4000
#: Characters of a bar, and what stands for tasks by state: no viewer takes these away.
_WIDTH = 24
_DONE, _FAILED, _RUNNING, _LEFT = "█", "✕", "▒", "░"


def progress_html(now: ProgressNow, status: str, why: str, multi: bool) -> str:
    """How far it is as HTML. All text in it is escaped."""
    total = now.total
    percent = f", {100 * now.done // total} %" if total else ""
    words = f"{now.done:,} of {total:,} task{'s' * (total != 1)}{percent}" if total else "nothing to do"
    if not total and not now.final:
        words = "counting"
    reason = f" ({_text(why)})" if why else ""
    head = (
        f"<p><strong>Progress: {escape(status)}</strong>{reason}: {words}; {now.elapsed:,.1f} s elapsed</p>"
    )
    groups = now.groups
    everything = Group(
        "all", counts={state: sum(g.counts[state] for g in groups) for state in _states(groups)}
    )
    rows = [everything, *(groups[:_LISTED] if multi else [])] if groups else []
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
        f"<tr><td>{mark}{_text(group.name[:_LONGEST])}{'…' * (len(group.name) > _LONGEST)}</td>"
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
    lines = "".join(f"<tr><td>{name}</td><td>{_text(text[:_LONGEST_TEXT])}</td></tr>" for name, text in rows)
    traceback = f"<pre>{_text(error['traceback'][-_LONGEST_TEXT:])}</pre>" if error["traceback"] else ""
    table = f"<table><tbody>{lines}</tbody></table>"
    return f"<details open><summary>Why it failed</summary>{table}{traceback}</details>"


def _text(text: str) -> str:
    # A lone surrogate cannot be sent.
    return escape(text.encode("utf-8", "replace").decode())
