# SPDX-License-Identifier: Apache-2.0
"""
The programs of processes: read at exec, repeated at exit, and inherited at fork.
A program that could not be read is sent with the reason, and counted.
"""

import json
import os
import subprocess
import time

import pytest

from tb_client import what
from tb_daemon import executable
from tb_proc import boottime_ns, start_of
from tb_protocol import event_pb2
from tb_wait import TIMEOUT, wait_until

CAPTURED = event_pb2.PROGRAM_STATE_CAPTURED
LATE = event_pb2.PROGRAM_STATE_LATE
SKIPPED = event_pb2.PROGRAM_STATE_SKIPPED

LS = dict(cmdline=b"ls\0-l\0", exe=b"/bin/ls", cgroup=b"0::/user.slice/shell\n")
INIT = dict(cmdline=b"/sbin/init\0", exe=b"/lib/systemd/systemd", cgroup=b"0::/init.scope\n")


def program(state=CAPTURED, cmdline=b"", exe=b"", cgroup=b"", truncated=False):
    return event_pb2.Program(state=state, cmdline=cmdline, exe=exe, cgroup=cgroup, truncated=truncated)


IS_LS = program(cmdline=LS["cmdline"], exe=LS["exe"], cgroup=b"/user.slice/shell")
IS_INIT = program(cmdline=INIT["cmdline"], exe=INIT["exe"], cgroup=b"/init.scope")


@pytest.fixture
def ready(make_daemon):
    """An init of which all is known."""
    daemon = make_daemon(start=False)
    daemon.proc.set_program(1, **INIT)
    daemon.start()
    return daemon


def counts(client):
    status = client.status()
    return status.programs_captured, status.programs_late, status.programs_skipped


def test_captured(ready):
    """In the exec, in the exit, and in the snapshots between."""
    client = ready.subscriber(programs=True)
    assert counts(client) == (1, 0, 0)
    k = ready.kernel
    k.fork(100)
    k.exec(100, comm=b"ls", program=LS)
    forked, execed = client.take(2)
    assert execed.exec.program == IS_LS
    assert (execed.comm, execed.exec.comm_stale) == (b"ls", False)
    late = ready.subscriber(programs=True, snapshot=True)
    assert {t.tid: t.program for t in late.snapshot()} == {1: IS_INIT, 100: IS_LS}
    k.end(100)
    assert client.event().exit.program == IS_LS
    assert counts(client) == (2, 0, 0)


def test_not_asked_for(ready):
    """No client receives a program, and the broker reads none."""
    client = ready.subscriber(snapshot=True)
    assert not any(t.HasField("program") for t in client.snapshot())
    k = ready.kernel
    k.fork(100)
    k.exec(100, program=LS)
    k.end(100)
    _, execed, ended = client.take(3)
    assert not execed.exec.HasField("program") and not ended.exit.HasField("program")
    assert counts(client) == (0, 0, 0)


def test_asked_for_by_another(ready):
    """Two feeds of the same events, one with, one without."""
    without = ready.subscriber()
    having = ready.subscriber(programs=True)
    assert without.feed != having.feed
    k = ready.kernel
    k.fork(100)
    k.exec(100, program=LS)
    k.end(100)
    for client, has in ((without, False), (having, True)):
        _, execed, ended = client.take(3)
        assert (execed.exec.HasField("program"), ended.exit.HasField("program")) == (has, has)


def test_only_kinds_that_carry_it(ready):
    """It says what a process runs: kinds are what they were."""
    client = ready.subscriber(("fork", "exit"), programs=True)
    witness = ready.subscriber(("exec",))
    k = ready.kernel
    k.fork(100)
    k.exec(100, program=LS)
    # The broker does not read the files of an ended process.
    witness.take(1)
    k.end(100)
    forked, ended = client.take(2)
    assert (what(forked), what(ended)) == ("fork", "exit")
    assert ended.exit.program == IS_LS


def test_inherited(ready):
    """A process that never called exec runs what its parent does; threads what their process does."""
    client = ready.subscriber(threads=True, programs=True)
    k = ready.kernel
    k.fork(100)
    k.exec(100, program=LS)
    client.take(2)
    k.fork(101, pid=100)
    k.fork(200, parent_tid=101, parent_pid=100)
    k.fork(201, parent_tid=200)
    k.fork(300)
    snapshot = ready.subscriber(programs=True, threads=True, snapshot=True)
    client.take(4)
    k.end(101, pid=100)
    k.end(100)
    k.end(201)
    k.end(200)
    k.end(300)
    ends = client.take(5)
    assert [(e.tid, e.exit.program == IS_LS) for e in ends] == [
        (101, True), (100, True), (201, True), (200, True), (300, False),
    ]
    assert ends[-1].exit.program == IS_INIT
    assert counts(client) == (2, 0, 0), "nothing was read for a fork"
    assert all(t.program in (IS_LS, IS_INIT) for t in snapshot.snapshot())


def test_exec_again(ready):
    client = ready.subscriber(programs=True)
    k = ready.kernel
    k.fork(100)
    k.exec(100, program=LS)
    client.take(2)
    k.fork(200, parent_tid=100)
    k.exec(100, program=dict(cmdline=b"cat\0", exe=b"/bin/cat", cgroup=b"0::/other\n"))
    cat = program(cmdline=b"cat\0", exe=b"/bin/cat", cgroup=b"/other")
    assert client.take(2)[1].exec.program == cat
    k.end(200)
    k.end(100)
    assert [e.exit.program for e in client.take(2)] == [IS_LS, cat]


def test_exec_by_another_thread(ready):
    client = ready.subscriber(programs=True)
    k = ready.kernel
    k.fork(100)
    k.fork(101, pid=100)
    k.end(100, last=False)
    k.mirror = False
    ready.proc.add(100, start_ns=boottime_ns() - 1_000_000)
    k.exec(100, program=LS)
    _, execed = client.take(2)
    k.end(100)
    ended = client.event()
    assert execed.exec.program == ended.exit.program == IS_LS


def test_it_had_gone(ready):
    """Its directory is not there; or the directory is there, but belongs to another process or to an ended process."""
    client = ready.subscriber(programs=True)
    k = ready.kernel
    late = program(LATE, cgroup=b"/init.scope")
    k.fork(100)
    ready.proc.remove(100)
    k.exec(100)
    assert client.take(2)[1].exec.program == late

    k.fork(101)
    ready.proc.remove(101)
    ready.proc.add(101, start_ns=boottime_ns() + 5_000_000_000)
    k.exec(101, program=LS)
    assert client.take(2)[1].exec.program == late

    began = start_of(k.fork(102))
    ready.proc.add(102, start_ns=began, exiting=True)
    k.exec(102, program=dict(cmdline=b"", exe=None, cgroup=b"0::/user.slice\n"))
    assert client.take(2)[1].exec.program == late
    k.fork(103, parent_tid=102)
    k.mirror = False
    for pid in (103, 102, 101, 100):
        k.end(pid)
    assert [e.exit.program for e in client.take(5)[1:]] == [late] * 4
    assert counts(client) == (1, 3, 0)


def test_kernel_threads(make_daemon):
    """They have no arguments and no executable, and all is known of them."""
    daemon = make_daemon(start=False)
    daemon.proc.set_program(1, **INIT)
    daemon.proc.add(2, ppid=0, kernel_thread=True)
    daemon.proc.set_program(2, cmdline=b"", exe=None)
    daemon.start()
    client = daemon.subscriber(programs=True, snapshot=True)
    assert {t.tid: t.program for t in client.snapshot()} == {1: IS_INIT, 2: program(cgroup=b"/")}
    assert counts(client) == (2, 0, 0)
    daemon.kernel.fork(100, parent_tid=2)
    daemon.kernel.end(100)
    assert client.take(2)[1].exit.program == program(cgroup=b"/")


@pytest.mark.parametrize(
    "shown, due",
    [
        ({}, program()),
        (dict(cmdline=b"x" * 2048), program(cmdline=b"x" * 2048)),
        (dict(cmdline=b"x" * 2049), program(cmdline=b"x" * 2048, truncated=True)),
        (dict(cmdline=b"a\0" * 50000), program(cmdline=b"a\0" * 1024, truncated=True)),
        (dict(exe=b"/" + b"e" * 1023), program(exe=b"/" + b"e" * 1023)),
        (dict(exe=b"/" + b"e" * 1024), program(exe=b"/" + b"e" * 1023, truncated=True)),
        (dict(cgroup=b"0::/" + b"g" * 1023 + b"\n"), program(cgroup=b"/" + b"g" * 1023)),
        (dict(cgroup=b"0::/" + b"g" * 1024 + b"\n"), program(cgroup=b"/" + b"g" * 1023, truncated=True)),
        (dict(cmdline=b"\0\xff\0", exe=b"/\xff (deleted)"), program(cmdline=b"\0\xff\0", exe=b"/\xff (deleted)")),
        (dict(cgroup=b"0::/a:b:c\n"), program(cgroup=b"/a:b:c")),
        (dict(cgroup=b"2:cpu,cpuacct:/x\n1:name=systemd:/user.slice/s\n"), program(cgroup=b"/user.slice/s")),
        (dict(cgroup=b"2:cpu:/x\n1:name=systemd:/old\n0::/new\n"), program(cgroup=b"/new")),
        (dict(cgroup=b"2:cpu:/x\n"), program(cgroup=b"/x")),
        (dict(cgroup=b"2:cpu:/x\n1:name=systemd:/\n0::/\n"), program(cgroup=b"/x")),
        (dict(cmdline=b"worker: idle" + bytes(60)), program(cmdline=b"worker: idle\0")),
        (dict(cmdline=b"cat\0\0\0"), program(cmdline=b"cat\0\0\0")),
        (dict(cgroup=b""), program()),
    ],
)
def test_forms(ready, shown, due):
    """A value that is longer than the wire's limit is cut, and marked as cut."""
    client = ready.subscriber(programs=True)
    files = dict(cmdline=b"", exe=b"/exe", cgroup=b"0::/\n")
    files.update(shown)
    expected = event_pb2.Program()
    expected.CopyFrom(due)
    expected.exe = expected.exe or b"/exe"
    if "cgroup" not in shown:
        expected.cgroup = b"/"
    k = ready.kernel
    k.fork(100)
    k.exec(100, program=files)
    assert client.take(2)[1].exec.program == expected
    k.end(100)
    assert client.event().exit.program == expected


@pytest.mark.parametrize("n", [2049, 32768, 32769, 100000])
def test_long_arguments(make_daemon, n):
    """--max-args: in the exec and in the snapshot, in JSON and text of the command, which reads by the library."""
    daemon = make_daemon(start=False)
    daemon.proc.set_program(1, **INIT)
    daemon.arguments += ["--max-args", "32768"]
    daemon.start()
    client = daemon.subscriber(programs=True)

    def command(verb, *arguments):
        return subprocess.Popen(
            [executable("TASKBROKER", "command"), verb, "--socket", str(daemon.path), *arguments],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
        )

    watches = [command("watch", "-e", "exec", "--args", "-n", "1", *json_) for json_ in ([], ["--json"])]
    wait_until(lambda: client.status().subscribers == 3, "the watches")
    arguments = [b"cc", *(b"-D%05d=%s" % (i, b"x" * 40) for i in range(n // 49 + 1))]
    line = b"\0".join(arguments)[:n - 1] + b"\0"
    assert len(line) == n
    due = dict(cmdline=line[:32768], truncated=n > 32768)
    daemon.kernel.fork(100)
    daemon.kernel.exec(100, comm=b"cc", program=dict(cmdline=line, exe=b"/bin/cc", cgroup=b"0::/\n"))
    execed = client.take(2)[1].exec.program
    assert (execed.state, execed.cmdline, execed.truncated) == (CAPTURED, due["cmdline"], due["truncated"])
    task, = (t for t in daemon.subscriber(programs=True, snapshot=True).snapshot() if t.pid == 100)
    assert task.program == execed

    words = [word.decode() for word in due["cmdline"].rstrip(b"\0").split(b"\0")]
    text = " ".join([words[0], *words[1:]]) + ("..." if due["truncated"] else "")
    outputs = [watch.communicate(timeout=TIMEOUT)[0] for watch in watches]
    assert outputs[0].splitlines()[-1].endswith(" " + text)
    found = json.loads(outputs[1].splitlines()[-1])["program"]
    assert (found["cmdline"], found["truncated"]) == (words, due["truncated"])
    out, _ = command("ps", "--pid", "100", "--no-header", "-o", "args").communicate(timeout=TIMEOUT)
    assert out == text + "\n"
    out, _ = command("ps", "--pid", "100", "--json", "--args").communicate(timeout=TIMEOUT)
    assert json.loads(out)["program"]["cmdline"] == words


def test_quota_of_a_user(make_daemon):
    """A user with many long command lines is left out beyond its quota. Other users and root have their programs."""
    daemon = make_daemon(start=False)
    daemon.proc.set_program(1, **INIT)
    daemon.arguments += ["--max-args", "32768"]
    line = b"x" * 32767 + b"\0"
    for pid in range(100, 1141):
        daemon.proc.add(pid, ppid=1, uid=1001 if pid == 1140 else 1000, comm=b"x")
        daemon.proc.set_program(pid, cmdline=line)
    daemon.start()
    client = daemon.subscriber(("exit",), programs=True, snapshot=True)
    states = {task.pid: task.program.state for task in client.snapshot()}
    assert states[1] == states[100] == states[1140] == CAPTURED and states[1139] == SKIPPED
    status = client.status()
    n_left_out = sum(state == SKIPPED for state in states.values())
    assert status.programs_refused == status.programs_skipped == n_left_out
    assert 30 << 20 < status.program_bytes < 33 << 20 and status.program_bytes < status.table_bytes
    assert daemon.log().count("User 1000 has used up its quota of memory for command lines") == 1

    # The exit of a child that called no exec repeats no more than is usual.
    daemon.kernel.fork(2000, parent_tid=100)
    daemon.kernel.end(2000)
    program = client.event().exit.program
    assert (program.state, program.cmdline, program.truncated) == (CAPTURED, line[:2048], True)
    daemon.kernel.end(100)
    program = client.event().exit.program
    assert (program.cmdline, program.truncated) == (line, False)


def test_read_later_after_a_change_of_owner(ready):
    """
    The process changes its ids while its program is read. The exec has no program, and says so. When the broker
    has the new owner, it reads the program, and the process enters the sets of filters.
    """
    k = ready.kernel
    everything = ready.subscriber(("exec", "exit"), programs=True)
    of_cgroup = ready.subscriber(("exec", "exit"), programs=True, filter=dict(cgroups=[b"/user.slice"]))
    began = start_of(k.fork(100))
    k.uid(100, real=5, effective=5)
    k.proc.add(100, ppid=1, uid=1000, comm=b"ls", start_ns=began)
    k.proc.set_program(100, **LS)
    k.exec(100)
    assert everything.event().exec.program == program(SKIPPED, cgroup=b"/init.scope")
    k.uid(100, real=1000, effective=1000)
    entered = of_cgroup.event()
    assert (entered.pid, entered.synthesised, entered.left_filter) == (100, True, False)
    again = ready.subscriber(programs=True, snapshot=True)
    assert {t.tid: t.program for t in again.snapshot()} == {1: IS_INIT, 100: IS_LS}
    k.end(100)
    assert everything.event().exit.program == of_cgroup.event().exit.program == IS_LS


def test_too_many(ready):
    """More execs than the broker reads programs in a second: each of them is reported, in one state or another."""
    client = ready.subscriber(("exec", "exit"), programs=True)
    before = counts(client)
    k = ready.kernel
    k.mirror = False
    k.fork(100)
    states = dict.fromkeys((CAPTURED, LATE, SKIPPED), 0)
    n = 0
    while not states[SKIPPED] and n < 50000:
        for _ in range(2500):
            k.exec(100)
        n += 2500
        for e in client.take(2500):
            p = e.exec.program
            states[p.state] += 1
            assert p == program(p.state, cgroup=b"/init.scope")
    k.end(100)
    assert client.event().exit.program.state in states
    assert states[CAPTURED] == 0 and sum(states.values()) == n
    captured, late, skipped = (b - a for a, b in zip(before, counts(client)))
    # A skipped program is read later, if a client still wants it: the late count includes this read.
    assert (captured, skipped) == (0, states[SKIPPED]) and late >= states[LATE]


def crowd(daemon, n, first=5000, began=None, **files):
    for pid in range(first, first + n):
        daemon.proc.add(pid, start_ns=began or boottime_ns() - 2_000_000_000)
        daemon.proc.set_program(pid, **files)
    return range(first, first + n)


def test_snapshot_waits_for_what_is_not_known_yet(make_daemon):
    """A thousand processes that were there before: read once, in slices, and whole when the reply comes."""
    daemon = make_daemon(start=False)
    daemon.proc.set_program(1, **INIT)
    pids = crowd(daemon, 1000, **LS)
    daemon.start()
    other = daemon.subscriber()
    client = daemon.client()
    client.ask(programs=True, snapshot=True)
    # Others are served meanwhile.
    daemon.kernel.mirror = False
    stamp = time.monotonic_ns()
    daemon.proc.add(100, ppid=1, start_ns=stamp + time.clock_gettime_ns(time.CLOCK_BOOTTIME) - time.monotonic_ns())
    daemon.proc.set_program(100, **INIT)
    daemon.kernel.fork(100, stamp=stamp)
    assert other.event().tid == 100
    client.answered()
    programs = {t.tid: t.program for t in client.snapshot()}
    assert programs.keys() == {1, 100, *pids}
    assert all(p == IS_LS for tid, p in programs.items() if tid >= 5000)
    assert programs[100] == IS_INIT
    again = daemon.subscriber(programs=True, snapshot=True)
    assert {t.tid: t.program for t in again.snapshot()} == programs
    captured, late, skipped = counts(client)
    # The one that was forked meanwhile may have been read before its parent was, or have its parent's.
    assert captured in (1001, 1002) and (late, skipped) == (0, 0)


@pytest.mark.parametrize("asked", [dict(programs=True), dict(filter=dict(cgroups=[b"/user.slice"]))])
def test_forks_while_the_rest_is_read(make_daemon, asked):
    """
    The children of what is read last, by numbers that were passed already: all is known
    of them too when the reply comes, and of those that are forked after it.
    """
    daemon = make_daemon(start=False)
    daemon.proc.set_program(1, **INIT)
    pids = crowd(daemon, 700, **LS)
    daemon.start()
    k = daemon.kernel
    k.wait_listening()
    k.mirror = False
    asleep = time.clock_gettime_ns(time.CLOCK_BOOTTIME) - time.monotonic_ns()
    client = daemon.client(welcome=False)
    client.ask(snapshot=True, **asked)
    forked = range(100, 400)
    for pid in forked:
        stamp = time.monotonic_ns()
        daemon.proc.add(pid, ppid=pids[-1], start_ns=stamp + asleep)
        daemon.proc.set_program(pid, **LS)
        k.fork(pid, parent_tid=pids[-1], stamp=stamp)
    client.greet()
    client.answered()
    tasks = {t.tid: t for t in client.snapshot()}
    if "programs" in asked:
        assert {tid for tid, t in tasks.items() if t.program != IS_LS} == {1}
    k.fork(999, parent_tid=pids[-1])
    received = {e.tid for e in client.until(lambda e: e.tid == 999)}
    assert not received & tasks.keys()
    assert {pid for pid in forked if pid not in received and pid not in tasks} == set()
    k.mark()
    assert what(client.event()) in ("loss", "ptrace")


def test_exec_while_the_rest_is_read(make_daemon):
    """A program that the broker skipped at an exec, because it was busy, is known to the next client that asks."""
    daemon = make_daemon(start=False)
    daemon.proc.set_program(1, **INIT)
    pids = crowd(daemon, 300, **INIT)
    daemon.start()
    k = daemon.kernel
    k.wait_listening()
    client = daemon.client(welcome=False)
    client.ask(("exec",), snapshot=True, programs=True)
    for pid in pids:
        k.exec(pid, program=LS)
    client.greet()
    client.answered()
    programs = {t.tid: t.program for t in client.snapshot()}
    k.fork(100)
    k.exec(100, program=LS)
    for e in client.until(lambda e: e.tid == 100):
        programs[e.tid] = e.exec.program
    # The pass may have read the files of the new program before the broker came to the exec.
    left_out = [program(SKIPPED, cgroup=cgroup) for cgroup in (b"/init.scope", b"/user.slice/shell")]
    assert {tid for tid, p in programs.items() if p not in (IS_LS, *left_out)} == {1}
    # Its snapshot can be the first one's, of some milliseconds ago: then the events follow.
    later = daemon.subscriber(("exec",), snapshot=True, programs=True)
    programs = {t.tid: t.program for t in later.snapshot()}
    k.exec(999)
    for e in later.until(lambda e: e.tid == 999)[:-1]:
        programs[e.tid] = e.exec.program
    assert {tid for tid, p in programs.items() if p != IS_LS} == {1}


def test_memory_is_given_back(ready):
    """The broker frees the memory of a program when the last process that runs it ends."""
    client = ready.subscriber(programs=True)
    k = ready.kernel

    def round_of(n):
        for pid in range(1000, 1000 + n):
            k.fork(pid)
            client.event()
            k.exec(pid, program=dict(cmdline=b"x" * 2000, exe=b"/" + b"e" * 1000, cgroup=b"0::/" + b"g" * 1000 + b"\n"))
            # The test waits for each exec, so that the broker skips none.
            assert client.event().exec.program.state == CAPTURED
        most = client.status().table_bytes
        for pid in range(1000, 1000 + n):
            k.end(pid)
        client.take(n)
        return most, client.status().table_bytes

    most, least = round_of(100)
    assert most - least >= 100 * 4000
    assert round_of(100) == (most, least)


class Unreadable:
    """A process whose command line makes its readers wait, until release(): a FIFO without data plays the file."""

    def __init__(self, daemon, pid, uid):
        self.pid = pid
        daemon.kernel.fork(pid)
        daemon.kernel.uid(pid, real=uid, effective=uid)
        daemon.proc.set_program(pid, **LS)
        self.path = daemon.proc.root / str(pid) / "task" / str(pid) / "cmdline"
        self.path.unlink()
        os.mkfifo(self.path)
        self.fifo = os.open(self.path, os.O_RDWR)
        daemon.kernel.exec(pid)

    def release(self):
        """Readers that wait now, and later ones, get the command line."""
        self.path.unlink()
        self.path.write_bytes(LS["cmdline"])
        os.write(self.fifo, LS["cmdline"])
        os.close(self.fifo)


def test_processes_that_make_readers_wait(ready):
    """
    The broker serves everybody else meanwhile, and reads the programs of other users. A program that could not be
    read in time is skipped, and read later.
    """
    client = ready.subscriber(("exec",), programs=True)
    unread = program(SKIPPED, cgroup=b"/init.scope")
    hung = [Unreadable(ready, pid, uid=1000) for pid in range(100, 108)]
    assert [(e.pid, e.exec.program) for e in client.take(8)] == [(process.pid, unread) for process in hung]
    assert counts(client) == (1, 0, 8)
    ready.kernel.fork(200)
    ready.kernel.exec(200, program=LS)
    assert client.event().exec.program == IS_LS

    def programs():
        late = ready.subscriber(programs=True, snapshot=True)
        found = {task.pid: task.program for task in late.snapshot()}
        late.close()
        return found

    assert programs() == {1: IS_INIT, 200: IS_LS, **{process.pid: unread for process in hung}}
    assert counts(client) == (2, 0, 8)
    for process in hung:
        process.release()
    wait_until(lambda: counts(client) == (10, 0, 8), "all programs are read")
    assert programs() == {1: IS_INIT, 200: IS_LS, **{process.pid: IS_LS for process in hung}}


def test_ends_while_a_reader_waits(ready):
    """Such a process keeps the broker from nothing, not even from its end."""
    client = ready.subscriber(("exec",), programs=True)
    hung = Unreadable(ready, 100, uid=1000)
    assert client.event().exec.program.state == SKIPPED
    assert ready.terminate() == 0
    os.close(hung.fifo)
