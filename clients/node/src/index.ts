// SPDX-License-Identifier: Apache-2.0
/**
 * Every fork, exec and exit of a Linux machine, live, from taskbrokerd.
 *
 *     import { connect } from "taskbroker";
 *
 *     const client = await connect();
 *     for await (const event of client.events({ snapshot: true })) console.log(event);
 *
 * @packageDocumentation
 */

export { Client, connect, type ConnectOptions } from "./client.js";
export * from "./errors.js";
export { stringify, type JsonObject, type JsonValue } from "./json.js";
export { LiveProcesses, Process } from "./live.js";
export type { EventsOptions, Name, SamplesOptions, StreamOptions, TaskFilter } from "./requests.js";
export { Delay, Delays, GROUPS, Identity, Memory, TaskStats, type StatsGroupName } from "./stats.js";
export type { DelayAccountingState, SourceStatus, Status } from "./status.js";
export type { Stream } from "./stream.js";
export { bytesOf } from "./text.js";
export {
  CommChange,
  Coredump,
  Exec,
  Exit,
  Fork,
  GidChange,
  KINDS,
  Leader,
  Link,
  Loss,
  NewSession,
  ProcessId,
  Program,
  Ptrace,
  Sample,
  SnapshotEnd,
  Task,
  TaskEvent,
  TaskSample,
  UidChange,
  Value,
  type Kind,
  type MissingReason,
  type StreamEvent,
  type StreamValue,
  type Termination,
} from "./values.js";
