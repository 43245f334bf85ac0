# SPDX-License-Identifier: Apache-2.0
"""
An unprivileged process silences the proc connector. The broker notices, restores
it, says so in the stream, and loses no exit.
"""

import os
import signal
import subprocess
import threading

import pytest
import real_kernel
import support
from reckoning import check_every_exit_says_why, check_every_fork_has_its_exit, check_numbers, name_of
from support import EXIT, FORK, LOSS, SYNTHESISED, Collecting
from tb_access import assert_event_restricted
from tb_wait import wait_until
from test_access import subscriber_of
from users import ME, ME_GROUP, await_looks, path_of, start

pytestmark = [
    pytest.mark.skipif(
        tuple(map(int, os.uname().release.split(".")[:2])) < (6, 6),
        reason="before Linux 6.6 only root can silence the connector",
    ),
    pytest.mark.usefixtures("alone"),
]


def mute(n, *ms):
    subprocess.run([support.program("mute"), str(n), *map(str, ms)], check=True)


def muted_losses(stream):
    return [r for r in stream if r.kind == LOSS and r.loss_reason == support.REASON_MUTED]


@pytest.mark.parametrize("n", [1, 10, 5000])
def test_noticed_and_repaired(directory, make_broker, beside, n):
    """However far down the kernel's count was turned, one repair restores it."""
    broker = make_broker()
    end = support.unique_name()
    collect = beside(Collecting, broker, end)
    mute(n)
    broker.settle(lambda s: s.connector.muted >= 1 and s.connector.repaired >= 1)

    # The loss is reported when it is known what was missed.
    broker.settle(lambda s: broker.count(LOSS, s) >= 1)

    # It works again, for the broker and for others.
    truth, name = support.storm(directory, "fork", 200)
    with real_kernel.Connector() as connector:
        assert connector.listen()
    support.marker(end)
    stream = collect.finish()
    check_numbers(stream)
    (loss,) = muted_losses(stream)
    assert loss.loss_source == support.SOURCE_CONNECTOR
    assert loss.flags & support.AT_LEAST
    assert sum(1 for r in stream if r.kind == FORK and name_of(r) == name) == len(truth)
    assert check_every_fork_has_its_exit(stream, name) == len(truth)
    status = broker.status()
    assert (status.connector.muted, status.connector.repaired) == (1, 1)


def test_what_happens_meanwhile(directory, make_broker, beside):
    """
    The broker is stopped while it is deaf, so that it is deaf for long enough. A
    process that was there before ends, one comes and stays, many come and go.
    """
    broker = make_broker()
    end, names = support.unique_name(), [support.unique_name() for _ in range(2)]
    collect = beside(Collecting, broker, end)
    paths = [support.helper(directory, name) for name in names]
    for path in paths:
        path.unlink()
        path.symlink_to("/bin/sleep")

    before = subprocess.Popen([str(paths[0]), "1000"])
    wait_until(lambda: before.pid in {task.pid for task in broker.tasks()}, "the process is in the table")
    with broker.stopped():
        mute(3)
        before.send_signal(signal.SIGTERM)
        before.wait()
        stays = subprocess.Popen([str(paths[1]), "1000"])
        truth, name = support.storm(directory, "fork", 500)
    broker.settle(lambda s: s.connector.repaired >= 1 and broker.count(LOSS, s) >= 1)
    # The table of tasks is reconciled in slices.
    wait_until(lambda: stays.pid in {task.pid for task in broker.tasks()}, "the process is in the table")
    stays.send_signal(signal.SIGTERM)
    stays.wait()
    support.marker(end)
    stream = collect.finish()

    check_numbers(stream)
    check_every_exit_says_why(stream)
    assert len(muted_losses(stream)) == 1

    # It ended while the connector was mute: its exit comes from its own record, with everything known.
    (gone,) = [r for r in stream if r.kind == EXIT and r.pid == before.pid]
    (fork,) = [r for r in stream if r.kind == FORK and r.tid == before.pid]
    assert gone.flags & SYNTHESISED and gone.flags & support.STATS
    assert gone.start_time_ns == fork.start_time_ns
    assert gone.flags & support.PROCESS_ENDED
    assert gone.flags & support.TERMINATION and gone.status == signal.SIGTERM

    # It was forked while the connector was mute: found when the table was reconciled, and its end is an ordinary one.
    (found,) = [r for r in stream if r.kind == FORK and r.tid == stays.pid]
    assert found.flags & SYNTHESISED
    (end_of_it,) = [r for r in stream if r.kind == EXIT and r.pid == stays.pid]
    assert not end_of_it.flags & (SYNTHESISED | support.TASK_UNKNOWN)
    assert end_of_it.start_time_ns == found.start_time_ns
    assert end_of_it.flags & support.STATS

    # Came and went: each exit once, with its statistics and its code.
    exits = [r for r in stream if r.kind == EXIT and name_of(r) == name]
    workers = {t.maker for t in truth}
    assert sorted((r.tid, r.stats_status) for r in exits if r.tid not in workers) == sorted(
        (t.tid, t.status) for t in truth
    )
    assert {r.tid for r in exits} >= workers
    for r in exits:
        assert r.flags & SYNTHESISED and r.flags & support.STATS and r.flags & support.PROCESS_ENDED, r
        assert r.flags & support.TERMINATION and r.status == r.stats_status, r
    assert broker.status().synthesised_exits >= len(exits) + 1


def test_muted_again_and_again(directory, make_broker, beside):
    """Each time anew; in the end all is well."""
    broker = make_broker()
    end = support.unique_name()
    collect = beside(Collecting, broker, end)
    for i in range(3):
        mute(1)
        broker.settle(lambda s: s.connector.repaired > i and broker.count(LOSS, s) > i)
    truth, name = support.storm(directory, "fork", 200)
    support.marker(end)
    stream = collect.finish()
    assert len(muted_losses(stream)) == 3
    assert check_every_fork_has_its_exit(stream, name) == len(truth)


def test_muted_before_the_start(directory, make_broker, beside):
    """It does not refuse to work because of what somebody did before it came."""
    mute(50)
    broker = make_broker()
    end = support.unique_name()
    collect = beside(Collecting, broker, end)
    truth, name = support.storm(directory, "fork", 200)
    support.marker(end)
    assert check_every_fork_has_its_exit(collect.finish(), name) == len(truth)


def test_silenced_for_a_moment(directory, make_broker, beside):
    """
    Too short for any question to fall into it, and put back by the same hand. The
    records without exits are what shows it: none of them may be taken for the next
    task of its number, and no task may live for ever.
    """
    broker = make_broker()
    # In its first second a broker takes an exit without a fork for the exit of an older task.
    await_looks(broker)
    end = support.unique_name()
    collect = beside(Collecting, broker, end)
    result = []
    storm = threading.Thread(target=lambda: result.extend(support.storm(directory, "fork", 20_000)))
    begin = broker.count(FORK)
    storm.start()
    broker.settle(lambda s: broker.count(FORK, s) > begin + 1000)
    mute(1, 20)
    storm.join()
    truth, name = result
    broker.settle(lambda s: s.unmatched_stats == 0 and broker.count(LOSS, s) >= 1)
    # The table of tasks is reconciled in slices.
    wait_until(lambda: name.encode() not in {task.comm for task in broker.tasks()}, "no task of the storm is left")
    support.marker(end)
    stream = collect.finish()

    check_numbers(stream)
    check_every_exit_says_why(stream)
    # A task that was forked in the silence and lived beyond it shows the silence: the loss stands before its exit.
    # Otherwise an overdue EXIT does, or an event of another process of the machine.
    (first, loss) = next((i, r) for i, r in enumerate(stream) if r.kind == LOSS)
    odd = first_without_fork(stream, name)
    if odd is not None:
        assert loss.loss_reason == support.REASON_UNREPORTED and odd > first
    elif loss.loss_reason != support.REASON_MUTED:
        assert loss.loss_reason == support.REASON_UNREPORTED and name_of(stream[first + 1]) != name
    check_every_fork_has_its_exit(stream, name)
    workers = {t.maker for t in truth}
    exits = [r for r in stream if r.kind == EXIT and name_of(r) == name and r.tid not in workers]
    assert sorted((r.tid, r.status) for r in exits) == sorted((t.tid, t.status) for t in truth)
    assert all(r.status == r.stats_status for r in exits if r.flags & support.STATS)


def first_without_fork(stream, name):
    """The place of the first exit of a storm that was reported and whose fork was not, or None."""
    forked = set()
    for i, r in enumerate(stream):
        if r.kind == FORK:
            forked.add(r.tid)
        elif r.kind == EXIT and name_of(r) == name and not r.flags & SYNTHESISED and r.tid not in forked:
            return i
    return None


def is_unreported(event):
    return event.WhichOneof("kind") == "loss" and event.loss.reason == support.REASON_UNREPORTED


# Starts a program of a user by a shell of that user, which the broker has checked.
BY_SHELL = ["/bin/sh", "-c", 'read x; "$@"; exit $?', "sh"]


@pytest.mark.parametrize("by_root", [False, True], ids=["of-the-user", "launched-by-root"])
@pytest.mark.parametrize("what", ["exec", "thread", "child", "whole"])
@pytest.mark.parametrize("target", ["ta-sgid", "ta-suid"])
def test_exec_in_a_silence(make_broker, place, target, what, by_root):
    """
    A user silences the connector around an exec of a program with privileges. The program that
    calls it was executed itself, and has taken its name. The user never gets its exit in full,
    and the stream has a loss.
    """
    broker = make_broker()
    client = subscriber_of(broker, ME, ME_GROUP)
    command = [support.program("silence"), target, what, path_of(place, target), "leave", "7"]
    process = start(ME, ME_GROUP, *([] if by_root else BY_SHELL), *command)
    await_looks(broker)
    if not by_root:
        process.stdin.write(b"go\n")
        process.stdin.flush()
    pid = int(process.stdout.readline())
    await_looks(broker)
    process.stdin.write(b"go\n")
    process.stdin.flush()
    if what == "whole":
        pid = int(process.stdout.readline())
    process.stdin.close()
    seen = client.until(lambda e: e.pid == pid and e.WhichOneof("kind") == "exit" and e.exit.process_ended)
    assert_event_restricted(seen[-1])
    # If the process ended in the silence, its exit is synthesised when its record is overdue. The loss follows.
    if not any(e.WhichOneof("kind") == "loss" for e in seen):
        assert seen[-1].synthesised
        client.until(lambda e: e.WhichOneof("kind") == "loss")
    # the exec of the program that calls the target is the last one that was reported
    assert sum(e.WhichOneof("kind") == "exec" and e.pid == pid and not e.synthesised for e in seen) <= 1
    process.stdout.close()
    process.wait(support.TIMEOUT)


def test_stays_after_a_silence(make_broker):
    """No event follows that would show the fork: the next comparison with /proc finds the child."""
    broker = make_broker()
    client = subscriber_of(broker, ME, ME_GROUP)
    process = start(ME, ME_GROUP, support.program("silence"), "-", "fork")
    int(process.stdout.readline())
    await_looks(broker)
    process.stdin.write(b"go\n")
    process.stdin.flush()
    pid = int(process.stdout.readline())
    seen = client.until(lambda e: e.synthesised and e.pid == pid and e.WhichOneof("kind") == "fork")
    assert any(is_unreported(e) for e in seen)
    process.stdin.close()
    process.stdout.close()
    process.wait(support.TIMEOUT)


NOISE = """
import ctypes, os, subprocess, sys, threading, time
libc = ctypes.CDLL(None)
def child(act):
    pid = os.fork()
    if pid == 0:
        try:
            act()
        finally:
            os._exit(0)
    os.waitpid(pid, 0)
def sleepers():
    for _ in range(4):
        threading.Thread(target=time.sleep, args=(100,), daemon=True).start()
def by_thread():
    sleepers()
    thread = threading.Thread(target=os.execv, args=("/bin/true", ["true"]))
    thread.start()
    thread.join()
def by_leader():
    sleepers()
    os.execv("/bin/true", ["true"])
def renamed(name):
    return lambda: libc.prctl(15, name, 0, 0, 0)
script, gone = sys.argv[1:]
for i in range(30):
    child(by_thread)
    child(by_leader)
    child(renamed(b"a\\\\b\\nc"))
    child(lambda: os.execv("/bin/sh", ["sh", "-c", "exec sh -c 'exec true'"]))
    subprocess.run(["/bin/sh", "-c", "true & (sleep 0.001; exec true) & exec true"])
    subprocess.run([script])
    subprocess.run(["/bin/cp", "/bin/true", gone])
    subprocess.run(["/bin/sh", "-c", 'rm "$0"; exec true', gone])
"""


def test_nothing_is_taken_for_hidden(directory, make_broker, beside):
    """Chains of execs, execs by threads, scripts, names: no event is missing, and none is thought to be."""
    broker = make_broker()
    end = support.unique_name()
    collect = beside(Collecting, broker, end)
    script = directory / "script"
    script.write_text("#!/bin/sh\n/bin/true; exec /bin/true\n")
    script.chmod(0o755)
    with real_kernel.Connector() as connector:
        assert connector.listen()
        subprocess.run(["/usr/bin/python3", "-c", NOISE, str(script), str(directory / "gone")], check=True)
        await_looks(broker)
        await_looks(broker)
    support.marker(end)
    assert not [r for r in collect.finish() if r.kind == LOSS]
    assert broker.status().connector.lost == 0
