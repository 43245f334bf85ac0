# SPDX-License-Identifier: Apache-2.0
"""
Statistics of a task or a process, where an absent value is `None` and never 0.

The groups cpu, scheduling, io, memory_integrals, executable and exit_status are the messages of
taskstats.proto: a present group has measured values only.
"""

from __future__ import annotations

from typing import Optional

from .v1 import taskstats_pb2

# The groups by number, in the order of proto/taskstats_fields.h.
GROUPS = {
    1: "identity",
    2: "cpu",
    3: "memory",
    12: "memory_integrals",
    4: "scheduling",
    5: "io",
    10: "executable",
    11: "exit_status",
    6: "cpu_delay",
    7: "delays",
    8: "delay_peaks",
    9: "delay_peak_times",
}

# The version of taskstats that introduced a field, where it is not the oldest.
SINCE = {
    "identity": {"ac_tgid": 12, "ac_btime64_s": 10, "ac_tgetime_us": 12},
    "executable": {"ac_exe_dev": 12, "ac_exe_inode": 12},
}

DELAYS = ("cpu", "blkio", "swapin", "freepages", "thrashing", "compact", "wpcopy", "irq")


def text(data: bytes) -> str:
    """A name or a path as text. os.fsencode() gives the bytes back, whatever they are."""
    return data.decode("utf-8", "surrogateescape")


def group_names(mask: int) -> frozenset[str]:
    """The names of the groups of a mask."""
    return frozenset(name for number, name in GROUPS.items() if mask >> number & 1)


class Identity:
    """The identity of the task in its record. A field that the kernel's version does not have is `None`."""

    __slots__ = ("_pb", "_version")

    def __init__(self, pb, version: int):
        self._pb, self._version = pb, version

    def _since(self, version: int, value: int) -> Optional[int]:
        return value if self._version >= version else None

    ac_pid: int = property(lambda self: self._pb.ac_pid)  # type: ignore[assignment]
    ac_ppid: int = property(lambda self: self._pb.ac_ppid)  # type: ignore[assignment]
    ac_uid: int = property(lambda self: self._pb.ac_uid)  # type: ignore[assignment]
    ac_gid: int = property(lambda self: self._pb.ac_gid)  # type: ignore[assignment]
    ac_flag: int = property(lambda self: self._pb.ac_flag)  # type: ignore[assignment]
    ac_btime_s: int = property(lambda self: self._pb.ac_btime_s)  # type: ignore[assignment]
    ac_etime_us: int = property(lambda self: self._pb.ac_etime_us)  # type: ignore[assignment]

    @property
    def ac_comm(self) -> str:
        return text(self._pb.ac_comm)

    @property
    def ac_tgid(self) -> Optional[int]:
        return self._since(12, self._pb.ac_tgid)

    @property
    def ac_btime64_s(self) -> Optional[int]:
        return self._since(10, self._pb.ac_btime64_s)

    @property
    def ac_tgetime_us(self) -> Optional[int]:
        return self._since(12, self._pb.ac_tgetime_us)


class Memory:
    """
    Page faults, and peaks of memory. A peak that is not known is `None`: a kernel thread has no memory, and the memory of a
    zombie is gone.
    """

    __slots__ = ("_pb",)

    def __init__(self, pb):
        self._pb = pb

    ac_minflt: int = property(lambda self: self._pb.ac_minflt)  # type: ignore[assignment]
    ac_majflt: int = property(lambda self: self._pb.ac_majflt)  # type: ignore[assignment]

    @property
    def hiwater_rss_kib(self) -> Optional[int]:
        return self._pb.hiwater_rss_kib or None

    @property
    def hiwater_vm_kib(self) -> Optional[int]:
        return self._pb.hiwater_vm_kib or None


class Delay:
    """One kind of waiting."""

    __slots__ = ("_pb",)

    def __init__(self, pb):
        self._pb = pb

    @property
    def count(self) -> int:
        return self._pb.count

    @property
    def total_ns(self) -> int:
        return self._pb.total_ns

    @property
    def max_ns(self) -> Optional[int]:
        return self._pb.peak.max_ns if self._pb.HasField("peak") else None

    @property
    def min_ns(self) -> Optional[int]:
        return self._pb.peak.min_ns if self._pb.HasField("peak") else None

    @property
    def max_time_ns(self) -> Optional[int]:
        return self._pb.peak.max_time_ns or None if self._pb.HasField("peak") else None


def _delay(name: str):
    def get(self) -> Optional[Delay]:
        return Delay(getattr(self._pb, name)) if self._pb.HasField(name) else None

    return property(get)


class Delays:
    """The delays of a task; None: the kernel does not measure it, or did not count it."""

    __slots__ = ("_pb",)

    def __init__(self, pb):
        self._pb = pb

    cpu: Optional[Delay] = _delay("cpu")  # type: ignore[assignment]
    blkio: Optional[Delay] = _delay("blkio")  # type: ignore[assignment]
    swapin: Optional[Delay] = _delay("swapin")  # type: ignore[assignment]
    freepages: Optional[Delay] = _delay("freepages")  # type: ignore[assignment]
    thrashing: Optional[Delay] = _delay("thrashing")  # type: ignore[assignment]
    compact: Optional[Delay] = _delay("compact")  # type: ignore[assignment]
    wpcopy: Optional[Delay] = _delay("wpcopy")  # type: ignore[assignment]
    irq: Optional[Delay] = _delay("irq")  # type: ignore[assignment]


class TaskStats:
    """The statistics of a task, or the totals of a process. An absent group is `None`; the sets give the reason."""

    __slots__ = ("_pb",)

    def __init__(self, pb: taskstats_pb2.TaskStats):
        self._pb = pb

    @property
    def identity(self) -> Optional[Identity]:
        pb = self._pb
        return Identity(pb.identity, pb.taskstats_version) if pb.HasField("identity") else None

    @property
    def cpu(self) -> Optional[taskstats_pb2.TaskStats.Cpu]:
        return self._pb.cpu if self._pb.HasField("cpu") else None

    @property
    def memory(self) -> Optional[Memory]:
        return Memory(self._pb.memory) if self._pb.HasField("memory") else None

    @property
    def memory_integrals(self) -> Optional[taskstats_pb2.TaskStats.MemoryIntegrals]:
        return self._pb.memory_integrals if self._pb.HasField("memory_integrals") else None

    @property
    def scheduling(self) -> Optional[taskstats_pb2.TaskStats.Scheduling]:
        return self._pb.scheduling if self._pb.HasField("scheduling") else None

    @property
    def io(self) -> Optional[taskstats_pb2.TaskStats.Io]:
        return self._pb.io if self._pb.HasField("io") else None

    @property
    def executable(self) -> Optional[taskstats_pb2.TaskStats.Executable]:
        return self._pb.executable if self._pb.HasField("executable") else None

    @property
    def exit_status(self) -> Optional[taskstats_pb2.TaskStats.ExitStatus]:
        return self._pb.exit_status if self._pb.HasField("exit_status") else None

    @property
    def delays(self) -> Optional[Delays]:
        return Delays(self._pb.delays) if self._pb.HasField("delays") else None

    @property
    def taskstats_version(self) -> int:
        return self._pb.taskstats_version

    @property
    def unsupported_groups(self) -> frozenset[str]:
        """Groups that this kernel does not have."""
        return group_names(self._pb.unsupported_groups)

    @property
    def uncounted_groups(self) -> frozenset[str]:
        """Groups that the kernel did not count: delay accounting was off, or not known."""
        return group_names(self._pb.uncounted_groups)

    @property
    def withheld_groups(self) -> frozenset[str]:
        """Groups that this client may not know for this task."""
        return group_names(self._pb.withheld_groups)

    @property
    def tasks(self) -> Optional[int]:
        """Totals of a process: the number of tasks in them."""
        return self._pb.task_count or None

    @property
    def tasks_missing(self) -> int:
        """Totals of a process: tasks that ended without statistics, which the totals lack."""
        return self._pb.tasks_missing

    @property
    def tasks_unseen(self) -> bool:
        """Totals of a process: the broker may not have seen all of its tasks."""
        return self._pb.tasks_unseen

    def to_dict(self) -> dict:
        """The statistics in the JSON form of `taskbroker watch --json`."""
        from .tojson import stats_dict

        return stats_dict(self._pb)

    def __repr__(self) -> str:
        return f"TaskStats({self.to_dict()})"
