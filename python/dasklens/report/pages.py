"""The page of a report: one HTML file that needs nothing else, and the way back to what it holds.

What a report says is one JSON document. In the page it lies as text that no browser runs, beside the
scripts that show it (`js/src/report`, built into ``static/report``) and bqplot's, gzipped. The page's policy
names each script by the hash of its text: nothing else runs, and nothing is ever fetched.
"""

from __future__ import annotations

import base64
import gzip
import html
import json
import re
import sys
from collections.abc import Iterator
from functools import lru_cache
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import NamedTuple, Protocol

from jupyter_core.paths import jupyter_path

#: Where the document is in a page; `js/src/report/shared.ts` has the same names.
DOCUMENT, PAGE, BQPLOT, FIGURES = (f"dasklens-{name}" for name in ("document", "page", "bqplot", "figures"))
STATIC = Path(__file__).parents[1] / "static" / "report"

_OPENING = f'<script type="application/json" id="{DOCUMENT}">'.encode()
#: Stands early in a page of ours.
_MADE_BY = b'<meta name="generator" content="dasklens">'
_CLOSING = b"</script>"
#: What could end the element early, or begin a comment in it. In JSON these are only ever inside strings.
_ESCAPES = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}

_TEMPLATE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="referrer" content="no-referrer">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="dasklens">
<title>{title}</title>
<style>{style}</style>
<script>{boot}</script>
</head>
<body>
<noscript><h1>{title}</h1><p>{verdict}</p><p>The rest of this report needs scripts: they are all in this \
file, and none of them fetches anything.</p></noscript>
<!-- The code of dasklens (BSD-3-Clause) and of what its figures are drawn with: bqplot (Apache-2.0), \
Jupyter Widgets and Lumino (BSD-3-Clause), jQuery, Backbone, Underscore and Lodash (MIT), msgpack (ISC). -->
"""


class Jsonable(Protocol):
    """A document, as `dasklens.report.document` makes it."""

    def to_json(self) -> bytes | str:
        """The document as JSON."""


def render(document: Jsonable | bytes) -> bytes:
    """The page of a report.

    Parameters
    ----------
    document : Document or bytes
        The document, or its JSON.

    Returns
    -------
    bytes
        HTML in UTF-8.

    Raises
    ------
    FileNotFoundError
        When the scripts of the page, or bqplot's, are not installed.
    """
    given = document if isinstance(document, bytes) else document.to_json()
    text = given.decode() if isinstance(given, bytes) else given
    style, boot = _read("style.css"), _read("boot.js")
    title, verdict = _said(text)
    head = _TEMPLATE.format(
        policy=_policy(boot), title=html.escape(title), style=style, boot=boot, verdict=html.escape(verdict)
    )
    return b"".join(
        [
            # A text may hold halves of characters, which no encoding has.
            head.encode(errors="replace"),
            *(each.element for each in _packed()),
            _OPENING,
            inert(text).encode(errors="replace"),
            _CLOSING,
            b"\n</body>\n</html>\n",
        ]
    )


def read_html(page: bytes) -> bytes:
    """The JSON of the document that a page holds.

    Raises
    ------
    ValueError
        When it is not the page of a report, or only the beginning of one.
    """
    # The last one: a page is ours to write, and nothing comes behind the document.
    start = page.rfind(_OPENING)
    if start < 0 and _MADE_BY in page[:100_000]:
        raise ValueError("Expected a whole dasklens report, got one that is cut off: fetch or copy it again.")
    if start < 0:
        raise ValueError("Expected the HTML of a dasklens report, got a file without one.")
    start += len(_OPENING)
    stop = page.find(_CLOSING, start)
    if stop < 0:
        raise ValueError("Expected a whole dasklens report, got one that is cut off: fetch or copy it again.")
    return page[start:stop]


def inert(text: str) -> str:
    """JSON that says the same and no parser of HTML takes for markup."""
    for character, escape in _ESCAPES.items():
        if character in text:
            text = text.replace(character, escape)
    return text


def _said(text: str) -> tuple[str, str]:
    """What stands in the page for who runs no scripts: title and verdict."""
    document = json.loads(text)
    title, summary = document.get("title"), document.get("comparison") or document.get("summary")
    verdict = summary.get("verdict") if isinstance(summary, dict) else None
    return str(title or "Dask report"), str(verdict or "")


class Packed(NamedTuple):
    """A script of a page."""

    #: Id of the element that holds it.
    name: str
    data: bytes
    #: What a policy calls its text.
    source: str

    @property
    def element(self) -> bytes:
        """Text that no browser runs."""
        return b'<script type="text/plain" id="%s">%s</script>\n' % (self.name.encode(), self.data)


@lru_cache(maxsize=1)
def _packed() -> list[Packed]:
    """The packed scripts."""
    sources = ((PAGE, STATIC / "page.js"), (BQPLOT, bqplot_bundle()), (FIGURES, STATIC / "figures.js"))
    return [packed(name, path) for name, path in sources]


@lru_cache(maxsize=8)
def packed(name: str, path: Path) -> Packed:
    """The script in a file, to be an element of a page."""
    script = read_static(path)
    return Packed(name, base64.b64encode(gzip.compress(script, compresslevel=9, mtime=0)), source_of(script))


def source_of(script: bytes) -> str:
    """What a policy calls a script that stands in the page: the hash of its text."""
    return f"'sha256-{base64.b64encode(sha256(script).digest()).decode()}'"


def _policy(boot: str) -> str:
    """Only the scripts with these texts, and nothing from anywhere."""
    scripts = " ".join([source_of(boot.encode()), *(each.source for each in _packed())])
    return (
        f"default-src 'none'; script-src {scripts}; style-src 'unsafe-inline'; "
        "img-src data: blob:; font-src data:; base-uri 'none'; form-action 'none'"
    )


def bqplot_bundle() -> Path:
    """The AMD bundle that the installed bqplot brings along.

    Raises
    ------
    FileNotFoundError
        When it is nowhere that Jupyter or Python looks.
    """
    for path in _candidates():
        if path.is_file():
            return path
    raise FileNotFoundError(
        "Expected nbextensions/bqplot/index.js, which bqplot installs into share/jupyter, and found none: "
        "a report cannot draw without it. Install bqplot again (pip install --force-reinstall bqplot)."
    )


def _candidates() -> Iterator[Path]:
    inside = re.compile(r"(^|/)nbextensions/bqplot/index\.js$")
    try:
        bqplot = distribution("bqplot")
    except PackageNotFoundError:
        pass
    else:
        for file in bqplot.files or ():
            if inside.search(file.as_posix()):
                yield Path(str(bqplot.locate_file(file))).resolve()
    yield Path(sys.prefix, "share/jupyter/nbextensions/bqplot/index.js")
    for folder in jupyter_path("nbextensions"):
        yield Path(folder, "bqplot", "index.js")


def _read(name: str) -> str:
    return read_static(STATIC / name).decode()


def read_static(path: Path) -> bytes:
    """A file that the build made.

    Raises
    ------
    FileNotFoundError
        When it is not installed.
    """
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise FileNotFoundError(
            f"Expected {path.name} in {path.parent}, which a wheel of dasklens brings along, and found none: "
            "install dasklens again, or build it (npm run build in js)."
        ) from None
