# SPDX-License-Identifier: Apache-2.0
"""
After a loss that cannot be avoided the table is compared with /proc: soon after, it is
what /proc shows, and so is that of a reader who applied what was told.
"""

import subprocess
import sys
import time

import pytest
import support
from crowd import Crowd
from live import LiveTable, check_live, scan
from recording import Control, Recording
from tb_client import ALL_KINDS, what
from tb_table import row_of_task

# A sixth of what the storm says while nobody reads.
ROOM = ("--feed-mib", "512", "--rcvbuf-bytes", str(192 * 1024))

KINDS = ("plain", "orphan", "daemon", "uid", "comm", "exec", "thread")


# Becomes another, in everything that the kernel tells of.
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
    """Of the crowd, what a table has and /proc shows otherwise."""
    out = [f"not in the table: {tasks[tid]}" for tid in tasks.keys() - rows.keys()]
    out += [f"gone: {rows[tid]}" for tid in rows.keys() - tasks.keys()]
    for tid in tasks.keys() & rows.keys():
        row, seen = rows[tid], tasks[tid]
        for field in ("pid", "comm", "uid", "euid", "gid", "egid", "session"):
            if getattr(row, field) is not None and getattr(row, field) != getattr(seen, field):
                out.append(f"{field} is {getattr(row, field)!r}, due is {getattr(seen, field)!r}: {row}")
    return out


@pytest.fixture
def changing():
    with subprocess.Popen([sys.executable, "-c", CHANGE], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"ready\n"
        yield process
        process.stdin.close()


def test_table_is_right_again(directory, make_broker, beside, recorder, changing):
    broker = make_broker(*ROOM)
    control = Control(broker)
    readers = [
        Recording(recorder, broker, kinds=ALL_KINDS, threads=True, snapshot=True).begin(),
        Recording(recorder, broker, snapshot=True).begin(),
    ]
    leaving = beside(Crowd, count=200, stay=5, kinds=KINDS)
    staying = beside(Crowd, count=200, stay=5, kinds=KINDS)
    leaving.begin()
    leaving.settle()
    control.barrier()
    before = broker.status()
    # Births, changes and ends that nobody hears of: there is no room for them any more.
    with broker.stopped():
        support.storm(directory, "fork", 3000)
        staying.begin()
        staying.settle()
        leaving.finish()
        changing.stdin.write(b"\n")
        changing.stdin.flush()
        assert changing.stdout.readline() == b"changed\n"
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
    assert after.synthesised_forks > before.synthesised_forks + 50

    control.barrier()
    for reader in readers:
        reader.until_number(control.end_of(reader))
        threads = reader.arguments.get("threads", False)
        # Of one whose birth was lost an end may be told.
        table = LiveTable(reader.snapshot_tasks, threads=threads, filtered=True)
        events = reader.events_left()
        assert [e for e in events if what(e) == "loss"]
        if threads:
            changes = [what(e) for e in events if e.pid == changing.pid]
            assert changes == ["user_ids", "group_ids", "comm_change"]
        table.apply_all(events)
        own = {key: row for key, row in table.rows.items() if row.pid in there | gone}
        if threads:
            assert not wrong(own, tasks)
        else:
            assert own.keys() == {seen.pid for seen in tasks.values()}
        check_live(control, reader, table)
    control.close()
