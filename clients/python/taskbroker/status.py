# SPDX-License-Identifier: Apache-2.0
"""The counters of the broker. A counter that is withheld from this client is `None`."""

from __future__ import annotations

from typing import Optional

from .v1 import broker_pb2
from .values import KINDS

DELAY_ACCOUNTING = {1: "off", 2: "on", 3: "unsupported"}

# The list of what is withheld is no counter.
NO_COUNTERS = ("request_id", "withheld_fields")


class SourceStatus:
    """The counters of one kernel source, by their names in SourceStatus."""

    def __init__(self, pb):
        self._values = {
            field.name: None if field.number in pb.withheld_fields else getattr(pb, field.name)
            for field in pb.DESCRIPTOR.fields
            if field.name not in NO_COUNTERS
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
        withheld = set(pb.withheld_fields)
        events_known = pb.DESCRIPTOR.fields_by_name["events"].number not in withheld
        counts = {entry.kind: entry.count for entry in pb.events}
        made: dict = {
            "broker_version": pb.broker_version,
            "epoch": pb.epoch,
            "start_time_ns": pb.start_time_ns,
            "uptime_ns": pb.uptime_ns,
            "kernel_release": pb.kernel_release,
            "taskstats_version": pb.taskstats_version or None,
            "delay_accounting": DELAY_ACCOUNTING.get(pb.delay_accounting),
            "connector": SourceStatus(pb.connector),
            "taskstats": SourceStatus(pb.taskstats),
            "clients": [
                {
                    "uid": client.uid,
                    "name": client.name or None,
                    "version": client.version or None,
                    "connections": client.connections,
                    "streams": client.streams,
                }
                for client in pb.clients
            ],
            "events": {kind: counts.get(number, 0) if events_known else None for kind, number in KINDS.items()},
        }
        for field in pb.DESCRIPTOR.fields:
            if field.name in made or field.name in NO_COUNTERS:
                continue
            made[field.name] = None if field.number in withheld else getattr(pb, field.name)
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
