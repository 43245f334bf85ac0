# SPDX-License-Identifier: Apache-2.0
"""
A value that is not known is never shown as a known value. Each test plays one row of the table of
unknown values in docs/DESIGN.md through the fake kernel, the wire, the library, JSON and text.
"""

import json
import re

import pytest

import tb_fields
from tb_client import ALL_KINDS, what
from tb_proc import boottime_ns
from tb_protocol import event_pb2
from test_commands import command, finish, watch

PRESENT = event_pb2.TERMINATION_MISSING_UNSPECIFIED
UNKNOWN = event_pb2.TERMINATION_MISSING_UNKNOWN

# The columns of an exit line behind the name.
LINE = re.compile(r"exit +(\d+) +(\S+) +(\S+) +(\S+) +(\S+) +(\S+) +(\S+) +(\S+) +(\S+) +(.*)")


def line_of(out, pid):
    """The cells of the exit of a process: lifetime, cpu, read, written, peak, status and notes."""
    for line in out.splitlines():
        match = LINE.search(line)
        if match and int(match[1]) == pid:
            names = ("ppid", "user", "name", "lifetime", "cpu", "read", "written", "peak", "status")
            return dict(zip(names, match.groups()[1:]))
    raise AssertionError(f"no exit of {pid} in:\n{out}")


def reported_with_record(k):
    k.fork(100)
    k.end(100, code=7 << 8)


def reported_without_record(k):
    k.fork(100)
    k.exit(100, code=7 << 8)


def from_proc(k):
    """The exit and the record of the task are lost: /proc has it no longer."""
    k.fork(100)
    k.proc.remove(100)
    k.mark()


def from_record(k):
    """The exit is lost, and the record is not."""
    k.fork(100)
    k.stats(k.make_stats(100, ac_exitcode=7 << 8, ac_flag=0x20))
    k.proc.remove(100)
    k.mark()


# the messages; of the exit: synthesised, its status is known, it has statistics
EXITS = {
    "reported with its record": (reported_with_record, False, True, True),
    "reported without its record": (reported_without_record, False, True, False),
    "synthesised from /proc": (from_proc, True, False, False),
    "synthesised from its record": (from_record, True, True, True),
}


@pytest.mark.parametrize("name", EXITS)
def test_exit(daemon, name):
    play, synthesised, known, stats = EXITS[name]
    client = daemon.subscriber(kinds=("exit",))
    as_json = watch(daemon, client, "--json", "-e", "exit", "-n", "1")
    as_text = watch(daemon, client, "-e", "exit", "-n", "1")
    nonzero = watch(daemon, client, "--json", "-e", "exit", "--nonzero", "-n", "1")
    play(daemon.kernel)
    event = next(e for e in iter(client.event, None) if what(e) == "exit")

    assert (event.pid, event.synthesised, event.exit.process_ended) == (100, synthesised, True)
    assert event.exit.HasField("termination") == known and not event.exit.HasField("process_termination")
    assert event.exit.termination_missing == (PRESENT if known else UNKNOWN)
    assert event.exit.process_termination_missing == PRESENT
    assert event.exit.HasField("stats") == stats
    if synthesised:
        assert (event.cpu, event.exit.exit_signal) == (0, 0)

    for process in (as_json, nonzero):
        shown = json.loads(finish(process)[0])
        assert shown["exit_code"] == (7 if known else None)
        assert shown["term_signal"] == (0 if known else None)
        assert shown["core_dumped"] == (False if known else None)
        assert shown.get("termination_missing") == (None if known else "unknown")
        assert (shown["cpu"] is None) == synthesised
        assert (shown["exit_signal"] is None) == synthesised
        assert (shown["stats"] is None) == (not stats)

    cells = line_of(finish(as_text)[0], 100)
    assert cells["status"].split("(")[0].strip() == ("exit 7" if known else "-")
    assert (cells["lifetime"] == "-") == (synthesised and not stats)
    assert (cells["cpu"] == "-") == (not stats)


def leader_seen(k):
    k.end(100, last=False)


def leader_without_signal(k):
    k.stats(k.make_stats(100))
    k.exit(100, signal=0)


def leader_from_record(k):
    """Its exit was lost, and the record says it. In /proc it is a zombie."""
    k.proc.add(100, comm=b"main", state="Z")
    k.stats(k.make_stats(100))
    k.mark(1)


LEADERS = {
    # how the leader ended; whether before the broker started; the signal of the process' end; None: not known
    "seen": (leader_seen, False, 17),
    "without a signal": (leader_without_signal, False, 0),
    "from its record": (leader_from_record, False, None),
    "before the broker": (None, True, None),
}


@pytest.mark.parametrize("name", LEADERS)
def test_exit_signal_of_a_leader_that_ended_first(make_daemon, name):
    """The leader's exit has the signal of a process. 0 is no signal; a signal that nobody saw is not 0."""
    play, before, signal = LEADERS[name]
    daemon = make_daemon(start=False)
    start = boottime_ns()
    if before:
        daemon.proc.add(100, comm=b"main", state="Z", start_ns=start)
        daemon.proc.add(100, tid=101, comm=b"worker", start_ns=start)
    daemon.start()
    k = daemon.kernel
    threads = daemon.subscriber(kinds=("fork", "exit"), threads=True)
    if not before:
        k.fork(100)
        k.fork(101, pid=100, parent_tid=100)
        threads.take(2)
    client = daemon.subscriber(kinds=("exit",), threads=False)
    process = watch(daemon, client, "--json", "-e", "exit", "-n", "1")
    if play:
        play(k)
        threads.until(lambda e: what(e) == "exit" and e.tid == 100)
    lived = dict(ac_etime_us=(boottime_ns() - start) // 1000) if before else {}
    k.end(101, 100, last=True, group=k.make_stats(100, 100), values=lived)
    event = client.until(lambda e: what(e) == "exit")[-1]
    assert (event.pid, event.synthesised, event.exit.exit_signal) == (100, False, signal or 0)
    assert event.exit.exit_signal_missing == (signal is None)
    assert json.loads(finish(process)[0])["exit_signal"] == signal


def test_stale_name_of_a_leader_that_ended_first(daemon):
    """The leader's name was not read since its exec, and its record was lost: both exits mark the name."""
    k = daemon.kernel
    k.mirror = False
    threads = daemon.subscriber(kinds=("exec", "exit"), threads=True)
    processes = daemon.subscriber(kinds=("exit",), threads=False)
    process = watch(daemon, threads, "--json", "--threads", "-e", "exit", "-n", "2")
    k.fork(100)
    k.exec(100)
    k.fork(101, pid=100, parent_tid=100)
    k.exit(100)
    k.end(101, 100, last=True, group=k.make_stats(100, 100))
    end = threads.until(lambda e: what(e) == "exit" and e.tid == 101)[-1]
    assert end.exit.leader.comm_stale and end.exit.leader.comm == b"init"
    assert processes.until(lambda e: what(e) == "exit")[-1].comm_stale
    assert json.loads(finish(process)[0].splitlines()[-1])["leader"]["comm_stale"] is True


def test_events_of_an_unknown_task(daemon):
    """A task whose fork was lost: each kind of event has what the kernel sent, and no more."""
    client = daemon.subscriber(kinds=ALL_KINDS)
    process = watch(daemon, client, "--json", "-e", "comm,uid,gid,sid", "-n", "4")
    k = daemon.kernel
    k.comm(500, comm=b"new")
    k.uid(500, real=0, effective=0)
    k.gid(500, real=0, effective=0)
    k.sid(500)
    shown = {o["kind"]: o for o in map(json.loads, finish(process)[0].splitlines())}
    assert (shown["comm"]["comm"], shown["comm"]["old_comm"], shown["comm"]["uid"]) == ("new", None, None)
    assert (shown["uid"]["uid"], shown["uid"]["real_id"], shown["uid"]["comm"]) == (0, 0, None)
    assert (shown["gid"]["real_id"], shown["gid"]["uid"]) == (0, None)
    for o in shown.values():
        assert o["ppid"] is None and o["start_time_ns"] is None and o["id"] is None and o["task_unknown"] is True


def test_fork_that_was_found(daemon):
    """/proc has the parent process, and not the thread that forked, nor the processor."""
    client = daemon.subscriber()
    process = watch(daemon, client, "--json", "-e", "fork", "-n", "1")
    daemon.proc.add(700, ppid=1, uid=5)
    daemon.kernel.mark()
    shown = json.loads(finish(process)[0])
    assert (shown["pid"], shown["ppid"], shown["uid"], shown["synthesised"]) == (700, 1, 5, True)
    assert (shown["parent_tid"], shown["cpu"]) == (None, None)


@pytest.mark.parametrize("known", [True, False])
def test_task(make_daemon, known):
    """A session of 0 is known of a kernel thread, and of no task whose fork was lost."""
    daemon = make_daemon(start=False)
    daemon.proc.add(2, ppid=0, comm=b"kthreadd", kernel_thread=True, session=0)
    daemon.start()
    daemon.kernel.mirror = False
    client = daemon.subscriber()
    daemon.kernel.fork(600, parent_tid=555)
    assert client.event().pid == 600
    rows = {o["pid"]: o for o in map(json.loads, finish(command(daemon, "ps", "--json"))[0].splitlines())}
    task = rows[2 if known else 600]
    for key, value in (("session", 0), ("uid", 0), ("euid", 0), ("gid", 0), ("egid", 0), ("kernel_thread", True)):
        assert task[key] == (value if known else None), key
    assert task["credentials_changed"] == (False if known else None)
    assert task["comm"] == ("kthreadd" if known else None)


def test_losses(daemon):
    """The kernel counts for the whole machine; a lost record is missing in its exit, which is there."""
    client = daemon.subscriber(kinds=("exit",))
    process = watch(daemon, client, "--json", "-e", "loss", "-n", "2")
    text = watch(daemon, client, "-e", "loss", "-n", "2")
    k = daemon.kernel
    k.fork(100)
    k.exit(100)
    client.until(lambda e: what(e) == "loss")
    k.mark(5)
    client.until(lambda e: what(e) == "loss")
    records, events = map(json.loads, finish(process)[0].splitlines())
    assert (records["source"], records["count"], records["scope"], records["missing"]) == ("taskstats", 1, "machine", 0)
    assert (events["source"], events["count"], events["scope"], events["missing"]) == ("connector", 5, "machine", None)
    records, events = [line for line in finish(text)[0].splitlines() if "***" in line]
    assert "1 exits' statistics lost machine-wide" in records and "may be missing" not in records
    assert "5 kernel events lost machine-wide" in events and "events of this stream may be missing" in events


@pytest.mark.parametrize("version", [8, 9, 10, 11, 12, 17])
def test_old_kernels(make_daemon, version):
    """A field that the kernel's record does not have is null in JSON and `-` in text; its group's other fields stay."""
    daemon = make_daemon(version=version)
    client = daemon.subscriber(kinds=("exit",))
    process = watch(daemon, client, "--json", "-e", "exit", "-n", "1")
    daemon.kernel.fork(100)
    daemon.kernel.stats(tb_fields.distinct(version, 100, 100))
    daemon.kernel.exit(100)
    shown = json.loads(finish(process)[0])["stats"]
    unsupported = shown.get("unsupported_groups", [])
    assert shown["taskstats_version"] == version
    for f in tb_fields.FIELDS:
        assert (f.group in unsupported) == (f.group not in shown), f.group
        if f.group in shown:
            assert (shown[f.group][f.name] is None) == (version < f.since), f.name
    for d in tb_fields.DELAYS:
        assert (d.name in shown["delays"]) == (version >= d.since), d.name
        peak = shown["delays"].get(d.name, {}).get("peak")
        assert (peak is not None) == (version >= max(d.since, 15)), d.name
        assert peak is None or (peak["max_time_ns"] is not None) == (version >= 17)


@pytest.mark.parametrize("counted", [True, False, None])
def test_delay_accounting(make_daemon, counted):
    """
    Delays that the kernel did not count are absent: in the wire's mask, in JSON's list, and not 0. If the state of delay
    accounting cannot be read (None), nobody knows that they were counted.
    """
    daemon = make_daemon(start=False)
    daemon.proc.set_delay_accounting(counted)
    daemon.start()
    client = daemon.subscriber(kinds=("exit",))
    process = watch(daemon, client, "--json", "-e", "exit", "-n", "1")
    daemon.kernel.fork(100)
    daemon.kernel.end(100)
    wire = client.event().exit.stats
    shown = json.loads(finish(process)[0])["stats"]
    groups = {"delays", "delay_peaks"}
    assert wire.delays.HasField("blkio") == (counted is True) and wire.delays.HasField("cpu")
    assert ("blkio" in shown["delays"]) == (counted is True) and "cpu" in shown["delays"]
    assert groups.isdisjoint(shown.get("uncounted_groups", [])) == (counted is True)
