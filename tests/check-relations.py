#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""
Finds numbers of tasks that stand alone. The kernel gives a number to another task later, so a
relation to another task is a number and a start. Each field of the protocol, each member of
the public header and each key of JSON that holds a number of a task stands in a table here:
with the field that completes it to an identity, or with the reason why the number is enough.

    check-relations.py              exits 1 if a number is in no table, or a field is missing
    check-relations.py --self-test  plants such numbers and expects to find each
"""

import pathlib
import re
import sys

TESTS = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(TESTS / "lib"))

import tb_tables  # noqa: E402
from tb_protocol import SOURCE_ROOT, broker_pb2, event_pb2, sample_pb2, taskstats_pb2  # noqa: E402

NUMBER = re.compile(r"(?:^|_)(?:p?pids?|tids?|tgid|session|subtrees|tracer|parent|maker|leader|debugger)(?:$|_)")

OWN = "the task itself, or its own process, which keeps its number as long as the task exists"
KERNEL = "a field of the kernel's record, as the kernel wrote it"

# A field beside the number completes it. A reason begins with a capital letter.
WIRE = {
    "ProcessId.pid": "start_boot_ns",
    "Event.pid": "start_boot_ns",
    "Event.tid": "start_boot_ns",
    "Event.ppid": "maker",
    "Fork.parent_tid": "parent_tid_start_boot_ns",
    "Fork.parent_pid": "Event.parent has the identity, for each fork with a parent that is known.",
    "Ptrace.tracer_pid": "tracer",
    "Ptrace.tracer_tid": "tracer_start_boot_ns",
    "Task.pid": "start_boot_ns",
    "Task.tid": "start_boot_ns",
    "Task.ppid": "parent",
    "Task.session": "session_leader",
    "TaskSample.pid": "start_boot_ns",
    "TaskSample.tid": "start_boot_ns",
    "TaskSample.ppid": "parent",
    "TaskSample.session": "session_leader",
    "Identity.ac_pid": f"It is {KERNEL}.",
    "Identity.ac_tgid": f"It is {KERNEL}.",
    "Identity.ac_ppid": f"It is {KERNEL}. Event.parent and TaskSample.parent have the identity.",
    "Filter.pids": "Subscribe.starts and Subscribed.starts have the starts.",
    "Filter.subtrees": "Subscribe.starts and Subscribed.starts have the starts.",
    "GetTaskStats.pids": "It asks what a number names now. The answer has the start.",
    "GetTaskStats.tids": "It asks what a number names now. The answer has the start.",
}

HEADER = {
    "tb_process_id.pid": "start_boot_ns",
    "tb_event.pid": "start_boot_ns",
    "tb_event.tid": "start_boot_ns",
    "tb_event.ppid": "maker",
    "tb_event.parent_tid": "parent_tid_start_boot_ns",
    "tb_event.parent_pid": "parent",
    "tb_event.tracer_pid": "tracer",
    "tb_event.tracer_tid": "tracer_start_boot_ns",
    "tb_task.pid": "start_boot_ns",
    "tb_task.tid": "start_boot_ns",
    "tb_task.ppid": "parent",
    "tb_task.session": "session_leader",
    "tb_process.pid": "start_boot_ns",
    "tb_task_sample.pid": "start_boot_ns",
    "tb_task_sample.tid": "start_boot_ns",
    "tb_task_sample.ppid": "parent",
    "tb_task_sample.session": "session_leader",
    "tb_task_stats.ac_pid": f"It is {KERNEL}.",
    "tb_task_stats.ac_tgid": f"It is {KERNEL}.",
    "tb_task_stats.ac_ppid": f"It is {KERNEL}.",
    "tb_filter.pids": "The library keeps the starts, see tb_set_reconnect().",
    "tb_filter.subtrees": "The library keeps the starts, see tb_set_reconnect().",
}

JSON = {
    "pid": f"It is {OWN}: id has the start.",
    "tid": f"It is {OWN}: id has the start.",
    "ppid": "Beside it, maker_id and parent_id have the identities.",
    "maker_pid": "maker_id",
    "parent_pid": "parent_id",
    "session": "session_id",
    "parent_tid": "parent_tid_start_boot_ns",
    "tracer_pid": "tracer_id",
    "tracer_tid": "tracer_start_boot_ns",
    "ac_pid": f"It is {KERNEL}.",
    "ac_tgid": f"It is {KERNEL}.",
    "ac_ppid": f"It is {KERNEL}.",
}

# Keys whose names look like numbers of tasks, and which are texts or objects.
NO_NUMBERS = {"leader", "maker_id", "parent_id", "session_id", "tracer_id", "tracer"}


def wire_fields():
    """{"Message.field": the fields beside it} of all numbers of the protocol."""
    found, queue = {}, []
    for module in (broker_pb2, event_pb2, sample_pb2, taskstats_pb2):
        queue += module.DESCRIPTOR.message_types_by_name.values()
    while queue:
        message = queue.pop()
        queue += message.nested_types
        for field in message.fields:
            if field.type in (field.TYPE_UINT32, field.TYPE_INT32, field.TYPE_UINT64) and NUMBER.search(field.name):
                found[f"{message.name}.{field.name}"] = set(message.fields_by_name)
    return found


def header_fields(text):
    found = {}
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    for name, body in re.findall(r"^struct (\w+) \{\n(.*?)^\};", text, re.M | re.S):
        members = set(re.findall(r"\b(\w+)(?:\[\w+\])?\s*[;,]", body))
        for declared in re.findall(r"uint32_t \*?([\w, *]+);", body):
            for member in re.split(r"[, *]+", declared):
                if NUMBER.search(member):
                    found[f"{name}.{member}"] = members
    return found


def json_keys(texts):
    """All keys of JSON: keys that the code names, and keys of the tables."""
    keys = set()
    for text in texts:
        keys |= set(re.findall(r'\bjson_add\w*\([^"]*?"(\w+)"', text))
    for struct in tb_tables.rows("event_kinds.h", "EVENT_STRUCTS"):
        keys |= {row.name for row in tb_tables.rows("event_kinds.h", f"EVENT_FIELDS_{struct.member}") if row.json == "SHOWN"}
    keys |= {f"{key}_id" for key in keys & {"tracer"}}
    return keys


def json_fields(texts):
    keys = json_keys(texts)
    return {key: keys for key in keys if NUMBER.search(key) and key not in NO_NUMBERS and not key.endswith("_ns")}


def faults(what, found, table):
    out = [f"{what}: {name} is a number of a task without an identity: add it to the table" for name in found.keys() - table]
    out += [f"{what}: {name} is in the table, and nowhere else" for name in table.keys() - found]
    for name in found.keys() & table:
        if not table[name][0].isupper() and table[name] not in found[name]:
            out.append(f"{what}: {name} needs {table[name]} beside it")
    return sorted(out)


def sources():
    folders = [SOURCE_ROOT / "clients/cli" / name for name in ("json", "run", "stats")]
    return [path.read_text() for folder in folders for path in sorted(folder.glob("*.c"))]


def header():
    return (SOURCE_ROOT / "include/taskbroker/taskbroker.h").read_text()


def check():
    out = faults("protocol", wire_fields(), WIRE)
    out += faults("taskbroker.h", header_fields(header()), HEADER)
    return out + faults("JSON", json_fields(sources()), {k: v for k, v in JSON.items() if not k.startswith("ac_")})


def self_test():
    assert check() == [], check()
    planted = header() + "\nstruct tb_planted {\n        uint32_t debugger_pid;\n};\n"
    assert len(faults("", header_fields(planted), HEADER)) == 1
    assert len(faults("", json_fields([*sources(), 'json_add_number(object, "waiter_pid", 1);']), JSON)) == 4
    assert len(faults("", wire_fields(), {k: v for k, v in WIRE.items() if k != "Task.session"})) == 1
    assert len(faults("", wire_fields(), {**WIRE, "Task.session": "session_start"})) == 1
    assert len(faults("", wire_fields(), {**WIRE, "Task.waiter": "parent"})) == 1


if __name__ == "__main__":
    if "--self-test" in sys.argv:
        self_test()
        sys.exit(0)
    errors = check()
    for error in errors:
        print(error)
    sys.exit(1 if errors else 0)
