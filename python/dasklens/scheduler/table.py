"""A table told in frames: a row for each thing that there is, and which rows changed since a sample.

A table is no history. Each row remembers the sample at which it last changed; a reader that comes from a
sample gets the rows that changed since, one that comes from nowhere gets them all, so it costs nothing to be
late. What the rows are of is the subclasses' business.
"""

from __future__ import annotations

from collections import deque
from typing import Any

from ..wire.frames import pack_frame, pack_name
from .columns import whole

Columns = dict[str, tuple[str, "bytes | memoryview"]]


class Table:
    """Names, cursors, and who left.

    Parameters
    ----------
    ident : str
        Id of the log that the cursors belong to.

    Attributes
    ----------
    next : int
        Samples taken; the next one has this number.
    """

    stream = ""
    #: Of those that left, how many are still told one by one to readers that come late; with more of them,
    #: later readers are sent everything.
    most_left = 1000

    def __init__(self, ident: str):
        self._ident = ident
        self._epoch = 0
        self.next = 0
        self._time = 0.0
        self._left: deque[tuple[int, int]] = deque()
        #: Readers from before this sample were not told of all that left since.
        self._horizon = 0
        self._names: list[bytes] = []

    @property
    def ident(self) -> str:
        """Id of the log: another one when names began anew."""
        return f"{self._ident}.{self.stream}.{self._epoch}"

    def _intern(self, entry: Any) -> int:
        self._names.append(pack_name(entry))
        return len(self._names) - 1

    def _leave(self, ident: int) -> None:
        """The row of this name is gone, as of the sample that is being taken."""
        self._left.append((self.next, ident))

    def _end_sample(self, time: float) -> None:
        while len(self._left) > self.most_left:
            self._horizon = self._left.popleft()[0] + 1
        self._time = time
        self.next += 1

    def _begin_anew(self) -> None:
        """Forget the names of those that left: ids are never used twice within one log."""
        self._epoch += 1
        self.next = self._horizon = 0
        self._left.clear()
        self._names.clear()

    def frames(self, cursor: int, names: int = 0, max_bytes: int = 0) -> dict[str, Any]:
        """What changed since `cursor`, as one frame; everything if it is 0 or too long ago.

        Parameters
        ----------
        cursor : int
            The first sample that the reader has not seen.
        names : int
            The reader knows all names below this id.
        max_bytes : int
            Of no meaning here: a table comes whole.

        Returns
        -------
        dict
            As `TaskLog.frames` gives it; nothing is ever missed.
        """
        if cursor < self._horizon:
            cursor = 0
        found = [self._pack(cursor, names)] if cursor < self.next else []
        return {"frames": found, "missed": 0, "next": self.next, "names": len(self._names)}

    def _pack(self, cursor: int, names: int) -> bytes:
        # Who comes from nowhere has nobody to forget.
        left = [ident for at, ident in self._left if at >= cursor] if cursor else []
        return pack_frame(
            stream=self.stream,
            log=self.ident,
            first=cursor,
            next=self.next,
            missed=0,
            names0=min(names, len(self._names)),
            names=self._names[names:],
            base=self._time,
            cols={**self._columns(cursor), "left": whole(left)},
        )

    def _columns(self, cursor: int) -> Columns:
        """Those of the rows that changed since a sample."""
        raise NotImplementedError
