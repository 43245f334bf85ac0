# SPDX-License-Identifier: Apache-2.0
"""
Names that the broker had no time to read at an exec. The broker is stopped for random
times while processes call exec, change their names and fork. Each name that it shows
meanwhile is right or marked, and in the end all names are right.
"""

import contextlib
import os
import pathlib
import random
import signal
import subprocess
import sys
import time

import pytest
import support
from tb_client import ALL_KINDS
from tb_live import ask_samples, next_sample
from tb_protocol import event_pb2
from tb_wait import wait_until

# Waits for a name on its input, then takes it, or calls exec under it, or leaves a child and calls exec.
ACTOR = """
import ctypes, os, signal, sys
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
while True:
    line = b""
    while not line.endswith(b"\\n"):
        # Byte for byte: the rest of the input is for the next program.
        byte = os.read(0, 1)
        if not byte:
            sys.exit()
        line += byte
    what, name = line.split()
    if what == b"name":
        ctypes.CDLL(None).prctl(15, name, 0, 0, 0)
    else:
        if what == b"fork" and os.fork() == 0:
            signal.pause()
        os.symlink(os.path.realpath("/proc/self/exe"), sys.argv[1] + "/" + name.decode())
        os.execv(sys.argv[1] + "/" + name.decode(), [name.decode(), "-c", sys.argv[2], sys.argv[1], sys.argv[2]])
"""


def comm(pid):
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return pathlib.Path(f"/proc/{pid}/comm").read_bytes()[:-1]
    return None


def children(pid):
    """The processes of the group of an actor, which begins a session."""
    found = subprocess.run(["ps", "-o", "pid=", "-s", str(pid)], stdout=subprocess.PIPE, text=True, check=False)
    return [int(number) for number in found.stdout.split()]


def test_stopped_while_programs_start(make_broker):
    """The broker gets no processor for a second while 20 programs start. Then all names become known."""
    broker = make_broker()
    with broker.client() as client, broker.client() as sampled:
        client.subscribe(("exec",), filter=dict(comms=[b"sleep"]), snapshot=True)
        known = {task.pid for task in client.snapshot()}
        ask_samples(sampled, filter=dict(comms=[b"sleep"]))
        next_sample(sampled)
        with broker.stopped():
            sleepers = [subprocess.Popen(["sleep", "600"]) for _ in range(20)]
            time.sleep(1.2)
        pids = {sleeper.pid for sleeper in sleepers}
        try:
            status = broker.settle(lambda status: status.rechecks_pending == 0)
            names = {task.pid: (task.comm, task.comm_stale) for task in broker.tasks() if task.pid in pids}
            assert names == dict.fromkeys(pids, (b"sleep", False))
            assert status.connector.lost == 0 and status.rechecks_done > 0
            # The set of a filter, and samples, have them too.
            due = set(pids)
            while due:
                event = client.event()
                assert event.comm == b"sleep" and not event.comm_stale
                due.discard(event.pid)
            due = set(pids)
            while due:
                due -= {task.pid for task in next_sample(sampled).tasks}
            assert not known & pids
        finally:
            for sleeper in sleepers:
                sleeper.kill()
                sleeper.wait()


def programs_of(broker, pids):
    with broker.client() as client:
        client.subscribe(programs=True, snapshot=True)
        return {task.pid: task.program for task in client.snapshot() if task.pid in pids}


def test_programs_missed_while_stopped(make_broker, directory):
    """
    Processes start while the broker gets no processor, and so much follows that it does not stop to read their
    programs. It has their command lines and cgroups a little later.
    """
    broker = make_broker()
    with broker.client() as client:
        client.subscribe(("exec",), programs=True)
        with broker.stopped():
            sleepers = [subprocess.Popen(["sleep", "600", f"0.{i}"]) for i in range(20)]
            support.storm(directory, "fork", 1000)
        pids = {sleeper.pid for sleeper in sleepers}
        try:
            states = [e.exec.program.state for e in client.take(20) if e.pid in pids]
            assert event_pb2.PROGRAM_STATE_SKIPPED in states
            captured = event_pb2.PROGRAM_STATE_CAPTURED
            wait_until(lambda: all(p.state == captured for p in programs_of(broker, pids).values()), "programs")
            for pid, program in programs_of(broker, pids).items():
                assert program.cmdline == pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
                paths = pathlib.Path(f"/proc/{pid}/cgroup").read_bytes().splitlines()
                assert program.cgroup in {path.split(b":", 2)[2] for path in paths}
        finally:
            for sleeper in sleepers:
                sleeper.kill()
                sleeper.wait()


@pytest.mark.parametrize("seed", range(2))
def test_random(make_broker, tmp_path, seed):
    rng = random.Random(seed)
    broker = make_broker()
    actors = [
        subprocess.Popen(
            [sys.executable, "-c", ACTOR, str(tmp_path), ACTOR],
            stdin=subprocess.PIPE, start_new_session=True,
        )
        for _ in range(8)
    ]
    observer = broker.client()
    observer.subscribe(ALL_KINDS, threads=True)
    n_names = 0
    try:
        for _ in range(6):
            with broker.stopped():
                for _ in range(12):
                    n_names += 1
                    actor = rng.choice(actors)
                    actor.stdin.write(b"%s n%d_%d\n" % (rng.choice((b"name", b"exec", b"fork")), seed, n_names))
                    actor.stdin.flush()
                    time.sleep(rng.choice((0, 0.01, 0.05)))
            # The broker has read its queue before it answers: what is not marked is right, or has changed since.
            before = {pid: comm(pid) for actor in actors for pid in children(actor.pid)}
            shown = {task.pid: task for task in broker.tasks()}
            after = {pid: comm(pid) for pid in before}
            for pid, name in before.items():
                if name is not None and name == after[pid] and pid in shown and not shown[pid].comm_stale:
                    assert shown[pid].comm == name
        time.sleep(1)
        broker.settle(lambda status: status.rechecks_pending == 0)
        shown = {task.pid: task for task in broker.tasks()}
        for actor in actors:
            for pid in children(actor.pid):
                assert (shown[pid].comm, shown[pid].comm_stale) == (comm(pid), False)
    finally:
        observer.close()
        for actor in actors:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(actor.pid, signal.SIGKILL)
            actor.stdin.close()
            actor.wait()
