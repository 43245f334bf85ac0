# SPDX-License-Identifier: Apache-2.0
"""
Connections that break at any byte while the machine is at its busiest: who comes
back goes on where it was, and has, at the end, what one has that never broke.
"""

import json
import os
import random
import subprocess

import pytest
import support
from crowd import Crowd
from live import LiveTable, check_live, check_members
from recording import Control, Framed
from tb_client import ALL_KINDS, Client, Cut, what
from tb_relay import Relay
from tb_table import IDENTITY, differences, row_of_task

ROOM = ("--feed-mib", "512")

KINDS = ("plain", "orphan", "daemon", "uid", "comm", "exec", "thread", "cpu")

N_CUTS = 60
N_CUTS_OF_WATCH = 15


def length(rng, most):
    """A length of a connection: some break within the first frames, some within the snapshot, some later."""
    return rng.randrange(1, rng.choice((300, 3_000, most)))


class Traveller:
    """Has one connection after the other, and keeps what came whole."""

    def __init__(self, broker, **arguments):
        self.broker, self.arguments = broker, arguments
        self.place = None
        self.tasks = None
        self.events = []        # Numbered
        self.n_cuts = 0
        self.n_resumed = 0

    def travel(self, n_bytes, end=None):
        """A connection, until it breaks, or up to that number. Whether it got there."""
        client = Client(self.broker.path, welcome=False, limit=n_bytes)
        try:
            client.greet()
            client.subscribe(**self.arguments, resume=self.place)
            client.snapshot()
            while end is None or client.next_number < end:
                client.receive()
        except Cut:
            self.n_cuts += 1
        finally:
            client.close()
        if client.resumed or client.snapshot_end:
            self.n_resumed += client.resumed
            if not client.resumed:
                self.tasks = client.snapshot_tasks
            self.place = client.place()
            self.events += client.events
        return end is not None and self.place is not None and self.place.next_number >= end


def first_number(numbered, next_number):
    return numbered[0].number if numbered else next_number


def check_same(reference, tasks, numbered, next_number):
    """The tasks and the events of another reader of that feed, from its own first number on, equal the reference's."""
    table = LiveTable(reference.snapshot_tasks, threads=reference.arguments.get("threads", False))
    first = first_number(numbered, next_number)
    due = list(reference.events)
    while due and due[0].number < first:
        table.apply(due.pop(0).event)
    rows = {(task.tid if table.threads else task.pid): row_of_task(task) for task in tasks}
    found = differences(rows, table.rows, IDENTITY)
    assert not found, "\n".join(found)
    assert [n.number for n in numbered] == [n.number for n in due]
    for a, b in zip(numbered, due):
        assert a.event == b.event, f"number {a.number}: {a.event}, due is {b.event}"


@pytest.mark.parametrize("subscription", [dict(kinds=ALL_KINDS, threads=True), dict()], ids=["everything", "processes"])
def test_any_byte(directory, make_broker, beside, recorder, subscription):
    """A client that knows nothing but the protocol."""
    rng = random.Random(3)
    broker = make_broker(*ROOM)
    control = Control(broker)
    crowd = beside(Crowd, stay=37, kinds=KINDS)
    reference = Framed(recorder, broker, snapshot=True, **subscription).begin()
    travellers = [Traveller(broker, snapshot=True, **subscription) for _ in range(2)]
    crowd.begin()
    # The machine may have many tasks: a connection that breaks within the snapshot cannot be resumed.
    most = 20_000 + 2 * sum(task.ByteSize() for task in reference.snapshot_tasks)
    for i in range(N_CUTS):
        travellers[i % 2].travel(length(rng, most))
    crowd.stop()

    control.barrier()
    end = control.end_of(reference)
    reference.until_number(end)
    assert not [n for n in reference.events if what(n.event) == "loss"]
    for traveller in travellers:
        while not traveller.travel(length(rng, 2_000_000), end):
            pass
        assert traveller.n_resumed > N_CUTS / 8
        check_same(reference, traveller.tasks, [n for n in traveller.events if n.number < end], end)
    # A connection can break after the broker's answer and before it came.
    assert broker.status().resumed >= sum(traveller.n_resumed for traveller in travellers)

    table = LiveTable(reference.snapshot_tasks, threads=subscription.get("threads", False))
    table.apply_all(reference.events_left())
    check_live(control, reference, table)
    check_members(crowd, table, "kinds" in subscription)
    control.close()


def test_watch(directory, make_broker, beside, recorder):
    """The C library does it by itself: what `watch` writes is the snapshot, and each event once."""
    rng = random.Random(4)
    broker = make_broker(*ROOM)
    control = Control(broker)
    crowd = beside(Crowd, stay=97, kinds=KINDS)
    reference = Framed(recorder, broker, kinds=ALL_KINDS, threads=True, snapshot=True).begin()
    # The first has the snapshot, and all have the reply: else the library waits longer each time. The last is not cut.
    limits = [100_000, *(rng.randrange(1_000, 20_000) for _ in range(N_CUTS_OF_WATCH - 1))]
    relay = Relay(broker.directory / "relay", broker.path, limits)
    end = support.unique_name()
    watch = subprocess.Popen(
        [os.environ["TASKBROKER"], "--socket", str(relay.path), "watch", "--json", "--snapshot", "--threads", "-e", "all"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )
    try:
        lines = []
        crowd.begin()
        while relay.n_cut < N_CUTS_OF_WATCH:
            lines.append(json.loads(watch.stdout.readline()))
        crowd.stop()
        support.marker(end)
        while not (lines[-1]["kind"] == "exit" and lines[-1]["comm"] == end):
            lines.append(json.loads(watch.stdout.readline()))
    finally:
        watch.kill()
        watch.communicate()
        relay.close()

    links = [line for line in lines if line["kind"] == "link"]
    states = [line["state"] for line in links]
    assert "resumed" in states and states[0::2] == ["lost"] * (len(states) // 2)
    # Each cut was met, if not by a connection that had been taken up again, by one that was about to be.
    assert sum(line["tries"] for line in links[1::2]) == N_CUTS_OF_WATCH
    # After the last start from nothing nothing may be missing, and nothing be there twice.
    starts = [i for i, line in enumerate(lines) if line["kind"] == "link" and line["state"] == "restarted"]
    lines = [line for line in lines[starts[-1] + 1 if starts else 0:] if line["kind"] != "link"]
    (at,) = [i for i, line in enumerate(lines) if line["kind"] == "snapshot_end"]
    tasks, events = lines[:at], lines[at + 1:]

    control.barrier()
    reference.until_number(control.end_of(reference))
    table = LiveTable(reference.snapshot_tasks, threads=True)
    due = list(reference.events)
    while due[0].number < events[0]["number"]:
        table.apply(due.pop(0).event)
    assert {task["tid"]: (task["pid"], task["start_time_ns"]) for task in tasks} == {
        row.tid: (row.pid, row.start_time_ns) for row in table.rows.values()
    }
    due_by_number = {n.number: n.event for n in due}
    number = events[0]["number"]
    for event in events:
        assert event["number"] == number
        if event["kind"] == "loss" and event["source"] == "reader":
            # Where the machine is so busy that the library comes back too late, a loss event has the count.
            number += event["count"]
            continue
        assert (event["time_ns"], event["tid"] or 0) == (due_by_number[number].time_ns, due_by_number[number].tid)
        number += 1
    control.close()
