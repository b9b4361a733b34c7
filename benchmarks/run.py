"""`make bench`: every measurement, beside today's tool in the same run.

``python benchmarks/run.py [name …]`` runs some of: hot_path, reading, overhead, draw, proxy, stream, sampler,
watched, profile, progress, summary, report, compare, exports, notebook, nbexport.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from rows import Row, table

ALL = (
    "hot_path",
    "reading",
    "overhead",
    "draw",
    "proxy",
    "stream",
    "sampler",
    "watched",
    "profile",
    "progress",
    "summary",
    "report",
    "compare",
    "exports",
    "notebook",
    "nbexport",
)


def main() -> int:
    rows: list[Row] = []
    for name in sys.argv[1:] or ALL:
        print(f"… {name}", file=sys.stderr, flush=True)
        rows += importlib.import_module(f"bench_{name}").measure()
    print(table(rows))
    return 0 if all(row.passed for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
