# SPDX-License-Identifier: Apache-2.0
"""
Every fork, exec and exit of a Linux machine, live, from taskbrokerd.

    for event in taskbroker.connect().events(snapshot=True):
        print(event)
"""

from .client import Client, connect
from .errors import (
    AccessChanged,
    BadFrame,
    BadMessage,
    BadValue,
    BrokerError,
    ConnectError,
    ConnectionClosed,
    Error,
    FellBehind,
    LimitReached,
    NotPermitted,
    ProtocolError,
    QuotaReached,
    RequestTimeout,
    ResumeImpossible,
    Stopping,
    TooLarge,
    UnknownField,
    UnreadReplies,
)
from .live import LiveProcesses, Process
from .stats import Delay, Delays, Identity, Memory, TaskStats
from .status import SourceStatus, Status
from .stream import Stream
from .values import (
    CommChange,
    Coredump,
    Event,
    Exec,
    Exit,
    Fork,
    GroupIds,
    Leader,
    Link,
    Loss,
    ProcessId,
    Program,
    Ptrace,
    Sample,
    Session,
    SnapshotEnd,
    Task,
    TaskSample,
    Termination,
    UserIds,
    Value,
)

__version__ = "0.1.0"

__all__ = [name for name in dir() if not name.startswith("_") and name[0].isupper()] + ["connect"]
