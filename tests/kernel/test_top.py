# SPDX-License-Identifier: Apache-2.0
"""
taskbroker top -b on the real kernel: the sums of what it says each task used are what
getrusage(2) and /proc/PID/io say, of those too that lived between two samples; and
taskbroker iotop says what iotop-c says.
"""

import collections
import contextlib
import json
import mmap
import os
import pathlib
import resource
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import time

import pytest
import support
from support import EXIT, PROCESS_ENDED, Collecting

# Room for a whole storm: however busy the machine is, no subscriber falls behind.
ROOM = ("--feed-mib", "512")

KIB = 1024
MIB = 1024 * KIB

# The kernel's clocks of a task's processor time may differ by a tick each.
TICK_NS = 10_000_000


@pytest.fixture
def broker(make_broker):
    return make_broker(*ROOM)


@pytest.fixture
def disk():
    """A directory whose files are on storage: what is written to a tmpfs is no output."""
    with tempfile.TemporaryDirectory(prefix="tbk-", dir="/var/tmp") as path:
        yield pathlib.Path(path)


class Top:
    """taskbroker top -b --json beside the test."""

    def __init__(self, broker, *arguments):
        command = [os.environ["TASKBROKER"], "--socket", str(broker.path), "top", "-b", "--json", *arguments]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.rest = b""
        self.samples = []       # (sample, [task_sample])
        self.tasks = []

    def next(self):
        """The next sample, complete."""
        deadline = time.monotonic() + support.TIMEOUT
        while b"\n" not in self.rest or not self._take():
            ready = select.select([self.process.stdout], [], [], max(0, deadline - time.monotonic()))[0]
            assert ready, f"no sample came; the last: {self.samples[-1:]}"
            data = os.read(self.process.stdout.fileno(), 1 << 20)
            assert data, f"it ended: {self.process.stderr.read()}"
            self.rest += data
        return self.samples[-1]

    def _take(self):
        while b"\n" in self.rest:
            line, self.rest = self.rest.split(b"\n", 1)
            shown = json.loads(line)
            if shown["kind"] == "task_sample":
                self.tasks.append(shown)
            else:
                self.samples.append((shown, self.tasks))
                self.tasks = []
                return True
        return False

    def until(self, predicate):
        """Samples up to the one whose tasks satisfy it, and one more."""
        deadline = time.monotonic() + support.TIMEOUT
        while not predicate(self.next()[1]):
            assert time.monotonic() < deadline
        self.next()

    def finish(self):
        self.process.send_signal(signal.SIGTERM)
        out, err = self.process.communicate(timeout=support.TIMEOUT)
        assert self.process.returncode == 0 and not err, err
        self.rest += out
        while self._take():
            pass
        for sample, _ in self.samples:
            # Without a span, in the first sample, the number is not known.
            assert sample["lost"] == (0 if sample["span_ns"] else None) and sample["samples_lost"] == 0, sample

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()

    def of(self, pid):
        """All samples of a process, in order."""
        return [task for _, tasks in self.samples for task in tasks if task["pid"] == pid]


@contextlib.contextmanager
def watching(broker, *arguments):
    top = Top(broker, *arguments)
    try:
        yield top
    finally:
        top.kill()


def used(tasks, part, name):
    return sum(task["used"][part][name] for task in tasks if task["used"])


class Child:
    """A program in Python that takes orders on its standard input, and answers a line."""

    def __init__(self, script, *arguments):
        self.process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(script), *map(str, arguments)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        self.pid = self.process.pid

    def ask(self, order=""):
        self.process.stdin.write(order + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def end(self):
        self.process.stdin.close()
        _, status, usage = os.wait4(self.pid, 0)
        self.process.returncode = os.waitstatus_to_exitcode(status)
        self.process.stdout.close()
        return usage


# Writes and reads with direct I/O, and says what the kernel counted of it.
DIRECT = """
    import json, mmap, os, sys

    def io():
        with open("/proc/self/io") as f:
            return {k.strip(): int(v) for k, v in (line.split(":") for line in f)}

    block = mmap.mmap(-1, 65536)
    fd = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT | os.O_DIRECT, 0o600)
    for order in sys.stdin:
        if order.strip() == "write":
            for i in range(128):
                os.pwrite(fd, block, i * 65536)
        if order.strip() == "read":
            for i in range(64):
                os.preadv(fd, [block], i * 65536)
        print(json.dumps(io()), flush=True)
"""


def test_direct_io(broker, disk):
    """8 MiB written and 4 MiB read, past every cache: the sum over the samples is what /proc/PID/io says."""
    child = Child(DIRECT, disk / "file")
    before = child.ask()
    with watching(broker, "-d", "0.2", "--all") as top:
        top.next()
        child.ask("write")
        top.next()
        top.next()
        after = child.ask("read")
        top.next()
        top.next()
        top.finish()
    child.end()

    shown = top.of(child.pid)
    first, last = shown[0], shown[-1]
    assert first["used"] is None and not last["ended"]
    for name, mine in (("read_bytes", "read_bytes"), ("write_bytes", "write_bytes")):
        difference = after[name] - before[name]
        assert difference >= 4 * MIB
        # The broker rounds each of the two totals down to a multiple of 1024.
        assert abs(used(shown, "io", mine) - difference) < KIB
        assert used(shown, "io", mine) == last["stats"]["io"][mine] - first["stats"]["io"][mine]
        assert last["stats"]["io"][mine] == after[name] // KIB * KIB

    # The same in the sums of each sample.
    for sample, tasks in top.samples[1:]:
        assert sample["used"]["io"]["write_bytes"] == used(tasks, "io", "write_bytes")
        assert sample["span_ns"] > 0 and sample["tasks"] <= len(tasks)


def test_spinner_under_limit(broker):
    """A process that runs until its limit of processor time ends it, across several samples."""
    with watching(broker, "-d", "0.2") as top:
        top.next()
        pid = os.fork()
        if pid == 0:
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            resource.setrlimit(resource.RLIMIT_CPU, (1, 2))
            while True:
                pass
        _, status, usage = os.wait4(pid, 0)
        assert os.WTERMSIG(status) == signal.SIGXCPU
        top.until(lambda tasks: any(task["pid"] == pid and task["ended"] for task in tasks))
        top.finish()

    shown = top.of(pid)
    cpu_ns = (usage.ru_utime + usage.ru_stime) * 1e9
    # The limit is held by sampled time.
    assert cpu_ns >= 0.5e9
    assert len(shown) > 2 and [task["ended"] for task in shown] == [False] * (len(shown) - 1) + [True]
    assert shown[-1]["term_signal"] == signal.SIGXCPU
    # The use covers its whole life: it used nothing before the first sample.
    total = shown[-1]["stats"]["cpu"]["cpu_run_virtual_total_ns"]
    assert used(shown, "cpu", "cpu_run_virtual_total_ns") == total
    assert cpu_ns - 2 * TICK_NS <= total <= cpu_ns + TICK_NS
    # It never used more than the time that there was.
    for task in shown:
        assert task["used"]["cpu"]["cpu_run_virtual_total_ns"] <= task["span_ns"] + TICK_NS


N_WRITERS = 2000


def test_short_writers(broker, beside, disk):
    """2000 processes that write a page each and end: every process comes once, with all that it used."""
    end = support.unique_name()
    collect = beside(Collecting, broker, end, kinds=(EXIT,))
    codes, written = {}, {}
    results, says = os.pipe()
    with watching(broker, "-d", "0.2") as top:
        top.next()
        fd = os.open(disk / "file", os.O_WRONLY | os.O_CREAT, 0o600)
        page = b"x" * mmap.PAGESIZE
        for i in range(N_WRITERS):
            pid = os.fork()
            if pid == 0:
                os.pwrite(fd, page, i * mmap.PAGESIZE)
                with open("/proc/self/io", "rb") as f:
                    os.write(says, f.read())
                os._exit(i % 7)
            os.waitpid(pid, 0)
            codes[pid] = i % 7
            # A page of metadata, too, may count for its first writer.
            written[pid] = int(dict(line.split(b": ") for line in os.read(results, 4096).splitlines())[b"write_bytes"])
        os.close(fd)
        top.until(lambda tasks: any(task["pid"] == pid and task["ended"] for task in tasks))
        top.finish()
    support.marker(end)
    records = {r.pid: r for r in collect.finish() if r.kind == EXIT and r.flags & PROCESS_ENDED and r.pid in written}

    shown = collections.defaultdict(list)
    for _, tasks in top.samples:
        for task in tasks:
            if task["pid"] in written and task["ppid"] == os.getpid():
                shown[task["pid"]].append(task)
    assert len(codes) == N_WRITERS and shown.keys() == codes.keys()
    for pid, tasks in shown.items():
        assert [task["ended"] for task in tasks] == [False] * (len(tasks) - 1) + [True]
        assert tasks[-1]["exit_code"] == codes[pid] and tasks[-1]["used"] is not None
        assert used(tasks, "cpu", "cpu_run_virtual_total_ns") == records[pid].cpu_ns
        assert used(tasks, "io", "write_bytes") == written[pid] >= mmap.PAGESIZE

    everything = [task for tasks in shown.values() for task in tasks]
    assert used(everything, "io", "write_char_bytes") == N_WRITERS * mmap.PAGESIZE
    assert sum(sample["forks"] or 0 for sample, _ in top.samples) >= N_WRITERS
    assert sum(sample["exits"] or 0 for sample, _ in top.samples) >= N_WRITERS


# -- iotop ------------------------------------------------------------------

# Writes so many bytes a second, evenly.
STEADY = """
    import mmap, os, sys, time
    block = mmap.mmap(-1, 65536)
    fd = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT | os.O_DIRECT, 0o600)
    rate = int(sys.argv[2]) // 65536
    begin = time.monotonic()
    n = 0
    while True:
        os.pwrite(fd, block, n % 64 * 65536)
        n += 1
        time.sleep(max(0, begin + n / rate - time.monotonic()))
"""

RATE = 4 * MIB
N_REFRESHES = 6
N_TRIES = 5


@contextlib.contextmanager
def delay_accounting():
    path = pathlib.Path("/proc/sys/kernel/task_delayacct")
    before = path.read_text()
    path.write_text("1")
    try:
        yield
    finally:
        path.write_text(before)


def rows_of(text, pid):
    """(written KiB/s, SWAPIN %, IO %) of each refresh, from the batch form of any iotop."""
    rows = []
    for line in text.splitlines():
        words = line.split()
        if words and words[0] == str(pid):
            assert words[4] == words[6] == "K/s" and words[8] == words[10] == "%", line
            rows.append((float(words[5]), float(words[7]), float(words[9])))
    return rows


def iotops(broker, iotop_c, disk):
    """The rows of one writer, in the same seconds, by iotop-c and by ours."""
    options = ["-b", "-k", "-P", "-d", "1", "-n"]
    with delay_accounting():
        writer = subprocess.Popen([sys.executable, "-c", textwrap.dedent(STEADY), str(disk / "file"), str(RATE)])
        try:
            theirs = subprocess.Popen(
                [iotop_c, *options, str(N_REFRESHES + 1)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
            )
            ours = subprocess.Popen(
                [os.environ["TASKBROKER"], "--socket", str(broker.path), "iotop", *options, str(N_REFRESHES)],
                stdout=subprocess.PIPE, text=True,
            )
            theirs_text, ours_text = theirs.communicate(timeout=support.TIMEOUT)[0], ours.communicate()[0]
        finally:
            writer.kill()
            writer.wait()
    # Theirs begins with a refresh that knows nothing yet.
    theirs_rows, ours_rows = rows_of(theirs_text, writer.pid)[1:], rows_of(ours_text, writer.pid)
    assert len(ours_rows) == N_REFRESHES and len(theirs_rows) >= N_REFRESHES - 1, (theirs_text, ours_text)
    return theirs_rows, ours_rows


def agree(theirs_rows, ours_rows, column, slack=0):
    """Whether the sums over the same seconds agree, except for the second in which they began."""
    n = min(len(theirs_rows), len(ours_rows))
    difference = sum(row[column] for row in theirs_rows[:n]) - sum(row[column] for row in ours_rows[:n])
    return abs(difference) <= max(row[column] for row in theirs_rows + ours_rows) + slack


def test_as_iotop(broker, disk):
    """The same process in the same seconds, by iotop-c and by ours: within one refresh they say the same."""
    iotop_c = shutil.which("iotop-c")
    if not iotop_c:
        pytest.skip("iotop-c is not installed")
    tries = []
    # On a busy machine the two do not see the same seconds, or the writer makes up for a pause: that spoils a try.
    while len(tries) < N_TRIES:
        theirs_rows, ours_rows = iotops(broker, iotop_c, disk)
        assert sum(row[0] for row in ours_rows) > 0 and max(row[2] for row in ours_rows) > 0
        tries.append((theirs_rows, ours_rows))
        if agree(theirs_rows, ours_rows, 0) and agree(theirs_rows, ours_rows, 2, slack=1):
            return
    raise AssertionError(f"they never agreed: {tries}")


def test_off_is_said(broker, disk):
    """Where delay accounting is off, no column shows a zero that means "not counted"."""
    path = pathlib.Path("/proc/sys/kernel/task_delayacct")
    if path.read_text().strip() != "0":
        pytest.skip("delay accounting is on")
    child = Child(DIRECT, disk / "file")
    child.ask("write")
    taskbroker = [os.environ["TASKBROKER"], "--socket", str(broker.path)]
    text = subprocess.run(
        [*taskbroker, "iotop", "-b", "-P", "-d", "0.2", "-n", "1"], stdout=subprocess.PIPE, text=True, check=True,
        timeout=support.TIMEOUT,
    ).stdout
    (line,) = [line for line in text.splitlines() if line.split()[:1] == [str(child.pid)]]
    assert "?unavailable?" in line
    text = subprocess.run(
        [*taskbroker, "top", "-b", "--all", "-d", "0.2", "-n", "1", "-o", "pid,io,swap,delay"],
        stdout=subprocess.PIPE, text=True, check=True, timeout=support.TIMEOUT,
    ).stdout
    line = [line for line in text.splitlines() if line.split()[:1] == [str(child.pid)]][-1]
    assert line.split() == [str(child.pid), "off", "off", "0.0"]
    assert "delay accounting off" in text
    child.end()
