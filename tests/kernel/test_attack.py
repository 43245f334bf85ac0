# SPDX-License-Identifier: Apache-2.0
"""A user who takes all that the broker gives, beside a storm of which root misses nothing."""

import select
import threading

import pytest
import support
from support import Beside
from tb_client import what
from tb_protocol import event_pb2
from tb_users import acting_as, end_attack, start_attack
from tb_wait import wait_until
from test_storm import ROOM, check_all, storm_and_collect

# A thread fills a mapping, for some ten seconds, under the lock of the memory. Another thread asks for the lock all the
# time. So the lock goes to no reader of the command line.
LOCKER = """
import ctypes, threading, time
PR_SET_THP_DISABLE, PROT_READ, MAP_PRIVATE, MAP_ANONYMOUS, MAP_NORESERVE, MAP_POPULATE = 41, 1, 0x2, 0x20, 0x4000, 0x8000
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
libc.prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0)

def ask():
    while True:
        libc.munmap(libc.mmap(None, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), 4096)

threading.Thread(target=ask, daemon=True).start()
print("ready", flush=True)
libc.mmap(None, 64 << 30, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_POPULATE, -1, 0)
print("unlocked", flush=True)
time.sleep(3600)
"""


class Locking(Beside):
    def __init__(self, directory, uid):
        super().__init__(["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", "/usr/bin/python3", "-c", LOCKER])

    def has_locked(self):
        """Whether the mapping is being filled: it needs page tables."""
        with open(f"/proc/{self.process.pid}/status") as f:
            return int(next(line for line in f if line.startswith("VmPTE:")).split()[1]) > 4096

    def has_unlocked(self):
        return bool(select.select([self.process.stdout], [], [], 0)[0])


@pytest.mark.parametrize("means", [
    ("connections", "feeds", "requests"),
    ("readers", "patterns", "subtrees"),
    ("hold", "stats", "samples"),
    ("sweeps", "patterns"),
    ("snapshots", "subtrees"),
], ids="-".join)
def test_root_misses_nothing(directory, make_broker, beside, means):
    broker = make_broker(*ROOM)
    attack = start_attack(broker, 10, *means)
    truth, name, streams = storm_and_collect(directory, broker, beside, "fork", 15_000, n_subscribers=1)
    done = end_attack(attack)
    assert all(done.values()), done
    status = broker.status()
    for source in (status.connector, status.taskstats):
        assert (source.lost, source.dropped, source.truncated, source.malformed) == (0,) * 4, source
    check_all(truth, name, streams)


KINDS = ("connections", "hold", "feeds", "requests", "patterns", "readers", "halves", "stats", "samples", "subtrees",
         "sweeps", "snapshots", "streams")
WATCHER = 54000


class Watching:
    """The watch of another user, in a thread: the forks of processes until one with a name ends."""

    def __init__(self, broker, end):
        with acting_as(WATCHER):
            self.client = broker.client()
        self.client.subscribe(("fork", "exit"))
        self.end = end
        self.events = []
        self.thread = threading.Thread(target=self.read)
        self.thread.start()

    def read(self):
        self.events = self.client.until(lambda e: what(e) == "exit" and e.comm.decode() == self.end)

    def finish(self):
        self.thread.join(support.TIMEOUT)
        assert not self.thread.is_alive()
        self.client.close()
        return self.events


@pytest.mark.parametrize("means, users", [
    *[(10 * KINDS[i:i + 5], 1) for i in range(0, len(KINDS), 5)],
    (3 * KINDS, 30),
], ids=["ten-of-each-1", "ten-of-each-2", "ten-of-each-3", "thirty-users"])
def test_nobody_misses_anything(directory, make_broker, beside, means, users):
    """
    Ten processes of one user do each attack at once, or thirty users do each in three processes. Neither root nor
    another user misses an event.
    """
    broker = make_broker(*ROOM)
    end = support.unique_name()
    watching = Watching(broker, end)
    attack = start_attack(broker, 10, *means, users=users)
    truth, name, streams = storm_and_collect(directory, broker, beside, "fork", 5_000, n_subscribers=1)
    support.marker(end)
    events = watching.finish()
    done = end_attack(attack)
    assert all(done.values()), done
    status = broker.status()
    for source in (status.connector, status.taskstats):
        assert (source.lost, source.dropped, source.truncated, source.malformed) == (0,) * 4, source
    check_all(truth, name, streams)
    assert watching.client.reader_lost == 0
    expected = {t.tid for t in truth}
    assert expected <= {e.tid for e in events if what(e) == "fork"}
    assert expected <= {e.tid for e in events if what(e) == "exit"}


def programs_of(broker):
    with broker.client() as client:
        client.subscribe(programs=True, snapshot=True)
        return {task.pid: task.program for task in client.snapshot()}


def test_locked_memory(make_broker, beside):
    """
    A command line that cannot be read for many seconds. The broker serves everybody else meanwhile, and reads it
    when it can.
    """
    broker = make_broker()
    locking = beside(Locking, 54321)
    wait_until(locking.has_locked, "the memory is locked")
    programs = programs_of(broker)
    for _ in range(10):
        broker.status()
    assert not locking.has_unlocked(), locking.process.stdout.readline()
    assert programs[locking.process.pid].state == event_pb2.PROGRAM_STATE_SKIPPED
    assert programs[broker.process.pid].state == event_pb2.PROGRAM_STATE_CAPTURED
    wait_until(locking.has_unlocked, "the lock is free")
    wait_until(lambda: b"setpriv" not in programs_of(broker)[locking.process.pid].cmdline
               and LOCKER.encode() in programs_of(broker)[locking.process.pid].cmdline, "the command line is read")
