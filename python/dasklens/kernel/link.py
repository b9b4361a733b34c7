"""The link that `client.dashboard_link` and the reprs of clients and clusters show: through Jupyter.

`distributed` names the scheduler's host and port, which a browser often cannot reach. Where the Jupyter
server has dasklens, the link leads to its route instead, which knows the way. Host and port are only what
it looks the scheduler up by.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import dask

#: The environment variable by which the server extension says ``"<its pid>:<its base URL>"``.
FROM_SERVER = "DASKLENS_JUPYTER"
_KEY = "distributed.dashboard.link"


def set_link(environ: Mapping[str, str] = os.environ) -> bool:
    """Lead the links to dashboards through the Jupyter server that runs this kernel, if it can.

    What the user configured stays as it is.

    Returns
    -------
    bool
        Whether they lead there now.
    """
    link = link_of(environ)
    if link is None:
        return False
    if dask.config.get(_KEY, None) in _defaults():
        dask.config.set({_KEY: link})
    return bool(dask.config.get(_KEY, None) == link)


def link_of(environ: Mapping[str, str]) -> str | None:
    """The link as a template, by what the server and whoever started this kernel have put into `environ`."""
    pid, _, base_url = environ.get(FROM_SERVER, "").partition(":")
    # A server that was started from a kernel or a terminal of another has its variables too.
    if not pid or pid != environ.get("JPY_PARENT_PID"):
        return None
    if not base_url.startswith("/") or base_url.startswith("//"):
        return None
    base_url = base_url.rstrip("/").replace("{", "{{").replace("}", "}}")
    # Only a path: the browser knows best how it came to this Jupyter, whatever is between.
    return f"{base_url}/dasklens/open/{{host}}:{{port}}/status"


def _defaults() -> list[Any]:
    found = []
    for defaults in dask.config.defaults:
        try:
            found.append(defaults["distributed"]["dashboard"]["link"])
        except (KeyError, TypeError):
            continue
    return found
