# SPDX-License-Identifier: Apache-2.0
"""
The live processes: a table that follows a stream.

A process is known by its number and its start. The table takes a snapshot and all values after
it, in order. It stays right over losses, reconnections, restarts of the broker, an exec by a
thread, and processes whose leader ends before other threads.
"""

from __future__ import annotations

from typing import Iterable, Iterator, Optional

from . import values
from .stats import text
from .values import ProcessId, Program, Value

Key = tuple[int, Optional[int]]


class Process:
    """A live process. A value that is not known is `None`."""

    __slots__ = (
        "pid", "start_boot_ns", "start_time_ns", "uid", "comm", "comm_stale", "maker", "parent", "session", "program",
        "kernel_thread", "task_unknown",
    )  # fmt: skip

    pid: int
    start_boot_ns: Optional[int]
    start_time_ns: Optional[int]
    uid: Optional[int]
    comm: Optional[str]
    comm_stale: bool
    # the process that forked it
    maker: Optional[ProcessId]
    # the present parent, as the last event had it: no event reports an adoption
    parent: Optional[ProcessId]
    session: Optional[ProcessId]
    # with programs=True
    program: Optional[Program]
    kernel_thread: Optional[bool]
    # the broker did not see the fork
    task_unknown: bool

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.start_boot_ns = self.start_time_ns = self.uid = self.comm = self.maker = self.parent = None
        self.session = self.program = self.kernel_thread = None
        self.comm_stale = self.task_unknown = False

    def update(self, pb) -> None:
        """Takes the fields that every message about a process has."""
        if self.start_boot_ns is None:
            self.start_boot_ns = pb.start_boot_ns or None
            self.start_time_ns = pb.start_time_ns or None
        self.task_unknown = unknown = pb.task_unknown
        uid, comm = pb.uid, pb.comm
        self.uid = uid if uid or not unknown else None
        self.comm = text(comm) if comm or not unknown else None
        self.comm_stale = pb.comm_stale
        self.parent = values.relative(pb, "parent")
        if self.maker is None:
            # most makers are the parent still, and share its object
            maker = values.relative(pb, "maker")
            self.maker = self.parent if maker == self.parent else maker

    @property
    def key(self) -> Key:
        """The identity: number and start."""
        return self.pid, self.start_boot_ns

    @property
    def id(self) -> Optional[str]:
        """The identity as a text: as in events."""
        return values.identity_text(self.pid, self.start_boot_ns or 0)

    def __repr__(self) -> str:
        return f"Process(pid={self.pid}, comm={self.comm!r}, uid={self.uid}, id={self.id!r})"


class LiveProcesses:
    """
    The live processes that a stream with a snapshot selects.

        table = LiveProcesses()
        for value in table.follow(client.events(table.KINDS, snapshot=True)):
            print(len(table))

    `complete` is false before the first snapshot, and from a gap to the next snapshot. The rows are then from before
    the gap. After a loss in the kernel the broker repairs the table with events, within about a second.
    """

    # The kinds of events that the table needs.
    KINDS = ("fork", "exec", "exit", "comm", "uid", "sid")

    def __init__(self) -> None:
        self._rows: dict[int, Process] = {}
        self._next: Optional[dict[int, Process]] = None
        self.complete = False

    # -- reading ------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[Process]:
        return iter(list(self._rows.values()))

    def __contains__(self, key: Key) -> bool:
        return self.get(key) is not None

    def __getitem__(self, key: Key) -> Process:
        row = self.get(key)
        if row is None:
            raise KeyError(key)
        return row

    def get(self, key: Key) -> Optional[Process]:
        """The process with this number and start, if it lives."""
        row = self._rows.get(key[0])
        return row if row is not None and row.start_boot_ns == key[1] else None

    def by_pid(self, pid: int) -> Optional[Process]:
        """The process that has the number now."""
        return self._rows.get(pid)

    def parent_of(self, process: Process) -> Optional[Process]:
        """The row of the present parent; `None` if it is not in the table, or has ended since."""
        return self.get(process.parent) if process.parent else None

    # -- following ----------------------------------------------------------------------

    def follow(self, stream: Iterable[Value]) -> Iterator[Value]:
        """Yields the values of a stream, each after the table has taken it."""
        for value in stream:
            self.apply(value)
            yield value

    def update(self, stream, timeout: Optional[float] = 0.0) -> list[Value]:
        """Takes the values that are there, after at most `timeout` seconds, and returns them."""
        found = stream.poll(timeout)
        for value in found:
            self.apply(value)
        return found

    def apply(self, value: Value) -> None:
        """Takes the next value of the stream."""
        if isinstance(value, values.Event):
            self._event(value)
        elif isinstance(value, values.Task):
            self._task(value)
        elif isinstance(value, values.SnapshotEnd):
            self._rows, self._next, self.complete = self._next or {}, None, True
        elif isinstance(value, values.Link):
            # a part of a snapshot never becomes a whole one on another connection
            self._next = None
            self.complete = self.complete and not value.gap

    def _task(self, task: values.Task) -> None:
        if self._next is None:
            self._next = {}
        if task.tid != task.pid and task.pid in self._next:
            return
        row = self._next[task.pid] = Process(task.pid)
        row.update(task._pb)
        row.session, row.program, row.kernel_thread = task.session, task.program, task.kernel_thread

    def _event(self, event: values.Event) -> None:
        pb = event._pb
        kind = type(event)
        if kind is values.Exit:
            self._exit(pb)
        elif kind is values.Loss:
            if pb.loss.source in (values.SOURCE_READER, values.SOURCE_FILTER):
                self.complete = False
        elif kind is values.Session:
            row = self._row(pb)
            if pb.tid == pb.pid:
                row.update(pb)
            row.session = ProcessId(pb.pid, row.start_boot_ns)
        elif pb.tid == pb.pid:
            row = self._row(pb)
            row.update(pb)
            if kind is values.Fork:
                self._inherit(row, pb)
            elif kind is values.Exec:
                row.program, row.kernel_thread = event.program, False  # type: ignore[attr-defined]
        if pb.left_filter:
            self._rows.pop(pb.pid, None)

    def _row(self, pb) -> Process:
        """The row of the event's process. A process that is not there has entered the filter's set."""
        row = self._rows.get(pb.pid)
        leader = pb.tid == pb.pid
        if row is None or (leader and row.start_boot_ns and pb.start_boot_ns and row.start_boot_ns != pb.start_boot_ns):
            row = self._rows[pb.pid] = Process(pb.pid)
        return row

    def _inherit(self, row: Process, pb) -> None:
        """A new process is like the process that made it."""
        maker = self._rows.get(pb.fork.parent_pid)
        if maker is not None and maker is not row:
            row.session, row.program = maker.session, maker.program
            row.kernel_thread = True if pb.fork.parent_pid == 2 else maker.kernel_thread

    def _exit(self, pb) -> None:
        if not pb.exit.process_ended:
            # the leader can end before its process
            return
        row = self._rows.get(pb.pid)
        start = pb.start_boot_ns if pb.tid == pb.pid else pb.exit.leader.start_boot_ns
        if row is not None and (not start or not row.start_boot_ns or row.start_boot_ns == start):
            del self._rows[pb.pid]
