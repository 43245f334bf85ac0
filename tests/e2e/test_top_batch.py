# SPDX-License-Identifier: Apache-2.0
"""
`taskbroker top -b` and `taskbroker iotop -b` on a broker that the test plays: what they
print of given samples, and what they say when the broker cannot, will not or goes away.
"""

import json
import os
import socket
import subprocess

import pytest

from tb_daemon import executable
from tb_protocol import broker_pb2, event_pb2, frame_of_one_stream, sample_pb2, taskstats_pb2
from tb_wait import TIMEOUT

SECOND = 1_000_000_000
BEGIN = 1_700_000_000 * SECOND

# A user who has no name on any machine.
NOBODY = 4294960000


class Connection:
    """One client, seen from the broker."""

    def __init__(self, sock, **welcome):
        sock.settimeout(TIMEOUT)
        self.socket = sock
        self.file = sock.makefile("rb")
        self.send(welcome=broker_pb2.Welcome(
            protocol=1, epoch=1, broker_version="0", kernel_release="6", features=["snapshot", "stats", "sample"],
            **welcome,
        ))

    def send(self, **body):
        self.socket.sendall(frame_of_one_stream(**body))

    def request(self):
        n = shift = 0
        while True:
            (byte,) = self.file.read(1)
            n |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
        return broker_pb2.ClientMessage.FromString(self.file.read(n))

    def sampling(self):
        """Takes the client's request for samples, and grants it."""
        request = self.request()
        assert request.WhichOneof("body") == "subscribe_samples"
        self.send(subscribed_samples=broker_pb2.SubscribedSamples(request_id=request.request_id, next_number=1))
        return request.subscribe_samples

    def sample(self, number, second, tasks, full=False, **fields):
        self.send(sample_part=sample_pb2.SamplePart(
            samples=tasks, number=number, last=True, full=full, begin_time_ns=BEGIN + second * SECOND - 1000,
            end_time_ns=BEGIN + second * SECOND, span_ns=0 if number == 1 else SECOND, **fields,
        ))

    def close(self):
        # The file holds the connection too.
        self.file.close()
        self.socket.close()


class FakeBroker:
    def __init__(self, path):
        self.path = path
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen()
        self.listener.settimeout(TIMEOUT)
        self.connections = []

    def accept(self, **welcome):
        self.connections.append(Connection(self.listener.accept()[0], **welcome))
        return self.connections[-1]

    def close(self):
        for connection in self.connections:
            connection.close()
        self.listener.close()


@pytest.fixture
def broker(tmp_path):
    fake = FakeBroker(tmp_path / "socket")
    yield fake
    fake.close()


@pytest.fixture
def start(broker):
    running = []

    def run(*arguments):
        running.append(subprocess.Popen(
            [executable("TASKBROKER", "command"), "--socket", str(broker.path), *arguments],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "TZ": "UTC"},
        ))
        return running[-1]

    yield run
    for process in running:
        process.kill()
        process.communicate()


def finish(process, code=0):
    out, err = process.communicate(timeout=TIMEOUT)
    assert process.returncode == code, (out, err)
    return out, err


def task(pid, second, cpu_ns=0, read=0, written=0, start=-100, comm=b"task", withheld=False, delays=None, **fields):
    stats = taskstats_pb2.TaskStats(taskstats_version=14)
    stats.cpu.cpu_run_virtual_total_ns = cpu_ns
    if withheld:
        stats.withheld_groups |= 1 << taskstats_pb2.STATS_GROUP_IO
    else:
        stats.io.SetInParent()
        stats.io.read_bytes = read
        stats.io.write_bytes = written
    if delays is None:
        stats.uncounted_groups |= 1 << taskstats_pb2.STATS_GROUP_DELAYS
    else:
        stats.delays.blkio.total_ns = delays
        stats.delays.swapin.SetInParent()
    return sample_pb2.TaskSample(
        pid=pid, tid=pid, ppid=1, uid=NOBODY, comm=comm, start_time_ns=BEGIN + start * SECOND,
        time_ns=BEGIN + second * SECOND, live_tasks=1, stats=stats, **fields,
    )


def objects(out):
    return [json.loads(line) for line in out.splitlines()]


def test_json(broker, start):
    """Prints each process' exact usage, in the order asked for, and how a process ended."""
    process = start("top", "-b", "--json", "-n", "2", "-d", "1", "--sort", "read")
    connection = broker.accept(delay_accounting=broker_pb2.DELAY_ACCOUNTING_OFF)
    request = connection.sampling()
    assert request.interval_ms == 1000 and request.scope == sample_pb2.SAMPLE_SCOPE_PROCESSES
    connection.sample(1, 0, [task(10, 0, cpu_ns=100, read=1024), task(11, 0)], full=True)
    connection.sample(2, 1, [
        task(10, 1, cpu_ns=150, read=2048),
        task(12, 1, cpu_ns=7, read=4096, start=0, ended=True, termination=event_pb2.Termination(exit_code=3)),
        task(13, 1, cpu_ns=9, withheld=True),
    ], forks=3, execs=2, exits=1)
    connection.sample(3, 2, [], lost=5)
    out, err = finish(process)
    assert not err

    a, b, c, sample, last = objects(out)
    assert [x["kind"] for x in (a, b, c, sample, last)] == ["task_sample"] * 3 + ["sample"] * 2
    # The order is by bytes read; a withheld value comes last.
    assert [x["pid"] for x in (a, b, c)] == [12, 10, 13]
    assert a["ended"] and a["exit_code"] == 3 and a["used"]["io"]["read_bytes"] == 4096
    assert a["used"]["cpu"]["cpu_run_virtual_total_ns"] == a["stats"]["cpu"]["cpu_run_virtual_total_ns"] == 7
    assert b["used"]["cpu"]["cpu_run_virtual_total_ns"] == 50 and b["stats"]["cpu"]["cpu_run_virtual_total_ns"] == 150
    assert b["span_ns"] == SECOND and b["used"]["io"]["read_bytes"] == 1024
    assert "delays" not in b["used"] and b["stats"]["uncounted_groups"] == ["delays"]
    # It was there before, and no sample had reported it.
    assert not c["used"]["cpu"] if c["used"].get("cpu") else True
    assert "io" not in c["stats"] and c["stats"]["withheld_groups"] == ["io"]
    assert sample["used"]["cpu"]["cpu_run_virtual_total_ns"] == 57 and sample["used"]["io"]["read_bytes"] == 5120
    assert (sample["forks"], sample["execs"], sample["exits"], sample["lost"]) == (3, 2, 1, 0)
    assert sample["delay_accounting"] == "off" and last["lost"] == 5 and last["tasks"] == 0


def test_all(broker, start):
    """The first sample too, and those that did not run."""
    process = start("top", "-b", "--json", "-n", "1", "--all", "--sort", "pid")
    connection = broker.accept()
    connection.sampling()
    connection.sample(1, 0, [task(10, 0, cpu_ns=100), task(11, 0)], full=True)
    connection.sample(2, 1, [task(11, 1, cpu_ns=5)])
    out, _ = finish(process)
    first, second, sample, *rest = objects(out)
    assert first["used"] is None and first["span_ns"] is None and sample["span_ns"] is None and sample["forks"] is None
    assert [(x["pid"], x["used"]["cpu"]["cpu_run_virtual_total_ns"]) for x in rest[:2]] == [(10, 0), (11, 5)]


def test_table(broker, start):
    process = start("top", "-b", "-n", "1", "-H", "-u", str(NOBODY), "-o", "tid,cpu,read,io,name")
    connection = broker.accept(delay_accounting=broker_pb2.DELAY_ACCOUNTING_OFF)
    request = connection.sampling()
    assert request.scope == sample_pb2.SAMPLE_SCOPE_THREADS and list(request.filter.uids) == [NOBODY]
    connection.sample(1, 0, [task(10, 0), task(11, 0, withheld=True)], full=True)
    connection.sample(2, 1, [task(10, 1, cpu_ns=SECOND // 2, read=4096, comm=b"a\x1bb"), task(11, 1, withheld=True)])
    out, _ = finish(process)
    summary, header, *rows = [line.split() for line in out.splitlines() if line]
    assert "delay accounting off" in " ".join(summary) and summary[:2] == ["2023-11-14", "22:13:21"]
    assert header == ["TID", "CPU%", "READ/s", "IO%", "NAME"]
    assert rows == [["10", "50.0", "4.0K", "off", "a\\x1bb"], ["11", "0.0", "-", "off", "task"]]


@pytest.mark.parametrize("arguments, columns", [
    (["top", "-o", "user,pid", "--sort", "user"], (0, 1)),
    (["iotop", "-P", "-qq"], (2, 0)),
])
@pytest.mark.parametrize("option", ["", "-N", "--numeric"])
def test_numeric(broker, start, arguments, columns, option):
    """Users are numbers on request, and are sorted by number."""
    process = start(*arguments, "-b", "-n", "1", *option.split())
    connection = broker.accept()
    connection.sampling()
    for number in (1, 2):
        tasks = [task(pid, number - 1, cpu_ns=number * 1000) for pid in (10, 11)]
        tasks[0].uid, tasks[1].uid = 1, 0
        connection.sample(number, number - 1, tasks, full=number == 1)
    out, _ = finish(process)
    rows = [line.split() for line in out.splitlines()]
    users = {row[columns[1]]: row[columns[0]] for row in rows if len(row) > 1 and row[columns[1]] in ("10", "11")}
    assert users == ({"10": "1", "11": "0"} if option else {"10": "daemon", "11": "root"})
    if arguments[0] == "top":
        assert list(users) == (["11", "10"] if option else ["10", "11"])


def test_iotop(broker, start):
    process = start("iotop", "-b", "-o", "-P", "-k", "-n", "2", "-qq")
    samples, events = broker.accept(delay_accounting=broker_pb2.DELAY_ACCOUNTING_ON), None
    request = samples.sampling()
    wanted = (taskstats_pb2.STATS_GROUP_IO, taskstats_pb2.STATS_GROUP_DELAYS, taskstats_pb2.STATS_GROUP_SCHEDULING)
    assert request.groups == sum(1 << group for group in wanted)
    events = broker.accept()
    subscribe = events.request()
    assert subscribe.subscribe.snapshot and subscribe.subscribe.programs
    events.send(subscribed=broker_pb2.Subscribed(request_id=subscribe.request_id, feed=1, next_number=1))
    program = event_pb2.Program(state=event_pb2.PROGRAM_STATE_CAPTURED, cmdline=b"cp\0a\0b\0")
    events.send(snapshot_part=broker_pb2.SnapshotPart(tasks=[broker_pb2.Task(
        pid=10, tid=10, uid=NOBODY, comm=b"cp", start_time_ns=BEGIN - 100 * SECOND, live_tasks=1, program=program)]))
    events.send(snapshot_end=broker_pb2.SnapshotEnd(number=0, task_count=1, time_ns=BEGIN))
    samples.sample(1, 0, [task(10, 0, delays=0, comm=b"cp"), task(11, 0, delays=0)], full=True)
    samples.sample(2, 1, [task(10, 1, read=3 << 20, written=1 << 20, delays=SECOND // 4, comm=b"cp"), task(11, 1, delays=0)])
    samples.sample(3, 2, [])
    out, _ = finish(process)
    lines = out.splitlines()
    assert len(lines) == 5
    assert lines[0] == "Total DISK READ:      3072.00 K/s | Total DISK WRITE:      1024.00 K/s"
    assert lines[1].startswith("Current DISK READ:")
    words = lines[2].split()
    assert words[0] == "10" and words[3:] == ["3072.00", "K/s", "1024.00", "K/s", "0.00", "%", "25.00", "%", "cp", "a", "b"]
    assert lines[3].startswith("Total DISK READ:         0.00 K/s")


@pytest.mark.parametrize("arguments", [("top", "-b", "-c"), ("iotop", "-b", "-P", "-qqq")])
@pytest.mark.parametrize("cut", [False, True])
def test_whole_command_line(broker, start, arguments, cut):
    """A script gets each argument, as long as the broker's option for the length allows. A cut of the broker has its mark."""
    words = [b"cc"] + [b"-I/include/%d" % i for i in range(1500)] + [b"a b"]
    cmdline = b"\0".join(words) + (b"" if cut else b"\0")
    assert 20_000 < len(cmdline) < 32_768
    process = start(*arguments, "-n", "1")
    samples = broker.accept(delay_accounting=broker_pb2.DELAY_ACCOUNTING_ON)
    samples.sampling()
    events = broker.accept()
    subscribe = events.request()
    events.send(subscribed=broker_pb2.Subscribed(request_id=subscribe.request_id, feed=1, next_number=1))
    program = event_pb2.Program(state=event_pb2.PROGRAM_STATE_CAPTURED, cmdline=cmdline, truncated=cut)
    events.send(snapshot_part=broker_pb2.SnapshotPart(tasks=[broker_pb2.Task(
        pid=10, tid=10, uid=NOBODY, comm=b"cc", start_time_ns=BEGIN - 100 * SECOND, live_tasks=1, program=program)]))
    events.send(snapshot_end=broker_pb2.SnapshotEnd(number=0, task_count=1, time_ns=BEGIN))
    samples.sample(1, 0, [task(10, 0, delays=0, comm=b"cc")], full=True)
    samples.sample(2, 1, [task(10, 1, read=1, delays=0, comm=b"cc")])
    out, _ = finish(process)
    expected = " ".join(word.decode() for word in words[:-1]) + " 'a b'" + "..." * cut
    assert [line.endswith(" " + expected) for line in out.splitlines() if " cc " in line] == [True]


def test_old_broker(broker, start):
    process = start("top", "-b")
    connection = broker.accept()
    request = connection.request()
    connection.send(error=broker_pb2.Error(
        request_id=request.request_id, code=broker_pb2.ERROR_CODE_UNKNOWN_FIELD, message="No such field."))
    _, err = finish(process, 1)
    assert err == "taskbroker: This broker is too old for live statistics: restart it after the update.\n"


def test_refused(broker, start):
    process = start("iotop", "-b")
    connection = broker.accept()
    request = connection.request()
    connection.send(error=broker_pb2.Error(
        request_id=request.request_id, code=broker_pb2.ERROR_CODE_QUOTA, message="That is too much.", field="sample"))
    _, err = finish(process, 1)
    assert err == "taskbroker: The broker refused the request: That is too much. (sample)\n"


def test_nobody_there(tmp_path):
    for verb in ("top", "iotop"):
        result = subprocess.run(
            [executable("TASKBROKER", "command"), "--socket", str(tmp_path / "none"), verb, "-b"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=TIMEOUT,
        )
        assert result.returncode == 1 and str(tmp_path / "none") in result.stderr and not result.stdout


def test_comes_back(broker, start):
    """The broker goes away and comes back: what was used meanwhile is not lost, and said once."""
    process = start("top", "-b", "--json", "-n", "2")
    connection = broker.accept()
    connection.sampling()
    connection.sample(1, 0, [task(10, 0, cpu_ns=100)], full=True)
    connection.sample(2, 1, [task(10, 1, cpu_ns=110)])
    assert json.loads(process.stdout.readline())["used"]["cpu"]["cpu_run_virtual_total_ns"] == 10
    connection.close()
    connection = broker.accept()
    connection.sampling()
    connection.sample(1, 5, [task(10, 5, cpu_ns=150)], full=True)
    out, err = finish(process)
    again, sample = objects(out)[-2:]
    assert again["used"]["cpu"]["cpu_run_virtual_total_ns"] == 40 and again["span_ns"] == 4 * SECOND
    assert sample["full"] and sample["span_ns"] == 4 * SECOND
    assert "Connected again" in err


def test_two_connections_are_one(broker, start):
    """Samples come by one connection and names by another; the command reports once that the broker was away."""
    process = start("iotop", "-b", "-n", "2")

    def grant():
        """Grants both requests, and returns the connection for samples."""
        for connection in (broker.accept(), broker.accept()):
            request = connection.request()
            if request.WhichOneof("body") == "subscribe_samples":
                connection.send(subscribed_samples=broker_pb2.SubscribedSamples(request_id=request.request_id, next_number=1))
                samples = connection
            else:
                connection.send(subscribed=broker_pb2.Subscribed(request_id=request.request_id, feed=1, next_number=1))
                connection.send(snapshot_end=broker_pb2.SnapshotEnd(task_count=0, time_ns=BEGIN))
        return samples

    samples = grant()
    samples.sample(1, 0, [task(10, 0)], full=True)
    samples.sample(2, 1, [task(10, 1)])
    assert process.stdout.readline()
    for connection in broker.connections:
        connection.close()
    samples = grant()
    # The next sample is the last for the command. So it comes only when both connections are known to be back.
    err = ""
    while "Connected again" not in err:
        line = process.stderr.readline()
        assert line, err
        err += line
    samples.sample(1, 5, [task(10, 5)], full=True)
    assert process.wait(TIMEOUT) == 0
    err += process.stderr.read()
    assert err.count("trying again") == 1 and err.count("Connected again") == 1, err


def test_reader_gone(broker, start):
    """head(1) has what it wanted: that is a good end."""
    process = start("top", "-b")
    connection = broker.accept()
    connection.sampling()
    connection.sample(1, 0, [task(10, 0)], full=True)
    connection.sample(2, 1, [task(10, 1)])
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(TIMEOUT) == 0
    assert process.stderr.read() == ""
