// SPDX-License-Identifier: Apache-2.0
//
// The session: what outlives a connection. It has no socket.
//
// It takes the broker's messages and makes values of them, in the order of the protocol, and it queues the requests.
// After a lost connection it asks to continue at the place where the stream was. If the broker cannot do that, it
// subscribes anew. stream.ts moves the bytes and waits.

import { uptime } from "node:os";
import { checkWelcome } from "./connection.js";
import { ConnectionClosed, errorOf, ProtocolError, QuotaReached, ResumeImpossible } from "./errors.js";
import type { EventBatchData, EventData, SamplePartData } from "./gen/decode.js";
import {
  encodeRequest,
  LossSource,
  type ClientInfo,
  type Error as ErrorMessage,
  type FilterStarts,
  type FrameReader,
  type Incoming,
  type SubscribedSamples,
  type ServerMessage,
  type Subscribed,
  type Welcome,
} from "./protocol.js";
import type { StreamRequest } from "./requests.js";
import { EVENT_CLASSES, Link, Loss, Sample, SnapshotEnd, Task, TaskSample, type StreamValue } from "./values.js";

const FIRST_WAIT_MS = 100;
const LAST_WAIT_MS = 5_000;

const RESYNC_REASON = "Events were lost: the stream begins again with a new snapshot.";

/** The state of one stream. `error` is its end: it comes behind the values before it. */
export class Session {
  /** The values that were not yet taken; the first one is at `head`. */
  values: (StreamValue | Sample)[] = [];
  head = 0;
  outgoing: Uint8Array[] = [];
  failed = false;
  error: unknown;
  welcome: Welcome | undefined;
  starts: FilterStarts | undefined;
  subscribed = false;
  /** Close the connection, and connect again. */
  drop = false;

  readonly #request: StreamRequest;
  readonly #info: ClientInfo | undefined;
  readonly #reconnect: boolean;
  readonly #resync: boolean;
  #offsetNs = 0n;
  #welcomed = false;
  #requestId = 0n;
  #pending = 0n;
  #resuming = false;
  #epoch = 0n;
  #feed = 0n;
  #nextNumber = 0n;
  #resumable = false;
  #lost: Link | undefined;
  #closingText = "";
  #reason = "";
  #tries = 0;
  #parts: TaskSample[] = [];
  #samplesLost = 0n;

  constructor(request: StreamRequest, info: ClientInfo | undefined, reconnect: boolean, resync: boolean) {
    this.#request = request;
    this.#info = info;
    this.#reconnect = reconnect;
    this.#resync = resync && request.snapshot;
  }

  // -- for the stream -------------------------------------------------------------------

  get empty(): boolean {
    return this.head === this.values.length;
  }

  /** Takes the next value; there must be one. */
  take(): StreamValue | Sample {
    const value = this.values[this.head++];
    if (value === undefined) throw new RangeError("there is no value");
    if (this.head === this.values.length) {
      this.values = [];
      this.head = 0;
    }
    return value;
  }

  /** Begins on a connection whose Welcome was read. */
  begin(welcome: Welcome): void {
    this.#welcomed = true;
    this.#setWelcome(welcome);
    this.#subscribe(false);
  }

  /** A new connection is there. */
  connected(): void {
    this.#welcomed = false;
    this.outgoing = [];
    this.drop = false;
    this.#pending = 0n;
    this.#parts = [];
  }

  /** Takes the messages that were received. A fault becomes the error of the session. */
  receive(frames: FrameReader): void {
    try {
      while (!this.failed && !this.drop) {
        const incoming = frames.next();
        if (!incoming) return;
        this.#incoming(incoming);
      }
    } catch (e) {
      this.fail(e);
    }
  }

  /** The connection has ended. Returns whether to connect again. */
  closed(partial: boolean): boolean {
    if (this.failed) return false;
    const reason = this.#closingText || `The broker closed the connection${partial ? " in the middle of a message" : ""}.`;
    this.#closingText = "";
    if ((!this.#reconnect && !this.drop) || !(this.subscribed || this.#lost)) {
      this.fail(new ConnectionClosed(reason));
      return false;
    }
    if (!this.#lost) {
      const now = this.#now();
      this.#lost = new Link("lost", reason, now, now, null);
      // a stream that gives up its connection connects again at once
      this.#tries = this.drop ? -1 : 0;
      if (!this.drop) this.values.push(this.#lost);
    }
    return true;
  }

  /** The milliseconds until the next attempt to connect. */
  nextWait(): number {
    const tries = this.#tries++;
    return tries < 0 ? 0 : Math.min(LAST_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.min(tries, 16));
  }

  fail(error: unknown): void {
    if (this.failed) return;
    this.failed = true;
    this.error = error;
  }

  // -- time -------------------------------------------------------------------------------

  #setWelcome(welcome: Welcome): void {
    this.welcome = welcome;
    this.#offsetNs = welcome.realtimeOffsetNs;
  }

  /** The time now, on the scale of all times. */
  #now(): bigint {
    if (!this.welcome) return BigInt(Date.now()) * 1_000_000n;
    // The offset to the monotonic clock is exact until the machine is suspended. Then the uptime is, to 10 ms.
    const exact = process.hrtime.bigint() + this.#offsetNs;
    const coarse = BigInt(Math.round(uptime() * 1e3)) * 1_000_000n + this.welcome.bootEpochNs;
    return coarse - exact > 1_000_000_000n ? coarse : exact;
  }

  // -- messages ---------------------------------------------------------------------------

  #incoming(incoming: Incoming): void {
    const body = incoming.type === "other" ? incoming.message.body.case : undefined;
    if (!this.#welcomed && body !== "welcome" && body !== "error") {
      throw new ProtocolError("The first message of the broker is not a Welcome.");
    }
    switch (incoming.type) {
      case "events":
        this.#onEvents(incoming.batch);
        break;
      case "tasks":
        for (const task of incoming.part.tasks) this.values.push(new Task(task));
        break;
      case "sample":
        this.#onSample(incoming.part);
        break;
      case "stats":
        break;
      case "other":
        this.#onOther(incoming.message);
        break;
    }
  }

  /** A member of a later protocol is passed over. */
  #onOther(message: ServerMessage): void {
    switch (message.body.case) {
      case "welcome":
        this.#onWelcome(message.body.value);
        break;
      case "error":
        this.#onError(message.body.value, message.stream);
        break;
      case "subscribed":
        this.#onSubscribed(message.body.value);
        break;
      case "subscribedSamples":
        this.#onSampling(message.body.value);
        break;
      case "snapshotEnd":
        this.#resumable = true;
        this.values.push(new SnapshotEnd(message.body.value));
        break;
      case "sampleLoss":
        this.#parts = [];
        this.#samplesLost += message.body.value.count;
        break;
      case "named":
        // a number of the filter has got its process: a later subscription names the same one
        this.starts = message.body.value.starts;
        break;
    }
  }

  #subscribe(resume: boolean): void {
    const place = { epoch: this.#epoch, feed: this.#feed, nextNumber: this.#nextNumber };
    this.#pending = ++this.#requestId;
    this.#resuming = resume;
    const request = this.#request.message(this.#pending, this.starts, resume ? place : undefined);
    this.outgoing.push(encodeRequest(request, this.#info));
  }

  #onWelcome(welcome: Welcome): void {
    if (this.#welcomed) throw new ProtocolError("The broker sent a second Welcome.");
    this.#setWelcome(checkWelcome(welcome));
    this.#welcomed = true;
    const same = welcome.epoch === this.#epoch;
    if (!same) {
      this.#reason = "The broker was restarted.";
    } else if (this.#request.of === "samples") {
      this.#reason = "The samples of the time between are not known.";
    } else {
      this.#reason ||= "The connection broke before the subscription had begun.";
    }
    this.#subscribe(same && this.#resumable);
  }

  /** An Error with the number of the stream ends the stream, also if the connection stays open. */
  #onError(error: ErrorMessage, stream: number): void {
    const refused = this.#pending !== 0n && error.requestId === this.#pending;
    const made = errorOf(error);
    if (refused && this.#resuming && made instanceof ResumeImpossible) {
      this.#reason = "The broker had given up the stream by then.";
      this.#subscribe(false);
      return;
    }
    // a quota is for the program until the first answer; later it is free again when others leave
    const retryable = made.retryable || (made instanceof QuotaReached && this.subscribed);
    if (this.#lost && refused && retryable) {
      this.drop = true;
    } else if (!refused && error.closing && retryable && this.#reconnect) {
      this.#closingText = `The broker closed the connection: ${error.message}`;
    } else if (refused || error.closing || stream !== 0) {
      this.fail(made);
    }
  }

  /** An answer to the subscription: reports that the connection is back, if it was lost. */
  #answered(requestId: bigint): boolean {
    if (requestId !== this.#pending) return false;
    this.#pending = 0n;
    this.#epoch = this.welcome?.epoch ?? 0n;
    if (this.#lost) {
      const state = this.#resuming ? "resumed" : "restarted";
      const reason = this.#resuming ? null : this.#reason;
      this.values.push(new Link(state, reason, this.#now(), this.#lost.timeNs, Math.max(this.#tries, 0)));
      this.#lost = undefined;
    }
    this.#reason = "";
    this.subscribed = true;
    return true;
  }

  #onSubscribed(subscribed: Subscribed): void {
    if (!this.#answered(subscribed.requestId)) return;
    this.starts = subscribed.starts;
    this.#feed = subscribed.feed;
    this.#nextNumber = subscribed.nextNumber;
    this.#resumable = subscribed.resumed || !this.#request.snapshot;
  }

  #onSampling(sampling: SubscribedSamples): void {
    if (this.#answered(sampling.requestId)) this.starts = sampling.starts;
  }

  // -- events and samples -----------------------------------------------------------------

  #onEvents(batch: EventBatchData): void {
    const first = batch.firstNumber;
    this.#offsetNs = batch.realtimeOffsetNs || this.#offsetNs;
    let index = 0;
    for (const data of batch.events) {
      const Class = EVENT_CLASSES[data.set];
      // a kind of a later protocol has a number too
      if (Class) this.values.push(new Class(data, first, index));
      ++index;
      if (Class === Loss) index += this.#onLoss(data);
    }
    this.#nextNumber = first + BigInt(index);
  }

  /** Returns the numbers that the loss takes beside its own. */
  #onLoss(data: EventData): number {
    const source = data.loss?.source;
    if (this.#resync && (source === LossSource.READER || source === LossSource.FILTER)) {
      this.drop = true;
      this.#reason = RESYNC_REASON;
      this.#resumable = false;
    }
    return source === LossSource.READER && data.loss?.count ? Number(data.loss.count) - 1 : 0;
  }

  #onSample(part: SamplePartData): void {
    for (const task of part.samples) this.#parts.push(new TaskSample(task));
    if (!part.last) return;
    this.values.push(new Sample(part, this.#parts, this.#samplesLost));
    this.#parts = [];
    this.#samplesLost = 0n;
  }
}
