"""Profiles as files of other tools, out and in."""

from __future__ import annotations

import json
import re
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from trees import chain, node, real, rooted, states

from dasklens import Profile
from dasklens.model import profile as tree
from dasklens.model.profilefile import ProfileFileError, from_text, to_collapsed, to_speedscope


def shape(state: Any) -> list[tuple[str, int, int]]:
    """Names, samples and depths, in the order of names."""
    found, stack = [], [(state, 0)]
    while stack:
        each, depth = stack.pop()
        found.append((each["description"]["name"], each["count"], depth))
        below = sorted(each["children"].values(), key=lambda child: child["description"]["name"])
        stack += [(child, depth + 1) for child in below]
    return found


def with_samples(state: Any) -> Any:
    """Frames without samples are in no file."""
    return {
        **state,
        "children": {key: with_samples(c) for key, c in state["children"].items() if c["count"]},
    }


@given(states())
def test_speedscope_out_and_in(state: Any) -> None:
    read, interval = from_text(to_speedscope(state, interval=0.01))
    assert interval == 0.01
    assert shape(read) == shape(with_samples(state))
    read, interval = from_text(to_speedscope(state))
    assert interval is None
    assert read["count"] == state["count"]


@given(states())
def test_collapsed_stacks_out_and_in(state: Any) -> None:
    text = to_collapsed(state)
    read, _ = from_text(text)
    assert read["count"] == state["count"]
    assert sum(int(line.rpartition(" ")[2]) for line in text.splitlines()) == state["count"]
    assert shape(read) == shape(with_samples(state))


def test_what_speedscope_reads() -> None:
    written = json.loads(to_speedscope(tree.counted(real("merged")), interval=0.01))
    (profile,) = written["profiles"]
    assert written["$schema"] == "https://www.speedscope.app/file-format-schema.json"
    assert profile["endValue"] == pytest.approx(0.01 * real("merged")["count"])
    open_: list[int] = []
    last = 0.0
    for event in profile["events"]:
        assert event["at"] >= last
        last = event["at"]
        if event["type"] == "O":
            open_.append(event["frame"])
        else:
            assert open_.pop() == event["frame"]
    assert not open_


def test_deep_trees_fit_into_files() -> None:
    deep = chain(5000)
    assert from_text(to_speedscope(deep))[0]["count"] == 3
    assert from_text(to_collapsed(deep))[0]["count"] == 3


def evented(events: list[dict[str, Any]], stop: float, frames: int) -> str:
    profile = {"type": "evented", "name": "x", "unit": "milliseconds", "startValue": 0, "endValue": stop}
    return speedscope({**profile, "events": events}, frames)


def speedscope(profile: dict[str, Any], frames: int) -> str:
    shared = [{"name": f"f{i}", "file": "a.py", "line": i + 1} for i in range(frames)]
    return json.dumps({"shared": {"frames": shared}, "profiles": [profile]})


def nested(depth: int) -> str:
    """A stack that grows by a frame and then shrinks by one, each a millisecond."""
    opens = [{"type": "O", "frame": i % 200, "at": i} for i in range(depth)]
    closes = [{**event, "type": "C", "at": 2 * depth - 1 - event["at"]} for event in reversed(opens)]
    return evented(opens + closes, 2 * depth, 200)


def peak(of: Callable[[], Any]) -> int:
    """Bytes at most while something is done."""
    tracemalloc.start()
    try:
        of()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_nested_events_are_read_in_proportion_to_their_number() -> None:
    # Told by memory: with a stack copied for each event this took 3 GB. The small one fails quickly.
    small = peak(lambda: from_text(nested(1_000)))
    assert small < 4 << 20
    assert peak(lambda: from_text(nested(20_000))) < 25 * small
    state, interval = from_text(nested(20_000))
    assert interval == pytest.approx(0.001)
    # Each frame is innermost for a millisecond on the way in and one on the way out; the last is the root's.
    assert state["count"] == 40_000
    deep = list(tree.nodes(state))
    assert len(deep) == 20_001
    assert [each["count"] for each in deep[1:4]] == [39_999, 39_997, 39_995]


def test_sampled_stacks_are_not_held_twice() -> None:
    samples = [list(range(100)) for _ in range(2_000)]
    text = speedscope({"type": "sampled", "unit": "none", "samples": samples, "weights": [1] * 2_000}, 100)
    assert peak(lambda: from_text(text)) < 1.2 * peak(lambda: json.loads(text))
    assert [f.total for f in tree.flatten(from_text(text)[0])] == [2_000] * 100


def test_what_took_no_time_is_no_frame() -> None:
    """An innermost frame of 0 samples would be given those of its caller, see `counted`."""
    opened = [{"type": "O", "frame": 0, "at": 0}, {"type": "O", "frame": 1, "at": 9}]
    closed = [{"type": "C", "frame": 1, "at": 9}, {"type": "C", "frame": 0, "at": 10}]
    state, _ = from_text(evented(opened + closed, 10, 2))
    assert [f.name for f in tree.flatten(state)] == ["f0"]
    sampled = {"type": "sampled", "unit": "none", "samples": [[0], [0, 1]], "weights": [3, 0.1]}
    assert [f.name for f in tree.flatten(from_text(speedscope(sampled, 2))[0])] == ["f0"]


#: Any text, with more of what means something in a line of collapsed stacks, or to a terminal.
TEXTS = st.text(
    st.one_of(
        st.sampled_from('\\u{}[]3b7;:() #"\n\r\t\x1b\x0c\x1c\x85\u2028\u202e\u200d\ufeff\ud800\u05d0\u0663'),
        st.characters(),
    ),
    max_size=12,
)


def stacked(frames: list[tuple[str, str, int]]) -> Any:
    """A stack of frames, each with a sample of its own."""
    below: list[Any] = []
    for name, file, line in reversed(frames):
        made = node(name, 1, below, file=file)
        below = [{**made, "identifier": f"{name};{file};{line}"}]
    return rooted(*below)


def frames_of(state: Any) -> list[tuple[str, str, int]]:
    below = list(tree.nodes(state))[1:]
    return [
        (d["name"], d["filename"], int(each["identifier"].rpartition(";")[2]))
        for each in below
        for d in [each["description"]]
    ]


@given(st.lists(st.tuples(TEXTS, TEXTS, st.integers(0, 999_999_999)), min_size=1, max_size=4))
@example([('{"shared', "", 0)])
@example([(" { }", "\\u{7b}", 0), ("\\u{3b}", "", 0)])
@example([("\ufeff# no comment", "C:\\Program Files (x86)\\\\u{3b}.py:12", 0), ("(root)", "", 0)])
@example([("f (x) (y:3)", "a:b:9", 3), ("", " (", 0), ("\\u{110000}\\", ";", 1)])
def test_any_name_is_read_as_it_was(frames: list[tuple[str, str, int]]) -> None:
    text = to_collapsed(stacked(frames))
    assert frames_of(from_text(text)[0]) == frames
    # A line ends at \n for everybody, nothing moves a terminal's cursor, and a file can be made of it.
    assert all(line.isprintable() for line in text.split("\n"))
    assert text.encode().decode() == text


def test_names_are_escaped_no_more_than_they_must_be() -> None:
    text = to_collapsed(stacked([("größe", "C:\\Users\\new.py", 3), ("\u05d0\u05d1", "{closure}", 0)]))
    assert text == "größe (C:\\Users\\new.py:3) 1\ngröße (C:\\Users\\new.py:3);\u05d0\u05d1 ({closure}) 1\n"
    assert to_collapsed(stacked([("a;b\x1b[31m", "x", 0)])) == "a\\u{3b}b\\u{1b}[31m (x) 1\n"


def test_lines_of_others_end_where_theirs_do() -> None:
    names = ["a\x0cb", "a\x85b", "a\x1cb", "a\u2028b", "a\\nb"]
    state, _ = from_text("\ufeff" + "".join(f"{name} 1\r\n" for name in names))
    assert [f for f, _, _ in frames_of(state)] == names


def test_what_is_no_escape_and_no_line_is_left_as_it_is() -> None:
    state, _ = from_text("a\\u{110000};\\u{};b (C:1234567890);c (c.py:\u0663) 1\n")
    assert frames_of(state) == [
        ("a\\u{110000}", "", 0),
        ("\\u{}", "", 0),
        ("b", "C:1234567890", 0),
        ("c", "c.py:\u0663", 0),
    ]


def test_a_comment_is_what_has_no_count() -> None:
    state, _ = from_text("# made by hand\n#1 (inner.c);main 4\n#\n")
    assert [(f.name, f.own) for f in tree.flatten(state)] == [("main", 4), ("#1", 0)]


def test_stacks_of_others_begin_with_brackets() -> None:
    state, _ = from_text("[unknown];{closure} 2\n[[vdso]] 1\n")
    assert [f.name for f in tree.flatten(state)] == ["{closure}", "[[vdso]]", "[unknown]"]


FOREIGN = """{"shared": {"frames": [{"name": "main"}, {"name": "work", "file": "w.py", "line": 7}]},
 "profiles": [{"type": "sampled", "name": "x", "unit": "milliseconds", "startValue": 0, "endValue": 30,
 "samples": [[0], [0, 1]], "weights": [10, 20]}]}"""


def test_files_of_others() -> None:
    state, interval = from_text(FOREIGN)
    assert interval == pytest.approx(0.01)
    assert {f.name: (f.own, f.total, f.line) for f in tree.flatten(state)} == {
        "main": (1, 3, 0),
        "work": (2, 2, 7),
    }
    state, interval = from_text("# comment\nmain;work 12\nmain 3\n\n")
    assert interval is None
    assert {f.name: f.own for f in tree.flatten(state)} == {"main": 3, "work": 12}


EVENTS = evented([{"type": "O", "frame": 0, "at": 1}, {"type": "C", "frame": 0, "at": 5}], 6, 2)


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        "{}",
        "[" * 100_000,
        FOREIGN.replace("[0, 1]", "[0, -1]"),
        FOREIGN.replace("[0, 1]", "[0, true]"),
        '{"shared": {"frames": []}, "profiles": [{"type": "?", "unit": "none"}]}',
        FOREIGN.replace("[0, 1]", "[0, 9]"),
        FOREIGN.replace('"samples": [[0], [0, 1]]', '"samples": 5'),
        EVENTS.replace('"C", "frame": 0', '"C", "frame": 1'),
        EVENTS.replace('"O"', '"C"'),
        "no count here",
        "a;b -5",
    ],
)
def test_what_is_no_profile_gets_one_sentence(text: str) -> None:
    with pytest.raises(ProfileFileError, match=r"^Expected"):
        from_text(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (FOREIGN.replace("[10, 20]", "[10, -20]"), "numbers of 0 or more, got -20: "),
        (FOREIGN.replace("[10, 20]", "[NaN, 20]"), "numbers of 0 or more, got nan: "),
        (FOREIGN.replace("[10, 20]", "[10, Infinity]"), "numbers of 0 or more, got inf: "),
        (FOREIGN.replace("[10, 20]", "[10, -Infinity]"), "numbers of 0 or more, got -inf: "),
        (EVENTS.replace('"at": 5', '"at": 0.5'), "in the order of their times, got one at 0.5 after 1: "),
        (EVENTS.replace('"at": 5', '"at": NaN'), "in the order of their times, got one at nan after 1: "),
        (EVENTS.replace('"at": 5', '"at": Infinity'), "of their times, got one at inf after 1: "),
        (EVENTS.replace('"startValue": 0', '"startValue": NaN'), "times, got one at 1 after nan: "),
        (EVENTS.replace('"endValue": 6', '"endValue": NaN'), "an endValue that is a number, got nan: "),
        (EVENTS.replace('"endValue": 6', '"endValue": Infinity'), "an endValue that is a number, got inf: "),
        ("ok 1\na;b -5\n", "line 2 ends in '-5': "),
        ("a;b nan", "line 1 ends in 'nan': "),
        ("a;b inf\r\n", "line 1 ends in 'inf': "),
        ("a;b 2.5", "line 1 ends in '2.5': "),
        ("a;b " + "9" * 5000, "line 1 ends in '99999999999999999999': "),
        ("a;b \x1b[31m", r"line 1 ends in '\x1b[31m': "),
    ],
)
def test_a_weight_that_is_none_gets_one_sentence(text: str, said: str) -> None:
    with pytest.raises(ProfileFileError) as raised:
        from_text(text)
    message = str(raised.value)
    assert message.startswith("Expected speedscope's JSON")
    assert said in message
    assert re.search(r": correct [^.]*\.$", message)
    assert len(message) < 250


def test_one_very_short_stack_does_not_make_everything_long() -> None:
    state, interval = from_text(FOREIGN.replace("[10, 20]", "[1e-9, 1e9]"))
    assert state["count"] == 10_000_000
    assert interval == pytest.approx(0.1)


def test_an_end_that_is_too_early_is_not_minded() -> None:
    state, _ = from_text(EVENTS.replace('"endValue": 6', '"endValue": 0'))
    # A millisecond of nothing, which is the shortest, and four of the frame.
    assert [f.own for f in tree.flatten(state)] == [4]
    assert state["count"] == 5


@pytest.mark.parametrize("interval", ["NaN", "Infinity", "-1.0", "0.0"])
def test_an_interval_that_is_none_is_not_believed(interval: str) -> None:
    own = json.dumps({**json.loads(EVENTS), "dasklens": {"interval": "?"}})
    assert from_text(own.replace('"?"', interval)) == from_text(EVENTS)


@pytest.mark.parametrize("name", ["run.speedscope.json", "run.txt"])
def test_a_profile_is_saved_and_read(tmp_path: Path, name: str) -> None:
    profile = Profile.from_state(real("merged"))
    profile.save(tmp_path / name)
    again = Profile.from_file(tmp_path / name)
    assert again.state["count"] == profile.state["count"]
    assert [f.own for f in again.functions()] == [f.own for f in profile.functions()]
    for each in (profile, again):
        each.close()


def test_a_file_s_lines_end_where_they_do(tmp_path: Path) -> None:
    (tmp_path / "foreign.txt").write_bytes(b"main;a\rb 3\r\nmain 1\r\n")
    profile = Profile.from_file(tmp_path / "foreign.txt")
    assert {f.name for f in profile.functions()} == {"main", "a\rb"}
    profile.close()
