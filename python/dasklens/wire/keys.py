"""Task keys as bytes: the group is known from its column, so only the rest is kept.

A key of ``dask.array`` such as ``("sum-9a16…", 3, 0)`` takes four bytes this way, one of
``Client.map`` seventeen. ``docs/frames.md`` has the table; ``keyText`` in
``js/src/core/frames.ts`` is the reader in the browser.
"""

from __future__ import annotations

from typing import Any

import msgpack

_WHOLE, _TUPLE, _TEXT, _HEX, _REPR = b"\x00", b"\x01", b"\x02", b"\x03", b"\x04"

_packer = msgpack.Packer(use_bin_type=True, unicode_errors="surrogatepass")


def pack_key(key: Any, group: str) -> bytes:
    """The bytes of a task key.

    Parameters
    ----------
    key : str, bytes, int, float or (nested) tuple
        Anything else, and integers beyond 64 bits, are kept as their ``repr``.
    group : str
        The name of the key's task group.
    """
    global _packer
    try:
        if type(key) is tuple:
            if key and key[0] == group:
                return _TUPLE + bytes(_packer.pack(key[1:]))
        elif type(key) is str and key.startswith(group):
            rest = key[len(group) :]
            if len(rest) == 33 and rest[0] == "-":
                try:
                    digits = bytes.fromhex(rest[1:])
                except ValueError:
                    pass
                else:
                    # fromhex is more generous than a token: only what comes back counts.
                    if digits.hex() == rest[1:]:
                        return _HEX + digits
            return _TEXT + rest.encode("utf-8", "surrogatepass")
        return _WHOLE + bytes(_packer.pack(key))
    except (TypeError, ValueError, OverflowError, RecursionError):
        # A packer that raised may hold half a value.
        _packer = msgpack.Packer(use_bin_type=True, unicode_errors="surrogatepass")
        return _REPR + repr(key).encode("utf-8", "surrogatepass")


def unpack_key(packed: bytes, group: str) -> Any:
    """The key that :func:`pack_key` was given (its ``repr`` if it was of a foreign type)."""
    kind, rest = packed[:1], packed[1:]
    if kind == _TUPLE:
        return (group, *_unpack(rest))
    if kind == _HEX:
        return f"{group}-{rest.hex()}"
    if kind == _TEXT:
        return group + rest.decode("utf-8", "surrogatepass")
    if kind == _WHOLE:
        return _unpack(rest)
    if kind == _REPR:
        return rest.decode("utf-8", "surrogatepass")
    raise ValueError(f"Expected a packed key of kind 0 to 4, got kind {kind!r}.")


def _unpack(data: bytes) -> Any:
    return msgpack.unpackb(data, use_list=False, strict_map_key=False, unicode_errors="surrogatepass")
