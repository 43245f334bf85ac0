# SPDX-License-Identifier: Apache-2.0
"""The odd ways in which processes live and end, on the real kernel: one fork, one end, the right sums and codes."""

import collections
import os
import time

import pytest
import support
from reckoning import check_numbers, name_of
from support import (
    COMM,
    COREDUMP,
    EXEC,
    EXIT,
    FORK,
    GID,
    PROCESS_ENDED,
    PROCESS_STATS,
    PROCESS_TERMINATION,
    PTRACE,
    SID,
    STATS,
    SYNTHESISED,
    TASK_UNKNOWN,
    TERMINATION,
    UID,
    Collecting,
)

TICK_US = 10_000


@pytest.fixture(scope="module")
def broker(directory):
    broker = support.Broker(directory)
    yield broker
    broker.stop()


class Seen:
    """A corner case, and the events of it that a subscriber got."""

    def __init__(self, directory, broker, beside, case):
        end = support.unique_name()
        collect = beside(Collecting, broker, end, kinds=range(FORK, support.LOSS))
        self.fact = support.corner(directory, case)
        support.marker(end)
        self.stream = collect.finish()
        check_numbers(self.stream)
        assert not [r for r in self.stream if r.kind == support.LOSS]
        pids = {p.pid for p in self.fact.processes}
        names = (self.fact.name, self.fact.name + "+")
        self.own = [r for r in self.stream if r.pid in pids and name_of(r) in names]

    def of(self, process, kind=None):
        return [r for r in self.own if r.pid == process.pid and kind in (None, r.kind)]


@pytest.fixture
def see(directory, broker, beside):
    return lambda case: Seen(directory, broker, beside, case)


def check_process(seen, process, execing=None, missing_exits=()):
    """One fork of each task, one exit of each, one end of the process; sums and codes as wait(2) has them."""
    forks, exits = seen.of(process, FORK), seen.of(process, EXIT)
    assert [r.tid for r in forks] == process.tids
    starts = {r.tid: r.start_time_ns for r in forks}
    due = collections.Counter(process.tids)
    if execing:
        # It takes the leader's number, which so ends twice.
        due[execing] -= 1
        due[process.pid] += 1
    assert collections.Counter(r.tid for r in exits) == +due
    for r in exits:
        assert not r.flags & (SYNTHESISED | TASK_UNKNOWN), r
        assert r.flags & STATS and r.stats_pid == r.tid, r
        assert r.flags & TERMINATION and r.status == r.stats_status, r
        assert r.start_time_ns == starts[r.tid], r

    ends = [r for r in exits if r.flags & PROCESS_ENDED]
    assert len(ends) == 1, ends
    (end,) = ends
    if len(process.tids) > 1:
        assert end.flags & PROCESS_STATS
        assert (end.tasks, end.tasks_missing) == (len(process.tids), 0), end
        total = end.process_cpu_ns
        assert total == sum(r.cpu_ns for r in exits)
    else:
        assert not end.flags & PROCESS_STATS
        total = end.cpu_ns
    if process.status >= 0:
        reported = end.process_status if end.flags & PROCESS_TERMINATION else end.status
        assert reported == process.status, end
    if process.cpu_us >= 0:
        assert total // 1000 <= process.cpu_us + 2
        assert process.cpu_us - total // 1000 < TICK_US
    return end


@pytest.mark.parametrize("case", [
    "single", "threads", "leader-first", "leader-first-group", "leader-pthread-exit", "exit-group-by-thread",
    "killed", "vfork", "core-forbidden", "core", "ptrace", "orphan",
])
def test_case(see, case):
    seen = see(case)
    for process in seen.fact.processes:
        check_process(seen, process)


def test_leader_first(see):
    """The process ends with its thread, and not with its leader."""
    seen = see("leader-first-group")
    leader, thread = seen.fact.subject.tids
    exits = seen.of(seen.fact.subject, EXIT)
    assert [(r.tid, r.status, bool(r.flags & PROCESS_ENDED)) for r in exits] == [
        (leader, 3 << 8, False), (thread, 7 << 8, True)
    ]


def test_exec_by_a_thread(see):
    """The process goes on under its number; its old leader has ended, the thread that did it has not."""
    seen = see("exec-by-thread")
    subject = seen.fact.subject
    leader, other, execing = subject.tids
    end = check_process(seen, subject, execing=execing)
    assert end.tid == leader
    assert end.status == 9 << 8
    order = [(r.kind, r.tid) for r in seen.of(subject) if r.kind in (EXEC, EXIT) and r.tid == leader]
    assert order == [(EXIT, leader), (EXEC, leader), (EXIT, leader)]


def test_autoreap(see):
    """Nobody waits, the kernel lets go of the number at once; each has its exit all the same."""
    seen = see("autoreap")
    children = [p for p in seen.fact.processes if p.pid != seen.fact.subject.pid]
    assert len(children) == 100
    for i, child in enumerate(children):
        assert check_process(seen, child).status == i << 8
    check_process(seen, seen.fact.subject)


def test_threads_codes(see):
    """A thread that ends the process ends the others with its code."""
    seen = see("exit-group-by-thread")
    assert {r.status for r in seen.of(seen.fact.subject, EXIT)} == {11 << 8}
    seen = see("killed")
    assert {r.status for r in seen.of(seen.fact.subject, EXIT)} == {9}


def test_coredump(see):
    for case in ("core-forbidden", "core"):
        seen = see(case)
        assert [r.kind for r in seen.of(seen.fact.subject)] == [FORK, COREDUMP, EXIT]


def test_identity(see):
    """Session, group, user and name, in that order, and from then on the new ones."""
    seen = see("identity")
    subject = seen.fact.subject
    events = seen.of(subject)
    assert [r.kind for r in events] == [FORK, SID, GID, UID, COMM, EXIT]
    fork, sid, gid, uid, comm, exit_ = events
    assert (gid.detail, uid.detail) == (65534, 65534)
    assert [r.uid for r in (fork, sid, gid)] == [0, 0, 0]
    assert exit_.uid == 65534
    assert name_of(fork) == seen.fact.name
    assert name_of(comm) == name_of(exit_) == seen.fact.name + "+"
    assert len({r.start_time_ns for r in events}) == 1


def test_ptrace(see):
    seen = see("ptrace")
    (child,) = [p for p in seen.fact.processes if p.pid != seen.fact.subject.pid]
    assert [r.detail for r in seen.of(child, PTRACE)] == [seen.fact.subject.pid, 0]


def test_orphan(see):
    """Its maker is the same for life, although it has another parent when it ends."""
    seen = see("orphan")
    (orphan,) = [p for p in seen.fact.processes if p.status == -1]
    (fork,), (exit_,) = seen.of(orphan, FORK), seen.of(orphan, EXIT)
    assert fork.ppid in {p.pid for p in seen.fact.processes}
    assert exit_.ppid == fork.ppid != seen.fact.note


@pytest.mark.parametrize("case, due", [("reuse", 1000), ("reuse-raced", 200)])
def test_reuse(see, case, due):
    """
    One number, a thousand processes: each its own task, with its own start, end and
    record. The same holds if the kernel reports the fork of the next process first.
    """
    seen = see(case)
    (pid, n), = collections.Counter(p.pid for p in seen.fact.processes).most_common(1)
    assert n == due
    forks = [r for r in seen.own if r.kind == FORK and r.pid == pid]
    exits = {r.start_time_ns: r for r in seen.own if r.kind == EXIT and r.pid == pid}
    assert len(forks) == len({r.start_time_ns for r in forks}) == n
    assert len([r for r in seen.own if r.kind == EXIT and r.pid == pid]) == len(exits) == n
    for i, r in enumerate(forks):
        exit_ = exits[r.start_time_ns]
        assert exit_.flags & STATS and exit_.stats_pid == pid, exit_
        assert exit_.flags & PROCESS_ENDED
        assert exit_.flags & TERMINATION and exit_.status == exit_.stats_status == i % 256 << 8, exit_


def test_number_of_a_zombie(directory, make_broker, beside):
    """
    It had ended before the broker began, and was only not waited for yet. When its
    number is given to others, they are none of its business.
    """
    zombie = os.fork()
    if zombie == 0:
        os._exit(9)
    os.waitid(os.P_PID, zombie, os.WEXITED | os.WNOWAIT)
    # Long enough that its start is not the next one's, in ticks.
    time.sleep(0.2)
    broker = make_broker()
    end = support.unique_name()
    collect = beside(Collecting, broker, end)
    os.waitpid(zombie, 0)
    fact = support.corner(directory, "take", number=zombie)
    support.marker(end)
    reported = [r for r in collect.finish() if r.pid == zombie]

    assert [r.kind for r in reported] == [FORK, EXIT] * 3
    for fork, exit_ in zip(reported[::2], reported[1::2]):
        assert exit_.start_time_ns == fork.start_time_ns
        assert not exit_.flags & (SYNTHESISED | TASK_UNKNOWN)
        assert exit_.flags & STATS and exit_.flags & PROCESS_ENDED
    assert [r.status >> 8 for r in reported[1::2]] == [r.stats_status >> 8 for r in reported[1::2]] == [1, 2, 3]
    broker.settle(lambda s: s.unmatched_stats == 0)
    assert len(fact.processes) == 4
