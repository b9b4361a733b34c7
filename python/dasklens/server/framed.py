"""A document of our own that holds one page of a scheduler, in a tab that a person opened by a link.

On its own in a tab the page could lead that tab anywhere, and with it whatever it knows. In here it is a
frame, which the policy of this document lets go below its own address only. Nor does the secret in that
address get into the browser's history.
"""

from __future__ import annotations

import base64
import hashlib

from markupsafe import Markup

from dasklens.server.headers import sources
from dasklens.server.notice import TEMPLATES

_STYLE = "html, body, iframe { margin: 0; border: 0; width: 100%; height: 100%; display: block; }"
_DIGEST = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()


def page(title: str, src: str) -> str:
    """A page of HTML around the one at `src`, a path below a capability."""
    return TEMPLATES.get_template("framed.html").render(
        title=title,
        src=src,
        style=Markup(_STYLE),  # noqa: S704 -- ours, and as its digest in the policy has it
    )


def headers(host: str, root: str) -> dict[str, str]:
    """Headers of such a page.

    Parameters
    ----------
    host, root : str
        As for `dasklens.server.headers.policy`.
    """
    return {
        "Cache-Control": "no-store",
        "Content-Security-Policy": (
            f"default-src 'none'; style-src 'sha256-{_DIGEST}'; "
            f"frame-src {sources(host, root, 'http', 'https')}; "
            "frame-ancestors 'self'; base-uri 'none'; form-action 'none'"
        ),
        "Content-Type": "text/html; charset=utf-8",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
