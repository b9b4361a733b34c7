"""See what a Dask cluster is doing, inside Jupyter.

The public names are imported when they are first used: the scheduler and the Jupyter server import
parts of this package too, and must not pay for bqplot (83 MB, half a second).
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dasklens.kernel.profile import profile as profile
    from dasklens.kernel.progress import progress as progress
    from dasklens.kernel.progress import progress_of as progress_of
    from dasklens.kernel.report import load_report as load_report
    from dasklens.kernel.report import performance_report as performance_report
    from dasklens.kernel.task_stream import get_task_stream as get_task_stream
    from dasklens.report.comparison import Comparison as Comparison
    from dasklens.report.comparison import Trend as Trend
    from dasklens.report.comparison import compare as compare
    from dasklens.report.report import Report as Report
    from dasklens.widgets.flame import Profile as Profile
    from dasklens.widgets.memory import Memory as Memory
    from dasklens.widgets.progress import Progress as Progress
    from dasklens.widgets.progress import ProgressBars as ProgressBars
    from dasklens.widgets.task_stream import TaskStream as TaskStream
    from dasklens.widgets.workers import Workers as Workers

    __version__: str

_HOMES = {
    "Comparison": "dasklens.report.comparison",
    "Memory": "dasklens.widgets.memory",
    "Profile": "dasklens.widgets.flame",
    "Progress": "dasklens.widgets.progress",
    "ProgressBars": "dasklens.widgets.progress",
    "Report": "dasklens.report.report",
    "TaskStream": "dasklens.widgets.task_stream",
    "Trend": "dasklens.report.comparison",
    "Workers": "dasklens.widgets.workers",
    "compare": "dasklens.report.comparison",
    "get_task_stream": "dasklens.kernel.task_stream",
    "load_report": "dasklens.kernel.report",
    "performance_report": "dasklens.kernel.report",
    "profile": "dasklens.kernel.profile",
    "progress": "dasklens.kernel.progress",
    "progress_of": "dasklens.kernel.progress",
}

__all__ = [
    "Comparison",
    "Memory",
    "Profile",
    "Progress",
    "ProgressBars",
    "Report",
    "TaskStream",
    "Trend",
    "Workers",
    "__version__",
    "compare",
    "get_task_stream",
    "load_report",
    "performance_report",
    "profile",
    "progress",
    "progress_of",
]


def __getattr__(name: str) -> Any:
    value: Any
    if name == "__version__":
        from importlib.metadata import version

        value = version("dasklens")
    elif name in _HOMES:
        value = getattr(import_module(_HOMES[name]), name)
    else:
        raise AttributeError(f"module 'dasklens' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)


def _prepare() -> None:
    # A kernel has loaded this long before anybody imports anything. No other process pays for what follows.
    if "ipykernel.kernelapp" in sys.modules:
        try:
            import_module("dasklens.kernel.prepare").prepare()
        except Exception:
            pass  # zero configuration is a comfort: importing works without


_prepare()


def _jupyter_labextension_paths() -> list[dict[str, str]]:
    """Tell `jupyter labextension develop` which folder to link."""
    return [{"src": "labextension", "dest": "dasklens"}]
