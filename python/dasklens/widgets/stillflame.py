"""What a saved notebook shows of a profile where there is no script: its hottest functions."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from ..model.palette import library_colour
from ..model.profile import flatten

#: Functions listed, and characters shown of a name or a file.
_LISTED, _LONGEST = 15, 100


def still_flame_html(state: Mapping[str, Any], seconds_per_sample: float | None) -> str:
    """The functions with most samples of their own as HTML. All text in it is escaped."""
    total = state["count"]
    if not total:
        return "<p>Profile: no sample had been taken yet.</p>"
    rows = []
    for function in flatten(state)[:_LISTED]:
        where = f"{function.filename}:{function.line}" if function.line else function.filename
        rows.append(
            f'<tr><td style="color:{library_colour(function.library)}">■</td>'
            f'<td style="text-align:left">{_text(function.name)}</td>'
            f"<td>{function.own / total:.1%}</td><td>{function.total / total:.1%}</td>"
            f'<td style="text-align:left">{_text(where[-_LONGEST:])}</td></tr>'
        )
    took = f", {total * seconds_per_sample:,.3g} s of threads' time" if seconds_per_sample else ""
    return (
        f"<p><strong>Profile:</strong> {total:,} samples{took}</p>"
        "<table><thead><tr><th></th><th>function</th><th>own</th><th>total</th><th>file</th></tr></thead>"
        f"<tbody>{''.join(rows)}</tbody></table>"
    )


def _text(name: str) -> str:
    shown = name if len(name) <= _LONGEST else name[:_LONGEST] + "…"
    return escape(shown.encode("utf-8", "replace").decode())
