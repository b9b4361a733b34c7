"""Compressed files that are not what they say: refused before they are unpacked, and reports are read."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from dasklens import load_report
from dasklens.report.document import ReportError
from dasklens.report.unpacking import FREE, MOST_TIMES, gunzipped, read_bounded

SAMPLE = Path(__file__).parent / "data" / "reports" / "sample.json"
#: Bytes of zeros: some hundred thousandth of it when packed.
BOMB = 300 << 20


def packed(suffix: str, path: Path, chunks: list[bytes]) -> Path:
    """A file of these chunks, one behind the other."""
    path = path / f"run.json.{suffix}"
    makers: dict[str, Callable[..., object]] = {"gz": gzip.open, "xz": lzma.open, "bz2": bz2.open}
    if suffix == "zip":
        with (
            zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
            archive.open("run.json", "w") as file,
        ):
            file.writelines(chunks)
        return path
    with makers[suffix](path, "wb") as file:  # type: ignore[attr-defined]
        file.writelines(chunks)
    return path


@pytest.mark.parametrize("suffix", ["gz", "xz", "bz2", "zip"])
def test_a_file_that_unpacks_to_far_too_much_is_refused_early(suffix: str, tmp_path: Path) -> None:
    zeros = bytes(1 << 20)
    path = packed(suffix, tmp_path, [zeros] * (BOMB >> 20))
    assert path.stat().st_size < BOMB / 500
    tracemalloc.start()
    try:
        with pytest.raises(ReportError, match=f"unpacks to more than {MOST_TIMES} times its size") as raised:
            load_report(path)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert "\n" not in str(raised.value)
    # A growing array is copied now and then.
    assert most < 3 * FREE + MOST_TIMES * path.stat().st_size


@pytest.mark.parametrize("suffix", ["gz", "xz", "bz2", "zip"])
def test_a_report_is_read(suffix: str, tmp_path: Path) -> None:
    path = packed(suffix, tmp_path, [SAMPLE.read_bytes()])
    assert len(load_report(path)) == 366


def test_bytes_of_a_gzip_are_bounded_as_well() -> None:
    with pytest.raises(ReportError, match="times its size"):
        load_report(gzip.compress(bytes(BOMB)))
    assert len(load_report(gzip.compress(SAMPLE.read_bytes()))) == 366


@pytest.mark.parametrize("cut", [1, 10, 100, 1000])
def test_half_a_gzip_is_damaged(cut: int) -> None:
    data = gzip.compress(os.urandom(5000))
    assert len(gunzipped(data)) == 5000
    with pytest.raises(ReportError, match="no whole gzip"):
        gunzipped(data[:-cut])


def test_what_is_small_may_shrink_as_it_likes(tmp_path: Path) -> None:
    path = packed("gz", tmp_path, [bytes(FREE)])
    with path.open("rb") as file:
        assert len(read_bounded(file, "gzip")) == FREE
