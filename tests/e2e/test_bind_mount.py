# SPDX-License-Identifier: Apache-2.0
"""
The socket in a container, as docs/access.md and taskbrokerd(8) describe it: a mounted
folder survives a restart of the broker, and a mounted socket only if the socket does.
The container is a mount namespace here.
"""

import os
import subprocess

import pytest

from tb_daemon import executable

# Mounts $1 on $2, then tries the socket $3 at each line of the input, and prints the exit status.
CONTAINER = """
mount --bind "$1" "$2" || exit 77
if [ "$5" = ro ]; then mount -o remount,bind,ro "$2" || exit 77; fi
echo mounted
while read -r line; do "$4" --socket "$3" status >"$6" 2>&1; echo $?; done
"""


class Container:
    def __init__(self, directory, source, target, path, mode="rw"):
        self.output = directory / "output"
        namespaces = ["--mount"] if os.geteuid() == 0 else ["--user", "--map-root-user", "--mount"]
        self.process = subprocess.Popen(
            ["unshare", *namespaces, "sh", "-c", CONTAINER, "sh", source, target, path,
             executable("TASKBROKER", "command"), mode, self.output],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        if self.process.stdout.readline() != "mounted\n":
            self.close()
            pytest.skip("no mount namespace can be made here")

    def status(self):
        """The exit status of a client in the container, and its messages."""
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline()), self.output.read_text()

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()


@pytest.fixture
def enter(tmp_path):
    containers = []

    def make(*arguments, **kw):
        containers.append(Container(tmp_path, *arguments, **kw))
        return containers[-1]

    yield make
    for container in containers:
        container.close()


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "taskbroker"
    folder.mkdir()
    (tmp_path / "mounted").mkdir()
    (tmp_path / "mounted.sock").touch()
    return folder


def start(make_daemon, path, listener=None):
    """A broker that makes its socket; with a listener, a broker that gets the socket from systemd."""
    daemon = make_daemon(listener=False, start=False, path=path)
    if listener:
        daemon.listener = listener.dup()
    daemon.start()
    daemon.wait_ready()
    return daemon


@pytest.mark.parametrize("mode", ["rw", "ro"])
def test_folder(make_daemon, enter, tmp_path, folder, mode):
    """The folder is mounted: the container finds the socket of the next broker."""
    path = folder / "taskbroker.sock"
    first = start(make_daemon, path)
    container = enter(folder, tmp_path / "mounted", tmp_path / "mounted" / "taskbroker.sock", mode=mode)
    assert container.status()[0] == 0
    assert first.terminate() == 0
    assert container.status()[0] == 1
    start(make_daemon, path)
    assert container.status()[0] == 0


def test_socket_that_the_broker_makes(make_daemon, enter, tmp_path, folder):
    """The socket is mounted: the container keeps the old socket, on which no broker listens."""
    path = folder / "taskbroker.sock"
    first = start(make_daemon, path)
    container = enter(path, tmp_path / "mounted.sock", tmp_path / "mounted.sock")
    assert container.status()[0] == 0
    assert first.terminate() == 0
    start(make_daemon, path)
    code, message = container.status()
    assert code == 1 and "No broker listens on" in message


def test_socket_of_the_socket_unit(make_daemon, enter, tmp_path, folder):
    """The socket unit keeps the socket while the broker is restarted, so the mounted socket goes on to work."""
    daemon = make_daemon(start=False, path=folder / "taskbroker.sock")
    listener = daemon.listener.dup()
    daemon.start()
    daemon.wait_ready()
    container = enter(daemon.path, tmp_path / "mounted.sock", tmp_path / "mounted.sock")
    assert container.status()[0] == 0
    assert daemon.terminate() == 0
    start(make_daemon, daemon.path, listener)
    assert container.status()[0] == 0
    listener.close()
