# SPDX-License-Identifier: Apache-2.0
"""
First the tasks, then the stream, while the machine is at its busiest: what a reader
makes of both is at each moment what there is.
"""

import random

import pytest
from crowd import Crowd
from live import LiveTable, check_live, check_members, has_changes
from recording import Control, Framed, Recording
from tb_client import ALL_KINDS, what
from tb_table import FIELDS, IDENTITY, differences, row_of_task

ROOM = ("--feed-mib", "512")

N_CLIENTS = 50


def check_join(recording, rows, table):
    """A reader's snapshot is the table as of its number, in every field that its kinds of events report."""
    found = differences(rows, table.rows, FIELDS if has_changes(recording) else IDENTITY)
    assert not found, f"{recording.arguments}, as of number {recording.snapshot_end.number}:\n" + "\n".join(found)


@pytest.mark.parametrize("kinds", [
    ("plain",),
    ("plain", "orphan", "daemon", "uid", "comm", "exec", "thread", "cpu"),
], ids=["forks", "all-sorts"])
def test_fifty_clients_in_a_storm(directory, make_broker, beside, recorder, kinds):
    """
    One after the other they take the table and the stream, while two workers make
    processes as fast as they can. The first of each subscription is read to the end
    and held against /proc. The others' snapshots are its table at their numbers, and
    their streams are the rest of its own, byte for byte: so theirs end there too.
    """
    rng = random.Random(1)
    broker = make_broker(*ROOM)
    control = Control(broker)
    subscriptions = [
        dict(kinds=ALL_KINDS, threads=True, snapshot=True),
        dict(kinds=ALL_KINDS, snapshot=True),
        dict(threads=True, snapshot=True),
        dict(snapshot=True),
    ]
    crowd = beside(Crowd, stay=97, kinds=kinds)
    first = [Framed(recorder, broker, **subscription).begin() for subscription in subscriptions]
    crowd.begin()
    others = []
    while len(others) < N_CLIENTS:
        first[0].socket.wait_bytes(rng.choice((0, 1, 50_000, 100_000)))
        subscription = dict(subscriptions[len(others) % len(subscriptions)], max_delay_ms=rng.choice((0, 0, 20)))
        others.append(Recording(recorder, broker, **subscription).begin())
    members = crowd.stop()
    assert len(members) > 4000 and len(crowd.staying()) > 10

    for i, reference in enumerate(first):
        joined = {}
        for other in others[i::len(first)]:
            assert other.feed == reference.feed
            joined.setdefault(other.next_number, []).append(other)
        table = LiveTable(reference.snapshot(), threads=reference.arguments.get("threads", False))
        control.barrier()
        number = control.end_of(reference)
        reference.until_number(number)
        assert not [n for n in reference.events if what(n.event) == "loss"]
        while True:
            due = reference.events[0].number if reference.events else number
            for other in joined.pop(due, ()):
                check_join(other, dict(rows_of(other)), table)
                rest = bytes(reference.received[reference.offsets[due]:])
                assert other.rest(len(rest)) == rest
            if not reference.events:
                break
            table.apply(reference.events.popleft().event)
        assert not joined, f"they began at {list(joined)}, of {number}"
        check_live(control, reference, table)
        check_members(crowd, table, has_changes(reference))
    control.close()
    status = broker.status()
    assert status.connector.lost == status.taskstats.lost == status.reader_lost == 0
    # Clients that come together share a snapshot.
    assert status.snapshot_subscribers == N_CLIENTS + len(first)
    assert status.snapshots <= status.snapshot_subscribers


def rows_of(recording):
    for task in recording.snapshot_tasks:
        yield task.tid if recording.arguments.get("threads") else task.pid, row_of_task(task)
