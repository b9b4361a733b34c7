"""Write the call trees of real runs to ``tests/data/profiles``: ``python tests/make_profiles.py``.

Paths of this machine are cut to what would be there anywhere.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import dask
import dask.array as da
from distributed import Client

from dasklens.wire.calltree import counted, pack_profile

FOLDER = Path(__file__).parent / "data" / "profiles"
PREFIXES = (
    (str(Path(sys.prefix).resolve()), "/env"),
    (sys.base_prefix, "/usr"),
    (str(Path(__file__).parent.resolve()), "/home/me"),
)


def portable(state: Any) -> Any:
    """The same tree with paths of nowhere in particular."""
    text = json.dumps(state)
    for path, instead in PREFIXES:
        text = text.replace(path, instead)
    return json.loads(text)


def square(n: int) -> float:
    stop = time.time() + 0.3
    total = 0.0
    while time.time() < stop:
        total += sum(i * i for i in range(n))
    return total


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with Client(n_workers=2, threads_per_worker=2, dashboard_address=":0") as client:
        x = da.random.random((3000, 3000), chunks=(500, 500))
        ((x + x.T) @ x).std().compute()
        frame = dask.datasets.timeseries(end="2000-03-31", freq="10s", partition_freq="7D")
        frame.groupby("name")[["x", "y"]].mean().compute()
        client.gather(client.map(square, range(1000, 1012)))
        time.sleep(1.2)
        each = client.profile(merge_workers=False)
        states = {
            "merged": client.profile(),
            "square": client.profile(key="square"),
            **{f"worker-{i}": state for i, state in enumerate(each.values())},
        }
    frame = pack_profile(counted(portable(states["merged"])), {"interval": 0.01}, [(1.7e9, 5)])
    (FOLDER / "merged.frame").write_bytes(frame)
    for name, state in states.items():
        text = json.dumps(portable(state), separators=(",", ":"), sort_keys=True)
        (FOLDER / f"{name}.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
