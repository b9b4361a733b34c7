"""Key prefix -> colour.

``js/src/core/palette.ts`` holds the same list and the same hash, and a test holds both together: a
prefix has one colour everywhere and always, so it follows from the name alone.
"""

from __future__ import annotations

#: Sixteen that keep apart under the common kinds of colour blindness as far as sixteen can (after
#: the qualitative schemes of Okabe and Ito and of Paul Tol); red is left to errors.
COLOURS = (
    "#4477aa",
    "#e69f00",
    "#44aa99",
    "#aa4499",
    "#88ccee",
    "#117733",
    "#ddcc77",
    "#7766cc",
    "#999933",
    "#cc79a7",
    "#009e73",
    "#56b4e9",
    "#bbcc33",
    "#996633",
    "#99ddff",
    "#8a8a8a",
)
#: Erred tasks.
ERROR_COLOUR = "#d4002a"


#: Chosen so that the prefixes that Dask's own collections make side by side seldom share a colour.
_SEED = 0xE20AF70F


def colour_of(prefix: str) -> str:
    """The colour of a prefix as ``#rrggbb``: by the 32-bit FNV-1a hash of its UTF-8 bytes, mixed.

    Text that is no valid Unicode hashes as the browser sees it, with U+FFFD in the gaps.
    """
    h = _SEED
    for byte in _utf8(prefix):
        h = (h ^ byte) * 0x01000193 & 0xFFFFFFFF
    h = (h ^ h >> 16) * 0x85EBCA6B & 0xFFFFFFFF
    return COLOURS[(h ^ h >> 13) % len(COLOURS)]


def rgb(colour: str) -> tuple[int, int, int]:
    """``#rrggbb`` as three numbers from 0 to 255."""
    n = int(colour[1:], 16)
    return n >> 16, n >> 8 & 0xFF, n & 0xFF


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        # A lone surrogate: TextEncoder writes U+FFFD for it.
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()
