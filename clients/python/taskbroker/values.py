# SPDX-License-Identifier: Apache-2.0
"""
The values of a stream: tasks of the snapshot, events, losses and changes of the connection.

Each is a thin view of a decoded message: a field is converted when it is read. A value that
is not known, or that this client may not know, is `None` and never 0. Names are text with
surrogateescape. A value keeps the frame that it came with in memory (64 KiB at most).
"""

from __future__ import annotations

from typing import ClassVar, NamedTuple, Optional

from .stats import TaskStats, text
from .v1 import event_pb2, sample_pb2

STATS_MISSING = {1: "lost", 2: "not_witnessed"}
LOSS_SOURCES = {1: "connector", 2: "taskstats", 3: "reader", 4: "filter"}
LOSS_REASONS = {1: "overrun", 2: "muted", 3: "fell_behind", 4: "over_budget", 5: "unreported"}
PROGRAM_STATES = {1: "captured", 2: "late", 3: "skipped"}
MISSING_NONE, MISSING_POSSIBLE, MISSING_COUNTED = 1, 2, 3
SOURCE_TASKSTATS, SOURCE_READER, SOURCE_FILTER = 2, 3, 4


class ProcessId(NamedTuple):
    """A process by its identity."""

    # 0: the relation is known, and there is no such process
    pid: int
    # the start by the boot clock; None: not known
    start_boot_ns: Optional[int]


class Termination(NamedTuple):
    """The cause of an end. One of exit_code and term_signal has a meaning."""

    exit_code: Optional[int]
    term_signal: int
    core_dumped: bool


def relative(pb, name: str) -> Optional[ProcessId]:
    if not pb.HasField(name):
        return None
    process = getattr(pb, name)
    return ProcessId(process.pid, process.start_boot_ns or None)


def termination(pb, name: str) -> Optional[Termination]:
    if not pb.HasField(name):
        return None
    end = getattr(pb, name)
    return Termination(None if end.term_signal else end.exit_code, end.term_signal, end.core_dumped)


def identity_text(pid: int, start_boot_ns: int) -> Optional[str]:
    return f"{pid}-{start_boot_ns}" if start_boot_ns else None


class Program:
    """The command line, the executable and the cgroup of a process."""

    __slots__ = ("_pb",)

    def __init__(self, pb: event_pb2.Program):
        self._pb = pb

    @property
    def state(self) -> Optional[str]:
        """`captured`, `late` or `skipped`; None: nobody asked for programs while the process ran."""
        return PROGRAM_STATES.get(self._pb.state)

    @property
    def cmdline(self) -> Optional[list[str]]:
        """The arguments; None: not read."""
        if self._pb.state != event_pb2.PROGRAM_STATE_CAPTURED:
            return None
        data = self._pb.cmdline
        return [text(part) for part in (data[:-1] if data.endswith(b"\0") else data).split(b"\0")] if data else []

    @property
    def exe(self) -> Optional[str]:
        return text(self._pb.exe) or None

    @property
    def cgroup(self) -> Optional[str]:
        return text(self._pb.cgroup) or None

    @property
    def cgroup_inherited(self) -> bool:
        """The parent's cgroup, as the cgroup was not read after the last exec."""
        return bool(self._pb.cgroup) and self._pb.state != event_pb2.PROGRAM_STATE_CAPTURED

    @property
    def truncated(self) -> bool:
        return self._pb.truncated

    @property
    def exe_withheld(self) -> bool:
        return self._pb.exe_withheld


class Value:
    """The base of all values of a stream. `kind` is the name that options and JSON have for it."""

    __slots__ = ()
    kind: ClassVar[str] = ""

    def to_dict(self) -> dict:
        """The value in the JSON form of `taskbroker watch --json`."""
        from .tojson import value_dict

        return value_dict(self)

    def __repr__(self) -> str:
        shown = {key: value for key, value in self.to_dict().items() if key not in ("kind", "stats", "process_stats")}
        return f"{type(self).__name__}({', '.join(f'{key}={value!r}' for key, value in shown.items())})"


class _Subject(Value):
    """Fields that tasks, events and samples share."""

    __slots__ = ("_pb",)

    def __init__(self, pb):
        self._pb = pb

    @property
    def pid(self) -> int:
        """The process."""
        return self._pb.pid

    @property
    def tid(self) -> int:
        """The task; without threads, the leader of the process."""
        return self._pb.tid

    @property
    def uid(self) -> Optional[int]:
        """The real user id."""
        pb = self._pb
        return pb.uid if pb.uid or not pb.task_unknown else None

    @property
    def comm(self) -> Optional[str]:
        """The name."""
        pb = self._pb
        return text(pb.comm) if pb.comm or not pb.task_unknown else None

    @property
    def start_time_ns(self) -> Optional[int]:
        """The start, in nanoseconds since 1970."""
        return self._pb.start_time_ns or None

    @property
    def start_boot_ns(self) -> Optional[int]:
        """The start by the boot clock: with the number it is the identity."""
        return self._pb.start_boot_ns or None

    @property
    def id(self) -> Optional[str]:
        """The identity of the task as a text, the same in all events, samples and snapshots until the next boot."""
        return identity_text(self._pb.tid, self._pb.start_boot_ns)

    @property
    def maker(self) -> Optional[ProcessId]:
        """The process that forked the process."""
        return relative(self._pb, "maker")

    @property
    def parent(self) -> Optional[ProcessId]:
        """The present parent of the process; the last one after its end."""
        return relative(self._pb, "parent")

    @property
    def comm_stale(self) -> bool:
        """The name may be from before an exec."""
        return self._pb.comm_stale

    @property
    def task_unknown(self) -> bool:
        """The broker did not see the fork of the task."""
        return self._pb.task_unknown


class Task(_Subject):
    """A live task of the snapshot; without threads, a process."""

    __slots__ = ()
    kind = "task"

    @property
    def ppid(self) -> Optional[int]:
        """The number of the present parent."""
        return self._pb.parent.pid if self._pb.HasField("parent") else None

    def _known(self, value):
        return value if value or not self._pb.task_unknown else None

    @property
    def euid(self) -> Optional[int]:
        return self._known(self._pb.euid)

    @property
    def gid(self) -> Optional[int]:
        return self._known(self._pb.gid)

    @property
    def egid(self) -> Optional[int]:
        return self._known(self._pb.egid)

    @property
    def session(self) -> Optional[ProcessId]:
        """The leader of the session; its start is `None` if the leader has ended."""
        return relative(self._pb, "session_leader")

    @property
    def kernel_thread(self) -> Optional[bool]:
        return self._known(self._pb.kernel_thread)

    @property
    def credentials_changed(self) -> Optional[bool]:
        return self._known(self._pb.credentials_changed)

    @property
    def seeded(self) -> bool:
        """The broker found the task in /proc: its start is precise to 10 ms."""
        return self._pb.seeded

    @property
    def tasks(self) -> Optional[int]:
        """The live tasks of the process."""
        return self._pb.live_tasks or None

    @property
    def program(self) -> Optional[Program]:
        return Program(self._pb.program) if self._pb.HasField("program") else None


class SnapshotEnd(Value):
    """The snapshot is complete: events follow."""

    __slots__ = ("_pb",)
    kind = "snapshot_end"

    def __init__(self, pb):
        self._pb = pb

    @property
    def number(self) -> int:
        return self._pb.number

    @property
    def tasks(self) -> int:
        return self._pb.task_count

    @property
    def time_ns(self) -> int:
        return self._pb.time_ns


class Link(Value):
    """
    A change of the connection.

    `lost`: the broker has gone. `resumed`: it is back, and no event is missing. `restarted`: it is back, and events
    are missing since `lost_time_ns`; with snapshot=True a new snapshot follows.
    """

    __slots__ = ("state", "reason", "time_ns", "lost_time_ns", "tries")
    kind = "link"

    def __init__(self, state: str, reason: Optional[str], time_ns: int, lost_time_ns: int, tries: Optional[int]):
        self.state, self.reason, self.time_ns = state, reason, time_ns
        self.lost_time_ns, self.tries = lost_time_ns, tries

    @property
    def gap(self) -> bool:
        """Events are missing at this place."""
        return self.state == "restarted"


class Event(_Subject):
    """An event. The subclass says what happened."""

    __slots__ = ("number",)

    def __init__(self, pb: event_pb2.Event, number: int):
        self._pb = pb
        self.number = number

    @property
    def time_ns(self) -> int:
        """The time, in nanoseconds since 1970, on a scale that never steps."""
        return self._pb.time_ns

    @property
    def ppid(self) -> Optional[int]:
        """The number of the first parent that is known."""
        pb = self._pb
        return pb.ppid if pb.ppid or pb.HasField("maker") else None

    @property
    def cpu(self) -> Optional[int]:
        """The processor on which it happened."""
        return None if self._pb.synthesised else self._pb.cpu

    @property
    def synthesised(self) -> bool:
        """The broker made the event from another source than the kernel's event."""
        return self._pb.synthesised

    @property
    def left_filter(self) -> bool:
        """The task no longer matches the filter."""
        return self._pb.left_filter

    @property
    def restricted(self) -> bool:
        """The task belongs to another user: the event has the public fields only."""
        return self._pb.restricted


class Fork(Event):
    """A task was created."""

    __slots__ = ()
    kind = "fork"

    @property
    def parent_tid(self) -> Optional[int]:
        """The thread that the kernel names as parent."""
        pb = self._pb
        return pb.fork.parent_tid if pb.fork.parent_tid or not pb.synthesised else None

    @property
    def parent_tid_start_boot_ns(self) -> Optional[int]:
        """The start of that thread."""
        return self._pb.fork.parent_tid_start_boot_ns or None


class Exec(Event):
    """A process replaced its program."""

    __slots__ = ()
    kind = "exec"

    @property
    def program(self) -> Optional[Program]:
        return Program(self._pb.exec.program) if self._pb.exec.HasField("program") else None


class Leader(NamedTuple):
    """The leader of a process that ended with another thread."""

    pid: int
    start_boot_ns: Optional[int]
    start_time_ns: Optional[int]
    uid: int
    comm: str
    comm_stale: bool


class Exit(Event):
    """A task ended; without threads, a process. The end and the statistics then describe the process."""

    __slots__ = ()
    kind = "exit"

    @property
    def process_ended(self) -> bool:
        """The process ended with this task."""
        return self._pb.exit.process_ended

    def _end(self):
        """The message and the member with the cause of the end that exit_code and the others are about."""
        pb = self._pb.exit
        other = pb.HasField("process_termination") or pb.process_termination_missing
        return pb, "process_termination" if pb.process_ended and other else "termination"

    @property
    def termination(self) -> Optional[Termination]:
        """The cause of the end: of the process if process_ended, else of the thread."""
        return termination(*self._end())

    @property
    def thread_termination(self) -> Optional[Termination]:
        """The cause of the end of the task itself."""
        return termination(self._pb.exit, "termination")

    @property
    def exit_code(self) -> Optional[int]:
        """The exit code; None: not known, or a signal ended it."""
        end = self.termination
        return end.exit_code if end else None

    @property
    def term_signal(self) -> Optional[int]:
        """The signal that ended it; 0: it exited; None: not known."""
        end = self.termination
        return end.term_signal if end else None

    @property
    def core_dumped(self) -> Optional[bool]:
        end = self.termination
        return end.core_dumped if end else None

    @property
    def termination_missing(self) -> Optional[str]:
        """The reason why the cause is `None`: `withheld` or `unknown`."""
        pb, name = self._end()
        if pb.HasField(name):
            return None
        return "unknown" if getattr(pb, name + "_missing") == event_pb2.TERMINATION_MISSING_UNKNOWN else "withheld"

    @property
    def exit_signal(self) -> Optional[int]:
        """The signal that the parent gets."""
        pb = self._pb
        return None if pb.synthesised or pb.exit.exit_signal_missing else pb.exit.exit_signal

    @property
    def stats(self) -> Optional[TaskStats]:
        """The statistics of the task; without threads, the totals of the process."""
        pb = self._pb.exit
        return TaskStats(pb.stats) if pb.HasField("stats") else None

    @property
    def stats_missing(self) -> Optional[str]:
        """The reason why stats is `None`: `lost` or `not_witnessed`."""
        return STATS_MISSING.get(self._pb.exit.stats_missing)

    @property
    def process_stats(self) -> Optional[TaskStats]:
        """The totals of the process, if it ended."""
        pb = self._pb.exit
        if not pb.process_ended:
            return None
        return TaskStats(pb.process_stats) if pb.HasField("process_stats") else self.stats

    @property
    def program(self) -> Optional[Program]:
        return Program(self._pb.exit.program) if self._pb.exit.HasField("program") else None

    @property
    def leader(self) -> Optional[Leader]:
        """The leader, if the process ended with another thread."""
        pb = self._pb.exit
        if not pb.process_ended or not pb.HasField("leader"):
            return None
        leader = pb.leader
        return Leader(
            self._pb.pid, leader.start_boot_ns or None, leader.start_time_ns or None, leader.uid, text(leader.comm),
            leader.comm_stale,
        )


class CommChange(Event):
    """A task got a new name."""

    __slots__ = ()
    kind = "comm"

    @property
    def old_comm(self) -> Optional[str]:
        pb = self._pb
        old = pb.comm_change.old_comm
        return text(old) if old or not (pb.synthesised or pb.task_unknown) else None


class UserIds(Event):
    """The user ids of a task changed."""

    __slots__ = ()
    kind = "uid"

    @property
    def uid(self) -> Optional[int]:
        return self._pb.uid

    @property
    def real_id(self) -> int:
        return self._pb.uid_change.real_id

    @property
    def effective_id(self) -> int:
        return self._pb.uid_change.effective_id


class GroupIds(Event):
    """The group ids of a task changed."""

    __slots__ = ()
    kind = "gid"

    @property
    def real_id(self) -> int:
        return self._pb.gid_change.real_id

    @property
    def effective_id(self) -> int:
        return self._pb.gid_change.effective_id


class Session(Event):
    """A process became the leader of a new session."""

    __slots__ = ()
    kind = "sid"


class Ptrace(Event):
    """A debugger attached or detached."""

    __slots__ = ()
    kind = "ptrace"

    @property
    def tracer_pid(self) -> int:
        """The process of the debugger; 0: it detached."""
        return self._pb.ptrace.tracer_pid

    @property
    def tracer_tid(self) -> int:
        return self._pb.ptrace.tracer_tid

    @property
    def tracer(self) -> Optional[ProcessId]:
        return relative(self._pb.ptrace, "tracer")

    @property
    def tracer_start_boot_ns(self) -> Optional[int]:
        return self._pb.ptrace.tracer_start_boot_ns or None


class Coredump(Event):
    """A process is about to dump core."""

    __slots__ = ()
    kind = "coredump"


class Loss(Event):
    """
    Events were lost at this place. A loss is about no task: its pid, tid, uid and comm are `None`.

    `missing` is the number of events that this stream lacks: 0, a number, or None if it is not known.
    """

    __slots__ = ()
    kind = "loss"

    pid = tid = uid = comm = None  # type: ignore[assignment]

    @property
    def cpu(self) -> Optional[int]:
        return self._pb.cpu if self._pb.loss.cpu_known else None

    @property
    def count(self) -> Optional[int]:
        """The number of lost events or records."""
        loss = self._pb.loss
        return loss.count if loss.count or not loss.at_least else None

    @property
    def at_least(self) -> bool:
        """More may be lost than count."""
        return self._pb.loss.at_least

    @property
    def source(self) -> str:
        return LOSS_SOURCES.get(self._pb.loss.source, "unknown")

    @property
    def reason(self) -> str:
        return LOSS_REASONS.get(self._pb.loss.reason, "unknown")

    @property
    def _missing(self) -> int:
        loss = self._pb.loss
        if loss.missing:
            return loss.missing
        by_source = {SOURCE_TASKSTATS: MISSING_NONE, SOURCE_READER: MISSING_COUNTED}
        return by_source.get(loss.source, MISSING_POSSIBLE)

    @property
    def scope(self) -> str:
        """`stream`: count is about this stream; `machine`: about the whole machine."""
        return "stream" if self._missing == MISSING_COUNTED else "machine"

    @property
    def missing(self) -> Optional[int]:
        missing = self._missing
        if missing == MISSING_COUNTED:
            return self._pb.loss.count
        return None if missing == MISSING_POSSIBLE else 0

    @property
    def since_time_ns(self) -> Optional[int]:
        """The lost events happened after this time."""
        return self._pb.loss.since_time_ns or None


# The class of each member of Event.kind.
EVENT_CLASSES: dict[str, type[Event]] = {
    "fork": Fork,
    "exec": Exec,
    "exit": Exit,
    "comm_change": CommChange,
    "uid_change": UserIds,
    "gid_change": GroupIds,
    "new_session": Session,
    "ptrace": Ptrace,
    "coredump": Coredump,
    "loss": Loss,
}

KINDS = {cls.kind: number for number, cls in enumerate(EVENT_CLASSES.values(), 1)}


class TaskSample(_Subject):
    """The totals of a task, or of a process, up to now."""

    __slots__ = ()
    kind = "task_sample"

    def _known(self, value):
        return value if value or not (self._pb.task_unknown or self.gone) else None

    @property
    def pid(self) -> Optional[int]:  # type: ignore[override]
        """The process; None: gone, and the question named a task."""
        return self._pb.pid or None

    @property
    def tid(self) -> Optional[int]:  # type: ignore[override]
        """The task; for a process its leader. None: gone, and the question named a process."""
        return self._pb.tid or None

    @property
    def uid(self) -> Optional[int]:
        return self._known(self._pb.uid)

    @property
    def comm(self) -> Optional[str]:
        return self._known(text(self._pb.comm))

    @property
    def time_ns(self) -> Optional[int]:
        """The time of the kernel's answer, or of the end."""
        return self._pb.time_ns or None

    @property
    def end_time_ns(self) -> Optional[int]:
        """The time of the end; None: it lives, or the broker noticed the end in /proc, later."""
        pb = self._pb
        noticed = pb.stats_missing == event_pb2.STATS_MISSING_NOT_WITNESSED
        return pb.time_ns or None if pb.ended and not noticed else None

    @property
    def ppid(self) -> Optional[int]:
        return self._pb.parent.pid if self._pb.HasField("parent") else None

    @property
    def stats(self) -> Optional[TaskStats]:
        return TaskStats(self._pb.stats) if self._pb.HasField("stats") else None

    @property
    def stats_missing(self) -> Optional[str]:
        return STATS_MISSING.get(self._pb.stats_missing)

    @property
    def gone(self) -> bool:
        """In an answer to a question: the task does not exist, or this client may not know that it exists."""
        return self._pb.state == sample_pb2.SAMPLE_STATE_GONE

    @property
    def lost(self) -> bool:
        """The answer of the kernel was lost: stats is `None`, and the task may have run."""
        return self._pb.state == sample_pb2.SAMPLE_STATE_LOST

    @property
    def session(self) -> Optional[ProcessId]:
        """The leader of the session; its start is `None` if the leader has ended."""
        return relative(self._pb, "session_leader")

    @property
    def ended(self) -> bool:
        """The task has ended, and these are its last values."""
        return self._pb.ended

    @property
    def termination(self) -> Optional[Termination]:
        return termination(self._pb, "termination")

    @property
    def termination_missing(self) -> Optional[str]:
        pb = self._pb
        if not pb.ended or pb.HasField("termination"):
            return None
        return "unknown" if pb.termination_missing == event_pb2.TERMINATION_MISSING_UNKNOWN else "withheld"

    @property
    def tasks(self) -> Optional[int]:
        """The live threads of the process."""
        return self._pb.live_tasks or None

    @property
    def kernel_thread(self) -> Optional[bool]:
        return self._known(self._pb.kernel_thread)


class Sample(Value):
    """
    One sample: the tasks that ran, started or ended since the sample before.

    If `full`, it has every live task. `samples_lost` counts samples that are missing before this one.
    """

    __slots__ = ("_pb", "tasks", "samples_lost")
    kind = "sample"

    def __init__(self, pb, tasks: list[TaskSample], samples_lost: int):
        self._pb, self.tasks, self.samples_lost = pb, tasks, samples_lost

    @property
    def number(self) -> int:
        return self._pb.number

    @property
    def full(self) -> bool:
        return self._pb.full

    @property
    def begin_time_ns(self) -> int:
        return self._pb.begin_time_ns

    @property
    def end_time_ns(self) -> int:
        return self._pb.end_time_ns

    @property
    def span_ns(self) -> Optional[int]:
        """The time since the sample before; None in the first sample of a feed."""
        return self._pb.span_ns or None

    def _in_span(self, value: int) -> Optional[int]:
        return value if self._pb.span_ns else None

    @property
    def forks(self) -> Optional[int]:
        return self._in_span(self._pb.forks)

    @property
    def execs(self) -> Optional[int]:
        return self._in_span(self._pb.execs)

    @property
    def exits(self) -> Optional[int]:
        return self._in_span(self._pb.exits)

    @property
    def lost(self) -> Optional[int]:
        """Events that the kernel lost within the span, on the whole machine."""
        pb = self._pb
        return pb.lost if pb.lost or (pb.span_ns and not pb.lost_at_least) else None

    @property
    def lost_at_least(self) -> bool:
        return self._pb.lost_at_least
