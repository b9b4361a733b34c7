"""The child of the Jupyter server: what it makes of messages, also of those that are none."""

from __future__ import annotations

import contextlib
import io
import json
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from streams import tasks
from waiting import until

from dasklens import load_report
from dasklens.report.child import Child
from dasklens.scheduler.log import TaskLog
from dasklens.wire.answers import pack_answer
from dasklens.wire.pipes import (
    LENGTH,
    LONGEST,
    MessageError,
    length_of,
    pack_message,
    read_message,
    unpack_message,
)

NOW = 1.7e9
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary()
)


class Told:
    """A child, and what it has said."""

    def __init__(self, **more: Any) -> None:
        self.output = io.BytesIO()
        self.child = Child(self.output, **more)
        self.log = TaskLog("log", 1 << 30, str, lambda span: [])

    def do(self, do: str, **more: Any) -> None:
        self.child.do({"do": do, **more})

    def begin(self) -> None:
        frame = pack_answer("moment", "log", self.log.next, NOW, {"started": NOW - 60})
        self.do("begin", frame=frame, address="tcp://s:1")

    def take(self, first: int, n: int, of: str = "recording") -> None:
        cursor = self.log.next
        self.log.extend(tasks(first, n))
        found = self.log.frames(cursor, 0)
        self.do(
            "take",
            of=of,
            stream="tasks",
            log="log",
            cursor=found["next"],
            names=found["names"],
            frames=found["frames"],
        )

    @property
    def said(self) -> list[dict[str, Any]]:
        file = io.BytesIO(self.output.getvalue())
        return list(iter(lambda: read_message(file), None))  # type: ignore[arg-type]

    def of(self, id: int) -> list[dict[str, Any]]:
        return [message for message in self.said if message.get("id") == id]

    def document(self, id: int = 9) -> bytes:
        self.do("document", id=id, title="t")
        until(lambda: any("done" in message or "error" in message for message in self.of(id)), "a document")
        return b"".join(message.get("chunk", b"") for message in self.of(id))


def test_a_recording_is_kept_told_and_made_into_a_file() -> None:
    told = Told()
    told.take(0, 5)  # before it begins
    told.begin()
    told.take(5, 100)
    told.do("end", frame=pack_answer("moment", "log", 105, NOW + 10, {}), after=10.0)
    report = load_report(told.document())
    assert [record["key"][1] for record in report.data] == list(range(5, 105))
    assert (report.start_time, report.stop_time) == (NOW, NOW + 10)
    assert told.said[-1]["tasks"] == 100
    last = [message["recording"] for message in told.said if "recording" in message][-1]
    assert last["tasks"] == 100
    assert last["full"] is False


def test_a_recording_takes_no_more_than_it_may_and_says_so() -> None:
    told = Told(most=100_000)
    told.begin()
    for first in range(0, 40_000, 1000):
        told.take(first, 1000)
    told.do("end", frame=None, after=10.0)
    report = load_report(told.document())
    assert 0 < len(report) < 40_000
    assert "a recording may take no more than it had by then" in report.ended_early
    last = [message["recording"] for message in told.said if "recording" in message][-1]
    assert last["full"] is True
    assert report.stop_time == NOW + 10


@pytest.mark.parametrize(
    "message",
    [
        {"do": "nonsense", "id": 1},
        {"do": "summary", "id": 1, "seconds": "x"},
        {"do": "summary", "id": 1, "more": 1, "seconds": 60},
        {"do": "document", "id": 1, "title": ""},
    ],
)
def test_what_it_cannot_do_is_answered(message: dict[str, Any]) -> None:
    told = Told()
    told.do("moment", of="live", frame=pack_answer("moment", "log", 0, NOW, {"started": NOW - 60}))
    told.child.do(message)
    (answer,) = told.of(1)
    assert answer["error"]
    # It goes on.
    told.do("summary", id=2, seconds=60.0)
    assert json.loads(told.of(2)[0]["json"])["summary"]["verdict"].startswith("No task finished")


def test_frames_that_are_none_cost_their_stream_alone() -> None:
    told = Told()
    told.begin()
    told.do("take", of="recording", stream="counts", log="log", cursor=1, names=0, frames=[b"\xc1"])
    told.do("answer", of="recording", stream="details", frame=b"nothing")
    told.take(0, 3)
    told.do("end", frame=None, after=1.0)
    report = load_report(told.document())
    assert len(report.data) == 3
    assert any(note.startswith("Not recorded: counts. ") for note in report.summary()["notes"])
    assert "Expected" in report.tables["fine_metrics"]["empty"]


def test_a_live_summary_says_what_is_missing() -> None:
    told = Told()
    told.do("lack", of="live", stream="counts", why="It has none.")
    told.do("moment", of="live", frame=pack_answer("moment", "log", 0, 1.7e9 + 1, {"started": None}))
    told.take(0, 100, of="live")
    told.do("phase", of="live", phase="lost", reason="gone")
    told.do("summary", id=1, seconds=60.0)
    summary = json.loads(told.of(1)[0]["json"])["summary"]
    assert summary["figures"]["threads"] == 4
    assert any("It has none." in note for note in summary["notes"])
    told.do("forget")
    told.do("summary", id=2, seconds=60.0)
    assert json.loads(told.of(2)[0]["json"]) == {"summary": None, "scope": None}


def test_messages_are_bounded() -> None:
    assert read_message(io.BytesIO(pack_message({"do": "x"}))) == {"do": "x"}
    assert read_message(io.BytesIO(b"")) is None
    assert read_message(io.BytesIO(pack_message({"do": "x"})[:-1])) is None
    with pytest.raises(MessageError, match="at most 100 MiB"):
        length_of(LENGTH.pack(LONGEST + 1))
    with pytest.raises(MessageError, match="at most 100 MiB"):
        pack_message({"frame": bytes(LONGEST)})
    for data in (b"\xc1", b"\x93\x01", b"\x01", b"\x91" * 5000):
        with pytest.raises(MessageError, match="Expected a message"):
            unpack_message(data)


@given(st.dictionaries(st.text(max_size=5), st.recursive(LEAVES, lambda leaf: st.lists(leaf, max_size=3))))
def test_messages_come_back_as_they_were(message: dict[str, Any]) -> None:
    assert read_message(io.BytesIO(pack_message(message))) == message


@given(st.binary(max_size=200))
def test_bytes_are_a_message_or_are_refused(data: bytes) -> None:
    with contextlib.suppress(MessageError):
        assert isinstance(unpack_message(data), dict)


def test_it_loads_neither_clients_nor_figures_and_ends_with_its_input() -> None:
    heavy = ["bqplot", "ipywidgets", "distributed", "tornado"]
    code = f"import sys, dasklens.report.child; print([name for name in {heavy} if name in sys.modules])"
    output = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert output.strip() == "[]"
    command = [sys.executable, "-m", "dasklens.report.child"]
    done = subprocess.run(
        command, input=pack_message({"do": "summary", "id": 1, "seconds": 60}), capture_output=True
    )
    assert done.returncode == 0
    answer = read_message(io.BytesIO(done.stdout))
    assert answer is not None
    assert answer["id"] == 1
