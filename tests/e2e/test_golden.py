# SPDX-License-Identifier: Apache-2.0
"""
The bytes on the wire do not change. The test plays fixed sessions of a kernel, and
compares all bytes that each client receives with tests/data/golden-*.txt.

tests/lib/tb_golden.py names the values that may vary from run to run. All others are
exact: fields and their order, numbers and their form, frames and their bounds. Bounds
are deterministic because the broker is stopped (SIGSTOP) while datagrams are queued: it
reads them in one turn.

    GOLDEN_WRITE=1 meson test -C build e2e-golden
    TASKBROKERD=build/broker/taskbrokerd tests/e2e/test_golden.py --write

records anew. That is legitimate in two cases only. In the first, a change of the protocol
or of the events is deliberate, and NEWS.md describes it. In the second, a session below
changes: then the broker of an earlier commit records, so that the files show the session's
change alone. A restructuring never records.
"""

import contextlib
import hashlib
import os
import pathlib
import signal
import struct
import sys
import time

import pytest

if __name__ == "__main__":
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

import tb_fields
from tb_client import ALL_KINDS, KINDS, BrokerError, Closed, what
from tb_daemon import FAST_ALARM, TIMEOUT
from tb_golden import Clock, Recorder, compare
from tb_kernel import FakeKernel
from tb_live import ask_samples, ask_stats
from tb_protocol import MAX_FROM_CLIENT, broker_pb2, frame, sample_pb2, varint
from tb_users import IS_ROOT, OTHER, acting_as, open_directory

# The processors of each turn's last event, and of all others: the acknowledgements are on processor 0.
LAST_CPU = 9
CPU = 2

# A Unix socket queues ten datagrams by default (net.unix.max_dgram_qlen); acknowledgements come unasked.
MAX_TURN = 7


MUTED_TRIES = 5


class ClockedKernel(FakeKernel):
    """A kernel that takes its stamps from the session's clock."""

    def __init__(self, clock):
        super().__init__()
        self.clock = clock
        self.n_queued = 0

    def event(self, what, union, cpu=CPU, stamp=None, ack=0):
        self.n_queued += 1
        return super().event(what, union, cpu, self.clock.stamp() if stamp is None else stamp, ack)

    def fork(self, *args, **kw):
        return super().fork(*args, stamp=self.clock.stamp(), **kw)


class Session:
    """One broker and its recorded clients. `observer` and `control` are there to wait, and not recorded."""

    def __init__(self, make_daemon, stats=None, path=None, arguments=(), prepare=None):
        self.clock = Clock()
        self.kernel = ClockedKernel(self.clock)
        self.daemon = make_daemon(start=False, kernel=self.kernel, path=path, arguments=arguments)
        self.proc = self.kernel.proc = self.daemon.proc
        self.proc.add(1, ppid=0, comm=b"init", start_ns=self.clock.seed(100), session=1)
        self.proc.set_program(1, cmdline=b"/sbin/init\0", exe=b"/lib/systemd/systemd", cgroup=b"0::/init.scope\n")
        if prepare:
            prepare(self)
        self.live = stats
        if stats:
            self.daemon.arguments += ["--stats-fd", str(stats.broker.fileno())]
            command = self.daemon.command
            self.daemon.command = lambda: (command()[0], command()[1] + [stats.broker.fileno()])
        self.daemon.start()
        if stats:
            stats.broker.close()
        self.daemon.wait_ready()
        self.clock.restart()
        self.clients = {}
        self.n_turns = 0
        self.control = self.daemon.client()
        self.wait_connections(1)
        self.observer = self.daemon.subscriber(("ptrace",))
        # The first message of a processor cannot show a loss: it comes before the session.
        with self.turn():
            self.kernel.ptrace(1)

    def wait_connections(self, n):
        """Waits until the broker has noticed the connections that were closed."""
        while self.control.status().connections != n:
            pass

    def record(self, name, uid=None):
        with acting_as(os.geteuid() if uid is None else uid):
            client = Recorder(self.daemon.path)
        assert name not in self.clients
        self.daemon.clients.append(client)
        self.clients[name] = client
        return client

    def subscribe(self, name, kinds=(), **kw):
        client = self.record(name)
        client.subscribe(kinds, **kw)
        return client

    def sync(self):
        """Waits until the events that the broker has read are in the clients' sockets, and receives them."""
        self.control.status()
        for client in self.clients.values():
            client.drain()

    def wait_asleep(self):
        """The broker waits for something to do: a stop does not come between its readings of the two sources."""
        stat = pathlib.Path(f"/proc/{self.daemon.process.pid}/stat")
        while stat.read_text().rsplit(") ", 1)[1][0] != "S":
            time.sleep(0)

    @contextlib.contextmanager
    def turn(self):
        """The broker reads the datagrams that are sent within in one turn of its loop."""
        process = self.daemon.process
        self.wait_asleep()
        process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, process.pid, os.WSTOPPED)
        self.kernel.n_queued = 0
        try:
            yield self.kernel
            assert self.kernel.n_queued <= MAX_TURN, "more than a queue is sure to hold"
            self.n_turns += 1
            self.kernel.ptrace(1, tracer_tid=self.n_turns, tracer_pid=self.n_turns, cpu=LAST_CPU)
        finally:
            process.send_signal(signal.SIGCONT)
        self.observer.until(lambda e: what(e) == "ptrace" and e.ptrace.tracer_tid == self.n_turns)
        self.sync()

    @contextlib.contextmanager
    def comparison(self):
        """The broker compares its table with /proc after the loss within: the log says when it has."""
        def n_compared():
            return self.daemon.log().count("compared with /proc")

        n, deadline = n_compared(), time.monotonic() + TIMEOUT
        yield
        while n_compared() == n:
            assert time.monotonic() < deadline, "the broker does not compare its table with /proc"
            # A line in a file is nothing that one could wait for without inotify.
            time.sleep(0.01)
        self.sync()

    def until(self, client, predicate):
        """Waits for an event that the broker makes by itself, some time later."""
        client.until(predicate)
        self.sync()

    def finish(self, name, edit=None):
        """Stops the broker, which its clients receive as an Error, and compares."""
        self.sync()
        assert self.daemon.terminate() == 0
        recorded = {key: client.frames(self.clock) for key, client in self.clients.items()}
        compare(name, edit(recorded) if edit else recorded)


def older_tasks(session):
    """Tasks that are older than the broker."""
    seed, proc = session.clock.seed, session.proc
    proc.add(2, ppid=0, comm=b"kthreadd", start_ns=seed(99), session=0, kernel_thread=True)
    proc.add(3, ppid=2, comm=b"kworker/0:0", start_ns=seed(98), session=0, kernel_thread=True)
    proc.add(50, ppid=1, uid=1000, gid=100, comm=b"a) (b\\", start_ns=seed(50), session=40)
    proc.add(50, tid=51, uid=1000, gid=100, comm=b"thread", start_ns=seed(49), session=40)
    proc.add(60, ppid=50, uid=1001, euid=0, gid=7, egid=8, comm=b"\xff\x01", start_ns=seed(40), session=40)
    proc.add(70, ppid=50, comm=b"zombie", state="Z", start_ns=seed(30))
    for pid in (2, 3):
        proc.set_program(pid, exe=None)
    for pid in (50, 60):
        proc.set_program(pid, cmdline=b"%d\0-x\0" % pid, exe=b"/usr/bin/%d" % pid, cgroup=b"0::/user.slice/%d\n" % pid)


def full_stats(k, tid, pid=None, last=None, **values):
    """A record in which no two fields have the same value."""
    pid = tid if pid is None else pid
    last = tid == pid if last is None else last
    k.stats(tb_fields.distinct(16, tid, pid, comm=b"distinct", ac_flag=0x20 if last else 0, **values))


# -- sessions ----------------------------------------------------------------


def lives(session):
    """One life after the other: every kind of event, threads, and the ways in which a process ends."""
    with session.turn() as k:
        k.fork(100, parent_tid=50)
        k.fork(101, pid=100, parent_tid=50)
        k.exec(100, comm=b"shell")
        k.comm(101, pid=100, comm=b"renamed")
        k.uid(100, real=7, effective=8)
        k.gid(100, real=9, effective=10)
        k.sid(100)
    with session.turn() as k:
        k.ptrace(101, pid=100, tracer_tid=51, tracer_pid=50)
        k.ptrace(101, pid=100)
        k.coredump(100)
        k.event(0x400, struct.pack("=IIII", 1, 1, 4000, 4000))
        k.fork(102, parent_tid=100)
    with session.turn() as k:
        # The leader ends first, with full accounts.
        full_stats(k, 100, last=False, ac_exitcode=11)
        k.exit(100, code=11)
        full_stats(k, 101, pid=100, last=True, ac_exitcode=0x8B)
        k.exit(101, pid=100, code=0x8B)
        k.end(102, code=0x0300)
    with session.turn() as k:
        # The kernel's own sums of a process beside the record.
        k.fork(110)
        k.fork(111, pid=110)
        k.end(111, pid=110)
        group = k.make_stats(110, ac_etime_us=9000, cpu_run_virtual_total_ns=1 << 40, nvcsw=1 << 33)
        k.end(110, group=group, code=9)
    with session.turn() as k:
        # exec by a thread that is not the leader.
        k.fork(200)
        k.fork(201, pid=200)
        k.fork(202, pid=200)
        k.end(202, pid=200, code=9)
        k.end(200, last=False, code=9)
        k.exec(200, comm=b"new")
        k.comm(200, comm=b"newer")
    with session.turn() as k:
        k.end(200, code=0x0500, comm=b"newer")
        # A number that is used again before the exit of its former task was read.
        k.fork(300)
        k.stats(k.make_stats(300, comm=b"old", ac_flag=0x20, ac_etime_us=111, ac_exitcode=0x0700))
        k.fork(300, parent_tid=60)
        k.exit(300, code=0x0700)
    with session.turn() as k:
        # Records long before their exits, whose order is another.
        for tid in (400, 401, 402):
            k.fork(tid, parent_tid=300)
            k.stats(k.make_stats(tid, ac_flag=0x20))
        for tid in (402, 400, 401):
            k.exit(tid)
    with session.turn() as k:
        # Other processors, and a name that is not UTF-8.
        k.uid(60, real=1000, effective=1000, cpu=300)
        k.gid(60, real=0, effective=0, cpu=300)
        k.fork(410, parent_tid=50, cpu=300)
        k.comm(410, comm=b"\xff\xfe\x00x", cpu=300)
        k.exec(410, comm=b"shell", cpu=4)
    with session.turn() as k:
        k.end(410, code=0, cpu=4)
        k.end(50, last=False, comm=b"a) (b\\")
        k.end(51, pid=50, last=True, comm=b"thread", code=6)
    with session.turn() as k:
        # The marked record, which has the process' status, comes before another task's exit.
        k.fork(430)
        k.fork(431, pid=430)
        k.end(430, code=0x0200, last=True)
        k.end(431, pid=430, code=0x0900)


def strangers(session):
    """Children of an unknown task; an exit of a task whose fork was not seen."""
    with session.turn() as k:
        k.fork(420, parent_tid=4242)
        k.fork(421, parent_tid=4242)
        k.end(4711, code=0)
        k.end(420, code=0x0100)


def losses(session):
    """Losses and synthesised events. /proc differs in one task at a time, as directories have no fixed order."""
    k = session.kernel
    with session.turn():
        k.fork(500, comm=b"init", cpu=4)
        k.exit(500, code=0x0300, cpu=4)
        k.fork(501, comm=b"init")
    # One record of a process is lost; some datagrams are malformed.
    with session.turn():
        k.fork(510, comm=b"init")
        k.fork(511, comm=b"init", pid=510)
        k.exit(511, pid=510)
        k.end(510)
        k.connector_raw(bytes(76))
        k.taskstats_raw(b"")
        k.taskstats_raw(b"\xff" * 596)
    # A gap, and the end of a task of which only the record came.
    with session.comparison(), session.turn():
        k.fork(502, comm=b"init", cpu=4)
        k.stats(k.make_stats(501, ac_flag=0x20, ac_exitcode=0x0400))
        session.proc.remove(501)
        k.lose(4, 5)
        start_ns = k.fork(503, comm=b"init", cpu=4) + session.clock.asleep_ns

    def lose_one():
        with session.turn():
            k.lose(4, 1)
            k.ptrace(1, cpu=4)

    # A task is forked, a task is gone, a task has another name and other ids.
    with session.comparison():
        session.proc.add(600, ppid=503, uid=7, gid=8, comm=b"unheard of", start_ns=session.clock.seed(0))
        lose_one()
    with session.comparison():
        session.proc.remove(502)
        lose_one()
    with session.comparison():
        session.proc.add(503, uid=5, euid=6, gid=7, egid=8, comm=b"renamed", start_ns=start_ns)
        lose_one()
    with session.turn():
        k.end(600, comm=b"unheard of")
        k.end(503)
        # A loss that is larger than a byte, on each of two processors.
        k.fork(504, comm=b"init", cpu=300)
        k.lose(300, 70000)
        k.fork(505, comm=b"init", cpu=300)


# One user may have sixteen feeds.
KINDS_ALONE = {f"kind-{kind}": dict(kinds=(kind,), threads=True) for kind in KINDS}
SUBSCRIPTIONS = {
    "all": dict(kinds=ALL_KINDS, threads=True),
    "processes": dict(kinds=ALL_KINDS),
    "default": {},
    "threads": dict(threads=True),
    "patient": dict(kinds=("fork", "exit"), max_delay_ms=200),
    "strict": dict(kinds=("exit",), strict=True),
    "snapshot": dict(snapshot=True),
    "snapshot-threads": dict(kinds=ALL_KINDS, threads=True, snapshot=True, strict=True),
}
FILTERS = {
    "uids": dict(uids=[1000, 7]),
    "pids": dict(pids=[100, 200, 300]),
    "subtrees": dict(subtrees=[50]),
    "comms": dict(comms=[b"sh*", b"ren[a-m]med", b"\xff?"]),
    "cpus": dict(cpus="4,100-400"),
    "nonzero": dict(nonzero=True),
    "several": dict(uids=[0, 1000], subtrees=[1], comms=[b"*"], cpus="0-9", nonzero=True),
}


@pytest.fixture
def make_session(make_daemon):
    return lambda **kw: Session(make_daemon, **kw)


def test_lives(make_session):
    session = make_session(prepare=older_tasks)
    for name, subscription in {**SUBSCRIPTIONS, **KINDS_ALONE}.items():
        session.subscribe(name, **subscription)
    status = session.record("status")
    status.status()
    lives(session)
    strangers(session)
    status.status()
    late = session.subscribe("late", ALL_KINDS, threads=True, snapshot=True)
    late.snapshot()
    late.status()
    with session.turn() as k:
        k.fork(900)
        k.end(900)
    session.finish("lives")


def test_filters(make_session):
    session = make_session(prepare=older_tasks)
    for name, criteria in FILTERS.items():
        session.subscribe(name, ALL_KINDS, threads=True, filter=criteria)
        session.subscribe(name + "-snapshot", filter=criteria, snapshot=True).snapshot()
    lives(session)
    strangers(session)
    session.record("status").status()
    session.finish("filters")


def test_cgroups(make_session):
    """Without strangers: each of them makes the broker read late programs again, at its next tick."""
    session = make_session(prepare=older_tasks)
    for threads in (False, True):
        kw = dict(threads=threads, filter=dict(cgroups=[b"/user.slice"]))
        session.subscribe(f"events-{threads}", ALL_KINDS, **kw)
        session.subscribe(f"snapshot-{threads}", snapshot=True, **kw).snapshot()
    lives(session)
    session.record("status").status()
    session.finish("cgroups")


def test_losses(make_session):
    session = make_session(prepare=older_tasks)
    for name, subscription in SUBSCRIPTIONS.items():
        session.subscribe(name, **subscription)
    session.subscribe("uids", filter=FILTERS["uids"])
    losses(session)
    session.record("status").status()
    session.finish("losses")


def play_muted(session):
    """The connector is silenced; one task ends meanwhile, whose record comes. Returns how often the broker noticed."""
    k = session.kernel
    session.subscribe("all", ALL_KINDS, threads=True)
    with session.turn():
        k.fork(100, comm=b"init")
    k.mute()
    k.end(100, code=0x0600)
    k.wait_listening()
    session.until(session.clients["all"], lambda e: what(e) == "loss")
    with session.turn():
        k.fork(101, comm=b"init")
    session.record("status").status()
    return session.control.status().connector.muted


def test_muted(make_session):
    """On a busy machine the fake kernel may answer a probe too late: such a session is played again."""
    for _ in range(MUTED_TRIES):
        session = make_session(arguments=FAST_ALARM)
        if play_muted(session) == 1:
            break
    session.finish("muted")


def test_programs(make_session):
    session = make_session(prepare=older_tasks)
    k = session.kernel
    session.subscribe("programs", programs=True)
    session.subscribe("threads", ALL_KINDS, threads=True, programs=True, snapshot=True).snapshot()
    session.subscribe("without", threads=True)
    session.subscribe("cgroups", programs=True, filter=dict(cgroups=[b"/user.slice/shell"]))
    with session.turn():
        k.fork(100, parent_tid=50)
        k.exec(100, comm=b"ls", program=dict(cmdline=b"ls\0-l\0", exe=b"/bin/ls", cgroup=b"0::/user.slice/shell/x\n"))
    with session.turn():
        k.fork(101, pid=100, parent_tid=50)
        k.fork(102, parent_tid=100)
    with session.turn():
        # Too long, and gone.
        k.exec(102, comm=b"cut", program=dict(cmdline=b"x" * 3000, exe=b"/" + b"y" * 200, cgroup=b"0::/\n"))
        k.fork(103, parent_tid=102)
        k.exec(103)
        session.proc.remove(103)
    session.subscribe("late", programs=True, threads=True, snapshot=True).snapshot()
    with session.turn():
        k.end(101, pid=100)
        k.end(100, code=0x0200)
        k.end(103)
        k.end(102)
    session.record("status").status()
    session.finish("programs")


def test_resume(make_session):
    """Subscriptions that go on from each number, within a frame too; and the refused ones."""
    session = make_session()
    k = session.kernel
    former = session.subscribe("former", max_delay_ms=100)
    # The feed stays.
    session.subscribe("witness")
    for tid in (100, 200):
        with session.turn():
            for i in range(4):
                k.fork(tid + i)
    former.take(8)
    place = former.place()
    former.close()
    # The control, the observer and the witness.
    session.wait_connections(3)
    for n in range(9):
        client = session.subscribe(f"from-{n}", resume=place._replace(next_number=1 + n), snapshot=True)
        client.take(8 - n)
    with session.turn():
        k.end(100)
    for name, change, arguments in (
        ("epoch", dict(epoch=place.epoch ^ 1), {}),
        ("feed", dict(feed=place.feed + 100), {}),
        ("threads", {}, dict(threads=True)),
        ("filter", {}, dict(filter=dict(uids=[1]))),
        ("beyond", dict(next_number=place.next_number + 100), {}),
        ("zero", dict(next_number=0), {}),
    ):
        client = session.record("refused-" + name)
        with pytest.raises(BrokerError):
            client.subscribe(resume=place._replace(**change), **arguments)
        client.subscribe(snapshot=True)
        client.snapshot()
    with session.turn():
        k.end(101)
    session.record("status").status()
    session.finish("resume")


# 1 MiB holds some thirteen hundred exits.
LAST = 1000 + 300 * MAX_TURN - 1


def test_fell_behind(make_session):
    """
    A subscription that goes on where its feed has nothing any more: the Loss, then the oldest
    events that are left. They are 1 MiB: the file has a digest of their frames.
    """
    session = make_session(arguments=["--feed-mib", "1"])
    k = session.kernel
    k.mirror = False
    reader = session.daemon.subscriber(("exit",))
    place = reader.place()
    for first in range(1000, LAST + 1, MAX_TURN):
        with session.turn():
            for tid in range(first, first + MAX_TURN):
                full_stats(k, tid)
                k.exit(tid)
        reader.take(MAX_TURN)
    session.subscribe("resumed", ("exit",), resume=place)
    strict = session.record("strict")
    strict.ask(("exit",), resume=place, strict=True)
    with pytest.raises(BrokerError):
        strict.answered()
        strict.event()
    strict.expect_close()
    client = session.clients["resumed"]
    client.until(lambda e: e.tid == LAST)
    session.record("status").status()

    def digested(recorded):
        frames = recorded["resumed"]
        rest = "\n".join(digits for _, digits in frames[4:])
        recorded["resumed"] = frames[:4] + [("sha256", hashlib.sha256(rest.encode()).hexdigest())]
        return recorded

    session.finish("fell-behind", digested)


def test_versions(make_session):
    """Accounting records of each version of the kernel's struct, while delays are not counted."""
    session = make_session(prepare=lambda session: session.proc.set_delay_accounting(False))
    session.subscribe("exits", ("exit",))
    for version in tb_fields.VERSIONS:
        with session.turn() as k:
            for tid, record in ((100, tb_fields.distinct(version, 100, 100)), (101, k.make_stats(101, ac_flag=0x20))):
                k.fork(tid)
                k.stats(record, version=version)
                k.exit(tid)
    session.record("status").status()
    session.finish("versions")


def used(tid, pid=None, ns=0, comm=b"worker", **values):
    pid = tid if pid is None else pid
    fields = dict(ac_exe_dev=1, ac_exe_inode=2, cpu_run_virtual_total_ns=ns, nvcsw=1 + ns // 1000)
    return tb_fields.distinct(16, tid, pid, comm=comm, **{**fields, **values})


def populate(session):
    """Live statistics of the older tasks, and of a process with two threads."""
    live, k = session.live.live, session.kernel
    for pid, comm in ((1, b"init"), (2, b"kthreadd"), (3, b"kworker/0:0"), (50, b"a) (b\\"), (60, b"\xff\x01")):
        live[pid] = used(pid, ns=pid * 1000, comm=comm)
    live[51] = used(51, pid=50, ns=51_000)
    with session.turn():
        k.fork(100, parent_tid=60)
        k.fork(101, pid=100, parent_tid=60)
    live[100] = used(100, ns=5_000_000, comm=b"leader")
    live[101] = used(101, pid=100, ns=3_000_000, comm=b"thread")


def ask(client, pids=(), tids=()):
    ask_stats(client, pids, tids)
    client.receive()


def test_stats(stats, make_session):
    """Questions for live processes and threads, for some that have ended, and with a lost answer."""
    session = make_session(stats=stats, prepare=older_tasks)
    populate(session)
    client = session.record("stats")
    ask(client, pids=[100, 1, 4711, 50], tids=[101, 100, 4712, 3])
    stats.drop.add(101)
    ask(client, pids=[100], tids=[101])
    stats.drop.clear()
    stats.live.pop(101)
    with session.turn() as k:
        k.stats(used(101, pid=100, ns=4_000_000))
        k.exit(101, pid=100)
    ask(client, pids=[100], tids=[101])
    for pids, tids in (([], []), (range(1, 130), []), (range(1, 100), range(1, 31))):
        ask(client, pids, tids)
    client.status()
    session.finish("stats")


SAMPLES = {
    "processes": {},
    "threads": dict(scope=sample_pb2.SAMPLE_SCOPE_THREADS),
    "groups": dict(groups=1 << 2 | 1 << 5),
    "filter": dict(filter=dict(subtrees=[60], comms=[b"lead*", b"short"])),
}


@pytest.mark.parametrize("name", SAMPLES)
def test_samples(stats, make_session, name):
    """
    A full sample; then one with the tasks that changed. The second subscriber's request makes
    the broker take it: the interval is a minute.
    """
    session = make_session(stats=stats, prepare=older_tasks)
    populate(session)

    def sampler(key):
        client = session.record(key)
        ask_samples(client, interval_ms=60000, **SAMPLES[name])
        while True:
            message = client.receive()
            if message.WhichOneof("body") == "sample_part" and message.sample_part.last:
                return client

    sampler("first")
    # A task has run; an answer is lost; a task is gone before its exit was read; another ends without a record.
    stats.live[1] = used(1, ns=9_000, comm=b"init")
    stats.drop.add(3)
    stats.live.pop(101)
    stats.live.pop(60)
    with session.turn() as k:
        k.fork(501, parent_tid=60)
        k.exit(501)
    with session.turn() as k:
        k.stats(used(101, pid=100, ns=4_000_000))
        k.exit(101, pid=100)
        k.fork(500, parent_tid=60)
        k.exec(500, comm=b"short")
    with session.turn() as k:
        k.stats(used(500, ns=123_000, comm=b"short", ac_flag=0x20, ac_exitcode=0x0300))
        k.exit(500, code=0x0300)
    sampler("second")
    session.record("status").status()
    session.finish("samples-" + name)


def bad_values():
    """Requests that are refused; the connection goes on."""
    out = {}

    def subscribe(name, **kw):
        message = broker_pb2.ClientMessage(request_id=300 + len(out))
        message.subscribe.SetInParent()
        if "filter" in kw:
            message.subscribe.filter.CopyFrom(broker_pb2.Filter(**kw.pop("filter")))
        message.subscribe.kinds.extend(kw.pop("kinds", ()))
        for field, value in kw.items():
            setattr(message.subscribe, field, value)
        out[name] = message

    def sample(name, **kw):
        message = broker_pb2.ClientMessage(request_id=300 + len(out))
        if "filter" in kw:
            message.subscribe_samples.filter.CopyFrom(broker_pb2.Filter(**kw.pop("filter")))
        for field, value in {"interval_ms": 100, **kw}.items():
            setattr(message.subscribe_samples, field, value)
        out[name] = message

    for kind in (0, 11, 99, 2147483647, -1):
        subscribe(f"kind {kind}", kinds=[kind])
    for delay in (60001, 0xFFFFFFFF):
        subscribe(f"delay {delay}", max_delay_ms=delay)
    filters = {
        "uids": dict(uids=range(65)),
        "pids": dict(pids=range(1, 66)),
        "subtrees": dict(subtrees=range(1, 18)),
        "subtree 0": dict(subtrees=[0]),
        "subtree of nobody": dict(subtrees=[4711]),
        "comms": dict(comms=[b"x"] * 17),
        "comm empty": dict(comms=[b""]),
        "comm long": dict(comms=[b"x" * 64]),
        "comm with NUL": dict(comms=[b"x\0y"]),
        "cgroups": dict(cgroups=[b"/x"] * 9),
        "cgroup relative": dict(cgroups=[b"x"]),
        "cgroup empty": dict(cgroups=[b""]),
        "cgroup long": dict(cgroups=[b"/" + b"x" * 511]),
        "cpus": dict(cpus="3-1"),
        "cpus no list": dict(cpus="all"),
        "cpus too large": dict(cpus="0-99999999"),
    }
    for name, criteria in filters.items():
        subscribe(name, filter=criteria)
        sample("sample " + name, filter=criteria)
    sample("sample nonzero", filter=dict(nonzero=True))
    sample("sample cpus right", filter=dict(cpus="0"))
    for interval in (0, 99, 60001):
        sample(f"interval {interval}", interval_ms=interval)
    sample("scope", scope=3)
    for groups in (1, 1 << 30):
        sample(f"groups {groups}", groups=groups)
    return out


def no_requests():
    """After these the connection ends."""
    status = broker_pb2.ClientMessage(request_id=5)
    status.get_broker_status.SetInParent()
    return {
        "length 0": b"\x00",
        "length of six bytes": b"\x80\x80\x80\x80\x80\x01",
        "too large by one": varint(MAX_FROM_CLIENT + 1),
        "too large by far": varint(0xFFFFFFFF),
        "not protobuf": frame(b"\xff" * 50),
        "no request": frame(broker_pb2.ClientMessage(request_id=5)),
        "wrong wire type": frame(b"\x0a\x01\x00"),
        "group tags": frame(b"\x0b\x0c"),
        "unknown request": frame(broker_pb2.ClientMessage(request_id=5).SerializeToString() + b"\x7a\x00"),
        "unknown field in subscribe": frame(b"\x12\x02\x78\x01"),
        "unknown field in get_broker_status": frame(b"\x1a\x02\x08\x01"),
        "unknown field in filter": frame(b"\x12\x05\x3a\x03\xa0\x06\x01"),
        "unknown field beside a request": frame(status.SerializeToString() + b"\x78\x01"),
        "good, then bad": frame(status) + b"\x00",
    }


def test_refusals(stats, make_session):
    session = make_session(stats=stats)
    client = session.record("values")
    for name, message in bad_values().items():
        client.send(message)
        assert client.receive().WhichOneof("body") == "error", name
    for _ in range(16):
        client.subscribe()
    with pytest.raises(BrokerError):
        client.subscribe()
    with pytest.raises(BrokerError):
        ask_samples(client)
    for request_id in (0, 127, 128, (1 << 32) + 5, (1 << 64) - 1):
        message = broker_pb2.ClientMessage(request_id=request_id)
        message.get_broker_status.SetInParent()
        client.send_raw(frame(message))
        client.receive()
    for name, data in no_requests().items():
        client = session.record(name)
        client.send_raw(data)
        with pytest.raises(Closed):
            while True:
                client.receive()
    session.finish("refusals")


@pytest.mark.skipif(not IS_ROOT, reason="two users take root")
def test_another_user(stats, make_session):
    """A user's own and other users' tasks: events, snapshots, programs, samples, the status."""
    owners = {100: OTHER, 200: OTHER + 1}

    def prepare(session):
        for i, (pid, owner) in enumerate(owners.items()):
            session.proc.add(pid, uid=owner, gid=owner, comm=b"task", start_ns=session.clock.seed(60 + i))
            session.proc.set_program(pid, cmdline=b"task\0", exe=b"/bin/task", cgroup=b"0::/user.slice\n")
            for directory, _, names in os.walk(session.proc.root / str(pid)):
                for name in names:
                    os.lchown(os.path.join(directory, name), owner, owner)

    with open_directory() as directory:
        session = make_session(stats=stats, path=directory / "sock", prepare=prepare)
        os.chmod(directory / "sock", 0o666)
        for pid, owner in owners.items():
            stats.live[pid] = used(pid, ns=1000, comm=b"task", ac_uid=owner, ac_gid=owner)
        stats.live[1] = used(1, comm=b"init", ac_uid=0, ac_gid=0)
        events = session.record("events", uid=OTHER)
        events.subscribe(ALL_KINDS, threads=True, programs=True, snapshot=True)
        events.snapshot()
        ask(session.record("stats", uid=OTHER), pids=[100, 200, 1])
        samples = session.record("samples", uid=OTHER)
        ask_samples(samples, interval_ms=60000)
        while not samples.receive().sample_part.last:
            pass
        with session.turn() as k:
            for pid, owner in owners.items():
                k.fork(pid + 1, pid=pid)
                k.comm(pid, comm=b"renamed")
                full_stats(k, pid + 1, pid=pid, ac_uid=owner, ac_gid=owner)
                k.exit(pid + 1, pid=pid)
        with session.turn() as k:
            for pid, owner in owners.items():
                stats.live.pop(pid)
                full_stats(k, pid, ac_uid=owner, ac_gid=owner, ac_exitcode=0x0700)
                k.exit(pid, code=0x0700)
        session.record("status", uid=OTHER).status()
        # The user may have sixteen feeds of events; one serves the events above.
        for uid in range(15):
            with acting_as(OTHER):
                session.daemon.client().subscribe(("fork",), filter=dict(uids=[uid]))
        with pytest.raises(BrokerError):
            session.record("share", uid=OTHER).subscribe(("fork",), filter=dict(uids=[99]))
        session.finish("another-user")


if __name__ == "__main__":
    assert sys.argv[1:] == ["--write"], __doc__
    os.environ["GOLDEN_WRITE"] = "1"
    sys.exit(pytest.main(["-q", "-p", "no:cacheprovider", __file__]))
