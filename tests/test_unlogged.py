"""No address of a page in Jupyter's log, however it is spelled."""

from __future__ import annotations

import logging
import socket
from pathlib import Path

import pytest
from jupyter import jupyter

from dasklens.server.unlogged import Unlogged, clean, keep_out

SECRET = "Qq_-0" * 8 + "xyz"
CODED = "".join(f"%{ord(letter):02X}" for letter in SECRET)


@pytest.mark.parametrize("secret", [SECRET, CODED, SECRET[:20] + CODED[60:], CODED.replace("%", "%25")])
@pytest.mark.parametrize(
    "before",
    [
        "/dasklens/page/",
        "/user/x//dasklens/page/",
        "/dasklens//page//",
        "/dasklens/%70age/",
        "/dasklens/%70%61%67%65%2F",
        "/dasklens/page%2f",
        "/dasklens/%2570age/",
        "/dasklens/page/./",
        "http://evil/dasklens/page/",
        "/DASKLENS/PAGE/",
    ],
)
def test_a_secret_is_taken_out_of_what_is_logged(before: str, secret: str) -> None:
    said = clean(f"404 GET {before}{secret}/status (1.2.3.4) referer=http://x{before}{secret}/")
    assert said == f"404 GET {before}…/status (1.2.3.4) referer=http://x{before}…/"


@pytest.mark.parametrize("text", ["/dasklens/page/short/x", f"/{SECRET}", "", "page/"])
def test_what_is_none_stays(text: str) -> None:
    assert clean(text) == text


def test_arguments_and_tracebacks_are_looked_at_too(caplog: pytest.LogCaptureFixture) -> None:
    log = logging.getLogger("test.unlogged")
    log.addFilter(Unlogged())
    place = f"/dasklens/page/{SECRET}/x"
    log.warning("%d GET %s", 404, place)
    log.warning("nothing to hide in %s", "this")
    try:
        raise ValueError(place)
    except ValueError:
        log.exception("failed")
    assert SECRET not in caplog.text
    assert "404 GET /dasklens/page/…/x" in caplog.text
    assert "ValueError: /dasklens/page/…/x" in caplog.text
    assert "nothing to hide in this" in caplog.text


def test_it_is_kept_out_once_and_of_every_handler() -> None:
    log, child = logging.getLogger("test.kept"), logging.getLogger("test.kept.child")
    said: list[str] = []

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(record.getMessage())

    handler = Handler()
    log.addHandler(handler)
    log.propagate = False
    for _ in range(2):
        keep_out(logging.LoggerAdapter(log, {}))
    assert (len(log.filters), len(handler.filters)) == (1, 1)
    child.error("/page/%s", SECRET)
    assert said == ["/page/…"]


def test_a_real_servers_log_has_none(tmp_path: Path) -> None:
    """Addresses that are not quite those of a page go to other handlers, which log what they are asked."""
    with jupyter(tmp_path) as server:
        base = server.base_url
        asked = [
            f"GET {base}dasklens/page/{SECRET}/x",
            f"GET {base}/dasklens/page/{SECRET}/x",
            f"GET {base}dasklens//page/{SECRET}/x",
            f"GET {base}dasklens/%70age/{SECRET}/x",
            f"GET {base}dasklens/page/{CODED}/x",
            f"GET {base}dasklens/page/{SECRET}",
            f"GET {base}xdasklens/page/{SECRET}/x",
            f"GET /dasklens/page/{SECRET}/x",
            f"GET http://elsewhere{base}/dasklens/page/{SECRET}/x",
            f"TRACE {base}dasklens/page/{SECRET}/x",
            f"POST {base}dasklens//page/{SECRET}/x",
            f"GET {base}dasklens/page/{SECRET}/\xe9",
        ]
        for line in asked:
            with socket.create_connection(("127.0.0.1", server.port), 20) as sock:
                head = f"{line} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nConnection: close\r\n"
                referer = f"Referer: http://localhost{base}/dasklens/page/{SECRET}/x\r\n"
                sock.sendall(f"{head}{referer}\r\n".encode("latin1"))
                while sock.recv(1 << 16):
                    pass
        said = server.said()
    assert SECRET not in said
    assert CODED not in said
    # They were logged.
    assert "/page/…/x" in said
    assert "/%70age/…/x" in said
