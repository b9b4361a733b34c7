"""What a span is: its kind decides the band of the lane it is drawn in and its pattern.

The twin of ``js/src/core/kinds.ts``. A lane has two bands: compute over its full height, and input and output
as a strip over its top. An action that we do not know is work.
"""

from __future__ import annotations

COMPUTE, TRANSFER, DISK_READ, DISK_WRITE, DESERIALIZE, ERROR = range(6)

_KINDS = {
    "compute": COMPUTE,
    "transfer": TRANSFER,
    "disk-read": DISK_READ,
    "disk-write": DISK_WRITE,
    "deserialize": DESERIALIZE,
}

#: The part of a lane's height that the strip of input and output takes.
STRIP = 0.35
#: Patterns are tiles of so many pixels on each side.
PERIOD = 4


def _tile(*rows: str) -> tuple[tuple[bool, ...], ...]:
    return tuple(tuple(c == "#" for c in row) for row in rows)


#: Per kind the tile, true where ink goes. Compute is plain; transfers are hatched, reads dotted, writes
#: striped across, deserialization striped down, errors crossed.
PATTERNS = (
    _tile("....", "....", "....", "...."),
    _tile("#...", ".#..", "..#.", "...#"),
    _tile("#...", "....", "..#.", "...."),
    _tile("####", "....", "....", "...."),
    _tile("#...", "#...", "#...", "#..."),
    _tile("#..#", ".##.", ".##.", "#..#"),
)


def kind_of(action: str) -> int:
    """The kind of an action's span."""
    return _KINDS.get(action, COMPUTE)


def is_strip(kind: int) -> bool:
    """Whether spans of this kind go into the strip over the lane's top."""
    return TRANSFER <= kind <= DESERIALIZE
