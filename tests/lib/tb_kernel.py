# SPDX-License-Identifier: Apache-2.0
"""
The kernel's side of both sources, played over a pair of datagram sockets.

It sends the kernel's own bytes: netlink header, connector header and proc_event, or
netlink header, generic netlink header and attributes. It receives the broker's LISTEN
and IGNORE. A thread answers them as cn_proc.c does, with the counter of listeners that
any process can turn back and by which the connector goes mute.

Methods that send return the time stamp that went out (CLOCK_MONOTONIC), so that
a test can ask for exactly that.
"""

import os
import select
import socket
import struct
import threading
import time

import tb_fields
from tb_wait import TIMEOUT

NLMSG_DONE = 3
TASKSTATS_FAMILY = 0x1C
TASKSTATS_CMD_NEW = 2
PID, TGID, STATS, AGGR_PID, AGGR_TGID, NULL = 1, 2, 3, 4, 5, 6

LISTEN, IGNORE = 1, 2
# Any op that the kernel does not know.
INVALID = 0x7FFFFFFF

NONE = 0
FORK = 1
EXEC = 2
UID = 4
GID = 0x40
SID = 0x80
PTRACE = 0x100
COMM = 0x200
COREDUMP = 0x40000000
EXIT = 0x80000000

SIGCHLD = 17

EINVAL = 22


def nlmsg(kind, seq, payload, flags=0, portid=0, length=None):
    n = 16 + len(payload) if length is None else length
    return struct.pack("=IHHII", n, kind, flags, seq & 0xFFFFFFFF, portid) + payload


def cn_message(seq, data, ack=0, idx=1, val=1, length=None, kind=NLMSG_DONE):
    n = len(data) if length is None else length
    head = struct.pack("=IIIIHH", idx, val, seq & 0xFFFFFFFF, ack & 0xFFFFFFFF, n, 0)
    return nlmsg(kind, seq, head + data)


def proc_event(what, cpu, stamp, union=b""):
    return struct.pack("=IIQ", what, cpu, stamp) + union.ljust(24, b"\0")


def attribute(kind, payload, flags=0):
    data = struct.pack("=HH", 4 + len(payload), kind | flags) + payload
    return data + b"\0" * (-len(data) % 4)


def taskstats_message(seq, nests, kind=TASKSTATS_FAMILY, command=TASKSTATS_CMD_NEW):
    return nlmsg(kind, seq, struct.pack("=BBH", command, 1, 0) + b"".join(nests))


def aggregate(kind, ident, struct_bytes, null_inside=False):
    """One AGGR_PID or AGGR_TGID. NULL attributes pad where the machine wants 8-aligned u64s."""
    inner = attribute(PID if kind == AGGR_PID else TGID, struct.pack("=I", ident))
    if null_inside:
        inner += attribute(NULL, b"")
    return attribute(kind, inner + attribute(STATS, struct_bytes))


class Connection:
    """The state that cn_proc keeps for each socket that ever sent it a command."""

    def __init__(self):
        self.last_op = None


class FakeKernel:
    def __init__(self, version=16, proc=None):
        self.version = version
        self.proc = proc
        self.mirror = True              # True: /proc shows what is forked, until it exits
        self.connector, self.broker_connector = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.taskstats, self.broker_taskstats = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        # A burst fits whole; a reader that is slow makes the sender wait, not lose.
        for s in (self.connector, self.taskstats):
            s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
            s.settimeout(TIMEOUT)

        self.lock = threading.Condition()
        self.listeners = 0              # proc_event_num_listeners
        self.broker = Connection()
        self.requests = []              # (op, seq, ack) of the broker's commands
        self.connector_seq = {}         # by cpu: the next number
        self.taskstats_seq = {}
        self.stop = os.eventfd(0)
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    # -- the control side ---------------------------------------------------

    def close(self):
        os.eventfd_write(self.stop, 1)
        self.thread.join(TIMEOUT)
        os.close(self.stop)
        for s in (self.connector, self.taskstats, self.broker_connector, self.broker_taskstats):
            s.close()

    def drop_broker_ends(self):
        """After the daemon inherited them."""
        self.broker_connector.close()
        self.broker_taskstats.close()

    def _serve(self):
        # A shutdown does not wake recv() on a datagram socket, so a second descriptor ends the thread.
        while self.stop not in select.select([self.connector, self.stop], [], [])[0]:
            with self.lock:
                try:
                    self._answer()
                except OSError:
                    # The broker has gone; a test that waits for it will report that.
                    return

    def _answer(self):
        """
        Works on all commands that wait; with the lock held. Each function that
        sends calls it too: the thread must not be late only because the test is busy.
        """
        while True:
            try:
                # Not recv(): with a timeout set, that waits, MSG_DONTWAIT or not.
                data = os.read(self.connector.fileno(), 4096)
            except OSError:
                return
            self._command(data)

    def _command(self, data):
        length, kind, _, _, _ = struct.unpack_from("=IHHII", data)
        idx, val, seq, ack, n, _ = struct.unpack_from("=IIIIHH", data, 16)
        assert (length, kind, idx, val, n) == (len(data), NLMSG_DONE, 1, 1, len(data) - 36), data.hex()
        op, = struct.unpack_from("=I", data, 36)
        self.requests.append((op, seq, ack))
        error = self._mcast_ctl(self.broker, op)
        # cn_proc_ack: says nothing where it believes that nobody listens.
        if self.listeners >= 1:
            self._event(NONE, struct.pack("=I", error), ack=(ack + 1) & 0xFFFFFFFF)
        self.lock.notify_all()

    def _mcast_ctl(self, connection, op):
        """cn_proc_mcast_ctl of Linux 6.6 and later. An invalid op is remembered like a valid one."""
        initial, previous = connection.last_op is None, connection.last_op
        connection.last_op = op
        if op == LISTEN:
            if initial or previous != LISTEN:
                self.listeners += 1
            return 0
        if op == IGNORE:
            if not initial and previous != IGNORE:
                self.listeners -= 1
            return 0
        return EINVAL

    def mute(self, depth=0):
        """
        Turns the counter back until nobody seems to listen, or `depth` further. Any process
        can do that.
        """
        attacker = Connection()
        with self.lock:
            self._mcast_ctl(attacker, INVALID)
            while self.listeners > -depth:
                self._mcast_ctl(attacker, IGNORE)
                self._mcast_ctl(attacker, INVALID)
            self.lock.notify_all()

    def wait_for(self, predicate, what):
        """Waits until predicate() holds; it is looked at after every command of the broker."""
        with self.lock:
            if not self.lock.wait_for(predicate, TIMEOUT):
                raise AssertionError(f"in {TIMEOUT:.0f} s never: {what}; requests {self.requests[-5:]}")

    def wait_listening(self):
        self.wait_for(lambda: self.listeners >= 1, "the broker listens")

    def wait_requests(self, n):
        """Waits for n more commands."""
        target = len(self.requests) + n
        self.wait_for(lambda: len(self.requests) >= target, f"{n} more commands of the broker")

    # -- the connector ------------------------------------------------------

    def lose(self, cpu=0, n=1):
        """The kernel found no room for n events of that cpu."""
        with self.lock:
            self.connector_seq[cpu] = (self.connector_seq.get(cpu, 0) + n) & 0xFFFFFFFF

    def mark(self, count=777):
        """
        A Loss, which passes every filter. It makes the broker compare its table with
        /proc, some time later: the last thing that a test does whose /proc is not true.
        """
        self.ptrace(1, cpu=0)
        self.lose(0, count)
        self.ptrace(1, cpu=0)
        return count

    def set_seq(self, cpu, seq):
        with self.lock:
            self.connector_seq[cpu] = seq

    def _event(self, what, union, cpu=0, stamp=None, ack=0):
        if self.listeners < 1:
            # Muted: not built, not numbered.
            return None
        stamp = time.monotonic_ns() if stamp is None else stamp
        seq = self.connector_seq.get(cpu, 0)
        self.connector_seq[cpu] = (seq + 1) & 0xFFFFFFFF
        self.connector.send(cn_message(seq, proc_event(what, cpu, stamp, union), ack=ack))
        return stamp

    def event(self, what, union, cpu=0, stamp=None, ack=0):
        with self.lock:
            self._answer()
            return self._event(what, union, cpu, stamp, ack)

    def connector_raw(self, data):
        with self.lock:
            self.connector.send(data)

    def fork(self, tid, pid=None, parent_tid=1, parent_pid=None, comm=b"made-up", **kw):
        """A process; a thread, where pid is given and another. `comm` is what /proc calls it."""
        pid = tid if pid is None else pid
        parent_pid = parent_tid if parent_pid is None else parent_pid
        stamp = kw.pop("stamp", None) or time.monotonic_ns()
        if self.mirror and self.proc:
            asleep = time.clock_gettime_ns(time.CLOCK_BOOTTIME) - time.monotonic_ns()
            ids = self.proc.ids(parent_pid, parent_tid)
            self.proc.add(pid, tid, ppid=parent_pid, start_ns=stamp + asleep, comm=comm, **ids)
        return self.event(FORK, struct.pack("=IIII", parent_tid, parent_pid, tid, pid), stamp=stamp, **kw)

    def exec(self, tid, pid=None, comm=None, program=None, **kw):
        """
        `comm` and `program` (of set_program()) are what /proc shows from now on; the
        event itself has no name.
        """
        if comm is not None:
            self.proc.set_comm(tid, comm)
        if program is not None:
            self.proc.set_program(tid, **program)
        return self.event(EXEC, struct.pack("=II", tid, tid if pid is None else pid), **kw)

    def uid(self, tid, pid=None, real=0, effective=0, **kw):
        if self.mirror and self.proc:
            self.proc.set_ids(tid if pid is None else pid, tid, b"Uid", real, effective)
        return self.event(UID, struct.pack("=IIII", tid, tid if pid is None else pid, real, effective), **kw)

    def gid(self, tid, pid=None, real=0, effective=0, **kw):
        if self.mirror and self.proc:
            self.proc.set_ids(tid if pid is None else pid, tid, b"Gid", real, effective)
        return self.event(GID, struct.pack("=IIII", tid, tid if pid is None else pid, real, effective), **kw)

    def sid(self, tid, pid=None, **kw):
        return self.event(SID, struct.pack("=II", tid, tid if pid is None else pid), **kw)

    def ptrace(self, tid, pid=None, tracer_tid=0, tracer_pid=0, **kw):
        pid = tid if pid is None else pid
        return self.event(PTRACE, struct.pack("=IIII", tid, pid, tracer_tid, tracer_pid), **kw)

    def comm(self, tid, pid=None, comm=b"", **kw):
        pid = tid if pid is None else pid
        return self.event(COMM, struct.pack("=II16s", tid, pid, comm), **kw)

    def coredump(self, tid, pid=None, parent_tid=1, parent_pid=1, **kw):
        pid = tid if pid is None else pid
        return self.event(COREDUMP, struct.pack("=IIII", tid, pid, parent_tid, parent_pid), **kw)

    def exit(self, tid, pid=None, code=0, signal=None, parent_tid=1, parent_pid=1, **kw):
        """The connector's word alone. A thread sends no signal and has no parent left."""
        pid = tid if pid is None else pid
        if signal is None:
            signal = SIGCHLD if tid == pid else 0xFFFFFFFF
        if tid != pid:
            parent_tid = parent_pid = 0
        if self.mirror and self.proc:
            self.proc.remove(pid, tid)
        union = struct.pack("=IIIIII", tid, pid, code, signal & 0xFFFFFFFF, parent_tid, parent_pid)
        return self.event(EXIT, union, **kw)

    # -- taskstats ----------------------------------------------------------

    def taskstats_raw(self, data):
        with self.lock:
            self._answer()
            self.taskstats.send(data)

    def next_taskstats_seq(self, cpu=0):
        with self.lock:
            seq = self.taskstats_seq.get(cpu, 1)
            self.taskstats_seq[cpu] = seq + 1
            return seq

    def stats(
        self,
        stats,
        tid=None,
        pid=None,
        group=None,
        group_version=None,
        null_inside=False,
        null_before=False,
        cpu=0,
        version=None,
    ):
        """
        An accounting record. `group` is the Stats of the AGGR_TGID that goes with
        the last task of a process that ever had threads; kernels before 7.1 wrote
        version 0 into it (group_version=0).
        """
        version = self.version if version is None else version
        tid = stats.get("ac_pid") if tid is None else tid
        pid = stats.get("ac_tgid") if pid is None else pid
        nests = [attribute(NULL, b"")] if null_before else []
        nests.append(aggregate(AGGR_PID, tid, tb_fields.pack(stats, version), null_inside))
        if group is not None:
            if null_before:
                nests.append(attribute(NULL, b""))
            packed = tb_fields.pack(group, version, claim=group_version)
            nests.append(aggregate(AGGR_TGID, pid, packed, null_inside))
        self.taskstats_raw(taskstats_message(self.next_taskstats_seq(cpu), nests))

    def make_stats(self, tid, pid=None, comm=b"task", **values):
        """Ordinary statistics of a task: enough to recognise them again."""
        pid = tid if pid is None else pid
        fixed = dict(delays=None, ac_pid=tid, ac_tgid=pid, ac_ppid=1, ac_etime_us=5, cpu_run_virtual_total_ns=tid * 1000)
        fixed.update(values)
        return tb_fields.Stats(comm=comm, **fixed)

    def end(self, tid, pid=None, code=0, comm=b"task", last=None, group=None, cpu=0, values=None, **kw):
        """
        A whole end: the accounting record, then the connector's exit. `last`
        says whether the process ends with it (AGROUP); by default a leader's does.
        """
        pid = tid if pid is None else pid
        last = tid == pid if last is None else last
        stats = self.make_stats(
            tid, pid, comm, ac_exitcode=code, ac_flag=0x20 if last else 0, **(values or {})
        )
        self.stats(stats, group=group, cpu=cpu)
        stamp = self.exit(tid, pid, code=code, cpu=cpu, **kw)
        return stamp, stats
