"""Whose code a frame of a call tree is: a person's own, the interpreter's, or a library's.

Told from the path of its file alone, so that the answer is the same in every process and every run.
"""

from __future__ import annotations

import re
from functools import lru_cache

#: A person's own code, and the interpreter with its standard library; all others have their own name.
OWN, PYTHON = "your code", "python"

#: Folders whose entries are installed packages, and folders of the standard library.
_INSTALLED = re.compile(r".*/(?:site|dist)-packages/([^/]+)")
_STANDARD = re.compile(
    r".*/(?:lib(?:64)?/)?python3?(?:\.?\d+t?)?(?:\.zip)?/(?!.*(?:site|dist)-packages/)", re.I
)
_STANDARD_WINDOWS = re.compile(r"^[a-z]:/.*/lib/[^/]+\.py$", re.I)
#: A clone that is installed in place: the folder of the project holds one of the same name.
_CLONE = re.compile(r".*/(dask|distributed|numpy|pandas|scipy|xarray|zarr|sklearn|numba|dasklens)/\1/")
#: Code without a file, as numpy, attrs and dataclasses make it.
_GENERATED = re.compile(r"^<(?:attrs generated|__array_function__|string>|frozen|built-in|low-level)")


@lru_cache(maxsize=10_000)
def library_of(filename: str) -> str:
    """The library that a file belongs to.

    Returns
    -------
    str
        `OWN`, `PYTHON`, or the name of what is imported, such as ``"numpy"``.
    """
    path = filename.replace("\\", "/")
    installed = _INSTALLED.match(path)
    if installed:
        return (
            re.sub(r"(?:\.py|\.cpython-.*|\.abi3\.so|\.so|\.pyd|-[\d.]+.*\.egg)$", "", installed[1]) or PYTHON
        )
    if not path or _GENERATED.match(path):
        return PYTHON
    clone = _CLONE.match(path)
    if clone:
        return clone[1]
    if _STANDARD.match(path) or _STANDARD_WINDOWS.match(path):
        return PYTHON
    return OWN
