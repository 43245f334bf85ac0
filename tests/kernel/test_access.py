# SPDX-License-Identifier: Apache-2.0
"""
The rules of access, on the real kernel, from raw frames: a user without privileges
listens while root, a third user and he himself run programs of all sorts.
"""

import contextlib
import os
import pathlib
import subprocess
import time

import pytest

import support
from support import TIMEOUT
from tb_access import assert_event_restricted, assert_program_restricted, assert_stats_restricted, become, is_loss, own_loss
from tb_client import BrokerError, Client, Closed, parse
from tb_live import ask_samples, get_stats, next_sample
from tb_protocol import broker_pb2, parse_prefix, sample_pb2
from users import ME, ME_GROUP, ODD_GROUP, THIRD, THIRD_GROUP, Shells, await_looks, finish, path_of, start


def client_of(broker, uid, gid, groups=()):
    with become(uid, gid, groups):
        return Client(broker.path)


def subscriber_of(broker, uid, gid, groups=(), **options):
    client = client_of(broker, uid, gid, groups)
    client.subscribe(threads=True, **options)
    return client


def until(client, name):
    """All up to the exit of that process."""
    seen = client.until(lambda e: own_loss(e) or e.WhichOneof("kind") == "exit" and e.comm == name.encode())
    assert not own_loss(seen[-1]), "this reader was too slow: nothing can be judged"
    return seen


def mark(directory, name):
    subprocess.run([support.helper(directory, name), "0"], check=True, timeout=TIMEOUT)


def key(event):
    return (event.WhichOneof("kind"), event.time_ns, event.pid, event.tid)


# How each kind of program is started: (user, group, command), and whether it belongs to the user.
def crowd(place):
    run = lambda name, *arguments: [path_of(place, name), *arguments]  # noqa: E731
    become_me = run("ta-become", "become", str(ME), str(ME_GROUP))
    return {
        "mine": (ME, ME_GROUP, run("ta-plain", "leave", "5")),
        "mine, setuid to myself": (ME, ME_GROUP, run("ta-mine", "leave", "5")),
        "root's": (0, 0, run("ta-plain", "leave", "6")),
        "the third's": (THIRD, THIRD_GROUP, run("ta-plain", "leave", "7")),
        "setuid root": (ME, ME_GROUP, run("ta-suid", "leave", "8")),
        "setuid to the third": (ME, ME_GROUP, run("ta-suid3", "leave", "9")),
        "setgid": (ME, ME_GROUP, run("ta-sgid", "leave", "10")),
        "file capabilities, used": (ME, ME_GROUP, run("ta-cap", "use", "11")),
        "su to me": (ME, ME_GROUP, become_me + run("ta-plain", "leave", "12")),
        "the third's su to me": (THIRD, THIRD_GROUP, become_me + run("ta-plain", "leave", "12")),
    }


# A process of mine ends with one of these.
OWN_CODES = {5, 3}

# A launcher gave it its user: su, or the test itself. The user owns it if there was time to look at it.
BECAME = {12, 0}


def test_ten_thousand_exits(make_broker, directory, place):
    """Not one group of fields too many of others' tasks, not one too few of the user's own."""
    broker = make_broker("--feed-mib", "256")
    loops = []
    for uid, gid, command in crowd(place).values():
        loops.append(start(uid, gid, path_of(place, "ta-repeat"), "repeat", "510", *command))
    await_looks(broker)
    name = support.unique_name()
    root = broker.subscriber()
    me = subscriber_of(broker, ME, ME_GROUP)
    third = subscriber_of(broker, THIRD, THIRD_GROUP)
    assert me.welcome.access == third.welcome.access == broker_pb2.ACCESS_OWN
    assert root.welcome.access == broker_pb2.ACCESS_ALL and me.welcome.uid == ME
    for loop in loops:
        loop.stdin.close()
    for loop in loops:
        loop.stdout.close()
        assert loop.wait(TIMEOUT) == 0
    mark(directory, name)

    everything = {key(e): e for e in until(root, name)}
    assert not any(is_loss(e) for e in everything.values()), "the storm was too much: nothing can be judged"
    for client, uid, codes in ((me, ME, OWN_CODES), (third, THIRD, {7, 3})):
        n_own = n_foreign = n_became = 0
        for event in until(client, name):
            of_root = everything[key(event)]
            if event.WhichOneof("kind") != "exit":
                if event.restricted:
                    assert_event_restricted(event)
                else:
                    assert event == of_root and event.uid == uid, f"too much:\n{event}\nof\n{of_root}"
                continue
            code = of_root.exit.termination.exit_code
            comm = event.comm.decode()
            if not comm.startswith("ta-"):
                continue
            # Root's view shows whether the task belonged to the user, and was never run as another.
            own = of_root.uid == uid and code in codes and comm in ("ta-plain", "ta-mine", "ta-repeat")
            if of_root.uid == uid and code in BECAME:
                assert event.restricted or event == of_root
                n_became += 1
            elif own:
                assert not event.restricted and event == of_root, f"too little:\n{event}\nof\n{of_root}"
                assert event.exit.stats.io.read_char_bytes >= 32768 and event.exit.HasField("termination")
                n_own += 1
            else:
                assert_event_restricted(event)
                assert event.exit.stats.HasField("identity") and event.exit.stats.HasField("cpu")
                n_foreign += 1
        print(f"uid {uid}: {n_own} own exits, {n_foreign} of others")
        assert n_own + n_foreign + n_became >= 10000
        # each loop has a child without a program of its own for each with one
        assert n_own == (510 * (2 + 7) if uid == ME else 510 * (1 + 2))


# -- through every door ------------------------------------------------------


def run_looked_at(broker, root, me, uid, gid, *command):
    """
    Runs a program that waits, and ends it once the broker has reported its exec. Returns the
    exit as root and as the user get it, and whether /proc was read in time.
    """
    shell = ("/bin/sh", "-c", 'read x; "$@"; true', "sh")
    process = start(uid, gid, *shell, *command)
    await_looks(broker)
    process.stdin.write(b"go\n")
    process.stdin.flush()
    process.stdout.readline()
    name = os.path.basename(command[0]).encode()
    execed = root.until(lambda e: e.WhichOneof("kind") == "exec" and e.comm == name and e.ppid == process.pid)[-1]
    pid = execed.pid
    process.stdin.close()
    process.stdout.close()
    process.wait(TIMEOUT)
    of_root = root.until(lambda e: e.WhichOneof("kind") == "exit" and e.pid == pid)[-1]
    of_me = me.until(lambda e: e.WhichOneof("kind") == "exit" and e.pid == pid)[-1]
    return of_root, of_me


@pytest.mark.parametrize(
    "name, mode, own",
    [
        ("ta-plain", "wait", True),
        ("ta-mine", "wait", True),
        # It never uses its capability; the accounting does not show that it has one.
        ("ta-cap", "wait", False),
        # He may run it, but not read it.
        ("ta-blind", "wait", False),
        ("ta-sgid", "wait", False),
        ("ta-suid3", "wait", False),
    ],
)
def test_what_proc_keeps_from_the_owner(make_broker, place, name, mode, own):
    """The broker follows /proc, which is asked here too."""
    broker = make_broker()
    root, me = broker.subscriber(), subscriber_of(broker, ME, ME_GROUP)
    probe = start(ME, ME_GROUP, path_of(place, name), mode, "4")
    probe.stdout.readline()
    allowed = subprocess.run(["cat", f"/proc/{probe.pid}/io"], user=ME, group=ME_GROUP, extra_groups=[], capture_output=True)
    finish(probe, 4)
    assert (allowed.returncode == 0) == own
    of_root, of_me = run_looked_at(broker, root, me, ME, ME_GROUP, path_of(place, name), mode, "4")
    if own:
        assert of_me == of_root and of_me.exit.stats.HasField("io")
    else:
        assert_event_restricted(of_me)


def test_snapshot_and_programs(make_broker, place):
    broker = make_broker()
    mine = start(ME, ME_GROUP, path_of(place, "ta-plain"), "wait", "0")
    other = start(THIRD, THIRD_GROUP, path_of(place, "ta-plain"), "wait", "0")
    try:
        mine.stdout.readline(), other.stdout.readline()
        me = subscriber_of(broker, ME, ME_GROUP, snapshot=True, programs=True)
        tasks = {task.pid: task for task in me.snapshot()}
        assert {mine.pid, other.pid, 1} <= set(tasks)
        for pid in (other.pid, 1):
            assert tasks[pid].program.exe_withheld and not tasks[pid].program.exe
        assert b"ta-plain" in tasks[other.pid].program.cmdline
    finally:
        finish(mine), finish(other)


def test_somebody_elses_feed(make_broker):
    """A client cannot resume a feed of another user, and the error does not show whether the feed exists."""
    broker = make_broker()
    root = broker.subscriber()
    third = subscriber_of(broker, THIRD, THIRD_GROUP)
    me = client_of(broker, ME, ME_GROUP)
    said = []
    for place_ in (root.place(), third.place(), root.place()._replace(feed=4711)):
        with pytest.raises(BrokerError) as refused:
            me.subscribe(threads=True, resume=place_)
        said.append((refused.value.error.code, refused.value.error.message, refused.value.error.field))
    assert said[0] == said[1] == said[2] and said[0][0] == broker_pb2.ERROR_CODE_RESUME_IMPOSSIBLE
    # a client with the same rights can resume it
    again = client_of(broker, THIRD, THIRD_GROUP)
    place_ = third.place()
    third.close()
    again.subscribe(threads=True, resume=place_)


# The fields of a status that every client may read: the broker, the kernel, and the client's own figures.
VISIBLE_IN_STATUS = {
    "request_id", "broker_version", "epoch", "start_time_ns", "uptime_ns", "kernel_release", "taskstats_version",
    "delay_accounting", "connections", "subscribers", "machine", "clients",
}
VISIBLE_IN_MACHINE = {"live_tasks", "live_processes", "foreign_acks", "connector", "taskstats"}
VISIBLE_IN_SOURCES = {"lost", "muted", "repaired"}


def test_status(make_broker):
    broker = make_broker()
    others = [broker.subscriber() for _ in range(3)]
    me = subscriber_of(broker, ME, ME_GROUP)
    status, of_root = me.status(), others[0].status()
    assert status.withheld and not of_root.withheld
    assert (status.connections, status.subscribers) == (1, 1) and of_root.connections == 4
    assert status.epoch == of_root.epoch and status.kernel_release == of_root.kernel_release
    assert status.live_tasks > 0
    # No other count of the whole machine is there.
    machine = status.message.machine
    for message, visible in (
        (status.message, VISIBLE_IN_STATUS),
        (machine, VISIBLE_IN_MACHINE),
        (machine.connector, VISIBLE_IN_SOURCES),
        (machine.taskstats, VISIBLE_IN_SOURCES),
    ):
        assert {field.name for field, _ in message.ListFields()} <= visible, message
    assert {field.name for field, _ in of_root.message.ListFields()} <= VISIBLE_IN_STATUS | {"service"}
    assert of_root.events and of_root.connector.received and of_root.broker_cpu_ns


def test_admin_group(make_broker, place):
    broker = make_broker("--admin-group", str(ODD_GROUP))
    for gid, groups in ((ODD_GROUP, ()), (ME_GROUP, (5, ODD_GROUP))):
        with client_of(broker, ME, gid, groups) as client:
            assert client.welcome.access == broker_pb2.ACCESS_ALL
            assert not client.status().withheld
    with client_of(broker, ME, ME_GROUP, (5,)) as client:
        assert client.welcome.access == broker_pb2.ACCESS_OWN


def test_exit_status_shown(make_broker, place):
    broker = make_broker("--foreign-exit-status=show")
    me = subscriber_of(broker, ME, ME_GROUP, filter={"nonzero": True})
    process = start(THIRD, THIRD_GROUP, path_of(place, "ta-plain"), "leave", "7")
    finish(process, 7)
    event = me.until(lambda e: e.WhichOneof("kind") == "exit" and e.pid == process.pid)[-1]
    assert event.exit.termination.exit_code == 7
    assert_event_restricted(event, exit_status=True)


# -- namespaces ---------------------------------------------------------------


CONNECT = (
    "import socket, sys\n"
    "s = socket.socket(socket.AF_UNIX)\n"
    "s.connect(sys.argv[1])\n"
    "while True:\n"
    "    data = s.recv(65536)\n"
    "    if not data:\n"
    "        break\n"
    "    sys.stdout.buffer.write(data)\n"
    "    sys.stdout.buffer.flush()\n"
    "    if len(sys.argv) > 2:\n"
    "        break\n"
)


@pytest.mark.parametrize("who", [["unshare", "--pid", "--fork"], ["unshare", "--pid", "--fork", "--user", "--map-root-user"]])
def test_another_pid_namespace(make_broker, who):
    """It knows processes by other numbers: refused, in words, and counted; root is no exception."""
    broker = make_broker()
    for _ in range(3):
        said = subprocess.run([*who, "/usr/bin/python3", "-c", CONNECT, str(broker.path)], stdout=subprocess.PIPE, check=True)
        assert b"pid namespace" in said.stdout
    assert broker.status().refused_namespace == 3
    assert broker.log().count("pid namespace") == 1


def test_root_of_a_user_namespace(make_broker):
    """An ordinary user here, whatever it calls itself there."""
    broker = make_broker()
    said = subprocess.run(
        ["unshare", "--user", "--map-root-user", "/usr/bin/python3", "-c", CONNECT, str(broker.path), "once"],
        stdout=subprocess.PIPE, check=True, user=ME, group=ME_GROUP, extra_groups=[],
    )
    n_prefix, n = parse_prefix(bytearray(said.stdout))
    welcome = parse(said.stdout[n_prefix:n_prefix + n]).welcome
    assert (welcome.access, welcome.uid) == (broker_pb2.ACCESS_OWN, ME)


class Zoo(Shells):
    """Programs of all sorts, which live until the test ends them."""

    # The kinds that belong to the user; any other kind does not.
    OWN = {"mine", "mine, setuid to myself", "su to me", "the third's su to me"}

    def __init__(self, broker, place, wanted=()):
        run = lambda name, *arguments: [path_of(place, name), *arguments, "7"]  # noqa: E731
        become = run("ta-become", "become", str(ME), str(ME_GROUP))[:-1] + run("ta-plain", "wait")
        kinds = {
            "mine": (ME, ME_GROUP, run("ta-plain", "wait")),
            "mine, setuid to myself": (ME, ME_GROUP, run("ta-mine", "wait")),
            "root's": (0, 0, run("ta-plain", "wait")),
            "the third's": (THIRD, THIRD_GROUP, run("ta-plain", "wait")),
            "my user, another group": (ME, ODD_GROUP, run("ta-plain", "wait")),
            "another user, my group": (THIRD, ME_GROUP, run("ta-plain", "wait")),
            "setuid root": (ME, ME_GROUP, run("ta-suid", "wait")),
            "setuid to the third": (ME, ME_GROUP, run("ta-suid3", "wait")),
            "setgid": (ME, ME_GROUP, run("ta-sgid", "wait")),
            "file capabilities": (ME, ME_GROUP, run("ta-cap", "wait")),
            "not to be read": (ME, ME_GROUP, run("ta-blind", "wait")),
            "su to me": (ME, ME_GROUP, become),
            "the third's su to me": (THIRD, THIRD_GROUP, become),
            "the third runs what is setuid to me": (THIRD, THIRD_GROUP, run("ta-mine", "wait")),
        }
        super().__init__(broker, {kind: kinds[kind] for kind in kinds if not wanted or kind in wanted})

    def __iter__(self):
        return iter((kind, pid, kind in self.OWN) for kind, pid in self.pids.items())


def test_every_door(make_broker, place):
    """
    Tasks of all sorts, and all others of this machine: a user gets all data of exactly the
    tasks that /proc lets the user look into. The same holds for events, snapshots and statistics.
    """
    broker = make_broker("--keep-ptrace")
    events, root = subscriber_of(broker, ME, ME_GROUP, programs=True), broker.client()
    root.subscribe(threads=True, programs=True)
    me = client_of(broker, ME, ME_GROUP)
    zoo = Zoo(broker, place)
    n_foreign = 0

    def judge(task, judged):
        nonlocal n_foreign
        own = {pid: own for _, pid, own in zoo}.get(task.pid)
        if own or not task.stats.withheld_groups and task.HasField("stats"):
            assert own or may_look_into(task.pid), f"too much: {task}"
            assert task.stats.HasField("io") and not task.stats.withheld_groups
        elif task.HasField("stats"):
            assert_stats_restricted(task.stats)
            assert not task.HasField("termination")
            n_foreign += 1
        judged.add(task.pid)

    everybody = [int(name) for name in os.listdir("/proc") if name.isdigit()]
    judged = set()
    for i in range(0, len(everybody), 60):
        for task in get_stats(me, pids=everybody[i:i + 60], tids=everybody[i:i + 60]):
            judge(task, judged)
    assert judged >= set(zoo.pids.values())

    sampling = {}
    for scope in (sample_pb2.SAMPLE_SCOPE_PROCESSES, sample_pb2.SAMPLE_SCOPE_THREADS):
        sampling[scope] = client_of(broker, ME, ME_GROUP)
        ask_samples(sampling[scope], scope=scope)
        judged = set()
        for task in next_sample(sampling[scope]).tasks:
            judge(task, judged)
        assert judged >= set(zoo.pids.values())
    assert n_foreign >= 4 * (len(zoo.pids) - len(zoo.OWN))

    snapshot, of_root = ({task.pid: task for task in c.snapshot()} for c in (
        subscriber_of(broker, ME, ME_GROUP, snapshot=True, programs=True),
        subscriber_of(broker, 0, 0, snapshot=True, programs=True),
    ))
    for kind, pid, own in zoo:
        assert of_root[pid].program.exe, kind
        if own:
            assert snapshot[pid] == of_root[pid], kind
        else:
            assert_program_restricted(snapshot[pid].program)
    for task in snapshot.values():
        assert not task.program.exe or may_look_into(task.pid), task

    zoo.finish()
    for kind, pid, own in zoo:
        assert own == (kind in zoo.OWN)
    ends = {pid: own for _, pid, own in zoo}
    of_root = {}
    while not ends.keys() <= {pid for what, _, pid, _ in of_root if what == "exit"}:
        event = root.event()
        of_root[key(event)] = event
    remaining = dict(ends)
    while remaining:
        event = events.event()
        if event.pid not in ends:
            continue
        if event.WhichOneof("kind") == "exit":
            own = remaining.pop(event.pid)
            if own:
                assert event == of_root[key(event)] and event.exit.HasField("termination") and event.exit.program.exe
            else:
                assert_event_restricted(event)
        elif event.restricted:
            assert_event_restricted(event)
        else:
            # A child of his shell belongs to him up to the exec that gives it to another user.
            assert event == of_root[key(event)] and (ends[event.pid] or event.WhichOneof("kind") in ("fork", "exec")), event
            if event.WhichOneof("kind") == "exec" and event.exec.program.exe:
                assert ends[event.pid], event
    for client in sampling.values():
        remaining = dict(ends)
        while remaining:
            for task in next_sample(client).tasks:
                if not task.ended or task.pid not in remaining:
                    continue
                own = remaining.pop(task.pid)
                assert task.HasField("termination") == own
                assert_shown(task, own)


@contextlib.contextmanager
def standing(broker, place):
    """Three tasks that live until they are released: mine, root's, and setuid root. Yields (shell, pid) of each."""
    zoo = Zoo(broker, place, {"mine", "root's", "setuid root"})
    yield [(zoo.shells[kind], pid) for kind, pid, _ in zoo]
    for shell in zoo.shells.values():
        if shell.poll() is None:
            finish(shell, 7)


def may_look_into(pid):
    """Whether /proc itself lets the user read the task's counters."""
    read = subprocess.run(["cat", f"/proc/{pid}/io"], user=ME, group=ME_GROUP, extra_groups=[], capture_output=True)
    return read.returncode == 0


class Switch:
    """A program of the user that becomes non-dumpable, and dumpable again, on request."""

    def __init__(self, broker, place):
        program = path_of(place, "ta-plain")
        self.shell = start(ME, ME_GROUP, "/bin/sh", "-c", f"exec 3<&0; read x; {program} switch 7 <&3 & echo $!; wait $!")
        # if the shell was not checked yet, its child would count as another user's
        await_looks(broker)
        self.shell.stdin.write(b"go\n")
        self.shell.stdin.flush()
        (self.pid,) = {int(line) for line in (self.shell.stdout.readline() for _ in range(2)) if line != b"1\n"}

    def turn(self, shown):
        self.shell.stdin.write(b"%d" % shown)
        self.shell.stdin.flush()
        assert self.shell.stdout.readline() == b"%d\n" % shown
        assert may_look_into(self.pid) == shown

    def finish(self):
        finish(self.shell, 7)


def last_sample_of(client, pid):
    """The last sample of a process, once a sample has begun after all that it did."""
    begin, seen = time.time_ns(), []
    while not seen or sample.last.begin_time_ns <= begin:
        sample = next_sample(client)
        seen += [task for task in sample.tasks if task.pid == pid]
    return seen[-1]


def assert_shown(task, shown):
    if shown:
        assert task.stats.HasField("io") and not task.stats.withheld_groups, task
        assert task.stats.io.read_char_bytes >= 32768
    else:
        assert_stats_restricted(task.stats)


@pytest.mark.parametrize("groups", [(), (ODD_GROUP,)])
@pytest.mark.parametrize("at_last", [False, True])
def test_a_program_that_hides(make_broker, place, at_last, groups):
    """
    The kernel does not report PR_SET_DUMPABLE. The statistics of a user's own process that is
    not dumpable are withheld, in samples and in answers, until it is dumpable again. Its exit
    has the owner that was found last. Administrators see all.
    """
    broker = make_broker("--admin-group", str(ODD_GROUP))
    switch = Switch(broker, place)
    pid, admin = switch.pid, bool(groups)
    asking, sampling = client_of(broker, ME, ME_GROUP, groups), client_of(broker, ME, ME_GROUP, groups)
    root, exits = broker.subscriber(), subscriber_of(broker, ME, ME_GROUP, groups=groups, kinds=("exit",))
    ask_samples(sampling)
    ask_samples(threads := client_of(broker, ME, ME_GROUP, groups), scope=sample_pb2.SAMPLE_SCOPE_THREADS)
    for shown in (True, False, True, False, at_last):
        switch.turn(shown)
        for task in get_stats(asking, pids=[pid, pid], tids=[pid]):
            assert_shown(task, shown or admin)
        assert_shown(last_sample_of(sampling, pid), shown or admin)
        assert_shown(last_sample_of(threads, pid), shown or admin)
        snapshot = subscriber_of(broker, ME, ME_GROUP, groups=groups, snapshot=True, programs=True)
        (task,) = [task for task in snapshot.snapshot() if task.pid == pid]
        assert task.program.exe_withheld == (not shown and not admin)
        snapshot.close()
    switch.finish()
    of_root, of_me = (c.until(lambda e: e.WhichOneof("kind") == "exit" and e.pid == pid)[-1] for c in (root, exits))
    if at_last or admin:
        assert of_me == of_root and of_me.exit.stats.HasField("io")
    else:
        assert_event_restricted(of_me)
    ended = last_sample_of(sampling, pid)
    assert ended.ended and ended.HasField("termination") == (at_last or admin)
    assert_shown(ended, at_last or admin)


@pytest.mark.parametrize("name, mode", [("ta-cap", "wait"), ("ta-blind", "wait"), ("ta-plain", "hide"), ("ta-plain", "wait")])
def test_older_than_the_broker(make_broker, place, name, mode):
    """A task that is older than the broker belongs to its owner if /proc says so at the start."""
    shell = start(ME, ME_GROUP, "/bin/sh", "-c", f"exec 3<&0; {path_of(place, name)} {mode} 7 <&3 & echo $!; wait $!")
    (pid,) = {int(line) for line in (shell.stdout.readline() for _ in range(2)) if line != b"ready\n"}
    own = may_look_into(pid)
    assert own == (name == "ta-plain" and mode == "wait")
    broker = make_broker()
    exits = subscriber_of(broker, ME, ME_GROUP, kinds=("exit",))
    me = client_of(broker, ME, ME_GROUP)
    ask_samples(me)
    assert_shown(last_sample_of(me, pid), own)
    for task in get_stats(client_of(broker, ME, ME_GROUP), pids=[pid], tids=[pid]):
        assert_shown(task, own)
    finish(shell, 7)
    event = exits.until(lambda e: e.WhichOneof("kind") == "exit" and e.pid == pid)[-1]
    if own:
        assert not event.restricted and event.exit.stats.HasField("io")
    else:
        assert_event_restricted(event)


# -- hidepid ------------------------------------------------------------------


@pytest.fixture
def hidden(directory):
    """A /proc of the test's own that hides: a directory, and how to mount it otherwise."""
    path = directory / "proc"
    path.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "proc", "-o", f"hidepid=2,gid={ODD_GROUP}", "proc", str(path)], check=True)
    yield path
    subprocess.run(["umount", str(path)], check=True)


def test_hidepid(hidden, make_broker, directory, place):
    """Tasks of others do not exist, in any way; members of the exempt group may know as much as without hidepid."""
    # as root, which /proc hides nothing from
    broker = make_broker("--procfs", str(hidden), "--user", "root")
    with subscriber_of(broker, 0, 0, snapshot=True) as everything:
        # some machines do not permit even root to debug it
        assert 1 in {task.pid for task in everything.snapshot()}
    name = support.unique_name()
    other = start(THIRD, THIRD_GROUP, path_of(place, "ta-plain"), "wait", "7")
    other.stdout.readline()
    me = client_of(broker, ME, ME_GROUP)
    assert me.welcome.access == broker_pb2.ACCESS_OWN_ONLY
    with pytest.raises(BrokerError) as there:
        me.subscribe(filter={"subtrees": [other.pid]})
    with pytest.raises(BrokerError) as not_there:
        me.subscribe(filter={"subtrees": [4_000_000]})
    assert there.value.error.message == not_there.value.error.message
    exempt = client_of(broker, ME, ME_GROUP, (ODD_GROUP,))
    assert exempt.welcome.access == broker_pb2.ACCESS_OWN
    exempt.subscribe(threads=True)
    me.subscribe(threads=True, snapshot=True)
    assert not [task for task in me.snapshot() if task.uid != ME]
    status = me.status()
    assert status.withheld and status.machine_withheld

    loop = start(ME, ME_GROUP, path_of(place, "ta-repeat"), "repeat", "20", path_of(place, "ta-plain"), "leave", "5")
    shell = start(ME, ME_GROUP, "/bin/sh", "-c", f"read x; {support.helper(directory, name)} 0; true")
    setuid = start(ME, ME_GROUP, path_of(place, "ta-suid"), "leave", "8")
    await_looks(broker)
    finish(other, 7), finish(setuid, 8), finish(loop), finish(shell)
    seen = until(me, name)
    assert all(e.uid == ME or e.left_filter for e in seen), [e for e in seen if e.uid != ME]
    assert sum(e.WhichOneof("kind") == "exit" and not e.restricted for e in seen) >= 40
    assert setuid.pid not in {e.pid for e in seen if e.WhichOneof("kind") == "exit"}
    public = exempt.until(lambda e: e.WhichOneof("kind") == "exit" and e.pid == shell.pid)
    for event in public:
        if event.uid != ME:
            assert is_loss(event) or event.restricted
    (ended,) = [e for e in public if e.WhichOneof("kind") == "exit" and e.pid == other.pid]
    assert_event_restricted(ended)


def test_hidepid_live_statistics(hidden, make_broker, place):
    """Others' tasks are nobody's numbers, and in no sample; and nothing counts them."""
    broker = make_broker("--procfs", str(hidden), "--user", "root")
    with standing(broker, place) as started:
        mine, roots, setuid = [pid for _, pid in started]
        me = client_of(broker, ME, ME_GROUP)
        answers = get_stats(me, pids=[mine, roots, setuid], tids=[roots])
        assert answers[0].stats.HasField("io")
        for answer in answers[1:]:
            fields = {f.name for f, _ in answer.ListFields()}
            assert answer.state == sample_pb2.SAMPLE_STATE_GONE and len(fields) == 2, answer
        ask_samples(me)
        sample = next_sample(me)
        assert mine in sample.by() and all(t.uid == ME for t in sample.tasks)
        for process, _ in reversed(started):
            finish(process, 7)
        while mine not in {t.pid for t in sample.tasks if t.ended}:
            sample = next_sample(me)
            assert all(t.uid == ME for t in sample.tasks) and not {roots, setuid} & sample.by().keys()
            assert sample.last.exits == sum(t.ended for t in sample.tasks)


def test_hidepid_changes(hidden, make_broker):
    """A client whose rights change must connect again; root's connection stays."""
    broker = make_broker("--procfs", str(hidden), "--user", "root")
    root, me = broker.subscriber(), subscriber_of(broker, ME, ME_GROUP)
    assert me.welcome.access == broker_pb2.ACCESS_OWN_ONLY
    subprocess.run(["mount", "-o", "remount,hidepid=0", str(hidden)], check=True)
    error = me.error()
    assert error.code == broker_pb2.ERROR_CODE_ACCESS_CHANGED and error.closing
    with pytest.raises(Closed):
        me.receive()
    with client_of(broker, ME, ME_GROUP) as again:
        assert again.welcome.access == broker_pb2.ACCESS_OWN
    root.status()


# -- whose /proc ---------------------------------------------------------------


def access_of(broker, *command):
    """The access that a client gets which runs behind a command, such as one that mounts another /proc."""
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); from tb_client import Client; "
        "print(Client(sys.argv[2]).welcome.access)"
    )
    library = str(pathlib.Path(support.__file__).parent.parent / "lib")
    client = [*command, "/usr/bin/python3", "-c", program, library, str(broker.path)]
    return int(subprocess.run(client, stdout=subprocess.PIPE, check=True, timeout=TIMEOUT).stdout)


def behind(mount, uid=ME, gid=ME_GROUP, groups="--clear-groups"):
    """A command that runs another as a user, behind a mount in a mount namespace of its own."""
    user = f"setpriv --reuid {uid} --regid {gid} {groups}"
    return ["unshare", "--mount", "sh", "-c", f'{mount} && exec {user} "$@"', "sh"]


@pytest.mark.parametrize(
    "mount, groups, access",
    [
        ("true", "--clear-groups", broker_pb2.ACCESS_OWN),
        ("mount -t proc proc /proc", "--clear-groups", broker_pb2.ACCESS_OWN),
        ("mount -t proc -o hidepid=2 proc /proc", "--clear-groups", broker_pb2.ACCESS_OWN_ONLY),
        ("mount -t proc -o hidepid=4 proc /proc", "--clear-groups", broker_pb2.ACCESS_OWN_ONLY),
        ("mount -t proc -o subset=pid proc /proc", "--clear-groups", broker_pb2.ACCESS_OWN_ONLY),
        ("mount -t proc -o hidepid=2,gid=61236 proc /proc", "--clear-groups", broker_pb2.ACCESS_OWN_ONLY),
        ("mount -t proc -o hidepid=2,gid=61236 proc /proc", "--groups=61236", broker_pb2.ACCESS_OWN),
        ("mount -t tmpfs none /proc", "--clear-groups", broker_pb2.ACCESS_OWN_ONLY),
    ],
)
def test_a_client_behind_its_own_proc(make_broker, mount, groups, access):
    """A client whose /proc hides others' tasks is not shown them by the broker."""
    assert access_of(make_broker(), *behind(mount, groups=groups)) == access


@pytest.mark.parametrize(
    "capabilities, access",
    [
        ("+all", broker_pb2.ACCESS_ALL),
        ("-sys_ptrace", broker_pb2.ACCESS_OWN),
        ("-all,+sys_ptrace", broker_pb2.ACCESS_OWN),
        ("-all,+dac_override,+dac_read_search", broker_pb2.ACCESS_OWN),
        ("-all,+sys_ptrace,+dac_read_search", broker_pb2.ACCESS_ALL),
        ("-all", broker_pb2.ACCESS_OWN),
    ],
)
def test_root_without_capabilities(make_broker, capabilities, access):
    """Root that cannot read others' files in /proc is no administrator; the kernel is asked for the same."""
    broker = make_broker()
    command = ["setpriv", "--bounding-set", capabilities] if capabilities != "+all" else []
    assert access_of(broker, *command) == access
    other = start(THIRD, THIRD_GROUP, "sleep", "1000")
    try:
        read = subprocess.run([*command, "cat", f"/proc/{other.pid}/io"], capture_output=True).returncode == 0
        assert read == (access == broker_pb2.ACCESS_ALL)
    finally:
        other.kill(), other.wait()


def test_a_broker_behind_its_own_proc(make_broker, directory):
    """
    Under the shipped unit the broker has an instance of /proc without the machine's options.
    The mount of process 1 counts, also when it changes; here a file plays its mountinfo.
    """
    played = directory / "mountinfo-of-1"
    line = "22 27 0:21 / /proc rw,relatime - proc proc rw{}\n"
    played.write_text(line.format(f",hidepid=invisible,gid={ODD_GROUP}"))
    played.chmod(0o644)
    mounts = f'mount -t proc proc /proc && mount --bind {played} /proc/1/mountinfo && exec "$@"'
    broker = make_broker(prefix=["unshare", "--mount", "sh", "-c", mounts, "sh"])
    me = subscriber_of(broker, ME, ME_GROUP)
    assert me.welcome.access == broker_pb2.ACCESS_OWN_ONLY
    assert client_of(broker, ME, ME_GROUP, (ODD_GROUP,)).welcome.access == broker_pb2.ACCESS_OWN
    assert broker.client().welcome.access == broker_pb2.ACCESS_ALL
    played.write_text(line.format(""))
    assert me.error().code == broker_pb2.ERROR_CODE_ACCESS_CHANGED
    me = subscriber_of(broker, ME, ME_GROUP)
    assert me.welcome.access == broker_pb2.ACCESS_OWN
    played.write_text(line.format(",hidepid=4"))
    assert me.error().code == broker_pb2.ERROR_CODE_ACCESS_CHANGED
    assert client_of(broker, ME, ME_GROUP, (ODD_GROUP,)).welcome.access == broker_pb2.ACCESS_OWN_ONLY


# A sixth of what the storm says while nobody reads.
SMALL = ("--feed-mib", "256", "--rcvbuf-bytes", str(192 * 1024))


def test_a_broker_that_is_blinded(make_broker, directory, place):
    """
    /proc is mounted with hidepid under a broker that runs, and hides tasks from it too. After
    a loss the broker does not take hidden tasks for ended. Users get their own tasks only,
    and no client gets data that needs a check in /proc which failed.
    """
    own_proc = ["unshare", "--mount", "sh", "-c", 'mount -t proc proc /proc && exec "$@"', "sh"]
    broker = make_broker(*SMALL, prefix=own_proc)
    with standing(broker, place) as started:
        pids = mine, roots, setuid = [pid for _, pid in started]
        root, me = broker.subscriber(kinds=("fork", "exit")), subscriber_of(broker, ME, ME_GROUP)
        # Connected before: the rights of a later root client cannot be read any more.
        older = broker.client()
        assert get_stats(client_of(broker, ME, ME_GROUP), pids=[mine])[0].stats.HasField("io")
        remount = ["mount", "-o", "remount,hidepid=2", "/proc"]
        subprocess.run(["nsenter", "-t", str(broker.process.pid), "--mount", *remount], check=True)
        assert me.error().code == broker_pb2.ERROR_CODE_ACCESS_CHANGED
        assert "hides other users' tasks from the broker itself" in broker.log()
        me = client_of(broker, ME, ME_GROUP)
        assert me.welcome.access == broker_pb2.ACCESS_OWN_ONLY

        with broker.stopped():
            support.storm(directory, "fork", 3000)
            # a task of the broker's own user, so that it sees it
            visible = start(65534, 65534, path_of(place, "ta-plain"), "wait", "7")
            visible.stdout.readline()
        # It looks for who has ended before it looks for who was forked.
        seen = root.until(lambda e: e.WhichOneof("kind") == "fork" and e.pid == visible.pid)
        assert seen[-1].synthesised and any(is_loss(e) for e in seen)
        assert not [e for e in seen if e.WhichOneof("kind") == "exit" and e.pid in pids]
        for answer in get_stats(me, pids=pids):
            assert not answer.stats.HasField("io"), answer
        assert all(answer.state != sample_pb2.SAMPLE_STATE_GONE for answer in get_stats(older, pids=pids))
        for process in [process for process, _ in started] + [visible]:
            finish(process, 7)
        remaining = set(pids)
        while remaining:
            event = root.until(lambda e: e.WhichOneof("kind") == "exit" and e.pid in remaining)[-1]
            assert not event.synthesised and event.exit.termination.exit_code == 7
            remaining.discard(event.pid)
