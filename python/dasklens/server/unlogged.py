"""Keep the addresses of pages out of the log: whoever has one can look at a scheduler without login.

`ProxyHandler` writes no address of its own. But an address that is spelled a little otherwise, with two
slashes or below another base URL, is some other handler's, whose line has the whole of it; and a mistyped
address differs from the right one in a letter that is easily put back.
"""

from __future__ import annotations

import logging
import re
from typing import Any

from dasklens.server.capability import LENGTH

#: `page/`, and a secret behind it, each letter as it is or percent-encoded, perhaps more than once.
_ENCODED = r"%(?:25)*"
_PAGE = "".join(f"(?:{letter}|{_ENCODED}{ord(letter):x})" for letter in "page")
_BETWEEN = rf"(?:[/\\.]|{_ENCODED}(?:2f|5c|2e))+"
_ADDRESS = re.compile(
    rf"({_PAGE}{_BETWEEN})(?:[A-Za-z0-9_-]|{_ENCODED}[0-9A-Fa-f]{{2}}){{{LENGTH}}}", re.IGNORECASE
)

#: Where Jupyter and tornado write; all of them end in the handlers of the server's own.
_LOGGERS = ("tornado.access", "tornado.application", "tornado.general")


class Unlogged(logging.Filter):
    """Replaces secrets in what is logged; drops nothing."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Have `record` hold no secret of a page."""
        try:
            message = record.getMessage()
        except Exception:
            return True  # the handler says what is wrong with it
        without = clean(message)
        if without != message:
            record.msg, record.args = without, ()
        if record.exc_info and record.exc_text is None:
            text = logging.Formatter().formatException(record.exc_info)
            without = clean(text)
            if without != text:
                # What a formatter finds here, it does not make anew.
                record.exc_text = without
        return True


def clean(text: str) -> str:
    """The text with ``…`` in the place of each secret behind ``page/``."""
    return _ADDRESS.sub(r"\1…", text)


_FILTER = Unlogged()


def keep_out(log: Any) -> None:
    """Keep secrets out of the server's log; however often called.

    Parameters
    ----------
    log : logging.Logger or logging.LoggerAdapter
        The server's. What its handlers write is looked at too, for other loggers end there.
    """
    own = getattr(log, "logger", log)
    for logger in (own, *map(logging.getLogger, _LOGGERS)):
        logger.addFilter(_FILTER)
    while own is not None:
        for handler in own.handlers:
            handler.addFilter(_FILTER)
        own = own.parent if own.propagate else None
