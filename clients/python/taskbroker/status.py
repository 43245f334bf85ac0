# SPDX-License-Identifier: Apache-2.0
"""The counters of the broker. A counter that is withheld from this client is `None`."""

from __future__ import annotations

from typing import Iterator, Optional

from .v1 import broker_pb2
from .values import KINDS

DELAY_ACCOUNTING = {1: "off", 2: "on", 3: "unsupported"}

# Parts that are not counters themselves, and the sources: each has fields in two parts.
NO_COUNTERS = ("request_id", "machine", "service", "events", "connector", "taskstats", "clients")


def _counters(pb, part: Optional[str] = None, inner: Optional[str] = None) -> Iterator[tuple[str, Optional[int]]]:
    """The counters of a message, or of a part of it. They are `None` if the part is withheld."""
    known, message = True, pb
    if part:
        known, message = pb.HasField(part), getattr(pb, part)
    if inner:
        message = getattr(message, inner)
    for field in message.DESCRIPTOR.fields:
        if field.name not in NO_COUNTERS:
            yield field.name, getattr(message, field.name) if known else None


class _Counters:
    """Counters by their names."""

    def __init__(self, values: dict) -> None:
        self._values = values

    def __getattr__(self, name: str):
        try:
            return self.__dict__["_values"][name]
        except KeyError:
            raise AttributeError(name) from None

    def to_dict(self) -> dict:
        return dict(self._values)


class SourceStatus(_Counters):
    """The counters of one kernel source, by their names in SourceLosses and SourceStatus."""

    def __init__(self, pb: broker_pb2.BrokerStatus, name: str):
        super().__init__({**dict(_counters(pb, "machine", name)), **dict(_counters(pb, "service", name))})


class Status(_Counters):
    """
    The counters by their names in BrokerStatus and its parts: `status.live_processes`,
    `status.connector.lost`, `status.events`.
    """

    def __init__(self, pb: broker_pb2.BrokerStatus):
        counts = {entry.kind: entry.count for entry in pb.service.events}
        known = pb.HasField("service")
        super().__init__({
            **dict(_counters(pb)),
            "taskstats_version": pb.taskstats_version or None,
            "delay_accounting": DELAY_ACCOUNTING.get(pb.delay_accounting),
            "connector": SourceStatus(pb, "connector"),
            "taskstats": SourceStatus(pb, "taskstats"),
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
            "events": {kind: counts.get(number, 0) if known else None for kind, number in KINDS.items()},
            **dict(_counters(pb, "machine")),
            **dict(_counters(pb, "service")),
            "withheld": not known,
        })

    def to_dict(self) -> dict:
        """The status in the JSON form of `taskbroker status --json`."""
        return {
            key: value.to_dict() if isinstance(value, SourceStatus) else value for key, value in self._values.items()
        }
