# SPDX-License-Identifier: Apache-2.0
"""
A broker that says what a test wants: the samples of a machine that there is not,
in the protocol's words. For the screens, whose tests are about what is drawn.
"""

import pathlib
import socket
import threading
import time

from tb_protocol import broker_pb2, event_pb2, frame_of_one_stream, parse_prefix, sample_pb2, taskstats_pb2
from tb_wait import TIMEOUT

G = {
    name: 1 << getattr(taskstats_pb2, f"STATS_GROUP_{name.upper()}")
    for name in ("identity", "cpu", "memory", "scheduling", "io", "cpu_delay", "delays", "delay_peaks")
}

NS = 1_000_000_000


class Task:
    """A process, and what it has used so far."""

    def __init__(self, pid, comm=b"task", uid=0, ppid=1, cmdline=None, age=100, tasks=1, kernel_thread=False,
                 withheld=False, counted=False, peak_kib=4096, stale=False, unknown=False):
        self.pid, self.comm, self.uid, self.ppid = pid, comm, uid, ppid
        self.cmdline = cmdline
        self.start = time.time_ns() - age * NS
        self.tasks = tasks
        self.kernel_thread = kernel_thread
        self.withheld, self.counted = withheld, counted
        self.peak_kib = peak_kib
        # Its name may be the name before an exec; its fork was lost.
        self.stale, self.unknown = stale, unknown
        self.cpu = self.wait = self.read = self.write = self.blkio = 0

    def parent(self):
        return event_pb2.ProcessId(pid=self.ppid)

    def sample(self, now, ended=False, status=0):
        s = sample_pb2.TaskSample(
            pid=self.pid, tid=self.pid, ppid=self.ppid, uid=self.uid, comm=self.comm, start_time_ns=self.start,
            maker=self.parent(), parent=self.parent(),
            time_ns=now, live_tasks=0 if ended else self.tasks, kernel_thread=self.kernel_thread, ended=ended,
            comm_stale=self.stale, task_unknown=self.unknown,
        )
        t = s.stats
        t.taskstats_version = 16
        t.identity.ac_pid = t.identity.ac_tgid = self.pid
        t.cpu.cpu_run_virtual_total_ns = self.cpu
        t.memory.hiwater_rss_kib = self.peak_kib
        t.scheduling.nvcsw = self.cpu // 1000
        t.delays.cpu.count = self.wait // 1000
        t.delays.cpu.total_ns = self.wait
        if self.withheld:
            t.withheld_groups = G["io"] | G["delays"]
        else:
            t.io.read_bytes, t.io.write_bytes = self.read, self.write
        if self.counted:
            t.delays.blkio.count = 1
            t.delays.blkio.total_ns = self.blkio
            t.delays.swapin.SetInParent()
        elif not self.withheld:
            t.uncounted_groups = G["delays"] | G["delay_peaks"]
        if ended:
            s.termination.exit_code = status
        return s

    def task(self):
        t = broker_pb2.Task(
            pid=self.pid, tid=self.pid, ppid=self.ppid, uid=self.uid, comm=self.comm, start_time_ns=self.start,
            maker=self.parent(), parent=self.parent(),
            live_tasks=self.tasks, kernel_thread=self.kernel_thread, comm_stale=self.stale, task_unknown=self.unknown,
        )
        if self.cmdline is not None:
            t.program.state = event_pb2.PROGRAM_STATE_CAPTURED
            t.program.cmdline = self.cmdline
            t.program.exe = b"/usr/bin/" + self.comm
            t.program.cgroup = b"/test.slice"
        return t


class LiveBroker:
    """Serves any number of connections; a sample is sent when the test says so."""

    def __init__(self, path, tasks=(), access="ALL", uid=0, delay_accounting="OFF", wall_ahead_ns=None):
        """`wall_ahead_ns`: the wall clock was set by so much since the broker chose the scale of its times."""
        self.path = str(path)
        self.tasks = {task.pid: task for task in tasks}
        self.welcome = broker_pb2.Welcome(
            protocol=1, epoch=1, broker_version="9.8.7", kernel_release="6.18.0-made",
            taskstats_version=16, delay_accounting=getattr(broker_pb2, f"DELAY_ACCOUNTING_{delay_accounting}"),
            max_server_message_bytes=1 << 20, max_client_message_bytes=1 << 16,
            features=["snapshot", "resume", "filter", "programs", "access", "stats", "sample"],
            start_time_ns=time.time_ns(), access=getattr(broker_pb2, f"ACCESS_{access}"), uid=uid,
        )
        self.wall_ahead_ns = wall_ahead_ns or 0
        if wall_ahead_ns is not None:
            self.welcome.boot_epoch_ns = self.now_ns() - time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        self.lock = threading.Condition()
        self.samplers = []
        self.requests = []
        self.connections = []
        self.threads = []
        self.number = 0
        self.last = 0
        self.listener = None
        self.start()

    def now_ns(self):
        """The present time on the scale of the broker's times."""
        return time.time_ns() - self.wall_ahead_ns

    def start(self):
        """Also again, with another epoch, as a broker that was restarted."""
        self.welcome.epoch += 1
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(self.path)
        self.listener.listen()
        self.acceptor = self._run(self._accept, self.listener)

    @staticmethod
    def _run(function, argument):
        thread = threading.Thread(target=function, args=(argument,), daemon=True)
        thread.start()
        return thread

    def stop(self):
        """
        Ends all connections, and waits for the threads that served them: one that still ran while the interpreter
        ends would crash it.
        """
        pathlib.Path(self.path).unlink(missing_ok=True)
        self._end(self.listener)
        self.acceptor.join(TIMEOUT)
        for connection in self.connections:
            self._end(connection)
        for thread in self.threads:
            thread.join(TIMEOUT)
            assert not thread.is_alive(), "a connection is served on after its end"
        for connection in self.connections:
            connection.close()
        with self.lock:
            self.connections = []
            self.threads = []
            self.samplers = []
            self.requests = []

    close = stop

    @staticmethod
    def _end(s):
        """Wakes the thread that waits for this socket."""
        try:
            s.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def _accept(self, listener):
        with listener:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with self.lock:
                    self.connections.append(connection)
                self.threads.append(self._run(self._serve, connection))

    def _serve(self, connection):
        data = b""
        try:
            self._send(connection, welcome=self.welcome)
            while more := connection.recv(65536):
                data += more
                while prefix := parse_prefix(data):
                    n, length = prefix
                    if len(data) < n + length:
                        break
                    self._request(connection, broker_pb2.ClientMessage.FromString(data[n:n + length]))
                    data = data[n + length:]
        except OSError:
            pass

    @staticmethod
    def _send(connection, **body):
        connection.sendall(frame_of_one_stream(**body))

    def _request(self, connection, message):
        with self.lock:
            self.requests.append(message)
            if message.WhichOneof("body") == "subscribe_samples":
                self._send(connection, subscribed_samples=broker_pb2.SubscribedSamples(request_id=message.request_id, next_number=1))
                self._send_sample(connection, self.tasks.values(), full=True)
                self.samplers.append(connection)
            elif message.WhichOneof("body") == "subscribe":
                self._send(connection, subscribed=broker_pb2.Subscribed(request_id=message.request_id, feed=1,
                                                                        next_number=1))
                tasks = [task.task() for task in self.tasks.values()]
                for i in range(0, len(tasks), 100):
                    self._send(connection, snapshot_part=broker_pb2.SnapshotPart(tasks=tasks[i:i + 100]))
                self._send(connection, snapshot_end=broker_pb2.SnapshotEnd(number=0, task_count=len(tasks),
                                                                           time_ns=self.now_ns()))
            self.lock.notify_all()

    def _send_sample(self, connection, tasks, full=False, ended=(), now=None, span=0, **counts):
        now = now or self.now_ns()
        samples = [task.sample(now) for task in tasks] + [task.sample(now, True, status) for task, status in ended]
        self.number += 1
        for i in range(0, len(samples), 100):
            self._send(connection, sample_part=sample_pb2.SamplePart(samples=samples[i:i + 100], number=self.number))
        self._send(connection, sample_part=sample_pb2.SamplePart(
            number=self.number, last=True, full=full, begin_time_ns=now - 1000, end_time_ns=now, span_ns=span, **counts))
        self.last = now

    def wait_samplers(self, n=1):
        with self.lock:
            assert self.lock.wait_for(lambda: len(self.samplers) >= n, TIMEOUT), "nobody asks for samples"

    def asked(self, body, at_least=1):
        """The requests of that kind so far, when there are so many."""
        def now():
            return [getattr(m, body) for m in self.requests if m.WhichOneof("body") == body]

        with self.lock:
            self.lock.wait_for(lambda: len(now()) >= at_least, TIMEOUT)
            return now()

    def sample(self, ended=(), span=NS, **counts):
        """Sends a sample of all tasks, a span later than the sample before. `ended`: (task, status)."""
        with self.lock:
            for task, _ in ended:
                self.tasks.pop(task.pid, None)
            now = self.last + span
            for connection in self.samplers:
                try:
                    self._send_sample(connection, self.tasks.values(), ended=ended, now=now, span=span, **counts)
                except OSError:
                    pass
