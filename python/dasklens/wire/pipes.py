"""Messages between the Jupyter server and its child, on the child's standard input and output.

A message is msgpack of a map, after its length (u4, little-endian). The server's have ``do``, what is to be
done; the child's ``id``, that of the question that they answer, or ``recording``, how far that is.
"""

from __future__ import annotations

import struct
from typing import Any, BinaryIO

import msgpack

#: Bytes of the longest message: one reply of a scheduler, and something around it.
LONGEST = 100 << 20
#: Bytes of a document that go into one message.
CHUNK = 1 << 20
#: Seconds of the past that a live summary may be of.
SHORTEST_WINDOW, LONGEST_WINDOW = 10.0, 1800.0

LENGTH = struct.Struct("<I")


class MessageError(ValueError):
    """Bytes that are no message."""


def pack_message(message: dict[str, Any]) -> bytes:
    """A message as bytes, with its length.

    Raises
    ------
    MessageError
        When it is longer than any may be.
    """
    packed: bytes = msgpack.packb(message, use_bin_type=True, unicode_errors="surrogatepass")
    if len(packed) > LONGEST:
        raise MessageError(f"A message should have at most {LONGEST >> 20} MiB, got {len(packed) >> 20} MiB.")
    return LENGTH.pack(len(packed)) + packed


def unpack_message(data: bytes) -> dict[str, Any]:
    """What stood behind a length.

    Raises
    ------
    MessageError
    """
    try:
        message = msgpack.unpackb(data, unicode_errors="surrogatepass")
    except (ValueError, RecursionError, msgpack.UnpackException):
        message = None
    if not isinstance(message, dict):
        raise MessageError("Expected a message, msgpack of a map, got something else.")
    return message


def length_of(data: bytes) -> int:
    """Bytes of the message behind this length.

    Raises
    ------
    MessageError
    """
    (length,) = LENGTH.unpack(data)
    if length > LONGEST:
        raise MessageError(f"A message should have at most {LONGEST >> 20} MiB, got {length >> 20} MiB.")
    return int(length)


def read_message(file: BinaryIO) -> dict[str, Any] | None:
    """The next message of a file that blocks; None at its end.

    Raises
    ------
    MessageError
    """
    head = file.read(LENGTH.size)
    if len(head) < LENGTH.size:
        return None
    length = length_of(head)
    data = file.read(length)
    return unpack_message(data) if len(data) == length else None
