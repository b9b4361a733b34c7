"""The Jupyter server extension: what JupyterLab's page asks without a kernel."""

from __future__ import annotations

from typing import Any


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    """Name what the Jupyter server loads as the extension."""
    from dasklens.server.app import DasklensApp

    return [{"module": "dasklens.server", "app": DasklensApp}]
