"""Compressed files of strangers, unpacked a little at a time: what would fill the memory is refused before.

A report is mostly base64 of what is compressed already, so a compression behind that gains little. Only its
tables and logs shrink much, and they are bounded: what unpacks to far more than there was of it is no report.
"""

from __future__ import annotations

import io
import zlib
from typing import Any, BinaryIO

from .document import MOST_BYTES, ReportError, damaged

#: Bytes that any file may unpack to, and how many times its size it may be beyond that.
FREE, MOST_TIMES = 32 << 20, 100
#: Bytes at a time.
CHUNK = 1 << 20


def check_size(size: int, packed: int | None = None) -> None:
    """Refuse what is too large, or too large for the `packed` bytes that it came out of.

    Raises
    ------
    ReportError
        It says so in a sentence.
    """
    if size > MOST_BYTES:
        raise ReportError(f"This file has more than {MOST_BYTES >> 20:,} MiB: that is no report of dasklens.")
    if packed is not None and size > most_unpacked(packed, MOST_BYTES):
        raise ReportError(
            f"This file unpacks to more than {MOST_TIMES} times its size: that is no report of dasklens."
        )


def most_unpacked(packed: int, most: int) -> int:
    """Bytes that so many may unpack to, of which `most` are too many in any case."""
    return min(most, max(FREE, MOST_TIMES * packed))


def read_bounded(file: BinaryIO, compression: str | None) -> bytes:
    """All of a file, unpacked.

    Parameters
    ----------
    compression : str, optional
        One that fsspec knows.

    Raises
    ------
    ReportError
        When it is too large.
    """
    if compression is None:
        # One more than may be.
        data = file.read(MOST_BYTES + 1)
        check_size(len(data))
        return data
    from fsspec.compression import compr

    counted = _Counted(file)
    out = bytearray()
    with compr[compression](counted, mode="r") as unpacked:
        while chunk := unpacked.read(CHUNK):
            out += chunk
            check_size(len(out), counted.most)
    return bytes(out)


def gunzipped(data: bytes) -> bytes:
    """What is in a gzip.

    Raises
    ------
    ReportError
        When it is none, or too large.
    """
    unpacker = zlib.decompressobj(31)
    out = bytearray()
    left = data
    try:
        while not unpacker.eof:
            chunk = unpacker.decompress(left, CHUNK)
            left = unpacker.unconsumed_tail
            if not chunk and not left and not unpacker.eof:
                raise damaged("it is no whole gzip")
            out += chunk
            check_size(len(out), len(data))
    except zlib.error:
        raise damaged("it is no whole gzip") from None
    return bytes(out)


class _Counted(io.RawIOBase):
    """A file that knows how far it was read."""

    def __init__(self, file: BinaryIO):
        self._file = file
        self.most = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return self._file.seekable()

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self.most = max(self.most, self._file.tell())
        return data

    def readinto(self, buffer: Any) -> int:
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()
