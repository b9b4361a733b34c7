"""dasklens: live diagnostics of Dask clusters inside Jupyter."""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .kernel.task_stream import get_task_stream
    from .widgets.task_stream import TaskStream

try:
    __version__ = version("dasklens")
except PackageNotFoundError:  # used from a source tree that is not installed
    __version__ = "0+unknown"

#: Public name -> the module that has it; imported when first used, for bqplot is heavy.
_PUBLIC = {
    "TaskStream": "widgets.task_stream",
    "get_task_stream": "kernel.task_stream",
}

__all__ = ["TaskStream", "__version__", "get_task_stream"]


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(import_module(f".{_PUBLIC[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(_PUBLIC))
