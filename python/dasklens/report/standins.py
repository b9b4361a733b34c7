"""Words that are to go, and what stands for each: the same word has the same stand-in everywhere."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable

#: Letters by which a word is found in a text; longer words are found also within another word.
_GRAM = 6
_WORD = re.compile(r"\w")

_URL = re.compile(
    r"\b([a-zA-Z][a-zA-Z0-9+.\-]*)://([^\s/'\"<>,;()\[\]{}]+|\[[0-9a-fA-F:.%]+\](?::\d+)?)([^\s'\"<>,;()]*)"
)
_ADDRESS = re.compile(
    r"\[[0-9a-fA-F]*:[0-9a-fA-F:.%]+\](?::\d+)?|(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?(?![\w.]*\d)"
)
_DOMAIN = re.compile(
    r"\b(?:[a-zA-Z0-9_-]+\.)+(?:com|org|net|edu|gov|mil|int|io|eu|de|fr|uk|ch|local|localdomain|internal|intranet|lan|"
    r"corp|home|svc|cloud|cluster)\b(?::\d+)?"
)
_QUOTED_FILE = re.compile(r"(?<=File \")[^\"<][^\"]*")
_ESCAPED_SOURCE = re.compile(r"\\n {4}(?:(?!\\n).)*")
_PATH = re.compile(
    r"""(?<![\w:/.~<\-])(?:~[\w.\-]*|\.{1,2})?(?:/[^\s/'"<>:,;()\[\]{}|*?]+)+/?"""
    r"""|\b[A-Za-z]:[\\/][^\s'"<>:,;()\[\]{}|*?]*"""
    r"""|\\\\[^\s'"<>:,;()\[\]{}|*?]+"""
)


class StandIns:
    """Numbered stand-ins of one kind: ``group-1``, ``group-2``, … in the order in which they were met."""

    def __init__(self, kind: str):
        self._kind = kind
        self._known: dict[str, str] = {}
        self._n = 0

    def of(self, word: str, same_as: str | None = None) -> str:
        """What stands for a word: a new one, or the one of another word."""
        found = self._known.get(word)
        if found is None:
            if same_as is not None:
                found = self.of(same_as)
            else:
                self._n += 1
                found = f"{self._kind}-{self._n}"
            self._known[word] = found
        return found

    def put(self, word: str, stand_in: str) -> None:
        """Say what stands for a word."""
        self._known.setdefault(word, stand_in)

    def get(self, word: str) -> str | None:
        """What stands for a word; None when it was never met."""
        return self._known.get(word)


class Finder:
    """Finds many words in a text at once, and puts their stand-ins there."""

    def __init__(self) -> None:
        self._words: dict[str, str] = {}
        #: By their first letters, how long the words are that begin so, the longest first.
        self._lengths: dict[str, list[int]] = {}
        self._sizes: list[int] = []

    def add(self, word: str, stand_in: str) -> None:
        """Look for a word from now on. A single letter would be found in every text: it is not looked for."""
        for form in {word, repr(word)[1:-1]}:
            if len(form) < 2 or form in self._words:
                continue
            self._words[form] = stand_in
            gram = form[:_GRAM]
            lengths = self._lengths.setdefault(gram, [])
            if len(form) not in lengths:
                lengths.append(len(form))
                lengths.sort(reverse=True)
            if len(gram) not in self._sizes:
                self._sizes = sorted([*self._sizes, len(gram)], reverse=True)

    def replaced(self, text: str) -> str:
        """The text with stand-ins instead of words; the longest word that begins at a place counts."""
        out: list[str] = []
        at = kept = 0
        while at < len(text):
            word = self._word_at(text, at)
            if word is None:
                at += 1
                continue
            out += (text[kept:at], self._words[word])
            at = kept = at + len(word)
        return "".join([*out, text[kept:]]) if out else text

    def _word_at(self, text: str, at: int) -> str | None:
        for size in self._sizes:
            for length in self._lengths.get(text[at : at + size], ()):
                word = text[at : at + length]
                if word in self._words and (length >= _GRAM or _stands_alone(text, at, length)):
                    return word
        return None


def _stands_alone(text: str, at: int, size: int) -> bool:
    before, behind = text[at - 1 : at] if at else "", text[at + size : at + size + 1]
    return not (_WORD.match(before) or _WORD.match(behind))


def without_hosts(text: str, of: Callable[[str], str]) -> str:
    """A text without what looks like the address of a machine."""

    def url(found: re.Match[str]) -> str:
        scheme, place, rest = found.groups()
        return f"{scheme}://{of(place)}{rest}"

    text = _URL.sub(url, text)
    for pattern in (_ADDRESS, _DOMAIN):
        text = pattern.sub(lambda found: of(found[0]), text)
    return text


def without_paths(text: str, of: Callable[[str], str]) -> str:
    """A text without what looks like the path of a file."""

    def url(found: re.Match[str]) -> str:
        scheme, place, rest = found.groups()
        return f"{scheme}://{place}" + (f"/{of(rest)}" if rest.strip("/") else rest)

    # Of an URL only what follows the machine is a path: the slashes before it are none.
    parts: list[str] = []
    at = 0
    for found in _URL.finditer(text):
        parts += (_without_files(text[at : found.start()], of), url(found))
        at = found.end()
    return "".join([*parts, _without_files(text[at:], of)])


def _without_files(text: str, of: Callable[[str], str]) -> str:
    text = _QUOTED_FILE.sub(lambda found: of(found[0]), text)
    return _PATH.sub(lambda found: of(found[0]), text)


def without_source(traceback: str) -> str:
    """A traceback whose lines of source are gone: what stands below each ``File "…", line n, in f``.

    Also of one within a log, where distributed writes it as its ``repr``.
    """
    traceback = _ESCAPED_SOURCE.sub("", traceback)
    return "".join(line for line in traceback.splitlines(keepends=True) if not line.startswith("    "))


def names_of_this_machine() -> list[str]:
    """What this machine is called."""
    name = socket.gethostname()
    return [each for each in dict.fromkeys((name, name.partition(".")[0])) if each and each != "localhost"]
