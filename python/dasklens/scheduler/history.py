"""Numbers over time, a record a sample: bounded by bytes, so that a line has a past and no more than that."""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from typing import Any

from .columns import floats, whole

#: Bytes of a history, and records that go at once when it is full.
LIMIT, TRIM = 1 << 20, 256


class History:
    """Records of the same columns, of which the oldest go.

    Parameters
    ----------
    columns : mapping of str to str
        Column name to the code of `array` it is kept in. ``time`` is kept as seconds after `base`.
    limit : int
        Bytes.

    Attributes
    ----------
    first, next : int
        Number of the oldest record that is kept, and of the next one.
    base : float
        Time of the first record, in seconds since the epoch.
    """

    def __init__(self, columns: Mapping[str, str], limit: int = LIMIT):
        self.limit = limit
        self.first = self.next = 0
        self.base = 0.0
        self._cols: dict[str, array[Any]] = {name: array(code) for name, code in columns.items()}
        self._record = sum(column.itemsize for column in self._cols.values())

    def append(self, values: Mapping[str, float]) -> None:
        """Add a record: a value of each column, ``time`` in seconds since the epoch."""
        if not self.base:
            self.base = values["time"]
        for name, column in self._cols.items():
            column.append(values[name] - self.base if name == "time" else values[name])
        self.next += 1
        if self.nbytes > self.limit and self.next - self.first > TRIM:
            for column in self._cols.values():
                del column[:TRIM]
            self.first += TRIM

    @property
    def nbytes(self) -> int:
        """Bytes of all records."""
        return (self.next - self.first) * self._record

    def missed(self, cursor: int) -> int:
        """How many of the records from `cursor` on are gone."""
        return min(max(0, self.first - cursor), self.next - cursor)

    def columns(self, first: int) -> dict[str, tuple[str, bytes | memoryview]]:
        """The records from `first` on as columns of a frame."""
        cols: dict[str, tuple[str, bytes | memoryview]] = {}
        for name, column in self._cols.items():
            part = column[first - self.first :]
            cols[name] = whole(part) if part.typecode == "I" else floats(part)
        return cols
