# SPDX-License-Identifier: Apache-2.0
"""
Parts add up to wholes, in every view of one machine whose figures the test makes up: threads to
their process, processes to the machine, the rows of a table to its total.
"""

import json
import random
import re
import signal
import subprocess

import pytest

from tb_client import what
from tb_daemon import executable
from tb_wait import TIMEOUT, wait_until
from test_live import end, live, used  # noqa: F401 (a fixture)

# Figures that are summed, by group, with the member of the made-up statistics.
SUMS = {
    ("cpu", "cpu_run_virtual_total_ns"), ("memory", "ac_minflt"), ("scheduling", "nvcsw"), ("io", "read_bytes"),
    ("io", "write_bytes"), ("io", "cancelled_write_bytes"),
}


class Crowd:
    """Processes 200, 210, ... with some threads each, which use something, end, and come."""

    def __init__(self, live, seed):
        self.live, self.rng = live, random.Random(seed)
        self.tasks = {}         # tid: pid
        self.total = {}         # tid: figures
        self.ended = {}         # tid: (pid, figures)
        for pid in range(200, 260, 10):
            for tid in range(pid, pid + self.rng.randrange(1, 5)):
                self.fork(pid, tid)

    def fork(self, pid, tid):
        self.live.kernel.fork(tid, pid=pid, comm=b"crowd")
        self.tasks[tid], self.total[tid] = pid, dict.fromkeys((name for _, name in SUMS), 0)
        self.work(tid)

    def work(self, tid):
        for name in sorted(self.total[tid]):
            # The kernel rounds input and output down to 1024 bytes.
            self.total[tid][name] += self.rng.randrange(1, 1000) * 1024
        self.live.live.live[tid] = used(tid, pid=self.tasks[tid], comm=b"crowd", **self.total[tid])

    def end(self, tid):
        pid = self.tasks.pop(tid)
        self.ended[tid] = pid, self.total.pop(tid)
        end(self.live, tid, pid=pid, last=pid not in self.tasks.values(), comm=b"crowd", **self.ended[tid][1])

    def step(self):
        for tid in sorted(self.tasks):
            if self.rng.random() < 0.5:
                self.work(tid)
        threads = [tid for tid in sorted(self.tasks) if tid != self.tasks[tid]]
        if threads:
            self.end(self.rng.choice(threads))
        pid = self.rng.choice(sorted(set(self.tasks.values())))
        self.fork(pid, max([*self.tasks, *self.ended]) + 1)

    def end_process(self, pid):
        tids = [tid for tid in sorted(self.tasks, reverse=True) if self.tasks[tid] == pid]
        for tid in tids:
            self.end(tid)

    def of_process(self, pid):
        """The sums over all threads of a process, with those that ended."""
        parts = [self.total[tid] for tid, of in self.tasks.items() if of == pid]
        parts += [figures for of, figures in self.ended.values() if of == pid]
        return {name: sum(part[name] for part in parts) for _, name in SUMS}


def command(live, *arguments):
    return subprocess.Popen(
        [executable("TASKBROKER", "command"), *arguments[:1], "--socket", str(live.path), *arguments[1:]],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
    )


def figures(stats):
    return {name: stats[group][name] for group, name in SUMS}


def add(parts):
    parts = list(parts)
    return {name: sum(part[name] for part in parts) for _, name in SUMS}


def end_command(command):
    """A command that has printed enough ends well at a signal, whatever it was about to print."""
    command.send_signal(signal.SIGINT)
    command.stdout.read()
    assert command.wait(TIMEOUT) == 0


def samples_of(command, crowd):
    """The rows of each sample, and the sample's own object, until a caller has enough; after each, a step."""
    rows = []
    try:
        for line in command.stdout:
            item = json.loads(line)
            if item["kind"] == "sample":
                yield rows, item
                crowd.step()
                rows = []
            else:
                rows.append(item)
    finally:
        end_command(command)


@pytest.fixture
def crowd(live):  # noqa: F811
    return Crowd(live, 1)


@pytest.mark.parametrize("threads", [False, True])
def test_top(crowd, threads):
    """In each sample the rows add up to the machine; all samples together are what the rows have in total."""
    options = ["--threads"] if threads else []
    top = command(crowd.live, "top", "-b", "--json", "-d", "0.2", *options)
    totals, whole, parts = {}, [], []
    for rows, sample in samples_of(top, crowd):
        assert len(rows) == sample["tasks"] >= len([row for row in rows if row["used"]])
        known = [figures(row["used"]) for row in rows if row["used"]]
        if sample["used"] is not None:
            assert figures(sample["used"]) == add(known), sample["sample"]
            whole.append(figures(sample["used"]))
            parts += known
        for row in rows:
            totals[row["id"]] = row
        # A sample before the first step has no thread that ended.
        if len(whole) >= 4 and (not threads or any(row["ended"] for row in totals.values())):
            break
    assert len(whole) >= 4 and add(whole) == add(parts)
    assert any(row["ended"] for row in totals.values()) == threads
    for row in totals.values():
        if not threads and row["pid"] >= 200:
            assert row["comm"] == "crowd" and row["stats"]["tasks_missing"] == 0


def blocks(command, begins, crowd):
    """The lines of each sample that a command prints, until a caller has enough; after each, the tasks do something."""
    lines = []
    try:
        for line in command.stdout:
            if begins(line) and lines:
                yield lines
                crowd.step()
                lines = []
            if line.strip():
                lines.append(line.rstrip("\n"))
    finally:
        end_command(command)


def test_top_table(crowd):
    """The first line of a sample has the sum of the column of written bytes a second."""
    top = command(crowd.live, "top", "-b", "-d", "0.5", "-o", "pid,write")
    units = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}

    def number(text):
        """The number, and the value of its last digit."""
        value, unit = re.fullmatch(r"([\d.]+)([KMG]?)", text).groups()
        return float(value) * units[unit], 10.0 ** -len(value.partition(".")[2]) * units[unit]

    n = 0
    for first, _, *rows in blocks(top, lambda line: line == "\n", crowd):
        whole = number(re.search(r"write (\S+)/s", first)[1])
        parts = [number(cell) for _, cell in map(str.split, rows) if cell != "-"]
        # Each of them is rounded, many to two digits.
        assert abs(sum(value for value, _ in parts) - whole[0]) <= whole[1] + sum(digit for _, digit in parts)
        n += whole[0] > 0
        if n == 2:
            break


def test_iotop(crowd):
    """The first line of a sample has the sums of its lines, with what was cancelled left out of both."""
    iotop = command(crowd.live, "iotop", "-b", "-k", "-P", "-d", "0.5")
    n = 0
    for total, _, *lines in blocks(iotop, lambda line: line.startswith("Total DISK READ"), crowd):
        whole = re.fullmatch(r"Total DISK READ: +(\S+) K/s \| Total DISK WRITE: +(\S+) K/s", total).groups()
        if "?" in whole:
            continue
        rows = [line.split() for line in lines if line.split()[0].isdigit()]
        for at, number in ((3, whole[0]), (5, whole[1])):
            assert sum(float(row[at]) for row in rows if row[at] not in "-?") == pytest.approx(float(number), abs=0.1)
        n += float(whole[1]) > 0
        if n == 2:
            break


def test_threads_and_process(crowd):
    """`stats` of a process is the sum of its threads, live or ended, at each step."""
    for _ in range(4):
        crowd.step()
        for pid in sorted(set(crowd.tasks.values())):
            tids = [str(tid) for tid, of in crowd.tasks.items() if of == pid]
            process = command(crowd.live, "stats", "--json", str(pid))
            out, _ = process.communicate(timeout=TIMEOUT)
            answer = json.loads(out)
            assert figures(answer["stats"]) == crowd.of_process(pid)
            assert answer["tasks"] == len(tids)


def test_watch(crowd):
    """The exits of the threads add up to the exit of their process, with threads and without."""
    with_threads = crowd.live.subscriber(("exit",), threads=True)
    watch = command(crowd.live, "watch", "-e", "exit", "--json", "-n", str(len(set(crowd.tasks.values()))))
    wait_until(lambda: with_threads.status().subscribers == 2, "the watch")
    for _ in range(3):
        crowd.step()
    for pid in sorted(set(crowd.tasks.values())):
        crowd.end_process(pid)
    out, _ = watch.communicate(timeout=TIMEOUT)
    exits = [json.loads(line) for line in out.splitlines()]
    assert len(exits) > 0
    for e in exits:
        assert figures(e["stats"]) == crowd.of_process(e["pid"])
    n_threads = {}
    for _ in range(len(crowd.ended)):
        event = with_threads.event()
        assert what(event) == "exit"
        n_threads.setdefault(event.pid, []).append(event)
    for pid, events in n_threads.items():
        sums = add({name: getattr(getattr(e.exit.stats, group), name) for group, name in SUMS} for e in events)
        assert sums == crowd.of_process(pid)


def test_ps(crowd):
    """The rows of all threads are as many as the processes say that they have; the forest has each process once."""
    crowd.step()

    def lines(*arguments):
        out, _ = command(crowd.live, "ps", "--no-header", *arguments).communicate(timeout=TIMEOUT)
        return [line.split() for line in out.splitlines()]

    processes = {int(pid): int(tasks) for pid, tasks in lines("-o", "pid,tasks")}
    threads = [int(pid) for pid, _ in lines("--threads", "-o", "pid,tid")]
    assert processes == {pid: threads.count(pid) for pid in set(threads)}
    forest = [int(re.search(r"\d+", line[0])[0]) for line in lines("--tree", "-o", "pid,name")]
    assert sorted(forest) == sorted(processes)
