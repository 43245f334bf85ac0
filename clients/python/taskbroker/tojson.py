# SPDX-License-Identifier: Apache-2.0
"""
Values as JSON objects, in the form of `taskbroker watch --json`.

A value that is not known is `None`. A text that is not UTF-8 is escaped: each byte that is not
UTF-8 is `\\xNN`, a backslash too, and the key with `_escaped` is true.
"""

from __future__ import annotations

import re
from typing import Any

from . import stats as _stats
from . import values
from .v1 import taskstats_pb2

_SURROGATES = re.compile("[\udc80-\udcff]")


def _escape(text: str) -> str:
    return _SURROGATES.sub(lambda m: f"\\x{ord(m[0]) - 0xDC00:02x}", text.replace("\\", "\\x5c"))


def _add_text(out: dict, key: str, text) -> None:
    if text is None or not _SURROGATES.search(text):
        out[key] = text
        return
    out[key] = _escape(text)
    out[key + "_escaped"] = True


def _add_true(out: dict, value, *keys: str) -> None:
    for key in keys:
        if getattr(value, key):
            out[key] = True


def _id(process) -> Any:
    return values.identity_text(process.pid, process.start_boot_ns) if process else None


def _add_start(out: dict, value) -> None:
    out.update(id=value.id, start_time_ns=value.start_time_ns, start_boot_ns=value.start_boot_ns)


def _add_relatives(out: dict, value) -> None:
    for name in ("maker", "parent"):
        process = getattr(value, name)
        out[name + "_pid"] = process.pid if process else None
        out[name + "_id"] = _id(process)


def _add_session(out: dict, value) -> None:
    session = value.session
    out.update(session=session.pid if session else None, session_id=_id(session))


def _add_end(out: dict, end, missing) -> None:
    out["exit_code"] = end.exit_code if end else None
    out["term_signal"] = end.term_signal if end else None
    out["core_dumped"] = end.core_dumped if end else None
    if not end:
        out["termination_missing"] = missing


def program_dict(program: values.Program) -> dict:
    out: dict = {"state": program.state}
    arguments = program.cmdline
    escaped = arguments is not None and any(_SURROGATES.search(argument) for argument in arguments)
    out["cmdline"] = [_escape(argument) for argument in arguments] if escaped and arguments else arguments
    if escaped:
        out["cmdline_escaped"] = True
    _add_text(out, "exe", program.exe)
    _add_text(out, "cgroup", program.cgroup)
    _add_true(out, program, "cgroup_inherited")
    out["truncated"] = program.truncated
    _add_true(out, program, "exe_withheld")
    return out


def _delay_dict(delay: _stats.Delay) -> dict:
    out: dict = {"count": delay.count, "total_ns": delay.total_ns}
    if delay.max_ns is not None:
        out["peak"] = {"max_ns": delay.max_ns, "min_ns": delay.min_ns, "max_time_ns": delay.max_time_ns}
    return out


def stats_dict(pb: taskstats_pb2.TaskStats) -> dict:
    out: dict = {}
    for name in _stats.GROUPS.values():
        if name not in pb.DESCRIPTOR.fields_by_name or name == "delays" or not pb.HasField(name):
            continue
        group, since = getattr(pb, name), _stats.SINCE.get(name, {})
        part = out[name] = {}
        for field in group.DESCRIPTOR.fields:
            value = getattr(group, field.name)
            if field.name == "ac_comm":
                _add_text(part, field.name, _stats.text(value))
            else:
                # a peak of 0 is not known: a kernel thread has no memory, and the memory of a zombie is gone
                known = pb.taskstats_version >= since.get(field.name, 0) and (value or "hiwater" not in field.name)
                part[field.name] = value if known else None
    if pb.HasField("delays"):
        delays = _stats.Delays(pb.delays)
        present = {name: getattr(delays, name) for name in _stats.DELAYS}
        out["delays"] = {name: _delay_dict(delay) for name, delay in present.items() if delay}
    out["taskstats_version"] = pb.taskstats_version
    for key in ("unsupported_groups", "uncounted_groups", "withheld_groups"):
        mask = getattr(pb, key)
        if mask:
            out[key] = [name for number, name in _stats.GROUPS.items() if mask >> number & 1]
    if pb.task_count:
        out.update(tasks=pb.task_count, tasks_missing=pb.tasks_missing, tasks_unseen=pb.tasks_unseen)
    return out


def _exec(out: dict, event: values.Exec) -> None:
    if event.program:
        out["program"] = program_dict(event.program)


def _exit(out: dict, event: values.Exit) -> None:
    _add_end(out, event.termination, event.termination_missing)
    out.update(process_ended=event.process_ended, exit_signal=event.exit_signal)
    stats, process_stats, leader = event.stats, event.process_stats, event.leader
    out["stats"] = stats.to_dict() if stats else None
    if not stats:
        out["stats_missing"] = event.stats_missing
    if process_stats:
        out["process_stats"] = process_stats.to_dict()
    if event.program:
        out["program"] = program_dict(event.program)
    if leader:
        part: dict = {"uid": leader.uid}
        _add_text(part, "comm", leader.comm)
        _add_true(part, leader, "comm_stale")
        part["id"] = _id(leader)
        part.update(start_time_ns=leader.start_time_ns, start_boot_ns=leader.start_boot_ns)
        out["leader"] = part


def _comm(out: dict, event: values.CommChange) -> None:
    _add_text(out, "old_comm", event.old_comm)


def _ptrace(out: dict, event: values.Ptrace) -> None:
    out.update(tracer_pid=event.tracer_pid, tracer_tid=event.tracer_tid, tracer_id=_id(event.tracer))
    out["tracer_start_boot_ns"] = event.tracer_start_boot_ns


def _loss(out: dict, event: values.Loss) -> None:
    for key in ("count", "scope", "missing", "source", "reason", "at_least", "since_time_ns"):
        out[key] = getattr(event, key)


def _ids(out: dict, event) -> None:
    out.update(real_id=event.real_id, effective_id=event.effective_id)


def _fork(out: dict, event: values.Fork) -> None:
    out.update(parent_tid=event.parent_tid, parent_tid_start_boot_ns=event.parent_tid_start_boot_ns)


_OWN = {"fork": _fork, "exec": _exec, "exit": _exit, "comm": _comm, "uid": _ids, "gid": _ids, "ptrace": _ptrace,
        "loss": _loss}


def _event(event: values.Event) -> dict:
    out: dict = {"kind": event.kind, "time_ns": event.time_ns, "number": event.number}
    out.update(cpu=event.cpu, pid=event.pid, tid=event.tid, ppid=event.ppid, uid=event.uid)
    _add_text(out, "comm", event.comm)
    _add_start(out, event)
    _add_relatives(out, event)
    _add_true(out, event, "comm_stale", "task_unknown", "synthesised", "left_filter", "restricted")
    if event.kind in _OWN:
        _OWN[event.kind](out, event)
    return out


def _task(task: values.Task) -> dict:
    out: dict = {"kind": "task", "pid": task.pid, "tid": task.tid, "ppid": task.ppid, "uid": task.uid}
    out.update(euid=task.euid, gid=task.gid, egid=task.egid)
    _add_session(out, task)
    _add_text(out, "comm", task.comm)
    _add_true(out, task, "comm_stale")
    _add_start(out, task)
    _add_relatives(out, task)
    if task.tasks:
        out["tasks"] = task.tasks
    out.update(kernel_thread=task.kernel_thread, credentials_changed=task.credentials_changed)
    _add_true(out, task, "seeded", "task_unknown")
    if task.program:
        out["program"] = program_dict(task.program)
    return out


def _task_sample(sample: values.TaskSample) -> dict:
    out: dict = {"kind": sample.kind, "pid": sample.pid, "tid": sample.tid}
    if sample.gone:
        return {**out, "gone": True}
    out.update(ppid=sample.ppid, uid=sample.uid)
    _add_text(out, "comm", sample.comm)
    _add_true(out, sample, "comm_stale")
    _add_start(out, sample)
    _add_relatives(out, sample)
    _add_session(out, sample)
    out["time_ns"] = sample.time_ns
    if sample.tasks and not sample.ended:
        out["tasks"] = sample.tasks
    out.update(kernel_thread=sample.kernel_thread, ended=sample.ended)
    if sample.ended:
        out["end_time_ns"] = sample.end_time_ns
        _add_end(out, sample.termination, sample.termination_missing)
    if sample.stats_missing:
        out["stats_missing"] = sample.stats_missing
    out["stats"] = sample.stats.to_dict() if sample.stats else None
    return out


def value_dict(value: values.Value) -> dict:
    """The JSON object of a value of a stream."""
    if isinstance(value, values.Event):
        return _event(value)
    if isinstance(value, values.Task):
        return _task(value)
    if isinstance(value, values.TaskSample):
        return _task_sample(value)
    keys = {
        "snapshot_end": ("time_ns", "number", "tasks"),
        "link": ("state", "time_ns", "lost_time_ns", "reason", "tries"),
        "sample": ("number", "begin_time_ns", "end_time_ns", "span_ns", "full", "forks", "execs", "exits", "lost",
                   "lost_at_least", "samples_lost"),
    }[value.kind]
    out = {"kind": value.kind, **{key: getattr(value, key) for key in keys}}
    if isinstance(value, values.Sample):
        out["tasks"] = len(value.tasks)
    return out
