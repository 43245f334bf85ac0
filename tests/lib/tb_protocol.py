# SPDX-License-Identifier: Apache-2.0
"""
The generated protobuf modules, and the framing, for every test in Python.

A second implementation of protobuf keeps the broker honest: nothing here shares
a line with broker/output or clients/lib. The build puts the generated modules on
PYTHONPATH (tests/e2e/meson.build); a test that is run by hand, without it, has
them made here, into a directory that goes away with the process.
"""

import atexit
import pathlib
import shutil
import subprocess
import sys
import tempfile

SOURCE_ROOT = pathlib.Path(__file__).resolve().parents[2]
PROTO_ROOT = SOURCE_ROOT / "proto"
PROTO_FILES = ("broker", "event", "sample", "taskstats")

MAX_FROM_BROKER = 1024 * 1024
MAX_FROM_CLIENT = 64 * 1024


def generate(directory):
    """Has protoc write the modules below `directory`."""
    subprocess.run(
        ["protoc", f"--proto_path={PROTO_ROOT}", f"--python_out={directory}"]
        + [str(PROTO_ROOT / "taskbroker" / "v1" / f"{name}.proto") for name in PROTO_FILES],
        check=True,
    )


def _import():
    from taskbroker.v1 import broker_pb2, event_pb2, sample_pb2, taskstats_pb2

    return broker_pb2, event_pb2, sample_pb2, taskstats_pb2


try:
    broker_pb2, event_pb2, sample_pb2, taskstats_pb2 = _import()
except ImportError:
    _directory = tempfile.mkdtemp(prefix="taskbroker-pb2-")
    atexit.register(shutil.rmtree, _directory, ignore_errors=True)
    generate(_directory)
    sys.path.insert(0, _directory)
    broker_pb2, event_pb2, sample_pb2, taskstats_pb2 = _import()


def varint(value):
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def frame_of_one_stream(**body):
    """A frame of a broker whose connections have one stream each."""
    of_stream = not {"welcome", "error", "broker_status", "task_stats_reply"} & body.keys()
    return frame(broker_pb2.ServerMessage(stream=int(of_stream), **body))


def frame(message):
    """Length and message; `message` is a protobuf message or its bytes."""
    data = message if isinstance(message, (bytes, bytearray)) else message.SerializeToString()
    return varint(len(data)) + bytes(data)


def parse_prefix(data):
    """(bytes of the prefix, length of the message), or None where more bytes are needed."""
    value = 0
    for i, byte in enumerate(data[:5]):
        value |= (byte & 0x7F) << (7 * i)
        if byte < 0x80:
            return i + 1, value
    if len(data) >= 5:
        raise ValueError("the broker sent a length that is not a varint of at most 5 bytes")
    return None


def unknown_fields(message, path=""):
    """
    Paths of all fields that this side's protobuf does not know: the broker
    must only say what the .proto files say.
    """
    found = [f"{path}#{u.field_number}" for u in message.UnknownFields()]
    for field, value in message.ListFields():
        if field.type != field.TYPE_MESSAGE:
            continue
        values = value if field.label == field.LABEL_REPEATED else [value]
        for v in values:
            found += unknown_fields(v, f"{path}{field.name}.")
    return found
