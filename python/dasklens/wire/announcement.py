"""The announcement: by which a scheduler, or a kernel that uses one, tells Jupyter of it.

One small JSON file per scheduler and process that speaks of it, in the user's own Jupyter runtime folder
(``scheduler/announce.py`` writes it, the server extension reads it). What is read was written by somebody
else, perhaps by another version: nothing of it is believed before it was looked at here.
"""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from typing import Any
from urllib.parse import unquote

#: The version written and read.
VERSION = 1
#: Bytes of the largest announcement that is read.
LIMIT = 64 * 1024
#: Seconds between two touches of the file: its modification time is the heartbeat.
HEARTBEAT = 5.0
#: Letters of the longest text, and hosts at most.
LONGEST_TEXT, MOST_HOSTS = 1000, 16


class AnnouncementError(ValueError):
    """Bytes that are no announcement; the message says what was expected."""


@dataclass(frozen=True, slots=True)
class Announcement:
    """One scheduler, as one process announces it.

    Attributes
    ----------
    scheduler_id : str
        `Scheduler.id`. Announcements of several processes belong together by it.
    scheduler : str
        Address of its comm, ``"tcp://10.0.0.5:34567"``.
    name : str
        Name of the cluster, or empty.
    scheme : str
        Of the dashboard: ``"http"``, ``"https"``, or empty without an HTTP server.
    hosts : tuple of str
        Where the dashboard may be reached, best first; never a wildcard such as ``"0.0.0.0"``.
    port : int
        Of the dashboard, 0 without one.
    prefix : str
        What its paths begin with: ``"/"``, or ``"/x/y/"`` (``--dashboard-prefix``).
    link_host : str
        The host that ``client.dashboard_link`` names, which need not be one that listens.
    pid : int
        Of the announcing process.
    host : str
        Its hostname, as `this_host` spells it; or empty.
    kernel : str or None
        Id of the kernel that runs or uses the scheduler.
    token : str
        The recorder's, 64 hexadecimal digits; empty when nothing is recorded.
    dasklens : str
        Version of the recorder, or empty.
    started : float
        When the announcing began, in seconds since the epoch on the announcing host's clock.
    """

    scheduler_id: str
    scheduler: str
    name: str
    scheme: str
    hosts: tuple[str, ...]
    port: int
    prefix: str
    link_host: str
    pid: int
    host: str
    kernel: str | None
    token: str
    dasklens: str
    started: float

    def __repr__(self) -> str:
        # The token lets its holder read what the scheduler recorded: it belongs into no log.
        return f"<Announcement of {self.scheduler_id} at {self.scheduler} by process {self.pid}>"


def pack(announcement: Announcement) -> bytes:
    """Write an announcement as JSON.

    Raises
    ------
    AnnouncementError
        When it is one that :func:`unpack` would refuse.
    """
    _check(announcement)
    data = json.dumps({"version": VERSION, **asdict(announcement)}, indent=1).encode()
    _check_size(data)
    return data


def unpack(data: bytes) -> Announcement:
    """Read an announcement; fields of later versions that are not known are ignored.

    Raises
    ------
    AnnouncementError
        For anything else: one sentence that says what was expected and what came.
    """
    _check_size(data)
    try:
        said = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise AnnouncementError(f"An announcement should be JSON, this one is not: {error}.") from None
    if not isinstance(said, dict):
        raise AnnouncementError(f"An announcement should be a JSON object, got {_cut(said)}.")
    if said.get("version") != VERSION:
        raise AnnouncementError(
            f"The announcement is of version {_cut(said.get('version'))}, this dasklens reads version "
            f"{VERSION}: install the same version of dasklens for Jupyter and for the scheduler."
        )
    missing = [field.name for field in fields(Announcement) if field.name not in said]
    if missing:
        raise AnnouncementError(f"An announcement should have the field {missing[0]!r}, this one has not.")
    values: dict[str, Any] = {field.name: said[field.name] for field in fields(Announcement)}
    if isinstance(values["hosts"], list):
        values["hosts"] = tuple(values["hosts"])
    announcement = Announcement(**values)
    _check(announcement)
    return announcement


# Whoever reads a host may put it into a command: it can be no option of it.
_HOST = re.compile(r"[A-Za-z0-9.:_%][A-Za-z0-9.:_%-]*")
_SEGMENT = re.compile(r"(?:[A-Za-z0-9._~@+=,-]|%[0-9A-Fa-f]{2})+")
_TOKEN = re.compile(r"(?:[0-9a-f]{64})?")


def is_host(value: Any) -> bool:
    """Whether `value` is an address or a name that a connection may be made to."""
    # A wildcard is where one listens, not where one connects.
    return _is_text(value) and bool(_HOST.fullmatch(value)) and value not in ("0.0.0.0", "::")  # noqa: S104


def this_host() -> str:
    """The name of this machine; some have letters in theirs that a name of a host cannot have."""
    return re.sub(r"[^A-Za-z0-9.:_%-]|^-", "_", socket.gethostname())


def is_prefix(value: Any) -> bool:
    """Whether `value` is a path such as ``"/"`` or ``"/x/y/"``, without tricks."""
    if not _is_text(value) or value[:1] != "/" or value[-1:] != "/":
        return False
    segments = value.split("/")[1:-1]
    return all(
        _SEGMENT.fullmatch(segment) and unquote(segment) not in (".", "..") and "/" not in unquote(segment)
        for segment in segments
    )


def _is_text(value: Any) -> bool:
    if not isinstance(value, str) or len(value) > LONGEST_TEXT:
        return False
    # JSON can spell halves of surrogate pairs, which nothing that is to be sent on may hold.
    return not any("\ud800" <= letter <= "\udfff" for letter in value)


def _is_hosts(value: Any) -> bool:
    return isinstance(value, tuple) and len(value) <= MOST_HOSTS and all(map(is_host, value))


def _is_number(value: Any, most: float) -> bool:
    return type(value) is int and 0 <= value <= most


_TEXT = (_is_text, f"a text of at most {LONGEST_TEXT} letters")
_RULES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "scheduler_id": (lambda value: _is_text(value) and value != "", "a text, the scheduler's id"),
    "scheduler": _TEXT,
    "name": _TEXT,
    "scheme": (lambda value: value in ("http", "https", ""), "'http', 'https' or ''"),
    "hosts": (_is_hosts, f"at most {MOST_HOSTS} host names or addresses that can be connected to"),
    "port": (lambda value: _is_number(value, 65535), "a number from 0 to 65535"),
    "prefix": (is_prefix, "a path that begins and ends with a slash"),
    "link_host": (lambda value: value == "" or is_host(value), "a host name or address"),
    "pid": (lambda value: _is_number(value, 2**53), "a process id"),
    "host": (lambda value: value == "" or is_host(value), "a host name or address"),
    "kernel": (lambda value: value is None or _is_text(value), "a kernel's id or null"),
    "token": (lambda value: _is_text(value) and bool(_TOKEN.fullmatch(value)), "64 hexadecimal digits or ''"),
    "dasklens": _TEXT,
    "started": (lambda value: type(value) in (int, float) and 0 <= value < 1e12, "seconds since the epoch"),
}


def _check(announcement: Announcement) -> None:
    for name, (fits, expected) in _RULES.items():
        value = getattr(announcement, name)
        if not fits(value):
            came = "something else" if name == "token" else _cut(value)
            raise AnnouncementError(
                f"The field {name!r} of an announcement should be {expected}, got {came}."
            )


def _check_size(data: bytes) -> None:
    if len(data) > LIMIT:
        raise AnnouncementError(
            f"An announcement should have at most {LIMIT:,} bytes, this one has {len(data):,}."
        )


def _cut(value: object) -> str:
    text = ascii(value)
    return text if len(text) <= 80 else text[:77] + "..."
