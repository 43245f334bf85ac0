# SPDX-License-Identifier: Apache-2.0
"""
Compares a subscriber's events with the tasks that were really made, exactly: no task
missing, none twice, none too many; each with its own end and its own statistics.
"""

import collections

from support import (
    EXEC,
    EXIT,
    FORK,
    LOSS,
    PROCESS_ENDED,
    PROCESS_STATS,
    PROCESS_TERMINATION,
    SOURCE_READER,
    STATS,
    STATS_LOST,
    STATS_NOT_WITNESSED,
    SYNTHESISED,
    TASK_UNKNOWN,
    TERMINATION,
    TRUTH_PROCESS,
)


class Made:
    """A process of the truth, and the counts of its events so far."""

    def __init__(self, truth):
        self.truth = truth
        self.threads = []
        self.n_forked = 0
        self.n_ended = 0
        self.n_execs = 0
        self.cpu_ns = 0


def name_of(record):
    return record.comm.split(b"\0")[0].decode(errors="replace")


def check_numbers(stream, first=None):
    """Each number follows the one before; only a loss of this reader's own making may jump, as far as it says."""
    due = stream[0].number if first is None else first
    for record in stream:
        assert record.number == due, f"number {record.number}, due was {due}: {record}"
        due += record.loss_count if record.kind == LOSS and record.loss_source == SOURCE_READER else 1
    return due


def made_by_maker(truth):
    """{maker: its processes in the order of making}; threads are hung on their process."""
    makers = collections.defaultdict(list)
    for t in truth:
        if t.type == TRUTH_PROCESS:
            # a process' threads follow it in the file
            made = Made(t)
            makers[t.maker].append(made)
        else:
            made.threads.append(t)
    return makers


def check_exit(record, made, truth):
    tid = truth.tid
    assert not record.flags & TASK_UNKNOWN, record
    assert record.flags & STATS and record.stats_missing == 0, record
    assert record.stats_pid == tid, record
    assert record.flags & TERMINATION and record.status == truth.status, (record, truth)
    assert record.stats_status == truth.status, (record, truth)
    made.cpu_ns += record.cpu_ns
    if not record.flags & PROCESS_ENDED:
        return
    made.n_ended += 1
    if record.flags & PROCESS_TERMINATION:
        assert record.process_status == made.truth.status, (record, made.truth)
    else:
        assert record.status == made.truth.status, (record, made.truth)
    if made.threads:
        assert record.flags & PROCESS_STATS, record
        assert (record.tasks, record.tasks_missing) == (len(made.threads) + 1, 0), record
        total = record.process_cpu_ns
    else:
        assert not record.flags & PROCESS_STATS, record
        total = record.cpu_ns
    # rusage has what the task still used after its record was made, in whole microseconds, user and system apart.
    assert total // 1000 <= made.truth.cpu_us + 2, (record, made.truth)
    made.total_ns = total


def check_complete(stream, truth, name, n_workers, execs=False):
    """
    The stream has exactly these tasks. All are recognised by their name, which no other
    task has. A fork has the name of the maker.

    The broker may have synthesised an exit that the kernel did not report, in one case: the
    number was given to a new task before the kernel reported the exit, and the fork of the
    new task follows.
    """
    makers = made_by_maker(truth)
    queues = {maker: collections.deque(processes) for maker, processes in makers.items()}
    current, alive, foreign_exits, overtaken = {}, {}, 0, {}

    assert not [r for r in stream if r.kind == LOSS]
    check_numbers(stream)

    for record in stream:
        if record.kind == FORK:
            overtaken.pop(record.tid, None)
        elif record.kind == EXIT:
            assert record.tid not in overtaken, (record, overtaken)
            if record.flags & SYNTHESISED:
                overtaken[record.tid] = record
        if record.kind not in (FORK, EXEC, EXIT) or name_of(record) != name:
            continue
        key = record.tid, record.start_time_ns
        if record.kind == FORK:
            assert not record.flags & (SYNTHESISED | TASK_UNKNOWN), record
            if record.tid == record.pid:
                # One maker's forks are reported in the order in which it made them.
                made = queues[record.parent_pid].popleft()
                task = made.truth
                current[record.pid] = made
                assert record.ppid == record.parent_pid == task.maker, record
            else:
                made = current[record.pid]
                task = made.threads[made.n_forked]
                made.n_forked += 1
                assert record.parent_pid == made.truth.maker, record
            assert record.tid == task.tid, (record, task)
            assert key not in alive, record
            alive[key] = made, task
        elif key not in alive:
            assert record.kind == EXIT, record
            foreign_exits += 1
        elif record.kind == EXEC:
            alive[key][0].n_execs += 1
        else:
            check_exit(record, *alive.pop(key))

    assert not alive, f"never ended: {list(alive)[:5]}"
    assert not overtaken, f"not reported by the kernel, and not because the number was used again: {overtaken}"
    assert not any(queues.values()), "never forked"
    # The workers themselves bear the name, and are not in the truth.
    assert foreign_exits == n_workers
    for processes in makers.values():
        for made in processes:
            assert made.n_forked == len(made.threads), made.truth
            assert made.n_ended == 1, made.truth
            assert made.n_execs == int(execs), made.truth
            assert made.total_ns == made.cpu_ns, made.truth


def check_every_fork_has_its_exit(stream, name):
    """
    A fork in the stream has exactly one exit, before the next fork with its number, also if
    events were lost. Returns the number of forks.
    """
    alive, n = {}, 0
    for record in stream:
        if record.kind == FORK and name_of(record) == name:
            assert record.tid not in alive, f"{record.tid} is forked twice: {alive[record.tid]} and {record}"
            alive[record.tid] = record
            n += 1
        elif record.kind == EXIT and record.tid in alive:
            fork = alive.pop(record.tid)
            assert record.start_time_ns == fork.start_time_ns, (fork, record)
    assert not alive, f"{len(alive)} of {n} have no exit: {list(alive)[:10]}"
    return n


def check_every_exit_says_why(stream):
    """An exit has its statistics, or says why not; returns how many lack them, by reason."""
    missing = collections.Counter()
    for record in stream:
        if record.kind != EXIT:
            continue
        if record.flags & STATS:
            assert record.stats_missing == 0, record
            assert record.stats_pid == record.tid, record
        else:
            assert record.stats_missing in (STATS_LOST, STATS_NOT_WITNESSED), record
            # A task that is known from /proc alone has no statistics; a task of the connector has lost them.
            assert (record.stats_missing == STATS_NOT_WITNESSED) == bool(record.flags & SYNTHESISED), record
            missing[record.stats_missing] += 1
    return missing
