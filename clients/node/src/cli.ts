#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
//
// The command of the package: prints events as JSON lines, as `taskbroker watch --json` does.

import { once } from "node:events";
import { parseArgs } from "node:util";
import { connect, KINDS, LiveProcesses, stringify, TaskbrokerError, type Kind } from "./index.js";

const HELP = `Usage: taskbroker-node [OPTION]...
Prints events as JSON lines, in the form of taskbroker watch --json.

  --socket PATH          the broker's socket
  -e, --events KIND,...  these kinds: ${Object.keys(KINDS).join(", ")}, all
  --threads              threads too, not only processes
  --snapshot             first the tasks that are alive
  --args                 command lines too
  --strict               end as soon as this reader lost events
  --table                at the end of the stream the live processes, as one line
  --json                 the form of the output; there is no other
  -h, --help             print this text
`;

const OPTIONS = {
  socket: { type: "string" },
  events: { type: "string", short: "e", default: "" },
  threads: { type: "boolean", default: false },
  snapshot: { type: "boolean", default: false },
  args: { type: "boolean", default: false },
  strict: { type: "boolean", default: false },
  table: { type: "boolean", default: false },
  json: { type: "boolean", default: false },
  help: { type: "boolean", short: "h", default: false },
} as const;

/** Writes lines, and waits for a slow reader. */
class Output {
  #text = "";

  async line(text: string): Promise<void> {
    this.#text += `${text}\n`;
    if (this.#text.length > 64 * 1024) await this.flush();
  }

  async flush(): Promise<void> {
    const text = this.#text;
    this.#text = "";
    if (text && !process.stdout.write(text)) await once(process.stdout, "drain");
  }
}

function kindsOf(text: string): Kind[] {
  // events() refuses a name that is no kind
  return text === "all" ? (Object.keys(KINDS) as Kind[]) : (text.split(",").filter(Boolean) as Kind[]);
}

function tableLine(table: LiveProcesses): string {
  const processes = [...table].map(({ id, pid, uid, comm }) => ({ id, pid, uid, comm }));
  return stringify({ kind: "table", processes });
}

async function main(): Promise<number> {
  const { values: options } = parseArgs({ options: OPTIONS });
  if (options.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const table = new LiveProcesses();
  const output = new Output();
  try {
    const client = await connect(options.socket === undefined ? {} : { path: options.socket });
    const stream = client.events({
      kinds: kindsOf(options.events),
      threads: options.threads,
      snapshot: options.snapshot,
      programs: options.args,
      strict: options.strict,
      maxDelayMs: 50,
    });
    for await (const value of stream) {
      table.apply(value);
      await output.line(stringify(value));
      if (stream.idle) await output.flush();
    }
  } catch (e) {
    if (!(e instanceof TaskbrokerError || e instanceof TypeError)) throw e;
    if (options.table) await output.line(tableLine(table));
    await output.flush();
    process.stderr.write(`taskbroker-node: ${e.message}\n`);
    return 1;
  }
  return 0;
}

process.stdout.on("error", (e: NodeJS.ErrnoException) => {
  // a reader such as head has had enough
  process.exit(e.code === "EPIPE" ? 0 : 1);
});
process.exitCode = await main();
