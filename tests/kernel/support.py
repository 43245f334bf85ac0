# SPDX-License-Identifier: Apache-2.0
"""
Shared by the tests of the kernel suite: the helper programs and their files, and a
real taskbrokerd on the real kernel.
"""

import collections
import contextlib
import itertools
import json
import os
import pathlib
import select
import signal
import struct
import subprocess
import time

from tb_wait import TIMEOUT

_names = itertools.count()


def program(name):
    """A helper program of this suite."""
    directory = os.environ.get("KERNEL_TOOLS")
    if not directory:
        raise RuntimeError("KERNEL_TOOLS must name the directory of the helper programs: run `meson test --suite kernel`")
    return str(pathlib.Path(directory) / f"kernel-{name}")


def unique_name():
    """A name for processes that nothing else on this machine has: at most 14 bytes, so that a '+' fits."""
    return f"k{os.getpid():x}-{next(_names)}"


# -- truth.h ----------------------------------------------------------------

Truth = collections.namedtuple("Truth", "maker sequence type pid tid status cpu_us")
TRUTH = struct.Struct("=6IQ")
TRUTH_PROCESS, TRUTH_THREAD = 1, 2

Witness = collections.namedtuple("Witness", "source cpu sequence what pid tid stamp")
WITNESS = struct.Struct("=6IQ")
WITNESS_CONNECTOR, WITNESS_TASKSTATS = 1, 2

Record = collections.namedtuple(
    "Record",
    "number time_ns realtime_offset_ns start_time_ns loss_count cpu_ns process_cpu_ns kind cpu pid tid ppid uid "
    "parent_pid status process_status stats_pid stats_status tasks tasks_missing detail stats_missing loss_source loss_reason flags comm",
)
RECORD = struct.Struct("=2Qq4Q18I16s")

FORK, EXEC, EXIT, COMM, UID, GID, SID, PTRACE, COREDUMP, LOSS = range(1, 11)
SOURCE_CONNECTOR, SOURCE_TASKSTATS, SOURCE_READER = 1, 2, 3
REASON_OVERRUN, REASON_MUTED, REASON_FELL_BEHIND, REASON_UNREPORTED = 1, 2, 3, 5
STATS_LOST, STATS_NOT_WITNESSED = 1, 2

TASK_UNKNOWN, SYNTHESISED, PROCESS_ENDED, STATS, PROCESS_STATS = 1, 2, 4, 8, 16
TERMINATION, PROCESS_TERMINATION, AT_LEAST, CPU_KNOWN = 32, 64, 128, 256


def records(path, shape, make):
    return list(map(make._make, shape.iter_unpack(pathlib.Path(path).read_bytes())))


# -- storm and corner -------------------------------------------------------


def storm(directory, mode, count, workers=2, name=None, **options):
    """Runs a storm to its end; returns the truth, and the name of all its processes."""
    name = name or unique_name()
    truth = pathlib.Path(directory) / f"truth-{name}"
    command = [program("storm"), mode, "--count", str(count), "--workers", str(workers), "--comm", name,
               "--truth", str(truth)]
    if mode in ("exec", "spawn"):
        command += ["--helper", str(helper(directory, name))]
    for key, value in options.items():
        command += [f"--{key}"] + ([] if value is True else [str(value)])
    subprocess.run(command, check=True, timeout=TIMEOUT)
    return records(truth, TRUTH, Truth), name


def helper(directory, name):
    """The program that ends with the code it is given, under a name of its own: the kernel names tasks by the path."""
    path = pathlib.Path(directory) / name
    if not path.exists():
        path.symlink_to(program("leave"))
    return path


Corner = collections.namedtuple("Corner", "maker note subject processes name")
Process = collections.namedtuple("Process", "pid status cpu_us tids")


def corner(directory, case, name=None, number=None):
    """Runs one corner case; the subject is one of its processes, the one that corner itself made."""
    name = name or unique_name()
    out = subprocess.run(
        [program("corner"), case, name, str(number or helper(directory, name))],
        check=True, timeout=TIMEOUT, stdout=subprocess.PIPE, cwd=directory,
    ).stdout
    fact = json.loads(out)
    processes = [Process(**p) for p in fact["processes"]]
    (subject,) = [p for p in processes if p.pid == fact["subject"]]
    return Corner(fact["maker"], fact["note"], subject, processes, name)


def marker(name):
    """A process of that name that comes and goes: the end of what a test looks at."""
    subprocess.run([program("corner"), "vfork", name, "-"], check=True, timeout=TIMEOUT, stdout=subprocess.DEVNULL)


# -- programs that run beside ------------------------------------------------


class Beside:
    """A helper program that says "ready", runs beside the test, and writes a file."""

    def __init__(self, command):
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if not select.select([self.process.stdout], [], [], TIMEOUT)[0] or self.process.stdout.readline() != "ready\n":
            self.process.kill()
            raise AssertionError(f"{command[0]}: {self.process.communicate()[1]}")

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self, code=0):
        out, err = self.process.communicate(timeout=TIMEOUT)
        assert self.process.returncode == code, f"ended with {self.process.returncode}: {err}"
        return out

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()


class Witnessing(Beside):
    """The kernel's word, complete."""

    def __init__(self, directory):
        self.path = pathlib.Path(directory) / "witness"
        super().__init__([program("witness"), str(self.path)])

    def finish(self):
        self.signal(signal.SIGTERM)
        self.wait()
        return records(self.path, WITNESS, Witness)

    def kill(self):
        # Gently: it must take itself off the kernel's count of listeners.
        if self.process.poll() is None:
            self.process.terminate()
            self.process.communicate()


class Collecting(Beside):
    """A subscriber. Ends by itself when it has seen the end of a process called `until`."""

    def __init__(self, directory, broker, until, name="collect", kinds=None, threads=True, strict=False, delay=0):
        self.path = pathlib.Path(directory) / name
        command = [program("collect"), "--socket", str(broker.path), "--output", str(self.path), "--until", until]
        if kinds:
            command += ["--kinds", str(sum(1 << k for k in kinds))]
        if threads:
            command += ["--threads"]
        if strict:
            command += ["--strict"]
        if delay:
            command += ["--delay", str(delay)]
        super().__init__(command)

    def finish(self, code=0):
        self.said = self.wait(code)
        return records(self.path, RECORD, Record)


# -- the broker -------------------------------------------------------------


def remove_starts(path):
    """Removes the file by which the tasks keep their identity when the broker of that socket starts again."""
    for directory in ("/run/taskbroker", "/dev/shm/taskbroker"):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(f"{directory}/starts{str(path).replace('/', '-')}")


class Broker:
    """
    A taskbrokerd with the kernel's own sources and a socket of its own. It has
    become nobody, so that all that is shown of it is shown of an unprivileged one.
    """

    def __init__(self, directory, *arguments, user="nobody", prefix=(), program=None):
        self.directory = pathlib.Path(directory)
        self.path = self.directory / "broker.sock"
        self.log_path = self.directory / "broker.log"
        self.command = [*prefix, program or os.environ["TASKBROKERD"], "--socket", str(self.path), "--log-level", "debug"]
        self.command += ["--user", user] if user else []
        self.command += arguments
        self.start()

    def start(self):
        """Starts it, again after an end."""
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        deadline = time.monotonic() + TIMEOUT
        while True:
            try:
                self.client().close()
                return
            except (FileNotFoundError, ConnectionRefusedError):
                if self.process.poll() is not None:
                    raise AssertionError(f"taskbrokerd ended with {self.process.returncode}\n{self.log()}") from None
                assert time.monotonic() < deadline, f"no welcome on {self.path}\n{self.log()}"
                time.sleep(0.02)

    def log(self):
        return self.log_path.read_text(errors="replace")

    def client(self):
        from tb_client import Client

        return Client(self.path)

    def status(self):
        with self.client() as client:
            return client.status()

    def subscriber(self, kinds=(), threads=True):
        client = self.client()
        client.subscribe(kinds, threads=threads)
        return client

    @contextlib.contextmanager
    def stopped(self):
        """Stops the broker meanwhile: the kernel's messages fill its queues, and then get lost."""
        self.process.send_signal(signal.SIGSTOP)
        try:
            os.waitid(os.P_PID, self.process.pid, os.WSTOPPED | os.WNOWAIT)
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(TIMEOUT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"taskbrokerd does not stop at SIGTERM\n{self.log()[-4000:]}") from None
        finally:
            remove_starts(self.path)
        assert code == 0, f"taskbrokerd ended with {code}\n{self.log()[-8000:]}"

    def count(self, kind, status=None):
        """How many events of that kind the broker has reported."""
        return sum(e.count for e in (status or self.status()).events if e.kind == kind)

    def settle(self, predicate):
        """Waits until the status is as it must become; returns it."""
        deadline = time.monotonic() + TIMEOUT
        while True:
            status = self.status()
            if predicate(status):
                return status
            assert time.monotonic() < deadline, f"the status never became what was due:\n{status}"
            time.sleep(0.05)

    def tasks(self):
        """The processes in the broker's table now."""
        with self.client() as client:
            client.subscribe(snapshot=True)
            return list(client.snapshot())
