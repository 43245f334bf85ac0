# SPDX-License-Identifier: Apache-2.0
"""Every version of struct taskstats, every field, against Python's own reading of the table."""

import pytest

import tb_fields
import tb_kernel
from tb_protocol import event_pb2


def exit_event(daemon, stats, send=None, tid=100):
    client = daemon.subscriber(kinds=("exit",), threads=True)
    k = daemon.kernel
    k.fork(tid)
    if send:
        send()
    else:
        k.stats(stats)
    k.exit(tid)
    return client.event()


@pytest.mark.parametrize("version", tb_fields.VERSIONS)
def test_every_field(make_daemon, version):
    daemon = make_daemon(version=version)
    stats = tb_fields.distinct(version, 100, 100)
    e = exit_event(daemon, stats)
    assert e.exit.stats_missing == event_pb2.STATS_MISSING_UNSPECIFIED
    assert str(e.exit.stats) == str(tb_fields.message(stats, version))
    assert e.exit.stats.taskstats_version == version
    client = daemon.client()
    assert client.welcome.taskstats_version == version
    assert client.status().taskstats_version == version


@pytest.mark.parametrize("version", [8, 14, 15, 16, 17])
def test_zero_is_a_measured_zero(make_daemon, version):
    """Groups are there though all their fields are 0; only an executable cannot be 0."""
    daemon = make_daemon(version=version)
    stats = tb_fields.Stats(comm=b"", ac_pid=100, ac_tgid=100)
    assert str(exit_event(daemon, stats).exit.stats) == str(tb_fields.message(stats, version))


@pytest.mark.parametrize("version", [8, 12, 15, 16, 17])
@pytest.mark.parametrize("padding", ["null_inside", "null_before"])
def test_padding_attributes(make_daemon, version, padding):
    daemon = make_daemon(version=version)
    stats = tb_fields.distinct(version, 100, 100)
    k = daemon.kernel
    e = exit_event(daemon, stats, lambda: k.stats(stats, group=stats, **{padding: True}))
    assert str(e.exit.stats) == str(tb_fields.message(stats, version))


@pytest.mark.parametrize("group_version", [0, None])
@pytest.mark.parametrize("version", [11, 14, 15, 16, 17])
def test_group_record(make_daemon, version, group_version):
    """
    The kernel's record of the process says version 0 before Linux 7.1, but it has the
    version of the task's record. It raises sums of the broker that are too small.
    """
    daemon = make_daemon(version=version)
    client = daemon.subscriber(kinds=("exit",))
    k = daemon.kernel
    k.fork(100)
    k.fork(101, pid=100)
    for tid, last in ((101, False), (100, True)):
        stats = k.make_stats(tid, 100, ac_utime_us=10, nvcsw=5)
        group = None
        if last:
            group = tb_fields.Stats(
                ac_utime_us=1000, nvcsw=70, nivcsw=7, ac_etime_us=1 << 40,
                delays={"blkio": tb_fields.DelayValue(9, 900, 1 << 50, 1)},
            )
        k.stats(stats, group=group, group_version=group_version)
        k.exit(tid, pid=100)
    e = client.event()
    assert e.exit.process_ended
    totals = e.exit.stats
    assert totals.task_count == 2
    assert totals.cpu.ac_utime_us == 1000
    assert (totals.scheduling.nvcsw, totals.scheduling.nivcsw) == (70, 7)
    assert (totals.delays.blkio.count, totals.delays.blkio.total_ns) == (9, 900)
    assert totals.identity.ac_etime_us < 1 << 40, "the kernel adds ages up, which means nothing"
    assert totals.delays.blkio.peak.max_ns == 0, "the kernel lets the last thread decide"


def test_a_longer_struct_is_read_as_the_newest_known(make_daemon):
    """Fields are only ever appended."""
    daemon = make_daemon(version=17)
    stats = tb_fields.distinct(17, 100, 100)
    k = daemon.kernel
    packed = tb_fields.pack(stats, 17, claim=99) + b"\xaa" * 64

    def send():
        nest = tb_kernel.aggregate(tb_kernel.AGGR_PID, 100, packed)
        k.taskstats_raw(tb_kernel.taskstats_message(k.next_taskstats_seq(), [nest]))

    have = exit_event(daemon, stats, send).exit.stats
    due = tb_fields.message(stats, 17)
    due.taskstats_version = 99
    assert str(have) == str(due)


def test_a_version_from_before_our_time(make_daemon):
    daemon = make_daemon()
    k = daemon.kernel
    stats = k.make_stats(100)
    packed = tb_fields.pack(stats, 8, claim=7)

    def send():
        nest = tb_kernel.aggregate(tb_kernel.AGGR_PID, 100, packed)
        k.taskstats_raw(tb_kernel.taskstats_message(k.next_taskstats_seq(), [nest]))

    e = exit_event(daemon, stats, send)
    assert not e.exit.HasField("stats")
    assert e.exit.stats_missing == event_pb2.STATS_MISSING_LOST
    assert daemon.client().status().taskstats.malformed == 1


@pytest.mark.parametrize("comm", [b"exactly-15bytes", b"\xff\xc3(", b"a"])
def test_comm(daemon, comm):
    stats = daemon.kernel.make_stats(100, comm=comm)
    assert exit_event(daemon, stats).exit.stats.identity.ac_comm == comm


@pytest.mark.parametrize("nice", [-20, -1, 0, 19])
def test_nice_is_signed(daemon, nice):
    stats = daemon.kernel.make_stats(100, ac_nice=nice)
    assert exit_event(daemon, stats).exit.stats.scheduling.ac_nice == nice


def test_largest_values(daemon):
    values = {}
    for f in tb_fields.FIELDS:
        values[f.name] = {"U8": 0xFF, "S8": 127, "U32": 0xFFFFFFFF, "U64": 0xFFFFFFFFFFFFFFFF}[f.type]
    values.update(ac_pid=100, ac_tgid=100)
    top = 0xFFFFFFFFFFFFFFFF
    delays = {d.name: tb_fields.DelayValue(top, top, top, top) for d in tb_fields.DELAYS}
    stats = tb_fields.Stats(comm=b"most", delays=delays, **values)
    assert str(exit_event(daemon, stats).exit.stats) == str(tb_fields.message(stats, 16))


def test_a_delay_that_never_happened_has_no_peak(daemon):
    delays = {"cpu": tb_fields.DelayValue(1, 10, 10, 10)}
    stats = daemon.kernel.make_stats(100, delays=delays)
    have = exit_event(daemon, stats).exit.stats.delays
    assert have.cpu.HasField("peak")
    assert have.HasField("blkio") and not have.blkio.HasField("peak")
