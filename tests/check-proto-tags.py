#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""
Holds the .proto files against the record of what v1 has promised.

Clients that were built against any earlier v1 must stay able to read. So each
name of the record must still exist, with the same number, type and label. A new
name must be added to the record by the change that introduces it.

    check-proto-tags.py             compares; exits 1 where a promise is broken or unrecorded
    check-proto-tags.py --write     adds what is new to tests/data/v1-tags.json; breaks no promise.
                                    Writes tests/data/v1.binpb too, the files as `buf breaking` reads them
    check-proto-tags.py --self-test breaks promises and wants that found
"""

import copy
import json
import pathlib
import sys

TESTS = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(TESTS / "lib"))

from google.protobuf import descriptor_pb2  # noqa: E402
from tb_protocol import broker_pb2, event_pb2, sample_pb2, taskstats_pb2  # noqa: E402

DATA = TESTS / "data" / "v1-tags.json"
IMAGE = TESTS / "data" / "v1.binpb"
MODULES = (taskstats_pb2, event_pb2, sample_pb2, broker_pb2)

TYPES = {
    value: name[len("TYPE_"):].lower()
    for name, value in vars(broker_pb2.Welcome.DESCRIPTOR.fields[0].__class__).items()
    if name.startswith("TYPE_")
}


def field_type(field):
    if field.message_type:
        return field.message_type.full_name
    if field.enum_type:
        return field.enum_type.full_name
    return TYPES[field.type]


def describe_message(message, out):
    entry = out["messages"].setdefault(message.full_name, {})
    for field in message.fields:
        described = {"number": field.number, "type": field_type(field)}
        if field.label == field.LABEL_REPEATED:
            described["repeated"] = True
        if field.containing_oneof:
            described["oneof"] = field.containing_oneof.name
        entry[field.name] = described
    for nested in message.nested_types:
        describe_message(nested, out)
    for nested in message.enum_types:
        describe_enum(nested, out)


def describe_enum(enum, out):
    out["enums"][enum.full_name] = {v.name: v.number for v in enum.values}


def current():
    out = {"messages": {}, "enums": {}}
    for module in MODULES:
        for message in module.DESCRIPTOR.message_types_by_name.values():
            describe_message(message, out)
        for enum in module.DESCRIPTOR.enum_types_by_name.values():
            describe_enum(enum, out)
    return out


def compare(recorded, found):
    """(broken promises, unrecorded novelties), a line each."""
    broken, new = [], []
    for section in ("messages", "enums"):
        for name, members in recorded[section].items():
            now = found[section].get(name)
            if now is None:
                broken.append(f"{name} is gone")
                continue
            for member, was in members.items():
                if member not in now:
                    broken.append(f"{name}.{member} is gone (was {was}); a field is never removed within v1")
                elif now[member] != was:
                    broken.append(f"{name}.{member} was {was}, is {now[member]}")
        for name, members in found[section].items():
            known = recorded[section].get(name)
            if known is None:
                new.append(f"{name} is new")
                continue
            new += [f"{name}.{member} is new" for member in members if member not in known]
    return broken, new


def add_json_names(message):
    """The names that protoc gives the fields in JSON. Python's descriptors lack them."""
    for field in message.field:
        first, *rest = field.name.split("_")
        field.json_name = first + "".join(part.capitalize() for part in rest)
    for nested in message.nested_type:
        add_json_names(nested)


def image():
    """The .proto files as a FileDescriptorSet, as protoc writes it."""
    files = descriptor_pb2.FileDescriptorSet()
    for module in MODULES:
        file = files.file.add()
        module.DESCRIPTOR.CopyToProto(file)
        for message in file.message_type:
            add_json_names(message)
    return files


def dump(data):
    return json.dumps(data, indent=1, sort_keys=True) + "\n"


def self_test(found):
    message = "taskbroker.v1.Event"
    failed = []

    def case(name, change, want_broken, want_new):
        now = copy.deepcopy(found)
        change(now)
        broken, new = compare(found, now)
        if (bool(broken), bool(new)) != (want_broken, want_new):
            failed.append(f"{name}: broken {broken}, new {new}")

    case("nothing", lambda d: None, False, False)
    case("renumbered", lambda d: d["messages"][message]["pid"].update(number=99), True, False)
    case("retyped", lambda d: d["messages"][message]["pid"].update(type="uint64"), True, False)
    case("made repeated", lambda d: d["messages"][message]["pid"].update(repeated=True), True, False)
    case("left its oneof", lambda d: d["messages"][message]["fork"].pop("oneof"), True, False)
    case("removed", lambda d: d["messages"][message].pop("pid"), True, False)
    case("renamed", lambda d: d["messages"][message].update(x=d["messages"][message].pop("pid")), True, True)
    case("message gone", lambda d: d["messages"].pop(message), True, False)
    case("enum value moved", lambda d: d["enums"]["taskbroker.v1.EventKind"].update(EVENT_KIND_FORK=9), True, False)
    case("added", lambda d: d["messages"][message].update(x={"number": 99, "type": "bool"}), False, True)
    case("enum added", lambda d: d["enums"].update({"taskbroker.v1.X": {"X_UNSPECIFIED": 0}}), False, True)
    for line in failed:
        print(f"self-test: {line}", file=sys.stderr)
    return 1 if failed else 0


def main():
    found = current()
    if sys.argv[1:] == ["--self-test"]:
        return self_test(found)
    recorded = json.loads(DATA.read_text()) if DATA.exists() else {"messages": {}, "enums": {}}
    broken, new = compare(recorded, found)
    for line in broken:
        print(f"broken: {line}", file=sys.stderr)
    if broken:
        print("v1 clients that exist would misread this broker; give the new meaning a new number.", file=sys.stderr)
        return 1
    if sys.argv[1:] == ["--write"]:
        DATA.write_text(dump(found))
        IMAGE.write_bytes(image().SerializeToString())
        print(f"{len(new)} additions written to {DATA.name}")
        return 0
    recorded_image = descriptor_pb2.FileDescriptorSet()
    recorded_image.ParseFromString(IMAGE.read_bytes() if IMAGE.exists() else b"")
    if recorded_image != image() and not new:
        new.append(f"{IMAGE.name} differs from the .proto files")
    for line in new:
        print(f"unrecorded: {line}", file=sys.stderr)
    if new:
        print(f"Record them: tests/{pathlib.Path(__file__).name} --write", file=sys.stderr)
        return 1
    n = sum(len(m) for s in found.values() for m in s.values())
    print(f"{n} names and numbers as promised")
    return 0


if __name__ == "__main__":
    sys.exit(main())
