#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""
Plays recordings of a broker on a socket, and checks clients against them. It needs no broker and no root.

    taskbroker-replay --list
    taskbroker-replay --serve PATH NAME [--way WAY]    plays a recording to clients, until it is over
    taskbroker-replay --check [NAME...] [--table] [--cuts N] -- COMMAND...

--check runs the command for each recording and each way of sending it. The socket's path is in
TASKBROKER_SOCKET, and the options of `taskbroker watch` that the recording needs are appended. The
command prints each value of the stream as a JSON line, in the form of `taskbroker watch --json`. It
reconnects, and it ends when the broker refuses it with ACCESS_CHANGED or sends malformed bytes. With
--table its last line is {"kind": "table", "processes": [{"id", "pid", "uid", "comm"}, ...]}.

The ways: `whole` sends a frame at a time, `coalesced` all at once, `split` a few bytes at a time,
`stalled` waits within a frame, `cut:N` breaks the first connection after N frames, `torn:N` within
the frame after them. A client that comes back can resume, as with a real broker.

A recording is a folder. frames.bin has the bytes of the broker, script.json the length of each piece
of each connection, events.jsonl the values that a client prints, table.json the live processes at the
end. Lines of the kind `link` are not compared, as they depend on the way.
"""

import argparse
import fcntl
import itertools
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import termios
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
FOLDERS = [HERE, HERE.parent / "share" / "taskbroker" / "vectors"]
TIMEOUT = 120

# Numbers of the fields of the protocol that a player must know.
SERVER = {"welcome": 1, "event_batch": 2, "error": 3, "subscribed": 4}
CLIENT_SUBSCRIBE, SUBSCRIBE_RESUME = 2, 6
EVENT_LOSS, LOSS_COUNT, LOSS_SOURCE, SOURCE_READER = 18, 1, 2, 3
RESUME_IMPOSSIBLE, ACCESS_CHANGED = 12, 15


# -- the wire format --------------------------------------------------------------------


def varint(value):
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(out) + bytes([value])


def read_varint(data, at):
    value = shift = 0
    while True:
        value |= (data[at] & 0x7F) << shift
        shift += 7
        at += 1
        if data[at - 1] < 0x80:
            return value, at


def fields(data):
    """Yields (number, value, bytes of the whole field) of a message."""
    at = 0
    while at < len(data):
        begin = at
        tag, at = read_varint(data, at)
        if tag & 7 == 0:
            value, at = read_varint(data, at)
        elif tag & 7 == 2:
            n, at = read_varint(data, at)
            value, at = data[at : at + n], at + n
        else:
            n = 8 if tag & 7 == 1 else 4
            value, at = int.from_bytes(data[at : at + n], "little"), at + n
        yield tag >> 3, value, data[begin:at]


def member(data, number, default=0):
    """The last field of this number."""
    return next((value for n, value, _ in reversed(list(fields(data))) if n == number), default)


def number_field(number, value):
    return varint(number << 3) + varint(value)


def bytes_field(number, value):
    return varint(number << 3 | 2) + varint(len(value)) + value


def frame(message):
    return varint(len(message)) + message


def message_of(piece):
    """The message of a piece that is a frame."""
    n, at = read_varint(piece, 0)
    return piece[at : at + n]


def replaced(message, number, value):
    """A message with another value of a varint field."""
    return number_field(number, value) + b"".join(raw for n, _, raw in fields(message) if n != number)


# -- recordings -------------------------------------------------------------------------


class Recording:
    def __init__(self, folder):
        self.name = folder.name
        self.script = json.loads((folder / "script.json").read_text())
        data, at = (folder / "frames.bin").read_bytes(), 0
        self.sessions = []
        for lengths in self.script["sessions"]:
            pieces = []
            for n in lengths:
                pieces.append(data[at : at + n])
                at += n
            self.sessions.append(pieces)
        self.hostile = self.script.get("hostile", False)
        self.options = self.script["options"]
        events = folder / "events.jsonl"
        self.events = [json.loads(line) for line in events.read_text().splitlines()] if events.exists() else []
        table = folder / "table.json"
        self.table = json.loads(table.read_text()) if table.exists() else None


def folder_of_all():
    return next(folder for folder in FOLDERS if (folder / "idle" / "script.json").exists())


def recordings(names=()):
    folder = folder_of_all()
    names = names or sorted(path.parent.name for path in folder.glob("*/script.json"))
    return [Recording(folder / name) for name in names]


# -- the player -------------------------------------------------------------------------


def span_of(event):
    """The numbers that an event takes: a loss of this reader takes as many as it counts."""
    loss = member(event, EVENT_LOSS, None)
    if loss is None or member(loss, LOSS_SOURCE) != SOURCE_READER:
        return 1
    return max(1, member(loss, LOSS_COUNT))


def from_number(piece, due):
    """The part of a batch from a number on; None: all of it is before."""
    message = message_of(piece)
    batch = member(message, SERVER["event_batch"], None)
    if batch is None:
        return None
    number, kept, first = member(batch, 1), [], None
    for n, value, raw in fields(batch):
        if n == 3:
            if number >= due:
                first = number if first is None else first
                kept.append(raw)
            number += span_of(value)
        elif n != 1:
            kept.insert(0, raw)
    if first is None:
        return None
    others = b"".join(raw for n, _, raw in fields(message) if n != SERVER["event_batch"])
    return frame(others + bytes_field(SERVER["event_batch"], number_field(1, first) + b"".join(kept)))


class Cut(Exception):
    """The connection is to break here."""


class Player:
    """Serves a recording on a socket. `way` applies to the first connection."""

    def __init__(self, recording, path, way="whole"):
        self.recording, self.way = recording, way
        self.session = 0
        self.n_connections = 0
        self.over = False
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(str(path))
        self.listener.listen()
        self.listener.settimeout(0.2)

    def run(self):
        while not self.over:
            try:
                connection, _ = self.listener.accept()
            except TimeoutError:
                continue
            except OSError:
                return
            connection.settimeout(TIMEOUT)
            try:
                self.serve(connection)
                self.wait_read(connection)
            except (Cut, OSError):
                self.over = False
            finally:
                self.hang_up(connection, wait=self.over and not self.recording.hostile)
            self.n_connections += 1

    def close(self):
        self.over = True
        self.listener.close()

    def wait_read(self, connection):
        """A client that reconnects may take an answer and the end together for no answer: the end comes later."""
        if not self.over:
            while int.from_bytes(fcntl.ioctl(connection, termios.TIOCOUTQ, bytes(4)), sys.byteorder):
                time.sleep(0.01)
            time.sleep(0.3)

    @staticmethod
    def hang_up(connection, wait):
        """Ends a connection so that the client can read all that was sent. `wait`: the client ends it."""
        try:
            if not wait:
                connection.shutdown(socket.SHUT_WR)
            while connection.recv(65536):
                pass
        except OSError:
            pass
        connection.close()

    def serve(self, connection):
        pieces = self.recording.sessions[self.session]
        self.n_sent = 0
        welcome, subscribed, *rest = pieces if len(pieces) > 1 else [*pieces, None]
        self.send(connection, [welcome])
        if subscribed is not None:
            rest = self.answer(connection, message_of(welcome), message_of(subscribed), rest)
        last = self.session == len(self.recording.sessions) - 1
        if last and not self.recording.hostile:
            error = number_field(2, ACCESS_CHANGED) + bytes_field(3, b"The recording is over.") + number_field(5, 1)
            rest = [*rest, frame(bytes_field(SERVER["error"], error))]
        self.send(connection, rest)
        self.session += not last
        self.over = last

    def answer(self, connection, welcome, subscribed, rest):
        """Answers requests until a Subscribe is accepted. Returns the pieces that follow the answer."""
        epoch = member(member(welcome, SERVER["welcome"]), 2)
        answer = member(subscribed, SERVER["subscribed"])
        others = b"".join(raw for n, _, raw in fields(subscribed) if n != SERVER["subscribed"])
        for request in self.requests(connection):
            request_id, subscribe = member(request, 1), member(request, CLIENT_SUBSCRIBE, None)
            if subscribe is None:
                continue
            resume = member(subscribe, SUBSCRIBE_RESUME, None)
            if resume is not None and (member(resume, 1) != epoch or member(resume, 2) != member(answer, 2)):
                error = number_field(1, request_id) + number_field(2, RESUME_IMPOSSIBLE)
                self.send(connection, [frame(bytes_field(SERVER["error"], error + bytes_field(3, b"It is gone.")))])
                continue
            made = replaced(answer, 1, request_id)
            if resume is not None:
                due = member(resume, 3)
                made = replaced(replaced(made, 3, due), 4, 1)
                rest = [part for piece in rest if (part := from_number(piece, due)) is not None]
            self.send(connection, [frame(others + bytes_field(SERVER["subscribed"], made))])
            return rest
        raise Cut

    @staticmethod
    def requests(connection):
        buffer = b""
        while True:
            while True:
                try:
                    n, at = read_varint(buffer, 0)
                except IndexError:
                    break
                if len(buffer) < at + n:
                    break
                yield buffer[at : at + n]
                buffer = buffer[at + n :]
            data = connection.recv(65536)
            if not data:
                return
            buffer += data

    def send(self, connection, pieces):
        way, _, number = self.way.partition(":")
        if way in ("cut", "torn") and self.n_connections == 0:
            for piece in pieces:
                if self.n_sent == int(number):
                    if way == "torn":
                        connection.sendall(piece[: max(1, len(piece) // 2)])
                    raise Cut
                connection.sendall(piece)
                self.n_sent += 1
        elif way == "coalesced":
            connection.sendall(b"".join(pieces))
        elif way == "split":
            data = b"".join(pieces)
            step = 3 if len(data) < 20000 else 1009
            for at in range(0, len(data), step):
                connection.sendall(data[at : at + step])
        else:
            for piece in pieces:
                if way == "stalled" and len(pieces) < 20:
                    connection.sendall(piece[: len(piece) // 2])
                    time.sleep(0.01)
                    piece = piece[len(piece) // 2 :]
                connection.sendall(piece)


# -- the check --------------------------------------------------------------------------


def ways(recording, cuts):
    """All ways of sending a recording. The cuts are spread evenly if there are more frames than cuts."""
    yield from ("whole", "coalesced", "split", "stalled")
    if recording.hostile:
        return
    n = len(recording.sessions[0]) + (len(recording.sessions) == 1)
    step = max(1, -(-n // cuts))
    yield from (f"{way}:{at}" for at in range(2, n, step) for way in ("cut", "torn"))


def compare(recording, way, output, table_asked):
    """Returns the faults of a client's output."""
    try:
        lines = [json.loads(line) for line in output.splitlines()]
    except ValueError:
        return ["a line is not JSON"]
    tables = [line["processes"] for line in lines if line["kind"] == "table"]
    have = [line for line in lines if line["kind"] not in ("link", "table")]
    due = recording.events
    # a client that was cut before the end of the snapshot gets it again
    again = have[: len(have) - len(due)] if way.startswith(("cut", "torn")) and len(have) > len(due) else []
    faults = []
    if again != due[: len(again)]:
        faults.append("the values before the cut differ")
    have = have[len(again) :]
    for i, (a, b) in enumerate(itertools.zip_longest(have, due)):
        if a != b:
            faults.append(f"value {i} is {json.dumps(a)}\n      due is {json.dumps(b)}")
            break
    if table_asked and recording.table is not None:
        key = lambda row: (row["pid"], row["id"] or "")  # noqa: E731
        if not tables or sorted(tables[-1], key=key) != sorted(recording.table, key=key):
            faults.append(f"the table is {json.dumps(tables[-1] if tables else None)}\n"
                          f"      due is {json.dumps(recording.table)}")
    return faults


def run_client(recording, way, command, directory):
    path = pathlib.Path(directory) / "socket"
    player = Player(recording, path, way)
    thread = threading.Thread(target=player.run, daemon=True)
    thread.start()
    environment = {**os.environ, "TASKBROKER_SOCKET": str(path)}
    try:
        done = subprocess.run([*command, *recording.options], env=environment, stdin=subprocess.DEVNULL,
                              capture_output=True, timeout=TIMEOUT, check=False)
    except subprocess.TimeoutExpired as e:
        return e.stdout or b"", "it does not end", ""
    finally:
        player.close()
        thread.join(TIMEOUT)
        path.unlink()
    fault = f"it ended with the signal {-done.returncode}" if done.returncode < 0 else ""
    if recording.hostile and done.returncode == 0:
        fault = "it took malformed bytes"
    return done.stdout, fault, done.stderr.decode(errors="replace")


def check(names, command, table_asked, cuts):
    passed = failed = 0
    for recording in recordings(names):
        for way in ways(recording, cuts):
            with tempfile.TemporaryDirectory(prefix="taskbroker-") as directory:
                output, fault, errors = run_client(recording, way, command, directory)
            faults = [fault] * bool(fault) + compare(recording, way, output, table_asked and not recording.hostile)
            passed, failed = passed + (not faults), failed + bool(faults)
            if faults:
                print(f"{recording.name}, {way}:", *faults, errors[-1000:], sep="\n   ", flush=True)
    print(f"{passed} passed, {failed} failed")
    return bool(failed)


def main():
    # Ctrl-C ends the player without a traceback
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    arguments, command = sys.argv[1:], []
    if "--" in arguments:
        at = arguments.index("--")
        arguments, command = arguments[:at], arguments[at + 1 :]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--list", action="store_true", help="print the names of the recordings")
    parser.add_argument("--serve", metavar="PATH", help="play a recording on this socket")
    parser.add_argument("--check", action="store_true", help="check a client")
    parser.add_argument("--way", default="whole", help="the way of sending for --serve")
    parser.add_argument("--table", action="store_true", help="the client prints its table")
    parser.add_argument("--cuts", type=int, default=1 << 30, help="cut at so many frames at most")
    parser.add_argument("names", nargs="*", metavar="NAME", help="recordings; all without it")
    options = parser.parse_args(arguments)
    if options.check and command:
        return check(options.names, command, options.table, options.cuts)
    if options.serve and len(options.names) == 1:
        Player(recordings(options.names)[0], options.serve, options.way).run()
        return 0
    if options.list:
        for recording in recordings():
            print(f"{recording.name:20} {recording.script['about']}")
        return 0
    parser.print_usage(sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
