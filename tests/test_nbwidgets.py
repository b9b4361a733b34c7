"""Which widgets of a notebook are drawn without a kernel, and with what."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import Any

import anywidget
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ipywidgets import HTML, IntSlider, Output, Tab
from ipywidgets.embed import dependency_state
from notebooks import BASE, CONTROLS, OUTPUT, STATE, VIEW, model

from dasklens.report.nbwidgets import drawn, place_of, saved_state
from dasklens.widgets import flame, inspector, memory, progress, workers


def test_all_that_a_widget_refers_to_comes_along_and_nothing_else() -> None:
    state = {
        "box": model("VBox", children=["IPY_MODEL_slider"], layout="IPY_MODEL_layout"),
        "slider": model("IntSlider", style="IPY_MODEL_style"),
        "style": model("SliderStyle"),
        "layout": model("Layout", BASE),
        "stranger": model("IntSlider"),
    }
    assert set(drawn(state, ["box"]).state) == {"box", "slider", "style", "layout"}


def test_ids_alone_are_references_too() -> None:
    state = {"a": model("Any", "anywidget", _anywidget_id="dasklens.widgets.x.Y", nested={"in": ["b"]})}
    state["b"] = model("Layout", BASE)
    assert set(drawn(state, ["a"]).state) == {"a", "b"}


def test_circles_end() -> None:
    state = {"a": model("VBox", children=["IPY_MODEL_b"]), "b": model("VBox", children=["IPY_MODEL_a"])}
    assert set(drawn(state, ["a"]).state) == {"a", "b"}


def test_a_link_comes_along_when_both_ends_do_and_its_controls_need_no_kernel() -> None:
    state = {
        "a": model("IntSlider"),
        "b": model("IntProgress"),
        "c": model("Text"),
        "d": model("Text", disabled=True),
        "ab": model("Link", source=["IPY_MODEL_a", "value"], target=["IPY_MODEL_b", "value"]),
        "ax": model("DirectionalLink", source=["IPY_MODEL_a", "value"], target=["IPY_MODEL_x", "value"]),
        "x": model("IntSlider"),
        "bad": model("Link", source=None, target=[]),
    }
    found = drawn(state, ["a", "b", "c", "d"])
    assert set(found.state) == {"a", "b", "c", "d", "ab"}
    assert sorted(found.controls) == ["a", "c"]
    assert found.waiting == ["c"]


@pytest.mark.parametrize(
    ("saved", "said"),
    [
        (model("Plot", "k3d", "2.16"), "This widget is of k3d, which this page does not have."),
        (model("IntSlider", CONTROLS, "1.5.0"), "run the notebook again with ipywidgets 8"),
        (model("Any", "anywidget", "~0.9.*", _anywidget_id="mine.Mine"), "brings code of its own"),
    ],
)
def test_what_cannot_be_drawn_says_why(saved: dict[str, Any], said: str) -> None:
    picture = "iVBORw0KGgo" + base64.b64encode(bytes(100)).decode()
    saved["state"]["screenshot"] = picture
    found = drawn({"box": model("VBox", children=["IPY_MODEL_w"]), "w": saved}, ["box"])
    assert said in found.missing["w"].sentence
    if saved["model_module"] != CONTROLS:
        assert found.missing["w"].picture == f"data:image/png;base64,{picture}"


def test_code_of_widgets_runs_only_when_it_may() -> None:
    state = {"w": model("Any", "anywidget", _anywidget_id="mine.Mine")}
    assert drawn(state, ["w"]).missing
    assert not drawn(state, ["w"], scripts=True).missing


def test_versions_of_today_are_drawn() -> None:
    state = {
        id_: each
        for widget in (IntSlider(), Tab([HTML()]), Output())
        for id_, each in dependency_state([widget], drop_defaults=False).items()
    }
    assert {each["model_module"] for each in state.values()} == {BASE, CONTROLS, OUTPUT}
    assert drawn(state, state).missing == {}


@pytest.mark.parametrize("around", [True, False])
def test_a_figure_whose_data_was_not_saved_is_not_drawn(around: bool) -> None:
    part = model("Any", "anywidget", _anywidget_id="dasklens.widgets.memory.MemoryPart", streams=["counts"])
    state = {"w": part, "box": model("VBox", children=["IPY_MODEL_w"])}
    found = drawn(state, ["box" if around else "w"])
    assert set(found.missing) == ({"box"} if around else {"w"})
    assert found.lacking == {"box" if around else "w"}
    assert set(found.state) == set(found.missing)


def test_a_figure_whose_data_was_saved_is_drawn() -> None:
    mark = model("Spans", "dasklens", "^0.1.0-0", streams=["tasks"])
    mark["buffers"] = [{"path": ["snapshot"], "data": "AAAA", "encoding": "base64"}]
    found = drawn({"w": mark}, ["w"])
    assert found.missing == {}
    assert found.modules == {"dasklens"}


def test_a_page_has_the_part_of_every_class() -> None:
    """A class that only differs in Python has another name, by which anywidget calls it."""
    parts = (Path(__file__).parents[1] / "js/src/host/parts.ts").read_text()
    classes = {
        each.__name__
        for module in (flame, inspector, memory, progress, workers)
        for each in vars(module).values()
        if isinstance(each, type) and issubclass(each, anywidget.AnyWidget) and hasattr(each, "_esm")
    }
    assert {"Toolbar", "_FollowingPart"} <= classes
    assert {each for each in classes if not re.search(rf"^  {each}:|{{ {each}:", parts, re.M)} == set()


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from(["a", "IPY_MODEL_a"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "state",
                    "model_name",
                    "model_module",
                    "children",
                    "buffers",
                    "a",
                    "streams",
                    "widgets",
                    STATE,
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(ANYTHING, st.booleans())
def test_any_state_is_read(metadata: Any, scripts: bool) -> None:
    state = saved_state({"widgets": {STATE: {"state": metadata}}})
    found = drawn(state, ["a", *state], scripts)
    assert found.missing.keys() <= found.state.keys() <= state.keys()
    assert set(found.waiting) <= set(found.controls)


@given(ANYTHING)
def test_any_output_may_have_a_place(data: Any) -> None:
    output = {"data": data} if isinstance(data, dict) else {"data": {VIEW: data}}
    assert place_of(output) is None or isinstance(place_of(output), str)
