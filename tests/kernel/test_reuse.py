# SPDX-License-Identifier: Apache-2.0
"""One number for many tasks, one after the other without a pause: no event is about the wrong one."""

from crowd import Roots, Turns
from recording import Control, Recording
from tb_client import ALL_KINDS, what
from tb_storm import kernels

ROOM = ("--feed-mib", "512")

N_TURNS = 2000


def lives_of(events, number):
    """The events of that number, in a list for each task that had it."""
    lives = []
    for event in events:
        if event.tid != number or what(event) == "loss":
            continue
        if what(event) == "fork":
            lives.append([])
        assert lives, f"of a task that was never forked: {event}"
        lives[-1].append(event)
    return lives


def check_life(turns, record, life, start):
    """All events of one task are its own: start, parent, name, program, end, statistics."""
    code = turns.code(record.sequence)
    # On a busy machine the name may be read later than the exec.
    kinds = [what(event) for event in kernels(life)]
    due = {turns.RENAMED: ["fork", "comm_change", "exit"], turns.EXEC: ["fork", "exec", "exit"]}
    assert kinds == due.get(turns.sort(record.sequence), ["fork", "exit"]), (record, kinds)
    assert {event.start_time_ns for event in life} == {start}
    fork, end = life[0], life[-1]
    thread = turns.sort(record.sequence) == turns.THREAD
    for event in life:
        assert event.pid == record.pid and not event.task_unknown
        assert event.ppid == record.maker
    assert fork.comm == turns.name.encode()
    assert end.comm == turns.comm(record.sequence)
    # The kernel does not say which of the two tasks is the last to go.
    assert end.exit.process_ended or thread
    assert end.exit.stats_missing == 0
    stats = end.exit.stats.identity
    assert (stats.ac_pid, stats.ac_ppid, stats.ac_comm) == (turns.number, record.maker, turns.comm(record.sequence))
    assert end.exit.termination.exit_code == code and not end.exit.termination.term_signal
    if turns.sort(record.sequence) == turns.EXEC:
        program = life[1].exec.program
        assert program.cmdline in (b"", turns.cmdline(record.sequence))
        assert end.exit.program == program


def test_turns(directory, make_broker, beside, recorder):
    """Two makers, thousands of tasks: each event has its own task's start, maker, name, program and end."""
    broker = make_broker(*ROOM)
    control = Control(broker)
    turns = beside(Turns, N_TURNS)
    reader = Recording(recorder, broker, kinds=ALL_KINDS, threads=True, programs=True).begin()
    truth = turns.run()
    control.barrier()
    reader.until_number(control.end_of(reader))
    events = reader.events_left()
    assert not [event for event in events if what(event) == "loss"]

    # The machine may have given the number to somebody else in between.
    lives = [life for life in lives_of(events, turns.number) if life[0].ppid in turns.makers]
    codes = [life[-1].exit.termination.exit_code for life in lives]
    due = [turns.code(record.sequence) for record in truth]
    assert codes == due, next((truth[i], lives[i - 1:i + 1]) for i in range(N_TURNS) if codes[i:i + 1] != due[i:i + 1])
    starts = [life[0].start_time_ns for life in lives]
    assert starts == sorted(set(starts))
    for record, life, start in zip(truth, lives, starts):
        check_life(turns, record, life, start)
    # The children of those that made one.
    for record, start in zip(truth, starts):
        if turns.sort(record.sequence) == turns.PARENT:
            assert [e for e in events if what(e) == "fork" and e.ppid == turns.number and e.time_ns > start]
    control.close()
    status = broker.status()
    assert status.connector.lost == status.taskstats.lost == 0


def test_roots(make_broker, beside, recorder):
    """Two subscriptions to the tree of one number: each has its own root's descendants, and no others."""
    broker = make_broker(*ROOM)
    control = Control(broker)
    roots = beside(Roots)
    readers = []
    for _ in range(4):
        number, heir = roots.begin()
        control.barrier()
        readers.append(Recording(recorder, broker, filter={"subtrees": [number]}, snapshot=True).begin())
        assert {task.pid for task in readers[-1].snapshot_tasks} == {number, heir}
        roots.end()
    grandchildren = [[roots.fork(i) for _ in range(5)] for i in range(4)]
    control.barrier()
    assert len({reader.feed for reader in readers}) == 4
    for i, reader in enumerate(readers):
        # The last of its tree, which ends it.
        received = reader.until(lambda e: e.tid == grandchildren[i][-1] and what(e) == "exit")
        assert [e.tid for e in received if what(e) == "fork"] == grandchildren[i]
        assert {e.tid for e in received} <= {number, *grandchildren[i]}
    control.close()
