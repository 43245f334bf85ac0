# SPDX-License-Identifier: Apache-2.0
"""
Filters of parts of the machine, while it is at its busiest. The events of each subscription
are exactly the events that follow from a subscription to everything. The table that its
reader makes of them is, at the end, that part of /proc.
"""

import fnmatch
import pathlib
import random
import time

import pytest
import support
from crowd import CROWD_UID, Crowd
from live import LiveTable, scan
from recording import Control, Framed, Recording
from tb_client import ALL_KINDS, what
from tb_oracle import DEFAULT_KINDS, EVERY_KIND, Oracle, Subscription, same, short
from tb_table import FIELDS, IDENTITY, differences, row_of_task
from tb_wait import wait_until

ROOM = ("--feed-mib", "512")

N_CLIENTS = 50


@pytest.fixture
def group():
    """A cgroup of the test's own: its directory, and its path as processes have it."""
    with open("/proc/self/mounts") as f:
        mounts = [line.split() for line in f]
    places = [m[1] for m in mounts if m[2] == "cgroup2"] or [m[1] for m in mounts if "name=systemd" in m[3].split(",")]
    assert places, "neither a cgroup2 hierarchy is mounted nor systemd's"
    name = support.unique_name()
    directory = pathlib.Path(places[0]) / name
    directory.mkdir()
    yield directory, f"/{name}".encode()

    def remove():
        try:
            directory.rmdir()
        except OSError:
            return False
        return True

    wait_until(remove, "its last tasks have gone")


class Part:
    """A part of the machine: its subscription for the oracle, and what of /proc must be in its reader's table."""

    def __init__(self, filter, live, kinds=DEFAULT_KINDS, threads=False):
        self.subscription = Subscription(kinds, threads, filter)
        self.live = live
        self.arguments = dict(kinds=kinds, threads=threads, filter=filter, snapshot=True)

    def expected(self, tasks, leaders):
        if self.subscription.threads:
            return {tid for tid, seen in tasks.items() if self.live(seen)}
        return {seen.pid for seen in tasks.values() if self.live(leaders[seen.pid])}


def parts(crowd, cgroup):
    first, second = crowd.workers
    worker_of = {}

    def below(worker):
        # Known when the crowd is at rest.
        def live(seen):
            if not worker_of:
                worker_of.update({m.pid: m.worker for m in crowd.members})
                worker_of.update({w: w for w in crowd.workers})
            return worker_of[seen.pid] == worker
        return live

    name = crowd.name.encode()
    return [
        Part({"uids": [CROWD_UID]}, lambda seen: seen.uid == CROWD_UID, EVERY_KIND, True),
        Part({"uids": [CROWD_UID]}, lambda seen: seen.uid == CROWD_UID),
        Part({"comms": [name + b"+"]}, lambda seen: seen.comm == name + b"+", EVERY_KIND),
        Part({"comms": [name + b"-[dt]"]}, lambda seen: fnmatch.fnmatchcase(seen.comm, name + b"-[dt]"), threads=True),
        Part({"pids": [first]}, lambda seen: first in (seen.pid, seen.ppid), EVERY_KIND, True),
        Part({"pids": [second]}, lambda seen: second in (seen.pid, seen.ppid)),
        Part({"subtrees": [first]}, below(first)),
        Part({"subtrees": [second]}, below(second), EVERY_KIND, True),
        Part({"subtrees": [first], "uids": [CROWD_UID]}, lambda seen: seen.uid == CROWD_UID and below(first)(seen)),
    ], [
        Part({"subtrees": [crowd.process.pid], "cpus": "0"}, None, EVERY_KIND, True),
        Part({"subtrees": [crowd.process.pid], "nonzero": True}, None),
    ], [
        Part({"cgroups": [cgroup]}, lambda seen: cgroup_of(seen) == cgroup),
        Part({"cgroups": [cgroup]}, lambda seen: cgroup_of(seen) == cgroup, EVERY_KIND, True),
    ]


def cgroup_of(seen):
    """The cgroup of a task that ran a program in it, as far as the broker knows it."""
    lines = pathlib.Path(f"/proc/{seen.pid}/cgroup").read_bytes().splitlines()
    by_controllers = {line.split(b":")[1]: line.split(b":")[2] for line in lines}
    return by_controllers.get(b"", by_controllers.get(b"name=systemd"))


def check_events(part, expected, events):
    """The very events that are due, in their order, to the last."""
    for i, (event, (_, original, left)) in enumerate(zip(events, expected)):
        assert same(event, original, left), (
            f"{part.subscription}:\nafter {short(events[max(0, i - 1)])}\n"
            f"came {short(event)}\ndue was (left: {left}) {short(original)}"
        )
    assert len(events) == len(expected), f"{part.subscription}: {len(events)} events came, {len(expected)} are due"


def fields_of(part):
    return FIELDS if set(part.subscription.kinds) >= set(EVERY_KIND) else IDENTITY


def check_others(reference, others, events):
    """A late reader has the first one's table at its own number, and from there the very bytes of its stream."""
    table = LiveTable(reference.snapshot_tasks, threads=reference.arguments["threads"], filtered=True)
    first = reference.snapshot_end.number + 1
    waiting = sorted(others, key=lambda other: other.next_number, reverse=True)
    for i in range(len(events) + 1):
        while waiting and waiting[-1].next_number == first + i:
            other = waiting.pop()
            rows = {(t.tid if table.threads else t.pid): row_of_task(t) for t in other.snapshot_tasks}
            found = differences(rows, table.rows, IDENTITY)
            assert not found, f"{reference.arguments}, as of number {first + i - 1}:\n" + "\n".join(found)
            rest = bytes(reference.received[reference.offsets[first + i]:])
            assert other.rest(len(rest)) == rest
        if i < len(events):
            table.apply(events[i])
    assert not waiting
    return table


def test_fifty_clients_in_a_storm(directory, make_broker, group, beside, recorder):
    rng = random.Random(2)
    group_directory, cgroup = group
    broker = make_broker(*ROOM)
    control = Control(broker)
    crowd = beside(Crowd, count=1000, stay=17, groups=[group_directory],
                   kinds=("plain", "orphan", "daemon", "uid", "comm", "exec", "thread", "cpu", "group"))
    tables, of_events, of_groups = parts(crowd, cgroup)
    every = tables + of_events + of_groups

    observer = Framed(recorder, broker, kinds=ALL_KINDS, threads=True, programs=True, snapshot=True).begin()
    first = [Framed(recorder, broker, **part.arguments).begin() for part in every]
    others = [[] for _ in every]
    control.barrier()
    crowd.begin()
    for i in range(N_CLIENTS):
        observer.socket.wait_bytes(rng.choice((1, 20_000, 60_000)), crowd.has_settled)
        others[i % len(every)].append(Recording(recorder, broker, **every[i % len(every)].arguments).begin())
    crowd.settle()
    assert len(crowd.staying()) > 50

    def read_on(reference):
        reference.until_number(control.end_of(reference))
        return [n.event for n in reference.events]

    control.barrier()
    events = read_on(observer)
    assert not [e for e in events if what(e) == "loss"]
    streams = [read_on(reference) for reference in first]
    oracle = Oracle(observer.snapshot_tasks, events)
    judged = tables + of_events
    subscriptions = [part.subscription for part in judged]
    oracle.run(subscriptions, [(s, 0) for s in subscriptions if "subtrees" in s.filter])
    for part, came in zip(judged, streams):
        assert len(came) > 100
        check_events(part, part.subscription.expected, came)

    tasks, leaders = scan(crowd.pids())
    stale = LiveTable(observer.snapshot_tasks, threads=True).apply_all(events).stale
    for part, reference, late, came in zip(tables, first, others, streams):
        table = check_others(reference, late, came)
        due = part.expected(tasks, leaders)
        assert due, f"{part.subscription}: nobody is in it, the test is none"
        # The name after an exec is read from /proc, if there is the time for it.
        differ = {key for key in table.rows.keys() ^ due if "comms" not in part.subscription.filter or key not in stale}
        assert not differ, f"{part.subscription}: {[tasks.get(key) or table.rows.get(key) for key in differ]}"

    # In a storm most programs are skipped, and read later: only then events show which tasks are in the group.
    deadline = time.monotonic() + support.TIMEOUT
    for part, reference, late in zip(of_groups, first[-len(of_groups):], others[-len(of_groups):]):
        due = part.expected(tasks, leaders)
        assert due
        while True:
            table = LiveTable(reference.snapshot_tasks, threads=part.subscription.threads, filtered=True)
            table.apply_all(read_on(reference))
            if table.rows.keys() == due:
                break
            assert time.monotonic() < deadline, (
                f"{part.subscription}: missing: {[tasks[key] for key in due - table.rows.keys()]}, too many: "
                f"{[table.rows[key] for key in table.rows.keys() - due]}"
            )
            time.sleep(0.05)
        check_others(reference, late, [n.event for n in reference.events])

    control.close()
    status = broker.status()
    assert status.connector.lost == status.taskstats.lost == status.reader_lost == 0
