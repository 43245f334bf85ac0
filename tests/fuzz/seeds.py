#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""
Writes seeds for the fuzz targets: seeds.py DIRECTORY [TARGET...]

The seeds are the messages of the other tests, in the form that each target reads:
requests and frames of the protocol, datagrams of both sources in every version of
struct taskstats, and the files of this machine's own /proc. Fuzzing begins with
the seeds. Its further findings, minimised, are in corpus/ (docs/fuzzing.md).
"""

import os
import pathlib
import random
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

import tb_fields
import tb_kernel as k
from tb_protocol import broker_pb2, event_pb2, frame, sample_pb2

VERSIONS = range(8, 18)


def client_message(**body):
    return broker_pb2.ClientMessage(request_id=7, **body)


def requests():
    sub = broker_pb2.Subscribe
    yield client_message(get_broker_status=broker_pb2.GetBrokerStatus())
    yield client_message(subscribe=sub())
    yield client_message(subscribe=sub(kinds=list(range(1, 11)), threads=True, max_delay_ms=250, strict=True))
    yield client_message(subscribe=sub(snapshot=True, programs=True))
    yield client_message(subscribe=sub(resume=broker_pb2.Resume(epoch=1 << 60, feed=3, next_number=99)))
    yield client_message(
        subscribe=sub(
            filter=broker_pb2.Filter(
                uids=[0, 1000], pids=[1, 2], subtrees=[1], comms=[b"a*", b"[x-z]?"],
                cgroups=[b"/", b"/system.slice/"], cpus="0-3,8", nonzero=True,
            )
        )
    )
    yield client_message(subscribe=sub(filter=broker_pb2.Filter(uids=range(65))))
    yield client_message(subscribe=sub(filter=broker_pb2.Filter(cpus="8191,0-8192")))
    yield client_message(get_task_stats=broker_pb2.GetTaskStats(pids=[1, 2, 3], tids=[4]))
    yield client_message(
        subscribe_samples=broker_pb2.SubscribeSamples(interval_ms=1000, scope=1, groups=0xFFE, filter=broker_pb2.Filter(uids=[0]))
    )


def stats(version=17, **values):
    return tb_fields.message(tb_fields.distinct(version, tid=8, pid=7, **values), version)


def program():
    return event_pb2.Program(state=1, cmdline=b"/bin/sh\0-c\0echo \x1b[31m\0", exe=b"/bin/sh", cgroup=b"/a.slice/b\n")


def events():
    common = dict(time_ns=1700000000000000000, cpu=1, pid=7, tid=8, ppid=1, uid=1000, comm=b"na\x1bme\xff")
    yield event_pb2.Event(fork=event_pb2.Fork(parent_pid=1, parent_tid=1), **common)
    yield event_pb2.Event(exec=event_pb2.Exec(program=program()), **common)
    exit = event_pb2.Exit(process_ended=True, stats=stats(), process_stats=stats(), program=program())
    exit.termination.term_signal = 9
    yield event_pb2.Event(exit=exit, **common)
    yield event_pb2.Event(comm_change=event_pb2.CommChange(old_comm=b"\x9b\xc2\x9bold"), **common)
    yield event_pb2.Event(uid_change=event_pb2.IdChange(real_id=1, effective_id=2), **common)
    yield event_pb2.Event(gid_change=event_pb2.IdChange(real_id=1, effective_id=2), **common)
    yield event_pb2.Event(new_session=event_pb2.NewSession(), **common)
    yield event_pb2.Event(ptrace=event_pb2.Ptrace(tracer_pid=1, tracer_tid=2), **common)
    yield event_pb2.Event(coredump=event_pb2.Coredump(), **common)
    yield event_pb2.Event(loss=event_pb2.Loss(count=5, source=1, reason=1, cpu_known=True))
    yield event_pb2.Event(loss=event_pb2.Loss(count=5, source=3, reason=3))


def welcome(epoch=5):
    return broker_pb2.ServerMessage(
        welcome=broker_pb2.Welcome(
            protocol=1, epoch=epoch, broker_version="1", kernel_release="6.6", features=["snapshot", "resume"]
        )
    )


def batch(first, *some):
    return broker_pb2.ServerMessage(
        event_batch=event_pb2.EventBatch(first_number=first, realtime_offset_ns=5, events=some)
    )


def answers():
    """Messages of a broker behind its Welcome."""
    message = broker_pb2.ServerMessage
    for event in events():
        yield batch(1, event)
    yield batch(9, *events())
    yield message(subscribed=broker_pb2.Subscribed(request_id=1, feed=2, next_number=9))
    yield message(error=broker_pb2.Error(request_id=1, code=5, message="No\x1b[2J.", field="a.b"))
    yield message(error=broker_pb2.Error(request_id=2, code=12, message="It cannot be resumed."))
    yield message(error=broker_pb2.Error(code=10, message="The broker is stopping.", closing=True))
    yield message(
        broker_status=broker_pb2.BrokerStatus(
            request_id=1, broker_version="1", kernel_release="6.6",
            machine=broker_pb2.MachineStatus(live_tasks=3, connector=broker_pb2.SourceLosses(lost=1)),
            service=broker_pb2.ServiceStatus(
                connector=broker_pb2.SourceStatus(received=9), events=[broker_pb2.KindCount(kind=1, count=4)],
            ),
        )
    )
    task = broker_pb2.Task(pid=7, tid=7, ppid=1, comm=b"t\x07", start_time_ns=1700000000000000000, program=program())
    yield message(snapshot_part=broker_pb2.SnapshotPart(tasks=[task, task]))
    yield message(snapshot_end=broker_pb2.SnapshotEnd(number=8, task_count=2, time_ns=1700000000000000000))
    sample = sample_pb2.TaskSample(pid=7, tid=7)
    sample.stats.CopyFrom(stats())
    yield message(task_stats_reply=sample_pb2.TaskStatsReply(request_id=1, samples=[sample]))
    yield message(subscribed_samples=broker_pb2.SubscribedSamples(request_id=1, next_number=1))
    yield message(sample_part=sample_pb2.SamplePart(number=1, samples=[sample], last=True))


def seeds_frame():
    for message in list(requests()) + list(answers()):
        yield b"\1" + frame(message)
    yield b"\0" + b"".join(frame(r) for r in requests())
    yield b"\0\x80\x80\x04"
    yield b"\1\xff\xff\xff\xff\x0f"


def seeds_request():
    for message in requests():
        yield message.SerializeToString()


def seeds_filter():
    for text in ("0-3,8", "0", "8191", "0-8191", "1,2,3-5,", "3-1", "00012", "a*\0abc", "[a-c]?\0b5", "*a*a*a*b\0aaaaaaaaaaa",
                 "[[:alpha:]]\0x", "\\*\0*", "[!]-]\0a"):
        yield text.encode()
    names = ("aaaaaaaaaaaaaaa", "abcdefghijklmno", "]*]*]a]*]a]a]")
    for shape in ("*[[:alpha:]]" * 5, "*?" * 31, "?" * 62, "*a" * 31, "[ba-[:alpha:]*]" * 4):
        yield "\0".join([f"{shape[:62]}{chr(97 + i)}" for i in range(16)] + list(names)).encode()
    yield "\0".join("x" * 509 + chr(97 + i) for i in range(9)).encode()
    yield "\0".join(("a", "a/b", "a.b", "a/b/c", "ab", "", "a-b/c", "b")).encode()


def proc_datagrams():
    unions = {
        k.FORK: struct.pack("=IIII", 1, 1, 7, 7),
        k.EXEC: struct.pack("=II", 7, 7),
        k.UID: struct.pack("=IIII", 7, 7, 1, 2),
        k.GID: struct.pack("=IIII", 7, 7, 1, 2),
        k.SID: struct.pack("=II", 7, 7),
        k.PTRACE: struct.pack("=IIII", 7, 7, 1, 1),
        k.COMM: struct.pack("=II16s", 7, 7, b"a name of 16 byt"),
        k.COREDUMP: struct.pack("=IIII", 7, 7, 1, 1),
        k.EXIT: struct.pack("=IIIIII", 7, 7, 256, 17, 1, 1),
        k.NONE: struct.pack("=I", 0),
    }
    for seq, (what, union) in enumerate(unions.items()):
        yield k.cn_message(seq, k.proc_event(what, seq & 3, 10**9, union))


def seeds_connector():
    datagrams = list(proc_datagrams())
    for data in datagrams:
        yield bytes([len(data)]) + data
    yield b"".join(bytes([len(data)]) + data for data in datagrams)
    yield b"".join(bytes([len(data)]) + data for data in datagrams[::3] * 4)


def seeds_exit_record():
    for version in VERSIONS:
        packed = tb_fields.pack(tb_fields.distinct(version, tid=8, pid=7), version)
        task = k.aggregate(k.AGGR_PID, 8, packed)
        yield k.taskstats_message(1, [task])
        yield k.taskstats_message(1, [task, k.aggregate(k.AGGR_TGID, 7, tb_fields.pack(
            tb_fields.distinct(version, tid=8, pid=7), version, claim=0), null_inside=True)])
        yield k.taskstats_message(1, [k.attribute(k.NULL, b""), task])


def seeds_stats_query():
    def datagram(which, data):
        return bytes([which]) + struct.pack("=H", len(data)) + data

    replies = []
    for version in (8, 15, 17):
        packed = tb_fields.pack(tb_fields.distinct(version, tid=8, pid=7), version)
        replies.append(k.taskstats_message(1, [k.aggregate(k.AGGR_PID, 8, packed)]))
    gone = k.nlmsg(2, 1, struct.pack("=i", -3) + bytes(16))
    refused = k.nlmsg(2, 1, struct.pack("=i", -1) + bytes(16))
    yield bytes([3, 0, 3]) + b"".join(datagram(i, r) for i, r in enumerate(replies))
    yield bytes([3, 0, 3]) + datagram(0, gone) + datagram(2, refused) + datagram(1, gone)
    # late answers beside the answers to the next ask
    yield bytes([2, 2, 1]) + datagram(0, gone) + bytes([2, 0, 3]) + datagram(255, gone) + datagram(0, replies[0]) + datagram(1, gone)


def steps(rng, n, weights):
    """Random steps of a target that is driven by bytes, biased towards useful steps."""
    out = bytearray()
    for _ in range(n):
        out.append(rng.choice(weights) | rng.randrange(16) << 4)
        out += bytes(rng.randrange(256) for _ in range(rng.randrange(4)))
    return bytes(out)


def hub_scenes():
    """Scenes that random steps seldom make: readers that fall behind, in steps of fuzz_hub.c."""
    turn, due, one_at_once = b"\x0c", b"\x6d", b"\x0d\0"
    forks = b"".join(bytes([0x0E, 0, tid, 0, tid, 0]) for tid in range(20))
    threads = b"".join(bytes([0x0E, 1, tid, 0, 0]) for tid in range(1, 20))
    run, flood, storm = b"\x3d\xff", b"\x0b\xff", b"\x5d\xff"
    subscribe = b"\x90\xfe\x07\1\0\0\7\0" + turn
    question = b"\x92\x07\0\1\2\3\4\5\6\0"
    receive = b"\x95\xff" + turn
    yield subscribe + turn + flood * 3 + receive * 3 + flood + receive
    for what in (0, 2, 8):
        sample = bytes([0x91, what, 0, 0]) + turn
        for people in (forks, forks[:6] + threads):
            yield people + sample + due + turn + storm + due + turn + receive + run + due + turn
            # it falls behind while a sweep runs, and waits for the next
            wide = bytes([0x01, what, 0, 0]) + turn
            yield one_at_once + people + wide + due + turn * 9 + storm * 2 + due + turn * 9 + b"\5\xff" * 2 + run + due + b"\5\xff" * 3 + turn * 9 + due
            yield one_at_once + people + question * 3 + turn + sample + due + turn + threads + storm + question + turn * 9


def seeds_hub():
    rng = random.Random(1)
    likely = [0, 0, 1, 1, 2, 2, 3, 4, 5, 5, 6, 7, 8, 9, 10, 11, 12, 13, 13, 13, 13, 14, 14, 14, 15, 15, 15]
    for _ in range(30):
        yield steps(rng, rng.randrange(8, 60), likely)
    yield from hub_scenes()


def machine(*whats):
    """Steps of the machine in join_machine.h, as (what, number): the join takes a turn after each."""
    return b"".join(bytes([0x1E, 0, 0, what, number]) for what, number in whats)


def join_scenes():
    """Set-id execs, in sight and in silence, by leaders and by threads, whose makers and parents differ."""
    fork, sibling, thread, execute, end, drop, silence, compare = 0, 0x10, 2, 3, 5, 6, 7, (0xF, 0)
    own, setuid, setuid_used, third, setgid = 0, 0x10, 0x90, 0x20, 0x30
    aged = bytes([0x1D, 0, 0, 7])
    for program in (own, setuid, setuid_used, third, setgid):
        exec_ = execute | program
        yield machine((fork, 1), (exec_, 1), (end, 1))
        yield machine((fork, 1), (execute, 1), (silence, 0), (exec_, 1), (silence, 0), (end, 1)) + aged
        yield machine((fork, 1), (execute, 1), (exec_, 1), (drop, 1), (execute, 1), (end, 1))
        yield machine((silence, 0), (fork, 1), (exec_, 1), (silence, 0), (fork, 1), (end, 1)) + aged
        yield machine((fork, 1), (thread, 1), (exec_, 2), (end, 1))
        yield machine((fork, 1), (thread, 1), (end, 1), (exec_, 2), (end, 1))
        yield machine((fork, 1), (execute, 1), (thread, 1), (silence, 0), (exec_, 2), (silence, 0), (end, 1)) + aged
        yield machine((fork, 1), (exec_, 1), (fork | sibling, 1), (end, 2), (end, 1))
        yield machine((fork, 1), (exec_, 1), (fork, 1), (end, 1), (execute, 2), (end, 2))
        yield machine((fork, 1), (silence, 0), (exec_, 1), (silence, 0), (fork, 1), (end, 2), (end, 1)) + aged
        yield machine((fork, 1), (silence, 0), (exec_, 1), (silence, 0), (fork, 1), (execute, 2), (end, 2)) + aged
        yield machine((fork, 1), (silence, 0), (exec_, 1), (silence, 0), (thread, 1), (end, 2), (end, 1)) + aged
        yield machine((fork, 1), (execute, 1), (silence, 0), (exec_, 1), (silence, 0), (fork, 1), (end, 2)) + aged
        for first in (fork, execute):
            yield machine((fork, 1), (first, 1), (silence, 0), (exec_, 1), (silence, 0), compare, (fork, 1), (execute, 2),
                          (end, 2)) + aged
            yield machine((fork, 1), (first, 1), (silence, 0), (exec_, 1), (silence, 0), (fork, 1), compare, (execute, 2),
                          (end, 2), compare, (end, 1)) + aged


def seeds_join():
    rng = random.Random(2)
    for _ in range(30):
        yield steps(rng, rng.randrange(8, 80), list(range(16)))
    for _ in range(10):
        yield machine(*((rng.randrange(256), rng.randrange(20)) for _ in range(rng.randrange(8, 80))))
    yield from join_scenes()


def piece(data):
    return b"\5" + struct.pack("=H", len(data)) + data


def seeds_library():
    hello = piece(frame(welcome()))
    subscribed = piece(frame(broker_pb2.ServerMessage(subscribed=broker_pb2.Subscribed(request_id=1, feed=2, next_number=9))))
    for answer in answers():
        for first in (b"\0", b"\1"):
            yield first + b"\1\2" + hello + piece(frame(answer))
    yield b"\0\x12\x22" + hello + piece(b"".join(frame(a) for a in answers()))
    # each in two pieces
    whole = b"".join(frame(a) for a in [welcome(), *answers()])
    yield b"\0\x81" + b"".join(piece(whole[i:i + 100]) for i in range(0, len(whole), 100))
    # the connection breaks, and the feed goes on; has gone; is another broker's
    impossible = piece(frame(broker_pb2.ServerMessage(error=broker_pb2.Error(request_id=2, code=12, message="No."))))
    resumed = piece(frame(broker_pb2.ServerMessage(subscribed=broker_pb2.Subscribed(request_id=2, feed=2, next_number=9, resumed=True))))
    for again in (hello + resumed, hello + impossible + impossible, piece(frame(welcome(6))) + subscribed):
        yield b"\1\x81" + hello + subscribed + b"\0\3" + again + piece(frame(batch(9, *events())))
    # two streams of events and one of samples: they begin (7), change, get a snapshot, end (6), and come back
    begin = b"\x81\x01\x22" + hello + b"\x07\x11\x07\x22\x17\x33"
    parts = [broker_pb2.ServerMessage(stream=3, sample_part=sample_pb2.SamplePart(number=7, last=last))
             for last in (False, True)]
    event = batch(9, *events())
    event.stream = 1
    turns = piece(b"".join(map(frame, (parts[0], event, parts[1]))))
    change = b"\x86\1\x27\x41\x26\2\x27\x52\x57\2\x16\3\x37\x63"
    yield b"\0" + begin + turns + change + b"\x47\1"
    yield b"\1" + begin + turns + change + b"\0\3" + hello + b"\x07\x71\x47\x80"
    yield b"\1" + begin + turns + change[:2] + b"\0\3\x16\3" + hello + b"\x07\x61\x07\x72\x27\x41"


def seeds_command():
    def prefixed(message):
        data = message.SerializeToString()
        return struct.pack("=H", len(data)) + data

    for answer in answers():
        yield prefixed(answer)
    yield b"".join(prefixed(a) for a in answers())


def proc_files(stat, status, cmdline, cgroup):
    stat += b" " * (len(stat) % 2)
    status += b"\n" * (-len(status) % 4)
    return struct.pack("=BBH", len(stat) // 2, len(status) // 4, len(cmdline)) + stat + status + cmdline + cgroup


def seeds_procfs():
    for pid in ("self", "1", "2"):
        directory = pathlib.Path("/proc") / pid
        yield proc_files(*((directory / name).read_bytes()[:1000] for name in ("stat", "status", "cmdline", "cgroup")))
    stat = b"7 (a) b (c) S 1 7 7 0 -1 64 1 2 3 4 5 6 7 8 20 0 1 0 777 9 9"
    status = b"Name:\ta\nUid:\t1\t2\t3\t4\nGid:\t1\t2\t3\t4\n"
    yield proc_files(stat, status, b"a\0b\0", b"4:cpu:/a\n1:name=systemd:/b\n0::/c/d\n")
    yield proc_files(stat, status, b"x" * 5000, b"0::/" + b"y" * 4000)


def main():
    root = pathlib.Path(sys.argv[1])
    for name in sys.argv[2:] or [n[6:].replace("_", "-") for n in globals() if n.startswith("seeds_")]:
        directory = root / name
        directory.mkdir(parents=True, exist_ok=True)
        for i, seed in enumerate(globals()["seeds_" + name.replace("-", "_")]()):
            (directory / f"seed-{i:02}").write_bytes(seed)


if __name__ == "__main__":
    main()
