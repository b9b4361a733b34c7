"""Key prefix -> colour.

``js/src/core/palette.ts`` holds the same list and the same hash, and a test holds both together: a
prefix has one colour everywhere and always, so it follows from the name alone.
"""

from __future__ import annotations

from math import copysign, floor, sqrt

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

#: What the threads of workers do with their time; idling is what is left.
SPENT_COLOURS = {
    "compute": "#4477aa",
    "transfer": "#e69f00",
    "serialization": "#aa4499",
    "disk": "#996633",
    "idle": "",
}

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


#: Shades of a library's colour, lighter or darker by these parts: neighbours are to be told apart.
_LIGHTER = (0.0, 0.14, 0.28, -0.1)
SHADES = len(_LIGHTER)


def library_colour(library: str, shade: int = 0) -> str:
    """The colour of a library's frames in a call tree as ``#rrggbb``, always the same."""
    own = LIBRARY_COLOURS.get(library) or _OTHER_LIBRARIES[_hash(library) % len(_OTHER_LIBRARIES)]
    lighter = _LIGHTER[shade]
    return _mixed(own, "#000000" if lighter < 0 else "#ffffff", abs(lighter))


def shade_of(identifier: str) -> int:
    """The shade of a function, ``name;file;line``, always the same."""
    return _hash(identifier) % SHADES


#: Steps of colour on either side of no change; a change of this share of all samples has the full colour.
STEPS, _FULL = 8, 0.1


def change_step(change: float) -> int:
    """A change of a share (-1 to 1) as a step of colour, -8 to 8: fine where changes are small."""
    step = STEPS * sqrt(min(1.0, abs(change) / _FULL))
    return floor(copysign(step, change) + 0.5)


def change_colour(step: int) -> str:
    """The colour of a step of `change_step`."""
    return _mixed(SAME_COLOUR, LESS_COLOUR if step < 0 else MORE_COLOUR, abs(step) / STEPS)


def _mixed(colour: str, other: str, part: float) -> str:
    pairs = zip(rgb(colour), rgb(other), strict=True)
    return "#" + "".join(f"{floor(a + (b - a) * part + 0.5):02x}" for a, b in pairs)


def wants_dark_text(colour: str) -> bool:
    """Whether dark text reads better than light on this colour."""
    red, green, blue = rgb(colour)
    return 0.299 * red + 0.587 * green + 0.114 * blue > 140


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
