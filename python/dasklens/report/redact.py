"""Leave out of a report what nobody else should see: code, hosts, paths, keys, logs.

Frames hold all of them, in their names and in the packed keys, so frames are unpacked, given stand-ins and
packed again. The same group, worker or file has the same stand-in everywhere, so that a report still tells
them apart. What is to go is first learnt from all streams; then every text is gone through, for it may speak
of any of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..model.pieces import PieceWriter
from ..model.relog import column, repacked
from ..wire.frames import NO_NAME, Frame, unpack_frame
from ..wire.keys import pack_key, unpack_key
from .document import REDACTABLE
from .scrub import without_hosts, without_paths, without_source
from .standins import Finder, StandIns, names_of_this_machine

#: Words of ours and of distributed's: a task of the same name must not change what they say.
_OURS = frozenset(
    (
        *("compute", "transfer", "serialize", "deserialize", "disk-read", "disk-write", "idle"),
        *("running", "paused", "closing", "closed", "init", "INFO", "WARNING", "ERROR"),
        *("worker", "server", "scheduler", "client", "task", "tasks"),
    )
)
_HEX_KEY = 3
_CACHED = 100_000


def checked(redact: Iterable[str] | str) -> tuple[str, ...]:
    """What to leave out, in the order of `REDACTABLE`.

    Raises
    ------
    ValueError
        When something else is asked for.
    """
    try:
        asked = [redact] if isinstance(redact, str) else list(redact)
    except TypeError:
        raise ValueError(
            f"redact should be some of {', '.join(REDACTABLE)}, or () for nothing; got {redact!r}."
        ) from None
    unknown = sorted(str(each) for each in asked if each not in REDACTABLE)
    if unknown:
        raise ValueError(f"redact should be some of {', '.join(REDACTABLE)}; got {', '.join(unknown)}.")
    return tuple(each for each in REDACTABLE if each in asked)


class Redactor:
    """Takes out what is asked for; with nothing to take out, everything stays as it is.

    Parameters
    ----------
    what : iterable of str
        Some of `REDACTABLE`.
    """

    def __init__(self, what: Iterable[str]):
        self.what = checked(what)
        self._code, self._hosts, self._paths, self._keys = (each in self.what for each in REDACTABLE[:4])
        self._workers, self._machines = StandIns("worker"), StandIns("host")
        self._files, self._groups = StandIns("path"), StandIns("group")
        self._finder = Finder()
        self._numbers: dict[tuple[str, bytes], int] = {}
        self._texts: dict[str, str] = {}
        if self._hosts:
            for name in names_of_this_machine():
                self._finder.add(name, self._machines.of(name))
        if self._paths:
            for folder in {str(Path.home()), str(Path.cwd())} - {"/"}:
                self._finder.add(folder, self._files.of(folder))

    def __bool__(self) -> bool:
        return bool(self.what)

    @property
    def of_frames(self) -> bool:
        """Whether frames hold something that is to go: logs are in none."""
        return any(each != "logs" for each in self.what)

    # -- what there is -----------------------------------------------------------------------------

    def learn_scheduler(self, address: str) -> None:
        """The scheduler's address."""
        if self._hosts and address:
            self._workers.put(address, "scheduler")
            self._finder.add(address, "scheduler")
            self._learn_place(address)

    def learn(self, streams: Mapping[str, Iterable[bytes]]) -> None:
        """Remember the words of frames that are to go."""
        for frames in streams.values():
            names: dict[int, Any] = {}
            for data in frames:
                frame = unpack_frame(data)
                for name in frame.names:
                    self._learn_name(frame.stream, name)
                if frame.stream == "tasks" and self._keys:
                    names.update(enumerate(frame.names, frame.names0))
                    self._learn_keys(frame, names)

    def _learn_name(self, stream: str, name: Any) -> None:
        shape = _shape(stream, name)
        if shape == "group":
            self._learn_word(name[0])
            self._learn_word(name[1])
            for part in name[3] or ():
                self._learn_word(part)
            if name[2]:
                self._learn_word(name[2])
        elif shape == "row":
            self._learn_word(name[1])
            self._learn_word(name[0])
        elif shape == "prefix":
            self._learn_word(name)
        elif shape == "lane":
            self._learn_worker(name[0], name[2])
        elif shape == "worker":
            self._learn_worker(name[0], name[1])
        elif shape == "function" and self._paths and _is_path(name[1]):
            self._finder.add(name[1], self._files.of(name[1]))

    def _learn_word(self, word: Any) -> None:
        if not self._keys or not isinstance(word, str) or not word or self._groups.get(word):
            return
        parts = word.split(", ")
        if len(parts) > 1 and all(map(self._groups.get, parts)):
            # A span's names, as its row in the table of groups has them.
            self._groups.put(word, ", ".join(self._groups.of(part) for part in parts))
        stand_in = self._groups.of(word)
        if word not in _OURS:
            self._finder.add(word, stand_in)

    def _learn_worker(self, address: Any, name: Any) -> None:
        if not self._hosts or not isinstance(address, str) or self._workers.get(address):
            return
        stand_in = self._workers.of(address)
        self._finder.add(address, stand_in)
        if isinstance(name, str) and name and not name.isdigit():
            self._workers.put(name, stand_in)
            self._finder.add(name, stand_in)
        self._learn_place(address)

    def _learn_place(self, address: str) -> None:
        place = address.rpartition("://")[2]
        host = re.sub(r":\d+$", "", place.partition("/")[0])
        self._finder.add(place, self._workers.of(place, same_as=address))
        if host not in ("", "localhost"):
            self._finder.add(host, self._machines.of(host))

    def _learn_keys(self, frame: Frame, names: Mapping[int, Any]) -> None:
        for group, packed in _packed_keys(frame, names):
            if packed[0] != _HEX_KEY:
                # Numbers of blocks say nothing; what a person wrote does.
                for word in _words_of(unpack_key(packed, group)):
                    self._learn_word(word)

    # -- what is said instead ----------------------------------------------------------------------

    def text(self, text: str) -> str:
        """A text without what is to go."""
        known = self._texts.get(text)
        if known is None:
            known = self._scrubbed(text)
            if len(self._texts) < _CACHED:
                self._texts[text] = known
        return known

    def _scrubbed(self, text: str) -> str:
        if not (self._hosts or self._paths or self._keys) or text in _OURS:
            return text
        if self._hosts and self._workers.get(text):
            return self._workers.of(text)
        if self._keys and self._groups.get(text):
            return self._groups.of(text)
        text = self._finder.replaced(text)
        if self._hosts:
            text = without_hosts(text, self._machine)
        if self._paths:
            text = without_paths(text, self._file)
        return text

    def _machine(self, found: str) -> str:
        return found if self._stands_for(found.partition(":")[0]) else self._machines.of(found)

    def _file(self, found: str) -> str:
        return found if self._stands_for(found.strip("/")) else self._files.of(found)

    def _stands_for(self, word: str) -> bool:
        """Whether it is a stand-in itself: it may look like an address to whoever goes through it again."""
        kinds = (self._workers, self._machines, self._files, self._groups)
        return word == "scheduler" or any(kind.gave(word) for kind in kinds)

    def word(self, word: Any) -> Any:
        """A group, a prefix, or the name of a span."""
        if self._keys and isinstance(word, str) and word:
            return self._groups.of(word)
        return self.value(word)

    def traceback(self, traceback: str) -> str:
        """A traceback; without its lines of source when code is to go."""
        return self.text(without_source(traceback) if self._code else traceback)

    def value(self, value: Any) -> Any:
        """The same of everything within lists and maps. Bytes are pickles and the like: they go."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, bytes):
            return b""
        if isinstance(value, Mapping):
            return {self.value(key): self.value(each) for key, each in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.value(each) for each in value]
        return value

    # -- frames --------------------------------------------------------------------------------------

    def stream(self, frames: Iterable[bytes], records: int) -> PieceWriter:
        """The frames of a stream, gone through; `learn` them first."""
        writer = PieceWriter()
        names: dict[int, Any] = {}
        for data in frames:
            frame = unpack_frame(data)
            names.update(enumerate(frame.names, frame.names0))
            writer.add(self._frame(frame, names), 0 if writer.frames else records)
        return writer

    def _frame(self, frame: Frame, names: Mapping[int, Any]) -> bytes:
        said = [self._name(frame.stream, name) for name in frame.names]
        cols: dict[str, Any] = {}
        if frame.stream == "tasks":
            if "metadata" in frame.cols:
                cols["metadata"] = None
            if self._keys or self._hosts or self._paths:
                cols.update(self._key_columns(frame, names))
        elif frame.stream == "profile" and self._code:
            cols["source"] = np.full(frame.next - frame.first, NO_NAME, "<u4")
        return repacked(frame, names=said, cols=cols)

    def _name(self, stream: str, name: Any) -> Any:
        shape = _shape(stream, name)
        if shape == "group":
            group, prefix, span, parts = name[:4]
            return [self.word(group), self.word(prefix), self.word(span), [self.word(p) for p in parts or ()]]
        if shape == "row":
            return [self.word(name[0]), self.word(name[1])]
        if shape == "prefix":
            return self.word(name)
        if shape in ("lane", "worker"):
            at = 2 if shape == "lane" else 1
            said = list(name)
            said[0] = self.text(name[0])
            # Names of workers are often those of their machines.
            if self._hosts and isinstance(name[at], str) and not name[at].isdigit():
                said[at] = said[0]
            else:
                said[at] = self.value(name[at])
            return said
        if shape == "error":
            return [self.text(name[0]), self.traceback(name[1])]
        if shape == "function":
            function, file, line, library = name[:4]
            return [self.text(function), self._file_name(file), line, library]
        if shape == "source" and self._code:
            return ""
        if shape == "about":
            return self._about(name)
        return self.value(name)

    def _about(self, about: Any) -> Any:
        """What a call tree covers: its own words are ours, whatever tasks are called."""
        if isinstance(about, Mapping):
            return {word: self._about(each) for word, each in about.items()}
        return self.value(about)

    def _file_name(self, file: Any) -> Any:
        if self._paths and _is_path(file):
            return self._files.of(file)
        return self.value(file)

    def _key_columns(self, frame: Frame, names: Mapping[int, Any]) -> dict[str, Any]:
        packed = [self._key(group, key) for group, key in _packed_keys(frame, names)]
        return {
            "key_len": np.array([len(key) for key in packed], "<u4"),
            "key": np.frombuffer(b"".join(packed), "u1"),
        }

    def _key(self, group: str, packed: bytes) -> bytes:
        said = self.word(group)
        if self._keys:
            number = self._numbers.setdefault((group, packed), len(self._numbers) + 1)
            return pack_key((said, number), said)
        if packed[0] == _HEX_KEY and said == group:
            return packed
        key = self.value(unpack_key(packed, group))
        return pack_key(tuple(key) if isinstance(key, list) else key, said)


def _shape(stream: str, name: Any) -> str:
    """What a name is of, told by its stream and its shape."""
    if isinstance(name, str):
        return {"counts": "prefix", "profile": "source"}.get(stream, "text")
    if not isinstance(name, Sequence) or isinstance(name, bytes):
        return "about" if stream == "profile" else "other"
    if stream == "tasks":
        if len(name) >= 4:
            return "group"
        if len(name) == 3:
            return "lane"
        return "error" if len(name) == 2 and isinstance(name[1], str) else "type"
    whole = {"groups": ("row", 2), "workers": ("worker", 4), "profile": ("function", 4)}.get(stream)
    return whole[0] if whole is not None and len(name) >= whole[1] else "other"


def _packed_keys(frame: Frame, names: Mapping[int, Any]) -> Iterable[tuple[str, bytes]]:
    packed, at = bytes(frame.cols["key"][1]), 0
    lengths, groups = column(frame, "key_len").tolist(), column(frame, "group").tolist()
    for length, group in zip(lengths, groups, strict=True):
        yield names[group][0], packed[at : at + length]
        at += length


def _words_of(key: Any) -> Iterable[str]:
    if isinstance(key, str):
        yield key
    elif isinstance(key, (tuple, list)):
        for part in key:
            yield from _words_of(part)


def _is_path(file: Any) -> bool:
    return isinstance(file, str) and ("/" in file or "\\" in file)
