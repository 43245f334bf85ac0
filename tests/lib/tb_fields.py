# SPDX-License-Identifier: Apache-2.0
"""
struct taskstats in Python, made from the one table (proto/taskstats_fields.h).

Builds the struct as a kernel of any version from 8 to 17 would, and what the
broker must make of it on the wire. The table itself is held against the .proto,
the public header and the running kernel by tests/check-fields.py.
"""

import collections
import functools
import operator
import re
import struct

from tb_protocol import SOURCE_ROOT, taskstats_pb2

FIELDS_H = SOURCE_ROOT / "proto" / "taskstats_fields.h"
VERSIONS = range(8, 18)

Field = collections.namedtuple("Field", "group name type offset offset_v15 since total")
Delay = collections.namedtuple("Delay", "name offset offset_v15 since peak peak_v15 peak_time")
Group = collections.namedtuple("Group", "name constant number")

FORMATS = {"U8": "=B", "S8": "=b", "U32": "=I", "U64": "=Q"}


def _constant(text, name):
    return int(re.search(rf"^#define {name} (\d+)$", text, re.M).group(1))


def _entries(text, letter, pattern):
    found = re.findall(rf"^        {letter}\({pattern}\)", text, re.M)
    lines = re.findall(rf"^        {letter}\((?!\w+\))", text, re.M)
    if len(found) != len(lines):
        raise ValueError(f"{FIELDS_H}: {len(lines)} entries {letter}(), {len(found)} understood")
    return found


_text = FIELDS_H.read_text()
FIELDS = [
    Field(g, n, t, int(o), int(o15), int(s), total)
    for g, n, t, o, o15, s, total in _entries(
        _text, "F", r"(\w+), (\w+), (U8|S8|U32|U64), (\d+), (\d+), (\d+), (SUM|MAX|LAST|LEADER|FLAGS)"
    )
]
DELAYS = [
    Delay(d[0], *map(int, d[1:]))
    for d in _entries(_text, "D", r"(\w+), (\d+), (\d+), (\d+), (\d+), (\d+), (\d+)")
]
GROUPS = [Group(n, c, int(b)) for n, c, b in _entries(_text, "G", r"(\w+), (\w+), (\d+)")]
GROUP_BIT = {g.name: 1 << g.number for g in GROUPS}
FIELD = {f.name: f for f in FIELDS}
DELAY = {d.name: d for d in DELAYS}

COMM_OFFSET = _constant(_text, "TASKSTATS_COMM_OFFSET")
COMM_OFFSET_V15 = _constant(_text, "TASKSTATS_COMM_OFFSET_V15")
COMM_SIZE = _constant(_text, "TASKSTATS_COMM_SIZE")
PEAKS_SINCE = _constant(_text, "TASKSTATS_PEAKS_SINCE")
PEAK_TIMES_SINCE = _constant(_text, "TASKSTATS_PEAK_TIMES_SINCE")


class DelayValue:
    """The figures of one kind of waiting. max_time is (seconds, nanoseconds)."""

    def __init__(self, count=0, total=0, max=0, min=0, max_time=(0, 0)):
        self.count, self.total, self.max, self.min, self.max_time = count, total, max, min, max_time


NO_DELAY = DelayValue()


class Stats:
    """
    One task's accounting. `values` holds the fields of the table by name,
    `delays` a DelayValue by name. A field that is not given is 0.
    """

    def __init__(self, comm=b"", delays=None, **values):
        unknown = set(values) - set(FIELD) | set(delays or {}) - set(DELAY)
        if unknown:
            raise KeyError(f"not in the table: {sorted(unknown)}")
        self.comm = comm
        self.values = values
        self.delays = delays or {}

    def get(self, name):
        return self.values.get(name, 0)

    def delay(self, name):
        return self.delays.get(name, NO_DELAY)


def places(version):
    """(name, offset, format) of every number in the struct of that version."""
    v15 = version == 15
    for f in FIELDS:
        if version >= f.since:
            yield f.name, f.offset_v15 if v15 else f.offset, FORMATS[f.type]
    for d in DELAYS:
        if version < d.since:
            continue
        offset = d.offset_v15 if v15 else d.offset
        yield f"{d.name}_count", offset, "=Q"
        yield f"{d.name}_delay_total", offset + 8, "=Q"
        if version >= PEAKS_SINCE:
            peak = d.peak_v15 if v15 else d.peak
            yield f"{d.name}_delay_max", peak, "=Q"
            yield f"{d.name}_delay_min", peak + 8, "=Q"
        if version >= PEAK_TIMES_SINCE:
            yield f"{d.name}_delay_max_ts", d.peak_time, "=qq"


@functools.lru_cache(maxsize=None)
def size(version):
    """sizeof(struct taskstats)"""
    end = max(offset + struct.calcsize(fmt) for _, offset, fmt in places(version))
    return (end + 7) & ~7


@functools.lru_cache(maxsize=None)
def _packers(version):
    """places() taken apart: (field, None) or (part of a delay, that delay), and how to write it."""
    out = []
    for name, offset, fmt in places(version):
        if name in FIELD:
            out.append((name, None, struct.Struct(fmt), offset))
        else:
            delay, part = re.fullmatch(r"(\w+?)_(count|delay_\w+)", name).groups()
            out.append((part, delay, struct.Struct(fmt), offset))
    return out


def _delay_part(value, part):
    if part == "delay_max_ts":
        return value.max_time
    return ({"count": value.count, "delay_total": value.total, "delay_max": value.max, "delay_min": value.min}[part],)


def pack(stats, version, claim=None):
    """
    The struct as a kernel of `version` fills it. `claim` is the version that it
    says it is, if another: older kernels leave 0 in the group's record.
    """
    data = bytearray(size(version))
    struct.pack_into("=H", data, 0, version if claim is None else claim)
    offset = COMM_OFFSET_V15 if version == 15 else COMM_OFFSET
    data[offset:offset + COMM_SIZE] = stats.comm[:COMM_SIZE].ljust(COMM_SIZE, b"\0")

    for name, delay, packer, offset in _packers(version):
        if delay is None:
            packer.pack_into(data, offset, stats.get(name))
        else:
            packer.pack_into(data, offset, *_delay_part(stats.delay(delay), name))
    return bytes(data)


def distinct(version, tid, pid, comm=b"distinct", **fixed):
    """Statistics of which no two fields hold the same value, and none holds 0."""
    values = {}
    for i, f in enumerate(FIELDS, 1):
        if f.type == "U8":
            values[f.name] = 0x40 + i
        elif f.type == "S8":
            values[f.name] = -i if i <= 20 else -20
        elif f.type == "U32":
            values[f.name] = 0x10203000 + i
        else:
            values[f.name] = 0x1122334455660000 + i
    # It cannot be older than the test.
    values.update(ac_pid=tid, ac_tgid=pid, ac_etime_us=77, ac_tgetime_us=78)
    values.update(fixed)
    delays = {
        d.name: DelayValue(
            count=0x2200000000000000 + i,
            total=0x3300000000000000 + i,
            max=0x4400000000000000 + i,
            min=0x4300000000000000 + i,
            max_time=(1700000000 + i, 900000000 + i),
        )
        for i, d in enumerate(DELAYS, 1)
    }
    return Stats(comm=comm, delays=delays, **values)


def message(stats, version):
    """
    The TaskStats that the broker must send for a record with all groups counted
    and nothing withheld.
    """
    out = taskstats_pb2.TaskStats(taskstats_version=version)
    unsupported = 0
    for g in GROUPS:
        fields = [f for f in FIELDS if f.group == g.name]
        if fields and all(version < f.since for f in fields):
            unsupported |= GROUP_BIT[g.name]
    for f in FIELDS:
        group = getattr(out, f.group)
        if unsupported & GROUP_BIT[f.group]:
            continue
        group.SetInParent()
        if version >= f.since:
            setattr(group, f.name, stats.get(f.name))
    out.identity.ac_comm = stats.comm
    if not (stats.get("ac_exe_dev") or stats.get("ac_exe_inode")):
        # No file has device and inode 0: a kernel thread, or a zombie.
        out.ClearField("executable")
    if version < PEAKS_SINCE:
        unsupported |= GROUP_BIT["delay_peaks"]
    if version < PEAK_TIMES_SINCE:
        unsupported |= GROUP_BIT["delay_peak_times"]
    for d in DELAYS:
        if version < d.since:
            continue
        value = stats.delay(d.name)
        delay = getattr(out.delays, d.name)
        delay.SetInParent()
        delay.count, delay.total_ns = value.count, value.total
        if version >= PEAKS_SINCE and value.count:
            delay.peak.SetInParent()
            delay.peak.max_ns, delay.peak.min_ns = value.max, value.min
            if version >= PEAK_TIMES_SINCE:
                delay.peak.max_time_ns = value.max_time[0] * 1_000_000_000 + value.max_time[1]
    out.unsupported_groups = unsupported
    return out


def totals(all_stats, version, missing=0, pid=100):
    """
    The TaskStats of a process whose tasks ended, in this order, with these
    records: sums, maxima, and of the minima the smallest of those that waited.
    If the leader is among them, the identity, the name and the scheduling come from the leader.
    The process lived as long as its leader's start says, whichever task lived on.
    """
    last = all_stats[-1]
    leader = next((s for s in reversed(all_stats) if s.get("ac_pid") == pid), last)
    values = {}
    for f in FIELDS:
        numbers = [s.get(f.name) for s in all_stats]
        if f.total == "SUM":
            values[f.name] = sum(numbers) & (1 << 64) - 1
        elif f.total == "MAX":
            values[f.name] = max(numbers)
        elif f.total == "LEADER":
            values[f.name] = leader.get(f.name)
        elif f.total == "FLAGS":
            values[f.name] = functools.reduce(operator.or_, numbers) & ~1 | leader.get(f.name) & 1
        else:
            values[f.name] = last.get(f.name)
    values["ac_pid"] = pid
    delays = {}
    for d in DELAYS:
        waited = [s.delay(d.name) for s in all_stats if s.delay(d.name).count]
        if not waited:
            continue
        longest = max(waited, key=lambda w: w.max)
        delays[d.name] = DelayValue(
            count=sum(w.count for w in waited),
            total=sum(w.total for w in waited),
            max=longest.max,
            min=min(w.min for w in waited),
            max_time=longest.max_time,
        )
    out = message(Stats(comm=leader.comm, delays=delays, **values), version)
    out.identity.ac_etime_us = max(out.identity.ac_etime_us, out.identity.ac_tgetime_us)
    out.task_count = len(all_stats)
    out.tasks_missing = missing
    return out
