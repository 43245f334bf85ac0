// SPDX-License-Identifier: Apache-2.0
//
// The live processes: a table that follows a stream.
//
// A process is known by its number and its start. The table takes a snapshot and all values after it, in order. It
// stays right over losses, reconnections, restarts of the broker, an exec by a thread, and processes whose leader ends
// before other threads.

import type { Stream } from "./stream.js";
import {
  ProcessId,
  type Exec,
  type Exit,
  type Fork,
  type Kind,
  type Program,
  type StreamEvent,
  type StreamValue,
  type Task,
} from "./values.js";

const KTHREADD = 2;

/** The fields that each value about a process has. */
type Subject = Exclude<StreamEvent, { kind: "loss" }> | Task;

/** A live process. A value that is not known is null. */
export class Process {
  readonly pid: number;
  /** The start by the boot clock. */
  startBootNs: bigint | null = null;
  startTimeNs: bigint | null = null;
  uid: number | null = null;
  comm: string | null = null;
  commStale = false;
  /** The process that forked it. */
  maker: ProcessId | null = null;
  /** The present parent, as the last event had it: no event reports an adoption. */
  parent: ProcessId | null = null;
  session: ProcessId | null = null;
  /** With `programs`. */
  program: Program | null = null;
  kernelThread: boolean | null = null;
  /** The broker did not see the fork. */
  taskUnknown = false;

  /** @internal */
  constructor(pid: number) {
    this.pid = pid;
  }

  /** The identity, as in events. */
  get id(): string | null {
    return new ProcessId(this.pid, this.startBootNs).id;
  }

  /** @internal Takes the fields that each value about a process has. Start, name and user of a thread are its own. */
  update(value: Subject): void {
    this.parent = value.parent;
    this.maker ??= value.maker;
    if (value.tid !== value.pid) return;
    this.startBootNs ??= value.startBootNs;
    this.startTimeNs ??= value.startTimeNs;
    this.uid = value.uid;
    this.comm = value.comm;
    this.commStale = value.commStale;
    this.taskUnknown = value.taskUnknown;
  }
}

/**
 * The live processes that a stream with a snapshot selects.
 *
 *     const table = new LiveProcesses();
 *     const stream = client.events({ kinds: LiveProcesses.KINDS, snapshot: true });
 *     for await (const value of table.follow(stream)) console.log(table.size);
 */
export class LiveProcesses implements Iterable<Process> {
  /** The kinds of events that the table needs. */
  static readonly KINDS: readonly Kind[] = ["fork", "exec", "exit", "comm", "uid", "sid"];

  /**
   * False before the first snapshot, and from a gap to the next snapshot. The rows are then from before the gap. After a
   * loss in the kernel the broker repairs the table with events, within about a second.
   */
  complete = false;

  #rows = new Map<number, Process>();
  #next: Map<number, Process> | undefined;

  // -- reading ----------------------------------------------------------------------------

  /** The number of processes. */
  get size(): number {
    return this.#rows.size;
  }

  [Symbol.iterator](): IterableIterator<Process> {
    return this.#rows.values();
  }

  /** The process that has the number now. */
  byPid(pid: number): Process | undefined {
    return this.#rows.get(pid);
  }

  /** The process with an identity, if it lives: an `id`, or a ProcessId such as `maker` of an event. */
  get(identity: string | Pick<ProcessId, "id" | "pid">): Process | undefined {
    const id = typeof identity === "string" ? identity : identity.id;
    const row = this.#rows.get(typeof identity === "string" ? parseInt(identity, 10) : identity.pid);
    return row?.id === id ? row : undefined;
  }

  /** Whether the process with an identity lives. */
  has(identity: string | Pick<ProcessId, "id" | "pid">): boolean {
    return this.get(identity) !== undefined;
  }

  /** The row of the present parent; undefined if it is not in the table, or has ended since. */
  parentOf(process: Process): Process | undefined {
    return process.parent?.id ? this.get(process.parent) : undefined;
  }

  // -- following --------------------------------------------------------------------------

  /** Gives the values of a stream, each after the table has taken it. */
  async *follow<V extends StreamValue>(stream: AsyncIterable<V>): AsyncGenerator<V, void, undefined> {
    for await (const value of stream) {
      this.apply(value);
      yield value;
    }
  }

  /** Takes the values that have come, without waiting, and returns them. For programs that draw at an interval. */
  update<V extends StreamValue>(stream: Stream<V>): V[] {
    const found = stream.poll();
    for (const value of found) this.apply(value);
    return found;
  }

  /** Takes the next value of the stream. */
  apply(value: StreamValue): void {
    switch (value.kind) {
      case "task":
        this.#task(value);
        break;
      case "snapshot_end":
        this.#rows = this.#next ?? new Map<number, Process>();
        this.#next = undefined;
        this.complete = true;
        break;
      case "link":
        // a part of a snapshot never becomes a whole one on another connection
        this.#next = undefined;
        this.complete &&= !value.gap;
        break;
      case "loss":
        if (value.source === "reader" || value.source === "filter") this.complete = false;
        break;
      case "exit":
        this.#exit(value);
        break;
      default:
        this.#event(value);
    }
  }

  #task(task: Task): void {
    this.#next ??= new Map<number, Process>();
    if (task.tid !== task.pid && this.#next.has(task.pid)) return;
    const row = new Process(task.pid);
    row.update(task);
    row.session = task.session;
    row.program = task.program;
    row.kernelThread = task.kernelThread;
    this.#next.set(task.pid, row);
  }

  #event(event: Exclude<Subject, Task | Exit>): void {
    const isLeader = event.tid === event.pid;
    if (isLeader || event.kind === "sid") {
      const row = this.#row(event, isLeader);
      if (isLeader) row.update(event);
      if (event.kind === "fork") this.#inherit(row, event);
      if (event.kind === "exec") LiveProcesses.#replace(row, event);
      if (event.kind === "sid") row.session = new ProcessId(row.pid, row.startBootNs);
    }
    if (event.leftFilter) this.#rows.delete(event.pid);
  }

  /** The row of the event's process. A process that is not there has entered the filter's set. */
  #row(event: Subject, isLeader: boolean): Process {
    const known = this.#rows.get(event.pid);
    const start = isLeader ? event.startBootNs : null;
    if (known && (start === null || known.startBootNs === null || known.startBootNs === start)) return known;
    const row = new Process(event.pid);
    this.#rows.set(event.pid, row);
    return row;
  }

  /** A new process is like the process that made it. */
  #inherit(row: Process, event: Fork): void {
    const maker = event.parentPid === null ? undefined : this.#rows.get(event.parentPid);
    if (!maker || maker === row) return;
    row.session = maker.session;
    row.program = maker.program;
    row.kernelThread = maker.kernelThread === true || maker.pid === KTHREADD;
  }

  static #replace(row: Process, event: Exec): void {
    row.program = event.program;
    row.kernelThread = false;
  }

  #exit(event: Exit): void {
    // the leader can end before its process
    if (!event.processEnded) return;
    const row = this.#rows.get(event.pid);
    const start = event.tid === event.pid ? event.startBootNs : (event.leader?.startBootNs ?? null);
    if (row && (start === null || row.startBootNs === null || row.startBootNs === start)) this.#rows.delete(event.pid);
  }
}
