"""`dasklens report`: the commands, their exit codes, and what hostile files may not do to a terminal."""

from __future__ import annotations

import io
import json
import os
import pty
import re
import subprocess
import sys
import webbrowser
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from dasklens import load_report
from dasklens.cli.main import COMMANDS, main
from dasklens.cli.reading import Reading
from dasklens.report.document import Document

ROOT = Path(__file__).parent.parent
SAMPLE = ROOT / "tests" / "data" / "reports" / "sample.json"
#: What steers terminals: colours, the title, the clipboard, going back, what turns letters around.
STEERING = "\x1b[31m\x1b]0;title\x07\x1b]52;c;eA==\x07\x9b2J\r\x08\u202eevil"


def run(*args: str | Path, stdin: Any = None, **env: str) -> subprocess.CompletedProcess[str]:
    """As a process of its own."""
    command = [sys.executable, "-m", "dasklens", "report", *map(str, args)]
    env = {**os.environ, "PYTHONIOENCODING": "utf-8", **env}
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=120, encoding="utf-8")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: Any) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def document(**more: Any) -> Document:
    made = Document.from_json(SAMPLE.read_bytes())
    for name, value in more.items():
        setattr(made, name, value)
    return made


def hostile(path: Path) -> Path:
    made = document(title=STEERING, ended_early=STEERING)
    made.exception = {"type": STEERING, "text": STEERING, "traceback": STEERING}
    made.summary["verdict"] = STEERING
    for finding in made.summary["findings"]:
        finding.update(title=STEERING, evidence=STEERING, remedy=STEERING)
    path.write_bytes(made.to_json())
    return path


def harmless(text: str) -> bool:
    return all(letter.isprintable() or letter in "\n\t" for letter in text)


# -- as a whole ------------------------------------------------------------------------------------------


def test_the_console_script_is_this() -> None:
    project = (ROOT / "pyproject.toml").read_text()
    section = project.split("[project.scripts]")[1].split("\n[")[0]
    scripts = dict(re.findall(r'^([\w-]+) = "([\w.]+:\w+)"$', section, re.MULTILINE))
    name, _, function = scripts["dasklens"].partition(":")
    assert getattr(import_module(name), function) is main
    assert scripts.keys() == {"dasklens", "jupyter-dasklens"}


def test_it_is_a_module_too(here: Path) -> None:
    done = run("summary", SAMPLE)
    assert (done.returncode, done.stderr) == (0, "")
    assert "366 tasks in 8.09 s" in done.stdout


@pytest.mark.parametrize(
    "args", [[], ["report"], ["report", "nosuch"], ["report", "show"], ["report", "summary"]]
)
def test_a_wrong_command_line_exits_with_2(args: list[str], capsys: Any) -> None:
    with pytest.raises(SystemExit) as caught:
        main(args)
    assert caught.value.code == 2
    assert "usage: dasklens" in capsys.readouterr().err


@pytest.mark.parametrize(
    "args", [["--help"], ["report", "--help"], *(["report", c, "--help"] for c in COMMANDS)]
)
def test_help(args: list[str], capsys: Any) -> None:
    with pytest.raises(SystemExit) as caught:
        main(args)
    assert caught.value.code == 0
    said = capsys.readouterr().out
    if len(args) == 3:
        assert "Exit code 0: all is fine; 1:" in said


def test_the_version(capsys: Any) -> None:
    import dasklens

    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out == f"dasklens {dasklens.__version__}\n"


@pytest.mark.parametrize("command", [["summary"], ["show", "--no-browser"], ["export", "--to", "csv"]])
def test_what_cannot_be_read_is_a_sentence_and_2(command: list[str], here: Path, capsys: Any) -> None:
    (here / "text.html").write_text("hello")
    (here / "cut.json").write_bytes(SAMPLE.read_bytes()[:5000])
    files = ["nosuch.html", "text.html", "cut.json", ".", "nosuch://x", str(SAMPLE)]
    assert main(["report", command[0], *files, *command[1:]]) == 2
    out, err = capsys.readouterr()
    lines = err.splitlines()
    assert [line.split(": ")[:2] for line in lines] == [["dasklens", name] for name in files[:-1]]
    assert "Traceback" not in err
    # One that is wrong leaves the others.
    assert out


def test_nothing_steers_the_terminal(here: Path, capsys: Any) -> None:
    name = str(hostile(here / f"x{STEERING}\n.json"))
    for command in (
        ["summary"],
        ["summary", "--json"],
        ["summary", "--fail-on-findings"],
        ["show", "--no-browser"],
    ):
        main(["report", command[0], name, *command[1:]])
        out, err = capsys.readouterr()
        assert harmless(out)
        assert harmless(err)
        assert out
    main(["report", "export", name, "--to", "csv"])
    main(["report", "summary", f"nosuch{STEERING}"])
    out, err = capsys.readouterr()
    assert harmless(out + err)
    with pytest.raises(SystemExit):
        main(["report", "summary", "x", f"--{STEERING}"])
    assert harmless(capsys.readouterr().err)


def test_the_same_on_a_terminal(here: Path) -> None:
    name = hostile(here / "x.json")
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "dasklens", "report", "summary", str(name)]
    with subprocess.Popen(
        command, stdout=theirs, stderr=theirs, env={**os.environ, "TERM": "xterm"}
    ) as process:
        os.close(theirs)
        said = b""
        while True:
            try:
                part = os.read(ours, 65536)
            except OSError:
                break
            if not part:
                break
            said += part
    os.close(ours)
    assert process.returncode == 0
    # The terminal's own line ends have a carriage return.
    assert harmless(said.decode("utf-8").replace("\r\n", "\n"))


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_consoles_of_any_encoding(here: Path, encoding: str) -> None:
    path = here / "x.json"
    path.write_bytes(document(title="µß→ぐ\ud800").to_json())
    done = subprocess.run(
        [sys.executable, "-m", "dasklens", "report", "summary", str(path)],
        env={**os.environ, "PYTHONIOENCODING": f"{encoding}:strict"},
        capture_output=True,
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert "µß→ぐ\\ud800".encode(encoding, "backslashreplace") in done.stdout


def test_who_has_read_enough_is_no_error(here: Path) -> None:
    command = f"{sys.executable} -m dasklens report summary {SAMPLE} {SAMPLE} | head -1"
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}"], capture_output=True, text=True, timeout=120
    )
    assert (done.returncode, done.stderr) == (0, "")


def shell(command: str) -> subprocess.CompletedProcess[str]:
    command = command.replace("dasklens", f"{sys.executable} -m dasklens")
    return subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}"], capture_output=True, text=True, timeout=120
    )


def test_who_has_read_enough_changes_no_exit_code(here: Path) -> None:
    raw = json.loads(SAMPLE.read_bytes())
    raw["ended_early"] = "The scheduler died."
    (here / "bad.json").write_text(json.dumps(raw))
    done = shell("dasklens report summary --json --fail-on-findings bad.json | true")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "The scheduler died." in done.stderr


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (f"dasklens report summary {SAMPLE} > /dev/full", 2),
        ("dasklens report --help > /dev/full", 2),
        (f"dasklens report summary {SAMPLE} >&-", 0),
        ("dasklens report summary nowhere.json 2>&-", 2),
    ],
)
def test_without_room_for_what_it_says_there_is_no_traceback(here: Path, command: str, code: int) -> None:
    done = shell(command)
    assert done.returncode == code
    assert "Traceback" not in done.stderr
    assert ("No space left" in done.stderr) == ("full" in command)


def test_pipes_and_odd_names_are_read(here: Path) -> None:
    assert shell(f"cat {SAMPLE} | dasklens report summary /dev/stdin").returncode == 0
    odd = here / "x::y.json"
    odd.write_bytes(SAMPLE.read_bytes())
    assert load_report(odd).data == load_report(SAMPLE).data


# -- summary ---------------------------------------------------------------------------------------------


def test_the_summary_is_that_of_the_report(capsys: Any) -> None:
    assert main(["report", "summary", str(SAMPLE)]) == 0
    said = capsys.readouterr().out
    assert str(load_report(SAMPLE).summary()) in said


def test_the_summary_for_programs(here: Path, capsys: Any) -> None:
    load_report(SAMPLE).to_csv(here / "run.csv")
    assert main(["report", "summary", str(SAMPLE), "run.csv", "--json"]) == 0
    first, second = json.loads(capsys.readouterr().out)["reports"]
    assert first["summary"] == dict(load_report(SAMPLE).summary())
    assert (first["tasks"], second["tasks"], second["summary"]) == (366, 366, {})
    assert any("A task failed" in reason for reason in first["bad"])


def test_findings_fail_when_they_should(here: Path, capsys: Any) -> None:
    assert main(["report", "summary", str(SAMPLE), "--fail-on-findings"]) == 1
    assert "dasklens: " in capsys.readouterr().err
    clean = document()
    clean.summary["findings"] = []
    Path("clean.json").write_bytes(clean.to_json())
    assert main(["report", "summary", "clean.json", "--fail-on-findings"]) == 0
    assert capsys.readouterr().err == ""
    for name, value, said in (
        ("missed", {"tasks": 5}, "5 tasks are missing"),
        ("ended_early", "the scheduler died", "recording ended early: the scheduler died"),
        ("exception", {"type": "KeyError", "text": "'x'", "traceback": ""}, "the block raised KeyError: 'x'"),
    ):
        bad = Document.from_json(clean.to_json())
        setattr(bad, name, value)
        Path("bad.json").write_bytes(bad.to_json())
        assert main(["report", "summary", "bad.json"]) == 0
        assert main(["report", "summary", "bad.json", "clean.json", "--fail-on-findings"]) == 1
        assert capsys.readouterr().err == f"dasklens: bad.json: {said}\n"
    # What cannot be read weighs more.
    assert main(["report", "summary", "bad.json", "nosuch", "--fail-on-findings"]) == 2


# -- show ------------------------------------------------------------------------------------------------


def test_a_page_is_made_anew_and_opened(here: Path, capsys: Any, monkeypatch: Any) -> None:
    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", lambda url: opened.append(url) or True)
    report = load_report(SAMPLE)
    report.save("mine.html")
    page = Path("mine.html").read_bytes().replace(b"</body>", b"<script>alert(1)</script></body>")
    Path("theirs.html").write_bytes(page)
    assert main(["report", "show", "theirs.html"]) == 0
    made = Path(capsys.readouterr().out.strip())
    assert opened == [made.as_uri()]
    assert made.name == "theirs.dasklens.html"
    assert b"alert(1)" not in made.read_bytes()
    assert load_report(made).data == report.data
    assert os.stat(made.parent).st_mode & 0o77 == 0


def test_without_a_browser_it_says_where(here: Path, capsys: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(webbrowser, "open", lambda url: False)
    assert main(["report", "show", str(SAMPLE)]) == 0
    out, err = capsys.readouterr()
    assert "there is no browser to open" in err
    assert out.strip() in err
    monkeypatch.setattr(webbrowser, "open", lambda url: pytest.fail("it was opened"))
    assert main(["report", "show", str(SAMPLE), "--no-browser"]) == 0


# -- export ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("trace-events", "run.trace.json"),
        ("parquet", "run.parquet"),
        ("csv", "run.csv"),
        ("arrow", "run.arrow"),
        ("json", "run.dasklens.json"),
        ("html", "run.dasklens.html"),
    ],
)
def test_exports_are_written_beside_and_read_back(here: Path, kind: str, name: str, capsys: Any) -> None:
    (here / "in").mkdir()
    load_report(SAMPLE).save("in/run.html.gz")
    assert main(["report", "export", "in/run.html.gz", "--to", kind]) == 0
    assert capsys.readouterr().out == f"{name}\n"
    assert load_report(name).data == load_report(SAMPLE).data
    # And back again, from whatever it is.
    assert main(["report", "export", name, "--to", "csv", "--output", "again.csv.gz"]) == 0
    assert load_report("again.csv.gz").data == load_report(SAMPLE).data


def test_speedscope_is_written(here: Path) -> None:
    assert main(["report", "export", str(SAMPLE), "--to", "speedscope"]) == 0
    assert json.loads(Path("sample.speedscope.json").read_bytes())["exporter"] == "dasklens"


def test_several_files_go_into_a_folder(here: Path, capsys: Any) -> None:
    for name in ("a.json", "b.json"):
        Path(name).write_bytes(SAMPLE.read_bytes())
    assert main(["report", "export", "a.json", "b.json", "--to", "csv", "--output", "out"]) == 2
    assert "should be a folder that there is" in capsys.readouterr().err
    Path("out").mkdir()
    assert main(["report", "export", "a.json", "b.json", "--to", "csv", "--output", "out"]) == 0
    assert sorted(os.listdir("out")) == ["a.csv", "b.csv"]
    Path("in").mkdir()
    Path("in/a.json").write_bytes(SAMPLE.read_bytes())
    assert main(["report", "export", "a.json", "in/a.json", "--to", "csv"]) == 2
    assert "a.csv would be written twice" in capsys.readouterr().err


def test_nothing_is_written_over_itself(here: Path, capsys: Any) -> None:
    Path("run.dasklens.json").write_bytes(SAMPLE.read_bytes())
    assert main(["report", "export", "run.dasklens.json", "--to", "json"]) == 2
    assert "written over by its own export" in capsys.readouterr().err
    assert Path("run.dasklens.json").read_bytes() == SAMPLE.read_bytes()
    assert main(["report", "export", "run.dasklens.json", "--to", "json", "--output", "run.html"]) == 2
    assert "--output should end in .json" in capsys.readouterr().err


def test_without_pyarrow_it_is_a_sentence(here: Path, monkeypatch: Any, capsys: Any) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert main(["report", "export", str(SAMPLE), "--to", "parquet"]) == 2
    assert capsys.readouterr().err == f"dasklens: {SAMPLE}: to_parquet() needs pyarrow: pip install pyarrow\n"


def test_every_command_has_its_module() -> None:
    for name in COMMANDS:
        command = import_module(f"dasklens.cli.{name}")
        assert callable(command.configure)
        assert callable(command.run)


def test_an_error_that_only_names_the_file_is_a_sentence() -> None:
    err = io.StringIO()
    Reading(err).failed("http://h/x", FileNotFoundError("http://h/x"))
    assert err.getvalue() == "dasklens: http://h/x: it cannot be read (FileNotFoundError)\n"
