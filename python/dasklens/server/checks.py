"""The checks of "Why can't I see it?" as a route."""

from __future__ import annotations

from jupyter_server.base.handlers import APIHandler


class CheckHandler(APIHandler):
    """`POST dasklens/api/check`."""

    auth_resource = "dasklens"
