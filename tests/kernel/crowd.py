# SPDX-License-Identifier: Apache-2.0
"""The suite's makers of processes that stay, or that share a number: crowd, sleepers, outlived and reuse, as they are run."""

import collections
import itertools
import pathlib
import select
import struct
import subprocess

import support

CROWD_UID = 61234

KINDS = ("plain", "orphan", "daemon", "uid", "comm", "exec", "thread", "cpu", "group", "move")

Member = collections.namedtuple("Member", "maker worker kind pid stays unused born_ns")
MEMBER = struct.Struct("=6IQ")

_files = itertools.count()


class Controlled:
    """A program that takes orders by lines on its standard input, and ends at the end of it."""

    def __init__(self, *command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.pending = b""

    def send(self, line=""):
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def line(self):
        """Its next line, in words."""
        while b"\n" not in self.pending:
            ready = select.select([self.process.stdout], [], [], support.TIMEOUT)[0]
            data = self.process.stdout.read1() if ready else b""
            assert data, f"{self.process.args[0]} said nothing, but {self.pending!r}"
            self.pending += data
        line, _, self.pending = self.pending.partition(b"\n")
        return line.decode().split()

    def ready(self):
        """Returns the numbers behind "ready"."""
        word, *rest = self.line()
        assert word == "ready"
        return [int(number) for number in rest]

    def finish(self):
        """Ends it, and all that it made."""
        self.process.stdin.close()
        code = self.process.wait(support.TIMEOUT)
        self.process.stdout.close()
        assert code == 0, f"{self.process.args} ended with {code}"

    def kill(self):
        """Nothing of it outlives the end of its input."""
        if self.process.poll() is None:
            self.finish()


class Crowd(Controlled):
    def __init__(self, directory, name=None, count=100_000, stay=0, kinds=(), groups=()):
        self.name = name or support.unique_name()
        self.truth = pathlib.Path(directory) / f"crowd-{next(_files)}"
        command = [support.program("crowd"), "--comm", self.name, "--truth", str(self.truth),
                   "--helper", str(support.helper(directory, f"{self.name}-e")),
                   "--count", str(count), "--stay", str(stay)]
        if kinds:
            command += ["--kinds", ",".join(kinds)]
        if groups:
            command += ["--groups", ",".join(map(str, groups))]
        super().__init__(*command)
        self.workers = self.ready()
        self.members = None

    def begin(self):
        self.send()

    def stop(self):
        """Begins no more, and is at rest: what was made, and what of it stays, is known then."""
        self.send()
        return self.settle()

    def has_settled(self):
        """It has made as many as it shall, and says so: settle() does not wait."""
        return bool(self.pending or select.select([self.process.stdout], [], [], 0)[0])

    def settle(self):
        assert self.line() == ["done"]
        self.members = support.records(self.truth, MEMBER, Member)
        self.truth.unlink()
        return self.members

    def staying(self, *kinds):
        wanted = {KINDS.index(kind) for kind in kinds or KINDS}
        return [m for m in self.members if m.stays and m.kind in wanted]

    def pids(self):
        """All processes that are there at the end, except the maker of the workers."""
        return {m.pid for m in self.staying()} | set(self.workers)


class Sleepers(Controlled):
    """A process of many threads."""

    def __init__(self, _, n):
        super().__init__(support.program("sleepers"), str(n))
        self.ready()
        self.pid = self.process.pid


class Outlived(Controlled):
    """A process whose other thread can outlive its leader."""

    def __init__(self, _):
        super().__init__(support.program("outlived"))
        self.ready()
        self.pid = self.process.pid

    def obey(self, *words):
        for word in words:
            self.send(word)
            assert self.line() == [word]


class Turns(Controlled):
    """Two makers of tasks of one number."""

    N_HELPERS = 8
    PLAIN, RENAMED, EXEC, PARENT, THREAD = range(5)

    def __init__(self, directory, count):
        self.name = support.unique_name()
        self.truth = pathlib.Path(directory) / f"turns-{next(_files)}"
        self.helper = pathlib.Path(directory) / self.name
        for i in range(self.N_HELPERS):
            support.helper(directory, f"{self.name}.{i}")
        super().__init__(support.program("reuse"), "turns", "--comm", self.name, "--helper", str(self.helper),
                         "--truth", str(self.truth), "--count", str(count))
        self.number, *self.makers = self.ready()

    def run(self):
        self.send()
        assert self.line() == ["done"]
        records = support.records(self.truth, support.TRUTH, support.Truth)
        self.truth.unlink()
        return records

    @staticmethod
    def sort(sequence):
        return sequence // 2 % 5

    @staticmethod
    def code(sequence):
        return sequence % 250 + 1

    def comm(self, sequence):
        """The name that the task has at its end."""
        if self.sort(sequence) == self.RENAMED:
            return f"{self.name}.{self.code(sequence)}".encode()[:15]
        if self.sort(sequence) == self.EXEC:
            return f"{self.name}.{sequence % self.N_HELPERS}".encode()[:15]
        return self.name.encode()

    def cmdline(self, sequence):
        """The command line of a task that runs the helper."""
        words = (f"{self.helper}.{sequence % self.N_HELPERS}", str(self.code(sequence)), str(sequence))
        return b"".join(word.encode() + b"\0" for word in words)


class Roots(Controlled):
    """Processes of one number, one after the other, and a child of each that stays."""

    def __init__(self, _):
        super().__init__(support.program("reuse"), "roots", "--comm", support.unique_name())

    def begin(self):
        self.send("begin")
        return tuple(map(int, self.line()))

    def end(self):
        self.send("end")
        assert self.line() == ["ended"]

    def fork(self, i):
        self.send(f"fork {i}")
        return int(self.line()[0])
