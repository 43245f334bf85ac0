from taskbroker.v1 import event_pb2 as _event_pb2
from taskbroker.v1 import taskstats_pb2 as _taskstats_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor
SAMPLE_SCOPE_PROCESSES: SampleScope
SAMPLE_SCOPE_THREADS: SampleScope
SAMPLE_SCOPE_UNSPECIFIED: SampleScope
SAMPLE_STATE_GONE: SampleState
SAMPLE_STATE_LOST: SampleState
SAMPLE_STATE_UNSPECIFIED: SampleState

class SampleLoss(_message.Message):
    __slots__ = ["count"]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    count: int
    def __init__(self, count: _Optional[int] = ...) -> None: ...

class SamplePart(_message.Message):
    __slots__ = ["begin_time_ns", "end_time_ns", "execs", "exits", "forks", "full", "last", "lost", "lost_at_least", "number", "samples", "span_ns"]
    BEGIN_TIME_NS_FIELD_NUMBER: _ClassVar[int]
    END_TIME_NS_FIELD_NUMBER: _ClassVar[int]
    EXECS_FIELD_NUMBER: _ClassVar[int]
    EXITS_FIELD_NUMBER: _ClassVar[int]
    FORKS_FIELD_NUMBER: _ClassVar[int]
    FULL_FIELD_NUMBER: _ClassVar[int]
    LAST_FIELD_NUMBER: _ClassVar[int]
    LOST_AT_LEAST_FIELD_NUMBER: _ClassVar[int]
    LOST_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    SAMPLES_FIELD_NUMBER: _ClassVar[int]
    SPAN_NS_FIELD_NUMBER: _ClassVar[int]
    begin_time_ns: int
    end_time_ns: int
    execs: int
    exits: int
    forks: int
    full: bool
    last: bool
    lost: int
    lost_at_least: bool
    number: int
    samples: _containers.RepeatedCompositeFieldContainer[TaskSample]
    span_ns: int
    def __init__(self, samples: _Optional[_Iterable[_Union[TaskSample, _Mapping]]] = ..., number: _Optional[int] = ..., last: bool = ..., full: bool = ..., begin_time_ns: _Optional[int] = ..., end_time_ns: _Optional[int] = ..., span_ns: _Optional[int] = ..., forks: _Optional[int] = ..., execs: _Optional[int] = ..., exits: _Optional[int] = ..., lost: _Optional[int] = ..., lost_at_least: bool = ...) -> None: ...

class TaskSample(_message.Message):
    __slots__ = ["comm", "comm_stale", "ended", "kernel_thread", "live_tasks", "maker", "parent", "pid", "ppid", "session", "session_leader", "start_boot_ns", "start_time_ns", "state", "stats", "stats_missing", "task_unknown", "termination", "termination_missing", "tid", "time_ns", "uid"]
    COMM_FIELD_NUMBER: _ClassVar[int]
    COMM_STALE_FIELD_NUMBER: _ClassVar[int]
    ENDED_FIELD_NUMBER: _ClassVar[int]
    KERNEL_THREAD_FIELD_NUMBER: _ClassVar[int]
    LIVE_TASKS_FIELD_NUMBER: _ClassVar[int]
    MAKER_FIELD_NUMBER: _ClassVar[int]
    PARENT_FIELD_NUMBER: _ClassVar[int]
    PID_FIELD_NUMBER: _ClassVar[int]
    PPID_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    SESSION_LEADER_FIELD_NUMBER: _ClassVar[int]
    START_BOOT_NS_FIELD_NUMBER: _ClassVar[int]
    START_TIME_NS_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    STATS_FIELD_NUMBER: _ClassVar[int]
    STATS_MISSING_FIELD_NUMBER: _ClassVar[int]
    TASK_UNKNOWN_FIELD_NUMBER: _ClassVar[int]
    TERMINATION_FIELD_NUMBER: _ClassVar[int]
    TERMINATION_MISSING_FIELD_NUMBER: _ClassVar[int]
    TID_FIELD_NUMBER: _ClassVar[int]
    TIME_NS_FIELD_NUMBER: _ClassVar[int]
    UID_FIELD_NUMBER: _ClassVar[int]
    comm: bytes
    comm_stale: bool
    ended: bool
    kernel_thread: bool
    live_tasks: int
    maker: _event_pb2.ProcessId
    parent: _event_pb2.ProcessId
    pid: int
    ppid: int
    session: int
    session_leader: _event_pb2.ProcessId
    start_boot_ns: int
    start_time_ns: int
    state: SampleState
    stats: _taskstats_pb2.TaskStats
    stats_missing: _event_pb2.StatsMissing
    task_unknown: bool
    termination: _event_pb2.Termination
    termination_missing: _event_pb2.TerminationMissing
    tid: int
    time_ns: int
    uid: int
    def __init__(self, pid: _Optional[int] = ..., tid: _Optional[int] = ..., ppid: _Optional[int] = ..., uid: _Optional[int] = ..., comm: _Optional[bytes] = ..., start_time_ns: _Optional[int] = ..., stats: _Optional[_Union[_taskstats_pb2.TaskStats, _Mapping]] = ..., time_ns: _Optional[int] = ..., ended: bool = ..., termination: _Optional[_Union[_event_pb2.Termination, _Mapping]] = ..., stats_missing: _Optional[_Union[_event_pb2.StatsMissing, str]] = ..., live_tasks: _Optional[int] = ..., kernel_thread: bool = ..., state: _Optional[_Union[SampleState, str]] = ..., start_boot_ns: _Optional[int] = ..., termination_missing: _Optional[_Union[_event_pb2.TerminationMissing, str]] = ..., comm_stale: bool = ..., maker: _Optional[_Union[_event_pb2.ProcessId, _Mapping]] = ..., parent: _Optional[_Union[_event_pb2.ProcessId, _Mapping]] = ..., task_unknown: bool = ..., session: _Optional[int] = ..., session_leader: _Optional[_Union[_event_pb2.ProcessId, _Mapping]] = ...) -> None: ...

class TaskStatsReply(_message.Message):
    __slots__ = ["request_id", "samples"]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    SAMPLES_FIELD_NUMBER: _ClassVar[int]
    request_id: int
    samples: _containers.RepeatedCompositeFieldContainer[TaskSample]
    def __init__(self, request_id: _Optional[int] = ..., samples: _Optional[_Iterable[_Union[TaskSample, _Mapping]]] = ...) -> None: ...

class SampleScope(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class SampleState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []
