"""`dasklens.progress` and `progress_of`: arguments, a terminal, a notebook's widget before a page."""

from __future__ import annotations

import asyncio
import io
import os
import pty
import signal
import subprocess
import sys
import threading
import time
from typing import Any

import dask
import dask.array as da
import pytest
from distributed import Client, Event, LocalCluster, wait
from ipywidgets.widgets.widget import _instances
from pages import Page
from waiting import until

import dasklens
from dasklens.kernel.console import Bars, ConsoleProgress
from dasklens.kernel.progress import _leaves
from dasklens.kernel.written import plain
from dasklens.model.progress import ProgressNow
from dasklens.scheduler.recorder import Recorder
from dasklens.source import feed as feed_module
from dasklens.source.errors import NotRecorded
from dasklens.widgets.still_progress import progress_html
from dasklens.wire.frames import unpack_frame

pytestmark = pytest.mark.usefixtures("short_polls")

HOSTILE = "<img src=x onerror=alert(1)>\x1b[31m"


def failing(text: str) -> None:
    raise ValueError(text)


def slow(x: int, seconds: float = 0.05) -> int:
    time.sleep(seconds)
    return x


# --- what it takes -------------------------------------------------------------------------------------


def test_wrong_arguments(client: Client) -> None:
    with pytest.raises(ValueError, match="`group_by` should be 'spans', 'prefix', or a Callable"):
        dasklens.progress([], group_by="nonsense")
    with pytest.raises(TypeError, match="colour"):
        dasklens.progress([], colour="red")
    with pytest.raises(TypeError, match="object"):
        dasklens.progress(object())


def test_without_a_client() -> None:
    with pytest.raises(ValueError, match="No Dask client here yet"):
        dasklens.progress([])


def test_what_is_followed(client: Client) -> None:
    futures = client.map(abs, range(3), key="f")
    x = da.ones((4, 4), chunks=(2, 2)).persist()
    leaves = list(
        _leaves([futures, {"x": x}, "key", ("t", 0, 1), (futures[0], "other"), (f for f in futures)])
    )
    keys = [getattr(leaf, "key", leaf) for leaf in leaves]
    assert keys[:3] == [f.key for f in futures]
    assert len(keys) == 3 + 4 + 1 + 1 + 2 + 3
    assert ("t", 0, 1) in keys
    assert list(_leaves(da.ones(3))) == []


# --- in a script or a terminal ------------------------------------------------------------------------


def test_a_script_blocks_until_done(client: Client, capsys: pytest.CaptureFixture[str]) -> None:
    futures = client.map(slow, range(8), key="slow")
    assert dasklens.progress(futures, multi=False) is None
    # The client is told by another message, which may come a little later.
    until(lambda: all(future.done() for future in futures), "the client to know", 1)
    lines = capsys.readouterr().out.split("\r")
    assert lines[-1].startswith(f"[{'#' * 40}] | 100% Completed | ")
    assert lines[-1].endswith("s\n")
    dasklens.progress(futures, width=10, scheduler=client.scheduler.address)
    assert f"[{'#' * 10}] | 100% Completed" in capsys.readouterr().out
    dasklens.progress([])
    assert "100% Completed" in capsys.readouterr().out


def test_a_failure_is_printed_in_full(client: Client, capsys: pytest.CaptureFixture[str]) -> None:
    after = client.submit(lambda x: x, client.submit(failing, HOSTILE, key="bad-0"), key="after-0")
    dasklens.progress(after)
    out = capsys.readouterr().out
    assert "ValueError('<img src=x onerror=alert(1)>\\x1b[31m')" in out
    assert "key: bad-0\nworker: tcp://127.0.0.1:" in out
    assert "raise ValueError(text)" in out


def test_a_terminal_is_not_steered_by_strangers() -> None:
    assert plain("a\x1b]0;x\x07b\nc\u202e") == "a\\x1b]0;x\\x07b\\nc\\u202e"
    assert plain("a\n\tb", "\n\t") == "a\n\tb"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_bars_in_a_terminal(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    out = Terminal()
    monkeypatch.setattr(sys, "stdout", out)
    futures = client.map(slow, range(4), key=[f"{'[red]' if i else 'x' + HOSTILE}-{i}" for i in range(4)])
    dasklens.progress(futures)
    text = out.getvalue()
    assert "4/4" in text
    assert "[red]" in text
    assert "onerror=alert" in text
    assert "alert(1)>\x1b[31m" not in text
    assert "finished" in text


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
@pytest.mark.parametrize("terminal", [False, True])
def test_what_cannot_be_encoded_is_escaped(
    client: Client, monkeypatch: pytest.MonkeyPatch, encoding: str, terminal: bool
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding=encoding)
    monkeypatch.setattr(out, "isatty", lambda: terminal, raising=False)
    monkeypatch.setattr(sys, "stdout", out)
    dasklens.progress(client.submit(failing, "too hot \u2603", key="bad-\u2603"))
    text = raw.getvalue().decode(encoding)
    assert "failed: ValueError('too hot \\u2603')" in text
    assert "key: bad-\\u2603" in text
    assert "% Completed" in text


def test_a_terminal_that_cannot_be_drawn_on_gets_its_cursor_back(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    out = Terminal()
    monkeypatch.setattr(sys, "stdout", out)

    def broken(*_: Any) -> None:
        raise BrokenPipeError

    monkeypatch.setattr(Bars, "draw", broken)
    with pytest.raises(BrokenPipeError):
        dasklens.progress(client.submit(slow, 1))
    assert out.getvalue().endswith("\x1b[?25h")


SCRIPT = """
import sys, time
from distributed import Client
import dasklens
if __name__ == "__main__":
    client = Client(sys.argv[1], set_as_default=True)
    future = client.submit(time.sleep, 3, key="long")
    print("begin", flush=True)
    dasklens.progress(future)
    print("went on", flush=True)
    future.result()
    print("result", flush=True)
"""


def test_ctrl_c_leaves_the_computation_running(client: Client) -> None:
    command = [sys.executable, "-u", "-c", SCRIPT, client.scheduler.address]
    ours, theirs = pty.openpty()
    with subprocess.Popen(command, stdout=theirs, stderr=subprocess.DEVNULL) as process:
        os.close(theirs)
        text = b""
        while b"long" not in text:
            text += os.read(ours, 4096)
        process.send_signal(signal.SIGINT)
        while b"result" not in text:
            text += os.read(ours, 4096)
        assert process.wait(10) == 0
    os.close(ours)
    assert b"Not watching any more; the computation goes on." in text
    assert b"went on" in text


async def test_where_a_loop_runs_it_does_not_block(capsys: pytest.CaptureFixture[str]) -> None:
    async with LocalCluster(
        n_workers=1, processes=False, asynchronous=True, dashboard_address=":0", protocol="tcp"
    ) as cluster:
        async with Client(cluster, asynchronous=True) as client:
            futures = client.map(slow, range(5))
            shown = dasklens.progress(futures, notebook=False)
            assert isinstance(shown, ConsoleProgress)
            await asyncio.wait_for(_awaited(shown), 10)
            assert shown.status == "finished"
            await asyncio.to_thread(shown.stop)
    assert "100% Completed" in capsys.readouterr().out


async def _awaited(shown: Any) -> None:
    await shown


def test_a_block(client: Client, capsys: pytest.CaptureFixture[str]) -> None:
    with dasklens.progress_of() as shown:
        assert dask.delayed(sum)([dask.delayed(slow)(i) for i in range(6)]).compute() == 15
    assert shown.status == "finished"
    assert "100% Completed" in capsys.readouterr().out
    assert shown.following.now.total == 7
    with pytest.raises(ZeroDivisionError), dasklens.progress_of(client):
        raise ZeroDivisionError


# --- in a notebook ------------------------------------------------------------------------------------


def told(page: Page, bars: Any) -> ProgressNow:
    now = ProgressNow()
    for frame in page.frames(bars.part):
        now.append(frame)
    return now


def test_a_notebook_goes_on(page: Page, client: Client, recorder: Recorder) -> None:
    event = Event(client=client)
    futures = client.map(lambda x, e: e.wait() and x, range(6), e=event, key="held")
    bars = dasklens.progress(futures, notebook=True)
    assert isinstance(bars, dasklens.ProgressBars)
    until(lambda: bars.status == "running", "it to run")
    assert not bars.wait(0.05)
    heard: list[str] = []
    bars.observe(lambda change: heard.append(change.new), "status")
    event.set()
    assert bars.wait(10)
    assert (bars.status, bars.eta, bars.error) == ("finished", 0, None)
    assert bars.counts["held"]["all"] == bars.counts["held"]["memory"] == 6
    assert bars.elapsed > 0
    assert heard == ["finished"]
    until(lambda: told(page, bars).final, "the page to hear of it")
    assert told(page, bars).counts == bars.counts
    # What the page makes of the frames itself is not sent, too.
    assert len(page.values(bars.part, "counts")) == 1
    # A page that comes later.
    until(lambda: bars.following.phase == "finished", "the end")
    page.sent.clear()
    page.ask(bars.part, type="read", stream="progress", cursor=0, names=0, log="")
    assert told(page, bars).counts == bars.counts
    assert "6 of 6" in repr(bars)
    bars.close()


def saved(bars: Any) -> ProgressNow:
    """What a page has of it that gets no frames."""
    now = ProgressNow()
    now.append(bars.part.snapshot)
    return now


def test_what_is_saved_while_it_runs(page: Page, client: Client) -> None:
    event = Event(client=client)
    quick = client.map(slow, range(2), key="quick")
    held = client.map(lambda x, e: e.wait() and x, range(3), e=event, key="held")
    bars = dasklens.progress([quick, held], notebook=True)
    until(lambda: repr(bars) == "<progress: 2 of 5 tasks, running>", "the quick ones")
    # As some seconds later, and at the end of a cell.
    bars._renewal._make()
    now = saved(bars)
    assert (now.final, now.status, now.done, now.total) == (False, "running", 2, 5)
    event.set()
    assert bars.wait(10)
    until(lambda: saved(bars).final, "the end to be kept")
    assert saved(bars).done == 5
    bars.close()


def test_an_error(page: Page, client: Client) -> None:
    future = client.submit(failing, HOSTILE, key="bad-0")
    bars = dasklens.progress(future, notebook=True, multi=False)
    assert bars.wait(10)
    assert bars.status == "error"
    assert bars.error is not None
    assert (bars.error["key"], bars.error["exception"]) == ("bad-0", repr(ValueError(HOSTILE)))
    html = progress_html(bars.following.now, bars.status, "", True)
    assert "<img" not in html
    assert "&lt;img" in html
    bars.close()


async def test_it_can_be_awaited(page: Page) -> None:
    async with LocalCluster(
        n_workers=1, processes=False, asynchronous=True, dashboard_address=":0", protocol="tcp"
    ) as cluster:
        async with Client(cluster, asynchronous=True) as client:
            futures = client.map(slow, range(5))
            bars = dasklens.progress(futures, notebook=True)
            assert (await asyncio.wait_for(_self(bars), 10)) is bars
            assert bars.status == "finished"
            async with dasklens.progress_of(client, notebook=True) as block:
                await client.gather(client.map(slow, range(5, 10)))
            assert (await block).counts["slow"]["all"] == 5
            with pytest.raises(ValueError, match="async with"), dasklens.progress_of(client, notebook=True):
                pass
            bars.close()
            block.close()


async def _self(bars: Any) -> Any:
    return await bars


def test_nobody_looks(page: Page, client: Client, recorder: Recorder) -> None:
    event = Event(client=client)
    futures = client.map(lambda x, e: e.wait() and x, range(2), e=event, key="held")
    bars = dasklens.progress(futures, notebook=True)
    until(lambda: bars.status == "running", "it to run")
    page.ask(bars.part, type="unwatched")
    until(lambda: not recorder.trackers.by_id, "the tracker to go")
    assert bars.part.phase == "paused"
    page.ask(bars.part, type="read", stream="progress", cursor=0, names=0, log="")
    until(lambda: bool(recorder.trackers.by_id), "another one")
    # Who waits does look.
    threading.Timer(0.3, event.set).start()
    assert bars.wait(10)
    bars.close()


def test_closing_leaves_nothing(page: Page, client: Client) -> None:
    before = set(page.open)
    futures = client.map(slow, range(2))
    bars = dasklens.progress(futures, notebook=True)
    everything = dasklens.Progress(client)
    wait(futures)
    bars.close()
    everything.close()
    left = {ident: _instances[ident] for ident in set(page.open) - before if ident in _instances}
    assert left == {}
    assert set(page.open) == before


def test_everything_by_group(page: Page, client: Client) -> None:
    wait(client.map(slow, range(2), key=["by-0", "by-1"]))
    everything = dasklens.Progress(client, group_by="span")
    assert everything.part.group_by == "span"
    read = {"type": "read", "stream": "groups", "cursor": 0, "names": 0, "log": ""}

    def heard() -> set[str]:
        return {unpack_frame(data).stream for data in page.frames(everything.part)}

    until(lambda: heard() == {"counts"}, "the counts")
    page.ask(everything.part, **read)
    until(lambda: heard() == {"counts", "groups"}, "the groups, when a page asks", 20)
    page.ask(everything.part, type="unread", stream="groups")
    until(lambda: not everything.part._feed._places["groups"].wanted, "the end of it")
    everything.close()
    with pytest.raises(ValueError, match="group_by should be one of prefix, group, span; got 'mood'"):
        dasklens.Progress(client, group_by="mood")


def test_a_scheduler_that_lets_nobody_in(page: Page, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(client: Client) -> None:
        raise NotRecorded("It lets no plugin be added. Install dasklens in its environment.")

    monkeypatch.setattr(feed_module, "attach", refuse)
    futures = client.map(abs, range(3))
    bars = dasklens.progress(futures, notebook=True)
    assert bars.wait(5)
    assert bars.status == "lost"
    assert "Install dasklens" in bars.following.why
    assert "Install dasklens" in bars._bundle()["text/html"]
    bars.close()


@pytest.mark.parametrize("n", [1, 300])
def test_still_bars(client: Client, n: int) -> None:
    futures = client.map(abs, range(n), key=[f"{'x' * 200}{i}-0" for i in range(n)])
    with dasklens.progress_of(client, notebook=True):
        pass
    bars = dasklens.progress(futures, notebook=True)
    assert bars.wait(20)
    html = progress_html(bars.following.now, bars.status, "", True)
    assert html.count("<tr>") == 1 + min(n, 50)
    assert ("250 more groups" in html) == (n == 300)
    assert len(html) < 20_000
    bars.close()
