"""The live summary of a scheduler: of the time asked for, for all pages, and gone when nobody asks."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jupyter import Jupyter, jupyter
from streams import PLAIN, Group, Scheduled, entry, scheduled, tasks
from test_recordings import Recorded, children
from waiting import until

from dasklens.report.window import Window
from dasklens.scheduler.log import TaskLog
from dasklens.wire.answers import pack_answer

#: The server forgets soon that somebody looked.
SOON = [
    "-c",
    "import sys; sys.argv[0] = 'jupyter'; from dasklens.server import summaries; summaries.IDLE = 1.0; "
    "from jupyter_server.serverapp import main; main()",
]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Jupyter]:
    with jupyter(tmp_path, "--Dasklens.poll_interval=0.1", command=SOON) as server:
        yield server


@pytest.fixture
def scheduler(server: Jupyter) -> Iterator[Scheduled]:
    with scheduled(server.runtime) as scheduler:
        yield scheduler


def asked(server: Jupyter, seconds: float = 300) -> Any:
    id = entry(server)["id"]
    answer = server.get(f"dasklens/api/schedulers/{id}/summary?seconds={seconds}")
    assert answer.status == 200, answer.body
    return answer.json


def test_it_is_of_what_ran_and_ends_when_nobody_asks(server: Jupyter, scheduler: Scheduled) -> None:
    assert not children(server)
    scheduler.run(*(f"x-{i}" for i in range(200)))
    found = asked(server)
    until(lambda: (asked(server)["summary"] or {}).get("figures", {}).get("tasks") == 200, "all tasks")
    found = asked(server)
    assert found["state"]["phase"] == "live"
    assert found["summary"]["verdict"].startswith("200 tasks kept 1 worker thread")
    assert found["summary"]["prefixes"][0]["prefix"] == "x"
    assert sum(each["share"] for each in found["summary"]["time"]) == pytest.approx(1)
    scope = found["scope"]
    assert scope["tasks"] == scope["of"] == 200
    assert scope["note"] == ""
    # The scheduler has not been there for five minutes.
    assert 0 < scope["stop"] - scope["start"] < 120
    assert len(children(server)) == 1
    until(lambda: not children(server) and scheduler.readers == 0, "the end of all")
    # And again.
    scheduler.run("y-1")
    until(lambda: (asked(server)["summary"] or {}).get("figures", {}).get("tasks") == 201, "one more")


def test_a_child_that_is_killed_is_said_and_replaced(server: Jupyter, scheduler: Scheduled) -> None:
    scheduler.run("x-1")
    asked(server)
    (child,) = children(server)
    os.kill(child, signal.SIGKILL)
    path = f"dasklens/api/schedulers/{entry(server)['id']}/summary"
    refused: list[Any] = []

    def is_refused() -> bool:
        refused[:] = [server.get(path)]
        return bool(refused[0].status == 503)

    until(is_refused, "the end to be noticed")
    assert "ended by itself (signal 9)" in refused[0].json["message"]
    until(lambda: server.get(path).status == 200, "another child")
    assert children(server) != [child]


def test_summaries_and_a_recording_share_a_child(server: Jupyter, scheduler: Scheduled) -> None:
    recorded = Recorded(server)
    recorded.start()
    asked(server)
    (child,) = children(server)
    scheduler.run("x-1")
    recorded.until_tasks(1)
    until(lambda: scheduler.readers == 1, "one connection")
    # Nobody looks at the summary any more, and the recording goes on.
    time.sleep(1.5)
    assert children(server) == [child]
    assert recorded.said["phase"] == "recording"
    recorded.stop()
    recorded.until("saved")
    until(lambda: not children(server) and scheduler.readers == 0, "the end of all")


def test_a_plain_scheduler_has_one_of_its_tasks(server: Jupyter) -> None:
    with scheduled(server.runtime, env=PLAIN) as scheduler:
        server.post("dasklens/api/schedulers", {"url": f"http://127.0.0.1:{scheduler.port}"})
        asked(server)
        scheduler.run("x-1", "x-2")
        until(lambda: (asked(server)["summary"] or {}).get("figures", {}).get("tasks") == 2, "both tasks")
        notes = asked(server)["summary"]["notes"]
        assert any("This scheduler records nothing for dasklens" in note for note in notes)
        assert asked(server)["summary"]["figures"]["threads"] == 1


@pytest.mark.parametrize("seconds", ["", "x", "9", "1801", "nan", "-1"])
def test_another_time_is_refused(server: Jupyter, seconds: str) -> None:
    answer = server.get(f"dasklens/api/schedulers/{'0' * 16}/summary?seconds={seconds}")
    assert answer.status == 400
    assert answer.json["message"] == "seconds should be a number from 10 to 1800."


def test_an_unknown_scheduler_is_refused(server: Jupyter) -> None:
    assert server.get(f"dasklens/api/schedulers/{'0' * 16}/summary").status == 404


# -- the window itself -----------------------------------------------------------------------------------


def log_of(n: int, step: float, now: float) -> TaskLog:
    """A log of n tasks of 1 ms, the last of which ended now; two prefixes, one after the other."""
    log = TaskLog("log", 1 << 30, lambda address: str(address), lambda span: [])
    groups = Group("first"), Group("second")
    for i in range(0, n, 500):
        made = tasks(i, min(500, n - i), groups[i >= n // 2])
        for k, (_, said) in enumerate(made):
            stop = now - (n - 1 - i - k) * step
            said["startstops"] = ({"action": "compute", "start": stop - 1e-3, "stop": stop},)
        log.extend(made)
    return log


def filled(window: Window, log: TaskLog, now: float, cursor: int = 0) -> Window:
    window.moment(now, now - 1000.0)
    names = 0
    while cursor < log.next:
        found = log.frames(cursor, names, 20_000)
        window.take("tasks", found["frames"])
        cursor, names = found["next"], found["names"]
    return window


def test_a_window_is_of_the_time_asked_for() -> None:
    now = 1.7e9
    log = log_of(4000, 0.1, now)
    window = filled(Window(), log, now)
    for seconds, n in ((60.0, 600), (300.0, 3000), (1800.0, 4000)):
        found = window.summary(seconds)
        assert abs(found["summary"]["figures"]["tasks"] - n) <= 2
        assert found["scope"]["note"] == ""
        # The first task was 400 s ago: what threads did before, nobody asked.
        assert found["summary"]["figures"]["duration"] == pytest.approx(min(seconds, 400.0), abs=0.5)
        names = {each["prefix"] for each in found["summary"]["prefixes"]}
        assert names == ({"second"} if n < 2000 else {"first", "second"})


@pytest.mark.parametrize("cursor", [0, 25_000])
def test_more_tasks_than_fit_are_said_and_the_time_is_theirs(cursor: int) -> None:
    now = 1.7e9
    log = log_of(40_000, 0.005, now)
    window = filled(Window(most=15_000), log, now, cursor)
    found = window.summary(300.0)
    scope = found["scope"]
    assert 14_000 <= scope["tasks"] <= 21_000
    assert scope["of"] == 40_000
    assert scope["note"].startswith("Of 40,000 tasks that the scheduler's log has had, the newest 1")
    assert scope["stop"] - scope["start"] == pytest.approx(scope["tasks"] * 0.005, abs=1)
    # As many threads were busy as at any other time: of four lanes together a fifth of one.
    compute = found["summary"]["time"][0]
    assert compute["share"] == pytest.approx(0.2 / 4, rel=0.1)
    # A time that is all here needs no note.
    assert window.summary(10.0)["scope"]["note"] == ""


def test_what_is_too_old_goes_and_its_names_with_it() -> None:
    now = 1.7e9
    window = Window()
    log = log_of(100_000, 0.1, now)
    filled(window, log, now)
    assert len(window._held) < 60_000
    assert window._n < 30_000
    lowest = min(window._names)
    assert lowest > 0
    assert window.summary(60.0)["summary"]["figures"]["tasks"] == pytest.approx(600, abs=2)


def test_a_window_stands_still_while_the_scheduler_is_lost_and_forgets_another_log() -> None:
    now = 1.7e9
    window = filled(Window(), log_of(100, 0.1, now), now)
    window.lose()
    before = window.now
    assert window.now == before
    window.find()
    assert window.now >= before
    other = TaskLog("other", 1 << 30, str, lambda span: [])
    made = tasks(0, 1)
    made[0][1]["startstops"] = ({"action": "compute", "start": now - 1, "stop": now},)
    other.extend(made)
    window.take("tasks", other.frames(0)["frames"])
    assert window.summary(60.0)["summary"]["figures"]["tasks"] == 1


def test_before_anything_came_there_is_no_summary() -> None:
    assert Window().summary(60.0) == {"summary": None, "scope": None}
    window = Window()
    window.moment(1.7e9, 1.7e9 - 20)
    assert window.summary(60.0)["summary"]["verdict"] == "No task finished in the last 20 s."


def test_an_answer_that_is_none_is_refused() -> None:
    from dasklens.wire.answers import unpack_answer
    from dasklens.wire.frames import FrameError, pack_frame

    assert unpack_answer(pack_answer("moment", "log", 3, 1.5, {"started": 1.0})) == {"started": 1.0}
    frame = pack_frame(
        stream="moment", log="", first=0, next=0, missed=0, names0=0, names=(), base=0.0, cols={}
    )
    with pytest.raises(FrameError, match="Expected an answer of the stream 'moment'"):
        unpack_answer(frame)
