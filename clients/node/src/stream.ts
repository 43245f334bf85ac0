// SPDX-License-Identifier: Apache-2.0
//
// The stream: a session with a socket, for `for await`.
//
// It owns the connection, and waits for it or for the time of the next attempt to connect. It reads only when values
// are asked for: what the program does not take stays in the socket, and then in the broker.

import { Connection, type IdleConnection } from "./connection.js";
import { ConnectionClosed, connectErrorOf } from "./errors.js";
import type { FilterStarts, Welcome } from "./protocol.js";
import type { Session } from "./session.js";
import type { Sample, StreamValue } from "./values.js";

interface Waiter<V> {
  resolve(result: IteratorResult<V, undefined>): void;
  reject(error: unknown): void;
}

const DONE: IteratorReturnResult<undefined> = { done: true, value: undefined };

/**
 * The values of a subscription: `for await (const value of stream)`.
 *
 * It begins at once. It ends when the loop is left, with close(), or with an error: of the broker, of the signal, or of
 * the connection if it does not reconnect.
 */
export class Stream<V extends StreamValue | Sample> implements AsyncIterableIterator<V> {
  /** Settles when the broker has accepted the subscription, or refused it. Values come from then on. */
  readonly opened: Promise<void>;

  readonly #path: string;
  readonly #session: Session;
  #connection: Connection | undefined;
  #connecting = true;
  #timer: NodeJS.Timeout | undefined;
  #waiters: Waiter<V>[] = [];
  #over = false;
  #settleOpened: { resolve(): void; reject(error: unknown): void } | undefined;
  readonly #signal: AbortSignal | undefined;
  readonly #onAbort = (): void => {
    this.#finish(this.#signal?.reason);
  };

  /** @internal */
  constructor(path: string, session: Session, first: Promise<IdleConnection>, signal: AbortSignal | undefined) {
    this.#path = path;
    this.#session = session;
    this.#signal = signal;
    this.opened = new Promise((resolve, reject) => {
      this.#settleOpened = { resolve, reject };
    });
    // nobody needs to look at it: next() has the error too
    this.opened.catch(() => undefined);
    first.then(
      (idle) => {
        this.#connecting = false;
        if (session.failed) {
          idle.connection.close();
          return;
        }
        session.begin(idle.welcome);
        this.#attach(idle.connection);
      },
      (e: unknown) => {
        this.#connecting = false;
        session.fail(e);
        this.#wake();
      },
    );
    if (signal?.aborted) this.#onAbort();
    else signal?.addEventListener("abort", this.#onAbort, { once: true });
  }

  /** The Welcome of the present connection, or of the last one. */
  get welcome(): Welcome | undefined {
    return this.#session.welcome;
  }

  /** The processes that the numbers of the filter name. */
  get starts(): FilterStarts | undefined {
    return this.#session.starts;
  }

  // -- moving bytes -----------------------------------------------------------------------

  #attach(connection: Connection): void {
    this.#connection = connection;
    connection.keepsRunning = true;
    connection.onData = () => this.#read(connection);
    connection.onEnd = () => {
      this.#disconnect(connection);
    };
    if (this.#read(connection)) connection.resume();
    if (connection.ended) this.#disconnect(connection);
  }

  /** Takes what was received. Returns whether to read more. */
  #read(connection: Connection): boolean {
    const session = this.#session;
    session.receive(connection.frames);
    // the last message of the broker may be in the socket already: it is read before this writes to a closed one
    if (session.outgoing.length > 0) setImmediate(() => {
      this.#send(connection);
    });
    if (session.drop) {
      this.#disconnect(connection);
      return false;
    }
    if (session.failed) this.#release();
    this.#wake();
    return !session.failed && session.empty;
  }

  #send(connection: Connection): void {
    if (connection !== this.#connection || connection.ended) return;
    const outgoing = this.#session.outgoing;
    this.#session.outgoing = [];
    for (const frame of outgoing) connection.write(frame);
  }

  #release(): void {
    this.#connection?.close();
    this.#connection = undefined;
  }

  #disconnect(connection: Connection): void {
    if (connection !== this.#connection) return;
    this.#release();
    if (this.#session.closed(connection.frames.partial)) this.#later();
    this.#wake();
  }

  #later(): void {
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (this.#session.empty) this.#connect();
    }, this.#session.nextWait());
  }

  #connect(): void {
    this.#connecting = true;
    Connection.open(this.#path).then(
      (connection) => {
        this.#connecting = false;
        if (this.#session.failed) {
          connection.close();
          return;
        }
        this.#session.connected();
        this.#attach(connection);
      },
      (e: unknown) => {
        this.#connecting = false;
        if (this.#session.failed) return;
        const code = e instanceof Error && "code" in e ? e.code : undefined;
        if (code === "EACCES" || code === "EPERM") {
          this.#session.fail(connectErrorOf(this.#path, e));
          this.#wake();
        } else {
          this.#later();
        }
      },
    );
  }

  /** All values were taken: goes on. */
  #advance(): void {
    if (this.#connection) this.#connection.resume();
    else if (!this.#connecting && !this.#timer && !this.#session.failed) this.#connect();
  }

  // -- handing out values -----------------------------------------------------------------

  /** Hands out values, or the end, to those that wait. */
  #wake(): void {
    const session = this.#session;
    if (session.subscribed) this.#settleOpened?.resolve();
    else if (session.failed) this.#settleOpened?.reject(session.error);
    while (this.#waiters.length > 0 && (!session.empty || session.failed)) {
      const waiter = this.#waiters.shift();
      if (!session.empty) waiter?.resolve({ done: false, value: session.take() as V });
      else if (this.#over) waiter?.resolve(DONE);
      else {
        this.#over = true;
        waiter?.reject(session.error);
      }
    }
    if (session.failed) this.#signal?.removeEventListener("abort", this.#onAbort);
  }

  /** The next value. */
  next(): Promise<IteratorResult<V, undefined>> {
    const session = this.#session;
    if (!session.empty) return Promise.resolve({ done: false, value: session.take() as V });
    if (this.#over) return Promise.resolve(DONE);
    return new Promise((resolve, reject) => {
      this.#waiters.push({ resolve, reject });
      if (session.failed) this.#wake();
      else this.#advance();
    });
  }

  /** Whether next() would wait: all values that have come were taken. */
  get idle(): boolean {
    return this.#session.empty;
  }

  /** Takes the values that have come, without waiting. For programs that draw at an interval. */
  poll(): V[] {
    const session = this.#session;
    if (session.empty && session.failed) throw session.error;
    const values = session.values.slice(session.head) as V[];
    session.values = [];
    session.head = 0;
    if (!session.failed) this.#advance();
    return values;
  }

  #finish(error: unknown): void {
    const session = this.#session;
    session.fail(error);
    session.values = [];
    session.head = 0;
    clearTimeout(this.#timer);
    this.#release();
    this.#wake();
  }

  /** Ends the subscription. */
  close(): void {
    this.#over = true;
    this.#finish(new ConnectionClosed("The stream was closed."));
  }

  /** Ends the subscription: called when a loop is left. */
  return(): Promise<IteratorReturnResult<undefined>> {
    this.close();
    return Promise.resolve(DONE);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** For `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    this.close();
    return Promise.resolve();
  }
}
