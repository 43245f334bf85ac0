# SPDX-License-Identifier: Apache-2.0
"""
The command beside a broker whose time scale is not the wall clock's any more, because the
wall clock was set. Dates follow the wall clock; nothing else depends on it.
"""

import os
import subprocess
import time

import pytest

from tb_daemon import executable
from tb_live_broker import LiveBroker, Task
from tb_wait import TIMEOUT

HOUR_NS = 3600 * 1_000_000_000
AHEAD_NS = (-24 * HOUR_NS, -HOUR_NS, 0, HOUR_NS, 24 * HOUR_NS)


@pytest.fixture(params=AHEAD_NS)
def broker(request, tmp_path):
    broker = LiveBroker(tmp_path / "socket", wall_ahead_ns=request.param)
    task = Task(7, b"sleep", age=120)
    task.start -= broker.wall_ahead_ns
    broker.tasks = {7: task}
    yield broker
    broker.close()


def run(broker, *arguments):
    result = subprocess.run(
        [executable("TASKBROKER", "command"), "--socket", broker.path, *arguments], capture_output=True, text=True,
        env={**os.environ, "LC_ALL": "C.UTF-8", "TZ": "UTC"}, timeout=TIMEOUT,
    )
    assert result.returncode == 0, (result.stdout, result.stderr)
    return result.stdout


def dates(before, after, form):
    """All dates of the seconds from one time to the other."""
    return {time.strftime(form, time.gmtime(s)) for s in range(int(before) - 1, int(after) + 2)}


def test_ps(broker):
    """The first snapshot is fresh, ages are real, and the start is a date of the wall clock."""
    before = time.time() - 120
    age, date = run(broker, "ps", "--no-header", "-o", "age,started").strip().split(maxsplit=1)
    assert len(broker.asked("subscribe")) == 1, "ps took a fresh snapshot for an old one"
    assert date in dates(before, time.time() - 120, "%Y-%m-%d %H:%M:%S")
    assert age.startswith("2m"), age


def test_iotop(broker):
    """The time of day at the beginning of a line is the wall clock's."""
    before = time.time()
    process = subprocess.Popen(
        [executable("TASKBROKER", "command"), "--socket", broker.path, "iotop", "-b", "-t", "-n", "1"],
        stdout=subprocess.PIPE, text=True, env={**os.environ, "LC_ALL": "C.UTF-8", "TZ": "UTC"},
    )
    broker.wait_samplers()
    broker.sample()
    out, _ = process.communicate(timeout=TIMEOUT)
    lines = out.splitlines()
    assert lines
    # The sample is a span later than the one before.
    due = dates(before, time.time() + 1, "%H:%M:%S")
    assert any(line.split()[0] in due for line in lines), (lines, due)
