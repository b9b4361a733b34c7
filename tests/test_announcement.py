"""What an announcement may be, and what is refused in one sentence."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dasklens.wire.announcement import (
    LIMIT,
    VERSION,
    Announcement,
    AnnouncementError,
    pack,
    this_host,
    unpack,
)
from dasklens.wire.proof import NONCE, prove, proves

TOKEN = "0123456789abcdef" * 4
GOOD = Announcement(
    scheduler_id="Scheduler-1",
    scheduler="tcp://10.0.0.5:34567",
    name="a cluster",
    scheme="http",
    hosts=("127.0.0.1", "10.0.0.5", "fe80::1%eth0", "node-7.example.org"),
    port=8787,
    prefix="/x/y/",
    link_host="10.0.0.5",
    pid=123,
    host="node-7",
    kernel="9dbb2a3f-5a35-4d0b-a3f0-1d8a6d1c2f6e",
    token=TOKEN,
    dasklens="0.1.0",
    started=1_795_000_000.5,
)


def said(**changes: Any) -> bytes:
    return json.dumps({"version": VERSION, **asdict(GOOD), **changes}).encode()


def test_what_was_packed_is_read() -> None:
    assert unpack(pack(GOOD)) == GOOD
    plain = replace(GOOD, scheme="", hosts=(), port=0, prefix="/", kernel=None, token="", dasklens="")
    assert unpack(pack(plain)) == plain


def test_what_later_versions_add_is_ignored() -> None:
    assert unpack(said(colour="blue")) == GOOD


@pytest.mark.parametrize(
    "changes",
    [
        {"version": 2},
        {"version": None},
        {"scheduler_id": ""},
        {"scheduler_id": 1},
        {"scheduler_id": "x" * 1001},
        {"scheduler": None},
        {"name": ["a"]},
        {"name": "half of \ud83d"},
        {"scheme": "javascript"},
        {"scheme": ["http"]},
        {"hosts": "127.0.0.1"},
        {"hosts": {"127.0.0.1": 1}},
        {"hosts": ["127.0.0.1", 1]},
        {"hosts": ["0.0.0.0"]},
        {"hosts": ["::"]},
        {"hosts": ["evil.example/x"]},
        {"hosts": ["a@b"]},
        {"hosts": ["[::1]"]},
        {"hosts": ["a\nb"]},
        {"hosts": ["127.0.0.1\n"]},
        {"hosts": ["bücher.example"]},
        {"hosts": [""]},
        {"hosts": ["a"] * 17},
        {"port": "8787"},
        {"port": 65536},
        {"port": -1},
        {"port": True},
        {"port": 80.0},
        {"prefix": ""},
        {"prefix": "x/"},
        {"prefix": "/x"},
        {"prefix": "//x/"},
        {"prefix": "/../"},
        {"prefix": "/%2e%2e/"},
        {"prefix": "/a%2fb/"},
        {"prefix": "/a?b/"},
        {"prefix": "/a b/"},
        {"prefix": "/a\r\n/"},
        {"link_host": "a b"},
        {"pid": -1},
        {"pid": 1.5},
        {"host": 3},
        {"host": "-oProxyCommand=touch${IFS}x"},
        {"host": "-x"},
        {"host": "a;b"},
        {"host": "a b"},
        {"host": "a\n"},
        {"host": "0.0.0.0"},
        {"hosts": ["-x"]},
        {"kernel": 5},
        {"token": "short"},
        {"token": "0" * 63 + "G"},
        {"token": TOKEN + "\n"},
        {"dasklens": None},
        {"started": "now"},
        {"started": float("nan")},
        {"started": float("inf")},
        {"started": -1},
        {"started": 10**400},
    ],
)
def test_one_wrong_field_is_one_sentence(changes: dict[str, Any]) -> None:
    with pytest.raises(AnnouncementError) as caught:
        unpack(said(**changes))
    message = str(caught.value)
    (name,) = changes
    assert name in message
    assert len(message) < 300
    assert "\n" not in message


@pytest.mark.parametrize("name", ["node-7", "-x", "ПК", "Ada's Mac.local", "a b;c"])
def test_a_machine_of_any_name_can_announce(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: name)
    host = this_host()
    assert unpack(pack(replace(GOOD, host=host))).host == host
    assert host == name or name != "node-7"


def test_no_wrong_announcement_is_written() -> None:
    with pytest.raises(AnnouncementError, match="'hosts'"):
        pack(replace(GOOD, hosts=("0.0.0.0",)))
    with pytest.raises(AnnouncementError, match="at most 65,536 bytes"):
        pack(
            replace(
                GOOD,
                **dict.fromkeys(("scheduler", "name", "kernel"), "😀" * 1000),
                dasklens="\U0001f600" * 1000,
                scheduler_id="\U0001f600" * 1000,
                hosts=("x" * 1000,) * 16,
            )
        )


def test_a_token_is_in_no_message() -> None:
    for announcement in (GOOD, replace(GOOD, token=TOKEN + "0")):
        assert TOKEN not in repr(announcement)
    with pytest.raises(AnnouncementError) as caught:
        unpack(said(token=TOKEN + "0"))
    assert TOKEN not in str(caught.value)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xfe",
        b"null",
        b"[]",
        b'"text"',
        b"{}",
        b"[" * (LIMIT - 1),
        b'{"a":' * 10_000,
        b'{"version": ' + b"9" * 5000 + b"}",
        said()[:-5],
        said(more="x" * LIMIT),
    ],
    ids=lambda data: ascii(data[:10]),
)
def test_what_is_no_announcement(data: bytes) -> None:
    with pytest.raises(AnnouncementError):
        unpack(data)


@pytest.mark.parametrize("name", sorted(asdict(GOOD)))
def test_each_field_is_needed(name: str) -> None:
    fields = json.loads(said())
    del fields[name]
    with pytest.raises(AnnouncementError, match=f"the field '{name}'"):
        unpack(json.dumps(fields).encode())


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)


@given(name=st.sampled_from(sorted(asdict(GOOD))), value=anything)
def test_whatever_a_field_is_it_is_read_or_refused(name: str, value: Any) -> None:
    try:
        announcement = unpack(said(**{name: value}))
    except AnnouncementError:
        return
    assert unpack(pack(announcement)) == announcement


@given(st.binary(max_size=200))
def test_bytes_are_read_or_refused(data: bytes) -> None:
    with pytest.raises(AnnouncementError):
        unpack(data)


def test_a_proof_is_of_one_token_one_nonce_and_one_scheduler() -> None:
    nonce = "n" * 32
    proof = prove(TOKEN, nonce, "Scheduler-1")
    assert proves(proof, TOKEN, nonce, "Scheduler-1")
    assert len(proof) == 64
    # HMAC-SHA256 as anybody else computes it: the two sides may be of different versions.
    assert prove("ab" * 32, "0123456789abcdef", "Scheduler-x") == (
        "c76ac92b5cf7831456f47cf050fa64f3152cb55da44c39836a464507c286a039"
    )
    others = [
        ("f" * 64, nonce, "Scheduler-1"),
        (TOKEN, "m" * 32, "Scheduler-1"),
        (TOKEN, nonce, "Scheduler-2"),
    ]
    assert len({proof, *(prove(*other) for other in others)}) == 4
    for other in others:
        assert not proves(proof, *other)
    for wrong in (None, 5, b"x", "", "ü", proof.upper(), proof + "0", "\ud800"):
        assert not proves(wrong, TOKEN, nonce, "Scheduler-1")
    # A plain scheduler has no token, and nothing proves that.
    assert not proves(prove("", nonce, "Scheduler-1"), "", nonce, "Scheduler-1")


@pytest.mark.parametrize("nonce", ["", "x" * 15, "x" * 129, "ü" * 16, "x" * 16 + "\n", "x x" * 6])
def test_what_no_nonce_is(nonce: str) -> None:
    assert not NONCE.fullmatch(nonce)
