# SPDX-License-Identifier: Apache-2.0
"""Groups of statistics in a subscription to events: exits have these, and no others."""

import pytest

from tb_client import BrokerError
from tb_protocol import broker_pb2, taskstats_pb2

NONE = 1
MASKS = ("unsupported_groups", "uncounted_groups", "withheld_groups")


def bit(name):
    return 1 << taskstats_pb2.StatsGroup.Value("STATS_GROUP_" + name)


def one_exit(daemon, client, tid):
    """The exit of a process that the kernel reports, with its statistics."""
    daemon.kernel.fork(tid)
    daemon.kernel.end(tid, values={"ac_utime_us": 7, "read_bytes": 8192})
    return client.event().exit


def test_some(daemon):
    """The exit has the groups that were asked for; the masks do not have the others."""
    whole = daemon.subscriber(kinds=("exit",))
    client = daemon.subscriber(kinds=("exit",), groups=bit("CPU") | bit("IO"))
    daemon.kernel.wait_listening()
    exit = one_exit(daemon, client, 100)
    all_of_it = whole.event().exit
    assert exit.stats.cpu == all_of_it.stats.cpu and exit.stats.cpu.ac_utime_us == 7
    assert exit.stats.io == all_of_it.stats.io and exit.stats.io.read_bytes == 8192
    present = {field.name for field, _ in exit.stats.ListFields()}
    assert present <= {"cpu", "io", "taskstats_version", "tasks", "tasks_missing", "tasks_unseen"}
    assert all(getattr(exit.stats, mask) == 0 for mask in MASKS)
    assert all_of_it.stats.HasField("identity") and all_of_it.stats.HasField("memory")
    # the end itself is no statistic
    assert exit.termination == all_of_it.termination and exit.HasField("termination")


def test_none(daemon):
    """Without a group there are no statistics. The event is smaller by nearly all of its size."""
    whole = daemon.subscriber(kinds=("exit",), threads=True)
    client = daemon.subscriber(kinds=("exit",), threads=True, groups=NONE)
    daemon.kernel.wait_listening()
    exit = one_exit(daemon, client, 100)
    assert not exit.HasField("stats") and not exit.HasField("process_stats")
    assert exit.stats_missing == 0 and exit.process_ended
    assert exit.ByteSize() * 4 < whole.event().exit.ByteSize()


def test_feeds(daemon):
    """Subscriptions with the same groups share a feed; a resume must ask for the same groups."""
    first, second = (daemon.subscriber(kinds=("exit",), groups=bit("CPU")) for _ in range(2))
    other = daemon.subscriber(kinds=("exit",), groups=bit("IO"))
    assert first.feed == second.feed != other.feed
    daemon.kernel.wait_listening()
    one_exit(daemon, first, 100)
    place = first.place()
    first.close()
    with pytest.raises(BrokerError) as e:
        daemon.subscriber(kinds=("exit",), resume=place)
    assert e.value.error.code == broker_pb2.ERROR_CODE_RESUME_IMPOSSIBLE
    assert daemon.subscriber(kinds=("exit",), groups=bit("CPU"), resume=place).resumed


def test_unknown_group(daemon):
    client = daemon.client()
    with pytest.raises(BrokerError) as e:
        client.subscribe(groups=1 << 30)
    assert (e.value.error.code, e.value.error.field) == (broker_pb2.ERROR_CODE_BAD_VALUE, "subscribe.groups")
    client.subscribe()
