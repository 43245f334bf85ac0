# SPDX-License-Identifier: Apache-2.0
"""Signs of life, and the names that programs say of themselves: who gets them, and what is refused."""

import json
import subprocess

import pytest

from tb_client import BrokerError
from tb_daemon import executable
from tb_protocol import broker_pb2, varint
from tb_users import IS_ROOT, OTHER, client_of, open_directory, start_open
from tb_wait import wait_until

NAME_MAX = 63
ENTRIES_MAX = 32


def ask(client, request, answer, **info):
    """Sends a request with a name, and returns its answer."""
    message = broker_pb2.ClientMessage(request_id=client.next_id, **request)
    if info:
        message.client.CopyFrom(broker_pb2.ClientInfo(**info))
    client.next_id += 1
    client.send(message)
    reply = client.reply(answer)
    assert reply.request_id == message.request_id
    return reply


def ping(client, **info):
    return ask(client, {"ping": broker_pb2.Ping()}, "pong", **info)


def status(client, **info):
    return ask(client, {"get_broker_status": broker_pb2.GetBrokerStatus()}, "broker_status", **info)


def programs(status):
    return sorted((c.uid, c.name, c.version, c.connections, c.streams) for c in status.clients)


def test_ping(daemon):
    """A Ping is answered with the time, also on a connection with streams, and in the order of the requests."""
    client = daemon.subscriber()
    times = [ping(client).time_ns for _ in range(3)]
    assert times == sorted(times) and times[0] > daemon.client().welcome.start_time_ns
    assert {"ping", "client"} <= set(client.welcome.features)


def test_names(daemon):
    """The status counts connections by user, name and version. A later name replaces the first one."""
    one, two, other = daemon.subscriber(), daemon.client(), daemon.client()
    uid = one.welcome.uid
    for client in (one, two):
        ping(client, name="graph", version="1.0")
    found = programs(status(other))
    assert found == [(uid, "", "", 1, 0), (uid, "graph", "1.0", 2, 1)]
    ping(two, name="Gr\u00e4ph \u221e", version="")
    # a request without a name keeps it
    ping(one)
    found = programs(status(other, name="status"))
    assert found == [(uid, "Gr\u00e4ph \u221e", "", 1, 0), (uid, "graph", "1.0", 1, 1), (uid, "status", "", 1, 0)]
    one.close()
    wait_until(lambda: len(status(other).clients) == 2, "the connection ends")


@pytest.mark.parametrize("field, value", [
    ("name", b"\xff\xfe"), ("name", b"\x1b[31m"), ("name", b"a" * (NAME_MAX + 1)), ("version", b"1\n2"),
    ("version", b"\xc0\x80"),
])
def test_refused(daemon, field, value):
    """Invalid texts are refused, the request with them, and the connection stays with its former name."""
    client = daemon.client()
    ping(client, name="good", version="1")
    number = broker_pb2.ClientInfo.DESCRIPTOR.fields_by_name[field].number
    info = bytes([number << 3 | 2, len(value)]) + value
    message = broker_pb2.ClientMessage(request_id=77, ping=broker_pb2.Ping()).SerializeToString()
    message += bytes([15 << 3 | 2, len(info)]) + info
    client.send_raw(varint(len(message)) + message)
    with pytest.raises(BrokerError) as e:
        client.reply("pong")
    assert e.value.error.request_id == 77
    error = e.value.error
    assert (error.code, error.field, error.closing) == (broker_pb2.ERROR_CODE_BAD_VALUE, f"client.{field}", False)
    assert [c.name for c in status(client).clients] == ["good"]


def test_bounded(daemon):
    """There are 32 entries. Connections beyond are counted."""
    clients = [daemon.client() for _ in range(ENTRIES_MAX + 5)]
    for i, client in enumerate(clients):
        ping(client, name="n" * NAME_MAX, version=f"{i:0{NAME_MAX}}")
    answer = status(clients[0])
    assert len(answer.clients) == ENTRIES_MAX and answer.clients_unlisted == 5
    assert sum(c.connections for c in answer.clients) + answer.clients_unlisted == answer.connections


@pytest.mark.skipif(not IS_ROOT, reason="changes its user")
def test_others_are_withheld(make_daemon):
    """A user gets the programs of its own connections; an administrator gets all."""
    with open_directory() as directory:
        daemon = start_open(make_daemon, directory)
        root = daemon.client()
        ping(root, name="secret")
        own = client_of(daemon, OTHER)
        answer = status(own, name="mine")
        assert programs(answer) == [(OTHER, "mine", "", 1, 0)] and answer.clients_unlisted == 0
        assert {(c.uid, c.name) for c in status(root).clients} == {(0, "secret"), (OTHER, "mine")}
        own.close()


def test_command(daemon):
    """The command says its verb and its version."""
    with daemon.client() as client:
        version = client.welcome.broker_version
    out = subprocess.run([executable("TASKBROKER", "command"), "--socket", str(daemon.path), "status", "--json"],
                         capture_output=True, text=True, check=True).stdout
    # the connection that was closed just now may still be counted
    assert ("taskbroker status", version, 0) in [
        (c["name"], c["version"], c["streams"]) for c in json.loads(out)["clients"]]
    watch = subprocess.Popen([executable("TASKBROKER", "command"), "--socket", str(daemon.path), "watch"],
                             stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    client = daemon.client()
    try:
        wait_until(lambda: ("taskbroker watch", 1) in [(c.name, c.streams) for c in status(client).clients],
                   "the command has its stream")
    finally:
        watch.kill()
        watch.wait()
