from taskbroker.v1 import taskstats_pb2 as _taskstats_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor
EVENT_KIND_COMM_CHANGE: EventKind
EVENT_KIND_COREDUMP: EventKind
EVENT_KIND_EXEC: EventKind
EVENT_KIND_EXIT: EventKind
EVENT_KIND_FORK: EventKind
EVENT_KIND_GID_CHANGE: EventKind
EVENT_KIND_LOSS: EventKind
EVENT_KIND_NEW_SESSION: EventKind
EVENT_KIND_PTRACE: EventKind
EVENT_KIND_UID_CHANGE: EventKind
EVENT_KIND_UNSPECIFIED: EventKind
LOSS_MISSING_COUNTED: LossMissing
LOSS_MISSING_NONE: LossMissing
LOSS_MISSING_POSSIBLE: LossMissing
LOSS_MISSING_UNSPECIFIED: LossMissing
LOSS_REASON_FELL_BEHIND: LossReason
LOSS_REASON_MUTED: LossReason
LOSS_REASON_OVERRUN: LossReason
LOSS_REASON_OVER_BUDGET: LossReason
LOSS_REASON_UNREPORTED: LossReason
LOSS_REASON_UNSPECIFIED: LossReason
LOSS_SOURCE_CONNECTOR: LossSource
LOSS_SOURCE_FILTER: LossSource
LOSS_SOURCE_READER: LossSource
LOSS_SOURCE_TASKSTATS: LossSource
LOSS_SOURCE_UNSPECIFIED: LossSource
PROGRAM_STATE_CAPTURED: ProgramState
PROGRAM_STATE_LATE: ProgramState
PROGRAM_STATE_SKIPPED: ProgramState
PROGRAM_STATE_UNSPECIFIED: ProgramState
STATS_MISSING_LOST: StatsMissing
STATS_MISSING_NOT_WITNESSED: StatsMissing
STATS_MISSING_UNSPECIFIED: StatsMissing
TERMINATION_MISSING_UNKNOWN: TerminationMissing
TERMINATION_MISSING_UNSPECIFIED: TerminationMissing
TERMINATION_MISSING_WITHHELD: TerminationMissing

class CommChange(_message.Message):
    __slots__ = ["old_comm"]
    OLD_COMM_FIELD_NUMBER: _ClassVar[int]
    old_comm: bytes
    def __init__(self, old_comm: _Optional[bytes] = ...) -> None: ...

class Coredump(_message.Message):
    __slots__ = []
    def __init__(self) -> None: ...

class Event(_message.Message):
    __slots__ = ["comm", "comm_change", "comm_stale", "coredump", "cpu", "exec", "exit", "fork", "gid_change", "left_filter", "loss", "maker", "new_session", "parent", "pid", "ppid", "ptrace", "restricted", "start_boot_ns", "start_time_ns", "synthesised", "task_unknown", "tid", "time_ns", "uid", "uid_change"]
    COMM_CHANGE_FIELD_NUMBER: _ClassVar[int]
    COMM_FIELD_NUMBER: _ClassVar[int]
    COMM_STALE_FIELD_NUMBER: _ClassVar[int]
    COREDUMP_FIELD_NUMBER: _ClassVar[int]
    CPU_FIELD_NUMBER: _ClassVar[int]
    EXEC_FIELD_NUMBER: _ClassVar[int]
    EXIT_FIELD_NUMBER: _ClassVar[int]
    FORK_FIELD_NUMBER: _ClassVar[int]
    GID_CHANGE_FIELD_NUMBER: _ClassVar[int]
    LEFT_FILTER_FIELD_NUMBER: _ClassVar[int]
    LOSS_FIELD_NUMBER: _ClassVar[int]
    MAKER_FIELD_NUMBER: _ClassVar[int]
    NEW_SESSION_FIELD_NUMBER: _ClassVar[int]
    PARENT_FIELD_NUMBER: _ClassVar[int]
    PID_FIELD_NUMBER: _ClassVar[int]
    PPID_FIELD_NUMBER: _ClassVar[int]
    PTRACE_FIELD_NUMBER: _ClassVar[int]
    RESTRICTED_FIELD_NUMBER: _ClassVar[int]
    START_BOOT_NS_FIELD_NUMBER: _ClassVar[int]
    START_TIME_NS_FIELD_NUMBER: _ClassVar[int]
    SYNTHESISED_FIELD_NUMBER: _ClassVar[int]
    TASK_UNKNOWN_FIELD_NUMBER: _ClassVar[int]
    TID_FIELD_NUMBER: _ClassVar[int]
    TIME_NS_FIELD_NUMBER: _ClassVar[int]
    UID_CHANGE_FIELD_NUMBER: _ClassVar[int]
    UID_FIELD_NUMBER: _ClassVar[int]
    comm: bytes
    comm_change: CommChange
    comm_stale: bool
    coredump: Coredump
    cpu: int
    exec: Exec
    exit: Exit
    fork: Fork
    gid_change: IdChange
    left_filter: bool
    loss: Loss
    maker: ProcessId
    new_session: NewSession
    parent: ProcessId
    pid: int
    ppid: int
    ptrace: Ptrace
    restricted: bool
    start_boot_ns: int
    start_time_ns: int
    synthesised: bool
    task_unknown: bool
    tid: int
    time_ns: int
    uid: int
    uid_change: IdChange
    def __init__(self, fork: _Optional[_Union[Fork, _Mapping]] = ..., exec: _Optional[_Union[Exec, _Mapping]] = ..., exit: _Optional[_Union[Exit, _Mapping]] = ..., comm_change: _Optional[_Union[CommChange, _Mapping]] = ..., uid_change: _Optional[_Union[IdChange, _Mapping]] = ..., gid_change: _Optional[_Union[IdChange, _Mapping]] = ..., new_session: _Optional[_Union[NewSession, _Mapping]] = ..., ptrace: _Optional[_Union[Ptrace, _Mapping]] = ..., coredump: _Optional[_Union[Coredump, _Mapping]] = ..., loss: _Optional[_Union[Loss, _Mapping]] = ..., time_ns: _Optional[int] = ..., pid: _Optional[int] = ..., tid: _Optional[int] = ..., uid: _Optional[int] = ..., comm: _Optional[bytes] = ..., start_boot_ns: _Optional[int] = ..., maker: _Optional[_Union[ProcessId, _Mapping]] = ..., parent: _Optional[_Union[ProcessId, _Mapping]] = ..., ppid: _Optional[int] = ..., start_time_ns: _Optional[int] = ..., cpu: _Optional[int] = ..., task_unknown: bool = ..., comm_stale: bool = ..., synthesised: bool = ..., left_filter: bool = ..., restricted: bool = ...) -> None: ...

class EventBatch(_message.Message):
    __slots__ = ["events", "first_number", "realtime_offset_ns"]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    FIRST_NUMBER_FIELD_NUMBER: _ClassVar[int]
    REALTIME_OFFSET_NS_FIELD_NUMBER: _ClassVar[int]
    events: _containers.RepeatedCompositeFieldContainer[Event]
    first_number: int
    realtime_offset_ns: int
    def __init__(self, first_number: _Optional[int] = ..., realtime_offset_ns: _Optional[int] = ..., events: _Optional[_Iterable[_Union[Event, _Mapping]]] = ...) -> None: ...

class Exec(_message.Message):
    __slots__ = ["comm_stale", "program"]
    COMM_STALE_FIELD_NUMBER: _ClassVar[int]
    PROGRAM_FIELD_NUMBER: _ClassVar[int]
    comm_stale: bool
    program: Program
    def __init__(self, comm_stale: bool = ..., program: _Optional[_Union[Program, _Mapping]] = ...) -> None: ...

class Exit(_message.Message):
    __slots__ = ["exit_signal", "exit_signal_missing", "leader", "process_ended", "process_stats", "process_termination", "process_termination_missing", "program", "stats", "stats_missing", "termination", "termination_missing"]
    EXIT_SIGNAL_FIELD_NUMBER: _ClassVar[int]
    EXIT_SIGNAL_MISSING_FIELD_NUMBER: _ClassVar[int]
    LEADER_FIELD_NUMBER: _ClassVar[int]
    PROCESS_ENDED_FIELD_NUMBER: _ClassVar[int]
    PROCESS_STATS_FIELD_NUMBER: _ClassVar[int]
    PROCESS_TERMINATION_FIELD_NUMBER: _ClassVar[int]
    PROCESS_TERMINATION_MISSING_FIELD_NUMBER: _ClassVar[int]
    PROGRAM_FIELD_NUMBER: _ClassVar[int]
    STATS_FIELD_NUMBER: _ClassVar[int]
    STATS_MISSING_FIELD_NUMBER: _ClassVar[int]
    TERMINATION_FIELD_NUMBER: _ClassVar[int]
    TERMINATION_MISSING_FIELD_NUMBER: _ClassVar[int]
    exit_signal: int
    exit_signal_missing: bool
    leader: ProcessLeader
    process_ended: bool
    process_stats: _taskstats_pb2.TaskStats
    process_termination: Termination
    process_termination_missing: TerminationMissing
    program: Program
    stats: _taskstats_pb2.TaskStats
    stats_missing: StatsMissing
    termination: Termination
    termination_missing: TerminationMissing
    def __init__(self, termination: _Optional[_Union[Termination, _Mapping]] = ..., process_ended: bool = ..., stats: _Optional[_Union[_taskstats_pb2.TaskStats, _Mapping]] = ..., process_stats: _Optional[_Union[_taskstats_pb2.TaskStats, _Mapping]] = ..., stats_missing: _Optional[_Union[StatsMissing, str]] = ..., exit_signal: _Optional[int] = ..., process_termination: _Optional[_Union[Termination, _Mapping]] = ..., program: _Optional[_Union[Program, _Mapping]] = ..., termination_missing: _Optional[_Union[TerminationMissing, str]] = ..., process_termination_missing: _Optional[_Union[TerminationMissing, str]] = ..., leader: _Optional[_Union[ProcessLeader, _Mapping]] = ..., exit_signal_missing: bool = ...) -> None: ...

class Fork(_message.Message):
    __slots__ = ["parent_pid", "parent_tid", "parent_tid_start_boot_ns"]
    PARENT_PID_FIELD_NUMBER: _ClassVar[int]
    PARENT_TID_FIELD_NUMBER: _ClassVar[int]
    PARENT_TID_START_BOOT_NS_FIELD_NUMBER: _ClassVar[int]
    parent_pid: int
    parent_tid: int
    parent_tid_start_boot_ns: int
    def __init__(self, parent_tid: _Optional[int] = ..., parent_pid: _Optional[int] = ..., parent_tid_start_boot_ns: _Optional[int] = ...) -> None: ...

class IdChange(_message.Message):
    __slots__ = ["effective_id", "real_id"]
    EFFECTIVE_ID_FIELD_NUMBER: _ClassVar[int]
    REAL_ID_FIELD_NUMBER: _ClassVar[int]
    effective_id: int
    real_id: int
    def __init__(self, real_id: _Optional[int] = ..., effective_id: _Optional[int] = ...) -> None: ...

class Loss(_message.Message):
    __slots__ = ["at_least", "count", "cpu_known", "missing", "reason", "since_time_ns", "source"]
    AT_LEAST_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    CPU_KNOWN_FIELD_NUMBER: _ClassVar[int]
    MISSING_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    SINCE_TIME_NS_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    at_least: bool
    count: int
    cpu_known: bool
    missing: LossMissing
    reason: LossReason
    since_time_ns: int
    source: LossSource
    def __init__(self, count: _Optional[int] = ..., source: _Optional[_Union[LossSource, str]] = ..., reason: _Optional[_Union[LossReason, str]] = ..., at_least: bool = ..., cpu_known: bool = ..., since_time_ns: _Optional[int] = ..., missing: _Optional[_Union[LossMissing, str]] = ...) -> None: ...

class NewSession(_message.Message):
    __slots__ = []
    def __init__(self) -> None: ...

class ProcessId(_message.Message):
    __slots__ = ["pid", "start_boot_ns"]
    PID_FIELD_NUMBER: _ClassVar[int]
    START_BOOT_NS_FIELD_NUMBER: _ClassVar[int]
    pid: int
    start_boot_ns: int
    def __init__(self, pid: _Optional[int] = ..., start_boot_ns: _Optional[int] = ...) -> None: ...

class ProcessLeader(_message.Message):
    __slots__ = ["comm", "comm_stale", "start_boot_ns", "start_time_ns", "uid"]
    COMM_FIELD_NUMBER: _ClassVar[int]
    COMM_STALE_FIELD_NUMBER: _ClassVar[int]
    START_BOOT_NS_FIELD_NUMBER: _ClassVar[int]
    START_TIME_NS_FIELD_NUMBER: _ClassVar[int]
    UID_FIELD_NUMBER: _ClassVar[int]
    comm: bytes
    comm_stale: bool
    start_boot_ns: int
    start_time_ns: int
    uid: int
    def __init__(self, start_boot_ns: _Optional[int] = ..., start_time_ns: _Optional[int] = ..., uid: _Optional[int] = ..., comm: _Optional[bytes] = ..., comm_stale: bool = ...) -> None: ...

class Program(_message.Message):
    __slots__ = ["cgroup", "cmdline", "exe", "exe_withheld", "state", "truncated"]
    CGROUP_FIELD_NUMBER: _ClassVar[int]
    CMDLINE_FIELD_NUMBER: _ClassVar[int]
    EXE_FIELD_NUMBER: _ClassVar[int]
    EXE_WITHHELD_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    TRUNCATED_FIELD_NUMBER: _ClassVar[int]
    cgroup: bytes
    cmdline: bytes
    exe: bytes
    exe_withheld: bool
    state: ProgramState
    truncated: bool
    def __init__(self, state: _Optional[_Union[ProgramState, str]] = ..., cmdline: _Optional[bytes] = ..., exe: _Optional[bytes] = ..., cgroup: _Optional[bytes] = ..., truncated: bool = ..., exe_withheld: bool = ...) -> None: ...

class Ptrace(_message.Message):
    __slots__ = ["tracer", "tracer_pid", "tracer_start_boot_ns", "tracer_tid"]
    TRACER_FIELD_NUMBER: _ClassVar[int]
    TRACER_PID_FIELD_NUMBER: _ClassVar[int]
    TRACER_START_BOOT_NS_FIELD_NUMBER: _ClassVar[int]
    TRACER_TID_FIELD_NUMBER: _ClassVar[int]
    tracer: ProcessId
    tracer_pid: int
    tracer_start_boot_ns: int
    tracer_tid: int
    def __init__(self, tracer_pid: _Optional[int] = ..., tracer_tid: _Optional[int] = ..., tracer: _Optional[_Union[ProcessId, _Mapping]] = ..., tracer_start_boot_ns: _Optional[int] = ...) -> None: ...

class Termination(_message.Message):
    __slots__ = ["core_dumped", "exit_code", "term_signal"]
    CORE_DUMPED_FIELD_NUMBER: _ClassVar[int]
    EXIT_CODE_FIELD_NUMBER: _ClassVar[int]
    TERM_SIGNAL_FIELD_NUMBER: _ClassVar[int]
    core_dumped: bool
    exit_code: int
    term_signal: int
    def __init__(self, exit_code: _Optional[int] = ..., term_signal: _Optional[int] = ..., core_dumped: bool = ...) -> None: ...

class EventKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class ProgramState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class TerminationMissing(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class StatsMissing(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class LossMissing(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class LossSource(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class LossReason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []
