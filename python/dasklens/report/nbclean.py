"""The HTML of a notebook without what would fetch, send the reader elsewhere, or run.

The policy of the page is what keeps scripts and fetches away. This says what is missing, in its place,
where a browser would leave a hole; and it takes out what no policy forbids: a page that goes elsewhere by
itself, and connections that are made before anything is asked for.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from bs4 import BeautifulSoup

from .pages import source_of

#: Elements that bring something from elsewhere, and what people call them.
FRAMES = {"iframe": "frame", "frame": "frame", "object": "object", "embed": "object", "portal": "frame"}
MEDIA = {"img": "picture", "video": "video", "audio": "sound"}
#: Types of scripts that browsers run.
_RUN = re.compile(
    r"^(|module|importmap|speculationrules|(text|application)/(x-)?(java|ecma|j|live)script.*)$", re.I
)
#: A browser makes an element only where it sees its name behind a "<".
_ELSEWHERE = re.compile(r"<(/?)(meta|link|base|iframe|frame|frameset|object|embed|portal)(?=[\s/>])", re.I)
#: Browsers leave out line ends and tabs of an address, wherever they stand.
_SCHEME = re.compile(r"[\s\0-\x1f]*".join(["", *"javascript:"]), re.I)
#: What nbconvert says of a picture that says nothing of itself.
_NO_ALT = "No description has been provided for this image"
_SENTENCE = (
    "What a script of this output draws is not shown: scripts of the notebook do not run in this page."
)


@dataclass
class Cleaned:
    """HTML that fetches nothing."""

    html: str
    #: What is not shown, by what it is: "picture", "video", "sound", "frame", "object"; and "script".
    left_out: Counter[str] = field(default_factory=Counter)
    #: What a policy calls the scripts that stay.
    scripts: list[str] = field(default_factory=list)


def cleaned(html: str, scripts: bool = False) -> Cleaned:
    """Clean the HTML of a notebook's page, before anything of ours is in it.

    Parameters
    ----------
    html : str
        A page.
    scripts : bool, default False
        Whether scripts that stand in it may run; those from elsewhere never do.
    """
    soup = BeautifulSoup(html, features="html.parser")
    left_out: Counter[str] = Counter()
    for element in soup.select("link, base, meta[http-equiv], source[srcset]"):
        element.decompose()
    for element in soup.find_all(list(FRAMES)):
        left_out[FRAMES[element.name]] += 1
        _say(soup, element, f"A {FRAMES[element.name]} is not shown in this page", element.get("src"))
    for element in soup.find_all(list(MEDIA)):
        _medium(soup, element, left_out)
    for element in soup.find_all("script"):
        if _RUN.match(str(element.get("type") or "")) and (not scripts or element.get("src") is not None):
            left_out["script"] += 1
            _explain(soup, element)
            element.decompose()
    for element in soup.find_all(True):
        _disarm(element, left_out)
    # Nothing of the notebook but its title is in the head. What the parser above took for something else than
    # a browser would is no element of these names either.
    head, end, rest = str(soup).partition("</head>")
    made = head + end + _ELSEWHERE.sub(r"<\1x-\2", rest)
    return Cleaned(made, left_out, _sources(made) if scripts else [])


def _medium(soup: BeautifulSoup, element: Any, left_out: Counter[str]) -> None:
    del element["srcset"]
    sources = [element.get("src"), *(each.get("src") for each in element.find_all("source"))]
    wanted = [str(each).strip() for each in sources if each]
    if wanted and not all(each.lower().startswith("data:") for each in wanted):
        left_out[MEDIA[element.name]] += 1
        alt = str(element.get("alt") or "")
        alt = f" “{alt}”" if alt and alt != _NO_ALT else ""
        _say(soup, element, f"A {MEDIA[element.name]}{alt} is not in this page", wanted[0])


def _say(soup: BeautifulSoup, element: Any, words: str, address: Any) -> None:
    """Put words in the place of an element, with the address that it would have come from."""
    note = soup.new_tag("span", attrs={"class": "dasklens-note"})
    note.append(words)
    if address:
        note.append(": ")
        text = str(address).strip()
        if urlsplit(text).scheme in ("http", "https"):
            link = soup.new_tag("a", attrs={"href": text, "rel": "noreferrer"})
            link.append(text)
            note.append(link)
        else:
            note.append(text[:200])
    note.append(".")
    element.replace_with(note)


def _explain(soup: BeautifulSoup, script: Any) -> None:
    """Say once in an output that it had scripts."""
    output = script.find_parent(class_="jp-OutputArea-output")
    if output is not None and output.find(class_="dasklens-scripted") is None:
        note = soup.new_tag("p", attrs={"class": "dasklens-note dasklens-scripted"})
        note.append(_SENTENCE)
        output.insert(0, note)


def _disarm(element: Any, left_out: Counter[str]) -> None:
    for name in list(element.attrs):
        if name.lower().startswith("on") or _SCHEME.match(str(element.attrs[name])):
            del element.attrs[name]
            left_out["script"] += 1
        elif name.lower() == "ping":
            del element.attrs[name]


def _sources(html: str) -> list[str]:
    """What a policy calls the scripts of a page, as a browser finds them."""
    found = BeautifulSoup(html, features="html.parser").find_all("script")
    return sorted(
        {source_of(each.get_text().encode()) for each in found if _RUN.match(str(each.get("type") or ""))}
    )
