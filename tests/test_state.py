"""Figures as widget state: what the panel shows is what Python composes."""

import json

import pytest
from ipywidgets.widgets.widget import _instances

import dasklens
from dasklens.widgets import state
from dasklens.widgets.task_stream import compose


def test_the_browser_has_what_python_makes():
    assert state.path().read_text() == state.text(), "run python -m dasklens.widgets.state"


def test_it_is_the_same_each_time():
    assert state.text() == state.text()


@pytest.mark.parametrize("name", state.FIGURES)
def test_a_figure_is_whole(name):
    figure = next(each for each in state.figures() if each["name"] == name)
    assert hasattr(dasklens, figure["python"])
    models = figure["models"]
    assert figure["root"] in models
    named = {word for word in json.dumps(models).replace('"', " ").split() if word.startswith("IPY_MODEL_")}
    assert named <= {f"IPY_MODEL_{ident}" for ident in models}
    fed = [model for model in models.values() if "streams" in model["state"]]
    assert fed, "nothing in it takes frames"
    assert all(isinstance(stream, str) for model in fed for stream in model["state"]["streams"])


def test_no_code_and_no_version_goes_into_it():
    text = state.text()
    assert "_esm" not in text
    assert "_version" not in text


def test_nothing_is_left_of_composing():
    before = set(_instances)
    state.figures()
    assert set(_instances) == before


def test_the_cell_has_the_same_composition(client):
    cell = dasklens.TaskStream(client)
    alone = compose()
    try:
        assert [type(child).__name__ for child in cell.children] == [
            type(child).__name__ for child in alone.children
        ]
        mine, theirs = state.state_of(cell), state.state_of(alone)
        assert [m["name"] for m in mine["models"].values()] == [m["name"] for m in theirs["models"].values()]
    finally:
        cell.close()


def test_what_an_anywidget_needs_is_there():
    memory = next(each for each in state.figures() if each["name"] == "memory")
    part = next(model for model in memory["models"].values() if model["module"] == "anywidget")
    # The page knows no default of Python's.
    assert part["state"]["window"] == 300
