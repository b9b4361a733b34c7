"""A notebook's page as one file: what its widgets need, and a policy that fetches nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from html import escape
from pathlib import Path

from .nbwidgets import BQPLOT as NEEDS_BQPLOT
from .nbwidgets import Widgets, trimmed
from .pages import Packed, bqplot_bundle, inert, packed, read_static, source_of

STATIC = Path(__file__).parents[1] / "static" / "notebook"

#: Ids of elements; `js/src/notebook/shared.ts` has the same names.
WIDGETS, NOTEBOOK, BQPLOT, MATH, NOTES = (
    f"dasklens-{name}" for name in ("widgets", "notebook", "bqplot", "math", "notes")
)
#: Said for who reads the file, where the packed scripts begin.
_WHOSE = (
    "<!-- The code of dasklens (BSD-3-Clause) and of what widgets are drawn with: Jupyter Widgets and Lumino "
    "(BSD-3-Clause), bqplot (Apache-2.0), jQuery, Backbone, Underscore, Lodash, noUiSlider, sanitize-html "
    "and KaTeX (MIT), d3 and msgpack (ISC), Font Awesome Free (MIT, SIL OFL 1.1, CC BY 4.0). -->\n"
)


def completed(
    html: str,
    token: str,
    widgets: Widgets,
    *,
    theme: str,
    notes: Iterable[str],
    formulas: bool,
    scripts: bool,
    sources: Iterable[str] = (),
) -> str:
    """The page with all that it needs in it.

    Parameters
    ----------
    html : str
        The page as nbconvert made it, cleaned, with comments where ours goes: `token` and a name.
    token : str
        Nothing that a notebook could have known.
    widgets : Widgets
        What it draws.
    theme : str
        ``"auto"``, ``"light"`` or ``"dark"``; ``"own"`` when the page has one theme only.
    notes : iterable of str
        Sentences at its top; what stands in backticks is code.
    formulas : bool
        Whether it may hold formulas.
    scripts : bool
        Whether code of the notebook's author may run.
    sources : iterable of str
        What a policy calls the scripts of the author.

    Raises
    ------
    FileNotFoundError
        When the scripts, or bqplot's, are not installed.
    """
    boot = read_static(STATIC / "boot.js").decode()
    pieces = _pieces(widgets, formulas)
    styles = ["style.css", *(["icons.css"] if widgets.icons else []), *(["formulas.css"] if formulas else [])]
    policy = _policy([source_of(boot.encode()), *(each.source for each in pieces), *sources], scripts)
    head = (
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="referrer" content="no-referrer">\n<meta name="generator" content="dasklens-notebook">\n'
        f'<meta name="dasklens-theme" content="{escape(theme)}">\n<script>{boot}</script>\n'
    )
    style = "".join(f"<style>{read_static(STATIC / name).decode()}</style>\n" for name in styles)
    foot = _WHOSE + "".join(each.element.decode() for each in pieces) + _data(widgets, scripts)
    for name, text in (("head", head), ("style", style), ("notes", _list(notes)), ("foot", foot)):
        html = html.replace(f"<!--{token}-{name}-->", text, 1)
    return html


def _pieces(widgets: Widgets, formulas: bool) -> list[Packed]:
    """The packed scripts that it needs."""
    pieces = [packed(MATH, STATIC / "math.js")] if formulas else []
    if widgets.state:
        pieces.append(packed(NOTEBOOK, STATIC / "notebook.js"))
    if widgets.modules & NEEDS_BQPLOT:
        pieces.append(packed(BQPLOT, bqplot_bundle()))
    return pieces


def _policy(sources: Iterable[str], scripts: bool) -> str:
    """Only the scripts with these texts, and nothing from anywhere."""
    # Code that a widget brings is a module, which a page can only import from an address.
    allowed = " ".join([*sources, *(["blob:"] if scripts else [])])
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; "
        "img-src data: blob:; media-src data: blob:; font-src data:; base-uri 'none'; form-action 'none'"
    )


def _data(widgets: Widgets, scripts: bool) -> str:
    if not widgets.state:
        return ""
    missing = {
        id_: {"sentence": each.sentence, "picture": each.picture} for id_, each in widgets.missing.items()
    }
    state = {id_: {} if id_ in missing else trimmed(model) for id_, model in widgets.state.items()}
    text = json.dumps({"state": state, "missing": missing, "scripts": scripts}, separators=(",", ":"))
    return f'<script type="application/json" id="{WIDGETS}">{inert(text)}</script>\n'


def _list(notes: Iterable[str]) -> str:
    said = (re.sub("`([^`]*)`", r"<code>\1</code>", escape(note)) for note in notes)
    items = "".join(f"<li>{each}</li>" for each in said)
    return f'<ul id="{NOTES}" class="dasklens-notes">{items}</ul>' if items else ""
