"""The extension: what it holds while the server runs, and how it comes and goes."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from jupyter_server.extension.application import ExtensionApp

from dasklens.server.capability import Capabilities
from dasklens.server.config import Dasklens
from dasklens.server.reckoning import Reckoners
from dasklens.server.registry import Registry
from dasklens.server.routes import ROUTES
from dasklens.server.stream import Streams
from dasklens.server.unlogged import keep_out

if TYPE_CHECKING:
    from jupyter_server.serverapp import ServerApp

#: Environment variable by which kernels know that their Jupyter server has this extension, and where.
FOR_KERNELS = "DASKLENS_JUPYTER"


class Extension:
    """What the handlers share: ``settings["dasklens"]``.

    Attributes
    ----------
    config : Dasklens
    registry : Registry
        Which schedulers there are.
    capabilities : Capabilities
        Which of their pages are open.
    streams : Streams
        Whose frames are read, and for whom.
    reckoners : Reckoners
        Of whom summaries and recordings are made.
    """

    def __init__(self, config: Dasklens, serverapp: ServerApp):
        self.log = serverapp.log
        keep_out(self.log)
        self.config = config
        self.registry = Registry(config, serverapp)
        self.capabilities = Capabilities(config.capability_lifetime)
        self.streams = Streams(self.registry, self.log)
        self.reckoners = Reckoners(self.registry, self.streams, self.log)
        self.registry.subscribe(self._on_change)

    def _on_change(self, event: str, entry: object) -> None:
        # A port that somebody else has now, or a scheduler that has gone: what is open of it closes.
        if event == "gone" or getattr(entry, "state", "") == "refused":
            self.capabilities.revoke(getattr(entry, "id", ""))

    async def start(self) -> None:
        """Begin to look for schedulers."""
        await self.registry.start()

    async def stop(self) -> None:
        """Leave no socket, task or timer behind."""
        self.capabilities.close()
        await self.reckoners.close()
        await self.streams.close()
        await self.registry.stop()


class DasklensApp(ExtensionApp):
    """How the Jupyter server knows the extension."""

    name = "dasklens"
    load_other_extensions = True
    classes = [Dasklens]  # noqa: RUF012 -- as traitlets wants it

    def initialize_settings(self) -> None:
        """Put what the handlers share where they find it."""
        assert self.serverapp is not None
        self.extension = Extension(Dasklens(parent=self), self.serverapp)
        self.settings["dasklens"] = self.extension
        # Inherited by the kernels that this server starts; the pid tells them from those of a server within.
        os.environ[FOR_KERNELS] = f"{os.getpid()}:{self.serverapp.base_url}"

    def initialize_handlers(self) -> None:
        """Add every route of the table below the server's base URL."""
        self.handlers.extend((route.path, route.handler) for route in ROUTES)

    async def _start_jupyter_server_extension(self, serverapp: ServerApp) -> None:
        await self.extension.start()

    async def stop_extension(self) -> None:
        """Called when the server shuts down."""
        await self.extension.stop()
