"""What changed over time, as a bqplot Figure that needs neither a kernel nor frames."""

from __future__ import annotations

import bqplot
import ipywidgets
import numpy as np

from ..model.charts import Chart
from .marks import TimeAxis

_UNITS = ((2.0**40, "TiB"), (2.0**30, "GiB"), (2.0**20, "MiB"), (2.0**10, "kiB"), (0.0, "B"))
_HEIGHT = "240px"


def history_figure(chart: Chart) -> bqplot.Figure:
    """A chart as an ordinary bqplot Figure: areas where series are stacked, lines otherwise."""
    chart = chart.thinned()
    layers = chart.layers()
    tops = [float(np.nanmax(above)) for _, _, above in layers if np.isfinite(above).any()]
    unit, name = 1.0, chart.unit
    if chart.unit == "B":
        unit, name = next((unit or 1.0, name) for unit, name in _UNITS if max(tops, default=0.0) >= unit)
    scales = {
        "x": bqplot.LinearScale(min=chart.begin, max=chart.end, allow_padding=False),
        "y": bqplot.LinearScale(min=0.0, allow_padding=False),
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
        bqplot.Axis(
            scale=scales["y"], side="left", num_ticks=5, label=name, label_offset="44px", tick_format=".4~g"
        ),
    ]
    return bqplot.Figure(
        marks=marks,
        axes=axes,
        title=chart.title,
        fig_margin={"top": 34, "bottom": 26, "left": 64, "right": 24},
        layout=ipywidgets.Layout(width="100%", height=_HEIGHT, min_width="200px"),
        min_aspect_ratio=0.001,
        max_aspect_ratio=1000,
        padding_x=0,
        padding_y=0,
        display_toolbar=False,
    )


def history_box(chart: Chart) -> ipywidgets.VBox:
    """The same with a line of text below that says what the colours are."""
    chart = chart.thinned()
    names = [
        ipywidgets.HBox([_swatch(each.colour), ipywidgets.Label(_said(each.name, each.last))])
        for each in chart.series
    ]
    legend = ipywidgets.HBox(names, layout={"flex_flow": "row wrap", "padding": "0 0 0 64px"})
    note = [ipywidgets.Label(chart.note)] if chart.note else []
    return ipywidgets.VBox([history_figure(chart), legend, *note])


def _said(name: str, last: str) -> str:
    shown = name if len(name) <= 60 else name[:60] + "…"
    return f"{shown}: {last}" if last else shown


def _swatch(colour: str) -> ipywidgets.Widget:
    return ipywidgets.Box(
        layout={
            "width": "12px",
            "height": "12px",
            "margin": "8px 4px 0 12px",
            "border": f"6px solid {colour}",
        }
    )
