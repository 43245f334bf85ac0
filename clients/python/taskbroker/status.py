# SPDX-License-Identifier: Apache-2.0
"""The counters of the broker. A counter that is withheld from this client is `None`."""

from __future__ import annotations

from typing import Optional

from .v1 import broker_pb2
from .values import KINDS

DELAY_ACCOUNTING = {1: "off", 2: "on", 3: "unsupported"}

# Counters that each client gets, and counters for clients that may see other users' tasks. All
# others are for clients with full access. The table is proto/status_counters.h.
ANY = frozenset({"subscribers", "connections", "withheld"})
MACHINE = frozenset({"live_tasks", "live_processes"})
SOURCE_MACHINE = frozenset({"lost", "muted", "repaired"})


class SourceStatus:
    """The counters of one kernel source, by their names in SourceStatus."""

    def __init__(self, pb, all_known: bool, machine_known: bool):
        self._values = {
            field.name: getattr(pb, field.name)
            if all_known or (machine_known and field.name in SOURCE_MACHINE)
            else None
            for field in pb.DESCRIPTOR.fields
        }

    def __getattr__(self, name: str) -> Optional[int]:
        try:
            return self.__dict__["_values"][name]
        except KeyError:
            raise AttributeError(name) from None

    def to_dict(self) -> dict:
        return dict(self._values)


class Status:
    """The counters by their names in Status: `status.live_processes`, `status.connector.lost`, `status.events`."""

    def __init__(self, pb: broker_pb2.Status):
        # a machine always has a live task: the count is 0 only if it is withheld
        all_known = not pb.withheld
        machine_known = all_known or pb.live_tasks > 0
        counts = {entry.kind: entry.count for entry in pb.events}
        made: dict = {
            "broker_version": pb.broker_version,
            "epoch": pb.epoch,
            "start_time_ns": pb.start_time_ns,
            "uptime_ns": pb.uptime_ns,
            "kernel_release": pb.kernel_release,
            "taskstats_version": pb.taskstats_version or None,
            "delay_accounting": DELAY_ACCOUNTING.get(pb.delay_accounting),
            "connector": SourceStatus(pb.connector, all_known, machine_known),
            "taskstats": SourceStatus(pb.taskstats, all_known, machine_known),
            "events": {kind: counts.get(number, 0) if all_known else None for kind, number in KINDS.items()},
        }
        for field in pb.DESCRIPTOR.fields:
            if field.name in made or field.name == "request_id":
                continue
            known = all_known or field.name in ANY or (machine_known and field.name in MACHINE)
            made[field.name] = getattr(pb, field.name) if known else None
        self._values = made

    def __getattr__(self, name: str):
        try:
            return self.__dict__["_values"][name]
        except KeyError:
            raise AttributeError(name) from None

    def to_dict(self) -> dict:
        """The status in the JSON form of `taskbroker status --json`."""
        return {
            key: value.to_dict() if isinstance(value, SourceStatus) else value for key, value in self._values.items()
        }
