"""What the Jupyter server answers for dasklens: one table, at the end of this module.

Every route is behind Jupyter's login; a test walks the table and fails on one that is not.
"""

from __future__ import annotations

import platform

import tornado.web
from jupyter_server import __version__ as jupyter_server_version
from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import APIHandler

import dasklens


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


ROUTES: list[tuple[str, type[APIHandler]]] = [
    (r"dasklens/api/hello", HelloHandler),
]
