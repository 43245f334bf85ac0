# SPDX-License-Identifier: Apache-2.0
"""
The rules of what a client may know, written a second time: nothing here is taken from the
broker's tables. It also lets a test act as another user for a moment.
"""

import contextlib
import os

from tb_protocol import event_pb2, taskstats_pb2

PUBLIC = ("identity", "cpu", "memory", "scheduling")
WITHHELD = ("io", "executable", "memory_integrals", "exit_status")
DELAYS = ("blkio", "swapin", "freepages", "thrashing", "compact", "wpcopy", "irq")
ACORE, AXSIG = 8, 16


def group(name):
    return 1 << taskstats_pb2.StatsGroup.Value(f"STATS_GROUP_{name}")


WITHHELD_MASK = sum(
    map(
        group,
        ("IO", "DELAYS", "DELAY_PEAKS", "DELAY_PEAK_TIMES", "EXECUTABLE", "EXIT_STATUS", "MEMORY_INTEGRALS"),
    )
)


@contextlib.contextmanager
def become(uid, gid, groups=()):
    """
    This process is somebody else meanwhile, for whom it connects to. Only root can; for
    anybody else it must be who it is anyway.
    """
    if os.geteuid() != 0:
        assert (uid, gid) == (os.geteuid(), os.getegid())
        yield
        return
    before = os.getgroups()
    os.setgroups(list(groups))
    os.setegid(gid)
    os.seteuid(uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(before)


def assert_stats_restricted(stats, exit_status=False):
    """Statistics of another's task, through whatever door: what /proc keeps to the owner is not there."""
    for name in WITHHELD:
        if not (exit_status and name == "exit_status"):
            assert not stats.HasField(name), f"{name} of another's task: {stats}"
    for name in DELAYS:
        assert not stats.delays.HasField(name), f"delays.{name} of another's task: {stats}"
    assert not stats.delays.cpu.HasField("peak"), stats
    if not exit_status:
        assert not stats.identity.ac_flag & (ACORE | AXSIG), stats
    mask = WITHHELD_MASK & ~(group("EXIT_STATUS") if exit_status else 0)
    # The mask is always the same, so that it does not show which groups had data.
    assert stats.withheld_groups == mask, stats
    assert not stats.unsupported_groups & mask and not stats.uncounted_groups & mask, stats


def assert_program_restricted(program):
    assert program.exe_withheld and not program.exe, program


def assert_event_restricted(event, exit_status=False):
    """An event of another's task."""
    assert event.restricted, event
    kind = event.WhichOneof("kind")
    assert kind != "coredump" or exit_status, event
    if kind == "exec" and event.exec.HasField("program"):
        assert_program_restricted(event.exec.program)
    if kind != "exit":
        return
    if not exit_status:
        assert not event.exit.HasField("termination") and not event.exit.HasField("process_termination"), event
    for name in ("stats", "process_stats"):
        if event.exit.HasField(name):
            assert_stats_restricted(getattr(event.exit, name), exit_status)
    if event.exit.HasField("program"):
        assert_program_restricted(event.exit.program)


def assert_event_full(event, of_root):
    """An event of the client's own task has everything that root's event has."""
    assert not event.restricted, event
    assert event == of_root


def is_loss(event):
    return event.WhichOneof("kind") == "loss"


def own_loss(event):
    """A loss of this reader's own, which is exact for everybody."""
    return is_loss(event) and event.loss.source == event_pb2.LOSS_SOURCE_READER
