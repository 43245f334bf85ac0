# SPDX-License-Identifier: Apache-2.0
"""
A broker that does not answer: each verb distinguishes a broker that is busy from a
broker that hangs, whose socket takes connections too.
"""

import socket
import subprocess
import threading
import time

import pytest

from tb_daemon import executable
from tb_protocol import broker_pb2, frame
from tb_wait import TIMEOUT

VERBS = [["watch"], ["ps"], ["status"], ["stats", "1"], ["run", "true"], ["top", "-b"], ["iotop", "-b"]]

BUSY = "is busy and has not answered yet: waiting."
BUSY_END = "is busy: it takes connections, but has not answered within 5 seconds; try again later."
HANGS = "does not answer: it hangs or is stopped; look at its log, or restart it."


class SilentBroker:
    """Accepts so many connections, sends Welcome, and answers requests for the status after a delay, or never."""

    def __init__(self, path, accepts, delay=None):
        self.path, self.accepts, self.delay = path, accepts, delay
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen(64)
        self.connections = []
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()

    def serve(self):
        while len(self.connections) < self.accepts:
            try:
                connection = self.listener.accept()[0]
            except OSError:
                return
            connection.sendall(frame(broker_pb2.ServerMessage(welcome=broker_pb2.Welcome(
                protocol=1, epoch=1, broker_version="0", kernel_release="6", features=["snapshot", "stats", "sample"],
            ))))
            self.connections.append(connection)
            if self.delay and len(self.connections) == 1:
                threading.Timer(self.delay, self.answer, [connection]).start()

    def answer(self, connection):
        connection.sendall(frame(broker_pb2.ServerMessage(broker_status=broker_pb2.BrokerStatus(request_id=1))))

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.listener.close()
        for connection in self.connections:
            connection.close()


@pytest.fixture
def make_broker(tmp_path):
    brokers = []

    def make(accepts, delay=None):
        brokers.append(SilentBroker(tmp_path / f"socket{len(brokers)}", accepts, delay))
        return brokers[-1]

    yield make
    for broker in brokers:
        broker.close()


def start(broker, *arguments):
    return subprocess.Popen([executable("TASKBROKER", "command"), "--socket", str(broker.path), *arguments],
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def errors(process, code):
    out, err = process.communicate(timeout=TIMEOUT)
    assert (process.returncode, out) == (code, ""), (process.args, out, err)
    return err


def test_busy(make_broker):
    """The broker accepts connections: the message comes after a second, and the wait goes on."""
    begin = time.monotonic()
    broker = make_broker(100)
    for process in [start(broker, *verb) for verb in VERBS]:
        err = errors(process, 125 if "run" in process.args else 1)
        assert BUSY in err and BUSY_END in err and HANGS not in err, (process.args, err)
    assert 4.5 < time.monotonic() - begin < 20


@pytest.mark.parametrize("accepts", [0, 1])
def test_hangs(make_broker, accepts):
    """The broker accepts no connection, or none after the first."""
    processes = [start(make_broker(accepts), *verb) for verb in VERBS]
    for process in processes:
        err = errors(process, 125 if "run" in process.args else 1)
        assert HANGS in err and "busy" not in err, (process.args, err)


def test_slow(make_broker):
    """The answer comes within the time: it is printed."""
    process = start(make_broker(2, delay=3), "status", "--json")
    out, err = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 0 and out.startswith("{") and BUSY in err and BUSY_END not in err
