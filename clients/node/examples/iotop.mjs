// SPDX-License-Identifier: Apache-2.0
//
// Shows every second the processes that read or wrote storage.

import { connect } from "taskbroker";

/** @type {Map<string, { read: bigint, written: bigint }>} */
let before = new Map();
const client = await connect();
for await (const sample of client.samples({ intervalMs: 1000, groups: ["io"] })) {
  if (sample.kind === "link") {
    console.log(`the connection is ${sample.state}`);
    continue;
  }
  /** @type {typeof before} */
  const now = sample.full ? new Map() : before;
  const rows = [];
  for (const task of sample.tasks) {
    const io = task.stats?.io;
    // without an identity, or without figures, there is no difference to show
    if (task.id === null || !io) continue;
    const total = { read: io.readBytes, written: io.writeBytes };
    const last = before.get(task.id);
    if (task.ended) now.delete(task.id);
    else now.set(task.id, total);
    if (!last || (total.read === last.read && total.written === last.written)) continue;
    rows.push({ pid: task.pid, read: total.read - last.read, written: total.written - last.written, name: task.comm });
  }
  before = now;
  console.table(rows);
}
