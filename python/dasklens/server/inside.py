"""What stays inside: the paths, queries and redirects that a page may use below its capability."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import quote, unquote_plus, unquote_to_bytes, urljoin, urlsplit

from dasklens.server.target import Target

#: Parameters by which Jupyter knows its user.
_OURS = {"token", "_xsrf"}

#: First segments that are no page: a Jupyter server that a scheduler may carry, and what asks for its token.
_NO_PAGES = {b"jupyter", b"dasklens"}

_QUOTED = "/%:@!$&'()*+,;=~"


def path_inside(raw: str) -> str | None:
    """The path to ask for, None for one that leads elsewhere.

    Parameters
    ----------
    raw : str
        As in the request, percent-encoded, without the slash before it.

    Returns
    -------
    path : str or None
        The same, with what was not encoded but should have been.

    Notes
    -----
    Whoever reads a path decodes it once and may take a backslash for a slash or drop what follows a
    semicolon; more than that no server does to it that a scheduler has.
    """
    plain = unquote_to_bytes(raw.encode("latin1", "replace"))
    segments = [segment.partition(b";")[0] for segment in re.split(rb"[/\\]", plain)]
    if re.search(rb"[\x00-\x1f\x7f]", plain) or {b".", b".."} & set(segments):
        return None
    if plain[:1] in (b"/", b"\\") or segments[0].lower() in _NO_PAGES:
        return None
    return quote(raw, safe=_QUOTED, encoding="latin1", errors="replace")


def query_inside(raw: str) -> str:
    """A query without the parameters that say who asks; the rest as it is."""
    kept = [part for part in raw.split("&") if unquote_plus(part.partition("=")[0]) not in _OURS]
    return quote("&".join(kept), safe=_QUOTED + "?[]", encoding="latin1", errors="replace")


def redirect_inside(
    location: str, path: str, target: Target, names: Iterable[tuple[str, int]] = ()
) -> str | None:
    """Where a redirect leads below the capability, None if it leads outside.

    Parameters
    ----------
    location : str
        As the scheduler sent it: absolute, without scheme, or relative.
    path : str
        The path that was asked for, below the target's prefix.
    target : Target
    names : iterable of (host, port)
        By which the target may call itself, too.

    Returns
    -------
    place : str or None
        Path below the target's prefix, with query and fragment, quoted.
    """
    location = location.strip(" \t")
    if re.search(r"[\x00-\x1f\x7f\\]", location):
        return None  # which urljoin and browsers read differently
    try:
        parts = urlsplit(urljoin(f"{target.scheme}://{target.authority}{target.prefix}{path}", location))
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        return None
    own = {(target.host, target.port), (target.name, target.port), *names}
    known = {(host.lower().strip("[]"), number) for host, number in own}
    if parts.scheme != target.scheme or "@" in parts.netloc or (parts.hostname or "", port) not in known:
        return None
    if not (parts.path + "/").startswith(target.prefix):
        return None
    rest = path_inside(parts.path[len(target.prefix) :])
    if rest is None:
        return None
    query = f"?{_quoted(parts.query)}" if parts.query else ""
    fragment = f"#{_quoted(parts.fragment)}" if parts.fragment else ""
    return rest + query + fragment


def _quoted(text: str) -> str:
    return quote(text, safe=_QUOTED + "?[]", encoding="latin1", errors="replace")
