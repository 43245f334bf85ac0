# SPDX-License-Identifier: Apache-2.0
"""
Computes the events that each subscription must get, from the events of a subscription to everything:
a second reading of the comments on Subscribe and Filter in the .proto files.
"""

import copy
import fnmatch

from tb_client import KINDS, what
from tb_protocol import event_pb2
from tb_table import FIELDS, IDENTITY, Table, differences, row_of_task

DEFAULT_KINDS = ("fork", "exec", "exit")
EVERY_KIND = tuple(KINDS)

KIND_OF = {
    "fork": "fork", "exec": "exec", "exit": "exit", "comm_change": "comm", "uid_change": "uid", "gid_change": "gid",
    "new_session": "sid", "ptrace": "ptrace", "coredump": "coredump", "loss": "loss",
}

HIDDEN, SENT, LEFT = "hidden", "sent", "left"


# Kinds about the whole process, whichever thread caused them.
OF_PROCESS = ("exec", "sid", "coredump")


def cpus(text):
    out = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        out |= set(range(int(first), int(last or first) + 1))
    return out


class Subject:
    """The properties of a task that a filter looks at."""

    def __init__(self, pid, start, origin, uid, comm, program, unknown, comm_stale):
        # The process and the parent that forked it, each as number and start.
        self.process, self.origin = (pid, start), origin
        self.pid, self.uid, self.comm = pid, uid, comm
        self.cgroup = program.cgroup if program is not None else None
        self.unknown = unknown
        self.comm_stale = comm_stale


class Subscription:
    """
    One sort of subscription. `members`: the processes of its subtrees, where it has any. `named`: the starts of
    the processes that its pids name, by number. A number that no process had is not in it.
    """

    def __init__(self, kinds=DEFAULT_KINDS, threads=False, filter=None, programs=False):
        self.kinds = tuple(kinds)
        self.threads = threads
        self.filter = filter
        self.programs = programs
        self.members = None
        self.named = {}
        self.expected = []      # (step, event, whether the task left) of each event that it must get

    def __repr__(self):
        return f"Subscription(kinds={self.kinds}, threads={self.threads}, filter={self.filter}, programs={self.programs})"

    def arguments(self):
        return dict(kinds=self.kinds, threads=self.threads, filter=self.filter, programs=self.programs)

    def passes(self, subject):
        f = self.filter or {}
        if f.get("uids") and (subject.unknown or subject.uid not in f["uids"]):
            return False
        if f.get("pids") and not {subject.process, subject.origin} & set(self.named.items()):
            return False
        if f.get("subtrees") and subject.pid not in self.members:
            return False
        if f.get("comms"):
            name = subject.comm.decode("latin-1")
            unknown = subject.unknown or subject.comm_stale
            if unknown or not any(fnmatch.fnmatchcase(name, c.decode("latin-1")) for c in f["comms"]):
                return False
        if f.get("cgroups"):
            path = subject.cgroup
            if path is None or not any(path == c or path.startswith(c.rstrip(b"/") + b"/") for c in f["cgroups"]):
                return False
        return True

    def _leaves_out(self, event):
        """cpus and nonzero are about events."""
        f = self.filter or {}
        if f.get("cpus") and (event.synthesised or event.cpu not in cpus(f["cpus"])):
            return True
        if f.get("nonzero") and what(event) == "exit":
            ends = [event.exit.termination, event.exit.process_termination]
            unknown = event.exit.termination_missing or event.exit.process_termination_missing
            return not unknown and not any(end.exit_code or end.term_signal for end in ends)
        return False

    def judge(self, event, before, after):
        """`before` and `after` describe the tasks of the event's process that the event is about."""
        kind = KIND_OF[what(event)]
        if kind == "loss":
            return SENT
        was = any(self.passes(subject) for subject in before)
        now = self.passes(after)
        if not (was or now) or self._leaves_out(event):
            return HIDDEN
        if kind in ("fork", "exit") or was == now:
            return SENT if kind in self.kinds else HIDDEN
        return SENT if now else LEFT


class Oracle:
    """
    Reads `tasks` and `events` of an observer: all kinds, threads, programs, no
    filter, from a snapshot on in which no leader had ended before its process. A
    step is the number of events before it.
    """

    def __init__(self, tasks, events):
        self.tasks = tasks
        self.events = events
        self.records = {}       # by pid: the exit of a leader that ended before its process, with its record

    def steps(self):
        """
        For each event, before it is applied: (step, event, the table, the leaders
        that ended before their processes).
        """
        table = Table(self.tasks, threads=True)
        gone = {}
        self.records.clear()
        for step, event in enumerate(self.events):
            yield step, event, table, gone
            leader = table.rows.get(event.pid)
            if what(event) == "exit" and event.tid == event.pid and not event.exit.process_ended and leader is not None:
                gone[event.pid] = copy.copy(leader)
                if event.exit.HasField("stats"):
                    self.records[event.pid] = event
            elif what(event) == "exec" or (what(event) == "exit" and event.exit.process_ended):
                gone.pop(event.pid, None)
                self.records.pop(event.pid, None)
            table.apply(event)
        yield len(self.events), None, table, gone

    @staticmethod
    def _late_exec(event, table, execed):
        """
        The exec that a filter by name has not got, if the event has its name: a reading of the name, or the end of
        a process of one task. All tasks of the process are stale until then.
        """
        rows = table.of_process(event.pid)
        named = what(event) == "comm_change" and event.synthesised
        named = named or (what(event) == "exit" and event.exit.process_ended and event.exit.HasField("stats"))
        if not named or event.tid != event.pid or event.pid not in execed or not all(row.comm_stale for row in rows):
            return None
        late = type(event).FromString(event.SerializeToString())
        late.exec.SetInParent()
        late.synthesised = True
        late.ClearField("cpu")
        return late if event.tid in table.rows else None

    def _run_late(self, late, step, subscriptions, table, gone):
        """Sends it to those whose set the process enters by it."""
        before, whole = self._before(late, table, gone)
        for subscription in subscriptions:
            was = before if subscription.threads else whole
            subjects = self._after(late, table, gone)
            if not any(map(subscription.passes, was)) and subscription.judge(late, was, subjects) == SENT:
                subscription.expected.append((step, late, False))
        return [self._after(late, table, gone)]

    def run(self, subscriptions, joins=()):
        """
        Fills `expected` of each subscription. `joins` has (subscription, step) for each
        subscription with subtrees: its set is made where the first client subscribed.
        """
        joins = {id(subscription): step for subscription, step in joins}
        execed = {task.pid for task in self.tasks}
        for step, event, table, gone in self.steps():
            for subscription in subscriptions:
                if joins.get(id(subscription)) == step:
                    begin(subscription, table, gone)
            if event is None:
                return
            before, whole = self._before(event, table, gone)
            late = self._late_exec(event, table, execed)
            if late is not None:
                begun = [s for s in subscriptions if step >= joins.get(id(s), 0)]
                now = self._run_late(late, step, begun, table, gone)
                if what(event) != "exit":
                    before = whole = now
            if what(event) == "exec":
                execed.add(event.pid)
            elif what(event) == "fork" and event.tid == event.pid:
                execed.discard(event.pid)
            for subscription in subscriptions:
                if step < joins.get(id(subscription), 0):
                    continue
                self._enlarge(subscription, event, table, gone)
                seen = event if subscription.threads else of_process(event, table, gone, self.records)
                if seen is None:
                    continue
                verdict = subscription.judge(seen, before if subscription.threads else whole, self._after(seen, table, gone))
                if verdict != HIDDEN:
                    subscription.expected.append((step, seen, verdict == LEFT))
                if what(event) == "exit" and event.exit.process_ended and subscription.members is not None:
                    subscription.members.discard(event.pid)

    @staticmethod
    def _enlarge(subscription, event, table, gone):
        f = subscription.filter or {}
        if event.pid in f.get("pids", ()) and not subscription.named.get(event.pid):
            subscription.named[event.pid] = start_of(event, table, gone)
        if subscription.members is not None and what(event) == "fork" and event.tid == event.pid:
            if event.fork.parent_pid in subscription.members:
                subscription.members.add(event.pid)

    @staticmethod
    def _before(event, table, gone):
        """The event's task as it was; and, for those who get no threads, its leader."""
        if what(event) in ("fork", "loss"):
            return [], []
        program = table.programs.get(event.pid)
        tasks = [table.rows[event.tid]] if event.tid in table.rows else []
        leader = table.rows.get(event.pid) or gone.get(event.pid)
        if what(event) == "exec":
            # Any thread may have called it: all others go with it, and no other event reports so.
            tasks = table.of_process(event.pid)
        return [[subject(row, program, leader) for row in rows] for rows in (tasks, [leader] if leader else [])]

    @staticmethod
    def _after(event, table, gone):
        program = table.programs.get(event.pid)
        if what(event) == "fork" and event.tid == event.pid:
            program = table.programs.get(event.fork.parent_pid)
        if what(event) == "exec" and event.exec.HasField("program"):
            program = event.exec.program
        return Subject(
            event.pid, start_of(event, table, gone), origin_of(event, table, gone), event.uid, event.comm, program,
            event.task_unknown, event.comm_stale
        )


def of_process(event, table, gone, records):
    """
    An event as those see it who get no threads: it is about the leader, and an exit
    about the end of the process. None: it is a thread's only.
    """
    kind = KIND_OF[what(event)]
    if kind == "loss":
        return event
    if not (event.exit.process_ended if kind == "exit" else event.tid == event.pid or kind in OF_PROCESS):
        return None
    leader = table.rows.get(event.pid) or gone.get(event.pid)
    copied = type(event).FromString(event.SerializeToString())
    if event.tid != event.pid:
        unknown = leader is None or leader.task_unknown
        copied.tid = event.pid
        copied.task_unknown = unknown
        copied.uid = 0 if unknown else leader.uid
        copied.comm = b"" if unknown else leader.comm
        copied.comm_stale = leader is not None and bool(leader.comm_stale)
        copied.start_time_ns = 0 if leader is None else leader.start_time_ns
        copied.start_boot_ns = 0 if leader is None else leader.start_boot_ns
        record = records.get(event.pid)
        if kind == "exit" and record is not None:
            # The record is newer than the table.
            copied.task_unknown, copied.uid, copied.comm, copied.comm_stale = False, record.uid, record.comm, False
    if what(event) == "exit" and event.exit.process_ended:
        if event.exit.HasField("process_termination") or event.exit.process_termination_missing:
            copied.exit.termination.CopyFrom(event.exit.process_termination)
            copied.exit.termination_missing = event.exit.process_termination_missing
            if event.exit.process_termination_missing:
                copied.exit.ClearField("termination")
        copied.exit.process_termination_missing = 0
        if event.exit.HasField("process_stats"):
            copied.exit.stats.CopyFrom(event.exit.process_stats)
        copied.exit.ClearField("process_termination")
        copied.exit.ClearField("process_stats")
    return copied


def leader_of(pid, table, gone):
    row = table.rows.get(pid)
    return row if row and row.pid == pid else gone.get(pid)


def start_of(event, table, gone):
    """The start of an event's process."""
    if event.tid == event.pid:
        return event.start_boot_ns
    leader = leader_of(event.pid, table, gone)
    return leader.start_boot_ns if leader else 0


def origin_of(event, table, gone):
    """The process that forked an event's process, or the first parent that was shown."""
    leader = leader_of(event.pid, table, gone)
    if event.HasField("maker"):
        return event.maker.pid, event.maker.start_boot_ns
    return tuple(leader.origin) if leader and leader.origin else (event.ppid, 0)


def begin(subscription, table, gone):
    """The numbers of a filter name the processes that have them now."""
    f = subscription.filter
    if f.get("subtrees"):
        subscription.members = descendants(table, gone, f["subtrees"])
    leaders = {pid: leader_of(pid, table, gone) for pid in f.get("pids", ())}
    subscription.named = {pid: leader.start_boot_ns for pid, leader in leaders.items() if leader}


def subject(row, program, leader):
    origin = tuple(row.origin) if row.origin else (0, 0)
    start = leader.start_boot_ns if leader else 0
    return Subject(row.pid, start, origin, row.uid, row.comm, program, row.task_unknown, row.comm_stale)


def descendants(table, gone, roots):
    """Processes that descend from the roots by parents that live."""
    leaders = {row.pid: row for row in gone.values()}
    leaders.update({row.pid: row for row in table.rows.values() if row.tid == row.pid})
    members = set()
    for pid in leaders:
        at = pid
        path = []
        while at in leaders and at not in roots and at not in path:
            path.append(at)
            at = leaders[at].parent[0] if leaders[at].parent else None
        if at in roots:
            members |= {pid, *path}
    return members


def view(subscription, table, gone):
    """The tasks that are in a subscription's set, as its readers know them."""
    rows = {}
    if subscription.threads:
        shown = table.rows.values()
    else:
        shown = [table.rows.get(pid) or gone[pid] for pid in table.families]
    for row in shown:
        if subscription.passes(subject(row, table.programs.get(row.pid), leader_of(row.pid, table, gone))):
            rows[row.tid if subscription.threads else row.pid] = row
    return rows


class Reader:
    """A subscriber: its snapshot, and what came after it up to the mark at the end of the observer's events."""

    def __init__(self, subscription, client, mark):
        self.subscription, self.feed, self.tasks = subscription, client.feed, client.snapshot()
        # Readers by the same key have been sent the same: what is true for one is for all.
        self.key = (client.feed, client.snapshot_end.number, tuple(client.snapshot_bytes))
        self.events, self.last_number = client.until_mark(mark)

    def places(self):
        """
        The steps between which the snapshot must have been taken. Compares the events that
        came with the expected ones: the same events, in the same order, to the last.
        """
        expected = self.subscription.expected
        start = len(expected)
        if self.events:
            start -= len(self.events)
            if start < 0 or not same_fact(expected[start][1], self.events[0]):
                start = next((i for i, (_, event, _) in enumerate(expected) if same_fact(event, self.events[0])), None)
            assert start is not None, f"{self.subscription} got, and should not have got:\n{short(self.events[0])}"
        due = expected[start:]
        for i, (event, (_, original, left)) in enumerate(zip(self.events, due)):
            assert same(event, original, left), (
                f"{self.subscription}:\nafter {short(self.events[max(0, i - 1)])}\ncame {short(event)}\n"
                f"due was (left: {left}) {short(original)}"
            )
        assert len(self.events) == len(due), f"{self.subscription}: {len(self.events)} events came, {len(due)} are due"
        first = expected[start - 1][0] + 1 if start > 0 else 0
        last = due[0][0] if due else None
        return first, last


def short(event):
    """An event in a line: what a filter looks at."""
    copied = type(event).FromString(event.SerializeToString())
    if what(copied) == "exit":
        copied.exit.ClearField("stats")
        copied.exit.ClearField("process_stats")
    return " ".join(f"{field.name} {value!r}".replace("\n", " ") for field, value in copied.ListFields())


def same_fact(event, original):
    return (event.time_ns, event.tid, what(event)) == (original.time_ns, original.tid, what(original))


def same(event, original, left):
    for field in (
        "time_ns", "pid", "tid", "ppid", "maker", "parent", "uid", "comm", "start_time_ns", "cpu", "task_unknown",
        "synthesised", "comm_stale",
    ):
        if getattr(event, field) != getattr(original, field):
            return False
    if what(event) == "exit" and (
        event.exit.stats != original.exit.stats or event.exit.process_stats != original.exit.process_stats
        or event.exit.termination != original.exit.termination
        or event.exit.process_termination != original.exit.process_termination
    ):
        return False
    return what(event) == what(original) and event.left_filter == left


def check(oracle, readers, joins=()):
    """
    Compares each reader with the oracle: its events; its snapshot, which must be the table at
    one place, just before the events; and the table that it has at the end, which must be
    the set of its subscription.
    """
    subscriptions = list({id(reader.subscription): reader.subscription for reader in readers}.values())
    oracle.run(subscriptions, joins)
    feeds = {}
    for reader in readers:
        due = feeds.setdefault(id(reader.subscription), (reader.feed, reader.last_number))
        agree = (reader.feed, reader.last_number) == due
        assert agree, f"{reader.subscription}: two readers differ in the feed or the number of the mark"
    assert len({feed for feed, _ in feeds.values()}) == len(subscriptions), "two subscriptions share a feed"

    joins_of = {id(subscription): step for subscription, step in joins}
    open_ = []
    distinct = {}
    for reader in readers:
        first, last = reader.places()
        if distinct.setdefault(reader.key, reader) is reader:
            open_.append((reader, max(first, joins_of.get(id(reader.subscription), 0)), last))
    for subscription in subscriptions:
        subscription.members, subscription.named = None, {}
    nearest = {}
    for step, event, table, gone in oracle.steps():
        for subscription in subscriptions:
            if joins_of.get(id(subscription)) == step:
                begin(subscription, table, gone)
        views = {}
        still = []
        for entry in open_:
            reader, first, last = entry
            if step < first:
                still.append(entry)
                continue
            subscription = reader.subscription
            if id(subscription) not in views:
                views[id(subscription)] = view(subscription, table, gone)
            found = snapshot_differences(reader, views[id(subscription)], table)
            if not found:
                continue
            if id(reader) not in nearest or len(found) < len(nearest[id(reader)]):
                nearest[id(reader)] = found
            assert step != (len(oracle.events) if last is None else last), (
                f"{subscription}: the snapshot is that of no moment between {first} and {last}; at the nearest:\n"
                + "\n".join(nearest[id(reader)])
            )
            still.append(entry)
        open_ = still
        if event is None:
            for reader in distinct.values():
                replayed(reader, view(reader.subscription, table, gone))
            break
        for subscription in subscriptions:
            if step >= joins_of.get(id(subscription), 0):
                Oracle._enlarge(subscription, event, table, gone)
            if what(event) == "exit" and event.exit.process_ended and subscription.members is not None:
                subscription.members.discard(event.pid)
    assert not open_


def snapshot_differences(reader, due, table):
    threads = reader.subscription.threads
    rows = {task.tid if threads else task.pid: row_of_task(task) for task in reader.tasks}
    out = differences(rows, due, [field for field in FIELDS if field != "parent"])
    # An adopter is read in /proc, which is ahead of the events: init can be the parent before the parent's exit is sent.
    read_ahead = {key for key, row in rows.items() if row.parent and row.parent[0] == 1}
    held = {key: row for key, row in rows.items() if key not in read_ahead and key in due}
    out += differences(held, {key: due[key] for key in held}, ["parent"])
    for task in reader.tasks:
        if task.parent.pid and not table.of_process(task.parent.pid):
            out.append(f"{task.pid}: its parent {task.parent.pid} does not live")
        if not threads:
            live = len(table.of_process(task.pid))
            if task.live_tasks != live:
                out.append(f"{task.pid}: {task.live_tasks} tasks, due are {live}")
        program = table.programs.get(task.pid)
        # A program that was skipped at exec is read later, for snapshots.
        left_out = program is not None and program.state == event_pb2.PROGRAM_STATE_SKIPPED
        if reader.subscription.programs and task.program != program and not left_out:
            out.append(f"{task.pid}: {task.program}, due is {program}")
        if not reader.subscription.programs and task.HasField("program"):
            out.append(f"{task.pid}: a program that nobody asked for")
    return out


def replayed(reader, due):
    subscription = reader.subscription
    if subscription.filter and (subscription.filter.get("cpus") or subscription.filter.get("nonzero")):
        # These filters leave out events, so a reader cannot keep a table from them.
        return
    if not {"fork", "exit", "exec"} <= set(subscription.kinds):
        return
    table = Table(reader.tasks, threads=subscription.threads, filtered=bool(subscription.filter)).apply_all(reader.events)
    fields = FIELDS if set(subscription.kinds) >= set(EVERY_KIND) else IDENTITY
    if subscription.filter:
        # The session belongs to the process. Its leader, whose event changes it, may not be in the set.
        fields = tuple(field for field in fields if field != "session")
    found = differences(table.rows, due, fields)
    assert not found, f"{subscription}: the table that a reader has at the end:\n" + "\n".join(found)
