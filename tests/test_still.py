"""The still picture: HTML that no name can break, of bounded size, and renewed when it should be."""

from __future__ import annotations

import base64
import math
import re
import threading
import time
from dataclasses import dataclass, field
from html.parser import HTMLParser
from io import BytesIO
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from runs import finished, make, many
from test_log import Group, record
from test_log import make as make_log

from dasklens.model.drawing import duration
from dasklens.model.overview import Overview
from dasklens.model.palette import colour_of
from dasklens.model.picture import WIDTH
from dasklens.widgets import still
from dasklens.widgets.still import MOST_IMAGE, Renewal, still_task_stream

VOID = {"img"}
HOSTILE = "</td><img src=x onerror=alert(1)><script>alert(2)</script>&lt;\"'"


@dataclass
class Page(HTMLParser):
    """What a browser would find: elements, the text of cells, and images."""

    html: str
    tags: list[str] = field(default_factory=list)
    attributes: dict[str, set[str]] = field(default_factory=dict)
    images: list[dict[str, str | None]] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    text: str = ""

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._open: list[str] = []
        self.feed(self.html)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes.setdefault(tag, set()).update(name for name, _ in attrs)
        if tag == "img":
            self.images.append(dict(attrs))
        if tag == "tr":
            self.rows.append([])
        if tag == "td":
            self.rows[-1].append("")
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data
        if "td" in self._open:
            self.rows[-1][-1] += data

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data}")

    handle_decl = handle_pi = unknown_decl = handle_comment

    def assert_harmless(self) -> None:
        """Only what the still picture is made of, and nothing that runs or loads."""
        known = {"p", "strong", "img", "table", "thead", "tbody", "tr", "th", "td", "span"}
        assert set(self.tags) <= known
        assert set().union(*self.attributes.values()) <= {"style", "alt", "width", "height", "src", "class"}
        assert self.tags.count("img") <= 1
        for image in self.images:
            source = image["src"] or ""
            assert source.startswith("data:image/png;base64,")
            with Image.open(BytesIO(base64.b64decode(source.partition(",")[2], validate=True))) as picture:
                assert picture.format == "PNG"
                assert picture.width == WIDTH


def still_html(overview: Overview) -> str:
    """The HTML; its picture is the one that stands beside it."""
    still_ = still_task_stream(overview)
    image = base64.b64encode(still_.png).decode()
    assert still_.html.count(f"base64,{image}") == bool(still_.png)
    return still_.html


def overview_of(*tasks: Any, **more: Any) -> Overview:
    overview = Overview()
    for frame in make(list(tasks), **more).frames():
        overview.append(frame)
    return overview


def named(prefix: str, failed: bool = False) -> Any:
    return finished(0, prefix, 0, 0, [("compute", 1.0, 0.5)], failed)


def test_what_it_says() -> None:
    html = still_html(
        overview_of(
            finished(0, "inc", 0, 0, [("compute", 0.0, 1.5)], False),
            finished(1, "inc", 0, 1, [("compute", 0.0, 2.5), ("transfer", 0, 9)], True),
            finished(2, "sum", 1, 0, [("compute", 0.0, 0.25)], False),
        )
    )
    page = Page(html)
    page.assert_harmless()
    assert "Task stream: 3 tasks, 1 failed, on 3 threads of 2 workers" in page.text
    assert page.rows[1:] == [["■", "inc", "2 (1 failed)", "4 s"], ["■", "sum", "1", "250 ms"]]
    assert f'style="color:{colour_of("inc")}">■' in html
    assert page.images[0]["alt"] == "Task stream: 3 tasks, 1 failed, on 3 threads of 2 workers"
    assert re.search(r"2026-11-23 \d\d:\d\d:\d\d to \d\d:\d\d:\d\d UTC", page.text)
    assert "missing" not in page.text
    assert "prefixes" not in page.text


def test_no_task() -> None:
    page = Page(still_html(Overview()))
    page.assert_harmless()
    assert page.text == "Task stream: no task had finished yet."
    assert page.images == []


def test_one_task() -> None:
    assert "Task stream: 1 task, on 1 thread of 1 worker" in Page(still_html(overview_of(named("x")))).text


def test_n_of_m() -> None:
    tasks = [finished(i, "inc", 0, 0, [("compute", i, 0.5)], False) for i in range(4000)]
    overview = overview_of(*tasks, chunk=500, limit=100_000)
    assert overview.missed > 0
    assert f"Task stream: {4000 - overview.missed:,} of 4,000 tasks, on" in Page(still_html(overview)).text


@pytest.mark.parametrize("name", [HOSTILE, "\ud800<b>", "<!-- ", "]]>", "&amp;&#60;", "\0", "a" * 1000])
def test_hostile_names_stay_text(name: str) -> None:
    page = Page(still_html(overview_of(named(name, True))))
    page.assert_harmless()
    assert page.tags.count("tr") == 2
    shown = name.encode("utf-8", "replace").decode()
    assert page.rows[1][1].replace("\ufffd", "\0") == (shown if len(name) <= 80 else name[:80] + "…")


@settings(deadline=None, max_examples=50)
@given(st.lists(st.text(st.sampled_from("<>&\"'/=a!-\ud800 \n")), min_size=1, max_size=20))
def test_names_at_random_stay_text(names: list[str]) -> None:
    overview = overview_of(*(named(name, i % 2 > 0) for i, name in enumerate(names)))
    for i, lane in enumerate(overview.lanes):
        overview.lanes[i] = (HOSTILE, HOSTILE, HOSTILE) if i else lane
    page = Page(still_html(overview))
    page.assert_harmless()
    assert page.tags.count("tr") == 1 + min(12, len(set(names)))


def test_text_stays_in_one_line_of_html_and_has_its_own_lines() -> None:
    """Behind an empty line Markdown, which `nbconvert --to markdown` makes, reads on as Markdown."""
    said = still.words_html("a\n\n![b](http://example.org/x.png)\r\n\r$c")
    assert not re.search(r"[\r\n]", said)
    parser, found = HTMLParser(convert_charrefs=True), []
    parser.handle_data = found.append  # type: ignore[method-assign]
    parser.feed(said)
    parser.close()
    assert "".join(found) == "a\n\n![b](http://example.org/x.png)\n\n$c"
    assert not re.search(r"[\r\n]", still.image_html(b"", "a\n\nb"))


def test_many_prefixes_are_counted() -> None:
    page = Page(still_html(overview_of(*(named(f"p{i}") for i in range(40)))))
    assert len(page.rows) == 13
    assert "and 28 more prefixes" in page.text


@pytest.mark.parametrize(
    ("lanes", "prefixes", "failed"),
    [(64, 50, 0.0), (1000, 300, 0.001), (1000, 300, 1.0), (20_000, 300, 0.001)],
)
def test_a_million_spans_are_small_and_quick(lanes: int, prefixes: int, failed: float) -> None:
    overview = Overview()
    for frame in many(1_000_000, lanes, prefixes, failed=failed):
        overview.append(frame)
    begin = time.process_time()
    html = still_html(overview)
    # Half a second on a slow machine; it is made at the end of a cell, while somebody waits.
    assert time.process_time() - begin < 4
    assert len(html) <= MOST_IMAGE * 4 / 3 + 10_000
    assert 'width="960"' in html
    assert "Task stream:</strong> 1,000,000 tasks" in html


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0 µs"),
        (2e-5, "20 µs"),
        (0.0005, "500 µs"),
        (0.99999, "1 s"),
        (1.2345, "1.23 s"),
        (999.9, "1,000 s"),
        (1234567.0, "1,230,000 s"),
    ],
)
def test_durations(seconds: float, said: str) -> None:
    assert duration(seconds) == said


# --- when it is renewed ---------------------------------------------------------------------------


class Events:
    """IPython's."""

    def __init__(self) -> None:
        self.callbacks: list[Any] = []

    def register(self, event: str, callback: Any) -> None:
        assert event == "post_run_cell"
        self.callbacks.append(callback)

    def unregister(self, event: str, callback: Any) -> None:
        self.callbacks.remove(callback)

    def end_cell(self) -> None:
        for callback in self.callbacks:
            callback(None)


@dataclass
class Shell:
    events: Events = field(default_factory=Events)


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch) -> Shell:
    shell = Shell()
    monkeypatch.setattr("IPython.get_ipython", lambda: shell)
    return shell


def test_renewed_at_the_end_of_a_cell_if_anything_came(shell: Shell) -> None:
    said: list[str] = []
    renewal = Renewal(lambda: said.append("renew"), settle=lambda: said.append("settle"))
    renewal.listen()
    renewal.listen()
    shell.events.end_cell()
    assert said == ["settle"]
    renewal.changed()
    shell.events.end_cell()
    assert said == ["settle", "settle", "renew"]
    shell.events.end_cell()
    assert said.count("renew") == 1
    renewal.close()
    assert shell.events.callbacks == []


def test_what_was_renewed_between_cells_is_renewed_again_at_the_end_of_one(shell: Shell) -> None:
    said: list[str] = []
    renewal = Renewal(lambda: said.append("renew"), settle=lambda: None)
    renewal.listen()
    renewal.now()
    assert said == ["renew"]
    shell.events.end_cell()
    assert said == ["renew", "renew"]
    shell.events.end_cell()
    assert said == ["renew", "renew"]
    renewal.close()


def test_what_arrives_while_the_cell_ends_is_in_it(shell: Shell) -> None:
    said: list[str] = []
    renewal = Renewal(lambda: said.append("renew"), settle=lambda: renewal.changed())
    renewal.listen()
    shell.events.end_cell()
    assert said == ["renew"]
    renewal.close()


def test_renewed_now_and_then_while_a_cell_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(still, "_EVERY", 0.01)
    renewed = threading.Event()
    renewal = Renewal(renewed.set, settle=lambda: None)
    for _ in range(3):
        renewal.changed()
        assert renewed.wait(10)
        renewed.clear()
    renewal.close()
    renewal.changed()
    assert renewal._timer is None


def test_a_costly_picture_is_made_seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []

    class Timer:
        daemon = False

        def __init__(self, interval: float, function: Any):
            waits.append(interval)

        def start(self) -> None:
            assert self.daemon

        def cancel(self) -> None:
            pass

    clock = iter([0.0, 3.0])
    monkeypatch.setattr(still, "threading", SimpleNamespace(Timer=Timer, Lock=threading.Lock))
    monkeypatch.setattr(still, "time", SimpleNamespace(perf_counter=lambda: next(clock)))
    renewal = Renewal(lambda: None, settle=lambda: None)
    renewal.changed()
    renewal._when_due()
    renewal.changed()
    renewal.close()
    assert waits == [10, 150]


def test_no_ipython() -> None:
    renewal = Renewal(lambda: None, settle=lambda: None)
    renewal.listen()
    renewal.close()


@pytest.mark.parametrize("start", [math.nan, math.inf, -math.inf, 1e300])
def test_a_broken_clock_leaves_the_rest_of_the_picture(start: float) -> None:
    log = make_log()
    group = Group("x")
    odd = ({"action": "compute", "start": start, "stop": start},)
    log.extend([record(0, group), record(1, group, startstops=odd), record(2, group)])
    overview = Overview()
    overview.append(log.frames(0)["frames"][0])
    spans = overview.spans()
    assert (spans.start.min(), spans.stop.max()) == (1.7e9, 1.7e9 + 2.5)
    assert "3 tasks" in still_html(overview)
