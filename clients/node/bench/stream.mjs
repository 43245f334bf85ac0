// SPDX-License-Identifier: Apache-2.0
//
// Measures the package: processor time an event, from a recording that is played at full speed.
//
//     node bench/stream.mjs [REPEATS]
//
// A child sends the batches of the recording `storm` again and again. Only the reader's time counts. Each way of reading
// has a process of its own.

import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { connect, ConnectionClosed, LiveProcesses } from "taskbroker";
import { decodeMessage } from "../dist/protocol.js";

const SELF = fileURLToPath(import.meta.url);
const STORM = fileURLToPath(new URL("../../../tests/vectors/storm/", import.meta.url));

/** @typedef {import("taskbroker").StreamValue} StreamValue */

/**
 * The child plays the recording to one client, with its batches many times.
 * @param {string} path
 * @param {number} repeats
 */
function serve(path, repeats) {
  const script = /** @type {{ sessions: number[][] }} */ (JSON.parse(readFileSync(`${STORM}script.json`, "utf8")));
  const data = readFileSync(`${STORM}frames.bin`);
  let at = 0;
  const pieces = (script.sessions[0] ?? []).map((n) => Buffer.from(data.subarray(at, (at += n))));
  /** @param {Buffer} piece */
  const isBatch = (piece) => {
    const begin = piece.findIndex((byte) => byte < 0x80) + 1;
    return decodeMessage(piece, begin, piece.length).type === "events";
  };
  const [welcome, ...answer] = pieces.filter((piece) => !isBatch(piece));
  const batches = Buffer.concat(pieces.filter(isBatch));
  /** @param {import("node:net").Socket} socket */
  const play = async (socket) => {
    socket.write(welcome ?? "");
    await once(socket, "data");
    socket.write(Buffer.concat(answer));
    for (let i = 0; i < repeats; ++i) {
      if (!socket.write(batches)) await once(socket, "drain");
    }
    socket.end();
  };
  const server = createServer((socket) => {
    server.close();
    void play(socket);
  });
  server.listen(path, () => process.send?.("ready"));
}

const table = new LiveProcesses();
let total = 0n;

/**
 * The work for each value.
 * @type {Record<string, (value: StreamValue) => void>}
 */
const READERS = {
  iterate: () => undefined,
  "read fields": (event) => {
    if (event.kind === "exit") {
      total += event.stats?.cpu?.cpuRunVirtualTotalNs ?? 0n;
      if (!event.pid || event.comm === null || event.exitCode === null || !event.number) throw new Error("not known");
    } else if (event.kind === "fork" || event.kind === "exec") {
      if (!event.pid || event.comm === null || !event.timeNs || !event.number) throw new Error("not known");
    }
  },
  LiveProcesses: (value) => {
    table.apply(value);
  },
};

/**
 * @param {string} name
 * @param {string} repeats
 */
async function measure(name, repeats) {
  const directory = mkdtempSync(join(tmpdir(), "taskbroker-"));
  const path = join(directory, "socket");
  const child = fork(SELF, ["--serve", path, repeats]);
  await once(child, "message");
  const use = READERS[name] ?? (() => undefined);
  const stream = (await connect(path)).events({ snapshot: true, reconnect: false });
  const begin = process.cpuUsage();
  let n = 0;
  try {
    for await (const value of stream) {
      ++n;
      use(value);
    }
  } catch (e) {
    if (!(e instanceof ConnectionClosed)) throw e;
  }
  const used = process.cpuUsage(begin);
  rmSync(directory, { recursive: true });
  const us = ((used.user + used.system) / n).toFixed(2);
  const peak = (process.resourceUsage().maxRSS / 1024).toFixed(0);
  if (name === "read fields" && total === 0n) throw new Error("no exit had processor time");
  console.log(`${name.padEnd(16)} ${n} events ${us} us an event, ${peak} MiB at most`);
}

const [mode, name, repeats] = process.argv.slice(2);
if (mode === "--serve") serve(name ?? "", Number(repeats));
else if (mode === "--measure") await measure(name ?? "", repeats ?? "500");
else {
  for (const reader of Object.keys(READERS)) {
    const child = fork(SELF, ["--measure", reader, mode ?? "500"]);
    await once(child, "exit");
  }
}
