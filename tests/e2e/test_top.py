# SPDX-License-Identifier: Apache-2.0
"""
The screen of `taskbroker top`, on a terminal: the tests send keys and check the
screen. The test's own broker reports a machine that the test made up.
"""

import os
import re
import signal
import subprocess

import pytest

from tb_daemon import executable
from tb_live_broker import NS, LiveBroker, Task
from tb_terminal import Terminal
from tb_wait import TIMEOUT

SIZES = [(80, 24), (120, 40), (200, 60)]
BRAILLE = re.compile("[\u2801-\u28ff]")


def machine():
    """Some of everything: busy and idle, own and others', children, the kernel's, and names that are no names."""
    return [
        Task(1, b"init", tasks=1, age=9000),
        Task(2, b"kthreadd", ppid=0, kernel_thread=True, age=9000),
        Task(3, b"kworker/0:1", ppid=2, kernel_thread=True, age=9000),
        Task(100, b"sh", cmdline=b"/bin/sh\0-l\0", age=500),
        Task(101, b"make", ppid=100, cmdline=b"make\0-j2\0", age=60, tasks=3),
        Task(102, b"cc1", ppid=101, cmdline=b"cc1\0-quiet\0busy.c\0", age=5, peak_kib=200 * 1024),
        Task(103, b"cc1", ppid=101, cmdline=b"cc1\0-quiet\0idle.c\0", age=4),
        Task(200, b"caf\xc3\xa9", uid=4294960000, cmdline=b"caf\xc3\xa9\0", withheld=True),
        Task(201, b"a\x1b[31m\xff", uid=4294960000, withheld=True),
        Task(202, b"\xe6\xbc\xa2\xe5\xad\x97" * 2, uid=4294960000, withheld=True),
    ]


@pytest.fixture
def broker(tmp_path):
    broker = LiveBroker(tmp_path / "socket", machine())
    yield broker
    broker.close()


@pytest.fixture
def make_top(tmp_path, request):
    terminals = []

    def make(broker, *arguments, **options):
        directory = tmp_path / f"terminal{len(terminals)}"
        if "directory" in options:
            directory = options.pop("directory")
        command = [executable("TASKBROKER", "command"), "--socket", broker.path, "top", *arguments]
        terminals.append(Terminal(directory, command, **options))
        broker.wait_samplers()
        return terminals[-1]

    yield make
    for terminal in terminals:
        terminal.close()


def work(broker):
    """A second passes: 102 runs, 101 waits and writes."""
    for pid, cpu in ((102, NS // 2), (101, NS // 10)):
        if pid in broker.tasks:
            broker.tasks[pid].cpu += cpu
            broker.tasks[pid].wait += cpu // 4
    if 101 in broker.tasks:
        broker.tasks[101].write += 3 * 1024 * 1024
        broker.tasks[101].read += 512 * 1024


def table(lines):
    """The line of the table's header, the header, and the rows; nothing where there is no table."""
    top = next((i for i, line in enumerate(lines) if " PID " in line and "COMMAND" in line), None)
    if top is None:
        return 0, "", []
    return top, lines[top], [line for line in lines[top + 1:-1] if line.strip()]


def cell(lines, pid, header):
    """A cell of a numeric column, which ends where its header ends."""
    _, names, rows = table(lines)
    found = re.search(rf"{re.escape(header)}(?= |$)", names)
    for row in rows:
        if row[:7].strip() == str(pid):
            return found and row[:found.end()].split()[-1]
    return None


def row_of(lines, pid):
    return next((row for row in table(lines)[2] if row[:7].strip() == str(pid)), "")


def pids(lines):
    return [int(row[:7]) for row in table(lines)[2] if row[:7].strip().isdigit()]


def shows(broker, terminal, pid=102, cpu="50.0"):
    """Samples go by until the screen has the rates."""
    terminal.wait(lambda lines: table(lines)[2])
    work(broker)
    broker.sample(forks=40, exits=30)
    return terminal.wait(lambda lines: cell(lines, pid, "CPU%") == cpu and lines)


@pytest.mark.parametrize("utf8", [True, False])
@pytest.mark.parametrize("columns, rows", SIZES)
def test_sizes(broker, make_top, columns, rows, utf8):
    """Everything has its place at each size, in both kinds of signs."""
    top = make_top(broker, columns=columns, rows=rows, utf8=utf8)
    lines = shows(broker, top)
    assert len(lines) == rows and max(map(len, lines)) <= columns
    text = "\n".join(lines)
    assert lines[0].startswith("10 processes, 12 threads") and "every 1s, graphs 3m" in lines[0]
    assert "you see everything; delay accounting off; broker 9.8.7 on Linux 6.18.0-made" in lines[1]
    for title in ("CPU 60%", "CPU wait 15%", "Read 512K/s", "Write 3.0M/s", "Forks 40/s", "Exits 30/s", "Lost 0/s"):
        assert title in text, title
    assert "I/O wait" in text and "not counted" in text
    assert bool(BRAILLE.search(text)) == utf8
    assert text.isascii() == (not utf8)

    top_row, header, body = table(lines)
    for name in ("PID", "USER", "CPU%", "WAIT%", "READ/s", "WRITE/s", "PEAK", "TIME", "COMMAND"):
        assert name in header.split()
    assert ("THR" in header.split()) == ("IO%" in header.split()) == (columns >= 120)
    assert ("NI" in header.split()) == (columns >= 200)
    # The graphs leave the table more than half of the screen.
    assert len(lines) - top_row > rows / 2
    assert pids(lines)[:2] == [102, 101]
    assert cell(lines, 102, "WAIT%") == "12.5"
    assert cell(lines, 101, "WRITE/s") == "3.0M"
    assert cell(lines, 102, "PEAK") == "200M"
    assert "cc1 -quiet busy" in row_of(lines, 102)
    assert lines[-1].startswith("F1Help") and "F10Quit" in lines[-1]


@pytest.mark.parametrize("utf8", [True, False])
def test_hidden_and_not_counted(tmp_path, make_top, utf8):
    """Other users' I/O is hidden, and an uncounted value is off: neither is a zero, anywhere."""
    broker = LiveBroker(tmp_path / "own", machine(), access="OWN", uid=0)
    top = make_top(broker, columns=120, rows=40, utf8=utf8)
    lines = shows(broker, top)
    assert "you see your tasks in full, of others what /proc shows" in lines[1]
    for pid in (200, 201, 202):
        assert [cell(lines, pid, name) for name in ("READ/s", "WRITE/s", "IO%")] == ["hidden"] * 3
        assert cell(lines, pid, "CPU%") == "0.0"
    for pid in (1, 101, 102):
        assert cell(lines, pid, "IO%") == "off"
    assert "Read 512K/s own" in "\n".join(lines)
    # Sorted by it, in either direction, they come last.
    top.keys("R")
    top.wait(lambda lines: pids(lines)[:1] == [101] and sorted(pids(lines)[-3:]) == [200, 201, 202])
    top.keys("I")
    top.wait(lambda lines: pids(lines)[:1] != [101] and sorted(pids(lines)[-3:]) == [200, 201, 202])
    broker.close()


def test_names_are_harmless(broker, make_top):
    top = make_top(broker)
    shows(broker, top)
    lines = top.lines()
    assert row_of(lines, 200).endswith(" café")
    assert row_of(lines, 201).endswith(r" [a\x1b[31m\xff]")
    assert row_of(lines, 202).endswith(" [漢字漢字]")
    # A terminal that had obeyed would show the name in red.
    line = next(line for line in top.lines(escapes=True) if "x1b" in line)
    assert "\x1b[31m" not in line


def test_counted_delays(tmp_path, make_top):
    tasks = machine()
    for task in tasks:
        task.counted = not task.withheld
    broker = LiveBroker(tmp_path / "counted", tasks, delay_accounting="ON")
    top = make_top(broker, columns=120, rows=40)
    top.wait("delay accounting on")
    broker.tasks[102].blkio += NS // 4
    shows(broker, top)
    top.wait(lambda lines: cell(lines, 102, "IO%") == "25.0" and cell(lines, 101, "IO%") == "0.0")
    top.wait("I/O wait 25%")
    broker.close()


def test_sorting(broker, make_top):
    top = make_top(broker)
    shows(broker, top)
    for key, first in (("M", 102), ("N", 1), ("T", 102), ("P", 102), ("R", 101), ("O", 101)):
        top.keys(key)
        top.wait(lambda lines: pids(lines)[:1] == [first])
    top.keys("N", "I")
    top.wait(lambda lines: pids(lines) == sorted(pids(lines), reverse=True) and lines)
    top.keys("F6")
    top.wait("Sort by")
    top.keys("Home", "Enter")
    top.wait(lambda lines: pids(lines) == sorted(pids(lines)) and pids(lines)[:1] == [1])


def test_tree(broker, make_top):
    top = make_top(broker, columns=120)
    shows(broker, top)
    top.keys("F5")
    lines = top.wait(lambda lines: row_of(lines, 101) and "make" in row_of(lines, 101) and pids(lines)[:1] == [1] and lines)
    assert pids(lines).index(100) + 1 == pids(lines).index(101)
    assert "├─cc1 -quiet busy.c" in row_of(lines, 102) and "└─cc1 -quiet idle.c" in row_of(lines, 103)
    # To make, and fold it.
    top.keys(*["Down"] * pids(lines).index(101), "-")
    lines = top.wait(lambda lines: 102 not in pids(lines) and lines)
    assert "[+] make" in row_of(lines, 101)
    top.keys("+")
    top.wait(lambda lines: 102 in pids(lines))
    top.keys("t")
    top.wait(lambda lines: pids(lines)[:1] == [102])


def test_tree_in_ascii(broker, make_top):
    top = make_top(broker, "--tree", columns=120, utf8=False)
    top.wait(lambda lines: row_of(lines, 103) and "`-cc1 -quiet idle.c" in row_of(lines, 103))
    assert "caf?" in row_of(top.lines(), 200)


def test_search_and_filter(broker, make_top):
    top = make_top(broker)
    shows(broker, top)
    top.keys("F4")
    top.type("quiet")
    top.wait(lambda lines: pids(lines) == [102, 103])
    top.keys("Enter")
    top.wait("filter: quiet")
    top.keys("Escape")
    top.wait(lambda lines: len(pids(lines)) == 10)

    # The search moves the cursor, and Enter shows where it is.
    top.keys("/")
    top.type("IDLE")
    top.wait("Search: IDLE")
    top.keys("Enter", "Enter")
    top.wait("process 103, child of 101")
    top.keys("q")
    top.wait("F10Quit")
    top.keys("F3")
    top.type("nothing of that name")
    top.wait("(not found)")
    top.keys("Escape")
    top.wait("F10Quit")


def test_user(broker, make_top):
    top = make_top(broker)
    shows(broker, top)
    top.keys("u")
    top.wait(lambda lines: any(line.startswith("all users") for line in lines))
    top.keys("Down", "Enter")
    top.wait(lambda lines: pids(lines) == [200, 201, 202])
    top.wait("only of 4294960000")
    top.keys("Escape")
    top.wait(lambda lines: len(pids(lines)) == 10)


def test_kernel_threads_and_names(broker, make_top):
    top = make_top(broker)
    lines = shows(broker, top)
    assert 3 in pids(lines)
    top.keys("K")
    top.wait(lambda lines: {2, 3}.isdisjoint(pids(lines)) and 1 in pids(lines))
    top.keys("c")
    top.wait(lambda lines: row_of(lines, 102).endswith(" cc1"))


def test_threads(broker, make_top):
    """The screen asks the broker for threads, and each thread has a row of its own."""
    top = make_top(broker)
    shows(broker, top)
    top.keys("H")
    top.wait("each thread by itself")
    top.wait(lambda lines: "TID" in table(lines)[1].split() and lines[0].startswith("10 threads"))
    assert [sample.scope for sample in broker.asked("subscribe_samples", 2)] == [1, 2]
    assert [s.threads for s in broker.asked("subscribe", 2)] == [False, True]


def test_interval(broker, make_top):
    top = make_top(broker, "-d", "2")
    top.wait("every 2s")
    top.keys("d")
    top.wait("Seconds between samples")
    top.type("0.5")
    top.keys("Enter")
    # The screen says it before the request is on its way.
    top.wait("every 0.5s")
    assert [sample.interval_ms for sample in broker.asked("subscribe_samples", 2)] == [2000, 500]
    top.keys("d")
    top.type("0")
    top.keys("Enter")
    top.wait('"0" is not a number of seconds')


def test_detail(broker, make_top):
    """All statistics of one process with their units; of a group that is not there, why."""
    top = make_top(broker, columns=120, rows=50)
    shows(broker, top)
    top.keys("Enter")
    lines = top.wait("process 102, child of 101")
    assert lines[0].startswith("cc1 -quiet busy.c")
    text = top.wait("cpu_run_virtual_total_ns") and top.text()
    assert re.search(r"cpu_run_virtual_total_ns +500ms +50\.0%", text)
    assert re.search(r"hiwater_rss_kib +200M", text)
    assert re.search(r"other waiting +not counted: delay accounting was off", text)
    assert "for storage" not in text
    work(broker)
    broker.sample()
    top.wait(lambda lines: re.search(r"cpu_run_virtual_total_ns +1\.00s +50\.0%", "\n".join(lines)) and
             BRAILLE.search("\n".join(lines[4:14])))
    # It ends: its last values stay, after its row has gone from the table.
    broker.sample(ended=[(broker.tasks[102], 3)])
    top.wait("It ended at")
    for _ in range(8):
        broker.sample()
    top.wait(lambda lines: ": exit 3" in "\n".join(lines) and "1.00s" in "\n".join(lines))
    top.keys("Escape")
    top.wait(lambda lines: not row_of(lines, 102) and row_of(lines, 101))


@pytest.mark.parametrize(
    "task, name, user",
    [
        (dict(comm=b"old", stale=True), "?old", "root"),
        (dict(comm=b"", unknown=True), "-", "-"),
    ],
)
def test_detail_of_a_task_known_in_part(tmp_path, make_top, task, name, user):
    """A name that may be old has its mark. If its fork was lost, a task is not shown as belonging to root."""
    broker = LiveBroker(tmp_path / "socket", [Task(300, **task)])
    try:
        top = make_top(broker)
        broker.sample()
        top.wait(lambda lines: row_of(lines, 300))
        top.keys("Enter")
        lines = top.wait("process 300")
        assert lines[0].split()[0] == name and f", of {user}" in lines[1]
    finally:
        broker.close()


def test_detail_of_anothers(broker, make_top):
    top = make_top(broker, columns=120, rows=50)
    shows(broker, top)
    top.keys("/")
    top.type("caf")
    top.keys("Enter", "Enter")
    top.wait("process 200")
    top.wait(lambda lines: re.search(r"input and output +hidden: it is another user's", "\n".join(lines)))
    assert "read_bytes" not in top.text()
    top.wait("hidden from you")


# As long as the daemon's option for the length allows, with wide characters, and an end that can be recognised.
LONG = [b"cc"] + [b"-I/include/%d/" % i + "漢字".encode() for i in range(1300)] + [b"the end"]


@pytest.mark.parametrize("columns, utf8", [(40, True), (81, False), (81, True), (200, True)])
def test_whole_command_line(tmp_path, make_top, columns, utf8):
    """The key w shows each character of a command line of many kilobytes; the table shows that it is cut there."""
    cmdline = b"".join(word + b"\0" for word in LONG)
    broker = LiveBroker(tmp_path / "socket", [Task(300, b"cc", cmdline=cmdline), Task(301, b"bare")])
    try:
        top = make_top(broker, columns=columns, rows=102, utf8=utf8)
        broker.sample()
        top.wait(lambda lines: row_of(lines, 300).rstrip().endswith("…" if utf8 else "+") and row_of(lines, 301))
        top.keys("N", "Home", "w")
        lines = top.wait("300: rows 1 to 100 of ")
        n_rows = int(re.search(r" of (\d+)", lines[0])[1])
        shown = {}
        for first in range(1, n_rows + 1, 100):
            first = min(first, n_rows - 99)
            lines = top.wait(lambda lines: f"300: rows {first} to {first + 99} of {n_rows}" in lines[0] and lines)
            shown.update(enumerate(lines[1:101], first))
            top.keys("NPage")
        words = [word.decode() for word in LONG]
        words[-1] = "'the end'"
        expected = " ".join(words) if utf8 else " ".join(words).replace("漢", "?").replace("字", "?")
        assert "".join(shown[row] for row in sorted(shown)).replace(" ", "") == expected.replace(" ", "")
        top.keys("Escape")
        top.wait("F1Help")
        top.keys("Down", "w")
        top.wait(lambda lines: lines[0].startswith("301: the arguments are not known") and lines[1] == "bare")
    finally:
        broker.close()


def test_ended(broker, make_top):
    """Rows that ended stay some seconds, dim; the ranking includes tasks that were too short-lived for any table."""
    top = make_top(broker)
    shows(broker, top)
    top.keys("Down", "Down", "Down")
    short = [Task(3000 + i, b"true", ppid=100, age=0) for i in range(500)]
    for task in short:
        task.cpu = NS // 1000
    broker.tasks[103].cpu += NS // 100
    broker.sample(ended=[(broker.tasks[103], 1)] + [(task, 0) for task in short], forks=500, exits=501)
    lines = top.wait(lambda lines: row_of(lines, 103) and "(exit 1)" in row_of(lines, 103) and lines)
    assert "Exits 501/s" in "\n".join(lines)
    line = next(line for line in top.lines(escapes=True) if "(exit 1)" in line)
    assert "38;5;244" in line or "\x1b[2m" in line
    for _ in range(8):
        broker.sample()
    top.wait(lambda lines: not row_of(lines, 103))

    top.keys("S")
    lines = top.wait("(all that ended)")
    ranked = {line.split()[0]: line.split()[1:] for line in lines if re.match(r"(true|cc1) ", line)}
    assert ranked["true"][:2] == ["500", "0"] and ranked["true"][3:5] == ["500ms", "1.00ms"]
    assert ranked["cc1"][:2] == ["1", "1"]
    top.keys("0")
    top.wait("Nothing has ended yet.")
    top.keys("q")
    top.wait("F10Quit")


def test_lost(broker, make_top):
    top = make_top(broker)
    shows(broker, top)
    broker.sample(lost=7)
    lines = top.wait("lost: 7 machine-wide!")
    assert "Lost 7.0/s" in "\n".join(lines)
    # In the graphs that are made of events, where it happened.
    assert sum(line.count("!") for line in lines[2:8]) == 3


def test_pause(broker, make_top):
    top = make_top(broker)
    shows(broker, top)
    top.keys("Z")
    top.wait("PAUSED")
    broker.sample(ended=[(broker.tasks[102], 0)])
    for _ in range(8):
        broker.sample()
    top.keys("Down", "Down", "Up", "N")
    lines = top.wait(lambda lines: pids(lines)[:1] == [1] and lines)
    assert cell(lines, 102, "CPU%") == "50.0"
    top.keys("Z")
    top.wait(lambda lines: not row_of(lines, 102) and "PAUSED" not in lines[0])


def test_tags(broker, make_top):
    top = make_top(broker)
    shows(broker, top)
    top.keys("Space", "Space")
    top.wait("2 tagged, CPU 60.0%, CPU wait 15.0%, read 512K/s, written 3.0M/s")
    top.keys("U")
    top.wait_gone("tagged")


def test_follow(broker, make_top):
    """The cursor goes where its process goes."""
    top = make_top(broker)
    shows(broker, top)
    top.keys("F")
    top.keys("N")
    top.wait(lambda lines: pids(lines)[:1] == [1])
    top.keys("Enter")
    top.wait("process 102")


def test_columns_and_settings(broker, make_top, tmp_path):
    """The chosen settings stay for the next time; a file of garbage does no harm."""
    place = tmp_path / "kept"
    top = make_top(broker, directory=place)
    shows(broker, top)
    top.keys("F2")
    top.wait("[x] PID")
    top.keys("Down", "Down", "Space", "Escape")
    top.wait(lambda lines: "PPID" in table(lines)[1].split())
    top.keys("c")
    top.keys("W")
    path = place / "config" / "taskbroker" / "top"
    top.wait("The settings are in")
    written = path.read_text()
    assert "ppid" in written and "command_lines=0" in written
    top.keys("t", "q")
    assert top.ended() == (0, "")
    assert "tree=1" in path.read_text()
    top.close()

    broker.samplers.clear()
    top = make_top(broker, directory=tmp_path / "again", environment={"XDG_CONFIG_HOME": str(place / "config")})
    top.wait(lambda lines: "PPID" in table(lines)[1].split() and row_of(lines, 103).endswith("─cc1"))
    top.keys("q")
    assert top.ended() == (0, "")

    path.write_bytes(b"columns=\xff,,,nonsense\nsort=\ninterval_ms=1\n\x00\x1b[2J" + os.urandom(5000))
    broker.samplers.clear()
    top = make_top(broker, directory=tmp_path / "garbage", environment={"XDG_CONFIG_HOME": str(place / "config")})
    shows(broker, top)


@pytest.mark.parametrize("exists", [True, False])
def test_settings_through_a_link(broker, make_top, tmp_path, exists):
    """A settings file that is a link stays one; its target is written, with the permissions that it had."""
    folder = tmp_path / "kept" / "config" / "taskbroker"
    folder.mkdir(parents=True)
    target = tmp_path / "dotfiles"
    if exists:
        target.write_text("")
        target.chmod(0o644)
    (folder / "top").symlink_to(target)
    top = make_top(broker, directory=tmp_path / "kept")
    shows(broker, top)
    top.keys("t", "q")
    assert top.ended() == (0, "")
    assert (folder / "top").is_symlink() and "tree=1" in target.read_text()
    assert target.stat().st_mode & 0o777 == (0o644 if exists else 0o600)


def test_option_before_settings(broker, make_top, tmp_path):
    """An option on the command line counts more than the saved settings."""
    place = tmp_path / "kept"
    top = make_top(broker, directory=place)
    shows(broker, top)
    top.keys("c")
    top.wait(lambda lines: row_of(lines, 102).endswith("cc1"))
    top.keys("q")
    assert top.ended() == (0, "")
    top.close()
    broker.samplers.clear()
    top = make_top(broker, "-c", directory=tmp_path / "again", environment={"XDG_CONFIG_HOME": str(place / "config")})
    shows(broker, top)
    top.wait(lambda lines: "cc1 -quiet" in row_of(lines, 102))


def test_settings_that_cannot_be_saved(broker, make_top, tmp_path):
    """The user changed something: it is an error if that is lost."""
    folder = tmp_path / "kept" / "config" / "taskbroker"
    folder.mkdir(parents=True)
    (folder / "top").symlink_to("/dev/full")
    top = make_top(broker, directory=tmp_path / "kept")
    shows(broker, top)
    top.keys("t", "q")
    status, error = top.ended()
    assert status == 1 and "The settings cannot be written to" in error and "it is not a regular file" in error


def test_graphs_on_and_off(broker, make_top):
    top = make_top(broker)
    lines = shows(broker, top)
    before = table(lines)[0]
    top.keys("g")
    top.wait(lambda lines: table(lines)[0] == 2)
    top.keys("g")
    top.wait(lambda lines: table(lines)[0] == before)
    top.keys(")")
    top.wait("graphs 5m")
    top.keys("(", "(", "(")
    top.wait("graphs 30s")


def test_help(broker, make_top):
    top = make_top(broker)
    shows(broker, top)
    top.keys("F1")
    top.wait(lambda lines: "taskbroker top" in lines[0] and any(line.startswith("F4 \\") for line in lines))
    top.keys("End")
    lines = top.wait("taskstats has no current one")
    top.keys("x")
    top.wait("F10Quit")
    top.keys("F9")
    top.wait("taskbroker top only looks")
    assert lines


@pytest.mark.parametrize("columns, rows", [(60, 16), (40, 8)])
def test_small(broker, make_top, columns, rows):
    """Less room is less to see, and no disorder."""
    top = make_top(broker, columns=columns, rows=rows)
    lines = shows(broker, top)
    assert table(lines)[0] == 2 and pids(lines)[0] == 102
    top.keys("Enter")
    top.wait("process 102")
    top.keys("q", "S")
    top.wait("(all that ended)")


def test_narrow(broker, make_top):
    """On the least width, losses, pauses, statistics and the help can be read: no number is cut."""
    top = make_top(broker, columns=40, rows=24)
    shows(broker, top)
    broker.sample(lost=123456, ended=[(broker.tasks[103], 0)])
    top.wait(lambda lines: lines[0].rstrip() == "lost 123 456, 9 processes, 11 thr")
    top.keys("Z")
    top.wait(lambda lines: lines[0].rstrip() == "PAUSED lost 123 456, 9 processes, 11 thr")
    top.keys("Z", "Enter")
    lines = top.wait(lambda lines: any(line.startswith("  cpu_run_virtual_") for line in lines) and lines)
    (line,) = [line for line in lines if line.startswith("  cpu_run_virtual_")]
    assert re.search(r" (\d+ms|0) +\d+\.\d%$", line), line
    top.keys("Escape", "F1")
    top.wait("this help")
    shown = ""
    while "taskstats has" not in shown:
        shown += top.text().replace("any key: back; arrows: more", "")
        assert "…" not in shown and len(shown) < 100_000
        top.keys("NPage")


def test_resize(broker, make_top):
    top = make_top(broker)
    shows(broker, top)
    top.resize(30, 6)
    top.wait("Too small")
    top.resize(160, 50)
    lines = top.wait(lambda lines: len(lines) == 50 and "THR" in "\n".join(lines) and lines[-1].startswith("F1") and lines)
    assert max(map(len, lines)) > 100
    top.keys("C-l")
    top.resize(80, 24)
    top.wait(lambda lines: len(lines) == 24 and lines[-1].startswith("F1Help") and row_of(lines, 102))


def test_broker_restarts(broker, make_top):
    """The screen goes on, and says what happened."""
    top = make_top(broker)
    shows(broker, top)
    broker.stop()
    top.wait("trying again")
    # The last known rows can still be browsed.
    top.keys("N", "Down")
    top.wait(lambda lines: pids(lines)[:1] == [1])
    broker.start()
    broker.wait_samplers()
    top.wait("Connected again after")
    top.keys("P")
    shows(broker, top)
    top.keys("q")
    assert top.ended() == (0, "")


def test_other_samples_while_the_broker_is_away(broker, make_top):
    """The screen sends the request made while the broker was away, once the broker is back."""
    top = make_top(broker)
    shows(broker, top)
    broker.stop()
    top.wait("trying again")
    top.keys("H")
    top.wait("No broker listens on")
    broker.start()
    broker.wait_samplers()
    assert [sample.scope for sample in broker.asked("subscribe_samples")] == [2]
    top.wait(lambda lines: lines[0].startswith("10 threads") and row_of(lines, 102))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_signals(broker, make_top, number):
    """The terminal is given back as it was."""
    top = make_top(broker)
    shows(broker, top)
    top.wait(lambda lines: top.alternate() and not top.cursor_visible())
    os.kill(top.pid(), number)
    assert top.ended() == (0, "")
    stty = top.stty()
    assert {"icanon", "echo", "isig"} <= set(stty.split())
    assert not top.alternate() and top.cursor_visible()


@pytest.mark.parametrize("environment", [{"NO_COLOR": "1"}, {"TERM": "vt100"}])
def test_no_colours(broker, make_top, environment):
    """The screen shows all information without colours."""
    top = make_top(broker, environment=environment)
    shows(broker, top)
    text = "\n".join(top.lines(escapes=True))
    assert not re.search(r"\x1b\[[0-9;]*\b(3[0-7]|4[0-7]|[34]8;5;\d+)m", text)
    assert "\x1b[7m" in text


def test_colours(broker, make_top):
    top = make_top(broker)
    shows(broker, top)
    assert re.search(r"\x1b\[[0-9;]*\b(3[0-7]|4[0-7])", "\n".join(top.lines(escapes=True)))


def test_unknown_terminal(broker, tmp_path):
    top = Terminal(tmp_path / "t", [executable("TASKBROKER", "command"), "--socket", broker.path, "top"],
                   environment={"TERM": "no-such-terminal"})
    status, errors = top.ended()
    assert status == 1 and 'the kind "no-such-terminal"' in errors
    top.close()


def test_terminal_without_a_cursor(broker, tmp_path):
    """A terminal of which only the next line can be written."""
    top = Terminal(tmp_path / "t", [executable("TASKBROKER", "command"), "--socket", broker.path, "top"],
                   environment={"TERM": "dumb"})
    status, errors = top.ended()
    assert status == 1 and 'be drawn on a terminal of the kind "dumb"' in errors
    assert "or use -b" in errors
    top.close()


def test_no_broker(tmp_path):
    top = Terminal(tmp_path / "t", [executable("TASKBROKER", "command"), "--socket", str(tmp_path / "none"), "top"])
    status, errors = top.ended()
    assert status == 1 and errors.startswith("taskbroker: ")
    assert not top.alternate()
    top.close()


def test_no_terminal(broker):
    r = subprocess.run([executable("TASKBROKER", "command"), "--socket", broker.path, "top"], stdin=subprocess.DEVNULL,
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=TIMEOUT)
    assert r.returncode == 1 and not r.stdout
    assert "-b prints lines instead" in r.stderr
