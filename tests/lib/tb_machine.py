# SPDX-License-Identifier: Apache-2.0
"""
A machine on which things happen at random: a model of processes and threads that
obeys the kernel's rules. The fake kernel reports each of its steps as the real kernel
would. The model knows at any moment what is alive, and what was reported to the broker.
"""

import random
import shutil

from tb_kernel import SIGCHLD
from tb_proc import boottime_ns
from tb_table import Row

NAMES = (b"alpha", b"beta", b"gamma", b"delta", b"a)b(", b"\xff\xfe", b"fifteen bytes !")
UIDS = (0, 7, 1000, 1001, 65534)

KTHREADD = 2


class Task:
    def __init__(self, tid, process, like):
        self.tid, self.process = tid, process
        self.uid, self.euid, self.gid, self.egid = like.uid, like.euid, like.gid, like.egid
        self.comm, self.changed, self.kernel = like.comm, like.changed, like.kernel
        # Whether the name is unknown: an exec does not report one, and the end can report one before its time.
        self.nameless = like.nameless


class Seed:
    """The properties of a task that existed before the broker started."""

    def __init__(self, uid=0, euid=None, gid=0, egid=None, comm=b"made-up", kernel=False):
        self.uid, self.euid = uid, uid if euid is None else euid
        self.gid, self.egid = gid, gid if egid is None else egid
        self.comm, self.changed, self.kernel, self.nameless = comm, False, kernel, False


class Process:
    def __init__(self, pid, parent):
        self.pid, self.parent = pid, parent
        self.ppid = parent.pid if parent else 0
        self.session = parent.session if parent else pid
        self.tasks = {}
        self.alive = True

    @property
    def present_parent(self):
        """A process that has lost its parent has been given to init."""
        return self.parent.pid if self.parent and self.parent.alive else 1 if self.parent else 0

    @property
    def leader(self):
        return self.tasks.get(self.pid)


class Machine:
    """
    Begins with init and kthreadd in /proc, and with what seed() adds, before the
    broker starts. `numbers` are given to new tasks in turn, so that each comes
    again after a while.
    """

    def __init__(self, daemon, seed, numbers=range(300, 700), crowd=60, cpus=4):
        self.kernel, self.proc = daemon.kernel, daemon.proc
        self.kernel.mirror = False
        self.rng = random.Random(seed)
        self.free = list(numbers)
        self.crowd = crowd
        self.cpus = cpus
        self.reuses = True      # whether a number may be given away before its owner's exit is reported
        self.processes = {}
        self.expected = []      # (kind, tid, pid) of each event that an observer must get
        # Long before the first reported fork: tasks of one number and one moment count as the same task.
        self.began_ns = boottime_ns() - 5_000_000_000
        self.seed(1, None, Seed(comm=b"init"), session=1)
        self.seed(KTHREADD, None, Seed(comm=b"kthreadd", kernel=True), session=0, exe=None)

    # -- before the broker starts ---------------------------------------------

    def seed(self, pid, ppid=1, like=None, tids=(), session=None, cgroup=b"/", exe=b"/bin/made-up"):
        like = like or Seed()
        process = Process(pid, self.processes.get(ppid))
        process.session = pid if session is None else session
        self.processes[pid] = process
        for tid in (pid, *tids):
            task = process.tasks[tid] = Task(tid, process, like)
            self.proc.add(
                pid, tid, ppid=process.ppid, uid=task.uid, euid=task.euid, gid=task.gid, egid=task.egid,
                comm=task.comm, session=process.session, kernel_thread=task.kernel, start_ns=self.began_ns,
            )
            # Without this an exec has its old name, whenever the broker looks.
            (self.proc.root / str(pid) / "comm").unlink(missing_ok=True)
            self.proc.set_program(pid, tid, cmdline=like.comm + b"\0", exe=exe, cgroup=b"0::" + cgroup + b"\n")
        return process

    # -- what is alive ----------------------------------------------------------

    def rows(self):
        """The live tasks by their numbers, as a table of threads must have them. When they began, the broker says."""
        rows = {}
        for process in self.processes.values():
            for tid, task in process.tasks.items():
                rows[tid] = Row(
                    pid=process.pid, tid=tid, uid=task.uid, comm=None if task.nameless else task.comm, euid=task.euid,
                    gid=task.gid, egid=task.egid, session=process.session, kernel_thread=task.kernel,
                    credentials_changed=task.changed, task_unknown=False,
                )
        return rows

    # -- steps --------------------------------------------------------------------

    def _cpu(self):
        return self.rng.randrange(self.cpus)

    def _note(self, kind, task):
        self.expected.append((kind, task.tid, task.process.pid))

    def fork(self, parent_task, tid=None):
        parent = parent_task.process
        tid = self.free.pop(0) if tid is None else tid
        process = self.processes[tid] = Process(tid, parent)
        task = process.tasks[tid] = Task(tid, process, parent_task)
        task.kernel = task.kernel or parent.pid == KTHREADD
        self._note("fork", task)
        self.kernel.fork(tid, parent_tid=parent_task.tid, parent_pid=parent.pid, cpu=self._cpu())
        return process

    def thread(self, process):
        tid = self.free.pop(0)
        task = process.tasks[tid] = Task(tid, process, process.leader)
        self._note("fork", task)
        # The kernel names the process' own parent.
        parent = process.present_parent
        self.kernel.fork(tid, pid=process.pid, parent_tid=parent, parent_pid=parent, cpu=self._cpu())
        return task

    def exec(self, process, **kw):
        """An exec by the leader. Other threads are killed before, and their exits reported."""
        for task in list(process.tasks.values()):
            if task is not process.leader:
                self.end(task, code=9)
        self._exec(process, **kw)

    def exec_by_thread(self, caller):
        """The leader ends too, and the caller takes its number; of the caller's own number nothing is heard."""
        process = caller.process
        for task in list(process.tasks.values()):
            if task is not caller:
                self.end(task, code=9)
        del process.tasks[caller.tid]
        self.free.append(caller.tid)
        caller.tid = process.pid
        process.tasks[process.pid] = caller
        self._exec(process)

    def _exec(self, process, **kw):
        leader = process.leader
        leader.changed = leader.kernel = False
        leader.nameless = True
        self._note("exec", leader)
        self.kernel.exec(process.pid, cpu=self._cpu(), **kw)

    def comm(self, task, comm):
        task.comm, task.nameless = comm, False
        self._note("comm_change", task)
        self.kernel.comm(task.tid, pid=task.process.pid, comm=comm, cpu=self._cpu())

    def uid(self, task, real, effective):
        task.uid, task.euid, task.changed = real, effective, True
        self._note("uid_change", task)
        self.kernel.uid(task.tid, pid=task.process.pid, real=real, effective=effective, cpu=self._cpu())

    def gid(self, task, real, effective):
        task.gid, task.egid, task.changed = real, effective, True
        self._note("gid_change", task)
        self.kernel.gid(task.tid, pid=task.process.pid, real=real, effective=effective, cpu=self._cpu())

    def sid(self, process):
        process.session = process.pid
        self._note("new_session", process.leader)
        self.kernel.sid(process.pid, cpu=self._cpu())

    def ptrace(self, task):
        self._note("ptrace", task)
        self.kernel.ptrace(task.tid, pid=task.process.pid, tracer_tid=1, tracer_pid=1, cpu=self._cpu())

    def _record(self, task, code):
        process = task.process
        last = len(process.tasks) == 1
        return self.kernel.make_stats(
            task.tid, process.pid, task.comm, ac_uid=task.uid, ac_gid=task.gid, ac_ppid=process.present_parent,
            ac_exitcode=code, ac_flag=0x20 if last else 0, ac_etime_us=1,
        )

    def _gone(self, task):
        process = task.process
        del process.tasks[task.tid]
        if task.tid != process.pid:
            self.free.append(task.tid)
        if not process.tasks:
            process.alive = False
            del self.processes[process.pid]
            self.free.append(process.pid)
            # The next process by that number is not there: /proc never shows an older one.
            shutil.rmtree(self.proc.root / str(process.pid), ignore_errors=True)

    def _exit(self, task, code, process):
        leader = task.tid == process.pid
        parent = process.present_parent
        self.kernel.exit(
            task.tid, pid=process.pid, code=code, signal=SIGCHLD if leader else -1, parent_tid=parent, parent_pid=parent,
            cpu=self._cpu(),
        )

    def end(self, task, code=0):
        process = task.process
        self.kernel.stats(self._record(task, code))
        self._note("exit", task)
        self._gone(task)
        self._exit(task, code, process)

    def end_process(self, process, code=0):
        """Threads first, or the leader first: in any order."""
        tasks = list(process.tasks.values())
        self.rng.shuffle(tasks)
        for task in tasks:
            self.end(task, code)

    def reuse(self, process, parent_task):
        """Gives its number away before its exit is reported, but not before its record is queued."""
        (task,) = process.tasks.values()
        code = self.rng.randrange(100, 250) << 8
        self.kernel.stats(self._record(task, code))
        self._note("exit", task)
        self._gone(task)
        self.free.remove(process.pid)
        self.proc.remove(process.pid)
        new = self.fork(parent_task, process.pid)
        self._exit(task, code, process)
        return new

    # -- at random ------------------------------------------------------------------

    def step(self):
        """One thing of those that can happen now."""
        rng = self.rng
        processes = [p for p in self.processes.values() if p.pid > KTHREADD]
        tasks = [t for p in processes for t in p.tasks.values()]
        forks = len(tasks) < self.crowd and len(self.free) > 8
        kind = rng.choices(
            ("fork", "thread", "exec", "exec_by_thread", "comm", "uid", "gid", "sid", "ptrace", "end", "end_process", "reuse"),
            (30 if forks else 2, 15 if forks else 1, 10, 3, 8, 8, 3, 3, 1, 12, 10 if forks else 30, 3),
        )[0]
        process, task = rng.choice(processes) if processes else None, rng.choice(tasks) if tasks else None
        if kind == "fork" or process is None:
            parent = task if task is not None and rng.random() < 0.8 else self.processes[rng.choice((1, 1, KTHREADD))].leader
            self.fork(parent)
        elif kind == "thread":
            if process.leader is not None:
                self.thread(process)
        elif kind == "exec":
            if process.leader is not None:
                self.exec(process)
        elif kind == "exec_by_thread":
            if task.tid != task.process.pid:
                self.exec_by_thread(task)
        elif kind == "comm":
            self.comm(task, rng.choice(NAMES))
        elif kind == "uid":
            self.uid(task, rng.choice(UIDS), rng.choice(UIDS))
        elif kind == "gid":
            self.gid(task, rng.choice(UIDS), rng.choice(UIDS))
        elif kind == "sid":
            if process.leader is not None:
                self.sid(process)
        elif kind == "ptrace":
            self.ptrace(task)
        elif kind == "end":
            self.end(task, rng.choice((0, 0, 0x0100, 9)))
        elif kind == "end_process":
            self.end_process(process, rng.choice((0, 0x0300, 15)))
        elif kind == "reuse":
            if self.reuses and len(process.tasks) == 1 and process.leader is not None:
                others = [t for t in tasks if t.process is not process]
                self.reuse(process, rng.choice(others) if others else self.processes[1].leader)
