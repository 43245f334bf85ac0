# SPDX-License-Identifier: Apache-2.0
"""
One taskbrokerd with the whole world passed in as file descriptors. It needs no root, no
kernel source, and not the machine's /proc. Each test has its own.
"""

import os
import pathlib
import signal
import socket
import subprocess
import time

from tb_client import Client
from tb_kernel import FakeKernel
from tb_proc import FakeProc
from tb_wait import TIMEOUT

# linux/posix-timers.h: the clock of a process is made of this and of its complemented number.
CPUCLOCK_SCHED = 2

FAST_ALARM = ["--answer-ticks", "1"]


def executable(variable, name):
    path = os.environ.get(variable)
    if not path:
        raise RuntimeError(f"{variable} must name the built {name}: run `meson test --suite e2e`")
    return path


class Daemon:
    def __init__(self, directory, version=16, arguments=(), listener=True, start=True, kernel=None, path=None):
        self.directory = pathlib.Path(directory)
        self.path = pathlib.Path(path) if path else self.directory / "taskbroker.sock"
        self.proc = FakeProc(self.directory / "proc")
        self.proc.add(1, ppid=0, comm=b"init")
        self.log_path = self.directory / "log"
        self.kernel = kernel or FakeKernel(version=version, proc=self.proc)
        self.arguments = list(arguments)
        self.listener = None
        if listener:
            self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self.listener.bind(str(self.path))
            self.listener.listen(4096)
        self.process = None
        self.clients = []
        if start:
            self.start()

    def command(self):
        k = self.kernel
        fds = [k.broker_connector.fileno(), k.broker_taskstats.fileno()]
        command = [
            executable("TASKBROKERD", "daemon"),
            "--socket", str(self.path),
            "--log-level", "debug",
            "--connector-fd", str(fds[0]),
            "--taskstats-fd", str(fds[1]),
            "--procfs", str(self.proc.root),
            # the user who runs the tests may know everything, root or not
            "--admin-group", str(os.getgid()),
            # The kernel answers a probe at once, the fake one when its thread is given time. Tests of a silenced
            # connector use the daemon's own timeout, FAST_ALARM.
            "--answer-ticks", "40",
            # The clients are as slow as the machine: the broker must not cut them off before a test is through.
            "--request-seconds", "600",
            "--unread-seconds", "600",
            "--resume-seconds", "600",
        ]
        if self.listener:
            fds.append(self.listener.fileno())
            command += ["--listener-fd", str(fds[-1])]
        return command + self.arguments, fds

    def start(self):
        command, fds = self.command()
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                command, pass_fds=fds, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        self.kernel.drop_broker_ends()
        if self.listener:
            self.listener.close()

    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def cpu_ns(self):
        """The broker's processor time: a clock that no other process on the machine slows down."""
        return time.clock_gettime_ns(~self.process.pid << 3 | CPUCLOCK_SCHED)

    def wait_ready(self):
        """The broker listens to its kernel, and to clients."""
        self.kernel.wait_listening()
        deadline = time.monotonic() + TIMEOUT
        while True:
            try:
                self.client().close()
                return
            except (FileNotFoundError, ConnectionRefusedError):
                assert self.process.poll() is None, f"the daemon ended with {self.process.returncode}\n{self.log()}"
                assert time.monotonic() < deadline, f"no socket {self.path}"
                # A socket's appearance is nothing that one could wait for without inotify.
                time.sleep(0.01)

    def client(self, **kw):
        client = Client(self.path, **kw)
        self.clients.append(client)
        return client

    def subscriber(self, kinds=(), **kw):
        """A client with a subscription, on a broker that listens: from here on it misses nothing."""
        client = self.client(rcvbuf=kw.pop("rcvbuf", None))
        client.subscribe(kinds, **kw)
        self.kernel.wait_listening()
        return client

    def wait(self):
        return self.process.wait(TIMEOUT)

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)
        return self.wait()

    def finish(self):
        """Ends it, and holds it to a clean end: what a test broke on the way shows here at the latest."""
        try:
            for client in self.clients:
                client.close()
            if self.process is None:
                return
            code = self.process.poll()
            if code is None:
                code = self.terminate()
            assert code == 0, f"taskbrokerd ended with {code}\n{self.log()[-8000:]}"
        finally:
            if self.process is not None and self.process.poll() is None:
                self.process.kill()
                self.process.wait()
            self.kernel.close()
            if self.listener:
                self.listener.close()
