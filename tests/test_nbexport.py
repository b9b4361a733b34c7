"""`jupyter nbconvert --to dasklens`: one file with live widgets, which fetches nothing."""

from __future__ import annotations

import base64
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from notebooks import EXPORTER, OUTPUT, Page, converted, model, notebook, shows
from test_report_page import source, unpacked

from dasklens.model.progress import ProgressNow
from dasklens.report import nbpage

HOSTILE = "</script><script>alert(1)</script><!--<img src=x onerror=alert(2)>\u2028'\""
SLIDER = {"s": model("IntSlider", value=3)}


def test_a_page_asks_for_nothing() -> None:
    page = converted(notebook("# Title", [shows("s")], state=SLIDER))
    assert page.policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "http" not in page.policy
    assert "unsafe" not in page.policy.partition("script-src")[2].partition(";")[0]
    for element in page.soup.find_all(True):
        for name in ("src", "href", "data", "srcset"):
            assert str(element.get(name, "data:")).startswith(("data:", "#")), element
    assert all(text not in page.html for text in ("cdnjs", "unpkg", "jsdelivr", "require.min.js"))


def test_every_script_is_named_by_the_policy() -> None:
    page = converted(notebook("$x$", [shows("s")], [shows("f")], state={**SLIDER, "f": figure()}))
    (boot,) = page.scripts()
    assert source(boot) in page.policy
    packed = page.soup.select("script[type='text/plain']")
    assert {each["id"] for each in packed} == {nbpage.MATH, nbpage.NOTEBOOK, nbpage.BQPLOT}
    for each in packed:
        assert source(unpacked(each.get_text())) in page.policy
    assert page.policy.count("sha256-") == 4


def figure() -> dict[str, Any]:
    return model("Figure", "bqplot", "^0.6.1", display_toolbar=False)


@pytest.mark.parametrize(
    ("nb", "packed"),
    [
        (notebook("# Text"), set()),
        (notebook("Euler: $e^x$"), {nbpage.MATH}),
        (notebook([{"text/latex": "$$x$$"}]), {nbpage.MATH}),
        (notebook([shows("s")], state=SLIDER), {nbpage.NOTEBOOK}),
        (notebook([shows("f")], state={"f": figure()}), {nbpage.NOTEBOOK, nbpage.BQPLOT}),
        (notebook([shows("m")], state={"m": model("Label", value="$x$")}), {nbpage.NOTEBOOK, nbpage.MATH}),
    ],
)
def test_a_page_has_the_scripts_that_it_needs(nb: Any, packed: set[str]) -> None:
    assert converted(nb).packed == packed


def test_the_font_of_icons_is_there_when_it_is_needed() -> None:
    plain, icons = (
        len(converted(notebook([shows("b")], state={"b": model("Button", icon=icon)})).html)
        for icon in ("", "check")
    )
    assert icons - plain > 100_000


def test_a_widget_has_a_place_and_what_is_known_of_it_behind() -> None:
    page = converted(notebook([shows("s", **{"text/html": "<p>still</p>"})], state=SLIDER))
    assert page.places == ["s"]
    (behind,) = page.soup.select(".dasklens-fallback")
    assert behind.get_text(strip=True) == "still"
    assert page.widgets["state"]["s"]["state"]["value"] == 3
    assert page.notes == ["1 control needs a kernel: nothing here listens to what is set."]


def test_only_what_is_shown_is_in_the_file() -> None:
    page = converted(notebook([shows("s")], state={**SLIDER, "other": model("HTML", value="secret")}))
    assert list(page.widgets["state"]) == ["s"]
    assert "secret" not in page.html


def test_without_state_there_is_the_still_picture_and_a_note() -> None:
    still = shows("gone", **{"text/html": "<p>still</p>"})
    page = converted(notebook([still], [shows("s")], [shows("away", "IntSlider()")], state=SLIDER))
    assert page.places == ["s"]
    assert page.notes[0].startswith("2 of 3 widgets had no saved state: run jupyter nbconvert --execute")
    assert [each.get_text(" ", strip=True) for each in page.soup.select(".dasklens-still")] == [
        "The state of this widget was not saved. still",
        "The state of this widget was not saved. IntSlider()",
    ]


@pytest.mark.parametrize(
    "metadata", [{}, {"widgets": {}}, {"widgets": {"application/x": 1}}, {"widgets": None}]
)
def test_without_any_state_it_is_a_page_all_the_same(metadata: dict[str, Any]) -> None:
    nb = notebook([shows("s")])
    nb.metadata.update(metadata)
    page = converted(nb)
    assert page.places == []
    assert page.packed == set()
    assert page.notes[0].startswith("The one widget had no saved state")


def test_other_libraries_are_named_and_their_pictures_shown() -> None:
    picture = "iVBORw0KGgo" + "A" * 200
    page = converted(
        notebook([shows("k", "Plot()")], state={"k": model("Plot", "k3d", "2.16", screenshot=picture)})
    )
    (still,) = page.soup.select(".dasklens-still")
    assert still.p.get_text() == "This widget is of k3d, which this page does not have."
    assert still.img["src"] == f"data:image/png;base64,{picture}"
    assert page.notes == ["1 widget of k3d is not live here."]


def test_outputs_that_widgets_hold_are_shown_by_nbconverts_rules() -> None:
    outputs = [
        {"output_type": "stream", "name": "stdout", "text": "\x1b[31mred\x1b[0m <b>"},
        {"output_type": "display_data", "metadata": {}, "data": shows("s")},
        {"output_type": "display_data", "data": {"text/html": "<b>bold</b><script>x()</script>"}},
        {"output_type": "error", "ename": "E", "evalue": "v", "traceback": ["line"]},
        "nonsense",
        {"output_type": "stream", "name": 3},
    ]
    state = {**SLIDER, "o": model("Output", OUTPUT, "1.0.0", outputs=outputs)}
    page = converted(notebook([shows("o")], state=state))
    (held,) = page.soup.select("template")
    assert held["data-output"] == "o"
    assert '<span class="ansi-red-fg">red</span> &lt;b&gt;' in str(held)
    assert [each["data-model"] for each in held.select(".dasklens-live")] == ["s"]
    assert "x()" not in str(held)
    assert "line" in str(held)


def test_nothing_of_a_notebook_ends_an_element() -> None:
    state = {"h": model("HTML", value=HOSTILE), "m": model(HOSTILE, HOSTILE, HOSTILE)}
    nb = notebook(HOSTILE, [shows("h", HOSTILE), shows("m", HOSTILE), shows(HOSTILE)], state=state)
    nb.metadata.title = HOSTILE
    page = converted(nb)
    assert page.widgets["state"]["h"]["state"]["value"] == HOSTILE
    (boot,) = page.scripts()
    assert "alert" not in boot
    assert not [
        each for each in page.soup.find_all(True) if any(name.startswith("on") for name in each.attrs)
    ]
    # Its sentences name the module as text.
    assert any(HOSTILE.replace("\u2028", "") in note.replace("\u2028", "") for note in page.notes)


def test_a_notebook_cannot_know_where_ours_goes() -> None:
    nb = notebook("<!--token-head-->", [{"text/html": "<b>x</b>"}])
    first, second = converted(nb).html, converted(nb).html
    # A file is the same whenever it is made.
    assert first == second
    assert first.count("Content-Security-Policy") == 1


def test_sanitizing_is_nbconverts() -> None:
    nb = notebook("<u onclick='x()'>m</u>", [{"text/html": "<style>b{}</style><b>out</b>"}])
    page = converted(nb, sanitize_html=True)
    assert not page.soup.select("main u, main style")
    assert page.soup.select("main b")


def test_scripts_run_when_they_may_and_still_fetch_nothing() -> None:
    nb = notebook(
        [{"text/html": "<p id='p'></p><script>p.textContent = 1 < 2</script>", "image/png": "iVBORw0KGgo="}],
        [{"application/javascript": "element.textContent = 3"}],
    )
    kept = converted(nb)
    assert "textContent" not in kept.html.replace(kept.scripts()[0], "")
    # A picture is better than the place of what a script draws.
    assert kept.soup.select("img[src^='data:image/png']")
    allowed = converted(nb, allow_scripts=True)
    assert sum("textContent = " in text for text in allowed.scripts()) >= 2
    for script in allowed.scripts():
        assert source(script) in allowed.policy
    assert allowed.policy.startswith("default-src 'none'")
    assert "connect-src" not in allowed.policy


def test_pictures_of_markdown_are_put_in(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"picture")
    page = converted(notebook("![A](a.png) ![B](b.png)"), {"metadata": {"path": str(tmp_path), "name": "n"}})
    assert page.soup.img["src"] == f"data:image/png;base64,{base64.b64encode(b'picture').decode()}"
    assert page.notes == ["1 picture is elsewhere, and not in this file."]
    assert "A picture “B” is not in this page: b.png." in page.html


@pytest.mark.parametrize(("theme", "written"), [("auto", "auto"), ("dark", "dark"), ("light", "light")])
def test_both_themes_are_in_the_file(theme: str, written: str) -> None:
    page = converted(notebook("x"), theme=theme)
    assert page.soup.select_one("meta[name=dasklens-theme]")["content"] == written
    assert ":root[data-theme=dark] {" in page.html


def test_diagrams_are_text_and_the_page_says_so() -> None:
    page = converted(notebook("```mermaid\ngraph TD\n```", [{"text/vnd.mermaid": "graph LR"}]))
    assert page.notes == ["2 diagrams of mermaid are shown as text."]
    assert "graph LR" in page.soup.get_text()


def test_another_template_is_refused() -> None:
    with pytest.raises(Exception, match="Leave out --template"):
        converted(notebook("x"), template_name="classic")


def test_importing_dasklens_imports_no_nbconvert() -> None:
    code = "import sys, dasklens, dasklens.report.pages; sys.exit('nbconvert' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_finding_the_exporter_loads_no_figures() -> None:
    """nbconvert loads every exporter to list them."""
    module = EXPORTER.rpartition(".")[0]
    heavy = ("bqplot", "distributed", "ipywidgets")
    code = f"import sys, {module}; sys.exit(any(name in sys.modules for name in {heavy}))"
    subprocess.run([sys.executable, "-c", code], check=True)


# --- a real notebook ----------------------------------------------------------------------------------

CELLS = [
    """
import time
import bqplot, ipywidgets
import dasklens
from distributed import Client
client = Client(n_workers=1, threads_per_worker=2, processes=False, dashboard_address=":0")
stream = dasklens.TaskStream(client)
stream
""",
    "futures = client.map(time.sleep, [0.05] * 10, pure=False)\nbars = dasklens.progress(futures)",
    "assert bars.wait(60)",
    "dasklens.Workers(client)",
    """
x = bqplot.LinearScale()
marks = bqplot.Scatter(x=[1, 2, 3], y=[1, 4, 9], scales={"x": x, "y": bqplot.LinearScale()})
size = ipywidgets.IntSlider(value=64, max=400)
ipywidgets.jslink((size, "value"), (marks, "default_size"))
ipywidgets.Tab([ipywidgets.VBox([size, bqplot.Figure(marks=[marks])]), ipywidgets.Text()])
""",
    "client.close(); client.cluster.close()",
]


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> Page:
    """The page of a notebook that nbconvert runs first."""
    folder = tmp_path_factory.mktemp("notebook")
    nb = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell.strip()) for cell in CELLS])
    nb.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(nb, folder / "run.ipynb")
    command = [sys.executable, "-m", "nbconvert", "--to", EXPORTER, "--execute", "run.ipynb"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=120)
    return Page((folder / "run.html").read_text())


def test_execute_saves_the_state_of_what_it_runs(executed: Page) -> None:
    assert len(executed.places) == 3
    assert executed.packed == {nbpage.NOTEBOOK, nbpage.BQPLOT}
    models = {each.get("model_name") for each in executed.widgets["state"].values()}
    assert {"SpansModel", "ScatterModel", "LinkModel", "TabModel"} <= models
    assert executed.notes == [
        "1 of 2 controls needs a kernel: nothing here listens to what is set.",
        "1 widget of dasklens whose data was not saved is not live here.",
    ]


def test_the_bars_are_as_they_ended(executed: Page) -> None:
    """Though that was while another cell ran, and their snapshot was sent between two cells before."""
    (bars,) = (
        each
        for each in executed.widgets["state"].values()
        if str(each.get("state", {}).get("_anywidget_id")).endswith("_FollowingPart")
    )
    # The page has it.
    assert "_esm" not in bars["state"]
    (snapshot,) = bars["buffers"]
    now = ProgressNow()
    now.append(base64.b64decode(snapshot["data"]))
    assert now.done == now.total == 10


def test_a_figure_without_saved_data_says_so(executed: Page) -> None:
    (still,) = executed.soup.select(".dasklens-still")
    assert (
        still.p.get_text()
        == "What this figure shows was sent by a kernel, and was not saved with the notebook."
    )


def test_nbconvert_finds_it_by_name() -> None:
    """By the entry point that installing makes."""
    project = (Path(__file__).parents[1] / "pyproject.toml").read_text()
    _, _, points = project.partition('[project.entry-points."nbconvert.exporters"]')
    assert points.split()[:3] == ["dasklens", "=", f'"{EXPORTER.replace(".Dask", ":Dask")}"']


def test_the_notebook_of_a_report_is_live(tmp_path: Path) -> None:
    from dasklens import load_report

    sample = Path(__file__).parent / "data" / "reports" / "sample.json"
    load_report(sample).save(tmp_path / "run.ipynb")
    from dasklens.report.nbexport import DasklensExporter

    page, _ = DasklensExporter().from_filename(str(tmp_path / "run.ipynb"))
    assert page.count('<div class="dasklens-live') >= 3
    assert "had no saved state" not in page


@pytest.mark.parametrize("bad", [5, "x", [None], {"a": 1}])
def test_damaged_states_are_shown_as_far_as_they_go(bad: Any) -> None:
    state = {
        "f": {**model("Spans", "dasklens", streams=["a"]), "buffers": bad},
        "t": model("ToggleButtons", icons=bad),
    }
    nb = notebook([shows("f")], [shows("t")], state=state)
    for cell in nb.cells:
        # nbformat says of such only that it is wrong, and nbconvert's own page shows the widget.
        cell.outputs[0].data["image/svg+xml"] = cell.outputs[0].data["text/markdown"] = 5
    assert "A widget" in converted(nb).html


def test_a_page_is_one_of_whole_characters() -> None:
    nb = notebook("half \ud800", [{"text/html": "<b>\ud800</b><script>'\ud800'</script>"}])
    assert converted(nb, allow_scripts=True).html.encode()
