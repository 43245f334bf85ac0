# SPDX-License-Identifier: Apache-2.0
"""
`taskbroker watch` beyond plain events: the snapshot, command lines, the filters
that the broker evaluates, and a broker that goes away and comes back.
"""

import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import termios

import pytest

from tb_client import ALL_KINDS, what
from tb_daemon import executable
from tb_relay import Relay
from tb_wait import TIMEOUT
from test_commands import assert_same, command, finish, program_json, relatives_json, start_json, watch

# A user who has no name on any machine.
NOBODY = 4294960000

CC = dict(cmdline=b"cc\0-c\0a b.c\0", exe=b"/usr/bin/cc", cgroup=b"0::/system.slice/build.service\n")


def task_json(task, threads=False):
    """The fields of a task that the command must print, by their names on the wire."""
    known = not task.task_unknown
    out = {"kind": "task"}
    for name in ("pid", "tid"):
        out[name] = getattr(task, name)
    out["ppid"] = task.parent.pid if task.HasField("parent") else None
    for name in ("uid", "euid", "gid", "egid"):
        out[name] = getattr(task, name) if known or getattr(task, name) else None
    leader = task.session_leader
    assert task.session == leader.pid
    out["session"] = task.session if task.HasField("session_leader") else None
    out["session_id"] = f"{leader.pid}-{leader.start_boot_ns}" if leader.start_boot_ns else None
    out.update(
        comm=task.comm.decode() if known or task.comm else None,
        **start_json(task),
        **relatives_json(task),
        kernel_thread=task.kernel_thread if known or task.kernel_thread else None,
        credentials_changed=task.credentials_changed if known or task.credentials_changed else None,
    )
    if not threads:
        out["tasks"] = task.live_tasks
    for flag in ("seeded", "task_unknown"):
        if getattr(task, flag):
            out[flag] = True
    if task.HasField("program"):
        out["program"] = program_json(task.program)
    return out


def objects(out):
    return [json.loads(line) for line in out.splitlines()]


def populate(daemon):
    """Makes tasks that the broker finds in /proc, tasks whose fork it sees, and two tasks that it knows in part."""
    p = daemon.proc
    p.add(2, ppid=0, comm=b"kthreadd", kernel_thread=True, session=0)
    p.set_program(2, exe=None)
    p.add(10, uid=NOBODY, gid=100, comm=b"old \xc3\xa9", session=10)
    p.set_program(10, **CC)
    p.add(10, tid=11, uid=NOBODY, gid=100, comm=b"worker", session=10)
    daemon.start()
    witness = daemon.subscriber(kinds=ALL_KINDS, threads=True)
    k = daemon.kernel
    k.fork(100)
    k.uid(100, real=5, effective=6)
    k.fork(101, pid=100)
    k.fork(777, parent_tid=555)
    k.exec(778)
    witness.take(5)


@pytest.mark.parametrize("threads", [False, True])
@pytest.mark.parametrize("programs", [False, True])
def test_snapshot(make_daemon, threads, programs):
    """The output has the tasks, the end of the snapshot, and the events, as a Python client receives them."""
    daemon = make_daemon(start=False)
    populate(daemon)
    client = daemon.subscriber(kinds=ALL_KINDS, threads=threads, snapshot=True, programs=programs)
    tasks = client.snapshot()
    arguments = ["--json", "--snapshot", "-e", "all", "-n", "2"] + ["--threads"] * threads + ["--args"] * programs
    process = watch(daemon, client, *arguments)
    daemon.kernel.exec(100, program=CC)
    daemon.kernel.end(100)
    numbered = [client.next(), client.next()]
    out, err = finish(process)
    assert not err
    have = objects(out)
    assert have[:len(tasks)] == [task_json(t, threads) for t in tasks]
    end = have[len(tasks)]
    assert end.pop("time_ns") > 0
    assert end.pop("number") >= 0
    assert end == {"kind": "snapshot_end", "tasks": len(tasks)}
    assert_same("\n".join(out.splitlines()[-2:]), numbered)
    assert len(have) == len(tasks) + 3
    assert {2, 10, 100} <= {t["pid"] for t in have[:len(tasks)]}
    assert ("program" in have[0]) == ("program" in have[-1]) == programs


def test_snapshot_text(make_daemon):
    daemon = make_daemon(start=False)
    populate(daemon)
    client = daemon.subscriber()
    process = watch(daemon, client, "--snapshot", "--args", "--uid", str(NOBODY), "-n", "1")
    daemon.kernel.fork(20, parent_tid=10)
    out, err = finish(process)
    assert not err
    header, task, end, fork = out.splitlines()
    assert header.split()[-2:] == ["STATUS", "ARGUMENTS"]
    assert re.fullmatch(rf"\S+( \d\d:\d\d)? +task +10 +1 {NOBODY} +old é +\(2 threads\) cc -c 'a b\.c'", task), task
    assert re.fullmatch(r"\S+ snapshot 1 process is alive; from here on, what happens", end), end
    assert fork.split()[1:4] == ["fork", "20", "10"]


def test_arguments(daemon):
    """The command line is printed with the exec and with the exit, or the reason why it is not known."""
    client = daemon.subscriber(kinds=("exec", "exit"), programs=True)
    process = watch(daemon, client, "--json", "--args", "-e", "exec,exit", "-n", "4")
    text = watch(daemon, client, "--args", "-e", "exec,exit", "-n", "4")
    k = daemon.kernel
    k.fork(100)
    k.fork(101)
    k.exec(100, program=CC)
    numbered = [client.next()]
    daemon.proc.remove(101)
    k.exec(101)
    numbered.append(client.next())
    k.end(100)
    k.end(101)
    numbered += [client.next(), client.next()]
    out, _ = finish(process)
    assert_same(out, numbered)
    captured, late, *exits = [o["program"] for o in objects(out)]
    assert captured == {
        "state": "captured",
        "cmdline": ["cc", "-c", "a b.c"],
        "exe": "/usr/bin/cc",
        "cgroup": "/system.slice/build.service",
        "truncated": False,
    }
    assert late["state"] == "late" and late["cmdline"] is None and late["exe"] is None
    assert exits == [captured, late]

    out, _ = finish(text)
    lines = out.splitlines()[1:]
    assert [line.endswith(" cc -c 'a b.c'") for line in lines] == [True, False, True, False]
    assert [line.endswith(" (gone before it was read)") for line in lines] == [False, True, False, True]


def test_arguments_are_harmless(daemon):
    client = daemon.subscriber(kinds=("exec",), programs=True)
    process = watch(daemon, client, "--args", "-e", "exec", "-n", "1")
    daemon.kernel.exec(1, program=dict(CC, cmdline=b"a\x1b[31m\0\xff\0new\nline\0"))
    out, _ = finish(process)
    assert out.splitlines()[1].endswith(r" $'a\x1b[31m' $'\xff' $'new\nline'")


def test_arguments_are_quoted(daemon):
    """A shell reads the line as the same arguments."""
    arguments = [b"cc", b"", b"a b", b"it's", b"$HOME", b"`id`", b"a\\n", b"*", b"!!", b"~", b"x=~", b"{a,b}", b"#", b";",
                 b"a\nb", b"\xff\t'\\", "é\u202e\u00a0".encode(), b"\x1b2", b"--x=1", b""]
    client = daemon.subscriber(kinds=("exec",), programs=True)
    process = watch(daemon, client, "--args", "-e", "exec", "-n", "1")
    daemon.kernel.exec(1, program=dict(CC, cmdline=b"\0".join(arguments) + b"\0"))
    out, _ = finish(process)
    quoted = out.splitlines()[1][out.splitlines()[1].index(" cc ''") + 4:]
    shell = subprocess.run(["bash", "-c", f"printf '%s\\0' {quoted}"], capture_output=True, check=True)
    assert shell.stdout.split(b"\0")[:-1] == arguments[1:]


def test_arguments_on_a_terminal(daemon):
    """A command line is cut at the width of the terminal, with a mark."""
    client = daemon.subscriber(kinds=("exec",), programs=True)
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 90, 0, 0))
    n = client.status().subscribers
    process = subprocess.Popen(
        [executable("TASKBROKER", "command"), "--socket", str(daemon.path), "watch", "--args", "-e", "exec", "-n", "1"],
        stdin=subprocess.DEVNULL, stdout=theirs, env={**os.environ, "LC_ALL": "C.UTF-8", "TERM": "xterm"},
    )
    os.close(theirs)
    while client.status().subscribers == n:
        assert process.poll() is None
    daemon.kernel.exec(1, program=dict(CC, cmdline=b"cc\0" + b"x" * 1000 + b"\0"))
    out = b""
    try:
        while data := os.read(ours, 65536):
            out += data
    except OSError:
        pass
    os.close(ours)
    assert process.wait(TIMEOUT) == 0
    plain = re.sub(r"\x1b\[[0-9;]*m", "", out.decode())
    header, line = plain.split("\r\n")[:2]
    assert header.split() == ["TIME", "KIND", "PID", "NAME", "CPU", "STATUS", "ARGUMENTS"]
    assert len(line) == 90 and re.search(r" cc x+\+$", line)


@pytest.fixture
def family(daemon):
    """100, its child 101 and its grandchild 102, and 200, which another user owns."""
    k = daemon.kernel
    client = daemon.subscriber(kinds=("fork", "uid"))
    k.fork(100)
    k.fork(101, parent_tid=100)
    k.fork(102, parent_tid=101)
    k.fork(200)
    k.uid(200, real=7, effective=7)
    client.take(5)
    return daemon


def play(daemon):
    """Execs, forks, changes of ids and exits, on two processors. The broker reads a name only if no event is queued."""
    k = daemon.kernel
    witness = daemon.subscriber(kinds=("exec",))
    for pid, cpu, more in (
        (100, 0, dict(comm=b"cc", program=CC)), (101, 1, dict(comm=b"sh")), (102, 0, dict(comm=b"cc1")),
        (200, 1, dict(comm=b"other")),
    ):
        k.exec(pid, cpu=cpu, **more)
        witness.event()
    k.fork(103, parent_tid=102, cpu=1)
    k.uid(102, real=7, effective=7, cpu=0)
    k.end(103, parent_tid=102, parent_pid=102, cpu=1)
    k.end(102, code=0x300, parent_tid=101, parent_pid=101, cpu=0)
    k.end(200, cpu=1)
    k.end(100, code=9, cpu=0)


@pytest.mark.parametrize(
    "arguments, filter",
    [
        (["--pid", "100"], dict(pids=[100])),
        (["--tree", "101"], dict(subtrees=[101])),
        (["--uid", "7"], dict(uids=[7])),
        (["--comm", "cc*"], dict(comms=[b"cc*"])),
        (["--cgroup", "/sys/fs/cgroup/system.slice/"], dict(cgroups=[b"/system.slice"])),
        (["--cpu", "1"], dict(cpus="1")),
        (["--nonzero"], dict(nonzero=True)),
        (["--tree", "100", "--comm", "cc", "--comm", "sh", "--cpu", "0-1", "--nonzero"],
         dict(subtrees=[100], comms=[b"cc", b"sh"], cpus="0-1", nonzero=True)),
    ],
)
def test_filters(family, arguments, filter):
    """Each option sets its field of Filter: the output equals the stream of a client with that filter."""
    client = family.subscriber(kinds=ALL_KINDS, filter=filter, programs=True)
    process = watch(family, client, "--json", "--args", "-e", "all", *arguments)
    play(family)
    family.kernel.mark()
    numbered = []
    while not numbered or what(numbered[-1].event) != "loss":
        numbered.append(client.next())
    lines = [process.stdout.readline() for _ in numbered]
    process.send_signal(signal.SIGTERM)
    # Behind the loss, a comparison with /proc may make events of its own.
    _, err = finish(process)
    assert not err
    assert_same("".join(lines), numbered)
    assert 1 < len(numbered) < 11


def test_filter_is_left(daemon):
    client = daemon.subscriber()
    process = watch(daemon, client, "--json", "--uid", "0", "-e", "fork,uid", "-n", "2")
    text = watch(daemon, client, "--uid", "0", "-e", "fork,uid", "-n", "2")
    daemon.kernel.fork(100)
    daemon.kernel.uid(100, real=7, effective=7)
    daemon.kernel.exec(100)
    fork, uid = objects(finish(process)[0])
    assert "left_filter" not in fork and uid["left_filter"] is True
    assert finish(text)[0].endswith(" real 7, effective 7 (leaves the filter)\n")


@pytest.mark.parametrize("form, text", [
    ("time", r"\d\d:\d\d:\d\d\.\d{3}"),
    ("date", r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}"),
    ("epoch", r"\d{10}\.\d{9}"),
    ("utc", r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"),
    ("iso", r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d"),
])
def test_time(daemon, form, text):
    """The form of the times of all lines; the header is as wide."""
    client = daemon.subscriber(kinds=("fork",))
    process = watch(daemon, client, f"--time={form}", "--snapshot", "-n", "1")
    daemon.kernel.fork(100)
    time_ns = client.next().event.time_ns
    header, *_, end, fork = finish(process)[0].splitlines()
    assert re.match(text + " snapshot ", end) and re.match(text + " fork ", fork), (end, fork)
    assert header.index("KIND") == fork.index("fork")
    if form == "epoch":
        assert fork.split()[0] == f"{time_ns // 10**9}.{time_ns % 10**9:09}"


def test_numeric(daemon):
    client = daemon.subscriber(kinds=("fork",))
    process = watch(daemon, client, "-N", "-n", "1")
    daemon.kernel.fork(100)
    assert finish(process)[0].splitlines()[1].split()[1:6] == ["fork", "100", "1", "0", "init"]


def test_time_refused():
    done = subprocess.run([executable("TASKBROKER", "command"), "watch", "--time=bogus"], capture_output=True, text=True)
    assert done.returncode == 2
    assert "--time bogus: the form of times is time, date, epoch, utc or iso." in done.stderr


def test_snapshot_is_kept_true(daemon):
    """With --snapshot, an event by which a task enters or leaves the set is printed whatever -e says."""
    client = daemon.subscriber()
    process = watch(daemon, client, "--json", "--snapshot", "--uid", "7", "-e", "fork,exit", "-n", "3")
    plain = watch(daemon, client, "--json", "--uid", "7", "-e", "fork,exit", "-n", "1")
    k = daemon.kernel
    k.fork(100)
    k.fork(101)
    k.uid(100, real=7, effective=7)
    k.exec(100)
    k.uid(101, real=7, effective=7)
    k.uid(100, real=8, effective=8)
    k.end(101)
    k.end(100)
    snapshot_end, *events = objects(finish(process)[0])
    assert (snapshot_end["kind"], snapshot_end["tasks"]) == ("snapshot_end", 0)
    assert [(e["kind"], e["pid"]) for e in events] == [("uid", 100), ("uid", 101), ("uid", 100)]
    assert [(e["kind"], e["pid"]) for e in objects(finish(plain)[0])] == [("exit", 101)]


def parents_of(out):
    """(kind, pid, name of the parent) of each line, by the place of the column."""
    wide = re.compile("[\u4e00-\u9fff]")
    header, *lines = [wide.sub("\\g<0>\0", line) for line in out.splitlines()]
    begin, end = header.index("PARENT"), header.index("LIFETIME")
    return [(line.split()[1], line.split()[2], line[begin:end].replace("\0", "").strip()) for line in lines]


def test_parents(make_daemon):
    """The name of each parent at the time of the event, by its identity: in the snapshot too, if it comes later."""
    daemon = make_daemon(start=False)
    daemon.proc.add(7, ppid=9, comm=b"child")
    daemon.proc.add(9, ppid=1, comm="世界".encode())
    daemon.start()
    client = daemon.subscriber(kinds=("fork", "exec", "exit"))
    process = watch(daemon, client, "--snapshot", "--parents", "-n", "9")
    objects_of = watch(daemon, client, "--json", "--parents", "-e", "exit", "-n", "4")
    k = daemon.kernel
    witness = daemon.subscriber(kinds=("exec",))
    k.fork(100)
    k.fork(101, parent_tid=100)
    k.exec(100, comm=b"shell")
    witness.event()
    k.fork(102, parent_tid=100)
    k.end(100, comm=b"shell")
    k.end(102, parent_tid=100)
    # A stranger gets the number of a parent whose child lives on.
    k.fork(100, parent_tid=9)
    k.end(101, parent_tid=100)
    k.end(100, parent_tid=9)
    out, err = finish(process)
    assert not err
    rows = parents_of(out)
    snapshot = {pid: parent for kind, pid, parent in rows if kind == "task"}
    assert (snapshot["7"], snapshot["9"], snapshot["1"]) == ("世界", "init", "-")
    assert [row for row in rows if row[0] in ("fork", "exec", "exit")] == [
        ("fork", "100", "init"), ("fork", "101", "init"), ("exec", "100", "init"), ("fork", "102", "shell"),
        ("exit", "100", "init"), ("exit", "102", "shell"), ("fork", "100", "世界"), ("exit", "101", "shell"),
        ("exit", "100", "世界"),
    ]
    out, err = finish(objects_of)
    assert not err
    assert [(o["kind"], o["pid"], o["ppid_comm"]) for o in objects(out)] == [
        ("exit", 100, "init"), ("exit", 102, "shell"), ("exit", 101, "shell"), ("exit", 100, "世界"),
    ]
    assert not any("ppid_comm_stale" in o for o in objects(out))


def test_parents_with_filters(family):
    """A parent that does not match the filter is not known. With --cpu, no name is certain."""
    client = family.subscriber()
    process = watch(family, client, "--parents", "--json", "--tree", "101", "-e", "exec", "-n", "2")
    marked = watch(family, client, "--parents", "--cpu", "0", "-e", "exec", "-n", "1")
    family.kernel.exec(101)
    family.kernel.exec(102)
    assert [(o["pid"], o["ppid_comm"]) for o in objects(finish(process)[0])] == [(101, None), (102, "made-up")]
    assert parents_of(finish(marked)[0]) == [("exec", "101", "?init")]


@pytest.mark.parametrize("arguments, field", [(["--tree", "4000000"], "subtrees")])
def test_filter_refused(daemon, arguments, field):
    daemon.wait_ready()
    for form in ([], ["--json"], ["--snapshot"]):
        out, err = finish(command(daemon, "watch", *form, *arguments), 1)
        assert not out
        assert f"subscribe.filter.{field}" in err


@pytest.fixture
def relay(daemon, tmp_path):
    relay = Relay(tmp_path / "relay.sock", daemon.path)
    yield relay
    relay.close()


def test_resumes(daemon, relay):
    """The connection breaks again and again: no event is missing, and none comes twice."""
    client = daemon.subscriber()
    n = client.status().subscribers
    process = subprocess.Popen(
        [executable("TASKBROKER", "command"), "--socket", str(relay.path), "watch", "--json", "-n", "50", "--strict"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )
    while client.status().subscribers == n:
        assert process.poll() is None, process.communicate()
    numbered, lines, links = [], [], []
    for tid in range(100, 150):
        daemon.kernel.fork(tid)
        numbered.append(client.next())
        while len(lines) < len(numbered):
            line = process.stdout.readline()
            assert line, process.communicate()
            (links if '"kind":"link"' in line else lines).append(line)
        if tid % 10 == 5:
            relay.cut()
    out, err = finish(process)
    assert not out
    assert_same("".join(lines), numbered)
    assert [json.loads(link)["state"] for link in links] == ["lost", "resumed"] * 5
    assert err.count("trying again") == 5 and err.count("the stream goes on where it was") == 5


def restart(make_daemon, daemon):
    """Starts another broker on the same path. A client can connect at once, and is served when the broker runs."""
    daemon.path.unlink()
    return make_daemon(path=daemon.path)


def test_outlives_the_broker(make_daemon):
    daemon = make_daemon()
    client = daemon.subscriber()
    process = watch(daemon, client, "--json", "--snapshot", "-n", "2")
    text = watch(daemon, client, "-n", "1")
    quiet = watch(daemon, client, "--json", "-e", "fork", "-n", "2")
    daemon.kernel.fork(100)
    for p in (process, quiet):
        while json.loads(p.stdout.readline()).get("pid") != 100:
            pass
    assert daemon.terminate() == 0
    lost = json.loads(process.stdout.readline())
    assert (lost["kind"], lost["state"]) == ("link", "lost") and lost["reason"]

    again = restart(make_daemon, daemon)
    n = again.client()
    again.kernel.wait_listening()
    while n.status().subscribers < 2:
        assert process.poll() is None and quiet.poll() is None
    again.kernel.fork(200)
    out, err = finish(process)
    back, task, end, fork = objects(out)
    assert (back["kind"], back["state"], back["lost_time_ns"]) == ("link", "restarted", lost["lost_time_ns"])
    assert back["tries"] > 0 and back["reason"] and back["time_ns"] > lost["time_ns"]
    assert (task["kind"], task["pid"], end["kind"], fork["pid"]) == ("task", 1, "snapshot_end", 200)
    assert "trying again" in err and "what happened in between is not known" in err

    # With -e fork, the stream has only forks. Standard error reports the changes of the connection all the same.
    out, err = finish(quiet)
    assert [o["pid"] for o in objects(out)] == [200]
    assert "trying again" in err and "what happened in between is not known" in err

    out, _ = finish(text)
    assert out.splitlines()[1].split()[1:3] == ["fork", "100"]


@pytest.mark.parametrize("option", ["--pid", "--tree"])
@pytest.mark.parametrize("stranger", [False, True])
def test_processes_outlive_the_broker(make_daemon, option, stranger):
    """After a restart, the filter has the same process. A later process with its number is another one."""
    daemon = make_daemon()
    client = daemon.subscriber(("fork",))
    daemon.kernel.fork(100)
    start = client.event().start_boot_ns
    more = () if option == "--tree" else ("--pid", "102")
    process = watch(daemon, client, "--json", "-e", "exec", option, "100", *more, "-n", "3")
    daemon.kernel.exec(100)
    assert json.loads(process.stdout.readline())["pid"] == 100
    assert daemon.terminate() == 0

    daemon.path.unlink()
    again = make_daemon(path=daemon.path, start=False)
    again.proc.add(1, ppid=0, start_ns=1_000_000_000)
    again.proc.add(100, ppid=1, start_ns=start + 3_000_000_000 * stranger)
    again.start()
    if option == "--tree" and stranger:
        out, err = finish(process, 1)
        assert [o["state"] for o in objects(out)] == [] and "no such process" in err
        return
    status = again.client()
    again.kernel.wait_listening()
    while status.status().subscribers < 1:
        assert process.poll() is None
    again.kernel.exec(100)
    again.kernel.fork(101, parent_tid=100)
    again.kernel.exec(101)
    # A number that no process had before the restart either.
    again.kernel.fork(102)
    again.kernel.exec(102)
    again.kernel.exec(102)
    out, _ = finish(process)
    assert [o["pid"] for o in objects(out) if o["kind"] == "exec"] == ([102, 102] if stranger else [100, 101])


def test_strict_does_not(make_daemon):
    """With --strict, the command ends at a new broker: events may be missing."""
    daemon = make_daemon()
    client = daemon.subscriber()
    process = watch(daemon, client, "--json", "--strict")
    assert daemon.terminate() == 0
    assert json.loads(process.stdout.readline())["state"] == "lost"
    restart(make_daemon, daemon)
    out, err = finish(process, 3)
    assert [o["state"] for o in objects(out)] == ["restarted"]
    assert "--strict" in err


@pytest.mark.parametrize(
    "arguments, number, code", [([], signal.SIGTERM, 0), ([], signal.SIGINT, 0), (["--strict"], signal.SIGTERM, 3)]
)
def test_ends_while_the_broker_is_away(make_daemon, arguments, number, code):
    daemon = make_daemon()
    client = daemon.subscriber()
    process = watch(daemon, client, *arguments)
    assert daemon.terminate() == 0
    while "LINK" not in process.stdout.readline():
        assert process.poll() is None, process.communicate()
    process.send_signal(number)
    _, err = finish(process, code)
    assert ("has not come back" in err) == (code != 0)
