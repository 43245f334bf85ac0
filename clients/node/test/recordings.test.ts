// SPDX-License-Identifier: Apache-2.0
// The command of the package against the recordings of the conformance kit, and against the command `taskbroker`.

import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { SKIP, TIMEOUT, withBroker } from "./broker.js";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
const CLI = `${ROOT}/clients/node/dist/cli.js`;
const MARK = 31337;

test("all recordings, sent in all ways", { timeout: 10 * TIMEOUT }, async () => {
  const command = ["--check", "--table", "--cuts", "2", "--", process.execPath, CLI, "--json", "--table"];
  const run = promisify(execFile)("/usr/bin/python3", [`${ROOT}/tests/vectors/replay.py`, ...command]);
  const { stdout } = await run.catch((e: unknown) => e as { stdout: string });
  assert.match(stdout, /^[1-9]\d* passed, 0 failed\n$/);
});

/** The objects that a command prints up to the mark. */
async function printed(path: string, command: string, args: string[]): Promise<Record<string, unknown>[]> {
  const env = { ...process.env, TASKBROKER_SOCKET: path };
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "inherit"], env });
  const out: Record<string, unknown>[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    out.push(JSON.parse(line) as Record<string, unknown>);
    if (out.at(-1)?.["kind"] === "fork" && out.at(-1)?.["pid"] === MARK) break;
  }
  child.kill();
  return out;
}

const MANY_THINGS = `
k = daemon.kernel
cc = dict(cmdline=b"cc\\0-c\\0a b.c\\0", exe=b"/usr/bin/cc", cgroup=b"0::/build\\n")
k.fork(100, comm=b"a\\\\b")
k.exec(100, comm=b"caf\\xc3\\xa9", program=cc)
k.exec(100, comm=b"\\xff\\\\x", program=dict(cc, cmdline=b"cc\\0\\xff\\0\\0tail"))
k.fork(101, pid=100, parent_tid=100)
k.comm(101, 100, comm=b"worker")
k.uid(100, real=5, effective=0)
k.gid(100, real=6, effective=7)
k.sid(100)
k.ptrace(100, tracer_tid=1, tracer_pid=1)
k.coredump(100)
k.fork(777, parent_tid=555)
k.exec(778)
k.exit(779)
k.end(100, last=False, code=3 << 8)
stats = k.make_stats(101, 100, b"worker", ac_exitcode=139, ac_flag=0x20)
k.stats(stats, group=k.make_stats(100, 100))
k.exit(101, 100, code=139)
k.fork(102)
k.exit(102, code=9)
k.mark(5)
k.fork(${MARK})`.trim();

for (const options of [[], ["--threads"], ["--threads", "--args"]]) {
  test(
    `prints as the command does: ${options.join(" ") || "processes"}`,
    { skip: SKIP, timeout: TIMEOUT },
    withBroker(async (broker, path) => {
      const args = ["-e", "all", "--snapshot", ...options];
      const command = printed(path, process.env["TASKBROKER"] ?? "", ["watch", "--json", ...args]);
      const own = printed(path, process.execPath, [CLI, ...args]);
      await broker.run("client = daemon.client()");
      while ((await broker.run("value = client.status().subscribers")) !== 2);
      await broker.run(MANY_THINGS);
      const [due, have] = await Promise.all([command, own]);
      for (const object of [...due, ...have]) {
        // each has a snapshot of its own
        if (object["kind"] === "snapshot_end") delete object["time_ns"];
      }
      assert.deepEqual(have, due);
      assert.deepEqual(have.map(Object.keys), due.map(Object.keys), "the order of the keys");
    }),
  );
}
