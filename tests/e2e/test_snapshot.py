# SPDX-License-Identifier: Apache-2.0
"""
First the table, then the stream: what is alive, as of a number, and all that happens
from there on, nothing between and nothing twice.
"""

import time

import pytest

import tb_fields
from tb_client import ALL_KINDS, BrokerError, brief, what
from tb_machine import Machine, Seed
from tb_oracle import EVERY_KIND, Subscription
from tb_proc import boottime_ns
from tb_protocol import broker_pb2, event_pb2
from tb_storm import Storm
from tb_table import Table, differences, row_of_task


def boot_to_wall():
    return time.clock_gettime_ns(time.CLOCK_REALTIME) - time.clock_gettime_ns(time.CLOCK_BOOTTIME)


@pytest.fixture
def seeded(make_daemon):
    daemon = make_daemon(start=False)
    hour = boottime_ns() - 3_000_000_000
    daemon.made = {
        1: daemon.proc.add(1, ppid=0, comm=b"init", start_ns=hour, session=1),
        2: daemon.proc.add(2, ppid=0, comm=b"kthreadd", start_ns=hour, session=0, kernel_thread=True),
        3: daemon.proc.add(3, ppid=2, comm=b"kworker/0:0", start_ns=hour, session=0, kernel_thread=True),
        50: daemon.proc.add(50, ppid=1, uid=1000, gid=100, comm=b"a) (b\\", session=40),
        51: daemon.proc.add(50, tid=51, uid=1000, gid=100, comm=b"thread", session=40),
        60: daemon.proc.add(60, ppid=50, uid=1001, euid=0, gid=7, egid=8, comm=b"\xff\x01", session=40),
    }
    daemon.proc.add(70, ppid=50, comm=b"zombie", state="Z")
    daemon.start()
    return daemon


def taken(daemon, kinds=(), **kw):
    """A client with the snapshot that it was sent."""
    client = daemon.subscriber(kinds, snapshot=True, **kw)
    client.snapshot()
    return client


def by_tid(tasks):
    return {task.tid: task for task in tasks}


def test_what_proc_shows(seeded):
    client = taken(seeded, threads=True)
    tasks = by_tid(client.snapshot_tasks)
    due = {
        1: (1, 0, 0, b"init", 0, 0, 0, 1, False),
        2: (2, 0, 0, b"kthreadd", 0, 0, 0, 0, True),
        3: (3, 2, 0, b"kworker/0:0", 0, 0, 0, 0, True),
        50: (50, 1, 1000, b"a) (b\\", 1000, 100, 100, 40, False),
        51: (50, 1, 1000, b"thread", 1000, 100, 100, 40, False),
        60: (60, 50, 1001, b"\xff\x01", 0, 7, 8, 40, False),
    }
    assert tasks.keys() == due.keys(), "a zombie has ended"
    for tid, t in tasks.items():
        assert (t.pid, t.ppid, t.uid, t.comm, t.euid, t.gid, t.egid, t.session, t.kernel_thread) == due[tid]
        assert t.seeded and not t.task_unknown and not t.credentials_changed
        assert not t.HasField("program")
        assert t.live_tasks == 0, "a count of processes' tasks, where threads are not listed"
        assert abs(t.start_time_ns - (seeded.made[tid] + boot_to_wall())) < 1_000_000_000
    end = client.snapshot_end
    assert end.task_count == 6
    assert abs(end.time_ns - time.time_ns()) < 60_000_000_000
    assert "snapshot" in client.welcome.features


def test_processes_only(seeded):
    tasks = by_tid(taken(seeded).snapshot_tasks)
    assert sorted(tasks) == [1, 2, 3, 50, 60]
    assert {tid: t.live_tasks for tid, t in tasks.items()} == {1: 1, 2: 1, 3: 1, 50: 2, 60: 1}
    assert all(t.pid == t.tid for t in tasks.values())


def test_its_identities_are_those_of_events(seeded):
    client = taken(seeded, ALL_KINDS, threads=True)
    starts = {tid: t.start_time_ns for tid, t in by_tid(client.snapshot_tasks).items()}
    k = seeded.kernel
    k.ptrace(51, pid=50)
    k.end(51, pid=50)
    k.sid(60)
    k.end(60)
    for e in client.take(4):
        assert e.start_time_ns == starts[e.tid]


def test_what_has_happened(seeded):
    """Forks, changes and ends before the snapshot are in it, and not reported again."""
    k = seeded.kernel
    observer = seeded.subscriber(ALL_KINDS, threads=True)
    start = k.fork(100, parent_tid=51, parent_pid=50)
    k.fork(101, pid=100, parent_tid=50)
    k.fork(200, parent_tid=2)
    k.fork(201, pid=200, parent_tid=2)
    k.fork(210, parent_tid=200)
    k.uid(100, real=7, effective=8)
    k.gid(100, real=9, effective=10)
    k.gid(101, pid=100, real=11, effective=12)
    k.comm(101, pid=100, comm=b"renamed")
    k.sid(60)
    k.fork(110, parent_tid=60)
    k.uid(110, real=5, effective=5)
    # An exec behind which more waits has no name.
    k.exec(110, comm=b"program")
    observer.take(13)
    k.exec(210, comm=b"helper")
    observer.take(1)
    k.fork(211, pid=210, parent_tid=200)
    k.end(51, pid=50)
    observer.take(2)

    client = taken(seeded, ALL_KINDS, threads=True)
    tasks = by_tid(client.snapshot_tasks)
    assert sorted(tasks) == [1, 2, 3, 50, 60, 100, 101, 110, 200, 201, 210, 211]
    due = {
        100: (100, 50, 7, b"thread", 8, 9, 10, 40, False, True),
        101: (100, 50, 1000, b"renamed", 1000, 11, 12, 40, False, True),
        110: (110, 60, 5, b"program", 5, 7, 8, 60, False, False),
        200: (200, 2, 0, b"kthreadd", 0, 0, 0, 0, True, False),
        201: (200, 2, 0, b"kthreadd", 0, 0, 0, 0, True, False),
        210: (210, 200, 0, b"helper", 0, 0, 0, 0, False, False),
        211: (210, 200, 0, b"helper", 0, 0, 0, 0, False, False),
    }
    for tid, values in due.items():
        t = tasks[tid]
        found = (t.pid, t.ppid, t.uid, t.comm, t.euid, t.gid, t.egid, t.session, t.kernel_thread, t.credentials_changed)
        assert found == values, tid
        assert not t.seeded
    assert tasks[60].session == 60 and tasks[60].seeded
    assert abs(tasks[100].start_time_ns - start - (time.time_ns() - time.monotonic_ns())) < 1_000_000_000

    k.fork(999)
    assert brief([client.event()]) == [("fork", 999)]


def test_thread_of_a_process_that_kthreadd_made(seeded):
    """The kernel makes processes too: a helper that has called exec, and has threads, is none of its threads."""
    k = seeded.kernel
    observer = seeded.subscriber(threads=True)
    k.fork(200, parent_tid=2)
    k.exec(200, comm=b"modprobe")
    k.fork(201, pid=200, parent_tid=2)
    observer.take(3)
    tasks = by_tid(taken(seeded, threads=True).snapshot_tasks)
    assert (tasks[200].kernel_thread, tasks[201].kernel_thread) == (False, False)


def test_leader_that_ended_first(seeded):
    """Without threads a process is shown by its leader until its last task ends; with threads, what lives is shown."""
    k = seeded.kernel
    observer = seeded.subscriber(threads=True)
    k.end(50, last=False, comm=b"a) (b\\", values=dict(ac_uid=1000))
    assert brief([observer.event()]) == [("exit", 50)]
    processes = taken(seeded, ALL_KINDS)
    t = by_tid(processes.snapshot_tasks)[50]
    assert (t.pid, t.tid, t.uid, t.comm, t.live_tasks) == (50, 50, 1000, b"a) (b\\", 1)
    threads = taken(seeded, ALL_KINDS, threads=True)
    assert sorted(by_tid(threads.snapshot_tasks)) == [1, 2, 3, 51, 60]

    k.end(51, pid=50, last=True)
    (gone,) = processes.take(1)
    assert (what(gone), gone.pid, gone.tid, gone.exit.process_ended) == ("exit", 50, 50, True)
    table = Table(processes.snapshot_tasks).apply_all([gone])
    assert sorted(table.rows) == [1, 2, 3, 60] == sorted(by_tid(taken(seeded).snapshot_tasks))


def test_exec_by_another_thread(seeded):
    k = seeded.kernel
    before = taken(seeded, ALL_KINDS, threads=True)
    k.uid(51, pid=50, real=5, effective=6)
    k.end(50, last=False, comm=b"a) (b\\")
    k.exec(50, comm=b"program")
    events = before.take(3)
    # Another feed, whose snapshot is not the one from before.
    tasks = taken(seeded, ("fork", "exec", "exit"), threads=True).snapshot_tasks
    table = Table(before.snapshot_tasks, threads=True).apply_all(events)
    assert not differences(table.rows, {t.tid: row_of_task(t) for t in tasks})
    t = by_tid(tasks)[50]
    assert (t.uid, t.euid, t.comm, t.credentials_changed) == (5, 6, b"program", False)
    assert t.start_time_ns == by_tid(before.snapshot_tasks)[50].start_time_ns, "as old as the leader that it has become"


def test_fork_that_was_lost(daemon):
    """A child of a task that nobody knows."""
    k = daemon.kernel
    observer = daemon.subscriber()
    k.fork(100, parent_tid=90)
    observer.event()
    t = by_tid(taken(daemon).snapshot_tasks)[100]
    assert t.task_unknown and not t.seeded
    assert (t.uid, t.comm, t.maker.pid) == (0, b"", 90)
    assert not t.HasField("parent"), "whether it lives is not known"


def test_order_of_a_snapshot(seeded):
    """By number, as the table is; a process whose leader has ended stands by its own, too."""
    k = seeded.kernel
    observer = seeded.subscriber(threads=True)
    k.fork(300)
    k.fork(30, pid=300)
    k.fork(150)
    k.end(300, last=False)
    observer.take(4)
    for threads in (False, True):
        numbers = [t.tid for t in taken(seeded, threads=threads).snapshot_tasks]
        assert numbers == sorted(numbers)


def test_no_tasks(make_daemon):
    daemon = make_daemon(start=False)
    daemon.proc.remove(1)
    daemon.start()
    client = taken(daemon)
    assert (client.snapshot_tasks, client.snapshot_end.task_count) == ([], 0)
    daemon.kernel.fork(100)
    assert brief([client.event()]) == [("fork", 100)]


def test_number_of_a_snapshot(seeded):
    """The subscriber joins the feed, which was there before."""
    k = seeded.kernel
    first = seeded.subscriber()
    for i in range(5):
        k.fork(100 + i)
    numbers = [first.next().number for _ in range(5)]
    client = taken(seeded)
    assert client.feed == first.feed
    assert client.snapshot_end.number == numbers[-1]
    k.fork(200)
    assert client.next().number == first.next().number == numbers[-1] + 1


def test_without_asking(seeded):
    client = seeded.subscriber()
    client.status()
    assert not client.snapshot_bytes and client.snapshot_end is None


def test_requests_between(seeded):
    """A snapshot is no reason not to answer."""
    client = seeded.client()
    client.ask(snapshot=True)
    for _ in range(3):
        client.ask_status()
    client.answered()
    for _ in range(3):
        assert client.reply("broker_status").machine.live_tasks == 6
    assert len(client.snapshot()) == 5
    seeded.kernel.wait_listening()
    seeded.kernel.fork(100)
    assert brief([client.event()]) == [("fork", 100)]


@pytest.mark.parametrize("delay", [0, 50, 1000])
def test_a_patient_subscriber(seeded, delay):
    """The snapshot is a reply: it is not held back, nor does it hold the events back."""
    client = taken(seeded, max_delay_ms=delay)
    assert len(client.snapshot_tasks) == 5
    seeded.kernel.fork(100)
    assert brief([client.event()]) == [("fork", 100)]


def test_snapshots_are_shared(seeded):
    """While nothing happens, all who ask for the same have the same."""
    clients = [taken(seeded) for _ in range(20)]
    status = clients[0].status()
    assert (status.snapshots, status.snapshot_subscribers) == (1, 20)
    assert {c.snapshot_end.time_ns for c in clients} == {clients[0].snapshot_end.time_ns}
    taken(seeded, threads=True)
    status = clients[0].status()
    assert (status.snapshots, status.snapshot_subscribers) == (2, 21)
    # A new task is in the next snapshot, whichever clients share a snapshot.
    seeded.kernel.fork(100)
    clients[0].event()
    for _ in range(10):
        client = taken(seeded)
        table = Table(client.snapshot_tasks)
        if 100 not in table.rows:
            table.apply(client.event())
        assert sorted(table.rows) == [1, 2, 3, 50, 60, 100]
    status = clients[0].status()
    assert status.snapshot_subscribers == 31
    assert status.snapshots <= 12


def crowd(daemon, n, first=1000):
    """That many tasks more; of each ten, one process with nine threads. Their numbers."""
    daemon.kernel.mirror = False
    for tid in range(first, first + n):
        daemon.kernel.fork(tid, pid=tid - tid % 10)
    return range(first, first + n)


# A snapshot of so many is more than a socket holds.
N_STUCK = 12000

N_LARGE = 20000


def test_large(daemon):
    """Twenty thousand tasks: many parts, none too large, each task once; and what happens meanwhile."""
    k = daemon.kernel
    observer = daemon.subscriber(threads=True)
    tids = crowd(daemon, N_LARGE)
    last = observer.until(lambda e: e.tid == tids[-1])[-1]
    client = daemon.client()
    client.ask(threads=True, snapshot=True)
    for tid in range(N_LARGE + 2000, N_LARGE + 2100):
        k.fork(tid)
    client.answered()
    tasks = client.snapshot()
    assert len(client.snapshot_bytes) > 5
    k.fork(N_LARGE + 2100)
    table = Table(tasks, threads=True).apply_all(client.until(lambda e: e.tid == N_LARGE + 2100))
    assert sorted(table.rows) == [1, *tids, *range(N_LARGE + 2000, N_LARGE + 2101)]
    assert table.rows[tids[-1]].start_time_ns == last.start_time_ns
    processes = taken(daemon)
    assert len(processes.snapshot_tasks) == N_LARGE // 10 + 102
    assert {t.live_tasks for t in processes.snapshot_tasks} == {1, 10}
    assert client.status().live_tasks == N_LARGE + 102
    assert client.status().table_bytes > N_LARGE * 50


FLOOD = 6000


@pytest.mark.parametrize("strict", [False, True])
def test_slow_reader(make_daemon, strict):
    """
    A reader does not read its snapshot, while more happens than its feed can hold. No other
    reader waits for it. It gets the whole snapshot, and then the count of lost events.
    """
    daemon = make_daemon(arguments=["--feed-mib", "1"])
    k = daemon.kernel
    fast = daemon.subscriber(threads=True, strict=True)
    # The feed does not hold all of them at once.
    for first in range(1000, 1000 + N_STUCK, 1000):
        crowd(daemon, 1000, first)
        fast.take(1000)
    tids = range(1000, 1000 + N_STUCK)
    slow = daemon.client(rcvbuf=4096)
    slow.ask(threads=True, snapshot=True, strict=strict)
    slow.answered()
    for i in range(0, FLOOD, 500):
        for tid in range(100000 + i, 100000 + i + 500):
            k.fork(tid)
            k.stats(tb_fields.distinct(16, tid, tid))
            k.exit(tid)
        assert [e.tid for e in fast.take(1000)] == [tid for tid in range(100000 + i, 100000 + i + 500) for _ in (0, 1)]
    assert [t.tid for t in slow.snapshot()] == [1, *tids], "it is from before"
    received, lost = 0, 0
    try:
        while received + lost < 2 * FLOOD:
            e = slow.event()
            if what(e) == "loss":
                assert (e.loss.source, e.loss.reason) == (event_pb2.LOSS_SOURCE_READER, event_pb2.LOSS_REASON_FELL_BEHIND)
                lost += e.loss.count
            else:
                assert e.tid == 100000 + (received + lost) // 2
                assert what(e) == ("fork", "exit")[(received + lost) % 2]
                received += 1
        assert not strict
        assert received + lost == 2 * FLOOD and lost > 0
    except BrokerError as e:
        assert strict
        assert e.error.code == broker_pb2.ERROR_CODE_FELL_BEHIND
        assert 0 < e.error.lost <= 2 * FLOOD - received
        slow.expect_close()
    assert fast.reader_lost == 0
    k.fork(99)
    assert brief([fast.event()]) == [("fork", 99)]


def test_reader_that_leaves_within_its_snapshot(daemon):
    observer = daemon.subscriber(threads=True)
    crowd(daemon, N_STUCK)
    observer.take(N_STUCK)
    for _ in range(20):
        client = daemon.client(rcvbuf=4096)
        client.ask(threads=True, snapshot=True)
        client.answered()
        client.close()
    assert len(taken(daemon, threads=True).snapshot_tasks) == N_STUCK + 1


def test_readers_of_several_snapshots(daemon):
    """Some clients never read their snapshots of different moments; a later client gets one, and follows it up."""
    k = daemon.kernel
    k.mirror = False
    observer = daemon.subscriber(threads=True)
    tids = crowd(daemon, N_STUCK)
    observer.take(N_STUCK)
    stuck = []
    for i in range(8):
        k.fork(30000 + i)
        observer.event()
        stuck.append(daemon.client(rcvbuf=4096))
        stuck[-1].ask(threads=True, snapshot=True)
        stuck[-1].answered()
        # Clients that ask at about the same time may share a snapshot; these must not.
        time.sleep(0.06)
    k.fork(40000)
    observer.event()
    due = [1, *tids, *range(30000, 30008), 40000]
    for client in (taken(daemon, threads=True), *stuck):
        table = Table(client.snapshot(), threads=True)
        while 40000 not in table.rows:
            table.apply(client.event())
        assert sorted(table.rows) == due


@pytest.mark.parametrize("seed", range(3))
def test_storm(make_daemon, seed):
    """Fifty subscribers come while things happen."""
    daemon = make_daemon(start=False)
    machine = Machine(daemon, seed)
    machine.seed(100, like=Seed(uid=1000, gid=100, comm=b"seeded"), tids=(101, 102), cgroup=b"/a")
    machine.seed(110, ppid=100, like=Seed(uid=7, euid=0), cgroup=b"/a/b")
    daemon.start()
    storm = Storm(daemon, machine)
    subscriptions = [
        Subscription(EVERY_KIND, threads=True),
        Subscription(EVERY_KIND),
        Subscription(threads=True),
        Subscription(),
        Subscription(EVERY_KIND, threads=True, programs=True),
    ]
    storm.run(2000, subscriptions, 50)
    storm.finish()


def test_a_thousand_at_once(make_daemon):
    """All have the table and all that follows, and so has one who was there before, while events go on."""
    daemon = make_daemon(start=False)
    machine = Machine(daemon, 7, numbers=range(300, 3000), crowd=500)
    daemon.start()
    storm = Storm(daemon, machine)
    for _ in range(1200):
        machine.step()
    subscriptions = [Subscription(EVERY_KIND, threads=True), Subscription()]
    for i in range(1000):
        storm.join(subscriptions[i % 2])
        if i % 10 == 0:
            machine.step()
    for _ in range(100):
        machine.step()
    readers = storm.finish()
    assert len(readers) == 1000
    status = storm.observer.status()
    assert status.snapshot_subscribers == 1001
    assert status.snapshots < 1001
