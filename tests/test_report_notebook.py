"""A report as a notebook: valid, whole, harmless, and seen by who runs no script."""

from __future__ import annotations

import base64
import io
import json
import re
import shutil
import zlib
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import bqplot
import nbformat
import numpy as np
import pytest
from conftest import NO_DASHBOARD
from distributed import Client
from hypothesis import given, settings
from hypothesis import strategies as st
from ipywidgets.widgets.widget import _instances
from nbconvert import HTMLExporter, LatexExporter, MarkdownExporter
from PIL import Image
from test_headless_notebook import executed
from test_report_document import documents

from dasklens import Report, load_report, performance_report
from dasklens.model.relog import over_time
from dasklens.model.spans import TaskTable
from dasklens.report import static
from dasklens.report.document import Document, ReportError
from dasklens.report.files import read
from dasklens.report.notebook import render
from dasklens.report.stillparts import markdown
from dasklens.widgets.embed import STATE_MIME
from dasklens.widgets.still import MIME, WIDGET_MIME

SAMPLE = Path(__file__).parent / "data" / "reports" / "sample.json"
HOSTILE = (
    "<img src=x onerror=alert(1)>*a* `b` [c](javascript:d) $e$ \\(f\\) www.evil.example <!-- # 1. \ud800"
)
FIGURES = {"task-stream", "history-tasks", "history-memory", "history-cpu", "profile-worker"}


@pytest.fixture(scope="module")
def document() -> Document:
    return read(SAMPLE)


@pytest.fixture(scope="module")
def raw(document: Document) -> dict[str, Any]:
    return json.loads(render(document, "a/run.ipynb"))  # type: ignore[no-any-return]


def outputs(raw: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The outputs' data by cell."""
    return {
        cell["id"].removeprefix("dasklens-"): cell["outputs"][0]["data"]
        for cell in raw["cells"]
        if cell["cell_type"] == "code"
    }


class Elements(HTMLParser):
    """Fails for whatever runs or loads."""

    KNOWN = frozenset(
        (
            *("p", "strong", "img", "table", "thead", "tbody", "tr", "th", "td", "span", "a", "ul", "li"),
            *("pre", "details", "summary", "h1", "h3", "br"),
        )
    )

    def __init__(self, html: str):
        super().__init__()
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        assert tag in self.KNOWN
        for name, value in attributes:
            assert name in {"style", "alt", "width", "src", "href", "class"}
            if name == "href":
                assert (value or "").startswith(("https://docs.dask.org/", "https://distributed.dask.org/"))
            if name == "src":
                assert (value or "").startswith("data:image/png;base64,")

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data}")

    handle_decl = handle_pi = unknown_decl = handle_comment


# -- what it is ----------------------------------------------------------------------------------------


def test_it_is_a_valid_notebook(raw: dict[str, Any]) -> None:
    notebook = nbformat.from_dict(raw)
    nbformat.validate(notebook)
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    # Without one, JupyterLab asks which kernel it should be.
    assert notebook.metadata.kernelspec.name == "python3"
    found = outputs(raw)
    assert set(found) >= FIGURES | {"summary", "exceptions", "workers", "logs", "calling-code", "versions"}
    for name, data in found.items():
        assert {"text/plain", "text/html"} <= set(data)
        assert (MIME in data) == (name in FIGURES)
        assert ("image/png" in data) == (name in FIGURES | {"summary"})
        if "image/png" in data:
            with Image.open(io.BytesIO(base64.b64decode(data["image/png"]))) as image:
                assert image.width == 960
            assert data["image/png"] in data["text/html"]
        Elements(data["text/html"])
    sources = [cell["source"] for cell in raw["cells"] if cell["cell_type"] == "code"]
    assert sources[:2] == [
        "import dasklens\n\ndasklens.load_report('run.ipynb').summary()",
        "dasklens.load_report('run.ipynb').task_stream()",
    ]


def test_its_cells_run(document: Document, tmp_path: Path) -> None:
    """Each of them calls up what it shows, from the notebook itself."""
    (tmp_path / "run.ipynb").write_bytes(render(document, "run.ipynb"))
    sources = [c.source for c in nbformat.read(tmp_path / "run.ipynb", 4).cells if c.cell_type == "code"]
    ran = executed(tmp_path, sources)
    shown = [cell.outputs[-1].data for cell in ran.cells]
    assert "verdict" not in shown[0]["text/plain"]
    assert WIDGET_MIME in shown[1]
    assert shown[1]["image/png"]


def test_no_viewer_without_dasklens_takes_it_for_a_widget(raw: dict[str, Any]) -> None:
    """Those that know Jupyter's type for widgets would show nothing instead of the picture."""
    assert all(WIDGET_MIME not in data for data in outputs(raw).values())


def test_figures_are_live_from_the_state_alone(document: Document, raw: dict[str, Any]) -> None:
    state = raw["metadata"]["widgets"][STATE_MIME]
    assert state["version_major"] == 2
    models = state["state"]
    for name, data in outputs(raw).items():
        if name in FIGURES:
            assert models[data[MIME]["model_id"]]["model_name"] == "VBoxModel"
            mark = models[data[MIME]["mark_id"]]
            assert mark["model_module"] == "dasklens"
    (stream,) = (model for model in models.values() if model["model_name"] == "SpansModel")
    (buffer,) = stream["buffers"]
    assert buffer["path"] == ["snapshot"]
    frame = zlib.decompress(base64.b64decode(buffer["data"]))
    records = TaskTable([frame]).records()
    assert [r["key"] for r in records] == [r["key"] for r in Report(document).data]
    # References lead to models that are there.
    told = json.dumps(models)
    assert set(re.findall(r'"IPY_MODEL_([0-9a-f]{32})"', told)) <= set(models)


def test_nothing_is_left_of_the_widgets_it_was_made_of(document: Document) -> None:
    import comm

    before, told = set(_instances), comm.create_comm
    render(document, "run.ipynb")
    assert set(_instances) == before
    assert comm.create_comm is told


def test_jupyter_trusts_what_was_written_here(document: Document, tmp_path: Path) -> None:
    from nbformat.sign import NotebookNotary

    Report(document).save(tmp_path / "run.ipynb")
    notary = NotebookNotary()
    assert notary.check_signature(nbformat.read(tmp_path / "run.ipynb", 4))
    other = nbformat.from_dict(json.loads(render(document, "run.ipynb")))
    assert not notary.check_signature(other)
    notary.store.close()


# -- whole ---------------------------------------------------------------------------------------------


@given(documents(), st.text(max_size=10))
@settings(deadline=None, max_examples=25)
def test_whatever_is_in_a_report_comes_back(document: Document, name: str) -> None:
    data = render(document, f"{name}.ipynb")
    again = load_report(data)
    assert again._document == document
    assert json.loads(again.to_json()) == json.loads(document.to_json())
    notebook = json.loads(data)
    nbformat.validate(nbformat.from_dict(notebook))
    for each in outputs(notebook).values():
        Elements(each["text/html"])


@pytest.mark.parametrize("name", ["run.ipynb", "run.ipynb.gz", "memory://dasklens/run.ipynb"])
def test_files_are_read_back(client: Client, tmp_path: Path, name: str) -> None:
    path = name if "://" in name else str(tmp_path / name)
    with performance_report(path, title=HOSTILE) as report:
        client.gather(client.map(abs, range(20)))
    again = load_report(path)
    assert again._document == report._document
    assert len(again) == 20


def test_a_notebook_that_was_saved_by_jupyterlab(document: Document, raw: dict[str, Any]) -> None:
    """Other order, other whitespace; whole numbers have lost their point."""

    def as_javascript(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: as_javascript(each) for key, each in sorted(value.items())}
        if isinstance(value, list):
            return [as_javascript(each) for each in value]
        return int(value) if isinstance(value, float) and value.is_integer() else value

    saved = json.dumps(as_javascript(raw), indent=1, ensure_ascii=False).encode()
    assert load_report(saved)._document == document


def test_a_figure_alone(client: Client, tmp_path: Path) -> None:
    import dasklens

    path = tmp_path / "ts.ipynb"
    with dasklens.get_task_stream(client, plot="save", filename=str(path)) as ts:
        client.gather(client.map(abs, range(10)))
    assert load_report(path).data == ts.data
    found = outputs(json.loads(path.read_bytes()))
    assert set(found) == {"task-stream", "history-tasks"}


@given(st.data())
@settings(deadline=None, max_examples=60)
def test_what_is_cut_anywhere_is_refused_in_a_sentence(data: st.DataObject) -> None:
    whole = render(Document(title="x", dasklens="1"), "run.ipynb")
    with pytest.raises(ReportError) as caught:
        load_report(whole[: data.draw(st.integers(0, len(whole) - 1))])
    assert str(caught.value).count("\n") == 0
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda raw: raw["metadata"].pop("dasklens"), "a notebook without one"),
        (lambda raw: raw.update(metadata=3), "a notebook without one"),
        (lambda raw: raw["metadata"]["dasklens"].update(report=[]), "JSON of something else"),
        (lambda raw: raw["metadata"]["dasklens"]["report"].update(version=99), "up to version 1"),
        (lambda raw: raw["metadata"]["dasklens"]["report"].update(title=3), "'title' should be"),
    ],
)
def test_other_notebooks(raw: dict[str, Any], change: Any, said: str) -> None:
    changed = json.loads(json.dumps(raw))
    change(changed)
    with pytest.raises(ReportError, match=said):
        load_report(json.dumps(changed).encode())


def test_what_is_too_large(monkeypatch: pytest.MonkeyPatch, raw: dict[str, Any]) -> None:
    monkeypatch.setattr("dasklens.report.unpacking.MOST_BYTES", 1000)
    with pytest.raises(ReportError, match="that is no report"):
        load_report(json.dumps(raw).encode())


# -- harmless ------------------------------------------------------------------------------------------


def strange(document: Document) -> Document:
    changed = Document.from_json(document.to_json())
    changed.title = changed.summary["verdict"] = changed.ended_early = HOSTILE
    changed.code = {"text": HOSTILE, "file": HOSTILE, "line": 1}
    changed.exception = {"type": HOSTILE, "text": HOSTILE, "traceback": HOSTILE}
    changed.cluster["scheduler"] = HOSTILE
    changed.cluster["versions"] = {HOSTILE: HOSTILE}
    for finding in changed.summary["findings"]:
        finding.update(title=HOSTILE, evidence=HOSTILE, remedy=HOSTILE)
    changed.summary["prefixes"][0]["prefix"] = HOSTILE
    changed.tables["exceptions"]["rows"][0][-2:] = [HOSTILE, HOSTILE]
    changed.logs["scheduler"] = [[None, HOSTILE, HOSTILE]]
    return changed


def test_strange_texts_are_text(document: Document) -> None:
    found = outputs(json.loads(render(strange(document), f"{HOSTILE}.ipynb")))
    shown = HOSTILE.replace("\ud800", "?")
    for name in ("summary", "exceptions", "logs", "calling-code", "exception", "versions"):
        assert shown in Elements(found[name]["text/html"]).text


def test_strange_titles_are_text_in_every_markdown(document: Document, tmp_path: Path) -> None:
    notebook = nbformat.from_dict(json.loads(render(strange(document), "run.ipynb")))
    page, _ = HTMLExporter().from_notebook_node(notebook)
    title = page.partition("<h1")[2].partition("</h1>")[0]
    assert "<img" not in title
    assert "<em>" not in title
    assert "<a href" not in title
    parsed = Elements(title.partition(">")[2].partition('<a class="anchor-link"')[0])
    assert " ".join(HOSTILE.replace("\ud800", "?").split()) in parsed.text


@given(st.text(max_size=60))
@settings(deadline=None)
def test_any_text_is_one_line_of_markdown(words: str) -> None:
    from html import unescape

    said = markdown(words)
    assert "\n" not in said
    inside = said.removeprefix('<span class="tex2jax_ignore mathjax_ignore">').removesuffix("</span>")
    assert not set(inside) & set("<>*_`[]()!$\\|~^:@.-+=\"'")
    assert unescape(inside) == " ".join(words.split()) or "\0" in words or not words.isprintable()


# -- pictures and curves -------------------------------------------------------------------------------


def test_every_picture_of_a_report_is_a_light_png(document: Document) -> None:
    made = static.pictures(document)
    assert list(made) == [
        "where the time went",
        "task stream",
        "Finished tasks over time",
        "Memory of the workers over time",
        "CPU of the workers over time",
        static.PROFILES["worker"],
    ]
    for data in made.values():
        with Image.open(io.BytesIO(data)) as image:
            assert image.width == 960
            assert image.convert("RGB").getpixel((0, 0)) == (255, 255, 255)
    assert static.pictures(Document()) == {}


def test_curves_over_time(document: Document) -> None:
    chart = static.history(document, "tasks")
    assert chart is not None
    # Each curve ends with all tasks of its prefix, and none ever falls.
    tasks = Counter(record["prefix"] for record in Report(document).data)
    assert {each.name: each.values[-1] for each in chart.series} == tasks
    assert all((np.diff(each.values) >= 0).all() for each in chart.series)
    memory = static.history(document, "memory")
    assert memory is not None
    _, _, top = memory.layers()[2]
    counts = over_time(document.frames("counts"))
    assert top == pytest.approx(counts["managed"] + counts["unmanaged"] + counts["recent"])
    box = Report(document).history("memory")
    assert isinstance(box.children[0], bqplot.Figure)
    with pytest.raises(ValueError, match="one of tasks, memory, cpu, got 'disk'"):
        Report(document).history("disk")
    with pytest.raises(ValueError, match="no history of cpu"):
        Report(Document()).history("cpu")


# -- seen ----------------------------------------------------------------------------------------------


def test_plain_nbconvert_shows_pictures(raw: dict[str, Any]) -> None:
    notebook = nbformat.from_dict(raw)
    page, _ = HTMLExporter().from_notebook_node(notebook)
    assert page.count('src="data:image/png;base64,') == len(FIGURES) + 1
    assert f'<script type="{WIDGET_MIME}">' not in page
    assert 'alt="Task stream: 366 tasks, 1 failed, on 4 threads of 2 workers"' in page
    text, _ = MarkdownExporter().from_notebook_node(notebook)
    assert text.count("data:image/png;base64,") == len(FIGURES) + 1


def test_latex_has_the_pictures(raw: dict[str, Any]) -> None:
    notebook = nbformat.from_dict(json.loads(json.dumps(raw)))
    if shutil.which("pandoc") is None:
        # Markdown is all that needs it.
        notebook.cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    source, resources = LatexExporter().from_notebook_node(notebook)
    pictures = [name for name in resources["outputs"] if name.endswith(".png")]
    assert len(pictures) == len(FIGURES) + 1
    for name in pictures:
        assert name in source
        assert resources["outputs"][name].startswith(b"\x89PNG")


CELLS = [
    f"""
import json
from distributed import Client
import dasklens
client = Client(n_workers=1, threads_per_worker=2, processes=False, **{NO_DASHBOARD!r})
stream = dasklens.TaskStream(client)
stream
""",
    """
with dasklens.performance_report("run.ipynb", title="<b>run</b>") as report:
    client.gather(client.map(abs, range(300)))
""",
    "report",
    "report.profile()",
    "client.close(); client.cluster.close()",
]


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path]:
    folder = tmp_path_factory.mktemp("ran")
    return executed(folder, CELLS), folder


def test_a_report_in_a_cell(ran: tuple[Any, Path]) -> None:
    notebook, _ = ran
    (output,) = notebook.cells[2].outputs
    assert set(output.data) == {"text/plain", "text/html", "image/png", WIDGET_MIME, MIME}
    page = Elements(output.data["text/html"])
    assert "<b>run</b>" in page.text
    assert "Task stream: 300 tasks" in page.text
    assert "300 tasks kept" in output.data["text/plain"]
    assert sum(len(data) for data in output.data.values() if isinstance(data, str)) < 500_000


def test_writing_a_notebook_tells_no_page_of_its_widgets(ran: tuple[Any, Path]) -> None:
    notebook, folder = ran
    written = json.loads((folder / "run.ipynb").read_bytes())
    known = set(notebook.metadata.widgets[STATE_MIME]["state"])
    assert known
    assert not known & set(written["metadata"]["widgets"][STATE_MIME]["state"])
    assert len(load_report(folder / "run.ipynb")) == 300


def test_what_cells_showed_is_seen_without_the_state(ran: tuple[Any, Path]) -> None:
    """As JupyterLab saves notebooks unless it was told to save the widgets' state."""
    notebook = nbformat.reads(nbformat.writes(ran[0]), 4)
    del notebook.metadata["widgets"]
    page, _ = HTMLExporter().from_notebook_node(notebook)
    assert f'<script type="{WIDGET_MIME}">' not in page
    for alt in ("Task stream: 300 tasks", "Where the time went", "Finished tasks over time"):
        assert f'alt="{alt}' in page
    _, resources = LatexExporter().from_notebook_node(notebook)
    assert sum(name.endswith(".png") for name in resources["outputs"]) >= 2
