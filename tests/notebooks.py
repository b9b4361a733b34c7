"""Notebooks with widgets in them, and how `jupyter nbconvert --to dasklens` shows them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import nbformat
from bs4 import BeautifulSoup
from nbconvert.exporters import get_exporter
from traitlets.config import Config

EXPORTER = "dasklens.report.nbexport.DasklensExporter"
VIEW = "application/vnd.jupyter.widget-view+json"
STATE = "application/vnd.jupyter.widget-state+json"
BASE, CONTROLS, OUTPUT = (f"@jupyter-widgets/{name}" for name in ("base", "controls", "output"))


def model(name: str, module: str = CONTROLS, version: str = "2.0.0", **state: Any) -> dict[str, Any]:
    """A model as Jupyter saves it."""
    return {
        "model_name": f"{name}Model",
        "model_module": module,
        "model_module_version": version,
        "state": {
            "_model_name": f"{name}Model",
            "_model_module": module,
            "_view_name": f"{name}View",
            "_view_module": module,
            **state,
        },
    }


def shows(id_: str, text: str = "A widget", **data: Any) -> dict[str, Any]:
    """The data of an output that shows a widget."""
    return {VIEW: {"version_major": 2, "version_minor": 0, "model_id": id_}, "text/plain": text, **data}


def notebook(*cells: Any, state: Mapping[str, Any] | None = None) -> Any:
    """A notebook of texts, which are Markdown, and of lists of outputs, which are the data of each."""
    made = [
        nbformat.v4.new_markdown_cell(cell)
        if isinstance(cell, str)
        else nbformat.v4.new_code_cell(
            "code", outputs=[nbformat.v4.new_output("display_data", data=data) for data in cell]
        )
        for cell in cells
    ]
    nb = nbformat.v4.new_notebook(cells=made)
    if state is not None:
        nb.metadata.widgets = {STATE: {"version_major": 2, "version_minor": 0, "state": dict(state)}}
    return nb


def converted(nb: Any, resources: dict[str, Any] | None = None, **options: Any) -> Page:
    """The page, by the way that nbconvert takes."""
    config = Config({"DasklensExporter": options})
    html, _ = get_exporter(EXPORTER, config)(config=config).from_notebook_node(nb, resources)
    return Page(html)


class Page:
    """The elements of a page."""

    def __init__(self, html: str):
        self.html = html
        self.soup = BeautifulSoup(html, "html.parser")

    @property
    def policy(self) -> str:
        (policy,) = self.soup.select("meta[http-equiv]")
        return str(policy["content"])

    @property
    def notes(self) -> list[str]:
        return [note.get_text() for note in self.soup.select("#dasklens-notes li")]

    @property
    def places(self) -> list[str]:
        return [str(place["data-model"]) for place in self.soup.select(".dasklens-live")]

    @property
    def packed(self) -> set[str]:
        return {str(each["id"]) for each in self.soup.select("script[type='text/plain']")}

    @property
    def widgets(self) -> dict[str, Any]:
        (element,) = self.soup.select("#dasklens-widgets")
        found: dict[str, Any] = json.loads(element.get_text())
        return found

    def scripts(self) -> list[str]:
        """Texts of what a browser would run."""
        return [
            each.get_text()
            for each in self.soup.find_all("script")
            if each.get("type") in (None, "text/javascript")
        ]
