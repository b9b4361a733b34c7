"""Frames in pieces: how a report keeps the frames of a stream, compressed while they come.

A *piece* is gzip of frames one behind the other, each after its length (u4, little-endian). A piece holds
some 4 MB of frames, so that neither a writer nor a reader ever needs the whole stream unpacked.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator
from typing import Any

#: Bytes of frames after which the next piece begins.
PIECE = 4 << 20
#: Bytes that a piece may unpack to: a frame may be larger than what a piece should hold. As in the browser
#: (`js/src/connect/filestream.ts`).
MOST_PIECE = 64 << 20
#: Bytes that are unpacked at once.
_STEP = 1 << 20
#: For zlib: with the header and the checksum of gzip, which a browser's DecompressionStream reads too.
_GZIP = 31
_LENGTH = struct.Struct("<I")


class PieceError(ValueError):
    """What is wrong with a piece, in one sentence."""


class Budget:
    """Bytes that may be unpacked, all together.

    Parameters
    ----------
    most : int
    """

    def __init__(self, most: int):
        self.most = self.left = most

    def spend(self, size: int) -> None:
        """Take so many.

        Raises
        ------
        PieceError
            When there are not so many left.
        """
        self.left -= size
        if self.left < 0:
            raise PieceError(f"it unpacks to more than {self.most >> 20:,} MiB")


class PieceWriter:
    """Compresses the frames of one stream as they come.

    Attributes
    ----------
    records, frames : int
        What was added.
    """

    def __init__(self) -> None:
        self.records = self.frames = 0
        self._done: list[bytes] = []
        self._open: list[bytes] = []
        self._size = 0
        self._bytes = 0
        self._packer: Any = None

    @property
    def nbytes(self) -> int:
        """Bytes that the pieces have, but for some kilobytes that are still being compressed."""
        return self._bytes

    def add(self, frame: bytes, records: int) -> None:
        """Append a frame that holds so many records."""
        if self._packer is None:
            self._packer = zlib.compressobj(6, zlib.DEFLATED, _GZIP)
        for data in (_LENGTH.pack(len(frame)), frame):
            packed = self._packer.compress(data)
            self._bytes += len(packed)
            self._open.append(packed)
        self._size += len(frame)
        self.frames += 1
        self.records += records
        if self._size >= PIECE:
            self._close()

    def pieces(self) -> list[bytes]:
        """All pieces there are; the next frame begins another."""
        if self._packer is not None:
            self._close()
        return list(self._done)

    def _close(self) -> None:
        rest = self._packer.flush()
        self._bytes += len(rest)
        self._open.append(rest)
        self._done.append(b"".join(self._open))
        self._open, self._size, self._packer = [], 0, None


def frames_in(pieces: Iterable[bytes], budget: Budget) -> Iterator[bytes]:
    """The frames of pieces, in order; never more than one piece is unpacked at once.

    Raises
    ------
    PieceError
        When a piece is cut, is no piece, or the budget is spent.
    """
    for piece in pieces:
        data = _unpacked(piece, budget)
        at, size = 0, len(data)
        while at < size:
            if at + _LENGTH.size > size:
                raise PieceError("a piece of it ends within a frame")
            (length,) = _LENGTH.unpack_from(data, at)
            at += _LENGTH.size
            if at + length > size:
                raise PieceError("a piece of it ends within a frame")
            yield data[at : at + length]
            at += length


def _unpacked(piece: bytes, budget: Budget) -> bytes:
    unpacker = zlib.decompressobj(_GZIP)
    out: list[bytes] = []
    left, size = piece, 0
    try:
        while not unpacker.eof:
            part = unpacker.decompress(left, _STEP)
            left = unpacker.unconsumed_tail
            if not part and not left and not unpacker.eof:
                raise PieceError("a piece of it is cut short")
            budget.spend(len(part))
            size += len(part)
            if size > MOST_PIECE:
                raise PieceError(f"a piece of it unpacks to more than {MOST_PIECE >> 20:,} MiB")
            out.append(part)
    except zlib.error:
        raise PieceError("a piece of it is no gzip, or damaged") from None
    if unpacker.unused_data:
        raise PieceError("a piece of it has something behind its end")
    return b"".join(out)
