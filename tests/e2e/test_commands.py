# SPDX-License-Identifier: Apache-2.0
"""
The taskbroker command against the daemon: the C library and Python's protobuf
must read the same out of the same bytes.
"""

import json
import os
import re
import signal
import subprocess

import pytest

import tb_fields
from tb_client import ALL_KINDS, what
from tb_daemon import executable
from tb_protocol import event_pb2
from tb_wait import TIMEOUT
from test_events import send_one_of_each, send_threads

KIND_NAMES = {
    "fork": "fork", "exec": "exec", "exit": "exit", "comm_change": "comm", "uid_change": "uid", "gid_change": "gid",
    "new_session": "sid", "ptrace": "ptrace", "coredump": "coredump", "loss": "loss",
}


def enum_name(enum, value, prefix):
    return enum.Name(value)[len(prefix):].lower()


def start_json(thing):
    """The start of a task, and its identity as a text."""
    boot = thing.start_boot_ns
    return {
        "id": f"{thing.tid}-{boot}" if boot else None,
        "start_time_ns": thing.start_time_ns or None,
        "start_boot_ns": boot or None,
    }


def stats_json(stats):
    out = {}
    for group in {f.group for f in tb_fields.FIELDS}:
        if not stats.HasField(group):
            continue
        message = getattr(stats, group)
        out[group] = {
            f.name: getattr(message, f.name) if f.since <= stats.taskstats_version else None
            for f in tb_fields.FIELDS if f.group == group
        }
        if group == "memory":
            # A peak of 0 is not known: a kernel thread has no memory, and the memory of a zombie is gone.
            out[group].update({name: out[group][name] or None for name in ("hiwater_rss_kib", "hiwater_vm_kib")})
        if group == "identity":
            out[group]["ac_comm"] = message.ac_comm.decode()
    if stats.HasField("delays"):
        out["delays"] = {}
        for d in tb_fields.DELAYS:
            if not stats.delays.HasField(d.name):
                continue
            message = getattr(stats.delays, d.name)
            out["delays"][d.name] = delay = {"count": message.count, "total_ns": message.total_ns}
            if message.HasField("peak"):
                delay["peak"] = {
                    "max_ns": message.peak.max_ns,
                    "min_ns": message.peak.min_ns,
                    "max_time_ns": message.peak.max_time_ns or None,
                }
    out["taskstats_version"] = stats.taskstats_version
    for mask in ("unsupported_groups", "uncounted_groups", "withheld_groups"):
        value = getattr(stats, mask)
        if value:
            out[mask] = {g.name for g in tb_fields.GROUPS if value & 1 << g.number}
    if stats.task_count:
        out.update(tasks=stats.task_count, tasks_missing=stats.tasks_missing, tasks_unseen=stats.tasks_unseen)
    return out


def program_json(program):
    """Likewise of what a process runs."""
    captured = program.state == event_pb2.PROGRAM_STATE_CAPTURED
    cmdline = program.cmdline.decode().split("\0")
    if not cmdline[-1]:
        cmdline.pop()
    return {
        "state": enum_name(event_pb2.ProgramState, program.state, "PROGRAM_STATE_") if program.state else None,
        "cmdline": cmdline if captured else None,
        "exe": program.exe.decode() or None,
        "cgroup": program.cgroup.decode() or None,
        "truncated": program.truncated,
        **({"cgroup_inherited": True} if program.cgroup and not captured else {}),
    }


def relatives_json(e):
    """The maker and the present parent: null where they are not known."""
    out = {}
    for name in ("maker", "parent"):
        known, process = e.HasField(name), getattr(e, name)
        out[f"{name}_pid"] = process.pid if known else None
        out[f"{name}_id"] = f"{process.pid}-{process.start_boot_ns}" if process.start_boot_ns else None
    return out


def event_json(numbered):
    """The fields of an event that the command must print, by their names on the wire."""
    number, e, _ = numbered
    kind = what(e)
    out = {"kind": KIND_NAMES[kind], "time_ns": e.time_ns, "number": number}
    if kind == "loss":
        out.update(cpu=e.cpu if e.loss.cpu_known else None)
        out.update(pid=None, tid=None, ppid=None, uid=None, comm=None, **start_json(e), **relatives_json(e))
        out.update(
            count=None if e.loss.at_least and not e.loss.count else e.loss.count,
            scope="stream" if e.loss.missing == event_pb2.LOSS_MISSING_COUNTED else "machine",
            missing={event_pb2.LOSS_MISSING_NONE: 0, event_pb2.LOSS_MISSING_POSSIBLE: None}.get(
                e.loss.missing, e.loss.count
            ),
            source=enum_name(event_pb2.LossSource, e.loss.source, "LOSS_SOURCE_"),
            reason=enum_name(event_pb2.LossReason, e.loss.reason, "LOSS_REASON_"),
            at_least=e.loss.at_least,
            since_time_ns=e.loss.since_time_ns or None,
        )
        return out
    known = not e.task_unknown
    out.update(
        cpu=None if e.synthesised else e.cpu, pid=e.pid, tid=e.tid,
        ppid=e.ppid if e.HasField("maker") or e.ppid else None,
        uid=e.uid if known or e.uid or kind == "uid_change" else None,
        comm=e.comm.decode() if known or e.comm else None,
        **start_json(e), **relatives_json(e),
    )
    for flag in ("task_unknown", "synthesised", "left_filter"):
        if getattr(e, flag):
            out[flag] = True
    if kind in ("exec", "exit") and getattr(e, kind).HasField("program"):
        out["program"] = program_json(getattr(e, kind).program)
    if kind == "exec":
        if e.exec.comm_stale:
            out["comm_stale"] = True
    elif kind == "fork":
        out["parent_tid"] = e.fork.parent_tid if e.fork.parent_tid or not e.synthesised else None
        out["parent_tid_start_boot_ns"] = e.fork.parent_tid_start_boot_ns or None
    elif kind == "comm_change":
        old = e.comm_change.old_comm
        out["old_comm"] = old.decode() if old or (known and not e.synthesised) else None
    elif kind in ("uid_change", "gid_change"):
        ids = getattr(e, kind)
        out.update(real_id=ids.real_id, effective_id=ids.effective_id)
    elif kind == "ptrace":
        p = e.ptrace
        assert p.HasField("tracer") and p.tracer.pid == p.tracer_pid
        out.update(
            tracer_pid=p.tracer_pid, tracer_tid=p.tracer_tid,
            tracer_id=f"{p.tracer.pid}-{p.tracer.start_boot_ns}" if p.tracer.start_boot_ns else None,
            tracer_start_boot_ns=p.tracer_start_boot_ns or None,
        )
    elif kind == "exit":
        x = e.exit
        own = not x.HasField("process_termination") and not x.process_termination_missing
        t = x.termination if own else x.process_termination
        missing = x.termination_missing if own else x.process_termination_missing
        if missing:
            out.update(exit_code=None, term_signal=None, core_dumped=None)
            out["termination_missing"] = enum_name(event_pb2.TerminationMissing, missing, "TERMINATION_MISSING_")
        else:
            out.update(exit_code=None if t.term_signal else t.exit_code, term_signal=t.term_signal, core_dumped=t.core_dumped)
        out.update(process_ended=x.process_ended, exit_signal=None if e.synthesised else x.exit_signal)
        out["stats"] = stats_json(x.stats) if x.HasField("stats") else None
        if not x.HasField("stats"):
            out["stats_missing"] = enum_name(event_pb2.StatsMissing, x.stats_missing, "STATS_MISSING_")
        if x.HasField("process_stats"):
            out["process_stats"] = stats_json(x.process_stats)
        elif x.process_ended and x.HasField("stats"):
            # One task: its statistics are the totals.
            out["process_stats"] = stats_json(x.stats)
        if x.HasField("leader"):
            leader = x.leader
            out["leader"] = dict(
                uid=leader.uid, comm=leader.comm.decode(), id=f"{e.pid}-{leader.start_boot_ns}",
                start_time_ns=leader.start_time_ns, start_boot_ns=leader.start_boot_ns,
            )
    return out


def comparable(line):
    """Lists of group names have no order of their own."""
    value = json.loads(line)
    for key in ("stats", "process_stats"):
        if value.get(key):
            for mask in ("unsupported_groups", "uncounted_groups", "withheld_groups"):
                if mask in value[key]:
                    value[key][mask] = set(value[key][mask])
    return value


def command(daemon, *arguments, **kw):
    return subprocess.Popen(
        [executable("TASKBROKER", "command"), "--socket", str(daemon.path), *arguments],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "LC_ALL": "C.UTF-8"}, **kw,
    )


def watch(daemon, client, *arguments):
    """`taskbroker watch`, once it has its subscription."""
    n = client.status().subscribers
    process = command(daemon, "watch", *arguments)
    while client.status().subscribers == n:
        assert process.poll() is None, process.communicate()
    return process


def finish(process, code=0):
    out, err = process.communicate(timeout=TIMEOUT)
    assert process.returncode == code, (process.returncode, out, err)
    return out, err


def assert_same(out, numbered):
    lines = out.splitlines()
    assert len(lines) == len(numbered), out
    for line, n in zip(lines, numbered):
        have, due = comparable(line), event_json(n)
        # Each feed has its own numbers; the two subscriptions may read the same feed.
        have.pop("number"), due.pop("number")
        assert have == due


def test_watch_json_every_kind(daemon):
    client = daemon.subscriber(kinds=ALL_KINDS)
    process = watch(daemon, client, "--json", "-e", "all", "-n", "9")
    send_one_of_each(daemon.kernel)
    numbered = [client.next() for _ in range(9)]
    out, err = finish(process)
    assert_same(out, numbered)
    assert not err


def test_watch_json_exec_with_its_new_name(daemon):
    client = daemon.subscriber(kinds=("exec",))
    process = watch(daemon, client, "--json", "-e", "exec", "-n", "2")
    daemon.kernel.exec(1, comm=b"new")
    numbered = [client.next()]
    daemon.kernel.exec(500)
    numbered.append(client.next())
    out, _ = finish(process)
    assert_same(out, numbered)
    known, unknown = map(json.loads, out.splitlines())
    assert known["comm"] == "new" and "comm_stale" not in known
    assert unknown["comm_stale"] is True


def test_watch_json_threads(daemon):
    client = daemon.subscriber(kinds=ALL_KINDS, threads=True)
    process = watch(daemon, client, "--json", "-e", "all", "--threads", "-n", "18")
    send_threads(daemon.kernel)
    numbered = [client.next() for _ in range(18)]
    out, _ = finish(process)
    assert_same(out, numbered)


@pytest.mark.parametrize("version", tb_fields.VERSIONS)
def test_watch_json_statistics(make_daemon, version):
    """Every field of every version, through the C library and JSON."""
    daemon = make_daemon(version=version)
    client = daemon.subscriber(kinds=("exit",))
    process = watch(daemon, client, "--json", "-e", "exit", "-n", "2")
    k = daemon.kernel
    k.fork(100)
    k.fork(101, pid=100)
    k.stats(tb_fields.distinct(version, 101, 100))
    k.exit(101, pid=100)
    k.stats(tb_fields.distinct(version, 100, 100))
    k.exit(100, code=0x8B)
    k.fork(200)
    k.stats(tb_fields.Stats(comm=b"zeros", ac_pid=200, ac_tgid=200))
    k.exit(200)
    numbered = [client.next(), client.next()]
    out, _ = finish(process)
    assert_same(out, numbered)
    first = json.loads(out.splitlines()[0])
    assert first["process_stats"]["tasks"] == 2
    assert first["stats"]["identity"]["ac_pid"] == 100
    assert (first["exit_code"], first["term_signal"], first["core_dumped"]) == (None, 11, True)


def test_watch_json_losses(daemon):
    client = daemon.subscriber()
    process = watch(daemon, client, "--json", "-n", "5")
    k = daemon.kernel
    k.fork(100, cpu=1)
    k.lose(1, 7)
    k.fork(101, cpu=1)
    k.exit(101, cpu=1)
    numbered = [client.next() for _ in range(5)]
    out, _ = finish(process)
    assert_same(out, numbered)
    assert sorted(json.loads(line).get("source", "") for line in out.splitlines()) == ["", "", "", "connector", "taskstats"]


def test_watch_json_unknown_task(daemon):
    client = daemon.subscriber()
    process = watch(daemon, client, "--json", "-n", "1")
    daemon.kernel.exec(777)
    numbered = [client.next()]
    out, _ = finish(process)
    assert_same(out, numbered)
    have = json.loads(out)
    assert have["task_unknown"] and have["comm"] is None and have["uid"] is None and have["start_time_ns"] is None


@pytest.mark.parametrize("name", [b"\xff\xfe", b'"quote\\', b"new\nline", b"tab\t\x01\x7f", "ümläut".encode()])
def test_watch_json_odd_names(daemon, name):
    """Each line is one JSON object, whatever a task calls itself."""
    client = daemon.subscriber(kinds=("comm",))
    process = watch(daemon, client, "--json", "-e", "comm", "-n", "1")
    daemon.kernel.fork(100)
    daemon.kernel.comm(100, comm=name)
    out, _ = finish(process)
    assert out.count("\n") == 1
    have = json.loads(out)
    assert have["old_comm"] == "init"
    try:
        plain = name.decode()
    except UnicodeDecodeError:
        escapes = re.sub(r"\\x(..)", lambda match: chr(int(match[1], 16)), have["comm"])
        assert have["comm_escaped"] and escapes.encode("latin-1") == name
    else:
        assert have["comm"] == plain and "comm_escaped" not in have


def test_watch_text(daemon):
    """For people: a line an event, and nothing that a terminal acts upon."""
    client = daemon.subscriber(kinds=ALL_KINDS)
    process = watch(daemon, client, "-e", "all", "-n", "10")
    send_one_of_each(daemon.kernel)
    daemon.kernel.comm(100, comm=b"\x1b[31mred")
    out, _ = finish(process)
    assert "\x1b" not in out
    assert len(out.splitlines()) >= 10


def test_watch_strict_ends_with_3(daemon):
    client = daemon.subscriber()
    process = watch(daemon, client, "--json", "--strict")
    k = daemon.kernel
    k.fork(100, cpu=1)
    k.lose(1, 5)
    k.fork(101, cpu=1)
    out, err = finish(process, 3)
    assert json.loads(out.splitlines()[0])["pid"] == 100
    assert "5" in err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_watch_ends_by_signal(daemon, number):
    client = daemon.subscriber()
    process = watch(daemon, client, "--json")
    daemon.kernel.fork(100)
    assert json.loads(process.stdout.readline())["pid"] == 100
    process.send_signal(number)
    finish(process)


def test_watch_ends_with_its_reader(daemon):
    """`taskbroker watch | head -1`"""
    client = daemon.subscriber()
    process = watch(daemon, client, "--json")
    daemon.kernel.fork(100)
    assert json.loads(process.stdout.readline())["pid"] == 100
    process.stdout.close()
    assert process.wait(TIMEOUT) == 0
    process.stderr.close()


def test_status_json(daemon):
    client = daemon.subscriber(kinds=ALL_KINDS, snapshot=True, programs=True)
    client.snapshot()
    send_one_of_each(daemon.kernel)
    daemon.kernel.lose(0, 3)
    daemon.kernel.fork(100)
    client.take(11)
    place = client.place()
    daemon.subscriber(kinds=ALL_KINDS, snapshot=True, programs=True, resume=place)
    out, err = finish(command(daemon, "status", "--json"))
    assert out.count("\n") == 1 and not err
    have = json.loads(out)
    s = client.status()
    moving = {"uptime_ns", "broker_cpu_ns", "connections", "client_bytes"}
    for part in (s.message, s.message.machine, s.message.service):
        for field in part.DESCRIPTOR.fields:
            name, value = field.name, getattr(part, field.name)
            if name in moving or name in ("request_id", "events", "delay_accounting", "machine", "service", "clients"):
                continue
            if not field.message_type:
                assert have[name] == value, name
                continue
            for source_field in value.DESCRIPTOR.fields:
                if name == "connector" and source_field.name == "received":
                    assert 0 < have[name]["received"] <= value.received
                else:
                    assert have[name][source_field.name] == getattr(value, source_field.name), source_field.name
    assert have["withheld"] is False
    assert have["connections"] == 3
    assert have["snapshots"] == have["snapshot_subscribers"] == have["resumed"] == 1
    assert have["table_bytes"] > 0
    assert have["client_bytes"] > 0
    assert have["programs_captured"] + have["programs_late"] + have["programs_skipped"] > 0
    assert 0 < have["uptime_ns"] < s.uptime_ns
    assert have["delay_accounting"] == "on"
    counts = {KIND_NAMES[enum_name(event_pb2.EventKind, c.kind, "EVENT_KIND_")]: c.count for c in s.events}
    assert {k: n for k, n in have["events"].items() if n} == counts
    assert counts["fork"] == 2 and counts["loss"] == 1


def test_status_text(daemon):
    out, err = finish(command(daemon, "status"))
    assert out.strip() and not err


@pytest.mark.parametrize("verb", [["status"], ["watch"], ["watch", "--json"]])
def test_no_broker(tmp_path, verb):
    """Says which socket, and what to do."""
    path = tmp_path / "nowhere.sock"
    result = subprocess.run(
        [executable("TASKBROKER", "command"), "--socket", str(path), *verb],
        capture_output=True, text=True, timeout=TIMEOUT,
    )
    assert result.returncode == 1
    assert str(path) in result.stderr and not result.stdout


def test_socket_by_environment(daemon):
    result = subprocess.run(
        [executable("TASKBROKER", "command"), "status", "--json"],
        capture_output=True, text=True, timeout=TIMEOUT, env={**os.environ, "TASKBROKER_SOCKET": str(daemon.path)},
    )
    assert result.returncode == 0 and json.loads(result.stdout)["live_tasks"] == 1


def raw(*arguments, **kw):
    return subprocess.run([executable("TASKBROKER", "command"), *arguments], stderr=subprocess.PIPE, text=True,
                          timeout=TIMEOUT, **kw)


VERBS = ["watch", "ps", "top", "iotop", "run", "stats", "status"]


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], *([verb, "--help"] for verb in VERBS)])
def test_help_that_cannot_be_written(arguments):
    with open("/dev/full", "w") as full:
        result = raw(*arguments, stdout=full)
    assert result.returncode == 1
    assert result.stderr == "taskbroker: Cannot write to standard output: No space left on device.\n"


@pytest.mark.parametrize("arguments", [
    ["status"], ["status", "--json"], ["ps"], ["ps", "--json"], ["watch", "--snapshot"], ["watch", "--snapshot", "--json"],
])
def test_full_disk(daemon, arguments):
    with open("/dev/full", "w") as full:
        result = raw("--socket", str(daemon.path), *arguments, stdout=full)
    assert result.returncode == 1
    assert result.stderr == "taskbroker: Cannot write to standard output: No space left on device.\n"


def test_help_to_a_reader_that_has_gone():
    reader, writer = os.pipe()
    os.close(reader)
    result = raw("--help", stdout=writer)
    os.close(writer)
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize("arguments", [["status"], ["ps"], ["watch", "--snapshot"], ["--help"]])
def test_standard_output_is_closed(daemon, arguments):
    """The output goes nowhere, least of all to the broker, whose connection could have the output's descriptor."""
    result = subprocess.run(
        ["sh", "-c", 'exec "$@" >&-', "sh", executable("TASKBROKER", "command"), "--socket", str(daemon.path), *arguments],
        stderr=subprocess.PIPE, text=True, timeout=TIMEOUT,
    )
    assert result.returncode == 1
    assert result.stderr == "taskbroker: Cannot write to standard output: Bad file descriptor.\n"
    assert daemon.client().status().closed_for_errors == 0


@pytest.mark.parametrize("arguments", [["--socket", "", "status"], ["status", "--socket", ""]])
def test_empty_socket(daemon, arguments):
    """Not the one of the environment instead, nor the usual one."""
    daemon.wait_ready()
    result = raw(*arguments, stdout=subprocess.PIPE, env={**os.environ, "TASKBROKER_SOCKET": str(daemon.path)})
    assert result.returncode == 1 and not result.stdout
    assert "is empty" in result.stderr


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["--socket"], "--socket: its value is missing"),
        (["watch", "--cpu"], "--cpu: its value is missing"),
        (["top", "--threads=1"], "--threads=1: there is no such option"),
        (["top", "-Hx"], "-x: there is no such option"),
        (["top", "--ascii", "-xH"], "-x: there is no such option"),
        (["iotop", "--only=yes"], "--only=yes: there is no such option"),
        (["iotop", "-d"], "-d: its value is missing"),
        (["iotop", "-od"], "-d: its value is missing"),
        (["ps", "--numeric=1"], "--numeric=1: there is no such option"),
        (["watch", "--time"], "--time: its value is missing"),
    ],
)
def test_an_option_is_named_as_it_was_typed(arguments, said):
    result = raw(*arguments, stdout=subprocess.PIPE)
    assert result.returncode == 2
    assert result.stderr.startswith(f"taskbroker: {said}"), result.stderr


@pytest.mark.parametrize(
    "arguments", [["juggle"], [], ["watch", "--no-such"], ["watch", "-e", "nothing"], ["watch", "-n", "0"], ["status", "x"]]
)
def test_usage(arguments):
    result = subprocess.run(
        [executable("TASKBROKER", "command"), *arguments], capture_output=True, text=True, timeout=TIMEOUT
    )
    assert result.returncode == 2
    assert result.stderr.strip()
