"""A notebook that no browser ever saw keeps a picture of what ran, and little else."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from test_still import Page

from dasklens.widgets.still import MIME

TASKS = 5000

CELLS = [
    """
import dask
from distributed import Client
import dasklens
# All tasks to the worker at once: one by one, trivial ones take the scheduler four times as long.
dask.config.set({"distributed.scheduler.worker-saturation": float("inf")})
client = Client(n_workers=1, threads_per_worker=2, processes=True, dashboard_address=":0")
stream = dasklens.TaskStream(client)
stream
""",
    f"""
futures = client.map(abs, range({TASKS}), key=[f"abs-{{i}}" for i in range({TASKS})])
assert sum(client.gather(futures)) == sum(range({TASKS}))
""",
    """
def fail(text):
    raise ValueError(text)

import distributed
failed = distributed.wait(client.submit(fail, "<img src=x onerror=alert(1)>"))
""",
    "client.close(); client.cluster.close()",
]


#: Bars that are done, or have failed, while another cell runs.
BARS = [
    """
from distributed import Client, wait
import dasklens, time
client = Client(n_workers=1, threads_per_worker=2, processes=False, dashboard_address=":0")
""",
    "futures = client.map(time.sleep, [0.2] * 10, pure=False)\ndone = dasklens.progress(futures)",
    "assert done.wait(60)",
    """
def boom():
    raise ValueError("<b>too hot</b>")
failing = client.submit(boom, key="boom-1")
failed = dasklens.progress(failing, client.map(time.sleep, [0.2] * 10, pure=False))
""",
    "assert failed.wait(60)",
    "client.close(); client.cluster.close()",
]


@pytest.fixture(scope="module")
def notebook(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The notebook after all its cells ran."""
    return executed(tmp_path_factory.mktemp("notebook"), CELLS)


def executed(folder: Path, cells: list[str]) -> Any:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell.strip()) for cell in cells])
    resources = {"metadata": {"path": folder}}
    NotebookClient(notebook, timeout=120, kernel_name="python3", resources=resources).execute()
    return notebook


def test_the_cell_keeps_every_form_of_the_stream(notebook: Any) -> None:
    (output,) = notebook.cells[0].outputs
    assert output.output_type == "display_data"
    assert set(output.data) == {
        "text/plain",
        "text/html",
        "image/png",
        "application/vnd.jupyter.widget-view+json",
        MIME,
    }
    assert output.data["text/plain"].startswith(f"<TaskStream: {TASKS + 1:,} tasks on 2 threads, ")


def test_the_still_picture_is_that_of_the_end(notebook: Any) -> None:
    page = Page(notebook.cells[0].outputs[0].data["text/html"])
    page.assert_harmless()
    assert f"Task stream: {TASKS + 1:,} tasks, 1 failed, on 2 threads of 1 worker" in page.text
    counts = {row[1]: row[2] for row in page.rows[1:]}
    assert counts == {"abs": f"{TASKS:,}", "fail": "1 (1 failed)"}
    (image,) = page.images
    assert image["width"] == "960"


def test_other_cells_have_no_output(notebook: Any) -> None:
    for cell in notebook.cells[1:]:
        assert cell.outputs == []


def test_it_stays_small(notebook: Any) -> None:
    assert len(nbformat.writes(notebook)) < 300_000


def test_the_state_of_the_widgets_holds_the_newest_tasks(notebook: Any) -> None:
    """What nbconvert and JupyterLab draw the live figure from when no kernel is there."""
    state = notebook.metadata.widgets["application/vnd.jupyter.widget-state+json"]["state"]
    view = notebook.cells[0].outputs[0].data["application/vnd.jupyter.widget-view+json"]
    assert state[view["model_id"]]["model_name"] == "VBoxModel"
    mark = state[notebook.cells[0].outputs[0].data[MIME]["mark_id"]]
    assert mark["model_name"] == "SpansModel"
    (snapshot,) = mark["buffers"]
    assert snapshot["path"] == ["snapshot"]
    assert 1000 < len(snapshot["data"]) < 140_000
    # Frames are messages, not state: nothing else of the run is in there.
    texts = [str(model) for key, model in state.items() if model is not mark]
    assert not any(re.search(r"abs-\d", text) for text in texts)


def test_bars_are_as_they_ended_though_that_was_while_another_cell_ran(tmp_path: Path) -> None:
    notebook = executed(tmp_path, BARS)
    done, failed = (Page(notebook.cells[at].outputs[0].data["text/html"]) for at in (1, 3))
    assert "finished" in done.text
    assert "10 of 10" in done.text
    assert "too hot" in failed.text
    for page in (done, failed):
        assert "running" not in page.text
        # What a task says stays text.
        assert not {"b", "script"} & set(page.tags)
