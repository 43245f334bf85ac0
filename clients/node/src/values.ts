// SPDX-License-Identifier: Apache-2.0
//
// The values of a stream: tasks of the snapshot, events, losses and changes of the connection.
//
// A value that is not known, or that this client may not know, is null and never 0. Numbers of 64 bits are bigint.
// Names are text: bytesOf() gives the bytes of a name that is not UTF-8.

import type {
  EventData,
  ExitData,
  ProcessIdData,
  ProgramData,
  SamplePartData,
  TaskData,
  TaskSampleData,
  TerminationData,
} from "./gen/decode.js";
import { numbersOf, valueObject, type JsonObject } from "./json.js";
import {
  EventSchema,
  LossMissing,
  LossSource,
  ProgramState,
  SampleState,
  TerminationMissing,
  type SnapshotEnd as SnapshotEndMessage,
} from "./protocol.js";
import { TaskStats } from "./stats.js";

/** The kinds of events, with their numbers in the protocol. */
export const KINDS = {
  fork: 1,
  exec: 2,
  exit: 3,
  comm: 4,
  uid: 5,
  gid: 6,
  sid: 7,
  ptrace: 8,
  coredump: 9,
  loss: 10,
} as const;

/** A kind of events. */
export type Kind = keyof typeof KINDS;

/** The names of enumerations, by number. A later protocol can have other numbers. */
export const STATS_MISSING = ["", "lost", "not_witnessed"] as const;
export const LOSS_SOURCES = ["", "connector", "taskstats", "reader", "filter"] as const;
export const LOSS_REASONS = ["", "overrun", "muted", "fell_behind", "over_budget", "unreported"] as const;
export const PROGRAM_STATES = ["", "captured", "late", "skipped"] as const;

type Names<T extends readonly string[]> = Exclude<T[number], "">;

function nameIn<T extends readonly string[]>(names: T, number: number): Names<T> | null {
  return (names[number] || null) as Names<T> | null;
}

/** The identity as a text, as in JSON. */
function identityText(pid: number, startBootNs: bigint): string | null {
  return startBootNs === 0n ? null : `${String(pid)}-${String(startBootNs)}`;
}

/** A process by its identity. */
export class ProcessId {
  /** The number. 0: the relation is known, and there is no such process. */
  readonly pid: number;
  /** The start by the boot clock; null: not known. */
  readonly startBootNs: bigint | null;

  constructor(pid: number, startBootNs: bigint | null) {
    this.pid = pid;
    this.startBootNs = startBootNs;
  }

  /** The identity, as `id` of the process has it; null: the start is not known. */
  get id(): string | null {
    return identityText(this.pid, this.startBootNs ?? 0n);
  }
}

function relative(data: ProcessIdData | undefined): ProcessId | null {
  return data ? new ProcessId(data.pid, data.startBootNs || null) : null;
}

/** The cause of an end. */
export interface Termination {
  /** null: a signal ended it. */
  readonly exitCode: number | null;
  /** 0: it exited. */
  readonly termSignal: number;
  readonly coreDumped: boolean;
}

function terminationOf(data: TerminationData | undefined): Termination | null {
  if (!data) return null;
  return {
    exitCode: data.termSignal ? null : data.exitCode,
    termSignal: data.termSignal,
    coreDumped: data.coreDumped,
  };
}

/** The reason why a cause is not known. */
export type MissingReason = "withheld" | "unknown";

function missingReason(number: TerminationMissing | undefined): MissingReason {
  return number === TerminationMissing.UNKNOWN ? "unknown" : "withheld";
}

/** The command line, the executable and the cgroup of a process. */
export class Program {
  readonly #data: ProgramData;

  /** @internal */
  constructor(data: ProgramData) {
    this.#data = data;
  }

  get #captured(): boolean {
    return this.#data.state === ProgramState.CAPTURED;
  }

  /** null: nobody asked for programs while the process ran. */
  get state(): Names<typeof PROGRAM_STATES> | null {
    return nameIn(PROGRAM_STATES, this.#data.state);
  }

  /** The arguments; null: not read. */
  get cmdline(): string[] | null {
    if (!this.#captured) return null;
    const text = this.#data.cmdline;
    return text ? (text.endsWith("\0") ? text.slice(0, -1) : text).split("\0") : [];
  }

  get exe(): string | null {
    return this.#data.exe || null;
  }

  get cgroup(): string | null {
    return this.#data.cgroup || null;
  }

  /** The cgroup belongs to the parent, as it was not read after the last exec. */
  get cgroupInherited(): boolean {
    return this.#data.cgroup !== "" && !this.#captured;
  }

  /** A text was too long, and was cut. */
  get truncated(): boolean {
    return this.#data.truncated;
  }

  /** exe is null because this client may not know it. */
  get exeWithheld(): boolean {
    return this.#data.exeWithheld;
  }
}

function programOf(data: ProgramData | undefined): Program | null {
  return data ? new Program(data) : null;
}

/** The base of all values of a stream. */
export abstract class Value {
  /** The name that options and JSON have for the value. */
  abstract readonly kind: string;

  /** The value in the form of `taskbroker watch --json`, with 64-bit numbers as bigint. */
  toObject(): JsonObject {
    return valueObject(this as unknown as StreamValue | Sample | TaskSample);
  }

  /**
   * For JSON.stringify(). JavaScript's numbers are exact to 53 bits, so the last digits of times are lost. `id` is exact,
   * and stringify() of this package writes all digits.
   */
  toJSON(): unknown {
    return numbersOf(this.toObject());
  }

  /** @internal For console.log(). */
  [Symbol.for("nodejs.util.inspect.custom")](): unknown {
    const { stats: _stats, process_stats: _processStats, ...shown } = this.toObject();
    return shown;
  }
}

/** The fields that tasks, events and samples share. */
interface SubjectData {
  readonly pid: number;
  readonly tid: number;
  readonly uid: number;
  readonly comm: string;
  readonly startTimeNs: bigint;
  readonly startBootNs: bigint;
  readonly maker: ProcessIdData | undefined;
  readonly parent: ProcessIdData | undefined;
  readonly commStale: boolean;
  readonly taskUnknown: boolean;
}

abstract class Subject<Data extends SubjectData> extends Value {
  /** @internal */
  readonly data: Data;

  /** @internal */
  constructor(data: Data) {
    super();
    this.data = data;
  }

  /** The process. */
  get pid(): number {
    return this.data.pid;
  }

  /** The task; without `threads`, the leader of the process. */
  get tid(): number {
    return this.data.tid;
  }

  /** The real user id. */
  get uid(): number | null {
    return this.data.uid || !this.data.taskUnknown ? this.data.uid : null;
  }

  /** The name. */
  get comm(): string | null {
    return this.data.comm || !this.data.taskUnknown ? this.data.comm : null;
  }

  /** The start, in nanoseconds since 1970, on a scale that never steps. */
  get startTimeNs(): bigint | null {
    return this.data.startTimeNs || null;
  }

  /** The start by the boot clock. */
  get startBootNs(): bigint | null {
    return this.data.startBootNs || null;
  }

  /** The identity of the task until the next boot: `pid-start`; null: its start is not known. */
  get id(): string | null {
    return identityText(this.data.tid, this.data.startBootNs);
  }

  /** The process that forked the process. */
  get maker(): ProcessId | null {
    return relative(this.data.maker);
  }

  /** The present parent of the process; the last one after its end. */
  get parent(): ProcessId | null {
    return relative(this.data.parent);
  }

  /** The name may be from before an exec. */
  get commStale(): boolean {
    return this.data.commStale;
  }

  /** The broker did not see the fork of the task. */
  get taskUnknown(): boolean {
    return this.data.taskUnknown;
  }
}

/** A live task of the snapshot; without `threads`, a process. */
export class Task extends Subject<TaskData> {
  get kind(): "task" {
    return "task";
  }

  /** The number of the present parent. */
  get ppid(): number | null {
    return this.data.parent ? this.data.parent.pid : null;
  }

  #known<T>(value: T): T | null {
    return value || !this.data.taskUnknown ? value : null;
  }

  get euid(): number | null {
    return this.#known(this.data.euid);
  }

  get gid(): number | null {
    return this.#known(this.data.gid);
  }

  get egid(): number | null {
    return this.#known(this.data.egid);
  }

  /** The leader of the session; its start is null if the leader has ended. */
  get session(): ProcessId | null {
    return relative(this.data.sessionLeader);
  }

  get kernelThread(): boolean | null {
    return this.#known(this.data.kernelThread);
  }

  get credentialsChanged(): boolean | null {
    return this.#known(this.data.credentialsChanged);
  }

  /** The broker found the task in /proc: its start is precise to 10 ms. */
  get seeded(): boolean {
    return this.data.seeded;
  }

  /** The live tasks of the process. */
  get tasks(): number | null {
    return this.data.liveTasks || null;
  }

  get program(): Program | null {
    return programOf(this.data.program);
  }
}

/** The snapshot is complete: events follow. */
export class SnapshotEnd extends Value {
  /** The event number that the snapshot shows. */
  readonly number: bigint;
  /** The number of tasks that were sent. */
  readonly tasks: bigint;
  readonly timeNs: bigint;

  /** @internal */
  constructor(message: SnapshotEndMessage) {
    super();
    this.number = message.number;
    this.tasks = message.taskCount;
    this.timeNs = message.timeNs;
  }

  get kind(): "snapshot_end" {
    return "snapshot_end";
  }
}

/**
 * A change of the connection.
 *
 * `lost`: the broker has gone. `resumed`: it is back, and no event is missing. `restarted`: it is back, and events are
 * missing since `lostTimeNs`; with `snapshot` a new snapshot follows.
 */
export class Link extends Value {
  readonly state: "lost" | "resumed" | "restarted";
  readonly reason: string | null;
  readonly timeNs: bigint;
  readonly lostTimeNs: bigint;
  /** The number of attempts that failed. */
  readonly tries: number | null;

  /** @internal */
  constructor(state: Link["state"], reason: string | null, timeNs: bigint, lostTimeNs: bigint, tries: number | null) {
    super();
    this.state = state;
    this.reason = reason;
    this.timeNs = timeNs;
    this.lostTimeNs = lostTimeNs;
    this.tries = tries;
  }

  get kind(): "link" {
    return "link";
  }

  /** Events are missing at this place. */
  get gap(): boolean {
    return this.state === "restarted";
  }
}

/** The fields that all events about a task share. */
export abstract class TaskEvent extends Subject<EventData> {
  readonly #first: bigint;
  readonly #index: number;

  /** @internal */
  constructor(data: EventData, first: bigint, index: number) {
    super(data);
    this.#first = first;
    this.#index = index;
  }

  /** The number of the event in its stream. */
  get number(): bigint {
    return this.#first + BigInt(this.#index);
  }

  /** The time, in nanoseconds since 1970, on a scale that never steps. */
  get timeNs(): bigint {
    return this.data.timeNs;
  }

  /** The number of the first parent that is known. */
  get ppid(): number | null {
    return this.data.ppid || this.data.maker ? this.data.ppid : null;
  }

  /** The processor on which it happened. */
  get cpu(): number | null {
    return this.data.synthesised ? null : this.data.cpu;
  }

  /** The broker made the event from another source than the kernel's event. */
  get synthesised(): boolean {
    return this.data.synthesised;
  }

  /** The task no longer matches the filter. */
  get leftFilter(): boolean {
    return this.data.leftFilter;
  }

  /** The task belongs to another user: the event has the public fields only. */
  get restricted(): boolean {
    return this.data.restricted;
  }
}

/** A task was created. */
export class Fork extends TaskEvent {
  get kind(): "fork" {
    return "fork";
  }

  /** The thread that the kernel names as parent. */
  get parentTid(): number | null {
    const tid = this.data.fork?.parentTid ?? 0;
    return tid || !this.data.synthesised ? tid : null;
  }

  /** The process of that thread; null: not known. */
  get parentPid(): number | null {
    const pid = this.data.fork?.parentPid ?? 0;
    return pid || !this.data.synthesised ? pid : null;
  }

  /** The start of that thread. */
  get parentTidStartBootNs(): bigint | null {
    return this.data.fork?.parentTidStartBootNs || null;
  }
}

/** A process replaced its program. */
export class Exec extends TaskEvent {
  get kind(): "exec" {
    return "exec";
  }

  get program(): Program | null {
    return programOf(this.data.exec?.program);
  }
}

/** The leader of a process that ended with another thread. */
export class Leader extends ProcessId {
  readonly startTimeNs: bigint | null;
  readonly uid: number;
  readonly comm: string;

  /** @internal */
  constructor(pid: number, data: NonNullable<ExitData["leader"]>) {
    super(pid, data.startBootNs || null);
    this.startTimeNs = data.startTimeNs || null;
    this.uid = data.uid;
    this.comm = data.comm;
  }
}

/** A task ended; without `threads`, a process. The end and the statistics then describe the process. */
export class Exit extends TaskEvent {
  get kind(): "exit" {
    return "exit";
  }

  /** The process ended with this task. */
  get processEnded(): boolean {
    return this.data.exit?.processEnded ?? false;
  }

  /** Whether the cause of the process' end differs from the cause of the task's end. */
  get #processDiffers(): boolean {
    const exit = this.data.exit;
    return !!exit?.processEnded && (!!exit.processTermination || exit.processTerminationMissing !== TerminationMissing.UNSPECIFIED);
  }

  /** The cause of the end: of the process if `processEnded`, else of the thread. null: see `terminationMissing`. */
  get termination(): Termination | null {
    const exit = this.data.exit;
    return terminationOf(this.#processDiffers ? exit?.processTermination : exit?.termination);
  }

  /** The cause of the end of the task itself. */
  get threadTermination(): Termination | null {
    return terminationOf(this.data.exit?.termination);
  }

  /** The exit code; null: not known, or a signal ended it. */
  get exitCode(): number | null {
    return this.termination?.exitCode ?? null;
  }

  /** The signal that ended it; 0: it exited; null: not known. */
  get termSignal(): number | null {
    return this.termination?.termSignal ?? null;
  }

  get coreDumped(): boolean | null {
    return this.termination?.coreDumped ?? null;
  }

  /** The reason why the cause is null. */
  get terminationMissing(): MissingReason | null {
    if (this.termination) return null;
    const exit = this.data.exit;
    return missingReason(this.#processDiffers ? exit?.processTerminationMissing : exit?.terminationMissing);
  }

  /** The signal that the parent gets. */
  get exitSignal(): number | null {
    return this.data.synthesised ? null : (this.data.exit?.exitSignal ?? 0);
  }

  /** The statistics of the task; without `threads`, the totals of the process. */
  get stats(): TaskStats | null {
    const stats = this.data.exit?.stats;
    return stats ? new TaskStats(stats) : null;
  }

  /** The reason why `stats` is null. */
  get statsMissing(): Names<typeof STATS_MISSING> | null {
    return nameIn(STATS_MISSING, this.data.exit?.statsMissing ?? 0);
  }

  /** The totals of the process, if it ended. */
  get processStats(): TaskStats | null {
    const exit = this.data.exit;
    const stats = exit?.processEnded ? (exit.processStats ?? exit.stats) : undefined;
    return stats ? new TaskStats(stats) : null;
  }

  get program(): Program | null {
    return programOf(this.data.exit?.program);
  }

  /** The leader, if the process ended with another thread. */
  get leader(): Leader | null {
    const exit = this.data.exit;
    return exit?.processEnded && exit.leader ? new Leader(this.data.pid, exit.leader) : null;
  }
}

/** A task got a new name. */
export class CommChange extends TaskEvent {
  get kind(): "comm" {
    return "comm";
  }

  /** The former name. */
  get oldComm(): string | null {
    const old = this.data.commChange?.oldComm ?? "";
    return old || !(this.data.synthesised || this.data.taskUnknown) ? old : null;
  }
}

/** The user ids of a task changed. */
export class UidChange extends TaskEvent {
  get kind(): "uid" {
    return "uid";
  }

  override get uid(): number {
    return this.data.uid;
  }

  get realId(): number {
    return this.data.uidChange?.realId ?? 0;
  }

  get effectiveId(): number {
    return this.data.uidChange?.effectiveId ?? 0;
  }
}

/** The group ids of a task changed. */
export class GidChange extends TaskEvent {
  get kind(): "gid" {
    return "gid";
  }

  get realId(): number {
    return this.data.gidChange?.realId ?? 0;
  }

  get effectiveId(): number {
    return this.data.gidChange?.effectiveId ?? 0;
  }
}

/** A process became the leader of a new session. */
export class NewSession extends TaskEvent {
  get kind(): "sid" {
    return "sid";
  }
}

/** A debugger attached or detached. */
export class Ptrace extends TaskEvent {
  get kind(): "ptrace" {
    return "ptrace";
  }

  /** The process of the debugger; 0: it detached. */
  get tracerPid(): number {
    return this.data.ptrace?.tracerPid ?? 0;
  }

  get tracerTid(): number {
    return this.data.ptrace?.tracerTid ?? 0;
  }

  get tracer(): ProcessId | null {
    return relative(this.data.ptrace?.tracer);
  }

  get tracerStartBootNs(): bigint | null {
    return this.data.ptrace?.tracerStartBootNs || null;
  }
}

/** A process is about to dump core. */
export class Coredump extends TaskEvent {
  get kind(): "coredump" {
    return "coredump";
  }
}

/**
 * Events were lost at this place. A loss is about no task.
 *
 * `missing` is the number of events that this stream lacks: 0n, a number, or null if it is not known.
 */
export class Loss extends Value {
  /** @internal */
  readonly data: EventData;
  readonly number: bigint;

  /** @internal */
  constructor(data: EventData, first: bigint, index: number) {
    super();
    this.data = data;
    this.number = first + BigInt(index);
  }

  get kind(): "loss" {
    return "loss";
  }

  get timeNs(): bigint {
    return this.data.timeNs;
  }

  get cpu(): number | null {
    return this.data.loss?.cpuKnown ? this.data.cpu : null;
  }

  /** The number of lost events or records. */
  get count(): bigint | null {
    const count = this.data.loss?.count ?? 0n;
    return count || !this.atLeast ? count : null;
  }

  /** More may be lost than count. */
  get atLeast(): boolean {
    return this.data.loss?.atLeast ?? false;
  }

  get source(): Names<typeof LOSS_SOURCES> | "unknown" {
    return nameIn(LOSS_SOURCES, this.data.loss?.source ?? 0) ?? "unknown";
  }

  get reason(): Names<typeof LOSS_REASONS> | "unknown" {
    return nameIn(LOSS_REASONS, this.data.loss?.reason ?? 0) ?? "unknown";
  }

  get #missing(): LossMissing {
    const loss = this.data.loss;
    if (loss?.missing) return loss.missing;
    if (loss?.source === LossSource.TASKSTATS) return LossMissing.NONE;
    return loss?.source === LossSource.READER ? LossMissing.COUNTED : LossMissing.POSSIBLE;
  }

  /** `stream`: count is about this stream; `machine`: about the whole machine. */
  get scope(): "stream" | "machine" {
    return this.#missing === LossMissing.COUNTED ? "stream" : "machine";
  }

  get missing(): bigint | null {
    const missing = this.#missing;
    if (missing === LossMissing.COUNTED) return this.data.loss?.count ?? 0n;
    return missing === LossMissing.NONE ? 0n : null;
  }

  /** The lost events happened after this time. */
  get sinceTimeNs(): bigint | null {
    return this.data.loss?.sinceTimeNs || null;
  }
}

/** An event of a stream, a Loss too: `event.kind` has its kind. */
export type StreamEvent =
  | Fork
  | Exec
  | Exit
  | CommChange
  | UidChange
  | GidChange
  | NewSession
  | Ptrace
  | Coredump
  | Loss;

/** A value of a stream of events. */
export type StreamValue = StreamEvent | Task | SnapshotEnd | Link;

type EventClass = new (data: EventData, first: bigint, index: number) => StreamEvent;

const MEMBERS = EventSchema.field;

/** The class of each member of an event, by the number of the member. */
export const EVENT_CLASSES: readonly (EventClass | undefined)[] = (() => {
  const classes: EventClass[] = [];
  classes[MEMBERS.fork.number] = Fork;
  classes[MEMBERS.exec.number] = Exec;
  classes[MEMBERS.exit.number] = Exit;
  classes[MEMBERS.commChange.number] = CommChange;
  classes[MEMBERS.uidChange.number] = UidChange;
  classes[MEMBERS.gidChange.number] = GidChange;
  classes[MEMBERS.newSession.number] = NewSession;
  classes[MEMBERS.ptrace.number] = Ptrace;
  classes[MEMBERS.coredump.number] = Coredump;
  classes[MEMBERS.loss.number] = Loss;
  return classes;
})();

/** The totals of a task, or of a process, up to now. */
export class TaskSample extends Subject<TaskSampleData> {
  get kind(): "task_sample" {
    return "task_sample";
  }

  /** The time of the kernel's answer, or of the end. */
  get timeNs(): bigint {
    return this.data.timeNs;
  }

  /** The number of the present parent. */
  get ppid(): number | null {
    return this.data.parent ? this.data.parent.pid : null;
  }

  get stats(): TaskStats | null {
    return this.data.stats ? new TaskStats(this.data.stats) : null;
  }

  get statsMissing(): Names<typeof STATS_MISSING> | null {
    return nameIn(STATS_MISSING, this.data.statsMissing);
  }

  /** In an answer to a question: the task does not exist, or this client may not know that it exists. */
  get gone(): boolean {
    return this.data.state === SampleState.GONE;
  }

  /** The answer of the kernel was lost: `stats` is null, and the task may have run. */
  get lost(): boolean {
    return this.data.state === SampleState.LOST;
  }

  /** The leader of the session; its start is null if the leader has ended. */
  get session(): ProcessId | null {
    return relative(this.data.sessionLeader);
  }

  /** The task has ended, and these are its last values. */
  get ended(): boolean {
    return this.data.ended;
  }

  get termination(): Termination | null {
    return terminationOf(this.data.termination);
  }

  get terminationMissing(): MissingReason | null {
    return this.data.ended && !this.data.termination ? missingReason(this.data.terminationMissing) : null;
  }

  /** The live threads of the process. */
  get tasks(): number | null {
    return this.data.liveTasks || null;
  }

  get kernelThread(): boolean | null {
    return this.data.kernelThread || !this.data.taskUnknown ? this.data.kernelThread : null;
  }
}

/** One sample: the tasks that ran, started or ended since the sample before. */
export class Sample extends Value {
  readonly #data: SamplePartData;
  readonly tasks: readonly TaskSample[];
  /** The number of samples that are missing before this one, because this reader was slow. */
  readonly samplesLost: bigint;

  /** @internal */
  constructor(last: SamplePartData, tasks: readonly TaskSample[], samplesLost: bigint) {
    super();
    this.#data = last;
    this.tasks = tasks;
    this.samplesLost = samplesLost;
  }

  get kind(): "sample" {
    return "sample";
  }

  get number(): bigint {
    return this.#data.number;
  }

  /** The sample has every live task. */
  get full(): boolean {
    return this.#data.full;
  }

  get beginTimeNs(): bigint {
    return this.#data.beginTimeNs;
  }

  get endTimeNs(): bigint {
    return this.#data.endTimeNs;
  }

  /** The time since the sample before; null in the first sample of a feed. */
  get spanNs(): bigint | null {
    return this.#data.spanNs || null;
  }

  #inSpan(value: bigint): bigint | null {
    return this.#data.spanNs ? value : null;
  }

  get forks(): bigint | null {
    return this.#inSpan(this.#data.forks);
  }

  get execs(): bigint | null {
    return this.#inSpan(this.#data.execs);
  }

  get exits(): bigint | null {
    return this.#inSpan(this.#data.exits);
  }

  /** Events that the kernel lost within the span, on the whole machine. */
  get lost(): bigint | null {
    return this.#data.lost || !this.#data.lostAtLeast ? this.#data.lost : null;
  }

  get lostAtLeast(): boolean {
    return this.#data.lostAtLeast;
  }
}
