from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor
STATS_GROUP_CPU: StatsGroup
STATS_GROUP_CPU_DELAY: StatsGroup
STATS_GROUP_DELAYS: StatsGroup
STATS_GROUP_DELAY_PEAKS: StatsGroup
STATS_GROUP_DELAY_PEAK_TIMES: StatsGroup
STATS_GROUP_EXECUTABLE: StatsGroup
STATS_GROUP_EXIT_STATUS: StatsGroup
STATS_GROUP_IDENTITY: StatsGroup
STATS_GROUP_IO: StatsGroup
STATS_GROUP_MEMORY: StatsGroup
STATS_GROUP_MEMORY_INTEGRALS: StatsGroup
STATS_GROUP_SCHEDULING: StatsGroup
STATS_GROUP_UNSPECIFIED: StatsGroup

class TaskStats(_message.Message):
    __slots__ = ["cpu", "delays", "executable", "exit_status", "identity", "io", "memory", "memory_integrals", "scheduling", "task_count", "tasks_missing", "tasks_unseen", "taskstats_version", "uncounted_groups", "unsupported_groups", "withheld_groups"]
    class Cpu(_message.Message):
        __slots__ = ["ac_stime_us", "ac_stimescaled_us", "ac_utime_us", "ac_utimescaled_us", "cpu_run_real_total_ns", "cpu_run_virtual_total_ns", "cpu_scaled_run_real_total_ns"]
        AC_STIMESCALED_US_FIELD_NUMBER: _ClassVar[int]
        AC_STIME_US_FIELD_NUMBER: _ClassVar[int]
        AC_UTIMESCALED_US_FIELD_NUMBER: _ClassVar[int]
        AC_UTIME_US_FIELD_NUMBER: _ClassVar[int]
        CPU_RUN_REAL_TOTAL_NS_FIELD_NUMBER: _ClassVar[int]
        CPU_RUN_VIRTUAL_TOTAL_NS_FIELD_NUMBER: _ClassVar[int]
        CPU_SCALED_RUN_REAL_TOTAL_NS_FIELD_NUMBER: _ClassVar[int]
        ac_stime_us: int
        ac_stimescaled_us: int
        ac_utime_us: int
        ac_utimescaled_us: int
        cpu_run_real_total_ns: int
        cpu_run_virtual_total_ns: int
        cpu_scaled_run_real_total_ns: int
        def __init__(self, cpu_run_virtual_total_ns: _Optional[int] = ..., cpu_run_real_total_ns: _Optional[int] = ..., ac_utime_us: _Optional[int] = ..., ac_stime_us: _Optional[int] = ..., ac_utimescaled_us: _Optional[int] = ..., ac_stimescaled_us: _Optional[int] = ..., cpu_scaled_run_real_total_ns: _Optional[int] = ...) -> None: ...
    class Delay(_message.Message):
        __slots__ = ["count", "peak", "total_ns"]
        COUNT_FIELD_NUMBER: _ClassVar[int]
        PEAK_FIELD_NUMBER: _ClassVar[int]
        TOTAL_NS_FIELD_NUMBER: _ClassVar[int]
        count: int
        peak: TaskStats.DelayPeak
        total_ns: int
        def __init__(self, count: _Optional[int] = ..., total_ns: _Optional[int] = ..., peak: _Optional[_Union[TaskStats.DelayPeak, _Mapping]] = ...) -> None: ...
    class DelayPeak(_message.Message):
        __slots__ = ["max_ns", "max_time_ns", "min_ns"]
        MAX_NS_FIELD_NUMBER: _ClassVar[int]
        MAX_TIME_NS_FIELD_NUMBER: _ClassVar[int]
        MIN_NS_FIELD_NUMBER: _ClassVar[int]
        max_ns: int
        max_time_ns: int
        min_ns: int
        def __init__(self, max_ns: _Optional[int] = ..., min_ns: _Optional[int] = ..., max_time_ns: _Optional[int] = ...) -> None: ...
    class Delays(_message.Message):
        __slots__ = ["blkio", "compact", "cpu", "freepages", "irq", "swapin", "thrashing", "wpcopy"]
        BLKIO_FIELD_NUMBER: _ClassVar[int]
        COMPACT_FIELD_NUMBER: _ClassVar[int]
        CPU_FIELD_NUMBER: _ClassVar[int]
        FREEPAGES_FIELD_NUMBER: _ClassVar[int]
        IRQ_FIELD_NUMBER: _ClassVar[int]
        SWAPIN_FIELD_NUMBER: _ClassVar[int]
        THRASHING_FIELD_NUMBER: _ClassVar[int]
        WPCOPY_FIELD_NUMBER: _ClassVar[int]
        blkio: TaskStats.Delay
        compact: TaskStats.Delay
        cpu: TaskStats.Delay
        freepages: TaskStats.Delay
        irq: TaskStats.Delay
        swapin: TaskStats.Delay
        thrashing: TaskStats.Delay
        wpcopy: TaskStats.Delay
        def __init__(self, cpu: _Optional[_Union[TaskStats.Delay, _Mapping]] = ..., blkio: _Optional[_Union[TaskStats.Delay, _Mapping]] = ..., swapin: _Optional[_Union[TaskStats.Delay, _Mapping]] = ..., freepages: _Optional[_Union[TaskStats.Delay, _Mapping]] = ..., thrashing: _Optional[_Union[TaskStats.Delay, _Mapping]] = ..., compact: _Optional[_Union[TaskStats.Delay, _Mapping]] = ..., wpcopy: _Optional[_Union[TaskStats.Delay, _Mapping]] = ..., irq: _Optional[_Union[TaskStats.Delay, _Mapping]] = ...) -> None: ...
    class Executable(_message.Message):
        __slots__ = ["ac_exe_dev", "ac_exe_inode"]
        AC_EXE_DEV_FIELD_NUMBER: _ClassVar[int]
        AC_EXE_INODE_FIELD_NUMBER: _ClassVar[int]
        ac_exe_dev: int
        ac_exe_inode: int
        def __init__(self, ac_exe_dev: _Optional[int] = ..., ac_exe_inode: _Optional[int] = ...) -> None: ...
    class ExitStatus(_message.Message):
        __slots__ = ["ac_exitcode"]
        AC_EXITCODE_FIELD_NUMBER: _ClassVar[int]
        ac_exitcode: int
        def __init__(self, ac_exitcode: _Optional[int] = ...) -> None: ...
    class Identity(_message.Message):
        __slots__ = ["ac_btime64_s", "ac_btime_s", "ac_comm", "ac_etime_us", "ac_flag", "ac_gid", "ac_pid", "ac_ppid", "ac_tgetime_us", "ac_tgid", "ac_uid"]
        AC_BTIME64_S_FIELD_NUMBER: _ClassVar[int]
        AC_BTIME_S_FIELD_NUMBER: _ClassVar[int]
        AC_COMM_FIELD_NUMBER: _ClassVar[int]
        AC_ETIME_US_FIELD_NUMBER: _ClassVar[int]
        AC_FLAG_FIELD_NUMBER: _ClassVar[int]
        AC_GID_FIELD_NUMBER: _ClassVar[int]
        AC_PID_FIELD_NUMBER: _ClassVar[int]
        AC_PPID_FIELD_NUMBER: _ClassVar[int]
        AC_TGETIME_US_FIELD_NUMBER: _ClassVar[int]
        AC_TGID_FIELD_NUMBER: _ClassVar[int]
        AC_UID_FIELD_NUMBER: _ClassVar[int]
        ac_btime64_s: int
        ac_btime_s: int
        ac_comm: bytes
        ac_etime_us: int
        ac_flag: int
        ac_gid: int
        ac_pid: int
        ac_ppid: int
        ac_tgetime_us: int
        ac_tgid: int
        ac_uid: int
        def __init__(self, ac_pid: _Optional[int] = ..., ac_tgid: _Optional[int] = ..., ac_ppid: _Optional[int] = ..., ac_uid: _Optional[int] = ..., ac_gid: _Optional[int] = ..., ac_comm: _Optional[bytes] = ..., ac_flag: _Optional[int] = ..., ac_btime_s: _Optional[int] = ..., ac_btime64_s: _Optional[int] = ..., ac_etime_us: _Optional[int] = ..., ac_tgetime_us: _Optional[int] = ...) -> None: ...
    class Io(_message.Message):
        __slots__ = ["cancelled_write_bytes", "read_bytes", "read_char_bytes", "read_syscalls", "write_bytes", "write_char_bytes", "write_syscalls"]
        CANCELLED_WRITE_BYTES_FIELD_NUMBER: _ClassVar[int]
        READ_BYTES_FIELD_NUMBER: _ClassVar[int]
        READ_CHAR_BYTES_FIELD_NUMBER: _ClassVar[int]
        READ_SYSCALLS_FIELD_NUMBER: _ClassVar[int]
        WRITE_BYTES_FIELD_NUMBER: _ClassVar[int]
        WRITE_CHAR_BYTES_FIELD_NUMBER: _ClassVar[int]
        WRITE_SYSCALLS_FIELD_NUMBER: _ClassVar[int]
        cancelled_write_bytes: int
        read_bytes: int
        read_char_bytes: int
        read_syscalls: int
        write_bytes: int
        write_char_bytes: int
        write_syscalls: int
        def __init__(self, read_char_bytes: _Optional[int] = ..., write_char_bytes: _Optional[int] = ..., read_syscalls: _Optional[int] = ..., write_syscalls: _Optional[int] = ..., read_bytes: _Optional[int] = ..., write_bytes: _Optional[int] = ..., cancelled_write_bytes: _Optional[int] = ...) -> None: ...
    class Memory(_message.Message):
        __slots__ = ["ac_majflt", "ac_minflt", "hiwater_rss_kib", "hiwater_vm_kib"]
        AC_MAJFLT_FIELD_NUMBER: _ClassVar[int]
        AC_MINFLT_FIELD_NUMBER: _ClassVar[int]
        HIWATER_RSS_KIB_FIELD_NUMBER: _ClassVar[int]
        HIWATER_VM_KIB_FIELD_NUMBER: _ClassVar[int]
        ac_majflt: int
        ac_minflt: int
        hiwater_rss_kib: int
        hiwater_vm_kib: int
        def __init__(self, ac_minflt: _Optional[int] = ..., ac_majflt: _Optional[int] = ..., hiwater_rss_kib: _Optional[int] = ..., hiwater_vm_kib: _Optional[int] = ...) -> None: ...
    class MemoryIntegrals(_message.Message):
        __slots__ = ["coremem_mib_us", "virtmem_mib_us"]
        COREMEM_MIB_US_FIELD_NUMBER: _ClassVar[int]
        VIRTMEM_MIB_US_FIELD_NUMBER: _ClassVar[int]
        coremem_mib_us: int
        virtmem_mib_us: int
        def __init__(self, coremem_mib_us: _Optional[int] = ..., virtmem_mib_us: _Optional[int] = ...) -> None: ...
    class Scheduling(_message.Message):
        __slots__ = ["ac_nice", "ac_sched", "nivcsw", "nvcsw"]
        AC_NICE_FIELD_NUMBER: _ClassVar[int]
        AC_SCHED_FIELD_NUMBER: _ClassVar[int]
        NIVCSW_FIELD_NUMBER: _ClassVar[int]
        NVCSW_FIELD_NUMBER: _ClassVar[int]
        ac_nice: int
        ac_sched: int
        nivcsw: int
        nvcsw: int
        def __init__(self, nvcsw: _Optional[int] = ..., nivcsw: _Optional[int] = ..., ac_sched: _Optional[int] = ..., ac_nice: _Optional[int] = ...) -> None: ...
    CPU_FIELD_NUMBER: _ClassVar[int]
    DELAYS_FIELD_NUMBER: _ClassVar[int]
    EXECUTABLE_FIELD_NUMBER: _ClassVar[int]
    EXIT_STATUS_FIELD_NUMBER: _ClassVar[int]
    IDENTITY_FIELD_NUMBER: _ClassVar[int]
    IO_FIELD_NUMBER: _ClassVar[int]
    MEMORY_FIELD_NUMBER: _ClassVar[int]
    MEMORY_INTEGRALS_FIELD_NUMBER: _ClassVar[int]
    SCHEDULING_FIELD_NUMBER: _ClassVar[int]
    TASKSTATS_VERSION_FIELD_NUMBER: _ClassVar[int]
    TASKS_MISSING_FIELD_NUMBER: _ClassVar[int]
    TASKS_UNSEEN_FIELD_NUMBER: _ClassVar[int]
    TASK_COUNT_FIELD_NUMBER: _ClassVar[int]
    UNCOUNTED_GROUPS_FIELD_NUMBER: _ClassVar[int]
    UNSUPPORTED_GROUPS_FIELD_NUMBER: _ClassVar[int]
    WITHHELD_GROUPS_FIELD_NUMBER: _ClassVar[int]
    cpu: TaskStats.Cpu
    delays: TaskStats.Delays
    executable: TaskStats.Executable
    exit_status: TaskStats.ExitStatus
    identity: TaskStats.Identity
    io: TaskStats.Io
    memory: TaskStats.Memory
    memory_integrals: TaskStats.MemoryIntegrals
    scheduling: TaskStats.Scheduling
    task_count: int
    tasks_missing: int
    tasks_unseen: bool
    taskstats_version: int
    uncounted_groups: int
    unsupported_groups: int
    withheld_groups: int
    def __init__(self, identity: _Optional[_Union[TaskStats.Identity, _Mapping]] = ..., cpu: _Optional[_Union[TaskStats.Cpu, _Mapping]] = ..., memory: _Optional[_Union[TaskStats.Memory, _Mapping]] = ..., scheduling: _Optional[_Union[TaskStats.Scheduling, _Mapping]] = ..., io: _Optional[_Union[TaskStats.Io, _Mapping]] = ..., delays: _Optional[_Union[TaskStats.Delays, _Mapping]] = ..., executable: _Optional[_Union[TaskStats.Executable, _Mapping]] = ..., memory_integrals: _Optional[_Union[TaskStats.MemoryIntegrals, _Mapping]] = ..., exit_status: _Optional[_Union[TaskStats.ExitStatus, _Mapping]] = ..., taskstats_version: _Optional[int] = ..., unsupported_groups: _Optional[int] = ..., uncounted_groups: _Optional[int] = ..., withheld_groups: _Optional[int] = ..., task_count: _Optional[int] = ..., tasks_missing: _Optional[int] = ..., tasks_unseen: bool = ...) -> None: ...

class StatsGroup(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []
