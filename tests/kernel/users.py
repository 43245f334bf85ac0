# SPDX-License-Identifier: Apache-2.0
"""Users of the machine for a test, and programs that they run, with all sorts of privileges."""

import contextlib
import os
import pathlib
import shutil
import subprocess
import tempfile

from support import TIMEOUT, program

# Nobody's on this machine.
ME, ME_GROUP = 61234, 61234
THIRD, THIRD_GROUP = 61235, 61235
ODD_GROUP = 61236


def path_of(directory, name):
    return str(directory / name)


@contextlib.contextmanager
def programs():
    """A directory whose file system knows setuid and capabilities, which /tmp's may not."""
    directory = pathlib.Path(tempfile.mkdtemp(prefix="tba-", dir="/var/tmp"))
    directory.chmod(0o755)
    assert not os.statvfs(directory).f_flag & os.ST_NOSUID, f"{directory} is mounted nosuid"

    def copy(name, owner=0, group=0, mode=0o755, capabilities=None):
        path = path_of(directory, name)
        shutil.copy(program("act"), path)
        os.chown(path, owner, group)
        os.chmod(path, mode)
        if capabilities:
            subprocess.run(["setcap", capabilities, path], check=True)

    copy("ta-plain")
    copy("ta-repeat")
    copy("ta-suid", mode=0o4755)
    copy("ta-suid3", owner=THIRD, group=THIRD_GROUP, mode=0o4755)
    copy("ta-mine", owner=ME, group=ME_GROUP, mode=0o4755)
    copy("ta-sgid", group=ODD_GROUP, mode=0o2755)
    copy("ta-cap", capabilities="cap_sys_chroot+ep")
    copy("ta-blind", mode=0o711)
    copy("ta-become", mode=0o4755)
    yield directory
    shutil.rmtree(directory)


def start(uid, gid, *command):
    """Runs a program as somebody, its input and output pipes."""
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, user=uid, group=gid, extra_groups=[]
    )


def finish(process, code=0):
    process.stdin.close()
    process.stdout.close()
    assert process.wait(TIMEOUT) == code


def await_looks(broker):
    """
    The broker finds the owner of a process that root started as another user at its exec, if
    it has the time. Otherwise it checks the process later: it does so twice a second.
    """
    begin = broker.status().uptime_ns
    broker.settle(lambda status: status.uptime_ns > begin + 1_200_000_000)


# Starts a program when a line comes, prints its number, and ends as the program does.
SHELL = 'exec 3<&0; read x; "$@" <&3 & echo $!; wait $!'


class Shells:
    """
    Programs, by kind: each is started by a shell of its user that the broker has checked. So a
    value that is withheld is not withheld for want of time. `kinds`: (user, group, command).
    """

    def __init__(self, broker, kinds):
        self.shells = {
            kind: start(uid, gid, "/bin/sh", "-c", SHELL, "sh", *command) for kind, (uid, gid, command) in kinds.items()
        }
        await_looks(broker)
        self.pids = {}
        for kind, shell in self.shells.items():
            shell.stdin.write(b"go\n")
            shell.stdin.flush()
            lines = [shell.stdout.readline().strip() for _ in range(2)]
            assert b"ready" in lines, (kind, lines)
            (self.pids[kind],) = {int(line) for line in lines if line != b"ready"}

    def finish(self):
        for shell in self.shells.values():
            finish(shell, 7)
