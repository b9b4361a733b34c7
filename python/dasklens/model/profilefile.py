"""Call trees as files of other tools: speedscope's JSON and collapsed stacks, out and in.

A file comes from anybody: what is not as the format says gives one sentence, and nothing in a file is
more than text and numbers.
"""

from __future__ import annotations

import json
import math
import re
import sys
from typing import Any

from ..wire.calltree import children_of, defined_at, text, whole
from .profile import Made, State, create, own

SCHEMA = "https://www.speedscope.app/file-format-schema.json"
#: How a file of speedscope's begins; a collapsed stack may begin with a brace, or ``[unknown]``, too.
_JSON = re.compile(r'\s*\{\s*["}]')
#: A character in a frame of a collapsed stack that cannot be there as itself.
_ESCAPE = re.compile(r"\\u\{([0-9a-f]{1,6})\}")
#: What of a name, and of a file, would be read as something else: the end of a frame, an escape, the
#: beginning of JSON; of a file, where it begins and its line.
_IN_NAME = re.compile(r';|\\(?=u\{)|^[ {](?=[ {]*["}])')
_IN_FILE = re.compile(r";|\\(?=u\{)|(?<= )\(|:(?=[0-9]{1,9}\Z)")


class ProfileFileError(ValueError):
    """A file that holds no profile that can be read; the message says what was expected."""


def to_speedscope(state: State, name: str = "Dask profile", interval: float | None = None) -> str:
    """The tree as speedscope's JSON, to be opened at speedscope.app or by the `speedscope` of npm.

    Parameters
    ----------
    interval : float, optional
        Seconds between two samples; times are in samples without it.
    """
    each = interval or 1.0
    frames: dict[str, int] = {}
    shared: list[dict[str, Any]] = []
    events: list[dict[str, Any]] = []

    def frame(node: State) -> int:
        identifier = str(node["identifier"])
        at = frames.get(identifier)
        if at is None:
            at = frames[identifier] = len(shared)
            d = node["description"]
            entry: dict[str, Any] = {"name": text(d["name"]) or "(unknown)", "file": text(d["filename"])}
            line = defined_at(identifier)
            shared.append({**entry, "line": line} if line else entry)
        return at

    # What is called begins with its caller; own samples come behind.
    stack: list[tuple[State | int, int]] = _placed(state, 0)
    while stack:
        node, at = stack.pop()
        if isinstance(node, int):
            events.append({"type": "C", "frame": node, "at": at * each})
            continue
        count = whole(node["count"])
        known = frame(node)
        events.append({"type": "O", "frame": known, "at": at * each})
        stack.append((known, at + count))
        stack += _placed(node, at)
    profile = {
        "type": "evented",
        "name": name,
        "unit": "seconds" if interval else "none",
        "startValue": 0,
        "endValue": whole(state["count"]) * each,
        "events": events,
    }
    return json.dumps(
        {
            "$schema": SCHEMA,
            "exporter": "dasklens",
            "name": name,
            "activeProfileIndex": 0,
            "shared": {"frames": shared},
            "profiles": [profile],
            "dasklens": {"interval": interval},
        }
    )


def to_collapsed(state: State) -> str:
    r"""The tree as collapsed stacks, a line each: ``outer (file:line);inner (file:line) samples``.

    The format has no way to write a semicolon or a line end within a frame, and a terminal obeys what
    is not printable: these are written as ``\u{3b}``, by their code point, which `from_text` reads. So is
    what would be read as something else, and nothing but that: a backslash is itself in ``C:\Users``.
    """
    lines: list[str] = []
    path: list[str] = []
    stack: list[State | None] = list(reversed(children_of(state)))
    if own(state):
        lines.append(f"(root) {own(state)}")
    while stack:
        node = stack.pop()
        if node is None:
            path.pop()
            continue
        d = node["description"]
        line = defined_at(node["identifier"])
        where = f"{_escaped(text(d['filename']), _IN_FILE)}{f':{line}' if line else ''}"
        path.append(f"{_escaped(text(d['name']), _IN_NAME)} ({where})")
        if own(node):
            lines.append(f"{';'.join(path)} {own(node)}")
        stack.append(None)
        stack += reversed(children_of(node))
    return "".join(f"{line}\n" for line in lines)


def from_text(data: str) -> tuple[Made, float | None]:
    """A tree from the text of a file of either kind.

    Parameters
    ----------
    data : str
        With a byte order mark at its start or without.

    Returns
    -------
    state : dict
    interval : float or None
        Seconds between two samples, where the file has times.

    Raises
    ------
    ProfileFileError
        When it is neither.
    """
    data = data.removeprefix("\ufeff")
    if _JSON.match(data):
        return _from_speedscope(data)
    return _from_collapsed(data), None


def _escaped(written: str, marks: re.Pattern[str]) -> str:
    """A name or a file as a collapsed stack can hold it: `marks`, and what is not printable, as escapes."""
    marked = marks.sub(lambda mark: _escape(mark[0]), written)
    return marked if marked.isprintable() else "".join(c if c.isprintable() else _escape(c) for c in marked)


def _escape(letter: str) -> str:
    return f"\\u{{{ord(letter):x}}}"


def _placed(node: State, at: int) -> list[tuple[State | int, int]]:
    """Children with where they begin, the first one last: it is taken from the end."""
    placed: list[tuple[State | int, int]] = []
    for child in children_of(node):
        placed.append((child, at))
        at += whole(child["count"])
    placed.reverse()
    return placed


class _Growing:
    """A tree that grows a frame at a time, by weights, which are samples once all of them are known.

    A node is a number, that of the root is 0: whoever reads keeps the node it is in, never its stack, so
    that a file takes time and memory in proportion to its length, however deep its stacks are.
    """

    def __init__(self) -> None:
        self.least = math.inf
        #: Of each node, its own.
        self._weights: list[float] = [0]
        #: By parent and frame; in the order of their numbers, so that a caller comes before whom it calls.
        self._nodes: dict[tuple[int, str], int] = {}
        self._described: dict[str, Made] = {}

    def frame(self, name: str, file: str, line: int) -> str:
        """Its identifier."""
        identifier = f"{name};{file};{line}"
        if identifier not in self._described:
            described = {"filename": file, "name": name, "line_number": line, "line": ""}
            self._described[identifier] = described
        return identifier

    def below(self, node: int, frame: str) -> int:
        new = len(self._weights)
        at = self._nodes.setdefault((node, frame), new)
        if at == new:
            self._weights.append(0)
        return at

    def weigh(self, node: int, weight: float) -> None:
        """Add seconds, or samples; what is not above 0 adds nothing."""
        if weight > 0:
            self._weights[node] += weight
            self.least = min(self.least, weight)

    def interval(self) -> float:
        """Seconds that make a sample: what weighs least does."""
        return max(self.least, sum(self._weights) / _MOST) if self.least < math.inf else 0.01

    def state(self, interval: float = 1.0) -> Made:
        """The tree, without the nodes that have no samples.

        Innermost frames of 0 samples would be taken for those of a worker, see `counted`.
        """
        totals = [round(weight / interval) for weight in self._weights]
        for (parent, _), at in reversed(self._nodes.items()):
            totals[parent] += totals[at]
        root = create()
        root["count"] = totals[0]
        made = {0: root}
        for (parent, frame), at in self._nodes.items():
            if totals[at]:
                node = made[at] = made[parent]["children"][frame] = create()
                node.update(count=totals[at], identifier=frame, description=self._described[frame])
        return root


#: Of a number of samples: with more it is none, and Python refuses to read very many.
_MOST_DIGITS = 15


def _from_collapsed(data: str) -> Made:
    tree = _Growing()
    known: dict[str, str] = {}
    # Not splitlines(): it ends a line at letters that others leave in names.
    for number, line in enumerate(data.split("\n"), 1):
        stack, _, count = line.removesuffix("\r").rpartition(" ")
        if not (stack and count.isascii() and count.isdigit() and len(count) <= _MOST_DIGITS):
            if not line.strip() or line.startswith("#"):
                continue
            raise ProfileFileError(
                "Expected speedscope's JSON, or collapsed stacks, a line each such as 'outer;inner 12' with "
                f"a whole number of at most {_MOST_DIGITS} digits at its end; line {number} ends in "
                f"{count[-20:]!r}: correct it, take it out, or begin it with #."
            )
        node = 0
        for written in [] if stack == "(root)" else stack.split(";"):
            frame = known.get(written)
            if frame is None:
                frame = known[written] = tree.frame(*_frame(written))
            node = tree.below(node, frame)
        tree.weigh(node, int(count))
    return tree.state()


def _frame(written: str) -> tuple[str, str, int]:
    """Name, file and line of ``name (file:line)``, as we write it, and `py-spy` and others do."""
    name, opened, where = written.rpartition(" (")
    if not (opened and where.endswith(")")):
        return _unescaped(written), "", 0
    file, colon, line = where[:-1].rpartition(":")
    if not (colon and line.isascii() and line.isdigit() and len(line) < 10):
        file, line = where[:-1], "0"
    return _unescaped(name), _unescaped(file), int(line)


def _unescaped(written: str) -> str:
    return _ESCAPE.sub(lambda e: chr(int(e[1], 16)) if int(e[1], 16) <= sys.maxunicode else e[0], written)


def _from_speedscope(data: str) -> tuple[Made, float | None]:
    try:
        raw = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ProfileFileError(f"Expected speedscope's JSON, got something else ({error}).") from None
    tree = _Growing()
    try:
        frames = [
            tree.frame(text(f["name"]), text(f.get("file")), whole(f.get("line")))
            for f in raw["shared"]["frames"]
        ]
        profiles = raw["profiles"]
        for profile in profiles:
            _grow(tree, frames, profile)
        interval = None
        if any(profile["unit"] in _SECONDS for profile in profiles):
            said = raw["dasklens"]["interval"] if isinstance(raw.get("dasklens"), dict) else None
            interval = said if isinstance(said, float) and 0 < said < math.inf else tree.interval()
        return tree.state(interval or 1.0), interval
    except ProfileFileError:
        raise
    except (KeyError, TypeError, IndexError, ValueError, OverflowError, AttributeError) as error:
        raise ProfileFileError(
            "Expected speedscope's JSON (shared.frames and profiles with samples and weights, or events), "
            f"got one with a broken field: {type(error).__name__} {error}."
        ) from None


_SECONDS = {"seconds": 1.0, "milliseconds": 1e-3, "microseconds": 1e-6, "nanoseconds": 1e-9}
#: Samples that a file of foreign times is read as, where its shortest stack would make more.
_MOST = 10_000_000


def _index(frame: Any) -> int:
    # One below 0 would be counted from the end.
    if type(frame) is not int or frame < 0:
        raise IndexError(f"there is no frame {frame!r:.40}")
    return frame


def _grow(tree: _Growing, frames: list[str], profile: dict[str, Any]) -> None:
    """Add a profile to a tree, by seconds if it has times."""
    scale = _SECONDS.get(profile["unit"], 1.0)
    if profile["type"] == "sampled":
        for stack, weight in zip(profile["samples"], profile["weights"], strict=True):
            node = 0
            for index in stack:
                node = tree.below(node, frames[_index(index)])
            if not 0 <= weight < math.inf:
                raise _unexpected("weights that are numbers of 0 or more", f"{weight!r:.40}")
            tree.weigh(node, weight * scale)
        return
    if profile["type"] != "evented":
        raise ValueError(f"a profile of type {profile['type']!r:.40}")
    node = 0
    callers: list[tuple[int, str]] = []
    last = profile["startValue"]
    for event in profile["events"]:
        at, frame = event["at"], frames[_index(event["frame"])]
        if not 0 <= at - last < math.inf:
            raise _unexpected("events in the order of their times", f"one at {at!r:.40} after {last!r:.40}")
        tree.weigh(node, (at - last) * scale)
        last = at
        if event["type"] == "O":
            callers.append((node, frame))
            node = tree.below(node, frame)
            continue
        node, opened = callers.pop() if callers else (0, "")
        if opened != frame:
            raise ValueError("events that close a frame which is not open")
    end = profile["endValue"]
    if not end - last < math.inf:
        raise _unexpected("an endValue that is a number", f"{end!r:.40}")
    # One that is too early adds nothing: speedscope itself does not mind it.
    tree.weigh(node, (end - last) * scale)


def _unexpected(expected: str, got: str) -> ProfileFileError:
    return ProfileFileError(
        f"Expected speedscope's JSON with {expected}, got {got}: correct it, or export the profile again."
    )
