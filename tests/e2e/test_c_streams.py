# SPDX-License-Identifier: Apache-2.0
"""
Several streams of a client of libtaskbroker, over connections that are cut anywhere and brokers that are killed.

stream_printer.c is the client. Each of its streams is held against a model: the events of its present filter, each
once and in order, and the table of its live processes.
"""

import itertools
import os
import pathlib
import random
import subprocess
import threading

import pytest

import tb_fields
from tb_client import Client
from tb_daemon import executable
from tb_relay import Relay
from tb_wait import wait_until

USERS = (1000, 1001)
EVENT = ("fork", "exec", "exit")


class Stream:
    """The lines of one stream, and the state that they describe."""

    def __init__(self):
        self.lines = []             # the words of each line, without type and stream
        self.events = []            # (kind, pid) since the last restart
        self.number = None          # the next event has this number
        self.table = None           # live processes; None: void
        self.part = set()
        self.samples = []           # the processes of each sample since the last restart
        self.lost = 0

    def take(self, request, name, *words):
        self.lines.append((int(request), name, *words))
        if name == "event":
            kind, number, pid = words[0], int(words[1]), int(words[2])
            if kind == "loss":
                self.lost += 1
            assert number == self.number, self.lines[-50:]
            self.number += 1
            self.events.append((kind, pid))
            if self.table is not None and kind in EVENT:
                {"fork": self.table.add, "exit": self.table.discard}.get(kind, lambda pid: None)(pid)
        elif name in ("subscribed", "sampling", "restarted"):
            self.number = int(words[0]) if words else None
            self.events, self.samples, self.table, self.part = [], [], None, set()
        elif name == "task":
            self.part.add(int(words[0]))
        elif name == "snapshot_end":
            self.table = self.part
        elif name == "sample":
            self.samples.append(self.part)
            self.part = set()
        elif name == "task_sample":
            self.part.add(int(words[0]))

    def names(self):
        return [line[1] for line in self.lines]

    def answers(self):
        """The ids of the requests that were answered, by the answer's name."""
        return [(name, request) for request, name, *_ in self.lines if name in ("restarted", "unsubscribed")]


class Printer:
    """The client. A thread reads its lines: it is never slow."""

    def __init__(self, path):
        self.process = subprocess.Popen([executable("STREAM_PRINTER", "stream_printer")], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True,
                                        env={**os.environ, "TASKBROKER_SOCKET": str(path)})
        self.streams = {}
        self.failure = None
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self):
        try:
            for line in self.process.stdout:
                _, stream, *words = line.split()
                self.streams.setdefault(int(stream), Stream()).take(*words)
        except Exception as e:  # noqa: BLE001 -- the test raises it
            self.failure = e

    def wait(self, predicate, what):
        def look():
            if self.failure:
                raise self.failure
            assert self.process.poll() is None, "the client ended"
            return predicate()
        return wait_until(look, lambda: f"{what}: {[(n, s.lines[-20:]) for n, s in self.streams.items()]}")

    def ask(self, *words):
        """Sends a command."""
        print(*words, file=self.process.stdin, flush=True)

    def wait_names(self, stream, *names):
        """Waits until the last lines of a stream have these names."""
        self.wait(lambda: stream in self.streams and self.streams[stream].names()[-len(names):] == list(names), names)

    def wait_restarts(self, stream, n):
        self.wait(lambda: len(self.streams[stream].answers()) == n, f"{n} answers")

    def close(self):
        self.process.stdin.close()
        try:
            assert self.process.wait(60) == 0
        finally:
            self.process.kill()
            self.process.wait()
            self.thread.join()
        if self.failure:
            raise self.failure


@pytest.fixture
def start():
    printers = []

    def start(path):
        printers.append(Printer(path))
        return printers[-1]

    yield start
    for printer in printers:
        printer.close()


def make_users(daemon):
    """A process of each user, 100 and 101, of which children are forked."""
    daemon.kernel.wait_listening()
    for pid, uid in zip((100, 101), USERS):
        daemon.kernel.fork(pid)
        daemon.kernel.uid(pid, real=uid, effective=uid)


def live(daemon, uid=None):
    """The table as a client without breaks gets it."""
    client = Client(daemon.path)
    client.subscribe(snapshot=True, filter={"uids": [uid]} if uid else None)
    try:
        return {task.tid for task in client.snapshot()}
    finally:
        client.close()


@pytest.mark.parametrize("seed", range(4))
def test_changes_over_cuts(daemon, tmp_path, start, seed):
    """
    A search box beside a table. Each change of the filter is answered once, however often the connection is cut, and
    behind the answer come the events of the new filter, each once. The other stream knows nothing of it.
    """
    rng = random.Random(seed)
    make_users(daemon)
    relay = Relay(tmp_path / "relay", daemon.path, limits=[rng.randrange(150, 900) for _ in range(25)])
    printer = start(tmp_path / "relay")
    printer.ask("events", 1)
    printer.ask("events", 0, USERS[0])
    printer.wait(lambda: {1, 2} <= printer.streams.keys(), "two streams")
    table, box = printer.streams[1], printer.streams[2]
    printer.wait(lambda: table.table is not None, "a snapshot")
    pids = itertools.count(200)
    for n in range(1, 21):
        user = rng.randrange(2)
        printer.ask("filter", 2, USERS[user])
        if rng.random() < 0.5:
            relay.cut()
        printer.wait_restarts(2, n)
        due = []
        for _ in range(rng.randrange(1, 6)):
            pid, parent = next(pids), rng.randrange(2)
            daemon.kernel.fork(pid, parent_tid=100 + parent)
            if parent == user:
                due.append(("fork", pid))
            if rng.random() < 0.2:
                relay.cut()
        printer.wait(lambda due=due: len(box.events) >= len(due), due)
        assert box.events == due
    assert len({request for _, request in box.answers()}) == 20
    daemon.kernel.fork(99)
    printer.wait(lambda: ("fork", 99) in table.events, "the last fork")
    assert table.table == live(daemon)
    assert table.lost == box.lost == 0
    assert "restarted" not in table.names() and "lost" not in " ".join(map(str, table.lines))
    links = [line for line in printer.streams[0].lines if line[1] == "link"]
    assert links and {line[2] for line in links} == {"lost"}
    relay.close()


@pytest.mark.parametrize("seed", range(3))
def test_change_over_a_kill(make_daemon, tmp_path, start, seed):
    """The broker is killed while a change has no answer: the stream begins anew, and then the change is made."""
    rng = random.Random(seed)
    first, second = make_daemon(), make_daemon(start=False)
    make_users(first)
    path = tmp_path / "socket"
    path.symlink_to(first.path)
    relay = Relay(tmp_path / "relay", path, limits=[None, *(rng.randrange(1, 600) for _ in range(5))])
    printer = start(tmp_path / "relay")
    printer.ask("events", 1)
    printer.ask("events", 1, USERS[0])
    printer.wait(lambda: {1, 2} <= printer.streams.keys(), "two streams")
    printer.wait(lambda: all(printer.streams[n].table is not None for n in (1, 2)), "snapshots")
    for pid, uid in zip((100, 101), USERS):
        second.proc.add(pid, uid=uid)
    second.start()
    second.kernel.wait_listening()
    # stopped, so that it does not answer before it is killed
    os.kill(first.process.pid, 19)
    printer.ask("filter", 2, USERS[1])
    first.process.kill()
    first.process.wait()
    first.process = None
    path.unlink()
    path.symlink_to(second.path)
    relay.cut()
    printer.wait_restarts(2, 1)
    second.kernel.fork(200, parent_tid=100)
    second.kernel.fork(201, parent_tid=101)
    printer.wait(lambda: printer.streams[2].table == live(second, USERS[1]), "the table of the box")
    printer.wait(lambda: printer.streams[1].table == live(second), "the other table")
    assert printer.streams[2].table == {101, 201} and printer.streams[1].table == {1, 100, 101, 200, 201}
    assert ("link", "restarted") in [line[1:3] for line in printer.streams[2].lines]
    relay.close()


def test_each_request(daemon, start):
    """On one connection: snapshots on demand, ends, refusals."""
    make_users(daemon)
    printer = start(daemon.path)
    printer.ask("events", 0)
    printer.ask("events", 0, USERS[1])
    printer.wait(lambda: {1, 2} <= printer.streams.keys(), "two streams")
    printer.ask("snapshot", 2)
    printer.wait(lambda: printer.streams[2].table == {101}, "a snapshot")
    assert printer.streams[1].table is None
    printer.ask("end", 1)
    printer.wait_names(1, "subscribed", "unsubscribed")
    daemon.kernel.fork(200, parent_tid=101)
    printer.wait(lambda: printer.streams[2].table == {101, 200}, "a fork")
    printer.ask("end", 1)
    printer.wait(lambda: any(line[1] == "refused" for line in printer.streams[0].lines), "a refusal")
    printer.ask("events", 0)
    printer.wait_names(3, "subscribed")
    assert printer.streams[1].names() == ["subscribed", "unsubscribed"]


def test_samples_and_events(stats, make_daemon, tmp_path, start):
    """Two streams of samples, of which one changes its filter, over cuts: each full sample has the tasks of its filter."""
    daemon = make_daemon(start=False)
    daemon.arguments += ["--stats-fd", str(stats.broker.fileno())]
    command = daemon.command
    daemon.command = lambda: (command()[0], command()[1] + [stats.broker.fileno()])
    daemon.start()
    stats.broker.close()
    daemon.wait_ready()
    for tid in (1, 100, 101):
        stats.live[tid] = tb_fields.Stats(ac_pid=tid, ac_tgid=tid, cpu_run_virtual_total_ns=tid)
    make_users(daemon)
    relay = Relay(tmp_path / "relay", daemon.path)
    printer = start(tmp_path / "relay")
    printer.ask("samples")
    printer.ask("samples")
    printer.ask("events", 1)
    printer.wait(lambda: {1, 2, 3} <= printer.streams.keys(), "three streams")
    for n, user in enumerate((0, 1, 0, 1), 1):
        printer.ask("filter", 2, USERS[user])
        relay.cut()
        printer.wait_restarts(2, n)
        for stream, due in ((1, {1, 100, 101}), (2, {100 + user})):
            printer.wait(lambda: due in printer.streams[stream].samples, due)  # noqa: B023
        printer.wait(lambda: printer.streams[3].table == {1, 100, 101}, "the table")
    relay.close()
