"""What is to go is gone: looked for in everything that a report holds, unpacked."""

from __future__ import annotations

import base64
import builtins
import gzip
import json
import logging
import re
import time
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
from dasklens.report.scrub import without_hosts, without_paths, without_source
from dasklens.report.standins import Finder
from dasklens.wire.calltree import create, pack_profile, unpack_profile

SECRET_KEY = "seekrit-key"
#: Hosts that are no part of the cluster, as a log may speak of them.
HOSTS = ["covert.corp", "worker-3.covert", "fd00::dead:beef", "coverthost:1234"]
#: What is said in a task's exception, its logs, its metadata.
SECRETS = {
    "keys": ["seekrit", "hush-span", "hidden_prefix", "tuplesecret", "nestedsecret"],
    "paths": ["/srv/covert", "covert_dir", "covert_rel", "covert_name", __file__, str(Path(__file__).parent)],
    "code": ["UNSEEN_COMMENT", "a_line_of_source", "grouped_source"],
    "logs": ["LOGGED_THING"],
}


def talkative(address: str) -> Any:
    get_worker()
    text = (
        f"LOGGED_THING of {SECRET_KEY} at {address} in /srv/covert/covert_dir/data.csv, "
        "file:///srv/covert/x, X=/opt:/srv/covert, covert_rel/a.csv, 'covert_dir/covert_name b.csv', "
        "tcp://scheduler.covert.corp:8786, "
        "worker-3.covert.zz, fd00::dead:beef, coverthost:1234, nestedsecret"
    )
    logging.getLogger("distributed.worker").warning(text)
    a_line_of_source = f"cannot read /srv/covert/covert_dir/data.csv from {address} for {SECRET_KEY}"
    raise ValueError(a_line_of_source)


def grouped(_: Any) -> Any:
    try:
        raise KeyError("inner")  # grouped_source
    except KeyError as error:
        raise GROUP("several", [error]) from None  # grouped_source


#: Of Python 3.11 and later.
GROUP: Any = getattr(builtins, "ExceptionGroup", lambda text, _: ValueError(text))


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
        # Whatever memory there is, nothing is spilled in one block and not in another.
        LocalCluster(
            n_workers=2, host="127.0.0.1", protocol="tcp://", memory_limit=0, **NO_DASHBOARD
        ) as cluster,
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
                    client.submit(hidden_prefix, 2, key=("seekrit-group", ("nestedsecret", 1))).result()
                    distributed.wait(client.submit(grouped, 1, key=f"{SECRET_KEY}-grouped-{what}"))
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
    hosts += [host.removeprefix("tcp://") for host in hosts] + ["127.0.0.1", *HOSTS]
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
        assert len(report.tables["exceptions"]["rows"]) == 2
        assert report.summary()["figures"]["tasks"] == len(plain.data)


def test_stand_ins_are_the_same_everywhere(made: Any) -> None:
    report = load_report(made[0]["all"])
    workers = {row[0] for row in report.tables["workers"]["rows"]}
    assert workers == {"worker-1", "worker-2"}
    assert {record["worker"] for record in report.data} <= workers
    (pair,) = report.tables["bandwidth_workers"]["rows"]
    assert {pair[0], pair[1]} == workers
    assert report.tables["fine_metrics"]["rows"]
    (exception,) = (row for row in report.tables["exceptions"]["rows"] if "cannot read" in row[5])
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
        ("fe80::1ff:fe23:4567:890a refused", "H refused"),
        ("of 2001:db8::8a2e:370:7334.", "of H."),
        ("DB01.ACME.COM db.prod.acme.nl, db01.acme.jp:5432", "H H, H"),
        ("worker-7.acme.unheardof connects", "H connects"),
        ("dbserver:5432 and dbserver.prod", "H and H"),
        ("torch.nn.Module of x.py:123 at 2026-11-25T12:34:56, a[::2]",) * 2,
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
        ("3 / 4 and/or 10 MB/s, n/a </b>", "3 / 4 and/or 10 MB/s, n/a </b>"),
        ("file:///home/alice/x", "file://P"),
        ("PYTHONPATH=/a:/home/b c", "PYTHONPATH=P c"),
        ("error:/home/alice/x", "error:P"),
        ("cat 'data/my secret.csv', data/secret.csv", "cat 'P', P"),
        ("'/home/alice/My Documents/x'", "'P'"),
        (r"C:\Users\Alice Smith\x", "P"),
        ("/home/o'brien/x/y", "P"),
        ("('/a/b', '/c/d')", "('P', 'P')"),
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


TREE = """Traceback (most recent call last):
  File "x.py", line 1, in f
    secret = 1
  + Exception Group Traceback (most recent call last):
  |   File "x.py", line 1, in f
  |     secret = 1
  | ExceptionGroup: g (2 sub-exceptions)
  +-+---------------- 1 ----------------
    | Traceback (most recent call last):
    |   File "x.py", line 2, in g
    |     secret(
    |     | secret)
    |     ^^^^
    | ValueError: no
    +---------------- 2 ----------------
    | KeyError: 1
    +------------------------------------
"""


def test_source_in_groups_of_exceptions() -> None:
    said = without_source(TREE)
    gone = [line for line in TREE.splitlines() if "secret" in line or "^" in line]
    assert said.splitlines() == [line for line in TREE.splitlines() if line not in gone]
    # Outside of a group, a bar is Python's.
    assert without_source('  File "x.py", line 1, in f\n    | secret\n') == '  File "x.py", line 1, in f\n'
    assert "secret" not in without_source(repr(TREE))


PARTS = st.text("abcXYZ019_-.", min_size=1, max_size=8).filter(lambda part: part.strip(".-"))


@given(
    st.lists(PARTS, min_size=1, max_size=4),
    st.sampled_from(
        ["/{}", "~/{}", "../{}", "file:///{}", "x=/{}", "a:/{}", "'/{}'", '"{}/b c.csv"', "x/y/{}"]
    ),
    st.sampled_from(["{}", "read {}: no", "({})", "-o{} ", "[{}, 1]", "{}\n"]),
)
@settings(deadline=None)
def test_no_part_of_a_path_is_left(parts: list[str], form: str, around: str) -> None:
    parts = [f"zq{part}zq" for part in parts]
    text = Redactor(["paths"]).text(around.format(form.format("/".join(parts))))
    assert "zq" not in text


LABELS = st.from_regex(r"[a-z][a-z0-9]{0,6}", fullmatch=True)


@given(
    st.lists(LABELS, max_size=3),
    st.sampled_from(
        ["{}.com", "{}.NL", "{}.jp", "{}.internal", "worker-1.{}.local", "path-1.{}.org", "{}:8786"]
    ),
    st.sampled_from(["{}", "at {}, no", "tcp://{}", "({})", "scheduler {}."]),
)
@settings(deadline=None)
def test_no_part_of_a_host_is_left(labels: list[str], form: str, around: str) -> None:
    host = form.format(".".join(["zq", *(f"zq{label}" for label in labels)]))
    assert "zq" not in Redactor(["hosts"]).text(around.format(host))


@pytest.mark.parametrize(
    "name", ["worker-a.acme.com", "host-10-1.acme.com", "scheduler.acme.com", "path-7.acme.com"]
)
def test_what_begins_as_a_stand_in_is_none(name: str) -> None:
    assert "acme" not in Redactor(["hosts"]).text(f"tcp://{name}:80 {name}")
    assert "acme" not in Redactor(["paths"]).text(f"/{name}/x /path-1/acme")


def test_stand_ins_stay_as_they_are() -> None:
    redactor = Redactor(["hosts", "paths", "keys", "code"])
    once = redactor.text("tcp://a.acme.com:80/x /home/zq s3://b/c/d")
    assert redactor._scrubbed(once) == once


@pytest.mark.parametrize("word", ["x", "a-", "a.", "a+", ":", "/", "a/", "'", "1:", "[", "\\", "a:/ ", " | "])
def test_long_texts_take_no_long_time(word: str) -> None:
    redactor = Redactor(["hosts", "paths", "code"])
    began = time.perf_counter()
    redactor.traceback(word * (50_000 // len(word)))
    assert time.perf_counter() - began < 5


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


def test_without_logs_alone_tasks_keep_what_they_have(made: Any) -> None:
    reports, _ = made
    kept, plain = load_report(reports["logs"]), load_report(reports[""])
    assert {r.get("type") for r in kept.data} == {r.get("type") for r in plain.data} != {b"", None}
