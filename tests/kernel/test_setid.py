# SPDX-License-Identifier: Apache-2.0
"""
Set-id and capability programs of the distribution, executed by two ordinary users at once:
by leaders and by threads, while the connector is silent, in storms and with forced losses.
No client gets anything of them that /proc keeps from it. Beside them run programs that
belong to their user: nothing of these is withheld, but for what a reported loss covers.

SETID_RUNS in the environment is the number of executed programs, SETID_SEED their order.
The programs are a test's own children, and what happened to them is known from wait(2).
"""

import contextlib
import itertools
import os
import pathlib
import pwd
import random
import shutil
import subprocess
import threading
import time

import pytest

import support
from support import TIMEOUT
from tb_access import assert_event_restricted, assert_stats_restricted
from tb_client import Closed
from tb_live import ask_samples, get_stats, next_sample
from tb_protocol import event_pb2
from test_access import SMALL, client_of, subscriber_of
from users import ME, ME_GROUP, THIRD, THIRD_GROUP, await_looks, path_of, start

RUNS = int(os.environ.get("SETID_RUNS", "80"))
SEED = int(os.environ.get("SETID_SEED", "1"))

# Two users of the distribution that run nothing. Some of the programs want a user with a name.
NAMES = ("games", "news")

# The arguments of each program. "NAME" stands for the user's name.
ARGUMENTS = {
    "chage": ["-l", "NAME"],
    "chfn": ["-f", "x", "NAME"],
    "chsh": ["-s", "/bin/sh", "NAME"],
    "crontab": ["-l"],
    "expiry": ["-c"],
    "gpasswd": ["no-such-group"],
    "gst-ptp-helper": ["--help"],
    "mount": ["/no/such/place"],
    "newgrp": ["no-such-group"],
    "passwd": ["-S"],
    "ping": ["-c", "1", "-W", "1", "127.0.0.1"],
    "polkit-agent-helper-1": [],
    "ssh-agent": ["-h"],
    "ssh-keysign": [],
    "su": ["nobody", "-c", "true"],
    "sudo": ["-n", "true"],
    "umount": ["/no/such/place"],
    "unix_chkpwd": ["NAME", "nullok"],
    "utempter": [],
}

# These read standard input, and run until it ends.
WAITING = {"su", "chfn", "chsh", "unix_chkpwd"}

# The privileges of these are no ids. Only /proc shows them, while the program runs.
CAPABLE = {"gst-ptp-helper", "ping"}

HOWS = ("leader", "again", "thread", "left", "spawn", "vfork", "fd", "sibling")
# The exec gives no privileges, and the program is its user's own.
POWERLESS = ("bound", "traced", "nested")
# Programs that do not forbid by themselves to look into them.
PLAIN = {"expiry", "chage", "mount", "umount"}

SLACK_NS = 20_000_000

# The name of a process until its exec is complete.
HELPER = b"kernel-orders"


def users():
    """(uid, gid, name) of each user."""
    try:
        found = [pwd.getpwnam(name) for name in NAMES]
    except KeyError:
        return [(ME, ME_GROUP, "root"), (THIRD, THIRD_GROUP, "root")]
    return [(user.pw_uid, user.pw_gid, user.pw_name) for user in found]


def privileged():
    """Programs with set-id bits or capabilities that every user may execute: the path by name."""
    roots = [path for path in ("/bin", "/sbin", "/usr", "/opt") if not os.path.islink(path)]
    find = ["find", *roots, "-xdev", "-perm", "/6000", "-type", "f"]
    found = subprocess.run(find, stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()
    if shutil.which("getcap"):
        listed = subprocess.run(["getcap", "-r", *roots], stdout=subprocess.PIPE, text=True).stdout
        found += [line.rsplit(" ", 1)[0] for line in listed.splitlines()]
    executable = {os.path.basename(path): path for path in found if os.stat(path).st_mode & 0o1}
    return {name: path for name, path in executable.items() if name in ARGUMENTS}


class Run:
    """An executed program: its user, whether it belongs to the user, and how it ended."""

    def __init__(self, uid, own, how, silence, command):
        self.uid, self.own, self.how, self.silence, self.command = uid, own, how, silence, command
        self.name = os.path.basename(command[0]).removesuffix("-script")
        self.pid = self.executed_ns = self.begin = self.end = None
        self.ends = 0           # reported to its user

    def __repr__(self):
        kind = "own" if self.own else "privileged"
        command = " ".join(self.command)
        return f"<{kind} {command}, by {self.how}, silence {self.silence}, pid {self.pid}, uid {self.uid}>"


class Runner:
    """A helper program of a user. It runs one program at a time."""

    def __init__(self, uid, gid):
        self.uid = uid
        self.process = start(uid, gid, support.program("orders"))

    def begin(self, run, count=0, us=0):
        """Begins an exec, beside the silence that it asks for."""
        self.run = run
        words = [run.how, run.silence, count, us, 15 if run.name in WAITING else 0, *run.command]
        self.process.stdin.write((" ".join(map(str, words)) + "\n").encode())
        self.process.stdin.flush()

    def executed(self):
        self.run.pid, error = map(int, self.process.stdout.readline().split())
        self.run.executed_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        assert error == 0, (self.run, os.strerror(error))

    def end(self):
        self.process.stdin.write(b"end\n")
        self.process.stdin.flush()
        _, self.run.begin, self.run.end = map(int, self.process.stdout.readline().split())

    def finish(self):
        self.process.stdin.close()
        self.process.stdout.close()
        assert self.process.wait(TIMEOUT) == 0


class Samples(threading.Thread):
    """Live samples of one client: the tasks of which it got what only their owner gets."""

    def __init__(self, client):
        super().__init__(daemon=True)
        self.client = client
        self.n, self.shown = 0, []
        ask_samples(client)
        self.start()

    def run(self):
        with contextlib.suppress(Closed, OSError):
            while True:
                sample = next_sample(self.client)
                self.n += 1
                self.shown += [(task, sample.last.begin_time_ns) for task in sample.tasks if not is_public(task)]

    def finish(self):
        self.client.socket.shutdown(2)
        self.join(TIMEOUT)
        self.client.close()


def is_public(task):
    """Whether a task of a sample or of an answer has nothing that is only for its owner."""
    try:
        assert not task.HasField("stats") or not assert_stats_restricted(task.stats)
        return not task.HasField("termination")
    except AssertionError:
        return False


class Scene:
    """Two users with all that they ask the broker for, and with the programs that they run."""

    def __init__(self, broker, place, n_runners=1):
        self.broker, self.place, self.rng = broker, place, random.Random(SEED)
        self.users = users()
        self.programs = privileged()
        assert self.programs, "no set-id or capability program is installed"
        self.runners = [Runner(uid, gid) for _ in range(n_runners) for uid, gid, _ in self.users]
        await_looks(broker)
        self.readers, self.failures, self.asking, self.samples = {}, {}, {}, {}
        for uid, gid, _ in self.users:
            self.readers[uid] = subscriber_of(broker, uid, gid, programs=True)
            self.failures[uid] = subscriber_of(broker, uid, gid, kinds=("exit",), filter={"nonzero": True})
            self.asking[uid] = client_of(broker, uid, gid)
            self.samples[uid] = Samples(client_of(broker, uid, gid))
        self.epoch = self.asking[self.users[0][0]].welcome.boot_epoch_ns
        self.by_pid = {}
        self.n_kept = self.n_shown = self.n_withheld = 0

    def command(self, name, user):
        """Sometimes by a script: the kernel gives it the privileges of the interpreter."""
        if name not in WAITING | CAPABLE and len(ARGUMENTS[name]) == 1 and self.rng.random() < 0.3:
            return [self.script(name)]
        return [self.programs[name], *(argument.replace("NAME", user) for argument in ARGUMENTS[name])]

    def script(self, name):
        path = pathlib.Path(path_of(self.place, f"{name}-script"))
        if not path.exists():
            path.write_text(f"#!{self.programs[name]} {ARGUMENTS[name][0]}\n")
            path.chmod(0o755)
        return str(path)

    def draw(self, uid, user, silences):
        """A run at random: a third of the programs are the user's own."""
        rng, silence = self.rng, self.rng.choice(silences)
        powerless = sorted(self.programs.keys() & PLAIN)
        kind = rng.randrange(10)
        if kind == 0 and powerless:
            return Run(uid, True, rng.choice(POWERLESS), silence, self.command(rng.choice(powerless), user))
        if kind < 3:
            plain = [path_of(self.place, "ta-plain"), "leave", str(rng.choice((0, 5)))]
            return Run(uid, True, rng.choice(HOWS), silence, plain)
        if kind < 5:
            name = rng.choice(("ta-suid", "ta-suid3", "ta-sgid", "ta-cap"))
            command = [path_of(self.place, name), "use" if name == "ta-cap" else "leave", "5"]
            return Run(uid, False, rng.choice(HOWS), silence, command)
        return Run(uid, False, rng.choice(HOWS), silence, self.command(rng.choice(sorted(self.programs)), user))

    def executed(self, runner):
        runner.executed()
        self.by_pid.setdefault(runner.run.pid, []).append(runner.run)

    def execute(self, n, silences, asks=True):
        """Runs programs of both users at once."""
        runs, rng = [], self.rng
        while len(runs) < n:
            for runner, (uid, _, user) in zip(self.runners, itertools.cycle(self.users)):
                runner.begin(self.draw(uid, user, silences), rng.choice((1, 3, 150)), rng.choice((0, 100, 300, 2000)))
                runs.append(runner.run)
            for runner in self.runners:
                self.executed(runner)
            if asks and rng.random() < 0.3:
                self.ask(rng.random() < 0.1)
            for runner in self.runners:
                runner.end()
        return runs

    def ask(self, snapshots):
        """Checks the doors that are open while programs run."""
        runs = {runner.run.pid: runner.run for runner in self.runners}
        for uid, gid, _ in self.users:
            for answer in get_stats(self.asking[uid], pids=list(runs), tids=list(runs)):
                run = runs[answer.pid or answer.tid]
                # posix_spawn() returns a moment before the kernel sets name and ids
                if run.uid == uid and (run.own or answer.stats.identity.ac_comm == HELPER):
                    continue
                assert is_public(answer), f"{run}, to {uid}:\n{answer}"
            if not snapshots:
                continue
            with subscriber_of(self.broker, uid, gid, snapshot=True, programs=True) as client:
                for task in client.snapshot():
                    run = runs.get(task.pid)
                    # after a silenced exec it has the program before
                    if run and not (run.own and run.uid == uid):
                        assert not task.program.exe.endswith(f"/{run.name}".encode()), f"{run}, to {uid}:\n{task}"

    def read(self):
        """All events up to now: of each user, and of the failures that each user sees."""
        marks, out = {}, ({}, {})
        for runner in self.runners * 2:
            runner.begin(Run(runner.uid, True, "leader", 0, [path_of(self.place, "ta-plain"), "leave", "7"]))
            runner.executed()
            runner.end()
            marks[runner.uid] = runner.run.pid
        for events, clients in zip(out, (self.readers, self.failures)):
            for uid, client in clients.items():
                events[uid] = client.until(lambda e: e.WhichOneof("kind") == "exit" and e.pid == marks[uid])
        return out

    def find(self, pid, start_time_ns, time_ns):
        """The run of a process with that number, by its start, or if that is not known by a time of its life."""
        start = (start_time_ns or time_ns) - self.epoch
        for run in self.by_pid.get(pid, ()):
            if run.begin - SLACK_NS <= start <= run.end + SLACK_NS:
                return run
        return None

    def judge(self, runs):
        """Compares what each user got with what ran."""
        everything, failures = self.read()
        for uid, events in everything.items():
            lost = any(event.WhichOneof("kind") == "loss" for event in events)
            for event in events:
                run = self.find(event.pid, event.start_time_ns, event.time_ns)
                if run and run.uid == uid:
                    self.judge_own(run, event, lost)
                elif run:
                    assert_event_restricted(event)
            if not lost:
                for run in runs:
                    assert run.uid != uid or run.ends == 1, f"{run.ends} ends of {run}"
        for event in itertools.chain(*failures.values()):
            # with a restricted exit, the filter would disclose the status
            if event.WhichOneof("kind") == "exit" and event.restricted:
                assert event.exit.termination_missing == event_pb2.TERMINATION_MISSING_UNKNOWN, event
        for uid, samples in self.samples.items():
            shown, samples.shown = samples.shown, []
            for task, begin_ns in shown:
                run = self.find(task.pid, task.start_time_ns, task.time_ns)
                # before its exec it belongs to the user
                if run and (task.ended or begin_ns - self.epoch > run.executed_ns) and not in_a_hurry(run):
                    before = run.uid == uid and task.stats.identity.ac_comm == HELPER
                    assert before or run.own and run.uid == uid, f"{run}, to {uid}:\n{task}"
        self.by_pid.clear()

    def judge_own(self, run, event, lost):
        """An event of a program of the user who gets it."""
        what = event.WhichOneof("kind")
        if what == "exec" and not run.own:
            assert not event.exec.program.exe.endswith(f"/{run.name}".encode()), f"{run}\n{event}"
        if what != "exit" or not event.exit.process_ended or is_before_exec(event):
            return
        run.ends += 1
        if not run.own:
            if not in_a_hurry(run):
                assert event.restricted, f"{run}\n{event}"
            if event.restricted:
                assert_event_restricted(event)
            self.n_kept += event.restricted
        elif event.restricted:
            assert lost, f"withheld, and no loss was reported: {run}\n{event}"
            self.n_withheld += 1
        else:
            stats = event.exit.process_stats if event.exit.HasField("process_stats") else event.exit.stats
            assert stats.HasField("io") or event.exit.stats_missing, f"{run}\n{event}"
            self.n_shown += 1

    def recover(self):
        """After a loss, /proc is compared with the table, and then shows the runners to their users."""
        self.broker.settle(lambda status: status.unmatched_stats == 0)
        for _ in range(2):
            await_looks(self.broker)

    def finish(self):
        for samples in self.samples.values():
            samples.finish()
            assert samples.n > 0
        for runner in self.runners:
            runner.finish()
        print(f"{self.n_kept} privileged kept, {self.n_shown} own shown, {self.n_withheld} own withheld in losses")


def is_before_exec(event):
    """After a loss, a thread that called exec may seem to have ended its process before. It ran the helper program."""
    stats = event.exit.process_stats if event.exit.HasField("process_stats") else event.exit.stats
    return event.synthesised and event.comm == stats.identity.ac_comm == HELPER


def in_a_hurry(run):
    """A program with capabilities may end before /proc was read."""
    return run.name in CAPABLE


def calm(scene, directory, n):
    scene.judge(scene.execute(n, (0,)))


def storm(scene, directory, n):
    beside = threading.Thread(target=support.storm, args=(directory, "fork", 5000))
    beside.start()
    runs = scene.execute(n, (0,))
    beside.join()
    scene.judge(runs)


def silence(scene, directory, n):
    runs = scene.execute(n, (1, 2, 3, 4, 6, 7))
    scene.recover()
    scene.judge(runs)


def loss(scene, directory, n):
    with scene.broker.stopped():
        support.storm(directory, "fork", 3000)
        runs = scene.execute(n, (0,), asks=False)
    scene.recover()
    scene.judge(runs)


@pytest.mark.parametrize("stages, options", [
    ((calm, storm, silence), ()),
    ((loss, calm), SMALL[2:]),
], ids=["silenced", "lost"])
def test_nothing_too_much_and_nothing_too_little(alone, make_broker, directory, place, stages, options):
    scene = Scene(make_broker("--feed-mib", "256", *options), place)
    n = 0
    while n < RUNS // 2:
        for stage in stages:
            stage(scene, directory, min(RUNS // (2 * len(stages)), 200))
            n += min(RUNS // (2 * len(stages)), 200)
    # after all of this, the users' own programs are shown
    scene.recover()
    before = scene.n_withheld
    calm(scene, directory, 20)
    assert scene.n_withheld == before
    scene.finish()


@pytest.mark.parametrize("silences", [(0,), (2,), (3,)], ids=["reported", "exec-silenced", "all-silenced"])
def test_while_they_run(alone, make_broker, place, silences):
    """The doors that are open while a program with privileges waits for its input."""
    scene = Scene(make_broker(), place, n_runners=len(HOWS))
    copies = ("ta-suid", "ta-suid3", "ta-sgid", "ta-cap", "ta-plain")
    commands = [[path_of(place, name), "wait", "0"] for name in copies]
    commands += [scene.command(name, "root") for name in sorted(scene.programs.keys() & WAITING)]
    runs = []
    for command in commands:
        own = command[0].endswith("ta-plain")
        for runner, how in zip(scene.runners, itertools.chain(*zip(HOWS, HOWS))):
            runner.begin(Run(runner.uid, own, how, scene.rng.choice(silences), command), 150, 300)
            scene.executed(runner)
        scene.ask(True)
        seen = {uid: samples.n for uid, samples in scene.samples.items()}
        while any(samples.n < seen[uid] + 2 for uid, samples in scene.samples.items()):
            time.sleep(0.01)
        for runner in scene.runners:
            runner.end()
        runs += [runner.run for runner in scene.runners]
    if silences != (0,):
        scene.recover()
    scene.judge(runs)
    scene.finish()


def test_children_of_a_silenced_exec(alone, make_broker, place):
    """A program with privileges that the broker never saw makes children, in sight of the broker."""
    scene = Scene(make_broker(), place, n_runners=2)
    for name, how in itertools.product(("ta-suid", "ta-suid3", "ta-sgid"), ("leader", "again", "thread", "spawn")):
        for runner in scene.runners:
            command = [path_of(place, name), "repeat", "5", path_of(place, "ta-plain"), "leave", "5"]
            runner.begin(Run(runner.uid, False, how, 2, command), 150, 300)
            scene.executed(runner)
        for runner in scene.runners:
            runner.end()
    scene.recover()
    everything, _ = scene.read()
    n = 0
    for uid, events in everything.items():
        for event in events:
            maker = scene.by_pid.get(event.maker.pid, [None])[0]
            if maker and event.WhichOneof("kind") == "exit" and event.exit.process_ended:
                n += 1
                assert event.restricted, f"a child of {maker}, to {uid}:\n{event}"
                assert_event_restricted(event)
    assert n > 0
    scene.by_pid.clear()
    scene.finish()
