# SPDX-License-Identifier: Apache-2.0
"""Requests: from the arguments of a call to the ClientMessage of the protocol."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Iterable, Optional, Union

from .stats import GROUPS
from .v1 import broker_pb2, sample_pb2
from .values import KINDS

Name = Union[str, bytes]


def _bytes(names: Iterable[Name]) -> tuple[bytes, ...]:
    if isinstance(names, (str, bytes)):
        names = (names,)
    return tuple(os.fsencode(name) for name in names)


def _numbers(numbers) -> tuple[int, ...]:
    return (numbers,) if isinstance(numbers, int) else tuple(numbers)


def _number(table: dict[str, int], name: str, noun: str) -> int:
    if name not in table:
        raise ValueError(f"{name!r} is no {noun}: {', '.join(table)}")
    return table[name]


@dataclass
class Filter:
    """Selects tasks and events. An event passes if it matches one entry of each criterion that is not empty."""

    uids: Iterable[int] = ()
    # these processes and their children
    pids: Iterable[int] = ()
    # these processes and all their descendants
    subtrees: Iterable[int] = ()
    # patterns of names
    comms: Iterable[Name] = ()
    # paths in the cgroup hierarchy, and all that is below them
    cgroups: Iterable[Name] = ()
    # processors, such as "0-3,8"
    cpus: Optional[str] = None
    # leaves out exits with the status 0
    nonzero: bool = False

    def message(self) -> Optional[broker_pb2.Filter]:
        made = broker_pb2.Filter(
            uids=_numbers(self.uids),
            pids=_numbers(self.pids),
            subtrees=_numbers(self.subtrees),
            comms=_bytes(self.comms),
            cgroups=_bytes(self.cgroups),
            cpus=self.cpus or "",
            nonzero=self.nonzero,
        )
        return made if made.ByteSize() else None


def _groups(names: Union[str, Iterable[str]], **more: int) -> int:
    """The groups of statistics as bits; 0, without a name, stands for all groups."""
    numbers = {**more, **{name: number for number, name in GROUPS.items()}}
    names = (names,) if isinstance(names, str) else names
    return sum({1 << _number(numbers, name, "group of statistics") for name in names})


@dataclass
class EventsRequest:
    """A subscription to events."""

    kinds: Iterable[str] = ()
    threads: bool = False
    snapshot: bool = False
    programs: bool = False
    strict: bool = False
    max_delay_ms: int = 0
    filter: Filter = field(default_factory=Filter)
    groups: Iterable[str] = ()

    answer = "subscribed"

    def message(self, request_id: int, starts, resume) -> broker_pb2.ClientMessage:
        kinds = (self.kinds,) if isinstance(self.kinds, str) else self.kinds
        subscribe = broker_pb2.Subscribe(
            kinds=[_number(KINDS, kind, "kind of events") for kind in kinds if kind != "loss"],
            threads=self.threads,
            max_delay_ms=self.max_delay_ms,
            strict=self.strict,
            snapshot=self.snapshot,
            programs=self.programs,
            filter=self.filter.message(),
            resume=resume,
            starts=starts if not resume else None,
            groups=_groups(self.groups, none=0),
        )
        return broker_pb2.ClientMessage(request_id=request_id, subscribe=subscribe)


@dataclass
class SamplesRequest:
    """A subscription to samples."""

    interval_ms: int = 1000
    threads: bool = False
    groups: Iterable[str] = ()
    filter: Filter = field(default_factory=Filter)

    answer = "subscribed_samples"
    snapshot = False

    def message(self, request_id: int, starts, resume) -> broker_pb2.ClientMessage:
        del resume
        scope = sample_pb2.SAMPLE_SCOPE_THREADS if self.threads else sample_pb2.SAMPLE_SCOPE_PROCESSES
        sample = broker_pb2.SubscribeSamples(
            interval_ms=self.interval_ms,
            scope=scope,
            filter=self.filter.message(),
            groups=_groups(self.groups),
            starts=starts,
        )
        return broker_pb2.ClientMessage(request_id=request_id, subscribe_samples=sample)
