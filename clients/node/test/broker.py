# SPDX-License-Identifier: Apache-2.0
"""
A real broker with a made-up kernel, for the tests of this package: clients/node/test/broker.ts runs it.

Each line of its input is a statement of Python, about `kernel`, `daemon`, `relay`, `stats` and the functions below. Each
answer is a JSON line: {"value": ...} or {"error": ...}.
"""

import json
import os
import pathlib
import sys
import tempfile
import traceback

import tb_fields
from tb_daemon import Daemon
from tb_live import FakeStats
from tb_relay import Relay

daemons = []


def make(directory, arguments=(), start=True, live=False):
    """A broker on a made-up kernel; with `live` the kernel answers for live tasks too."""
    (directory / f"broker{len(daemons)}").mkdir()
    daemon = Daemon(directory / f"broker{len(daemons)}", arguments=arguments, start=False)
    daemons.append(daemon)
    if live:
        daemon.stats = FakeStats()
        daemon.arguments += ["--stats-fd", str(daemon.stats.broker.fileno())]
        command = daemon.command
        daemon.command = lambda: (command()[0], command()[1] + [daemon.stats.broker.fileno()])
    if start:
        daemon.start()
        daemon.kernel.wait_listening()
    if live:
        daemon.stats.broker.close()
    return daemon


def fall_behind(daemon):
    """Ends so many processes that the feed drops exits which its slow reader has not read."""
    k = daemon.kernel
    # thousands of files in /proc would take long
    k.mirror = False
    reader = daemon.subscriber(kinds=("exit",))
    for first in range(1000, 5000, 500):
        for pid in range(first, first + 500):
            k.fork(pid)
            k.stats(tb_fields.distinct(16, pid, pid))
            k.exit(pid)
        reader.take(500)


def table(daemon):
    """The broker's own processes."""
    client = daemon.subscriber(snapshot=True)
    rows = [[t.pid, f"{t.pid}-{t.start_boot_ns}", t.uid, t.comm.decode()] for t in client.snapshot()]
    client.close()
    return sorted(rows)


def replace(first, second, path):
    """Another broker takes the place of the first one, as after a crash."""
    first.process.kill()
    first.process.wait()
    first.process = None
    os.unlink(path)
    os.symlink(second.path, path)


def main():
    with tempfile.TemporaryDirectory() as name:
        space = {**globals(), "directory": pathlib.Path(name)}
        print(json.dumps({"value": name}), flush=True)
        try:
            for line in sys.stdin:
                try:
                    space["value"] = None
                    exec(line, space)
                    print(json.dumps({"value": space["value"]}), flush=True)
                except Exception:  # noqa: BLE001 -- the test that sent the line shows it
                    print(json.dumps({"error": traceback.format_exc()}), flush=True)
        finally:
            for daemon in daemons:
                daemon.finish()


main()
