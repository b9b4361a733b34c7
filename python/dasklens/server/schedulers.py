"""The routes of the registry: list, add, remove, and a websocket of its changes."""

from __future__ import annotations

from jupyter_server.base.handlers import APIHandler, JupyterHandler
from jupyter_server.base.websocket import WebSocketMixin
from tornado.websocket import WebSocketHandler


class SchedulersHandler(APIHandler):
    """`GET`, `POST dasklens/api/schedulers`."""

    auth_resource = "dasklens"


class SchedulerHandler(APIHandler):
    """`GET`, `DELETE dasklens/api/schedulers/<id>`."""

    auth_resource = "dasklens"


class ChangesHandler(WebSocketMixin, WebSocketHandler, JupyterHandler):
    """`dasklens/api/schedulers/changes`."""

    auth_resource = "dasklens"
