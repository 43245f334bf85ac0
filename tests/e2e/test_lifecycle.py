# SPDX-License-Identifier: Apache-2.0
"""Start, stop, and the socket between them."""

import os
import signal
import socket
import stat
import subprocess

import pytest

from tb_client import brief
from tb_daemon import executable
from tb_kernel import FakeKernel
from tb_protocol import broker_pb2
from tb_wait import TIMEOUT


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stops_cleanly(make_daemon, number):
    daemon = make_daemon(listener=False)
    daemon.wait_ready()
    assert stat.S_ISSOCK(os.stat(daemon.path).st_mode)
    daemon.process.send_signal(number)
    assert daemon.wait() == 0
    assert not daemon.path.exists(), "the socket is removed"


def test_clients_are_notified(make_daemon):
    daemon = make_daemon(listener=False)
    daemon.wait_ready()
    idle = daemon.client()
    subscriber = daemon.subscriber()
    daemon.kernel.fork(100)
    subscriber.event()
    daemon.process.send_signal(signal.SIGTERM)
    for client in (idle, subscriber):
        error = client.error()
        assert error.code == broker_pb2.ERROR_CODE_STOPPING
        assert error.closing
        client.expect_close()
    assert daemon.wait() == 0


def test_stops_with_readers_that_do_not_read(make_daemon):
    daemon = make_daemon(arguments=["--feed-mib", "1"])
    daemon.kernel.fork(100)
    for _ in range(5):
        daemon.subscriber(kinds=("comm",), rcvbuf=4096)
    reader = daemon.subscriber(kinds=("comm",))
    for i in range(4000):
        daemon.kernel.comm(100, comm=b"%d" % i)
        if i % 500 == 499:
            reader.take(500)
    assert daemon.terminate() == 0


def test_what_was_sent_before_the_stop_arrives(make_daemon):
    daemon = make_daemon()
    client = daemon.subscriber(kinds=("fork",))
    for i in range(100):
        daemon.kernel.fork(100 + i)
    seen = daemon.subscriber(kinds=("fork",))
    daemon.kernel.fork(999)
    seen.event()
    daemon.process.send_signal(signal.SIGTERM)
    assert brief(client.take(101))[-1] == ("fork", 999)
    assert client.error().code == broker_pb2.ERROR_CODE_STOPPING
    assert daemon.wait() == 0


@pytest.mark.parametrize("arguments, mode", [((), 0o666), (("--socket-mode", "0640"), 0o640)])
def test_who_may_connect(make_daemon, arguments, mode):
    """Everybody may connect, since the broker decides for each event; or only users that the administrator admits."""
    daemon = make_daemon(listener=False, arguments=(*arguments, "--socket-group", str(os.getgid())))
    daemon.wait_ready()
    st = os.stat(daemon.path)
    assert stat.S_IMODE(st.st_mode) == mode and st.st_gid == os.getgid()


def second(daemon):
    """Another daemon on the same path, with a kernel of its own."""
    kernel = FakeKernel()
    fds = [kernel.broker_connector.fileno(), kernel.broker_taskstats.fileno()]
    try:
        return subprocess.run(
            [
                executable("TASKBROKERD", "daemon"),
                "--socket", str(daemon.path),
                "--connector-fd", str(fds[0]),
                "--taskstats-fd", str(fds[1]),
                "--procfs", str(daemon.proc.root),
            ],
            pass_fds=fds, capture_output=True, text=True, timeout=TIMEOUT,
        )
    finally:
        kernel.close()


def test_refuses_to_start_twice(make_daemon):
    daemon = make_daemon(listener=False)
    daemon.wait_ready()
    client = daemon.subscriber()
    result = second(daemon)
    assert result.returncode not in (0, 2) and result.returncode > 0
    assert str(daemon.path) in result.stderr, result.stderr
    daemon.kernel.fork(100)
    assert brief([client.event()]) == [("fork", 100)]
    daemon.client().status()


def test_replaces_a_stale_socket(make_daemon):
    """Left by a broker that was killed: nobody listens on it."""
    daemon = make_daemon(listener=False, start=False)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
        s.bind(str(daemon.path))
        s.listen()
    assert daemon.path.exists()
    daemon.start()
    daemon.wait_ready()
    daemon.client().status()


def test_restart_after_a_kill(make_daemon):
    one = make_daemon(listener=False)
    one.wait_ready()
    epoch = one.client().welcome.epoch
    one.process.kill()
    one.wait()
    assert one.path.exists()
    two = make_daemon(listener=False, path=one.path)
    two.wait_ready()
    assert two.client().welcome.epoch != epoch
    # Judged already: it was killed.
    one.process = None


def test_does_not_touch_what_is_no_socket(make_daemon):
    daemon = make_daemon(listener=False, start=False)
    daemon.path.write_text("somebody's file")
    result = second(daemon)
    assert result.returncode > 0
    assert str(daemon.path) in result.stderr
    assert daemon.path.read_text() == "somebody's file"


def test_does_not_remove_a_successors_socket(make_daemon):
    """A broker stops late, after another took its place: the path belongs to the other."""
    one = make_daemon(listener=False)
    one.wait_ready()
    os.unlink(one.path)
    two = make_daemon(listener=False, path=one.path)
    two.wait_ready()
    assert one.terminate() == 0
    two.client().status()


def run(*arguments):
    return subprocess.run(
        [executable("TASKBROKERD", "daemon"), *arguments], capture_output=True, text=True, timeout=TIMEOUT
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ["--no-such-option"],
        ["-Z"],
        ["extra"],
        ["--feed-mib", "many"],
        ["--feed-mib", "0"],
        ["--feed-mib", "-1"],
        ["--feed-mib", "99999999999999999999"],
        ["--log-level", "shrill"],
        ["--connector-fd", "x"],
        ["--socket"],
    ],
)
def test_usage(arguments):
    result = run(*arguments)
    assert result.returncode == 2
    assert result.stderr.strip() and not result.stdout


def test_help_and_version():
    result = run("--help")
    assert result.returncode == 0 and "--socket" in result.stdout and not result.stderr
    result = run("--version")
    assert result.returncode == 0 and result.stdout.strip() and not result.stderr


@pytest.mark.parametrize("option", ["--help", "--version", "--check"])
@pytest.mark.parametrize("output", ["/dev/full", "&-"])
def test_output_that_cannot_be_written(option, output):
    """Also the findings of --check, here that there is no /proc."""
    result = subprocess.run(
        ["sh", "-c", 'exec "$0" --procfs /dev/null/none "$1" >' + output, executable("TASKBROKERD", "daemon"), option],
        stderr=subprocess.PIPE, text=True, timeout=TIMEOUT,
    )
    assert result.returncode == 1
    assert "taskbrokerd: Cannot write to standard output: " in result.stderr


@pytest.mark.parametrize("option, name", [("--admin-group", "no-such-group"), ("--socket-group", "no-such-group")])
def test_no_such_group(make_daemon, option, name):
    """One that was named, and misspelt, is not passed over."""
    daemon = make_daemon(start=False, arguments=[option, name], listener=False)
    command, fds = daemon.command()
    result = subprocess.run(command, pass_fds=fds, capture_output=True, text=True, timeout=TIMEOUT)
    assert result.returncode == 1
    assert name in result.stderr and option in result.stderr
    assert not daemon.path.exists()


def test_socket_path_too_long(tmp_path):
    result = run("--socket", "/tmp/" + "x" * 200, "--start-file", str(tmp_path / "starts"))
    assert result.returncode > 0
    assert "x" * 50 in result.stderr


def test_standard_descriptors_are_held(make_daemon):
    """Where they were closed, no socket gets their numbers: log lines would be written to it."""
    daemon = make_daemon(start=False)
    command, fds = daemon.command()
    daemon.process = subprocess.Popen(["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", *command], pass_fds=fds)
    daemon.kernel.drop_broker_ends()
    client = daemon.subscriber()
    daemon.kernel.fork(100)
    assert brief([client.event()]) == [("fork", 100)]
    assert {os.readlink(f"/proc/{daemon.process.pid}/fd/{fd}") for fd in range(3)} == {"/dev/null"}


def test_a_closed_stderr_is_no_end(make_daemon):
    """The process that started it may be gone: writing a log line must not kill it."""
    daemon = make_daemon(start=False)
    command, fds = daemon.command()
    reader, writer = os.pipe()
    daemon.process = subprocess.Popen(
        command, pass_fds=fds, stdin=subprocess.DEVNULL, stdout=writer, stderr=writer
    )
    os.close(writer)
    os.close(reader)
    daemon.kernel.drop_broker_ends()
    client = daemon.subscriber()
    daemon.kernel.connector_raw(b"nonsense")
    daemon.kernel.fork(100)
    assert brief([client.event()]) == [("fork", 100)]


def test_a_log_that_is_not_read(make_daemon):
    """A reader of the log that stops does not stop the broker. The broker counts the lines, and reports them later."""
    daemon = make_daemon(start=False)
    command, fds = daemon.command()
    reader, writer = os.pipe()
    filler = os.open(f"/proc/self/fd/{writer}", os.O_WRONLY | os.O_NONBLOCK)
    for size in (4096, 1):
        while True:
            try:
                os.write(filler, b"x" * size)
            except BlockingIOError:
                break
    os.close(filler)
    daemon.process = subprocess.Popen(
        command, pass_fds=fds, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=writer
    )
    os.close(writer)
    daemon.kernel.drop_broker_ends()
    client = daemon.subscriber()
    daemon.kernel.connector_raw(b"nonsense")
    daemon.kernel.fork(100)
    assert brief([client.event()]) == [("fork", 100)]
    assert daemon.client().status().log_lines_dropped > 0

    text = b""
    while b"Log lines dropped" not in text:
        text = text[-4096:] + os.read(reader, 65536)
    assert daemon.terminate() == 0
    while chunk := os.read(reader, 65536):
        text += chunk
    os.close(reader)
    lines = text.lstrip(b"x").decode().splitlines()
    assert sum("Log lines dropped" in line for line in lines) == 1, lines
    assert any("Stopping" in line for line in lines), lines


def test_descriptors_that_nobody_named_are_closed(make_daemon):
    """A broker runs for long: a file that its parent left open would stay in use."""
    daemon = make_daemon(start=False)
    command, fds = daemon.command()
    reader, writer = os.pipe()
    high = os.dup2(writer, 900)
    daemon.process = subprocess.Popen(
        command, pass_fds=(*fds, writer, high), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(writer)
    os.close(high)
    daemon.kernel.drop_broker_ends()
    client = daemon.subscriber()
    daemon.kernel.fork(100)
    assert brief([client.event()]) == [("fork", 100)]
    os.set_blocking(reader, False)
    assert os.read(reader, 1) == b""
    os.close(reader)


@pytest.mark.skipif(os.geteuid() != 0, reason="raising a priority takes root")
@pytest.mark.parametrize("before, arguments, after", [
    (0, [], -15),
    (0, ["--priority-boost", "3"], -3),
    (0, ["--priority-boost", "0"], 0),
    (5, [], 5),
    (-2, [], -2),
])
def test_priority(make_daemon, before, arguments, after):
    """The broker raises a priority that nobody has set."""
    daemon = make_daemon(start=False, arguments=arguments)
    command = daemon.command
    daemon.command = lambda: (["nice", "-n", str(before - os.nice(0))] + command()[0], command()[1])
    daemon.start()
    daemon.wait_ready()
    assert os.getpriority(os.PRIO_PROCESS, daemon.process.pid) == after
