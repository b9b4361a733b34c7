"""The document of a report: what is written is read back, and what is no report gets one sentence."""

from __future__ import annotations

import base64
import contextlib
import gzip
import json
import math
import tracemalloc
import warnings
from pathlib import Path
from typing import Any

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from runs import Run, many, runs

from dasklens import load_report
from dasklens.model.pieces import PIECE, Budget, PieceError, PieceWriter, frames_in
from dasklens.model.relog import repacked
from dasklens.report import document as module
from dasklens.report import jsonsize
from dasklens.report.document import Document, ReportError, Stream, plain
from dasklens.wire.calltree import create, pack_profile
from dasklens.wire.frames import FrameError, unpack_frame

TEXT = st.text(st.characters(codec=None), max_size=20)
CELLS = st.none() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False, allow_infinity=False) | TEXT
NUMBERS = st.floats(-1e12, 1e12)


@st.composite
def tables(draw: st.DrawFn) -> dict[str, Any]:
    n = draw(st.integers(0, 3))
    columns = [{"name": draw(TEXT), "title": draw(TEXT), "unit": draw(TEXT)} for _ in range(n)]
    rows = draw(st.lists(st.lists(CELLS, min_size=n, max_size=n), max_size=3))
    return {"title": draw(TEXT), "columns": columns, "rows": rows, "empty": draw(TEXT)}


LINES = st.lists(st.tuples(st.none() | NUMBERS, TEXT, TEXT).map(list), max_size=3)


@st.composite
def documents(draw: st.DrawFn) -> Document:
    run: Run = draw(runs())
    writer = PieceWriter()
    for frame in run.frames(draw(st.integers(0, 30))):
        writer.add(frame, 0)
    return Document(
        dasklens=draw(TEXT),
        title=draw(TEXT),
        created=draw(NUMBERS),
        start=draw(NUMBERS),
        stop=draw(NUMBERS),
        ended_early=draw(TEXT),
        exception=draw(st.none() | st.fixed_dictionaries({"type": TEXT, "text": TEXT, "traceback": TEXT})),
        code=draw(
            st.none() | st.fixed_dictionaries({"text": TEXT, "file": TEXT, "line": st.integers(0, 9999)})
        ),
        redacted=draw(st.lists(st.sampled_from(module.REDACTABLE), unique=True)),
        missed={"tasks": draw(st.integers(0, 10**9))},
        cluster={
            "scheduler": draw(TEXT),
            "workers": draw(st.integers(0, 9999)),
            "threads": 1,
            "memory": draw(NUMBERS),
            "versions": draw(st.dictionaries(TEXT, TEXT, max_size=2)),
        },
        streams={"tasks": Stream(run.n, writer.frames, writer.pieces())},
        tables=draw(st.dictionaries(TEXT, tables(), max_size=2)),
        logs={
            "scheduler": draw(LINES),
            "workers": draw(st.dictionaries(TEXT, LINES, max_size=2)),
            "empty": draw(TEXT),
        },
    )


@given(documents())
@settings(deadline=None, max_examples=60)
def test_what_is_written_is_read_back(document: Document) -> None:
    data = document.to_json()
    read = Document.from_json(data)
    assert read == document
    assert json.loads(read.to_json()) == json.loads(data)
    assert list(read.frames("tasks")) == list(document.frames("tasks"))


@given(st.data())
@settings(deadline=None, max_examples=100)
def test_a_report_that_is_cut_anywhere_is_refused_in_a_sentence(data: st.DataObject) -> None:
    whole = _example().to_json()
    cut = data.draw(st.integers(0, len(whole) - 1))
    with pytest.raises(ReportError) as caught:
        load_report(whole[:cut])
    assert str(caught.value).count("\n") == 0
    assert len(str(caught.value)) < 300


@given(st.data())
@settings(deadline=None, max_examples=200)
def test_a_report_whose_fields_were_changed_is_read_or_refused(data: st.DataObject) -> None:
    raw = json.loads(_example().to_json())
    places = list(_places(raw))
    for _ in range(data.draw(st.integers(1, 3))):
        holder, key = data.draw(st.sampled_from(places))
        holder[key] = data.draw(CELLS | st.just([]) | st.just({}) | st.just([{}]) | st.just(True))
    # Anything but a ReportError fails.
    with contextlib.suppress(ReportError):
        report = load_report(json.dumps(raw).encode())
        report.data, report.summary(), repr(report)


@given(st.data())
@settings(deadline=None, max_examples=200)
def test_frames_with_a_changed_byte_are_read_or_refused(data: st.DataObject) -> None:
    document = _example()
    frames = list(document.frames("tasks"))
    at = data.draw(st.integers(0, len(frames) - 1))
    place = data.draw(st.integers(0, len(frames[at]) - 1))
    changed = bytearray(frames[at])
    changed[place] = data.draw(st.integers(0, 255))
    frames[at] = bytes(changed)
    writer = PieceWriter()
    for frame in frames:
        writer.add(frame, 0)
    document.streams["tasks"] = Stream(50, writer.frames, writer.pieces())
    with contextlib.suppress(ReportError):
        report = load_report(document.to_json())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of numbers that are none
            report.data, report.to_pandas()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "Expected a dasklens report"),
        (b"PK\x03\x04", "Expected a dasklens report"),
        (b"[1, 2]", "JSON of something else"),
        (b'{"format": "other"}', "JSON of something else"),
        (b"[" * 100_000, "Expected a dasklens report"),
        (b"1" * 10_000, "Expected a dasklens report"),
        (b'{"format": "dasklens-report", "version": 2}', "reads up to version 1: pip install --upgrade"),
        (b'{"format": "dasklens-report", "version": true}', "of which version"),
        (b'{"format": "dasklens-report", "version": 1}', "its field 'dasklens' should be"),
        (b'{"format": "dasklens-report", "version": NaN}', "cut short or was changed"),
    ],
)
def test_foreign_and_future_files(data: bytes, said: str) -> None:
    with pytest.raises(ReportError, match=said):
        load_report(data)


def test_oversized_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setattr(module, "MOST_BYTES", 1 << 20)
    monkeypatch.setattr("dasklens.report.unpacking.MOST_BYTES", 1 << 20)
    with pytest.raises(ReportError, match="more than 1 MiB"):
        load_report(b" " * (1 << 20) + b" ")
    # A small file that unpacks to a large one.
    path = tmp_path / "bomb.json.gz"
    path.write_bytes(gzip.compress(b" " * (50 << 20)))
    with pytest.raises(ReportError, match="more than 1 MiB"):
        load_report(path)


def test_frames_that_unpack_to_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = json.loads(_example().to_json())
    bomb = base64.b64encode(gzip.compress(bytes(50 << 20))).decode()
    raw["streams"]["tasks"]["data"] = [bomb] * 3
    monkeypatch.setattr(module, "MOST_UNPACKED", 8 << 20)
    with pytest.raises(ReportError, match="unpacks to more than 8 MiB"):
        load_report(json.dumps(raw).encode())


def test_a_piece_is_as_small_as_is_said() -> None:
    frames = many(600_000, 8, 3)
    writer = PieceWriter()
    for frame in frames:
        writer.add(frame, 100_000)
    pieces = writer.pieces()
    assert writer.records == 600_000
    assert len(pieces) > 1
    assert list(frames_in(pieces, Budget(1 << 30))) == frames
    for piece in pieces:
        assert len(gzip.decompress(piece)) < PIECE + max(map(len, frames)) + 8
    # After what was asked for, it goes on.
    writer.add(frames[0], 1)
    assert len(writer.pieces()) == len(pieces) + 1


@pytest.mark.parametrize(
    ("piece", "said"),
    [
        (b"", "cut short"),
        (gzip.compress(b"\x05\0\0\0abc"), "ends within a frame"),
        (gzip.compress(b"\x05\0"), "ends within a frame"),
        (gzip.compress(b"\x01\0\0\0a")[:-3], "cut short"),
        (gzip.compress(b"\x01\0\0\0a") + b"more", "behind its end"),
        (b"no gzip", "no gzip"),
    ],
)
def test_damaged_pieces(piece: bytes, said: str) -> None:
    with pytest.raises(PieceError, match=said):
        list(frames_in([piece], Budget(1000)))


def test_what_json_has_not_becomes_what_it_has() -> None:
    import numpy as np

    said = plain({1: math.nan, "a": (np.float64(2), np.int64(3), -math.inf), "b": {b"x"}, "c": True})
    assert said == {"1": None, "a": [2.0, 3, None], "b": "{b'x'}", "c": True}


def _example() -> Document:
    writer = PieceWriter()
    for frame in many(50, 4, 3, failed=0.1):
        writer.add(frame, 50)
    document = Document(title="example", streams={"tasks": Stream(50, writer.frames, writer.pieces())})
    document.tables["workers"] = {
        "title": "Workers",
        "columns": [{"name": "a", "title": "A", "unit": "s"}],
        "rows": [[1.5], ["x"], [None]],
        "empty": "",
    }
    document.logs["scheduler"] = [[1.0, "INFO", "hello"]]
    document.code = {"text": "x", "file": "f", "line": 1}
    document.exception = {"type": "a", "text": "b", "traceback": "c"}
    return document


def _places(raw: Any) -> Any:
    items = raw.items() if isinstance(raw, dict) else enumerate(raw)
    for key, value in list(items):
        yield raw, key
        if isinstance(value, (dict, list)):
            yield from _places(value)


def _bomb(names: bytes, stream: str = "workers") -> bytes:
    """A report with a frame of these names, packed."""
    head = {
        "v": 1,
        "stream": stream,
        "log": "x",
        "first": 0,
        "next": 0,
        "missed": 0,
        "names0": 0,
        "base": 0.0,
    }
    frame = msgpack.packb({**head, "cols": {}})
    frame = bytes([frame[0] + 1]) + frame[1:] + msgpack.packb("names") + names
    piece = gzip.compress(len(frame).to_bytes(4, "little") + frame)
    raw = json.loads(_example().to_json())
    raw["streams"][stream] = {"records": 0, "frames": 1, "data": [base64.b64encode(piece).decode()]}
    return json.dumps(raw).encode()


def _packed_list(n: int, each: bytes) -> bytes:
    return b"\xdd" + n.to_bytes(4, "big") + each * n


@pytest.mark.parametrize(
    "names",
    [
        _packed_list(2_000_000, b"\x80"),
        _packed_list(1_000_000, b"\x80"),
        _packed_list(1_000_000, b"\x91\xc0"),
        _packed_list(1_000_000, b"\x90"),
        _packed_list(1, _packed_list(3_000_000, b"\xc0")),
        _packed_list(3, _packed_list(1_000_000, b"\xc0")),
    ],
)
def test_small_frames_of_many_names(names: bytes) -> None:
    data = _bomb(names)
    with _at_most(64 << 20), pytest.raises(ReportError, match="of its stream 'workers'"):
        load_report(data)


def test_a_small_json_of_many_lists(monkeypatch: pytest.MonkeyPatch) -> None:
    head = _example().to_json()[:-1]
    data = head + b',"x":[' + b"[]," * 1_100_000 + b"0]}"
    with _at_most(3 * len(data)), pytest.raises(ReportError, match="more lists and values than any report"):
        load_report(data)
    monkeypatch.setattr(jsonsize, "MOST_LISTS", 10_000)
    monkeypatch.setattr(jsonsize, "MOST_VALUES", 40_000)
    for inside in (b"{}," * 11_000, b"0," * 41_000, b'"ab",' * 41_000):
        data = head + b',"x":[' + inside + b"0]}"
        with (
            _at_most(4 * len(data)),
            pytest.raises(ReportError, match="more lists and values than any report"),
        ):
            load_report(data)
    assert load_report(head + b',"x":[' + b'"ab",' * 39_000 + b"0]}").title == "example"


def test_brackets_and_commas_in_texts_are_no_lists() -> None:
    document = _example()
    document.title = 'a "quoted" [{, \\' * 600_000
    assert load_report(document.to_json()).title == document.title


@contextlib.contextmanager
def _at_most(most: int) -> Any:
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < most
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("change", [("cols", {"time": [{}, b""]}), ("v", {}), ("v", [])])
def test_a_frame_whose_fields_are_maps(change: tuple[str, Any]) -> None:
    frame = {
        "v": 1,
        "stream": "counts",
        "log": "x",
        "first": 0,
        "next": 0,
        "missed": 0,
        "names0": 0,
        "base": 0.0,
    }
    frame |= {"cols": {}, "names": [], change[0]: change[1]}
    with pytest.raises(FrameError):
        unpack_frame(msgpack.packb(frame))


def test_figures_of_a_damaged_report(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = json.loads(_example().to_json())
    tree = unpack_frame(pack_profile(create(), {"kind": "worker"}))
    tasks = unpack_frame(next(_example().frames("tasks")))
    for name, frame, match in (
        ("tasks", tasks, "stream of tasks"),
        ("profile:worker", tree, "its call tree"),
    ):
        broken = repacked(frame, names=[], cols={})
        piece = gzip.compress(len(broken).to_bytes(4, "little") + broken)
        raw["streams"][name] = {
            "records": frame.next - frame.first,
            "frames": 1,
            "data": [base64.b64encode(piece).decode()],
        }
        report = load_report(json.dumps(raw).encode())
        with pytest.raises(ReportError, match=f"{match} does not hold together") as caught:
            report.task_stream() if name == "tasks" else report.profile()
        assert "\n" not in str(caught.value)


def test_records_are_those_of_the_frames() -> None:
    raw = json.loads(_example().to_json())
    raw["streams"]["tasks"]["records"] = 10**9
    with pytest.raises(ReportError, match="should have 1,000,000,000 records and has 50"):
        load_report(json.dumps(raw).encode())


def test_times_without_end() -> None:
    data = _example().to_json().replace(b"[1.0,", b"[1e999,").replace(b"[[1.5]", b"[[1e999]")
    with pytest.raises(ReportError, match="cut short or was changed"):
        load_report(data)


@pytest.mark.parametrize(
    "link", ["https://docs.dask.org.evil.example/", "javascript:alert(1)", "http://docs.dask.org/"]
)
def test_findings_link_to_the_documentation(link: str) -> None:
    raw = json.loads((Path(__file__).parent / "data" / "reports" / "sample.json").read_bytes())
    assert load_report(json.dumps(raw).encode()).summary()["findings"]
    raw["summary"]["findings"][0]["link"] = link
    with pytest.raises(ReportError, match="links to something else than the documentation of Dask"):
        load_report(json.dumps(raw).encode())


def test_a_cell_is_no_number_without_end() -> None:
    raw = json.loads((Path(__file__).parent / "data/reports/sample.json").read_bytes())
    name, table = next((name, table) for name, table in raw["tables"].items() if table["rows"])
    table["rows"][0][-1] = 10**400
    with pytest.raises(ReportError, match=f"a cell of its table '{name}' should be text, a number or null"):
        Document.from_json(json.dumps(raw).encode())
