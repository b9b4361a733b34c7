"""Words that are to go, and what stands for each: the same word has the same stand-in everywhere."""

from __future__ import annotations

import re
import socket

#: Letters by which a word is found in a text; longer words are found also within another word.
_GRAM = 6
_WORD = re.compile(r"\w")


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

    def gave(self, stand_in: str) -> bool:
        """Whether it is one that was given out, and no word that only looks like one."""
        kind, _, n = stand_in.rpartition("-")
        return kind == self._kind and n.isdecimal() and 0 < int(n) <= self._n and str(int(n)) == n

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


def names_of_this_machine() -> list[str]:
    """What this machine is called."""
    name = socket.gethostname()
    return [each for each in dict.fromkeys((name, name.partition(".")[0])) if each and each != "localhost"]
