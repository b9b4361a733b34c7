"""Clusters for tests: real schedulers on 127.0.0.1, closed by the test that started them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from distributed import Client, LocalCluster

from dasklens.scheduler.recorder import Recorder, ensure_recorder


@pytest.fixture
def cluster() -> Iterator[LocalCluster]:
    """Two workers of two threads in this process, the scheduler recording or not as configured."""
    with LocalCluster(
        n_workers=2,
        threads_per_worker=2,
        processes=False,
        protocol="tcp://",
        host="127.0.0.1",
        dashboard_address=None,
    ) as cluster:
        yield cluster


@pytest.fixture
def client(cluster: LocalCluster) -> Iterator[Client]:
    """A client whose scheduler records."""
    with Client(cluster) as client:
        yield client


@pytest.fixture
def recorder(client: Client, cluster: LocalCluster) -> Recorder:
    """The recorder of the cluster's scheduler."""

    async def on_loop() -> Recorder:
        found = ensure_recorder(cluster.scheduler)
        assert found is not None
        return found

    result: Recorder = client.sync(on_loop)
    return result
