// SPDX-License-Identifier: Apache-2.0
//
// Requests: from the options of a call to the ClientMessage of the protocol.

import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  SampleScope,
  StatsGroup,
  type ClientMessageSchema,
  type FilterSchema,
  type FilterStarts,
  type ResumeSchema,
} from "./protocol.js";
import { GROUPS, type StatsGroupName } from "./stats.js";
import { bytesOf } from "./text.js";
import { KINDS, type Kind } from "./values.js";

/** A name or a path; bytes if it is not UTF-8. */
export type Name = string | Uint8Array;

/** Selects tasks. A task passes if it matches one entry of each criterion. */
export interface TaskFilter {
  /** Real user ids. */
  readonly uids?: readonly number[];
  /** These processes and their children. */
  readonly pids?: readonly number[];
  /** These processes and all their descendants. */
  readonly subtrees?: readonly number[];
  /** Names, as patterns with *, ? and [...]. */
  readonly comms?: readonly Name[];
  /** Paths in the cgroup hierarchy, and all that is below them. */
  readonly cgroups?: readonly Name[];
}

/** What all streams have. */
export interface StreamOptions {
  /** The stream outlives the broker: it connects again, and continues or begins anew. Without it: true. */
  readonly reconnect?: boolean;
  /** Ends the stream: the next value is then the signal's reason, as an error. */
  readonly signal?: AbortSignal;
}

/** The options of `client.events()`. */
export interface EventsOptions extends TaskFilter, StreamOptions {
  /** Kinds of events. Without it: fork, exec and exit. A Loss always comes too. */
  readonly kinds?: readonly Kind[];
  /** The live tasks come first. After a loss of this reader they come again. */
  readonly snapshot?: boolean;
  /** Threads too, not only processes. */
  readonly threads?: boolean;
  /** Command lines, executables and cgroups. */
  readonly programs?: boolean;
  /** A loss of this reader ends the stream with FellBehind. */
  readonly strict?: boolean;
  /** The broker may hold events back for so long, to wake this program less often. */
  readonly maxDelayMs?: number;
  /** The groups of statistics that exits have; `"none"` leaves all out. Without it: all. */
  readonly groups?: readonly StatsGroupName[] | "none";
  /** Events on these processors, such as `0-3,8`. */
  readonly cpus?: string;
  /** Leaves out exits with the status 0. */
  readonly nonzero?: boolean;
  /** With `snapshot`: the snapshot comes again after a loss of this reader. Without it: true. */
  readonly resync?: boolean;
}

/** The options of `client.samples()`. */
export interface SamplesOptions extends TaskFilter, StreamOptions {
  /** 100 to 60000. Without it: 1000. */
  readonly intervalMs?: number;
  /** Single tasks instead of processes. */
  readonly threads?: boolean;
  /** Groups of statistics. Without it: all. */
  readonly groups?: readonly StatsGroupName[];
}

/** The bit that stands for no group of statistics. */
const NO_GROUP = 1 << StatsGroup.UNSPECIFIED;

type RequestShape = MessageInitShape<typeof ClientMessageSchema>;

/** A request that begins a stream. */
export interface StreamRequest {
  readonly of: "events" | "samples";
  readonly snapshot: boolean;
  message(
    requestId: bigint,
    starts: FilterStarts | undefined,
    resume: MessageInitShape<typeof ResumeSchema> | undefined,
  ): RequestShape;
}

const bytes = (names: readonly Name[] = []): Uint8Array[] =>
  names.map((name) => (typeof name === "string" ? bytesOf(name) : name));

function filterOf(options: EventsOptions): { filter?: MessageInitShape<typeof FilterSchema> } {
  const filter = {
    uids: [...(options.uids ?? [])],
    pids: [...(options.pids ?? [])],
    subtrees: [...(options.subtrees ?? [])],
    comms: bytes(options.comms),
    cgroups: bytes(options.cgroups),
    cpus: options.cpus ?? "",
    nonzero: options.nonzero ?? false,
  };
  const { cpus, nonzero, ...lists } = filter;
  const selects = cpus !== "" || nonzero || Object.values(lists).some((list) => list.length > 0);
  return selects ? { filter } : {};
}

function numberOf<T extends Readonly<Record<string, number>>>(table: T, name: keyof T & string, noun: string): number {
  const number = Object.hasOwn(table, name) ? table[name] : undefined;
  if (number === undefined) throw new TypeError(`"${name}" is no ${noun}: ${Object.keys(table).join(", ")}`);
  return number;
}

/** The groups of statistics as bits; 0, without a name, stands for all groups. */
function groupsMask(names: readonly StatsGroupName[] = []): number {
  return names.reduce((mask, name) => mask | (1 << numberOf(GROUPS, name, "group of statistics")), 0);
}

/** The request of `client.events()`. */
export function eventsRequest(options: EventsOptions): StreamRequest {
  const kinds = (options.kinds ?? [])
    .map((kind) => numberOf(KINDS, kind, "kind of events"))
    .filter((kind) => kind !== KINDS.loss);
  const subscribe = {
    kinds,
    threads: options.threads ?? false,
    maxDelayMs: options.maxDelayMs ?? 0,
    strict: options.strict ?? false,
    snapshot: options.snapshot ?? false,
    programs: options.programs ?? false,
    groups: options.groups === "none" ? NO_GROUP : groupsMask(options.groups),
    ...filterOf(options),
  };
  return {
    of: "events",
    snapshot: subscribe.snapshot,
    message: (requestId, starts, resume) => ({
      requestId,
      body: {
        case: "subscribe",
        value: { ...subscribe, ...(resume ? { resume } : starts ? { starts } : {}) },
      },
    }),
  };
}

/** The request of `client.samples()`. */
export function samplesRequest(options: SamplesOptions): StreamRequest {
  const sample = {
    intervalMs: options.intervalMs ?? 1000,
    scope: options.threads ? SampleScope.THREADS : SampleScope.PROCESSES,
    groups: groupsMask(options.groups),
    ...filterOf(options),
  };
  return {
    of: "samples",
    snapshot: false,
    message: (requestId, starts) => ({
      requestId,
      body: { case: "subscribeSamples", value: { ...sample, ...(starts ? { starts } : {}) } },
    }),
  };
}
