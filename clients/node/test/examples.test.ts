// SPDX-License-Identifier: Apache-2.0
// The examples, with a real broker on a made-up kernel.

import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { SKIP, TIMEOUT, withBroker, type Broker } from "./broker.js";

const EXAMPLES = fileURLToPath(new URL("../examples/", import.meta.url));
const options = { skip: SKIP, timeout: TIMEOUT };

interface Example {
  child: ChildProcess;
  lines: AsyncIterator<string>;
}

function example(name: string, path: string): Example {
  const env = { ...process.env, TASKBROKER_SOCKET: path, PORT: "0" };
  const child = spawn(process.execPath, [`${EXAMPLES}${name}`], { stdio: ["ignore", "pipe", "inherit"], env });
  // a test that fails leaves nothing behind
  process.once("exit", () => child.kill());
  return { child, lines: createInterface({ input: child.stdout })[Symbol.asyncIterator]() };
}

async function line({ lines }: Example): Promise<string> {
  const next = await lines.next();
  assert.ok(!next.done, "the example ended");
  return next.value;
}

async function stop({ child }: Example): Promise<void> {
  const closed = once(child, "close");
  child.kill();
  await closed;
}

/** Waits until the broker counts something. */
async function waitFor(broker: Broker, counter: string): Promise<void> {
  await broker.run("client = daemon.client()");
  while ((await broker.run(`value = client.status().${counter}`)) === 0);
}

test(
  "watch.mjs prints each end",
  options,
  withBroker(async (broker, path) => {
    const watch = example("watch.mjs", path);
    await waitFor(broker, "subscribers");
    await broker.run('k = daemon.kernel; k.fork(100); k.end(100, comm=b"ended", code=3 << 8); k.exit(779)');
    assert.match(await line(watch), /^100 ended [\d.]+ ms status 3$/);
    assert.match(await line(watch), /^779 unknown name unknown time status 0$/);
    await stop(watch);
  }),
);

const LIVE = "daemon = make(directory, live=True)";

test(
  "iotop.mjs shows the process that writes",
  options,
  withBroker(async (broker, path) => {
    const write = (n: number): Promise<unknown> =>
      broker.run(
        `daemon.stats.live[1] = tb_fields.Stats(ac_pid=1, ac_tgid=1, comm=b"writer", cpu_run_virtual_total_ns=${n}, write_bytes=${n} << 20)`,
      );
    await write(1);
    const iotop = example("iotop.mjs", path);
    await waitFor(broker, "service.sample_subscribers");
    let text = "";
    for (let n = 2; !/\b1\b.*writer|writer.*\b1\b/.test(text); ++n) {
      await write(n);
      text = await line(iotop);
    }
    await stop(iotop);
  }, LIVE),
);

test(
  "page.mjs sends events to the browser",
  options,
  withBroker(async (broker, path) => {
    const page = example("page.mjs", path);
    const address = await line(page);
    const html = await (await fetch(address)).text();
    assert.match(html, /new EventSource\("events"\)/);
    const events = await fetch(`${address}events`);
    assert.equal(events.headers.get("content-type"), "text/event-stream");
    assert.ok(events.body);
    await waitFor(broker, "subscribers");
    await broker.run('daemon.kernel.fork(100); daemon.kernel.exec(100, comm=b"shown")');
    let text = "";
    for await (const chunk of events.body) {
      text += Buffer.from(chunk as Uint8Array).toString();
      if (text.includes('"kind":"exec"') && text.includes("data: 2 processes\n")) break;
    }
    const data = /^data: (\{"kind":"exec".*)$/m.exec(text)?.[1];
    const event = JSON.parse(data ?? "") as { pid: number; comm: string };
    assert.deepEqual([event.pid, event.comm], [100, "shown"]);
    await stop(page);
  }),
);
