// SPDX-License-Identifier: Apache-2.0
//
// Prints each process that ends, with its processor time and its status.

import { connect } from "taskbroker";

const client = await connect();
for await (const event of client.events({ kinds: ["exit"] })) {
  if (event.kind === "loss") console.log("lost:", event.count ?? "unknown", event.source);
  if (event.kind !== "exit") continue;
  const cpu = event.stats?.cpu;
  const used = cpu ? `${(Number(cpu.cpuRunVirtualTotalNs) / 1e6).toFixed(3)} ms` : "unknown time";
  const end = event.termSignal ? `signal ${event.termSignal}` : `status ${event.exitCode ?? "unknown"}`;
  console.log(event.pid, event.comm ?? "unknown name", used, end);
}
