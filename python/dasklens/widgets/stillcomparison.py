"""What a saved notebook shows of a comparison without a script: its numbers, and a picture of each run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import log
from typing import Any

from ..model.drawing import duration
from ..model.overview import Overview
from ..model.palette import colour_of
from ..model.picture import task_stream_png
from .still import MOST_IMAGE, image_html, words_html

#: Prefixes listed, and characters shown of a name.
_LISTED, _LONGEST = 20, 80
_COLOURS = {"slower": "#d95f02", "faster": "#2166ac"}
_MARKS = {"slower": "▲ ", "faster": "▼ "}
#: Of an interval's picture: pixels, and the ratio at either edge.
_WIDTH, _EDGE = 160, 4.0


def still_comparison_html(comparison: Mapping[str, Any], overviews: Sequence[Overview] = ()) -> str:
    """A comparison as HTML that needs no script. All text in it is escaped."""
    runs = comparison["runs"]
    labels = _text(runs[0]["label"]), _text(runs[-1]["label"])
    prefixes = comparison["prefixes"]
    rows = "".join(_row(each, labels) for each in prefixes[:_LISTED])
    more = len(prefixes) - _LISTED
    rest = f"<p>and {more:,} more prefixes that cost less</p>" if more > 0 else ""
    notes = "".join(f"<p>{words_html(note)}</p>" for note in comparison["notes"])
    return (
        f"<p><strong>Comparison:</strong> {words_html(comparison['verdict'])}</p>"
        f"<table><thead><tr><th></th><th>prefix</th><th>median {labels[0]}</th><th>{labels[1]}</th>"
        f"<th>ratio (95 %)</th><th>¼ to 4 times</th>"
        f"<th>tasks {labels[0]}</th><th>{labels[1]}</th><th></th></tr></thead>"
        f"<tbody>{rows}</tbody></table>{rest}{notes}"
        + "".join(_picture(run, overview) for run, overview in zip(runs, overviews, strict=False))
    )


def _row(each: Mapping[str, Any], labels: tuple[str, str]) -> str:
    verdict = each["verdict"]
    said = {"only in a": f"only in {labels[0]}", "only in b": f"only in {labels[1]}"}.get(verdict, verdict)
    medians = "".join(
        f"<td>{'' if value is None else duration(value)}</td>"
        for value in (each["medians"][0], each["medians"][-1])
    )
    tasks = "".join(f"<td>{n:,}</td>" for n in (each["tasks"][0], each["tasks"][-1]))
    colour = _COLOURS.get(verdict)
    style = f' style="color:{colour}"' if colour else ""
    return (
        f'<tr><td style="color:{colour_of(each["prefix"])}">■</td><td>{_text(each["prefix"])}</td>{medians}'
        f"<td>{_ratio(each)}</td><td>{_bar(each)}</td>{tasks}"
        f"<td{style}>{_MARKS.get(verdict, '')}{said}</td></tr>"
    )


def _ratio(each: Mapping[str, Any]) -> str:
    if each["interval"] is None:
        return ""
    value, low, high = ("∞" if end is None else f"{end:.3g}" for end in (each["ratio"], *each["interval"]))
    return f"{value} ({low} to {high})"


def _bar(each: Mapping[str, Any]) -> str:
    """The interval on a scale of logarithms, with a line where nothing changed."""
    if each["interval"] is None:
        return ""

    def place(ratio: float | None) -> float:
        part = 1.0 if ratio is None else log(max(ratio, 1 / _EDGE)) / log(_EDGE)
        return round(_WIDTH * (min(part, 1.0) + 1) / 2, 1)

    (low, high), at = map(place, each["interval"]), place(each["ratio"])
    colour = _COLOURS.get(each["verdict"], "#888888")
    half = _WIDTH / 2
    return (
        f'<svg width="{_WIDTH}" height="12" viewBox="0 0 {_WIDTH} 12">'
        f'<line x1="{half}" x2="{half}" y1="0" y2="12" stroke="#888888"/>'
        f'<line x1="{low}" x2="{max(high, low + 1)}" y1="6" y2="6" stroke="{colour}" stroke-width="4"/>'
        f'<circle cx="{at}" cy="6" r="4" fill="{colour}"/></svg>'
    )


def _picture(run: Mapping[str, Any], overview: Overview) -> str:
    if not overview.n_tasks:
        return ""
    said = f"Task stream of {run['label']}"
    return f"<p>{_text(run['title'])}</p>{image_html(task_stream_png(overview, MOST_IMAGE, said), said)}"


def _text(name: str) -> str:
    return words_html(name if len(name) <= _LONGEST else name[:_LONGEST] + "…")
