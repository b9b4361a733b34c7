"""The widgets of a notebook as it was saved: which a page without a kernel can draw, and what of their state.

A *place* is an output that shows a widget. The widget of a place is drawn with all that it refers to, and
with the links (`ipywidgets.jslink`) between what is drawn. What a page cannot draw has a stand-in: a sentence
that says why, and the picture that some widgets save of themselves.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

VIEW = "application/vnd.jupyter.widget-view+json"
#: What figures of dasklens have beside it, or in its place: in the notebook of a report.
OUR_VIEW = "application/vnd.dasklens.view+json"
STATE = "application/vnd.jupyter.widget-state+json"

#: Modules that the page has, and the major version it has them in; None where any can be drawn.
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
_CODE = frozenset(("_css", "_esm"))
_REFERENCE = "IPY_MODEL_"
_LINKS = frozenset(("LinkModel", "DirectionalLinkModel"))
_BOXES = frozenset(("BoxModel", "GridBoxModel", "HBoxModel", "VBoxModel"))
UNSAVED = "What this figure shows was sent by a kernel, and was not saved with the notebook."
#: What people set, and what then changes nothing but by a kernel or a link.
CONTROLS = frozenset(
    f"{name}Model"
    for name in (
        "BoundedFloatText",
        "BoundedIntText",
        "Button",
        "Checkbox",
        "ColorPicker",
        "ColorsInput",
        "Combobox",
        "DatePicker",
        "Datetime",
        "Dropdown",
        "FileUpload",
        "FloatLogSlider",
        "FloatRangeSlider",
        "FloatSlider",
        "FloatText",
        "FloatsInput",
        "IntRangeSlider",
        "IntSlider",
        "IntText",
        "IntsInput",
        "NaiveDatetime",
        "Password",
        "Play",
        "RadioButtons",
        "Select",
        "SelectMultiple",
        "SelectionRangeSlider",
        "SelectionSlider",
        "TagsInput",
        "Text",
        "Textarea",
        "Time",
        "ToggleButton",
        "ToggleButtons",
    )
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
    #: Places that show a figure whose data was not saved.
    lacking: set[str] = field(default_factory=set)

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
            model.get("model_name") in ("HTMLMathModel", "LabelModel")
            and "$" in str(_traits(model).get("value"))
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


def trimmed(model: Mapping[str, Any]) -> Mapping[str, Any]:
    """A model without code that the page has."""
    if not _is_ours(model):
        return model
    return {**model, "state": {name: value for name, value in _traits(model).items() if name not in _CODE}}


def place_of(output: Mapping[str, Any]) -> str | None:
    """Id of the widget that an output shows; None when it shows none."""
    data = output.get("data")
    if isinstance(data, Mapping):
        for kind in (VIEW, OUR_VIEW):
            if isinstance(data.get(kind), Mapping):
                return str(data[kind].get("model_id"))
    return None


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
    shown = [id_ for id_ in places if id_ in state]
    found = Widgets()
    _add(state, _closure(state, shown), scripts, found)
    linked = _add_links(state, scripts, found)
    unsaved = {id_ for id_ in found.state.keys() - found.missing.keys() if _is_unsaved(state[id_])}
    found.lacking = {id_ for id_ in shown if unsaved & set(_closure(state, [id_]))}
    for id_ in unsaved:
        found.missing[_box_of(found.state, id_)] = StandIn(UNSAVED, "dasklens whose data was not saved")
    # What only those refer to that have a stand-in is not drawn.
    alive = set(_closure(found.state, [*shown, *_links(found.state)], stop=found.missing.keys()))
    found.state = {id_: model for id_, model in found.state.items() if id_ in alive}
    found.missing = {id_: each for id_, each in found.missing.items() if id_ in alive}
    for id_ in alive - found.missing.keys():
        if _is_control(found.state[id_]):
            found.controls.append(id_)
            if id_ not in linked:
                found.waiting.append(id_)
    return found


def _is_control(model: Mapping[str, Any]) -> bool:
    ours = _module(model) == "@jupyter-widgets/controls" and model["model_name"] in CONTROLS
    return ours and not _traits(model).get("disabled")


def _closure(state: State, ids: Iterable[str], stop: Collection[str] = ()) -> list[str]:
    """These models and all that they refer to, but for what only those in `stop` refer to."""
    found: dict[str, None] = {}
    waiting = list(ids)
    while waiting:
        id_ = waiting.pop()
        if id_ not in found and id_ in state:
            found[id_] = None
            if id_ not in stop:
                waiting += _references(_traits(state[id_]))
    return list(found)


def _add(state: State, ids: Iterable[str], scripts: bool, found: Widgets) -> None:
    for id_ in ids:
        model = found.state[id_] = state[id_]
        stand_in = _stand_in(model, scripts)
        if stand_in is not None:
            found.missing[id_] = stand_in


def _add_links(state: State, scripts: bool, found: Widgets) -> set[str]:
    """Add the links between what is drawn; the ids of what they link."""
    linked: set[str] = set()
    for id_ in _links(state):
        ends = [_end(_traits(state[id_]).get(name)) for name in ("source", "target")]
        if all(end in found.state and end not in found.missing for end in ends):
            linked.update(ends)
            _add(state, [id_], scripts, found)
    return linked


def _links(state: State) -> list[str]:
    return [id_ for id_, model in state.items() if model["model_name"] in _LINKS]


def _end(pair: Any) -> str:
    """Id of one end of a link: a model and the name of its trait."""
    return str(pair[0]).removeprefix(_REFERENCE) if isinstance(pair, (list, tuple)) and pair else ""


def _is_unsaved(model: Mapping[str, Any]) -> bool:
    """Whether a model of ours is one that a kernel sends data to, of which nothing was saved."""
    traits = _traits(model)
    buffers = model.get("buffers")
    saved = any(
        isinstance(each, Mapping) and each.get("path") == ["snapshot"] and each.get("data")
        for each in (buffers if isinstance(buffers, list) else ())
    )
    return _is_ours(model) and bool(traits.get("streams")) and not saved


def _is_ours(model: Mapping[str, Any]) -> bool:
    return _module(model) == "dasklens" or str(_traits(model).get("_anywidget_id", "")).startswith(_OURS)


def _box_of(state: State, id_: str) -> str:
    """The box around a figure: its parts are nothing without the data. A figure without a box is its own."""
    parents = {child: parent for parent in state for child in _references(_traits(state[parent]))}
    at, seen = id_, {id_}
    if str(_traits(state[id_]).get("_anywidget_id", "")).endswith(".Workers"):
        return id_
    while at in parents and parents[at] not in seen:
        at = parents[at]
        seen.add(at)
        if state[at]["model_name"] in _BOXES:
            return at
    return id_


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
        return StandIn(
            f"This widget is of {module}, which this page does not have.", module, _picture(traits)
        )
    major = MODULES[module]
    if major is not None and version.lstrip("^~=v")[:1] not in (major, "*", ""):
        what = f"{module} {version}"
        return StandIn(
            f"This widget is of {what}, and this page has version {major}: "
            "run the notebook again with ipywidgets 8.",
            what,
        )
    if module == "anywidget" and not scripts and not _is_ours(model):
        what = str(traits.get("_anywidget_id", "an anywidget"))
        return StandIn(
            f"This widget ({what}) brings code of its own, which does not run in this page.",
            what,
            _picture(traits),
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
        or (isinstance(icons := traits.get("icons"), (list, tuple)) and any(icons))
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
