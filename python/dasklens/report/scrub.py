"""What looks like an address, the name of a file, or a line of source, in any text, is put out of it.

A text does not say what its words are, so these take rather too much than too little.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from ipaddress import ip_address

_URL = re.compile(
    r"\b([a-zA-Z][a-zA-Z0-9+.\-]{0,30})://([^\s/'\"<>,;()\[\]{}]+|\[[0-9a-fA-F:.%]+\](?::\d+)?)([^\s'\"<>,;()]*)"
)

# -- addresses ---------------------------------------------------------------------------------------

_ADDRESS = re.compile(
    r"(?<![\w)\]])\[[0-9a-fA-F]*:[0-9a-fA-F:.%]+\](?::\d+)?|(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?(?![\w.]*\d)"
)
_BARE_V6 = re.compile(
    r"(?<![\w:.])[0-9a-fA-F]{0,4}:[0-9a-fA-F:]{0,40}:[0-9a-fA-F:]{0,40}(?:[0-9.]{1,20})?(?:%\w+)?(?!\w)"
)
#: Fewer letters of a bare one are rather a slice: ``[::2]``.
_SHORTEST_V6 = 4
#: What stands last in a name of a machine, besides the two letters of a country.
_TOP = (
    "com|org|net|edu|gov|mil|int|info|biz|pro|name|app|dev|tech|site|online|xyz|cloud|systems|services|network|"
    "host|page|science|academy|blog|shop|store|website|space|group|team|digital|software|solutions|company|"
    "global|world|zone|local|localdomain|localhost|internal|intranet|lan|corp|home|private|svc|cluster|prod|"
    "production|staging|stage|test|example|invalid|arpa"
)
#: Two letters that end names of files rather than of machines.
_NO_COUNTRY = "py|so|js|ts|sh|md|rs|cc|pl|gz|db|bz|xz|np|pd|da|dd"
#: Not followed by more of a dotted word: ``torch.nn.Module`` is none.
_ENDS = r"\b(?!-|\.\w)"
_DOMAIN = re.compile(
    r"(?<![\w.\-])(?:[a-z0-9_](?:[\w\-]*\w)?\.)+"
    rf"(?:{_TOP}|xn--[\w\-]+|(?!(?:{_NO_COUNTRY})\b)[a-z]{{2}}){_ENDS}(?::\d+)?"
    # With a hyphen or a digit in it, whatever is last: no module is called so.
    rf"|(?<![\w.\-])(?=[\w.]*-)(?:[a-z0-9_](?:[\w\-]*\w)?\.){{2,}}[a-z]{{2,}}{_ENDS}(?::\d+)?",
    re.IGNORECASE,
)
_WITH_PORT = re.compile(
    r"(?<![\w.\-/\\])[a-zA-Z](?:[\w.\-]*\w)?(?<!\.py)(?<!\.pyx)(?<!\.so)(?<!\.c)(?<!\.js):\d{2,5}(?![\w:]|\.\d)"
)


def without_hosts(text: str, of: Callable[[str], str]) -> str:
    """A text without what looks like the address of a machine."""

    def url(found: re.Match[str]) -> str:
        scheme, place, rest = found.groups()
        return f"{scheme}://{of(place)}{rest}"

    def v6(found: re.Match[str]) -> str:
        said = found[0].rstrip(".:") if not found[0].endswith("::") else found[0]
        try:
            ip_address(said)
        except ValueError:
            return found[0]
        letters = sum(each in "0123456789abcdefABCDEF" for each in said)
        return of(said) + found[0][len(said) :] if letters >= _SHORTEST_V6 else found[0]

    text = _URL.sub(url, text)
    text = _BARE_V6.sub(v6, text)
    for pattern in (_ADDRESS, _DOMAIN, _WITH_PORT):
        text = pattern.sub(lambda found: of(found[0]), text)
    return text


# -- names of files ----------------------------------------------------------------------------------

#: As Python writes it in a traceback: whatever it is, it is a file.
_FILE = re.compile(r"(?<=File \")[^\"<][^\"]*")
#: Within quotes a path may have spaces and anything else.
_QUOTED = re.compile(r"(?<!\w)([rbuRBU]?)(['\"`])((?:(?!\2)[^\n]){2,4096}?)(\\?)\2")
_IS_FILE = re.compile(r"~[\w.\-]*[/\\]|\.{0,2}[/\\]|[A-Za-z]:[/\\]|.{1,1000}[/\\].{0,1000}\.\w{1,10}$")
#: A folder of a drive or a share may have spaces in its name: what counts is the backslash behind it.
_WINDOWS = re.compile(r"(?:\b[A-Za-z]:[\\/]|\\\\(?=\w))(?:[^\\/:*?\"'<>|\r\n]*[\\/])*[^\s\\/:*?\"'<>|,;()]*")
_POSIX = re.compile(
    r"(?<![\w.\-+@%~$])[\w.\-+@%~$]*(?:/(?:[^\s/\\'\"`<>|*?]|'(?=[\w]+/)|\\ )+)+/?",
)
_TAG = re.compile(r"</\w+$")
_TRAILING = re.compile(r"[.,:;!)\]}]+$")
#: What is written with a slash and is no path: ``and/or``, ``MB/s``, ``3/4``.
_NO_PATH = re.compile(r"(?:[A-Za-z]{1,5}|\d+(?:\.\d+)?|%)/(?:[A-Za-z]{1,5}|\d+(?:\.\d+)?)")
_FILE_NAME = re.compile(
    r"(?<![\w.\-+/\\])\w[\w.\-+]*\."
    r"(?:csv|tsv|parquet|pq|json|jsonl|txt|log|py|ipynb|nc|nc4|h5|hdf5?|zarr|npy|npz|pkl|"
    r"pickle|tiff?|feather|arrow|orc|avro|xlsx?|yaml|yml|toml|ini|cfg|zip|tar|gz|bz2|xz|zst|db|sqlite|pem|key|crt|env|"
    r"sh|html?|xml|dat|bin|grib2?|fits|las|laz)\b(?!\.\w|\()",
    re.IGNORECASE,
)


def without_paths(text: str, of: Callable[[str], str]) -> str:
    """A text without what looks like the path of a file."""

    def url(found: re.Match[str]) -> str:
        scheme, place, rest = found.groups()
        return f"{scheme}://{place}" + (f"/{of(rest).lstrip('/')}" if rest.strip("/") else rest)

    def quoted(found: re.Match[str]) -> str:
        prefix, quote, said, escape = found.groups()
        if not _IS_FILE.match(said) or "://" in said:
            return found[0]
        return f"{prefix}{quote}{of(said)}{escape}{quote}"

    # Of an URL only what follows the machine is a path: the slashes before it are none.
    text = _QUOTED.sub(quoted, _FILE.sub(lambda found: of(found[0]), text))
    parts: list[str] = []
    at = 0
    for found in _URL.finditer(text):
        parts += (_without_files(text[at : found.start()], of), url(found))
        at = found.end()
    return "".join([*parts, _without_files(text[at:], of)])


def _without_files(text: str, of: Callable[[str], str]) -> str:
    def path(found: re.Match[str]) -> str:
        said = found[0]
        if _TAG.fullmatch(text[max(0, found.start() - 1) : found.start()] + said):
            return said
        end = _TRAILING.search(said)
        said = said[: end.start()] if end else said
        if not said.strip("/.") or _NO_PATH.fullmatch(said):
            return found[0]
        return of(said) + found[0][len(said) :]

    text = _WINDOWS.sub(lambda found: of(found[0]), text)
    text = _POSIX.sub(path, text)
    return _FILE_NAME.sub(lambda found: of(found[0]), text)


# -- source ------------------------------------------------------------------------------------------

_ESCAPED_SOURCE = re.compile(r"(?<!\\)\\n(?: +\| )? {4}(?:(?!(?<!\\)\\n).)*")
#: How the traceback of an ExceptionGroup begins, and each of those in it.
_GROUP = re.compile(r"( *)\+ Exception Group Traceback \(most recent call last\):\s*")
_MEMBER = re.compile(r"( *)\+(-\+)?-{4,}(?: (?:\d+|\.\.\.) -{4,})?\s*")
_BAR = re.compile(r"( *)\| ?")


def without_source(traceback: str) -> str:
    """A traceback whose lines of source are gone: what stands below each ``File "…", line n, in f``.

    Also of one within a log, where distributed writes it as its ``repr``, and within an ExceptionGroup.
    """
    kept: list[str] = []
    #: How far the bars of groups are in: a line of source may begin with one too.
    bars: set[int] = set()
    for line in _ESCAPED_SOURCE.sub("", traceback).splitlines(keepends=True):
        group, member, bar = _GROUP.fullmatch(line), _MEMBER.fullmatch(line), _BAR.match(line)
        if group is not None:
            bars.add(len(group[1]))
        elif member is not None and bars:
            bars.add(len(member[1]) + (2 if member[2] else 0))
        elif (line[bar.end() :] if bar and len(bar[1]) in bars else line).startswith("    "):
            continue
        kept.append(line)
    return "".join(kept)
