"""Files on this machine: whether one can be written, and how it is, so that there is never half of one."""

from __future__ import annotations

import os
import secrets
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

#: Bytes of a name, and of a path, where the system does not say.
LONGEST_NAME, LONGEST_PATH = 255, 4096


def check_local(path: str, name: str) -> None:
    """Refuse a path that cannot be written; `name` is what the user called it.

    Raises
    ------
    ValueError
        It says so in a sentence.
    """
    refused = ValueError(f"filename should be a file that can be written, got {_short(name)}.")
    try:
        if "\0" in path:
            raise refused
        longest = max(len(os.fsencode(part)) for part in path.split(os.sep))
        size = len(os.fsencode(os.path.abspath(path)))
    except UnicodeEncodeError:
        raise refused from None
    if longest > LONGEST_NAME or size >= LONGEST_PATH:
        raise ValueError(
            f"filename should be of at most {LONGEST_NAME} bytes, and {LONGEST_PATH} with its folders; got "
            f"{_short(name)}."
        )
    if os.path.isdir(path):
        raise ValueError(f"filename should be a file that can be written, and {name!r} is a folder.")
    # Folders that there are not are made, as fsspec does it: what counts is where they would be.
    there = target = os.path.realpath(path)
    while not os.path.exists(there) and os.path.dirname(there) != there:
        there = os.path.dirname(there)
    if not os.access(there, os.W_OK) or (there != target and not os.path.isdir(there)):
        raise refused
    if there != target:
        # Root may write everywhere, it seems, and /proc has no files that are made.
        try:
            with tempfile.TemporaryFile(dir=there):
                pass
        except OSError:
            raise refused from None


@contextmanager
def opened_local(path: str, compression: str | None) -> Iterator[BinaryIO]:
    """Open a file that is written as a whole: there is what was there before, or all of it.

    Parameters
    ----------
    compression : str, optional
        One that fsspec knows.

    Raises
    ------
    OSError
        When that does not work; nothing has changed then.
    """
    target = os.path.realpath(path)
    folder = os.path.dirname(target)
    os.makedirs(folder, exist_ok=True)
    if os.path.exists(target) and not (os.path.isfile(target) and os.access(folder, os.W_OK)):
        # A device, a pipe, or a file in a folder where no other can be made.
        with open(target, "wb") as file, _packed(file, compression) as packed:
            yield packed
        return
    beside = os.path.join(folder, f".dasklens-{secrets.token_hex(8)}")
    # With the permissions of any new file, which a temporary one has not.
    file = os.fdopen(
        os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666), "wb"
    )
    try:
        with file, _packed(file, compression) as packed:
            yield packed
        if os.path.exists(target):
            os.chmod(beside, stat.S_IMODE(os.stat(target).st_mode))
        os.replace(beside, target)
    except BaseException:
        os.unlink(beside)
        raise


@contextmanager
def _packed(file: BinaryIO, compression: str | None) -> Iterator[BinaryIO]:
    if compression is None:
        yield file
        return
    from fsspec.compression import compr

    with compr[compression](file, mode="w") as packed:
        yield packed


def _short(name: str) -> str:
    return repr(name if len(name) <= 100 else f"{name[:97]}...")
