"""The widgets of a notebook as it was saved: which of them a page without a kernel can draw, and what of their state.

A *place* is an output that shows a widget. The widget of a place is drawn with all that it refers to, and with the
links (`ipywidgets.jslink`) between what is drawn. What a page cannot draw has a stand-in: a sentence that says why,
and the picture that some widgets save of themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

VIEW = "application/vnd.jupyter.widget-view+json"
STATE = "application/vnd.jupyter.widget-state+json"

#: Modules that the page has, and the major version it has them in; None where all that there were can be drawn.
MODULES: Mapping[str, str | None] = {
    "@jupyter-widgets/base": "2",
    "@jupyter-widgets/controls": "2",
    "@jupyter-widgets/output": "1",
    "anywidget": None,
    "bqplot": None,
    "bqscales": None,
    "dasklens": None,
}
#: Those that need bqplot's script.
BQPLOT = frozenset(("bqplot", "bqscales", "dasklens"))
_OURS = "dasklens.widgets."
_REFERENCE = "IPY_MODEL_"
_LINKS = frozenset(("LinkModel", "DirectionalLinkModel"))
#: What people set, and what then changes nothing but by a kernel or a link.
CONTROLS = frozenset(
    f"{name}Model"
    for name in (
        "BoundedFloatText BoundedIntText Button Checkbox ColorPicker ColorsInput Combobox DatePicker Datetime Dropdown "
        "FileUpload FloatLogSlider FloatRangeSlider FloatSlider FloatText FloatsInput IntRangeSlider IntSlider IntText "
        "IntsInput NaiveDatetime Password Play RadioButtons Select SelectMultiple SelectionRangeSlider SelectionSlider "
        "TagsInput Text Textarea Time ToggleButton ToggleButtons"
    ).split()
)
#: How the base64 of a PNG and of a JPEG begin.
_PICTURES = {"iVBORw0KGgo": "image/png", "/9j/": "image/jpeg"}

State = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class StandIn:
    """What stands for a model that the page cannot draw."""

    sentence: str
    #: The module that is missing, or what is wrong, for who counts.
    what: str
    #: A ``data:`` address, or empty.
    picture: str = ""


@dataclass
class Widgets:
    """What a page draws of a notebook's widgets."""

    #: Models that are drawn, as Jupyter saves them, by id.
    state: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    #: Of these and of what places show, those that cannot be drawn.
    missing: dict[str, StandIn] = field(default_factory=dict)
    #: Ids of controls, and of those that nothing in the page listens to.
    controls: list[str] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)

    @property
    def modules(self) -> set[str]:
        """Modules of the models that are drawn."""
        return {_module(model) for id_, model in self.state.items() if id_ not in self.missing}

    @property
    def icons(self) -> bool:
        """Whether one of them names an icon."""
        return any(_has_icon(model) for model in self.state.values())

    @property
    def formulas(self) -> bool:
        """Whether one of them may hold a formula."""
        return any(
            model.get("model_name") in ("HTMLMathModel", "LabelModel") and "$" in str(_traits(model).get("value"))
            for model in self.state.values()
        )


def saved_state(metadata: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The widgets' state in the metadata of a notebook; what is no model is left out."""
    widgets = metadata.get("widgets")
    saved = widgets.get(STATE) if isinstance(widgets, Mapping) else None
    state = saved.get("state") if isinstance(saved, Mapping) else None
    if not isinstance(state, Mapping):
        return {}
    return {str(id_): model for id_, model in state.items() if _is_model(model)}


def place_of(output: Mapping[str, Any]) -> str | None:
    """Id of the widget that an output shows; None when it shows none."""
    data = output.get("data")
    view = data.get(VIEW) if isinstance(data, Mapping) else None
    if not isinstance(view, Mapping):
        return None
    return str(view.get("model_id"))


def drawn(state: State, places: Iterable[str], scripts: bool = False) -> Widgets:
    """What a page draws.

    Parameters
    ----------
    state : mapping
        Models as Jupyter saves them, by id.
    places : iterable of str
        Ids of the widgets that outputs show.
    scripts : bool, default False
        Whether code that widgets bring may run.
    """
    found = Widgets()
    _reach(state, [id_ for id_ in places if id_ in state], scripts, found)
    linked = _linked(state, scripts, found)
    for id_, model in found.state.items():
        if _module(model) == "@jupyter-widgets/controls" and model["model_name"] in CONTROLS:
            if not _traits(model).get("disabled"):
                found.controls.append(id_)
                if id_ not in linked:
                    found.waiting.append(id_)
    return found


def _reach(state: State, ids: list[str], scripts: bool, found: Widgets) -> None:
    """Add models and all that they refer to."""
    waiting = list(ids)
    while waiting:
        id_ = waiting.pop()
        if id_ in found.state:
            continue
        model = found.state[id_] = state[id_]
        stand_in = _stand_in(model, scripts)
        if stand_in is not None:
            # Its parts are nothing without it.
            found.missing[id_] = stand_in
            continue
        waiting += [each for each in _references(_traits(model)) if each in state]


def _linked(state: State, scripts: bool, found: Widgets) -> set[str]:
    """Add the links between what is drawn; the ids of what they link."""
    linked: set[str] = set()
    for id_, model in state.items():
        if model["model_name"] in _LINKS and id_ not in found.missing:
            ends = [_end(_traits(model).get(name)) for name in ("source", "target")]
            if all(end in found.state and end not in found.missing for end in ends):
                linked.update(ends)
                _reach(state, [id_], scripts, found)
    return linked


def _end(pair: Any) -> str:
    """Id of one end of a link: a model and the name of its trait."""
    return str(pair[0]).removeprefix(_REFERENCE) if isinstance(pair, (list, tuple)) and pair else ""


def _references(value: Any) -> Iterator[str]:
    """What a state may refer to: some widgets write ``IPY_MODEL_`` before an id, and some the id alone."""
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, str):
            yield each.removeprefix(_REFERENCE)
        elif isinstance(each, Mapping):
            waiting += each.values()
        elif isinstance(each, (list, tuple)):
            waiting += each


def _stand_in(model: Mapping[str, Any], scripts: bool) -> StandIn | None:
    module, version = _module(model), str(model.get("model_module_version", ""))
    traits = _traits(model)
    if module not in MODULES:
        return StandIn(f"This widget is of {module}, which this page does not have.", module, _picture(traits))
    major = MODULES[module]
    if major is not None and version.lstrip("^~=v")[:1] not in (major, "*", ""):
        what = f"{module} {version}"
        return StandIn(
            f"This widget is of {what}, and this page has version {major}: run the notebook again with ipywidgets 8.",
            what,
        )
    if module == "anywidget" and not scripts and not str(traits.get("_anywidget_id", "")).startswith(_OURS):
        what = str(traits.get("_anywidget_id", "an anywidget"))
        return StandIn(
            f"This widget ({what}) brings code of its own, which does not run in this page.", what, _picture(traits)
        )
    return None


def _picture(traits: Mapping[str, Any]) -> str:
    """The picture that a widget saved of itself: as an address (ipympl) or as base64 alone (k3d)."""
    for value in traits.values():
        if isinstance(value, str):
            if value.startswith(("data:image/png;base64,", "data:image/jpeg;base64,")):
                return value
            for start, kind in _PICTURES.items():
                if value.startswith(start) and len(value) > 100:
                    return f"data:{kind};base64,{value}"
    return ""


def _has_icon(model: Mapping[str, Any]) -> bool:
    traits = _traits(model)
    return bool(
        traits.get("icon")
        or any(traits.get("icons") or ())
        or (model["model_name"] == "FigureModel" and traits.get("display_toolbar", True))
        or model["model_name"] in ("PlayModel", "ToolbarModel", "ValidModel")
    )


def _is_model(model: Any) -> bool:
    return (
        isinstance(model, Mapping)
        and isinstance(model.get("model_name"), str)
        and isinstance(model.get("model_module"), str)
        and isinstance(model.get("state"), Mapping)
    )


def _module(model: Mapping[str, Any]) -> str:
    return str(model["model_module"])


def _traits(model: Mapping[str, Any]) -> Mapping[str, Any]:
    traits: Mapping[str, Any] = model["state"]
    return traits
