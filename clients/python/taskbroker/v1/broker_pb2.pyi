from taskbroker.v1 import event_pb2 as _event_pb2
from taskbroker.v1 import sample_pb2 as _sample_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

ACCESS_ALL: Access
ACCESS_OWN: Access
ACCESS_OWN_ONLY: Access
ACCESS_UNSPECIFIED: Access
DELAY_ACCOUNTING_OFF: DelayAccounting
DELAY_ACCOUNTING_ON: DelayAccounting
DELAY_ACCOUNTING_UNSPECIFIED: DelayAccounting
DELAY_ACCOUNTING_UNSUPPORTED: DelayAccounting
DESCRIPTOR: _descriptor.FileDescriptor
ERROR_CODE_ACCESS_CHANGED: ErrorCode
ERROR_CODE_BAD_FRAME: ErrorCode
ERROR_CODE_BAD_MESSAGE: ErrorCode
ERROR_CODE_BAD_VALUE: ErrorCode
ERROR_CODE_FELL_BEHIND: ErrorCode
ERROR_CODE_LIMIT: ErrorCode
ERROR_CODE_NOT_PERMITTED: ErrorCode
ERROR_CODE_QUOTA: ErrorCode
ERROR_CODE_RESUME_IMPOSSIBLE: ErrorCode
ERROR_CODE_STOPPING: ErrorCode
ERROR_CODE_TIMEOUT: ErrorCode
ERROR_CODE_TOO_LARGE: ErrorCode
ERROR_CODE_UNKNOWN_FIELD: ErrorCode
ERROR_CODE_UNREAD_REPLIES: ErrorCode
ERROR_CODE_UNSPECIFIED: ErrorCode

class BrokerStatus(_message.Message):
    __slots__ = ["broker_version", "clients", "clients_unlisted", "connections", "delay_accounting", "epoch", "kernel_release", "machine", "request_id", "service", "start_time_ns", "subscribers", "taskstats_version", "uptime_ns"]
    BROKER_VERSION_FIELD_NUMBER: _ClassVar[int]
    CLIENTS_FIELD_NUMBER: _ClassVar[int]
    CLIENTS_UNLISTED_FIELD_NUMBER: _ClassVar[int]
    CONNECTIONS_FIELD_NUMBER: _ClassVar[int]
    DELAY_ACCOUNTING_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    KERNEL_RELEASE_FIELD_NUMBER: _ClassVar[int]
    MACHINE_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    SERVICE_FIELD_NUMBER: _ClassVar[int]
    START_TIME_NS_FIELD_NUMBER: _ClassVar[int]
    SUBSCRIBERS_FIELD_NUMBER: _ClassVar[int]
    TASKSTATS_VERSION_FIELD_NUMBER: _ClassVar[int]
    UPTIME_NS_FIELD_NUMBER: _ClassVar[int]
    broker_version: str
    clients: _containers.RepeatedCompositeFieldContainer[ClientCount]
    clients_unlisted: int
    connections: int
    delay_accounting: DelayAccounting
    epoch: int
    kernel_release: str
    machine: MachineStatus
    request_id: int
    service: ServiceStatus
    start_time_ns: int
    subscribers: int
    taskstats_version: int
    uptime_ns: int
    def __init__(self, request_id: _Optional[int] = ..., broker_version: _Optional[str] = ..., epoch: _Optional[int] = ..., start_time_ns: _Optional[int] = ..., uptime_ns: _Optional[int] = ..., kernel_release: _Optional[str] = ..., taskstats_version: _Optional[int] = ..., delay_accounting: _Optional[_Union[DelayAccounting, str]] = ..., subscribers: _Optional[int] = ..., connections: _Optional[int] = ..., machine: _Optional[_Union[MachineStatus, _Mapping]] = ..., service: _Optional[_Union[ServiceStatus, _Mapping]] = ..., clients: _Optional[_Iterable[_Union[ClientCount, _Mapping]]] = ..., clients_unlisted: _Optional[int] = ...) -> None: ...

class ChangeFilter(_message.Message):
    __slots__ = ["filter", "starts", "stream"]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    STARTS_FIELD_NUMBER: _ClassVar[int]
    STREAM_FIELD_NUMBER: _ClassVar[int]
    filter: Filter
    starts: FilterStarts
    stream: int
    def __init__(self, stream: _Optional[int] = ..., filter: _Optional[_Union[Filter, _Mapping]] = ..., starts: _Optional[_Union[FilterStarts, _Mapping]] = ...) -> None: ...

class ClientCount(_message.Message):
    __slots__ = ["connections", "name", "streams", "uid", "version"]
    CONNECTIONS_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    STREAMS_FIELD_NUMBER: _ClassVar[int]
    UID_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    connections: int
    name: str
    streams: int
    uid: int
    version: str
    def __init__(self, uid: _Optional[int] = ..., name: _Optional[str] = ..., version: _Optional[str] = ..., connections: _Optional[int] = ..., streams: _Optional[int] = ...) -> None: ...

class ClientInfo(_message.Message):
    __slots__ = ["name", "version"]
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    name: str
    version: str
    def __init__(self, name: _Optional[str] = ..., version: _Optional[str] = ...) -> None: ...

class ClientMessage(_message.Message):
    __slots__ = ["change_filter", "client", "get_broker_status", "get_snapshot", "get_task_stats", "ping", "request_id", "subscribe", "subscribe_samples", "unsubscribe"]
    CHANGE_FILTER_FIELD_NUMBER: _ClassVar[int]
    CLIENT_FIELD_NUMBER: _ClassVar[int]
    GET_BROKER_STATUS_FIELD_NUMBER: _ClassVar[int]
    GET_SNAPSHOT_FIELD_NUMBER: _ClassVar[int]
    GET_TASK_STATS_FIELD_NUMBER: _ClassVar[int]
    PING_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    SUBSCRIBE_FIELD_NUMBER: _ClassVar[int]
    SUBSCRIBE_SAMPLES_FIELD_NUMBER: _ClassVar[int]
    UNSUBSCRIBE_FIELD_NUMBER: _ClassVar[int]
    change_filter: ChangeFilter
    client: ClientInfo
    get_broker_status: GetBrokerStatus
    get_snapshot: GetSnapshot
    get_task_stats: GetTaskStats
    ping: Ping
    request_id: int
    subscribe: Subscribe
    subscribe_samples: SubscribeSamples
    unsubscribe: Unsubscribe
    def __init__(self, request_id: _Optional[int] = ..., client: _Optional[_Union[ClientInfo, _Mapping]] = ..., subscribe: _Optional[_Union[Subscribe, _Mapping]] = ..., get_broker_status: _Optional[_Union[GetBrokerStatus, _Mapping]] = ..., get_task_stats: _Optional[_Union[GetTaskStats, _Mapping]] = ..., subscribe_samples: _Optional[_Union[SubscribeSamples, _Mapping]] = ..., unsubscribe: _Optional[_Union[Unsubscribe, _Mapping]] = ..., change_filter: _Optional[_Union[ChangeFilter, _Mapping]] = ..., get_snapshot: _Optional[_Union[GetSnapshot, _Mapping]] = ..., ping: _Optional[_Union[Ping, _Mapping]] = ...) -> None: ...

class Error(_message.Message):
    __slots__ = ["closing", "code", "field", "lost", "message", "request_id"]
    CLOSING_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    FIELD_FIELD_NUMBER: _ClassVar[int]
    LOST_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    closing: bool
    code: ErrorCode
    field: str
    lost: int
    message: str
    request_id: int
    def __init__(self, request_id: _Optional[int] = ..., code: _Optional[_Union[ErrorCode, str]] = ..., message: _Optional[str] = ..., field: _Optional[str] = ..., closing: bool = ..., lost: _Optional[int] = ...) -> None: ...

class Filter(_message.Message):
    __slots__ = ["cgroups", "comms", "cpus", "nonzero", "pids", "subtrees", "uids"]
    CGROUPS_FIELD_NUMBER: _ClassVar[int]
    COMMS_FIELD_NUMBER: _ClassVar[int]
    CPUS_FIELD_NUMBER: _ClassVar[int]
    NONZERO_FIELD_NUMBER: _ClassVar[int]
    PIDS_FIELD_NUMBER: _ClassVar[int]
    SUBTREES_FIELD_NUMBER: _ClassVar[int]
    UIDS_FIELD_NUMBER: _ClassVar[int]
    cgroups: _containers.RepeatedScalarFieldContainer[bytes]
    comms: _containers.RepeatedScalarFieldContainer[bytes]
    cpus: str
    nonzero: bool
    pids: _containers.RepeatedScalarFieldContainer[int]
    subtrees: _containers.RepeatedScalarFieldContainer[int]
    uids: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, uids: _Optional[_Iterable[int]] = ..., pids: _Optional[_Iterable[int]] = ..., subtrees: _Optional[_Iterable[int]] = ..., comms: _Optional[_Iterable[bytes]] = ..., cgroups: _Optional[_Iterable[bytes]] = ..., cpus: _Optional[str] = ..., nonzero: bool = ...) -> None: ...

class FilterStarts(_message.Message):
    __slots__ = ["pids", "subtrees"]
    PIDS_FIELD_NUMBER: _ClassVar[int]
    SUBTREES_FIELD_NUMBER: _ClassVar[int]
    pids: _containers.RepeatedScalarFieldContainer[int]
    subtrees: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, pids: _Optional[_Iterable[int]] = ..., subtrees: _Optional[_Iterable[int]] = ...) -> None: ...

class GetBrokerStatus(_message.Message):
    __slots__ = []
    def __init__(self) -> None: ...

class GetSnapshot(_message.Message):
    __slots__ = ["stream"]
    STREAM_FIELD_NUMBER: _ClassVar[int]
    stream: int
    def __init__(self, stream: _Optional[int] = ...) -> None: ...

class GetTaskStats(_message.Message):
    __slots__ = ["pids", "tids"]
    PIDS_FIELD_NUMBER: _ClassVar[int]
    TIDS_FIELD_NUMBER: _ClassVar[int]
    pids: _containers.RepeatedScalarFieldContainer[int]
    tids: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, pids: _Optional[_Iterable[int]] = ..., tids: _Optional[_Iterable[int]] = ...) -> None: ...

class KindCount(_message.Message):
    __slots__ = ["count", "kind"]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    count: int
    kind: _event_pb2.EventKind
    def __init__(self, kind: _Optional[_Union[_event_pb2.EventKind, str]] = ..., count: _Optional[int] = ...) -> None: ...

class MachineStatus(_message.Message):
    __slots__ = ["connector", "foreign_acks", "live_processes", "live_tasks", "taskstats"]
    CONNECTOR_FIELD_NUMBER: _ClassVar[int]
    FOREIGN_ACKS_FIELD_NUMBER: _ClassVar[int]
    LIVE_PROCESSES_FIELD_NUMBER: _ClassVar[int]
    LIVE_TASKS_FIELD_NUMBER: _ClassVar[int]
    TASKSTATS_FIELD_NUMBER: _ClassVar[int]
    connector: SourceLosses
    foreign_acks: int
    live_processes: int
    live_tasks: int
    taskstats: SourceLosses
    def __init__(self, live_tasks: _Optional[int] = ..., live_processes: _Optional[int] = ..., foreign_acks: _Optional[int] = ..., connector: _Optional[_Union[SourceLosses, _Mapping]] = ..., taskstats: _Optional[_Union[SourceLosses, _Mapping]] = ...) -> None: ...

class Named(_message.Message):
    __slots__ = ["starts"]
    STARTS_FIELD_NUMBER: _ClassVar[int]
    starts: FilterStarts
    def __init__(self, starts: _Optional[_Union[FilterStarts, _Mapping]] = ...) -> None: ...

class Ping(_message.Message):
    __slots__ = []
    def __init__(self) -> None: ...

class Pong(_message.Message):
    __slots__ = ["request_id", "time_ns"]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    TIME_NS_FIELD_NUMBER: _ClassVar[int]
    request_id: int
    time_ns: int
    def __init__(self, request_id: _Optional[int] = ..., time_ns: _Optional[int] = ...) -> None: ...

class Restarted(_message.Message):
    __slots__ = ["feed", "next_number", "request_id", "starts", "unsent"]
    FEED_FIELD_NUMBER: _ClassVar[int]
    NEXT_NUMBER_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    STARTS_FIELD_NUMBER: _ClassVar[int]
    UNSENT_FIELD_NUMBER: _ClassVar[int]
    feed: int
    next_number: int
    request_id: int
    starts: FilterStarts
    unsent: int
    def __init__(self, request_id: _Optional[int] = ..., feed: _Optional[int] = ..., next_number: _Optional[int] = ..., starts: _Optional[_Union[FilterStarts, _Mapping]] = ..., unsent: _Optional[int] = ...) -> None: ...

class Resume(_message.Message):
    __slots__ = ["epoch", "feed", "next_number"]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    FEED_FIELD_NUMBER: _ClassVar[int]
    NEXT_NUMBER_FIELD_NUMBER: _ClassVar[int]
    epoch: int
    feed: int
    next_number: int
    def __init__(self, epoch: _Optional[int] = ..., feed: _Optional[int] = ..., next_number: _Optional[int] = ...) -> None: ...

class ServerMessage(_message.Message):
    __slots__ = ["broker_status", "error", "event_batch", "named", "pong", "restarted", "sample_loss", "sample_part", "snapshot_end", "snapshot_part", "stream", "subscribed", "subscribed_samples", "task_stats_reply", "unsubscribed", "welcome"]
    BROKER_STATUS_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    EVENT_BATCH_FIELD_NUMBER: _ClassVar[int]
    NAMED_FIELD_NUMBER: _ClassVar[int]
    PONG_FIELD_NUMBER: _ClassVar[int]
    RESTARTED_FIELD_NUMBER: _ClassVar[int]
    SAMPLE_LOSS_FIELD_NUMBER: _ClassVar[int]
    SAMPLE_PART_FIELD_NUMBER: _ClassVar[int]
    SNAPSHOT_END_FIELD_NUMBER: _ClassVar[int]
    SNAPSHOT_PART_FIELD_NUMBER: _ClassVar[int]
    STREAM_FIELD_NUMBER: _ClassVar[int]
    SUBSCRIBED_FIELD_NUMBER: _ClassVar[int]
    SUBSCRIBED_SAMPLES_FIELD_NUMBER: _ClassVar[int]
    TASK_STATS_REPLY_FIELD_NUMBER: _ClassVar[int]
    UNSUBSCRIBED_FIELD_NUMBER: _ClassVar[int]
    WELCOME_FIELD_NUMBER: _ClassVar[int]
    broker_status: BrokerStatus
    error: Error
    event_batch: _event_pb2.EventBatch
    named: Named
    pong: Pong
    restarted: Restarted
    sample_loss: _sample_pb2.SampleLoss
    sample_part: _sample_pb2.SamplePart
    snapshot_end: SnapshotEnd
    snapshot_part: SnapshotPart
    stream: int
    subscribed: Subscribed
    subscribed_samples: SubscribedSamples
    task_stats_reply: _sample_pb2.TaskStatsReply
    unsubscribed: Unsubscribed
    welcome: Welcome
    def __init__(self, stream: _Optional[int] = ..., welcome: _Optional[_Union[Welcome, _Mapping]] = ..., event_batch: _Optional[_Union[_event_pb2.EventBatch, _Mapping]] = ..., error: _Optional[_Union[Error, _Mapping]] = ..., subscribed: _Optional[_Union[Subscribed, _Mapping]] = ..., broker_status: _Optional[_Union[BrokerStatus, _Mapping]] = ..., snapshot_part: _Optional[_Union[SnapshotPart, _Mapping]] = ..., snapshot_end: _Optional[_Union[SnapshotEnd, _Mapping]] = ..., task_stats_reply: _Optional[_Union[_sample_pb2.TaskStatsReply, _Mapping]] = ..., subscribed_samples: _Optional[_Union[SubscribedSamples, _Mapping]] = ..., sample_part: _Optional[_Union[_sample_pb2.SamplePart, _Mapping]] = ..., sample_loss: _Optional[_Union[_sample_pb2.SampleLoss, _Mapping]] = ..., named: _Optional[_Union[Named, _Mapping]] = ..., unsubscribed: _Optional[_Union[Unsubscribed, _Mapping]] = ..., restarted: _Optional[_Union[Restarted, _Mapping]] = ..., pong: _Optional[_Union[Pong, _Mapping]] = ...) -> None: ...

class ServiceStatus(_message.Message):
    __slots__ = ["broker_cpu_ns", "client_bytes", "closed_for_errors", "closed_for_strict", "connector", "events", "feed_bytes", "feeds", "log_lines_dropped", "program_bytes", "programs_captured", "programs_late", "programs_refused", "programs_skipped", "reader_lost", "rechecks_done", "rechecks_ended", "rechecks_pending", "refused_connections", "refused_namespace", "refused_quota", "resumed", "sample_lost", "sample_subscribers", "snapshot_subscribers", "snapshots", "sweep_cpu_ns", "sweep_gone", "sweep_lost", "sweep_tasks", "sweeps", "synthesised_exits", "synthesised_forks", "table_bytes", "taskstats", "unmatched_stats"]
    BROKER_CPU_NS_FIELD_NUMBER: _ClassVar[int]
    CLIENT_BYTES_FIELD_NUMBER: _ClassVar[int]
    CLOSED_FOR_ERRORS_FIELD_NUMBER: _ClassVar[int]
    CLOSED_FOR_STRICT_FIELD_NUMBER: _ClassVar[int]
    CONNECTOR_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    FEEDS_FIELD_NUMBER: _ClassVar[int]
    FEED_BYTES_FIELD_NUMBER: _ClassVar[int]
    LOG_LINES_DROPPED_FIELD_NUMBER: _ClassVar[int]
    PROGRAMS_CAPTURED_FIELD_NUMBER: _ClassVar[int]
    PROGRAMS_LATE_FIELD_NUMBER: _ClassVar[int]
    PROGRAMS_REFUSED_FIELD_NUMBER: _ClassVar[int]
    PROGRAMS_SKIPPED_FIELD_NUMBER: _ClassVar[int]
    PROGRAM_BYTES_FIELD_NUMBER: _ClassVar[int]
    READER_LOST_FIELD_NUMBER: _ClassVar[int]
    RECHECKS_DONE_FIELD_NUMBER: _ClassVar[int]
    RECHECKS_ENDED_FIELD_NUMBER: _ClassVar[int]
    RECHECKS_PENDING_FIELD_NUMBER: _ClassVar[int]
    REFUSED_CONNECTIONS_FIELD_NUMBER: _ClassVar[int]
    REFUSED_NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    REFUSED_QUOTA_FIELD_NUMBER: _ClassVar[int]
    RESUMED_FIELD_NUMBER: _ClassVar[int]
    SAMPLE_LOST_FIELD_NUMBER: _ClassVar[int]
    SAMPLE_SUBSCRIBERS_FIELD_NUMBER: _ClassVar[int]
    SNAPSHOTS_FIELD_NUMBER: _ClassVar[int]
    SNAPSHOT_SUBSCRIBERS_FIELD_NUMBER: _ClassVar[int]
    SWEEPS_FIELD_NUMBER: _ClassVar[int]
    SWEEP_CPU_NS_FIELD_NUMBER: _ClassVar[int]
    SWEEP_GONE_FIELD_NUMBER: _ClassVar[int]
    SWEEP_LOST_FIELD_NUMBER: _ClassVar[int]
    SWEEP_TASKS_FIELD_NUMBER: _ClassVar[int]
    SYNTHESISED_EXITS_FIELD_NUMBER: _ClassVar[int]
    SYNTHESISED_FORKS_FIELD_NUMBER: _ClassVar[int]
    TABLE_BYTES_FIELD_NUMBER: _ClassVar[int]
    TASKSTATS_FIELD_NUMBER: _ClassVar[int]
    UNMATCHED_STATS_FIELD_NUMBER: _ClassVar[int]
    broker_cpu_ns: int
    client_bytes: int
    closed_for_errors: int
    closed_for_strict: int
    connector: SourceStatus
    events: _containers.RepeatedCompositeFieldContainer[KindCount]
    feed_bytes: int
    feeds: int
    log_lines_dropped: int
    program_bytes: int
    programs_captured: int
    programs_late: int
    programs_refused: int
    programs_skipped: int
    reader_lost: int
    rechecks_done: int
    rechecks_ended: int
    rechecks_pending: int
    refused_connections: int
    refused_namespace: int
    refused_quota: int
    resumed: int
    sample_lost: int
    sample_subscribers: int
    snapshot_subscribers: int
    snapshots: int
    sweep_cpu_ns: int
    sweep_gone: int
    sweep_lost: int
    sweep_tasks: int
    sweeps: int
    synthesised_exits: int
    synthesised_forks: int
    table_bytes: int
    taskstats: SourceStatus
    unmatched_stats: int
    def __init__(self, events: _Optional[_Iterable[_Union[KindCount, _Mapping]]] = ..., connector: _Optional[_Union[SourceStatus, _Mapping]] = ..., taskstats: _Optional[_Union[SourceStatus, _Mapping]] = ..., feeds: _Optional[int] = ..., feed_bytes: _Optional[int] = ..., reader_lost: _Optional[int] = ..., closed_for_errors: _Optional[int] = ..., closed_for_strict: _Optional[int] = ..., refused_connections: _Optional[int] = ..., unmatched_stats: _Optional[int] = ..., synthesised_exits: _Optional[int] = ..., broker_cpu_ns: _Optional[int] = ..., synthesised_forks: _Optional[int] = ..., programs_captured: _Optional[int] = ..., programs_late: _Optional[int] = ..., programs_skipped: _Optional[int] = ..., snapshots: _Optional[int] = ..., snapshot_subscribers: _Optional[int] = ..., resumed: _Optional[int] = ..., table_bytes: _Optional[int] = ..., refused_quota: _Optional[int] = ..., refused_namespace: _Optional[int] = ..., sweeps: _Optional[int] = ..., sweep_tasks: _Optional[int] = ..., sweep_gone: _Optional[int] = ..., sweep_lost: _Optional[int] = ..., sweep_cpu_ns: _Optional[int] = ..., sample_subscribers: _Optional[int] = ..., sample_lost: _Optional[int] = ..., client_bytes: _Optional[int] = ..., rechecks_pending: _Optional[int] = ..., rechecks_done: _Optional[int] = ..., rechecks_ended: _Optional[int] = ..., log_lines_dropped: _Optional[int] = ..., program_bytes: _Optional[int] = ..., programs_refused: _Optional[int] = ...) -> None: ...

class SnapshotEnd(_message.Message):
    __slots__ = ["number", "task_count", "time_ns"]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    TASK_COUNT_FIELD_NUMBER: _ClassVar[int]
    TIME_NS_FIELD_NUMBER: _ClassVar[int]
    number: int
    task_count: int
    time_ns: int
    def __init__(self, number: _Optional[int] = ..., task_count: _Optional[int] = ..., time_ns: _Optional[int] = ...) -> None: ...

class SnapshotPart(_message.Message):
    __slots__ = ["tasks"]
    TASKS_FIELD_NUMBER: _ClassVar[int]
    tasks: _containers.RepeatedCompositeFieldContainer[Task]
    def __init__(self, tasks: _Optional[_Iterable[_Union[Task, _Mapping]]] = ...) -> None: ...

class SourceLosses(_message.Message):
    __slots__ = ["lost", "muted", "repaired"]
    LOST_FIELD_NUMBER: _ClassVar[int]
    MUTED_FIELD_NUMBER: _ClassVar[int]
    REPAIRED_FIELD_NUMBER: _ClassVar[int]
    lost: int
    muted: int
    repaired: int
    def __init__(self, lost: _Optional[int] = ..., muted: _Optional[int] = ..., repaired: _Optional[int] = ...) -> None: ...

class SourceStatus(_message.Message):
    __slots__ = ["dropped", "foreign", "malformed", "receive_buffer_bytes", "received", "truncated"]
    DROPPED_FIELD_NUMBER: _ClassVar[int]
    FOREIGN_FIELD_NUMBER: _ClassVar[int]
    MALFORMED_FIELD_NUMBER: _ClassVar[int]
    RECEIVED_FIELD_NUMBER: _ClassVar[int]
    RECEIVE_BUFFER_BYTES_FIELD_NUMBER: _ClassVar[int]
    TRUNCATED_FIELD_NUMBER: _ClassVar[int]
    dropped: int
    foreign: int
    malformed: int
    receive_buffer_bytes: int
    received: int
    truncated: int
    def __init__(self, received: _Optional[int] = ..., dropped: _Optional[int] = ..., truncated: _Optional[int] = ..., malformed: _Optional[int] = ..., foreign: _Optional[int] = ..., receive_buffer_bytes: _Optional[int] = ...) -> None: ...

class Subscribe(_message.Message):
    __slots__ = ["filter", "groups", "kinds", "max_delay_ms", "programs", "resume", "snapshot", "starts", "strict", "threads"]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    GROUPS_FIELD_NUMBER: _ClassVar[int]
    KINDS_FIELD_NUMBER: _ClassVar[int]
    MAX_DELAY_MS_FIELD_NUMBER: _ClassVar[int]
    PROGRAMS_FIELD_NUMBER: _ClassVar[int]
    RESUME_FIELD_NUMBER: _ClassVar[int]
    SNAPSHOT_FIELD_NUMBER: _ClassVar[int]
    STARTS_FIELD_NUMBER: _ClassVar[int]
    STRICT_FIELD_NUMBER: _ClassVar[int]
    THREADS_FIELD_NUMBER: _ClassVar[int]
    filter: Filter
    groups: int
    kinds: _containers.RepeatedScalarFieldContainer[_event_pb2.EventKind]
    max_delay_ms: int
    programs: bool
    resume: Resume
    snapshot: bool
    starts: FilterStarts
    strict: bool
    threads: bool
    def __init__(self, kinds: _Optional[_Iterable[_Union[_event_pb2.EventKind, str]]] = ..., threads: bool = ..., max_delay_ms: _Optional[int] = ..., strict: bool = ..., snapshot: bool = ..., resume: _Optional[_Union[Resume, _Mapping]] = ..., filter: _Optional[_Union[Filter, _Mapping]] = ..., programs: bool = ..., starts: _Optional[_Union[FilterStarts, _Mapping]] = ..., groups: _Optional[int] = ...) -> None: ...

class SubscribeSamples(_message.Message):
    __slots__ = ["filter", "groups", "interval_ms", "scope", "starts"]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    GROUPS_FIELD_NUMBER: _ClassVar[int]
    INTERVAL_MS_FIELD_NUMBER: _ClassVar[int]
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    STARTS_FIELD_NUMBER: _ClassVar[int]
    filter: Filter
    groups: int
    interval_ms: int
    scope: _sample_pb2.SampleScope
    starts: FilterStarts
    def __init__(self, interval_ms: _Optional[int] = ..., scope: _Optional[_Union[_sample_pb2.SampleScope, str]] = ..., filter: _Optional[_Union[Filter, _Mapping]] = ..., groups: _Optional[int] = ..., starts: _Optional[_Union[FilterStarts, _Mapping]] = ...) -> None: ...

class Subscribed(_message.Message):
    __slots__ = ["feed", "next_number", "request_id", "resumed", "starts"]
    FEED_FIELD_NUMBER: _ClassVar[int]
    NEXT_NUMBER_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    RESUMED_FIELD_NUMBER: _ClassVar[int]
    STARTS_FIELD_NUMBER: _ClassVar[int]
    feed: int
    next_number: int
    request_id: int
    resumed: bool
    starts: FilterStarts
    def __init__(self, request_id: _Optional[int] = ..., feed: _Optional[int] = ..., next_number: _Optional[int] = ..., resumed: bool = ..., starts: _Optional[_Union[FilterStarts, _Mapping]] = ...) -> None: ...

class SubscribedSamples(_message.Message):
    __slots__ = ["next_number", "request_id", "starts"]
    NEXT_NUMBER_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    STARTS_FIELD_NUMBER: _ClassVar[int]
    next_number: int
    request_id: int
    starts: FilterStarts
    def __init__(self, request_id: _Optional[int] = ..., next_number: _Optional[int] = ..., starts: _Optional[_Union[FilterStarts, _Mapping]] = ...) -> None: ...

class Task(_message.Message):
    __slots__ = ["comm", "comm_stale", "credentials_changed", "egid", "euid", "gid", "kernel_thread", "live_tasks", "maker", "parent", "pid", "ppid", "program", "seeded", "session", "session_leader", "start_boot_ns", "start_time_ns", "task_unknown", "tid", "uid"]
    COMM_FIELD_NUMBER: _ClassVar[int]
    COMM_STALE_FIELD_NUMBER: _ClassVar[int]
    CREDENTIALS_CHANGED_FIELD_NUMBER: _ClassVar[int]
    EGID_FIELD_NUMBER: _ClassVar[int]
    EUID_FIELD_NUMBER: _ClassVar[int]
    GID_FIELD_NUMBER: _ClassVar[int]
    KERNEL_THREAD_FIELD_NUMBER: _ClassVar[int]
    LIVE_TASKS_FIELD_NUMBER: _ClassVar[int]
    MAKER_FIELD_NUMBER: _ClassVar[int]
    PARENT_FIELD_NUMBER: _ClassVar[int]
    PID_FIELD_NUMBER: _ClassVar[int]
    PPID_FIELD_NUMBER: _ClassVar[int]
    PROGRAM_FIELD_NUMBER: _ClassVar[int]
    SEEDED_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    SESSION_LEADER_FIELD_NUMBER: _ClassVar[int]
    START_BOOT_NS_FIELD_NUMBER: _ClassVar[int]
    START_TIME_NS_FIELD_NUMBER: _ClassVar[int]
    TASK_UNKNOWN_FIELD_NUMBER: _ClassVar[int]
    TID_FIELD_NUMBER: _ClassVar[int]
    UID_FIELD_NUMBER: _ClassVar[int]
    comm: bytes
    comm_stale: bool
    credentials_changed: bool
    egid: int
    euid: int
    gid: int
    kernel_thread: bool
    live_tasks: int
    maker: _event_pb2.ProcessId
    parent: _event_pb2.ProcessId
    pid: int
    ppid: int
    program: _event_pb2.Program
    seeded: bool
    session: int
    session_leader: _event_pb2.ProcessId
    start_boot_ns: int
    start_time_ns: int
    task_unknown: bool
    tid: int
    uid: int
    def __init__(self, pid: _Optional[int] = ..., tid: _Optional[int] = ..., ppid: _Optional[int] = ..., uid: _Optional[int] = ..., comm: _Optional[bytes] = ..., start_time_ns: _Optional[int] = ..., euid: _Optional[int] = ..., gid: _Optional[int] = ..., egid: _Optional[int] = ..., session: _Optional[int] = ..., program: _Optional[_Union[_event_pb2.Program, _Mapping]] = ..., kernel_thread: bool = ..., credentials_changed: bool = ..., seeded: bool = ..., task_unknown: bool = ..., live_tasks: _Optional[int] = ..., start_boot_ns: _Optional[int] = ..., comm_stale: bool = ..., maker: _Optional[_Union[_event_pb2.ProcessId, _Mapping]] = ..., parent: _Optional[_Union[_event_pb2.ProcessId, _Mapping]] = ..., session_leader: _Optional[_Union[_event_pb2.ProcessId, _Mapping]] = ...) -> None: ...

class Unsubscribe(_message.Message):
    __slots__ = ["stream"]
    STREAM_FIELD_NUMBER: _ClassVar[int]
    stream: int
    def __init__(self, stream: _Optional[int] = ...) -> None: ...

class Unsubscribed(_message.Message):
    __slots__ = ["request_id"]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    request_id: int
    def __init__(self, request_id: _Optional[int] = ...) -> None: ...

class Welcome(_message.Message):
    __slots__ = ["access", "boot_epoch_ns", "broker_version", "delay_accounting", "epoch", "features", "kernel_release", "max_client_message_bytes", "max_server_message_bytes", "protocol", "realtime_offset_ns", "start_time_ns", "taskstats_version", "uid"]
    ACCESS_FIELD_NUMBER: _ClassVar[int]
    BOOT_EPOCH_NS_FIELD_NUMBER: _ClassVar[int]
    BROKER_VERSION_FIELD_NUMBER: _ClassVar[int]
    DELAY_ACCOUNTING_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    FEATURES_FIELD_NUMBER: _ClassVar[int]
    KERNEL_RELEASE_FIELD_NUMBER: _ClassVar[int]
    MAX_CLIENT_MESSAGE_BYTES_FIELD_NUMBER: _ClassVar[int]
    MAX_SERVER_MESSAGE_BYTES_FIELD_NUMBER: _ClassVar[int]
    PROTOCOL_FIELD_NUMBER: _ClassVar[int]
    REALTIME_OFFSET_NS_FIELD_NUMBER: _ClassVar[int]
    START_TIME_NS_FIELD_NUMBER: _ClassVar[int]
    TASKSTATS_VERSION_FIELD_NUMBER: _ClassVar[int]
    UID_FIELD_NUMBER: _ClassVar[int]
    access: Access
    boot_epoch_ns: int
    broker_version: str
    delay_accounting: DelayAccounting
    epoch: int
    features: _containers.RepeatedScalarFieldContainer[str]
    kernel_release: str
    max_client_message_bytes: int
    max_server_message_bytes: int
    protocol: int
    realtime_offset_ns: int
    start_time_ns: int
    taskstats_version: int
    uid: int
    def __init__(self, protocol: _Optional[int] = ..., epoch: _Optional[int] = ..., broker_version: _Optional[str] = ..., kernel_release: _Optional[str] = ..., taskstats_version: _Optional[int] = ..., delay_accounting: _Optional[_Union[DelayAccounting, str]] = ..., realtime_offset_ns: _Optional[int] = ..., max_server_message_bytes: _Optional[int] = ..., max_client_message_bytes: _Optional[int] = ..., features: _Optional[_Iterable[str]] = ..., start_time_ns: _Optional[int] = ..., access: _Optional[_Union[Access, str]] = ..., uid: _Optional[int] = ..., boot_epoch_ns: _Optional[int] = ...) -> None: ...

class DelayAccounting(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class Access(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class ErrorCode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []
