# SPDX-License-Identifier: Apache-2.0
"""
The access of clients to events, programs and statistics, on a kernel that the test plays. The clients
are root and two users; each of them has a process. The tests need root to connect as several users.
tests/kernel/test_access.py tests the real kernel.
"""

import os

import pytest

import tb_fields
from tb_access import assert_event_full, assert_event_restricted, assert_program_restricted, assert_stats_restricted, become
from tb_client import Client
from tb_live import ask_samples, ask_stats, get_stats, next_sample
from tb_protocol import broker_pb2, sample_pb2
from tb_users import IS_ROOT, OTHER, open_directory
from tb_wait import wait_until

pytestmark = pytest.mark.skipif(not IS_ROOT, reason="two users take root")

MINE, THEIRS, ROOTS = 100, 200, 300
OWNERS = {MINE: OTHER, THEIRS: OTHER + 1, ROOTS: 0}


def used(pid, ns, **values):
    owner = OWNERS[pid]
    fields = dict(
        ac_exe_dev=1, ac_exe_inode=2, hiwater_rss_kib=100, ac_pid=pid, ac_tgid=pid, ac_uid=owner, ac_gid=owner,
        cpu_run_virtual_total_ns=ns, read_bytes=1 << 20,
    )
    return tb_fields.Stats(comm=b"task", **{**fields, **values})


class Machine:
    """A broker, and three processes that are older than it."""

    def __init__(self, daemon, stats):
        self.daemon = daemon
        self.live = stats
        for pid, owner in OWNERS.items():
            daemon.proc.add(pid, uid=owner, gid=owner, comm=b"task")
            daemon.proc.set_program(pid, cmdline=b"task\0", exe=b"/bin/task")
            self.show(pid, owner)
            self.run(pid, 1000)
        daemon.arguments += ["--stats-fd", str(self.live.broker.fileno())]
        command = daemon.command
        daemon.command = lambda: (command()[0], command()[1] + [self.live.broker.fileno()])
        daemon.start()
        os.chmod(daemon.path, 0o666)
        self.live.broker.close()
        daemon.wait_ready()

    def show(self, pid, owner):
        """Sets the owner of the process' files in /proc. The kernel shows root if the process is not dumpable."""
        for directory, _, names in os.walk(self.daemon.proc.root / str(pid)):
            for name in names:
                os.lchown(os.path.join(directory, name), owner, owner)

    def run(self, pid, ns):
        self.live.live[pid] = used(pid, ns)

    def user(self, uid=OTHER):
        with become(uid, uid):
            client = Client(self.daemon.path)
        self.daemon.clients.append(client)
        return client

    def end(self, pid):
        self.live.live.pop(pid)
        self.daemon.kernel.stats(used(pid, 5000, ac_flag=0x20, ac_exitcode=7 << 8))
        self.daemon.kernel.exit(pid, code=7 << 8)


@pytest.fixture
def machine(stats, make_daemon):
    with open_directory() as directory:
        yield Machine(make_daemon(path=directory / "sock", start=False), stats)


def sample_of(client, pid):
    while True:
        tasks = next_sample(client).by()
        if pid in tasks:
            return tasks[pid]


def assert_shown(task, full):
    if full:
        assert task.stats.io.read_bytes == 1 << 20 and not task.stats.withheld_groups, task
    else:
        assert_stats_restricted(task.stats)


def test_every_door(machine):
    root, me = machine.daemon.client(), machine.user()
    assert (root.welcome.access, me.welcome.access) == (broker_pb2.ACCESS_ALL, broker_pb2.ACCESS_OWN)
    for client in (root, me):
        client.subscribe(threads=True, programs=True, snapshot=True)
    tasks = {task.pid: task for task in me.snapshot()}
    of_root = {task.pid: task for task in root.snapshot()}
    assert tasks[MINE] == of_root[MINE] and tasks[MINE].program.exe == b"/bin/task"
    sampling = machine.user()
    ask_samples(sampling)
    sample = next_sample(sampling).by()
    for pid, owner in OWNERS.items():
        own = owner == OTHER
        if not own:
            assert_program_restricted(tasks[pid].program)
        for task in [*get_stats(machine.user(), pids=[pid], tids=[pid]), sample[pid]]:
            assert_shown(task, own)
        assert_shown(get_stats(machine.daemon.client(), pids=[pid])[0], True)
    for pid, owner in OWNERS.items():
        own = owner == OTHER
        machine.end(pid)
        event, of_root = me.event(), root.event()
        if own:
            assert_event_full(event, of_root)
            assert event.exit.termination.exit_code == 7
        else:
            assert_event_restricted(event)
        # The broker may read the exit record before the exit event. Then a sample may still have the task as alive.
        while not (ended := sample_of(sampling, pid)).ended:
            if not own:
                assert_stats_restricted(ended.stats)
        assert ended.HasField("termination") == own
        assert_shown(ended, own)


@pytest.mark.parametrize("shown_at_last", [False, True])
def test_a_program_that_hides(machine, shown_at_last):
    me, admin, sampling, exits = machine.user(), machine.daemon.client(), machine.user(), machine.user()
    exits.subscribe(("exit",))
    ask_samples(sampling)
    for i, shown in enumerate((True, False, True, False, shown_at_last)):
        machine.show(MINE, OTHER if shown else 0)
        machine.run(MINE, 2000 + i)
        for task in get_stats(me, pids=[MINE], tids=[MINE]):
            assert_shown(task, shown)
        while (task := sample_of(sampling, MINE)).stats.cpu.cpu_run_virtual_total_ns != 2000 + i:
            pass
        assert_shown(task, shown)
        assert_shown(get_stats(admin, pids=[MINE])[0], True)
    machine.end(MINE)
    if shown_at_last:
        assert exits.event().exit.termination.exit_code == 7
    else:
        assert_event_restricted(exits.event())
    assert_shown(sample_of(sampling, MINE), shown_at_last)


def test_ids_change_while_the_kernel_is_asked(machine):
    """The owner in /proc changes before the kernel answers, without an event: /proc is checked after each answer."""
    me, sampling = machine.user(), machine.user()
    machine.live.hooks[MINE] = lambda: machine.show(MINE, 0)
    assert_shown(get_stats(me, pids=[MINE])[0], False)
    machine.show(MINE, OTHER)
    machine.live.hooks[THEIRS] = lambda: machine.show(MINE, 0)
    first, _, second = get_stats(me, pids=[MINE, THEIRS, MINE])
    assert_shown(first, True)
    assert_shown(second, False)
    machine.show(MINE, OTHER)
    assert_shown(get_stats(me, pids=[MINE])[0], True)
    machine.live.hooks[MINE] = lambda: machine.show(MINE, 0)
    ask_samples(sampling)
    assert_shown(sample_of(sampling, MINE), False)


def test_one_that_cannot_be_looked_at(machine):
    """The owner of the process cannot be checked, as /proc does not have the process: its data is restricted."""
    machine.daemon.proc.remove(MINE)
    (task,) = get_stats(machine.user(), pids=[MINE])
    assert task.state != sample_pb2.SAMPLE_STATE_GONE
    assert_shown(task, False)


def test_threads_count(machine):
    """The rate of a user's requests for statistics counts tasks: a process counts as often as it has tasks."""
    kernel = machine.daemon.kernel
    for tid in range(1000, 1200):
        kernel.fork(tid, pid=MINE)
        machine.live.live[tid] = used(MINE, 1, ac_pid=tid)
    root = machine.daemon.client()
    wait_until(lambda: get_stats(root, pids=[MINE])[0].live_tasks == 201, "201 threads")
    me, other = machine.user(), machine.user(OTHER + 1)
    # The first request uses up the rate for ten seconds. The second request follows at once.
    ask_stats(me, pids=[MINE] * 100)
    ask_stats(me, pids=[MINE])
    assert me.error().code == broker_pb2.ERROR_CODE_QUOTA
    assert [task.live_tasks for task in me.reply("task_stats_reply").samples] == [201] * 100
    assert get_stats(other, pids=[MINE])[0].live_tasks == 201
