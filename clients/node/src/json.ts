// SPDX-License-Identifier: Apache-2.0
//
// Values as objects, in the form of `taskbroker watch --json`.
//
// A value that is not known is null. In a text that is not UTF-8 each byte that is not UTF-8 is \xNN, a backslash too,
// and the key with `_escaped` is true.

import type { DescMessage } from "@bufbuild/protobuf";
import type { TaskStatsData } from "./gen/decode.js";
import { TaskStatsSchema } from "./protocol.js";
import { Delays, GROUPS, groupNames, SINCE, type Delay } from "./stats.js";
import { hasEscape } from "./text.js";
import type {
  Exit,
  Leader,
  Loss,
  MissingReason,
  ProcessId,
  Program,
  Sample,
  StreamEvent,
  StreamValue,
  Task,
  TaskEvent,
  TaskSample,
  Termination,
} from "./values.js";

/** What the objects are made of. */
export type JsonValue = null | boolean | number | bigint | string | readonly JsonValue[] | JsonObject;
/** An object of the JSON form, with 64-bit numbers as bigint. */
export interface JsonObject {
  [key: string]: JsonValue;
}

/** The same with numbers instead of bigint, for JSON.stringify(). */
export function numbersOf(value: JsonValue): unknown {
  if (typeof value === "bigint") return Number(value);
  if (Array.isArray(value)) return value.map(numbersOf);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, numbersOf(part)]));
}

/** The JSON text of a value, or of an object with bigint, with all digits. */
export function stringify(value: JsonValue | { toObject(): JsonObject }): string {
  if (typeof value === "bigint") return value.toString();
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map((part: JsonValue) => stringify(part)).join(",")}]`;
  const object = "toObject" in value && typeof value.toObject === "function" ? value.toObject() : (value as JsonObject);
  return `{${Object.entries(object)
    .map(([key, part]) => `${JSON.stringify(key)}:${stringify(part)}`)
    .join(",")}}`;
}

function escape(text: string): string {
  return text
    .replaceAll("\\", "\\x5c")
    .replace(/[\udc80-\udcff]/gu, (c) => `\\x${(c.charCodeAt(0) - 0xdc00).toString(16)}`);
}

function addText(out: JsonObject, key: string, text: string | null): void {
  if (text === null || !hasEscape(text)) {
    out[key] = text;
    return;
  }
  out[key] = escape(text);
  out[`${key}_escaped`] = true;
}

/** Adds keys that are left out while they are false. */
function addTrue(out: JsonObject, flags: Record<string, boolean>): void {
  for (const [key, value] of Object.entries(flags)) {
    if (value) out[key] = true;
  }
}

interface Subject {
  readonly id: string | null;
  readonly startTimeNs: bigint | null;
  readonly startBootNs: bigint | null;
  readonly maker: ProcessId | null;
  readonly parent: ProcessId | null;
}

function addStart(out: JsonObject, value: Pick<Subject, "id" | "startTimeNs" | "startBootNs">): void {
  out["id"] = value.id;
  out["start_time_ns"] = value.startTimeNs;
  out["start_boot_ns"] = value.startBootNs;
}

function addRelatives(out: JsonObject, value: Subject): void {
  const { maker, parent } = value;
  out["maker_pid"] = maker ? maker.pid : null;
  out["maker_id"] = maker ? maker.id : null;
  out["parent_pid"] = parent ? parent.pid : null;
  out["parent_id"] = parent ? parent.id : null;
}

function addSession(out: JsonObject, session: ProcessId | null): void {
  out["session"] = session ? session.pid : null;
  out["session_id"] = session ? session.id : null;
}

function addEnd(out: JsonObject, end: Termination | null, missing: MissingReason | null): void {
  out["exit_code"] = end ? end.exitCode : null;
  out["term_signal"] = end ? end.termSignal : null;
  out["core_dumped"] = end ? end.coreDumped : null;
  if (!end) out["termination_missing"] = missing;
}

function programObject(program: Program): JsonObject {
  const args = program.cmdline;
  const escaped = args?.some(hasEscape) ?? false;
  const out: JsonObject = { state: program.state, cmdline: escaped && args ? args.map(escape) : args };
  if (escaped) out["cmdline_escaped"] = true;
  addText(out, "exe", program.exe);
  addText(out, "cgroup", program.cgroup);
  addTrue(out, { cgroup_inherited: program.cgroupInherited });
  out["truncated"] = program.truncated;
  addTrue(out, { exe_withheld: program.exeWithheld });
  return out;
}

function delayObject(delay: Delay): JsonObject {
  const out: JsonObject = { count: delay.count, total_ns: delay.totalNs };
  if (delay.maxNs !== null) out["peak"] = { max_ns: delay.maxNs, min_ns: delay.minNs, max_time_ns: delay.maxTimeNs };
  return out;
}

/** A group of plain fields, by the names of the protocol. */
function groupObject(desc: DescMessage, group: object, version: number): JsonObject {
  const out: JsonObject = {};
  for (const field of desc.fields) {
    const value = Reflect.get(group, field.localName) as number | bigint | string;
    if (typeof value === "string") {
      addText(out, field.name, value);
      continue;
    }
    // a peak of 0 is not known: a kernel thread has no memory, and the memory of a zombie is gone
    const known = version >= (SINCE[field.name] ?? 0) && (value || !field.name.includes("hiwater"));
    out[field.name] = known ? value : null;
  }
  return out;
}

/** The statistics in the JSON form. */
export function statsObject(data: TaskStatsData): JsonObject {
  const out: JsonObject = {};
  const fields = new Map(TaskStatsSchema.fields.map((field) => [field.name, field]));
  for (const name of Object.keys(GROUPS)) {
    const field = fields.get(name);
    if (!field?.message || name === "delays") continue;
    const group = Reflect.get(data, field.localName) as object | undefined;
    if (group) out[name] = groupObject(field.message, group, data.taskstatsVersion);
  }
  if (data.delays) {
    const delays = new Delays(data.delays);
    const { cpu, blkio, swapin, freepages, thrashing, compact, wpcopy, irq } = delays;
    const present = { cpu, blkio, swapin, freepages, thrashing, compact, wpcopy, irq };
    const part: JsonObject = {};
    for (const [name, delay] of Object.entries(present)) {
      if (delay) part[name] = delayObject(delay);
    }
    out["delays"] = part;
  }
  out["taskstats_version"] = data.taskstatsVersion;
  const masks = {
    unsupported_groups: data.unsupportedGroups,
    uncounted_groups: data.uncountedGroups,
    withheld_groups: data.withheldGroups,
  };
  for (const [key, mask] of Object.entries(masks)) {
    if (mask) out[key] = groupNames(mask);
  }
  if (data.taskCount) {
    out["tasks"] = data.taskCount;
    out["tasks_missing"] = data.tasksMissing;
    out["tasks_unseen"] = data.tasksUnseen;
  }
  return out;
}

function addLeader(out: JsonObject, leader: Leader): void {
  const part: JsonObject = { uid: leader.uid };
  addText(part, "comm", leader.comm);
  addStart(part, leader);
  out["leader"] = part;
}

function addExit(out: JsonObject, event: Exit): void {
  addEnd(out, event.termination, event.terminationMissing);
  out["process_ended"] = event.processEnded;
  out["exit_signal"] = event.exitSignal;
  const { stats, processStats, program, leader } = event;
  out["stats"] = stats ? stats.toObject() : null;
  if (!stats) out["stats_missing"] = event.statsMissing;
  if (processStats) out["process_stats"] = processStats.toObject();
  if (program) out["program"] = programObject(program);
  if (leader) addLeader(out, leader);
}

/** Adds what only this kind of events has. */
function addOwn(out: JsonObject, event: Exclude<StreamEvent, Loss>): void {
  switch (event.kind) {
    case "fork":
      out["parent_tid"] = event.parentTid;
      out["parent_tid_start_boot_ns"] = event.parentTidStartBootNs;
      break;
    case "exec":
      if (event.program) out["program"] = programObject(event.program);
      break;
    case "exit":
      addExit(out, event);
      break;
    case "comm":
      addText(out, "old_comm", event.oldComm);
      break;
    case "uid":
    case "gid":
      out["real_id"] = event.realId;
      out["effective_id"] = event.effectiveId;
      break;
    case "ptrace":
      out["tracer_pid"] = event.tracerPid;
      out["tracer_tid"] = event.tracerTid;
      out["tracer_id"] = event.tracer ? event.tracer.id : null;
      out["tracer_start_boot_ns"] = event.tracerStartBootNs;
      break;
    case "sid":
    case "coredump":
      break;
  }
}

function eventObject(event: Exclude<StreamEvent, Loss>): JsonObject {
  const common: TaskEvent = event;
  const out: JsonObject = { kind: event.kind, time_ns: event.timeNs, number: event.number, cpu: event.cpu };
  Object.assign(out, { pid: event.pid, tid: event.tid, ppid: event.ppid, uid: event.uid });
  addText(out, "comm", event.comm);
  addStart(out, event);
  addRelatives(out, event);
  addTrue(out, {
    comm_stale: common.commStale,
    task_unknown: common.taskUnknown,
    synthesised: common.synthesised,
    left_filter: common.leftFilter,
    restricted: common.restricted,
  });
  addOwn(out, event);
  return out;
}

function lossObject(loss: Loss): JsonObject {
  const out: JsonObject = { kind: loss.kind, time_ns: loss.timeNs, number: loss.number, cpu: loss.cpu };
  Object.assign(out, { pid: null, tid: null, ppid: null, uid: null, comm: null });
  addStart(out, { id: null, startTimeNs: null, startBootNs: null });
  addRelatives(out, { id: null, startTimeNs: null, startBootNs: null, maker: null, parent: null });
  return Object.assign(out, {
    count: loss.count,
    scope: loss.scope,
    missing: loss.missing,
    source: loss.source,
    reason: loss.reason,
    at_least: loss.atLeast,
    since_time_ns: loss.sinceTimeNs,
  });
}

function taskObject(task: Task): JsonObject {
  const out: JsonObject = { kind: task.kind, pid: task.pid, tid: task.tid, ppid: task.ppid, uid: task.uid };
  Object.assign(out, { euid: task.euid, gid: task.gid, egid: task.egid });
  addSession(out, task.session);
  addText(out, "comm", task.comm);
  addTrue(out, { comm_stale: task.commStale });
  addStart(out, task);
  addRelatives(out, task);
  if (task.tasks) out["tasks"] = task.tasks;
  out["kernel_thread"] = task.kernelThread;
  out["credentials_changed"] = task.credentialsChanged;
  addTrue(out, { seeded: task.seeded, task_unknown: task.taskUnknown });
  if (task.program) out["program"] = programObject(task.program);
  return out;
}

function taskSampleObject(sample: TaskSample): JsonObject {
  const out: JsonObject = { kind: sample.kind, pid: sample.pid, tid: sample.tid, ppid: sample.ppid, uid: sample.uid };
  addText(out, "comm", sample.comm);
  addTrue(out, { comm_stale: sample.commStale });
  addStart(out, sample);
  addRelatives(out, sample);
  addSession(out, sample.session);
  out["time_ns"] = sample.timeNs;
  if (sample.tasks && !sample.ended) out["tasks"] = sample.tasks;
  out["kernel_thread"] = sample.kernelThread;
  out["ended"] = sample.ended;
  if (sample.ended) addEnd(out, sample.termination, sample.terminationMissing);
  if (sample.statsMissing) out["stats_missing"] = sample.statsMissing;
  out["stats"] = sample.stats ? sample.stats.toObject() : null;
  return out;
}

function sampleObject(sample: Sample): JsonObject {
  return {
    kind: sample.kind,
    number: sample.number,
    begin_time_ns: sample.beginTimeNs,
    end_time_ns: sample.endTimeNs,
    span_ns: sample.spanNs,
    full: sample.full,
    forks: sample.forks,
    execs: sample.execs,
    exits: sample.exits,
    lost: sample.lost,
    lost_at_least: sample.lostAtLeast,
    samples_lost: sample.samplesLost,
    tasks: sample.tasks.length,
  };
}

/** The object of a value of a stream. */
export function valueObject(value: StreamValue | Sample | TaskSample): JsonObject {
  switch (value.kind) {
    case "task":
      return taskObject(value);
    case "task_sample":
      return taskSampleObject(value);
    case "sample":
      return sampleObject(value);
    case "snapshot_end":
      return { kind: value.kind, time_ns: value.timeNs, number: value.number, tasks: value.tasks };
    case "link":
      return {
        kind: value.kind,
        state: value.state,
        time_ns: value.timeNs,
        lost_time_ns: value.lostTimeNs,
        reason: value.reason,
        tries: value.tries,
      };
    case "loss":
      return lossObject(value);
    default:
      return eventObject(value);
  }
}
