# SPDX-License-Identifier: Apache-2.0
"""docs/protocol.md is true: its bytes, its names, its tables, and a client in shell that was written from it."""

import os
import pathlib
import re
import select
import shutil
import signal
import subprocess

import pytest

from taskbroker.v1 import broker_pb2, event_pb2, sample_pb2, taskstats_pb2
from tb_relay import Relay
from tb_wait import TIMEOUT

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "protocol.md").read_text()
MODULES = (broker_pb2, event_pb2, sample_pb2, taskstats_pb2)


def messages():
    for module in MODULES:
        yield from module.DESCRIPTOR.message_types_by_name.values()


def enums():
    for module in MODULES:
        yield from module.DESCRIPTOR.enum_types_by_name.values()


def rows(head):
    """The cells of a table, whose head begins with this text."""
    lines = PAGE[PAGE.index(head) :].split("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def test_bytes(daemon):
    """The bytes of the page are a request, and the broker's answer to it."""
    block = re.search(r"\n\n((?:    +[0-9a-f]{2}.*\n)+)", PAGE).group(1)
    data = [bytes.fromhex(re.match(r" +((?:[0-9a-f]{2} )*[0-9a-f]{2})(?:  |$)", line)[1]) for line in block.splitlines()]
    # A frame begins where the text has no indent of its own.
    starts = [i for i, line in enumerate(block.splitlines()) if re.match(r"    [0-9a-f]", line)]
    assert len(starts) == 2
    request, answer = b"".join(data[: starts[1]]), b"".join(data[starts[1] :])
    client = daemon.client()
    client.send_raw(request)
    received = bytes(client.buffer)
    while len(received) < len(answer):
        received += client.socket.recv(len(answer) - len(received))
    assert received == answer, broker_pb2.ServerMessage.FromString(received[1:])
    assert broker_pb2.ServerMessage.FromString(received[1:]).subscribed.request_id == 7


def test_names():
    """Names of the page that look like names of the protocol belong to the protocol."""
    known = {enum_value.name for enum in enums() for enum_value in enum.values}
    short = set()
    for enum in enums():
        prefix = os.path.commonprefix([value.name for value in enum.values])
        short |= {value.name[len(prefix) :] for value in enum.values}
    fields = {field.name for message in messages() for field in message.fields}
    by_name = {message.name: message for message in messages()}
    for code in set(re.findall(r"`([^`\n]+)`", PAGE)):
        member = re.fullmatch(r"([A-Z]\w+)\.(\w+)", code)
        if member:
            message = by_name[member[1]]
            assert member[2] in message.fields_by_name or member[2] in message.oneofs_by_name, code
        elif re.fullmatch(r"[A-Z][A-Z_]+[A-Z]", code) and not code.startswith(("AF_", "SO_", "SOCK_", "CLOCK_")):
            assert code in known or code in short, code
        elif re.fullmatch(r"[A-Z][a-z]+[A-Za-z]*", code) and code not in ("Python",):
            assert code in by_name, code
        elif re.fullmatch(r"[a-z]+(_[a-z]+)+", code):
            assert code in fields, code


def codes_of(cells):
    return sorted(code for cell in cells for code in re.findall(r"`([A-Z_]+)`", cell))


@pytest.mark.parametrize(
    "head, enum, prefix",
    [
        ("| code |", broker_pb2.ErrorCode, "ERROR_CODE_"),
        ("| source |", event_pb2.LossSource, "LOSS_SOURCE_"),
    ],
)
def test_tables(head, enum, prefix):
    """The table has each value of the enumeration, once."""
    assert codes_of(row[0] for row in rows(head)) == sorted(
        value.name[len(prefix) :] for value in enum.DESCRIPTOR.values if value.number
    )


# -- the client in shell ----------------------------------------------------------------


class Shell:
    def __init__(self, path):
        self.process = subprocess.Popen(
            [ROOT / "tests" / "e2e" / "shell_client.sh", path, ROOT / "proto"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, start_new_session=True,
        )
        self.data = b""

    def line(self):
        while b"\n" not in self.data:
            assert select.select([self.process.stdout], [], [], TIMEOUT)[0], f"no line came; {self.data!r}"
            received = os.read(self.process.stdout.fileno(), 4096)
            assert received, f"the client has ended; {self.data!r}"
            self.data += received
        line, _, self.data = self.data.partition(b"\n")
        return line.decode().split()

    def lines(self, n):
        return [self.line() for _ in range(n)]

    def close(self):
        os.killpg(self.process.pid, signal.SIGTERM)
        self.process.communicate(timeout=TIMEOUT)


@pytest.fixture
def shell():
    if not shutil.which("socat") or not shutil.which("protoc"):
        pytest.skip("needs Debian's socat and protobuf-compiler")
    started = []

    def start(path):
        started.append(Shell(path))
        return started[-1]

    yield start
    for client in started:
        client.close()


def test_shell_client(make_daemon, shell, tmp_path):
    """Snapshot, events, a status, a signal, no status, a loss; a break that is resumed; a restart, which is not."""
    daemon, second = make_daemon(), make_daemon(start=False)
    path = tmp_path / "socket"
    relay = Relay(path, daemon.path)
    client = shell(path)
    assert client.line() == ["new"]
    assert [row[:2] + row[3:] for row in client.lines(1)] == [["task", "1", "init"]]
    k = daemon.kernel
    k.wait_listening()
    k.fork(100)
    k.end(100, code=3 << 8)
    k.fork(101)
    k.end(101, code=9)
    fork, ended, _, killed = client.lines(4)
    assert fork[:2] == ["fork", "100"] and fork[3:] == ["init"]
    assert ended == ["exit", *fork[1:3], ended[3], "status", "3"]
    assert killed[:2] == ["exit", "101"] and killed[4:] == ["signal", "9"]
    k.lose(n=5)
    k.fork(102)
    assert client.line()[:3] == ["lost", "5", "CONNECTOR"]
    assert client.line()[:2] == ["fork", "102"]
    relay.cut()
    k.fork(103)
    assert client.line()[:2] == ["fork", "103"], "it goes on where it was"
    relay.to = second.path
    second.proc.add(200, ppid=0, comm=b"other")
    second.start()
    relay.cut()
    assert client.line() == ["new"]
    assert sorted(row[1] for row in client.lines(2)) == ["1", "200"]
    relay.close()
