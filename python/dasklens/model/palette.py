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

#: A person's own code stands out; the interpreter and what Dask brings along keep to the background.
LIBRARY_COLOURS = {
    "your code": "#e69f00",
    "python": "#a3a3a3",
    "dask": "#a9c4d8",
    "distributed": "#8fb3cc",
    "numpy": "#44aa99",
    "pandas": "#aa4499",
    "pyarrow": "#117733",
    "scipy": "#4477aa",
    "xarray": "#7766cc",
    "sklearn": "#999933",
    "numba": "#996633",
}
#: What other libraries share: the colours of none of those above.
_OTHER_LIBRARIES = ("#cc79a7", "#56b4e9", "#ddcc77", "#88ccee", "#009e73", "#bbcc33", "#c08b5c", "#9a8fd8")

#: A comparison: what takes less than before, as much, and more. Blue and orange part for everybody.
LESS_COLOUR, SAME_COLOUR, MORE_COLOUR = "#2166ac", "#c8c8c8", "#d95f02"


#: Chosen so that the prefixes that Dask's own collections make side by side seldom share a colour.
_SEED = 0xE20AF70F


def colour_of(prefix: str) -> str:
    """The colour of a prefix as ``#rrggbb``: by the 32-bit FNV-1a hash of its UTF-8 bytes, mixed.

    Text that is no valid Unicode hashes as the browser sees it, with U+FFFD in the gaps.
    """
    return COLOURS[_hash(prefix) % len(COLOURS)]


def library_colour(library: str) -> str:
    """The colour of a library's frames in a call tree as ``#rrggbb``, always the same."""
    return LIBRARY_COLOURS.get(library) or _OTHER_LIBRARIES[_hash(library) % len(_OTHER_LIBRARIES)]


def _hash(text: str) -> int:
    h = _SEED
    for byte in _utf8(text):
        h = (h ^ byte) * 0x01000193 & 0xFFFFFFFF
    h = (h ^ h >> 16) * 0x85EBCA6B & 0xFFFFFFFF
    return h ^ h >> 13


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
