# SPDX-License-Identifier: Apache-2.0
"""
The identity of a task is its number and its start by the boot clock. It is the same in
every message about the task, over steps of the wall clock, losses and restarts of the
broker. Spans between the broker's times are real spans.
"""

import contextlib
import os
import signal
import subprocess
import threading
import time

import pytest
import support
from tb_client import Closed, what
from tb_protocol import event_pb2

TICK_NS = 1_000_000_000 // os.sysconf("SC_CLK_TCK")

# Seconds by which the wall clock is set: as time synchronisation does at boot, and as a person does.
STEPS = (0.003, -0.3, 0.5, -2, 90, -3600)

# In the storm the wall clock is ahead by so many seconds in turn, and behind. They are few, as other programs of this
# machine read the clock too.
LEADS = (2, 1.5, 1.8, -2, -0.3, 0.5)


def realtime_lead_ns():
    return time.clock_gettime_ns(time.CLOCK_REALTIME) - time.clock_gettime_ns(time.CLOCK_BOOTTIME)


@contextlib.contextmanager
def kept_clock():
    """Puts the wall clock back at the end, however often it was set."""
    lead_ns = realtime_lead_ns()
    try:
        yield
    finally:
        with contextlib.suppress(PermissionError):
            time.clock_settime_ns(
                time.CLOCK_REALTIME, time.clock_gettime_ns(time.CLOCK_BOOTTIME) + lead_ns
            )


def step_clock(seconds):
    try:
        time.clock_settime_ns(
            time.CLOCK_REALTIME, time.clock_gettime_ns(time.CLOCK_REALTIME) + int(seconds * 1e9)
        )
    except PermissionError:
        pytest.skip("the wall clock may not be set here")


class Steps(threading.Thread):
    """Sets the wall clock ahead and back, until it is stopped."""

    def __init__(self, interval_s):
        super().__init__(daemon=True)
        self.interval_s = interval_s
        self.done = threading.Event()
        self.n = 0

    def run(self):
        lead = 0
        while not self.done.wait(self.interval_s):
            former, lead = lead, LEADS[self.n % len(LEADS)]
            step_clock(lead - former)
            self.n += 1

    def stop(self):
        self.done.set()
        self.join()


def proc_start_ticks(pid):
    with open(f"/proc/{pid}/stat", "rb") as file:
        return int(file.read().rsplit(b")", 1)[1].split()[19])


def identities(broker):
    return {(t.pid, t.tid): (t.start_boot_ns, t.start_time_ns) for t in broker.tasks()}


@pytest.fixture
def sleepers():
    children = [subprocess.Popen(["sleep", "600"]) for _ in range(100)]
    yield children
    for child in children:
        child.kill()
        child.wait()


def test_over_restarts(make_broker):
    """A broker that is killed, and one that is stopped: the next one knows every task by the same identity."""
    broker = make_broker()
    children = [subprocess.Popen(["sleep", "600"]) for _ in range(200)]
    mine = {(child.pid, child.pid) for child in children}
    try:
        broker.settle(lambda status: mine <= set(identities(broker)))
        before = identities(broker)
        for number in (signal.SIGKILL, signal.SIGTERM):
            broker.process.send_signal(number)
            broker.process.wait()
            # A task that ends while no broker runs, and one that is forked then.
            gone = children.pop()
            gone.kill()
            gone.wait()
            mine.discard((gone.pid, gone.pid))
            children.append(subprocess.Popen(["sleep", "600"]))
            broker.start()
            after = identities(broker)
            assert (gone.pid, gone.pid) not in after
            assert {at: after[at] for at in mine} == {at: before[at] for at in mine}
            assert all(after[at] == before[at] for at in after if at in before)
    finally:
        for child in children:
            child.kill()
            child.wait()


def test_full_file_system(make_broker, directory):
    """A user fills the file system of the starts, such as /dev/shm: the broker serves on, and only identities suffer."""
    place = directory / "full"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8k,mode=755", "tmpfs", str(place)], check=True)
    try:
        broker = make_broker("--start-file", str(place / "starts"))
        # Each page has 512 numbers: so many forks take several pages.
        children = [subprocess.Popen(["sleep", "600"]) for _ in range(5)]
        support.storm(directory, "fork", 3000)
        children += [subprocess.Popen(["sleep", "600"]) for _ in range(5)]
        broker.settle(lambda status: {(c.pid, c.pid) for c in children} <= set(identities(broker)))
        for child in children:
            child.kill()
            child.wait()
        assert broker.process.poll() is None
        broker.stop()
    finally:
        subprocess.run(["umount", str(place)], check=True)


def test_by_proc(make_broker, sleepers):
    """The start in ticks is what /proc has, or a little more if the kernel was interrupted after the start."""
    older = {child.pid for child in sleepers}
    broker = make_broker()
    children = [subprocess.Popen(["sleep", "600"]) for _ in range(100)]
    try:
        broker.settle(lambda status: {(c.pid, c.pid) for c in children} <= set(identities(broker)))
        for (pid, tid), (start_boot_ns, _) in identities(broker).items():
            if pid == tid and pid in older | {child.pid for child in children}:
                more = start_boot_ns // TICK_NS - proc_start_ticks(pid)
                assert more == 0 if pid in older else more >= 0
    finally:
        for child in children:
            child.kill()
            child.wait()


# The first thread leaves by itself; a thread with a name of its own ends last.
LEADER_FIRST = """
import ctypes, threading, time
libc = ctypes.CDLL(None)
def work():
    libc.prctl(15, b"worker-7", 0, 0, 0)
    time.sleep(0.3)
threading.Thread(target=work).start()
libc.syscall(ctypes.c_long(60 if __import__("platform").machine() == "x86_64" else 93), 0)
"""


def test_process_that_ends_with_a_thread(make_broker):
    """Without threads, the exit has the identity and the name of the fork. With threads, it names the leader."""
    broker = make_broker()
    processes, threads = broker.subscriber(threads=False), broker.subscriber(threads=True)
    child = subprocess.Popen(["python3", "-c", LEADER_FIRST])
    child.wait()

    def events_until_end(stream):
        events = []
        while not (events and what(events[-1]) == "exit" and events[-1].exit.process_ended):
            event = stream.event()
            if event.pid == child.pid:
                events.append(event)
        return events

    whole, single = events_until_end(processes), events_until_end(threads)
    assert {(e.tid, e.start_boot_ns) for e in whole} == {(child.pid, whole[0].start_boot_ns)}
    end, last = whole[-1], single[-1]
    assert end.comm.startswith(b"python3") and end.exit.stats.task_count == 2
    assert last.tid != child.pid and last.comm == b"worker-7"
    assert (last.exit.leader.start_boot_ns, last.exit.leader.comm) == (end.start_boot_ns, end.comm)


@pytest.mark.parametrize("seconds", STEPS)
def test_steps(make_broker, sleepers, seconds):
    """The clock is set between two snapshots, before programs are read, and while a task lives and ends."""
    broker = make_broker()
    with kept_clock():
        before = identities(broker)
        stream = broker.subscriber(threads=False)
        child = subprocess.Popen(["sleep", "600"])
        step_clock(seconds)
        broker.settle(lambda status: (child.pid, child.pid) in identities(broker))
        after = identities(broker)
        child.kill()
        child.wait()
        while True:
            event = stream.event()
            if event.pid == child.pid and what(event) == "exit":
                break
        assert all(after[at] == before[at] for at in before if at in after)
        assert {(c.pid, c.pid) for c in sleepers} <= set(after)
        with broker.client() as client:
            client.subscribe(snapshot=True, programs=True)
            lines = {t.pid: t.program.cmdline for t in client.snapshot()}
        assert {lines[c.pid] for c in sleepers} == {b"sleep\x00600\x00"}
        # The record has the life by the kernel. The two stamps of the connector are a moment away from it.
        life_ns = event.time_ns - event.start_time_ns
        assert 0 < life_ns
        assert abs(life_ns - event.exit.stats.identity.ac_etime_us * 1000) < 200_000_000
        assert event.start_boot_ns == after[child.pid, child.pid][0]


class Reader:
    """
    Holds the stream against the promises, for processes: one fork, one end, one identity, no
    negative span. No event ends a process that lives.
    """

    def __init__(self, living):
        self.living = living
        self.starts = {}        # live, by pid
        self.ended = set()      # (pid, start)
        self.n_exits = 0
        self.n_lost = 0

    def seed(self, tasks):
        for task in tasks:
            assert task.start_boot_ns > 0
            self.starts[task.pid] = task.start_boot_ns

    def take(self, event):
        kind = what(event)
        if kind == "loss":
            assert event.loss.source != event_pb2.LOSS_SOURCE_READER, f"this reader fell behind: {event}"
            self.n_lost += 1
            return
        if event.tid != event.pid and kind != "exit":
            return
        if kind == "fork":
            assert event.pid not in self.starts, f"{event.pid} was forked, and has not ended: {event}"
            assert (event.pid, event.start_boot_ns) not in self.ended, f"an identity came twice: {event}"
            self.starts[event.pid] = event.start_boot_ns
            return
        assert event.task_unknown or event.time_ns >= event.start_time_ns, f"a negative span: {event}"
        if kind == "exit" and event.exit.process_ended:
            assert event.pid not in self.living, f"{event.pid} lives, and is reported as ended: {event}"
            self.n_exits += 1
            start = self.starts.pop(event.pid, None)
            if start:
                assert event.tid == event.pid and event.start_boot_ns in (0, start), f"another identity: {event}"
                self.ended.add((event.pid, start))


N_STORM = int(os.environ.get("IDENTITY_STORM", "20000"))
N_ROUNDS = max(4, N_STORM // 10_000)


def test_storm_of_steps_and_losses(make_broker, directory, sleepers):
    """
    Processes come and go, the clock is set every 200 ms, and each second the kernel loses
    messages. An independent reader holds the stream: no live process ends, none is forked
    twice, and in the end its table equals /proc.
    """
    # The feed holds all events: on a slow machine this reader falls behind.
    broker = make_broker("--rcvbuf-bytes", str(192 * 1024), "--feed-mib", "512")
    living = {child.pid for child in sleepers}
    reader = Reader(living)
    stream = broker.client()
    stream.subscribe(threads=False, snapshot=True)
    reader.seed(stream.snapshot())
    assert living <= set(reader.starts)
    with kept_clock():
        step_clock(0)
        steps = Steps(0.2)
        steps.start()
        try:
            for _ in range(N_ROUNDS):
                support.storm(directory, "fork", N_STORM // N_ROUNDS // 2)
                with broker.stopped():
                    support.storm(directory, "fork", N_STORM // N_ROUNDS // 2)
            last = subprocess.Popen(["sleep", "600"])
            # The table is compared with /proc 250 ms after the last loss.
            time.sleep(2)
            # Numbers come round in a long storm: its number alone would not name it.
            start_boot_ns = identities(broker)[last.pid, last.pid][0]
            last.kill()
            last.wait()
            while True:
                event = stream.event()
                reader.take(event)
                if (event.pid, event.start_boot_ns) == (last.pid, start_boot_ns) and what(event) == "exit":
                    break
        finally:
            steps.stop()
    assert steps.n > 0 and reader.n_lost > 0
    assert living <= set(reader.starts) and all(os.path.exists(f"/proc/{pid}") for pid in living)
    stream.close()


def test_closed_streams(make_broker):
    """A step of the clock ends no connection, however long nothing happens."""
    broker = make_broker()
    client = broker.client()
    with kept_clock():
        for seconds in STEPS:
            step_clock(seconds)
            try:
                client.status()
            except Closed:
                raise AssertionError(f"closed by a step of {seconds} s") from None
    client.close()
