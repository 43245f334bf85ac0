# SPDX-License-Identifier: Apache-2.0
"""
A task belongs to a user if /proc shows it to that user: not more, and not less. One table
of programs, on the real kernel. For each, /proc is read as the user, and the broker must
give the user the same: live statistics, samples, programs and the exit.
"""

import os
import subprocess
import textwrap

import pytest

from tb_access import assert_event_restricted, assert_stats_restricted
from tb_live import ask_samples, get_stats, next_sample
from test_access import client_of, may_look_into, subscriber_of
from users import ME, ME_GROUP, ODD_GROUP, THIRD, THIRD_GROUP, SHELL, Shells, await_looks, finish, path_of, start

# Makes a user namespace as root, with a map, and runs a program there as the user.
AS_ROOT = textwrap.dedent(
    """
    import ctypes, os, sys
    uid, gid, map, *command = sys.argv[1:]
    ready, mapped = os.pipe(), os.pipe()
    maker = os.getpid()
    child = os.fork()
    if child == 0:
        os.read(ready[0], 1)
        for name, own in ("uid_map", uid), ("gid_map", gid):
            with open(f"/proc/{maker}/{name}", "w") as file:
                file.write(map.replace("OWN", own))
        os.write(mapped[1], b"m")
        os._exit(0)
    assert ctypes.CDLL(None).unshare(0x10000000) == 0
    os.write(ready[1], b"r")
    os.read(mapped[0], 1)
    os.waitpid(child, 0)
    os.setgroups([])
    os.setresgid(int(gid), int(gid), int(gid))
    os.setresuid(int(uid), int(uid), int(uid))
    os.execv(command[0], command)
    """
)


def kinds(place):
    """How each kind of program is started: user, group, command."""
    run = lambda name, *arguments: [path_of(place, name), *arguments, "7"]  # noqa: E731
    ids = [str(ME), str(ME_GROUP)]
    plain = run("ta-plain", "wait")
    become = lambda name, *uids: [path_of(place, name), "become", *uids]  # noqa: E731
    setpriv = ["setpriv", f"--reuid={ME}", f"--regid={ME_GROUP}", "--clear-groups"]
    crowded = ["setpriv", f"--reuid={ME}", f"--regid={ME_GROUP}", "--groups", ",".join(map(str, range(10**6, 10**6 + 1000)))]
    as_root = ["/usr/bin/python3", "-c", AS_ROOT, *ids]
    return {
        "plain": (ME, ME_GROUP, plain),
        "root's": (0, 0, plain),
        "setuid to myself": (ME, ME_GROUP, run("ta-mine", "wait")),
        "setuid root": (ME, ME_GROUP, run("ta-suid", "wait")),
        "setuid to the third": (ME, ME_GROUP, run("ta-suid3", "wait")),
        "setgid": (ME, ME_GROUP, run("ta-sgid", "wait")),
        "capabilities by its file": (ME, ME_GROUP, run("ta-cap", "wait")),
        "capabilities by its file, used": (ME, ME_GROUP, run("ta-cap", "using")),
        "unreadable": (ME, ME_GROUP, run("ta-blind", "wait")),
        "non-dumpable": (ME, ME_GROUP, run("ta-plain", "hide")),
        "another group": (ME, ODD_GROUP, plain),
        "the third runs what is setuid to me": (THIRD, THIRD_GROUP, run("ta-mine", "wait")),
        # launchers
        "a service": (0, 0, become("ta-plain", *ids) + plain),
        "a service by setpriv": (0, 0, setpriv + plain),
        "a service of another group": (0, 0, become("ta-plain", str(ME), str(ODD_GROUP)) + plain),
        "su": (ME, ME_GROUP, become("ta-become", *ids) + plain),
        "the third's su": (THIRD, THIRD_GROUP, become("ta-become", *ids) + plain),
        "a service runs what is setuid root": (0, 0, become("ta-plain", *ids) + run("ta-suid", "wait")),
        "a service that is unreadable": (0, 0, become("ta-plain", *ids) + run("ta-blind", "wait")),
        "a service with a capability": (0, 0, setpriv + ["--inh-caps=+chown", "--ambient-caps=+chown"] + plain),
        "a service with a thousand groups": (0, 0, crowded + plain),
        "a service with a thousand groups and a capability": (
            0, 0, crowded + ["--inh-caps=+chown", "--ambient-caps=+chown"] + plain,
        ),
        "a service with a thousand groups, capabilities by its file": (0, 0, crowded + run("ta-cap", "wait")),
        "a service by a shell": (0, 0, become("ta-plain", *ids) + ["/bin/sh", "-c", 'exec "$@"', "sh"] + plain),
        # user namespaces
        "my namespace": (ME, ME_GROUP, ["unshare", "-Ur"] + plain),
        "my namespace, its capability used": (ME, ME_GROUP, ["unshare", "-Ur"] + run("ta-plain", "using")),
        "my namespace, no ids": (ME, ME_GROUP, ["unshare", "-U"] + plain),
        "my namespace in mine": (ME, ME_GROUP, ["unshare", "-Ur", "unshare", "-Ur"] + plain),
        "root's namespace": (0, 0, as_root + ["OWN OWN 1"] + plain),
        "root's namespace of all ids": (0, 0, as_root + ["0 0 4294967295"] + plain),
        "my namespace in root's": (0, 0, as_root + ["0 0 4294967295", "/usr/bin/unshare", "-Ur"] + plain),
        # without an exec
        "my namespace without an exec": (ME, ME_GROUP, run("ta-plain", "alone")),
        "changed ids": (0, 0, run("ta-plain", "drop", *ids)),
        "changed ids, and permits": (0, 0, run("ta-plain", "permit", *ids)),
        "a thread that kept its ids": (0, 0, run("ta-plain", "part", *ids)),
    }


# The kinds that /proc shows to the user, on all kernels that were tried.
SHOWN = {
    "plain", "setuid to myself", "a service", "a service by setpriv", "su", "the third's su", "a service by a shell",
    "a service with a thousand groups",
    "my namespace", "my namespace, its capability used", "my namespace, no ids", "my namespace in mine",
    "my namespace without an exec", "changed ids, and permits", "a thread that kept its ids",
}  # fmt: skip

def may_read(path):
    """Whether the user can read a file."""
    read = subprocess.run(["cat", path], user=ME, group=ME_GROUP, extra_groups=[], capture_output=True)
    return read.returncode == 0


def judge(kind, task, shown):
    assert task.stats.HasField("io") == shown, f"{kind}: /proc {'shows' if shown else 'hides'} it\n{task}"
    if shown:
        assert not task.stats.withheld_groups, (kind, task)
    else:
        assert_stats_restricted(task.stats)


@pytest.mark.parametrize("live", [True, False], ids=["asked", "not-asked"])
def test_as_proc_shows(make_broker, place, live):
    broker = make_broker()
    exits = subscriber_of(broker, ME, ME_GROUP, kinds=("exit",))
    programs = Shells(broker, kinds(place))
    me = client_of(broker, ME, ME_GROUP)
    shown = {kind: may_look_into(pid) for kind, pid in programs.pids.items()}
    assert {kind for kind, own in shown.items() if own} == SHOWN
    if live:
        for kind, pid in programs.pids.items():
            for tid in map(int, os.listdir(f"/proc/{pid}/task")):
                (of_process, of_thread) = get_stats(me, pids=[pid], tids=[tid])
                judge(kind, of_process, shown[kind])
                judge(kind, of_thread, may_read(f"/proc/{pid}/task/{tid}/io"))
        ask_samples(me)
        sample = next_sample(me).by()
        for kind, pid in programs.pids.items():
            judge(kind, sample[pid], shown[kind])
    else:
        await_looks(broker)
    with subscriber_of(broker, ME, ME_GROUP, snapshot=True, programs=True) as snapshot:
        tasks = {task.tid: task for task in snapshot.snapshot()}
    for kind, pid in programs.pids.items():
        assert tasks[pid].program.exe_withheld != shown[kind], kind
    programs.finish()
    remaining = {pid: kind for kind, pid in programs.pids.items()}
    while remaining:
        event = exits.until(lambda e: e.pid in remaining and e.exit.process_ended)[-1]
        kind = remaining.pop(event.pid)
        # if the second thread ends last, the exit has the ids of root
        if kind == "a thread that kept its ids" and event.restricted:
            continue
        assert event.restricted != shown[kind], f"{kind}: /proc {'shows' if shown[kind] else 'hides'} it\n{event}"
        if shown[kind]:
            assert event.exit.stats.HasField("io") and event.exit.termination.exit_code == 7
        else:
            assert_event_restricted(event)


def test_forbids_and_permits(make_broker, place):
    """The broker finds out by itself, if nobody asks for statistics."""
    broker = make_broker()
    exits = subscriber_of(broker, ME, ME_GROUP, kinds=("exit",))
    for last in (True, False):
        # It forbids others to look into it first, so that the broker finds it hidden.
        shell = start(ME, ME_GROUP, "/bin/sh", "-c", SHELL, "sh", path_of(place, "ta-plain"), "switch", "7")
        await_looks(broker)
        shell.stdin.write(b"go\n")
        shell.stdin.flush()
        (pid,) = {int(line) for line in (shell.stdout.readline() for _ in range(2)) if line != b"1\n"}
        for shown in (False, True, False) if not last else (False, True):
            shell.stdin.write(b"%d" % shown)
            shell.stdin.flush()
            assert shell.stdout.readline() == b"%d\n" % shown
            assert may_look_into(pid) == shown
            # it is noticed when it hides if somebody asks
            with client_of(broker, ME, ME_GROUP) as asking:
                if not shown:
                    judge("forbids", get_stats(asking, pids=[pid])[0], False)
            await_looks(broker)
        finish(shell, 7)
        event = exits.until(lambda e: e.pid == pid)[-1]
        assert event.restricted != last


def test_in_a_hurry(make_broker, place):
    """An end that comes before the broker has looked gives the user nothing that /proc would not."""
    broker = make_broker()
    exits, root = subscriber_of(broker, ME, ME_GROUP, kinds=("exit",)), broker.subscriber(kinds=("exit",))
    codes = {}
    for code, name in enumerate(("ta-plain", "ta-suid", "ta-suid3", "ta-sgid"), 20):
        codes[code] = name == "ta-plain"
        command = [path_of(place, name), "leave", str(code)]
        for _ in range(50):
            process = start(0, 0, path_of(place, "ta-plain"), "become", str(ME), str(ME_GROUP), *command)
            finish(process, code)
    n = 0
    while n < 200:
        of_root = root.until(lambda e: e.exit.termination.exit_code in codes)[-1]
        event = exits.until(lambda e: e.pid == of_root.pid and e.time_ns == of_root.time_ns)[-1]
        n += 1
        if not codes[of_root.exit.termination.exit_code]:
            assert_event_restricted(event)
