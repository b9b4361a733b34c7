"""speedscope's JSON of a whole run: its call trees, and a profile for each row of the task stream."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO

import numpy as np

from ...model.profilefile import SCHEMA, to_speedscope
from ...model.taskcells import by_frame, shown
from ...wire.calltree import unpack_profile
from ..document import ReportError
from .about import Exported
from .layout import Layout

#: What can be exported, and what a call tree is called.
TREES = {
    "worker": "worker threads (samples)",
    "server": "workers' event loops (samples)",
    "scheduler": "scheduler (samples)",
}
KINDS = ("tasks", *TREES)
_encode = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode
#: Events that are written at once.
_EVENTS = 8192


def write_speedscope(run: Exported, out: BinaryIO, kinds: Iterable[str]) -> None:
    """Write profiles of these kinds in one file.

    Raises
    ------
    ReportError
        When there is none of them.
    """
    frames: list[dict[str, Any]] = []
    trees = [tree for kind in kinds if kind in TREES for tree in _trees(run, kind, frames)]
    lanes = _Lanes(run, frames) if "tasks" in kinds else None
    if not trees and (lanes is None or not lanes.rows):
        raise ReportError(
            f"There is nothing of {', '.join(kinds)} to export: it has no spans and no samples."
        )
    head = {
        "$schema": SCHEMA,
        "exporter": "dasklens",
        "name": shown(run.title),
        "activeProfileIndex": 0,
        "shared": {"frames": frames},
    }
    out.write(f'{_encode(head)[:-1]},"profiles":['.encode())
    between = ""
    for tree in trees:
        out.write(f"{between}{_encode(tree)}".encode())
        between = ",\n"
    for at in range(len(lanes.rows)) if lanes is not None else ():
        assert lanes is not None
        for text in lanes.profile(at):
            out.write(f"{between}{text}".encode())
            between = ""
        between = ",\n"
    out.write(b"]}\n")


def _trees(run: Exported, kind: str, frames: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The call tree of a kind, if it was sampled; its frames are added to the shared ones."""
    for data in run.frames(f"profile:{kind}"):
        state, about, _ = unpack_profile(data if isinstance(data, bytes) else b"")
        interval = about.get("interval") if isinstance(about, dict) else None
        seconds = interval if isinstance(interval, (int, float)) and interval > 0 else None
        if not state["count"]:
            return
        made = json.loads(to_speedscope(state, TREES[kind], seconds))
        profile = made["profiles"][0]
        for event in profile["events"]:
            event["frame"] += len(frames)
        frames += made["shared"]["frames"]
        yield profile
        return


class _Lanes:
    """The rows of a task stream as evented profiles: what runs there, one behind the other."""

    def __init__(self, run: Exported, frames: list[dict[str, Any]]):
        self._layout = layout = Layout(run.frames("tasks"))
        known: dict[str, int] = {}
        names: list[int] = []
        for table in by_frame(run.frames("tasks")):
            columns = table.columns()
            groups = columns["group"][columns["record"]].tolist()
            for group, action in zip(groups, columns["action"].tolist(), strict=True):
                prefix, said = str(table.names[group][1]), str(table.names[action])
                name = shown(prefix if said == "compute" else f"{said}-{prefix}")
                at = known.get(name)
                if at is None:
                    at = known[name] = len(frames)
                    frames.append({"name": name or "(no name)"})
                names.append(at)
        self._names = np.array(names, "i8")
        spans = np.flatnonzero(layout.drawn)
        place = layout.lane[spans].astype("i8") * 256 + layout.track[spans]
        order = np.lexsort((layout.stop[spans], layout.start[spans], place))
        spans, place = spans[order], place[order]
        ends = np.flatnonzero(np.diff(place)) + 1
        parts = np.split(spans, ends) if len(spans) else []
        where = [(int(layout.lane[part[0]]), int(layout.track[part[0]])) for part in parts]
        order_of = {place: at for at, place in enumerate(layout.rows)}
        self.rows = sorted(zip(where, parts, strict=True), key=lambda row: order_of[row[0]])

    def profile(self, at: int) -> Iterator[str]:
        """A row as a profile, in pieces of text."""
        layout = self._layout
        place, spans = self.rows[at]
        row = layout.rows[place]
        worker = next(name for number, name in layout.processes.values() if number == row.process)
        start, stop = layout.start[spans], layout.stop[spans]
        # In the last of many tracks spans may overlap: none begins before the one before it has ended.
        stop = np.maximum.accumulate(stop)
        start = np.maximum(start, np.concatenate([start[:1], stop[:-1]]))
        head = {
            "type": "evented",
            "name": f"{worker}, {row.name}",
            "unit": "seconds",
            "startValue": int(start[0]) / 1e9,
            "endValue": int(stop[-1]) / 1e9,
        }
        yield f'{_encode(head)[:-1]},"events":['
        frames = self._names[spans].tolist()
        for first in range(0, len(spans), _EVENTS):
            part = slice(first, first + _EVENTS)
            yield ("," if first else "") + ",".join(
                f'{{"type":"O","frame":{frame},"at":{begin / 1e9!r}}},'
                f'{{"type":"C","frame":{frame},"at":{end / 1e9!r}}}'
                for frame, begin, end in zip(
                    frames[part], start[part].tolist(), stop[part].tolist(), strict=True
                )
            )
        yield "]}"
