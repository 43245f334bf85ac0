# SPDX-License-Identifier: Apache-2.0
"""
A throw-away systemd. It shares the machine's kernel and its network, pid and user
namespaces, because the broker's sources speak to no others: no container could have
them. It has its own /run, control groups and units. It is
the manager of a user's services, that is, root's; it sets up the very sandbox
that the unit asks for.
"""

import contextlib
import os
import pathlib
import shutil
import subprocess
import time

from support import TIMEOUT

SYSTEMD = "/lib/systemd/systemd"
HIERARCHIES = ("/sys/fs/cgroup", "/sys/fs/cgroup/systemd", "/sys/fs/cgroup/unified")

# The machine's own PID 1 makes what is in /run/systemd, where it is systemd.
BOOT = """
set -e
for group in $GROUPS_OF_IT; do echo $$ >"$group/cgroup.procs"; done
mount -t tmpfs -o mode=755 none /run
cp -r "$STAGE"/. /run
mkdir -p /run/systemd/system /run/systemd/inaccessible/dir /run/manager
cd /run/systemd/inaccessible
touch reg sock
mkfifo fifo
mknod chr c 0 0
mknod blk b 0 0
exec "$SYSTEMD" --user --unit=basic.target
"""


class Unavailable(Exception):
    """Here no systemd can be started; the text says why."""


class Manager:
    def __init__(self, stage):
        """`stage`: a directory, which is copied to /run; units are in config/systemd/user."""
        self.process = None
        self.groups = []
        for tool in (SYSTEMD, shutil.which("systemctl"), shutil.which("unshare"), shutil.which("nsenter")):
            if not tool or not os.access(tool, os.X_OK):
                raise Unavailable("systemd is not installed")
        try:
            for hierarchy in map(pathlib.Path, HIERARCHIES):
                if (hierarchy / "cgroup.procs").exists():
                    self.groups.append(hierarchy / f"taskbroker-test-{os.getpid()}")
                    self.groups[-1].mkdir()
        except OSError as e:
            self.stop()
            raise Unavailable(f"no control group can be made: {e}") from None

        self.environment = {
            "PATH": os.environ["PATH"],
            "XDG_RUNTIME_DIR": "/run/manager",
            "XDG_CONFIG_HOME": "/run/config",
        }
        self.said = open(pathlib.Path(stage).with_suffix(".log"), "w+b")
        self.process = subprocess.Popen(
            ["unshare", "--mount", "sh", "-c", BOOT],
            env={**self.environment, "STAGE": str(stage), "SYSTEMD": SYSTEMD, "GROUPS_OF_IT": " ".join(map(str, self.groups))},
            stdin=subprocess.DEVNULL, stdout=self.said, stderr=self.said,
        )
        try:
            self._wait()
        except BaseException:
            self.stop()
            raise

    def _wait(self):
        deadline = time.monotonic() + TIMEOUT
        while not self.path("manager/systemd/notify").exists() or self._systemctl("is-active", "basic.target").returncode:
            if self.process.poll() is not None:
                self.said.seek(0)
                raise Unavailable(f"systemd ended with {self.process.returncode}: {self.said.read().decode()}")
            assert time.monotonic() < deadline, "systemd does not begin"
            time.sleep(0.05)
        # On a whole machine every user may write to the manager's socket.
        self.path("manager/systemd/notify").chmod(0o777)

    def path(self, name):
        """A file of its /run, as it is seen from outside."""
        return pathlib.Path(f"/proc/{self.process.pid}/root/run") / name

    def _systemctl(self, *arguments):
        return subprocess.run(
            ["nsenter", "--mount", f"--target={self.process.pid}", "systemctl", "--user", "--no-pager", *arguments],
            env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=2 * TIMEOUT,
        )

    def systemctl(self, *arguments):
        result = self._systemctl(*arguments)
        assert result.returncode == 0, result.stdout
        return result.stdout.strip()

    def show(self, unit, name):
        return self.systemctl("show", "--value", "--property", name, unit)

    def stop(self):
        if self.process is not None:
            if self.process.poll() is None:
                self.process.terminate()
            try:
                self.process.wait(TIMEOUT)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            self.said.close()
        for group in self.groups:
            for directory, _, _ in os.walk(group, topdown=False):
                with contextlib.suppress(OSError):
                    os.rmdir(directory)
