# SPDX-License-Identifier: Apache-2.0
"""`taskbroker record`: what is in the database, also after a kill, a hole, a full disk, and what it refuses."""

import os
import sqlite3
import subprocess
import types

import pytest

from tb_record import Recorder

CC = dict(cmdline=b"cc\0-c\0a b.c\0", exe=b"/usr/bin/cc", cgroup=b"0::/system.slice/build.service\n")
ODD = dict(cmdline=b"\xff\n\0", exe=b"/bin/\xff\\x", cgroup=b"0::/user.slice/user-5.slice/session-1.scope/a\n")


@pytest.fixture
def recorder(daemon, tmp_path):
    daemon.wait_ready()
    recorder = Recorder(daemon, tmp_path / "history.db")
    yield recorder
    if recorder.process.poll() is None:
        recorder.kill()


def run(kernel, tid, code=0, **kw):
    """A process from its fork to its end."""
    kernel.fork(tid)
    kernel.end(tid, code=code, **kw)


def test_every_fact(daemon, recorder):
    """A row has the identity, relatives, program, unit, status and statistics of the process' events."""
    k = daemon.kernel
    daemon.proc.set_program(1, cmdline=b"/sbin/init\0", exe=b"/lib/init", cgroup=b"0::/init.scope\n")
    witness = daemon.subscriber(programs=True)
    k.fork(100)
    k.exec(100, comm=b"cc", program=CC)
    assert len(witness.take(2)) == 2
    k.end(100, code=3 << 8, comm=b"cc", values=dict(ac_minflt=7, read_char_bytes=2048))
    due = witness.take(1)[0]
    row, = recorder.wait_ended(1)
    assert (row["pid"], row["start_boot_ns"]) == (100, due.start_boot_ns)
    assert (row["maker_pid"], row["maker_start_boot_ns"]) == (1, due.maker.start_boot_ns)
    assert (row["parent_pid"], row["parent_start_boot_ns"]) == (1, due.parent.start_boot_ns)
    assert (row["comm"], row["args"], row["exe"]) == ("cc", "cc -c 'a b.c'", "/usr/bin/cc")
    assert (row["cgroup"], row["unit"]) == ("/system.slice/build.service", "build.service")
    assert (row["exit_code"], row["term_signal"], row["core_dumped"], row["status_missing"]) == (3, 0, 0, None)
    assert (row["uid"], row["fork_unseen"], row["synthesised"]) == (due.uid, 0, 0)
    assert (row["ac_minflt"], row["read_char_bytes"]) == (7, 2048)
    assert row["cpu_run_virtual_total_ns"] == 100_000
    assert row["ended"] >= row["started"] and row["stats_missing"] is None
    # a value that was not measured is NULL, with the reason
    assert row["cpu_delay_max_time_ns"] is None and "delay_peak_times" in row["groups_unsupported"].split(",")


def test_reasons(daemon, recorder):
    """A value that is not known is never 0: it is NULL with a reason."""
    k = daemon.kernel
    k.fork(100)
    k.exit(100)
    k.mark()
    k.exit(555)
    rows = {row["pid"]: row for row in recorder.wait_ended(2)}
    assert rows[100]["stats_missing"] == "lost" and rows[100]["ac_minflt"] is None
    assert rows[100]["program_missing"] in ("unknown", "late") and rows[100]["args"] is None
    assert rows[555]["start_boot_ns"] is None and rows[555]["started"] is None
    assert (rows[555]["fork_unseen"], rows[555]["task_unknown"]) == (1, 1)
    assert rows[555]["uid"] is None and rows[555]["maker_pid"] is None


def test_texts_are_stored_once_and_as_they_are(daemon, recorder):
    k = daemon.kernel
    witness = daemon.subscriber(programs=True)
    for tid in (100, 101):
        k.fork(tid)
        k.exec(tid, comm=b"o\xffd", program=ODD)
        witness.take(2)
        k.end(tid, comm=b"o\xffd")
        witness.take(1)
    rows = recorder.wait_ended(2)
    for row in rows:
        assert row["comm"] == b"o\xffd" and row["exe"] == b"/bin/\xff\\x"
        assert row["args"] == r"$'\xff\n'"
        assert row["unit"] == "session-1.scope"
    for name, n in (("string", 1), ("cgroup", 1)):
        column = "text" if name == "string" else "path"
        assert all(row["n"] == n for row in recorder.query(f"SELECT count(*) n FROM {name} GROUP BY {column}"))


def test_what_runs(daemon, recorder):
    """A process that runs is there without an end. Its name and user are the present ones."""
    k = daemon.kernel
    k.fork(100)
    k.comm(100, comm=b"renamed")
    k.uid(100, real=7)
    recorder.wait("SELECT * FROM processes WHERE pid = 100 AND comm = 'renamed' AND uid = 7 AND ended IS NULL")
    k.end(100, comm=b"renamed")
    recorder.wait("SELECT * FROM processes WHERE pid = 100 AND ended IS NOT NULL", lambda rows: len(rows) == 1)


def test_a_number_twice(daemon, recorder):
    """Two processes with one number are two rows, in the order of their ends."""
    for code in (1, 2):
        run(daemon.kernel, 100, code=code << 8)
    rows = recorder.wait_ended(2)
    assert [row["exit_code"] for row in rows] == [1, 2]
    assert rows[0]["start_boot_ns"] < rows[1]["start_boot_ns"]


def test_killed_and_started_again(daemon, recorder):
    """A recorder that was killed gets from the broker what it had not committed, and nothing twice."""
    run(daemon.kernel, 100)
    recorder.wait_ended(1)
    daemon.kernel.fork(101)
    recorder.wait("SELECT * FROM processes WHERE pid = 101")
    for tid in range(200, 260):
        run(daemon.kernel, tid)
        if tid % 20 == 0:
            recorder.kill()
            run(daemon.kernel, tid + 1000)
            recorder.start()
    daemon.kernel.end(101)
    rows = recorder.wait_ended(1 + 60 + 3 + 1)
    assert len({(row["pid"], row["start_boot_ns"]) for row in rows}) == len(rows)
    assert recorder.query("SELECT * FROM losses") == []
    assert len(recorder.query("SELECT * FROM streams")) == 1
    assert recorder.query("SELECT count(*) n FROM process") == [{"n": len(rows) + 1}]


def test_a_stream_that_is_gone_is_a_hole(make_daemon, tmp_path):
    """A broker that was started again has another epoch: what ended meanwhile is said to have ended unseen."""
    first = make_daemon()
    first.wait_ready()
    first.kernel.fork(100)
    first.kernel.fork(101)
    recorder = Recorder(first, tmp_path / "history.db")
    recorder.wait("SELECT * FROM processes WHERE pid = 101")
    recorder.stop()
    second = make_daemon(start=False)
    second.proc.add(1, ppid=0, comm=b"init")
    second.start()
    second.wait_ready()
    second.kernel.fork(300)
    recorder.daemon = second
    recorder.start()
    hole, = recorder.wait("SELECT * FROM losses")
    assert (hole["source"], hole["reason"], hole["missing"]) == ("recorder", "broker restarted", "possible")
    assert hole["count"] is None and hole["since"] <= hole["until"]
    rows = {row["pid"]: row for row in recorder.query("SELECT * FROM processes")}
    for pid in (100, 101):
        assert rows[pid]["ended"] is None and rows[pid]["ended_before"] == hole["until"]
        assert rows[pid]["end_missing"] == "hole" and rows[pid]["exit_code"] is None
    assert rows[300]["ended_before"] is None and rows[300]["fork_unseen"] == 1
    assert hole["ended_unseen"] >= 2 and hole["found_alive"] >= 1
    assert len(recorder.query("SELECT * FROM streams")) == 2
    recorder.stop()


def test_losses_are_recorded(daemon, recorder):
    daemon.kernel.lose(n=3)
    run(daemon.kernel, 100)
    loss, *_ = recorder.wait("SELECT * FROM losses")
    assert (loss["source"], loss["reason"], loss["count"], loss["at_least"]) == ("connector", "overrun", 3, 0)
    assert loss["missing"] == "possible"


def test_a_reader_that_fell_behind(make_daemon, tmp_path):
    """Events that the broker could not keep for a recorder that was away are a loss with an exact count."""
    daemon = make_daemon(arguments=["--feed-mib", "1"], start=False)
    # each exit has the program of init, which fills the feed
    daemon.proc.set_program(1, cmdline=b"x" * 2000 + b"\0", exe=b"/sbin/init", cgroup=b"0::/init.scope\n")
    daemon.start()
    daemon.wait_ready()
    recorder = Recorder(daemon, tmp_path / "history.db")
    run(daemon.kernel, 99)
    recorder.wait_ended(1)
    recorder.kill()
    n = 3000
    for tid in range(100, 100 + n):
        run(daemon.kernel, tid)
    recorder.start()
    run(daemon.kernel, 50000)
    recorder.wait("SELECT * FROM processes WHERE pid = 50000 AND ended IS NOT NULL")
    lost = [row for row in recorder.query("SELECT * FROM losses") if row["source"] == "reader"]
    n_ended = recorder.query("SELECT count(*) n FROM processes WHERE ended IS NOT NULL")[0]["n"]
    n_lost = sum(row["count"] for row in lost)
    assert all(row["missing"] == "counted" and not row["at_least"] for row in lost)
    # each process has two events, a fork and an exit; the first row's fork can be among those that are lost
    assert 0 < n_lost <= 2 * n and 0 <= 2 * (n_ended - 2) - (2 * n - n_lost) <= 1
    recorder.stop()


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 3 MiB, which only root can make."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "none", disk]).returncode:
        pytest.skip("only root can mount a small disk")
    yield disk
    subprocess.run(["umount", "-l", disk], check=True)


def test_full_disk(daemon, small_disk):
    """A full disk is waited out; later events are written afterwards."""
    daemon.wait_ready()
    recorder = Recorder(daemon, small_disk / "history.db")
    run(daemon.kernel, 99)
    recorder.wait_ended(1)
    n, ballast = 1, small_disk / "ballast"
    with open(ballast, "wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            pass
    while b"is full" not in recorder.said:
        run(daemon.kernel, 1000 + n)
        n += 1
        try:
            recorder.said += recorder.process.stderr.read() or b""
        except BlockingIOError:
            pass
        assert n < 1_000_000
    assert recorder.process.poll() is None
    for _ in range(50):
        run(daemon.kernel, 1000 + n)
        n += 1
    subprocess.run(["mount", "-o", "remount,size=64m", small_disk], check=True)
    recorder.wait_said("can be written again")
    rows = recorder.wait_ended(n)
    assert [row["pid"] for row in rows] == [99, *range(1001, 1000 + n)]
    assert recorder.query("SELECT * FROM losses") == []
    assert "is full. Recording waits" in recorder.stop()


def refused(daemon, path, words):
    daemon.wait_ready()
    recorder = Recorder(daemon, path, start=False)
    recorder.launch()
    said = recorder.finish(code=1)
    assert words in said and str(path) in said and said.count("\n") == 1, said
    return said


def test_two_recorders(daemon, recorder):
    refused(daemon, recorder.path, "Another taskbroker record writes to")
    run(daemon.kernel, 100)
    recorder.wait_ended(1)


def test_a_newer_version(daemon, tmp_path):
    path = tmp_path / "history.db"
    recorder = Recorder(daemon, path)
    recorder.stop()
    db = sqlite3.connect(path)
    db.execute("PRAGMA user_version = 99")
    db.close()
    before = path.read_bytes()
    refused(daemon, path, "its schema has version 99")
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", [b"no database at all\n" * 200, "damaged"], ids=["text", "damaged"])
def test_a_corrupt_database(daemon, tmp_path, content):
    path = tmp_path / "history.db"
    if content == "damaged":
        Recorder(daemon, path).stop()
        whole = path.read_bytes()
        content = whole[:100] + bytes(4096) + whole[4196:]
    path.write_bytes(content)
    refused(daemon, path, "is damaged, or is no database")
    assert path.read_bytes() == content


def test_a_database_of_another_program(daemon, tmp_path):
    path = tmp_path / "history.db"
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE mine (x)")
    db.commit()
    db.close()
    refused(daemon, path, "is a database of another program")


def test_places_that_cannot_be_written(daemon, tmp_path):
    refused(daemon, tmp_path / "nowhere" / "history.db", "The folder of")
    refused(daemon, tmp_path, "cannot be written")
    refused(daemon, "/proc/version", "written")


def test_a_reader_beside_the_writer(daemon, recorder):
    """A query that takes its time does not stop the recorder."""
    run(daemon.kernel, 100)
    recorder.wait_ended(1)
    db = sqlite3.connect(recorder.path)
    db.execute("BEGIN")
    assert db.execute("SELECT count(*) FROM processes WHERE ended IS NOT NULL").fetchone() == (1,)
    run(daemon.kernel, 101)
    recorder.wait_ended(2)
    assert db.execute("SELECT count(*) FROM processes WHERE ended IS NOT NULL").fetchone() == (1,)
    db.close()


def test_another_boot(daemon, tmp_path):
    """Processes of an earlier boot did not outlive it."""
    path = tmp_path / "history.db"
    recorder = Recorder(daemon, path)
    daemon.wait_ready()
    daemon.kernel.fork(100)
    recorder.wait("SELECT * FROM processes WHERE pid = 100")
    recorder.stop()
    db = sqlite3.connect(path)
    db.execute("UPDATE boot SET boot_id = 'an earlier one'")
    db.commit()
    db.close()
    recorder.start()
    recorder.wait("SELECT * FROM streams", lambda rows: len(rows) == 2)
    rows = recorder.query("SELECT * FROM processes WHERE boot_id = 'an earlier one'")
    assert rows and all(row["end_missing"] == "reboot" and row["ended"] is None for row in rows)
    assert any(row["pid"] == 100 for row in recorder.query(
        "SELECT * FROM processes WHERE boot_id <> 'an earlier one' AND ended IS NULL"))
    hole, = recorder.query("SELECT * FROM losses")
    assert (hole["reason"], hole["boot_id"], hole["ended_unseen"]) == ("reboot", "an earlier one", len(rows))
    recorder.stop()


def test_removal_by_age(daemon, tmp_path):
    """Processes that ended long ago go, with texts that no process has; others stay, and the boot says since when."""
    path = tmp_path / "history.db"
    recorder = Recorder(daemon, path)
    daemon.wait_ready()
    k = daemon.kernel
    k.fork(500, comm=b"kept")
    for tid in range(100, 110):
        run(k, tid, comm=b"old")
    recorder.wait_ended(10)
    recorder.wait("SELECT * FROM processes WHERE pid = 500")
    recorder.stop()
    age = 40 * 86400 * 10**9
    db = sqlite3.connect(path)
    db.execute("UPDATE process SET start_ns = start_ns - ?, end_ns = end_ns - ? WHERE pid BETWEEN 100 AND 109", (age, age))
    db.execute("UPDATE string SET used_ns = used_ns - ?", (age,))
    db.execute("UPDATE boot SET begin_ns = begin_ns - ?", (age,))
    db.commit()
    db.close()
    recorder.arguments = ("--keep", "30d")
    recorder.start()
    for tid in range(200, 203):
        run(k, tid, comm=b"new")
    recorder.wait("SELECT pid FROM processes WHERE ended IS NOT NULL",
                  lambda rows: sorted(row["pid"] for row in rows) == [200, 201, 202])
    recorder.wait("SELECT text FROM string WHERE text = 'old'", lambda rows: not rows)
    assert recorder.query("SELECT comm FROM processes WHERE pid = 500")[0]["comm"] is not None
    assert recorder.query("SELECT removed_before FROM boots")[0]["removed_before"]
    recorder.stop()


def test_removal_by_size(daemon, tmp_path):
    """The file stays within its limit, and the latest processes are those that stay."""
    path = tmp_path / "history.db"
    recorder = Recorder(daemon, path, "--max-size", "1M")
    daemon.wait_ready()
    last = 0
    for start in range(1000, 7500, 500):
        for tid in range(start, start + 500):
            run(daemon.kernel, tid)
        last = start + 499
        recorder.wait(f"SELECT 1 FROM process WHERE pid = {last} AND end_ns IS NOT NULL")
    pids = [row["pid"] for row in recorder.query("SELECT pid FROM process WHERE end_ns IS NOT NULL ORDER BY id")]
    assert pids == list(range(last - len(pids) + 1, last + 1)) and 500 < len(pids) < 6500
    assert recorder.query("SELECT count(*) n FROM processes WHERE ended IS NULL")[0]["n"] >= 1
    recorder.stop()
    assert path.stat().st_size < 2 << 20
    assert recorder.query("PRAGMA integrity_check") == [{"integrity_check": "ok"}]


@pytest.mark.parametrize("arguments, words", [
    (["--keep", "30"], "--keep 30: a span is"),
    (["--keep", "0d"], "--keep 0d: a span is"),
    (["--max-size", "1K"], "--max-size 1K: a size is"),
    (["--max-size", "-1G"], "--max-size -1G: a size is"),
    (["--db", ""], "the path is empty"),
])
def test_usage(tmp_path, arguments, words):
    recorder = Recorder(types.SimpleNamespace(path=tmp_path / "none"), tmp_path / "history.db", *arguments, start=False)
    recorder.launch()
    assert words in recorder.finish(code=2)
