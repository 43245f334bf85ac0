# SPDX-License-Identifier: Apache-2.0
"""
The table of unknown values of samples, tasks and Status: each field of the protocol in each situation. A field
without a row fails, and so does a known value of an unknown field, or an unknown value of a known one, on the wire,
in JSON and in text. tests/e2e/test_unknown.py has the same for events.
"""

import json
import os

import pytest

import tb_fields
from tb_access import become
from tb_client import Client, what
from tb_live import ask_samples, get_stats, next_sample, sample_until
from tb_proc import boottime_ns
from tb_protocol import broker_pb2, event_pb2, sample_pb2, taskstats_pb2
from tb_users import open_directory
from tb_wait import wait_until
from test_commands import command, finish

NOBODY = 65534
LOST = sample_pb2.SAMPLE_STATE_LOST

# How JSON has a field: its keys. () has the reason why it has none: another key shows the field.
TASK_SAMPLE = {
    "pid": ("pid",),
    "tid": ("tid",),
    "ppid": ("ppid",),
    "uid": ("uid",),
    "comm": ("comm",),
    "start_time_ns": ("start_time_ns",),
    "start_boot_ns": ("start_boot_ns", "id"),
    "stats": ("stats",),
    "time_ns": ("time_ns",),
    "ended": ("ended",),
    "termination": ("exit_code", "core_dumped"),
    "termination_missing": (),  # termination_missing, which is absent if nothing is missing
    "stats_missing": (),  # stats_missing, likewise
    "live_tasks": ("tasks",),
    "kernel_thread": ("kernel_thread",),
    "state": (),  # gone, and stats
    "comm_stale": (),  # comm_stale, which is absent if it is false
    "maker": ("maker_pid", "maker_id"),
    "parent": ("parent_pid", "parent_id"),
    "task_unknown": (),  # null in the fields that are not known
    "session": ("session",),
    "session_leader": ("session", "session_id"),
}
TASK = {
    "pid": ("pid",),
    "tid": ("tid",),
    "ppid": ("ppid",),
    "uid": ("uid",),
    "comm": ("comm",),
    "start_time_ns": ("start_time_ns",),
    "euid": ("euid",),
    "gid": ("gid",),
    "egid": ("egid",),
    "session": ("session",),
    "program": ("program",),
    "kernel_thread": ("kernel_thread",),
    "credentials_changed": ("credentials_changed",),
    "seeded": (),  # seeded, which is absent if it is false
    "task_unknown": (),  # task_unknown, likewise
    "live_tasks": ("tasks",),
    "start_boot_ns": ("start_boot_ns", "id"),
    "comm_stale": (),  # comm_stale, likewise
    "maker": ("maker_pid", "maker_id"),
    "parent": ("parent_pid", "parent_id"),
    "session_leader": ("session", "session_id"),
}
SAMPLE_PART = {
    "samples": (),  # the objects before
    "number": ("sample",),
    "last": (),  # the object itself
    "full": ("full",),
    "begin_time_ns": ("begin_time_ns",),
    "end_time_ns": ("end_time_ns",),
    "span_ns": ("span_ns",),
    "forks": ("forks",),
    "execs": ("execs",),
    "exits": ("exits",),
    "lost": ("lost",),
    "lost_at_least": ("lost_at_least",),
}
STATUS_HEAD = {
    "request_id": (),  # belongs to the conversation
    "broker_version": ("broker_version",),
    "epoch": ("epoch",),
    "start_time_ns": ("start_time_ns",),
    "uptime_ns": ("uptime_ns",),
    "kernel_release": ("kernel_release",),
    "taskstats_version": ("taskstats_version",),
    "delay_accounting": ("delay_accounting",),
    "machine": (),  # its counters are keys of the object
    "service": (),  # likewise
    "clients": ("clients",),
    "clients_unlisted": ("clients_unlisted",),
}
# Columns of `top -b` and the field that each shows.
COLUMNS = {
    "pid": "pid", "tid": "tid", "ppid": "ppid", "user": "uid", "tasks": "live_tasks", "age": "start_time_ns",
    "nice": "stats.scheduling", "time": "stats.cpu", "reads": "stats.io", "writes": "stats.io",
    "peak": "stats.memory.hiwater_rss_kib", "name": "comm",
}
PS_COLUMNS = {
    "pid": "pid", "tid": "tid", "ppid": "ppid", "maker": "maker", "user": "uid", "uid": "uid", "euid": "euid",
    "gid": "gid", "egid": "egid", "session": "session", "age": "start_time_ns", "tasks": "live_tasks",
    "kernel": "kernel_thread", "name": "comm",
}
# Identities that are null, although the relation is known: there is no such process.
OF_NONE = {"maker_id": "maker_pid", "parent_id": "parent_pid", "session_id": "session"}
MARKS = {"-", "off", "n/a", "..", "lost", "hidden"}


def test_every_field_has_a_row():
    assert set(TASK_SAMPLE) == set(sample_pb2.TaskSample.DESCRIPTOR.fields_by_name)
    assert set(TASK) == set(broker_pb2.Task.DESCRIPTOR.fields_by_name)
    assert set(SAMPLE_PART) == set(sample_pb2.SamplePart.DESCRIPTOR.fields_by_name)
    assert {"request_id", "samples"} == set(sample_pb2.TaskStatsReply.DESCRIPTOR.fields_by_name)
    assert {"count"} == set(sample_pb2.SampleLoss.DESCRIPTOR.fields_by_name)
    groups = {f.group for f in tb_fields.FIELDS} | {"delays"}
    masks = {"taskstats_version", "unsupported_groups", "uncounted_groups", "withheld_groups"}
    assert groups | masks | {"task_count", "tasks_missing", "tasks_unseen"} == set(taskstats_pb2.TaskStats.DESCRIPTOR.fields_by_name)
    # Each key of JSON comes from a row.
    for rows in (TASK_SAMPLE, TASK, SAMPLE_PART, STATUS_HEAD):
        assert all(isinstance(keys, tuple) for keys in rows.values())


# -- the situations -----------------------------------------------------------------


FIXED = dict(ac_uid=1000, ac_nice=5, ac_sched=0, ac_btime_s=1_700_000_000, ac_btime64_s=1_700_000_000)


def usage(tid, pid=None, comm=b"worker", **values):
    """Statistics in which each value is known, and none is 0."""
    return tb_fields.distinct(16, tid, pid or tid, comm, **{**FIXED, **values})


class Case:
    """One process in a situation. `unknown` are the fields that are not known of it."""

    def __init__(self, unknown=(), columns=(), stats=True, unseen=False, pid=100):
        self.unknown, self.columns, self.stats, self.unseen, self.pid = set(unknown), set(columns), stats, unseen, pid


def seen(k, live):
    k.fork(100)
    live.live[100] = usage(100)
    return Case()


def older(k, live):
    """100 is older than the broker: nothing is known of threads that ended before. Its maker is not known."""
    live.live[110] = usage(110)
    return Case({"maker"}, unseen=True, pid=110)


def answer_lost(k, live):
    k.fork(100)
    live.live[100] = usage(100)
    live.drop.add(100)
    return Case({"stats"}, stats=False)


def kernel_thread(k, live):
    live.live[2] = usage(2, hiwater_rss_kib=0, hiwater_vm_kib=0, ac_exe_dev=0, ac_exe_inode=0, ac_uid=0)
    return Case({"stats.memory.hiwater_rss_kib", "stats.memory.hiwater_vm_kib"}, pid=2)


def zombie_leader(k, live):
    """The leader has ended: its peak is lost with its memory. The kernel still counts the rest."""
    k.fork(100)
    live.live[100] = usage(100, hiwater_rss_kib=0, hiwater_vm_kib=0, ac_exe_dev=0, ac_exe_inode=0)
    return Case({"stats.memory.hiwater_rss_kib", "stats.memory.hiwater_vm_kib"})


SITUATIONS = {f.__name__: f for f in (seen, older, answer_lost, kernel_thread, zombie_leader)}


@pytest.fixture
def make_live(stats, make_daemon):
    def make(arguments=(), version=16, accounting=True, prepare=None, **kw):
        daemon = make_daemon(start=False, version=version, **kw)
        stats.version = version
        began = boottime_ns() - 60_000_000_000
        daemon.proc.set_delay_accounting(accounting)
        daemon.proc.add(1, ppid=0, comm=b"init", start_ns=began)
        daemon.proc.add(2, ppid=0, comm=b"kthreadd", kernel_thread=True, session=0, start_ns=began)
        daemon.proc.add(110, ppid=1, uid=1000, comm=b"older", session=1, start_ns=began + 1_000_000_000)
        if prepare:
            prepare(daemon.proc)
        daemon.arguments += ["--stats-fd", str(stats.broker.fileno()), *arguments]
        built = daemon.command
        daemon.command = lambda: (built()[0], built()[1] + [stats.broker.fileno()])
        daemon.start()
        stats.broker.close()
        daemon.wait_ready()
        daemon.live = stats
        stats.live[1] = usage(1, comm=b"init")
        stats.live[2] = usage(2, comm=b"kthreadd")
        stats.live[110] = usage(110)
        return daemon

    return make


def assert_known(shown, rows, unknown, present):
    """JSON: null exactly in the rows that are not known."""
    for field, keys in rows.items():
        for key in keys:
            if key not in present or (key in OF_NONE and shown[OF_NONE[key]] == 0):
                continue
            assert (shown.get(key) is None) == (field in unknown), (field, key, shown)


def assert_wire(message, rows, unknown):
    """The wire: an unknown field is absent. A message says itself that it is there."""
    for field in rows:
        descriptor = message.DESCRIPTOR.fields_by_name[field]
        if field in unknown and field in rows:
            if descriptor.message_type is not None:
                assert not message.HasField(field), (field, message)
            else:
                assert getattr(message, field) == descriptor.default_value, (field, message)


def assert_stats(shown, wire, case):
    """Each field of each group: null exactly if it is not known; a group that is missing has a reason."""
    reasons = {g for mask in ("unsupported_groups", "uncounted_groups", "withheld_groups") for g in shown.get(mask, [])}
    for f in tb_fields.FIELDS:
        path = f"stats.{f.group}.{f.name}"
        if f.group not in shown:
            by_nature = f.group == "exit_status" or (f.group == "executable" and path not in case.unknown)
            assert f.group in reasons or by_nature, (f.group, shown)
            assert not wire.HasField(f.group)
        else:
            known = shown["taskstats_version"] >= f.since and path not in case.unknown
            assert (shown[f.group][f.name] is not None) == known, (path, shown)


@pytest.mark.parametrize("name", SITUATIONS)
def test_situations(make_live, name):
    """A process in each situation: in an answer, a sample, a snapshot, in JSON and in text."""
    daemon = make_live()
    observer = daemon.subscriber(("fork",))
    case = SITUATIONS[name](daemon.kernel, daemon.live)
    if case.pid == 100:
        assert observer.event().pid == 100
    client = daemon.client()
    sample, = get_stats(client, pids=[case.pid])
    assert_wire(sample, TASK_SAMPLE, case.unknown)
    assert (sample.state == LOST) == (not case.stats) and sample.HasField("stats") == case.stats
    if case.stats:
        assert sample.stats.tasks_unseen == case.unseen and sample.stats.task_count == (1 if case.unseen else 0)

    out, _ = finish(command(daemon, "stats", "--json", str(case.pid)), code=0 if case.stats else 1)
    answered = json.loads(out)
    assert_known(answered, TASK_SAMPLE, case.unknown, set(answered))
    out, _ = finish(command(daemon, "top", "-b", "--json", "--all", "-n", "2", "--pid", str(case.pid)))
    shown = [o for o in map(json.loads, out.splitlines()) if o["kind"] == "task_sample" and o["pid"] == case.pid]
    for task in shown:
        assert_known(task, TASK_SAMPLE, case.unknown | {"termination"}, set(task))
        if case.stats:
            assert_stats(task["stats"], sample.stats, case)
    assert shown[0]["used"] is None and shown[0]["span_ns"] is None, "one total is no use"

    out, _ = finish(command(daemon, "top", "-b", "--all", "-n", "1", "--pid", str(case.pid), "-o", ",".join(COLUMNS)))
    lines = [line for line in out.splitlines() if line.split() and line.split()[0] == str(case.pid)]
    row = dict(zip(COLUMNS, lines[0].split(None, len(COLUMNS) - 1)))
    for column, field in COLUMNS.items():
        groups = {field, field.split(".")[0], ".".join(field.split(".")[:2])}
        assert (row[column] in MARKS) == bool(groups & case.unknown), (column, row)
    assert row["reads"].endswith("+") == row["time"].endswith("+") == (case.unseen and case.stats)

    task = next(o for o in map(json.loads, finish(command(daemon, "ps", "--json"))[0].splitlines()) if o["pid"] == case.pid)
    unknown = {field for field in case.unknown if "." not in field and field != "stats"}
    assert_known(task, TASK, unknown, set(task))


def test_fork_was_lost(make_live):
    """The ids, the name and the flags of a task are not known, until the kernel's answer has some of them."""
    daemon = make_live()
    k = daemon.kernel
    k.mirror = False
    observer = daemon.subscriber()
    k.fork(600, parent_tid=555)
    assert observer.event().pid == 600
    daemon.live.live[600] = usage(600)
    daemon.live.drop.add(600)
    client = daemon.client()
    unanswered, = get_stats(client, pids=[600])
    unknown = {"uid", "comm", "kernel_thread", "stats", "session", "session_leader"}
    assert_wire(unanswered, TASK_SAMPLE, unknown)
    assert unanswered.task_unknown
    shown = json.loads(finish(command(daemon, "stats", "--json", "600"), code=1)[0])
    assert {key for key, value in shown.items() if value is None} >= {"uid", "comm", "kernel_thread", "stats", "session"}
    out, _ = finish(command(daemon, "ps", "--no-header", "--pid", "600", "-o", ",".join(PS_COLUMNS)))
    row = dict(zip(PS_COLUMNS, out.split(None, len(PS_COLUMNS) - 1)))
    for column, field in PS_COLUMNS.items():
        due = field in {"ppid", "uid", "euid", "gid", "egid", "session", "kernel_thread", "comm"}
        assert (row[column].strip() == "-") == due, (column, row)
    daemon.live.drop.clear()
    answered, = get_stats(client, pids=[600])
    assert (answered.uid, answered.comm, answered.task_unknown) == (1000, b"worker", False)


def test_exec_was_not_read(make_live):
    """The name before the exec is marked, on the wire, in JSON and in text."""
    daemon = make_live()
    observer = daemon.subscriber()
    daemon.kernel.mirror = False
    daemon.kernel.fork(600)
    daemon.kernel.exec(600)
    events = observer.until(lambda e: what(e) == "exec")
    assert events[-1].comm_stale
    daemon.live.live[600] = usage(600)
    daemon.live.drop.add(600)
    assert get_stats(daemon.client(), pids=[600])[0].comm_stale
    assert json.loads(finish(command(daemon, "stats", "--json", "600"), code=1)[0])["comm_stale"] is True
    out, _ = finish(command(daemon, "ps", "--no-header", "--pid", "600", "-o", "name"))
    assert out.startswith("?")


def test_exec_of_a_lost_task(make_live):
    """The fork was lost, and the exec shows the process: nothing but its number is known."""
    daemon = make_live()
    k = daemon.kernel
    k.mirror = False
    observer = daemon.subscriber(("exec",), programs=True)
    watchers = [command(daemon, "watch", "-e", "exec", "--args", "-n", "1", *form) for form in ((), ("--json",))]
    wait_until(lambda: observer.status().subscribers == 3, "all subscribe")
    k.exec(600)
    event = observer.event()
    assert (event.pid, what(event), event.task_unknown, event.synthesised) == (600, "exec", True, False)
    unknown = {"ppid", "uid", "comm", "start_time_ns", "start_boot_ns", "maker", "parent"}
    assert not unknown & {f.name for f, _ in event.ListFields()}, event
    text, shown = finish(watchers[0])[0], json.loads(finish(watchers[1])[0])
    for key in ("ppid", "uid", "comm", "start_time_ns", "start_boot_ns", "id", "maker_pid", "maker_id", "parent_pid", "parent_id"):
        assert shown[key] is None, key
    program = {key: value for key, value in shown["program"].items() if key not in ("state", "truncated")}
    assert shown["program"]["state"] != "captured" and set(program.values()) == {None}
    line = next(line for line in text.splitlines() if " exec " in line)
    assert line.split()[2:5] == ["600", "-", "-"], line

    # /proc shows the process, and all that is known after that.
    daemon.proc.add(600, ppid=1, uid=1000, comm=b"worker")
    k.mark(1)
    forks = daemon.client()
    wait_until(lambda: forks.status().live_processes == 4, "the process is in the table")
    task = next(o for o in map(json.loads, finish(command(daemon, "ps", "--json"))[0].splitlines()) if o["pid"] == 600)
    assert_known(task, TASK, {"maker", "program"}, set(task))


MOUNTS = "22 27 0:21 / /proc rw,relatime - proc proc rw{}\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user")
@pytest.mark.parametrize("hidepid", [False, True])
def test_hidepid(make_live, hidepid):
    """
    With hidepid, another user's process is absent everywhere, and not a process of zeros. The number of lost
    events is absent too, and the own process is shown in full.
    """

    def prepare(proc):
        (proc.root / "1" / "mountinfo").write_text(MOUNTS.format(",hidepid=2" if hidepid else ""))
        proc.add(200, uid=NOBODY, gid=NOBODY, comm=b"own", session=1)
        for path in [proc.root / "200", *(proc.root / "200").rglob("*")]:
            os.chown(path, NOBODY, NOBODY)

    with open_directory() as directory:
        daemon = make_live(path=directory / "sock", prepare=prepare)
        os.chmod(daemon.path, 0o666)
        as_nobody = dict(user=NOBODY, group=NOBODY, extra_groups=[])
        observer = daemon.subscriber(("fork",))
        k = daemon.kernel
        k.fork(100)
        observer.event()
        daemon.live.live[100] = usage(100)
        daemon.live.live[200] = usage(200, comm=b"own", ac_uid=NOBODY)
        foreign = json.loads(finish(command(daemon, "stats", "--json", "100", **as_nobody), code=1 if hidepid else 0)[0])
        own = json.loads(finish(command(daemon, "stats", "--json", "200", **as_nobody))[0])
        tasks = [json.loads(line) for line in finish(command(daemon, "ps", "--json", **as_nobody))[0].splitlines()]
        watcher = command(daemon, "watch", "--json", "-e", "loss", "-n", "1", **as_nobody)
        wait_until(lambda: observer.status().subscribers == 2, "the command subscribes")
        k.mark(5)
        loss = json.loads(finish(watcher)[0].splitlines()[0])
        status = status_json(daemon, **as_nobody)
    if hidepid:
        assert foreign == {"pid": 100, "tid": None, "gone": True}
    else:
        assert foreign["stats"]["withheld_groups"] and (foreign["gone"], foreign["uid"]) == (False, 0)
    assert_known(own, TASK_SAMPLE, {"maker"}, set(own))
    assert {task["pid"] for task in tasks} >= {200} and ({task["pid"] for task in tasks} == {200}) == hidepid
    assert (loss["count"] is None) == hidepid and loss["at_least"] == hidepid
    assert (status["live_tasks"] is None) == hidepid


ENDS = {
    "witnessed": (lambda k: k.end(600, code=7 << 8), True, True, True),
    "record lost": (lambda k: k.exit(600, code=7 << 8), False, True, True),
    "from /proc": (lambda k: (k.proc.remove(600), k.mark()), False, False, False),
}


def first_line(process, kind, **values):
    """The first line of that kind with these values."""
    for line in process.stdout:
        shown = json.loads(line)
        if shown["kind"] == kind and all(shown[name] == value for name, value in values.items()):
            return shown
    raise AssertionError(f"the command ended without a {kind}: {process.communicate()}")


@pytest.mark.parametrize("name", ENDS)
def test_ends(make_live, name):
    """The last values of a process, and the time and the cause of its end."""
    play, stats, cause, time = ENDS[name]
    daemon = make_live()
    observer = daemon.subscriber()
    daemon.kernel.fork(600)
    observer.event()
    daemon.live.live[600] = usage(600)
    client = daemon.client()
    top = command(daemon, "top", "-b", "--json", "-d", "0.1", "-n", "600", "--pid", "600")
    ask_samples(client)
    next_sample(client)
    # A task that ended before its first sample is in none.
    assert top.stdout.readline()
    del daemon.live.live[600]
    play(daemon.kernel)
    ended = sample_until(client, lambda s: 600 in s.by() and s.by()[600].ended)[-1].by()[600]
    assert (ended.HasField("stats"), ended.HasField("termination")) == (stats, cause)
    missing = event_pb2.TERMINATION_MISSING_UNSPECIFIED if cause else event_pb2.TERMINATION_MISSING_UNKNOWN
    assert ended.termination_missing == missing and (ended.stats_missing == 0) == stats
    shown = first_line(top, "task_sample", ended=True)
    top.kill()
    top.communicate()
    assert (shown["stats"] is not None, shown["exit_code"]) == (stats, 7 if cause else None)
    assert (shown["end_time_ns"] is not None) == time and ("stats_missing" in shown) == (not stats)
    assert shown.get("termination_missing") == (None if cause else "unknown")


@pytest.mark.parametrize("version", tb_fields.VERSIONS)
@pytest.mark.parametrize("accounting", [True, False, None])
def test_kernels(make_live, version, accounting):
    """Each version of the kernel's answer, with and without delay accounting, and if its state is not known (None)."""
    daemon = make_live(version=version, accounting=accounting)
    observer = daemon.subscriber()
    daemon.kernel.fork(100)
    observer.event()
    daemon.live.live[100] = usage(100)
    if not accounting:
        # A count above zero would prove that delays were counted. The scheduler counts the waits for a processor anyway.
        delays = daemon.live.live[100].delays
        daemon.live.live[100].delays = {"cpu": delays["cpu"]}
    shown = json.loads(finish(command(daemon, "stats", "--json", "100"))[0])["stats"]
    wire = get_stats(daemon.client(), pids=[100])[0].stats
    assert_stats(shown, wire, Case())
    uncounted, unsupported = shown.get("uncounted_groups", []), shown.get("unsupported_groups", [])
    for d in tb_fields.DELAYS:
        known = version >= d.since and (accounting is True or d.name == "cpu")
        assert (d.name in shown["delays"]) == wire.delays.HasField(d.name) == known, d.name
        assert known or "delays" in uncounted or version < d.since
        peak = shown["delays"].get(d.name, {}).get("peak")
        assert peak is None or version >= 15
        assert peak is None or (peak["max_time_ns"] is None) == (version < 17)
    assert ("delay_peaks" in unsupported) == (version < 15)
    text = finish(command(daemon, "stats", "100"))[0]
    for f in tb_fields.FIELDS:
        if f.group in shown:
            line = next(line for line in text.splitlines() if line.split()[:1] == [f.name])
            assert (line.split()[1] == "-") == (version < f.since), line
    assert ("not counted: delay accounting was off" in text) == (not accounting)


def test_groups_that_are_not_read(make_live):
    """A group that the request leaves out is absent, and no mask has it: it is not withheld, and not zero."""
    daemon = make_live()
    client = daemon.client()
    ask_samples(client, groups=1 << taskstats_pb2.STATS_GROUP_CPU)
    stats = next_sample(client).by()[110].stats
    present = {f.name for f, _ in stats.ListFields()} - {"unsupported_groups"}
    assert present == {"cpu", "taskstats_version", "task_count", "tasks_unseen"}
    assert not (stats.unsupported_groups | stats.uncounted_groups | stats.withheld_groups) & 1 << taskstats_pb2.STATS_GROUP_IO


def test_first_sample(make_live):
    """Without a span, the counts of a sample are not known."""
    daemon = make_live()
    out, _ = finish(command(daemon, "top", "-b", "--json", "--all", "-n", "2", "-d", "0.2"))
    first, second, *_ = [o for o in map(json.loads, out.splitlines()) if o["kind"] == "sample"]
    counts = {"span_ns", "forks", "execs", "exits", "lost"}
    assert_known(first, SAMPLE_PART, counts, set(first))
    assert_known(second, SAMPLE_PART, set(), set(second))
    out, _ = finish(command(daemon, "top", "-b", "--all", "-n", "1"))
    assert " forks - execs - exits - lost -  " in out.splitlines()[0]


# -- Status -----------------------------------------------------------------------


def status_json(daemon, **user):
    return json.loads(finish(command(daemon, "status", "--json", **user))[0])


def assert_status(wire, shown):
    """A key is null in JSON exactly if the part of the wire that has its field is absent."""
    for field in wire.message.DESCRIPTOR.fields:
        for key in STATUS_HEAD.get(field.name, (field.name,)):
            assert shown[key] is not None, key
    for part in ("machine", "service"):
        there = wire.message.HasField(part)
        for field in getattr(wire.message, part).DESCRIPTOR.fields:
            if field.name == "events":
                assert all((value is not None) == there for value in shown["events"].values())
            elif field.message_type:
                for name in field.message_type.fields_by_name:
                    assert (shown[field.name][name] is not None) == there, (field.name, name)
            else:
                assert (shown[field.name] is not None) == there, field.name
    assert wire.withheld == shown["withheld"]


def test_status(make_live):
    """With all rights nothing is withheld. The version of the records is not known before the first."""
    daemon = make_live()
    wire, shown = daemon.client().status(), status_json(daemon)
    assert wire.taskstats_version == 0 and shown.pop("taskstats_version") is None
    assert_status(wire, {**shown, "taskstats_version": 0})
    assert not wire.withheld and not wire.machine_withheld
    assert "taskstats not seen yet" in finish(command(daemon, "status"))[0]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user")
def test_status_of_a_user(make_live):
    """Without all rights, counters of others are withheld: their part is absent."""
    with open_directory() as directory:
        daemon = make_live(path=directory / "sock")
        os.chmod(daemon.path, 0o666)
        with become(NOBODY, NOBODY):
            client = Client(daemon.path)
        daemon.clients.append(client)
        wire = client.status()
        shown = status_json(daemon, user=NOBODY, group=NOBODY, extra_groups=[])
    assert_status(wire, {**shown, "taskstats_version": 0})
    assert wire.withheld and not wire.machine_withheld
