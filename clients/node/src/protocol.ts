// SPDX-License-Identifier: Apache-2.0
//
// The door to the generated code: all other modules take the messages from here. A program that speaks the protocol
// by itself finds them in "taskbroker/protocol".

import { create, fromBinary, toBinary, type MessageInitShape } from "@bufbuild/protobuf";
import { ProtocolError } from "./errors.js";
import {
  readEventBatchData,
  readSamplePartData,
  readSnapshotPartData,
  readTaskStatsReplyData,
  type EventBatchData,
  type SamplePartData,
  type SnapshotPartData,
  type TaskStatsReplyData,
} from "./gen/decode.js";
import {
  ClientInfoSchema,
  ClientMessageSchema,
  ServerMessageSchema,
  type ServerMessage,
} from "./gen/taskbroker/v1/broker_pb.js";
import { Reader } from "./wire.js";

export * from "./gen/taskbroker/v1/broker_pb.js";
export * from "./gen/taskbroker/v1/event_pb.js";
export * from "./gen/taskbroker/v1/sample_pb.js";
export * from "./gen/taskbroker/v1/taskstats_pb.js";

const FIELDS = ServerMessageSchema.field;
const OFTEN: ReadonlySet<number> = new Set([
  FIELDS.eventBatch.number,
  FIELDS.snapshotPart.number,
  FIELDS.samplePart.number,
  FIELDS.taskStatsReply.number,
]);
const MAX_PREFIX = 5;

/** A message of the broker. Messages that come often are decoded by straight code. */
export type Incoming =
  | { type: "events"; batch: EventBatchData }
  | { type: "tasks"; part: SnapshotPartData }
  | { type: "sample"; part: SamplePartData }
  | { type: "stats"; reply: TaskStatsReplyData }
  | { type: "other"; message: ServerMessage };

/** The place of the message's body, if it is one that comes often. */
function bodyOf(r: Reader, end: number): { number: number; begin: number; end: number } | undefined {
  let found;
  while (r.pos < end) {
    const tag = r.uint32();
    if ((tag & 7) !== 2) {
      r.skip(tag, end);
      continue;
    }
    const last = r.length(end);
    if (OFTEN.has(tag >>> 3)) found = { number: tag >>> 3, begin: r.pos, end: last };
    r.pos = last;
  }
  r.finish(end);
  return found;
}

/** Decodes the message at a place of a buffer. */
export function decodeMessage(buf: Uint8Array, begin: number, end: number): Incoming {
  try {
    const r = new Reader(buf, begin);
    const body = bodyOf(r, end);
    r.pos = body?.begin ?? begin;
    switch (body?.number) {
      case FIELDS.eventBatch.number:
        return { type: "events", batch: readEventBatchData(r, body.end) };
      case FIELDS.snapshotPart.number:
        return { type: "tasks", part: readSnapshotPartData(r, body.end) };
      case FIELDS.samplePart.number:
        return { type: "sample", part: readSamplePartData(r, body.end) };
      case FIELDS.taskStatsReply.number:
        return { type: "stats", reply: readTaskStatsReplyData(r, body.end) };
      default:
        return { type: "other", message: fromBinary(ServerMessageSchema, buf.subarray(begin, end)) };
    }
  } catch (e) {
    throw new ProtocolError("The program that listens there sent a malformed message.", { cause: e });
  }
}

/** The name and the version of this program. */
export type ClientInfo = MessageInitShape<typeof ClientInfoSchema>;

/** The frame of a request. */
export function encodeRequest(
  request: MessageInitShape<typeof ClientMessageSchema>,
  info: ClientInfo | undefined,
): Uint8Array {
  const made = create(ClientMessageSchema, request);
  if (info) made.client = create(ClientInfoSchema, info);
  const message = toBinary(ClientMessageSchema, made);
  const prefix: number[] = [];
  let n = message.length;
  for (; n > 0x7f; n >>>= 7) prefix.push((n & 0x7f) | 0x80);
  prefix.push(n);
  return Buffer.concat([Uint8Array.from(prefix), message]);
}

/** Cuts the broker's bytes into messages. */
export class FrameReader {
  #buffer = Buffer.allocUnsafe(64 * 1024);
  #begin = 0;
  #end = 0;
  readonly #maxBytes = 1024 * 1024;

  /** Takes received bytes, which are copied. */
  feed(data: Uint8Array): void {
    const kept = this.#end - this.#begin;
    if (this.#buffer.length - this.#end < data.length) {
      const size = Math.max(this.#buffer.length, 2 * (kept + data.length));
      const target = size > this.#buffer.length ? Buffer.allocUnsafe(size) : this.#buffer;
      this.#buffer.copy(target, 0, this.#begin, this.#end);
      this.#buffer = target;
      this.#begin = 0;
      this.#end = kept;
    }
    this.#buffer.set(data, this.#end);
    this.#end += data.length;
  }

  /** Whether a part of a message is left. */
  get partial(): boolean {
    return this.#end > this.#begin;
  }

  /** The next whole message; undefined: more bytes are needed. */
  next(): Incoming | undefined {
    let length = 0;
    let at = this.#begin;
    for (let shift = 0; ; shift += 7) {
      if (at - this.#begin === MAX_PREFIX) throw new ProtocolError("The broker's bytes are not a frame of the protocol.");
      if (at === this.#end) return undefined;
      const byte = this.#buffer[at++] ?? 0;
      length += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) break;
    }
    if (length === 0) throw new ProtocolError("The broker's bytes are not a frame of the protocol.");
    if (length > this.#maxBytes) throw new ProtocolError("A frame is larger than the protocol allows.");
    if (this.#end - at < length) return undefined;
    this.#begin = at + length;
    return decodeMessage(this.#buffer, at, at + length);
  }
}
