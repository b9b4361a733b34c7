"""What a saved notebook shows of a profile where there is no script: a picture and the hottest functions."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from ..model.flame import lay_out
from ..model.palette import library_colour
from ..model.picture import flame_png
from ..model.profile import flatten
from .still import MOST_IMAGE, Still, image_html, words_html

#: Functions listed, and characters shown of a name or a file.
_LISTED, _LONGEST = 15, 100


def still_flame(
    state: Mapping[str, Any],
    frame: bytes | None,
    seconds_per_sample: float | None,
    most_bytes: int | None = MOST_IMAGE,
    title: str = "Profile",
) -> Still:
    """A flame graph and the functions with most samples of their own.

    Parameters
    ----------
    state : mapping
        The tree.
    frame : bytes or None
        The same as a frame of the stream ``profile``; without it there is no picture.
    seconds_per_sample : float, optional
    most_bytes : int, optional
        Of the picture.
    """
    total = state["count"]
    if not total:
        return Still(f"<p>{escape(title)}: no sample had been taken yet.</p>")
    took = f", {total * seconds_per_sample:,.3g} s of threads' time" if seconds_per_sample else ""
    said = f"{total:,} samples{took}"
    picture = flame_png(lay_out(frame), seconds_per_sample, most_bytes, title) if frame else b""
    image = image_html(picture, f"{title}: {said}") if picture else ""
    return Still(f"<p><strong>{escape(title)}:</strong> {said}</p>{image}{_functions(state)}", picture)


def _functions(state: Mapping[str, Any]) -> str:
    total = state["count"]
    rows = []
    for function in flatten(state)[:_LISTED]:
        where = f"{function.filename}:{function.line}" if function.line else function.filename
        rows.append(
            f'<tr><td style="color:{library_colour(function.library)}">■</td>'
            f'<td style="text-align:left">{_text(function.name)}</td>'
            f"<td>{function.own / total:.1%}</td><td>{function.total / total:.1%}</td>"
            f'<td style="text-align:left">{_text(where[-_LONGEST:])}</td></tr>'
        )
    return (
        "<table><thead><tr><th></th><th>function</th><th>own</th><th>total</th><th>file</th></tr></thead>"
        f"<tbody>{''.join(rows)}</tbody></table>"
    )


def _text(name: str) -> str:
    shown = name if len(name) <= _LONGEST else name[:_LONGEST] + "…"
    return words_html(shown)
