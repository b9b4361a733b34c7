"""`Comparison` and `Trend`: what differs between runs, to look at, to compute with, to save and to send."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..model.compare import FEWEST
from ..model.spans import encodable
from .comparedtext import as_text, shown
from .comparing import compared
from .document import Document, whole
from .files import Filename, check_target, read, write

if TYPE_CHECKING:
    import ipywidgets
    import pandas as pd


def compare(
    runs: Sequence[Any], labels: Sequence[str] | None = None, *, min_tasks: int = FEWEST
) -> Comparison | Trend:
    """Compare runs: what got slower, what got faster, and how sure that is.

    Of each prefix of tasks the median of compute seconds per task is compared, the last run with the first.
    The ratio of the two medians has a 95 % percentile bootstrap interval of 10,000 resamples, drawn from all
    tasks and with a fixed seed: the same runs give the same numbers. A prefix counts as slower, or faster,
    when it differs by 5 % or more and its interval lies on one side of 1 at a confidence that is raised for
    the number of prefixes compared (Bonferroni). Tasks that failed are left out, and those that are slow one
    after the other count as fewer (batch means). An interval speaks of the tasks of these runs: that a
    machine is busier on one day than on another is in no interval.

    Parameters
    ----------
    runs : sequence
        Each a `Report`, a `TaskStream`, what `get_task_stream` gave, or the file of a report; from the first
        to the last. With two a `Comparison` comes back, with more a `Trend`.
    labels : sequence of str, optional
        What they are called: a and b, or 1, 2, … by default.
    min_tasks : int, default 8
        Tasks of a prefix that the first and the last run need.

    Returns
    -------
    Comparison or Trend

    Raises
    ------
    ValueError
        When there are fewer than two, labels of another number, or something that cannot be compared.
    OSError
        When a file cannot be read.
    ReportError
        When a file is no report; it is a `ValueError`.

    Examples
    --------
    >>> dasklens.compare(["before.html", "after.html"])  # doctest: +SKIP
    >>> dasklens.compare([r1, r2, r3], ["1.0", "1.1", "1.2"]).to_pandas()  # doctest: +SKIP
    """
    if isinstance(runs, (str, bytes, os.PathLike)) or not isinstance(runs, Sequence):
        raise ValueError(f"compare takes a list of reports, got {type(runs).__name__}.")
    if type(min_tasks) is not int or not 2 <= min_tasks < 1 << 53:
        raise ValueError(f"min_tasks should be a whole number from 2 on, got {min_tasks!r}.")
    documents = [_document_of(run) for run in runs]
    return of_document(compared(documents, labels, fewest=min_tasks))


def of_document(document: Document) -> Comparison | Trend:
    """What a document of a comparison is shown as."""
    assert document.comparison is not None
    return (Comparison if document.comparison["kind"] == "pair" else Trend)(document)


def _document_of(run: Any) -> Document:
    if isinstance(run, (str, os.PathLike)):
        return read(run)
    to_document = getattr(run, "_to_document", None)
    if to_document is None:
        raise ValueError(
            "A Report, a TaskStream, what get_task_stream gave or the file of a report can be compared, got "
            f"{type(run).__name__}."
        )
    document: Document = to_document()
    return document


class ComparisonSummary(dict[str, Any]):
    """What came of a comparison, as a dictionary that reads well when it is shown.

    ``verdict``; ``figures``, each ``{"name", "title", "unit", "values"}`` with a value a run; ``slower``,
    ``faster``, prefixes with their ``ratio``, ``interval`` and ``tasks``; ``notes``; ``method``.
    """

    def __str__(self) -> str:
        # As all of it that a terminal shows: a file comes from anybody.
        lines = [shown(self["verdict"], 2000)]
        lines += [f"  {shown(note, 2000)}" for note in self["notes"]]
        return "\n".join(lines)

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(str(self))


class _Compared:
    """What a comparison of two runs and a trend of more have in common."""

    def __init__(self, document: Document):
        if document.comparison is None:
            raise ValueError("This is the document of one run: dasklens.compare makes one of several.")
        self._document = document
        self._said: Mapping[str, Any] = document.comparison

    @property
    def title(self) -> str:
        """What it is called."""
        return self._document.title

    @property
    def labels(self) -> list[str]:
        """What the runs are called, the first first."""
        return [run["label"] for run in self._said["runs"]]

    @property
    def runs(self) -> list[dict[str, Any]]:
        """What was compared: ``label, title, start, stop`` (seconds since the epoch), and more."""
        return list(self._said["runs"])

    @property
    def prefixes(self) -> list[dict[str, Any]]:
        """Prefixes, the most expensive first.

        Each has ``prefix``; a value a run in ``tasks``, ``medians`` (seconds, None without tasks),
        ``seconds`` (of all tasks together) and ``shares`` (of all compute, 0 to 1); of the last run over the
        first ``ratio``, ``interval`` (95 %), ``surely`` (the one that the verdict needs), None when not
        compared; and ``verdict``: slower, faster, no difference, too few tasks, only in a, only in b.
        """
        return list(self._said["prefixes"])

    @property
    def figures(self) -> list[dict[str, Any]]:
        """What is known of the runs as wholes: ``name, title, unit, values``."""
        return list(self._said["figures"])

    @property
    def peaks(self) -> list[dict[str, Any]]:
        """By ``worker``, the most bytes that its process had in memory in each of the runs (``values``)."""
        return list(self._said["peaks"])

    def summary(self) -> ComparisonSummary:
        """What came of it, as a dictionary that reads well when it is shown."""
        of = {kind: [p for p in self.prefixes if p["verdict"] == kind] for kind in ("slower", "faster")}
        return ComparisonSummary(
            verdict=self._said["verdict"],
            figures=self.figures,
            slower=of["slower"],
            faster=of["faster"],
            notes=list(self._said["notes"]),
            method=self._said["method"],
        )

    def save(self, filename: Filename, storage_options: Mapping[str, Any] | None = None) -> None:
        """Write it to a file, which `load_report` reads back.

        Parameters
        ----------
        filename : str or path
            ``.json`` at its end gives the data alone, anything else one HTML file that needs no network; as
            that of `Report.save`.
        storage_options : dict, optional
            For `fsspec.open`.

        Raises
        ------
        ValueError
            When the file cannot be written.
        """
        check_target(filename, storage_options)
        write(self._document, filename, storage_options)

    def to_json(self) -> bytes:
        """The whole as JSON, as a file ending in ``.json`` has it."""
        return self._document.to_json()

    def widget(self) -> ipywidgets.Widget:
        """What a cell shows of it, as a widget to be put somewhere else."""
        from ..widgets.comparison import comparison_box

        with whole("its comparison"):
            return comparison_box(self._document)

    def _ipython_display_(self, **_kwargs: Any) -> None:
        from IPython.display import display

        from ..widgets.comparison import bundle

        with whole("its comparison"):
            display(bundle(self._document, self.widget(), str(self)), raw=True)

    def __str__(self) -> str:
        return as_text(self._said)

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(str(self))

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {shown(self._said['verdict'], 2000)}>"


def _pandas() -> Any:
    try:
        import pandas
    except ImportError:
        raise ImportError("to_pandas() needs pandas: pip install pandas") from None
    return pandas


class Comparison(_Compared):
    """What changed from one run, a, to another, b. `compare` makes it; the last value of a cell shows it.

    Examples
    --------
    >>> before.compare(after)  # doctest: +SKIP
    >>> before.compare(after).save("compare.html")  # doctest: +SKIP

    See Also
    --------
    compare : how it is computed
    load_report : reads a saved one back
    """

    @property
    def functions(self) -> list[dict[str, Any]]:
        """Functions whose share of the samples changed most; none where either run has no profile.

        Each has ``name, filename, line, library``, ``before`` and ``after`` (its own share of all samples, 0
        to 1) and ``samples`` (its own, before and after).
        """
        names = ("name", "filename", "line", "library", "before", "after")
        return [
            {**dict(zip(names, row, strict=False)), "samples": (row[6], row[7])}
            for row in self._said["functions"]
        ]

    def to_pandas(self) -> pd.DataFrame:
        """One row a prefix, the most expensive first.

        Returns
        -------
        pandas.DataFrame
            ``prefix, tasks_a, tasks_b, median_a, median_b`` (s), ``seconds_a, seconds_b`` (of all tasks
            together), ``share_a, share_b`` (of all compute), ``ratio, low, high`` (NaN when not compared),
            ``verdict``.

        Raises
        ------
        ImportError
            Without pandas.
        """
        pandas = _pandas()
        rows = []
        for each in self._said["prefixes"]:
            row: dict[str, Any] = {"prefix": encodable(each["prefix"])}
            for name, values in (
                ("tasks", each["tasks"]),
                ("median", [_float(value) for value in each["medians"]]),
                ("seconds", each["seconds"]),
                ("share", each["shares"]),
            ):
                row[f"{name}_a"], row[f"{name}_b"] = values
            rows.append({**row, **_ratio(each), "verdict": each["verdict"]})
        columns = ["prefix"]
        columns += [f"{name}_{of}" for name in ("tasks", "median", "seconds", "share") for of in "ab"]
        return pandas.DataFrame(rows, columns=[*columns, "ratio", "low", "high", "verdict"])

    def task_streams(self) -> ipywidgets.Widget:
        """Both task streams, one above the other, on one axis of time from the start of each."""
        from ..widgets.comparison import streams_box

        with whole("its tasks"):
            return streams_box(self._document)

    def profile(self) -> ipywidgets.Widget:
        """A flame graph of what takes more of the time than before, and what less.

        Raises
        ------
        ValueError
            When either run has no profile.
        """
        from ..widgets.comparison import change_profile

        with whole("its call tree"):
            made = change_profile(self._document)
        if made is None:
            raise ValueError(
                "One of these runs has no profile: performance_report records one, a task stream does not."
            )
        return made


class Trend(_Compared):
    """How runs went from the first to the last. `dasklens.compare` makes it of more than two.

    Verdicts and ratios are those of the last run over the first.
    """

    def to_pandas(self) -> pd.DataFrame:
        """One row a prefix and run.

        Returns
        -------
        pandas.DataFrame
            ``prefix, run`` (label), ``start`` (of the run, seconds since the epoch), ``tasks, median`` (s),
            ``seconds`` (of all tasks together), ``share`` (of all compute).

        Raises
        ------
        ImportError
            Without pandas.
        """
        pandas = _pandas()
        rows = [
            (
                encodable(each["prefix"]),
                encodable(run["label"]),
                run["start"],
                each["tasks"][i],
                _float(each["medians"][i]),
                each["seconds"][i],
                each["shares"][i],
            )
            for each in self._said["prefixes"]
            for i, run in enumerate(self._said["runs"])
        ]
        names = ("prefix", "run", "start", "tasks", "median", "seconds", "share")
        return pandas.DataFrame(rows, columns=list(names))


def _float(value: float | None) -> float:
    return float("nan") if value is None else value


def _ratio(each: Mapping[str, Any]) -> dict[str, float]:
    """With what JSON has no word for: null is without end where there is an interval, and else nothing."""
    if each["interval"] is None:
        return dict.fromkeys(("ratio", "low", "high"), float("nan"))
    low, high = each["interval"]
    infinite = float("inf")
    return {
        "ratio": infinite if each["ratio"] is None else each["ratio"],
        "low": infinite if low is None else low,
        "high": infinite if high is None else high,
    }
