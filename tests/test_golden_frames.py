"""What was written once can be read for ever, and what is written now is the same."""

from __future__ import annotations

import json

import msgpack
import pytest
from make_golden_frames import FOLDER, GOLDEN

NAMES = sorted(path.stem for path in FOLDER.glob("*.frames"))


def test_there_are_golden_files() -> None:
    assert set(NAMES) >= {f"{stream}-v1" for stream in GOLDEN}


@pytest.mark.parametrize("name", NAMES)
def test_golden_frames_read_as_they_did(name: str) -> None:
    frames = msgpack.unpackb((FOLDER / f"{name}.frames").read_bytes())
    expected = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    _, describe = GOLDEN[name.partition("-")[0]]
    assert json.loads(json.dumps(describe(frames))) == expected


@pytest.mark.parametrize("stream", GOLDEN)
def test_the_newest_version_is_what_is_written_now(stream: str) -> None:
    make, _ = GOLDEN[stream]
    assert msgpack.packb(make()) == (FOLDER / f"{stream}-v1.frames").read_bytes()
