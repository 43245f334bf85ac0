# SPDX-License-Identifier: Apache-2.0
"""The conversation: Welcome, requests and their replies, and an Error for each wrong one."""

import os
import platform
import socket
import time

import pytest

from tb_client import brief
from tb_protocol import MAX_FROM_BROKER, MAX_FROM_CLIENT, broker_pb2, event_pb2, frame, varint
from tb_wait import wait_until

E = broker_pb2


def subscribe_message(request_id=1, **kw):
    message = broker_pb2.ClientMessage(request_id=request_id)
    message.subscribe.SetInParent()
    for name, value in kw.items():
        setattr(message.subscribe, name, value)
    return message


def status_message(request_id=1):
    message = broker_pb2.ClientMessage(request_id=request_id)
    message.get_broker_status.SetInParent()
    return message


def assert_alive(daemon):
    """Somebody else's connection works."""
    with daemon.client() as client:
        client.status()


def expect_error(client, code, closing, request_id=None, field=None):
    error = client.error()
    assert error.code == code, error
    assert error.closing == closing, error
    assert error.message and "\n" not in error.message
    if request_id is not None:
        assert error.request_id == request_id
    if field is not None:
        assert error.field == field
    if closing:
        client.expect_close()
    else:
        assert client.status() is not None
    return error


# -- Welcome ----------------------------------------------------------------


def test_welcome_first(daemon):
    before = time.time_ns()
    client = daemon.client()
    w = client.welcome
    assert w.protocol == 1
    assert w.epoch != 0
    assert w.broker_version
    assert w.kernel_release == platform.release()
    assert w.max_server_message_bytes == MAX_FROM_BROKER
    assert w.max_client_message_bytes == MAX_FROM_CLIENT
    assert w.delay_accounting == broker_pb2.DELAY_ACCOUNTING_ON
    offset = time.clock_gettime_ns(time.CLOCK_REALTIME) - time.clock_gettime_ns(time.CLOCK_MONOTONIC)
    assert abs(w.realtime_offset_ns - offset) < 10_000_000_000
    assert 0 < w.start_time_ns <= time.time_ns()
    assert abs(before - w.start_time_ns) < 60_000_000_000


def test_epochs_differ(make_daemon):
    one, two = make_daemon().client().welcome, make_daemon().client().welcome
    assert one.epoch != two.epoch


def test_welcome_comes_unasked_to_each(daemon):
    clients = [daemon.client() for _ in range(20)]
    assert len({c.welcome.epoch for c in clients}) == 1


# -- requests ---------------------------------------------------------------


@pytest.mark.parametrize("request_id", [0, 1, 127, 128, (1 << 32) + 5, (1 << 64) - 1])
def test_request_ids_come_back(daemon, request_id):
    client = daemon.client()
    client.send_raw(frame(status_message(request_id)))
    assert client.reply("broker_status").request_id == request_id
    client.send_raw(frame(subscribe_message(request_id)))
    assert client.reply("subscribed").request_id == request_id


def test_pipelined_requests_are_answered_in_order(daemon):
    client = daemon.client()
    client.send_raw(b"".join(frame(status_message(i)) for i in range(1, 21)))
    assert [client.reply("broker_status").request_id for _ in range(20)] == list(range(1, 21))


def test_status(daemon):
    client = daemon.subscriber()
    s = client.status()
    w = client.welcome
    assert (s.epoch, s.broker_version, s.kernel_release, s.start_time_ns) == (
        w.epoch, w.broker_version, w.kernel_release, w.start_time_ns,
    )
    assert s.delay_accounting == w.delay_accounting
    assert (s.connections, s.subscribers, s.feeds) == (1, 1, 1)
    assert (s.live_tasks, s.live_processes) == (1, 1), "init, from the made-up /proc"
    assert s.uptime_ns > 0
    assert client.status().uptime_ns > s.uptime_ns
    assert s.connector.received >= 1 and s.connector.lost == 0
    assert s.taskstats_version == 0 and s.taskstats.received == 0
    daemon.kernel.fork(100)
    daemon.kernel.end(100)
    client.take(2)
    t = client.status()
    assert t.connector.received >= s.connector.received + 2
    assert (t.taskstats.received, t.taskstats_version) == (1, 16)
    assert t.broker_cpu_ns > 0


def test_connections_and_subscribers_are_counted(make_daemon):
    daemon = make_daemon(arguments=["--resume-seconds", "1"])
    watcher = daemon.client()
    others = [daemon.client() for _ in range(4)]
    for client in others[:2]:
        client.subscribe()
    others[2].subscribe(("exec",))
    s = watcher.status()
    assert (s.connections, s.subscribers) == (5, 3)
    assert s.feeds == 2, "two that want the same share a feed"
    for client in others:
        client.close()

    def counts():
        s = watcher.status()
        return s.connections, s.subscribers, s.feeds

    wait_until(lambda: counts() == (1, 0, 0), "one connection without a subscription or a feed")


def test_same_feed_for_the_same_wish(daemon):
    one, two, three = daemon.client(), daemon.client(), daemon.client()
    a = one.subscribe(("fork", "exit"))
    b = two.subscribe(("exit", "fork"))
    c = three.subscribe(("exit",))
    assert a.feed == b.feed != c.feed


def test_numbers_count_on_for_who_comes_later(daemon):
    first = daemon.subscriber(kinds=("fork",))
    start = first.next_number
    for i in range(10):
        daemon.kernel.fork(100 + i)
    first.take(10)
    late = daemon.client()
    assert late.subscribe(("fork",)).next_number == start + 10
    daemon.kernel.fork(200)
    assert late.next().number == first.next().number == start + 10


def test_subscriber_gets_replies_between_events(daemon):
    client = daemon.subscriber(kinds=("fork",))
    for i in range(100):
        daemon.kernel.fork(100 + i)
        if i % 10 == 0:
            client.status()
    assert brief(client.take(100)) == [("fork", 100 + i) for i in range(100)]


def test_half_closed_client_still_gets_its_events(daemon):
    """A client that sends nothing more may still listen, as `socat` does."""
    client = daemon.subscriber(kinds=("fork",))
    client.socket.shutdown(socket.SHUT_WR)
    daemon.kernel.fork(100)
    try:
        assert brief([client.event()]) == [("fork", 100)]
    except Exception:
        # Closing is allowed too, if it is clean.
        assert not client.buffer
    assert_alive(daemon)


# -- values that make no sense: the connection goes on -----------------------


@pytest.mark.parametrize("kind", [11, 99, 2147483647, -1, 0])
def test_no_such_kind(daemon, kind):
    client = daemon.client()
    message = broker_pb2.ClientMessage(request_id=9)
    message.subscribe.kinds.append(kind)
    client.send_raw(frame(message))
    expect_error(client, E.ERROR_CODE_BAD_VALUE, False, 9, "subscribe.kinds")
    client.subscribe()


@pytest.mark.parametrize("delay", [60001, 0xFFFFFFFF])
def test_delay_too_long(daemon, delay):
    client = daemon.client()
    client.send_raw(frame(subscribe_message(9, max_delay_ms=delay)))
    expect_error(client, E.ERROR_CODE_BAD_VALUE, False, 9, "subscribe.max_delay_ms")
    client.subscribe(max_delay_ms=60000)


# -- what is no request: the connection ends ---------------------------------


def close_cases():
    good = frame(status_message())
    sub = subscribe_message()
    unknown_request = broker_pb2.ClientMessage(request_id=5).SerializeToString() + b"\x72\x00"
    unknown_in_subscribe = b"\x12\x02" + b"\x78\x01"
    unknown_in_status = b"\x1a\x02" + b"\x08\x01"
    return {
        "length 0": (b"\x00", E.ERROR_CODE_BAD_FRAME),
        "length of six bytes": (b"\x80\x80\x80\x80\x80\x01", E.ERROR_CODE_BAD_FRAME),
        "length without end": (b"\xff" * 100, E.ERROR_CODE_BAD_FRAME),
        "too large by one": (varint(MAX_FROM_CLIENT + 1), E.ERROR_CODE_TOO_LARGE),
        "too large by far": (varint(0xFFFFFFFF), E.ERROR_CODE_TOO_LARGE),
        "not protobuf": (frame(b"\xff" * 50), E.ERROR_CODE_BAD_MESSAGE),
        "cut message": (varint(3) + sub.SerializeToString()[:1] + b"\xff\xff", E.ERROR_CODE_BAD_MESSAGE),
        "no request": (frame(broker_pb2.ClientMessage(request_id=5)), E.ERROR_CODE_BAD_MESSAGE),
        "wrong wire type": (frame(b"\x0a\x01\x00"), None),
        "group tags": (frame(b"\x0b\x0c"), None),
        "unknown request": (frame(unknown_request), E.ERROR_CODE_UNKNOWN_FIELD),
        "unknown field in subscribe": (frame(unknown_in_subscribe), E.ERROR_CODE_UNKNOWN_FIELD),
        "unknown field in get_broker_status": (frame(unknown_in_status), E.ERROR_CODE_UNKNOWN_FIELD),
        "unknown field beside a request": (frame(status_message().SerializeToString() + b"\x70\x01"), E.ERROR_CODE_UNKNOWN_FIELD),
        "good, then bad": (good + b"\x00", E.ERROR_CODE_BAD_FRAME),
        "http": (b"GET / HTTP/1.1\r\nHost: localhost\r\nUser-Agent: somebody who took the wrong door\r\n\r\n", None),
    }


@pytest.mark.parametrize("name", close_cases())
def test_no_request(daemon, name):
    data, code = close_cases()[name]
    client = daemon.client()
    client.send_raw(data)
    if name == "good, then bad":
        client.reply("broker_status")
    if code is None:
        error = client.error()
        assert error.closing and error.message
        client.expect_close()
    else:
        expect_error(client, code, True)
    with daemon.client() as other:
        assert other.status().closed_for_errors == 1


def test_many_small_unknown_fields(daemon):
    """64 KiB of the smallest fields: each costs the decoder memory, and there is an end to it."""
    client = daemon.client()
    client.send_raw(frame(b"\x78\x01" * (MAX_FROM_CLIENT // 2)))
    error = client.error()
    assert error.code in (E.ERROR_CODE_UNKNOWN_FIELD, E.ERROR_CODE_BAD_MESSAGE)
    client.expect_close()
    assert_alive(daemon)


def test_largest_message_is_read(daemon):
    """65535 or so bytes of kinds, all valid: as long as allowed, and understood."""
    message = broker_pb2.ClientMessage(request_id=3)
    n = MAX_FROM_CLIENT - 2 - 4 - 4
    message.subscribe.kinds.extend([event_pb2.EVENT_KIND_FORK] * n)
    size = len(message.SerializeToString())
    assert MAX_FROM_CLIENT - 8 < size <= MAX_FROM_CLIENT
    client = daemon.client()
    client.send_raw(frame(message))
    subscribed = client.reply("subscribed")
    assert subscribed.request_id == 3


def test_unpacked_kinds_are_read(daemon):
    """Old writers of protobuf do not pack repeated enums."""
    client = daemon.client()
    client.send_raw(frame(b"\x08\x07" + b"\x12\x04" + b"\x08\x01\x08\x03"))
    assert client.reply("subscribed").request_id == 7


def test_truncated_frame_then_half_close(daemon):
    client = daemon.client()
    data = frame(subscribe_message(max_delay_ms=1000))
    client.send_raw(data[:-1])
    client.socket.shutdown(socket.SHUT_WR)
    try:
        error = client.error()
    except Exception:
        assert not client.buffer
    else:
        assert error.closing
        client.expect_close()
    assert_alive(daemon)


@pytest.mark.parametrize("data", [b"", b"\x80", b"\x05", b"\x05abc"])
def test_disconnect_at_any_point(daemon, data):
    for _ in range(20):
        client = daemon.client()
        client.send_raw(data)
        client.close()
    assert_alive(daemon)


def test_byte_by_byte(daemon):
    """A slow line is no fault."""
    client = daemon.client()
    for byte in frame(status_message(77)) + frame(subscribe_message(78)):
        client.send_raw(bytes([byte]))
        # Each byte is read before the next is sent, or several at once: both must do.
        os.sched_yield()
    assert client.reply("broker_status").request_id == 77
    assert client.reply("subscribed").request_id == 78


def test_split_at_every_point(daemon):
    data = frame(status_message(5)) + frame(status_message(6))
    other = daemon.client()
    for i in range(len(data) + 1):
        with daemon.client() as client:
            client.send_raw(data[:i])
            other.status()
            client.send_raw(data[i:])
            assert [client.reply("broker_status").request_id for _ in range(2)] == [5, 6]
