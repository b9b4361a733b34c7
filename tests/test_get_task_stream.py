"""`dasklens.get_task_stream` beside `distributed.get_task_stream`, on real clusters."""

from __future__ import annotations

import time
import warnings
from pathlib import Path
from typing import Any

import dask
import dask.array as da
import distributed
import pytest
from conftest import NO_DASHBOARD
from distributed import Client, LocalCluster
from distributed.utils_test import gen_cluster

from dasklens import get_task_stream
from dasklens.scheduler.recorder import Recorder, ensure_recorder

#: What distributed reports of a failed task as pickles; dasklens keeps the texts beside them.
PICKLES = {"exception", "traceback"}


def fail(message: str) -> None:
    raise ValueError(message)


def test_same_tasks_and_fields_as_distributed(client: Client) -> None:
    with distributed.get_task_stream(client) as theirs, get_task_stream(client) as ours:
        da.random.random((200, 200), chunks=50).sum(axis=0).compute()
        future = client.submit(fail, "no")
        distributed.wait(future)
    assert len(ours.data) == len(theirs.data) > 16
    expected = {record["key"]: record for record in theirs.data}
    for record in ours.data:
        upstream = expected.pop(record["key"])
        assert set(upstream) - PICKLES <= set(record)
        for field, value in upstream.items():
            if field in ("startstops", *PICKLES):
                continue
            assert record[field] == value, field
        assert list(record["startstops"]) == list(upstream["startstops"])
    assert not expected
    assert ours.missed == 0


def test_errors_carry_their_text(client: Client) -> None:
    with get_task_stream(client) as ts:
        distributed.wait(client.submit(fail, "<img src=x onerror=alert(1)>"))
    (record,) = ts.data
    assert record["status"] == "error"
    assert record["exception_text"] == "ValueError('<img src=x onerror=alert(1)>')"
    assert "in fail" in record["traceback_text"]
    assert record["prefix"] == "fail"


def test_nested_and_consecutive_blocks_get_their_own(client: Client) -> None:
    client.submit(abs, -1, key="before").result()
    with get_task_stream(client) as outer:
        client.submit(abs, -1, key="one").result()
        with get_task_stream(client) as inner:
            client.submit(abs, -1, key="two").result()
        client.submit(abs, -1, key="three").result()
    client.submit(abs, -1, key="after").result()
    assert [r["key"] for r in inner.data] == ["two"]
    assert [r["key"] for r in outer.data] == ["one", "two", "three"]
    assert outer.data is outer.data


def test_clocks_that_are_off_lose_nothing(client: Client, monkeypatch: Any) -> None:
    real = time.time
    monkeypatch.setattr("distributed.worker.time", lambda: real() - 3600)
    with get_task_stream(client) as ts:
        client.submit(abs, -1, key="an hour late").result()
    assert [r["key"] for r in ts.data] == ["an hour late"]
    assert ts.data[0]["startstops"][0]["stop"] < real() - 3000


@pytest.mark.parametrize(
    "key",
    ["x", ("x", 0), ("x", ("nested", 1.5), -(2**40)), "ünï-ぐ", "k" * 10_000, ("x-" + "a" * 32, -5)],
)
def test_keys_of_every_kind(client: Client, key: Any) -> None:
    with get_task_stream(client) as ts:
        client.submit(abs, -1, key=key).result()
    assert [r["key"] for r in ts.data] == [key]


def test_to_pandas_has_one_row_a_span(client: Client) -> None:
    with get_task_stream(client) as ts:
        da.ones((100, 100), chunks=50).sum().compute()
        distributed.wait(client.submit(fail, "no", key="bad"))
    table = ts.to_pandas()
    assert len(table) == sum(len(r["startstops"]) for r in ts.data)
    first = ts.data[0]
    row = table.iloc[0]
    assert row.key == first["key"]
    assert row.start == first["startstops"][0]["start"]
    assert row.stop == first["startstops"][0]["stop"]
    assert row.prefix == first["prefix"]
    assert row.thread == first["thread"]
    bad = table[table.status == "error"]
    assert list(bad.key) == ["bad"]
    assert list(bad.error) == ["ValueError('no')"]


def test_empty_block(client: Client) -> None:
    with get_task_stream(client) as ts:
        pass
    assert ts.data == []
    assert len(ts.to_pandas()) == 0
    assert ts.missed == 0


def test_tasks_that_run_twice_are_there_twice() -> None:
    with (
        LocalCluster(n_workers=1, threads_per_worker=1, host="127.0.0.1", **NO_DASHBOARD) as cluster,
        Client(cluster) as client,
        get_task_stream(client) as ts,
    ):
        client.submit(abs, -1, key="again", pure=False).result()
        client.restart()
        client.submit(abs, -1, key="again", pure=False).result()
    assert [r["key"] for r in ts.data] == ["again", "again"]
    assert len({r["worker"] for r in ts.data}) >= 1


def test_limit_is_counted_and_warned(client: Client, recorder: Recorder) -> None:
    recorder.log.limit = 40_000
    payload = "x" * 2_000
    with pytest.warns(RuntimeWarning, match="tasks of this block are missing"):
        with get_task_stream(client) as ts:
            client.gather([client.submit(abs, -i, key=f"{i}{payload}") for i in range(100)])
    assert ts.missed > 0
    assert ts.missed + len(ts.data) == 100


@gen_cluster(client=True, nthreads=[("127.0.0.1", 1)])
async def test_asynchronous_client(c: Client, s: Any, a: Any) -> None:
    async with get_task_stream(c) as ts:
        await c.submit(abs, -1, key="here")
    assert [r["key"] for r in ts.data] == ["here"]
    with pytest.raises(ValueError, match="async with"), get_task_stream(c):
        pass
    assert ensure_recorder(s) is ensure_recorder(s)


def test_bad_use_gets_one_clear_sentence(client: Client, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r'plot should be True, False or "save", got 3'):
        get_task_stream(client, plot=3)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="file that can be written"):
        get_task_stream(client, plot="save", filename=str(tmp_path))
    with pytest.raises(TypeError, match=r"distributed\.Client or None, got int"):
        get_task_stream(5)  # type: ignore[arg-type]


def test_no_client_and_closed_client() -> None:
    with pytest.raises(ValueError, match=r"No Dask client here yet"):
        get_task_stream()
    with Client(n_workers=0, processes=False, **NO_DASHBOARD) as client:
        pass
    with pytest.raises(ValueError, match=r"client is closed"):
        get_task_stream(client)


def test_recording_switched_off() -> None:
    with dask.config.set({"dasklens.record": False}):
        with Client(n_workers=0, processes=False, **NO_DASHBOARD) as client:
            with pytest.raises(RuntimeError, match=r"dasklens\.record to true"):
                with get_task_stream(client):
                    pass


def test_no_warning_in_ordinary_use(client: Client) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with get_task_stream(client) as ts:
            client.submit(abs, -1).result()
    assert len(ts) == 1


def test_a_client_that_is_closed_inside_the_block_gets_one_clear_sentence(cluster: Any) -> None:
    client = Client(cluster)
    with pytest.raises(RuntimeError, match="closed inside the block"), get_task_stream(client):
        client.close()
    # What was raised in the block comes first.
    client = Client(cluster)
    with pytest.raises(ZeroDivisionError), get_task_stream(client):
        _close_and_fail(client)


def _close_and_fail(client: Client) -> None:
    client.close()
    raise ZeroDivisionError


def test_a_block_that_was_never_entered_says_so(client: Client) -> None:
    with pytest.raises(RuntimeError, match="never entered"):
        get_task_stream(client).__exit__(None, None, None)
