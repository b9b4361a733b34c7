"""What can be done with a run, whoever holds it: a report, a live task stream, or `get_task_stream`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .exports import Exports

if TYPE_CHECKING:
    from .comparison import Comparison
    from .document import Document


class Run(Exports):
    """A run that can be written for other tools, and compared with others."""

    def _to_document(self) -> Document:
        """What is compared."""
        raise NotImplementedError

    def compare(self, other: Any, labels: Sequence[str] | None = None) -> Comparison:
        """What changed from this run to another.

        A live task stream is what the scheduler's log has by now, `get_task_stream` what its blocks did.

        Parameters
        ----------
        other : Report, TaskStream, get_task_stream, or the file of a report
            The later run.
        labels : two texts, optional
            What the two are called; a and b by default.

        Returns
        -------
        Comparison

        Raises
        ------
        ValueError
            When either is nothing that can be compared, or is still being recorded.

        See Also
        --------
        dasklens.compare : of any number of runs
        """
        from .comparison import compare

        return compare([self, other], labels)  # type: ignore[return-value]
