# SPDX-License-Identifier: Apache-2.0
"""Every kind of event, field by field."""

import pytest

from tb_client import ALL_KINDS, KINDS, brief, what
from tb_proc import start_of
from tb_protocol import event_pb2, taskstats_pb2
import tb_fields
import tb_kernel


def same_stamp(numbered, stamp):
    assert numbered.event.time_ns - numbered.offset == stamp


def test_fork_of_process(daemon):
    client = daemon.subscriber()
    stamp = daemon.kernel.fork(100, cpu=3)
    numbered = client.next()
    e = numbered.event
    assert what(e) == "fork"
    assert (e.pid, e.tid, e.ppid, e.uid, e.comm, e.cpu) == (100, 100, 1, 0, b"init", 3)
    assert (e.fork.parent_tid, e.fork.parent_pid) == (1, 1)
    same_stamp(numbered, stamp)
    assert e.start_time_ns == e.time_ns
    assert not e.task_unknown and not e.synthesised


def test_fork_by_thread_of_parent(daemon):
    """The real parent's thread that forked may be another than its leader."""
    client = daemon.subscriber(threads=True)
    k = daemon.kernel
    k.fork(100)
    k.fork(101, pid=100)
    k.fork(102, parent_tid=101, parent_pid=100)
    e = client.take(3)[-1]
    assert (e.pid, e.tid, e.ppid) == (102, 102, 100)
    assert (e.fork.parent_tid, e.fork.parent_pid) == (101, 100)


def test_fork_of_thread(daemon):
    """The kernel names the process' own parent as a thread's parent; the thread has the name of the process."""
    client = daemon.subscriber(kinds=("fork",), threads=True)
    k = daemon.kernel
    k.fork(100)
    k.comm(100, comm=b"worker")
    k.uid(100, real=1000, effective=1000)
    k.fork(101, pid=100, parent_tid=1, parent_pid=1)
    e = client.take(2)[-1]
    assert (e.pid, e.tid, e.ppid) == (100, 101, 1)
    assert (e.comm, e.uid) == (b"worker", 1000)
    assert (e.fork.parent_tid, e.fork.parent_pid) == (1, 1)


def test_child_inherits(daemon):
    client = daemon.subscriber(kinds=("fork",))
    k = daemon.kernel
    k.fork(100)
    k.comm(100, comm=b"parent")
    k.uid(100, real=1001, effective=0)
    k.fork(101, parent_tid=100)
    e = client.take(2)[-1]
    assert (e.comm, e.uid, e.ppid) == (b"parent", 1001, 100)


@pytest.mark.parametrize("name", [b"newname", b"exactly-15bytes", b"\xff(\xfe"])
def test_exec(daemon, name):
    """The kernel sends no name: /proc has it while the process lives."""
    client = daemon.subscriber()
    k = daemon.kernel
    k.fork(100)
    forked = client.next()
    stamp = k.exec(100, cpu=1, comm=name)
    numbered = client.next()
    e = numbered.event
    assert what(e) == "exec"
    assert (e.pid, e.tid, e.ppid, e.uid, e.cpu) == (100, 100, 1, 0, 1)
    assert (e.comm, e.exec.comm_stale) == (name, False)
    assert e.start_time_ns == forked.event.start_time_ns
    same_stamp(numbered, stamp)
    k.fork(101, parent_tid=100)
    assert client.event().comm == name


def test_exec_of_what_is_gone_already(daemon):
    """Its name is the one from before, and says so; the exit's is right."""
    client = daemon.subscriber()
    k = daemon.kernel
    k.fork(100)
    client.event()
    k.proc.remove(100)
    k.exec(100)
    execed = client.event()
    assert (execed.comm, execed.exec.comm_stale) == (b"init", True)
    k.end(100, comm=b"right")
    assert client.event().comm == b"right"


@pytest.mark.parametrize("threads", [False, True])
@pytest.mark.parametrize("lives", [True, False])
def test_a_filter_by_name_gets_an_exec_whose_name_comes_later(daemon, lives, threads):
    """Once, as an exec, when the name is known: it is read, or it is in the record of the exit."""
    k = daemon.kernel
    kinds = ("exec", "exit")
    named, other, everything = (
        daemon.subscriber(kinds, threads=threads, **({"filter": dict(comms=[comm])} if comm else {}))
        for comm in (b"wanted", b"other", None)
    )
    began = start_of(k.fork(100))
    k.proc.remove(100)
    if lives:
        # at the exec it cannot be read there, but later
        k.proc.add(100, ppid=1, comm=b"wanted", start_ns=began)
        (k.proc.root / "100" / "comm").unlink()
    k.exec(100)
    assert everything.event().comm_stale
    if not lives:
        k.end(100, comm=b"wanted")
    e = named.event()
    assert (what(e), e.comm, e.synthesised, e.comm_stale) == ("exec", b"wanted", True, False)
    if lives:
        k.end(100, comm=b"wanted")
    assert (what(named.event()), what(everything.event())) == ("exit", "exit")
    k.exec(1, comm=b"other")
    assert (what(other.event()), what(everything.event())) == ("exec", "exec")
    assert not named.events_left()


def test_exec_whose_end_is_known_already(daemon):
    """The accounting record gives the name if it is there when the exec is read."""
    client = daemon.subscriber()
    k = daemon.kernel
    k.fork(100)
    client.event()
    k.proc.remove(100)
    k.stats(k.make_stats(100, comm=b"right", ac_flag=0x20))
    k.exec(100)
    k.exit(100)
    execed, ended = client.take(2)
    assert execed.exec.comm_stale == (execed.comm == b"init")
    assert execed.comm in (b"init", b"right")
    assert ended.comm == b"right"


@pytest.mark.parametrize("name", [b"x", b"exactly-15bytes", b"\xff\xfe(\n) \xc3", b""])
def test_comm(daemon, name):
    client = daemon.subscriber(kinds=("comm",))
    k = daemon.kernel
    k.fork(100)
    k.comm(100, comm=b"first")
    stamp = k.comm(100, comm=name)
    assert client.event().comm_change.old_comm == b"init"
    numbered = client.next()
    e = numbered.event
    assert (e.pid, e.tid, e.comm, e.comm_change.old_comm) == (100, 100, name, b"first")
    same_stamp(numbered, stamp)


def test_comm_of_thread_is_its_own(daemon):
    client = daemon.subscriber(kinds=("comm", "exit"), threads=True)
    k = daemon.kernel
    k.fork(100)
    k.comm(100, comm=b"leader")
    k.fork(101, pid=100)
    k.comm(101, pid=100, comm=b"thread")
    k.comm(100, comm=b"leader2")
    events = client.take(3)
    assert [(e.tid, e.comm, e.comm_change.old_comm) for e in events] == [
        (100, b"leader", b"init"),
        (101, b"thread", b"leader"),
        (100, b"leader2", b"leader"),
    ]


def test_uid(daemon):
    client = daemon.subscriber(kinds=("uid", "comm"))
    k = daemon.kernel
    k.fork(100)
    stamp = k.uid(100, real=1000, effective=0)
    k.comm(100, comm=b"after")
    numbered = client.next()
    e = numbered.event
    assert what(e) == "uid_change"
    assert (e.uid_change.real_id, e.uid_change.effective_id) == (1000, 0)
    assert e.uid == 1000
    same_stamp(numbered, stamp)
    assert client.event().uid == 1000


def test_gid(daemon):
    client = daemon.subscriber(kinds=("gid",))
    k = daemon.kernel
    k.fork(100)
    k.gid(100, real=100, effective=4294967294)
    e = client.event()
    assert what(e) == "gid_change"
    assert (e.gid_change.real_id, e.gid_change.effective_id) == (100, 4294967294)
    assert e.uid == 0


def test_sid(daemon):
    client = daemon.subscriber(kinds=("sid",))
    daemon.kernel.fork(100)
    stamp = daemon.kernel.sid(100)
    numbered = client.next()
    assert what(numbered.event) == "new_session"
    assert (numbered.event.pid, numbered.event.tid) == (100, 100)
    same_stamp(numbered, stamp)


def test_ptrace(daemon):
    client = daemon.subscriber(kinds=("ptrace",))
    k = daemon.kernel
    k.fork(100)
    k.fork(200)
    k.ptrace(100, tracer_tid=201, tracer_pid=200)
    k.ptrace(100)
    attach, detach = client.take(2)
    assert what(attach) == what(detach) == "ptrace"
    assert (attach.tid, attach.ptrace.tracer_tid, attach.ptrace.tracer_pid) == (100, 201, 200)
    assert (detach.tid, detach.ptrace.tracer_tid, detach.ptrace.tracer_pid) == (100, 0, 0)


def test_coredump(daemon):
    client = daemon.subscriber(kinds=("coredump",))
    daemon.kernel.fork(100)
    daemon.kernel.coredump(100)
    e = client.event()
    assert (what(e), e.pid, e.tid, e.ppid) == ("coredump", 100, 100, 1)


@pytest.mark.parametrize(
    "code, exit_code, signal, core",
    [
        (0x0000, 0, 0, False),
        (0x0300, 3, 0, False),
        (0xFF00, 255, 0, False),
        (0x0009, 0, 9, False),
        (0x008B, 0, 11, True),
        (0x0086, 0, 6, True),
    ],
)
def test_exit(daemon, code, exit_code, signal, core):
    client = daemon.subscriber()
    k = daemon.kernel
    k.fork(100)
    stamp, stats = k.end(100, code=code, cpu=1, comm=b"init")
    forked, numbered = client.next(), client.next()
    e = numbered.event
    assert what(e) == "exit"
    assert (e.pid, e.tid, e.ppid, e.uid, e.cpu, e.comm) == (100, 100, 1, 0, 1, b"init")
    assert e.start_time_ns == forked.event.start_time_ns
    same_stamp(numbered, stamp)
    x = e.exit
    assert x.HasField("termination")
    t = x.termination
    assert (t.exit_code, t.term_signal, t.core_dumped) == (exit_code, signal, core)
    assert x.process_ended
    assert not x.HasField("process_termination"), "it does not differ"
    assert x.exit_signal == tb_kernel.SIGCHLD
    assert x.stats_missing == event_pb2.STATS_MISSING_UNSPECIFIED
    assert str(x.stats) == str(tb_fields.message(stats, 16))
    assert not x.HasField("process_stats"), "one task: its statistics are the totals"
    assert not e.task_unknown and not e.synthesised


def test_exit_of_thread(daemon):
    client = daemon.subscriber(threads=True)
    k = daemon.kernel
    k.fork(100)
    k.fork(101, pid=100)
    k.end(101, pid=100, code=0x0900)
    e = client.take(3)[-1]
    assert (e.pid, e.tid, e.ppid) == (100, 101, 1)
    assert not e.exit.process_ended
    assert not e.exit.HasField("process_stats")
    assert not e.exit.HasField("process_termination")
    assert e.exit.exit_signal == 0
    assert e.exit.stats.identity.ac_pid == 101


def send_one_of_each(k):
    k.fork(100)
    k.exec(100)
    k.comm(100, comm=b"named")
    k.uid(100, real=5, effective=5)
    k.gid(100, real=6, effective=6)
    k.sid(100)
    k.ptrace(100, tracer_tid=1, tracer_pid=1)
    k.coredump(100)
    k.end(100)


NAMES = {
    "fork": "fork", "exec": "exec", "comm": "comm_change", "uid": "uid_change", "gid": "gid_change",
    "sid": "new_session", "ptrace": "ptrace", "coredump": "coredump", "exit": "exit",
}


def test_default_kinds(daemon):
    client = daemon.subscriber()
    send_one_of_each(daemon.kernel)
    assert brief(client.take(3)) == [("fork", 100), ("exec", 100), ("exit", 100)]


def test_all_kinds_in_order(daemon):
    client = daemon.subscriber(kinds=ALL_KINDS)
    send_one_of_each(daemon.kernel)
    assert [what(e) for e in client.take(9)] == list(NAMES.values())


def test_each_kind_alone(daemon):
    """Nothing that was not asked for; numbers count what this subscription gets."""
    clients = {}
    for kind in KINDS:
        if kind != "fork":
            clients[kind] = daemon.subscriber(kinds=(kind,))
            clients[kind].first = clients[kind].next_number
    for _ in range(2):
        send_one_of_each(daemon.kernel)
    for kind, client in clients.items():
        both = [client.next(), client.next()]
        assert [what(n.event) for n in both] == [NAMES[kind]] * 2
        assert [n.number for n in both] == [client.first, client.first + 1]


def test_kind_said_twice_is_once(daemon):
    client = daemon.subscriber(kinds=("fork", "fork"))
    daemon.kernel.fork(100)
    daemon.kernel.fork(101)
    assert brief(client.take(2)) == [("fork", 100), ("fork", 101)]


def send_threads(k):
    k.fork(100)
    k.fork(101, pid=100)
    k.fork(102, pid=100)
    k.sid(100)
    k.comm(100, comm=b"leader")
    k.fork(103, pid=100)
    k.comm(103, pid=100, comm=b"thread")
    k.uid(100, real=7, effective=7)
    k.uid(103, pid=100, real=7, effective=7)
    k.gid(103, pid=100, real=7, effective=7)
    k.ptrace(103, pid=100, tracer_tid=1, tracer_pid=1)
    k.ptrace(100, tracer_tid=1, tracer_pid=1)
    k.coredump(103, pid=100)
    for tid in (103, 101, 102):
        k.end(tid, pid=100)
    k.end(100)
    k.fork(999)


def test_without_threads(daemon):
    """Processes and their leaders only; a core dump and a session concern the process, whichever thread it was."""
    client = daemon.subscriber(kinds=ALL_KINDS)
    send_threads(daemon.kernel)
    seen = brief(client.until_marker(999))
    assert seen == [
        ("fork", 100), ("new_session", 100), ("comm_change", 100), ("uid_change", 100), ("ptrace", 100),
        ("coredump", 100), ("exit", 100),
    ]


def test_with_threads(daemon):
    client = daemon.subscriber(kinds=ALL_KINDS, threads=True)
    send_threads(daemon.kernel)
    seen = brief(client.until_marker(999))
    assert seen == [
        ("fork", 100), ("fork", 101), ("fork", 102), ("new_session", 100), ("comm_change", 100), ("fork", 103),
        ("comm_change", 103), ("uid_change", 100), ("uid_change", 103), ("gid_change", 103), ("ptrace", 103),
        ("ptrace", 100), ("coredump", 103), ("exit", 103), ("exit", 101), ("exit", 102), ("exit", 100),
    ]


def test_without_threads_gets_the_last_exit_even_if_a_threads(daemon):
    """The leader leaves first: that is no end of the process; the last thread's exit is."""
    client = daemon.subscriber(kinds=("exit",))
    k = daemon.kernel
    k.fork(100)
    k.fork(101, pid=100)
    k.end(100, last=False)
    k.end(101, pid=100, last=True)
    e = client.event()
    assert (e.pid, e.tid) == (100, 100)
    assert e.exit.process_ended
    assert e.exit.stats.task_count == 2 and not e.exit.HasField("process_stats")


def test_events_of_unknown_tasks(daemon):
    """No event reported their fork; an unknown value is 0, and is marked as unknown."""
    client = daemon.subscriber(kinds=ALL_KINDS)
    k = daemon.kernel
    k.exec(500)
    k.comm(501, comm=b"stranger")
    k.stats(k.make_stats(502, ac_flag=0x20))
    k.exit(502)
    k.fork(503, parent_tid=504)
    execed, named, exited, forked = client.take(4)
    assert brief([execed, named, exited, forked]) == [
        ("exec", 500), ("comm_change", 501), ("exit", 502), ("fork", 503),
    ]
    assert execed.task_unknown and execed.start_time_ns == 0
    assert named.task_unknown and named.comm == b"stranger"
    assert exited.start_time_ns == exited.time_ns - 5000, "the record has it"
    assert exited.exit.process_ended and exited.exit.stats.identity.ac_pid == 502
    assert forked.start_time_ns == forked.time_ns and forked.ppid == 504
    assert forked.task_unknown and forked.comm == b"", "what it is called is its parent's name, which is not known"


def test_counts_by_kind(daemon):
    client = daemon.subscriber(kinds=ALL_KINDS)
    before = client.status()
    send_one_of_each(daemon.kernel)
    daemon.kernel.fork(200)
    client.take(10)
    status = client.status()
    counted = {c.kind: c.count for c in status.events}
    assert counted == {kind: 2 if name == "fork" else 1 for name, kind in KINDS.items()}
    assert status.live_tasks == before.live_tasks + 1
    assert status.live_processes == before.live_processes + 1


def test_two_subscribers_get_the_same_bytes(daemon):
    one, two = daemon.subscriber(kinds=ALL_KINDS), daemon.subscriber(kinds=ALL_KINDS)
    send_one_of_each(daemon.kernel)
    first, second = [one.next() for _ in range(9)], [two.next() for _ in range(9)]
    assert [n.event for n in first] == [n.event for n in second]


def test_many_events_in_order(daemon):
    client = daemon.subscriber(kinds=("fork", "exit"))
    k = daemon.kernel
    for i in range(2000):
        k.fork(1000 + i, cpu=i % 4)
        if i % 50 == 49:
            client.take(50)
    assert client.n_batches >= 40
    for i in range(2000):
        k.end(1000 + i, cpu=i % 4)
        if i % 50 == 49:
            for e in client.take(50):
                assert e.exit.stats.identity.ac_pid == e.tid
    assert client.status().unmatched_stats == 0


def test_delay_accounting_off_is_absent_not_zero(make_daemon, tmp_path):
    """A task that was forked while delay accounting was off has no delays; the other statistics are there."""
    daemon = make_daemon(start=False)
    daemon.proc.set_delay_accounting(False)
    daemon.start()
    client = daemon.subscriber()
    assert client.welcome.delay_accounting == client.status().delay_accounting
    k = daemon.kernel
    k.fork(100)
    k.end(100, values=dict(delays={"cpu": tb_fields.DelayValue(3, 300, 200, 50)}))
    stats = client.take(2)[-1].exit.stats
    bit = 1 << taskstats_pb2.STATS_GROUP_DELAYS
    assert stats.uncounted_groups & bit
    assert not stats.delays.HasField("blkio")
    assert (stats.delays.cpu.count, stats.delays.cpu.total_ns) == (3, 300)
    assert (stats.delays.cpu.peak.max_ns, stats.delays.cpu.peak.min_ns) == (200, 50)
