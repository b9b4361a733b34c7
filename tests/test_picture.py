"""Still pictures: the pixels of the mark, with what a person needs to read them around it."""

from __future__ import annotations

import json
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from make_golden_frames import BASE
from make_pictures import FOLDER, overview_of, painted
from PIL import Image
from runs import Run, finished, make, many, runs
from trees import chain, node, rooted

from dasklens.model import drawing, kinds
from dasklens.model.coverage import NOBODY
from dasklens.model.flame import lay_out
from dasklens.model.overview import Overview
from dasklens.model.palette import ERROR_COLOUR, colour_of, rgb
from dasklens.model.picture import WIDTH, extent, flame_png, position_of, rows_of, summary, task_stream_png
from dasklens.model.profile import diff
from dasklens.model.raster import Rows, Window, paint
from dasklens.wire.calltree import pack_profile
from dasklens.wire.frames import FrameError

HOSTILE = "<script>\n\u202e\ud800\0漢字" * 30


def pixels_of(data: bytes) -> np.ndarray:
    with Image.open(BytesIO(data)) as image:
        assert image.format == "PNG"
        return np.asarray(image.convert("RGB"))


def shows(image: np.ndarray, colour: str) -> bool:
    return bool((np.abs(image.astype(int) - rgb(colour)).max(axis=-1) <= 3).any())


@pytest.mark.parametrize("name", sorted(path.stem for path in FOLDER.glob("*.frames")))
def test_golden_pictures_are_painted_as_the_browser_paints_them(name: str) -> None:
    """The other half is ``js/tests/pictures.test.ts``."""
    wanted = json.loads((FOLDER / f"{name}.json").read_text())
    assert json.loads(json.dumps(painted(name))) == wanted


@settings(deadline=None, max_examples=60)
@given(runs(least_spans=1), st.integers(1, 12), st.integers(1, 60))
def test_a_pixel_shows_what_fills_most_of_it(run: Run, width: int, height: int) -> None:
    """Against a painter who asks every span for every pixel."""
    rows = rows_of(overview_of(run.frames()))
    if not rows.n:
        return
    begin, end = extent(rows)
    window = Window(width, height, begin, end, rows.n)
    raster = paint(rows, window)
    scale, kind = width / (end - begin), np.asarray(rows.kinds)[rows.slot]
    for y in range(height):
        for x in range(width):
            if window.thin:
                edges = y / window.per_row + 1e-9, (y + 1) / window.per_row - 1e-9
                there = (rows.row < edges[1]) & (rows.row + 1 > edges[0])
                candidates = [there]
            else:
                candidates = bands(rows, window, kind, y)
            owner = NOBODY
            for there in candidates:
                owner = owner_of(rows, kind, there, begin, scale, x)
                if owner != NOBODY:
                    break
            assert raster.owner[y, x] == owner
            assert (raster.pixels[y, x, 3] > 0) == (owner != NOBODY)


def bands(rows: Rows, window: Window, kind: np.ndarray, y: int) -> list[np.ndarray]:
    """The spans that a line of pixels may show, those on top first."""
    strip = (kind >= kinds.TRANSFER) & (kind <= kinds.DESERIALIZE)
    for row in range(rows.n):
        top, strip_end, bottom = window.box(row)
        if top <= y < bottom:
            here = rows.row == row
            return [here & strip & (y < strip_end), here & ~strip]
    return []


def owner_of(rows: Rows, kind: np.ndarray, there: np.ndarray, begin: float, scale: float, x: int) -> int:
    left = (rows.start - begin) * scale
    right = left + (rows.stop - rows.start) * scale
    erred = there & (kind == kinds.ERROR)
    first = np.floor(left)
    touched = erred & (first <= x) & (x < np.maximum(np.ceil(right), first + 1))
    if touched.any():
        return int(rows.slot[touched].min())
    inside = np.maximum(np.minimum(right, x + 1) - np.maximum(left, x), 0) * (there & (kind != kinds.ERROR))
    sums = np.bincount(rows.slot, inside, minlength=len(rows.kinds))
    # Rounding decides between two that cover the same: then any of them is right.
    return int(np.argmax(sums)) if sums.max() > 1e-9 else NOBODY


@pytest.mark.parametrize("failed_at", [0.0, 5.0, 10.0])
def test_what_failed_without_having_begun_is_seen(failed_at: float) -> None:
    """A task whose worker died under it has no spans; first, in between and last of all."""
    key, died = finished(1, "inc", 0, 0, [], True)
    died["stimulus_id"] = f"task-erred-{BASE + failed_at!r}"
    overview = overview_of(
        make([finished(0, "sum", 0, 0, [("compute", 0, 10)], False), (key, died)]).frames()
    )
    rows = rows_of(overview)
    owner = paint(rows, Window(5, 20, *extent(rows), 1)).owner[5]
    erred = [overview.slots[slot].kind == kinds.ERROR for slot in owner]
    assert erred == [x == min(4, failed_at // 2) for x in range(5)]


def test_what_the_picture_says() -> None:
    tasks = [
        finished(0, "inc", 0, 0, [("transfer", 0, 1), ("compute", 1, 3)], False),
        finished(1, "sum", 1, 0, [("compute", 0, 4)], True),
    ]
    overview = overview_of(make(tasks).frames())
    image = pixels_of(task_stream_png(overview))
    assert image.shape[1] == WIDTH
    for colour in (colour_of("inc"), ERROR_COLOUR, drawing.INK):
        assert shows(image, colour)
    # Light and opaque to its edges: it is read on dark pages too.
    assert (image[[0, -1]] == 255).all()
    assert (image[:, [0, -1]] == 255).all()
    assert summary(overview) == "2 tasks, 1 failed, on 2 threads of 2 workers"


def test_nothing_has_run() -> None:
    rows = rows_of(Overview())
    assert paint(rows, Window(7, 0, 0, 1, 1)).pixels.shape == (0, 7, 4)
    assert pixels_of(task_stream_png(Overview())).size


def test_names_of_strangers_are_drawn_in_letters_that_there_are() -> None:
    overview = overview_of(make([finished(0, HOSTILE, 0, 0, [("compute", 0, 1)], True)]).frames())
    overview.lanes = [(HOSTILE, HOSTILE, HOSTILE)]
    assert pixels_of(task_stream_png(overview)).size
    frame = pack_profile(rooted(node(HOSTILE, 3, file=HOSTILE)))
    assert pixels_of(flame_png(lay_out(frame))).size
    shown = drawing.fitting("a\n\0é漢µ\ud800", 1000)
    assert shown == "a??e?u?"


@settings(deadline=None, max_examples=100)
@given(st.text(max_size=50), st.floats(0, 200))
def test_a_text_is_never_wider_than_its_room(words: str, room: float) -> None:
    shown = drawing.fitting(words, room)
    assert drawing.width_of(shown) <= room or not shown


@pytest.mark.parametrize(("n", "lanes", "prefixes"), [(100_000, 64, 50), (50_000, 2000, 300), (10, 1, 1)])
def test_a_picture_has_as_many_bytes_as_it_may(n: int, lanes: int, prefixes: int) -> None:
    overview = overview_of(many(n, lanes, prefixes, failed=0.001))
    data = task_stream_png(overview, 40_000)
    assert len(data) <= 40_000
    assert pixels_of(data).shape[1] == WIDTH


def test_a_comparison_of_profiles_has_the_colours_of_change() -> None:
    before, after = rooted(node("f", 5), node("g", 5)), rooted(node("f", 9), node("g", 1))
    laid = lay_out(pack_profile(diff(after, before)))
    assert laid.names == ["all", "+40.0 f", "-40.0 g"]
    assert laid.rows.stop.max() == laid.width == 1e6
    assert shows(pixels_of(flame_png(laid)), laid.rows.colours[int(laid.rows.slot[1])])


def test_a_deep_tree() -> None:
    laid = lay_out(pack_profile(chain(3000)))
    assert laid.rows.n == 3001
    assert pixels_of(flame_png(laid)).shape[0] < 600


def test_a_frame_that_is_no_tree() -> None:
    with pytest.raises(FrameError, match="stream 'profile'"):
        lay_out(make([finished(0, "inc", 0, 0, [], False)]).frames()[0])


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (8.2, ["0 s", "2 s", "4 s", "6 s", "8 s"]),
        (0.5, ["0 ms", "100 ms", "200 ms", "300 ms", "400 ms", "500 ms"]),
        (3e-6, ["0 us", "0.5 us", "1 us", "1.5 us", "2 us", "2.5 us", "3 us"]),
        (600.0, ["0 min", "2 min", "4 min", "6 min", "8 min", "10 min"]),
        (86400.0, ["0 h", "5 h", "10 h", "15 h", "20 h"]),
        (0.0, ["0 us"]),
    ],
)
def test_ticks_of_time(seconds: float, words: list[str]) -> None:
    ticks = drawing.time_ticks(seconds, 6)
    assert [text for _, text in ticks] == words
    assert all(0 <= at <= seconds * (1 + 1e-9) for at, _ in ticks)


@settings(deadline=None)
@given(st.floats(0, 1e15), st.integers(1, 20))
def test_ticks_are_few_and_inside(top: float, most: int) -> None:
    for ticks in (drawing.time_ticks, drawing.size_ticks, drawing.count_ticks):
        found = ticks(top, most)
        assert 1 <= len(found) <= most + 1
        assert all(0 <= at <= top * (1 + 1e-6) + 1e-9 for at, _ in found)


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
    row = position_of(overview)
    by_row = [name for _, name in sorted(zip(row.tolist(), reversed(names), strict=True))]
    assert by_row == sorted(names) if names[0] == "²" else by_row == names
    assert sorted(row.tolist()) == list(range(len(names)))
