"""Arrow and Parquet: a row a task, spans as a list within it. Needs pyarrow."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from ...model import exact
from ...model.taskcells import COLUMNS, Cells, by_frame, cells_of
from ..document import MOST_UNPACKED
from ..jsonsize import loaded
from ..unpacking import most_unpacked
from .about import Exported, broken, checked, dumped, foreign

if TYPE_CHECKING:
    import pyarrow as pa

#: Where in a file's metadata it says what it is.
KEY = b"dasklens"
#: Tasks of a row group, and tasks that are read at once.
ROW_GROUP, BATCH = 131_072, 8192
#: Values that all columns of a file may have together.
MOST_VALUES = 1 << 28
#: Letters of keys and exact values, and spans, of tasks that are read at once: as dictionaries and runs of
#: the same, a small file says a great many.
MOST_TEXT, MOST_SPANS = 1 << 24, 1 << 20
PARQUET, ARROW = "Parquet file", "Arrow file"


def pyarrow(method: str) -> Any:
    """The library; one sentence when it is not there.

    Raises
    ------
    ImportError
    """
    try:
        import pyarrow as arrow
    except ImportError:
        raise ImportError(f"{method} needs pyarrow: pip install pyarrow") from None
    return arrow


def schema(about: dict[str, Any]) -> pa.Schema:
    """The columns, with what the file says of itself."""
    arrow = pyarrow("to_arrow()")
    types = {
        "text": arrow.string(),
        "json": arrow.string(),
        "whole": arrow.int64(),
        "float": arrow.float64(),
        "bytes": arrow.binary(),
    }
    span = arrow.struct(
        [
            ("action", arrow.string()),
            ("start", arrow.float64()),
            ("stop", arrow.float64()),
            ("source", arrow.string()),
        ]
    )
    fields = [(name, types[kind]) for name, kind in COLUMNS.items()]
    fields += [("startstops", arrow.list_(span)), ("exact", arrow.string())]
    return arrow.schema(fields, metadata={KEY: dumped(about)})


def batches(run: Exported) -> Iterator[pa.RecordBatch]:
    """The tasks, a batch a frame."""
    arrow = pyarrow("to_arrow()")
    known = schema({})
    span = known.field("startstops").type.value_type
    for table in by_frame(run.frames("tasks")):
        cells = cells_of(table)
        arrays = [arrow.array(cells.columns[name], known.field(name).type) for name in COLUMNS]
        spans = arrow.StructArray.from_arrays(
            [
                arrow.array(cells.action, arrow.string()),
                arrow.array(cells.start),
                arrow.array(cells.stop),
                arrow.array(cells.source, arrow.string()),
            ],
            fields=[span.field(i) for i in range(span.num_fields)],
        )
        ends = np.cumsum([0, *cells.spans], dtype="i4")
        arrays.append(arrow.ListArray.from_arrays(arrow.array(ends), spans).cast(arrow.list_(span)))
        odd = [cells.exact.get(row) for row in range(len(cells))] if cells.exact else [None] * len(cells)
        arrays.append(
            arrow.array([None if each is None else exact_text(each) for each in odd], arrow.string())
        )
        yield arrow.RecordBatch.from_arrays(arrays, schema=known)


def exact_text(values: dict[str, Any]) -> str:
    """Exact values of a row as JSON; each on its own, so that one that is odd leaves the others readable."""
    encoded = {name: exact.encode(value) for name, value in values.items()}
    return json.dumps(encoded, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def exact_values(text: str, what: str) -> dict[str, Any]:
    """What `exact_text` was given."""
    try:
        values = loaded(text)
        if not isinstance(values, dict):
            raise ValueError("it should be an object")
        return {name: exact.decode(value) for name, value in values.items()}
    except (ValueError, RecursionError) as error:
        raise broken(what, f"the exact values of a row are broken ({error})") from None


def to_arrow(run: Exported) -> pa.Table:
    """The tasks as a table."""
    arrow = pyarrow("to_arrow()")
    whole = arrow.Table.from_batches(list(batches(run)), schema({}))
    return whole.replace_schema_metadata(schema(run.about()).metadata)


def write_arrow(run: Exported, out: BinaryIO) -> None:
    """Write the file format of Arrow, which is Feather too."""
    arrow = pyarrow("to_arrow()")
    known = schema(run.about())
    with arrow.ipc.new_file(out, known, options=arrow.ipc.IpcWriteOptions(compression="zstd")) as writer:
        for batch in batches(run):
            writer.write_batch(batch.replace_schema_metadata(known.metadata))


def write_parquet(run: Exported, out: BinaryIO) -> None:
    """Write Parquet."""
    pyarrow("to_parquet()")
    import pyarrow.parquet as pq

    known = schema(run.about())
    with pq.ParquetWriter(out, known, compression="zstd") as writer:
        for part in _grouped(batches(run)):
            writer.write_table(part.replace_schema_metadata(known.metadata), row_group_size=ROW_GROUP)


def _grouped(found: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    """Batches as tables of some `ROW_GROUP` rows."""
    arrow = pyarrow("to_arrow()")
    kept: list[pa.RecordBatch] = []
    rows = 0
    for batch in found:
        kept.append(batch)
        rows += batch.num_rows
        if rows >= ROW_GROUP:
            yield arrow.Table.from_batches(kept)
            kept, rows = [], 0
    if kept:
        yield arrow.Table.from_batches(kept)


# -- reading -------------------------------------------------------------------------------------------


def read_arrow(data: bytes) -> tuple[dict[str, Any], Iterator[Cells]]:
    """What an Arrow file says of itself, and its tasks.

    Raises
    ------
    ReportError
    """
    arrow = pyarrow("Reading an Arrow file")
    file = _opened(lambda: arrow.ipc.open_file(arrow.BufferReader(data)), ARROW)
    about = _about(file.schema, ARROW)

    def parts() -> Iterator[pa.RecordBatch]:
        for i in range(file.num_record_batches):
            batch = file.get_batch(i)
            batch.validate(full=True)
            for at in range(0, batch.num_rows, BATCH):
                yield batch.slice(at, BATCH)

    return about, _cells(parts(), ARROW)


def read_parquet(data: bytes) -> tuple[dict[str, Any], Iterator[Cells]]:
    """The same of a Parquet file."""
    arrow = pyarrow("Reading a Parquet file")
    import pyarrow.parquet as pq

    about = _about(_opened(lambda: pq.ParquetFile(arrow.BufferReader(data)), PARQUET).schema_arrow, PARQUET)
    # As dictionaries: a small file may say a long text a million times.
    text = [name for name, kind in COLUMNS.items() if kind in ("text", "json", "bytes")]
    file = _opened(
        lambda: pq.ParquetFile(arrow.BufferReader(data), read_dictionary=[*text, "exact"]), PARQUET
    )
    groups = [file.metadata.row_group(i) for i in range(file.metadata.num_row_groups)]
    values = sum(group.column(i).num_values for group in groups for i in range(group.num_columns))
    size = sum(group.total_byte_size for group in groups)
    most = most_unpacked(len(data), MOST_UNPACKED)
    if size > most or values > MOST_VALUES:
        raise broken(PARQUET, f"it unpacks to more than {most >> 20:,} MiB or {MOST_VALUES:,} values")
    return about, _cells(file.iter_batches(batch_size=BATCH), PARQUET)


def _opened(opening: Any, what: str) -> Any:
    try:
        return opening()
    except Exception as error:  # pyarrow has many
        said = str(error).partition("\n")[0][:200].rstrip(".")
        raise broken(what, f"it is cut short or damaged ({said})") from None


def _about(found: pa.Schema, what: str) -> dict[str, Any]:
    said = (found.metadata or {}).get(KEY)
    if said is None:
        raise foreign(what)
    about = checked(said, what)
    for field in schema({}):
        there = found.get_all_field_indices(field.name)
        kind = found.field(there[0]).type if len(there) == 1 else None
        if kind is not None and kind.__class__.__name__ == "DictionaryType":
            kind = kind.value_type
        if kind != field.type:
            raise broken(what, f"its column {field.name!r} should be of type {field.type}, and is {kind}")
    return about


def _cells(found: Iterator[pa.RecordBatch], what: str) -> Iterator[Cells]:
    while True:
        try:
            batch = next(found, None)
        except Exception as error:  # pyarrow has many
            said = str(error).partition("\n")[0][:200].rstrip(".")
            raise broken(what, f"it is cut short or damaged ({said})") from None
        if batch is None:
            return
        for part in _portions(batch, what):
            yield _of_batch(part, what)


def _portions(batch: pa.RecordBatch, what: str) -> Iterator[pa.RecordBatch]:
    """A batch in parts that are not too much at once."""
    spans = len(batch.column("startstops").flatten())
    if spans <= MOST_SPANS and sum(_letters(batch.column(name)) for name in ("key", "exact")) <= MOST_TEXT:
        if batch.num_rows:
            yield batch
    elif batch.num_rows > 1:
        half = batch.num_rows // 2
        yield from _portions(batch.slice(0, half), what)
        yield from _portions(batch.slice(half), what)
    else:
        raise broken(what, f"a task has more than {MOST_SPANS:,} spans, or {MOST_TEXT:,} bytes of a key")


def _letters(array: Any) -> int:
    """Bytes of all texts, those that a dictionary says often as often as they are said."""
    import pyarrow.compute as pc

    if hasattr(array, "dictionary"):
        return pc.sum(pc.take(pc.binary_length(array.dictionary), array.indices)).as_py() or 0
    return pc.sum(pc.binary_length(array)).as_py() or 0


def _of_batch(batch: pa.RecordBatch, what: str) -> Cells:
    columns = {name: _listed(batch.column(name)) for name in COLUMNS}
    lists = batch.column("startstops")
    if lists.null_count:
        raise broken(what, "a row has no list of spans")
    spans = lists.flatten()
    action, start, stop, source = (spans.field(i) for i in range(4))
    if spans.null_count or start.null_count or stop.null_count:
        raise broken(what, "a span has no time")
    said = _listed(batch.column("exact"))
    # What is said often is made once.
    known = {text: exact_values(text, what) for text in dict.fromkeys(said) if text is not None}
    odd = {row: known[text] for row, text in enumerate(said) if text is not None}
    return Cells(
        columns,
        lists.value_lengths().to_pylist(),
        action.to_pylist(),
        source.to_pylist(),
        start.to_numpy(),
        stop.to_numpy(),
        exact=odd,
    )


def _listed(array: Any) -> list[Any]:
    """Python's values; what a dictionary says often is one of them."""
    if not hasattr(array, "dictionary"):
        listed: list[Any] = array.to_pylist()
        return listed
    values = array.dictionary.to_pylist()
    return [None if i is None else values[i] for i in array.indices.to_pylist()]
