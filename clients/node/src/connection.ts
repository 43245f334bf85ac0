// SPDX-License-Identifier: Apache-2.0
//
// A connection: a socket, and the bytes that were received and not yet read.
//
// It reads from the socket only while its owner wants more. Bytes that nobody wants stay in the socket: so a slow
// program makes the broker wait, and then lose.

import { connect as connectSocket, type Socket } from "node:net";
import { connectErrorOf, ConnectionClosed, errorOf, ProtocolError } from "./errors.js";
import { FrameReader, type Incoming, type Welcome } from "./protocol.js";

const DEFAULT_PATH = "/run/taskbroker.sock";
const CONNECT_MS = 5_000;
const WELCOME_MS = 10_000;
const RETRY_MS = 10;
const RECEIVE_BYTES = 256 * 1024;
const MAX_PATH_BYTES = 107;

const CLOSED = "The broker closed the connection.";

/** The path of the socket: the given one, the variable's, or the usual one. */
export function resolvePath(path?: string): string {
  return path ?? (process.env["TASKBROKER_SOCKET"] || DEFAULT_PATH);
}

/** Holds the Welcome against what this package knows. */
export function checkWelcome(welcome: Welcome): Welcome {
  if (welcome.protocol === 1) return welcome;
  throw new ProtocolError("The broker speaks another version of the protocol; this package knows version 1.");
}

/** An open connection. */
export class Connection {
  readonly frames = new FrameReader();
  /** Called when bytes have come. Returns whether to read more. */
  onData: () => boolean = () => false;
  /** Called once, when no more bytes will come. */
  onEnd: () => void = () => undefined;
  /** No more bytes will come. */
  ended = false;
  readonly #socket: Socket;

  private constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** Connects to a path. The error is an error of Node.js, or a ConnectError if the path cannot be right. */
  static open(path: string): Promise<Connection> {
    return new Promise((resolve, reject) => {
      if (Buffer.byteLength(path) > MAX_PATH_BYTES) {
        reject(Object.assign(new Error("the path is longer than a socket's path may be"), { code: "ENAMETOOLONG" }));
        return;
      }
      const onread = {
        buffer: Buffer.allocUnsafe(RECEIVE_BYTES),
        callback: (n: number, buffer: Uint8Array): boolean => {
          made.frames.feed(buffer.subarray(0, n));
          return made.onData();
        },
      };
      const socket = connectSocket({ path, onread });
      const made = new Connection(socket);
      const failed = (e: Error): void => {
        reject(e);
      };
      socket.once("error", failed);
      socket.once("connect", () => {
        socket.off("error", failed);
        // an error is the end of the connection, as the end is
        socket.on("error", () => undefined);
        socket.once("end", () => {
          made.#end();
        });
        socket.once("close", () => {
          made.#end();
        });
        resolve(made);
      });
    });
  }

  #end(): void {
    if (this.ended) return;
    this.ended = true;
    this.#socket.destroy();
    this.onEnd();
  }

  /** Reads more, after onData() returned false. */
  resume(): void {
    this.#socket.resume();
  }

  write(frame: Uint8Array): void {
    this.#socket.write(frame);
  }

  /** Closes the connection, without a call of onEnd(). */
  close(): void {
    this.ended = true;
    this.#socket.destroy();
  }

  /** Whether the connection keeps the program running. */
  set keepsRunning(value: boolean) {
    if (value) this.#socket.ref();
    else this.#socket.unref();
  }

  /** Waits for the next message. */
  async read(ms: number): Promise<Incoming> {
    const state = { timedOut: false };
    let wake = (): void => undefined;
    const timer = setTimeout(() => {
      state.timedOut = true;
      wake();
    }, ms);
    this.onData = () => {
      wake();
      return false;
    };
    this.onEnd = () => {
      wake();
    };
    try {
      for (;;) {
        const message = this.frames.next();
        if (message) return message;
        if (this.ended) throw new ConnectionClosed(CLOSED);
        if (state.timedOut) throw new ConnectionClosed("The broker does not answer in time.");
        await new Promise<void>((resolve) => {
          wake = resolve;
          this.resume();
        });
      }
    } finally {
      clearTimeout(timer);
    }
  }
}

/** A connection whose Welcome was read, and which waits for its first request. */
export class IdleConnection {
  readonly connection: Connection;
  readonly welcome: Welcome;

  private constructor(connection: Connection, welcome: Welcome) {
    this.connection = connection;
    this.welcome = welcome;
    connection.keepsRunning = false;
    connection.onData = () => false;
    connection.onEnd = () => undefined;
    connection.resume();
  }

  /** Connects. A full queue of the listener is tried again for a while. */
  static async open(path: string, signal?: AbortSignal): Promise<IdleConnection> {
    const deadline = Date.now() + CONNECT_MS;
    for (;;) {
      signal?.throwIfAborted();
      try {
        return await IdleConnection.greet(await Connection.open(path));
      } catch (e) {
        const full = e instanceof Error && "code" in e && e.code === "EAGAIN";
        if (full && Date.now() < deadline) {
          await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
          continue;
        }
        throw e instanceof Error && "syscall" in e ? connectErrorOf(path, e) : e;
      }
    }
  }

  private static async greet(connection: Connection): Promise<IdleConnection> {
    try {
      const incoming = await connection.read(WELCOME_MS);
      const body = incoming.type === "other" ? incoming.message.body : undefined;
      if (body?.case === "error") throw errorOf(body.value);
      if (body?.case !== "welcome") throw new ProtocolError("The first message of the broker is not a Welcome.");
      return new IdleConnection(connection, checkWelcome(body.value));
    } catch (e) {
      connection.close();
      throw e;
    }
  }

  /** Whether the broker still waits. What has happened since is seen first. */
  async isGood(): Promise<boolean> {
    // two turns of the loop: the first may have passed its reading
    for (let i = 0; i < 2; ++i) await new Promise((resolve) => setImmediate(resolve));
    return !this.connection.ended && !this.connection.frames.partial;
  }
}
