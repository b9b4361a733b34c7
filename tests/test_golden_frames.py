"""What was written once can be read for ever, and what is written now is the same."""

from __future__ import annotations

import json

import msgpack
import pytest
from make_golden_frames import FOLDER, described, several

NAMES = sorted(path.stem for path in FOLDER.glob("*.frames"))


def test_there_are_golden_files() -> None:
    assert "tasks-v1" in NAMES


@pytest.mark.parametrize("name", NAMES)
def test_golden_frames_read_as_they_did(name: str) -> None:
    frames = msgpack.unpackb((FOLDER / f"{name}.frames").read_bytes())
    expected = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    assert json.loads(json.dumps(described(frames))) == expected


def test_the_log_writes_the_newest_version() -> None:
    assert msgpack.packb(several()) == (FOLDER / "tasks-v1.frames").read_bytes()
