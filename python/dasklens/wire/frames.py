"""Frames: a batch of columns of one stream, as msgpack bytes.

The format is written down in ``docs/frames.md``; ``js/src/core/frames.ts`` is the twin of this
module, and golden files in ``tests/data/frames`` hold both to it.

Words: a *record* is one row of a stream; a *cursor* is a position in the stream's append counter;
a *name* is an interned entry of the log that a column speaks of by its id.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgpack

#: The version written, and the versions read: its own and the one before.
VERSION = 1
READABLE = (1,)

#: In a column of name ids: this record has none.
NO_NAME = 0xFFFFFFFF

ITEM_SIZE = {"u1": 1, "u2": 2, "u4": 4, "i4": 4, "f4": 4, "f8": 8}

_MAP_FIELDS = 10

#: Entries that a list or a map of a frame may have.
MOST_ENTRIES = 1 << 20


class FrameError(ValueError):
    """Bytes that are not a frame this version can read; the message says what was expected."""


class NameBudget:
    """What frames that anybody may have written can hold, all together: a byte can be a whole object.

    Parameters
    ----------
    lists, entries : int
        Lists and maps, and what is in them.
    """

    def __init__(self, lists: int = 1 << 24, entries: int = 1 << 26):
        self.lists, self.entries = lists, entries
        self._lists = self._entries = 0

    def begin(self, size: int) -> None:
        """A frame of so many bytes comes: names are words, some bytes each."""
        self._lists = min(self.lists, 1000 + size // 8, MOST_ENTRIES)
        self._entries = min(self.entries, 10_000 + size // 2, 4 * MOST_ENTRIES)

    def unpack(self, data: bytes | memoryview) -> Any:
        """What msgpack of anybody's says.

        Raises
        ------
        ValueError
            When it says nothing, or has more lists, maps and entries than so many bytes should.
        """
        self.begin(len(data))
        try:
            return msgpack.unpackb(
                data, unicode_errors="surrogatepass", list_hook=self.spend, object_hook=self.spend
            )
        except (RecursionError, msgpack.UnpackException) as error:
            raise ValueError(f"bytes that are not msgpack ({error})") from None

    def spend(self, made: Any) -> Any:
        """A list or map was unpacked."""
        self.lists, self._lists = self.lists - 1, self._lists - 1
        self.entries, self._entries = self.entries - len(made), self._entries - len(made)
        if self._lists < 0 or self._entries < 0:
            raise ValueError("it has more names than a report may have")
        return made


@dataclass(slots=True)
class Frame:
    """One decoded frame. Columns are read-only views of the bytes that came.

    Attributes
    ----------
    stream : str
        Name of the stream, such as ``"tasks"``.
    log : str
        Id of the log that the cursors belong to.
    first, next : int
        Cursor of the first record in the frame and of the one behind its last.
    missed : int
        Records before ``first`` that were asked for and are gone.
    names0 : int
        Id of the first entry of `names`.
    names : list
        New interned entries.
    base : float
        Seconds since the epoch that times in the columns are offsets from.
    cols : dict of str to (str, memoryview)
        Column name to its dtype (``u1 u2 u4 i4 f4 f8``, little-endian) and its bytes.
    """

    stream: str
    log: str
    first: int
    next: int
    missed: int = 0
    names0: int = 0
    names: list[Any] = field(default_factory=list)
    base: float = 0.0
    cols: dict[str, tuple[str, memoryview]] = field(default_factory=dict)


def pack_name(name: Any) -> bytes:
    """One interned entry as bytes, ready for :func:`pack_frame`.

    Entries are kept packed: a frame is then assembled without touching them again, and the log
    holds no objects that the garbage collector would have to visit.
    """
    packed: bytes = msgpack.packb(name, use_bin_type=True, unicode_errors="surrogatepass")
    return packed


def unpack_name(data: bytes, budget: NameBudget | None = None) -> Any:
    """What :func:`pack_name` was given, of a name that was kept as bytes within a name.

    With a `budget`, of anybody's: what it may hold.
    """
    hooks: dict[str, Any] = {}
    if budget is not None:
        budget.begin(8 * MOST_ENTRIES)
        hooks = {"list_hook": budget.spend, "object_hook": budget.spend}
    return msgpack.unpackb(
        data, use_list=False, strict_map_key=False, unicode_errors="surrogatepass", **hooks
    )


def pack_frame(
    *,
    stream: str,
    log: str,
    first: int,
    next: int,
    missed: int,
    names0: int,
    names: Iterable[bytes],
    base: float,
    cols: Mapping[str, tuple[str, bytes | memoryview]],
) -> bytes:
    """Assemble one frame.

    Parameters
    ----------
    names : iterable of bytes
        Entries that :func:`pack_name` made, ids ``names0``, ``names0 + 1``, …
    cols : mapping of str to (dtype, bytes)
        Columns as little-endian bytes in C order.
    """
    names = list(names)
    packer = msgpack.Packer(use_bin_type=True, autoreset=False)
    packer.pack_map_header(_MAP_FIELDS)
    for key, value in (
        ("v", VERSION),
        ("stream", stream),
        ("log", log),
        ("first", first),
        ("next", next),
        ("missed", missed),
        ("names0", names0),
        ("base", base),
    ):
        packer.pack(key)
        packer.pack(value)
    packer.pack("cols")
    packer.pack({name: [dtype, bytes(data)] for name, (dtype, data) in cols.items()})
    packer.pack("names")
    packer.pack_array_header(len(names))
    return b"".join([packer.bytes(), *names])


def unpack_frame(data: bytes | bytearray | memoryview, budget: NameBudget | None = None) -> Frame:
    """Read one frame.

    Parameters
    ----------
    budget : NameBudget, optional
        For frames of anybody's: what they may hold.

    Raises
    ------
    FrameError
        When the bytes are not msgpack, not a frame, of a version that this dasklens cannot read,
        or hold a column of unknown type or broken length.
    """
    hooks: dict[str, Any] = {}
    if budget is not None:
        budget.begin(len(data))
        hooks = {"list_hook": budget.spend, "object_hook": budget.spend}
    try:
        raw = msgpack.unpackb(
            data,
            raw=False,
            use_list=False,
            strict_map_key=False,
            unicode_errors="surrogatepass",
            max_array_len=MOST_ENTRIES,
            max_map_len=MOST_ENTRIES,
            **hooks,
        )
    except Exception as error:
        raise FrameError(f"Expected a frame, got bytes that are not msgpack ({error}).") from None
    if not isinstance(raw, dict) or "v" not in raw:
        raise FrameError("Expected a frame (a map with its version), got something else.")
    if type(raw["v"]) is not int or raw["v"] not in READABLE:
        raise FrameError(
            f"This dasklens reads frames of version {', '.join(map(str, READABLE))} and got "
            f"version {raw['v']}. Use the same dasklens on both sides: "
            "pip install --upgrade dasklens."
        )
    try:
        frame = Frame(
            stream=_typed(raw, "stream", str),
            log=_typed(raw, "log", str),
            first=_typed(raw, "first", int),
            next=_typed(raw, "next", int),
            missed=_typed(raw, "missed", int),
            names0=_typed(raw, "names0", int),
            names=list(_typed(raw, "names", tuple)),
            base=float(raw["base"]),
            cols={
                name: (dtype, memoryview(column))
                for name, (dtype, column) in _typed(raw, "cols", dict).items()
            },
        )
    except (KeyError, TypeError, ValueError) as error:
        raise FrameError(f"Expected a whole frame, got one with a broken field: {error}.") from None
    for name, (dtype, column) in frame.cols.items():
        if not isinstance(dtype, str) or dtype not in ITEM_SIZE or len(column) % ITEM_SIZE[dtype]:
            raise FrameError(
                f"Column {name!r} of a {frame.stream!r} frame is broken: {len(column)} bytes of "
                f"dtype {dtype!r}."
            )
    if frame.next < frame.first:
        raise FrameError(f"A frame runs from cursor {frame.first} back to {frame.next}.")
    return frame


def _typed(raw: dict[str, Any], key: str, kind: type) -> Any:
    value = raw[key]
    if not isinstance(value, kind) or isinstance(value, bool):
        raise TypeError(f"{key} should be {kind.__name__}, not {type(value).__name__}")
    return value
