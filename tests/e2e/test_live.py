# SPDX-License-Identifier: Apache-2.0
"""Live statistics: questions and samples, of tasks whose statistics the test makes up."""

import json
import random
import subprocess

import pytest

import tb_fields
from tb_client import BrokerError
from tb_daemon import executable
from tb_live import ask_samples, ask_stats, get_stats, next_sample, sample_until, sampling
from tb_protocol import broker_pb2, sample_pb2
from tb_wait import TIMEOUT, wait_until

THREADS = sample_pb2.SAMPLE_SCOPE_THREADS
EXECUTABLE = dict(ac_exe_dev=1, ac_exe_inode=2, hiwater_rss_kib=100)


def used(tid, pid=None, ns=0, comm=b"worker", **values):
    """The statistics of a task."""
    fields = dict(
        EXECUTABLE, ac_pid=tid, ac_tgid=pid or tid, cpu_run_virtual_total_ns=ns, nvcsw=1 + ns // 1000, read_bytes=ns
    )
    return tb_fields.Stats(comm=comm, **{**fields, **values})


@pytest.fixture
def live(stats, make_daemon):
    """A broker whose kernel answers for tasks, with one process in it: 100, with a thread 101."""
    daemon = make_daemon(start=False)
    daemon.arguments += ["--stats-fd", str(stats.broker.fileno()), "--feed-mib", "1"]
    command = daemon.command
    daemon.command = lambda: (command()[0], command()[1] + [stats.broker.fileno()])
    daemon.start()
    stats.broker.close()
    daemon.live = stats
    daemon.wait_ready()
    stats.live[1] = used(1, comm=b"init")
    daemon.kernel.fork(100)
    daemon.kernel.fork(101, pid=100)
    stats.live[100] = used(100, ns=5_000_000, comm=b"leader")
    stats.live[101] = used(101, pid=100, ns=3_000_000, comm=b"thread")
    return daemon


def end(daemon, tid, pid=None, ns=0, code=0, last=False, **kw):
    """The task's record and its exit."""
    daemon.live.live.pop(tid, None)
    stats = used(tid, pid=pid, ns=ns, ac_flag=0x20 if last else 0, ac_exitcode=code, **kw)
    daemon.kernel.stats(stats)
    daemon.kernel.exit(tid, pid=pid, code=code)


def run_ns(sample):
    return sample.stats.cpu.cpu_run_virtual_total_ns


# -- questions ---------------------------------------------------------------


def test_answers_come_in_the_order_of_the_question(live):
    client = live.client()
    process, init, nobody, thread, leader, no_thread = get_stats(client, pids=[100, 1, 4711], tids=[101, 100, 4712])
    assert (process.pid, process.tid, process.live_tasks, process.stats.task_count) == (100, 100, 2, 2)
    assert run_ns(process) == 8_000_000
    assert process.comm == b"leader"
    assert process.stats.identity.ac_pid == 100, "what cannot be summed is the leader's"
    assert process.stats.io.read_bytes == 8_000_000
    assert not process.stats.HasField("exit_status"), "nobody has ended"
    assert (init.pid, init.comm, init.live_tasks) == (1, b"init", 1)
    assert (init.stats.task_count, init.stats.tasks_unseen) == (1, True), "threads of it may have ended before the broker"
    assert (thread.pid, thread.tid, run_ns(thread)) == (100, 101, 3_000_000)
    assert (leader.pid, leader.tid, run_ns(leader)) == (100, 100, 5_000_000)
    for gone, number in ((nobody, ("pid", 4711)), (no_thread, ("tid", 4712))):
        assert gone.state == sample_pb2.SAMPLE_STATE_GONE
        assert [(f.name, v) for f, v in gone.ListFields() if f.name != "state"] == [number]


def test_a_thread_is_not_a_process(live):
    assert get_stats(live.client(), pids=[101])[0].state == sample_pb2.SAMPLE_STATE_GONE


def test_what_ended_threads_used_is_in_the_sum(live):
    client = live.subscriber(kinds=("exit",), threads=True)
    end(live, 101, pid=100, ns=4_000_000)
    client.event()
    process, = get_stats(live.client(), pids=[100])
    assert (process.live_tasks, process.stats.task_count, run_ns(process)) == (1, 2, 9_000_000)


def test_a_thread_whose_exit_is_not_reported_yet_counts_by_its_record(live):
    client = live.client()
    get_stats(client, pids=[100])

    def vanish():
        live.live.live.pop(101)
        live.kernel.stats(used(101, pid=100, ns=7_000_000))

    live.live.hooks[101] = vanish
    process, = get_stats(client, pids=[100])
    assert (run_ns(process), process.live_tasks) == (12_000_000, 2)
    live.kernel.exit(101, pid=100)
    exits = live.subscriber(kinds=("exit",))
    live.kernel.fork(300)
    end(live, 300)
    exits.event()
    process, = get_stats(client, pids=[100])
    assert (run_ns(process), process.live_tasks) == (12_000_000, 1), "it counts once"


def test_a_lost_answer_is_asked_for_again(live):
    live.live.drop.add(100)
    live.live.hooks[101] = lambda: None
    client = live.client()
    lost, = get_stats(client, pids=[100])
    assert not lost.HasField("stats") and lost.pid == 100 and lost.state != sample_pb2.SAMPLE_STATE_GONE
    live.live.drop.add(1)
    for task in (lost, *get_stats(client, pids=[1], tids=[1])):
        assert task.state == sample_pb2.SAMPLE_STATE_LOST and not task.HasField("stats")
    live.live.drop.clear()
    assert run_ns(get_stats(client, pids=[100])[0]) == 8_000_000


def test_more_threads_than_one_question_to_the_kernel_has_room_for(live):
    for tid in range(1000, 1600):
        live.live.live[tid] = used(tid, pid=100, ns=1000)
        live.kernel.fork(tid, pid=100)
    process, = get_stats(live.client(), pids=[100])
    assert (process.live_tasks, process.stats.task_count, run_ns(process)) == (602, 602, 8_600_000)
    assert max(map(len, live.live.asked)) <= 256


def test_a_question_names_its_faults(live):
    for pids, tids, field in (
        ([], [], "get_task_stats.pids"),
        (range(1, 130), [], "get_task_stats.pids"),
        (range(1, 100), range(1, 31), "get_task_stats.tids"),
    ):
        client = live.client()
        with pytest.raises(BrokerError) as e:
            get_stats(client, pids=pids, tids=tids)
        assert (e.value.error.code, e.value.error.field) == (broker_pb2.ERROR_CODE_BAD_VALUE, field)
        client.status()


def test_questions_of_one_connection_are_limited(live):
    client = live.client()
    live.live.drop.update((100, 101))
    idents = [ask_stats(client, pids=[100]) for _ in range(64)]
    codes = {}
    for _ in idents:
        message = client.receive()
        body = message.WhichOneof("body")
        codes[getattr(message, body).request_id] = message.error.code if body == "error" else 0
        # The limit is reached: from now on the kernel answers, and the questions that wait need no timeout each.
        live.live.drop.clear()
    assert sorted(codes) == idents
    assert set(codes.values()) == {0, broker_pb2.ERROR_CODE_LIMIT}


# -- samples -----------------------------------------------------------------


def test_the_first_sample_has_all_then_what_changed(live):
    client = live.client()
    ask_samples(client)
    first = next_sample(client)
    assert first.last.full and first.last.span_ns == 0
    assert first.by().keys() == {1, 100}
    assert run_ns(first.by()[100]) == 8_000_000
    live.live.live[101] = used(101, pid=100, ns=4_000_000)
    samples = sample_until(client, lambda s: s.tasks)
    assert [t.pid for t in samples[-1].tasks] == [100]
    assert run_ns(samples[-1].tasks[0]) == 9_000_000
    assert not samples[-1].last.full and samples[-1].last.span_ns > 0
    assert [s.last.number for s in samples] == list(range(2, 2 + len(samples)))
    assert next_sample(client).tasks == []


def test_samples_of_threads(live):
    client = live.client()
    ask_samples(client, scope=THREADS)
    first = next_sample(client)
    assert {(t.pid, t.tid): run_ns(t) for t in first.tasks} == {
        (1, 1): 0, (100, 100): 5_000_000, (100, 101): 3_000_000,
    }
    live.live.live[101] = used(101, pid=100, ns=4_000_000)
    assert [t.tid for t in sample_until(client, lambda s: s.tasks)[-1].tasks] == [101]


@pytest.mark.parametrize("seed", range(3))
def test_parts_add_up(live, seed):
    """A process is the sum, or the maximum, of its threads by the table's rules: alive, in part ended, and at its end."""
    rng = random.Random(seed)
    names = [f.name for f in tb_fields.FIELDS if f.total in ("SUM", "MAX") and f.type == "U64" and "etime" not in f.name]
    tids = [100, 101, *range(102, 106)]
    for tid in tids[2:]:
        live.kernel.fork(tid, pid=100)
    values = {tid: {name: 1024 * rng.randrange(1 << 20) for name in names} for tid in tids}
    for tid in tids:
        live.live.live[tid] = used(tid, pid=100, **values[tid])
    processes = live.subscriber(kinds=("exit",))

    def check(stats):
        for field in tb_fields.FIELDS:
            if field.name in names:
                whole = getattr(getattr(stats, field.group), field.name)
                parts = [values[tid][field.name] for tid in tids]
                assert whole == (sum(parts) if field.total == "SUM" else max(parts)), field

    check(get_stats(live.client(), pids=[100])[0].stats)
    rng.shuffle(tids)
    for tid in tids:
        last = tid == tids[-1]
        end(live, tid, pid=100, last=last, **values[tid])
        if not last:
            check(get_stats(live.client(), pids=[100])[0].stats)
    check(processes.event().exit.stats)


def test_process_that_ends_with_a_thread(live):
    """The last sample has the totals of the process, and the identity, name and user of its leader."""
    client, threads = live.client(), live.client()
    ask_samples(client)
    ask_samples(threads, scope=THREADS)
    begin = next_sample(client).by()[100]
    next_sample(threads)
    end(live, 100, ns=6_000_000, comm=b"leader", ac_uid=3)
    end(live, 101, pid=100, ns=9_000_000, last=True, comm=b"worker-7", ac_uid=4)
    ended = [t for t in sample_until(client, lambda s: any(t.ended for t in s.tasks))[-1].tasks if t.ended]
    assert [(t.pid, t.tid, t.comm, t.uid, t.start_boot_ns) for t in ended] == [
        (100, 100, b"leader", 3, begin.start_boot_ns)
    ]
    assert run_ns(ended[0]) == 15_000_000 and ended[0].stats.task_count == 2
    assert (ended[0].stats.identity.ac_pid, ended[0].stats.identity.ac_comm) == (100, b"leader")


def test_what_lives_between_two_samples_is_in_the_second(live):
    client = live.client()
    ask_samples(client, interval_ms=1000)
    next_sample(client)
    start = live.kernel.fork(500)
    live.kernel.exec(500, comm=b"short")
    end(live, 500, ns=123_000, code=0x300, last=True, comm=b"short")
    sample = sample_until(client, lambda s: s.last.exits)[-1]
    short = sample.by()[500]
    assert short.ended and run_ns(short) == 123_000 and short.comm == b"short"
    assert short.termination.exit_code == 3 and short.stats.exit_status.ac_exitcode == 0x300
    assert short.start_time_ns - start > 0
    assert (sample.last.forks, sample.last.execs, sample.last.exits) == (1, 1, 1)


def test_a_process_ends_with_the_totals_of_all_its_threads(live):
    client, threads = live.client(), live.client()
    ask_samples(client)
    ask_samples(threads, scope=THREADS)
    begin = next_sample(client).by()[100]
    end(live, 100, pid=100, ns=6_000_000)
    end(live, 101, pid=100, ns=4_000_000, last=True)
    seen = [t for s in sample_until(client, lambda s: any(t.ended for t in s.tasks)) for t in s.tasks if t.pid == 100]
    assert seen[-1].ended and run_ns(seen[-1]) == 10_000_000 and seen[-1].tid == 100
    assert [run_ns(t) for t in seen] == sorted(run_ns(t) for t in seen), "totals never shrink"
    assert {t.start_time_ns for t in seen} == {begin.start_time_ns}
    ended = {}
    while len(ended) < 2:
        ended.update({t.tid: run_ns(t) for t in next_sample(threads).tasks if t.ended})
    assert ended == {100: 6_000_000, 101: 4_000_000}


def test_a_slower_subscriber_misses_nothing(live):
    """A change between two samples of a subscriber is in its next sample, even if another subscriber received it."""
    fast, slow = live.client(), live.client()
    ask_samples(fast)
    ask_samples(slow, interval_ms=1500)
    next_sample(fast)
    next_sample(slow)
    live.live.live[100] = used(100, ns=6_000_000)
    sample_until(fast, lambda s: s.tasks)
    for _ in range(3):
        assert next_sample(fast).tasks == []
    assert [run_ns(t) for t in sample_until(slow, lambda s: s.tasks)[-1].tasks] == [9_000_000]


def test_same_requests_share_a_feed_and_the_newcomer_begins_with_all(live):
    one, other = live.client(), live.client()
    ask_samples(one)
    next_sample(one)
    ask_samples(other)
    first = next_sample(other)
    assert first.last.full and first.by().keys() == {1, 100}
    assert live.client().status().sample_subscribers == 2
    numbers = {next_sample(one).last.number for _ in range(4)}
    assert first.last.number in numbers or first.last.number > max(numbers)


def test_filters_and_groups(live):
    live.kernel.fork(200, parent_tid=100)
    live.live.live[200] = used(200, comm=b"child")
    for kw, pids in (
        (dict(pids=[200]), {200}),
        (dict(subtrees=[100]), {100, 200}),
        (dict(comms=[b"nobody"]), set()),
        (dict(uids=[4711]), set()),
    ):
        client = live.client()
        ask_samples(client, filter=kw, groups=1 << 2)
        sample = next_sample(client)
        assert sample.by().keys() == pids and sample.last.full
        for task in sample.tasks:
            assert task.stats.HasField("cpu") and not task.stats.HasField("io") and not task.stats.HasField("identity")


def test_starts(live):
    """A request for samples names its processes by their starts, too: a stranger with the number is in no sample."""
    client = live.client()
    starts = sampling(client, filter=dict(pids=[100])).starts
    assert next_sample(client).by().keys() == {100} and starts.pids[0] > 0
    for wanted, pids in ((starts.pids[0], {100}), (starts.pids[0] - 1, set()), (starts.pids[0] + 1, set())):
        again = live.client()
        asked = sampling(again, filter=dict(pids=[100]), starts=dict(pids=[wanted]))
        assert [*asked.starts.pids] == [wanted]
        assert next_sample(again).by().keys() == pids


@pytest.mark.parametrize(
    "kw, field",
    [
        (dict(interval_ms=99), "subscribe_samples.interval_ms"),
        (dict(interval_ms=60001), "subscribe_samples.interval_ms"),
        (dict(scope=3), "subscribe_samples.scope"),
        (dict(groups=1), "subscribe_samples.groups"),
        (dict(groups=1 << 30), "subscribe_samples.groups"),
        (dict(filter=dict(cpus="0")), "subscribe_samples.filter.cpus"),
        (dict(filter=dict(nonzero=True)), "subscribe_samples.filter.nonzero"),
        (dict(filter=dict(subtrees=[4711])), "subscribe_samples.filter.subtrees"),
        (dict(filter=dict(uids=range(65))), "subscribe_samples.filter.uids"),
    ],
)
def test_a_request_for_samples_names_its_faults(live, kw, field):
    client = live.client()
    with pytest.raises(BrokerError) as e:
        ask_samples(client, **kw)
    assert (e.value.error.code, e.value.error.field) == (broker_pb2.ERROR_CODE_BAD_VALUE, field)
    ask_samples(client)
    assert next_sample(client).last.full


def test_without_subscribers_there_is_no_sweep(live):
    client = live.client()
    ask_samples(client)
    next_sample(client)
    client.close()
    probe = live.client()
    wait_until(lambda: not probe.status().sample_subscribers, "the sampler's connection has gone")
    sweeps = probe.status().sweeps
    asked = len(live.live.asked)
    other = live.client()
    ask_samples(other, interval_ms=60000)
    next_sample(other)
    assert probe.status().sweeps == sweeps + 1
    assert len(live.live.asked) == asked + 1


def test_a_reader_that_does_not_read_gets_the_loss_and_all_again(live):
    client = live.client(rcvbuf=4096)
    for tid in range(1000, 2000):
        live.live.live[tid] = used(tid, comm=b"many")
        live.kernel.fork(tid)
    ask_samples(client)
    assert next_sample(client).last.full
    status = live.client()
    sweeps = status.status().sweeps
    for n in range(1, 26):
        for tid in range(1000, 2000):
            live.live.live[tid] = used(tid, ns=n * 1000, comm=b"many")
        wait_until(lambda: status.status().sweeps >= sweeps + n, "another sweep")
    lost = sample_until(client, lambda s: s.lost)[-1]
    assert lost.last.full and len(lost.by()) == 1002
    assert status.status().sample_lost >= lost.lost


# -- the command -------------------------------------------------------------


def ask_command(live, *arguments):
    return subprocess.run(
        [executable("TASKBROKER", "command"), "--socket", str(live.path), "stats", *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=TIMEOUT,
    )


def cells(text):
    """Returns, for each block that begins a line, the first line and the values by their names."""
    blocks = []
    for line in text.splitlines():
        if line and line[0] != " ":
            blocks.append((line, {}))
        elif line.startswith("    "):
            name, value = line[4:33].rstrip(), line[33:]
            blocks[-1][1][name] = value
    return blocks


def test_the_command_says_all_of_a_process(live):
    done = ask_command(live, "100")
    assert (done.returncode, done.stderr) == (0, "")
    ((head, shown),) = cells(done.stdout)
    assert head.startswith("process 100: leader, of root, 2 threads, since 20")
    assert shown["cpu_run_virtual_total_ns"] == "8.00ms" and shown["read_bytes"] == "7.6M (8 000 000 bytes)"
    assert shown["nvcsw"] == "8 002" and shown["hiwater_rss_kib"] == "100K"
    assert "  exit status: it has not ended" in done.stdout.splitlines()


def test_the_command_says_all_of_each_thread(live):
    done = ask_command(live, "--threads", "100")
    assert (done.returncode, done.stderr) == (0, "")
    (first, shown_first), (second, shown_second) = cells(done.stdout)
    assert first.startswith("thread 100 of process 100: leader,") and second.startswith("thread 101 of process 100: thread,")
    assert [shown["cpu_run_virtual_total_ns"] for shown in (shown_first, shown_second)] == ["5.00ms", "3.00ms"]


def test_the_command_says_who_is_gone(live):
    done = ask_command(live, "4711", "100")
    assert done.returncode == 1 and len(cells(done.stdout)) == 1
    assert done.stderr == "taskbroker: 4711: there is no such process, or you may not see it.\n"
    done = ask_command(live, "--threads", "4711")
    assert (done.returncode, done.stdout) == (1, "") and "no such process" in done.stderr


def test_the_command_says_what_was_lost(live):
    live.live.drop.add(101)
    for arguments, number in ((["100"], 100), (["--threads", "100"], 101)):
        done = ask_command(live, *arguments)
        assert (done.returncode, done.stderr) == (1, f"taskbroker: {number}: the answer of the kernel was lost. Ask again.\n")
        assert len(cells(done.stdout)) == len(arguments) - 1
    done = ask_command(live, "--json", "100")
    assert done.returncode == 1 and json.loads(done.stdout)["stats"] is None


def test_the_command_in_json(live):
    done = ask_command(live, "--json", "100", "4711")
    there, gone = (json.loads(line) for line in done.stdout.splitlines())
    assert done.returncode == 1
    assert (there["pid"], there["gone"], there["comm"], there["tasks"]) == (100, False, "leader", 2)
    assert there["stats"]["cpu"]["cpu_run_virtual_total_ns"] == 8_000_000 and there["stats"]["tasks"] == 2
    assert gone == {"pid": 4711, "tid": None, "gone": True}


@pytest.mark.parametrize("arguments, said", [
    ([], "Of which processes?"),
    (["0"], "0: not the number of a process"),
    (["1x"], "1x: not the number of a process"),
    (["4194305"], "4194305: not the number of a process"),
    (["4294967296"], "4294967296: not the number of a process"),
    ([str(n) for n in range(1, 66)], "At most 64 processes"),
])
def test_the_command_refuses(live, arguments, said):
    done = ask_command(live, *arguments)
    assert (done.returncode, done.stdout) == (2, "") and said in done.stderr


@pytest.mark.parametrize("seconds, after", [(3600, "1"), (1, "0")])
def test_delay_accounting_does_not_flap(stats, make_daemon, seconds, after):
    """Clients that sample and go do not switch the machine's delay accounting each time. It goes off later."""
    daemon = make_daemon(start=False)
    switch = daemon.proc.root / "sys" / "kernel" / "task_delayacct"
    switch.write_text("0\n")
    daemon.arguments += [
        "--stats-fd", str(stats.broker.fileno()), "--delayacct", "on-demand", "--delayacct-seconds", str(seconds),
        "--delayacct-state", str(daemon.directory / "state"),
    ]
    command = daemon.command
    daemon.command = lambda: (command()[0], command()[1] + [stats.broker.fileno()])
    daemon.start()
    stats.broker.close()
    daemon.wait_ready()
    assert switch.read_text().strip() == "0"
    watcher = daemon.client()
    for _ in range(10):
        client = daemon.client()
        ask_samples(client)
        assert switch.read_text().strip() == "1"
        client.close()
        wait_until(lambda: watcher.status().sample_subscribers == 0, "no subscriber")
    wait_until(lambda: switch.read_text().strip() == after, "the switch is as expected")
    assert daemon.terminate() == 0
    assert switch.read_text().strip() == "0"
