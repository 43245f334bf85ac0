// SPDX-License-Identifier: Apache-2.0
// Streams of a real broker with a made-up kernel.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import {
  BadValue,
  BrokerError,
  bytesOf,
  connect,
  ConnectError,
  ConnectionClosed,
  FellBehind,
  LiveProcesses,
  Stopping,
  stringify,
  type Exec,
  type Exit,
  type Link,
  type Loss,
  type Sample,
  type Stream,
  type StreamValue,
} from "taskbroker";
import { SKIP, TIMEOUT, withBroker } from "./broker.js";

const MARK = 31337;
const options = { skip: SKIP, timeout: TIMEOUT };

/** The next values. */
async function take<V extends StreamValue | Sample>(stream: Stream<V>, n: number): Promise<V[]> {
  const found: V[] = [];
  while (found.length < n) {
    const result = await stream.next();
    if (result.done) break;
    found.push(result.value);
  }
  return found;
}

/** Kind and number, or kind and state, of each value. */
const names = (values: readonly StreamValue[]): string[] =>
  values.map((value) =>
    value.kind === "link" ? `link ${value.state}` : "pid" in value ? `${value.kind} ${value.pid}` : value.kind,
  );

async function until(stream: Stream<StreamValue>, done: (value: StreamValue) => boolean): Promise<StreamValue[]> {
  const found: StreamValue[] = [];
  for (;;) {
    const result = await stream.next();
    assert.ok(!result.done, "the stream ended");
    found.push(result.value);
    if (done(result.value)) return found;
  }
}

const isMark = (value: StreamValue): boolean => value.kind === "fork" && value.pid === MARK;

test(
  "a snapshot, then events, in a loop that is left",
  options,
  withBroker(async (broker, path) => {
    const client = await connect(path);
    const found: StreamValue[] = [];
    for await (const value of client.events({ snapshot: true })) {
      found.push(value);
      if (value.kind === "snapshot_end") await broker.run('daemon.kernel.fork(100); daemon.kernel.exec(100, comm=b"cc")');
      if (value.kind === "exec") break;
    }
    assert.deepEqual(names(found), ["task 1", "snapshot_end", "fork 100", "exec 100"]);
    const exec = found[3] as Exec;
    assert.equal(exec.comm, "cc");
    assert.equal(typeof exec.timeNs, "bigint");
    assert.equal(exec.id, `100-${String(exec.startBootNs)}`);
    assert.equal(exec.number, 2n);
  }),
);

test(
  "what is not known is null",
  options,
  withBroker(async (broker, path) => {
    const client = await connect(path);
    const stream = client.events({ kinds: ["fork", "exec", "exit", "comm"] });
    await stream.opened;
    await broker.run("k = daemon.kernel; k.exec(778); k.fork(100); k.exit(100)");
    const [unknown, , exit, loss] = (await take(stream, 4)) as [Exec, StreamValue, Exit, Loss];
    assert.deepEqual([unknown.uid, unknown.comm, unknown.id, unknown.maker, unknown.program], [null, null, null, null, null]);
    assert.deepEqual([exit.stats, exit.statsMissing], [null, "lost"]);
    assert.deepEqual([loss.kind, loss.source, loss.missing], ["loss", "taskstats", 0n]);
    stream.close();
    assert.deepEqual(await stream.next(), { done: true, value: undefined });
  }),
);

test(
  "names keep their bytes",
  options,
  withBroker(async (broker, path) => {
    const stream = (await connect(path)).events({ kinds: ["exec"], programs: true });
    await stream.opened;
    await broker.run(
      'daemon.kernel.exec(1, comm=b"\\xff\\xfe", program=dict(cmdline=b"\\x80\\0b", exe=b"/x", cgroup=b"0::/\\n"))',
    );
    const [exec] = (await take(stream, 1)) as [Exec];
    assert.deepEqual([...bytesOf(exec.comm ?? "")], [0xff, 0xfe]);
    assert.deepEqual(exec.program?.cmdline?.map((argument) => [...bytesOf(argument)]), [[0x80], [0x62]]);
    assert.match(stringify(exec), /"comm":"\\\\xff\\\\xfe","comm_escaped":true/);
    // JSON.stringify() has the same form, with numbers as JavaScript has them
    assert.equal((JSON.parse(JSON.stringify(exec)) as { id: string }).id, exec.id);
    assert.deepEqual(JSON.parse(JSON.stringify(exec)), JSON.parse(stringify(exec)));
    stream.close();
  }),
);

test(
  "continues after a cut, without a gap",
  options,
  withBroker(async (broker) => {
    await broker.run('relay = Relay(directory / "relay", daemon.path)');
    const stream = (await connect(`${broker.directory}/relay`)).events({ snapshot: true });
    assert.deepEqual(names(await take(stream, 2)), ["task 1", "snapshot_end"]);
    await broker.run("daemon.kernel.fork(100)");
    assert.deepEqual(names(await take(stream, 1)), ["fork 100"]);
    await broker.run("relay.cut()");
    assert.deepEqual(names(await take(stream, 1)), ["link lost"]);
    await broker.run("daemon.kernel.fork(101)");
    const [link, fork] = (await take(stream, 2)) as [Link, StreamValue];
    assert.deepEqual([link.state, link.gap, names([fork])], ["resumed", false, ["fork 101"]]);
    assert.ok(link.timeNs >= link.lostTimeNs && link.lostTimeNs > 1_700_000_000_000_000_000n);
    stream.close();
  }),
);

test(
  "begins again after a restart",
  options,
  withBroker(async (broker) => {
    const path = `${broker.directory}/socket`;
    await broker.run(`os.symlink(daemon.path, "${path}"); other = make(directory, start=False)`);
    await broker.run('other.proc.add(200, ppid=1, comm=b"other"); other.start(); other.kernel.wait_listening()');
    const table = new LiveProcesses();
    const stream = (await connect(path)).events({ kinds: LiveProcesses.KINDS, snapshot: true });
    await take(stream, 2);
    await broker.run(`replace(daemon, other, "${path}")`);
    const found = await take(stream, 5);
    assert.deepEqual(names(found), ["link lost", "link restarted", "task 1", "task 200", "snapshot_end"]);
    assert.equal((found[1] as Link).reason, "The broker was restarted.");
    for (const value of found) table.apply(value);
    assert.equal(table.complete, true);
    assert.equal(table.byPid(200)?.comm, "other");
    stream.close();
  }),
);

test(
  "without reconnect it ends with the broker's reason",
  options,
  withBroker(async (broker, path) => {
    const stream = (await connect(path)).events({ reconnect: false });
    await stream.opened;
    await broker.run("daemon.terminate()");
    await assert.rejects(stream.next(), (e) => e instanceof Stopping && e.code === 10 && e.closing);
    assert.deepEqual(await stream.next(), { done: true, value: undefined });
  }),
);

const SMALL_FEED = 'daemon = make(directory, ["--feed-mib", "1"])';

test(
  "a slow reader gets a loss in its place, and the snapshot again",
  options,
  withBroker(async (broker, path) => {
    const client = await connect(path);
    const plain = client.events({ kinds: ["exit"] });
    const whole = client.events({ kinds: ["exit"], snapshot: true });
    const strict = client.events({ kinds: ["exit"], strict: true });
    await Promise.all([plain.opened, whole.opened, strict.opened]);
    await broker.run("fall_behind(daemon)");
    const found = await until(plain, (value) => value.kind === "loss");
    const loss = found.at(-1) as Loss;
    assert.deepEqual([loss.source, loss.scope, loss.missing], ["reader", "stream", loss.count]);
    assert.equal(loss.number, BigInt(found.length));
    const [next] = (await take(plain, 1)) as [Exit];
    assert.equal(next.number, loss.number + (loss.count ?? 0n));
    plain.close();
    await until(whole, (value) => value.kind === "loss");
    assert.deepEqual(names(await take(whole, 3)), ["link restarted", "task 1", "snapshot_end"]);
    whole.close();
    await assert.rejects(until(strict, () => false), (e) => e instanceof FellBehind && (e.lost ?? 0n) > 0n);
  }, SMALL_FEED),
);

test(
  "an AbortSignal ends a stream that waits",
  options,
  withBroker(async (broker, path) => {
    const client = await connect(path);
    const controller = new AbortController();
    const stream = client.events({ signal: controller.signal });
    await stream.opened;
    const pending = stream.next();
    controller.abort();
    await assert.rejects(pending, { name: "AbortError" });
    assert.deepEqual(await stream.next(), { done: true, value: undefined });
    await assert.rejects(client.events({ signal: AbortSignal.abort() }).next(), { name: "AbortError" });
    await broker.run("client = daemon.client()");
    while ((await broker.run("value = client.status().subscribers")) !== 0);
  }),
);

test(
  "an abort ends a stream whose broker has gone",
  options,
  withBroker(async (broker, path) => {
    const controller = new AbortController();
    const stream = (await connect(path)).events({ signal: controller.signal });
    await stream.opened;
    await broker.run("daemon.terminate()");
    assert.deepEqual(names(await take(stream, 1)), ["link lost"]);
    const pending = stream.next();
    controller.abort(new Error("enough"));
    await assert.rejects(pending, { message: "enough" });
  }),
);

test(
  "errors have classes",
  options,
  withBroker(async (_broker, path) => {
    await assert.rejects(connect(`${path}.nothing`), (e) => e instanceof ConnectError && /No broker listens/.test(e.message));
    const client = await connect(path);
    await assert.rejects(
      client.events({ maxDelayMs: 100000 }).next(),
      (e) => e instanceof BadValue && e.field === "subscribe.max_delay_ms" && e instanceof BrokerError,
    );
    await assert.rejects(client.events({ subtrees: [4000] }).opened, BadValue);
    assert.throws(() => client.events({ kinds: ["forks" as "fork"] }), /no kind of events/);
    // the client is still good
    assert.equal((await client.status()).liveProcesses, 1n);
    assert.ok((await client.ping()) > 1_700_000_000_000_000_000n);
    process.env["TASKBROKER_SOCKET"] = path;
    const other = await connect({ name: "a program", version: "1.0" });
    const { clients } = await other.status();
    assert.ok(clients.some((entry) => entry.name === "a program" && entry.version === "1.0"));
    delete process.env["TASKBROKER_SOCKET"];
  }),
);

test(
  "a client whose idle connection the broker closed connects again",
  options,
  withBroker(async (broker, path) => {
    const client = await connect(path);
    await broker.run("client = daemon.client()");
    while ((await broker.run("value = client.status().connections")) !== 1);
    assert.equal((await client.status()).liveProcesses, 1n);
    const idle = await connect(path);
    while ((await broker.run("value = client.status().connections")) !== 2);
    const stream = idle.events({ snapshot: true });
    assert.deepEqual(names(await take(stream, 1)), ["task 1"]);
    stream.close();
  }, 'daemon = make(directory, ["--request-seconds", "1"])'),
);

test(
  "the table is the broker's, wherever the connection is cut",
  options,
  withBroker(async (broker) => {
    await broker.run('relay = Relay(directory / "relay", daemon.path, limits=[None, 900, 2000, 3500, 5000])');
    const client = await connect(`${broker.directory}/relay`);
    const table = new LiveProcesses();
    const stream = client.events({ kinds: LiveProcesses.KINDS, snapshot: true });
    await stream.opened;
    await broker.run("relay.cut(); k = daemon.kernel");
    for (let pid = 1000; pid < 1100; ++pid) {
      await broker.run(`k.fork(${pid}); k.exec(${pid}, comm=b"n${pid}")`);
      if (pid % 3 === 0) await broker.run(`k.fork(${pid + 5000}, pid=${pid}, parent_tid=${pid}); k.end(${pid}, last=False)`);
      if (pid % 3 === 0) await broker.run(`k.end(${pid + 5000}, ${pid}, last=True)`);
      if (pid % 3 === 1) await broker.run(`k.uid(${pid}, real=${pid}, effective=0); k.sid(${pid})`);
    }
    await broker.run(`k.fork(${MARK})`);
    for await (const value of table.follow(stream)) if (isMark(value)) break;
    const rows = [...table].map(({ pid, id, uid, comm }) => [pid, id, uid, comm]);
    rows.sort((a, b) => Number(a[0]) - Number(b[0]));
    assert.deepEqual(rows, await broker.run("value = table(daemon)"));
    const mark = table.byPid(MARK);
    assert.equal(table.get(mark?.id ?? "")?.pid, MARK);
    assert.equal(table.has(`${MARK}-5`), false);
    assert.ok(mark && table.parentOf(mark)?.pid === 1);
  }),
);

test(
  "the status is the command's",
  options,
  withBroker(async (broker, path) => {
    const client = await connect(path);
    const stream = client.events();
    await stream.opened;
    await broker.run("daemon.kernel.fork(100)");
    await take(stream, 1);
    const status = await client.status();
    assert.deepEqual([status.connector.lost, status.events.fork, status.withheld], [0n, 1n, false]);
    const arguments_ = ["--socket", path, "status", "--json"];
    const printed = execFileSync(process.env["TASKBROKER"] ?? "", arguments_, { encoding: "utf8" });
    const due = JSON.parse(printed) as Record<string, unknown>;
    const have = JSON.parse(stringify(status)) as Record<string, unknown>;
    assert.deepEqual(Object.keys(have).sort(), Object.keys(due).sort());
    for (const key of ["uptime_ns", "broker_cpu_ns", "connections", "client_bytes", "feed_bytes", "connector", "clients"]) {
      assert.notEqual(have[key], undefined);
      due[key] = have[key];
    }
    assert.deepEqual(have, due);
    stream.close();
  }),
);

test(
  "exits without statistics, if the program asks for none",
  options,
  withBroker(async (broker, path) => {
    const client = await connect(path);
    const none = client.events({ kinds: ["exit"], groups: "none" });
    const cpu = client.events({ kinds: ["exit"], groups: ["cpu"] });
    await Promise.all([none.opened, cpu.opened]);
    await broker.run("daemon.kernel.fork(100); daemon.kernel.end(100)");
    const [without] = (await take(none, 1)) as [Exit];
    const [some] = (await take(cpu, 1)) as [Exit];
    assert.deepEqual([without.stats, without.exitCode], [null, 0]);
    assert.notEqual(some.stats?.cpu, null);
    assert.equal(some.stats?.io, null);
    none.close();
    cpu.close();
  }),
);

const LIVE = "daemon = make(directory, live=True)";

test(
  "statistics and samples",
  options,
  withBroker(async (broker, path) => {
    await broker.run("for tid in (1, 100): daemon.stats.live[tid] = tb_fields.Stats(ac_pid=tid, ac_tgid=tid, comm=b'live', cpu_run_virtual_total_ns=tid * 1000)");
    await broker.run("daemon.kernel.fork(100)");
    const client = await connect(path);
    const [live, gone, task] = await client.stats({ pids: [100, 4000], tids: [1] });
    assert.deepEqual([live?.pid, live?.comm, live?.stats?.cpu?.cpuRunVirtualTotalNs], [100, "live", 100_000n]);
    assert.deepEqual([gone?.gone, gone?.pid, gone?.stats], [true, 4000, null]);
    assert.equal(task?.stats?.cpu?.cpuRunVirtualTotalNs, 1000n);
    const stream = client.samples({ intervalMs: 100, groups: ["cpu"] });
    const [first] = (await take(stream, 1)) as [Sample];
    assert.deepEqual([first.full, first.samplesLost, first.spanNs], [true, 0n, null]);
    assert.deepEqual(first.tasks.map((sample) => [sample.pid, sample.stats?.io]).sort(), [[1, null], [100, null]]);
    await broker.run("k = daemon.kernel; k.stats(k.make_stats(100, comm=b'ended', ac_exitcode=9, ac_flag=0x20)); k.exit(100, code=9)");
    for await (const sample of stream) {
      const ended = sample.kind === "sample" ? sample.tasks.find((each) => each.ended) : undefined;
      if (!ended) continue;
      assert.deepEqual([ended.pid, ended.termination], [100, { exitCode: null, termSignal: 9, coreDumped: false }]);
      break;
    }
    assert.throws(() => client.samples({ groups: ["processor" as "cpu"] }), /no group of statistics/);
  }, LIVE),
);

test(
  "poll() takes what is there, and a closed stream says so",
  options,
  withBroker(async (broker, path) => {
    const stream = (await connect(path)).events({ kinds: ["fork"] });
    await stream.opened;
    assert.deepEqual(stream.poll(), []);
    await broker.run("daemon.kernel.fork(100)");
    let found: StreamValue[] = [];
    while (found.length === 0) {
      await new Promise((resolve) => setImmediate(resolve));
      found = stream.poll();
    }
    assert.deepEqual(names(found), ["fork 100"]);
    stream.close();
    assert.throws(() => stream.poll(), ConnectionClosed);
  }),
);
