# SPDX-License-Identifier: Apache-2.0
"""
taskbroker run, with the test as its broker: the request, the release of the command,
the report that is made of the events, and the exit status.
"""

import json
import os
import resource
import signal
import socket
import subprocess
import time

import pytest

from tb_daemon import executable
from tb_protocol import broker_pb2, event_pb2, frame_of_one_stream, parse_prefix
from tb_wait import TIMEOUT

MS = 1_000_000


class Broker:
    """A broker for one connection: it sends the messages that the test gives it."""

    def __init__(self, path):
        self.path = path
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.settimeout(TIMEOUT)
        self.listener.bind(str(path))
        self.listener.listen(1)
        self.connection = None
        self.number = 1

    def close(self):
        self.listener.close()
        if self.connection:
            self.connection.close()

    def send(self, **body):
        self.connection.sendall(frame_of_one_stream(**body))

    def welcome(self):
        self.connection, _ = self.listener.accept()
        self.connection.settimeout(TIMEOUT)
        self.send(welcome=broker_pb2.Welcome(
            protocol=1, epoch=7, delay_accounting=broker_pb2.DELAY_ACCOUNTING_OFF,
            features=["snapshot", "resume", "filter", "programs"],
        ))

    def asked(self, again=False):
        """Receives the request. From here on the process of the command exists, and waits at its gate."""
        if not again:
            self.welcome()
        data = b""
        while True:
            prefix = parse_prefix(data)
            if prefix and len(data) >= sum(prefix):
                break
            more = self.connection.recv(4096)
            if not more:
                raise EOFError
            data += more
        message = broker_pb2.ClientMessage.FromString(data[prefix[0]:sum(prefix)])
        assert message.WhichOneof("body") == "subscribe"
        (self.pid,) = message.subscribe.filter.subtrees
        self.request_id = message.request_id
        return message.subscribe

    def subscribed(self):
        self.send(subscribed=broker_pb2.Subscribed(request_id=self.request_id, feed=1, next_number=1))

    def refuse(self, message, field):
        self.send(error=broker_pb2.Error(
            request_id=self.request_id, code=broker_pb2.ERROR_CODE_BAD_VALUE, message=message, field=field
        ))

    def unheard(self):
        self.refuse("There is no such process.", "subscribe.filter.subtrees")

    def events(self, *events):
        batch = event_pb2.EventBatch(first_number=self.number, events=events)
        for e in events:
            self.number += e.loss.count if e.loss.source == event_pb2.LOSS_SOURCE_READER else 1
        self.send(event_batch=batch)

    def fork(self, pid, tid=None, ppid=None):
        ppid = ppid or self.pid
        return event_pb2.Event(
            time_ns=5, pid=pid, tid=tid or pid, ppid=ppid, comm=b"parent", start_time_ns=5,
            fork=event_pb2.Fork(parent_pid=ppid, parent_tid=ppid),
        )

    def exit(self, pid=None, ppid=None, comm=b"command", code=0, cpu_ms=0, program=None, **io):
        e = event_pb2.Event(time_ns=9, pid=pid or self.pid, tid=pid or self.pid, comm=comm, start_time_ns=5)
        e.exit.process_ended = True
        e.exit.termination.exit_code = code
        s = e.exit.stats
        s.identity.ac_pid = e.pid
        s.identity.ac_ppid = ppid or os.getpid()
        s.cpu.cpu_run_virtual_total_ns = cpu_ms * MS
        s.cpu.cpu_run_real_total_ns = 2 * cpu_ms * MS
        s.memory.hiwater_rss_kib = 1024 + cpu_ms
        s.io.SetInParent()
        for name, value in io.items():
            setattr(s.io, name, value)
        s.uncounted_groups = 1 << 7
        if program:
            e.exit.program.state = event_pb2.PROGRAM_STATE_CAPTURED
            e.exit.program.cmdline = program
        return e


@pytest.fixture
def broker(tmp_path):
    broker = Broker(tmp_path / "broker.sock")
    yield broker
    broker.close()


def usual_signals():
    """The program that started the tests may ignore some signals; the command would inherit that."""
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)


def run(broker, *arguments, path=None):
    return subprocess.Popen(
        [executable("TASKBROKER", "command"), "run", "--socket", str(path or broker.path), *arguments],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=usual_signals,
    )


def finish(process, code=0):
    out, err = process.communicate(timeout=TIMEOUT)
    assert process.returncode == code, (process.returncode, out, err)
    return out, err


def command(broker, *arguments, code=0, events=(), json_=True):
    """A run to its end, with these events of it; the account."""
    process = run(broker, *(["--json"] if json_ else []), *arguments)
    broker.asked()
    broker.subscribed()
    broker.events(*[e(broker) for e in events], broker.exit(comm=b"root"))
    out, err = finish(process, code)
    assert not out
    return json.loads(err) if json_ else err


def wait_for(predicate):
    deadline = time.monotonic() + TIMEOUT
    while not predicate():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def comm_of(pid):
    with open(f"/proc/{pid}/comm") as f:
        return f.read().strip()


def is_gone(pid):
    """Reaped, not only ended."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_what_it_asks(broker):
    process = run(broker, "--", "true")
    s = broker.asked()
    assert sorted(s.kinds) == [event_pb2.EVENT_KIND_FORK, event_pb2.EVENT_KIND_EXIT]
    assert s.threads and not s.strict and not s.snapshot and not s.programs and not s.HasField("resume")
    assert comm_of(s.filter.subtrees[0]) == "taskbroker"
    broker.subscribed()
    broker.events(broker.exit())
    finish(process)


def test_runs_nothing_before_it_watches(broker, tmp_path):
    mark = tmp_path / "mark"
    process = run(broker, "touch", str(mark))
    pid = broker.asked().filter.subtrees[0]
    assert comm_of(pid) == "taskbroker" and not mark.exists()
    broker.subscribed()
    wait_for(lambda: is_gone(pid))
    assert mark.exists()
    broker.events(broker.exit())
    finish(process)


def test_no_broker(broker, tmp_path):
    mark, nowhere = tmp_path / "mark", tmp_path / "nowhere"
    out, err = finish(run(broker, "touch", str(mark), path=nowhere), 125)
    assert str(nowhere) in err and "was not run" in err and not out
    assert not mark.exists()


def test_refused(broker, tmp_path):
    mark = tmp_path / "mark"
    process = run(broker, "touch", str(mark))
    pid = broker.asked().filter.subtrees[0]
    broker.refuse("There are no such kinds.", "subscribe.kinds")
    _, err = finish(process, 125)
    assert "There are no such kinds. (subscribe.kinds)" in err and "was not run" in err
    assert is_gone(pid) and not mark.exists()


def test_asks_again_until_its_fork_was_heard(broker, tmp_path):
    """The broker may be late: it has yet to read of the process in the kernel's queue."""
    mark = tmp_path / "mark"
    process = run(broker, "touch", str(mark))
    first = broker.asked()
    for _ in range(3):
        broker.unheard()
        assert broker.asked(again=True) == first and not mark.exists()
    broker.subscribed()
    broker.events(broker.exit())
    finish(process)
    assert mark.exists()


def test_asks_again_but_not_for_ever(broker, tmp_path):
    mark = tmp_path / "mark"
    process = run(broker, "touch", str(mark))
    pid = broker.asked().filter.subtrees[0]
    broker.unheard()
    with pytest.raises(EOFError):
        while True:
            broker.asked(again=True)
            broker.unheard()
    _, err = finish(process, 125)
    assert "There is no such process. (subscribe.filter.subtrees)" in err and err.count("was not run") == 1
    assert is_gone(pid) and not mark.exists()


def test_broker_goes_before_it_begins(broker, tmp_path):
    mark = tmp_path / "mark"
    process = run(broker, "touch", str(mark))
    pid = broker.asked().filter.subtrees[0]
    broker.connection.close()
    _, err = finish(process, 125)
    assert "closed the connection" in err and "was not run" in err
    assert is_gone(pid) and not mark.exists()


def test_broker_goes_meanwhile(broker):
    """The command is not harmed, and the account says what it lacks."""
    process = run(broker, "--json", "sh", "-c", "exit 4")
    broker.asked()
    broker.subscribed()
    broker.events(broker.fork(4_000_000), broker.exit(pid=4_000_000, ppid=broker.pid, cpu_ms=3))
    broker.connection.close()
    _, err = finish(process, 4)
    account = json.loads(err)
    assert not account["complete"] and "closed the connection" in account["broken"]
    assert account["processes"]["made"] == 2 and account["cpu"]["at_least"]
    assert account["cpu"]["total_ns"] >= account["rusage"]["user_ns"] + account["rusage"]["system_ns"]


@pytest.mark.parametrize("script, status, exit_code, term_signal", [
    ("exit 0", 0, 0, 0), ("exit 3", 3, 3, 0), ("exit 255", 255, 255, 0), ("kill -9 $$", 137, None, 9),
    ("kill -TERM $$", 143, None, 15),
])
def test_exit_status(broker, script, status, exit_code, term_signal):
    account = command(broker, "--", "sh", "-c", script, code=status)
    assert (account["exit_code"], account["term_signal"]) == (exit_code, term_signal)
    assert account["command"] == ["sh", "-c", script]
    assert account["pid"] == broker.pid


@pytest.mark.parametrize("name, code", [("/nonexistent/command", 127), ("no-such-command-here", 127), ("/", 126)])
def test_command_that_cannot_run(broker, name, code):
    err = command(broker, name, code=code, json_=False)
    assert err.count("\n") == 1 and name in err


@pytest.mark.parametrize("arguments", [[], ["--"], ["--nonsense", "true"], ["--top", "-1", "true"], ["-O"]])
def test_usage(broker, arguments):
    """The status is not 2, which could be the status of the command itself."""
    _, err = finish(run(broker, *arguments), 125)
    assert "taskbroker run --help" in err


def test_file_that_cannot_be_written(broker, tmp_path):
    mark = tmp_path / "mark"
    _, err = finish(run(broker, "-O", str(tmp_path / "no" / "file"), "touch", str(mark)), 125)
    assert "file" in err and "was not run" in err and not mark.exists()


@pytest.mark.parametrize("status, code", [(0, 125), (3, 3)])
@pytest.mark.parametrize("options", [(), ("--json",)])
def test_report_that_cannot_be_written(broker, status, code, options):
    """A lost report is an error, and does not hide the failure of the command."""
    process = run(broker, "-O", "/dev/full", *options, "sh", "-c", f"exit {status}")
    broker.asked()
    broker.subscribed()
    broker.events(broker.exit(comm=b"root"))
    _, err = finish(process, code)
    assert "The report cannot be written: No space left on device." in err


def test_sums(broker):
    account = command(broker, "true", events=[
        lambda b: b.fork(4_000_001),
        lambda b: b.fork(4_000_002, ppid=4_000_001),
        lambda b: b.fork(4_000_001, tid=4_000_003),
        lambda b: b.exit(4_000_002, 4_000_001, b"as", code=1, cpu_ms=5, read_bytes=4096, write_syscalls=1024),
        lambda b: b.exit(4_000_001, b.pid, b"cc", cpu_ms=7, write_bytes=8192, write_syscalls=2048),
        lambda b: b.fork(4_000_004),
        lambda b: b.exit(4_000_004, 1, b"daemon", cpu_ms=11),
    ])
    p = account["processes"]
    assert (p["made"], p["ended"], p["running"], p["most_at_once"], p["failed"]) == (4, 4, 0, 3, 1)
    assert account["threads"] == 1 and account["complete"]
    assert account["io"] == {
        "read_char_bytes": 0, "write_char_bytes": 0, "read_syscalls": 0, "write_syscalls": 3072,
        "read_bytes": 4096, "write_bytes": 8192, "cancelled_write_bytes": 0, "processes": 4,
    }
    assert (account["memory"]["hiwater_rss_kib"], account["memory"]["comm"]) == (1035, "daemon")
    assert account["memory"]["pid"] == 4_000_004
    assert account["scheduling"] is None and account["delays"] == {}

    cpu = account["cpu"]
    assert cpu["records"]["cpu_run_virtual_total_ns"] == 23 * MS
    assert cpu["records"]["cpu_run_real_total_ns"] == 46 * MS
    # By the parents in the records, the root or its children waited for cc and as, but not for the daemon.
    assert cpu["not_waited_for"]["processes"] == 1
    assert cpu["not_waited_for"]["cpu_run_virtual_total_ns"] == 11 * MS
    waited = account["rusage"]["user_ns"] + account["rusage"]["system_ns"]
    assert cpu["total_ns"] == max(waited + 11 * MS, 23 * MS)
    assert cpu["user_ns"] + cpu["system_ns"] == cpu["total_ns"]
    assert cpu["unattributed_ns"] == cpu["total_ns"] - 23 * MS
    assert [c["comm"] for c in account["commands"]] == ["daemon", "cc", "as", "root"]
    assert account["commands_left_out"] == 0
    # The rows of the table add up to the whole.
    rows = account["commands"]
    assert sum(c["runs"] for c in rows) == p["made"] and sum(c["failed"] for c in rows) == p["failed"]
    assert sum(c["cpu_run_virtual_total_ns"] for c in rows) == cpu["records"]["cpu_run_virtual_total_ns"]
    for name in ("read_bytes", "write_bytes"):
        assert sum(c[name] or 0 for c in rows) == account["io"][name], name
    assert max(c["hiwater_rss_kib"] for c in rows) == account["memory"]["hiwater_rss_since_exec_kib"]


def test_top_and_args(broker):
    process = run(broker, "--json", "--args", "--top", "1", "true")
    assert broker.asked().programs
    broker.subscribed()
    broker.events(
        broker.fork(4_000_001), broker.exit(4_000_001, broker.pid, b"cc", cpu_ms=5, program=b"cc\0small.c\0"),
        broker.fork(4_000_002), broker.exit(4_000_002, broker.pid, b"cc", cpu_ms=9, program=b"cc\0large.c\0"),
        broker.exit(),
    )
    account = json.loads(finish(process)[1])
    (cc,) = account["commands"]
    assert (cc["comm"], cc["runs"], cc["cpu_run_virtual_total_ns"]) == ("cc", 2, 14 * MS)
    assert cc["program"]["cmdline"] == ["cc", "large.c"]
    assert account["commands_left_out"] == 1


def test_losses(broker):
    def lost(b):
        e = event_pb2.Event(time_ns=5)
        e.loss.count = 5
        e.loss.source = event_pb2.LOSS_SOURCE_READER
        e.loss.reason = event_pb2.LOSS_REASON_FELL_BEHIND
        return e

    process = run(broker, "true")
    broker.asked()
    broker.subscribed()
    broker.events(broker.fork(4_000_001), lost(broker))
    broker.events(broker.exit())
    _, err = finish(process)
    assert "at least 2 made" in err
    assert "5 events of this stream" in err
    assert "The exit of 1 process was not reported" in err


def test_waits_for_the_last_event(broker):
    """The command has ended and was waited for. The report waits for its exit event."""
    process = run(broker, "--json", "true")
    broker.asked()
    broker.subscribed()
    wait_for(lambda: is_gone(broker.pid))
    broker.events(broker.fork(4_000_001))
    assert process.poll() is None
    broker.events(broker.exit(4_000_001, broker.pid), broker.exit())
    account = json.loads(finish(process)[1])
    assert account["complete"] and account["processes"]["made"] == 2


def test_the_end_that_is_reported_early(broker):
    """There is no report before the command has ended, even if its exit event comes earlier."""
    process = run(broker, "--json", "sleep", "1000")
    broker.asked()
    broker.subscribed()
    broker.events(broker.exit())
    wait_for(lambda: comm_of(broker.pid) == "sleep")
    assert process.poll() is None
    os.kill(broker.pid, signal.SIGKILL)
    assert json.loads(finish(process, 137)[1])["complete"]


def test_still_running(broker):
    """A process that outlives the command is counted as made. Its usage is not in the report, which says so."""
    other = subprocess.Popen(["sleep", "1000"])
    try:
        err = command(broker, "true", json_=False, events=[lambda b: b.fork(other.pid)])
        assert "1 process still runs: not in the report." in err
        assert "2 made" in err and "at least" not in err
    finally:
        other.kill()
        other.wait()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_passes_signals_on(broker, number):
    process = run(broker, "sleep", "1000")
    broker.asked()
    broker.subscribed()
    wait_for(lambda: comm_of(broker.pid) == "sleep")
    process.send_signal(number)
    wait_for(lambda: is_gone(broker.pid))
    broker.events(broker.exit())
    _, err = finish(process, 128 + number)
    assert f"sleep 1000: {number.name}, after" in err


HANDED_DOWN = "grep -E 'Sig(Blk|Ign)|NoNewPrivs|Seccomp:|Groups' /proc/self/status; umask; ulimit -a; nice; ls /proc/self/fd; pwd; env"

CALLERS = {
    "usual": lambda: None,
    "ignores": lambda: [signal.signal(n, signal.SIG_IGN) for n in range(1, 32) if n not in (9, 19)],
    "ignores SIGPIPE": lambda: signal.signal(signal.SIGPIPE, signal.SIG_IGN),
    "ignores SIGCHLD": lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN),
    "blocks": lambda: signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 32)),
    "nohup, nice, limits": lambda: (signal.signal(signal.SIGHUP, signal.SIG_IGN), os.nice(3), os.umask(0o27),
                                    resource.setrlimit(resource.RLIMIT_NOFILE, (97, 98)), os.chdir("/")),
}


@pytest.mark.parametrize("caller", CALLERS)
def test_hands_down_what_it_was_given(broker, caller, monkeypatch):
    """The command gets the signals, limits, priority, directory and descriptors that it would have without run."""
    # A build with the address sanitizer would handle three signals that its caller ignores.
    sanitizer = os.environ.get("ASAN_OPTIONS", "") + ":handle_segv=0:handle_sigbus=0:handle_sigfpe=0"
    monkeypatch.setenv("ASAN_OPTIONS", sanitizer)


    def prepare():
        usual_signals()
        CALLERS[caller]()

    words = ["sh", "-c", HANDED_DOWN]
    options = dict(stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=prepare)
    expected = subprocess.run(words, timeout=TIMEOUT, **options)
    assert expected.returncode == 0 and "SigIgn" in expected.stdout and not expected.stderr
    process = subprocess.Popen(
        [executable("TASKBROKER", "command"), "run", "--socket", str(broker.path), "-O", "/dev/null", *words], **options)
    broker.asked()
    broker.subscribed()
    broker.events(broker.exit())
    assert finish(process) == (expected.stdout, "")


def test_interrupts_are_the_commands(broker):
    """The terminal interrupts both: the command decides what that means."""
    process = run(broker, "sh", "-c", "trap 'exit 5' INT; kill -INT $PPID; kill -INT $$; exit 6")
    broker.asked()
    broker.subscribed()
    wait_for(lambda: is_gone(broker.pid))
    broker.events(broker.exit())
    _, err = finish(process, 5)
    assert "status 5" in err


def test_ended_before_it_began(broker):
    process = run(broker, "sleep", "1000")
    broker.asked()
    process.send_signal(signal.SIGTERM)
    out, err = finish(process, 143)
    assert not out and not err


def test_file(broker, tmp_path):
    """The command's own output is untouched."""
    path = tmp_path / "account"
    process = run(broker, "-O", str(path), "sh", "-c", "echo out; echo err >&2; ls /proc/self/fd")
    broker.asked()
    broker.subscribed()
    broker.events(broker.exit())
    out, err = finish(process)
    assert err == "err\n"
    # The command inherits none of our descriptors; ls has opened the directory.
    assert out.split() == ["out", "0", "1", "2", "3"]
    assert path.read_text().startswith("sh -c 'echo out; echo err >&2; ls /proc/self/fd': status 0, after ")
