# SPDX-License-Identifier: Apache-2.0
"""
The columns of every live view are straight on a terminal, whatever is in them: wide,
combining and invisible characters, bytes that are not UTF-8, and numbers of ten digits.
"""

import os
import subprocess
import unicodedata

import pytest

from tb_daemon import executable
from tb_live_broker import NS, LiveBroker, Task
from tb_terminal import Terminal
from tb_wait import TIMEOUT

# Two users without a name on any machine: with a number that fits into the usual column, and with one that does not.
SHORT, LONG = 987654, 4294960000

NAMES = [
    b"plain", "\u4e16\u754c\u4e16\u754c\u4e16".encode(), "e\u0301e\u0301x".encode(), b"\xff\x1b\xfe", "a\u200bb".encode(),
    "\U0001f600x".encode(), b"x" * 15, "\u05d0\u202e\u05d1".encode(), b"\xe4\xb8", b" ", b"\\",
]


def machine():
    tasks = [Task(100 + i, name, uid=SHORT) for i, name in enumerate(NAMES)]
    tasks += [Task(4000000000 + i, name, uid=LONG, cmdline=name * 20 + b"\0") for i, name in enumerate(NAMES)]
    return tasks


def width(text):
    """The columns of a text, as terminals count."""
    return sum(
        0 if unicodedata.category(c) in ("Mn", "Me", "Cf") else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
    )


def first_columns(line, columns):
    """The part of a line that takes so many columns; None: a wide character lies across the border."""
    for n in range(len(line) + 1):
        if width(line[:n]) == columns and (n == len(line) or width(line[n]) > 0):
            return line[:n]
    return None


def check(header, rows, titles, expected):
    """Each right-aligned column ends where its title ends, and no number lacks a digit."""
    assert len(rows) == expected
    for title in titles:
        end = header.index(title) + len(title)
        for row in rows:
            before = first_columns(row, end)
            assert before and not before[-1].isspace(), (title, row)
            assert row[len(before):len(before) + 1] in ("", " "), (title, row)
    for row in rows:
        pid, rest = row.split(maxsplit=1)
        assert int(pid) in range(100, 100 + len(NAMES)) or int(pid) in range(4000000000, 4000000000 + len(NAMES))
        assert f" {LONG if int(pid) >= 4000000000 else SHORT} " in f" {rest} "


@pytest.fixture
def broker(tmp_path):
    broker = LiveBroker(tmp_path / "socket", machine(), delay_accounting="ON")
    yield broker
    broker.close()


def work(broker):
    for task in broker.tasks.values():
        task.cpu += NS // 100
        task.read += 12345678
    broker.sample()


TOP = ["-o", "pid,user,name,cpu,read,command"]
TOP_TITLES = ["PID", "CPU%", "READ/s"]


@pytest.mark.parametrize("arguments, titles", [
    (["top", "-b", "-n", "2", "--all", *TOP], TOP_TITLES),
    (["top", "-b", "-n", "2", "--all", "--args", *TOP], TOP_TITLES),
    (["iotop", "-b", "-n", "2"], ["TID", "DISK READ", "DISK WRITE"]),
    (["iotop", "-b", "-P", "-k", "-n", "2"], ["PID", "DISK READ", "DISK WRITE"]),
    (["iotop", "-b", "-a", "-n", "2"], ["TID", "DISK READ", "DISK WRITE"]),
])
def test_batch(broker, arguments, titles):
    process = subprocess.Popen(
        [executable("TASKBROKER", "command"), "--socket", broker.path, *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, "LC_ALL": "C"},
    )
    try:
        broker.wait_samplers()
        while process.poll() is None:
            work(broker)
        out, err = process.communicate(timeout=TIMEOUT)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0 and not err
    lines = [line for line in out.decode().split("\n") if line.strip()]
    (at, *_) = [i for i, line in enumerate(lines) if all(title in line for title in titles)]
    rows = lines[at + 1:at + 1 + 2 * len(NAMES)]
    check(lines[at], rows, titles, 2 * len(NAMES))


@pytest.mark.parametrize("utf8", [True, False])
@pytest.mark.parametrize("columns", [80, 120])
@pytest.mark.parametrize("arguments, titles", [
    (["top", *TOP], TOP_TITLES), (["iotop"], ["TID", "DISK READ", "DISK WRITE"]),
])
def test_screen(broker, tmp_path, arguments, titles, columns, utf8):
    command = [executable("TASKBROKER", "command"), "--socket", broker.path, *arguments]
    top = Terminal(tmp_path / "terminal", command, columns=columns, rows=50, utf8=utf8)
    try:
        broker.wait_samplers()

        def table(lines):
            at = next((i for i, line in enumerate(lines) if titles[0] in line and "COMMAND" in line), None)
            rows = [] if at is None else [line for line in lines[at + 1:] if line.lstrip()[:1].isdigit()]
            return (lines[at], rows, lines) if len(rows) == 2 * len(NAMES) and all("M" in row for row in rows) else None

        work(broker)
        work(broker)
        header, rows, lines = top.wait(table)
        check(header, rows, titles, 2 * len(NAMES))
        assert max(map(width, lines)) <= columns
    finally:
        top.close()
