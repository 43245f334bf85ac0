# SPDX-License-Identifier: Apache-2.0
"""The Python package against a broker: the same values as the command prints, and the same streams as the C library."""

import asyncio
import itertools
import json
import os
import pathlib
import subprocess
from random import Random

import pytest

import taskbroker
import tb_fields
import tb_tables
from taskbroker import stats as tb_stats
from taskbroker import values
from taskbroker.v1 import broker_pb2, event_pb2, sample_pb2, taskstats_pb2
from tb_daemon import executable
from tb_relay import Relay
from tb_wait import TIMEOUT, wait_until

CC = dict(cmdline=b"cc\0-c\0a b.c\0", exe=b"/usr/bin/cc", cgroup=b"0::/system.slice/build.service\n")
MARK = 31337
EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "clients" / "python" / "examples"


def take(stream, n):
    return list(itertools.islice(stream, n))


def until_fork(stream, pid):
    """The values up to the fork of a process, without it."""
    return list(itertools.takewhile(lambda value: not (value.kind == "fork" and value.pid == pid), stream))


def names(found):
    """(kind, pid or state) of each value."""
    return [(value.kind, getattr(value, "pid", getattr(value, "state", None))) for value in found]


@pytest.fixture
def client(daemon):
    daemon.kernel.wait_listening()
    with taskbroker.connect(daemon.path) as client:
        yield client


def printer(daemon, command, *arguments):
    return subprocess.Popen([*command, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                            env={**os.environ, "TASKBROKER_SOCKET": str(daemon.path), "PYTHONUNBUFFERED": "1"})


def lines(process):
    """The objects that a printer printed before the mark."""
    out = []
    try:
        for line in process.stdout:
            out.append(json.loads(line))
            if out[-1]["kind"] == "fork" and out[-1]["pid"] == MARK:
                return out
        raise AssertionError("it ended")
    finally:
        process.kill()
        process.communicate()


def differences(have, due, path=""):
    """The paths of two JSON objects where they differ, with both values."""
    if not isinstance(have, dict) or not isinstance(due, dict):
        return [] if have == due else [(path, have, due)]
    keys = sorted(have.keys() | due.keys())
    return [d for key in keys for d in differences(have.get(key, "absent"), due.get(key, "absent"), f"{path}.{key}")]


def many_things(daemon):
    """Each kind of event, with values that are not known and names that are not text."""
    k, p = daemon.kernel, daemon.proc
    k.fork(100, comm=b"a\\b")
    k.exec(100, comm=b"caf\xc3\xa9", program=CC)
    k.exec(100, comm=b"\xff\\x", program=dict(CC, cmdline=b"cc\0\xff\0\0tail", exe=b"/bin/\xfe"))
    k.fork(101, pid=100, parent_tid=100)
    k.comm(101, 100, comm=b"worker")
    k.comm(100, comm=b"")
    k.uid(100, real=5, effective=0)
    k.gid(100, real=6, effective=7)
    k.sid(100)
    k.ptrace(100, tracer_tid=1, tracer_pid=1)
    k.ptrace(100)
    k.coredump(100)
    k.fork(777, parent_tid=555)
    k.exec(778)
    k.exit(779)
    # the leader first, then the process with another thread
    k.end(100, last=False, code=3 << 8)
    stats = k.make_stats(101, 100, b"worker", ac_exitcode=139, ac_flag=0x20)
    k.stats(stats, group=k.make_stats(100, 100))
    k.exit(101, 100, code=139)
    k.fork(102)
    k.exit(102, code=9)
    for version in (8, 12, 15, 17):
        k.fork(200 + version)
        k.version = version
        k.end(200 + version, code=version << 8)
    k.version = 16
    k.mark(5)
    p.add(300, ppid=1, comm=b"found", start_ns=1)
    k.fork(MARK)


@pytest.mark.parametrize("options", [[], ["--threads"], ["--threads", "--args"], ["--args", "-e", "exit,loss"]],
                         ids=["processes", "threads", "programs", "exits"])
def test_prints_as_the_command(daemon, options):
    daemon.kernel.wait_listening()
    kinds = [] if "-e" in options else ["-e", "all"]
    arguments = [*kinds, "--snapshot", *[o.replace("exit,loss", "fork,exit,loss") for o in options]]
    status = daemon.client()
    command = printer(daemon, [executable("TASKBROKER", "command"), "watch", "--json"], *arguments)
    package = printer(daemon, ["/usr/bin/python3", "-m", "taskbroker"], *arguments)
    wait_until(lambda: status.status().subscribers == 2, "both subscribe")
    many_things(daemon)
    due, have = lines(command), lines(package)
    for due_object, have_object in zip(due, have):
        if due_object["kind"] == "snapshot_end":
            # each has a snapshot of its own
            del due_object["time_ns"], have_object["time_ns"]
        assert differences(have_object, due_object) == []
        assert list(have_object) == list(due_object), "the order of the keys"
    assert len(have) == len(due)


def test_unknown_is_none(daemon, client):
    stream = client.events(["fork", "exec", "exit", "comm"])
    daemon.kernel.exec(778)
    daemon.kernel.exit(779)
    daemon.kernel.fork(100)
    daemon.kernel.exit(100)
    unknown, exit_unknown, _, exit_without = take(stream, 4)
    assert (unknown.uid, unknown.comm, unknown.id, unknown.maker, unknown.program) == (None,) * 5
    assert exit_unknown.pid == 779
    assert (exit_without.stats, exit_without.stats_missing) == (None, "lost")
    loss = next(iter(stream))
    assert (loss.kind, loss.source, loss.pid, loss.uid, loss.comm, loss.missing) == ("loss", "taskstats", None, None, None, 0)


LOST = dict(task_unknown=True, synthesised=True, pid=7, tid=7)
TASK_ALWAYS = "pid tid comm_stale task_unknown to_dict kind"
EVENT_ALWAYS = TASK_ALWAYS + " time_ns number synthesised left_filter restricted"


def event(cls, **fields):
    name = next(name for name, known in values.EVENT_CLASSES.items() if known is cls)
    pb = event_pb2.Event(**fields)
    getattr(pb, name).SetInParent()
    return cls(pb, 1)


def stats(**groups):
    return taskstats_pb2.TaskStats(taskstats_version=8, **groups)


# Values of which as little as possible is known, and the getters that have a value then. The other getters return None.
LEAST = [
    (values.Task(broker_pb2.Task(pid=7, tid=7, task_unknown=True)), TASK_ALWAYS + " seeded"),
    (event(values.Fork, **LOST), EVENT_ALWAYS),
    (event(values.Exec, **LOST), EVENT_ALWAYS),
    (event(values.Exit, **LOST), EVENT_ALWAYS + " process_ended termination_missing"),
    (event(values.CommChange, **LOST), EVENT_ALWAYS),
    # The event has the new ids itself.
    (event(values.UserIds, **LOST), EVENT_ALWAYS + " uid real_id effective_id"),
    (event(values.GroupIds, **LOST), EVENT_ALWAYS + " real_id effective_id"),
    (event(values.Session, **LOST), EVENT_ALWAYS),
    # 0 is a debugger that detached.
    (event(values.Ptrace, **LOST), EVENT_ALWAYS + " tracer_pid tracer_tid"),
    (event(values.Coredump, **LOST), EVENT_ALWAYS),
    (values.Loss(event_pb2.Event(loss=event_pb2.Loss(at_least=True)), 1),
     EVENT_ALWAYS.replace("pid tid ", "") + " at_least source reason scope"),
    (values.TaskSample(sample_pb2.TaskSample(state=sample_pb2.SAMPLE_STATE_GONE)),
     "comm_stale task_unknown to_dict kind gone lost ended"),
    (values.TaskSample(sample_pb2.TaskSample(pid=7, tid=7, task_unknown=True, state=sample_pb2.SAMPLE_STATE_LOST)),
     TASK_ALWAYS + " gone lost ended"),
    (values.TaskSample(sample_pb2.TaskSample(pid=7, tid=7, task_unknown=True, ended=True, time_ns=5, stats_missing=2)),
     TASK_ALWAYS + " gone lost ended time_ns stats_missing termination_missing"),
    (values.Sample(sample_pb2.SamplePart(), [], 0),
     "tasks samples_lost number full begin_time_ns end_time_ns lost_at_least to_dict kind"),
    (values.Program(event_pb2.Program()), "cgroup_inherited truncated exe_withheld"),
    (tb_stats.TaskStats(stats()),
     "taskstats_version unsupported_groups uncounted_groups withheld_groups tasks_missing tasks_unseen to_dict"),
    (tb_stats.TaskStats(stats(identity={})).identity,
     "ac_pid ac_ppid ac_uid ac_gid ac_flag ac_btime_s ac_etime_us ac_comm"),
    (tb_stats.TaskStats(stats(memory={})).memory, "ac_minflt ac_majflt"),
    (tb_stats.TaskStats(stats(delays={})).delays, ""),
    (tb_stats.TaskStats(stats(delays={"cpu": {}})).delays.cpu, "count total_ns"),
]


@pytest.mark.parametrize("value, known", LEAST, ids=[f"{i}-{type(value).__name__}" for i, (value, _) in enumerate(LEAST)])
def test_each_getter_of_the_least_known(value, known):
    """A getter that has no row is a failure: it says what it has if nothing is known."""
    getters = {name for name in dir(type(value)) if not name.startswith("_")}
    assert {name for name in getters if getattr(value, name) is not None} == set(known.split())


def test_table_copies_what_is_unknown():
    """A child of a process of which the fork was lost: its flag of a kernel thread is not known either."""
    table = taskbroker.LiveProcesses()
    table.apply(event(values.Exec, pid=7, tid=7, start_boot_ns=5))
    table.by_pid(7).kernel_thread = None
    forked = event_pb2.Event(pid=8, tid=8, start_boot_ns=6, fork=event_pb2.Fork(parent_pid=7, parent_tid=7))
    table.apply(values.Fork(forked, 2))
    assert table.by_pid(8).kernel_thread is None


def test_names_keep_their_bytes(daemon, client):
    stream = client.events(["exec"], programs=True)
    daemon.kernel.exec(1, comm=b"\xff\xfe", program=dict(CC, cmdline=b"\x80\0b"))
    (event,) = take(stream, 1)
    assert os.fsencode(event.comm) == b"\xff\xfe"
    assert [os.fsencode(argument) for argument in event.program.cmdline] == [b"\x80", b"b"]


def test_continues_after_a_cut(daemon, tmp_path):
    daemon.kernel.wait_listening()
    relay = Relay(tmp_path / "relay", daemon.path)
    stream = taskbroker.connect(tmp_path / "relay").events(snapshot=True)
    assert names(take(stream, 2)) == [("task", 1), ("snapshot_end", None)]
    daemon.kernel.fork(100)
    assert names(take(stream, 1)) == [("fork", 100)]
    relay.cut()
    assert names(take(stream, 1)) == [("link", "lost")]
    daemon.kernel.fork(101)
    link, fork = take(stream, 2)
    assert (link.state, link.gap, fork.pid) == ("resumed", False, 101)
    relay.close()


@pytest.mark.parametrize("limit", [*range(1, 400, 37), 700, 1000])
def test_continues_wherever_it_is_cut(daemon, tmp_path, limit):
    """After each number of bytes: the table is right, and no event comes twice."""
    daemon.kernel.wait_listening()
    relay = Relay(tmp_path / "relay", daemon.path, limits=[None, limit])
    client = taskbroker.connect(tmp_path / "relay")
    stream = client.events(snapshot=True)
    assert take(stream, 2)[1].kind == "snapshot_end"
    relay.cut()
    for pid in range(100, 120):
        daemon.kernel.fork(pid)
    daemon.kernel.fork(MARK)
    found = until_fork(stream, MARK)
    assert [value.pid for value in found if value.kind == "fork"] == list(range(100, 120))
    assert names(found)[:1] == [("link", "lost")]
    relay.close()


def test_begins_again_after_a_restart(make_daemon, tmp_path):
    first = make_daemon()
    first.kernel.wait_listening()
    path = tmp_path / "socket"
    path.symlink_to(first.path)
    stream = taskbroker.connect(path).events(["fork"], snapshot=True)
    take(stream, 2)
    first.kernel.fork(100)
    assert take(stream, 1)[0].pid == 100
    second = make_daemon(start=False)
    second.proc.add(200, ppid=1, comm=b"other")
    second.start()
    second.kernel.wait_listening()
    first.process.kill()
    first.process.wait()
    first.process = None
    path.unlink()
    path.symlink_to(second.path)
    found = take(stream, 5)
    assert names(found) == [
        ("link", "lost"), ("link", "restarted"), ("task", 1), ("task", 200), ("snapshot_end", None)]
    assert found[1].gap and found[1].reason == "The broker was restarted." and found[1].tries >= 1


def test_without_reconnect_it_ends(daemon, client):
    stream = client.events(reconnect=False)
    daemon.kernel.fork(100)
    assert take(stream, 1)[0].pid == 100
    daemon.terminate()
    with pytest.raises(taskbroker.Stopping) as caught:
        take(stream, 1)
    assert caught.value.code == 10 and caught.value.closing


def fall_behind(daemon):
    """Ends so many processes that the feed drops exits which its slow reader has not read."""
    k = daemon.kernel
    # thousands of files in /proc would take long
    k.mirror = False
    reader = daemon.subscriber(kinds=("exit",))
    for first in range(1000, 5000, 500):
        for pid in range(first, first + 500):
            k.fork(pid)
            k.stats(tb_fields.distinct(16, pid, pid))
            k.exit(pid)
        reader.take(500)


def test_a_slow_reader_gets_a_loss_in_its_place(make_daemon):
    daemon = make_daemon(arguments=["--feed-mib", "1"])
    daemon.kernel.wait_listening()
    stream = taskbroker.connect(daemon.path).events(["exit"])
    fall_behind(daemon)
    number = 0
    for value in stream:
        assert value.number == number + 1
        number = value.number
        if value.kind == "loss":
            assert (value.source, value.scope, value.missing) == ("reader", "stream", value.count)
            break
    following = next(iter(stream))
    assert following.number == value.number + value.count


def test_a_slow_reader_gets_the_snapshot_again(make_daemon):
    """With a snapshot the stream keeps its promise: after a loss of its own it begins again."""
    daemon = make_daemon(arguments=["--feed-mib", "1"])
    daemon.kernel.wait_listening()
    stream = taskbroker.connect(daemon.path).events(["exit"], snapshot=True)
    fall_behind(daemon)
    found = take(itertools.dropwhile(lambda value: value.kind != "loss", stream), 4)
    assert names(found) == [("loss", None), ("link", "restarted"), ("task", 1), ("snapshot_end", None)]


def test_strict(make_daemon):
    daemon = make_daemon(arguments=["--feed-mib", "1"])
    daemon.kernel.wait_listening()
    stream = taskbroker.connect(daemon.path).events(["exit"], strict=True)
    fall_behind(daemon)
    with pytest.raises(taskbroker.FellBehind) as caught:
        take(stream, 1 << 30)
    assert caught.value.lost > 0


def test_errors(daemon, client, tmp_path, monkeypatch):
    with pytest.raises(taskbroker.ConnectError, match="No broker listens"):
        taskbroker.connect(tmp_path / "nothing")
    with pytest.raises(taskbroker.BadValue) as caught:
        client.events(max_delay_ms=100000)
    assert caught.value.field == "subscribe.max_delay_ms"
    assert isinstance(caught.value, ValueError)
    with pytest.raises(ValueError, match="no kind of events"):
        client.events(["forks"])
    with pytest.raises(taskbroker.BadValue):
        client.events(subtrees=[4000])
    # the client is still good
    monkeypatch.setenv("TASKBROKER_SOCKET", str(daemon.path))
    assert taskbroker.connect().status().live_processes == 1


def test_each_error_code_has_a_class():
    from taskbroker import errors
    from taskbroker.v1 import broker_pb2

    codes = set(broker_pb2.ErrorCode.values()) - {0}
    assert codes <= set(errors.BY_CODE)
    for code in codes:
        assert type(errors.of_message(broker_pb2.Error(code=code))) is errors.BY_CODE[code]


def test_tables_are_the_protocol():
    """The lists of names in the package follow the tables of proto/."""
    rows = tb_tables.rows("event_kinds.h", "EVENT_KINDS")
    assert values.KINDS == {row.name: int(row.number) for row in rows}
    assert {name: cls.kind for name, cls in values.EVENT_CLASSES.items()} == {row.wire: row.name for row in rows}
    for enum, table, prefix in (
        (event_pb2.LossSource, values.LOSS_SOURCES, "LOSS_SOURCE_"),
        (event_pb2.LossReason, values.LOSS_REASONS, "LOSS_REASON_"),
        (event_pb2.StatsMissing, values.STATS_MISSING, "STATS_MISSING_"),
        (event_pb2.ProgramState, values.PROGRAM_STATES, "PROGRAM_STATE_"),
    ):
        assert {n: name.removeprefix(prefix).lower() for name, n in enum.items() if n} == table
    groups = {f"{row.group}": int(row.number) for row in tb_tables.rows("taskstats_fields.h", "TASKSTATS_PLAIN_GROUPS")}
    assert groups.items() <= {name: number for number, name in tb_stats.GROUPS.items()}.items()
    for group in groups:
        fields = tb_tables.rows("taskstats_fields.h", f"TASKSTATS_{group.upper()}_FIELDS")
        since = {row.name: int(row.since) for row in fields if int(row.since) > 8}
        assert tb_stats.SINCE.get(group, {}) == since
    assert tuple(row.name for row in tb_tables.rows("taskstats_fields.h", "TASKSTATS_DELAYS")) == tb_stats.DELAYS


def test_client_info(daemon):
    """The Python package says the name that the program gives, on each connection; without one it says none."""
    with taskbroker.connect(daemon.path, name="plot", version="7") as client:
        assert client.ping() > client.welcome.start_time_ns
        with client.events(), client.events(["exit"]):
            found = client.status().clients
            assert [(c["name"], c["version"], c["connections"], c["streams"]) for c in found] == [("plot", "7", 3, 2)]
    with taskbroker.connect(daemon.path) as client:
        assert {"name": None, "version": None}.items() <= client.status().clients[-1].items()


def test_groups(client, daemon):
    """Exits have the groups of statistics that the program asks for."""
    with client.events(["exit"], groups=["cpu"]) as some, client.events(["exit"], groups="none") as none:
        daemon.kernel.fork(100)
        daemon.kernel.end(100, values={"ac_utime_us": 7})
        exit = next(iter(some))
        assert exit.stats.cpu.ac_utime_us == 7 and exit.stats.identity is None and exit.exit_code == 0
        exit = next(iter(none))
        assert exit.stats is None and exit.stats_missing is None and exit.exit_code == 0
    with pytest.raises(ValueError):
        client.events(groups=["nothing"])


def test_status_as_the_command(daemon, client):
    daemon.kernel.fork(100)
    stream = client.events()
    daemon.kernel.fork(101)
    take(stream, 1)
    out = subprocess.run([executable("TASKBROKER", "command"), "--socket", str(daemon.path), "status", "--json"],
                         capture_output=True, check=True, timeout=TIMEOUT)
    due, have = json.loads(out.stdout), client.status().to_dict()
    assert set(due) == set(have)
    changing = {"uptime_ns", "broker_cpu_ns", "connections", "subscribers", "client_bytes", "feed_bytes", "connector",
                "clients"}
    assert {k: v for k, v in due.items() if k not in changing} == {k: v for k, v in have.items() if k not in changing}
    assert client.status().connector.lost == 0
    with pytest.raises(AttributeError):
        client.status().nothing


def test_async(daemon, client):
    async def run():
        found = []
        async with client.events(["fork"], snapshot=True) as stream:
            async for value in stream:
                found.append(value)
                if value.kind == "snapshot_end":
                    daemon.kernel.fork(100)
                if value.kind == "fork":
                    return found

    assert names(asyncio.run(asyncio.wait_for(run(), TIMEOUT))) == [("task", 1), ("snapshot_end", None), ("fork", 100)]


def test_async_lets_the_loop_run(daemon, client):
    """A stream that waits for an event, or for a broker that has gone, blocks nothing else."""
    async def run():
        stream = client.events(["fork"])
        iterator = stream.__aiter__()
        pending = asyncio.ensure_future(iterator.__anext__())
        await asyncio.sleep(0.01)
        assert not pending.done()
        await asyncio.to_thread(daemon.terminate)
        assert (await pending).kind == "link"
        pending = asyncio.ensure_future(iterator.__anext__())
        await asyncio.sleep(0.3)
        assert not pending.done()
        pending.cancel()
        stream.close()

    asyncio.run(asyncio.wait_for(run(), TIMEOUT))


def test_poll(daemon, client):
    stream = client.events(["fork"])
    assert stream.poll() == []
    daemon.kernel.fork(100)
    assert names(stream.poll(None)) == [("fork", 100)]
    assert stream.fileno() >= 0
    stream.close()
    with pytest.raises(taskbroker.ConnectionClosed):
        stream.poll()


def test_an_idle_client_is_not_closed_for_long(make_daemon):
    """The broker closes a connection without a request; the client connects again when it is used."""
    daemon = make_daemon(arguments=["--request-seconds", "1"])
    daemon.kernel.wait_listening()
    client = taskbroker.connect(daemon.path)
    connection = client._connection
    wait_until(lambda: not connection.idle, "the broker closes it")
    assert client.status().live_processes == 1
    connection = client._connection
    client.close()
    assert next(iter(client.events(snapshot=True))).pid == 1
    assert client.status().live_processes == 1


@pytest.fixture
def live(stats, make_daemon):
    """A broker whose kernel answers for tasks, with the process 100."""
    daemon = make_daemon(start=False)
    daemon.arguments += ["--stats-fd", str(stats.broker.fileno())]
    command = daemon.command
    daemon.command = lambda: (command()[0], command()[1] + [stats.broker.fileno()])
    daemon.start()
    stats.broker.close()
    daemon.wait_ready()
    for tid in (1, 100):
        stats.live[tid] = tb_fields.Stats(ac_pid=tid, ac_tgid=tid, comm=b"live", cpu_run_virtual_total_ns=tid * 1000)
    daemon.kernel.fork(100)
    return daemon


def test_stats(live):
    client = taskbroker.connect(live.path)
    live_one, gone, task = client.stats([100, 4000], [1])
    assert (live_one.pid, live_one.comm, live_one.stats.cpu.cpu_run_virtual_total_ns) == (100, "live", 100_000)
    assert (gone.gone, gone.pid, gone.stats) == (True, 4000, None)
    assert task.stats.cpu.cpu_run_virtual_total_ns == 1000
    with pytest.raises(taskbroker.BadValue):
        client.stats(range(1, 1000))


def test_samples(live):
    stream = taskbroker.connect(live.path).samples(100, groups=["cpu"])
    first = take(stream, 1)[0]
    assert first.full and first.samples_lost == 0 and first.lost is None
    assert {task.pid: task.stats.cpu.cpu_run_virtual_total_ns for task in first.tasks} == {1: 1000, 100: 100_000}
    assert all(task.stats.io is None for task in first.tasks)
    live.kernel.stats(live.kernel.make_stats(100, comm=b"ended", ac_exitcode=9, ac_flag=0x20))
    live.kernel.exit(100, code=9)
    ended = next(task for sample in stream for task in sample.tasks if task.ended)
    assert (ended.pid, ended.termination) == (100, (None, 9, False))
    with pytest.raises(ValueError):
        taskbroker.connect(live.path).samples(groups=["processor"])


def due_table(daemon):
    """The broker's own processes, by number."""
    client = daemon.subscriber(snapshot=True)
    return {task.pid: (task.start_boot_ns, task.uid, task.comm) for task in client.snapshot()}


def rows(table):
    return {p.pid: (p.start_boot_ns or 0, p.uid or 0, os.fsencode(p.comm or "")) for p in table}


def wait_same(table, stream, daemon):
    """A name that was stale at the mark comes later, as an event: both tables have it then."""
    def same():
        table.update(stream)
        return table.complete and rows(table) == due_table(daemon)

    wait_until(same, lambda: f"{rows(table)} is {due_table(daemon)}")


def random_lives(daemon, random, n):
    """Processes with threads that fork, call exec, change and end, in a random order."""
    k = daemon.kernel
    live = {}
    for pid in range(1000, 1000 + n):
        k.fork(pid)
        live[pid] = [pid]
        other = random.choice(sorted(live))
        tids = live[other]
        leader_lives = other in tids
        match random.randrange(7):
            case 0 if leader_lives:
                k.fork(pid + 10000, pid=other, parent_tid=other)
                tids.append(pid + 10000)
            case 1 if leader_lives and len(tids) == 1:
                k.exec(other, comm=b"exec%d" % pid)
            case 2 if leader_lives:
                k.comm(other, comm=b"name%d" % pid)
            case 3 if leader_lives:
                k.uid(other, real=pid, effective=pid)
            case 4 | 5:
                tid = random.choice(tids)
                tids.remove(tid)
                k.end(tid, other, last=not tids)
                if not tids:
                    del live[other]
    return live


@pytest.mark.parametrize("threads", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_table_is_the_brokers(daemon, tmp_path, seed, threads):
    """Over cuts of the connection, and with processes whose leader ends first."""
    random = Random(seed)
    daemon.kernel.wait_listening()
    relay = Relay(tmp_path / "relay", daemon.path, limits=[random.randrange(2000, 9000) for _ in range(4)])
    table = taskbroker.LiveProcesses()
    stream = taskbroker.connect(tmp_path / "relay").events(table.KINDS, snapshot=True, threads=threads)
    random_lives(daemon, random, 150)
    daemon.kernel.fork(MARK)
    for value in table.follow(stream):
        if value.kind == "fork" and value.pid == MARK:
            break
    wait_same(table, stream, daemon)
    assert table[(MARK, table.by_pid(MARK).start_boot_ns)].comm == "init"
    assert (MARK, 5) not in table
    relay.close()


def test_table_after_a_loss_of_its_reader(make_daemon):
    daemon = make_daemon(arguments=["--feed-mib", "1"])
    daemon.kernel.wait_listening()
    table = taskbroker.LiveProcesses()
    stream = taskbroker.connect(daemon.path).events(table.KINDS, snapshot=True)
    fall_behind(daemon)
    for value in table.follow(stream):
        if value.kind == "loss":
            assert not table.complete
        if value.kind == "snapshot_end" and table.complete and len(table) == 1:
            break
    daemon.kernel.fork(MARK)
    while not table.by_pid(MARK):
        table.update(stream, None)
    wait_same(table, stream, daemon)


def test_table_over_a_restart(make_daemon, tmp_path):
    first, second = make_daemon(), make_daemon(start=False)
    first.kernel.wait_listening()
    path = tmp_path / "socket"
    path.symlink_to(first.path)
    table = taskbroker.LiveProcesses()
    stream = taskbroker.connect(path).events(table.KINDS, snapshot=True)
    first.kernel.fork(100)
    while not table.by_pid(100):
        table.update(stream, None)
    second.proc.add(200, ppid=1, comm=b"other")
    second.start()
    second.kernel.wait_listening()
    first.process.kill()
    first.process.wait()
    first.process = None
    path.unlink()
    path.symlink_to(second.path)
    while not table.by_pid(200):
        table.update(stream, None)
    wait_same(table, stream, second)


def example(daemon, name, *arguments):
    return printer(daemon, ["/usr/bin/python3", str(EXAMPLES / name)], *arguments)


def test_example_watch(daemon):
    daemon.kernel.wait_listening()
    process = example(daemon, "watch.py")
    client = daemon.client()
    wait_until(lambda: client.status().subscribers, "it subscribes")
    daemon.kernel.fork(100)
    daemon.kernel.end(100, comm=b"ended", code=3 << 8)
    assert process.stdout.readline().split() == ["100", "ended", "0.100", "ms", "3"]
    process.kill()
    process.communicate()


def test_example_iotop(live, stats):
    process = example(live, "iotop.py", "--interval", "0.1", "--count", "1000")
    client = live.client()
    wait_until(lambda: client.status().sample_subscribers, "it subscribes")
    written = 0

    def shows():
        nonlocal written
        written += 1 << 20
        stats.live[100] = tb_fields.Stats(ac_pid=100, ac_tgid=100, comm=b"live", cpu_run_virtual_total_ns=written,
                                          write_bytes=written)
        return "live" in process.stdout.readline()

    wait_until(shows, "the process that writes")
    process.kill()
    process.communicate()


def test_example_graph_compiles():
    """matplotlib is not among the packages of the tests."""
    compile((EXAMPLES / "graph.py").read_text(), "graph.py", "exec")
