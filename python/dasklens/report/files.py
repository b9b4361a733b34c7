"""Files of reports: where they may be written, and how they are written and read. Local, or by fsspec."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import urlsplit

from .document import Document, ReportError
from .localfile import check_local, opened_local
from .unpacking import check_size, gunzipped, read_bounded

#: Protocols of fsspec that write nothing.
READ_ONLY = frozenset(("http", "https", "github", "git", "gist", "tar", "libarchive", "data", "reference"))

Filename = str | os.PathLike[str]


def kind_of(filename: Filename) -> str:
    """``"json"``, ``"ipynb"`` or ``"html"``, by the suffix in front of that of a compression, if any.

    HTML when it is another one.
    """
    from fsspec.utils import infer_compression

    name = _path_of(os.fspath(filename))
    if infer_compression(name) is not None:
        name = os.path.splitext(name)[0]
    suffix = os.path.splitext(name.lower())[1]
    return suffix[1:] if suffix in (".json", ".ipynb") else "html"


def check_target(filename: Filename, storage_options: Mapping[str, Any] | None = None) -> None:
    """Refuse what cannot be written, before a block runs for hours.

    Raises
    ------
    ValueError
        When it is no filename, no name that a file can have, a folder or in one that must not be written, or
        nothing here writes URLs of its kind.
    """
    if not isinstance(filename, (str, os.PathLike)) or not os.fspath(filename):
        raise ValueError(f'filename should be a file or a URL such as "dask-report.html", got {filename!r}.')
    name = os.fspath(filename)
    if not isinstance(name, str):
        raise ValueError(f"filename should be text, got {filename!r}.")
    # By the name first: what fsspec needs for it may not be installed.
    scheme, separator, _ = name.partition("://")
    _only_read({scheme} if separator else set(), name)
    try:
        from fsspec.core import url_to_fs

        filesystem, path = url_to_fs(name, **(storage_options or {}))
    except Exception as error:
        raise ValueError(
            f"filename should be a file or a URL that fsspec can write, got {name!r} ({error})."
        ) from None
    said = _protocols(filesystem)
    _only_read(said, name)
    if "file" in said:
        check_local(path, name)


def _only_read(protocols: set[str], name: str) -> None:
    if protocols & READ_ONLY:
        raise ValueError(
            f"filename should be a file or a URL that can be written, and {min(protocols)} can only be read: "
            f"got {name!r}."
        )


def _protocols(filesystem: Any) -> set[str]:
    protocol = filesystem.protocol
    return {protocol} if isinstance(protocol, str) else set(protocol)


def write(document: Document, filename: Filename, storage_options: Mapping[str, Any] | None = None) -> None:
    """Write a document: HTML, a notebook or JSON by the suffix, compressed by the suffix behind it.

    Raises
    ------
    OSError
        When that does not work.
    """
    name = os.fspath(filename)
    data = _rendered(document, name)
    with opened(filename, storage_options) as file:
        file.write(data)
    if kind_of(name) == "ipynb":
        from .notebook import trust

        trust(data)


@contextmanager
def opened(filename: Filename, storage_options: Mapping[str, Any] | None = None) -> Iterator[BinaryIO]:
    """Open a file to write it; a local one is written as a whole, and compressed by its suffix.

    Raises
    ------
    OSError
        When that does not work.
    """
    import fsspec
    from fsspec.core import url_to_fs
    from fsspec.utils import infer_compression

    name, options = os.fspath(filename), dict(storage_options or {})
    filesystem, path = url_to_fs(name, **options)
    if "file" in _protocols(filesystem):
        with opened_local(path, infer_compression(_path_of(name))) as file:
            yield file
        return
    with fsspec.open(name, mode="wb", compression="infer", **options) as file:
        yield file


def _rendered(document: Document, name: str) -> bytes:
    kind = kind_of(name)
    if kind == "ipynb":
        from . import notebook

        return notebook.render(document, _path_of(name))
    data = document.to_json()
    if kind == "html":
        from .pages import render

        return render(data)
    return data


def read(source: Filename | bytes, storage_options: Mapping[str, Any] | None = None) -> Document:
    """Read a document from a file, a URL, or the bytes of a file.

    Raises
    ------
    OSError
        When the file cannot be read.
    ReportError
        When it is no report; see `Document.from_json`.
    """
    if isinstance(source, (bytes, bytearray, memoryview)):
        data = bytes(source)
    elif isinstance(source, (str, os.PathLike)):
        data = _read(os.fspath(source), dict(storage_options or {}))
    else:
        raise TypeError(
            f"load_report takes a file, a URL or the bytes of a report, got {type(source).__name__}."
        )
    if data[:2] == b"\x1f\x8b":
        data = gunzipped(data)
    check_size(len(data))
    from .formats.imports import format_of, imported

    kind = format_of(data)
    if kind is not None:
        return imported(data, kind)
    start = data[:1000].lstrip(b"\xef\xbb\xbf \t\r\n")
    if start[:1] == b"<":
        from .pages import read_html

        try:
            data = read_html(data)
        except ReportError:
            raise
        except ValueError as error:
            raise ReportError(str(error)) from None
    return Document.from_json(data)


def _read(name: str, options: dict[str, Any]) -> bytes:
    import fsspec
    from fsspec.utils import infer_compression

    try:
        # What is there is no URL, whatever its name; and of a pipe fsspec would look for the end.
        local = not options and "\0" not in name and os.path.exists(name)
        with open(name, "rb") if local else fsspec.open(name, mode="rb", compression=None, **options) as file:
            return read_bounded(file, infer_compression(_path_of(name)))
    except (OSError, ReportError):
        raise
    except Exception as error:
        raise ReportError(
            f"{Path(_path_of(name)).name} cannot be read ({type(error).__name__}: {error})."
        ) from None


def _path_of(name: str) -> str:
    return urlsplit(name).path if "://" in name else name
