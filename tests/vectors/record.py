#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""
Writes the recordings, with a real broker on a kernel that a test plays.

    TASKBROKERD=... TASKBROKER=... record.py [NAME...]
    TASKBROKER=... record.py --values     writes the values only, after a change of the JSON form

The frames are the bytes of the broker. The table is the snapshot that the broker makes at the end. The
values are the output of `taskbroker watch --json` for the recording: libtaskbroker is the reference.
Times differ from run to run, so a recording is made anew only when its content changes.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "clients" / "python"), str(HERE.parent / "lib")]

import replay  # noqa: E402
from tb_client import ALL_KINDS, Client  # noqa: E402
from tb_daemon import Daemon  # noqa: E402
from tb_protocol import broker_pb2, frame, parse_prefix  # noqa: E402

NOBODY = 65534
MARK = 31337
DAEMONS = []
PROGRAM = dict(cmdline=b"cc\0-c\0a b.c\0", exe=b"/usr/bin/cc", cgroup=b"0::/system.slice/build.service\n")


class Recorder(Client):
    """A client that keeps each frame."""

    def __init__(self, path, **subscription):
        self.pieces = []
        super().__init__(path)
        self.send(broker_pb2.ClientMessage(subscribe=broker_pb2.Subscribe(kinds=ALL_KINDS, **subscription)))
        self.snapshot_due = bool(subscription.get("snapshot"))
        while (message := self.receive()).WhichOneof("body") != "subscribed":
            pass
        self.next_number = message.subscribed.next_number

    def receive(self, timeout=None):
        while True:
            prefix = parse_prefix(self.buffer)
            if prefix and len(self.buffer) >= sum(prefix):
                self.pieces.append(bytes(self.buffer[: sum(prefix)]))
                return super().receive(timeout)
            self.buffer += self.socket.recv(1 << 16)

    def until_end(self, daemon):
        """Keeps all frames up to the fork of MARK."""
        daemon.kernel.fork(MARK)
        self.until_marker(MARK)
        return self.pieces


class Made:
    """A recording in the making."""

    def __init__(self, about, options=("--snapshot", "-e", "all"), **script):
        self.script = dict(about=about, options=list(options), **script)
        self.sessions, self.table = [], None


def fake(directory, start=True, **kw):
    path = pathlib.Path(tempfile.mkdtemp(dir=directory))
    os.chmod(path, 0o755)
    daemon = Daemon(path, start=start, **kw)
    DAEMONS.append(daemon)
    if start:
        daemon.kernel.wait_listening()
    return daemon


def table_of(daemon):
    """The broker's own processes."""
    client = daemon.subscriber(snapshot=True)
    out = []
    for task in client.snapshot():
        known = not task.task_unknown
        start = task.start_boot_ns
        out.append({"id": f"{task.pid}-{start}" if start else None, "pid": task.pid,
                    "uid": task.uid if known or task.uid else None,
                    "comm": task.comm.decode() if known or task.comm else None})
    return out


def record(daemon, made, play, **subscription):
    recorder = Recorder(daemon.path, snapshot=True, **subscription)
    daemon.clients.append(recorder)
    play(daemon.kernel)
    made.sessions.append(recorder.until_end(daemon))
    made.table = table_of(daemon)
    return made


def live(k, pid, comm, **kw):
    k.fork(pid, comm=comm, **kw)
    k.exec(pid, comm=comm)


def idle(directory):
    def play(k):
        live(k, 100, b"sleep")
        live(k, 101, b"true")
        k.end(101, comm=b"true")
        k.comm(100, comm=b"caf\xc3\xa9")
        k.uid(100, real=5, effective=6)
        k.sid(100)

    return record(fake(directory), Made("A snapshot, and some events of processes that live and end."), play)


def storm(directory):
    def play(k):
        for pid in range(1000, 1150):
            live(k, pid, b"job%d" % (pid % 7))
            if pid % 10:
                k.end(pid, code=pid % 3 << 8, comm=b"job")

    return record(fake(directory), Made("Many short processes, some frames of many events, and a number that is used again."),
                  lambda k: (play(k), live(k, 1001, b"again")), max_delay_ms=50)


def loss(directory):
    def play(k):
        for pid in range(100, 105):
            live(k, pid, b"before")
        k.exit(104)
        # processes that come and go while the kernel loses events: the broker finds them in /proc
        k.lose(0, 7)
        k.proc.add(200, ppid=1, comm=b"found", start_ns=time.clock_gettime_ns(time.CLOCK_BOOTTIME))
        k.proc.remove(101)
        k.comm(100, comm=b"after")
        time.sleep(2)
        k.end(102)

    return record(fake(directory), Made("The kernel loses events and an exit record; the broker repairs its table."), play)


def restart(directory):
    made = Made("The broker is killed and started again; other processes live then.")
    record(fake(directory), made, lambda k: [live(k, pid, b"first") for pid in (100, 101, 102)])
    second = fake(directory, start=False)
    second.proc.add(101, ppid=1, comm=b"second")
    second.start()
    second.kernel.wait_listening()
    return record(second, made, lambda k: (live(k, 300, b"new"), k.end(101)))


def threads_play(k):
    for tid in (101, 102):
        k.fork(tid, pid=100, parent_tid=100)
        k.comm(tid, 100, comm=b"worker-%d" % (tid - 100))
    # the leader ends first, the process with another thread
    k.end(100, comm=b"named", last=False)
    k.end(101, 100, comm=b"worker-1", last=False)
    stats = k.make_stats(102, 100, b"worker-2", ac_exitcode=3 << 8, ac_flag=0x20)
    k.stats(stats, group=k.make_stats(100, 100))
    k.exit(102, 100, code=3 << 8)
    # a thread calls exec: the leader ends, and the caller takes its number
    live(k, 200, b"leader")
    k.fork(201, pid=200, parent_tid=200)
    k.end(200, comm=b"leader", last=False)
    k.exec(200, comm=b"by-thread")
    # a leader that has ended, of a process that lives on
    live(k, 300, b"gone")
    k.fork(301, pid=300, parent_tid=300)
    k.end(300, comm=b"gone", last=False)


def threads(directory):
    return record(fake(directory), Made("Processes whose leader ends first, and an exec by a thread; processes only."),
                  lambda k: (live(k, 100, b"named"), threads_play(k)))


def with_threads(directory):
    made = Made("The same, with threads.", options=("--snapshot", "-e", "all", "--threads"))
    return record(fake(directory), made, lambda k: (live(k, 100, b"named"), threads_play(k)), threads=True)


def programs(directory):
    def play(k):
        k.fork(100)
        k.exec(100, comm=b"cc", program=PROGRAM)
        k.fork(101, parent_tid=100)
        k.exec(100, comm=b"\xff", program=dict(PROGRAM, cmdline=b"\xff\\\0\0end"))
        k.end(100)
        k.fork(102)
        k.proc.remove(102)
        k.exec(102)

    made = Made("Command lines and names that are not UTF-8.", options=("--snapshot", "-e", "all", "--args"))
    return record(fake(directory), made, play, programs=True)


def as_nobody(path, made, daemon, play):
    """Records as a user without rights, which a child is."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
        recorder = Recorder(path, snapshot=True)
        os.write(write, b"\n")
        recorder.until_marker(MARK)
        with os.fdopen(write, "w") as out:
            json.dump([piece.hex() for piece in recorder.pieces], out)
        os._exit(0)
    os.close(write)
    os.read(read, 1)
    play(daemon.kernel)
    daemon.kernel.fork(MARK)
    with os.fdopen(read) as pieces:
        made.sessions.append([bytes.fromhex(piece) for piece in json.load(pieces)])
    os.waitpid(child, 0)
    made.table = table_of(daemon)
    return made


def withheld(directory):
    def play(k):
        for pid, uid in ((100, 0), (101, NOBODY)):
            k.fork(pid)
            k.uid(pid, real=uid, effective=uid)
            k.exec(pid, comm=b"secret")
            k.end(pid, code=7 << 8, comm=b"secret")
            k.fork(pid + 100)

    daemon = fake(directory)
    os.chmod(daemon.path, 0o777)
    return as_nobody(daemon.path, Made("A client without rights: status and statistics of other users are withheld."), daemon, play)


def unknown(data):
    """Members that no version has, in front and behind."""
    more = replay.number_field(1000, 7) + replay.bytes_field(1001, b"later")
    return more + data + replay.number_field(1002, 1 << 63)


def future(directory):
    """The recording idle, as a later broker may send it."""
    made = Made("A later broker: fields, kinds of events and frames that this version does not know.")
    made.table = json.loads((HERE / "idle" / "table.json").read_text())
    pieces, n_strange = [], 0
    for piece in replay.recordings(["idle"])[0].sessions[0]:
        message = broker_pb2.ServerMessage.FromString(replay.message_of(piece))
        body = message.WhichOneof("body")
        part = getattr(message, body)
        inner = part.SerializeToString()
        if body == "event_batch":
            # an event of a kind that is not known stands before the others, and takes a number too
            strange = replay.number_field(12, 100) + replay.bytes_field(27, b"")
            events = [strange] + [unknown(event.SerializeToString()) for event in part.events]
            head = part.__class__(first_number=part.first_number + n_strange, realtime_offset_ns=part.realtime_offset_ns)
            n_strange += 1
            inner = head.SerializeToString() + b"".join(replay.bytes_field(3, event) for event in events)
        stream = replay.number_field(15, message.stream) if message.stream else b""
        number = message.DESCRIPTOR.fields_by_name[body].number
        pieces.append(frame(unknown(stream + replay.bytes_field(number, unknown(inner)))))
        if body == "snapshot_end":
            pieces.append(frame(replay.bytes_field(900, b"a frame of a later version")))
    made.sessions.append(pieces)
    return made


def hostile(name):
    """The first frames of the recording idle, and then bytes that are no frames."""
    faults = {
        "hostile-length": ("A length that is no varint.", b"\xff" * 8),
        "hostile-zero": ("A frame without a message.", b"\0"),
        "hostile-size": ("A frame that is larger than the protocol allows.", replay.varint(1 << 21) + b"\0" * 64),
        "hostile-message": ("A message that is not protobuf.", frame(b"\x0a\xff\x01")),
        "hostile-event": ("A batch with a malformed event.", frame(replay.bytes_field(2, replay.bytes_field(3, b"\x08")))),
        "hostile-order": ("A second Welcome.", None),
        "hostile-first": ("The first frame is no Welcome.", None),
    }
    about, data = faults[name]

    def make(directory):
        del directory
        made = Made(about, hostile=True)
        pieces = replay.recordings(["idle"])[0].sessions[0]
        made.sessions.append(pieces[:-1] + [data or pieces[0]] if name != "hostile-first" else [pieces[1]])
        return made

    return name, make


MAKERS = {
    "idle": idle,
    "storm": storm,
    "loss": loss,
    "restart": restart,
    "threads": threads,
    "with-threads": with_threads,
    "programs": programs,
    "withheld": withheld,
    "future": future,
    **dict(hostile(name) for name in (
        "hostile-length", "hostile-zero", "hostile-size", "hostile-message", "hostile-event", "hostile-order",
        "hostile-first")),
}


def write(name, made):
    folder = HERE / name
    folder.mkdir(exist_ok=True)
    (folder / "frames.bin").write_bytes(b"".join(piece for session in made.sessions for piece in session))
    made.script["sessions"] = [[len(piece) for piece in session] for session in made.sessions]
    (folder / "script.json").write_text(json.dumps(made.script) + "\n")
    if made.table is not None:
        (folder / "table.json").write_text(json.dumps(made.table, indent=0) + "\n")
    write_values(folder)


def write_values(folder):
    recording = replay.Recording(folder)
    with tempfile.TemporaryDirectory() as directory:
        command = [os.environ["TASKBROKER"], "watch", "--json"]
        output, fault, errors = replay.run_client(recording, "whole", command, directory)
    lines = [line for line in output.decode().splitlines() if json.loads(line)["kind"] != "link"]
    (folder / "events.jsonl").write_text("".join(line + "\n" for line in lines))
    print(f"{folder.name}: {len(lines)} values, {fault or errors.strip()}")


def main():
    if sys.argv[1:] == ["--values"]:
        for path in sorted(HERE.glob("*/script.json")):
            write_values(path.parent)
        return
    for name in sys.argv[1:] or MAKERS:
        with tempfile.TemporaryDirectory(dir="/dev/shm") as directory:
            os.chmod(directory, 0o755)
            DAEMONS.clear()
            try:
                write(name, MAKERS[name](directory))
            finally:
                for daemon in DAEMONS:
                    daemon.finish()


main()
