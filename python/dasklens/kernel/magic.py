"""The cell magic ``%%dask_report [filename]``: `performance_report` around a cell.

Nothing heavy is imported before the magic is used.
"""

from __future__ import annotations

import ast
from typing import Any

NAME = "dask_report"
DEFAULT = "dask-report.html"


def register(shell: Any = None) -> None:
    """Let the magic be known to this IPython; where there is none, nothing happens."""
    if shell is None:
        from IPython import get_ipython

        shell = get_ipython()
    if shell is not None:
        shell.register_magic_function(_magic_of(shell), "cell", NAME)


def _magic_of(shell: Any) -> Any:
    def dask_report(line: str, cell: str) -> Any:
        """Record what the cell does, and write it to a file.

        ``%%dask_report [filename]``: by default dask-report.html; with ``.json`` at its end, the data alone.
        The value of the last line is shown as ever.
        """
        return _run(shell, line, cell)

    return dask_report


def _run(shell: Any, line: str, cell: str) -> Any:
    from ..report.callingcode import code_of
    from .report import performance_report

    filename = _filename(line.strip())
    source = shell.transform_cell(cell)
    tree = shell.compile.ast_parse(source, filename=shell.compile.cache(source))
    block, last = _parts(shell, tree, source)
    recording = performance_report(filename)
    recording._report._block.code = code_of(cell, "notebook cell", 1)
    with recording:
        exec(block, shell.user_ns)  # noqa: S102 - a cell is run, as by %%time
        return None if last is None else eval(last, shell.user_ns)  # noqa: S307


def _filename(line: str) -> str:
    if len(line) > 1 and line[0] in "\"'" and line.find(line[0], 1) == len(line) - 1:
        return line[1:-1] or DEFAULT
    if len(line.split()) > 1:
        from IPython.core.error import UsageError

        raise UsageError(f"Expected %%{NAME} [filename], a filename with spaces in quotes; got {line!r}.")
    return line or DEFAULT


def _parts(shell: Any, tree: ast.Module, source: str) -> tuple[Any, Any]:
    """The code of a cell, and that of the value of its last line; None when that shows nothing."""
    file = shell.compile.cache(source)
    last = None
    silent = source.rstrip().endswith(";")
    end = tree.body[-1] if tree.body else None
    if isinstance(end, ast.Expr) and not silent:
        tree.body.pop()
        last = shell.compile(ast.Expression(end.value), file, "eval")
    return shell.compile(tree, file, "exec"), last
