# SPDX-License-Identifier: Apache-2.0
"""
A part of the machine: each sort of filter is held to a second reading of what the
.proto promises, while tasks come into its set and leave it.
"""

import time

import pytest

from tb_client import ALL_KINDS, BrokerError, brief, what
from tb_machine import Machine, Seed
from tb_oracle import EVERY_KIND, Subscription
from tb_proc import boottime_ns
from tb_protocol import broker_pb2, event_pb2, varint
from tb_storm import Storm
from tb_table import Table

FILTERS = {
    "uids": dict(uids=[1000, 7]),
    "root": dict(uids=[0]),
    "comms": dict(comms=[b"alpha", b"?eta", b"*[)(]*"]),
    "names of any bytes": dict(comms=[b"\xff*", b"fifteen bytes !"]),
    "cgroups": dict(cgroups=[b"/a/b", b"/c"]),
    "all cgroups": dict(cgroups=[b"/"]),
    "cpus": dict(cpus="1-2"),
    "nonzero": dict(nonzero=True),
    "uids and comms": dict(uids=[1000, 1001, 0], comms=[b"[!ab]*"]),
    "cgroups and cpus": dict(cgroups=[b"/a"], cpus="0,3"),
    "comms and nonzero": dict(comms=[b"*a"], nonzero=True),
}


@pytest.mark.parametrize("seed", range(2))
def test_storm(make_daemon, seed):
    """Several subscribers of each filter, with threads and without, come while things happen."""
    daemon = make_daemon(start=False)
    machine = Machine(daemon, seed)
    machine.seed(100, like=Seed(uid=1000, gid=100, comm=b"alpha"), tids=(101, 102), cgroup=b"/a")
    machine.seed(110, ppid=100, like=Seed(uid=7, euid=0, comm=b"beta"), cgroup=b"/a/b")
    machine.seed(120, like=Seed(uid=1001, comm=b"gamma"), cgroup=b"/c/d")
    machine.seed(130, like=Seed(comm=b"delta"), cgroup=b"/ab")
    daemon.start()
    storm = Storm(daemon, machine)
    subscriptions = [Subscription(threads=threads, filter=f) for f in FILTERS.values() for threads in (False, True)]
    subscriptions += [Subscription(EVERY_KIND, threads=threads, filter=f) for f in FILTERS.values() for threads in (False, True)]
    storm.run(1500, subscriptions, 2 * len(subscriptions))
    storm.finish()


@pytest.mark.parametrize("seed", range(2))
def test_subtrees(make_daemon, seed):
    """
    The descendants of a process stay in its subtree. They may get another parent later, and
    other processes may get their numbers and their parents' numbers.
    """
    daemon = make_daemon(start=False)
    machine = Machine(daemon, seed, numbers=range(300, 500))
    machine.seed(100, like=Seed(uid=1000, comm=b"alpha"), tids=(101,))
    machine.seed(110, ppid=100)
    machine.seed(111, ppid=110)
    machine.seed(120)
    daemon.start()
    storm = Storm(daemon, machine)
    # No number comes again so early: the broker would have to believe that a child is as old as its parent.
    machine.reuses = False
    for _ in range(150):
        machine.step()
    machine.reuses = True
    live = sorted(pid for pid in machine.processes if pid > 2)
    roots = [[1], live[:1], live[-3:], machine.rng.sample(live, min(16, len(live)))]
    subscriptions = [Subscription(EVERY_KIND, threads, dict(subtrees=pids)) for pids in roots for threads in (False, True)]
    subscriptions += [Subscription(filter=dict(subtrees=roots[-1], **more)) for more in (dict(uids=[0, 7]), dict(comms=[b"*a"]))]
    for subscription in subscriptions:
        storm.found(subscription)
    for _ in range(1500):
        machine.step()
    storm.finish()


@pytest.mark.parametrize("seed", range(2))
def test_reused_numbers(make_daemon, seed):
    """
    Few numbers, which come again all the time. A number names the process that has it when the subscription begins, or
    the first process that gets it, and no later one.
    """
    daemon = make_daemon(start=False)
    machine = Machine(daemon, seed, numbers=range(300, 360))
    machine.seed(100, like=Seed(uid=1000, comm=b"alpha"), tids=(101,))
    machine.seed(110, ppid=100)
    daemon.start()
    storm = Storm(daemon, machine)
    for step in range(1500):
        machine.step()
        if step % 150 == 0:
            numbers = [100, 110, *machine.rng.sample(range(300, 360), 5)]
            for threads in (False, True):
                storm.found(Subscription(machine.rng.choice((EVERY_KIND, ("exit",))), threads, dict(pids=numbers)))
    readers = storm.finish()
    assert sum(len(reader.events) for reader in readers) > 300


# -- one by one -------------------------------------------------------------------


@pytest.fixture
def peopled(make_daemon):
    """100 alpha (its thread 101 called gamma), uid 1000, in /a; its child 110 beta, uid 7, in /a/b; 120 in /ab."""
    daemon = make_daemon(start=False)
    began = boottime_ns() - 3_000_000_000
    for pid, tid, ppid, uid, comm, cgroup in (
        (1, 1, 0, 0, b"init", b"/init.scope"),
        (100, 100, 1, 1000, b"alpha", b"/a"),
        (100, 101, 1, 1000, b"gamma", b"/a"),
        (110, 110, 100, 7, b"beta", b"/a/b"),
        (120, 120, 1, 0, b"delta", b"/ab"),
    ):
        daemon.proc.add(pid, tid, ppid=ppid, uid=uid, comm=comm, start_ns=began)
        daemon.proc.set_program(pid, tid, cmdline=comm + b"\0", cgroup=b"0::" + cgroup + b"\n")
    daemon.start()
    return daemon


def reported(daemon, client):
    """Returns the client's events until now in brief form. Checks that the numbers count exactly these events."""
    out = []
    number = client.next_number - len(client.events)
    mark = daemon.kernel.mark()
    events, last = client.until_mark(mark)
    assert last == number + len(events), "numbers count what this subscription gets"
    for e in events:
        out.append((what(e), e.tid, "left") if e.left_filter else (what(e), e.tid))
    return out


def set_of(daemon, threads=False, **filter):
    client = daemon.subscriber(threads=threads, filter=filter, snapshot=True)
    return sorted(task.tid for task in client.snapshot())


@pytest.mark.parametrize(
    "filter, processes, tasks",
    [
        (dict(uids=[1000]), [100], [100, 101]),
        (dict(uids=[7, 0]), [1, 110, 120], [1, 110, 120]),
        (dict(uids=[5]), [], []),
        (dict(pids=[100]), [100, 110], [100, 101, 110]),
        (dict(pids=[101]), [], []),
        (dict(pids=[1]), [1, 100, 120], [1, 100, 101, 120]),
        (dict(subtrees=[100]), [100, 110], [100, 101, 110]),
        (dict(subtrees=[110, 120]), [110, 120], [110, 120]),
        (dict(subtrees=[1]), [1, 100, 110, 120], [1, 100, 101, 110, 120]),
        (dict(comms=[b"gamma"]), [], [101]),
        (dict(comms=[b"*a"]), [100, 110, 120], [100, 101, 110, 120]),
        (dict(comms=[b"?lpha", b"[b-d]eta"]), [100, 110], [100, 110]),
        (dict(comms=[b"ALPHA", b"alph"]), [], []),
        (dict(cgroups=[b"/a"]), [100, 110], [100, 101, 110]),
        (dict(cgroups=[b"/a/"]), [100, 110], [100, 101, 110]),
        (dict(cgroups=[b"/a/b", b"/ab"]), [110, 120], [110, 120]),
        (dict(cgroups=[b"/"]), [1, 100, 110, 120], [1, 100, 101, 110, 120]),
        (dict(uids=[1000, 7], cgroups=[b"/a/b"]), [110], [110]),
        (dict(uids=[1000], pids=[110]), [], []),
        (dict(cpus="7"), [1, 100, 110, 120], [1, 100, 101, 110, 120]),
        (dict(nonzero=True), [1, 100, 110, 120], [1, 100, 101, 110, 120]),
        (dict(), [1, 100, 110, 120], [1, 100, 101, 110, 120]),
    ],
)
def test_set(peopled, filter, processes, tasks):
    """cpus and nonzero are about events, and restrict no snapshot."""
    assert set_of(peopled, **filter) == processes
    assert set_of(peopled, threads=True, **filter) == tasks


def test_uids(peopled):
    """A task that enters or leaves the set is reported without a request for uid events; a task that stays is not."""
    client = peopled.subscriber(filter=dict(uids=[1000]))
    k = peopled.kernel
    k.uid(110, real=1000, effective=0)
    k.uid(110, real=1000, effective=1000)
    k.fork(200, parent_tid=110)
    k.fork(201, parent_tid=120)
    k.uid(100, real=5, effective=1000)
    k.fork(202, parent_tid=100)
    k.exec(110)
    k.end(120, values=dict(ac_uid=0))
    k.end(200, values=dict(ac_uid=1000))
    k.uid(110, real=7, effective=1000)
    k.end(110, values=dict(ac_uid=7))
    assert reported(peopled, client) == [
        ("uid_change", 110), ("fork", 200), ("uid_change", 100, "left"), ("exec", 110), ("exit", 200), ("uid_change", 110, "left"),
    ]


def test_every_kind_of_a_filter(peopled):
    client = peopled.subscriber(ALL_KINDS, filter=dict(uids=[1000]))
    k = peopled.kernel
    for pid in (100, 120):
        k.uid(pid, real=1000 if pid == 100 else 0, effective=3)
        k.gid(pid, real=1, effective=2)
        k.sid(pid)
        k.ptrace(pid)
        k.coredump(pid)
        k.comm(pid, comm=b"other")
    assert reported(peopled, client) == [
        (kind, 100) for kind in ("uid_change", "gid_change", "new_session", "ptrace", "coredump", "comm_change")
    ]


def test_comms(peopled):
    """A name is changed by comm, and by exec; the former name is what a task leaves by."""
    client = peopled.subscriber(filter=dict(comms=[b"al*", b"be??"]))
    observer = peopled.subscriber(("exec",))
    k = peopled.kernel
    k.comm(120, comm=b"albert")
    k.comm(120, comm=b"alfred")
    k.exec(120, comm=b"other")
    observer.event()
    k.exec(120, comm=b"bear")
    observer.event()
    k.fork(200, parent_tid=120)
    k.comm(100, comm=b"nobody")
    k.comm(110, comm=b"beta!")
    k.end(110, comm=b"beta!")
    k.end(200, comm=b"bear", code=9)
    assert reported(peopled, client) == [
        ("comm_change", 120), ("exec", 120, "left"), ("exec", 120), ("fork", 200), ("comm_change", 100, "left"),
        ("comm_change", 110, "left"), ("exit", 200),
    ]


def test_threads_by_themselves(peopled):
    """With threads the set is one of threads; without, of processes, as their leaders are."""
    threads = peopled.subscriber(ALL_KINDS, threads=True, filter=dict(comms=[b"gamma"]))
    processes = peopled.subscriber(ALL_KINDS, filter=dict(comms=[b"gamma"]))
    k = peopled.kernel
    k.comm(101, pid=100, comm=b"other")
    k.comm(101, pid=100, comm=b"gamma")
    k.ptrace(100)
    k.comm(100, comm=b"gamma")
    k.ptrace(101, pid=100)
    k.fork(102, pid=100)
    k.comm(100, comm=b"alpha")
    k.end(102, pid=100, comm=b"gamma")
    mark = k.mark()
    assert [(what(e), e.tid, e.left_filter) for e in threads.until_mark(mark)[0]] == [
        ("comm_change", 101, True), ("comm_change", 101, False), ("comm_change", 100, False), ("ptrace", 101, False),
        ("fork", 102, False), ("comm_change", 100, True), ("exit", 102, False),
    ]
    assert [(what(e), e.tid, e.left_filter) for e in processes.until_mark(mark)[0]] == [
        ("comm_change", 100, False), ("comm_change", 100, True),
    ]


def test_end_of_a_process_whose_leader_had_ended(peopled):
    """The process was in the set because its leader was: so its end is reported, whatever its last thread's name is."""
    client = peopled.subscriber(filter=dict(comms=[b"alpha"]))
    k = peopled.kernel
    k.end(100, last=False, comm=b"alpha")
    k.end(101, pid=100, last=True, comm=b"gamma")
    assert reported(peopled, client) == [("exit", 100)]


@pytest.mark.parametrize("comms, due", [([b"alpha"], [("exec", 100, "left")]), ([b"new"], [("exec", 100)])])
def test_exec_by_another_thread(peopled, comms, due):
    """The process was in the set as its leader was, not as the thread was that called exec."""
    client = peopled.subscriber(filter=dict(comms=comms))
    observer = peopled.subscriber(("exec",))
    k = peopled.kernel
    k.end(100, last=False, comm=b"alpha")
    k.exec(100, comm=b"new")
    # An exec behind which more waits has no name.
    observer.event()
    assert reported(peopled, client) == due


def test_exec_by_another_thread_with_threads(peopled):
    """The leader's end was reported; the exec reports that the other thread has become the leader."""
    client = peopled.subscriber(threads=True, filter=dict(comms=[b"gamma"]), snapshot=True)
    table = Table(client.snapshot(), threads=True, filtered=True)
    observer = peopled.subscriber(("exec",))
    k = peopled.kernel
    k.end(100, last=False, comm=b"alpha")
    k.exec(100, comm=b"new")
    observer.event()
    mark = k.mark()
    events, _ = client.until_mark(mark)
    assert [(what(e), e.tid, e.left_filter) for e in events] == [("exec", 100, True)]
    assert table.rows.keys() == {101}


def test_cgroups(peopled):
    """A process is in the group in which it called exec, or its parent did."""
    client = peopled.subscriber(filter=dict(cgroups=[b"/a/b"]), programs=True, snapshot=True)
    assert [t.tid for t in client.snapshot()] == [110]
    k = peopled.kernel
    observer = peopled.subscriber(("exec",))
    k.fork(200, parent_tid=110)
    k.exec(200, program=dict(cgroup=b"0::/a/b/c\n"))
    observer.event()
    k.exec(100, program=dict(cgroup=b"0::/a/b\n"))
    observer.event()
    k.exec(200, program=dict(cgroup=b"0::/a\n"))
    observer.event()
    k.fork(201, parent_tid=100)
    k.fork(202, parent_tid=200)
    k.end(200)
    k.end(201)
    assert reported(peopled, client) == [
        ("fork", 200), ("exec", 200), ("exec", 100), ("exec", 200, "left"), ("fork", 201), ("exit", 201),
    ]


def test_cgroup_of_a_process_that_was_not_read(peopled):
    """
    There are more execs than the broker reads programs. A task that is found later to be
    outside of the set is reported as it leaves.
    """
    client = peopled.subscriber(filter=dict(cgroups=[b"/a"]), snapshot=True)
    table = Table(client.snapshot(), filtered=True)
    assert sorted(table.rows) == [100, 110]
    witness = peopled.subscriber(("exec",), programs=True, filter=dict(pids=[100, 110]))
    k = peopled.kernel
    k.mirror = False
    k.fork(300)
    for _ in range(20):
        # None of these can be read; each counts.
        for _ in range(2500):
            k.exec(300)
        k.exec(110, program=dict(cgroup=b"0::/elsewhere\n"))
        if witness.event().exec.program.state == event_pb2.PROGRAM_STATE_SKIPPED:
            break
        k.exec(110, program=dict(cgroup=b"0::/a/b\n"))
        witness.event()
    else:
        pytest.skip("this machine is too slow for more execs than the broker reads programs")
    due = client.status().programs_captured
    # Somebody who wants to know has it read.
    while client.status().programs_captured == due:
        reader = peopled.subscriber(programs=True, snapshot=True)
        program = {t.tid: t.program for t in reader.snapshot()}[110]
        reader.close()
        if program.state == event_pb2.PROGRAM_STATE_CAPTURED:
            break
    k.end(110)
    events, _ = client.until_mark(k.mark())
    assert sorted(table.apply_all(events).rows) == [100]


def test_cpus(peopled):
    client = peopled.subscriber(filter=dict(cpus="1,3-4"))
    k = peopled.kernel
    for cpu in range(6):
        k.fork(200 + cpu, cpu=cpu)
    k.exec(200, cpu=4)
    k.end(204, cpu=0)
    k.end(205, cpu=3)
    assert reported(peopled, client) == [("fork", 201), ("fork", 203), ("fork", 204), ("exec", 200), ("exit", 205)]


def test_nonzero(peopled):
    client = peopled.subscriber(threads=True, filter=dict(nonzero=True))
    k = peopled.kernel
    for pid, code in ((200, 0), (201, 0x0100), (202, 9), (203, 0x8B)):
        k.fork(pid)
        k.end(pid, code=code)
    assert reported(peopled, client) == [
        ("fork", 200), ("fork", 201), ("exit", 201), ("fork", 202), ("exit", 202), ("fork", 203), ("exit", 203),
    ]


def test_nonzero_is_the_process(peopled):
    """Without threads, what counts is how the process ended, not how its last thread did."""
    client = peopled.subscriber(("exit",), filter=dict(nonzero=True))
    k = peopled.kernel
    for pid, thread_code, process_code in ((200, 0, 0x0300), (210, 0x0300, 0), (220, 0, 0)):
        k.fork(pid)
        k.fork(pid + 1, pid=pid)
        # The record with AGROUP has the process' status, though another exit came last.
        k.stats(k.make_stats(pid, pid, ac_exitcode=process_code, ac_flag=0x20))
        k.stats(k.make_stats(pid + 1, pid, ac_exitcode=thread_code))
        k.exit(pid, code=process_code)
        k.exit(pid + 1, pid=pid, code=thread_code)
    assert reported(peopled, client) == [("exit", 200)]


def test_pids(peopled):
    """Children as well, but not theirs. A number that no process has names the first process that gets it."""
    client = peopled.subscriber(filter=dict(pids=[100, 300]))
    k = peopled.kernel
    k.fork(200, parent_tid=101, parent_pid=100)
    k.fork(201, parent_tid=200)
    k.fork(300)
    k.fork(301, parent_tid=300)
    k.end(300)
    k.fork(300)
    k.fork(302, parent_tid=300)
    k.exec(300)
    k.end(300)
    k.end(301)
    k.end(302)
    k.end(200)
    k.end(201)
    assert reported(peopled, client) == [
        ("fork", 200), ("fork", 300), ("fork", 301), ("exit", 300), ("exit", 301), ("exit", 200),
    ]


@pytest.mark.parametrize("threads", [False, True])
def test_pids_of_two_owners_of_a_number(peopled, threads):
    """The same request, another process: another feed. The first goes on for the children, and can be resumed."""
    arguments = dict(threads=threads, filter=dict(pids=[110]))
    first = peopled.subscriber(**arguments)
    k = peopled.kernel
    k.fork(200, parent_tid=110)
    k.end(110)
    assert brief(first.take(2)) == [("fork", 200), ("exit", 110)]
    assert peopled.subscriber(("exit",), **arguments, snapshot=True).snapshot() == []
    between = peopled.subscriber(**arguments)
    observer = peopled.subscriber(("fork",))
    k.fork(110, parent_tid=1)
    k.fork(111, pid=110)
    k.fork(210, parent_tid=110)
    observer.take(2)
    second = peopled.subscriber(**arguments, snapshot=True)
    third = peopled.subscriber(**arguments, snapshot=True)
    again = peopled.subscriber(**arguments, resume=first.place())
    assert sorted(task.tid for task in second.snapshot()) == ([110, 111, 210] if threads else [110, 210])
    third.snapshot()
    assert first.feed == again.feed != second.feed == third.feed == between.feed
    k.exec(200)
    k.exec(210)
    k.end(111, pid=110)
    k.exec(110)
    k.end(110)
    mark = k.mark()
    for client in (first, again):
        assert brief(client.until_mark(mark)[0]) == [("exec", 200)]
    rest = [("exec", 210), *([("exit", 111)] if threads else []), ("exec", 110), ("exit", 110)]
    assert brief(second.until_mark(mark)[0]) == rest
    forks = [("fork", 110), *([("fork", 111)] if threads else []), ("fork", 210)]
    assert brief(between.until_mark(mark)[0]) == forks + rest


def test_starts(peopled):
    """A request can name processes by their starts: later processes with their numbers do not match."""
    k = peopled.kernel
    observer = peopled.subscriber()
    numbers = dict(pids=[110, 300], subtrees=[1])
    first = peopled.client().subscribe(filter=numbers).starts
    k.fork(200, parent_tid=110)
    k.fork(300)
    k.end(110)
    start = observer.take(3)[1].start_boot_ns
    assert [*first.pids] == [*first.subtrees, 0] == [peopled.client().subscribe(filter=dict(pids=[1])).starts.pids[0], 0]
    then = dict(pids=[first.pids[0], start], subtrees=first.subtrees)
    k.fork(110, parent_tid=1)
    k.fork(210, parent_tid=110)
    observer.take(2)
    client = peopled.client()
    assert client.subscribe(filter=numbers, starts=then, snapshot=True).starts == broker_pb2.FilterStarts(**then)
    assert sorted(task.pid for task in client.snapshot()) == [200, 300]
    k.exec(110)
    k.exec(210)
    k.exec(200)
    k.exec(300)
    assert reported(peopled, client) == [("exec", 200), ("exec", 300)]


@pytest.mark.parametrize("filter", [dict(pids=[5, 300, 300]), dict(pids=[5, 300, 300], comms=[b"other"])])
def test_named(peopled, filter):
    """The broker reports the process that a number names from then on, even if no event of the process is selected."""
    reader = peopled.subscriber(("coredump",), filter=filter)
    late = peopled.client()
    assert [*late.subscribe(("coredump",), filter=filter).starts.pids] == [0, 0, 0]
    observer = peopled.subscriber(("fork",))
    peopled.kernel.fork(300)
    peopled.kernel.fork(301)
    born = observer.take(2)[0].start_boot_ns
    peopled.kernel.end(300)
    peopled.kernel.fork(300)
    mark = peopled.kernel.mark()
    for client in (reader, late):
        assert client.until_mark(mark)[0] == [] and [*client.named.pids] == [0, born, born]
    again = peopled.client()
    starts = dict(pids=list(reader.named.pids))
    assert [*again.subscribe(("coredump",), filter=filter, starts=starts).starts.pids] == [0, born, born]


@pytest.mark.parametrize(
    "field, filter, starts",
    [
        ("starts", dict(pids=[100]), dict(pids=[0, 0])),
        ("starts", dict(pids=[100]), dict(subtrees=[0])),
        ("starts", {}, dict(pids=[1])),
        ("filter.subtrees", dict(subtrees=[100]), dict(subtrees=[5])),
    ],
)
def test_bad_starts(peopled, field, filter, starts):
    with pytest.raises(BrokerError) as caught:
        peopled.client().subscribe(filter=filter, starts=starts)
    assert (caught.value.error.code, caught.value.error.field) == (broker_pb2.ERROR_CODE_BAD_VALUE, f"subscribe.{field}")


def test_subtree_of_orphans(peopled):
    """Orphans and their children stay in the set. A new process with the number of the root is not in it."""
    client = peopled.subscriber(filter=dict(subtrees=[100]))
    k = peopled.kernel
    k.fork(200, parent_tid=110)
    k.fork(201, parent_tid=200)
    k.end(200)
    k.end(110)
    k.end(101, pid=100)
    k.end(100)
    k.fork(202, parent_tid=201)
    k.fork(100, parent_tid=1)
    k.fork(203, parent_tid=100)
    k.fork(110, parent_tid=202)
    k.end(203)
    k.end(100)
    k.end(201)
    assert reported(peopled, client) == [
        ("fork", 200), ("fork", 201), ("exit", 200), ("exit", 110), ("exit", 100), ("fork", 202), ("fork", 110), ("exit", 201),
    ]


def test_subtrees_of_two_owners_of_a_number(peopled):
    """The same request, another process: another feed. The first goes on, and can be resumed."""
    first = peopled.subscriber(filter=dict(subtrees=[110]), snapshot=True)
    first.snapshot()
    k = peopled.kernel
    k.fork(200, parent_tid=110)
    k.end(110)
    first.take(2)
    with pytest.raises(BrokerError) as caught:
        peopled.subscriber(filter=dict(subtrees=[110]))
    assert caught.value.error.field == "subscribe.filter.subtrees"
    # So much later that the first one's children cannot be taken for its own.
    later = time.monotonic_ns() + 1_000_000_000
    k.fork(110, parent_tid=1, stamp=later)
    k.fork(210, parent_tid=110, stamp=later)
    second = peopled.subscriber(filter=dict(subtrees=[110]), snapshot=True)
    assert second.feed != first.feed
    again = peopled.subscriber(filter=dict(subtrees=[110]), resume=first.place())
    table = Table(second.snapshot(), filtered=True)
    k.fork(201, parent_tid=200)
    k.fork(211, parent_tid=210)
    mark = k.mark()
    for client in (first, again):
        assert brief(client.until_mark(mark)[0]) == [("fork", 201)]
    assert sorted(table.apply_all(second.until_mark(mark)[0]).rows) == [110, 210, 211]


def test_subtree_whose_leader_has_ended(peopled):
    k = peopled.kernel
    observer = peopled.subscriber(threads=True)
    k.end(100, last=False)
    observer.event()
    client = peopled.subscriber(filter=dict(subtrees=[100]), snapshot=True)
    assert sorted(t.tid for t in client.snapshot()) == [100, 110]
    k.fork(200, parent_tid=101, parent_pid=100)
    k.end(101, pid=100, last=True)
    assert reported(peopled, client) == [("fork", 200), ("exit", 100)]


def test_unknown_matches_nothing(peopled):
    """Name and user of a child of nobody are not known; its number is."""
    names = peopled.subscriber(filter=dict(comms=[b"*"]))
    users = peopled.subscriber(filter=dict(uids=[0]))
    groups = peopled.subscriber(filter=dict(cgroups=[b"/"]))
    numbers = peopled.subscriber(filter=dict(pids=[500]))
    k = peopled.kernel
    k.fork(500, parent_tid=499)
    k.fork(501, parent_tid=1)
    mark = k.mark()
    for client in (names, users, groups):
        assert brief(client.until_mark(mark)[0]) == [("fork", 501)]
    assert brief(numbers.until_mark(mark)[0]) == [("fork", 500)]


def test_loss_passes(peopled):
    client = peopled.subscriber(("exec",), filter=dict(uids=[12345], cpus="99", nonzero=True))
    k = peopled.kernel
    k.fork(200, cpu=2)
    k.lose(2, 5)
    k.fork(201, cpu=2)
    e = client.event()
    assert (what(e), e.loss.count) == ("loss", 5)
    assert client.next_number == 2, "nothing else was numbered"


def test_feeds(peopled):
    """The same filter, the same feed; another, another."""
    def feed(**kw):
        return peopled.subscriber(**kw).feed

    filters = [
        dict(), dict(uids=[1]), dict(uids=[1, 2]), dict(pids=[1]), dict(comms=[b"a"]), dict(comms=[b"a", b"b"]),
        dict(comms=[b"ab"]), dict(cgroups=[b"/a"]), dict(cpus="1"), dict(cpus="1-2"), dict(nonzero=True), dict(subtrees=[1]),
        dict(subtrees=[100]),
    ]
    feeds = [feed(filter=f) for f in filters]
    assert len(set(feeds)) == len(filters)
    assert [feed(filter=f) for f in filters] == feeds
    assert feed() == feeds[0], "no filter is one that leaves nothing out"
    assert feed(programs=True) not in feeds
    assert peopled.client().status().feeds == len(filters) + 1


LONG = b"x" * 63
DEEP = b"/" + b"y" * 510

FITS = {
    "users": dict(uids=range(64)),
    "processes": dict(pids=range(64)),
    "names": dict(comms=[LONG] * 16),
    "groups": dict(cgroups=[DEEP] * 8),
    "processors": dict(cpus="0-8191"),
    "lists": dict(cpus="0,2,4-4,7"),
    "none": dict(),
}


@pytest.mark.parametrize("name", FITS)
def test_limits_are_inclusive(peopled, name):
    client = peopled.subscriber(filter=FITS[name])
    peopled.kernel.wait_listening()
    reported(peopled, client)


def test_sixteen_subtrees(peopled):
    k = peopled.kernel
    observer = peopled.subscriber()
    for i in range(17):
        k.fork(200 + i)
    observer.take(17)
    assert set_of(peopled, subtrees=range(200, 216)) == list(range(200, 216))
    with pytest.raises(BrokerError) as caught:
        set_of(peopled, subtrees=range(200, 217))
    assert caught.value.error.field == "subscribe.filter.subtrees"


BAD = {
    "users": ("uids", dict(uids=range(65))),
    "processes": ("pids", dict(pids=range(65))),
    "subtrees": ("subtrees", dict(subtrees=[1] * 17)),
    "names": ("comms", dict(comms=[b"x"] * 17)),
    "a long name": ("comms", dict(comms=[b"x", b"x" * 64])),
    "an empty name": ("comms", dict(comms=[b"x", b""])),
    "a name with a NUL": ("comms", dict(comms=[b"a\0b"])),
    "groups": ("cgroups", dict(cgroups=[b"/x"] * 9)),
    "a deep group": ("cgroups", dict(cgroups=[b"/" + b"x" * 511])),
    "an empty group": ("cgroups", dict(cgroups=[b""])),
    "a relative group": ("cgroups", dict(cgroups=[b"/x", b"system.slice"])),
    "a group with a NUL": ("cgroups", dict(cgroups=[b"/a\0"])),
    "nobody's subtree": ("subtrees", dict(subtrees=[100, 999])),
    "a thread's subtree": ("subtrees", dict(subtrees=[101])),
    "the subtree of 0": ("subtrees", dict(subtrees=[0])),
    "a number beyond all": ("subtrees", dict(subtrees=[0xFFFFFFFF])),
}
BAD.update(
    (f"processors {text!r}", ("cpus", dict(cpus=text)))
    for text in ("x", "1-", "-1", "3-1", "0,", ",0", "0,,1", " 1", "1 ", "0x1", "8192", "0-99999999999999999999", "1--2", "1-2-3", "\u00e9")
)


@pytest.mark.parametrize("name", BAD)
def test_bad_value(peopled, name):
    """It names the field, and nothing has happened: the next request is served."""
    field, filter = BAD[name]
    client = peopled.client()
    with pytest.raises(BrokerError) as caught:
        client.subscribe(filter=filter, snapshot=True)
    error = caught.value.error
    assert (error.code, error.field, error.closing) == (
        broker_pb2.ERROR_CODE_BAD_VALUE, f"subscribe.filter.{field}", False,
    )
    assert error.message.endswith(".")
    assert error.request_id > 0
    client.subscribe(filter=dict(uids=[1000]))
    peopled.kernel.wait_listening()
    peopled.kernel.exec(100)
    assert brief([client.event()]) == [("exec", 100)]
    assert client.status().feeds == 1


@pytest.mark.parametrize("member", ["filter", "resume"])
def test_field_that_is_not_known(peopled, member):
    """Half understood, it would be answered wrongly."""
    client = peopled.client()
    unknown = bytes([15 << 3]) + varint(1)
    subscribe = broker_pb2.Subscribe()
    getattr(subscribe, member).MergeFromString(unknown)
    assert unknown in subscribe.SerializeToString()
    client.send(broker_pb2.ClientMessage(subscribe=subscribe))
    error = client.error()
    assert (error.code, error.closing) == (broker_pb2.ERROR_CODE_UNKNOWN_FIELD, True)
    assert error.field.startswith(f"subscribe.{member}")
    client.expect_close()


def test_features(peopled):
    assert {"snapshot", "resume", "filter", "programs"} <= set(peopled.client().welcome.features)
