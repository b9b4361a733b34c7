"""What changed over time, as a bqplot Figure that needs neither a kernel nor frames."""

from __future__ import annotations

import bqplot
import ipywidgets
import numpy as np

from ..model.charts import Chart
from ..model.drawing import count_ticks, size_ticks
from .marks import TimeAxis
from .still import words_html

_UNITS = ((2.0**40, "TiB"), (2.0**30, "GiB"), (2.0**20, "MiB"), (2.0**10, "kiB"), (0.0, "B"))
_HEIGHT = "240px"
#: Characters of a name.
_LONGEST = 80


def history_figure(chart: Chart) -> bqplot.Figure:
    """A chart as an ordinary bqplot Figure: areas where series are stacked, lines otherwise."""
    chart = chart.thinned()
    layers = chart.layers()
    unit, _, top = _unit(chart)
    ticks = size_ticks(top, 5) if chart.unit == "B" else count_ticks(top, 5)
    scales = {
        "x": bqplot.LinearScale(min=chart.begin, max=chart.end, allow_padding=False),
        "y": bqplot.LinearScale(min=0.0, max=1.05 * top / unit, allow_padding=False),
    }
    look = {"x": chart.time, "scales": scales, "stroke_width": 1.5}
    marks = []
    stacked = [each for each in layers if each[0].stacked]
    if stacked:
        series = [each for each, _, _ in stacked]
        marks.append(
            bqplot.Lines(
                y=np.array([stacked[0][1], *(above for _, _, above in stacked)]) / unit,
                # The first line is the floor of the first area.
                colors=[series[0].colour, *(each.colour for each in series)],
                labels=["", *(each.name for each in series)],
                fill="between",
                fill_colors=[each.colour for each in series],
                fill_opacities=[0.55] * len(series),
                **look,
            )
        )
    marks += [
        bqplot.Lines(y=above / unit, colors=[each.colour], labels=[each.name], **look)
        for each, _, above in layers
        if not each.stacked
    ]
    axes = [
        TimeAxis(scale=scales["x"], grid_lines="none"),
        # The legend below says the unit: labels of bqplot are orange in the dark.
        bqplot.Axis(
            scale=scales["y"],
            side="left",
            tick_values=[value / unit for value, _ in ticks],
            tick_format=".4~g",
        ),
    ]
    return bqplot.Figure(
        marks=marks,
        axes=axes,
        fig_margin={"top": 10, "bottom": 26, "left": 64, "right": 24},
        layout=ipywidgets.Layout(width="100%", height=_HEIGHT, min_width="200px"),
        min_aspect_ratio=0.001,
        max_aspect_ratio=1000,
        padding_x=0,
        padding_y=0,
        display_toolbar=False,
    )


def _unit(chart: Chart) -> tuple[float, str, float]:
    """What values are divided by, what they are called then, and the largest one before."""
    tops = [float(np.nanmax(above)) for _, _, above in chart.layers() if np.isfinite(above).any()]
    top = max([*tops, 0.0]) or 1.0
    if chart.unit != "B":
        return 1.0, chart.unit, top
    unit, name = next((unit or 1.0, name) for unit, name in _UNITS if top >= unit)
    return unit, name, top


def history_box(chart: Chart) -> ipywidgets.VBox:
    """The same, and below it what the colours are."""
    entries = "".join(
        f'<span style="display:inline-block;margin-right:18px;line-height:1.6">'
        f'<span style="color:{each.colour}">■</span> {words_html(_said(each.name, each.last))}</span>'
        for each in chart.series
    )
    unit = _unit(chart)[1]
    note = words_html(" ".join(each for each in (f"Scale in {unit}." if unit else "", chart.note) if each))
    legend = ipywidgets.HTML(f"{entries}<br>{note}" if note else entries, layout={"padding": "0 24px 0 64px"})
    return ipywidgets.VBox([history_figure(chart), legend])


def _said(name: str, last: str) -> str:
    shown = name if len(name) <= _LONGEST else name[:_LONGEST] + "…"
    return f"{shown}: {last}" if last else shown
