# SPDX-License-Identifier: Apache-2.0
"""
The broker as a service: the tests play the service manager, which passes the socket
and receives notifications. The kernel suite tests the real manager.
"""

import os
import select
import signal
import socket
import subprocess
import sys

import pytest

from tb_protocol import broker_pb2
from tb_wait import TIMEOUT

# The variables name the process that they are for. So they are set in that process, which then becomes the daemon.
LAUNCH = """
import os, sys
n, number, usec = map(int, sys.argv[1:4])
if number >= 0:
    os.dup2(number, 3)
    os.environ.update(LISTEN_FDS=str(n), LISTEN_PID=str(os.getpid()))
if usec:
    os.environ.update(WATCHDOG_USEC=str(usec), WATCHDOG_PID=str(os.getpid()))
os.execv(sys.argv[4], sys.argv[4:])
"""


class Manager:
    """Owns the socket for clients, and the socket for notifications."""

    def __init__(self, directory, monkeypatch):
        self.path = directory / "service.sock"
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(str(self.path))
        self.listener.listen(64)
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify.bind(str(directory / "notify"))
        self.notify.settimeout(TIMEOUT)
        monkeypatch.setenv("NOTIFY_SOCKET", str(directory / "notify"))

    def start(self, make_daemon, watchdog_us=0, fd=None, n=1):
        daemon = make_daemon(listener=False, start=False, path=self.path)
        command, fds = daemon.command()
        # The launcher puts the socket at descriptor 3. So the descriptors of the daemon are moved to 100 and above.
        moved = {str(number): os.dup(number) for number in fds}
        high = {}
        for number, copy in moved.items():
            high[number] = 100 + len(high)
            os.dup2(copy, high[number])
            os.close(copy)
        command = [str(high.get(word, word)) for word in command]
        fd = self.listener.fileno() if fd is None else fd
        with open(daemon.log_path, "ab") as log:
            daemon.process = subprocess.Popen(
                [sys.executable, "-c", LAUNCH, str(n), str(fd), str(watchdog_us), *command],
                pass_fds=[*high.values(), *([fd] if fd >= 0 else [])],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )
        for number in high.values():
            os.close(number)
        daemon.kernel.drop_broker_ends()
        return daemon

    def received(self):
        return self.notify.recv(4096).decode().splitlines()

    def close(self):
        self.listener.close()
        self.notify.close()


@pytest.fixture
def manager(tmp_path, monkeypatch):
    manager = Manager(tmp_path, monkeypatch)
    yield manager
    manager.close()


def test_readiness_and_stop(manager, make_daemon):
    daemon = manager.start(make_daemon)
    assert manager.received() == ["READY=1"]
    # A client that connects after READY gets an answer.
    assert daemon.client().status()
    assert daemon.terminate() == 0
    received = manager.received()
    while received[0] == "WATCHDOG=1":
        received = manager.received()
    assert received[0] == "STOPPING=1"


def test_the_socket_stays(manager, make_daemon):
    """The socket outlives the broker: the next broker answers a client that connected while no broker ran."""
    first = manager.start(make_daemon)
    manager.received()
    subscriber = first.subscriber(kinds=("fork",))
    first.process.send_signal(signal.SIGTERM)
    assert subscriber.error().code == broker_pb2.ERROR_CODE_STOPPING
    assert first.wait() == 0
    assert manager.path.exists(), "a socket that was handed in is not removed"

    between = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    between.settimeout(TIMEOUT)
    between.connect(str(manager.path))
    second = manager.start(make_daemon)
    assert between.recv(1), "no welcome from the second broker"
    between.close()
    assert second.client().status()


def test_watchdog(manager, make_daemon):
    """Watchdog messages come while the daemon runs. A stopped daemon sends none."""
    daemon = manager.start(make_daemon, watchdog_us=1_500_000)
    assert manager.received() == ["READY=1"]
    daemon.kernel.fork(100)
    for _ in range(2):
        life, status = manager.received()
        assert life == "WATCHDOG=1"
        assert status.startswith("STATUS=") and "tasks alive" in status and "0 kernel messages lost" in status

    daemon.process.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, daemon.process.pid, os.WSTOPPED | os.WNOWAIT)
    while select.select([manager.notify], [], [], 0)[0]:
        manager.received()
    assert not select.select([manager.notify], [], [], 2)[0], "a watchdog message from a stopped process"
    daemon.process.send_signal(signal.SIGCONT)
    assert manager.received()[0] == "WATCHDOG=1"


def test_a_manager_that_does_not_read(manager, make_daemon):
    """The broker does not wait for the manager. It is ready for the manager as soon as that reads again."""
    filler = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    filler.connect(manager.notify.getsockname())
    with pytest.raises(BlockingIOError):
        while True:
            filler.send(b"FILLER=1")
    filler.close()
    daemon = manager.start(make_daemon)
    client = daemon.subscriber(kinds=("fork",))
    for pid in range(100, 110):
        daemon.kernel.fork(pid)
        assert client.event().pid == pid
    state = manager.received()
    while state == ["FILLER=1"]:
        state = manager.received()
    assert state[0] == "READY=1"
    assert daemon.client().status()
    assert daemon.terminate() == 0


@pytest.mark.parametrize("what", ["two", "datagrams", "a file"])
def test_what_cannot_be_served_is_refused(manager, make_daemon, what):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as datagrams, open("/dev/null") as null:
        fd = {"two": None, "datagrams": datagrams.fileno(), "a file": null.fileno()}[what]
        daemon = manager.start(make_daemon, fd=fd, n=2 if what == "two" else 1)
    assert daemon.wait() == 1
    assert ("2 sockets" if what == "two" else "not a Unix stream socket") in daemon.log()
    daemon.process = None
