# SPDX-License-Identifier: Apache-2.0
"""
After a loss that cannot be avoided the broker compares its table with /proc. Soon after, the table equals
/proc, and so does the table of a reader who applied the events. The fork and the end of each process are
reported once, whatever part of it was missed.
"""

import itertools
import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest
import support
from crowd import Crowd, Outlived
from live import LiveTable, check_live, scan
from recording import Control, Recording
from tb_client import ALL_KINDS, what
from tb_table import row_of_task
from tb_wait import wait_until

# A sixth of what the storm says while nobody reads.
ROOM = ("--feed-mib", "512", "--rcvbuf-bytes", str(192 * 1024))

KINDS = ("plain", "orphan", "daemon", "uid", "comm", "exec", "thread")


# Changes everything that the kernel reports changes of.
CHANGE = """
import ctypes, os, sys
print("ready", flush=True)
sys.stdin.readline()
ctypes.CDLL(None).prctl(15, b"k-changed")
os.setresgid(61233, 61232, 0)
os.setresuid(61234, 61231, 0)
print("changed", flush=True)
sys.stdin.readline()
"""


def members(tasks, pids):
    return {tid: seen for tid, seen in tasks.items() if seen.pid in pids}


def wrong(rows, tasks):
    """The differences between a table and /proc, for the tasks of a crowd."""
    out = [f"not in the table: {tasks[tid]}" for tid in tasks.keys() - rows.keys()]
    out += [f"gone: {rows[tid]}" for tid in rows.keys() - tasks.keys()]
    for tid in tasks.keys() & rows.keys():
        row, seen = rows[tid], tasks[tid]
        for field in ("pid", "comm", "uid", "euid", "gid", "egid", "session"):
            if getattr(row, field) is not None and getattr(row, field) != getattr(seen, field):
                out.append(f"{field} is {getattr(row, field)!r}, due is {getattr(seen, field)!r}: {row}")
    return out


class LossyTable(LiveTable):
    """Accepts the end of a task whose fork was lost. It counts each fork and each end of processes."""

    def __init__(self, tasks, threads):
        super().__init__(tasks, threads, filtered=True)
        self.ends = []

    def apply(self, event):
        super().apply(event)
        if what(event) == "exit" and event.exit.process_ended:
            self.ends.append(event.pid)


@pytest.fixture
def changing():
    with subprocess.Popen([sys.executable, "-c", CHANGE], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"ready\n"
        yield process
        process.stdin.close()


@pytest.mark.parametrize("first", ["storm", "crowd", "threads"])
def test_table_is_right_again(directory, make_broker, beside, recorder, changing, first):
    """The broker loses all events of the crowd; or it gets so many that it has a part of some processes' events."""
    broker = make_broker(*ROOM)
    control = Control(broker)
    readers = [
        Recording(recorder, broker, kinds=ALL_KINDS, threads=True, snapshot=True).begin(),
        Recording(recorder, broker, snapshot=True).begin(),
    ]
    leaving = beside(Crowd, count=200, stay=5, kinds=KINDS)
    staying = beside(Crowd, count=200, stay=5, kinds=KINDS if first != "threads" else ("thread",))
    leaving.begin()
    leaving.settle()
    control.barrier()
    before = broker.status()
    # Forks, changes and ends that nobody hears of: there is no room for them any more.
    with broker.stopped():
        if first == "storm":
            support.storm(directory, "fork", 3000)
        staying.begin()
        staying.settle()
        if first != "storm":
            support.storm(directory, "fork", 3000)
        leaving.finish()
        changing.stdin.write(b"\n")
        changing.stdin.flush()
        assert changing.stdout.readline() == b"changed\n"
    # While it is still to be found out.
    readers += [
        Recording(recorder, broker, snapshot=True).begin(),
        Recording(recorder, broker, kinds=ALL_KINDS, snapshot=True).begin(),
    ]
    stopped = time.monotonic()

    there = staying.pids() | {changing.pid}
    gone = leaving.pids() - there
    tasks = members(scan()[0], there)
    assert len(tasks) > 50
    deadline = stopped + support.TIMEOUT
    while True:
        with broker.client() as client:
            client.subscribe(kinds=ALL_KINDS, threads=True, snapshot=True)
            rows = {task.tid: row_of_task(task) for task in client.snapshot()}
        own = {tid: row for tid, row in rows.items() if row.pid in there | gone}
        found = wrong(own, tasks)
        if not found:
            break
        assert time.monotonic() < deadline, "\n".join(found)
        time.sleep(0.02)
    print(f"right after {time.monotonic() - stopped:.2f} s")
    after = broker.status()
    assert after.connector.lost > before.connector.lost
    assert after.synthesised_forks > before.synthesised_forks + 20

    control.barrier()
    for i, reader in enumerate(readers):
        reader.until_number(control.end_of(reader))
        threads = reader.arguments.get("threads", False)
        table = LossyTable(reader.snapshot_tasks, threads)
        events = reader.events_left()
        assert i >= 2 or [e for e in events if what(e) == "loss"]
        if threads:
            changes = [what(e) for e in events if e.pid == changing.pid]
            assert changes == ["uid_change", "gid_change", "comm_change"]
        table.apply_all(events)
        own = {key: row for key, row in table.rows.items() if row.pid in there | gone}
        if threads:
            assert not wrong(own, tasks)
        else:
            assert own.keys() == {seen.pid for seen in tasks.values()}
        check_live(control, reader, table)
    control.close()


OUTLIVED = [
    (left, act, acted)
    for left, (act, acted) in itertools.product(
        ("never", "missed", "heard"),
        (("nothing", "missed"), ("second", "missed"), ("second", "heard"), ("exec", "missed"), ("exec", "heard")),
    )
    # By exec the leader ends, whether it has left or not.
    if (left, act, acted) != ("heard", "exec", "missed")
]


def test_processes_heard_of_in_part(directory, make_broker, beside, recorder):
    """
    The fork of a thread is missed for each process, and perhaps the exit of its leader and
    later events of the thread. It is one process all the same, also in a stream of processes.
    """
    broker = make_broker(*ROOM)
    control = Control(broker)
    processes = {case: beside(Outlived) for case in OUTLIVED}
    control.barrier()
    readers = [
        Recording(recorder, broker, kinds=ALL_KINDS, threads=True, snapshot=True).begin(),
        Recording(recorder, broker, kinds=ALL_KINDS, snapshot=True).begin(),
    ]

    def go_on(when):
        for (left, act, acted), process in processes.items():
            if left == when:
                process.obey("leave")
            if acted == when and act != "nothing":
                process.obey(act)

    with broker.stopped():
        support.storm(directory, "fork", 3000)
        for process in processes.values():
            process.obey("thread")
        go_on("missed")
    go_on("heard")

    pids = {process.pid for process in processes.values()}
    tasks = members(scan()[0], pids)
    tables = [LossyTable(reader.snapshot_tasks, reader.arguments.get("threads", False)) for reader in readers]
    deadline = time.monotonic() + support.TIMEOUT
    while True:
        control.barrier()
        for reader, table in zip(readers, tables):
            reader.until_number(control.end_of(reader))
            table.apply_all(reader.events_left())
            assert not pids & set(table.ends), "they all live"
        found = wrong({tid: row for tid, row in tables[0].rows.items() if row.pid in pids}, tasks)
        if not found:
            break
        assert time.monotonic() < deadline, "\n".join(found)
        time.sleep(0.02)
    assert not pids & tables[1].forked and pids <= tables[1].rows.keys()

    for process in processes.values():
        process.finish()
    control.barrier()
    for reader, table in zip(readers, tables):
        reader.until_number(control.end_of(reader))
        table.apply_all(reader.events_left())
        assert sorted(pid for pid in table.ends if pid in pids) == sorted(pids)
        assert not [row for row in table.rows.values() if row.pid in pids]
        check_live(control, reader, table)
    control.close()


# Becomes another after a moment, and makes a child in another program.
BECOME = """
import os, sys, time
time.sleep(float(sys.argv[1]))
os.setgroups([])
os.setresgid(61233, 61233, 61233)
os.setresuid(61234, 61234, 61234)
os.execv("/bin/sh", ["sh", "-c", "sleep 1000 & wait"])
"""


def children(pid):
    return [int(word) for word in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def sleepers(pid):
    return [child for child in children(pid) if pathlib.Path(f"/proc/{child}/comm").read_text() == "sleep\n"]


@pytest.mark.parametrize("late", [0, 0.05, 0.1])
def test_forks_while_it_starts(make_broker, late):
    """Processes are forked while /proc is read, some of them of young parents: in the end the table has all."""
    processes = [
        subprocess.Popen([sys.executable, "-S", "-c", BECOME, str(i * 0.004)], start_new_session=True) for i in range(60)
    ]
    try:
        time.sleep(late)
        broker = make_broker()
        wait_until(lambda: all(sleepers(process.pid) for process in processes), "each has a child that sleeps")
        pids = [pid for process in processes for pid in (process.pid, *children(process.pid))]
        with broker.client() as client:
            client.subscribe(snapshot=True)
            rows = {task.pid: row_of_task(task) for task in client.snapshot()}
        tasks, _ = scan(pids)
        assert len(tasks) == 120
        # The name after an exec is read from /proc only while there is time.
        assert all(rows[pid].comm for pid in pids if pid in rows)
        for row in rows.values():
            row.comm = None
        assert not wrong({pid: rows[pid] for pid in pids if pid in rows}, tasks)
        assert {rows[pid].uid for pid in pids} == {61234}
    finally:
        for process in processes:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
