# SPDX-License-Identifier: Apache-2.0
"""
A reader's table of tasks: a snapshot, and the events after it. Written from what
the .proto files promise, it compares each event with its content: no task is forked
twice, and no event is about an unknown task, or about another by its number.
"""

import collections
import copy

from tb_client import what

# Fields that Task itself has. The others are derived: `program` describes the process, `tasks` is a count.
FIELDS = (
    "pid", "tid", "maker", "parent", "uid", "comm", "start_time_ns", "euid", "gid", "egid", "session", "kernel_thread",
    "credentials_changed", "seeded", "task_unknown", "comm_stale",
)

# The fields that every reader knows, whatever kinds of events it gets.
IDENTITY = ("pid", "tid", "maker", "start_time_ns")


class Row:
    """A task. Fields that the reader cannot know have the value None."""

    # origin: the first parent that was shown, which a filter looks at. Two tables may have begun at different times.
    __slots__ = (*FIELDS, "origin", "start_boot_ns")

    def __init__(self, **values):
        for field in self.__slots__:
            setattr(self, field, values.get(field))

    def __repr__(self):
        return "Row(" + ", ".join(f"{f}={getattr(self, f)!r}" for f in FIELDS) + ")"


def relative(message, name):
    """The identity of a maker or a parent; None: not known."""
    if not message.HasField(name):
        return None
    process = getattr(message, name)
    return process.pid, process.start_boot_ns


def relatives(message):
    maker, parent = relative(message, "maker"), relative(message, "parent")
    return dict(maker=maker, parent=parent, origin=maker or parent)


def row_of_task(task):
    return Row(**{field: getattr(task, field) for field in FIELDS if field not in ("maker", "parent")},
               start_boot_ns=task.start_boot_ns, **relatives(task))


def differences(rows, due, fields=FIELDS):
    """The differences between two tables of rows; a field that one of them does not know is no difference."""
    out = [f"missing: {due[key]}" for key in sorted(due.keys() - rows.keys())]
    out += [f"too many: {rows[key]}" for key in sorted(rows.keys() - due.keys())]
    for key in sorted(rows.keys() & due.keys()):
        for field in fields:
            a, b = getattr(rows[key], field), getattr(due[key], field)
            if a is not None and b is not None and a != b:
                out.append(f"{key}: {field} is {a!r}, due is {b!r}")
    return out


class Table:
    """
    With `threads` rows are by tid, else by pid. `filtered`: tasks come in and go by
    other events than their forks and exits.
    """

    def __init__(self, tasks=(), threads=False, filtered=False):
        self.threads = threads
        self.filtered = filtered
        self.rows = {}
        self.families = {}      # by pid: the keys of its rows
        self.programs = {}      # by pid
        self.past = collections.defaultdict(list)       # by pid and by tid: the events so far, for failures
        for task in tasks:
            self._put(task.tid if threads else task.pid, row_of_task(task))
            if task.HasField("program"):
                self.programs[task.pid] = task.program

    def apply(self, event):
        try:
            self._apply(event)
        except AssertionError as e:
            past = self.past[event.pid] + self.past[event.tid]
            raise AssertionError("\n".join([str(e), "The events before it:", *map(str, past)])) from None
        for number in {event.pid, event.tid}:
            self.past[number].append((what(event), event.pid, event.tid, event.time_ns, event.synthesised))

    def _apply(self, event):
        if not self.threads:
            assert event.tid == event.pid, f"a thread's identity, and no threads were asked for: {event}"
        if what(event) != "loss":
            getattr(self, "_" + what(event))(event)
        self._relate(event)
        if event.left_filter:
            assert self.filtered, f"nothing leaves what is not filtered: {event}"
            assert what(event) not in ("fork", "exit"), event
            self._remove(event)

    def _relate(self, event):
        """Each event has the present parent of its process. If that ended, the adopter is not known from events."""
        for row in self.of_process(event.pid) if what(event) != "loss" else ():
            maker = relative(event, "maker")
            # If the maker's own fork was lost, its start is known later.
            if maker and row.maker == (maker[0], 0):
                row.maker = maker
            assert row.maker is None or maker is None or row.maker == maker, f"another maker: {event}\n{row}"
            row.parent = relative(event, "parent")
        if what(event) == "exit" and event.exit.process_ended or self.filtered:
            for row in self.rows.values():
                if self.filtered or row.parent and row.parent[0] == event.pid:
                    row.parent = None

    def apply_all(self, events):
        for event in events:
            self.apply(event)
        return self

    def _key(self, event):
        return event.tid if self.threads else event.pid

    def of_process(self, pid):
        return [self.rows[key] for key in self.families.get(pid, ())]

    def _put(self, key, row):
        self.rows[key] = row
        self.families.setdefault(row.pid, set()).add(key)

    def _drop(self, key):
        row = self.rows.pop(key)
        family = self.families[row.pid]
        family.remove(key)
        if not family:
            del self.families[row.pid]
            self.programs.pop(row.pid, None)

    def _remove(self, event):
        self._drop(self._key(event))

    def _known(self, event):
        """The event's task, which it must be; made, where it came into the filter's set."""
        row = self.rows.get(self._key(event))
        if row is None:
            assert self.filtered or event.task_unknown, f"an event of a task that is not there: {event}"
            if event.task_unknown:
                return None
            row = Row(
                pid=event.pid,
                tid=event.tid,
                uid=event.uid,
                comm=event.comm,
                comm_stale=event.comm_stale,
                start_time_ns=event.start_time_ns,
                start_boot_ns=event.start_boot_ns,
                **relatives(event),
            )
            self._put(event.tid, row)
        else:
            assert row.tid == event.tid, f"of another task of the process: {event}\n{row}"
            assert row.pid == event.pid, f"of another process' task: {event}\n{row}"
            if not row.start_time_ns and row.task_unknown:
                # The fork was lost: the start is 0 until the broker knows it.
                row.start_time_ns = event.start_time_ns
            row.start_boot_ns = event.start_boot_ns
            assert row.start_time_ns == event.start_time_ns, f"of another task by that number: {event}\n{row}"
        return row

    def _fork(self, event):
        key = self._key(event)
        assert key not in self.rows, f"forked twice: {event}\n{self.rows[key]}"
        assert self.threads or event.tid == event.pid, event
        leader = event.tid == event.pid
        # A process is like the task that made it, a thread like its leader.
        like = event.fork.parent_tid if leader else event.pid
        model = self.rows.get(like if self.threads else event.fork.parent_pid)
        family = self.of_process(event.fork.parent_pid if leader else event.pid)
        row = Row(
            pid=event.pid,
            tid=event.tid,
            uid=event.uid,
            comm=event.comm,
            start_time_ns=event.start_time_ns,
            start_boot_ns=event.start_boot_ns,
            **relatives(event),
            seeded=event.synthesised,
            task_unknown=event.task_unknown,
            comm_stale=event.comm_stale,
        )
        if model is not None and model.tid == like and not event.synthesised:
            for field in ("euid", "gid", "egid", "kernel_thread", "credentials_changed"):
                setattr(row, field, getattr(model, field))
            if leader and event.fork.parent_pid == 2:
                row.kernel_thread = True
        if family and not event.synthesised:
            row.session = family[0].session
        self._put(key, row)
        if leader and event.fork.parent_pid in self.programs:
            self.programs[event.pid] = self.programs[event.fork.parent_pid]

    def _exit(self, event):
        if self._key(event) not in self.rows:
            # Its record says what it was called at the end: that may pass where the task did not.
            assert self.filtered or event.task_unknown, f"the end of a task that is not there: {event}"
            return
        self._known(event)
        assert self.threads or event.exit.process_ended, f"the process lives on: {event}"
        self._remove(event)
        if event.exit.process_ended:
            left = self.of_process(event.pid)
            assert not left, f"the process has ended, but for {left}: {event}"

    def _exec(self, event):
        others = [row for row in self.of_process(event.pid) if row.tid != event.pid]
        if self.threads and others:
            # One of them called exec, and is the leader from now on, as old as that was. None of the others lives.
            program = self.programs.get(event.pid)
            for row in others:
                self._drop(row.tid)
            row = copy.copy(others[0]) if len(others) == 1 else Row(pid=event.pid, **relatives(event))
            row.tid = event.pid
            row.start_time_ns = event.start_time_ns
            row.start_boot_ns = event.start_boot_ns
            row.task_unknown = event.task_unknown
            row.seeded = None
            self._put(event.pid, row)
            if program is not None:
                self.programs[event.pid] = program
        row = self._known(event)
        if row is None:
            return
        row.uid, row.comm, row.comm_stale = event.uid, event.comm, event.comm_stale
        row.credentials_changed = row.kernel_thread = False
        if not self.threads:
            # The event has the credentials of the thread that called exec, which may not have been the leader.
            row.euid = row.gid = row.egid = None
        if event.exec.HasField("program"):
            self.programs[event.pid] = event.exec.program

    def _comm_change(self, event):
        row = self._known(event)
        if row is not None and row.tid == event.tid:
            row.comm, row.comm_stale = event.comm, event.comm_stale

    def _uid_change(self, event):
        row = self._known(event)
        if row is not None and row.tid == event.tid:
            assert event.uid == event.uid_change.real_id
            row.uid, row.euid, row.credentials_changed = event.uid, event.uid_change.effective_id, True

    def _gid_change(self, event):
        row = self._known(event)
        if row is not None and row.tid == event.tid:
            row.gid, row.egid = event.gid_change.real_id, event.gid_change.effective_id
            row.credentials_changed = True

    def _new_session(self, event):
        self._known(event)
        for row in self.of_process(event.pid):
            row.session = event.pid

    def _ptrace(self, event):
        self._known(event)

    def _coredump(self, event):
        self._known(event)
