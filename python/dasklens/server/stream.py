"""The frames websocket of browsers: what a scheduler records, as it was packed there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.base.websocket import WebSocketMixin
from tornado.websocket import WebSocketHandler

if TYPE_CHECKING:
    from dasklens.server.registry import Registry


class Streams:
    """Whose frames are read: one upstream a scheduler, for all who look.

    Parameters
    ----------
    registry : Registry
    log : logging.Logger
    """

    def __init__(self, registry: Registry, log: Any):
        self._registry = registry
        self._log = log

    async def close(self) -> None:
        """End every stream; leave no socket, task or timer behind."""


class FramesHandler(WebSocketMixin, WebSocketHandler, JupyterHandler):
    """`dasklens/api/schedulers/<id>/frames`."""

    auth_resource = "dasklens"
