# SPDX-License-Identifier: Apache-2.0
"""The units as an administrator uses them, by a real systemd with the real sandbox."""

import grp
import os
import pathlib
import re
import shutil
import signal
import time

import pytest
from manager import Manager, Unavailable
from support import TIMEOUT
from tb_client import Client
from tb_protocol import broker_pb2
from test_privileges import NET_ADMIN, NOBODY, check_confined, check_works

SERVICE, SOCKET = "taskbrokerd.service", "taskbrokerd.socket"

# The unit's own user is made by an installation; and 30 seconds are long for a test.
DROP_IN = f"""
[Service]
User={NOBODY.pw_name}
Group={grp.getgrgid(NOBODY.pw_gid).gr_name}
WatchdogSec=6s
TimeoutAbortSec=1s
StandardError=append:/run/broker.log
"""


class Served:
    """The broker of the units, which systemd starts and ends."""

    def __init__(self, manager):
        self.manager = manager
        self.path = manager.path("taskbroker.sock")

    @property
    def pid(self):
        return int(self.manager.show(SERVICE, "MainPID"))

    def log(self):
        return self.manager.path("broker.log").read_text(errors="replace")

    def client(self):
        return Client(self.path)

    def status(self):
        with self.client() as client:
            return client.status()

    def epoch(self):
        with self.client() as client:
            return client.welcome.epoch

    def until(self, name, accept):
        """Waits until that property of the service is as it must become."""
        deadline = time.monotonic() + TIMEOUT
        while not accept(self.manager.show(SERVICE, name)):
            assert time.monotonic() < deadline, f"{self.manager.show(SERVICE, name)}\n{self.log()}"
            time.sleep(0.1)


@pytest.fixture(scope="module")
def manager(directory):
    stage = directory / "stage"
    units = stage / "config" / "systemd" / "user"
    (units / f"{SERVICE}.d").mkdir(parents=True)
    (stage / "bin").mkdir()
    for directory_of_it in (stage, stage / "bin"):
        directory_of_it.chmod(0o755)
    # where the sandbox leaves it to be seen: not below /home, /root or /tmp
    shutil.copy(os.environ["TASKBROKERD"], stage / "bin" / "taskbrokerd")
    service = pathlib.Path(os.environ["UNIT_SERVICE"]).read_text()
    service, n = re.subn(r"^ExecStart=\S+/taskbrokerd$", "ExecStart=/run/bin/taskbrokerd", service, flags=re.M)
    assert n == 1
    (units / SERVICE).write_text(service)
    shutil.copy(os.environ["UNIT_SOCKET"], units / SOCKET)
    (units / f"{SERVICE}.d" / "test.conf").write_text(DROP_IN)
    try:
        manager = Manager(stage)
    except Unavailable as e:
        pytest.skip(f"no systemd can be started here: {e}")
    yield manager
    manager.stop()


@pytest.fixture
def served(manager):
    """Listening; nothing else yet."""
    manager.systemctl("start", SOCKET)
    yield Served(manager)
    manager.systemctl("stop", SOCKET, SERVICE)
    manager.systemctl("reset-failed")


def test_activation(served, directory, beside):
    """The first client starts it. In its sandbox it knows all tasks, and hears its own kernel alone."""
    assert served.manager.show(SERVICE, "ActiveState") == "inactive"
    assert served.path.stat().st_mode & 0o777 == 0o666
    assert served.status()
    served.until("ActiveState", lambda state: state == "active")
    # bounding set and groups are systemd's affair, who has emptied them as far as the unit says
    check_confined(served.pid, NOBODY, bounding=NET_ADMIN, groups=[NOBODY.pw_gid])
    check_works(served, directory, beside)
    with served.client() as client:
        client.subscribe(("exit",), snapshot=True)
        assert os.getpid() in {task.pid for task in client.snapshot()}, "the sandbox hides other users' processes"
    served.until("StatusText", lambda text: "tasks alive" in text)


def test_restart_keeps_the_socket(served):
    with served.client() as before:
        inode, epoch = served.path.stat().st_ino, before.welcome.epoch
        served.until("ActiveState", lambda state: state == "active")
        served.manager.systemctl("restart", SERVICE)
        assert before.error().code == broker_pb2.ERROR_CODE_STOPPING
    assert served.path.stat().st_ino == inode
    assert served.epoch() != epoch
    assert served.manager.show(SERVICE, "Result") == "success"
    assert served.manager.show(SERVICE, "NRestarts") == "0"


def test_folder(manager):
    """
    The drop-in of taskbrokerd(8) for containers. The folder outlives the socket unit, so that a mount of the folder
    stays good.
    """
    drop_in = manager.path("config") / "systemd" / "user" / f"{SOCKET}.d"
    drop_in.mkdir()
    (drop_in / "folder.conf").write_text("[Socket]\nListenStream=\nListenStream=/run/taskbroker/taskbroker.sock\n")
    manager.systemctl("daemon-reload")
    try:
        folder = manager.path("taskbroker")
        manager.systemctl("start", SOCKET)
        with Client(folder / "taskbroker.sock") as client:
            assert client.status()
        inode = folder.stat().st_ino
        manager.systemctl("stop", SOCKET, SERVICE)
        assert not (folder / "taskbroker.sock").exists()
        manager.systemctl("start", SOCKET)
        assert folder.stat().st_ino == inode and folder.stat().st_mode & 0o777 == 0o755
        assert (folder / "taskbroker.sock").stat().st_mode & 0o777 == 0o666
        with Client(folder / "taskbroker.sock") as client:
            assert client.status()
        assert not manager.path("taskbroker.sock").exists()
    finally:
        manager.systemctl("stop", SOCKET, SERVICE)
        shutil.rmtree(drop_in)
        manager.systemctl("daemon-reload")


def test_stop_is_clean(served):
    assert served.status()
    served.until("ActiveState", lambda state: state == "active")
    served.manager.systemctl("stop", SOCKET, SERVICE)
    assert served.manager.show(SERVICE, "Result") == "success"
    assert served.manager.show(SERVICE, "ExecMainStatus") == "0"
    assert not served.path.exists()


def test_killed(served):
    """After an end that was not requested, systemd starts it again."""
    epoch = served.epoch()
    served.until("ActiveState", lambda state: state == "active")
    os.kill(served.pid, signal.SIGKILL)
    assert served.epoch() != epoch
    served.until("NRestarts", lambda n: n == "1")


def test_watchdog(served):
    """A broker that is stuck is noticed, and replaced."""
    epoch, pid = served.epoch(), served.pid
    served.until("ActiveState", lambda state: state == "active")
    os.kill(pid, signal.SIGSTOP)
    served.until("NRestarts", lambda n: n == "1")
    assert served.epoch() != epoch
    assert served.pid != pid
