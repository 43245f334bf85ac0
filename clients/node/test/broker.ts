// SPDX-License-Identifier: Apache-2.0
// A real broker with a made-up kernel: test/broker.py, which takes statements of Python.

import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));

/** The reason why the tests with a broker are skipped; false: they run. */
export const SKIP = process.env["TASKBROKERD"] ? false : "TASKBROKERD does not name a built broker";

/** The answer to a wait that takes too long for any machine. */
export const TIMEOUT = 120_000;

export class Broker {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  /** A folder of its own. */
  directory = "";

  private constructor(child: ChildProcess, lines: AsyncIterator<string>) {
    this.#child = child;
    this.#lines = lines;
  }

  /** Begins with the broker `daemon`, or with what a statement makes. */
  static async start(statement = "daemon = make(directory)"): Promise<Broker> {
    const child = spawn("/usr/bin/python3", [`${ROOT}/clients/node/test/broker.py`], {
      stdio: ["pipe", "pipe", "inherit"],
      env: {
        ...process.env,
        PYTHONDONTWRITEBYTECODE: "1",
        PYTHONPATH: `${ROOT}/clients/python:${ROOT}/tests/lib`,
      },
    });
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const broker = new Broker(child, lines);
    broker.directory = (await broker.#answer()) as string;
    await broker.run(statement);
    return broker;
  }

  async #answer(): Promise<unknown> {
    const line = await this.#lines.next();
    if (line.done) throw new Error("the made-up kernel has ended");
    const answer = JSON.parse(line.value) as { value?: unknown; error?: string };
    if (answer.error) throw new Error(answer.error);
    return answer.value;
  }

  /** Runs statements, on one line. Returns the `value` that they set. */
  run(statements: string): Promise<unknown> {
    this.#child.stdin?.write(`${statements.replaceAll("\n", "; ")}\n`);
    return this.#answer();
  }

  /** The path of the socket of a broker. */
  async path(daemon = "daemon"): Promise<string> {
    return (await this.run(`value = str(${daemon}.path)`)) as string;
  }

  /** Ends all brokers, and holds them to a clean end. */
  async stop(): Promise<void> {
    this.#child.stdin?.end();
    const [code] = (await once(this.#child, "close")) as [number | null];
    if (code !== 0) throw new Error(`the made-up kernel ended with ${String(code)}`);
  }
}

/** Runs a test with a broker of its own. */
export function withBroker(
  test: (broker: Broker, path: string) => Promise<void>,
  statement?: string,
): () => Promise<void> {
  return async () => {
    const broker = await Broker.start(statement);
    try {
      await test(broker, await broker.path());
    } finally {
      await broker.stop();
    }
  };
}
