"""The image in a saved notebook: a PNG of the pixels that `cover` gives, and nothing left out."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from make_golden_frames import BASE
from runs import Run, finished, make, runs

from dasklens.model.coverage import NOBODY, cover
from dasklens.model.overview import Overview
from dasklens.model.palette import ERROR_COLOUR, colour_of, rgb
from dasklens.model.picture import ROWS, _order, paint, png
from dasklens.model.spans import TaskTable

STRIPS = ("transfer", "disk-read", "disk-write", "deserialize")
NOTHING = (0, 0, 0, 0)


def overview_of(run: Run) -> Overview:
    overview = Overview()
    for frame in run.frames():
        overview.append(frame)
    return overview


def unpacked(data: bytes) -> np.ndarray:
    """The image in a PNG of eight-bit RGBA, by the letter of the specification."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    chunks, at = {}, 8
    while at < len(data):
        (n,) = struct.unpack_from(">I", data, at)
        kind, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + n]
        assert struct.unpack_from(">I", data, at + 8 + n) == (zlib.crc32(kind + body),)
        chunks[kind] = body
        at += 12 + n
    assert list(chunks) == [b"IHDR", b"IDAT", b"IEND"]
    assert chunks[b"IEND"] == b""
    width, height, *rest = struct.unpack(">IIBBBBB", chunks[b"IHDR"])
    assert rest == [8, 6, 0, 0, 0]
    raw = zlib.decompress(chunks[b"IDAT"])
    assert len(raw) == height * (1 + 4 * width)
    image = np.zeros((height, width, 4), np.uint8)
    above = bytes(4 * width)
    for y in range(height):
        line = raw[y * (1 + 4 * width) :][: 1 + 4 * width]
        assert line[0] == 2
        above = bytes((a + b) % 256 for a, b in zip(line[1:], above, strict=True))
        image[y] = np.frombuffer(above, np.uint8).reshape(width, 4)
    return image


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 6), st.integers(1, 6), st.randoms(use_true_random=False))
def test_a_png_holds_the_image(rows: int, columns: int, random: object) -> None:
    image = np.array([random.randrange(256) for _ in range(rows * columns * 4)], np.uint8)  # type: ignore[attr-defined]
    image = image.reshape(rows, columns, 4)
    assert np.array_equal(unpacked(png(image)), image)


@settings(deadline=None, max_examples=60)
@given(runs(least_spans=1), st.integers(1, 12))
def test_the_colours_are_those_of_cover(run: Run, width: int) -> None:
    image = paint(overview_of(run), width)
    records = TaskTable(run.frames()).records()
    spans = [(r, span) for r in records for span in r["startstops"]]
    if not spans:
        return
    lanes = sorted({(r["worker_name"], r["thread"]) for r in records})
    prefixes = list(dict.fromkeys(r["prefix"] for r in records))
    begin = min(span["start"] for _, span in spans)
    scale = width / max(max(span["stop"] for _, span in spans) - begin, 1e-6)

    def pixels(strip: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        some = [
            (
                lanes.index((r["worker_name"], r["thread"])),
                prefixes.index(r["prefix"]),
                (span["start"] - begin) * scale,
                (span["stop"] - begin) * scale,
                span is failure(r),
            )
            for r, span in spans
            if (span["action"] in STRIPS and span is not failure(r)) == strip
        ]
        row, slot, left, right, error = np.array(some, float).reshape(-1, 5).T
        # One without length on the very edge is drawn before it.
        left = np.minimum(left, np.nextafter(width, 0))
        return cover(row.astype(int), slot.astype(int), left, right, (len(lanes), width), error > 0)

    def colour(pixel: tuple[int, int], of: tuple[np.ndarray, ...], dark: float = 1) -> tuple[int, ...]:
        owner, share, erred = (part[pixel] for part in of)
        if owner == NOBODY:
            return NOTHING
        base = rgb(ERROR_COLOUR) if erred else rgb(colour_of(prefixes[owner]))
        return (*(int(c * dark) for c in base), max(26, int(share * 255 + 0.5)))

    work, strip = pixels(False), pixels(True)
    assert image.shape == (ROWS * len(lanes), width, 4)
    for lane in range(len(lanes)):
        for x in range(width):
            column = [tuple(map(int, image[lane * ROWS + k, x])) for k in range(ROWS)]
            wanted = colour((lane, x), work)
            over = colour((lane, x), strip, 0.6)
            assert column == [wanted if over == NOTHING else over, wanted, wanted, NOTHING]


def failure(record: dict[str, object]) -> object:
    """The span of a failed task that shows it: the last work, or whatever came last."""
    spans = record["startstops"]
    assert isinstance(spans, list)
    if record["status"] == "OK" or not spans:
        return None
    return next((span for span in reversed(spans) if span["action"] not in STRIPS), spans[-1])


@pytest.mark.parametrize("failed_at", [0.0, 4.0, 10.0])
def test_what_failed_without_having_begun_is_seen(failed_at: float) -> None:
    """A task whose worker died under it has no spans; first, in between and last of all."""
    key, died = finished(1, "inc", 0, 0, [], True)
    died["stimulus_id"] = f"task-erred-{BASE + failed_at!r}"
    run = make([finished(0, "sum", 0, 0, [("compute", 0, 10)], False), (key, died)])
    image = paint(overview_of(run), 5)
    red = (image[0, :, :3] == rgb(ERROR_COLOUR)).all(axis=1)
    assert red.tolist() == [x == min(4, failed_at // 2) for x in range(5)]


def test_only_what_failed_without_having_begun() -> None:
    image = paint(overview_of(make([finished(0, "inc", 0, 0, [], True)])), 5)
    assert (image[0, :, 3] > 0).tolist() == [True, False, False, False, False]


def test_nothing_has_run() -> None:
    assert paint(Overview(), 7).shape == (0, 7, 4)


@pytest.mark.parametrize(
    "names",
    [
        ["a-2", "a-10", "a-100", "b-1"],
        # Digits to some eyes, not to int(); numbers of more digits than int() takes.
        ["²", "½"],
        ["w-" + "1" * 5000, "w-" + "1" * 5001, "x"],
        ["0", "1", "02", "10", "a"],
        ["", "0", "zz"],
    ],
)
def test_lanes_are_in_order_whatever_workers_are_called(names: list[str]) -> None:
    overview = Overview()
    overview.lanes = [(f"tcp://{i}", 0, name) for i, name in enumerate(reversed(names))]
    row = _order(overview)
    by_row = [name for _, name in sorted(zip(row.tolist(), reversed(names), strict=True))]
    assert by_row == sorted(names) if names[0] == "²" else by_row == names
    assert sorted(row.tolist()) == list(range(len(names)))
