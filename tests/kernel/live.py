# SPDX-License-Identifier: Apache-2.0
"""
The machine's own account of what is alive, and what a reader of the stream has
made of it, held against each other.
"""

import collections
import copy
import os
import time

from tb_client import ALL_KINDS, what
from tb_table import Table

TICK_NS = 1_000_000_000 // os.sysconf("SC_CLK_TCK")

# Bound of the error of a start that /proc gives in ticks, by clocks that were read at another moment.
TOLERANCE_NS = TICK_NS + 1_000_000

# Pauses between the comparisons, in seconds: an exiting task of a busy machine leaves /proc long before its EXIT comes.
PAUSES = [0, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2]

Seen = collections.namedtuple("Seen", "pid tid ppid comm state session start_time_ns uid euid gid egid")


def read(path):
    try:
        with open(path, "rb") as f:
            return f.read()
    except (FileNotFoundError, ProcessLookupError):
        return b""


def see(pid, tid):
    """A task, dead or alive; None if it is not there."""
    place = f"/proc/{pid}/task/{tid}"
    stat, status = read(f"{place}/stat"), read(f"{place}/status")
    if not stat or not status:
        return None
    fields = stat[stat.rindex(b")") + 2:].split()
    ids = {}
    for line in status.splitlines():
        if line.startswith((b"Uid:", b"Gid:")):
            ids[line[:3]] = [int(word) for word in line.split()[1:3]]
    offset = time.clock_gettime_ns(time.CLOCK_REALTIME) - time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    return Seen(
        pid=pid,
        tid=tid,
        ppid=int(fields[1]),
        comm=stat[stat.index(b"(") + 1:stat.rindex(b")")],
        state=fields[0].decode(),
        session=int(fields[3]),
        start_time_ns=offset + int(fields[19]) * TICK_NS,
        uid=ids[b"Uid"][0],
        euid=ids[b"Uid"][1],
        gid=ids[b"Gid"][0],
        egid=ids[b"Gid"][1],
    )


def lives(seen):
    """A zombie has ended; it is only not waited for yet."""
    return seen is not None and seen.state not in "ZX"


def scan(pids=None):
    """{tid: Seen} of all live tasks; and {pid: Seen} of their leaders, dead or alive."""
    tasks, leaders = {}, {}
    for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if pids is None else pids:
        try:
            tids = [int(name) for name in os.listdir(f"/proc/{pid}/task")]
        except (FileNotFoundError, ProcessLookupError):
            continue
        for tid in tids:
            seen = see(pid, tid)
            if lives(seen):
                tasks[tid] = seen
            if tid == pid and seen is not None:
                leaders[pid] = seen
    return tasks, leaders


class LiveTable(Table):
    """Also knows which tasks had a fork event, and which names it did not get."""

    def __init__(self, tasks=(), threads=False, filtered=False):
        super().__init__(tasks, threads, filtered)
        self.forked = set()       # keys
        self.stale = set()      # processes whose name was not known at their last exec

    def apply(self, event):
        super().apply(event)
        if what(event) == "fork":
            self.forked.add(self._key(event))
            self.stale.discard(event.pid)
            if event.fork.parent_pid in self.stale:
                self.stale.add(event.pid)
        elif what(event) == "exec":
            (self.stale.add if event.exec.comm_stale else self.stale.discard)(event.pid)

    def copy_rows(self):
        """As they are now; each a copy."""
        return {key: copy.copy(row) for key, row in self.rows.items()}


def _expected(threads, tasks, leaders):
    """The tasks that /proc shows, by the table's key."""
    if threads:
        return tasks
    return {seen.pid: leaders[seen.pid] for seen in tasks.values() if seen.pid in leaders}


def disagreements(before, after, forked, tasks, leaders, threads):
    """
    /proc was read between two moments of a table: what was there at both must have
    been seen, and what was seen must have been there at one of them, or have come and gone.
    Returns {(key, start in the table): text}.
    """
    seen = _expected(threads, tasks, leaders)
    stayed = {key for key, row in before.items() if key in after and after[key].start_time_ns == row.start_time_ns}
    out = {(key, before[key].start_time_ns): f"not in /proc: {before[key]}" for key in sorted(stayed - seen.keys())}
    for key in sorted(seen.keys() - before.keys() - after.keys() - forked):
        out[key, None] = f"in /proc alone: {seen[key]}"
    for key in sorted(stayed & seen.keys()):
        row, found = before[key], seen[key]
        if row.pid != found.pid or abs(row.start_time_ns - found.start_time_ns) > TOLERANCE_NS:
            out[key, row.start_time_ns] = f"another one in /proc: {row}, {found}"
    return out


def check_live(control, recording, table):
    """
    The table, brought up to now, is what /proc shows. Events that come while /proc is read
    are not in one order for all processors. So a difference that goes away by itself is no
    fault of the broker, and a busy machine always has others.
    """
    remain = None
    for pause in PAUSES:
        time.sleep(pause)
        control.barrier()
        recording.until_number(control.end_of(recording))
        table.apply_all(recording.events_left())
        before = table.copy_rows()
        table.forked.clear()
        tasks, leaders = scan()
        control.barrier()
        recording.until_number(control.end_of(recording))
        table.apply_all(recording.events_left())
        found = disagreements(before, table.rows, table.forked, tasks, leaders, table.threads)
        remain = {key: text for key, text in found.items() if remain is None or key in remain}
        if not remain:
            return
    raise AssertionError("\n".join(remain.values()))


def check_members(crowd, table, changes):
    """The crowd's tasks that stay are in the table; if it has their `changes`, with all that /proc knows of them."""
    tasks, leaders = scan(crowd.pids())
    own = {key: row for key, row in table.rows.items() if row.pid in crowd.pids()}
    assert own.keys() == ({*tasks} if table.threads else {seen.pid for seen in tasks.values()})
    for row in own.values() if changes else ():
        seen = tasks.get(row.tid) or leaders[row.pid]
        for field in ("uid", "euid", "gid", "egid", "session"):
            value = getattr(row, field)
            assert value is None or value == getattr(seen, field), (field, row, seen)
        # The name after an exec is read from /proc, if there is the time for it.
        assert row.comm == seen.comm or row.pid in table.stale, (row, seen)


def has_changes(recording):
    return recording.arguments.get("kinds") == ALL_KINDS
