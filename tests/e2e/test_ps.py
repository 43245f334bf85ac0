# SPDX-License-Identifier: Apache-2.0
"""taskbroker ps against the daemon: the machine is made up, so that every line is known."""

import fcntl
import json
import os
import pty
import struct
import subprocess
import termios

import pytest

from tb_daemon import executable
from tb_proc import boottime_ns
from tb_wait import TIMEOUT

S = 1_000_000_000


@pytest.fixture
def daemon(make_daemon):
    """
    init 1 - sshd 100 - bash 200 - make 300 - cc 400
                               `- vi 201, with a thread 211
    kthreadd 2 - worker 20
    """
    daemon = make_daemon(start=False)
    proc, now = daemon.proc, boottime_ns()
    init = dict(cmdline=b"/sbin/init\0splash\0", exe=b"/sbin/init", cgroup=b"0::/init.scope\n")
    proc.add(1, ppid=0, comm=b"init", start_ns=now - 4001 * S)
    proc.set_program(1, **init)
    proc.add(2, ppid=0, comm=b"kthreadd", start_ns=now - 4000 * S, kernel_thread=True)
    proc.add(20, ppid=2, comm=b"worker", start_ns=now - 3000 * S, kernel_thread=True)
    for pid in (2, 20):
        proc.set_program(pid, exe=None)
    for pid, ppid, uid, age, comm in [
        (100, 1, 0, 2000, b"sshd"), (200, 100, 65534, 300, b"bash"), (201, 200, 65534, 200, b"vi"),
        (300, 200, 65534, 100, b"make"), (400, 300, 65534, 90, b"cc"),
    ]:
        proc.add(pid, ppid=ppid, uid=uid, comm=comm, start_ns=now - age * S)
        proc.set_program(pid, cmdline=comm + b"\0-x\0", exe=b"/bin/" + comm, cgroup=b"0::/user/%d\n" % pid)
    proc.add(201, 211, ppid=200, uid=65534, comm=b"vi-io", start_ns=now - 150 * S)
    daemon.start()
    daemon.wait_ready()
    return daemon


def ps(daemon, *arguments, code=0, locale="C.UTF-8"):
    result = subprocess.run(
        [executable("TASKBROKER", "command"), "ps", "--socket", str(daemon.path), *arguments],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=TIMEOUT,
        env={**os.environ, "LC_ALL": locale},
    )
    assert result.returncode == code, (result.returncode, result.stdout, result.stderr)
    return result


def table(daemon, *arguments, **kw):
    result = ps(daemon, *arguments, **kw)
    assert not result.stderr
    return result.stdout


def pids(daemon, *arguments, **kw):
    return [int(line) for line in table(daemon, "--no-header", "-o", "pid", *arguments, **kw).split()]


def test_is_of_after_its_start(daemon):
    """A process that began before the command is there, an ended one is not, however recent the last snapshot is."""
    reader = daemon.subscriber()
    for pid in range(500, 506):
        daemon.kernel.fork(pid, parent_tid=200)
        assert reader.event().pid == pid
        assert pid in pids(daemon)
        daemon.kernel.end(pid)
        assert reader.event().pid == pid
        assert pid not in pids(daemon)


def test_default_columns(daemon):
    header, *lines = table(daemon).splitlines()
    assert header.split() == ["PID", "PPID", "USER", "AGE", "TASKS", "NAME"]
    cells = [line.split() for line in lines]
    assert [c[0] for c in cells] == ["1", "2", "20", "100", "200", "201", "300", "400"]
    assert [c[5] for c in cells] == ["init", "kthreadd", "worker", "sshd", "bash", "vi", "make", "cc"]
    assert cells[0][:3] == ["1", "0", "root"] and cells[0][3].startswith("1h") and cells[0][4] == "1"
    assert cells[5][1:3] == ["200", "nobody"] and cells[5][3].startswith("3m") and cells[5][4] == "2"
    # All columns line up.
    assert {line.index(c[5]) for line, c in zip(lines, cells)} == {header.index("NAME")}


def test_columns_and_order(daemon):
    assert table(daemon, "-o", "pid,name,uid", "--sort", "-uid,name") == (
        "PID NAME       UID\n"
        "200 bash     65534\n"
        "400 cc       65534\n"
        "300 make     65534\n"
        "201 vi       65534\n"
        "  1 init         0\n"
        "  2 kthreadd     0\n"
        "100 sshd         0\n"
        " 20 worker       0\n"
    )
    assert pids(daemon, "--sort", "age") == [400, 300, 201, 200, 100, 20, 2, 1]
    assert pids(daemon, "--sort", "started") == [1, 2, 20, 100, 200, 201, 300, 400]
    assert pids(daemon, "--sort", "-kernel") == [2, 20, 1, 100, 200, 201, 300, 400]
    assert pids(daemon, "--sort", "-cgroup")[0] == 400


TREE = """\
init
└─sshd
  └─bash
    ├─vi
    └─make
      └─cc
kthreadd
└─worker
"""


def test_parent(daemon):
    """The name of the present parent, also of a parent that does not match the filter."""
    assert table(daemon, "--no-header", "-o", "pid,parent", "--sort", "parent,pid").split("\n")[:-1] == [
        "  1 -", "  2 -", "201 bash", "300 bash", "100 init", " 20 kthreadd", "400 make", "200 sshd",
    ]
    assert table(daemon, "--no-header", "-o", "name,parent", "--comm", "cc").split() == ["cc", "make"]
    assert table(daemon, "--no-header", "-o", "tid,parent", "--threads", "--comm", "vi-io").split() == ["211", "bash"]


def test_tree(daemon):
    assert table(daemon, "--tree", "--no-header", "-o", "name") == TREE
    ascii_tree = TREE.replace("└─", "`-").replace("├─", "|-")
    assert table(daemon, "--tree", "--no-header", "-o", "name", locale="C") == ascii_tree
    # Each parent's children are in the order that was asked for.
    assert table(daemon, "--tree", "--no-header", "-o", "pid,name", "--sort", "-pid").splitlines()[2:6] == [
        "  1 init", "100 └─sshd", "200   └─bash", "300     ├─make",
    ]


def test_tree_of_one(daemon):
    assert table(daemon, "--tree=200", "--no-header", "-o", "name") == "bash\n├─vi\n└─make\n  └─cc\n"
    two = table(daemon, "--tree=300", "--tree=20", "--no-header", "-o", "pid,name")
    assert two == " 20 worker\n300 make\n400 └─cc\n"
    assert pids(daemon, "--tree=200") == [200, 201, 300, 400]


def test_threads(daemon):
    assert table(daemon, "--threads", "--tree=201", "-o", "pid,tid,tasks,name") == (
        "PID TID TASKS NAME\n"
        "201 201     - vi\n"
        "201 211     - └─vi-io\n"
    )
    assert pids(daemon, "--threads").count(201) == 2


def test_args(daemon):
    lines = table(daemon, "--args").splitlines()
    assert lines[0].split()[-1] == "ARGS"
    assert lines[1].endswith(" /sbin/init splash") and lines[2].endswith(" [kthreadd]") and lines[8].endswith(" cc -x")
    assert table(daemon, "--no-header", "-o", "pid,exe,cgroup", "--pid", "300") == (
        "300 /bin/make /user/300\n400 /bin/cc   /user/400\n"
    )
    assert table(daemon, "--tree=300", "--args", "--no-header").splitlines()[1].endswith("1 └─cc -x")


@pytest.mark.parametrize("arguments, due", [
    (["--uid", "nobody"], [200, 201, 300, 400]),
    (["--pid", "200"], [200, 201, 300]),
    (["--comm", "[cv]*"], [201, 400]),
    (["--cgroup", "/user/300"], [300]),
    (["--cgroup", "/user"], [100, 200, 201, 300, 400]),
    (["--uid", "0", "--pid", "1", "--pid", "300"], [1, 100]),
    (["--comm", "nobody-is-called-so"], []),
    (["-u", "nobody"], [200, 201, 300, 400]),
    (["-p", "200"], [200, 201, 300]),
    (["-C", "[cv]*"], [201, 400]),
    (["-u", "4294960000"], []),
    (["-p", "4000000"], []),
    (["-C", "nobody-is-called-so"], []),
    (["--uid", "4294960000"], []),
    (["--pid", "4000000"], []),
    (["--cgroup", "/none"], []),
])
def test_filters(daemon, arguments, due):
    assert pids(daemon, *arguments, code=0 if due else 1) == due


def test_nobody_passes(daemon):
    """The status reports that there is no such task; the output does not."""
    assert table(daemon, "--comm", "nobody-is-called-so", "-o", "pid,name", code=1) == "PID NAME\n"
    assert table(daemon, "--comm", "nobody-is-called-so", "--json", code=1) == ""
    assert table(daemon, "--comm", "nobody-is-called-so", "--tree", "--no-header", code=1) == ""


def test_numeric(daemon):
    users = ["-o", "pid,user", "--pid", "1", "--no-header"]
    assert table(daemon, *users) == "  1 root\n100 root\n"
    assert table(daemon, "-N", *users) == table(daemon, "--numeric", *users) == "  1 0\n100 0\n"
    assert pids(daemon, "-N", "--sort", "-user")[:2] == [200, 201]


def test_json_is_the_snapshot(daemon):
    client = daemon.subscriber(threads=True, snapshot=True, programs=True)
    due = {t.tid: t for t in client.snapshot()}
    tasks = [json.loads(line) for line in table(daemon, "--json", "--threads", "--args").splitlines()]
    assert [t["tid"] for t in tasks] == sorted(due)
    for t in tasks:
        d = due[t["tid"]]
        assert (t["pid"], t["uid"], t["euid"], t["gid"], t["egid"]) == (d.pid, d.uid, d.euid, d.gid, d.egid)
        assert (t["ppid"], t["session"]) == (d.ppid, d.session)
        assert (t["comm"], t["start_time_ns"]) == (d.comm.decode(), d.start_time_ns)
        assert t["kernel_thread"] == d.kernel_thread and t.get("seeded", False) == d.seeded
        assert t["program"]["exe"] == (d.program.exe.decode() or None)
    assert "program" not in json.loads(table(daemon, "--json").splitlines()[0])


def test_what_happened_since(daemon):
    """The table shows the broker's state, not /proc as it was at the broker's start."""
    k = daemon.kernel
    client = daemon.subscriber()
    k.fork(500, parent_tid=400, parent_pid=400)
    k.exec(500, comm=b"as")
    # An exec behind which more waits has no name.
    client.take(2)
    k.end(300, parent_tid=200, parent_pid=200)
    client.take(1)
    assert pids(daemon) == [1, 2, 20, 100, 200, 201, 400, 500]
    # The kernel does not report the children's new parent.
    assert table(daemon, "--tree", "--no-header", "-o", "pid,name", "--uid", "nobody") == (
        "200 bash\n"
        "201 └─vi\n"
        "400 cc\n"
        "500 └─as\n"
    )


def test_refused(daemon):
    """The broker's own sentence."""
    result = ps(daemon, "--tree=4000000", code=1)
    assert "refused" in result.stderr and "subscribe.filter.subtrees" in result.stderr and not result.stdout


@pytest.mark.parametrize("arguments", [
    ["-o", "pids"], ["--sort", "nothing"], ["--tree", "-o", "pid"], ["--json", "-o", "pid"], ["--nonzero"], ["300"],
])
def test_usage(daemon, arguments):
    result = ps(daemon, *arguments, code=2)
    assert "Try 'taskbroker ps --help'." in result.stderr and not result.stdout


def test_help_has_every_column(daemon):
    out = table(daemon, "--help")
    names = [line.split()[0] for line in out[out.index("Columns:"):].splitlines()[1:]]
    line = table(daemon, "-o", ",".join(names), "--pid", "400")
    assert line.splitlines()[0].split() == [n.upper() for n in names]


def on_terminal(daemon, columns, *arguments):
    """Returns the output that the command sends to a terminal of this width."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    process = subprocess.Popen(
        [executable("TASKBROKER", "command"), "ps", "--socket", str(daemon.path), *arguments],
        stdin=subprocess.DEVNULL, stdout=slave, env={**os.environ, "LC_ALL": "C.UTF-8", "NO_COLOR": "1"},
    )
    os.close(slave)
    out = b""
    while True:
        try:
            data = os.read(master, 65536)
        except OSError:         # the other end is closed
            break
        if not data:
            break
        out += data
    os.close(master)
    assert process.wait(TIMEOUT) == 0
    return out.decode().splitlines()


def test_cut_to_the_terminal(daemon):
    lines = on_terminal(daemon, 12, "--tree", "-o", "pid,name")
    assert lines == [
        "PID NAME", "  1 init", "100 └─sshd", "200   └─bash", "201     ├─vi", "300     └─m+", "400       └+",
        "  2 kthreadd", " 20 └─worker",
    ]


def test_reader_that_goes(daemon):
    """taskbroker ps | head -0"""
    process = subprocess.Popen(
        [executable("TASKBROKER", "command"), "ps", "--socket", str(daemon.path)],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )
    process.stdout.close()
    _, err = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 0 and not err


def test_no_broker(tmp_path):
    result = subprocess.run(
        [executable("TASKBROKER", "command"), "--socket", str(tmp_path / "nowhere"), "ps"],
        capture_output=True, text=True, timeout=TIMEOUT,
    )
    assert result.returncode == 1 and "nowhere" in result.stderr and not result.stdout
