"""Text of strangers on a stream of this machine: what could steer a terminal, and what it cannot encode."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, TextIO


class Written:
    """A stream that takes any text: what it cannot encode as escapes, and nothing once it is closed."""

    def __init__(self, out: TextIO):
        self._out = out

    def __getattr__(self, name: str) -> Any:
        return getattr(self._out, name)

    def takes(self, text: str) -> bool:
        """Whether it can encode `text` as it is."""
        return self._encodable(text) == text

    def write(self, text: str) -> int:
        """Write, and say how much, as streams do."""
        # Somebody may have closed it.
        with suppress(ValueError):
            self._out.write(self._encodable(text))
        return len(text)

    def flush(self) -> None:
        """Have it seen."""
        with suppress(ValueError):
            self._out.flush()

    def _encodable(self, text: str) -> str:
        encoding = getattr(self._out, "encoding", None) or "utf-8"
        return text.encode(encoding, "backslashreplace").decode(encoding)


class Harmless(Written):
    """The same for text that may not steer a terminal: of what is not printable, line ends and tabs stay."""

    def write(self, text: str) -> int:
        """Write, and say how much, as streams do."""
        super().write(plain(text, "\n\t"))
        return len(text)


def plain(text: str, keep: str = "") -> str:
    """`text` without what would steer a terminal."""
    return "".join(c if c.isprintable() or c in keep else repr(c)[1:-1] for c in text)
