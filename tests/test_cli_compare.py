"""`dasklens report compare`: what it prints, and what it tells a shell."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from io import BytesIO, StringIO, TextIOWrapper
from pathlib import Path
from typing import Any

import pytest
from compared import report

from dasklens import Comparison, Trend, load_report
from dasklens.cli import compare as command
from dasklens.cli.main import main


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reports")
    for seed, (name, slower) in enumerate(
        {"monday": {}, "tuesday": {"weigh": 1.5}, "wednesday": {}, "friday": {"<b>sum": 1.5}}.items()
    ):
        report(seed, slower=slower).save(folder / f"{name}.json")
    report(0).save(folder / "page.html")
    return folder


def run(*arguments: Any) -> tuple[int, str, str]:
    parser = ArgumentParser()
    command.configure(parser)
    out, err = StringIO(), StringIO()
    code = command.run(parser.parse_args(list(map(str, arguments))), out, err)
    return code, out.getvalue(), err.getvalue()


def test_what_is_as_fast_is_fine(files: Path) -> None:
    code, out, err = run(files / "monday.json", files / "wednesday.json", "--fail-if-slower", "10%")
    assert code == 0
    assert "monday.json: Run 0" in out
    assert err.startswith("wednesday.json is not slower than monday.json. Slower is a prefix of 5.0 % of all")


def test_what_is_slower_fails_with_a_reason(files: Path) -> None:
    code, out, err = run(files / "monday.json", files / "tuesday.json", "--fail-if-slower", "10%")
    assert code == 1
    assert "▲ slower" in out
    assert err.startswith("tuesday.json is slower than monday.json:")
    assert "The whole took 1." in err
    assert "weigh takes 1.5" in err or "weigh takes 1.4" in err
    assert "(medians of 120 and 120 tasks); surely 1." in err
    assert "allowed is 1.10." in err


def test_without_a_limit_nothing_fails(files: Path) -> None:
    assert run(files / "monday.json", files / "tuesday.json")[::2] == (0, "")
    assert run(files / "monday.json", files / "tuesday.json", "--fail-if-slower", "1.0")[0] == 0


def test_of_more_than_two_the_last_is_compared_with_the_first(files: Path) -> None:
    names = [files / f"{name}.json" for name in ("monday", "tuesday", "wednesday")]
    assert run(*names, "--fail-if-slower", "10%")[0] == 0
    assert run(names[0], names[2], names[1], "--fail-if-slower", "10%")[0] == 1


def test_json_is_for_programs(files: Path) -> None:
    code, out, _ = run(files / "monday.json", files / "tuesday.json", "--json", "--fail-if-slower", "0.1")
    said = json.loads(out)
    assert code == 1
    assert [each["prefix"] for each in said["slower"]] == ["", "weigh"]
    assert said["limit"] == 0.1
    assert said["kind"] == "pair"


@pytest.mark.parametrize(("n", "kind"), [(2, Comparison), (3, Trend)])
def test_the_comparison_is_written(files: Path, tmp_path: Path, n: int, kind: type) -> None:
    names = [files / "page.html", files / "monday.json", files / "friday.json"][:n]
    code, _, _ = run(
        *names, "--output", tmp_path / "c.html", "--label", "x", "--label", "y", *(["--label", "z"] * (n - 2))
    )
    assert code == 0
    read = load_report(tmp_path / "c.html")
    assert isinstance(read, kind)
    assert read.labels == ["x", "y", "z"][:n]


def test_more_tasks_can_be_asked_for(files: Path) -> None:
    code, _, err = run(
        files / "monday.json", files / "wednesday.json", "--min-tasks", 1000, "--fail-if-slower", "10%"
    )
    assert code == 0
    assert "No prefix could be compared, so only the whole was" in err


def test_what_is_no_report_is_named(files: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_text("{}")
    run(files / "monday.json", files / "tuesday.json", "--output", tmp_path / "c.json")
    for name, why in (
        ("bad.json", "Expected a dasklens report, got JSON of something else"),
        ("none.json", "No such file"),
        ("c.json", "this is a comparison, which"),
    ):
        code, out, err = run(files / "monday.json", tmp_path / name)
        assert (code, out) == (2, "")
        assert err.startswith(f"dasklens: {tmp_path / name}: {why}")
        assert err.count("\n") == 1


def test_wrong_usage_is_told(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = files / "monday.json"
    assert run(name)[::2] == (2, "dasklens: expected two reports or more, got 1\n")
    assert run(name, name, "--label", "x")[0] == 2
    assert run(name, name, "--output", "http://example.org/c.html")[0] == 2
    for bad in (["--fail-if-slower", "ten"], ["--fail-if-slower", "-1"], ["--min-tasks", "1"]):
        with pytest.raises(SystemExit) as ended:
            run(name, name, *bad)
        assert ended.value.code == 2
        assert "expected a" in capsys.readouterr().err


def test_files_of_the_same_name_are_told_apart() -> None:
    assert command.labels_of(["x/run.html", "y/run.html"]) == ["x/run.html", "y/run.html"]
    assert command.labels_of(["x/a.html", "y/b.html"]) == ["a.html", "b.html"]
    assert command.labels_of(["s3://x/a/run.html", "b/run.html"]) == ["a/run.html", "b/run.html"]
    assert command.labels_of(["a.html", "a.html"]) == ["1: a.html", "2: a.html"]


def test_a_terminal_of_few_letters_gets_what_it_knows(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = BytesIO()
    with TextIOWrapper(raw, encoding="ascii") as out:
        monkeypatch.setattr("sys.stdout", out)
        assert main(["report", "compare", str(files / "monday.json"), str(files / "tuesday.json")]) == 0
        assert b" slower" in raw.getvalue()
        assert b"\\u" in raw.getvalue()


@pytest.mark.parametrize("arguments", [["summary"], ["export", "--to", "csv"]])
def test_a_comparison_is_no_run(
    files: Path, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    compared = files / "of-two.json"
    names = [str(files / "monday.json"), str(files / "tuesday.json")]
    assert main(["report", "compare", *names, "--output", str(compared)]) == 0
    capsys.readouterr()
    assert main(["report", *arguments, str(compared)]) == 2
    said = capsys.readouterr()
    assert (said.out, said.err.count("\n")) == ("", 1)
    assert "this is a comparison, which `dasklens report show` shows" in said.err


def test_what_is_compared_is_never_written_over(files: Path, tmp_path: Path) -> None:
    before = tmp_path / "baseline.json"
    before.write_bytes((files / "monday.json").read_bytes())
    (tmp_path / "link.json").symlink_to(before)
    for name in ("baseline.json", "link.json"):
        code, out, err = run(before, files / "tuesday.json", "--output", tmp_path / name)
        assert (code, out) == (2, "")
        assert "baseline.json would be written over by its comparison" in err
    assert before.read_bytes() == (files / "monday.json").read_bytes()


def test_a_report_without_figures_is_compared(files: Path, tmp_path: Path) -> None:
    raw = json.loads((files / "monday.json").read_bytes())
    raw["summary"]["figures"] = {}
    (tmp_path / "bare.json").write_text(json.dumps(raw))
    code, _, err = run(tmp_path / "bare.json", tmp_path / "bare.json", "--fail-if-slower", "10%")
    assert code == 0
    assert "is not slower" in err


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"exception": {"type": "ValueError", "text": "no", "traceback": ""}},
            "the block raised ValueError: no",
        ),
        ({"ended_early": "The scheduler went."}, "recording ended early: The scheduler went."),
        ({"missed": {"tasks": 7}}, "7 tasks are missing"),
    ],
)
def test_a_run_that_broke_off_is_not_quick(
    files: Path, tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    broken = tmp_path / "broken.json"
    broken.write_text(json.dumps({**json.loads((files / "wednesday.json").read_text()), **changes}))
    code, _, err = run(files / "monday.json", broken, "--fail-if-slower", "10%")
    assert code == 1
    assert f"broken.json is not the report of a whole run: {said}" in err
    assert run(files / "monday.json", broken)[0] == 0
