# SPDX-License-Identifier: Apache-2.0
"""
Golden bytes: the frames that clients received, their varying values replaced, and the
recorded files in tests/data.

This file is the only place that says which values may vary from run to run: FIXED,
OMITTED, CLOCK_READINGS and TIMES below. REWORDED has the messages that were reworded since
the files were recorded. A frame is walked on the wire, not decoded and encoded again: the order of
fields, the form of each number and the length of each frame stay what the broker
sent, save for the lengths that a replaced text or number changes.

A time (TIMES) becomes one of
- the exact moment of the session's own clock (Clock), whose stamps the kernel sent, or
  one that is away from a stamp by what an accounting record says (LIFETIMES);
- the token of a task that was older than the broker's knowledge of it, whose start
  /proc shows to 10 ms (Clock.seed());
- NOW, where the broker looked at its clock while the session ran. CLOCK_READINGS are
  nothing else.
Any other time stays as it is, and fails the comparison.
"""

import difflib
import os
import pathlib
import struct
import time

from google.protobuf import text_format

from tb_client import Closed, Client
from tb_protocol import broker_pb2, parse_prefix, varint

DATA = pathlib.Path(__file__).resolve().parents[1] / "data"

# The constants that replace varying values.
SAME_NUMBER = 1
SAME_TEXT = b"*"

# Values of the run, the machine and the build: an identity, a clock, a version, processor
# time, memory, a buffer. connector.received counts the answers to the broker's proof of
# life, too, which come once a second.
FIXED = {
    "welcome.epoch",
    "welcome.broker_version",
    "welcome.kernel_release",
    "welcome.realtime_offset_ns",
    "welcome.start_time_ns",
    "welcome.boot_epoch_ns",
    "event_batch.realtime_offset_ns",
    "sample_part.span_ns",
    "broker_status.broker_version",
    "broker_status.epoch",
    "broker_status.start_time_ns",
    "broker_status.uptime_ns",
    "broker_status.kernel_release",
    "broker_status.service.broker_cpu_ns",
    "broker_status.service.table_bytes",
    "broker_status.service.program_bytes",
    "broker_status.service.client_bytes",
    "broker_status.service.sweep_cpu_ns",
    "broker_status.service.connector.received",
    "broker_status.service.connector.receive_buffer_bytes",
    "broker_status.service.taskstats.receive_buffer_bytes",
}

# Left out: root is number 0, which is not encoded, and other users are.
OMITTED = {"welcome.uid"}

# The field with the text of an Error, and its texts: the present one, and the one in the recorded files.
TEXT = "error.message"
REWORDED = {}

# Nanoseconds since the epoch, read from the broker's clock.
CLOCK_READINGS = {
    "snapshot_end.time_ns",
    "task_stats_reply.samples.time_ns",
    "sample_part.begin_time_ns",
    "sample_part.end_time_ns",
}

# Nanoseconds since the epoch: of events and of tasks.
TIMES = {
    "event_batch.events.time_ns",
    "event_batch.events.start_time_ns",
    "event_batch.events.exit.leader.start_time_ns",
    "event_batch.events.loss.since_time_ns",
    "snapshot_part.tasks.start_time_ns",
    "task_stats_reply.samples.start_time_ns",
    "sample_part.samples.start_time_ns",
    "sample_part.samples.time_ns",
}

# Times by CLOCK_BOOTTIME.
BOOT_TIMES = {
    "event_batch.events.start_boot_ns",
    "event_batch.events.exit.leader.start_boot_ns",
    "snapshot_part.tasks.start_boot_ns",
    "task_stats_reply.samples.start_boot_ns",
    "sample_part.samples.start_boot_ns",
} | {
    f"{task}.{relative}.start_boot_ns"
    for task in ("event_batch.events", "snapshot_part.tasks", "task_stats_reply.samples", "sample_part.samples")
    for relative in ("maker", "parent", "session_leader")
} | {
    "event_batch.events.fork.parent_tid_start_boot_ns",
    "event_batch.events.ptrace.tracer.start_boot_ns",
    "event_batch.events.ptrace.tracer_start_boot_ns",
} | {
    f"{answer}.starts.{numbers}" for answer in ("subscribed", "subscribed_samples", "named") for numbers in ("pids", "subtrees")
}

# The offset that times are made with may be so far from the clocks' distance.
READING_TOLERANCE_NS = 1_000_000_000

# The values that replace times. The session's clock begins at SESSION, the seeded tasks at SEEDED.
SESSION = 2_000_000_000_000_000_000
SEEDED = 1_000_000_000_000_000_000
NOW = 3_000_000_000_000_000_000

# The least distance of two stamps, longer than any lifetime, and their distance in the golden bytes.
STEP_NS = 200_000
GOLDEN_STEP_NS = 1_000_000

# The lifetimes in the sessions' accounting records (ac_etime_us), from which the broker computes starts and ends.
LIFETIMES_US = (5, 77, 111)

# The starts of tasks in /proc are exact to a tick, and the time between two clocks' readings.
SEED_TOLERANCE_NS = 15_000_000


class Clock:
    """
    The session's clock. Its stamps are real times, as the broker compares them with its own
    clock. They are multiples of a step, by which they are known again: in the golden bytes,
    the stamps count from SESSION.
    """

    def __init__(self):
        self.asleep_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME) - time.monotonic_ns()
        self.seeds = []
        self.restart()

    def restart(self):
        """Begins anew: the broker has started."""
        self.begin_ns = time.monotonic_ns()
        self.last = 0
        self.ordinals = {}

    def stamp(self):
        """The time now, but a step after the last stamp at least."""
        self.last = max(self.last + 1, (time.monotonic_ns() - self.begin_ns) // STEP_NS)
        self.ordinals[self.last] = len(self.ordinals)
        stamp = self.begin_ns + self.last * STEP_NS
        while time.monotonic_ns() < stamp:
            time.sleep(STEP_NS / 1e9)
        return stamp

    def seed(self, seconds):
        """The start of a task that is so old when the session begins: CLOCK_BOOTTIME, for FakeProc.add()."""
        monotonic_ns = time.monotonic_ns() - seconds * 1_000_000_000
        self.seeds.append(monotonic_ns)
        return monotonic_ns + self.asleep_ns

    def token(self, monotonic_ns, is_start):
        """The golden value of a time of an event, or of a task's start; None: the session does not have this time."""
        for away in (0, *(1000 * sign * us for us in LIFETIMES_US for sign in (1, -1))):
            step, rest = divmod(monotonic_ns - away - self.begin_ns, STEP_NS)
            if rest == 0 and step in self.ordinals:
                return SESSION + self.ordinals[step] * GOLDEN_STEP_NS + away
        for i, seed in enumerate(self.seeds if is_start else ()):
            if abs(monotonic_ns - seed) < SEED_TOLERANCE_NS:
                return SEEDED + i
        return self.reading(monotonic_ns)

    def reading(self, monotonic_ns):
        """The golden value of a reading of the broker's clock; None: the session does not have this time."""
        within = self.begin_ns - READING_TOLERANCE_NS < monotonic_ns < time.monotonic_ns() + READING_TOLERANCE_NS
        return NOW if within else None


class Normaliser:
    """One connection's frames, one after the other. Its Welcome, the first, has the clocks' distance."""

    def __init__(self, clock):
        self.clock = clock
        self.offset_ns = self.boot_epoch_ns = 0

    def frame(self, data):
        """The golden form of a message's bytes."""
        message = broker_pb2.ServerMessage.FromString(data)
        body = message.WhichOneof("body")
        if body in ("welcome", "event_batch"):
            self.offset_ns = getattr(message, body).realtime_offset_ns
        if body == "welcome":
            self.boot_epoch_ns = message.welcome.boot_epoch_ns
        return self._message(data, message.DESCRIPTOR, "")

    def _message(self, data, descriptor, path):
        out, at = bytearray(), 0
        while at < len(data):
            begin = at
            n, tag = parse_prefix(data[at:])
            at += n
            field = descriptor.fields_by_number[tag >> 3]
            name = path + field.name
            if tag & 7 == 1:
                value, at = data[at:at + 8], at + 8
                if name not in OMITTED:
                    out += data[begin:begin + n] + self._fixed64(name, value)
            elif tag & 7 == 0:
                m, value = parse_varint(data, at)
                at += m
                if name not in OMITTED:
                    out += data[begin:begin + n] + (varint(SAME_NUMBER) if name in FIXED else data[begin + n:at])
            elif tag & 7 == 2:
                m, length = parse_prefix(data[at:])
                value, at = data[at + m:at + m + length], at + m + length
                assert len(value) == length, "a torn field"
                prefix = data[begin + n:begin + n + m]
                if name in FIXED:
                    new = SAME_TEXT
                elif field.message_type:
                    new = self._message(value, field.message_type, name + ".")
                elif name in BOOT_TIMES:
                    new = b"".join(self._fixed64(name, value[i:i + 8]) for i in range(0, length, 8))
                elif name == TEXT:
                    new = REWORDED.get(value, value)
                else:
                    new = value
                out += data[begin:begin + n] + (prefix if len(new) == len(value) else varint(len(new))) + new
            else:
                raise AssertionError(f"{name} has wire type {tag & 7}")
        return bytes(out)

    def _fixed64(self, name, value):
        if name in FIXED:
            return struct.pack("<Q", SAME_NUMBER)
        number, = struct.unpack("<Q", value)
        if name not in TIMES | BOOT_TIMES | CLOCK_READINGS or number == 0:
            return value
        monotonic_ns = number + (self.boot_epoch_ns if name in BOOT_TIMES else 0) - self.offset_ns
        if name not in CLOCK_READINGS:
            token = self.clock.token(monotonic_ns, "start" in name)
        else:
            token = self.clock.reading(monotonic_ns)
        return value if token is None else struct.pack("<Q", token)


def parse_varint(data, at):
    """(bytes, value) of a number of up to ten bytes."""
    value = 0
    for i, byte in enumerate(data[at:at + 10]):
        value |= (byte & 0x7F) << (7 * i)
        if byte < 0x80:
            return i + 1, value
    raise AssertionError("a torn number")


class Tee:
    """A socket that keeps the bytes that were received."""

    def __init__(self, sock, received):
        self.sock, self.received = sock, received

    def recv(self, n):
        data = self.sock.recv(n)
        self.received += data
        return data

    def __getattr__(self, name):
        return getattr(self.sock, name)


class Recorder(Client):
    """A client that keeps every byte that it receives."""

    def __init__(self, path):
        super().__init__(path, welcome=False)
        self.received = bytearray()
        self.closed = False
        self.socket = Tee(self.socket, self.received)
        self.greet()

    def close(self):
        self.closed = True
        super().close()

    def drain(self):
        """Receives the bytes that are in the socket; none at the end of the connection."""
        try:
            while not self.closed:
                self.receive(timeout=0)
        except (TimeoutError, Closed):
            pass

    def frames(self, clock):
        """(body, hexadecimal digits) of the golden form of each frame, its prefix included."""
        self.drain()
        normaliser, data, out = Normaliser(clock), bytes(self.received), []
        while data:
            n, length = parse_prefix(data)
            assert len(data) >= n + length, "a torn frame"
            message = data[n:n + length]
            new = normaliser.frame(message)
            prefix = data[:n] if len(new) == length else varint(len(new))
            out.append((broker_pb2.ServerMessage.FromString(message).WhichOneof("body"), (prefix + new).hex()))
            data = data[n + length:]
        return out


def _decode(line):
    body, digits = line
    data = bytes.fromhex(digits)
    n, _ = parse_prefix(data)
    try:
        return text_format.MessageToString(broker_pb2.ServerMessage.FromString(data[n:])).splitlines()
    except Exception as e:  # noqa: BLE001 -- bytes that no decoder reads are shown as they are
        return [f"{body}: {e}"]


def _read(path):
    clients, name = {}, None
    for line in path.read_text().splitlines():
        if line.startswith("["):
            name = line[1:-1]
            clients[name] = []
        elif line and not line.startswith("#"):
            clients[name].append(tuple(line.split(" ")))
    return clients


def _write(path, clients):
    with path.open("w") as out:
        out.write("# Golden bytes: tests/e2e/test_golden.py records and compares them.\n")
        for name, frames in clients.items():
            out.write(f"[{name}]\n")
            out.writelines(f"{body} {digits}\n" for body, digits in frames)


def compare(session, clients):
    """Compares the clients' frames with the golden file of the session; with GOLDEN_WRITE=1, writes that file."""
    path = DATA / f"golden-{session}.txt"
    if os.environ.get("GOLDEN_WRITE") == "1":
        _write(path, clients)
        return
    golden = _read(path)
    assert list(clients) == list(golden), "other clients than recorded"
    for name, frames in clients.items():
        for i, (got, due) in enumerate(zip(frames, golden[name])):
            if got != due:
                diff = "\n".join(difflib.unified_diff(_decode(due), _decode(got), "recorded", "received", lineterm=""))
                raise AssertionError(
                    f"client {name}, frame {i}: other bytes than recorded\n"
                    f"recorded: {due[1]}\nreceived: {got[1]}\n{diff or '(the same when decoded)'}"
                )
        if len(frames) != len(golden[name]):
            longer = max(frames, golden[name], key=len)
            raise AssertionError(
                f"client {name}: {len(frames)} frames, recorded are {len(golden[name])}; the first surplus one:\n"
                + "\n".join(_decode(longer[min(len(frames), len(golden[name]))]))
            )
