# SPDX-License-Identifier: Apache-2.0
"""
The kernel facts that the broker leans on, each asked of the running kernel
itself. No broker takes part: where one of these fails, the design must change,
not a bug be fixed.
"""

import collections
import os
import subprocess
import threading

import pytest

import real_kernel as k
import support
from real_kernel import Connector, Taskstats
from users import ME, ME_GROUP, ODD_GROUP, THIRD, finish, path_of, start


@pytest.fixture
def connector():
    with Connector() as c:
        yield c


@pytest.fixture
def taskstats():
    with Taskstats() as t:
        yield t


Capture = collections.namedtuple("Capture", "truth name rounds senders")


@pytest.fixture(scope="module")
def capture(directory):
    """
    A storm on all processors, read as the broker reads: some events of the
    connector, then all records there are. rounds is the list of these pairs.
    """
    # In this order, each task whose FORK comes has a record too.
    with Taskstats() as taskstats, Connector() as connector:
        rounds, done, result = [], threading.Event(), []

        def run():
            try:
                name = support.unique_name()
                result.append(support.storm(directory, "fork", 6000, name=name)[0]
                              + support.storm(directory, "thread", 6000, name=name, threads=500)[0])
                result.append(name)
            finally:
                done.set()

        thread = threading.Thread(target=run)
        thread.start()
        while True:
            ended = done.is_set()
            events = connector.events(limit=50)
            rounds.append((events, taskstats.records()))
            if not events and ended:
                break
            if not events:
                connector.wait(0.05)
        thread.join()
        assert connector.drops() == 0 and taskstats.drops() == 0
        senders = connector.senders | taskstats.senders
    return Capture(*result, rounds, senders)


def events_of(capture):
    return [e for events, _ in capture.rounds for e in events]


def test_record_is_queued_before_exit(capture):
    """A task's record is in its queue before the task's EXIT is in the other, on whatever processors."""
    there = collections.Counter()
    forked = set()
    n = 0
    for events, records in capture.rounds:
        there.update(r.tid for r in records)
        for event in events:
            if event.what == k.FORK:
                forked.add(event.tid)
            elif event.what == k.EXIT and event.tid in forked:
                # The record of a task that was exiting when the sockets were opened may have come before that.
                assert there[event.tid] > 0, f"{event} without a record"
                there[event.tid] -= 1
                n += 1
    assert n >= len(capture.truth)


def test_numbers_have_no_holes(capture):
    """Every message carries its processor's running number, and nothing else consumes one."""
    due = {}
    for event in events_of(capture):
        assert event.sequence == due.get(event.cpu, event.sequence), event
        due[event.cpu] = event.sequence + 1
    assert len(due) >= min(2, os.cpu_count())


def test_fork_precedes_the_childs_own_events(capture):
    """On one socket, although the child runs on another processor at once."""
    makers = {t.maker for t in capture.truth}
    groups = {t.pid for t in capture.truth if t.type == support.TRUTH_THREAD}
    alive, n = set(), 0
    for event in events_of(capture):
        if event.what == k.FORK:
            alive.add(event.tid)
        # Recognised by its parent, where the event has it: earlier tasks with these numbers have ended too.
        elif event.what == k.EXIT and (event.words[5] in makers or event.pid in groups and event.tid != event.pid):
            assert event.tid in alive, event
            n += 1
    assert n > len(capture.truth) // 2


def test_every_task_is_reported_once(capture):
    """As many forks, exits and records of each number as there were tasks of that number."""
    makers = {t.maker for t in capture.truth}
    groups = {t.pid for t in capture.truth}
    truth = collections.Counter(t.tid for t in capture.truth)
    forks = collections.Counter(
        e.tid for e in events_of(capture)
        if e.what == k.FORK and (e.words[1] in makers or e.pid != e.tid and e.pid in groups)
    )
    assert forks == truth
    recorded = collections.Counter(
        r.tid for _, records in capture.rounds for r in records if r.stats.comm.decode() == capture.name
    )
    for maker in makers - groups:
        recorded.pop(maker, None)
    assert recorded == truth


def test_the_kernel_sends_with_portid_zero(capture):
    """So a receiver can recognise a forgery."""
    assert capture.senders == {0}


def test_a_threads_fork_names_the_parent_of_its_process(capture):
    """Not the thread that made it."""
    parents = {t.pid: t.maker for t in capture.truth if t.type == support.TRUTH_PROCESS}
    threads = {(t.pid, t.tid) for t in capture.truth if t.type == support.TRUTH_THREAD}
    seen = 0
    for event in events_of(capture):
        if event.what == k.FORK and (event.pid, event.tid) in threads:
            assert event.words[1] == parents[event.pid], event
            seen += 1
    assert seen >= 6000


def test_a_threads_exit_has_no_parent_and_no_signal(capture):
    threads = {(t.pid, t.tid) for t in capture.truth if t.type == support.TRUTH_THREAD}
    exits = [e for e in events_of(capture) if e.what == k.EXIT and (e.pid, e.tid) in threads]
    assert len(exits) >= 6000
    for event in exits:
        assert event.words[3:] == (0xFFFFFFFF, 0, 0), event


def test_exit_code_is_a_wait_status(capture):
    """In the connector's EXIT as in the record's ac_exitcode."""
    truth = collections.Counter((t.tid, t.status) for t in capture.truth)
    makers = {t.maker for t in capture.truth} - {t.pid for t in capture.truth}
    records = collections.Counter(
        (r.tid, r.stats.ac_exitcode) for _, records in capture.rounds for r in records
        if r.stats.comm.decode() == capture.name and r.tid not in makers
    )
    assert records == truth
    exits = collections.Counter((e.tid, e.words[2]) for e in events_of(capture) if e.what == k.EXIT)
    assert not truth - exits


def test_totals_come_with_the_last_of_several_only(capture):
    """AGROUP marks the record of the task whose exit ended the process; the totals come with it, if it ever had two."""
    threaded = {t.pid for t in capture.truth if t.type == support.TRUTH_THREAD}
    ends = collections.Counter()
    for _, records in capture.rounds:
        for r in records:
            if r.stats.comm.decode() != capture.name:
                continue
            last = bool(r.stats.ac_flag & k.AGROUP)
            assert (r.total is not None) == (last and r.stats.ac_tgid in threaded), r
            ends[r.stats.ac_tgid] += last
            if r.total:
                # 0 before Linux 7.1: the version of the task's record is the one to go by.
                assert r.total.version in (0, r.stats.version)
                assert r.total_pid == r.stats.ac_tgid
    truth = collections.Counter(t.pid for t in capture.truth if t.type == support.TRUTH_PROCESS)
    assert not truth - ends


def records_of(taskstats, name):
    return [r for r in taskstats.records() if r.stats.comm.decode() == name]


def test_the_last_thread_ends_the_process(directory, connector, taskstats):
    """Where the leader went first, the thread has AGROUP, the totals and the group's exit code."""
    fact = support.corner(directory, "leader-first")
    subject = fact.subject
    leader, thread = subject.tids
    exits = [e for e in connector.events() if e.what == k.EXIT and e.pid == subject.pid]
    assert [(e.tid, e.words[2]) for e in exits] == [(leader, 3 << 8), (thread, 5 << 8)]
    assert subject.status == 5 << 8
    flags = {r.tid: (bool(r.stats.ac_flag & k.AGROUP), r.total is not None) for r in records_of(taskstats, fact.name)}
    assert flags[leader] == (False, False)
    assert flags[thread] == (True, True)


def test_totals_are_sums(directory, taskstats):
    """
    The cpu time of a process is the sum of its tasks, including the dead ones. Each task is
    added shortly before its own record is made, and a tick may come between. So the kernel's
    total can lack some microseconds, and never has too much.
    """
    fact = support.corner(directory, "threads")
    subject = fact.subject
    records = [r for r in records_of(taskstats, fact.name) if r.stats.ac_tgid == subject.pid]
    assert sorted(r.tid for r in records) == sorted(subject.tids)
    (last,) = [r for r in records if r.total]
    total = sum(r.stats.cpu_ns for r in records)
    assert total - 1_000_000 * len(records) <= last.total.cpu_ns <= total


def test_exec_by_a_thread(directory, connector, taskstats):
    """The leader's EXIT, then EXEC under its number; the kernel never reports an end of the thread's number."""
    fact = support.corner(directory, "exec-by-thread")
    leader, other, execing = fact.subject.tids
    events = [e for e in connector.events() if e.pid == leader and e.what in (k.EXIT, k.EXEC)]
    assert [e.what for e in events if e.tid == leader] == [k.EXIT, k.EXEC, k.EXIT]
    assert [e.what for e in events if e.tid == other] == [k.EXIT]
    assert not [e for e in events if e.tid == execing]
    records = [r for r in records_of(taskstats, fact.name) if r.stats.ac_tgid == leader]
    assert [bool(r.stats.ac_flag & k.AGROUP) for r in records if r.tid == leader] == [False, True]
    assert not [r for r in records if r.tid == execing]


def test_exec_sends_no_comm(directory, connector):
    """COMM is for those who name themselves."""
    truth, name = support.storm(directory, "exec", 3, workers=1)
    events = connector.events()
    assert {t.pid for t in truth} <= {e.pid for e in events if e.what == k.EXEC}
    named = [e.pid for e in events if e.what == k.COMM and e.raw[8:].split(b"\0")[0].decode() == name]
    assert named == [truth[0].maker]


def test_coredump_is_reported_where_none_is_allowed(directory, connector):
    fact = support.corner(directory, "core-forbidden")
    subject = fact.subject
    assert subject.status == 11
    kinds = [e.what for e in connector.events() if e.pid == subject.pid]
    assert kinds == [k.FORK, k.COREDUMP, k.EXIT]


# (program, what it does, whether its user may look into it, ids that change at its exec)
PRIVILEGED = [
    ("ta-plain", "wait", True, []),
    ("ta-mine", "wait", True, []),
    ("ta-suid3", "wait", False, [(k.UID, ME, THIRD)]),
    ("ta-suid", "wait", False, [(k.UID, ME, 0)]),
    ("ta-sgid", "wait", False, [(k.GID, ME_GROUP, ODD_GROUP)]),
    ("ta-cap", "wait", False, []),
    ("ta-blind", "wait", False, []),
    ("ta-plain", "hide", False, []),
]


@pytest.mark.parametrize("name, mode, allowed, changes", PRIVILEGED)
def test_files_of_what_may_not_be_looked_into_are_roots(place, connector, name, mode, allowed, changes):
    """
    The owner may read /proc/PID/io exactly where /proc/PID/comm belongs to the owner. If the
    ids changed with the exec, the change is reported before the exec.
    """
    shell = start(ME, ME_GROUP, "/bin/sh", "-c", '"$@"; true', "sh", path_of(place, name), mode, "0")
    try:
        shell.stdout.readline()
        events = connector.events()
        (pid,) = {e.pid for e in events if e.what == k.FORK and e.words[1] == shell.pid}
        ours = [e for e in events if e.pid == pid and e.what in (k.UID, k.GID, k.EXEC)]
        assert [(e.what, *e.words[2:4]) for e in ours[:-1]] == changes and ours[-1].what == k.EXEC
        owner = os.stat(f"/proc/{pid}/comm").st_uid
        read = subprocess.run(["cat", f"/proc/{pid}/io"], user=ME, group=ME_GROUP, extra_groups=[], capture_output=True)
        assert (read.returncode == 0) == allowed
        assert owner == (ME if allowed else 0)
    finally:
        finish(shell)


def test_use_of_a_privilege_is_noted(place, taskstats):
    """In the record of the task that used it, to its end, over exec; not in its children's. Having it is not noted."""
    capable = path_of(place, "ta-cap")
    # By a shell: what this test starts as another user has itself used root's privilege to become it.
    finish(start(ME, ME_GROUP, "/bin/sh", "-c", f"{capable} use 5; {capable} leave 6; true"))
    # root's process uses privileges to become another; the program it executes then, and that one's children
    finish(start(ME, ME_GROUP, path_of(place, "ta-become"), "become", str(ME), str(ME_GROUP), path_of(place, "ta-repeat"),
                 "repeat", "1", path_of(place, "ta-plain"), "leave", "7"))
    records = taskstats.records()

    def flags(comm, status):
        return [bool(r.stats.ac_flag & k.ASU) for r in records
                if (r.stats.comm.decode(), r.stats.ac_exitcode) == (comm, status << 8)]

    assert flags("ta-cap", 5) == [True]
    assert flags("ta-cap", 6) == [False]
    assert flags("ta-repeat", 0) == [True]
    assert flags("ta-plain", 7) == [False]


def test_record_is_queued_before_its_number_is_free(directory, connector, taskstats):
    """
    A number can be given out again before its last owner's EXIT is reported, but the record
    is always there before the next FORK.
    """
    result = []
    thread = threading.Thread(target=lambda: result.append(support.corner(directory, "reuse-raced")))
    thread.start()
    rounds = []
    while thread.is_alive() or connector.wait(0):
        connector.wait(0.02)
        events = connector.events(limit=20)
        rounds.append((events, taskstats.records()))
    thread.join()
    rounds.append((connector.events(), taskstats.records()))
    pid = collections.Counter(p.pid for p in result[0].processes).most_common(1)[0][0]
    forks = ended = early = exits = 0
    for events, records in rounds:
        ended += sum(1 for r in records if r.tid == pid)
        for event in events:
            if event.what == k.FORK and event.tid == pid:
                assert ended >= forks, f"generation {forks} is alive still"
                early += exits < forks
                forks += 1
            exits += event.what == k.EXIT and event.tid == pid
    assert forks == ended == exits == sum(1 for p in result[0].processes if p.pid == pid)
    assert forks >= 200
    if os.cpu_count() > 1:
        assert early > 0, "no fork came before the exit of its number's last owner: the test is none"


def generate(n):
    """Events at no cost: a task that renames itself."""
    comm = open("/proc/thread-self/comm", "wb", buffering=0)
    for i in range(n):
        comm.write(b"x%d" % i)
    comm.write(b"python3")


def overflow(connector):
    """Fills a small queue; returns what came and what was dropped, and how many were made since the first that came."""
    with Connector(listen=False, rcvbuf=10000) as small:
        generate(500)
        received, drops = small.events(), small.drops()
        everything = connector.events()
        assert drops > 0 and connector.drops() == 0
        numbers = [(e.cpu, e.sequence) for e in everything]
        made = len(everything) - numbers.index((received[0].cpu, received[0].sequence))
        # There is room again: no latch, what comes now is taken at once.
        generate(1)
        assert len(small.events()) >= 2
        return len(received), drops, made


def test_drops_are_exact_without_enobufs(connector):
    """A full queue is no error then; received and dropped messages together are all that were made."""
    # Other processes' events between the reading of the one and of the other spoil a try.
    tries = [overflow(connector) for _ in range(20)]
    assert any(received + drops == made for received, drops, made in tries), tries


def test_drops_are_gaps_in_the_numbers():
    with Connector(listen=False, rcvbuf=10000) as small, Connector():
        received, gaps, due = [], 0, {}
        for _ in range(5):
            generate(200)
            received += small.events()
        generate(1)
        drops = small.drops()
        received += small.events()
        for event in received:
            gaps += event.sequence - due.get(event.cpu, event.sequence)
            due[event.cpu] = event.sequence + 1
        assert drops > 0
        # A drop at the end of a processor's messages is not visible: no later number follows it.
        assert 0 < gaps <= drops
        if len(os.sched_getaffinity(0)) == 1:
            assert gaps == drops


def test_enobufs_is_the_default(connector):
    """Without the option a full queue is an error that comes before what is queued."""
    with Connector(listen=False, rcvbuf=10000, no_enobufs=False) as small:
        generate(500)
        with pytest.raises(OSError) as error:
            small.events()
        assert error.value.errno == 105
        assert small.events()


def repeat_on(cpu, n):
    """Ends n processes on one processor."""
    subprocess.run(["taskset", "-c", str(cpu), "sh", "-c", f"i=0; while [ $i -lt {n} ]; do (:); i=$((i+1)); done"],
                   check=True)


def test_mask_without_nul_registers_nothing():
    """The kernel cuts the last byte: of "0" nothing is left, and the answer is yes all the same."""
    with Taskstats(mask=None) as deaf, Taskstats(mask="0") as listener:
        assert deaf.register(b"0") == 0
        repeat_on(0, 10)
        assert not deaf.records()
        assert len(listener.records()) >= 10


def test_mask_beyond_the_possible_cpus_is_refused():
    with Taskstats(mask=None) as t:
        assert t.register(b"0-9999\0") != 0


def test_deregistering_ends_the_records():
    with Taskstats() as t:
        repeat_on(0, 1)
        assert t.records()
        assert t.command(k.DEREGISTER, t.mask) == 0
        t.mask = None
        t.records()
        repeat_on(0, 3)
        assert not t.records()


def test_a_dead_listeners_number():
    """
    A listener that closes without deregistering stays registered by its port number, until
    an exit finds no socket there. A socket that takes the number before gets its records.
    """
    dead = Taskstats()
    number = dead.socket.getsockname()[0]
    dead.socket.close()
    with k.Netlink(k.NETLINK_GENERIC, portid=number) as heir:
        for cpu in os.sched_getaffinity(0):
            repeat_on(cpu, 1)
        assert heir.datagrams()


def test_io_is_rounded_down_to_1024(taskstats):
    """Bytes and, oddly, calls."""
    pid = os.fork()
    if pid == 0:
        fd = os.open("/dev/null", os.O_WRONLY)
        for _ in range(2500):
            os.write(fd, b"x")
        os._exit(0)
    os.waitpid(pid, 0)
    (record,) = [r for r in taskstats.records() if r.tid == pid]
    read_char, write_char, read_calls, write_calls = record.stats.io[:4]
    assert write_calls == 2048
    assert write_char == 2048
    assert all(value % 1024 == 0 for value in record.stats.io)


def test_the_record_has_the_cpu_time_of_wait(directory, taskstats):
    """cpu_run_virtual_total is what rusage says, less what the task needed to be taken apart."""
    fact = support.corner(directory, "single")
    subject = fact.subject
    (record,) = [r for r in records_of(taskstats, fact.name) if r.tid == subject.pid]
    assert 50_000 <= record.stats.cpu_ns / 1000 <= subject.cpu_us + 1
    assert subject.cpu_us - record.stats.cpu_ns / 1000 < 5_000


needs_keepalive = pytest.mark.skipif(
    tuple(map(int, os.uname().release.split(".")[:2])) < (6, 6),
    reason="before Linux 6.6 every LISTEN is counted, and only root can send one",
)


@needs_keepalive
def test_repeated_listen_is_acknowledged_and_not_counted(alone):
    """So the acknowledgement proves that the connector is alive."""
    with Connector() as c, Connector(listen=False, bind=False) as other:
        assert all(c.listen() for _ in range(100))
        # The count is one still: one IGNORE too many makes it zero.
        other.operate(k.INVALID)
        other.operate(k.IGNORE)
        assert not c.listen()


@needs_keepalive
def test_anybody_can_silence_the_connector(alone, connector):
    """No privilege, no error, no sign on the socket; and the same means restore it."""
    generate(1)
    assert connector.events()
    subprocess.run([support.program("mute"), "5"], check=True)
    connector.events()
    generate(10)
    assert not connector.events()
    assert connector.drops() == 0
    tries = 0
    while not connector.listen():
        connector.operate(k.INVALID)
        tries += 1
        assert tries <= 6
    connector.events()
    generate(10)
    assert len(connector.events()) >= 10


@needs_keepalive
def test_silence_consumes_no_numbers(alone, connector):
    """A muted connector makes no events and counts none, so muteness leaves no gap."""
    generate(1)
    last = {e.cpu: e.sequence for e in connector.events()}
    subprocess.run([support.program("mute"), "1"], check=True)
    last.update({e.cpu: e.sequence for e in connector.events()})
    generate(20)
    connector.operate(k.INVALID)
    connector.listen()
    generate(1)
    for event in connector.events():
        if event.cpu in last:
            assert event.sequence - last[event.cpu] <= 2
        last[event.cpu] = event.sequence


@needs_keepalive
def test_records_flow_while_the_connector_is_mute(alone, connector, taskstats):
    """By which muteness is noticed, and exits survive it."""
    subprocess.run([support.program("mute"), "1"], check=True)
    taskstats.records()
    repeat_on(0, 5)
    assert len(taskstats.records()) >= 5


def test_the_group_gets_everything_once_somebody_listens(connector):
    """A socket bound to the group needs no LISTEN of its own."""
    with Connector(listen=False) as silent:
        generate(5)
        assert len([e for e in silent.events() if e.what == k.COMM]) >= 5
