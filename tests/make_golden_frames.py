"""Write the golden frames that the Python and the TypeScript suite both read.

Run it only when the format changes on purpose: ``python tests/make_golden_frames.py``. Each
``NAME.frames`` is a msgpack array of frames; ``NAME.json`` says what they hold.
"""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import msgpack

from dasklens.model.spans import TaskTable
from dasklens.scheduler.log import TaskLog

FOLDER = Path(__file__).parent / "data" / "frames"
TOKEN = "9a1689536a934d67341eac3b9682a85a"
BASE = 1_795_431_048.8087008


def task(key: Any, group: str, prefix: str, span: str | None = None) -> Any:
    owner = SimpleNamespace(name=prefix)
    group_ = _Group(group, owner, span)
    return SimpleNamespace(key=key, group=group_)


class _Group:
    _known: ClassVar[dict[str, _Group]] = {}

    def __new__(cls, name: str, prefix: Any, span_id: str | None) -> _Group:
        if name not in cls._known:
            cls._known[name] = super().__new__(cls)
        return cls._known[name]

    def __init__(self, name: str, prefix: Any, span_id: str | None):
        self.name, self.prefix, self.span_id = name, prefix, span_id


def said(worker: int, thread: int, *spans: tuple[str, float, float], **more: Any) -> dict[str, Any]:
    return {
        "worker": f"tcp://127.0.0.1:{40000 + worker}",
        "thread": 140_130_857_973_440 + thread,
        "status": "OK",
        "nbytes": 8,
        "type": b"\x80\x05.",
        "typename": "numpy.ndarray",
        "metadata": {},
        "stimulus_id": f"task-finished-{BASE + 2!r}",
        "startstops": tuple(
            {"action": action, "start": BASE + start, "stop": BASE + stop} for action, start, stop in spans
        ),
        **more,
    }


def several() -> list[bytes]:
    """Two chunks' worth of every kind of record, in three frames."""
    log = TaskLog("golden", 1 << 30, lambda address: f"w-{address[-1]}", lambda span: ["outer", "ß"])
    hostile = "<img src=x onerror=alert(1)>"
    transfer = {
        "action": "transfer",
        "start": BASE + 0.1,
        "stop": BASE + 0.25,
        "source": "tcp://127.0.0.1:40009",
    }
    log.extend(
        [
            (task(("sum-" + TOKEN, 0, 1), "sum-" + TOKEN, "sum"), said(0, 0, ("compute", 0.0, 0.5))),
            (
                task("inc-" + TOKEN, "inc", "inc", "span-1"),
                said(1, 0, ("compute", 0.25, 0.75), nbytes=2**40),
            ),
        ]
    )
    first = log.frames(0)
    mixed = said(0, 1, ("compute", 0.3, 0.4), ("disk-write", 0.4, 0.45), ("deserialize", 0.05, 0.1))
    mixed["startstops"] = (transfer, *mixed["startstops"])
    failed = said(
        1,
        1,
        ("compute", 0.5, 0.6),
        status="error",
        exception_text=f"ValueError('{hostile}')",
        traceback_text='  File "x.py", line 1\n',
    )
    for absent in ("nbytes", "typename", "type", "metadata"):
        del failed[absent]
    log.extend(
        [
            (task(("x", ("y", 1.5), None, True, -7), "x", "x"), mixed),
            (task(hostile, hostile, hostile), failed),
            (task("ünï-ぐ", "ünï", "ünï"), said(0, 0, ("compute", 1e-6, 2.1e-5), metadata={"a": 1})),
            (task(("t", 2**70), "t", "t"), said(0, 0, ("walk", 1.0, 1.5), stimulus_id="other")),
            (task("lost", "lost", "lost"), {"status": "error", "exception_text": "KilledWorker"}),
        ]
    )
    second = log.frames(first["next"], first["names"])
    log._roll()
    log.extend([(task(("sum-" + TOKEN, 1, 1), "sum-" + TOKEN, "sum"), said(0, 0, ("compute", 3.0, 3.5)))])
    third = log.frames(second["next"], second["names"])
    return [*first["frames"], *second["frames"], *third["frames"]]


def plain(value: Any) -> Any:
    """`value` as JSON can say it."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items() if not isinstance(item, bytes)}
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    return value


def described(frames: list[bytes]) -> dict[str, Any]:
    """What the frames hold: the records, and how a key reads as text."""
    records = TaskTable(frames).records()
    return {
        "records": [{**plain(r), "key_text": key_text(r["key"])} for r in records],
        "n_records": len(records),
    }


def key_text(key: Any) -> str:
    return key if isinstance(key, str) else repr(key)


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    frames = several()
    (FOLDER / "tasks-v1.frames").write_bytes(msgpack.packb(frames))
    text = json.dumps(described(frames), indent=1, ensure_ascii=False)
    (FOLDER / "tasks-v1.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
