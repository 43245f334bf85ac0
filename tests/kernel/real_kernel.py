# SPDX-License-Identifier: Apache-2.0
"""
The kernel's own two sources, in plain Python and without the broker: what the
tests of kernel facts listen with, and what undoes the damage of the muting test.

Slow and simple on purpose. It shares nothing with broker/kernel, so that a wrong
belief about the formats would show as a difference.
"""

import os
import select
import socket
import struct
import time

from tb_wait import TIMEOUT

NETLINK_CONNECTOR = 11
NETLINK_GENERIC = 16
SOL_NETLINK = 270
NETLINK_NO_ENOBUFS = 5
SO_RCVBUFFORCE = 33
SO_MEMINFO = 55
SK_MEMINFO_DROPS = 8

LISTEN, IGNORE, INVALID = 1, 2, 0x5A5A

NONE, FORK, EXEC, UID, GID, SID, PTRACE, COMM = 0, 1, 2, 4, 0x40, 0x80, 0x100, 0x200
COREDUMP, EXIT = 0x40000000, 0x80000000

GENL_ID_CTRL = 16
REGISTER, DEREGISTER = 3, 4
TYPE_PID, TYPE_TGID, TYPE_STATS, TYPE_AGGR_PID, TYPE_AGGR_TGID = 1, 2, 3, 4, 5

AFORK, ASU, ACORE, AXSIG, AGROUP = 1, 2, 8, 16, 32

POSSIBLE_CPUS = open("/sys/devices/system/cpu/possible").read().strip()


class Netlink:
    """A netlink socket with room for everything, and the count of what it had no room for."""

    def __init__(self, protocol, groups=0, rcvbuf=64 << 20, no_enobufs=True, portid=0):
        self.socket = socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, protocol)
        if rcvbuf:
            self.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, rcvbuf)
        if no_enobufs:
            self.socket.setsockopt(SOL_NETLINK, NETLINK_NO_ENOBUFS, 1)
        self.socket.bind((portid, groups))
        self.socket.setblocking(False)
        self.senders = set()

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def drops(self):
        return struct.unpack("9I", self.socket.getsockopt(socket.SOL_SOCKET, SO_MEMINFO, 36))[SK_MEMINFO_DROPS]

    def datagrams(self, limit=1 << 30):
        """Returns the datagrams that are queued now, without waiting."""
        out = []
        while len(out) < limit:
            try:
                data, _, _, address = self.socket.recvmsg(8192)
            except BlockingIOError:
                break
            self.senders.add(address[0])
            out.append(data)
        return out

    def wait(self, seconds):
        return bool(select.select([self.socket], [], [], seconds)[0])


class ConnectorEvent:
    __slots__ = ("sequence", "ack", "what", "cpu", "stamp", "words", "raw")

    def __init__(self, data):
        self.sequence, self.ack = struct.unpack_from("=II", data, 24)
        self.what, self.cpu, self.stamp = struct.unpack_from("=IIQ", data, 36)
        self.raw = data[52:76]
        self.words = struct.unpack("=6I", self.raw)

    @property
    def tid(self):
        return self.words[2] if self.what == FORK else self.words[0]

    @property
    def pid(self):
        return self.words[3] if self.what == FORK else self.words[1]

    def __repr__(self):
        names = {0: "NONE", 1: "FORK", 2: "EXEC", 4: "UID", 0x40: "GID", 0x80: "SID", 0x100: "PTRACE", 0x200: "COMM",
                 COREDUMP: "COREDUMP", EXIT: "EXIT"}
        return f"<{names.get(self.what, self.what)} cpu {self.cpu} #{self.sequence} {self.words}>"


class Connector(Netlink):
    """A listener of the proc connector, which takes itself off the kernel's count when it is closed."""

    def __init__(self, listen=True, bind=True, **kw):
        super().__init__(NETLINK_CONNECTOR, 1 if bind else 0, **kw)
        self.cookie = int.from_bytes(os.urandom(3), "little")
        self.listens = False
        self.kept = []
        if listen:
            assert self.listen(), "no acknowledgement of LISTEN"

    def close(self):
        if self.listens:
            self.operate(IGNORE)
        super().close()

    def operate(self, op):
        """Sends an operation; returns the number that its acknowledgement will carry."""
        self.cookie += 1
        data = struct.pack("=IIIIHH", 1, 1, 0, self.cookie, 4, 0) + struct.pack("=I", op)
        self.socket.send(struct.pack("=IHHII", 16 + len(data), 3, 0, 0, 0) + data)
        if op in (LISTEN, IGNORE):
            self.listens = op == LISTEN
        return self.cookie + 1

    def acknowledged(self, op):
        """
        Sends an operation and says whether it was acknowledged. The kernel answers
        within send(2), so that there is nothing to wait for. Events that come in
        between are kept.
        """
        ack = self.operate(op)
        found = False
        for data in self.datagrams():
            event = ConnectorEvent(data)
            if event.what == NONE and event.ack == ack:
                found = True
            else:
                self.kept.append(event)
        return found

    def listen(self):
        return self.acknowledged(LISTEN)

    def events(self, limit=1 << 30):
        kept, self.kept = self.kept, []
        return kept + [ConnectorEvent(data) for data in self.datagrams(limit)]

    def until(self, predicate):
        """All events up to the batch with one for which predicate holds."""
        out = []
        deadline = time.monotonic() + TIMEOUT
        while True:
            events = self.events()
            out += events
            if any(predicate(e) for e in events):
                return out
            assert self.wait(deadline - time.monotonic()), f"nothing came; before: {out[-10:]}"


def attribute(kind, payload):
    data = struct.pack("=HH", 4 + len(payload), kind) + payload
    return data + b"\0" * (-len(data) % 4)


def attributes(data):
    """[(type, payload)] of a run of attributes."""
    out = []
    while len(data) >= 4:
        n, kind = struct.unpack_from("=HH", data)
        assert 4 <= n <= len(data), (n, kind, len(data))
        out.append((kind & 0x3FFF, data[4:n]))
        data = data[(n + 3) & ~3:]
    return out


class Stats:
    """struct taskstats, the few fields that the tests ask for; the same place in all versions but 15."""

    def __init__(self, data):
        self.data = data
        (self.version,) = struct.unpack_from("=H", data, 0)
        (self.ac_exitcode,) = struct.unpack_from("=I", data, 4)
        self.ac_flag = data[8]
        (self.cpu_ns,) = struct.unpack_from("=Q", data, 72)
        self.comm = data[80:112].split(b"\0")[0]
        self.ac_pid, self.ac_ppid = struct.unpack_from("=II", data, 128)
        self.ac_etime_us, self.ac_utime_us, self.ac_stime_us = struct.unpack_from("=QQQ", data, 144)
        self.io = struct.unpack_from("=7Q", data, 216)
        self.nvcsw, self.nivcsw = struct.unpack_from("=QQ", data, 272)
        self.ac_tgid = struct.unpack_from("=I", data, 368)[0] if len(data) >= 384 else 0


class ExitRecord:
    """One exit message: the task's record, and the process' where it came with it."""

    def __init__(self, data):
        (self.sequence,) = struct.unpack_from("=I", data, 8)
        self.stats = self.total = None
        self.tid = self.total_pid = 0
        for kind, payload in attributes(data[20:]):
            inner = dict(attributes(payload))
            if kind == TYPE_AGGR_PID:
                (self.tid,) = struct.unpack("=I", inner[TYPE_PID])
                self.stats = Stats(inner[TYPE_STATS])
            elif kind == TYPE_AGGR_TGID:
                (self.total_pid,) = struct.unpack("=I", inner[TYPE_TGID])
                self.total = Stats(inner[TYPE_STATS])

    def __repr__(self):
        return f"<record of {self.tid} flag {self.stats.ac_flag} {self.stats.comm}{' with totals' if self.total else ''}>"


class Taskstats(Netlink):
    """A socket of the taskstats family; a listener once it has registered."""

    def __init__(self, mask=POSSIBLE_CPUS, **kw):
        super().__init__(NETLINK_GENERIC, **kw)
        self.mask = None
        name = attribute(2, b"TASKSTATS\0")
        self._send(GENL_ID_CTRL, struct.pack("=BBH", 3, 1, 0) + name, 1)
        (reply,) = self._replies()
        (self.family,) = (struct.unpack("=H", p)[0] for k, p in attributes(reply[20:]) if k == 1)
        if mask is not None:
            assert self.register(mask.encode() + b"\0") == 0

    def close(self):
        if self.mask is not None:
            self.command(DEREGISTER, self.mask)
        super().close()

    def _send(self, family, payload, flags):
        self.socket.send(struct.pack("=IHHII", 16 + len(payload), family, flags, 7, 0) + payload)

    def _replies(self):
        assert self.wait(TIMEOUT)
        return self.datagrams()

    def command(self, kind, payload):
        """TASKSTATS_CMD_GET with one attribute; returns the kernel's errno. Throws away what is queued, for the answer's sake."""
        self.datagrams()
        self._send(self.family, struct.pack("=BBH", 1, 1, 0) + attribute(kind, payload), 1 | 4)
        while True:
            for data in self._replies():
                if struct.unpack_from("=H", data, 4)[0] == 2:
                    return -struct.unpack_from("=i", data, 16)[0]

    def register(self, mask):
        error = self.command(REGISTER, mask)
        if error == 0:
            self.mask = mask
        return error

    def records(self, limit=1 << 30):
        return [ExitRecord(data) for data in self.datagrams(limit)]


def listeners():
    """How many sockets of all processes are bound to the proc connector's group."""
    with open("/proc/net/netlink") as f:
        rows = [line.split() for line in f][1:]
    return sum(1 for row in rows if row[1] == str(NETLINK_CONNECTOR) and int(row[3], 16) & 1)


def netlink_sockets_of(pid):
    """{inode: (protocol, portid)} of all netlink sockets that a process holds."""
    with open("/proc/net/netlink") as f:
        rows = [line.split() for line in f][1:]
    known = {row[9]: (int(row[1]), int(row[2])) for row in rows}
    found = {}
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            target = os.readlink(f"/proc/{pid}/fd/{fd}")
        except FileNotFoundError:
            continue
        if target.startswith("socket:[") and target[8:-1] in known:
            found[target[8:-1]] = known[target[8:-1]]
    return found


def portids_of(pid, protocol):
    return [portid for p, portid in netlink_sockets_of(pid).values() if p == protocol]


def mend():
    """
    Makes the connector speak again if it was silenced, by the attack's own means in
    the other direction, and counts in those who listen; does nothing else.
    """
    others = listeners()
    with Connector(listen=False) as connector:
        if connector.acknowledged(LISTEN):
            return
        while not connector.acknowledged(LISTEN):
            connector.operate(INVALID)
        for _ in range(others):
            connector.operate(INVALID)
            connector.operate(LISTEN)


def reset():
    """
    Brings the kernel's count of connector listeners to zero, which it should be
    where nobody listens: one that was killed stays in it for ever. A listener that
    begins meanwhile gets no events afterwards.
    """
    assert not listeners()
    with Connector(listen=False) as connector:
        while connector.acknowledged(INVALID):
            connector.operate(IGNORE)
    mend()
