# SPDX-License-Identifier: Apache-2.0
"""
The maker of a process stays, and its parent changes: in events, snapshots and statistics,
by number and by identity, also after the number of a parent was used again.
"""

import pytest

from tb_client import what
from tb_wait import wait_until


def snapshot(daemon):
    return {task.pid: task for task in daemon.subscriber(("exit",), snapshot=True).snapshot()}


def next_event(observer):
    """The next event; not the losses, as no exit here has a record."""
    while True:
        event = observer.event()
        if what(event) != "loss":
            return event


@pytest.fixture
def orphan(daemon):
    """A process whose maker has ended, and an observer with all its events so far. Init has it now."""
    k = daemon.kernel
    observer = daemon.subscriber(("fork", "exec", "exit"))
    k.fork(500, parent_tid=1, parent_pid=1)
    k.fork(501, parent_tid=500, parent_pid=500)
    k.exec(501)
    events = [next_event(observer) for _ in range(3)]
    k.proc.add(501, ppid=1, start_ns=events[1].start_boot_ns)
    k.exit(500)
    events.append(next_event(observer))
    return observer, events


def test_one_life(daemon, orphan):
    observer, events = orphan
    maker = events[0].start_boot_ns
    wait_until(lambda: snapshot(daemon)[501].parent.pid == 1, "init as parent")
    daemon.kernel.exit(501, parent_tid=1, parent_pid=1)
    events.append(next_event(observer))
    life = [event for event in events if event.pid == 501]
    assert [what(event) for event in life] == ["fork", "exec", "exit"]
    for event in life:
        assert event.ppid == event.maker.pid == 500 and event.maker.start_boot_ns == maker
    assert [event.parent.pid for event in life] == [500, 500, 1]


def test_snapshot(daemon, orphan):
    """The present parent, and until it was read none."""
    def parent():
        task = snapshot(daemon)[501]
        assert task.maker.pid == 500 and task.ppid == task.parent.pid
        assert not task.HasField("parent") or task.parent.pid == 1
        return task.HasField("parent")
    wait_until(parent, "a parent")
    assert snapshot(daemon)[501].parent.start_boot_ns == snapshot(daemon)[1].start_boot_ns


def test_stranger(daemon, orphan):
    """The later owner of the maker's number is no relative."""
    observer, events = orphan
    daemon.kernel.fork(500, parent_tid=1, parent_pid=1)
    stranger = next_event(observer)
    task = snapshot(daemon)[501]
    assert task.maker.pid == 500 and task.maker.start_boot_ns == events[0].start_boot_ns
    assert task.maker.start_boot_ns != stranger.start_boot_ns
    assert task.parent.pid != 500


def test_session(make_daemon):
    """The leader of a session by its identity, and no later owner of its number."""
    daemon = make_daemon(start=False)
    daemon.proc.add(300, session=300, start_ns=1_000_000_000)
    daemon.proc.add(301, session=300, start_ns=1_000_000_000)
    daemon.proc.add(302, session=4711)
    daemon.proc.add(303, session=0, kernel_thread=True)
    daemon.start()
    k = daemon.kernel
    observer = daemon.subscriber(("fork", "exit", "sid"))
    k.fork(400, parent_tid=300)
    k.sid(400)
    k.fork(401, parent_tid=400)
    events = [next_event(observer) for _ in range(3)]
    starts = {pid: task.start_boot_ns for pid, task in snapshot(daemon).items()}

    def leaders():
        tasks = snapshot(daemon)
        assert all(task.HasField("session_leader") for task in tasks.values())
        assert all(task.session == task.session_leader.pid for task in tasks.values())
        return {pid: (task.session_leader.pid, task.session_leader.start_boot_ns) for pid, task in tasks.items()}

    assert events[1].start_boot_ns == starts[400]
    have = leaders()
    assert have[300] == have[301] == (300, starts[300])
    assert (have[302], have[303]) == ((4711, 0), (0, 0))
    assert have[400] == have[401] == (400, starts[400])
    k.exit(400)
    k.exit(300)
    [next_event(observer) for _ in range(2)]
    # The number of a session is not used again while the session lives. Here it is, as if 401 had ended unseen.
    for pid in (400, 300):
        k.fork(pid, parent_tid=1)
        k.sid(pid)
    [next_event(observer) for _ in range(4)]
    # A snapshot may be shared with one that was asked for shortly before.
    wait_until(lambda: leaders()[400][1] > starts[400], "the later 400")
    have = leaders()
    assert have[401] == (400, 0) and have[301] == (300, 0)


def test_tracer(daemon):
    """A debugger is named by the starts of its process and its thread; a later owner of its number by its own."""
    k = daemon.kernel
    observer = daemon.subscriber(("fork", "exit", "ptrace"), threads=True)

    def traced(**tracer):
        k.ptrace(100, **tracer)
        event = next_event(observer)
        assert event.ptrace.HasField("tracer") and event.ptrace.tracer.pid == event.ptrace.tracer_pid
        return event.ptrace.tracer.start_boot_ns, event.ptrace.tracer_start_boot_ns

    k.fork(100, parent_tid=1)
    k.fork(200, parent_tid=1)
    k.fork(201, pid=200)
    leader, thread = [next_event(observer).start_boot_ns for _ in range(3)][1:]
    assert traced(tracer_tid=201, tracer_pid=200) == (leader, thread)
    assert traced(tracer_tid=200, tracer_pid=200) == (leader, leader)
    assert traced() == (0, 0)
    assert traced(tracer_tid=202, tracer_pid=200) == (leader, 0)
    assert traced(tracer_tid=201, tracer_pid=100)[1] == 0
    k.exit(201, pid=200)
    k.exit(200)
    [next_event(observer) for _ in range(2)]
    assert traced(tracer_tid=200, tracer_pid=200) == (0, 0)
    k.fork(200, parent_tid=1)
    later = next_event(observer).start_boot_ns
    assert later > leader and traced(tracer_tid=200, tracer_pid=200) == (later, later)


def test_maker_that_is_found_later(daemon):
    """The fork of the maker was lost. Its start becomes known when the broker finds it in /proc."""
    k = daemon.kernel
    observer = daemon.subscriber(("fork",))
    start = daemon.proc.add(500)
    k.fork(501, parent_tid=500)
    fork = next_event(observer)
    assert (fork.pid, fork.maker.pid, fork.maker.start_boot_ns) == (501, 500, 0)
    k.mark()
    found = next_event(observer)
    assert (found.pid, found.synthesised, found.start_boot_ns) == (500, True, start)
    wait_until(lambda: snapshot(daemon)[501].parent.start_boot_ns == start, "the parent")
    assert snapshot(daemon)[501].maker.start_boot_ns == start
    k.exec(501)
    assert snapshot(daemon)[501].maker.pid == 500
