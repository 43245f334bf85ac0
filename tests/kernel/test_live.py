# SPDX-License-Identifier: Apache-2.0
"""
Live statistics on the real kernel: what is asked for is what /proc has, of a process whose
threads have ended too; and delay accounting is switched on, and back, whatever happens.
"""

import contextlib
import errno
import os
import pathlib
import signal
import socket
import struct
import subprocess
import sys
import textwrap

import pytest

from tb_live import REQUEST, ask_samples, get_stats, next_sample
from tb_protocol import sample_pb2, taskstats_pb2
from tb_wait import wait_until

SWITCH = pathlib.Path("/proc/sys/kernel/task_delayacct")
DELAYS = 1 << taskstats_pb2.STATS_GROUP_DELAYS


@contextlib.contextmanager
def python(text):
    """A process that does that, says so, and then stops itself: nothing of it changes until it is let go."""
    text = textwrap.dedent(text) + "\nimport os, signal\nos.kill(os.getpid(), signal.SIGSTOP)\n"
    process = subprocess.Popen([sys.executable, "-S", "-c", text], stdin=subprocess.DEVNULL)
    try:
        os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)
        yield process
    finally:
        process.kill()
        process.wait()


def proc_io(pid):
    lines = pathlib.Path(f"/proc/{pid}/io").read_text().split()
    return dict(zip((name.rstrip(":") for name in lines[::2]), map(int, lines[1::2])))


WORK = """
    with open("/dev/zero", "rb", buffering=0) as f, open("/dev/null", "wb", buffering=0) as g:
        for _ in range(3000):
            g.write(f.read(5000))
"""


def test_an_answer_is_what_proc_says(make_broker):
    broker = make_broker()
    with python(WORK) as process, broker.client() as client:
        answer, gone, task = get_stats(client, pids=[process.pid, 0x3FFFFF], tids=[process.pid])
        io, stats = proc_io(process.pid), answer.stats
        assert gone.state == sample_pb2.SAMPLE_STATE_GONE
        assert (answer.pid, answer.tid, answer.live_tasks, answer.uid) == (process.pid, process.pid, 1, 0)
        for ours, theirs in (
            ("read_char_bytes", "rchar"),
            ("write_char_bytes", "wchar"),
            ("read_syscalls", "syscr"),
            ("write_syscalls", "syscw"),
            ("read_bytes", "read_bytes"),
            ("write_bytes", "write_bytes"),
        ):
            assert getattr(stats.io, ours) == io[theirs] // 1024 * 1024, (ours, io)
        run, waited, count = map(int, pathlib.Path(f"/proc/{process.pid}/schedstat").read_text().split())
        assert stats.cpu.cpu_run_virtual_total_ns == run
        assert (stats.delays.cpu.total_ns, stats.delays.cpu.count) == (waited, count)
        assert (task.stats.io, task.stats.cpu) == (stats.io, stats.cpu), "a process of one task is that task"


def test_a_process_is_the_sum_of_all_its_threads(make_broker):
    """20 threads that have ended and one that waits: /proc/PID/io has them all, each rounded down here."""
    broker = make_broker()
    text = f"""
        import threading
        def work():
            {WORK.strip().replace(chr(10), chr(10) + " " * 8)}
        for _ in range(20):
            t = threading.Thread(target=work)
            t.start()
            t.join()
        threading.Thread(target=threading.Event().wait, daemon=True).start()
        # join() returns while the thread is on its way out, where it would be stopped with the others
        import os
        while len(os.listdir("/proc/self/task")) != 2:
            pass
    """
    with python(text) as process, broker.client() as client:
        wait_until(lambda: get_stats(client, pids=[process.pid])[0].live_tasks == 2, "two threads")
        answer, = get_stats(client, pids=[process.pid])
        io, stats = proc_io(process.pid), answer.stats
        assert (answer.live_tasks, stats.task_count, stats.tasks_missing) == (2, 22, 0)
        for ours, theirs in (("read_char_bytes", "rchar"), ("write_char_bytes", "wchar")):
            assert io[theirs] - 22 * 1024 < getattr(stats.io, ours) <= io[theirs]
        assert stats.io.write_char_bytes >= 20 * 3000 * 5000 // 1024 * 1024 - 20 * 1024


def test_samples_of_a_process_whose_threads_come_and_go(make_broker, directory):
    """Threads end while a sample asks for them: the totals never shrink, and the last totals equal the record's."""
    broker = make_broker()
    go_on = directory / "go-on"
    go_on.touch()
    text = f"""
        import os, threading
        while os.path.exists("{go_on}"):
            ts = [threading.Thread(target=lambda: sum(range(2000))) for _ in range(8)]
            [t.start() for t in ts]
            [t.join() for t in ts]
    """
    mine = []
    with broker.client() as client:
        ask_samples(client)
        next_sample(client)
        with subprocess.Popen([sys.executable, "-S", "-c", textwrap.dedent(text)]) as process:
            try:
                while len(mine) < 4 or mine[-1].stats.task_count <= 100:
                    mine += [t for t in next_sample(client).tasks if t.pid == process.pid]
            finally:
                go_on.unlink()
        while not mine[-1].ended:
            mine += [t for t in next_sample(client).tasks if t.pid == process.pid]
    tasks = [t.stats.task_count for t in mine]
    assert tasks == sorted(tasks)
    for part, name in (("cpu", "cpu_run_virtual_total_ns"), ("scheduling", "nvcsw"), ("memory", "ac_minflt")):
        values = [getattr(getattr(t.stats, part), name) for t in mine]
        # a thread runs on for some microseconds after its record was made
        assert all(b >= a * 0.999 for a, b in zip(values, values[1:])), (name, values)


def test_a_peak_stays_over_an_exec(make_broker):
    """The kernel begins its peak anew at an exec. The process keeps what was sampled before, to its end."""
    broker = make_broker()
    text = "import os, signal\nx = bytearray(b'x') * (96 << 20)\nos.kill(os.getpid(), signal.SIGSTOP)\n"
    text += "os.execv('/bin/sleep', ['sleep', '1000'])\n"
    process = subprocess.Popen([sys.executable, "-S", "-c", text], stdin=subprocess.DEVNULL)
    with broker.subscriber(("exit",), threads=False) as exits, broker.client() as client:
        try:
            os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)
            before, = get_stats(client, pids=[process.pid])
            process.send_signal(signal.SIGCONT)
            seen = [before]
            while seen[-1].comm != b"sleep":
                seen += get_stats(client, pids=[process.pid])
            after, task = get_stats(client, pids=[process.pid], tids=[process.pid])
        finally:
            process.kill()
            process.wait()
        peaks = [answer.stats.memory.hiwater_rss_kib for answer in (before, after, task)]
        # The call of exec takes memory itself: the last answer before it may have a little more than the first.
        last = [answer.stats.memory for answer in seen if answer.comm != b"sleep"][-1]
        assert last.hiwater_rss_kib == peaks[1] >= peaks[0] >= 96 << 10 > 32 << 10 > peaks[2], peaks
        assert after.stats.memory.hiwater_vm_kib == last.hiwater_vm_kib
        exit_ = exits.until(lambda e: e.pid == process.pid)[-1].exit
        assert exit_.stats.memory.hiwater_rss_kib == peaks[1]


# -- what the kernel does ----------------------------------------------------


def taskstats_socket():
    s = socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, 16)
    s.bind((0, 0))
    name = b"TASKSTATS\0"
    attr = struct.pack("=HH", 4 + len(name), 2) + name
    attr += b"\0" * (-len(attr) % 4)
    s.send(struct.pack("=IHHIIBBH", 20 + len(attr), 16, 1, 1, 0, 3, 1, 0) + attr)
    data = s.recv(8192)
    at = 20
    while True:
        n, kind = struct.unpack_from("=HH", data, at)
        if kind == 1:
            return s, struct.unpack_from("=H", data, at + 4)[0]
        at += n + 3 & ~3


def test_the_kernel_has_answered_when_send_returns():
    """In the order of the requests, each by its number; for nobody with ESRCH."""
    s, family = taskstats_socket()
    tids = [os.getpid(), 0x3FFFFF, 1] * 40
    requests = [REQUEST.pack(28, family, 1, 1000 + i, 0, 1, 1, 0, 8, 1, tid) for i, tid in enumerate(tids)]
    s.send(b"".join(requests))
    for i, tid in enumerate(tids):
        data = s.recv(8192, socket.MSG_DONTWAIT)
        _, kind, _, seq = struct.unpack_from("=IHHI", data)
        assert seq == 1000 + i
        if tid == 0x3FFFFF:
            assert (kind, struct.unpack_from("=i", data, 16)[0]) == (2, -errno.ESRCH)
        else:
            assert (kind, struct.unpack_from("=I", data, 28)[0]) == (family, tid)
    with pytest.raises(BlockingIOError):
        s.recv(8192, socket.MSG_DONTWAIT)


def test_a_descriptor_of_the_switch_is_no_help_without_the_right():
    text = f"""
        import os, sys
        fd = os.open("{SWITCH}", os.O_RDWR)
        os.setgroups([]); os.setgid(65534); os.setuid(65534)
        try:
            os.pwrite(fd, os.pread(fd, 1, 0), 0)
        except PermissionError:
            sys.exit(7)
    """
    assert subprocess.run([sys.executable, "-c", textwrap.dedent(text)]).returncode == 7


# -- delay accounting --------------------------------------------------------


@pytest.fixture
def switch():
    """The machine's switch, off; afterwards as it was."""
    before = SWITCH.read_text()
    SWITCH.write_text("0")
    yield lambda: SWITCH.read_text().strip()
    SWITCH.write_text(before)


def child_of(pid):
    """The helper that keeps the right to throw the switch."""
    for task in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if f"PPid:\t{pid}\n" in (task / "status").read_text() and (task / "comm").read_text() == "delayacct\n":
                return int(task.name)
    return None


@pytest.fixture
def state(directory):
    return directory / "delayacct"


def delays_of(broker):
    with python("") as process, broker.client() as client:
        stats = get_stats(client, pids=[process.pid])[0].stats
        return bool(stats.uncounted_groups & DELAYS), stats.delays.HasField("blkio")


def test_never_leaves_the_switch_and_says_so(make_broker, switch):
    broker = make_broker()
    assert delays_of(broker) == (True, False)
    assert switch() == "0"
    assert broker.status().delay_accounting == 1


def test_always(make_broker, switch, state):
    broker = make_broker("--delayacct", "always", "--delayacct-state", str(state))
    assert switch() == "1" and state.exists()
    assert delays_of(broker) == (False, True)
    broker.stop()
    assert switch() == "0" and not state.exists()


def test_always_leaves_on_what_was_on(make_broker, switch, state):
    SWITCH.write_text("1")
    broker = make_broker("--delayacct", "always", "--delayacct-state", str(state))
    assert not state.exists()
    broker.stop()
    assert switch() == "1"


def test_on_demand_counts_those_who_sample(make_broker, switch, state):
    broker = make_broker(
        "--delayacct", "on-demand", "--delayacct-state", str(state), "--delayacct-seconds", "1"
    )
    assert switch() == "0"
    one, other = broker.client(), broker.client()
    ask_samples(one)
    assert switch() == "1"
    assert delays_of(broker) == (False, True)
    ask_samples(other, interval_ms=500)
    one.close()
    wait_until(lambda: broker.status().sample_subscribers == 1, "one subscriber")
    assert switch() == "1"
    other.close()
    wait_until(lambda: switch() == "0", "the switch is off")
    assert delays_of(broker) == (True, False)


def killed(broker, *more):
    os.kill(broker.process.pid, signal.SIGSTOP)
    for pid in (*more, broker.process.pid):
        os.kill(pid, signal.SIGKILL)
    broker.process.wait()
    broker.process.returncode = 0


def test_the_helper_puts_back_what_a_killed_broker_switched(make_broker, switch, state):
    broker = make_broker("--delayacct", "always", "--delayacct-state", str(state))
    status = pathlib.Path(f"/proc/{child_of(broker.process.pid)}/status").read_text()
    assert "CapEff:\t0000000000200000\n" in status, "CAP_SYS_ADMIN alone"
    killed(broker)
    wait_until(lambda: switch() == "0" and not state.exists(), "the switch is off")


def test_the_next_start_puts_back_what_nobody_could(make_broker, switch, state):
    broker = make_broker("--delayacct", "always", "--delayacct-state", str(state))
    killed(broker, child_of(broker.process.pid))
    assert switch() == "1" and state.exists()
    make_broker("--delayacct-state", str(state))
    assert switch() == "0" and not state.exists()
