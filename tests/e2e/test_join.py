# SPDX-License-Identifier: Apache-2.0
"""
Two streams become one: each exit meets its accounting record, whatever the order
they came in, whoever bore whose number.
"""

import random

import pytest

from tb_client import ALL_KINDS, brief, what
from tb_protocol import event_pb2
from tb_table import Table


def assert_nothing_left(daemon, client, before):
    status = client.status()
    assert status.unmatched_stats == 0
    assert (status.live_tasks, status.live_processes) == (before.live_tasks, before.live_processes)
    assert status.taskstats.lost == status.connector.lost == 0
    return status


def test_records_long_before_their_exits(daemon):
    client = daemon.subscriber(kinds=("exit",))
    before = client.status()
    k = daemon.kernel
    tids = list(range(100, 200))
    for tid in tids:
        k.fork(tid)
    for tid in tids:
        k.stats(k.make_stats(tid, ac_flag=0x20))
    random.Random(1).shuffle(tids)
    for tid in tids:
        k.exit(tid)
    events = client.take(len(tids))
    assert [e.tid for e in events] == tids, "the connector's order"
    assert all(e.exit.stats.identity.ac_pid == e.tid for e in events)
    assert not any(e.synthesised for e in events)
    assert_nothing_left(daemon, client, before)


def test_record_before_the_fork_is_read(daemon):
    """A task so short that its record is queued while its fork still waits in the other socket."""
    client = daemon.subscriber()
    before = client.status()
    k = daemon.kernel
    for tid in range(100, 120):
        k.stats(k.make_stats(tid, ac_flag=0x20))
        k.fork(tid)
        k.exit(tid)
    events = client.take(40)
    assert brief(events) == [x for tid in range(100, 120) for x in (("fork", tid), ("exit", tid))]
    assert all(e.exit.stats.identity.ac_pid == e.tid and not e.synthesised for e in events[1::2])
    assert_nothing_left(daemon, client, before)


def test_leader_ends_first(daemon):
    """EXIT of the leader is no death of the process: its last thread's is."""
    client = daemon.subscriber(threads=True)
    before = client.status()
    k = daemon.kernel
    k.fork(100)
    k.fork(101, pid=100)
    k.fork(102, pid=100)
    k.end(100, last=False)
    k.end(101, pid=100)
    k.end(102, pid=100, last=True)
    events = client.take(6)[3:]
    assert brief(events) == [("exit", 100), ("exit", 101), ("exit", 102)]
    assert [e.exit.process_ended for e in events] == [False, False, True]
    assert [e.exit.HasField("process_stats") for e in events] == [False, False, True]
    assert events[2].exit.process_stats.task_count == 3
    assert_nothing_left(daemon, client, before)


def test_thread_born_after_the_leader_left(daemon):
    client = daemon.subscriber(threads=True)
    before = client.status()
    k = daemon.kernel
    k.fork(100)
    k.fork(101, pid=100)
    k.end(100, last=False)
    k.fork(102, pid=100)
    k.end(101, pid=100)
    k.end(102, pid=100, last=True)
    events = client.take(6)
    assert [e.exit.process_ended for e in events if what(e) == "exit"] == [False, False, True]
    assert not events[3].task_unknown and events[3].comm == b"init"
    assert_nothing_left(daemon, client, before)


def test_exec_by_another_thread(daemon):
    """
    The leader ends (without AGROUP), then EXEC comes for the process' number: the
    thread that called exec bears it now, and never has an exit of its own.
    """
    client = daemon.subscriber(kinds=ALL_KINDS, threads=True)
    before = client.status()
    k = daemon.kernel
    k.fork(200)
    k.fork(201, pid=200)
    k.fork(202, pid=200)
    events = client.take(3)
    assert client.status().live_tasks == before.live_tasks + 3
    k.end(202, pid=200, code=9)
    k.end(200, last=False, code=9)
    k.exec(200)
    k.comm(200, comm=b"new")
    k.end(200, code=0x0500, comm=b"new")
    events += client.take(4)
    assert brief(events) == [
        ("fork", 200), ("fork", 201), ("fork", 202), ("exit", 202), ("exit", 200), ("exec", 200), ("comm_change", 200),
    ]
    leader, execed = events[4], events[5]
    assert not leader.exit.process_ended
    assert not leader.exit.HasField("process_stats")
    assert leader.exit.termination.term_signal == 9
    assert not execed.task_unknown and execed.start_time_ns == events[0].start_time_ns, "inherited from the leader"
    end = client.event()
    assert (what(end), end.tid, end.comm) == ("exit", 200, b"new")
    assert end.exit.process_ended
    assert end.exit.termination.exit_code == 5
    assert end.start_time_ns == events[0].start_time_ns
    assert end.exit.HasField("process_stats")
    assert not end.synthesised
    assert_nothing_left(daemon, client, before)


def test_exec_by_another_thread_whose_number_is_used_again(daemon):
    """The number of the thread that called exec is free at once."""
    client = daemon.subscriber(threads=True)
    before = client.status()
    k = daemon.kernel
    k.fork(200)
    k.fork(201, pid=200)
    k.end(200, last=False)
    k.exec(200)
    k.fork(201, parent_tid=200)
    k.end(201)
    k.end(200)
    events = client.take(7)
    assert brief(events) == [
        ("fork", 200), ("fork", 201), ("exit", 200), ("exec", 200), ("fork", 201), ("exit", 201), ("exit", 200),
    ]
    assert not any(e.synthesised for e in events)
    assert (events[4].pid, events[4].ppid) == (201, 200)
    assert events[5].exit.process_ended and events[5].start_time_ns == events[4].start_time_ns
    assert events[6].exit.process_ended
    assert_nothing_left(daemon, client, before)


def test_exec_drops_the_other_threads(daemon):
    """exec by the leader: its threads were killed, and their ends reported, before."""
    client = daemon.subscriber(threads=True)
    before = client.status()
    k = daemon.kernel
    k.fork(200)
    k.fork(201, pid=200)
    k.end(201, pid=200, code=9)
    k.exec(200)
    k.end(200)
    events = client.take(5)
    assert events[-1].exit.process_ended
    assert events[-1].exit.process_stats.task_count == 2
    assert_nothing_left(daemon, client, before)


def test_exec_by_a_thread_of_an_unknown_process(daemon):
    """The forks of the process and of its leader were lost: its start is known at its end only."""
    client = daemon.subscriber(kinds=ALL_KINDS, threads=True)
    k = daemon.kernel
    k.fork(301, pid=300, parent_tid=299)
    k.exec(300)
    k.end(300)
    events = client.take(3)
    assert brief(events) == [("fork", 301), ("exec", 300), ("exit", 300)]
    assert [e.task_unknown for e in events] == [True, True, False]
    assert [e.start_time_ns != 0 for e in events] == [True, False, True]
    assert not Table(threads=True).apply_all(events).rows


def test_pid_reused_before_its_exit(daemon):
    """
    A parent that waits and forks at once can have the number again before the old
    EXIT is queued; the old record is there already. The stray EXIT means nothing.
    """
    client = daemon.subscriber()
    before = client.status()
    k = daemon.kernel
    k.fork(300)
    old = k.make_stats(300, comm=b"old", ac_flag=0x20, ac_etime_us=111, ac_exitcode=0x0700)
    k.stats(old)
    k.fork(300)
    k.exit(300, code=0x0700)
    k.fork(301)
    events = client.take(4)
    assert brief(events) == [("fork", 300), ("exit", 300), ("fork", 300), ("fork", 301)]
    first, gone, second = events[:3]
    assert gone.synthesised and gone.exit.process_ended
    assert gone.exit.stats.identity.ac_etime_us == 111
    assert gone.exit.stats_missing == event_pb2.STATS_MISSING_UNSPECIFIED
    assert gone.exit.termination.exit_code == 7
    assert gone.start_time_ns == first.start_time_ns
    assert second.start_time_ns > first.start_time_ns and not second.synthesised
    assert client.status().live_tasks == before.live_tasks + 2

    k.end(300, code=0x0800)
    k.end(301)
    events = client.take(2)
    assert brief(events) == [("exit", 300), ("exit", 301)]
    assert events[0].start_time_ns == second.start_time_ns
    assert events[0].exit.termination.exit_code == 8
    assert not events[0].synthesised
    status = assert_nothing_left(daemon, client, before)
    assert status.synthesised_exits == 1


def test_pid_reused_and_gone_before_the_old_exit(daemon):
    """As before, but the new task's record too is there when the stray EXIT comes."""
    client = daemon.subscriber()
    before = client.status()
    k = daemon.kernel
    k.fork(300)
    k.stats(k.make_stats(300, ac_flag=0x20, ac_etime_us=111, ac_exitcode=0x0700))
    k.fork(300)
    k.stats(k.make_stats(300, ac_flag=0x20, ac_etime_us=222, ac_exitcode=0x0800))
    k.exit(300, code=0x0700)
    k.exit(300, code=0x0800)
    k.fork(999)
    events = client.until_marker(999)
    assert brief(events) == [("fork", 300), ("exit", 300), ("fork", 300), ("exit", 300)]
    assert [e.exit.stats.identity.ac_etime_us for e in events[1::2]] == [111, 222]
    assert [e.exit.termination.exit_code for e in events[1::2]] == [7, 8]
    assert events[3].start_time_ns == events[2].start_time_ns
    status = client.status()
    assert status.unmatched_stats == 0 and status.live_tasks == before.live_tasks + 1


def test_tid_reused_as_a_thread_elsewhere(daemon):
    """Numbers of threads are used again just like numbers of processes."""
    client = daemon.subscriber(threads=True)
    before = client.status()
    k = daemon.kernel
    k.fork(400)
    k.fork(401, pid=400)
    k.fork(410)
    k.stats(k.make_stats(401, 400, ac_etime_us=111))
    k.fork(401, pid=410)
    k.exit(401, pid=400)
    k.end(401, pid=410)
    k.end(400)
    k.end(410)
    events = client.take(8)
    assert [(what(e), e.tid, e.pid) for e in events] == [
        ("fork", 400, 400), ("fork", 401, 400), ("fork", 410, 410), ("exit", 401, 400), ("fork", 401, 410),
        ("exit", 401, 410), ("exit", 400, 400), ("exit", 410, 410),
    ]
    assert events[3].synthesised and not events[3].exit.process_ended
    assert [e.exit.process_stats.task_count for e in events[6:]] == [2, 2]
    assert_nothing_left(daemon, client, before)


def test_pid_reused_many_times(daemon):
    client = daemon.subscriber()
    before = client.status()
    k = daemon.kernel
    k.fork(300)
    for i in range(50):
        k.stats(k.make_stats(300, ac_flag=0x20, ac_etime_us=100 + i))
        k.fork(300)
        k.exit(300)
    k.end(300, values=dict(ac_etime_us=150))
    events = client.take(102)
    assert [what(e) for e in events] == ["fork", "exit"] * 51
    assert [e.exit.stats.identity.ac_etime_us for e in events[1::2]] == list(range(100, 151))
    assert_nothing_left(daemon, client, before)


def test_reuse_after_an_ordinary_end(daemon):
    client = daemon.subscriber()
    before = client.status()
    k = daemon.kernel
    starts = []
    for i in range(20):
        k.fork(300)
        k.end(300)
        forked, ended = client.take(2)
        assert forked.start_time_ns == ended.start_time_ns
        assert not ended.synthesised
        starts.append(forked.start_time_ns)
    assert starts == sorted(set(starts))
    assert_nothing_left(daemon, client, before)


@pytest.mark.parametrize("seed", range(4))
def test_random_lives(daemon, seed):
    """Processes with threads, ending in any order, records ahead by any distance: totals are exact."""
    rng = random.Random(seed)
    client = daemon.subscriber(threads=True)
    before = client.status()
    k = daemon.kernel
    processes, ends, expected, n_events = [], [], {}, 0
    for i in range(40):
        pid = 1000 + 20 * i
        tids = [pid + j for j in range(rng.randint(1, 8))]
        processes.append((pid, tids))
        for tid in tids:
            k.fork(tid, pid=pid, cpu=rng.randrange(4))
            n_events += 1
        client.take(len(tids))
    remaining = {pid: list(tids) for pid, tids in processes}
    while remaining:
        pid = rng.choice(list(remaining))
        tids = remaining[pid]
        tid = tids.pop(rng.randrange(len(tids)))
        ends.append((pid, tid, not tids))
        if not tids:
            del remaining[pid]
    sent = 0
    for i, (pid, tid, last) in enumerate(ends):
        ahead = min(len(ends), i + 1 + rng.randrange(30))
        while sent < ahead:
            p, t, l = ends[sent]
            runtime = rng.randrange(1 << 30)
            expected[p] = expected.get(p, 0) + runtime
            k.stats(k.make_stats(t, p, ac_flag=0x20 if l else 0, cpu_run_virtual_total_ns=runtime))
            sent += 1
        k.exit(tid, pid=pid, cpu=rng.randrange(4))
    for (pid, tid, last), e in zip(ends, client.take(len(ends))):
        assert (e.pid, e.tid, e.exit.process_ended, e.synthesised) == (pid, tid, last, False)
        assert e.exit.stats.identity.ac_pid == tid
        if last:
            n = len(dict(processes)[pid])
            totals = e.exit.process_stats if n > 1 else e.exit.stats
            assert totals.cpu.cpu_run_virtual_total_ns == expected[pid]
            assert totals.task_count == (n if n > 1 else 0)
    assert_nothing_left(daemon, client, before)
