# SPDX-License-Identifier: Apache-2.0
"""`taskbroker history`: each verb and each filter, on a database that a recorder wrote."""

import csv
import io
import json
import os
import sqlite3
import subprocess
import xml.dom.minidom

import pytest

from tb_daemon import executable
from tb_record import Recorder
from tb_wait import TIMEOUT, wait_until

MAKE = dict(cmdline=b"make\0-j2\0", exe=b"/usr/bin/make", cgroup=b"0::/user.slice/session-1.scope\n")
CC = dict(cmdline=b"cc\0-c\0a b.c\0", exe=b"/usr/bin/cc", cgroup=b"0::/system.slice/build.service/job\n")
S, MB = 10**9, 1 << 20


def run_history(path, *arguments, code=0, **kw):
    done = subprocess.run([executable("TASKBROKER", "command"), "history", "--db", str(path), *map(str, arguments)],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=TIMEOUT,
                          env={**os.environ, "LC_ALL": "C.UTF-8", "TZ": "UTC", "PAGER": "cat"}, **kw)
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    return done.stdout if code == 0 else done.stderr


def rows(path, *arguments, kind="process"):
    objects = [json.loads(line) for line in run_history(path, *arguments, "--json").splitlines()]
    return [row for row in objects if row["kind"] == kind]


def pids(path, *arguments):
    return [row["pid"] for row in rows(path, *arguments)]


def execute(kernel, witness, tid, comm, program):
    """The exec of a task whose fork was made; on a busy machine the broker reads the program later."""
    before = witness.status().programs_captured
    kernel.exec(tid, comm=comm, program=program)
    witness.take(2)
    wait_until(lambda: witness.status().programs_captured > before, f"the program of {comm}")


@pytest.fixture
def history(daemon, tmp_path):
    """A shell that made make, which made two compilers: one failed, and one was killed. Then an unrelated process."""
    daemon.wait_ready()
    witness = daemon.subscriber(programs=True)
    k = daemon.kernel
    k.fork(100)
    witness.take(1)
    recorder = Recorder(daemon, tmp_path / "history.db")
    k.fork(200, parent_tid=100)
    execute(k, witness, 200, b"make", MAKE)
    for tid, code in ((201, 1 << 8), (202, 9)):
        k.fork(tid, parent_tid=200)
        execute(k, witness, tid, b"cc", CC)
        k.end(tid, code=code, comm=b"cc", values=dict(
            cpu_run_virtual_total_ns=tid * S, read_bytes=tid * MB, write_bytes=2 * MB, hiwater_rss_kib=5000 + tid))
    k.end(200, comm=b"make", values=dict(cpu_run_virtual_total_ns=S))
    k.fork(300)
    k.end(300, comm=b"other", values=dict(cpu_run_virtual_total_ns=3))
    witness.take(5)
    recorder.wait_ended(4)
    recorder.stop()
    return recorder.path


def edit(path, *statements):
    db = sqlite3.connect(path)
    for statement in statements:
        db.execute(*statement if isinstance(statement, tuple) else (statement,))
    db.commit()
    db.close()


def test_list(history):
    assert pids(history) == [1, 100, 200, 201, 202, 300]
    assert pids(history, "list", "-n", 2) == [202, 300]
    table = run_history(history).splitlines()
    assert table[0].split() == ["STARTED", "LIVED", "PID", "USER", "STATUS", "CPU", "READ", "WRITE", "COMMAND"]
    line = next(line for line in table if " 201 " in line)
    assert "exit 1" in line and "201M" in line and line.endswith("cc -c 'a b.c'")
    assert " running " in next(line for line in table if " 100 " in line)
    assert " SIGKILL " in next(line for line in table if " 202 " in line)
    # a process that runs has no use yet: that is not 0
    assert next(line for line in table if " 100 " in line).split()[-4:-1] == ["-", "-", "-"]


FILTERS = [
    (["--comm", "c*"], [201, 202]),
    (["--comm", "make", "--comm", "other"], [200, 300]),
    (["--args", "'a b.c'"], [201, 202]),
    (["--cgroup", "/system.slice"], [201, 202]),
    (["--cgroup", "/system.slice/build.service/job/"], [201, 202]),
    (["--cgroup", "/system.slice/build"], []),
    (["--unit", "build"], [201, 202]),
    (["--unit", "session-*.scope"], [200]),
    (["-p", "200", "-p", "300"], [200, 300]),
    (["--nonzero"], [201, 202]),
    (["--min-cpu", "202s"], [202]),
    (["--min-io", "100M"], [201, 202]),
    (["--min-io", "204M"], [202]),
    (["--longer-than", "100d"], []),
    (["-u", "4294960000"], []),
    (["--until", "yesterday"], []),
    (["--since", "tomorrow"], [1, 100]),
    (["--since", "-1h", "--until", "+1h", "-b", "0"], [1, 100, 200, 201, 202, 300]),
    (["-b", "1", "--comm", "make"], [200]),
]


def test_filters(history):
    programs = {row["pid"]: (row["args"], row["program_missing"]) for row in rows(history)}
    assert programs[201] == programs[202] == ("cc -c 'a b.c'", None)
    assert [(arguments, pids(history, *arguments)) for arguments, _ in FILTERS] == FILTERS


def test_top(history):
    def groups(*arguments):
        return [(row["name"], row["count"]) for row in rows(history, "top", *arguments, kind="group")]
    assert groups()[:2] == [("cc", 2), ("make", 1)]
    first, = rows(history, "top", "-n", 1, kind="group")
    assert (first["failed"], first["cpu_ns"], first["read_bytes"]) == (2, 403 * S, 403 * MB)
    assert first["memory_kib"] == 5202 and first["unknown"] == 0
    assert groups("--by", "unit", "--sort", "io")[0] == ("build.service", 2)
    assert groups("--by", "user", "--sort", "count")[0][1] == 6
    assert groups("--by", "cgroup", "--comm", "cc") == [("/system.slice/build.service/job", 2)]
    assert "6m43s" in run_history(history, "top").splitlines()[1]


def test_tree(history):
    out = run_history(history, "tree", "200")
    commands = [line.split("  ")[-1] for line in out.splitlines()]
    order = [row["pid"] for row in rows(history, "tree", "200")]
    assert order == [1, 100, 200, 201, 202] and len(commands) == 6
    assert [row["depth"] for row in rows(history, "tree", "200")] == [-2, -1, 0, 1, 1]
    assert pids(history, "tree", "201") == [1, 100, 200, 201]
    assert pids(history, "tree", "100@now") == [1, 100, 200, 201, 202]
    assert "No process with the pid 999" in run_history(history, "tree", "999", code=1)


def test_at_and_who(history):
    assert pids(history, "at", "yesterday") == []
    edit(history, ("UPDATE process SET start_ns = start_ns - ?, class = max(class, 20)", (3600 * S,)))
    assert pids(history, "at", "30min ago") == [1, 100, 200, 201, 202, 300]
    assert pids(history, "at", "now") == [1, 100]
    assert pids(history, "who", 201) == [201]
    assert pids(history, "who", 4000) == []


def test_who_had_a_number_twice(daemon, tmp_path):
    daemon.wait_ready()
    recorder = Recorder(daemon, tmp_path / "history.db")
    for name in (b"first", b"second"):
        daemon.kernel.fork(100)
        daemon.kernel.end(100, comm=name)
    recorder.wait_ended(2)
    assert [row["comm"] for row in rows(recorder.path, "who", 100)] == ["first", "second"]
    recorder.stop()


def test_diff(history):
    """The processes of one hour ago are moved there."""
    edit(history, ("UPDATE process SET start_ns = start_ns - ?1, end_ns = end_ns - ?1 WHERE pid IN (201, 300)",
                   (3600 * S,)))
    found = {row["name"]: row for row in rows(history, "diff", "2h ago..30min ago", "30min ago..now", "--nonzero",
                                              kind="change")}
    assert found["cc"]["change"] == "more" and (found["cc"]["cpu_ns_1"], found["cc"]["cpu_ns_2"]) == (201 * S, 202 * S)
    found = {row["name"]: row["change"] for row in rows(history, "diff", "2h ago..30min ago", "30min ago..now",
                                                        kind="change")}
    assert (found["make"], found["other"]) == ("new", "gone")
    assert "more" in run_history(history, "diff", "2h ago..30min ago", "30min ago..now")


def test_graph(history, tmp_path):
    """The rates add up to the sums of the processes."""
    span = ["--since", "-1h", "--until", "+1h"]
    points = rows(history, "graph", *span, kind="rate")
    length = 7200 / len(points)
    assert round(sum(point["exits_per_s"] for point in points) * length) == 4
    assert round(sum(point["failures_per_s"] for point in points) * length) == 2
    assert round(sum(point["processors"] for point in points) * length) == 404
    out = run_history(history, "graph", *span)
    assert "exits/s" in out and "█" in out
    picture = tmp_path / "graph.svg"
    run_history(history, "graph", "--svg", picture)
    assert xml.dom.minidom.parse(str(picture)).documentElement.tagName == "svg"
    assert "cannot be written" in run_history(history, "graph", "--svg", tmp_path / "no" / "graph.svg", code=1)


def test_csv(history):
    edit(history, "UPDATE string SET text = 'a \"b\", c' WHERE text = 'cc'")
    found = list(csv.DictReader(io.StringIO(run_history(history, "--csv", "--nonzero"))))
    assert [row["comm"] for row in found] == ['a "b", c'] * 2
    assert [row["exit_code"] for row in found] == ["1", ""]


def test_names_of_any_bytes(history):
    edit(history, "UPDATE string SET text = x'ff1b5b41' WHERE text = 'cc'", "UPDATE process SET args = NULL")
    out = run_history(history, "--nonzero")
    assert "\\xff" in out and "\x1b" not in out


def test_losses_come_first(history):
    """A hole is printed before the table, and only with a span that it touches."""
    boot, end = sqlite3.connect(history).execute("SELECT id, end_ns FROM boot").fetchone()
    edit(history, ("INSERT INTO loss (boot, since_ns, time_ns, at_least, source, reason, missing, ended_unseen,"
                   " found_alive, forks_at_most) VALUES (?, ?, ?, 0, 'recorder', 'not recording', 'possible', 3, 2, 77)",
                   (boot, end - S, end)),
         ("INSERT INTO loss (boot, time_ns, count, at_least, source, reason, missing) VALUES (?, ?, 5, 0, 'reader',"
          " 'fell_behind', 'counted')", (boot, end)),
         ("INSERT INTO loss (boot, time_ns, count, at_least, source, reason, missing) VALUES (?, ?, 5, 0, 'connector',"
          " 'overrun', 'none')", (boot, end)))
    for verb in (["list"], ["top"], ["who", "201"], ["tree", "200"], ["graph"]):
        first, second, *others = run_history(history, *verb).splitlines()
        assert first.startswith("-- Nothing was recorded from ") and "(not recording): 3 recorded processes" in first
        assert first.endswith("at most 77 tasks were created.")
        assert second.startswith("-- 5 events were lost from an unknown time") and not others[0].startswith("--")
    assert len(rows(history, kind="loss")) == 2
    assert rows(history, "--until", "yesterday", kind="loss") == []


def test_parts_that_were_not_recorded(history):
    out = run_history(history, "--since", "-1h", "--until", "+1h").splitlines()
    assert out[0].startswith("-- Recorded since ") and out[1].startswith("-- Recorded until ")
    edit(history, "UPDATE boot SET pruned_ns = end_ns")
    assert "were removed" in run_history(history)


def test_a_clock_that_was_set(history):
    """Each time is shown, and found, by the clock as it was then."""
    start = sqlite3.connect(history).execute("SELECT start_ns FROM process WHERE pid = 300").fetchone()[0]
    before = rows(history, "--comm", "other")[0]["started"]
    edit(history, ("INSERT INTO clock_step SELECT boot, ?, step_ns + ? FROM clock_step", (start, 7200 * S)))
    later, earlier = rows(history, "--comm", "other")[0]["started"], rows(history, "--comm", "make")[0]["started"]
    assert later > before and earlier < before
    assert pids(history, "at", later) != [] and 300 in pids(history, "--since", "+1h")
    assert 200 not in pids(history, "--since", "+1h")


def test_refused(history, tmp_path):
    assert "There is no history in" in run_history(tmp_path / "none.db", code=1)
    (tmp_path / "text.db").write_text("no database\n" * 100)
    assert "is damaged, or is no database" in run_history(tmp_path / "text.db", code=1)
    (tmp_path / "empty.db").write_bytes(b"")
    assert "nothing was recorded" in run_history(tmp_path / "empty.db", code=1)
    assert "has no such boot; it has 1." in run_history(history, "-b", "7", code=1)
    edit(history, "PRAGMA user_version = 99")
    assert "version 99" in run_history(history, code=1)


def test_a_folder_of_another_user(history):
    """A reader needs no right to write beside the file."""
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")
    os.chmod(history, 0o644)
    for folder in [history.parent, *history.parent.parents]:
        if folder.owner() != "root" or str(folder) in ("/", "/dev", "/dev/shm", "/tmp"):
            break
        os.chmod(folder, 0o755)
    assert "make" in run_history(history, user=65534, group=65534, extra_groups=[])


@pytest.mark.parametrize("arguments, words", [
    (["--since", "never"], "never: a time is"),
    (["--since", "now", "--until", "-1h"], "--until is earlier"),
    (["--min-cpu", "x"], "--min-cpu x: a span"),
    (["--min-io", "1Q"], "--min-io 1Q: a size"),
    (["-p", "x"], "--pid x: a pid"),
    (["-u", "no such user"], "there is no such user"),
    (["--comm", ""], "--comm: the value is empty"),
    (["--by", "colour"], "--by colour: there are command,user,cgroup,unit"),
    (["--sort", "c"], "--sort c: there are cpu"),
    (["nonsense"], "nonsense: there are the verbs"),
    (["list", "x"], "list takes options only"),
    (["at"], "at takes one time"), (["who", "x"], "the verb who takes one pid"), (["tree"], "tree takes one pid"),
    (["diff", "now"], "diff takes two spans"), (["diff", "now", "now"], "a span is SINCE..UNTIL"),
    (["diff", "now..yesterday", "x..y"], "the span ends before it begins"),
])
def test_usage(tmp_path, arguments, words):
    path = tmp_path / "history.db"
    # a recorder makes the tables before it looks for a broker
    subprocess.run([executable("TASKBROKER", "command"), "--socket", tmp_path / "none", "record", "--db", path],
                   capture_output=True, timeout=TIMEOUT)
    assert words in run_history(path, *arguments, code=2)
