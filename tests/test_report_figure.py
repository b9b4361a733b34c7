"""Files of one figure: what `get_task_stream`, `profile` and `TaskStream` save."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bqplot
import pytest
from distributed import Client
from distributed.utils_test import gen_cluster
from hypothesis import given
from trees import REAL, real, states
from waiting import until

import dasklens
from dasklens import load_report
from dasklens.report.collect import ONE_FIGURE
from dasklens.scheduler.recorder import Recorder
from dasklens.wire.calltree import counted, pack_profile, unpack_profile


def test_get_task_stream(client: Client, tmp_path: Path) -> None:
    path = tmp_path / "ts.json"
    with dasklens.get_task_stream(client, plot="save", filename=str(path)) as ts:
        client.gather(client.map(abs, range(10)))
    assert isinstance(ts.figure, bqplot.Figure)
    report = load_report(path)
    assert report.data == ts.data
    assert len(report) == 10
    assert report.start_time < report.data[0]["startstops"][0]["start"] < report.stop_time
    assert list(report._document.streams) == ["tasks"]
    assert report.logs["empty"] == ONE_FIGURE
    assert report.tables["workers"]["empty"] == ONE_FIGURE
    assert report.tables["exceptions"]["empty"] == "No task failed."
    assert str(report.summary()) == "A figure that was saved alone has no summary."


@given(states())
def test_a_tree_survives(state: Any) -> None:
    timeline = [(1e9 + i, i) for i in range(3)]
    read, about, times = unpack_profile(pack_profile(state, {"kind": "worker"}, timeline))
    assert pack_profile(read, about, times, "x") == pack_profile(state, {"kind": "worker"}, timeline, "x")


@pytest.mark.parametrize("name", REAL)
def test_real_trees_survive(name: str) -> None:
    state = counted(real(name))
    read, about, times = unpack_profile(pack_profile(state, log="x"))
    assert pack_profile(read, about, times, "x") == pack_profile(state, log="x")


# The thread that reads stays, for whoever reads next.
@gen_cluster(client=True, nthreads=[("127.0.0.1", 1)], clean_kwargs={"threads": False})
async def test_profile_of_an_asynchronous_client(c: Client, s: Any, a: Any) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        await dasklens.profile(filename=f"{folder}/p.json", client=c)
        assert load_report(f"{folder}/p.json").profile().state["count"] == 0


def test_task_stream_widget(
    ts: dasklens.TaskStream, client: Client, recorder: Recorder, tmp_path: Path
) -> None:
    client.gather(client.map(abs, range(10)))
    until(lambda: recorder.next >= 10, "the tasks to be recorded")
    ts.save(tmp_path / "all.json")
    report = load_report(tmp_path / "all.json")
    assert len(report.data) == 10
    assert report.missed == 0
    with pytest.raises(ValueError, match="can be written"):
        ts.save(tmp_path)


def test_task_stream_widget_without_a_scheduler(
    ts: dasklens.TaskStream, client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.gather(client.map(abs, range(10)))
    until(lambda: ts._overview.n_tasks == 10, "the tasks to be shown")

    def gone(timeout: float = 0) -> Any:
        raise OSError("gone")

    monkeypatch.setattr(ts._feed, "everything", gone)
    ts.save(tmp_path / "some.json")
    report = load_report(tmp_path / "some.json")
    assert len(report.data) + report.missed == 10
    assert len(report.data) > 0
