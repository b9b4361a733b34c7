"""`performance_report` and what it writes: names of files, suffixes, modes, calling code, the cell magic."""

from __future__ import annotations

import gzip
import json
import os
import sys
import threading
import warnings
from pathlib import Path
from typing import Any

import distributed
import fsspec
import pytest
from conftest import NO_DASHBOARD
from distributed import Client
from kernels import kernel

from dasklens import Report, load_report, performance_report
from dasklens.kernel.magic import register
from dasklens.report.document import ReportError
from dasklens.report.files import kind_of

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="of Linux")


def test_the_arguments_are_those_of_distributed(client: Client) -> None:
    import inspect

    theirs = list(inspect.signature(distributed.performance_report).parameters.values())
    ours = list(inspect.signature(performance_report).parameters.values())
    assert [(p.name, p.default) for p in ours[: len(theirs)]] == [(p.name, p.default) for p in theirs]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.html", "html"),
        ("a.json", "json"),
        ("a.JSON", "json"),
        ("a.json.gz", "json"),
        ("a.html.xz", "html"),
        ("report", "html"),
        ("a.json/b", "html"),
        ("s3://bucket/a.json", "json"),
        (Path("a.dasklens.json"), "json"),
    ],
)
def test_what_is_written_goes_by_the_suffix(name: Any, kind: str) -> None:
    assert kind_of(name) == kind


@pytest.mark.parametrize("name", ["r.json", "r.json.gz", "r.dasklens.json", "r.html", "r.html.xz"])
def test_files_are_read_back(client: Client, tmp_path: Path, name: str) -> None:
    with performance_report(tmp_path / name, title="a <b>title</b>") as report:
        client.submit(abs, -1, key="one").result()
    again = load_report(str(tmp_path / name))
    assert again.title == "a <b>title</b>"
    assert again.data == report.data
    for part in ("title", "code", "cluster", "summary", "tables", "logs", "streams", "missed"):
        assert getattr(again._document, part) == getattr(report._document, part), part
    if name.endswith(".html"):
        page = (tmp_path / name).read_bytes()
        assert page.startswith(b"<!doctype html>")
        assert b"<b>title</b>" not in page
        for cut in (10, len(page) // 2, len(page) - 50):
            with pytest.raises(ReportError, match=r"^[^\n]+$"):
                load_report(page[:cut])
        with pytest.raises(ReportError, match="got a file without one"):
            load_report(b"<html><body>another page</body></html>")
    if name.endswith(".gz"):
        assert json.loads(gzip.decompress((tmp_path / name).read_bytes()))["format"] == "dasklens-report"
        (tmp_path / "cut.json.gz").write_bytes((tmp_path / name).read_bytes()[:-50])
        with pytest.raises(ReportError, match="cannot be read"):
            load_report(tmp_path / "cut.json.gz")


def test_urls_go_through_fsspec(client: Client) -> None:
    with performance_report("memory://folder/r.json") as report:
        client.submit(abs, -1, key="one").result()
    assert load_report("memory://folder/r.json").data == report.data
    report.save("memory://folder/again.json.gz")
    with fsspec.open("memory://folder/again.json.gz", "rb", compression="gzip") as file:
        assert load_report(file.read()).data == report.data


def test_options_reach_fsspec(client: Client, tmp_path: Path) -> None:
    with performance_report(f"file://{tmp_path}/new/r.json", storage_options={"auto_mkdir": True}):
        pass
    assert load_report(tmp_path / "new" / "r.json").data == []
    with pytest.raises(ValueError, match="github can only be read"):
        performance_report("github://x/r.json")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("", "filename should be a file or a URL"),
        (3, "filename should be a file or a URL"),
        ("{tmp}", "is a folder"),
        ("nosuch://x/r.html", "that fsspec can write"),
        ("{tmp}/full.json/r.html", "a file that can be written"),
        ("{tmp}/full.json/and/more/r.html", "a file that can be written"),
        ("http://127.0.0.1:9/r.html", "https? can only be read"),
        ("https://127.0.0.1:9/r.html", "https? can only be read"),
        ("{tmp}/a\0b.html", "a file that can be written"),
        ("{tmp}/\ud800.html", "a file that can be written"),
        ("{tmp}/" + "a" * 300 + ".html", "of at most 255 bytes"),
        ("{tmp}/" + "a/" * 3000 + "r.html", "and 4096 with its folders"),
        pytest.param("/proc/r.html", "a file that can be written", marks=LINUX),
        pytest.param("/proc/nosuch/r.html", "a file that can be written", marks=LINUX),
    ],
)
def test_bad_filenames_are_refused_before_the_block(
    client: Client, tmp_path: Path, name: Any, said: str
) -> None:
    (tmp_path / "full.json").write_text("a file")
    if isinstance(name, str):
        name = name.format(tmp=tmp_path)
    with pytest.raises(ValueError, match=said) as caught:
        performance_report(name)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300 + len(str(tmp_path))


@pytest.mark.parametrize("title", [5, ["a"], b"a", True])
def test_a_title_is_text(client: Client, title: Any) -> None:
    with pytest.raises(ValueError, match="title should be text or None, got "):
        performance_report(None, title=title)
    with pytest.raises(ValueError, match="title should be text or None, got "):
        Report.start(title=title)


@pytest.mark.parametrize("name", ["r.json", "r.html", "r.json.gz"])
def test_halves_of_characters_are_no_matter(client: Client, tmp_path: Path, name: str) -> None:
    title = "lone \ud800 half"
    with performance_report(tmp_path / name, title=title) as report:
        pass
    report._document.summary["verdict"] = "\udc80"
    report.save(tmp_path / name)
    again = load_report(tmp_path / name)
    assert (again.title, again.summary()["verdict"]) == (title, "\udc80")


@pytest.mark.parametrize("name", ["r.json", "r.html.gz"])
def test_a_file_is_written_as_a_whole(client: Client, tmp_path: Path, name: str, monkeypatch: Any) -> None:
    path = tmp_path / name
    with performance_report(path) as report:
        pass
    (tmp_path / "new").touch()
    assert path.stat().st_mode == (tmp_path / "new").stat().st_mode
    path.chmod(0o600)
    (tmp_path / "link").symlink_to(path)
    report.save(tmp_path / "link" if name == "r.html" else path)
    assert path.stat().st_mode & 0o777 == 0o600
    before = path.read_bytes()

    def fails(*_: Any) -> None:
        raise OSError("no space left")

    monkeypatch.setattr("dasklens.report.localfile._packed", fails)
    with pytest.raises(OSError, match="no space"):
        report.save(path)
    assert path.read_bytes() == before
    assert sorted(each.name for each in tmp_path.iterdir()) == sorted(["link", "new", name])


@LINUX
def test_what_is_no_file_is_not_replaced(client: Client) -> None:
    with performance_report("/dev/null"):
        pass
    assert Path("/dev/null").is_char_device()


def test_modes(client: Client) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for mode in (None, "inline", "relative", "absolute-dev", "server"):
            performance_report(None, mode=mode)
    with pytest.warns(UserWarning, match="will not load anything from a network") as caught:
        performance_report(None, mode="cdn")
    assert len(caught) == 1
    assert caught[0].filename == __file__
    with pytest.raises(ValueError, match="mode should be None or one of inline, cdn"):
        performance_report(None, mode="paper")


def test_no_client() -> None:
    with pytest.raises(ValueError, match="No Dask client here yet"):
        performance_report(None)
    with Client(n_workers=0, processes=False, **NO_DASHBOARD) as client:
        pass
    with pytest.raises(ValueError, match="client is closed"):
        performance_report(None, client=client)


def test_calling_code_is_that_of_the_call(client: Client) -> None:
    with performance_report(None) as report:
        pass
    assert report.code is not None
    lines = report.code["text"].splitlines()
    assert lines[0] == "def test_calling_code_is_that_of_the_call(client: Client) -> None:"
    assert lines[report.code["line"] - 1] == "    with performance_report(None) as report:"
    assert report.code["file"] == __file__


def wrapper(stacklevel: int) -> Any:
    return performance_report(None, stacklevel=stacklevel)


@pytest.mark.parametrize(
    ("stacklevel", "line"),
    [
        (-1, "    return performance_report(None, stacklevel=stacklevel)"),
        (1, "    return performance_report(None, stacklevel=stacklevel)"),
        (2, "    with wrapper(stacklevel) as report:"),
    ],
)
def test_stacklevel_is_that_of_distributed(client: Client, stacklevel: int, line: str) -> None:
    with wrapper(stacklevel) as report:
        pass
    assert report.code["text"].splitlines()[report.code["line"] - 1] == line


def test_code_that_nobody_knows(client: Client) -> None:
    names: dict[str, Any] = {}
    exec("from dasklens import performance_report\nwith performance_report(None) as report: pass", names)
    assert names["report"].code is None
    with performance_report(None, stacklevel=100_000) as report:
        pass
    assert report.code is None


def test_start_and_stop(client: Client, tmp_path: Path) -> None:
    report = Report.start(title="by hand")
    assert report.data == []
    assert report.title == "by hand"
    assert "recording" in repr(report)
    with pytest.raises(RuntimeError, match="still being recorded"):
        report.save(tmp_path / "r.json")
    client.submit(abs, -1, key="one").result()
    assert report.stop() is report
    client.submit(abs, -1, key="two").result()
    assert report.stop() is report
    assert [record["key"] for record in report.data] == ["one"]
    report.save(tmp_path / "r.json")
    assert load_report(tmp_path / "r.json").title == "by hand"
    with pytest.raises(RuntimeError, match="is not being recorded"):
        load_report(tmp_path / "r.json").stop()


def test_many_may_stop_it_at_once(client: Client) -> None:
    report = Report.start(client)
    client.gather(client.map(abs, range(50)))
    seen: list[Any] = []

    def stop() -> None:
        try:
            seen.append((len(report.stop()), report.stop_time, id(report._document)))
        except Exception as error:
            seen.append(error)

    threads = [threading.Thread(target=stop) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 6
    assert len(set(seen)) == 1
    assert seen[0][0] == 50
    assert report.ended_early == ""


def test_another_block_is_another_report(client: Client) -> None:
    recording = performance_report(None)
    with recording as first:
        client.submit(abs, -1, key="one").result()
    with recording as second:
        client.submit(abs, -1, key="two").result()
    assert [[record["key"] for record in report.data] for report in (first, second)] == [["one"], ["two"]]
    assert second.code == first.code is not None
    with pytest.raises(RuntimeError, match="has not begun"):
        performance_report(None).__exit__(None, None, None)


def test_figures_of_a_report(client: Client) -> None:
    with performance_report(None) as report:
        client.gather(client.map(abs, range(5)))
    again = load_report(report.to_json())
    box = again.task_stream()
    assert box.children[0].__class__.__name__ == "Toolbar"
    for kind in ("worker", "server", "scheduler"):
        profile = again.profile(kind)
        assert profile.kind == kind
        assert profile.mark.phase == "finished"
    with pytest.raises(ValueError, match="kind should be one of worker, server, scheduler"):
        again.profile("nobody")
    assert "worker threads computing" in str(again.summary())
    assert again.summary()["figures"]["tasks"] == 5


def test_a_file_that_cannot_be_written_after_all(client: Client, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    with pytest.raises(OSError, match="folder"), performance_report(folder / "r.json") as report:
        folder.write_text("a file by now")
    assert report.stop_time
    folder.unlink()
    # What was raised in the block comes first.
    with pytest.warns(RuntimeWarning, match="There is no whole report"), pytest.raises(ZeroDivisionError):
        _fail(folder)


def _fail(folder: Path) -> None:
    with performance_report(folder / "r.json"):
        folder.write_text("a file by now")
        1 / 0


@pytest.fixture
def shell() -> Any:
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell()
    register(shell)
    return shell


def test_the_cell_magic(client: Client, shell: Any, tmp_path: Path, capsys: Any) -> None:
    path = tmp_path / "r.json"
    shell.user_ns["client"] = client
    cell = f"%%dask_report {path}\nx = client.submit(abs, -7, key='one').result()\nx + 1\n"
    result = shell.run_cell(cell)
    assert result.success
    assert result.result == 8
    assert shell.user_ns["x"] == 7
    report = load_report(path)
    assert [record["key"] for record in report.data] == ["one"]
    assert report.code is not None
    assert report.code["text"].startswith("x = client.submit(abs, -7")
    failed = shell.run_cell(f"%%dask_report {path}\n1/0")
    assert isinstance(failed.error_in_exec, ZeroDivisionError)
    assert load_report(path).exception["type"] == "ZeroDivisionError"  # type: ignore[index]
    assert capsys.readouterr().out.count("division by zero") == 1
    assert shell.run_cell(f"%%dask_report {path}\n1 + 1;").result is None
    wrong = shell.run_cell(f"%%dask_report {path}/r.json\n1")
    assert isinstance(wrong.error_in_exec, ValueError)


def test_importing_dasklens_brings_the_magic_to_a_kernel(tmp_path: Path) -> None:
    env = {**os.environ, "JUPYTER_RUNTIME_DIR": str(tmp_path), "IPYTHONDIR": str(tmp_path / "ipython")}
    path = tmp_path / "r.json"
    with kernel(env) as (_ident, run):
        run("import dasklens; from distributed import Client")
        run("client = Client(n_workers=1, threads_per_worker=1, processes=False, dashboard_address=':0')")
        run(f"%%dask_report {path}\nclient.submit(abs, -1, key='one').result()")
        run("client.close()")
    report = load_report(path)
    assert [record["key"] for record in report.data] == ["one"]
    assert report.code is not None
    assert report.code["text"] == "client.submit(abs, -1, key='one').result()"


@pytest.mark.parametrize("redact", [None, 5, True])
def test_what_to_leave_out_is_a_list(client: Client, redact: Any) -> None:
    with pytest.raises(ValueError, match="redact should be some of code, hosts, paths, keys, logs, or"):
        performance_report(None, redact=redact)


def test_a_stacklevel_is_a_number(client: Client) -> None:
    with pytest.raises(ValueError, match="stacklevel should be a whole number, got '1'"):
        performance_report(None, stacklevel="1")  # type: ignore[arg-type]
    with performance_report(None, stacklevel=10**30) as report:
        pass
    assert report.code is None


def test_a_block_within_itself_is_refused(client: Client) -> None:
    recording = performance_report(None)
    with recording as report:
        client.submit(abs, -1, key="one").result()
        with pytest.raises(RuntimeError, match="make another one for a block within it"):
            recording.__enter__()
        client.submit(abs, -1, key="two").result()
    assert [record["key"] for record in report.data] == ["one", "two"]


def test_a_summary_comes_at_the_end(client: Client) -> None:
    with performance_report(None) as report:
        assert str(report.summary()) == "There is a summary when the recording has ended."
    assert "No task finished" in str(report.summary())


def test_packed_bytes_are_read(client: Client) -> None:
    with performance_report(None) as report:
        pass
    packed = gzip.compress(report.to_json())
    assert load_report(packed).title == report.title
    for cut in (10, len(packed) // 2, len(packed) - 2):
        with pytest.raises(ReportError, match="it is no whole gzip"):
            load_report(packed[:cut])


def test_a_page_that_is_cut_early_is_said_to_be_cut(client: Client, tmp_path: Path) -> None:
    with performance_report(tmp_path / "r.html"):
        pass
    with pytest.raises(ReportError, match="cut off"):
        load_report((tmp_path / "r.html").read_bytes()[:50_000])


def test_the_cell_magic_takes_one_filename(shell: Any, client: Client, tmp_path: Path) -> None:
    result = shell.run_cell("%%dask_report a.html b.html\n1")
    assert "Expected %%dask_report [filename]" in str(result.error_before_exec or result.error_in_exec)
    assert shell.run_cell(f"%%dask_report '{tmp_path}/with space.json'\n1").success
    assert (tmp_path / "with space.json").exists()
