"""Fine performance metrics in a report: those of distributed, and those that tasks measure themselves."""

from __future__ import annotations

from distributed import Client, Worker
from distributed.metrics import context_meter

import dasklens
from dasklens.report.tables import of_details


def measured(n: int) -> int:
    context_meter.digest_metric("wins", n, "points")
    context_meter.digest_metric("wins", 0.5, "seconds")
    context_meter.digest_metric(("wins", "<b>"), 2, "seconds")
    return n


async def beat(dask_worker: Worker) -> None:
    await dask_worker.heartbeat()


def test_a_unit_of_the_users_own_is_there(client: Client) -> None:
    with dasklens.performance_report(None) as report:
        client.gather(client.map(measured, range(1, 5), key="measured"))
        # They come with a heartbeat.
        client.run(beat)
    table = report.tables["fine_metrics"]
    names = [column["name"] for column in table["columns"]]
    rows = [dict(zip(names, row, strict=True)) for row in table["rows"]]
    mine = {(row["activity"], row["unit"]): row for row in rows if row["activity"].startswith("wins")}
    assert set(mine) == {("wins", "points"), ("wins", ""), ("wins, <b>", "")}
    own = mine["wins", "points"]
    assert (own["prefix"], own["amount"], own["seconds"]) == ("measured", 10, None)
    assert mine["wins", ""]["seconds"] == 2.0
    assert mine["wins", ""]["amount"] is None
    assert mine["wins, <b>", ""]["seconds"] == 8.0


def test_without_one_there_are_no_columns_for_it() -> None:
    details = {"fine_metrics": {"rows": [["execute", "s", "id", "inc", "thread-cpu", "seconds", 1.0]]}}
    names = [column["name"] for column in of_details(details, "")["fine_metrics"]["columns"]]
    assert names == ["context", "span", "prefix", "activity", "seconds", "bytes", "count"]
