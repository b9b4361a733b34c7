"""Figures as the widget state that a notebook's metadata holds: live in a JupyterLab without a kernel.

The widgets are made for their state alone. No page hears of them: inside a kernel each would be a message to
the browser, and the frames of a whole run with it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

import anywidget
import comm
import ipywidgets
from ipywidgets.embed import dependency_state
from ipywidgets.widgets.widget import _instances

from .marks import Presence

#: Where a notebook's metadata has the state of its widgets.
STATE_MIME = "application/vnd.jupyter.widget-state+json"
_LOCK = threading.Lock()


class Embedded(NamedTuple):
    """What a notebook holds of its figures.

    Attributes
    ----------
    views : dict of str to (str, str)
        By name: the id of the figure's model, and that of the model that says that it is in the page.
    state : dict
        For `STATE_MIME`.
    """

    views: dict[str, tuple[str, str]]
    state: dict[str, Any]


def embed(make: Mapping[str, Callable[[], ipywidgets.Widget]]) -> Embedded:
    """Make figures, and keep nothing but their state.

    Parameters
    ----------
    make : mapping of str to callable
        By name, what makes a widget. One with a `mark` says by it that it is in the page.
    """
    views: dict[str, tuple[str, str]] = {}
    roots: list[ipywidgets.Widget] = []
    models: dict[str, Any] = {}
    with _LOCK, _untold():
        try:
            for name, each in make.items():
                widget = each()
                roots.append(widget)
                mark = getattr(widget, "mark", None)
                if mark is None:
                    mark = Presence()
                    roots.append(mark)
                views[name] = (widget.model_id, mark.model_id)
            models = dependency_state(roots, drop_defaults=True) if roots else {}
            for ident in models:
                if isinstance(made := _instances[ident], anywidget.AnyWidget):
                    # It has its defaults from Python alone.
                    models[ident] = made._get_embed_state(drop_defaults=False)
        finally:
            for ident in [*models, *(root.model_id for root in roots)]:
                if ident in _instances:
                    _instances[ident].close()
    return Embedded(views, {"version_major": 2, "version_minor": 0, "state": models})


@contextmanager
def _untold() -> Iterator[None]:
    """Have no page told of the widgets that this thread makes meanwhile."""
    ours, told = threading.get_ident(), comm.create_comm

    def create(*args: Any, **kwargs: Any) -> Any:
        return comm.DummyComm(*args, **kwargs) if threading.get_ident() == ours else told(*args, **kwargs)

    comm.create_comm = create
    try:
        yield
    finally:
        comm.create_comm = told
