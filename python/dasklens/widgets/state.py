"""Every figure as widget state in JSON: what the side panel and the reports show without a kernel.

``python -m dasklens.widgets.state`` writes it into the browser's sources, where `js/src/host` brings it to
life; a test holds the file against what Python makes. So a figure is composed here, once, for the cell, the
panel and the report.

What changes from one process or release to the next is left out: ids become numbers, versions are those of
the page, and the code of the anywidget parts is the page's own.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anywidget
import ipywidgets
from ipywidgets.embed import dependency_state
from ipywidgets.widgets.widget import _instances

from .flamefigure import flame_box
from .memory import Memory
from .progress import Progress
from .receiver import Unfed
from .task_stream import compose as task_stream
from .workers import Workers


@dataclass(frozen=True)
class Composed:
    """A figure that needs nothing but frames.

    Attributes
    ----------
    title : str
    python : str
        What shows it in a cell: a public name of `dasklens`, which is called with a client.
    compose : callable
        Makes the widget. Whatever in it has a trait ``streams`` is fed frames of these streams.
    """

    title: str
    python: str
    compose: Callable[[], ipywidgets.Widget]


#: Every figure, in the order in which the panel has them first. One line makes one known to the panel.
FIGURES = {
    "progress": Composed("Progress", "Progress", lambda: Progress(Unfed())),
    "task-stream": Composed("Task stream", "TaskStream", task_stream),
    "workers": Composed("Workers", "Workers", lambda: Workers(Unfed())),
    "memory": Composed("Memory", "Memory", lambda: Memory(Unfed())),
    "profile": Composed("Profile", "Profile", flame_box),
}

#: Traits that depend on who else is installed, or that are code.
_LEFT_OUT = ("_esm", "_css", "_model_module_version", "_view_module_version", "_view_count")


def state_of(widget: ipywidgets.Widget) -> dict[str, Any]:
    """The state of a widget and of all that it is made of.

    Returns
    -------
    dict
        ``root``, the id of the widget's model, and ``models``: by id, ``name``, ``module``, ``state`` and
        perhaps ``buffers``, bytes in base64 and where in the state they belong.
    """
    found = dependency_state(widget, drop_defaults=True)
    models: dict[str, dict[str, Any]] = {}
    for ident, entry in found.items():
        made = _instances[ident]
        # An anywidget has its defaults from Python alone.
        full = made.get_state() if isinstance(made, anywidget.AnyWidget) else entry["state"]
        state = {name: value for name, value in full.items() if name not in _LEFT_OUT}
        # A default of the mark's, but the host has to know it before there is a model.
        if made.has_trait("streams"):
            state["streams"] = list(made.streams)
        models[ident] = {"name": entry["model_name"], "module": entry["model_module"], "state": state}
        if entry.get("buffers"):
            models[ident]["buffers"] = [{"path": b["path"], "data": b["data"]} for b in entry["buffers"]]
    text = json.dumps({"root": widget.model_id, "models": models})
    for n, ident in enumerate(found):
        text = text.replace(ident, str(n))
    numbered: dict[str, Any] = json.loads(text)
    return numbered


def figures() -> list[dict[str, Any]]:
    """What the file holds, in order: ``name``, ``title``, ``python`` and what `state_of` says."""
    return [
        {"name": name, "title": figure.title, "python": figure.python, **_composed(figure)}
        for name, figure in FIGURES.items()
    ]


def _composed(figure: Composed) -> dict[str, Any]:
    before = set(_instances)
    try:
        return state_of(figure.compose())
    finally:
        # Closing a figure closes what it is made of.
        for ident in set(_instances) - before:
            if ident in _instances:
                _instances[ident].close()


def path() -> Path:
    """Where the file is in a checkout."""
    return Path(__file__).parents[3] / "js" / "src" / "host" / "figures.json"


def text() -> str:
    """The file."""
    return json.dumps(figures(), indent=1, sort_keys=True) + "\n"


if __name__ == "__main__":
    path().write_text(text())
    print(path())
