"""``jupyter nbconvert --to dasklens notebook.ipynb``: a notebook as one HTML file with live widgets, offline.

nbconvert makes the page, by its own rules and templates. What it would fetch is left out; the widgets whose
state is saved with the notebook are drawn by scripts in the file, without a kernel.

nbconvert finds this module by an entry point; nothing else of dasklens imports it.
"""

from __future__ import annotations

import re
import secrets
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nbconvert.exporters import HTMLExporter
from nbformat import NotebookNode, from_dict
from traitlets import Bool, Unicode, default, validate

from .nbclean import Cleaned, cleaned
from .nbpage import completed
from .nbwidgets import OUR_VIEW, STATE, UNSAVED, VIEW, StandIn, drawn, place_of, saved_state

TEMPLATES = Path(__file__).parent / "templates"
#: Kinds of pictures that an output may have beside its HTML.
_PICTURES = ("image/svg+xml", "image/png", "image/jpeg")
_STILL = frozenset((*_PICTURES, "text/html"))
_FORMULA = re.compile(r"\$[^$]+\$|\\\(|\\\[|\\begin\{")
_SCRIPT = re.compile(r"<script\b", re.I)
_KINDS = ("picture", "video", "sound", "frame", "object")


class DasklensExporter(HTMLExporter):
    """One HTML file with live widgets: it fetches nothing, and needs no kernel."""

    #: How JupyterLab's menu and the classic one call it.
    export_from_notebook = "HTML with live widgets (dasklens)"

    embed_images = Bool(True, help="Put pictures that Markdown shows into the file.").tag(config=True)

    theme = Unicode(
        "auto",
        help='"auto" follows the reader\'s system; "light", "dark", or the name of a theme of JupyterLab.',
    ).tag(config=True)

    allow_scripts = Bool(
        False,
        help="Let scripts in outputs run, and code of other libraries' widgets; they can fetch nothing.",
    ).tag(config=True)

    @default("template_name")
    def _template_name_default(self) -> str:
        return "dasklens"

    @validate("template_name")
    def _template_name_validate(self, proposal: Any) -> str:
        if proposal.value != "dasklens":
            raise ValueError(
                f'Expected the template "dasklens", got {proposal.value!r}: '
                "other templates fetch what this page has in it. Leave out --template."
            )
        return "dasklens"

    @default("extra_template_basedirs")
    def _default_extra_template_basedirs(self) -> list[str]:
        return [*super()._default_extra_template_basedirs(), str(TEMPLATES)]

    def from_notebook_node(  # type: ignore[override]
        self, nb: NotebookNode, resources: dict[str, Any] | None = None, **kw: Any
    ) -> tuple[str, dict[str, Any]]:
        """Convert a notebook.

        Raises
        ------
        FileNotFoundError
            When the scripts of the page, or bqplot's, are not installed.
        """
        html, resources = super().from_notebook_node(nb, resources, **kw)
        # A text may hold halves of characters, which no file of a page can.
        html = html.encode(errors="replace").decode()
        page: _Page = resources["dasklens"].pop("page")
        clean = cleaned(html, self.allow_scripts)
        html = completed(
            clean.html,
            page.token,
            page.widgets,
            theme="own" if self._own_theme else self.theme,
            notes=page.notes(clean),
            formulas=page.formulas,
            scripts=self.allow_scripts,
            sources=clean.scripts,
        )
        return html, resources

    def _init_resources(self, resources: Any) -> dict[str, Any]:
        made: dict[str, Any] = super()._init_resources(resources)  # type: ignore[no-untyped-call]
        token = secrets.token_hex(16)
        if not self._own_theme:
            made["theme"] = "light"
        dark = "" if self._own_theme else self._dark()
        made["dasklens"] = {"token": token, "held": {}, "other_theme": dark}
        return made

    @property
    def _own_theme(self) -> bool:
        return self.theme not in ("auto", "light", "dark")

    def _dark(self) -> str:
        """The dark theme, for a page that says so."""
        source, *_ = self.environment.loader.get_source(self.environment, "static/theme-dark.css")
        return f"<style>{source.replace(':root', ':root[data-theme=dark]')}</style>"

    def _preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        # Whatever runs the notebook is a preprocessor too: widgets have their state only now.
        nb, resources = super()._preprocess(nb, resources)  # type: ignore[no-untyped-call]
        ours = resources["dasklens"]
        ours["page"] = _Page(nb, ours["token"], self.allow_scripts)
        ours["held"] = ours["page"].held
        return nb, resources


class _Page:
    """What becomes of a notebook's outputs, and what is said of it at the top."""

    def __init__(self, nb: NotebookNode, token: str, scripts: bool):
        self.token, self.scripts = token, scripts
        state = saved_state(nb.metadata)
        places = [id_ for output in _outputs(nb) if (id_ := place_of(output)) is not None]
        self.shown = len(places)
        self.lacking = sum(id_ not in state for id_ in places)
        self.widgets = drawn(state, places, scripts)
        #: Ids of Output widgets, by the id of the cell that is made of each.
        self.held: dict[str, str] = {}
        self._hold(nb)
        for cell in nb.cells:
            if cell.cell_type == "code":
                cell.outputs = [each for output in cell.outputs for each in self._arranged(output)]
        self.formulas = self.widgets.formulas or any(_may_have_formulas(cell) for cell in nb.cells)
        self.diagrams = sum("text/vnd.mermaid" in output.get("data", {}) for output in _outputs(nb))
        self.diagrams += sum(
            cell.source.count("```mermaid") for cell in nb.cells if cell.cell_type == "markdown"
        )
        # nbconvert looks here for what it may show as a widget.
        nb.metadata["widgets"] = from_dict({STATE: {"state": {id_: {} for id_ in self.widgets.state}}})

    def _hold(self, nb: NotebookNode) -> None:
        """Append what Output widgets hold as cells: they are shown by the same rules."""
        for id_, model in self.widgets.state.items():
            if model["model_module"] == "@jupyter-widgets/output" and id_ not in self.widgets.missing:
                name = f"{self.token}-{len(self.held)}"
                self.held[name] = id_
                outputs = [each for each in model["state"].get("outputs") or () if _is_output(each)]
                cell = {
                    "id": name,
                    "cell_type": "code",
                    "execution_count": None,
                    "metadata": {"transient": {"remove_source": True}},
                    "outputs": [{**each, "metadata": dict(each.get("metadata") or {})} for each in outputs],
                    "source": "",
                }
                nb.cells.append(from_dict(cell))

    def _arranged(self, output: NotebookNode) -> list[NotebookNode]:
        """An output as the page shows it: a place for its widget, and what else there is of it behind."""
        if "data" not in output:
            return [output]
        # What should be text and is none: nbconvert, which would show the widget alone, never looks at it.
        for kind in [kind for kind, value in output.data.items() if not _is_shown_as(kind, value)]:
            del output.data[kind]
        output.metadata = from_dict({**(output.get("metadata") or {}), "dasklens": {}})
        self._prefer_pictures(output)
        id_ = place_of(output)
        if id_ is None:
            return [output]
        views = [output.data.pop(kind) for kind in (VIEW, OUR_VIEW) if kind in output.data]
        stand_in = self.widgets.missing.get(id_)
        if id_ in self.widgets.lacking and not _STILL.isdisjoint(output.data):
            # The still picture has what the figure lacks.
            stand_in = StandIn(UNSAVED, "")
        live = id_ in self.widgets.state and stand_in is None
        said = "" if live else stand_in.sentence if stand_in else "The state of this widget was not saved."
        if stand_in and stand_in.picture and _STILL.isdisjoint(output.data):
            kind, _, picture = stand_in.picture.removeprefix("data:").partition(";base64,")
            output.data[kind] = picture
        if not output.data:
            output.data["text/plain"] = "A widget"
        behind = {"metadata": {**output.metadata, "dasklens": {"fallback": live, "sentence": said}}}
        if not live:
            return [from_dict({**output, **behind})]
        place = from_dict({**output, "data": {VIEW: views[0]}})
        return [place, from_dict({**output, **behind, "output_type": "display_data"})]

    def _prefer_pictures(self, output: NotebookNode) -> None:
        """What a script would draw is not drawn: a picture of it is better, when there is one."""
        if self.scripts:
            return
        data = output.data
        if "application/javascript" in data:
            data.pop("application/javascript")
            output.metadata["dasklens"] = from_dict(
                {"sentence": "A script of this output does not run in this page."}
            )
            data.setdefault("text/plain", "")
        if any(kind in data for kind in _PICTURES) and _SCRIPT.search(str(data.get("text/html", ""))):
            data.pop("text/html")

    def notes(self, clean: Cleaned) -> Iterator[str]:
        """What the reader has to know, a sentence each."""
        if self.lacking:
            which = "The one widget" if self.shown == 1 else f"{self.lacking} of {self.shown} widgets"
            yield (
                f"{which} had no saved state: run `jupyter nbconvert --execute --to dasklens` on the "
                "notebook, or turn on “Save Widget State Automatically” in JupyterLab and save it again."
            )
        waiting, controls = len(self.widgets.waiting), len(self.widgets.controls)
        if waiting:
            which = (
                _counted(waiting, "control") if waiting == controls else f"{waiting} of {controls} controls"
            )
            yield f"{which} need{'s' if waiting == 1 else ''} a kernel: nothing here listens to what is set."
        missing = Counter(stand_in.what for stand_in in self.widgets.missing.values())
        for what, count in missing.items():
            yield f"{_counted(count, 'widget')} of {what} {_is(count)} not live here."
        if count := clean.left_out["script"]:
            why = (
                ": what is fetched, or stands in an attribute, never does."
                if self.scripts
                else "; `--DasklensExporter.allow_scripts=True` lets those run that the file holds."
            )
            yield f"{_counted(count, 'script')} of the notebook {_does(count)} not run in this page{why}"
        for kind in _KINDS:
            if count := clean.left_out[kind]:
                yield f"{_counted(count, kind)} {_is(count)} elsewhere, and not in this file."
        if self.diagrams:
            yield f"{_counted(self.diagrams, 'diagram')} of mermaid {_is(self.diagrams)} shown as text."


def _outputs(nb: NotebookNode) -> Iterator[NotebookNode]:
    for cell in nb.cells:
        if cell.cell_type == "code":
            yield from cell.outputs


def _is_output(output: Any) -> bool:
    if not isinstance(output, dict):
        return False
    kind = output.get("output_type")
    if kind == "stream":
        return isinstance(output.get("text"), str) and isinstance(output.get("name"), str)
    if kind == "error":
        lines = output.get("traceback")
        return isinstance(lines, list) and all(isinstance(line, str) for line in lines)
    return kind in ("display_data", "execute_result") and isinstance(output.get("data"), dict)


def _is_shown_as(kind: str, value: Any) -> bool:
    return isinstance(value, str) or not kind.startswith(("text/", "image/"))


def _may_have_formulas(cell: NotebookNode) -> bool:
    if cell.cell_type == "markdown":
        return bool(_FORMULA.search(cell.source))
    if cell.cell_type != "code":
        return False
    data = [output.get("data", {}) for output in cell.outputs]
    return any(
        "text/latex" in each
        or _FORMULA.search(str(each.get("text/markdown", "")) + str(each.get("text/html", "")))
        for each in data
    )


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _is(count: int) -> str:
    return "is" if count == 1 else "are"


def _does(count: int) -> str:
    return "does" if count == 1 else "do"
