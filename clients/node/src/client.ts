// SPDX-License-Identifier: Apache-2.0
//
// The client: where programs begin.
//
// It keeps one idle connection for its next stream or question, which does not keep the program running. Each stream
// has a connection of its own, so that a stream that is read slowly delays no other.

import type { MessageInitShape } from "@bufbuild/protobuf";
import { IdleConnection, resolvePath } from "./connection.js";
import { BrokerError, ConnectionClosed, errorOf } from "./errors.js";
import { encodeRequest, type ClientInfo, type ClientMessageSchema, type Incoming, type Welcome } from "./protocol.js";
import {
  eventsRequest,
  samplesRequest,
  type EventsOptions,
  type SamplesOptions,
  type StreamOptions,
  type StreamRequest,
} from "./requests.js";
import { Session } from "./session.js";
import { statusOf, type Status } from "./status.js";
import { Stream } from "./stream.js";
import { TaskSample, type Link, type Sample, type StreamValue } from "./values.js";

const ANSWER_MS = 60_000;

/** The options of connect(). */
export interface ConnectOptions {
  /** The path of the socket. Without it: `$TASKBROKER_SOCKET`, or `/run/taskbroker.sock`. */
  readonly path?: string;
  /** The name of this program, for `taskbroker status`. */
  readonly name?: string;
  /** The version of this program. */
  readonly version?: string;
  /** Gives up connecting. */
  readonly signal?: AbortSignal;
}

/** A question that is answered once. */
type Question = NonNullable<MessageInitShape<typeof ClientMessageSchema>["body"]>;

/** A client of one broker. Its streams outlive it. */
export class Client {
  /** The path of the socket. */
  readonly path: string;
  /** The Welcome of the last connection of the client itself. */
  welcome: Welcome;

  readonly #info: ClientInfo | undefined;
  #idle: IdleConnection | undefined;
  #asked = false;
  #requestId = 0n;
  #turn: Promise<unknown> = Promise.resolve();

  /** @internal */
  constructor(path: string, idle: IdleConnection, info: ClientInfo | undefined) {
    this.path = path;
    this.#info = info;
    this.#idle = idle;
    this.welcome = idle.welcome;
  }

  /**
   * Subscribes to events. Without `kinds`: fork, exec and exit. Losses always come too.
   *
   * With `snapshot` the live tasks come first. After a loss of this reader they come again, behind a Link with the state
   * `restarted`; not with `resync: false`. With `strict` such a loss is the error FellBehind instead.
   */
  events(options: EventsOptions = {}): Stream<StreamValue> {
    return this.#stream(eventsRequest(options), options, options.resync ?? true);
  }

  /** Subscribes to samples: at each interval the totals of the tasks that ran, started or ended. */
  samples(options: SamplesOptions = {}): Stream<Sample | Link> {
    return this.#stream(samplesRequest(options), options, false);
  }

  /** The statistics of processes and of single tasks up to now, in the order of the question. */
  async stats(options: { readonly pids?: readonly number[]; readonly tids?: readonly number[] }): Promise<TaskSample[]> {
    const value = { pids: [...(options.pids ?? [])], tids: [...(options.tids ?? [])] };
    return this.#ask({ case: "getTaskStats", value }, (incoming, id) =>
      incoming.type === "stats" && incoming.reply.requestId === id
        ? incoming.reply.samples.map((task) => new TaskSample(task))
        : undefined,
    );
  }

  /** The counters of the broker. */
  async status(): Promise<Status> {
    return this.#ask({ case: "getBrokerStatus", value: {} }, (incoming, id) => {
      const body = incoming.type === "other" ? incoming.message.body : undefined;
      return body?.case === "brokerStatus" && body.value.requestId === id ? statusOf(body.value) : undefined;
    });
  }

  /** Asks for a sign of life. Returns the broker's time, in nanoseconds since 1970. */
  async ping(): Promise<bigint> {
    return this.#ask({ case: "ping", value: {} }, (incoming, id) => {
      const body = incoming.type === "other" ? incoming.message.body : undefined;
      return body?.case === "pong" && body.value.requestId === id ? body.value.timeNs : undefined;
    });
  }

  /** Closes the idle connection. Streams stay open. */
  close(): void {
    this.#idle?.connection.close();
    this.#idle = undefined;
  }

  /** For `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    this.close();
    return Promise.resolve();
  }

  // -- connections ------------------------------------------------------------------------

  #stream<V extends StreamValue | Sample>(request: StreamRequest, options: StreamOptions, resync: boolean): Stream<V> {
    const session = new Session(request, this.#info, options.reconnect ?? true, resync);
    return new Stream<V>(this.path, session, this.#take(), options.signal);
  }

  /** A connection for a new stream: the idle one if it is still good. */
  async #take(): Promise<IdleConnection> {
    const idle = this.#asked ? undefined : this.#idle;
    if (idle) {
      this.#idle = undefined;
      if (await idle.isGood()) return idle;
      idle.connection.close();
    }
    return IdleConnection.open(this.path);
  }

  /** Sends a question and waits for its answer. Questions follow each other. */
  #ask<T>(body: Question, answer: (incoming: Incoming, requestId: bigint) => T | undefined): Promise<T> {
    const asked = this.#turn.then(() => this.#askNow(body, answer));
    this.#turn = asked.catch(() => undefined);
    return asked;
  }

  /** A connection that the broker closed meanwhile is replaced once. */
  async #askNow<T>(body: Question, answer: (incoming: Incoming, requestId: bigint) => T | undefined): Promise<T> {
    for (let last = false; ; last = true) {
      this.#asked = true;
      let fresh = false;
      if (!this.#idle || !(await this.#idle.isGood())) {
        this.close();
        this.#idle = await IdleConnection.open(this.path);
        this.welcome = this.#idle.welcome;
        fresh = true;
      }
      try {
        return await this.#exchange(this.#idle, body, answer);
      } catch (e) {
        if (!(e instanceof BrokerError) || e.closing) this.close();
        if (last || fresh || !(e instanceof ConnectionClosed)) throw e;
      }
    }
  }

  async #exchange<T>(
    { connection }: IdleConnection,
    body: Question,
    answer: (incoming: Incoming, requestId: bigint) => T | undefined,
  ): Promise<T> {
    const requestId = ++this.#requestId;
    connection.keepsRunning = true;
    connection.write(encodeRequest({ requestId, body }, this.#info));
    try {
      for (;;) {
        const incoming = await connection.read(ANSWER_MS);
        const found = answer(incoming, requestId);
        if (found !== undefined) return found;
        const other = incoming.type === "other" ? incoming.message.body : undefined;
        if (other?.case === "error" && (other.value.closing || other.value.requestId === requestId)) {
          throw errorOf(other.value);
        }
      }
    } finally {
      connection.keepsRunning = false;
      connection.resume();
    }
  }
}

/** Connects to the broker: on a path, on `$TASKBROKER_SOCKET`, or on `/run/taskbroker.sock`. */
export async function connect(options: ConnectOptions | string = {}): Promise<Client> {
  const { path, name, version, signal }: ConnectOptions = typeof options === "string" ? { path: options } : options;
  const resolved = resolvePath(path);
  const info = name ? { name, version: version ?? "" } : undefined;
  return new Client(resolved, await IdleConnection.open(resolved, signal), info);
}
