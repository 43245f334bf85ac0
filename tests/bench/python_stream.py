#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""
Measures the Python package: processor time an event, from a recording that is played at full speed.

    python_stream.py [REPEATS]

A child sends the batches of the recording `storm` again and again. Only the reader's time counts.
"""

import os
import pathlib
import resource
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "clients" / "python"), str(ROOT / "tests" / "vectors")]

import replay  # noqa: E402
import taskbroker  # noqa: E402


def serve(path, ready, repeats):
    """The child: a player whose recording has its batches many times."""
    recording = replay.recordings(["storm"])[0]
    (session,) = recording.sessions
    is_batch = [replay.member(replay.message_of(piece), 2, None) is not None for piece in session]
    batches = b"".join(piece for piece, batch in zip(session, is_batch) if batch)
    recording.sessions = [[piece for piece, batch in zip(session, is_batch) if not batch] + [batches] * repeats]
    player = replay.Player(recording, path)
    os.write(ready, b"\n")
    player.run()


def nothing(stream, table):
    """Counts the events."""
    del table
    n = 0
    for _ in stream:
        n += 1
        yield n


def fields(stream, table):
    """Reads what a tool shows of an event."""
    del table
    n = total = 0
    for event in stream:
        n += 1
        if event.kind == "exit":
            cpu = event.stats and event.stats.cpu
            total += cpu.cpu_run_virtual_total_ns if cpu else 0
            assert event.pid and event.comm is not None and event.exit_code is not None
        elif event.kind in ("fork", "exec"):
            assert event.pid and event.comm is not None and event.time_ns
        yield n


def follow(stream, table):
    """Keeps the table of live processes."""
    n = 0
    for _ in table.follow(stream):
        n += 1
        yield n


def measure(name, read, repeats):
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "socket")
        ready, write = os.pipe()
        child = os.fork()
        if child == 0:
            serve(path, write, repeats)
            os._exit(0)
        os.read(ready, 1)
        stream = taskbroker.connect(path).events(snapshot=True)
        begin, n = time.process_time(), 0
        try:
            for n in read(stream, taskbroker.LiveProcesses()):
                pass
        except taskbroker.AccessChanged:
            pass
        used = time.process_time() - begin
        os.waitpid(child, 0)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"{name:24} {n:9} events {used / n * 1e6:7.2f} us an event, {peak / 1024:.0f} MiB at most", flush=True)


def main():
    repeats = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    for name, read in (("iterate", nothing), ("read fields", fields), ("LiveProcesses", follow)):
        measure(name, read, repeats)


main()
