# SPDX-License-Identifier: Apache-2.0
"""
A made-up /proc: the directories that the broker reads when it starts, after a loss,
and for the programs of processes. The fake kernel keeps it true as tasks come and go, if
it is given this directory.
"""

import os
import pathlib
import shutil
import time

HZ = 100

PF_EXITING = 0x00000004
PF_KTHREAD = 0x00200000


def boottime_ns():
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def start_of(stamp):
    """The start of a task whose fork event has that time stamp."""
    return stamp + boottime_ns() - time.monotonic_ns()


class FakeProc:
    def __init__(self, directory):
        self.root = pathlib.Path(directory)
        self.root.mkdir(parents=True, exist_ok=True)
        self.set_delay_accounting(True)

    def set_delay_accounting(self, on):
        """None: its state cannot be read."""
        kernel = self.root / "sys" / "kernel"
        kernel.mkdir(parents=True, exist_ok=True)
        if on is None:
            (kernel / "task_delayacct").unlink(missing_ok=True)
        else:
            (kernel / "task_delayacct").write_text("1\n" if on else "0\n")

    def add(
        self,
        pid,
        tid=None,
        ppid=1,
        uid=0,
        euid=None,
        gid=0,
        egid=None,
        comm=b"made-up",
        start_ns=None,
        state="S",
        session=None,
        kernel_thread=False,
        exiting=False,
    ):
        """A task: a process, or a thread of one that is there already. Says when it started."""
        tid = pid if tid is None else tid
        euid = uid if euid is None else euid
        egid = gid if egid is None else egid
        session = pid if session is None else session
        flags = 0x400140 | (PF_KTHREAD if kernel_thread else 0) | (PF_EXITING if exiting else 0)
        ticks = (boottime_ns() if start_ns is None else start_ns) * HZ // 1_000_000_000
        # Field 22 is starttime; pid 1 and kernel threads have parent 0.
        stat = (
            b"%d (" + comm + b") " + state.encode() + b" %d %d %d 0 -1 %d 0 0 0 0 0 0 0 0 20 0 1 0 %d "
            b"1000000 100 18446744073709551615 1 1 0 0 0 0 0 0 0 0 0 0 17 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n"
        )
        status = (
            b"Name:\t" + comm.replace(b"\\", b"\\\\").replace(b"\n", b"\\n") + b"\nUmask:\t0022\n"
            b"State:\t" + state.encode() + b" (made up)\nTgid:\t%d\nNgid:\t0\nPid:\t%d\nPPid:\t%d\nTracerPid:\t0\n"
            b"Uid:\t%d\t%d\t%d\t%d\nGid:\t%d\t%d\t%d\t%d\nFDSize:\t64\nGroups:\t\nThreads:\t1\n"
            b"CapPrm:\t0000000000000000\n"
        )
        status %= (pid, tid, ppid, uid, euid, euid, euid, gid, egid, egid, egid)
        for place in self._places(pid, tid):
            place.mkdir(parents=True, exist_ok=True)
            (place / "stat").write_bytes(stat % (tid, ppid, session, session, flags, ticks))
            (place / "status").write_bytes(status)
            (place / "comm").write_bytes(comm + b"\n")
        return ticks * (1_000_000_000 // HZ)

    def _places(self, pid, tid):
        """The directories that show a task: a leader's are two."""
        task = self.root / str(pid) / "task" / str(tid)
        return [task, self.root / str(pid)] if tid == pid else [task]

    def ids(self, pid, tid):
        """The ids of a task, as add() takes them; none if it is not there."""
        try:
            text = (self.root / str(pid) / "task" / str(tid) / "status").read_bytes()
        except FileNotFoundError:
            return {}
        lines = {line.split(b":")[0]: line.split() for line in text.split(b"\n") if line.startswith((b"Uid:", b"Gid:"))}
        uid, gid = lines[b"Uid"], lines[b"Gid"]
        return dict(uid=int(uid[1]), euid=int(uid[2]), gid=int(gid[1]), egid=int(gid[2]))

    def set_ids(self, pid, tid, label, real, effective):
        """Sets the users (label b"Uid") or the groups (b"Gid") of a task that is there."""
        for place in self._places(pid, tid):
            if (place / "status").exists():
                lines = (place / "status").read_bytes().split(b"\n")
                new = label + b":\t%d\t%d\t%d\t%d" % (real, effective, effective, effective)
                lines = [new if line.startswith(label + b":") else line for line in lines]
                (place / "status").write_bytes(b"\n".join(lines))

    def set_program(self, pid, tid=None, cmdline=b"", exe=b"/bin/made-up", cgroup=b"0::/\n"):
        """Sets the program of a process. `exe` None: no link, as for a kernel thread; `cgroup` is the whole file."""
        for place in self._places(pid, pid if tid is None else tid):
            (place / "cmdline").write_bytes(cmdline)
            (place / "cgroup").write_bytes(cgroup)
            if (place / "exe").is_symlink():
                (place / "exe").unlink()
            if exe is not None:
                os.symlink(exe, bytes(place / "exe"))

    def set_comm(self, pid, comm):
        (self.root / str(pid)).mkdir(exist_ok=True)
        (self.root / str(pid) / "comm").write_bytes(comm + b"\n")

    def remove(self, pid, tid=None):
        """A task ends; the process goes with its last one."""
        tasks = self.root / str(pid) / "task"
        shutil.rmtree(tasks / str(pid if tid is None else tid), ignore_errors=True)
        if not tasks.exists() or not any(tasks.iterdir()):
            shutil.rmtree(self.root / str(pid), ignore_errors=True)
