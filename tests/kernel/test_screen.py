# SPDX-License-Identifier: Apache-2.0
"""
The screen of `taskbroker top` on the real kernel: what the tests' own processes do
is to be seen on it, at three sizes, for root and for somebody who is not; and a
broker that is restarted takes nothing away but the time between.
"""

import os
import re
import subprocess
import sys
import time

import pytest
import support
from tb_terminal import Terminal

NOBODY = 65534

SIZES = [(80, 24), (120, 40), (200, 60)]


def rows(lines):
    """The table's title and its rows, by process; an empty title and {} without a table."""
    top = next((i for i, line in enumerate(lines) if " PID " in line and "COMMAND" in line), None)
    if top is None:
        return "", {}
    return lines[top], {int(line[:7]): line for line in lines[top + 1:-1] if line[:7].strip().isdigit()}


def cell(lines, pid, name):
    """A cell of a column that is aligned to the right; None where there is no such row or column."""
    header, found = rows(lines)
    end = re.search(rf" {re.escape(name)}(?= |$)", header)
    if pid not in found or not end:
        return None
    words = found[pid][:end.end()].split()
    return words[-1] if words else None


@pytest.fixture
def screen(directory, request):
    """Starts `taskbroker top` on a terminal; with `uid`, as that user."""
    terminals = []

    def start(broker, *arguments, uid=0, **options):
        place = directory / f"screen-{support.unique_name()}"
        place.mkdir(mode=0o777)
        place.chmod(0o777)
        command = [os.environ["TASKBROKER"], "--socket", broker.path, "top", *arguments]
        if uid:
            command = ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", *command]
        terminals.append(Terminal(place, command, **options))
        return terminals[-1]

    yield start
    for terminal in terminals:
        terminal.close()


@pytest.fixture
def child():
    """Runs Python beside the test, under a name of its own; it is ended when the test is over."""
    running = []

    def run(name, text, uid=0):
        code = f"open('/proc/self/comm', 'w').write({name!r})\n{text}"
        command = [sys.executable, "-c", code]
        if uid:
            command = ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", *command]
        running.append(subprocess.Popen(command))
        return running[-1]

    yield run
    for process in running:
        process.kill()
        process.wait()


SPIN = "while True: pass"

# A process that changed its user by superuser's right does not count as the user's, even after exec. Its child does.
SPIN_OWN = """
import os
parent = os.getpid()
if os.fork():
    os.wait()
while os.getppid() == parent:
    pass
"""

# It pauses, so that the tests measure the process and not how busy the machine is.
WRITE = """
import os, time
f = os.open("/var/tmp", os.O_TMPFILE | os.O_RDWR, 0o600)
while True:
    os.pwrite(f, b"x" * (8 << 20), 0)
    os.fsync(f)
    time.sleep(0.01)
"""


def busy(value):
    return value is not None and re.fullmatch(r"\d+(\.\d+)?", value) and float(value) > 0


@pytest.mark.parametrize("utf8", [True, False])
@pytest.mark.parametrize("columns, n_rows", SIZES)
def test_sizes(make_broker, screen, child, columns, n_rows, utf8):
    """A spinner spins, the graphs draw, and the picture has its size."""
    name = support.unique_name()
    spinner = child(name, SPIN)
    top = screen(make_broker(), columns=columns, rows=n_rows, utf8=utf8)
    top.wait("processes")
    top.keys("F4")
    top.type(name)
    # The process that types the name here has it in its arguments, for a moment.
    lines = top.wait(lambda lines: busy(cell(lines, spinner.pid, "CPU%")) and list(rows(lines)[1]) == [spinner.pid] and lines)
    assert len(lines) == n_rows and max(map(len, lines)) <= columns
    text = top.wait(lambda lines: re.search(r"CPU [1-9]\d*%", "\n".join(lines)) and "\n".join(lines))
    assert bool(re.search("[\u2801-\u28ff]", text)) == utf8 and text.isascii() == (not utf8)
    for title in ("CPU wait", "Read", "Write", "Forks", "Exits", "Lost", "I/O wait"):
        assert title in text


def test_short_lived(make_broker, screen):
    """Each process that lives only between two samples is counted, with all that it used."""
    name = support.unique_name()
    top = screen(make_broker())
    top.wait(lambda lines: re.search(r"CPU \d+%", "\n".join(lines)))
    truth, _ = support.storm(top.directory, "fork", 300, workers=1, name=name)
    n = sum(1 for fact in truth if fact.type == support.TRUTH_PROCESS)
    top.keys("S")
    # The most first: nobody else ends so often while this runs; but if, it is further down.
    top.keys("Left", "Left", "Left")

    def counted(lines):
        found = [line.split() for line in lines if line.startswith(name)]
        return found and int(found[0][1]) >= 300 and (n, found[0])

    assert top.wait(counted)


def test_exited_rows(make_broker, screen, child):
    """A process that ends stays some seconds, with how it ended, and goes."""
    name = support.unique_name()
    process = child(name, "import sys; sys.stdin.read(); import time; time.sleep(1000)")
    top = screen(make_broker())
    top.wait("processes")
    top.keys("F4")
    top.type(name)
    top.keys("Enter")
    top.wait(lambda lines: process.pid in rows(lines)[1])
    process.kill()
    process.wait()
    top.wait(lambda lines: "(SIGKILL)" in rows(lines)[1].get(process.pid, ""))
    top.wait(lambda lines: "filter:" in "\n".join(lines) and process.pid not in rows(lines)[1])


def test_detail(make_broker, screen, child):
    name = support.unique_name()
    writer = child(name, WRITE)
    top = screen(make_broker(), columns=120, rows=50)
    top.wait("processes")
    top.keys("F4")
    top.type(name)
    top.keys("Enter")
    top.wait(lambda lines: list(rows(lines)[1]) == [writer.pid])
    top.keys("Enter")
    top.wait(f"process {writer.pid}, child of {os.getpid()}")
    top.wait(lambda lines: re.search(r"write_bytes +[\d.]+[MG] +[\d.]+[KMG]/s", "\n".join(lines)))
    top.wait(lambda lines: re.search(r"cpu_run_virtual_total_ns +\S+ +[\d.]+%", "\n".join(lines)))
    with open("/proc/sys/kernel/task_delayacct") as f:
        counted = f.read().strip() == "1"
    if not counted:
        top.wait(lambda lines: re.search(r"other waiting +not counted", "\n".join(lines)))


def test_threads(make_broker, screen, child):
    name = support.unique_name()
    text = "import threading, time\nfor _ in range(3): threading.Thread(target=time.sleep, args=(1000,)).start()\n"
    process = child(name, text + "time.sleep(1000)")
    top = screen(make_broker(), columns=120)
    top.wait("processes")
    top.keys("F4")
    top.type(name)
    top.keys("Enter")
    top.wait(lambda lines: cell(lines, process.pid, "THR") == "4")
    top.keys("H")
    top.wait(lambda lines: sum(line[:7].strip() == str(process.pid) for line in lines) == 4)


def test_somebody(make_broker, screen, child):
    """A user who is not root sees their own tasks in full, and of others what /proc would show: hidden, not zero."""
    mine, others = support.unique_name(), support.unique_name()
    own = child(mine, SPIN_OWN, uid=NOBODY)
    foreign = child(others, WRITE)
    top = screen(make_broker(), uid=NOBODY, columns=120, rows=40)
    top.wait("you see your tasks in full")
    top.keys("F4")
    top.type(others)
    top.keys("Enter")
    names = ("READ/s", "WRITE/s", "IO%")
    top.wait(lambda lines: busy(cell(lines, foreign.pid, "CPU%")) and
             [cell(lines, foreign.pid, name) for name in names] == ["hidden"] * 3)
    top.keys("Enter")
    top.wait(lambda lines: re.search(r"input and output +hidden", "\n".join(lines)))
    assert "write_bytes" not in top.text()
    top.keys("q", "Escape", "F4")
    top.type(mine)
    top.keys("Enter")

    def spins(lines):
        return next((pid for pid in rows(lines)[1] if pid != own.pid and busy(cell(lines, pid, "CPU%"))), None)

    spinner = top.wait(spins)
    top.wait(lambda lines: (cell(lines, spinner, "WRITE/s"), cell(lines, own.pid, "WRITE/s")) == ("0", "0"))


def test_restart(make_broker, screen, child):
    """The broker is restarted: the screen says so, and goes on."""
    name = support.unique_name()
    spinner = child(name, SPIN)
    broker = make_broker()
    top = screen(broker)
    top.wait("processes")
    top.keys("F4")
    top.type(name)
    top.keys("Enter")
    top.wait(lambda lines: busy(cell(lines, spinner.pid, "CPU%")))
    broker.stop()
    top.wait("trying again")
    support.Broker.__init__(broker, broker.directory)
    top.wait("Connected again after")
    top.wait(lambda lines: busy(cell(lines, spinner.pid, "CPU%")))
    top.keys("q")
    assert top.ended() == (0, "")


def test_idle_costs_little(make_broker, screen):
    """A screen that shows a machine once a second costs less with each refresh than its start did."""
    top = screen(make_broker())
    top.wait(lambda lines: re.search(r"CPU \d+%", "\n".join(lines)))

    def used_ns():
        with open(f"/proc/{top.pid()}/schedstat") as f:
            return int(f.read().split()[0])

    begin, start_ns = time.monotonic(), used_ns()
    first = top.text()
    top.wait(lambda lines: time.monotonic() - begin > 4 and "\n".join(lines) != first)
    n_refreshes = time.monotonic() - begin + 1
    assert used_ns() - start_ns < n_refreshes * start_ns
