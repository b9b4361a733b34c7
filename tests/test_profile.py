"""`dasklens.profile` and `Profile` beside `Client.profile`, on real clusters."""

from __future__ import annotations

import os
import signal
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bqplot
import dask
import ipywidgets
import pytest
from conftest import NO_DASHBOARD
from distributed import Client, LocalCluster, Scheduler, Worker
from pages import Page
from traitlets import TraitError
from trees import node, real, rooted
from waiting import until

import dasklens
from dasklens import Profile
from dasklens.model import profile as tree
from dasklens.scheduler import asking
from dasklens.scheduler import profiling as source
from dasklens.source.attach import rpc_of
from dasklens.wire.frames import unpack_frame


def square(seconds: float) -> float:
    total, stop = 0.0, time.time() + seconds
    while time.time() < stop:
        total += sum(i * i for i in range(500))
    return total


def cube(seconds: float) -> float:
    return square(seconds)


@pytest.fixture(scope="module")
def busy() -> Iterator[Client]:
    """A client whose workers have been seen at work, and rest."""
    with (
        dask.config.set(
            {"distributed.worker.profile.cycle": "100ms", "distributed.worker.profile.interval": "5ms"}
        ),
        LocalCluster(
            n_workers=2,
            threads_per_worker=2,
            processes=False,
            protocol="tcp://",
            host="127.0.0.1",
            **NO_DASHBOARD,
        ) as cluster,
        Client(cluster) as client,
    ):
        client.gather(client.map(square, [0.1 + i / 1000 for i in range(8)]))
        client.gather(client.map(cube, [0.05 + i / 1000 for i in range(4)]))

        async def at_rest() -> bool:
            return not any(each.profile_recent["count"] for each in cluster.workers.values())

        until(lambda: client.sync(at_rest), "the last step to be handed out")
        yield client


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"key": "square"},
        {"key": "nothing"},
        {"merge_workers": False},
        {"server": True},
        {"scheduler": True},
        {"start": 0.0},
        {"stop": 0.0},
    ],
    ids=str,
)
def test_it_is_what_distributed_says(busy: Client, asked: dict[str, Any]) -> None:
    assert dasklens.profile(client=busy, **asked) == busy.profile(**asked)


def test_one_worker_or_several(busy: Client) -> None:
    one, other = busy.scheduler_info()["workers"]
    alone = dasklens.profile(workers=one, client=busy)
    assert alone == busy.profile(workers=one)
    assert alone["count"] < dasklens.profile(client=busy)["count"]
    both = dasklens.profile(workers=[one, other], client=busy)
    assert both["count"] == busy.profile()["count"]


def test_times_of_every_kind(busy: Client) -> None:
    everything = dasklens.profile(client=busy)["count"]
    now = time.time()
    assert dasklens.profile(start="10 minutes", client=busy)["count"] == everything
    assert dasklens.profile(start=now - 600, stop=now, client=busy)["count"] == everything
    assert dasklens.profile(start=(now - 600, now), client=busy)["count"] == everything
    assert dasklens.profile(start=[now - 1200, now - 900], client=busy)["count"] < everything


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"start": "soon"}, "how long ago"),
        ({"start": ""}, "how long ago"),
        ({"start": "1e999s"}, "how long ago"),
        ({"start": float("nan")}, "seconds since the epoch"),
        ({"stop": True}, "seconds since the epoch"),
        ({"start": object()}, "start should be seconds since the epoch"),
        ({"start": 1j}, "start should be seconds since the epoch"),
        ({"stop": 10**400}, "stop should be seconds since the epoch"),
        ({"start": [1j, 2]}, "start should be seconds since the epoch"),
        ({"start": (1, 2, 3)}, "interval"),
        ({"start": (1, 2), "stop": 3}, "interval"),
        ({"start": 5, "stop": 3}, "not be after stop"),
        ({"plot": 3}, 'True, False or "save"'),
    ],
)
def test_bad_use_gets_one_clear_sentence(busy: Client, asked: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        dasklens.profile(client=busy, **asked)


def test_a_file_of_it(busy: Client, tmp_path: Path) -> None:
    path = tmp_path / "p.json"
    state, figure = dasklens.profile(filename=str(path), client=busy)
    assert isinstance(figure, bqplot.Figure)
    report = dasklens.load_report(path)
    assert list(report._document.streams) == ["profile:worker"]
    assert report.profile().state["count"] == state["count"] > 0
    assert report.data == []
    with pytest.raises(ValueError, match="can be written"):
        dasklens.profile(filename=str(tmp_path), client=busy)


def test_a_figure_of_it(busy: Client, page: Page) -> None:
    state, figure = dasklens.profile(plot=True, client=busy)
    assert state == busy.profile()
    assert type(figure) is bqplot.Figure
    (mark,) = figure.marks
    (frame,) = map(unpack_frame, page.frames(mark))
    about = next(entry for entry in frame.names if isinstance(entry, dict))
    assert about["threads"] == 4
    assert about["interval"] == pytest.approx(0.005)
    assert {name for name, _ in about["prefixes"]} == {"square", "cube"}
    each, figure = dasklens.profile(plot=True, merge_workers=False, client=busy)
    assert set(each) == set(busy.scheduler_info()["workers"])


async def test_asynchronous() -> None:
    with dask.config.set({"distributed.worker.profile.cycle": "50ms"}):
        async with (
            Scheduler(host="127.0.0.1", port=0, dashboard=False, dashboard_address=":0") as scheduler,
            Worker(scheduler.address, nthreads=1, host="127.0.0.1"),
            Client(scheduler.address, asynchronous=True) as client,
        ):
            await client.submit(square, 0.3)
            ours = await dasklens.profile(client=client)
            assert ours["count"] > 0
            assert set(ours["children"]) == set((await client.profile())["children"])
            with pytest.raises(ValueError, match="start"):
                dasklens.profile(start="soon", client=client)


# --- who is missing -----------------------------------------------------------------------------------


def test_a_worker_that_dies_while_it_is_asked_is_named_and_the_others_are_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(asking, "PATIENCE", 2.0)
    monkeypatch.setattr(asking, "LAST_CHANCE", 1.0)
    with (
        dask.config.set({"distributed.worker.profile.cycle": "100ms"}),
        LocalCluster(n_workers=2, threads_per_worker=1, host="127.0.0.1", **NO_DASHBOARD) as cluster,
        Client(cluster) as client,
    ):
        client.gather(client.map(square, [0.3, 0.31, 0.32, 0.33]))
        pids = client.run(os.getpid)
        victim, survivor = pids
        scheduler = rpc_of(client)

        class Killing:
            """The scheduler, but a worker dies between the question who is there and the next one."""

            async def ncores(self) -> Any:
                return await scheduler.ncores()

            async def broadcast(self, **message: Any) -> Any:
                if victim in pids:
                    os.kill(pids.pop(victim), signal.SIGKILL)
                return await scheduler.broadcast(**message)

        answer = client.sync(source.read_profile, Killing(), source.Question())
        assert list(answer.missing) == [victim]
        assert list(answer.trees) == [survivor]
        assert answer.merged()["count"] == answer.states()[survivor]["count"] > 0


def test_a_warning_names_who_is_missing(busy: Client) -> None:
    with pytest.warns(RuntimeWarning, match=r"1 worker did not .*tcp://nowhere:1 \(not a worker"):
        dasklens.profile(workers="tcp://nowhere:1", client=busy)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        dasklens.profile(client=busy)


# --- what there is ------------------------------------------------------------------------------------


def test_coverage(busy: Client) -> None:
    coverage = busy.sync(source.read_coverage, rpc_of(busy), source.Question())
    assert sum(coverage.threads.values()) == 4
    assert sum(count for _, count in coverage.timeline) == busy.profile()["count"]
    assert sum(coverage.prefixes.values()) == busy.profile()["count"]
    assert set(coverage.prefixes) == {"square", "cube"}
    counts = list(coverage.prefixes.values())
    assert counts == sorted(counts, reverse=True)
    assert (coverage.interval, coverage.cycle, coverage.enabled) == (0.005, 0.1, True)
    only = busy.sync(source.read_coverage, rpc_of(busy), source.Question(keys=("cube",)))
    assert sum(count for _, count in only.timeline) == busy.profile(key="cube")["count"]


def test_profiling_that_is_off_is_said() -> None:
    with (
        dask.config.set({"distributed.worker.profile.enabled": False}),
        LocalCluster(
            n_workers=1, processes=False, protocol="tcp://", host="127.0.0.1", **NO_DASHBOARD
        ) as cluster,
        Client(cluster) as client,
    ):
        client.submit(square, 0.05).result()
        coverage = client.sync(source.read_coverage, rpc_of(client), source.Question())
    assert not coverage.enabled


# --- the widget ---------------------------------------------------------------------------------------


@pytest.fixture
def live(page: Page, busy: Client) -> Iterator[Profile]:
    profile = Profile(busy, every=0.05)
    until(lambda: profile.state["count"] > 0, "a first reading")
    yield profile
    profile.close()


def last(page: Page, profile: Profile) -> Any:
    return unpack_frame(page.frames(profile.mark)[-1])


def test_the_widget_shows_what_there_is(page: Page, busy: Client, live: Profile) -> None:
    assert live.state["count"] == busy.profile()["count"]
    assert live.functions()[0].name in ("<genexpr>", "square")
    assert sum(f.own for f in live.functions()) == live.state["count"]
    until(lambda: live.mark.phase == "live", "live")
    assert last(page, live).stream == "profile"
    assert isinstance(live, ipywidgets.VBox)
    assert type(live.figure) is bqplot.Figure
    assert list(live.to_pandas().columns) == ["name", "filename", "line", "library", "own", "total"]
    assert "samples" in repr(live)


def test_narrowing_from_python_and_from_the_page(page: Page, busy: Client, live: Profile) -> None:
    everything = live.state["count"]
    live.highlight = ["cube"]
    cube = busy.profile(key="cube")["count"]
    until(lambda: live.state["count"] == cube, "the prefix only")
    assert live.mark.highlight == ["cube"]
    page.set(live.mark, highlight=["cube", "square"])
    until(lambda: live.state["count"] == everything, "both prefixes")
    assert live.highlight == ["cube", "square"]
    page.set(live.mark, highlight=[], interval=[1.0, 2.0])
    until(lambda: live.state["count"] < everything, "a time before all")
    assert live.interval == (1.0, 2.0)
    page.set(live.mark, interval=None)
    until(lambda: live.state["count"] == everything, "all")
    (one, _) = busy.scheduler_info()["workers"]
    live.workers = [one]
    until(lambda: live.state["count"] == busy.profile(workers=one)["count"], "one worker")


def test_trees_are_read_only_when_there_is_something_new(
    page: Page, busy: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def counted(name: str) -> Any:
        read = getattr(source, name)

        async def reading(*args: Any) -> Any:
            asked.append(name)
            return await read(*args)

        return reading

    for name in ("read_coverage", "read_profile"):
        monkeypatch.setattr(source, name, counted(name))
    profile = Profile(busy, every=0.02)
    until(lambda: asked.count("read_coverage") > 3, "several readings")
    assert asked.count("read_profile") == 1
    assert len(page.frames(profile.mark)) == 1
    profile.refresh()
    until(lambda: len(page.frames(profile.mark)) == 2, "what was asked for")
    profile.close()


def test_nobody_looks_and_somebody_looks_again(page: Page, live: Profile) -> None:
    until(lambda: live.mark.phase == "live", "live")
    page.ask(live.mark, type="unwatched")
    assert live.mark.phase == "paused"
    page.ask(live.mark, type="read", cursor=0, names=0, log="", stream="profile")
    until(lambda: live.mark.phase == "live", "to go on")


def test_traits_are_mirrored_and_bad_ones_refused(page: Page, live: Profile) -> None:
    live.search, live.view = "square", "inverted"
    assert (live.mark.search, live.mark.view) == ("square", "inverted")
    page.set(live.mark, selected={"name": "square", "ids": []}, zoom=["square;a;1"])
    assert live.selected == {"name": "square", "ids": []}
    assert live.zoom == ["square;a;1"]
    with pytest.raises(TraitError, match="interval"):
        live.interval = (2, 1)
    assert live.interval is None
    with pytest.raises(TraitError):
        live.view = "sideways"


def test_arguments_are_traits(page: Page, busy: Client) -> None:
    profile = Profile(
        busy, key="cube", start=(1.0, 2.0), workers="tcp://x", view="table", layout={"width": "50%"}
    )
    assert profile.highlight == profile.mark.highlight == ["cube"]
    assert profile.interval == (1.0, 2.0)
    assert profile.workers == ["tcp://x"]
    assert profile.view == "table"
    until(lambda: profile.missing == {"tcp://x": "not a worker of this cluster"}, "who is missing")
    profile.close()


def test_a_state_that_was_kept(page: Page) -> None:
    profile = Profile.from_state(real("merged"), view="inverted")
    assert profile.state["count"] == real("merged")["count"]
    assert profile.mark.phase == "finished"
    assert last(page, profile).next > 50
    assert 0 < len(profile.mark.snapshot) <= 100_000
    page.ask(profile.mark, type="read", cursor=0, names=0, log="", stream="profile")
    assert len(page.frames(profile.mark)) == 2
    known = profile.mark.model_id
    profile.close()
    assert known not in page.open


def test_two_are_compared(page: Page) -> None:
    one, other = Profile.from_state(real("worker-0")), real("worker-1")
    changed = one.diff(other)
    assert (changed.state["count"], changed.state["before"]) == (one.state["count"], other["count"])
    assert "before" in last(page, changed).cols
    assert one.diff(Profile.from_state(other)).state["before"] == other["count"]
    assert all(each["change"] == 0 for each in tree.nodes(one.diff(one).state))


def test_a_file_that_is_too_large_or_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(OSError, match="nothing"):
        Profile.from_file(tmp_path / "nothing.json")
    monkeypatch.setattr("dasklens.widgets.flame._MOST_BYTES", 3)
    (tmp_path / "a.txt").write_text("f 12345")
    with pytest.raises(ValueError, match="larger than"):
        Profile.from_file(tmp_path / "a.txt")


def test_what_a_notebook_keeps_is_escaped() -> None:
    state = rooted(node("<img src=x onerror=alert(1)>", 3, file="<b>.py"))
    bundle = Profile.from_state(state)._bundle()
    html = bundle["text/html"]
    assert html.count("<img") == 1
    assert f'src="data:image/png;base64,{bundle["image/png"]}"' in html
    assert "&lt;img src=x" in html
    assert "No sample" not in html
    assert "no sample" in Profile.from_state(tree.create())._bundle()["text/html"]
