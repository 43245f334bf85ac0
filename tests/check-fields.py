#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""
Holds the tables of proto/ against everything that must say the same: themselves, the
.proto files and the public header. The table of taskstats fields is compared with the
struct of the running kernel too, if that shows its types.

    check-fields.py [BTF]       exits 1 where they differ
    check-fields.py --self-test plants differences and expects to find each
"""

import copy
import pathlib
import re
import struct
import sys

TESTS = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(TESTS / "lib"))

import tb_fields  # noqa: E402
import tb_tables  # noqa: E402
from tb_btf import Btf, NotFound  # noqa: E402
from tb_protocol import PROTO_ROOT, SOURCE_ROOT, broker_pb2, event_pb2, taskstats_pb2  # noqa: E402

BTF = "/sys/kernel/btf/vmlinux"

# sizeof(struct taskstats) by version, compiled from the kernels' own headers.
SIZES = {8: 328, 9: 344, 10: 352, 11: 368, 12: 400, 13: 416, 14: 432, 15: 560, 16: 560, 17: 688}

UNITS = ("_mib_us", "_bytes", "_kib", "_ns", "_us", "_s")

errors = []


def want(condition, text):
    if not condition:
        errors.append(text)


def camel(name):
    return "".join(part.capitalize() for part in name.split("_"))


# -- the table itself -------------------------------------------------------


def check_table():
    names = [f.name for f in tb_fields.FIELDS]
    want(len(set(names)) == len(names), "table: a field stands in it twice")
    groups = {g.name for g in tb_fields.GROUPS}
    for f in tb_fields.FIELDS:
        want(f.group in groups, f"table: {f.name} is in group {f.group}, which is not in the list of groups")
    for version in tb_fields.VERSIONS:
        want(
            tb_fields.size(version) == SIZES[version],
            f"table: version {version} has {tb_fields.size(version)} bytes, the kernel's has {SIZES[version]}",
        )
        comm = tb_fields.COMM_OFFSET_V15 if version == 15 else tb_fields.COMM_OFFSET
        taken = [(0, 2, "version"), (comm, comm + tb_fields.COMM_SIZE, "ac_comm")]
        for name, offset, fmt in tb_fields.places(version):
            n = struct.calcsize(fmt)
            want(offset % min(n, 8) == 0, f"table: version {version}: {name} at {offset} is not aligned")
            taken.append((offset, offset + n, name))
        taken.sort()
        for (_, end, name), (start, _, other) in zip(taken, taken[1:]):
            want(end <= start, f"table: version {version}: {name} reaches into {other}")


# -- the .proto -------------------------------------------------------------


def proto_comments(name="taskstats"):
    """{message: {field: its comment}} of a .proto file."""
    found, stack, comment = {}, [], []
    for line in (PROTO_ROOT / f"taskbroker/v1/{name}.proto").read_text().splitlines():
        line = line.strip()
        if line.startswith("//"):
            comment.append(line[2:].strip())
            continue
        if match := re.match(r"(?:message|enum) (\w+) \{(\})?", line):
            if not match.group(2):
                stack.append(match.group(1))
        elif line.startswith("oneof "):
            stack.append(stack[-1])
        elif line == "}":
            stack.pop()
        elif stack and (match := re.match(r"(?:repeated )?\w+ (\w+) = \d+;", line)):
            found.setdefault(stack[-1], {})[match.group(1)] = " ".join(comment)
        comment = []
    return found


def check_since(comments, message, name, since):
    comment = comments.get(message, {}).get(name, "")
    said = re.search(r"\bSince (\d+)", comment)
    said = int(said.group(1)) if said else min(tb_fields.VERSIONS)
    want(said == since, f"taskstats.proto: {message}.{name} says since {said}, the table says {since}")


def check_proto():
    stats = taskstats_pb2.TaskStats.DESCRIPTOR
    nested = stats.nested_types_by_name
    comments = proto_comments()
    types = {"U8": "uint32", "U32": "uint32", "U64": "uint64", "S8": "sint32"}
    by_group = {}
    for f in tb_fields.FIELDS:
        by_group.setdefault(f.group, []).append(f)
    for group, fields in by_group.items():
        message = nested.get(camel(group))
        if message is None or group not in stats.fields_by_name:
            errors.append(f"taskstats.proto: no group {group}")
            continue
        want(stats.fields_by_name[group].message_type is message, f"taskstats.proto: TaskStats.{group} is no {message.name}")
        for f in fields:
            field = message.fields_by_name.get(f.name)
            if field is None:
                errors.append(f"taskstats.proto: {message.name} has no {f.name}")
                continue
            kind = getattr(field, "TYPE_" + types[f.type].upper())
            want(field.type == kind, f"taskstats.proto: {message.name}.{f.name} must be {types[f.type]}")
            check_since(comments, message.name, f.name, f.since)
        extra = set(message.fields_by_name) - {f.name for f in fields} - ({"ac_comm"} if group == "identity" else set())
        want(not extra, f"taskstats.proto: {message.name} has {sorted(extra)}, which the table does not")
    delays = nested["Delays"].fields_by_name
    want(set(delays) == set(tb_fields.DELAY), f"taskstats.proto: Delays has {sorted(delays)}")
    for d in tb_fields.DELAYS:
        check_since(comments, "Delays", d.name, d.since)
    check_since(comments, "Delay", "peak", tb_fields.PEAKS_SINCE)
    check_since(comments, "DelayPeak", "max_time_ns", tb_fields.PEAK_TIMES_SINCE)
    enum = {v.name: v.number for v in taskstats_pb2.StatsGroup.DESCRIPTOR.values}
    table = {f"STATS_GROUP_{g.constant}": g.number for g in tb_fields.GROUPS}
    want(enum == {**table, "STATS_GROUP_UNSPECIFIED": 0}, f"taskstats.proto: StatsGroup differs: {enum} and {table}")
    for g in tb_fields.GROUPS:
        want(g.constant == g.name.upper(), f"table: group {g.name} has the constant {g.constant}")


# -- the public header ------------------------------------------------------


def header_struct(text):
    """{group: {member: type}} of struct tb_task_stats."""
    body = re.search(r"^struct tb_task_stats \{\n(.*?)^\};", text, re.M | re.S).group(1)
    body = re.sub(r"/\*.*?\*/", "", body, flags=re.S)
    return {
        group: {name: kind for kind, name in re.findall(r"([\w ]+?)\s+(\w+)(?:\[\w+\])?;", members)}
        for members, group in re.findall(r"struct \{\n(.*?)\} (\w+);", body, re.S)
    }


# The library's names of kinds that the wire names otherwise.
KIND_NAMES = {k.NAME: k.WIRE for k in tb_tables.rows("event_kinds.h", "EVENT_KINDS")}


def header_enum(text, name):
    body = re.search(rf"^enum {name} \{{\n(.*?)^\}};", text, re.M | re.S).group(1)
    return {n: int(v) for n, v in re.findall(r"(\w+) = (\d+),", body)}


def check_header():
    text = (SOURCE_ROOT / "include/taskbroker/taskbroker.h").read_text()
    types = {"U8": "uint32_t", "U32": "uint32_t", "U64": "uint64_t", "S8": "int32_t"}
    found = header_struct(text)
    expected = {}
    for f in tb_fields.FIELDS:
        expected.setdefault(f.group, {})[f.name] = types[f.type]
    expected["identity"]["ac_comm"] = "char"
    expected["delays"] = {d.name: "struct tb_delay" for d in tb_fields.DELAYS}
    for group in sorted(set(found) | set(expected)):
        have = {n: t.strip() for n, t in found.get(group, {}).items()}
        due = expected.get(group, {})
        for name in sorted(set(have) | set(due)):
            want(
                have.get(name) == due.get(name),
                f"taskbroker.h: {group}.{name} is {have.get(name)}, must be {due.get(name)}",
            )
    # The library's numbers equal the numbers on the wire.
    for name, prefix, enum, wire_prefix, renamed in (
        ("tb_kind", "TB_KIND_", event_pb2.EventKind, "EVENT_KIND_", KIND_NAMES),
        ("tb_stats_group", "TB_STATS_", taskstats_pb2.StatsGroup, "STATS_GROUP_", {}),
        ("tb_stats_missing", "TB_STATS_MISSING_", event_pb2.StatsMissing, "STATS_MISSING_", {"NO": "UNSPECIFIED"}),
        ("tb_loss_source", "TB_LOSS_SOURCE_", event_pb2.LossSource, "LOSS_SOURCE_", {}),
        ("tb_loss_reason", "TB_LOSS_REASON_", event_pb2.LossReason, "LOSS_REASON_", {}),
        (
            "tb_delay_accounting",
            "TB_DELAY_ACCOUNTING_",
            broker_pb2.DelayAccounting,
            "DELAY_ACCOUNTING_",
            {"UNKNOWN": "UNSPECIFIED"},
        ),
        ("tb_error_code", "TB_ERROR_", broker_pb2.ErrorCode, "ERROR_CODE_", {}),
    ):
        have = {}
        for n, v in header_enum(text, name).items():
            short = n[len(prefix):]
            have[wire_prefix + renamed.get(short, short)] = v
        wire = {v.name: v.number for v in enum.DESCRIPTOR.values}
        for n in sorted(set(have) | set(wire)):
            if n.endswith("_UNSPECIFIED") and n not in have:
                continue
            want(have.get(n) == wire.get(n), f"taskbroker.h: enum {name}: {n} is {have.get(n)}, on the wire {wire.get(n)}")


# -- the other tables: what is compared, as plain data -----------------------


def message_fields(descriptor):
    """[(name, type)] of a message, in the order of their numbers; a list is "repeated type"."""
    out = []
    for field in sorted(descriptor.fields, key=lambda f: f.number):
        kind = {getattr(field, n): n[5:].lower() for n in dir(field) if n.startswith("TYPE_")}[field.type]
        repeated = field.is_repeated if hasattr(field, "is_repeated") else field.label == field.LABEL_REPEATED
        out.append((field.name, f"repeated {kind}" if repeated else kind))
    return out


def header_members(text, name):
    """[(member, type)] of a struct of the header, which has no struct within."""
    body = re.search(rf"^struct {name} \{{\n(.*?)^\}};", text, re.M | re.S).group(1)
    body = re.sub(r"/\*.*?\*/", "", body, flags=re.S)
    return [(n, re.sub(r"\s+", " ", t).strip()) for t, n in re.findall(r"([\w \*]+?)(\w+)(?:\[[\w +]+\])?;", body)]


def header_nested(text, name):
    """{member: {member within: type}} of the structs within a struct of the header."""
    body = re.search(rf"^struct {name} \{{\n(.*?)^\}};", text, re.M | re.S).group(1)
    body = re.sub(r"/\*.*?\*/", "", body, flags=re.S)
    return {
        member: {n: re.sub(r"\s+", " ", t).strip() for t, n in re.findall(r"([\w \*]+?)(\w+)(?:\[\w+\])?;", within)}
        for within, member in re.findall(r"struct \{\n([^{}]*)\} (\w+);", body)
    }


def header_numbers(text):
    """{macro: number} of the header's plain numbers."""
    return {n: int(v, 0) for n, v in re.findall(r"^#define (TB_\w+) (\w+?)u?$", text, re.M) if v[0].isdigit()}


def gather():
    """All that the checks of the tables below compare. The self-test changes a copy of it."""
    text = (SOURCE_ROOT / "include/taskbroker/taskbroker.h").read_text()
    comments = proto_comments("broker")
    return {
        "kinds": (kinds := tb_tables.rows("event_kinds.h", "EVENT_KINDS")),
        "structs": [s.member for s in tb_tables.rows("event_kinds.h", "EVENT_STRUCTS")],
        "fields": {k.member: tb_tables.rows("event_kinds.h", f"EVENT_FIELDS_{k.member}", True) for k in kinds},
        "EventKind": dict(event_pb2.EventKind.items()),
        "kind": {f.name: message_fields(f.message_type) for f in event_pb2.Event.DESCRIPTOR.oneofs_by_name["kind"].fields},
        "members": {f.name: f.number for f in event_pb2.Event.DESCRIPTOR.oneofs_by_name["kind"].fields},
        "tb_event": header_nested(text, "tb_event"),
        "counters": tb_tables.rows("status_counters.h", "STATUS_COUNTERS"),
        "sources": tb_tables.rows("status_counters.h", "STATUS_SOURCE_COUNTERS"),
        **{m: message_fields(getattr(broker_pb2, m).DESCRIPTOR) for m in (*PARTS.values(), *SOURCE_PARTS.values())},
        "tb_status": header_members(text, "tb_status"),
        "tb_source_status": header_members(text, "tb_source_status"),
        "criteria": tb_tables.rows("filter_criteria.h", "FILTER_CRITERIA"),
        "Filter": message_fields(broker_pb2.Filter.DESCRIPTOR),
        "Filter comments": comments["Filter"],
        "tb_filter": header_members(text, "tb_filter"),
        "numbers": header_numbers(text),
    }


def compare_lists(where, have, due):
    """Differences of two lists of pairs: names, their types, their order."""
    have_types, due_types = dict(have), dict(due)
    for name in sorted(set(have_types) | set(due_types)):
        if have_types.get(name) != due_types.get(name):
            yield f"{where}: {name} is {have_types.get(name)}, must be {due_types.get(name)}"
    if isinstance(have, list) and set(have) == set(due) and have != due:
        yield f"{where}: the order must be that of the table"


# -- event kinds --------------------------------------------------------------

FIELD_TYPES = {
    "U32": ("uint32", "uint32_t"),
    "COMM": ("bytes", "char"),
    "PROCESS": ("message", "struct tb_process_id"),
    "START": ("fixed64", "uint64_t"),
}


def check_kinds(data):
    kinds, fields = data["kinds"], data["fields"]
    numbers = [int(k.number) for k in kinds]
    due = {f"EVENT_KIND_{k.WIRE}": int(k.number) for k in kinds} | {"EVENT_KIND_UNSPECIFIED": 0}
    yield from compare_lists("event.proto: EventKind", sorted(data["EventKind"].items()), sorted(due.items()))
    if numbers != sorted(set(numbers)) or not 0 < numbers[0] <= numbers[-1] < 32:
        yield f"table: the numbers of kinds must ascend, from 1 to 31: {numbers}"
    if data["numbers"].get("TB_KINDS_ALL") != sum(1 << n for n in numbers):
        yield f"taskbroker.h: TB_KINDS_ALL must be {sum(1 << n for n in numbers):#x}"
    due = {k.wire: int(k.number) for k in kinds}
    yield from compare_lists("event.proto: Event.kind", sorted(data["members"].items()), sorted(due.items()))
    for k in kinds:
        if k.NAME != k.name.upper() or k.WIRE != k.wire.upper():
            yield f"table: the constants of {k.name} are {k.NAME} and {k.WIRE}"
        if k.member not in data["structs"] + ["none"]:
            yield f"table: {k.name} has the struct {k.member}, which EVENT_STRUCTS has not"
        if k.form == "FIELDS" and k.wire in data["kind"]:
            due = [(f.name, FIELD_TYPES[f.type][0]) for f in fields.get(k.member, [])]
            yield from compare_lists(f"event.proto: {k.wire}", sorted(data["kind"][k.wire]), sorted(due))
    for member in data["structs"]:
        due = {f.name: FIELD_TYPES[f.type][1] for f in fields.get(member, [])}
        yield from compare_lists(f"taskbroker.h: tb_event.{member}", data["tb_event"].get(member, {}).items(), due.items())
        if any(f.member != member for f in fields.get(member, [])):
            yield f"table: a row of EVENT_FIELDS_{member} is of another struct"


# -- filter criteria ----------------------------------------------------------

SHAPES = {
    "NUMBERS": ("repeated uint32", [("", "const uint32_t *"), ("n_", "size_t")]),
    "TEXTS": ("repeated bytes", [("", "const char *const *"), ("n_", "size_t")]),
    "PATHS": ("repeated bytes", [("", "const char *const *"), ("n_", "size_t")]),
    "CPU_LIST": ("string", [("", "const char *")]),
    "FLAG": ("bool", [("", "bool")]),
}


def check_criteria(data):
    rows = data["criteria"]
    yield from compare_lists("broker.proto: Filter", data["Filter"], [(r.name, SHAPES[r.shape][0]) for r in rows])
    members = [(prefix + r.name, kind) for r in rows for prefix, kind in SHAPES[r.shape][1]]
    yield from compare_lists("taskbroker.h: tb_filter", data["tb_filter"], members)
    for r in rows:
        due = {}
        if r.shape in ("NUMBERS", "TEXTS", "PATHS"):
            due[f"TB_FILTER_{r.NAME}_MAX"] = int(r.max)
            if not re.search(rf"\b{r.max}\b", data["Filter comments"].get(r.name, "")):
                yield f"broker.proto: Filter.{r.name} does not say that there are {r.max} at most"
        if "not known" not in data["Filter comments"].get(r.name, ""):
            yield f"broker.proto: Filter.{r.name} does not say what becomes of a value that is not known"
        if r.shape in ("TEXTS", "PATHS"):
            due[f"TB_FILTER_{r.OPTION}_BYTES_MAX"] = int(r.max_bytes)
        for name, number in due.items():
            if data["numbers"].get(name) != number:
                yield f"taskbroker.h: {name} is {data['numbers'].get(name)}, must be {number}"
        if r.NAME != r.name.upper() or r.OPTION != r.option.upper():
            yield f"table: the constants of {r.name} are {r.NAME} and {r.OPTION}"
    for column in ("name", "option"):
        if len({getattr(r, column) for r in rows}) != len(rows):
            yield f"table: two criteria have one {column}"


# -- the counters of Status ----------------------------------------------------

UNIT_TYPES = {u: ("uint64", "uint64_t") for u in ("COUNT", "BYTES", "TIME")} | {"FLAG": ("bool", "bool")}
# The message that has the counters of an access, and the fields of these messages that are no counters.
PARTS = {"ANY": "BrokerStatus", "MACHINE": "MachineStatus", "ALL": "ServiceStatus"}
SOURCE_PARTS = {"MACHINE": "SourceLosses", "ALL": "SourceStatus"}
NO_COUNTERS = {
    "request_id", "broker_version", "epoch", "start_time_ns", "uptime_ns", "kernel_release", "taskstats_version",
    "delay_accounting", "machine", "service", "events", "connector", "taskstats", "clients",
}


def check_counters(data):
    rows, sources = data["counters"], data["sources"]
    for parts, table in ((PARTS, rows), (SOURCE_PARTS, sources)):
        for access, message in parts.items():
            wire = [f for f in data[message] if f[0] not in NO_COUNTERS]
            due = [(r.name, UNIT_TYPES[r.unit][0]) for r in table if r.access == access and r.unit != "FLAG"]
            yield from compare_lists(f"broker.proto: {message}", wire, due)
    members = dict(data["tb_status"])
    for r in rows:
        if members.get(r.name) != UNIT_TYPES[r.unit][1]:
            yield f"taskbroker.h: tb_status.{r.name} is {members.get(r.name)}, must be {UNIT_TYPES[r.unit][1]}"
    due = [(r.name, UNIT_TYPES[r.unit][1]) for r in sources]
    yield from compare_lists("taskbroker.h: tb_source_status", data["tb_source_status"], due)
    places = [(r.section, r.place) for r in rows if r.section != "NOWHERE"]
    if len(set(places)) != len(places):
        yield "table: two counters have one place in the text of the status"
    for r in rows:
        if (r.section == "NOWHERE") != (not r.label) or not (r.section == "NOWHERE" or int(r.place) > 0):
            yield f"table: the place of {r.name} in the text is {r.section} {r.place} {r.label!r}"


# -- self-test ----------------------------------------------------------------


def check_tables(data):
    yield from check_kinds(data)
    yield from check_criteria(data)
    yield from check_counters(data)


def self_test():
    data = gather()
    failed = [f"nothing changed: {e}" for e in check_tables(data)]

    def case(name, change):
        changed = copy.deepcopy(data)
        change(changed)
        if not list(check_tables(changed)):
            failed.append(f"{name}: not found")

    def replace(name, table="criteria", **columns):
        def change(d):
            rows = d[table]
            at = next(i for i, r in enumerate(rows) if r.name == name)
            rows[at] = rows[at]._replace(**columns)

        return change

    case("kind without a row", lambda d: d["kinds"].pop(0))
    case("kind that is not in the .proto file", lambda d: d["EventKind"].pop("EVENT_KIND_NEW_SESSION"))
    case("kind without a message", lambda d: d["members"].pop("ptrace"))
    case("member with another number", lambda d: d["members"].update(ptrace=9))
    case("kind with another number", replace("sid", "kinds", number="12"))
    case("kind with another constant", replace("sid", "kinds", NAME="SESSION"))
    case("kind with an unknown struct", replace("fork", "kinds", member="child"))
    case("kind that is not in the mask", lambda d: d["numbers"].update(TB_KINDS_ALL=0x3FE))
    case("field without a row", lambda d: d["fields"]["fork"].pop())
    case("field that is not in the .proto file", lambda d: d["kind"]["uid_change"].pop())
    case("field of another type", lambda d: d["kind"].update(fork=[("parent_tid", "uint64"), ("parent_pid", "uint32")]))
    case("field that is not in the header", lambda d: d["tb_event"]["ptrace"].popitem())
    case("field of another struct", lambda d: d["fields"].update(fork=d["fields"]["ptrace"]))
    case("criterion without a row", lambda d: d["criteria"].pop())
    case("row without a field", lambda d: d["Filter"].pop())
    case("row without a member", lambda d: d["tb_filter"].pop())
    case("field of another type", lambda d: d["Filter"].__setitem__(0, ("uids", "repeated uint64")))
    case("members in another order", lambda d: d["tb_filter"].reverse())
    case("another maximum", replace("pids", max="65"))
    case("another length", replace("comms", max_bytes="64"))
    case("another constant", replace("uids", NAME="USERS"))
    case("another shape", replace("subtrees", shape="FLAG"))
    case("one option twice", replace("pids", option="uid", OPTION="UID"))
    case("maximum not documented", lambda d: d["Filter comments"].update(uids="Real user ids."))
    case("counter without a row", lambda d: d["counters"].pop())
    case("counter that is not in the .proto file", lambda d: d["ServiceStatus"].pop())
    case("counter in another part", lambda d: d["MachineStatus"].append(d["ServiceStatus"].pop()))
    case("counter of another access", replace("foreign_acks", "counters", access="ALL"))
    case("counter that is not in the header", lambda d: d["tb_status"].remove(("sweeps", "uint64_t")))
    case("counter of another type", replace("withheld", "counters", unit="COUNT"))
    case("counters in another order", lambda d: d["counters"].reverse())
    case("source counter without a row", lambda d: d["sources"].pop())
    case("two counters in one place", replace("feeds", "counters", place="20"))
    case("counter without a label", replace("feeds", "counters", label=""))
    for line in failed:
        print(f"self-test: {line}", file=sys.stderr)
    return 1 if failed else 0


# -- the running kernel -----------------------------------------------------


def kernel_name(name, members):
    """The table adds a unit to the kernel's name, but where the name has one already."""
    if name in members:
        return name
    for unit in UNITS:
        if name.endswith(unit) and name[:-len(unit)] in members:
            return name[:-len(unit)]
    return None


def kernel_version(members):
    """BTF has no macros: the members of the struct show the version, and their offsets show version 15."""
    for version, name in (
        (17, "cpu_delay_max_ts"),
        (16, "cpu_delay_max"),
        (14, "irq_count"),
        (13, "wpcopy_count"),
        (12, "ac_tgid"),
        (11, "compact_count"),
        (10, "ac_btime64"),
        (9, "thrashing_count"),
    ):
        if name in members:
            if version == 16 and members["ac_etime"].offset != tb_fields.FIELD["ac_etime_us"].offset:
                return 15
            return version
    return 8


def check_kernel(path):
    try:
        data = pathlib.Path(path).read_bytes()
        n, found = Btf(data).members("taskstats")
    except (OSError, NotFound) as e:
        print(f"the running kernel's struct taskstats was not checked: {e}")
        return
    members = {m.name: m for m in found}
    version = kernel_version(members)
    signed = {"=B": False, "=b": False, "=I": False, "=Q": False, "=qq": False}
    checked = {"version", "ac_comm"}
    for name, offset, fmt in tb_fields.places(version):
        real = kernel_name(name, members)
        if real is None:
            errors.append(f"kernel: struct taskstats, taken for version {version}, has no {name}")
            continue
        checked.add(real)
        member = members[real]
        want(
            member.offset == offset and member.size == struct.calcsize(fmt) and member.signed == signed[fmt],
            f"kernel: {real} is {member.size} bytes{' signed' if member.signed else ''} at {member.offset}; "
            f"the table has {struct.calcsize(fmt)} bytes at {offset} for version {version}",
        )
    comm = tb_fields.COMM_OFFSET_V15 if version == 15 else tb_fields.COMM_OFFSET
    want((members["ac_comm"].offset, members["ac_comm"].size) == (comm, tb_fields.COMM_SIZE), "kernel: ac_comm differs")
    want((members["version"].offset, members["version"].size) == (0, 2), "kernel: version differs")
    unknown = [m.name for m in found if m.name not in checked and not m.name.startswith("ac_pad") and m.size]
    if unknown:
        # A newer kernel appends: no error, but whoever keeps the table wants to hear of it.
        print(f"the running kernel knows more than the table: {', '.join(unknown)}")
    else:
        want(n == SIZES[version], f"kernel: struct taskstats has {n} bytes, version {version} has {SIZES[version]}")
    print(f"the running kernel's struct taskstats is version {version}, {len(checked)} members compared")


def main():
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    check_table()
    check_proto()
    check_header()
    errors.extend(check_tables(gather()))
    check_kernel(sys.argv[1] if len(sys.argv) > 1 else BTF)
    for error in errors:
        print(error, file=sys.stderr)
    print(f"{len(tb_fields.FIELDS)} fields, {len(tb_fields.DELAYS)} delays, {len(errors)} differences")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
