# SPDX-License-Identifier: Apache-2.0
"""
The screen of `taskbroker iotop`, on a terminal: the tests send keys and check the
screen. The test's own broker reports a machine that the test made up.
"""

import os
import re
import signal

import pytest

from tb_daemon import executable
from tb_live_broker import NS, LiveBroker, Task
from tb_terminal import Terminal

MIB = 1024 * 1024
SIZES = [(80, 24), (120, 40), (200, 60)]
OFF = "Delay accounting is off: SWAPIN and IO are not known (kernel.task_delayacct)."
ROW = re.compile(
    r" *(?P<tid>\d+) +(?P<prio>\S+) (?P<user>\S+) +"
    r"(?P<read>\S+ [BKMG](?:/s)?) +(?P<write>\S+ [BKMG](?:/s)?) +(?P<swapin>\S+) % +(?P<io>\S+) %  (?P<command>.*)"
)


def machine(counted=True):
    """A task that reads, a task that writes, a task that does neither, and a task whose values are withheld."""
    return [
        Task(1, b"init", counted=counted, age=9000),
        Task(10, b"cp", cmdline=b"cp\0a\0b\0", counted=counted),
        Task(11, b"tar", cmdline=b"tar\0xf\0a\x1b[2Jb\0", counted=counted, ppid=10),
        Task(12, b"sleeper", counted=counted),
        Task(13, b"secret", uid=4294960000, withheld=True),
    ]


@pytest.fixture
def make_broker(tmp_path):
    brokers = []

    def make(counted=True, **options):
        broker = LiveBroker(
            tmp_path / f"socket{len(brokers)}", machine(counted), delay_accounting="ON" if counted else "OFF", **options
        )
        brokers.append(broker)
        return broker

    yield make
    for broker in brokers:
        broker.close()


@pytest.fixture
def make_iotop(tmp_path):
    terminals = []

    def make(broker, *arguments, **options):
        command = [executable("TASKBROKER", "command"), "--socket", broker.path, "iotop", *arguments]
        terminals.append(Terminal(tmp_path / f"terminal{len(terminals)}", command, **options))
        broker.wait_samplers()
        return terminals[-1]

    yield make
    for terminal in terminals:
        terminal.close()


def rows(lines):
    found = [ROW.fullmatch(line) for line in lines[3:]]
    return {int(row["tid"]): row for row in found if row}


def order(lines):
    return list(rows(lines))


def has(lines, tid, **cells):
    """Whether the row has the cells."""
    row = rows(lines).get(tid)
    return bool(row) and all(row[name] == cell for name, cell in cells.items())


def work(broker):
    """A second passes: 10 reads 3 MiB and waits for a quarter of it, 11 writes 5 MiB."""
    if 10 in broker.tasks:
        broker.tasks[10].read += 3 * MIB
        broker.tasks[10].blkio += NS // 4
    if 11 in broker.tasks:
        broker.tasks[11].write += 5 * MIB
    broker.sample()


def shows(broker, iotop):
    """A first second of work, to be seen."""
    iotop.wait("Rates are known from the second sample on.")
    work(broker)
    return iotop.wait(lambda lines: has(lines, 11, write="5.00 M/s") and lines)


@pytest.mark.parametrize("utf8", [True, False])
@pytest.mark.parametrize("columns, n_rows", SIZES)
def test_sizes(make_broker, make_iotop, columns, n_rows, utf8):
    broker = make_broker()
    lines = shows(broker, make_iotop(broker, columns=columns, rows=n_rows, utf8=utf8))
    assert len(lines) == n_rows and max(map(len, lines)) <= columns
    assert re.fullmatch(r"Total DISK READ: +3\.00 M/s \| Total DISK WRITE: +5\.00 M/s", lines[0])
    assert re.fullmatch(r"Current DISK READ: +\S+ [?BKMG]/s \| Current DISK WRITE: +\S+ [?BKMG]/s", lines[1])
    assert lines[2].split() == ["TID", "PRIO", "USER", "DISK", "READ", "DISK", "WRITE", "SWAPIN", "IO>", "COMMAND"]
    assert has(lines, 10, read="3.00 M/s", write="0.00 B/s", io="25.00", swapin="0.00", user="root", command="cp a b")
    assert has(lines, 11, read="0.00 B/s", write="5.00 M/s", io="0.00")
    assert lines[-1].split()[:6] == ["q", "quit", "o", "active", "p", "processes"]
    assert OFF not in "\n".join(lines)


def test_what_is_not_known(make_broker, make_iotop):
    """A withheld value is a dash, an uncounted value a question mark: neither is 0, nor sorted above a known value."""
    broker = make_broker(counted=False)
    iotop = make_iotop(broker)
    lines = shows(broker, iotop)
    assert has(lines, 13, read="- B/s", write="- B/s", io="-", swapin="-")
    assert has(lines, 10, read="3.00 M/s", io="?", swapin="?")
    assert OFF in lines and lines.index(OFF) == 22
    assert order(lines)[-1] == 13
    iotop.keys("r")
    iotop.wait(lambda lines: order(lines)[-1] == 13 and order(lines)[0] == 1)


def test_a_hostile_name(make_broker, make_iotop):
    broker = make_broker()
    assert "$'a\\x1b" in rows(shows(broker, make_iotop(broker)))[11]["command"].replace("\\033", "\\x1b")


def test_order(make_broker, make_iotop):
    broker = make_broker()
    iotop = make_iotop(broker)
    assert order(shows(broker, iotop))[0] == 10
    iotop.keys("Left")
    iotop.wait("SWAPIN>")
    iotop.keys("Left")
    iotop.wait(lambda lines: "DISK WRITE>" in lines[2] and order(lines)[0] == 11)
    iotop.keys("Left")
    iotop.wait(lambda lines: "DISK READ>" in lines[2] and order(lines)[0] == 10)
    iotop.keys("r")
    iotop.wait(lambda lines: "DISK READ<" in lines[2] and order(lines)[:4] == [1, 12, 11, 10])
    iotop.keys("Left", "Left", "Left", "Left")
    iotop.wait(lambda lines: "TID<" in lines[2] and order(lines) == [1, 10, 11, 12, 13])
    for _ in range(9):
        iotop.keys("Right")
    iotop.wait(lambda lines: "COMMAND<" in lines[2] and order(lines) == [10, 1, 13, 12, 11])


def test_active(make_broker, make_iotop):
    broker = make_broker()
    iotop = make_iotop(broker, "-o")
    assert order(shows(broker, iotop)) == [10, 11]
    iotop.keys("o")
    iotop.wait(lambda lines: sorted(order(lines)) == [1, 10, 11, 12, 13] and "o active" in lines[-1])
    iotop.keys("o")
    iotop.wait(lambda lines: order(lines) == [10, 11] and "o all" in lines[-1])
    broker.sample()
    lines = iotop.wait(lambda lines: not rows(lines) and lines)
    assert re.search(r"READ: +0\.00 B/s \| .*WRITE: +0\.00 B/s", lines[0])


def test_accumulated(make_broker, make_iotop):
    """The bytes that tasks have moved since the command began, also for tasks that are idle now."""
    broker = make_broker()
    iotop = make_iotop(broker)
    shows(broker, iotop)
    work(broker)
    broker.sample()
    iotop.wait(lambda lines: has(lines, 10, read="0.00 B/s"))
    iotop.keys("a")
    lines = iotop.wait(lambda lines: has(lines, 10, read="6.00 M", write="0.00 B") and lines)
    assert has(lines, 11, write="10.00 M") and "a rate" in lines[-1]
    # two quarters of three seconds
    assert has(lines, 10, io="16.67")
    iotop.keys("o")
    iotop.wait(lambda lines: sorted(order(lines)) == [10, 11])
    iotop.keys("a", "o", "k")
    iotop.wait(lambda lines: has(lines, 10, read="0.00 K/s") and "k units" in lines[-1])


def test_kilobytes(make_broker, make_iotop):
    broker = make_broker()
    iotop = make_iotop(broker, "-k")
    iotop.wait("Rates are known")
    work(broker)
    lines = iotop.wait(lambda lines: has(lines, 11, write="5120.00 K/s") and lines)
    assert has(lines, 10, read="3072.00 K/s") and re.search(r"READ: +3072\.00 K/s", lines[0])


def test_processes(make_broker, make_iotop):
    """p asks the broker anew, for the other scope, and what was sorted stays so."""
    broker = make_broker()
    iotop = make_iotop(broker)
    shows(broker, iotop)
    iotop.keys("p")
    broker.wait_samplers(2)
    scopes = [request.scope for request in broker.asked("subscribe_samples", 2)]
    assert scopes[0] != scopes[1]
    iotop.wait(lambda lines: lines[2].split()[0] == "PID" and "p threads" in lines[-1])


def test_options(make_broker, make_iotop):
    broker = make_broker()
    iotop = make_iotop(broker, "-P", "-p", "10", "-p", "12", "-d", "2.5", "-n", "2")
    iotop.wait("Rates are known")
    (request,) = broker.asked("subscribe_samples")
    assert request.interval_ms == 2500
    work(broker)
    lines = iotop.wait(lambda lines: has(lines, 10, read="3.00 M/s") and lines)
    assert order(lines) == [10, 12] and lines[2].split()[0] == "PID"
    assert re.search(r"READ: +3\.00 M/s", lines[0])
    work(broker)
    assert iotop.ended() == (0, "")


def test_ended(make_broker, make_iotop):
    """A task that ends is shown with its last I/O."""
    broker = make_broker()
    iotop = make_iotop(broker, "-o")
    shows(broker, iotop)
    last = broker.tasks[11]
    last.write += 7 * MIB
    broker.sample(ended=[(last, 0)])
    iotop.wait(lambda lines: has(lines, 11, write="7.00 M/s"))
    short = Task(900, b"dd", age=0)
    short.start = broker.last + NS // 2
    short.write = 9 * MIB
    broker.sample(ended=[(short, 0)], forks=1, exits=1)
    lines = iotop.wait(lambda lines: has(lines, 900, write="9.00 M/s") and lines)
    assert re.search(r"WRITE: +9\.00 M/s", lines[0])


def test_scrolling(make_broker, make_iotop):
    broker = make_broker()
    for tid in range(100, 160):
        broker.tasks[tid] = Task(tid, b"idle", counted=True)
    iotop = make_iotop(broker)
    shows(broker, iotop)
    assert len(rows(iotop.lines())) == 20
    for _ in range(7):
        iotop.keys("Left")
    iotop.keys("r")
    iotop.wait(lambda lines: order(lines)[:6] == [1, 10, 11, 12, 13, 100])
    iotop.keys("Down")
    iotop.wait(lambda lines: order(lines)[0] == 10 and len(order(lines)) == 20)
    iotop.keys("PageDown")
    iotop.wait(lambda lines: order(lines)[0] == 116)
    iotop.keys("End")
    iotop.wait(lambda lines: order(lines)[-1] == 159 and len(order(lines)) == 20)
    iotop.keys("Up", "Home")
    iotop.wait(lambda lines: order(lines)[0] == 1)


@pytest.mark.parametrize("columns, n_rows", [(20, 5), (3, 2), (300, 3)])
def test_small(make_broker, make_iotop, columns, n_rows):
    """Nothing is too small: what does not fit is left out, and comes back with the room."""
    broker = make_broker()
    iotop = make_iotop(broker, columns=columns, rows=n_rows)
    work(broker)
    work(broker)
    iotop.wait(lambda lines: lines[0].startswith("To"))
    iotop.resize(100, 30)
    lines = iotop.wait(lambda lines: len(lines) == 30 and has(lines, 11, write="5.00 M/s") and lines)
    assert lines[-1].startswith("q quit")
    iotop.resize(40, 10)
    iotop.wait(lambda lines: len(lines) == 10 and lines[2].rstrip().endswith("COMMAND") and lines[-1].startswith("q quit"))


@pytest.mark.parametrize("columns, titles", [
    (40, "TID DISK READ DISK WRITE COMMAND"),
    (48, "TID DISK READ DISK WRITE IO> COMMAND"),
    (60, "TID USER DISK READ DISK WRITE IO> COMMAND"),
    (67, "TID USER DISK READ DISK WRITE SWAPIN IO> COMMAND"),
    (72, "TID PRIO USER DISK READ DISK WRITE SWAPIN IO> COMMAND"),
])
def test_narrow(make_broker, make_iotop, columns, titles):
    """On a narrow screen, whole columns are left out: each number that is shown is whole, and the command is there."""
    broker = make_broker()
    iotop = make_iotop(broker, columns=columns)
    work(broker)
    work(broker)
    lines = iotop.wait(lambda lines: any(re.match(r" *11 .* 5\.00 M/s .*tar", line) for line in lines[3:]) and lines)
    assert lines[2].split() == titles.split()
    assert lines[0].split()[0] == "Total" and "3.00 M/s" in lines[0] and "5.00 M/s" in lines[0]
    assert not any("…" in re.sub(r"\S*…$", "", line) for line in lines[:3])


def test_broker_restarts(make_broker, make_iotop):
    broker = make_broker()
    iotop = make_iotop(broker)
    shows(broker, iotop)
    broker.stop()
    lines = iotop.wait(lambda lines: lines[22].strip() and lines)
    assert "q quit" in lines[-1]
    broker.start()
    broker.wait_samplers()
    work(broker)
    work(broker)
    iotop.wait(lambda lines: has(lines, 11, write="5.00 M/s") and not lines[22].strip())


@pytest.mark.parametrize("how", ["q", signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_end(make_broker, make_iotop, how):
    """However it ends, the terminal is as before."""
    broker = make_broker()
    iotop = make_iotop(broker)
    shows(broker, iotop)
    iotop.wait(lambda lines: iotop.alternate() and not iotop.cursor_visible())
    if how == "q":
        iotop.keys("q")
    else:
        os.kill(iotop.pid(), how)
    assert iotop.ended() == (0, "")
    assert {"icanon", "echo", "isig"} <= set(iotop.stty().split())
    assert not iotop.alternate() and iotop.cursor_visible()


def test_no_broker(tmp_path):
    iotop = Terminal(tmp_path / "t", [executable("TASKBROKER", "command"), "--socket", str(tmp_path / "none"), "iotop"])
    status, errors = iotop.ended()
    assert status == 1 and errors.startswith("taskbroker: ") and not iotop.alternate()
    iotop.close()
