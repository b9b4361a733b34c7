"""Pages of our own that say one thing: what is not there, why that may be, and what to do.

They load nothing and run nothing. What comes from outside is text in them, escaped by the template.
"""

from __future__ import annotations

import base64
import hashlib
from typing import NamedTuple

import jinja2
from markupsafe import Markup

_STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { margin: 0; background: Canvas; color: CanvasText; }
main { max-width: 38em; margin: 12vh auto 0; padding: 0 1.5em; overflow-wrap: anywhere; }
h1 { font-size: 1.3em; line-height: 1.3; }
button { font: inherit; padding: 0.4em 1.2em; }
"""

_DIGEST = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()

#: What is put into them is escaped.
TEMPLATES = jinja2.Environment(
    loader=jinja2.PackageLoader("dasklens.server"), autoescape=True, undefined=jinja2.StrictUndefined
)


class Form(NamedTuple):
    """One button that posts."""

    action: str
    xsrf: str
    label: str


def page(title: str, *paragraphs: str, form: Form | None = None) -> str:
    """A page of HTML. Every argument is text."""
    return TEMPLATES.get_template("notice.html").render(
        title=title,
        paragraphs=[paragraph for paragraph in paragraphs if paragraph],
        form=form,
        style=Markup(_STYLE),  # noqa: S704 -- ours, and as its digest in the policy has it
    )


def headers(*, sandboxed: bool) -> dict[str, str]:
    """Headers of such a page.

    Parameters
    ----------
    sandboxed : bool
        Under a capability; else it may post its form, for which Jupyter wants to see where it comes from.
    """
    policy = f"default-src 'none'; style-src 'sha256-{_DIGEST}'; frame-ancestors 'self'; base-uri 'none'; "
    return {
        "Cache-Control": "no-store",
        "Content-Security-Policy": policy
        + ("form-action 'none'; sandbox" if sandboxed else "form-action 'self'"),
        "Content-Type": "text/html; charset=utf-8",
        "Referrer-Policy": "no-referrer" if sandboxed else "same-origin",
        "X-Content-Type-Options": "nosniff",
    }
