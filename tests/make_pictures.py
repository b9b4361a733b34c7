"""Write the golden pictures that both suites paint: ``python tests/make_pictures.py``.

Each ``NAME.frames`` is a msgpack array of frames. ``NAME.json`` says of some windows on them what each pixel
shows: which slot, as runs of equal lines of runs of ``[index in "slots", pixels]`` (-1 is nobody), and its
colour, likewise with ``"rrggbbaa"``. Run it when the rule changes on purpose.
"""

from __future__ import annotations

import json
from itertools import groupby
from pathlib import Path
from typing import Any

import msgpack
import numpy as np
from runs import finished, make

from dasklens.model.flame import lay_out
from dasklens.model.overview import Overview
from dasklens.model.picture import clear_edges, rows_of
from dasklens.model.raster import Raster, Rows, Window, paint
from dasklens.report.files import read

DATA = Path(__file__).parent / "data"
FOLDER = DATA / "pictures"


def overview_of(frames: list[bytes]) -> Overview:
    overview = Overview()
    for frame in frames:
        overview.append(frame)
    return overview


def slots_of(overview: Overview) -> list[str]:
    return [f"{overview.prefixes[s.prefix].name} {s.kind} {s.action}" for s in overview.slots]


def painted(name: str) -> dict[str, Any]:
    """What Python paints of a file of frames, in the windows that its JSON names."""
    frames = msgpack.unpackb((FOLDER / f"{name}.frames").read_bytes())
    wanted = json.loads((FOLDER / f"{name}.json").read_text())
    if wanted["stream"] == "profile":
        rows, slots = lay_out(frames[0]).rows, None
    else:
        overview = overview_of(frames)
        rows, slots = rows_of(overview), slots_of(overview)
    windows = [shown(rows, Window(**each["window"]), slots is None) for each in wanted["windows"]]
    return {"stream": wanted["stream"], "slots": slots or list(rows.colours), "windows": windows}


def shown(rows: Rows, window: Window, edged: bool) -> dict[str, Any]:
    raster: Raster = paint(rows, window)
    if edged:
        clear_edges(raster.pixels, rows, window)
    return {
        "window": {name: getattr(window, name) for name in ("width", "height", "begin", "end", "rows")},
        "owner": runs([runs(line.tolist()) for line in raster.owner]),
        "colour": runs([runs([bytes(pixel).hex() for pixel in line]) for line in raster.pixels]),
    }


def runs(line: list[Any]) -> list[list[Any]]:
    return [[value, len(list(group))] for value, group in groupby(line)]


def write(name: str, frames: list[bytes], stream: str, windows: list[Window]) -> None:
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / f"{name}.frames").write_bytes(msgpack.packb(frames))
    file = FOLDER / f"{name}.json"
    file.write_text(json.dumps({"stream": stream, "windows": [{"window": vars(w)} for w in windows]}))
    file.write_text(json.dumps(painted(name), separators=(",", ":")) + "\n")
    print(file, file.stat().st_size)


def main() -> None:
    sample = read(DATA / "reports" / "sample.json")
    frames = list(sample.frames("tasks"))
    rows = rows_of(overview_of(frames))
    begin = float(np.floor(rows.start.min()))
    write(
        "sample",
        frames,
        "tasks",
        [
            Window(220, 44, begin, begin + 16.0, rows.n),
            Window(160, 30, begin + 1.0, begin + 3.0, rows.n),
            # Lanes that share lines, and lines that share lanes.
            Window(200, 3, begin, begin + 16.0, rows.n),
            Window(200, 7, begin, begin + 8.0, rows.n),
        ],
    )
    golden = msgpack.unpackb((DATA / "frames" / "tasks-v1.frames").read_bytes())
    rows = rows_of(overview_of(golden))
    start = float(np.floor(np.median(rows.start)))
    write("golden", golden, "tasks", [Window(64, 60, start - 2.0, start + 14.0, rows.n)])
    random = np.random.default_rng(7)
    actions = ("compute", "transfer", "disk-read", "disk-write", "deserialize", "walk")
    tasks = [
        finished(
            i,
            f"p-{random.integers(5)}",
            int(random.integers(12)),
            int(random.integers(2)),
            [
                (
                    actions[int(random.integers(6))],
                    int(random.integers(1024)) / 64,
                    int(random.integers(96)) / 64,
                )
                for _ in range(int(random.integers(3)))
            ],
            bool(random.random() < 0.05),
        )
        for i in range(400)
    ]
    crowd = make(tasks, chunk=64).frames()
    rows = rows_of(overview_of(crowd))
    begin = float(np.floor(rows.start.min() * 64) / 64)
    write(
        "crowd",
        crowd,
        "tasks",
        [
            Window(144, 24, begin, begin + 18.0, rows.n),
            Window(72, 31, begin, begin + 18.0, rows.n),
            Window(72, 5, begin - 1.0, begin + 8.0, rows.n),
            Window(128, 150, begin + 2.0, begin + 4.0, rows.n),
        ],
    )
    trees = {
        "worker": next(sample.frames("profile:worker")),
        "merged": (DATA / "profiles" / "merged.frame").read_bytes(),
    }
    for name, frame in trees.items():
        laid = lay_out(frame)
        write(
            f"profile-{name}",
            [frame],
            "profile",
            [
                Window(320, 17 * laid.rows.n, 0.0, laid.width, laid.rows.n),
                Window(101, 2 * laid.rows.n, 0.0, laid.width / 2, laid.rows.n),
            ],
        )


if __name__ == "__main__":
    main()
