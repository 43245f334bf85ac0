// SPDX-License-Identifier: Apache-2.0
//
// The errors of the package. Each error code of the broker has a class of its own.
//
// Losses of events are no errors: they are values of a stream, in their place.

import type { Error as ErrorMessage } from "./gen/taskbroker/v1/broker_pb.js";

/** The base of all errors of this package. */
export class TaskbrokerError extends Error {
  override get name(): string {
    return this.constructor.name;
  }
}

/** There is no connection to the broker. */
export class ConnectError extends TaskbrokerError {
  /** The reason, as Node.js names it: `ENOENT`, `ECONNREFUSED`, `EACCES`. */
  readonly code: string;

  constructor(message: string, code: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** The broker closed the connection, and the stream does not reconnect. */
export class ConnectionClosed extends TaskbrokerError {}

/** The program that listens on the socket does not speak the protocol of taskbrokerd. */
export class ProtocolError extends TaskbrokerError {}

/** The broker refused a request, or gave the reason why it closed the connection. */
export class BrokerError extends TaskbrokerError {
  /** The number of the error: `ErrorCode` of "taskbroker/protocol". */
  readonly code: number;
  /** The path of the invalid field of the request, such as `subscribe.max_delay_ms`; null: no field. */
  readonly field: string | null;
  /** The broker closes the connection. */
  readonly closing: boolean;
  /** The number of events that a strict stream lost. */
  readonly lost: bigint | null;

  constructor(error: Pick<ErrorMessage, "code" | "message" | "field" | "closing" | "lost">) {
    super(error.message || `The broker sent the error ${String(error.code)}.`);
    this.code = error.code;
    this.field = error.field || null;
    this.closing = error.closing;
    this.lost = error.lost || null;
  }

  /** Whether the same request can succeed on a later connection. */
  get retryable(): boolean {
    return false;
  }
}

/** The input was no frame. */
export class BadFrame extends BrokerError {}

/** The request was too large. */
export class TooLarge extends BrokerError {}

/** The request was no ClientMessage. */
export class BadMessage extends BrokerError {}

/** The broker is older than this request, and does not know a field of it. */
export class UnknownField extends BrokerError {}

/** A value is not valid; `field` names it. */
export class BadValue extends BrokerError {}

/** A strict stream was read too slowly; `lost` is the number of lost events. */
export class FellBehind extends BrokerError {}

/** The broker no longer has the place where the stream was to continue. */
export class ResumeImpossible extends BrokerError {}

/** The user has reached a quota; the text names it. */
export class QuotaReached extends BrokerError {}

/** The client may not make this request. */
export class NotPermitted extends BrokerError {}

/** The rights of clients have changed: connect again. */
export class AccessChanged extends BrokerError {}

class RetryableError extends BrokerError {
  override get retryable(): boolean {
    return true;
  }
}

/** A limit of the broker is reached; the text names it. */
export class LimitReached extends RetryableError {}

/** A request stayed incomplete for too long. */
export class RequestTimeout extends RetryableError {}

/** The broker is stopping. */
export class Stopping extends RetryableError {}

/** The client left too many replies unread. */
export class UnreadReplies extends RetryableError {}

/** The class of each error code. */
export const ERROR_CLASSES: ReadonlyMap<number, typeof BrokerError> = new Map<number, typeof BrokerError>([
  [1, BadFrame],
  [2, TooLarge],
  [3, BadMessage],
  [4, UnknownField],
  [5, BadValue],
  [7, LimitReached],
  [8, FellBehind],
  [9, RequestTimeout],
  [10, Stopping],
  [11, UnreadReplies],
  [12, ResumeImpossible],
  [13, QuotaReached],
  [14, NotPermitted],
  [15, AccessChanged],
]);

/** Makes the error of an Error message. A later protocol can have other codes. */
export function errorOf(error: ErrorMessage): BrokerError {
  return new (ERROR_CLASSES.get(error.code) ?? BrokerError)(error);
}

/** Makes the error of a failed connect, with the remedy in its text. */
export function connectErrorOf(path: string, cause: unknown): ConnectError {
  const code = cause instanceof Error && "code" in cause && typeof cause.code === "string" ? cause.code : "UNKNOWN";
  const made = (text: string): ConnectError => new ConnectError(text, code, { cause });
  switch (code) {
    case "ENOENT":
    case "ECONNREFUSED":
      return made(`No broker listens on ${path}: start taskbrokerd, or name its socket with TASKBROKER_SOCKET.`);
    case "EACCES":
    case "EPERM":
      return made(`You may not connect to ${path}: ask the administrator of this machine to let you in.`);
    case "EAGAIN":
    case "ETIMEDOUT":
      return made(`The broker on ${path} did not take the connection in time: it hangs, or too many connect at once.`);
    case "EPROTOTYPE":
    case "ENOTSOCK":
    case "ENOTDIR":
      return made(`${path} is not a socket of taskbrokerd.`);
    default:
      return made(`Cannot connect to the broker on ${path}: ${cause instanceof Error ? cause.message : String(cause)}.`);
  }
}
