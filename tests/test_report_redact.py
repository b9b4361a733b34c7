"""What is to go is gone: looked for in everything that a report holds, unpacked."""

from __future__ import annotations

import base64
import gzip
import json
import logging
import re
from pathlib import Path
from typing import Any

import distributed
import msgpack
import pytest
from conftest import NO_DASHBOARD
from dask.distributed import get_worker
from distributed import Client, LocalCluster, span
from hypothesis import given, settings
from hypothesis import strategies as st
from make_golden_frames import said, task
from runs import make
from waiting import until

import dasklens
from dasklens import load_report, performance_report
from dasklens.model.pieces import Budget, frames_in
from dasklens.model.spans import TaskTable
from dasklens.report.redact import Redactor
from dasklens.report.standins import Finder, without_hosts, without_paths, without_source
from dasklens.wire.calltree import create, pack_profile, unpack_profile

SECRET_KEY = "seekrit-key"
#: What is said in a task's exception, its logs, its metadata.
SECRETS = {
    "keys": ["seekrit", "hush-span", "hidden_prefix", "tuplesecret"],
    "paths": ["/srv/covert", "covert_dir", __file__, str(Path(__file__).parent)],
    "code": ["UNSEEN_COMMENT", "a_line_of_source"],
    "logs": ["LOGGED_THING"],
}


def talkative(address: str) -> Any:
    get_worker()
    text = f"LOGGED_THING of {SECRET_KEY} at {address} in /srv/covert/covert_dir/data.csv"
    logging.getLogger("distributed.worker").warning(text)
    a_line_of_source = f"cannot read /srv/covert/covert_dir/data.csv from {address} for {SECRET_KEY}"
    raise ValueError(a_line_of_source)


def hidden_prefix(x: Any) -> Any:
    return x


def _bandwidths(dask_scheduler: Any) -> int:
    return len(dask_scheduler.bandwidth_workers)


def _seconds(dask_scheduler: Any) -> float:
    metrics = dask_scheduler.cumulative_worker_metrics
    return sum(value for key, value in metrics.items() if key[0] == "execute" and key[-1] == "seconds")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Reports of the same block, by what was left out; and the hosts in it."""
    names = ["", "hosts", "paths", "keys", "code", "logs"]
    reports: dict[str, bytes] = {}
    with (
        LocalCluster(n_workers=2, host="127.0.0.1", protocol="tcp://", **NO_DASHBOARD) as cluster,
        Client(cluster) as client,
    ):
        workers = list(client.run(int))
        for what in [*names, "all"]:
            redact = ("code", "hosts", "paths", "keys", "logs") if what == "all" else (what,) if what else ()
            with performance_report(None, client=client, redact=redact, title=f"{what} report") as report:
                # UNSEEN_COMMENT
                known = client.run_on_scheduler(_seconds)
                with span("hush-span"):
                    client.submit(hidden_prefix, 1, key=("seekrit-group", 1, "tuplesecret")).result()
                    distributed.wait(client.submit(talkative, workers[0], key=f"{SECRET_KEY}-{what}"))
                    client.gather(client.map(hidden_prefix, range(5), pure=False))
                    client.submit(sum, [1, 2], key=f"plain-{what}").result()
                    # Of less than 1 MB the bandwidth is not measured.
                    moved = client.submit(bytes, 2_000_000, key=f"seekrit-moved-{what}", workers=workers[:1])
                    client.submit(len, moved, key=f"seekrit-there-{what}", workers=workers[1:]).result()
                until(lambda: client.run_on_scheduler(_bandwidths) > 0, "the heartbeat that tells it")
                if what == "all":
                    until(lambda: client.run_on_scheduler(_seconds) > known, "another one")  # noqa: B023
                if what in ("code", "all"):
                    try:
                        raise OSError(f"{workers[0]}: /srv/covert/x and {SECRET_KEY}")
                    except OSError as error:
                        a_line_of_source = error
                        report._block.exception = dasklens.kernel.report.exception_of(a_line_of_source)
            reports[what] = report.to_json()
        hosts = [client.scheduler.address, *workers]
    hosts += [host.removeprefix("tcp://") for host in hosts] + ["127.0.0.1"]
    return reports, hosts


def unpacked(data: bytes) -> str:
    """Everything that a report holds as one text: frames, their names and keys too."""
    raw = json.loads(data)
    texts: list[str] = []

    def walk(value: Any) -> None:
        if isinstance(value, dict):
            for key, each in value.items():
                walk(key)
                walk(each)
        elif isinstance(value, (list, tuple)):
            for each in value:
                walk(each)
        elif isinstance(value, bytes):
            texts.append(value.decode("latin-1"))
            for start in range(min(len(value), 3)):
                try:
                    walk(msgpack.unpackb(value[start:], strict_map_key=False))
                except Exception:
                    continue
        elif value is not None:
            texts.append(str(value))

    for stream in raw.pop("streams").values():
        for piece in stream["data"]:
            data, at = gzip.decompress(base64.b64decode(piece)), 0
            while at < len(data):
                length = int.from_bytes(data[at : at + 4], "little")
                walk(msgpack.unpackb(data[at + 4 : at + 4 + length], strict_map_key=False))
                at += 4 + length
    walk(raw)
    return "\n".join(texts)


def test_everything_is_there_when_nothing_is_left_out(made: Any) -> None:
    reports, hosts = made
    text = unpacked(reports[""])
    for word in [*(word for words in SECRETS.values() for word in words), *hosts]:
        assert word in text, word


@pytest.mark.parametrize("what", ["keys", "paths", "code", "logs"])
def test_what_is_left_out_is_nowhere(made: Any, what: str) -> None:
    reports, _hosts = made
    for name in (what, "all"):
        text = unpacked(reports[name])
        found = {
            word: text[text.index(word) - 60 : text.index(word) + 60]
            for word in SECRETS[what]
            if word in text
        }
        assert not found


def test_hosts_are_nowhere(made: Any) -> None:
    reports, hosts = made
    for name in ("hosts", "all"):
        text = unpacked(reports[name])
        found = {host: text[text.index(host) - 60 : text.index(host) + 60] for host in hosts if host in text}
        assert not found


def test_the_rest_stays(made: Any) -> None:
    reports, _ = made
    plain = load_report(reports[""])
    for name, data in reports.items():
        report = load_report(data)
        assert report._document.redacted == (
            ["code", "hosts", "paths", "keys", "logs"] if name == "all" else [name] if name else []
        )
        assert len(report.data) == len(plain.data)
        for was, now in zip(plain.data, report.data, strict=True):
            assert len(was["startstops"]) == len(now["startstops"])
            assert was["status"] == now["status"]
            assert [s["action"] for s in was["startstops"]] == [s["action"] for s in now["startstops"]]
        assert len({r["worker"] for r in report.data}) == len({r["worker"] for r in plain.data})
        assert len({r["prefix"] for r in report.data}) == len({r["prefix"] for r in plain.data})
        assert len({str(r["key"]) for r in report.data}) == len(report.data)
        assert len(report.tables["exceptions"]["rows"]) == 1
        assert report.summary()["figures"]["tasks"] == len(plain.data)


def test_stand_ins_are_the_same_everywhere(made: Any) -> None:
    report = load_report(made[0]["all"])
    workers = {row[0] for row in report.tables["workers"]["rows"]}
    assert workers == {"worker-1", "worker-2"}
    assert {record["worker"] for record in report.data} <= workers
    (pair,) = report.tables["bandwidth_workers"]["rows"]
    assert {pair[0], pair[1]} == workers
    assert report.tables["fine_metrics"]["rows"]
    (exception,) = report.tables["exceptions"]["rows"]
    assert exception[2] in {record["prefix"] for record in report.data if record["status"] == "error"}
    assert exception[5].startswith("ValueError('cannot read path-")
    assert report.cluster["scheduler"] == "scheduler"
    prefixes = {entry["prefix"] for entry in report.summary()["prefixes"]}
    assert prefixes <= {record["prefix"] for record in report.data}
    assert report.logs["scheduler"] == []
    assert report.logs["empty"] == "Logs were left out when this report was made."
    assert report.code is None


def test_only_what_there_is_can_be_left_out(client: Client) -> None:
    with pytest.raises(ValueError, match="redact should be some of code, hosts, paths, keys, logs; got host"):
        performance_report(None, redact=("host",))
    with performance_report(None, redact="code") as report:
        pass
    assert report.code is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("tcp://10.0.0.1:8786", "tcp://H"),
        ("to tls://[::1]:80, then", "to tls://H, then"),
        ("at 192.168.1.7:4000.", "at H."),
        ("http://alice.example.com/x?y=1", "http://H/x?y=1"),
        ("ask db-1.prod.internal for it", "ask H for it"),
        ("distributed.worker.memory - version 2026.8.0", "distributed.worker.memory - version 2026.8.0"),
    ],
)
def test_addresses_in_texts(text: str, said: str) -> None:
    assert without_hosts(text, lambda found: "H") == said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('  File "/home/al ice/x.py", line 3', '  File "P", line 3'),
        ("open /data/a.csv: no", "open P: no"),
        ("~/x and ../y/z", "P and P"),
        (r"C:\Users\alice\x.txt and C:/y", "P and P"),
        (r"\\share\x", "P"),
        ("s3://bucket/key/part", "s3://bucket/P"),
        ("tcp://10.0.0.1:80", "tcp://10.0.0.1:80"),
        ("3 / 4 and/or 10 MB/s", "3 / 4 and/or 10 MB/s"),
    ],
)
def test_paths_in_texts(text: str, said: str) -> None:
    assert without_paths(text, lambda found: "P") == said


def test_source_in_tracebacks() -> None:
    traceback = 'Traceback:\n  File "x.py", line 1, in f\n    secret = 1\n    ^^^^^^\nValueError: no\n'
    assert without_source(traceback) == 'Traceback:\n  File "x.py", line 1, in f\nValueError: no\n'
    logged = (
        r"Traceback: '  File \"x.py\", line 1, in f\n    hush(1)\n  File \"y.py\", line 2, in g\n    x\n'"
    )
    assert without_source(logged) == (
        r"Traceback: '  File \"x.py\", line 1, in f\n  File \"y.py\", line 2, in g\n'"
    )


def test_many_words_are_found_at_once() -> None:
    finder = Finder()
    for i in range(20_000):
        finder.add(f"load-chunk-{i}", f"<{i}>")
    finder.add("inc", "<inc>")
    finder.add("x", "<x>")
    assert finder.replaced("load-chunk-19999 load-chunk-1, since inc(x)") == "<19999> <1>, since <inc>(x)"


def test_a_word_of_ours_keeps_its_meaning() -> None:
    redactor = Redactor(["keys"])
    redactor._learn_word("compute")
    assert redactor.text("compute") == "compute"
    assert redactor.word("compute") == "group-1"
    for word in ("workers", "prefixes", "kind"):
        redactor._learn_word(word)
    frame = pack_profile(create(), {"kind": "worker", "prefixes": [["workers", 3]], "workers": []})
    (said,) = frames_in(redactor.stream([frame], 1).pieces(), Budget(1 << 20))
    about = unpack_profile(said)[1]
    assert about == {"kind": "worker", "prefixes": (("group-2", 3),), "workers": ()}
    assert re.fullmatch(r"group-\d+", redactor.word("never met"))


#: Of letters that nothing else in a frame is made of.
WORDS = st.text("qxzQXZ\u00e9<&/ .-", min_size=4, max_size=12).filter(lambda word: word.strip() == word)


@given(st.lists(st.tuples(WORDS, WORDS, WORDS | st.integers(0, 99), st.booleans()), min_size=1, max_size=8))
@settings(deadline=None)
def test_no_key_is_left_in_any_frame(keys: list[tuple[str, str, Any, bool]]) -> None:
    tasks = []
    for i, (group, prefix, rest, whole) in enumerate(keys):
        key = f"{group}-{rest}" if whole else (group, rest, i)
        failed = {"status": "error", "exception_text": f"No({key!r})", "traceback_text": f"of {key}"}
        tasks.append((task(key, group, prefix), said(0, 0, ("compute", i, i + 1), **failed)))
    frames = make(tasks, chunk=3).frames(2)
    redactor = Redactor(["keys"])
    redactor.learn({"tasks": frames})
    writer = redactor.stream(frames, len(tasks))
    table = TaskTable(frames_in(writer.pieces(), Budget(1 << 24)))
    text = repr(table.records())
    for group, prefix, rest, _ in keys:
        for word in (group, prefix, rest):
            assert not isinstance(word, str) or word not in text
    assert len(table) == len(tasks)
    before, after = TaskTable(frames).records(), table.records()
    for name in ("prefix", "group", "key"):
        # Told apart as before.
        assert len({str(r[name]) for r in before}) == len({str(r[name]) for r in after})
