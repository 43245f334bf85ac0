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
