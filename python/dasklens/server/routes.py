"""What the Jupyter server answers for dasklens: one table, at the end of this module.

Every route has one of two guards. ``"login"``: Jupyter's login (and XSRF, and the origin of a websocket).
``"capability"``: the address itself, 256 random bits, is the credential, because a sandboxed page sends no
cookie. A test walks the table and fails on a route that answers without its guard.
"""

from __future__ import annotations

import platform
from typing import Literal, NamedTuple

import tornado.web
from jupyter_server import __version__ as jupyter_server_version
from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import APIHandler

import dasklens
from dasklens.server.checks import CheckHandler
from dasklens.server.pages import OpenHandler, PageHandler
from dasklens.server.proxy import ProxyHandler
from dasklens.server.reports import RecordingHandler, SummaryHandler
from dasklens.server.schedulers import ChangesHandler, SchedulerHandler, SchedulersHandler
from dasklens.server.stream import FramesHandler


class HelloHandler(APIHandler):
    """`GET dasklens/api/hello`: the versions of the server's side.

    The page compares them with its own at start, because after an upgrade the two are of different
    versions until the server is restarted and the page reloaded.
    """

    auth_resource = "dasklens"

    # A version that changes while the server runs is the files', not that of the running code.
    _versions = {  # noqa: RUF012 -- read only
        "dasklens": dasklens.__version__,
        "jupyter_server": jupyter_server_version,
        "python": platform.python_version(),
    }

    @tornado.web.authenticated
    @authorized
    def get(self) -> None:
        """Answer with a JSON map of name to version."""
        self.finish(self._versions)


class Route(NamedTuple):
    """One row of the table: a regular expression below the base URL, who answers, what guards it."""

    path: str
    handler: type[tornado.web.RequestHandler]
    guard: Literal["login", "capability"]


_ID = r"([0-9a-f]{16})"

ROUTES: list[Route] = [
    Route(r"dasklens/api/hello", HelloHandler, "login"),
    Route(r"dasklens/api/schedulers", SchedulersHandler, "login"),
    Route(r"dasklens/api/schedulers/changes", ChangesHandler, "login"),
    Route(rf"dasklens/api/schedulers/{_ID}", SchedulerHandler, "login"),
    Route(rf"dasklens/api/schedulers/{_ID}/page", PageHandler, "login"),
    Route(rf"dasklens/api/schedulers/{_ID}/frames", FramesHandler, "login"),
    Route(rf"dasklens/api/schedulers/{_ID}/summary", SummaryHandler, "login"),
    Route(rf"dasklens/api/schedulers/{_ID}/recording", RecordingHandler, "login"),
    Route(r"dasklens/api/check", CheckHandler, "login"),
    Route(r"dasklens/open/([^/]+):(\d{1,5})(?:/(.*))?", OpenHandler, "login"),
    # Also what is none: Jupyter's page for unknown addresses would write a mistyped one into the log.
    Route(r"dasklens/page/([^/]*)(?:/(.*))?", ProxyHandler, "capability"),
]
