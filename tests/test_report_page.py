"""The page of a report as a file: what it may do, what it holds, and the way back."""

from __future__ import annotations

import base64
import gzip
import json
import re
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from dasklens.report import pages
from dasklens.report.pages import bqplot_bundle, read_html, render

SAMPLE = Path(__file__).parent / "data" / "reports" / "sample.json"
HOSTILE = "</script><script>alert(1)</script><!--<script>\u2028&amp;'\""


class Page(HTMLParser):
    """The elements of a page, as a browser would find them."""

    def __init__(self, data: bytes):
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, str] = {}
        self._at = ""
        self.feed(data.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._at = dict(attrs).get("id") or tag

    def handle_endtag(self, tag: str) -> None:
        self._at = ""

    def handle_data(self, data: str) -> None:
        if self._at:
            self.texts[self._at] = self.texts.get(self._at, "") + data

    @property
    def policy(self) -> str:
        found = [each["content"] for tag, each in self.elements if each.get("http-equiv")]
        assert len(found) == 1
        assert found[0]
        return found[0]


def document(**more: Any) -> bytes:
    return json.dumps({**json.loads(SAMPLE.read_bytes()), **more}).encode()


def source(text: str) -> str:
    return f"'sha256-{base64.b64encode(sha256(text.encode()).digest()).decode()}'"


def unpacked(text: str) -> str:
    return gzip.decompress(base64.b64decode(text)).decode()


def test_what_goes_in_comes_out() -> None:
    data = SAMPLE.read_bytes()
    assert json.loads(read_html(render(data))) == json.loads(data)


def test_a_document_says_its_own_json() -> None:
    class Document:
        def to_json(self) -> str:
            return SAMPLE.read_text()

    assert render(Document()) == render(SAMPLE.read_bytes())


def test_the_policy_names_every_script_and_lets_nothing_else_in() -> None:
    page = Page(render(SAMPLE.read_bytes()))
    scripts = [source(page.texts["script"])]
    scripts += [source(unpacked(page.texts[name])) for name in (pages.PAGE, pages.BQPLOT, pages.FIGURES)]
    directives = dict(each.strip().split(" ", 1) for each in page.policy.split(";"))
    assert directives == {
        "default-src": "'none'",
        "script-src": " ".join([scripts[0], scripts[1], scripts[2], scripts[3]]),
        "style-src": "'unsafe-inline'",
        "img-src": "data: blob:",
        "font-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    # The policy comes before what it is for.
    tags = [tag for tag, _ in page.elements]
    assert tags.index("meta") < tags.index("style") < tags.index("script")


def test_a_page_has_no_address_in_it_that_is_fetched() -> None:
    page = Page(render(SAMPLE.read_bytes()))
    fetching = {"src", "href", "srcset", "data", "action", "poster", "background"}
    assert [each for _, each in page.elements if fetching & set(each)] == []
    assert not re.search(r"url\((?!data:)|@import", page.texts["style"])


@pytest.mark.parametrize("field", ["title", "ended_early"])
def test_hostile_text_is_text(field: str) -> None:
    data = document(**{field: HOSTILE})
    made = render(data)
    plain = Page(render(document()))
    page = Page(made)
    # Not one element more than a page without it has.
    assert [tag for tag, _ in page.elements] == [tag for tag, _ in plain.elements]
    assert json.loads(page.texts[pages.DOCUMENT]) == json.loads(data)
    assert json.loads(read_html(made))[field] == HOSTILE


def test_the_verdict_is_there_without_scripts() -> None:
    page = render(document(summary={"verdict": "All <b>went</b> well."}))
    assert b"<p>All &lt;b&gt;went&lt;/b&gt; well.</p>" in page


@pytest.mark.parametrize("summary", [None, [], {}, {"verdict": None}])
def test_a_document_without_a_summary_has_a_page(summary: Any) -> None:
    made = render(document(summary=summary, title=None))
    assert b"<title>Dask report</title>" in made


def test_a_small_report_is_small() -> None:
    # 1,000 tasks may make a file of 1 MB; all but some kilobytes of it are scripts.
    assert len(render(SAMPLE.read_bytes())) < 700_000


def test_the_same_document_makes_the_same_page() -> None:
    assert render(SAMPLE.read_bytes()) == render(SAMPLE.read_bytes())


def test_another_page_is_refused() -> None:
    with pytest.raises(ValueError, match="Expected the HTML of a dasklens report"):
        read_html(b"<!doctype html><p>Hello")


def test_a_page_that_is_cut_off_is_refused() -> None:
    whole = render(SAMPLE.read_bytes())
    with pytest.raises(ValueError, match="cut off"):
        read_html(whole[:-200])


def test_bqplot_comes_from_the_wheel_that_is_installed() -> None:
    assert bqplot_bundle().read_text()[:200].splitlines()[1].startswith('define(["@jupyter-widgets/base"]')


def test_without_bqplot_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(pages, "_candidates", lambda: iter([tmp_path / "index.js"]))
    with pytest.raises(FileNotFoundError, match="Install bqplot again"):
        bqplot_bundle()


def test_without_the_built_page_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(pages, "STATIC", tmp_path)
    with pytest.raises(FileNotFoundError, match=r"style\.css.*install dasklens again"):
        render(SAMPLE.read_bytes())
