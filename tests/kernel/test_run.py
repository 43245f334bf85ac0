# SPDX-License-Identifier: Apache-2.0
"""
taskbroker run on the real kernel: its counts equal the processes that were made, and its processor
time equals wait4(2), plus the time of processes that no parent waited for.
"""

import json
import os
import pathlib
import resource
import shutil
import subprocess
import sys
import textwrap

import pytest
import support
from support import EXIT, FORK, LOSS, PROCESS_ENDED, TRUTH, TRUTH_PROCESS, Collecting, Truth

WORKERS = 2
STEPS = 500

# Room for a whole storm: however busy the machine is, no subscriber falls behind.
ROOM = ("--feed-mib", "512")

TICK_NS = 10_000_000

# The compiler itself: a wrapper of that name, which comes first in PATH, makes processes of its own.
GCC = shutil.which("gcc", path="/usr/bin:/bin")


@pytest.fixture
def broker(make_broker):
    return make_broker(*ROOM)


class CpuGroup:
    """A control group whose processor time the kernel sums up for itself, by the scheduler's clock."""

    def __init__(self):
        self.directory = None
        for root, usage, unit_ns in (
            ("/sys/fs/cgroup/cpuacct", "cpuacct.usage", 1),
            ("/sys/fs/cgroup/cpu,cpuacct", "cpuacct.usage", 1),
            ("/sys/fs/cgroup", "cpu.stat", 1000),
        ):
            if os.path.exists(f"{root}/{usage}"):
                self.directory = pathlib.Path(root) / support.unique_name()
                self.usage, self.unit_ns = usage, unit_ns
                self.directory.mkdir()
                break

    def enter(self):
        if self.directory:
            (self.directory / "cgroup.procs").write_text("0")

    def used_ns(self):
        words = (self.directory / self.usage).read_text().split()
        return int(words[-1] if len(words) == 1 else words[words.index("usage_usec") + 1]) * self.unit_ns

    def close(self):
        if self.directory:
            self.directory.rmdir()


@pytest.fixture
def group():
    group = CpuGroup()
    yield group
    group.close()


def children_ns():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return int((usage.ru_utime + usage.ru_stime) * 1e9)


def waited_ns(account):
    return account["rusage"]["user_ns"] + account["rusage"]["system_ns"]


def run(broker, *command, code=0, cwd=None, enter=None):
    """Runs the command; the account, and what the command wrote."""
    path = broker.directory / "account"
    taskbroker = [os.environ["TASKBROKER"], "--socket", str(broker.path), "run", "--json", "-O", str(path), "--"]
    result = subprocess.run(
        [*taskbroker, *map(str, command)], stdout=subprocess.PIPE, text=True, timeout=4 * support.TIMEOUT, cwd=cwd,
        preexec_fn=enter,
    )
    assert result.returncode == code
    account = json.loads(path.read_text())
    check(account)
    return account, result.stdout


def check(account):
    """Checks the rules that hold for every account without a loss."""
    assert account["complete"] and not any(account["lost"].values()), account
    p = account["processes"]
    assert p["made"] == p["ended"] + p["running"]
    assert (p["without_stats"], p["tasks_missing"], p["end_unseen"], p["status_unknown"]) == (0, 0, 0, 0)
    cpu = account["cpu"]
    waited = waited_ns(account)
    records = cpu["records"]["cpu_run_virtual_total_ns"]
    assert cpu["total_ns"] == cpu["user_ns"] + cpu["system_ns"]
    assert cpu["total_ns"] == max(waited + cpu["not_waited_for"]["cpu_run_virtual_total_ns"], records)
    assert cpu["unattributed_ns"] == cpu["total_ns"] - records
    assert sum(c["runs"] for c in account["commands"]) == p["ended"] or account["commands_left_out"]


def python(script, *arguments):
    return [sys.executable, "-c", textwrap.dedent(script), *map(str, arguments)]


# Runs a command, and writes down its times from wait4, and the times that this program itself used until then.
MEASURE = """
    import os, resource, sys
    pid = os.posix_spawnp(sys.argv[2], sys.argv[2:], os.environ)
    _, status, usage = os.wait4(pid, 0)
    own = resource.getrusage(resource.RUSAGE_SELF)
    with open(sys.argv[1], "w") as f:
        f.write(f"{usage.ru_utime + usage.ru_stime + own.ru_utime + own.ru_stime}")
    sys.exit(os.waitstatus_to_exitcode(status))
"""


@pytest.mark.skipif(not shutil.which("make") or not GCC, reason="there is no make, or no gcc")
def test_build(directory, broker, beside, group):
    """500 steps of a compiler: each process is counted, by another subscriber too. The CPU equals wait4 and cgroup."""
    project = directory / "project"
    project.mkdir()
    for i in range(STEPS):
        (project / f"f{i}.c").write_text(f"#include <stdio.h>\nint f{i}(int x) {{ return x * {i} + putchar(x); }}\n")
    (project / "Makefile").write_text(
        f"all: $(patsubst %.c,%.o,$(wildcard *.c))\n%.o: %.c\n\t{GCC} -O1 -c $< -o $@\n"
    )
    measured = directory / "measured"
    end = support.unique_name()
    collect = beside(Collecting, broker, end, kinds=(FORK, EXIT))
    before_ns = children_ns()
    account, _ = run(broker, *python(MEASURE, measured, "make", "-s", "-j2"), cwd=project, enter=group.enter)
    used_ns = children_ns() - before_ns
    support.marker(end)
    stream = collect.finish()

    # Each step is gcc, which runs cc1 and as; and there are make, and the program that runs it.
    p = account["processes"]
    assert p["made"] == p["ended"] == 2 + 3 * STEPS
    assert p["failed"] == 0 and 5 <= p["most_at_once"] <= 9
    runs = {c["comm"]: c["runs"] for c in account["commands"]}
    assert (runs["gcc"], runs["cc1"], runs["as"], runs["make"]) == (STEPS, STEPS, STEPS, 1)

    # A number counts while its process lives: on a busy machine it comes again, as somebody else's.
    alive, n_forks, n_exits = {account["pid"]}, 0, 0
    for r in stream:
        if r.kind == FORK and r.tid == r.pid and r.ppid in alive:
            alive.add(r.pid)
            n_forks += 1
        elif r.kind == EXIT and r.flags & PROCESS_ENDED and r.pid in alive:
            alive.remove(r.pid)
            n_exits += 1
    assert not [r for r in stream if r.kind == LOSS]
    assert n_forks + 1 >= p["made"]
    assert n_exits == p["made"]

    cpu_ns = float(measured.read_text()) * 1e9
    assert abs(account["cpu"]["total_ns"] - cpu_ns) < 0.02 * cpu_ns
    assert account["cpu"]["not_waited_for"]["processes"] == 0 and not account["cpu"]["at_least"]
    assert account["memory"]["comm"] == "cc1"
    if group.directory:
        # `taskbroker` itself is in the group too
        itself_ns = used_ns - waited_ns(account)
        assert abs(account["cpu"]["total_ns"] + itself_ns - group.used_ns()) < 0.02 * cpu_ns


def truth_of(path):
    return support.records(path, TRUTH, Truth)


@pytest.mark.parametrize("mode, options", [
    ("fork", ["--count", "20000"]),
    ("thread", ["--count", "20000", "--threads", "500", "--window", "64"]),
])
def test_storm(directory, broker, mode, options):
    """As many as can be made in a moment: none is missing, and none is twice there."""
    truth = directory / f"truth-{mode}"
    account, _ = run(
        broker, support.program("storm"), mode, *options, "--workers", WORKERS, "--comm", "storm-run", "--truth", truth
    )
    truth = truth_of(truth)
    processes = [t for t in truth if t.type == TRUTH_PROCESS]
    p = account["processes"]
    assert p["made"] == p["ended"] == 1 + WORKERS + len(processes)
    assert p["failed"] == len([t for t in processes if t.status])
    assert account["threads"] == len(truth) - len(processes)
    assert account["cpu"]["not_waited_for"]["processes"] == 0
    assert account["cpu"]["total_ns"] == account["rusage"]["user_ns"] + account["rusage"]["system_ns"]


# Burns, writes down what it has used, as exactly as the kernel knows it, and ends.
BURN = """
    import os, resource, sys, time
    while time.process_time() < 0.3:
        pass
    own = resource.getrusage(resource.RUSAGE_SELF)
    os.write(1, b"%d\\n" % int((own.ru_utime + own.ru_stime) * 1e9))
"""


def test_orphans(broker):
    """Daemons that end before the command does: wait4 knows nothing of them, the account all but their very ends."""
    script = """
        import os, subprocess, sys
        for i in range(3):
            if os.fork() == 0:
                if os.fork() == 0:
                    # One of them has a child of its own, which it waits for.
                    if i == 0:
                        subprocess.run([sys.executable, "-c", sys.argv[1]])
                    os.execv(sys.executable, [sys.executable, "-c", sys.argv[1]])
                os._exit(0)
            os.wait()
    """
    # The pipe of their output ends with the last of them: so does the command.
    shell = '"$@" | { while read n; do echo $n; done; }'
    account, out = run(broker, "sh", "-c", shell, "sh", *python(script, textwrap.dedent(BURN)))
    burnt = sum(map(int, out.split()))
    assert len(out.split()) == 4 and burnt >= 1_200_000_000
    cpu = account["cpu"]
    orphans = cpu["not_waited_for"]
    # One of the three may still be about to end when the command does.
    assert account["processes"]["running"] <= 3
    assert orphans["processes"] + account["processes"]["running"] == 4
    if not account["processes"]["running"]:
        assert burnt - 4 * TICK_NS <= orphans["cpu_run_virtual_total_ns"]
    assert orphans["cpu_run_virtual_total_ns"] <= 1.1 * burnt
    assert account["rusage"]["user_ns"] + account["rusage"]["system_ns"] < burnt


def test_nobody_waits(broker):
    """Children of a process that ignores SIGCHLD: the kernel's sums lack them, and the report says "at least"."""
    script = """
        import os, signal, sys
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        for i in range(3):
            if os.fork() == 0:
                os.execv(sys.executable, [sys.executable, "-c", sys.argv[1]])
        try:
            os.wait()       # returns when all have ended
        except ChildProcessError:
            pass
    """
    account, out = run(broker, *python(script, textwrap.dedent(BURN)))
    burnt = sum(map(int, out.split()))
    cpu = account["cpu"]
    assert len(out.split()) == 3
    assert account["rusage"]["user_ns"] + account["rusage"]["system_ns"] < burnt
    assert cpu["at_least"] and cpu["total_ns"] >= burnt - 4 * TICK_NS
    assert cpu["total_ns"] == cpu["records"]["cpu_run_virtual_total_ns"]


def test_failures(broker):
    account, _ = run(broker, "sh", "-c", "/bin/false; /bin/false; /bin/true; sh -c 'kill -9 $$'; exit 7", code=7)
    p = account["processes"]
    assert (p["made"], p["failed"], account["exit_code"]) == (5, 4, 7)
    assert {c["comm"]: (c["runs"], c["failed"]) for c in account["commands"]} == {
        "sh": (2, 2), "false": (2, 2), "true": (1, 0),
    }


def test_killed(broker):
    account, _ = run(broker, "sh", "-c", "kill -SEGV $$", code=128 + 11)
    assert account["term_signal"] == 11


def test_io(directory, broker):
    """Bytes as the kernel counts them: rounded down to 1024 for each process."""
    path = directory / "written"
    account, _ = run(broker, "dd", "if=/dev/zero", f"of={path}", "bs=65536", "count=64", "status=none")
    assert 64 * 65536 <= account["io"]["write_char_bytes"] < 65 * 65536
    assert account["io"]["read_char_bytes"] >= 64 * 65536
    assert account["io"]["processes"] == 1


def test_args(make_broker):
    """The command line of what lives long enough for the broker to read it."""
    broker = make_broker(*ROOM, "--keep-ptrace")
    script = """
        import json, os, subprocess, sys
        known = None
        while known != "captured":
            out = subprocess.check_output([*sys.argv[1:], "ps", "--json", "--args", "--comm", "python3*"], text=True)
            known = [t["program"]["state"] for t in map(json.loads, out.splitlines()) if t["pid"] == os.getpid()][0]
    """
    command = python(script, os.environ["TASKBROKER"], "--socket", broker.path)
    err = subprocess.run(
        [os.environ["TASKBROKER"], "--socket", str(broker.path), "run", "--json", "--args", "--", *command],
        stderr=subprocess.PIPE, text=True, timeout=support.TIMEOUT, check=True,
    ).stderr
    account = json.loads(err)
    check(account)
    (own,) = [c for c in account["commands"] if c["comm"].startswith("python3")]
    assert own["program"]["state"] == "captured"
    assert own["program"]["cmdline"] == command
    assert own["program"]["exe"] == os.path.realpath(sys.executable)


def test_still_running(broker):
    """A daemon that goes on is counted, and waited for by nobody."""
    account, out = run(broker, "sh", "-c", "sleep 1000 >/dev/null & echo $!")
    try:
        p = account["processes"]
        assert (p["made"], p["running"]) == (2, 1)
    finally:
        os.kill(int(out), 9)


def test_many_at_once(broker):
    """Every run has a tree of its own, whatever the others do."""
    processes = []
    for i in range(8):
        processes.append(subprocess.Popen(
            [os.environ["TASKBROKER"], "--socket", str(broker.path), "run", "--json", "--",
             "sh", "-c", f"for i in $(seq {10 * i}); do /bin/true; done"],
            stderr=subprocess.PIPE, text=True,
        ))
    for i, process in enumerate(processes):
        _, err = process.communicate(timeout=support.TIMEOUT)
        account = json.loads(err)
        assert process.returncode == 0
        check(account)
        # seq is one more, in a shell of its own or in its place.
        runs = {c["comm"]: c["runs"] for c in account["commands"]}
        assert runs.get("true", 0) == 10 * i and runs["seq"] == 1
        assert account["processes"]["made"] == sum(runs.values())
