"""The Jupyter server extension: what JupyterLab's page asks without a kernel."""

from __future__ import annotations

from dasklens.server.app import _load_jupyter_server_extension

__all__ = ["_jupyter_server_extension_points", "_load_jupyter_server_extension"]


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    """Name the module that the Jupyter server loads as the extension."""
    return [{"module": "dasklens.server"}]
