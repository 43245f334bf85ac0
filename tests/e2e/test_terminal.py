# SPDX-License-Identifier: Apache-2.0
"""
Names and command lines are other people's: whatever is in them, no verb prints
anything that a terminal acts upon, as text or as JSON.
"""

import json
import os
import re
import subprocess

import pytest

from tb_daemon import executable
from tb_live_broker import LiveBroker, Task
from tb_proc import boottime_ns
from tb_wait import TIMEOUT, wait_until
from test_commands import finish, watch

# At most 15 bytes each: the title of the window, C1 raw and in UTF-8, the direction of text, and the line's end.
NAMES = [b"\x1b]0;owned\x07", b"\x9b31m\xc2\x9b31m\x7f", b"\xe2\x80\xaefdp\r\n\tx", b"\xff\xfe\xc0\x80\xed\xa0\x80"]
PROGRAM = dict(
    cmdline=b"a\x1b[2J\0\xc2\x9b\x7f\0\n\r\0\xe2\x81\xa6\0",
    exe=b"/bin/\x1b[31m\xc2\x85\n\xe2\x80\xae",
    cgroup=b"0::/user/\x1b[5m\x07\xc2\x90\xe2\x80\xae\n",
)
HARMFUL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def start(path, *arguments):
    return subprocess.Popen(
        [executable("TASKBROKER", "command"), "--socket", str(path), *arguments],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={**os.environ, "LC_ALL": "C.UTF-8"},
    )


def prints(path, *arguments):
    process = start(path, *arguments)
    out, err = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 0, (arguments, out, err)
    # UTF-8 throughout, or this fails
    return out.decode()


def harmless(out):
    found = HARMFUL.search(out)
    if found:
        print(repr(out[max(0, found.start() - 80):found.end() + 20]))
    return not found


def check(path, *arguments, lines=None):
    out = prints(path, *arguments)
    assert out.endswith("\n") and harmless(out), arguments
    if lines is not None:
        assert len(out.splitlines()) == lines, (arguments, out)
    if "--json" in arguments:
        for line in out.splitlines():
            json.loads(line)
    return out


@pytest.fixture
def daemon(make_daemon):
    daemon = make_daemon(start=False)
    now = boottime_ns()
    daemon.proc.add(1, ppid=0, comm=b"init", start_ns=now)
    for pid, name in enumerate(NAMES, 100):
        daemon.proc.add(pid, ppid=1, comm=name, start_ns=now)
        daemon.proc.set_program(pid, **PROGRAM)
    daemon.start()
    daemon.wait_ready()
    return daemon


def test_ps(daemon):
    out = prints(daemon.path, "ps", "--help")
    columns = re.findall(r"^  (\w+) ", out[out.index("Columns:"):], re.M)
    assert len(columns) > 8
    n = len(NAMES) + 1
    for arguments in ([], ["--args"], ["--tree"], ["-o", ",".join(columns)], ["--threads", "--args", "--tree"]):
        check(daemon.path, "ps", *arguments, lines=n + 1)
        assert r"\x1b" in check(daemon.path, "ps", "--no-header", *arguments, lines=n)
    for arguments in ([], ["--args"]):
        check(daemon.path, "ps", "--json", *arguments)


def test_watch(daemon):
    client = daemon.client()
    for arguments in ([], ["--args"], ["--json"], ["--json", "--args"], ["--threads", "--args"]):
        wait_until(lambda: not client.status().subscribers, "the subscriber before has gone")
        process = watch(daemon, client, "-e", "all", "--snapshot", "-n", "10", *arguments)
        for pid, name in enumerate(NAMES, 100):
            daemon.kernel.comm(pid, comm=name)
            daemon.kernel.exec(pid, comm=name, program=PROGRAM)
        daemon.kernel.fork(500, parent_tid=100)
        daemon.kernel.end(500, comm=NAMES[0])
        out = finish(process)[0]
        assert harmless(out), arguments
        assert "1b" in out and len(out.splitlines()) >= 10


def test_samples(tmp_path):
    tasks = [Task(pid, name, cmdline=PROGRAM["cmdline"]) for pid, name in enumerate(NAMES, 100)]
    broker = LiveBroker(tmp_path / "socket", tasks)
    try:
        for arguments in (["top", "-b"], ["top", "-b", "--all", "-c"], ["top", "-b", "--all", "--tree=100"],
                          ["top", "-b", "--all", "--json"], ["iotop", "-b"]):
            process = start(broker.path, *arguments, "-n", "1")
            broker.wait_samplers()
            for task in tasks:
                task.cpu += 1000000
                task.read += 4096
            broker.sample()
            out, err = process.communicate(timeout=TIMEOUT)
            assert process.returncode == 0, (arguments, out, err)
            assert harmless(out.decode()), arguments
            assert b"1b" in out, arguments
            broker.samplers.clear()
    finally:
        broker.close()
