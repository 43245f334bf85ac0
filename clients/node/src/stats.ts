// SPDX-License-Identifier: Apache-2.0
//
// Statistics of a task or a process. An absent value is null, and never 0.

import type {
  TaskStatsCpuData,
  TaskStatsData,
  TaskStatsDelayData,
  TaskStatsDelaysData,
  TaskStatsExecutableData,
  TaskStatsExitStatusData,
  TaskStatsIdentityData,
  TaskStatsIoData,
  TaskStatsMemoryData,
  TaskStatsMemoryIntegralsData,
  TaskStatsSchedulingData,
} from "./gen/decode.js";
import { numbersOf, statsObject, type JsonObject } from "./json.js";

/** The groups by name, in the order of the JSON form. */
export const GROUPS = {
  identity: 1,
  cpu: 2,
  memory: 3,
  memory_integrals: 12,
  scheduling: 4,
  io: 5,
  executable: 10,
  exit_status: 11,
  cpu_delay: 6,
  delays: 7,
  delay_peaks: 8,
  delay_peak_times: 9,
} as const;

/** A group of statistics. */
export type StatsGroupName = keyof typeof GROUPS;

/** The version of taskstats that introduced a field, by its name in the protocol, where it is not the oldest. */
export const SINCE: Readonly<Record<string, number>> = {
  ac_tgid: 12,
  ac_btime64_s: 10,
  ac_tgetime_us: 12,
  ac_exe_dev: 12,
  ac_exe_inode: 12,
};

/** The names of the groups of a mask. */
export function groupNames(mask: number): StatsGroupName[] {
  const names = Object.keys(GROUPS) as StatsGroupName[];
  return names.filter((name) => ((mask >>> GROUPS[name]) & 1) !== 0);
}

/** The identity of the task in its record. A field that the kernel's version does not have is null. */
export class Identity {
  readonly #data: TaskStatsIdentityData;
  readonly #version: number;

  /** @internal */
  constructor(data: TaskStatsIdentityData, version: number) {
    this.#data = data;
    this.#version = version;
  }

  get acPid(): number {
    return this.#data.acPid;
  }

  get acTgid(): number | null {
    return this.#version >= 12 ? this.#data.acTgid : null;
  }

  get acPpid(): number {
    return this.#data.acPpid;
  }

  get acUid(): number {
    return this.#data.acUid;
  }

  get acGid(): number {
    return this.#data.acGid;
  }

  get acComm(): string {
    return this.#data.acComm;
  }

  get acFlag(): number {
    return this.#data.acFlag;
  }

  get acBtimeS(): number {
    return this.#data.acBtimeS;
  }

  get acBtime64S(): bigint | null {
    return this.#version >= 10 ? this.#data.acBtime64S : null;
  }

  get acEtimeUs(): bigint {
    return this.#data.acEtimeUs;
  }

  get acTgetimeUs(): bigint | null {
    return this.#version >= 12 ? this.#data.acTgetimeUs : null;
  }
}

/** Page faults, and the peaks of memory. */
export class Memory {
  readonly #data: TaskStatsMemoryData;

  /** @internal */
  constructor(data: TaskStatsMemoryData) {
    this.#data = data;
  }

  get acMinflt(): bigint {
    return this.#data.acMinflt;
  }

  get acMajflt(): bigint {
    return this.#data.acMajflt;
  }

  /** The peak of resident memory; null: not known, as for kernel threads and zombies. */
  get hiwaterRssKib(): bigint | null {
    return this.#data.hiwaterRssKib || null;
  }

  /** The peak of virtual memory; null: not known. */
  get hiwaterVmKib(): bigint | null {
    return this.#data.hiwaterVmKib || null;
  }
}

/** One kind of waiting. */
export class Delay {
  readonly #data: TaskStatsDelayData;

  /** @internal */
  constructor(data: TaskStatsDelayData) {
    this.#data = data;
  }

  /** The number of waits. */
  get count(): bigint {
    return this.#data.count;
  }

  /** The sum of the waits. */
  get totalNs(): bigint {
    return this.#data.totalNs;
  }

  get maxNs(): bigint | null {
    return this.#data.peak?.maxNs ?? null;
  }

  get minNs(): bigint | null {
    return this.#data.peak?.minNs ?? null;
  }

  /** The end of the longest wait. */
  get maxTimeNs(): bigint | null {
    return this.#data.peak?.maxTimeNs || null;
  }
}

const delay = (data: TaskStatsDelayData | undefined): Delay | null => (data ? new Delay(data) : null);

/** The delays of a task; null: the kernel does not measure it, or did not count it. */
export class Delays {
  readonly #data: TaskStatsDelaysData;

  /** @internal */
  constructor(data: TaskStatsDelaysData) {
    this.#data = data;
  }

  get cpu(): Delay | null {
    return delay(this.#data.cpu);
  }

  get blkio(): Delay | null {
    return delay(this.#data.blkio);
  }

  get swapin(): Delay | null {
    return delay(this.#data.swapin);
  }

  get freepages(): Delay | null {
    return delay(this.#data.freepages);
  }

  get thrashing(): Delay | null {
    return delay(this.#data.thrashing);
  }

  get compact(): Delay | null {
    return delay(this.#data.compact);
  }

  get wpcopy(): Delay | null {
    return delay(this.#data.wpcopy);
  }

  get irq(): Delay | null {
    return delay(this.#data.irq);
  }
}

/** The statistics of a task, or the totals of a process. An absent group is null; the sets give the reason. */
export class TaskStats {
  readonly #data: TaskStatsData;

  /** @internal */
  constructor(data: TaskStatsData) {
    this.#data = data;
  }

  get identity(): Identity | null {
    return this.#data.identity ? new Identity(this.#data.identity, this.#data.taskstatsVersion) : null;
  }

  get cpu(): Readonly<TaskStatsCpuData> | null {
    return this.#data.cpu ?? null;
  }

  get memory(): Memory | null {
    return this.#data.memory ? new Memory(this.#data.memory) : null;
  }

  get memoryIntegrals(): Readonly<TaskStatsMemoryIntegralsData> | null {
    return this.#data.memoryIntegrals ?? null;
  }

  get scheduling(): Readonly<TaskStatsSchedulingData> | null {
    return this.#data.scheduling ?? null;
  }

  get io(): Readonly<TaskStatsIoData> | null {
    return this.#data.io ?? null;
  }

  get executable(): Readonly<TaskStatsExecutableData> | null {
    const known = this.#data.taskstatsVersion >= 12;
    return known ? (this.#data.executable ?? null) : null;
  }

  get exitStatus(): Readonly<TaskStatsExitStatusData> | null {
    return this.#data.exitStatus ?? null;
  }

  get delays(): Delays | null {
    return this.#data.delays ? new Delays(this.#data.delays) : null;
  }

  /** The version of struct taskstats that the kernel filled. */
  get taskstatsVersion(): number {
    return this.#data.taskstatsVersion;
  }

  /** Groups that this kernel does not have. */
  get unsupportedGroups(): StatsGroupName[] {
    return groupNames(this.#data.unsupportedGroups);
  }

  /** Groups that the kernel did not count: delay accounting was off. */
  get uncountedGroups(): StatsGroupName[] {
    return groupNames(this.#data.uncountedGroups);
  }

  /** Groups that this client may not know for this task. */
  get withheldGroups(): StatsGroupName[] {
    return groupNames(this.#data.withheldGroups);
  }

  /** Totals of a process: the number of tasks in them; null: of one task. */
  get tasks(): number | null {
    return this.#data.taskCount || null;
  }

  /** Totals of a process: the number of tasks that ended without statistics. The totals lack them. */
  get tasksMissing(): number {
    return this.#data.tasksMissing;
  }

  /** Totals of a process: the broker may not have seen all of its tasks. */
  get tasksUnseen(): boolean {
    return this.#data.tasksUnseen;
  }

  /** The statistics in the form of `taskbroker watch --json`, with 64-bit numbers as bigint. */
  toObject(): JsonObject {
    return statsObject(this.#data);
  }

  /** For JSON.stringify(). */
  toJSON(): unknown {
    return numbersOf(this.toObject());
  }
}
