"""Frames and keys: whatever goes in comes out, and broken bytes get one clear sentence."""

from __future__ import annotations

from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dasklens.wire.frames import FrameError, pack_frame, pack_name, unpack_frame
from dasklens.wire.keys import pack_key, unpack_key

scalars = st.one_of(
    st.text(),
    st.integers(-(2**63), 2**64 - 1),
    st.floats(allow_nan=False),
    st.binary(),
    st.booleans(),
    st.none(),
)
keys = st.one_of(
    st.text(),
    st.binary(),
    st.integers(-(2**63), 2**64 - 1),
    st.recursive(scalars, lambda inner: st.lists(inner, max_size=4).map(tuple), max_leaves=8),
)


@given(keys, st.text())
def test_keys_survive(key: Any, group: str) -> None:
    assert unpack_key(pack_key(key, group), group) == key


@given(st.text(min_size=1), st.lists(scalars, max_size=3))
def test_keys_of_a_collection_survive(group: str, rest: list[Any]) -> None:
    key = (group, *rest)
    assert unpack_key(pack_key(key, group), group) == key


@given(st.text(min_size=1), st.binary(min_size=16, max_size=16))
def test_tokens_take_seventeen_bytes(group: str, token: bytes) -> None:
    key = f"{group}-{token.hex()}"
    packed = pack_key(key, group)
    assert len(packed) == 17
    assert unpack_key(packed, group) == key


@pytest.mark.parametrize(
    "key", ["x-" + "A" * 32, "x-" + "0 " * 16, "x-" + "zz" * 16, "x-" + "٣" * 32, "x" + "0" * 33]
)
def test_what_only_looks_like_a_token(key: str) -> None:
    assert unpack_key(pack_key(key, "x"), "x") == key


@pytest.mark.parametrize("key", [2**70, ("x", 2**70), ("x", frozenset([1]))])
def test_foreign_keys_are_kept_as_text(key: Any) -> None:
    assert unpack_key(pack_key(key, "x"), "x") == repr(key)
    # and the packer is whole again
    assert unpack_key(pack_key(("x", 1), "x"), "x") == ("x", 1)


def frame(**changes: Any) -> bytes:
    fields: dict[str, Any] = {
        "stream": "tasks",
        "log": "a",
        "first": 3,
        "next": 5,
        "missed": 1,
        "names0": 7,
        "names": [pack_name("compute"), pack_name(["ü", None])],
        "base": 1.5,
        "cols": {"n": ("u4", b"\x01\0\0\0\x02\0\0\0")},
    }
    return pack_frame(**{**fields, **changes})


def test_a_frame_comes_back() -> None:
    got = unpack_frame(frame())
    assert (got.stream, got.log, got.first, got.next, got.missed) == ("tasks", "a", 3, 5, 1)
    assert (got.names0, got.names, got.base) == (7, ["compute", ("ü", None)], 1.5)
    assert got.cols["n"][0] == "u4"
    assert got.cols["n"][1].cast("I").tolist() == [1, 2]


def test_broken_frames_are_refused_with_a_sentence() -> None:
    with pytest.raises(FrameError, match="not msgpack"):
        unpack_frame(b"\xc1")
    with pytest.raises(FrameError, match="not msgpack"):
        unpack_frame(frame()[:-3])
    with pytest.raises(FrameError, match="something else"):
        unpack_frame(msgpack.packb([1]))
    with pytest.raises(FrameError, match=r"got version 99.*pip install"):
        unpack_frame(msgpack.packb({"v": 99}))
    with pytest.raises(FrameError, match="broken field"):
        unpack_frame(msgpack.packb({"v": 1}))
    with pytest.raises(FrameError, match="Column 'n'"):
        unpack_frame(frame(cols={"n": ("u4", b"123")}))
    with pytest.raises(FrameError, match="Column 'n'"):
        unpack_frame(frame(cols={"n": ("x9", b"1234")}))
    with pytest.raises(FrameError, match="back to"):
        unpack_frame(frame(next=2))


@given(st.binary(max_size=300))
def test_random_bytes_never_raise_anything_else(data: bytes) -> None:
    try:
        unpack_frame(data)
    except FrameError:
        return
    raise AssertionError("random bytes are no frame")
