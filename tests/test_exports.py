"""Tasks as files of other tools and back: nothing is lost, and a file that is none gets one sentence."""

from __future__ import annotations

import base64
import builtins
import csv
import gzip
import io
import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest
from anytasks import anything
from distributed import Client
from hypothesis import example, given, settings
from hypothesis import strategies as st
from runs import many
from streams import GROUP

import dasklens
from dasklens import Report, load_report
from dasklens.model import exact
from dasklens.model.taskcells import COLUMNS, key_of
from dasklens.model.tracks import MOST, tracks
from dasklens.report.collect import of_frames
from dasklens.report.document import ReportError
from dasklens.report.formats import about as about_module
from dasklens.report.formats.csvfile import guarded
from dasklens.scheduler.log import TaskLog

SAMPLE = Path(__file__).parent / "data" / "reports" / "sample.json"


def arrow_file(report: Report) -> bytes:
    sink = io.BytesIO()
    table = report.to_arrow()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


FORMATS: dict[str, Callable[[Report], bytes]] = {
    "parquet": Report.to_parquet,
    "arrow": arrow_file,
    "csv": Report.to_csv,
    "trace.json": Report.to_trace_events,
}
SUFFIXES = {"parquet": "to_parquet", "arrow": "to_arrow", "csv": "to_csv", "trace.json": "to_trace_events"}
FORMAT = pytest.mark.parametrize("name", FORMATS)


def report_of(frames: list[bytes], **more: Any) -> Report:
    return Report(of_frames("tasks", frames, title="of <b>these</b>", **more))


@pytest.fixture(scope="module")
def sample() -> Report:
    return load_report(SAMPLE)


def identical(one: Any, other: Any) -> bool:
    """Equal, and of the same types all the way down."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return list(one) == list(other) and all(map(identical, one.values(), other.values()))
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(identical, one, other))
    return bool(one == other) or (one != one and other != other)


# -- round trips ---------------------------------------------------------------------------------------


@FORMAT
@settings(deadline=None, max_examples=60)
@given(frames=anything())
def test_tasks_of_any_kind_come_back(name: str, frames: list[bytes]) -> None:
    report = report_of(frames, missed=3)
    assert not any("could not record" in record.get("exception_text", "") for record in report.data)
    again = load_report(FORMATS[name](report))
    assert identical(again.data, report.data)
    assert again.missed == 3
    assert len(again) == len(report)


def spans_of(*spans: Any) -> list[bytes]:
    """A task with these spans: action, start, stop."""
    log = TaskLog("log", 1 << 30, str, lambda span: [])
    startstops = [{"action": action, "start": start, "stop": stop} for action, start, stop in spans]
    said = {"worker": "tcp://w:1", "thread": 1, "status": "OK", "startstops": startstops}
    log.extend([(SimpleNamespace(key="x", group=GROUP), said)])
    frames: list[bytes] = log.frames(0)["frames"]
    return frames


@FORMAT
@pytest.mark.parametrize(
    "spans",
    [
        [("compute", 1.75e9, 1.75e9 - 1)],
        [("compute", 1.75e9, 1.75e9 + 1e-9), ("transfer", 0.0, 1e-300)],
        [("compute", 1.75e9, float("inf")), ("compute", -1e300, 1e300)],
        [("compute", 1.75e9 + 0.1, 1.75e9 + 0.7), ("compute", 1.7e9 + 0.1, 1.8e9 + 0.7)],
    ],
)
def test_odd_times_come_back(name: str, spans: Any) -> None:
    report = report_of(spans_of(*spans))
    assert identical(load_report(FORMATS[name](report)).data, report.data)


@FORMAT
def test_a_real_report_comes_back(sample: Report, name: str) -> None:
    again = load_report(FORMATS[name](sample))
    assert identical(again.data, sample.data)
    assert (again.title, again.start_time, again.stop_time) == (
        sample.title,
        sample.start_time,
        sample.stop_time,
    )
    assert again.missed == sample.missed
    # What a figure shows besides: the names of spans.
    assert {name[3] for name in again._document and _groups(again)} == {name[3] for name in _groups(sample)}
    # And once more: nothing is added or lost by going through it.
    assert identical(load_report(FORMATS[name](again)).data, sample.data)


def _groups(report: Report) -> list[Any]:
    report.data
    table = report._tasks
    assert table is not None
    return [table.names[i] for i in np.unique(table.columns()["group"]).tolist()]


@FORMAT
@pytest.mark.parametrize("suffix", ["", ".gz", ".xz"])
def test_files_are_written_and_read_back(sample: Report, tmp_path: Path, name: str, suffix: str) -> None:
    path = tmp_path / f"run.{name}{suffix}"
    assert getattr(sample, SUFFIXES[name])(path) is None
    assert identical(load_report(path).data, sample.data)
    assert path.read_bytes()[:2] == {"": path.read_bytes()[:2], ".gz": b"\x1f\x8b", ".xz": b"\xfd7"}[suffix]


@FORMAT
def test_urls_go_through_fsspec(sample: Report, name: str) -> None:
    url = f"memory://exports/run.{name}.gz"
    getattr(sample, SUFFIXES[name])(url)
    assert identical(load_report(url).data, sample.data)


@FORMAT
def test_many_tasks_are_as_few(name: str) -> None:
    report = report_of(many(20_000, 5, 3, failed=0.01))
    assert identical(load_report(FORMATS[name](report)).data, report.data)


@FORMAT
def test_a_run_without_tasks(name: str) -> None:
    assert load_report(FORMATS[name](report_of([]))).data == []


@pytest.mark.parametrize("name", ["to_csv", "to_parquet", "to_trace_events", "to_speedscope"])
def test_what_gets_task_streams_and_the_live_one_export_the_same(client: Client, name: str) -> None:
    with dasklens.get_task_stream(client) as ts:
        client.gather(client.map(abs, range(-5, 0), key="five"))
    if name == "to_speedscope":
        assert len(json.loads(ts.to_speedscope() or b"")["profiles"]) >= 1
        return
    again = load_report(getattr(ts, name)())
    assert identical(again.data, ts.data)
    assert again.start_time <= ts.data[0]["startstops"][0]["start"] <= again.stop_time


def test_a_live_task_stream_is_exported(ts: Any, client: Client) -> None:
    client.gather(client.map(abs, range(-5, 0), key="five"))
    prefixes = [record["prefix"] for record in load_report(ts.to_csv()).data]
    assert prefixes.count("five") == 5
    assert ts.to_arrow().num_rows >= 5


def test_a_report_that_is_recorded_is_not_exported_yet(client: Client) -> None:
    report = Report.start(client)
    with pytest.raises(RuntimeError, match="still being recorded"):
        report.to_csv()
    report.stop()
    assert load_report(report.to_csv()).data == report.data


# -- values ----------------------------------------------------------------------------------------------


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-(2**63), 2**64 - 1)
        | st.floats()
        | st.text(st.characters(codec=None))
        | st.binary(),
        lambda each: st.lists(each).map(tuple) | st.dictionaries(st.text() | st.integers(-9, 9), each),
        max_leaves=20,
    )
)
@example({"msgpack": "x"})
@example({"a": ({"msgpack": 1},)})
def test_exact_values_come_back(value: Any) -> None:
    text = exact.dumps(value)
    assert identical(exact.loads(text), value)
    # Strict JSON, which the pickiest of readers takes.
    json.loads(text.encode("utf-8"), parse_constant=pytest.fail)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("('x', 0, -1)", ("x", 0, -1)),
        ("('x',)", ("x",)),
        ("('x', 01)", "('x', 01)"),
        ("('x', -0)", "('x', -0)"),
        ("('x')", "('x')"),
        ("('x', 1.0)", "('x', 1.0)"),
        ("('x', True)", "('x', True)"),
        ("x", "x"),
    ],
)
def test_simple_tuples_are_read_from_their_text(text: str, key: Any) -> None:
    assert identical(key_of(text), key)


@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 20), st.integers(0, 6), st.booleans()), max_size=30)
)
def test_nothing_overlaps_on_a_track(spans: list[tuple[int, int, int, bool]]) -> None:
    lane, start, long, beside = (np.array([span[i] for span in spans], "i8") for i in range(4))
    found = tracks(lane, start, start + long, beside.astype(bool))
    for place in set(zip(lane.tolist(), found.tolist(), strict=True)):
        here = [i for i in range(len(spans)) if (lane[i], found[i]) == place]
        here.sort(key=lambda i: (start[i], start[i] + long[i]))
        for one, other in pairwise(here):
            assert start[one] + long[one] <= start[other]
    # What does not give way stands as if there were nothing else.
    kept = ~beside.astype(bool)
    alone = tracks(lane[kept], start[kept], (start + long)[kept], beside[kept].astype(bool))
    assert found[kept].max(initial=0) <= max(alone.max(initial=0), found[kept].max(initial=0))
    if (found[kept] > 0).any():
        assert (alone > 0).any()


def test_there_is_a_most_of_tracks() -> None:
    n = 3 * MOST
    lane, start = np.zeros(n, "i8"), np.arange(n, dtype="i8")
    assert tracks(lane, start, np.full(n, n, "i8"), np.zeros(n, bool)).max() == MOST - 1


# -- tables ------------------------------------------------------------------------------------------------


def test_a_table_is_what_the_records_say(sample: Report) -> None:
    table = sample.to_arrow()
    assert table.column_names == [*COLUMNS, "startstops", "exact"]
    for row, record in zip(table.to_pylist(), sample.data, strict=True):
        assert row["key"] == str(record["key"])
        for name in ("prefix", "group", "worker", "thread", "status", "span"):
            assert row[name] == record[name], name
        spans = [{name: span[name] for name in ("action", "start", "stop")} for span in record["startstops"]]
        assert [{name: s[name] for name in ("action", "start", "stop")} for s in row["startstops"]] == spans
        if spans:
            assert row["start"] == min(span["start"] for span in spans)
            assert row["stop"] == max(span["stop"] for span in spans)
        assert row["exact"] is None


def test_other_tools_read_the_tables(sample: Report, tmp_path: Path) -> None:
    import pandas as pd

    sample.to_parquet(tmp_path / "a.parquet")
    sample.to_arrow(tmp_path / "a.arrow")
    sample.to_csv(tmp_path / "a.csv")
    seconds = sample.to_pandas().query("action == 'compute'").groupby("prefix", observed=True).duration.sum()
    frames = {
        "parquet": pd.read_parquet(tmp_path / "a.parquet"),
        "feather": pd.read_feather(tmp_path / "a.arrow"),
        "csv": pd.read_csv(tmp_path / "a.csv"),
    }
    for name, frame in frames.items():
        assert len(frame) == len(sample), name
        spans = frame.startstops.map(json.loads) if name == "csv" else frame.startstops
        one = frame.assign(span=spans).explode("span").dropna(subset=["span"])
        parts = [list(s) if name == "csv" else [s["action"], s["start"], s["stop"]] for s in one.span]
        one = one.assign(action=[p[0] for p in parts], duration=[p[2] - p[1] for p in parts])
        again = one[one.action == "compute"].groupby("prefix").duration.sum()
        assert again.to_dict() == pytest.approx(seconds.to_dict()), name
    assert feather.read_table(tmp_path / "a.arrow").schema.metadata[b"dasklens"]
    assert pq.read_schema(tmp_path / "a.parquet").metadata[b"dasklens"]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", " =1", "\t=1", "\r=1", "\n@x", "＝1", "|x", "%x"])  # noqa: RUF001
def test_no_text_is_a_formula(text: str) -> None:
    assert guarded(text) == f"'{text}"


@settings(deadline=None, max_examples=50)
@given(frames=anything())
def test_no_cell_of_a_csv_is_a_formula(frames: list[bytes]) -> None:
    data = report_of(frames).to_csv()
    assert data is not None
    header, *rows = csv.reader(io.StringIO(data.decode("utf-8"), newline=""))
    numbers = {at for at, name in enumerate(header) if COLUMNS.get(name) in ("whole", "float")}
    for row in rows:
        for at, cell in enumerate(row):
            if at not in numbers and not _number(cell):
                assert not cell.lstrip().startswith(("=", "+", "-", "@")), cell


def _number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


# -- files that are none -----------------------------------------------------------------------------------


def refused(data: bytes) -> str:
    with pytest.raises(ReportError) as caught:
        load_report(data).data
    said = str(caught.value)
    assert "\n" not in said
    assert len(said) < 500
    return said


@FORMAT
def test_a_cut_file_is_said_to_be_cut(sample: Report, name: str) -> None:
    data = FORMATS[name](sample)
    for part in (0.3, 0.6, 0.9, 0.999):
        assert "cannot be read" in refused(data[: int(len(data) * part)])
    if name == "csv":
        lines = data.split(b"\r\n")
        said = refused(b"\r\n".join(lines[:-3]) + b"\r\n")
        assert "it was cut or changed" in said


@FORMAT
def test_a_later_version_says_so(sample: Report, name: str, monkeypatch: Any) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(about_module, "VERSION", 2)
        data = FORMATS[name](sample)
    assert "is of version 2 and this dasklens reads up to version 1" in refused(data)


@FORMAT
def test_too_much_is_refused(sample: Report, name: str, monkeypatch: Any) -> None:
    from dasklens.report.formats import imports, table

    data = FORMATS[name](sample)
    monkeypatch.setattr(imports, "MOST_UNPACKED", 1000)
    monkeypatch.setattr(table, "MOST_UNPACKED", 1000)
    assert "it unpacks to more than" in refused(data)


def test_a_small_parquet_that_says_a_text_very_often_takes_no_memory() -> None:
    import tracemalloc

    table = report_of(many(20_000, 2, 2)).to_arrow()
    long = pa.array(["x" * 100_000] * len(table))
    table = table.set_column(table.column_names.index("typename"), "typename", long.cast(pa.string()))
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd")
    del table, long
    assert len(sink.getvalue()) < 2_000_000
    tracemalloc.start()
    before = pa.total_allocated_bytes()
    assert len(load_report(sink.getvalue()).data[0]["typename"]) == 100_000
    assert tracemalloc.get_traced_memory()[1] < 300 << 20
    assert pa.total_allocated_bytes() - before < 100 << 20
    tracemalloc.stop()


def very_often(column: str, value: Any, n: int = 8192) -> dict[str, bytes]:
    """Small files of one task over and over, in which a dictionary says a text as often."""
    task = report_of(many(1, 1, 1)).to_arrow()
    columns, fields = [], []
    for known in task.schema:
        said = value if known.name == column else task.column(known.name)[0].as_py()
        if isinstance(said, str):
            array = pa.DictionaryArray.from_arrays(pa.array([0] * n, pa.int32()), pa.array([said]))
        else:
            array = pa.array([said], known.type).take(pa.array([0] * n))
        columns.append(array)
        fields.append(pa.field(known.name, array.type))
    about = {**json.loads(task.schema.metadata[b"dasklens"]), "records": n}
    table = pa.table(columns, pa.schema(fields, {b"dasklens": json.dumps(about)}))
    files = {"arrow": io.BytesIO(), "parquet": io.BytesIO()}
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.ipc.new_file(files["arrow"], table.schema, options=options) as writer:
        writer.write_table(table)
    pq.write_table(table, files["parquet"], compression="zstd")
    return {name: file.getvalue() for name, file in files.items()}


@pytest.mark.parametrize("name", ["arrow", "parquet"])
def test_a_key_that_is_said_very_often_takes_no_memory(name: str) -> None:
    import tracemalloc

    data = very_often("key", "k" * (1 << 18))[name]
    assert len(data) < 100_000
    tracemalloc.start()
    # 2 GiB of keys.
    assert "it unpacks to more than 32 MiB" in refused(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 300 << 20


@pytest.mark.parametrize("name", ["arrow", "parquet"])
@pytest.mark.parametrize("column", ["exact", "metadata"])
def test_values_that_many_tasks_share_are_made_once(name: str, column: str) -> None:
    import tracemalloc

    values = [1.5] * 10_000
    text = json.dumps({"metadata": values} if column == "exact" else values)
    data = very_often(column, text, n=2000)[name]
    tracemalloc.start()
    read = load_report(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # As many lists as tasks would be 160 MB.
    assert peak < 60 << 20
    assert read.data[-1]["metadata"] == tuple(values)


@pytest.mark.parametrize("name", ["csv", "trace.json"])
def test_a_small_text_does_not_become_a_great_many_lists(sample: Report, name: str, monkeypatch: Any) -> None:
    from dasklens.report import jsonsize

    data = FORMATS[name](sample)
    monkeypatch.setattr(jsonsize, "_SMALL", 1000)
    monkeypatch.setattr(jsonsize, "MOST_LISTS", 5000)
    assert load_report(data).data == sample.data
    lists = b"[" + b"[]," * 6000 + b"[]]"
    if name == "csv":
        lines = data.split(b"\r\n")
        lines[1] = lines[1].rpartition(b",")[0] + b',"{""key"":' + lists + b'}"'
        data = b"\r\n".join(lines)
    else:
        data = data.replace(b'"args":{', b'"args":{"exact":{"key":' + lists + b"},", 1)
    assert "cannot be read" in refused(data)


def test_a_parquet_that_says_that_it_unpacks_to_much_is_refused_before(monkeypatch: Any) -> None:
    from dasklens.report.formats import table

    one = report_of(many(1, 1, 1)).to_arrow()
    long = pa.array(["x" * (40 << 20)])
    one = one.set_column(one.column_names.index("typename"), "typename", long)
    sink = io.BytesIO()
    pq.write_table(one, sink, compression="zstd", use_dictionary=False, write_statistics=False)
    assert len(sink.getvalue()) < 100_000
    monkeypatch.delattr(table, "_of_batch")
    assert "it unpacks to more than 32 MiB" in refused(sink.getvalue())


def test_a_small_msgpack_does_not_become_a_great_many_maps() -> None:
    n = 1 << 21
    packed = base64.b64encode(b"\xdd" + n.to_bytes(4, "big") + b"\x80" * n).decode()
    with pytest.raises(ValueError, match="it should be msgpack"):
        exact.decode({"msgpack": packed})
    many_lists = tuple((i,) for i in range(100_000))
    assert exact.decode(exact.encode((b"", many_lists))) == (b"", many_lists)


def test_a_task_has_not_that_many_spans(monkeypatch: Any) -> None:
    from dasklens.report.formats import table

    monkeypatch.setattr(table, "MOST_SPANS", 100)
    span = {"action": "compute", "start": 1.0, "stop": 2.0, "source": None}
    for data in very_often("startstops", [span] * 101, n=2).values():
        assert "a task has more than 100 spans" in refused(data)
    for data in very_often("startstops", [span] * 60, n=5).values():
        assert len(load_report(data)) == 5


def foreign_files() -> dict[str, bytes]:
    import pandas as pd

    frame = pd.DataFrame({"key": ["a"], "prefix": ["b"], "group": ["c"], "span": [None]})
    parquet, arrow = io.BytesIO(), io.BytesIO()
    frame.to_parquet(parquet)
    frame.to_feather(arrow)
    return {
        "parquet": parquet.getvalue(),
        "arrow": arrow.getvalue(),
        "csv": frame.to_csv(index=False).encode(),
        "trace": b'{"traceEvents":[{"ph":"X","pid":1,"tid":1,"ts":0,"dur":1,"name":"x"}]}',
        "events": b'[{"ph":"X","pid":1,"tid":1,"ts":0,"dur":1,"name":"x"}]',
    }


@pytest.mark.parametrize("name", ["parquet", "arrow", "csv", "trace", "events"])
def test_files_of_other_tools_are_refused(name: str) -> None:
    assert "that dasklens exported, got one of something else" in refused(foreign_files()[name])


@pytest.mark.parametrize("data", [b"PAR1", b"ARROW1\0\0", b"PAR1" + b"x" * 100, b"ARROW1" + b"\xff" * 100])
def test_what_only_begins_like_a_file_is_refused(data: bytes) -> None:
    assert "cannot be read" in refused(data)


@FORMAT
@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_a_damaged_file_says_so_or_is_read(sample: Report, name: str, data: st.DataObject) -> None:
    raw = bytearray(FORMATS[name](sample))
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    said = ""
    try:
        load_report(bytes(raw)).data
    except ReportError as error:
        said = str(error)
    assert "\n" not in said


def without(parts: str) -> Callable[..., Any]:
    real = builtins.__import__

    def fake(name: str, *args: Any, **more: Any) -> Any:
        if name.partition(".")[0] == parts:
            raise ImportError(name)
        return real(name, *args, **more)

    return fake


def test_without_pyarrow_there_is_one_sentence(sample: Report, tmp_path: Path, monkeypatch: Any) -> None:
    data = sample.to_parquet()
    assert data is not None
    monkeypatch.setattr(builtins, "__import__", without("pyarrow"))
    for call in (sample.to_parquet, sample.to_arrow, lambda: sample.to_parquet(tmp_path / "x.parquet")):
        with pytest.raises(ImportError, match=r"needs pyarrow: pip install pyarrow$"):
            call()
    with pytest.raises(ImportError, match=r"^Reading a Parquet file needs pyarrow"):
        load_report(data)
    assert not (tmp_path / "x.parquet").exists()
    assert load_report(sample.to_csv()).data == sample.data


def test_a_name_that_cannot_be_written_is_refused_and_nothing_is_left(sample: Report, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is a folder"):
        sample.to_csv(tmp_path)
    empty = report_of([])
    with pytest.raises(ReportError, match="There is nothing of worker"):
        empty.to_speedscope(tmp_path / "x.json", kind="worker")
    with pytest.raises(ValueError, match="kind should be one of tasks, worker"):
        empty.to_speedscope(kind="other")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("title", ["ph", '"ph":', "traceEvents", "key,prefix,group,span", "PAR1"])
def test_a_report_is_one_whatever_its_title(sample: Report, title: str) -> None:
    again = load_report(sample.to_json())
    again._document.title = title
    assert load_report(again.to_json()).title == title


def test_compressed_bytes_are_read(sample: Report) -> None:
    assert load_report(gzip.compress(sample.to_csv() or b"")).data == sample.data


def test_bytes_that_look_like_a_formula_are_none() -> None:
    from dasklens.report.formats import csvfile

    # In base64 these begin with a plus.
    data = b"\xf8\x00\x00"
    (cell,) = csvfile._written("bytes", [data])
    assert cell == "'+AAA"
    assert csvfile._read("type", "bytes", cell) == data
