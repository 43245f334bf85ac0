// SPDX-License-Identifier: Apache-2.0
//
// The state and the counters of the broker. A counter that is withheld from this client is null.

import { create, type DescMessage, type Message as AnyMessage } from "@bufbuild/protobuf";
import { numbersOf, type JsonObject, type JsonValue } from "./json.js";
import {
  BrokerStatusSchema,
  DelayAccounting,
  MachineStatusSchema,
  ServiceStatusSchema,
  SourceLossesSchema,
  SourceStatusSchema,
  type BrokerStatus,
  type MachineStatus,
  type ServiceStatus,
  type SourceLosses,
  type SourceStatus as SourceMessage,
} from "./protocol.js";
import { KINDS, type Kind } from "./values.js";

/** The counters of a message. */
type Counters<T, V> = { readonly [K in keyof T as T[K] extends bigint ? K : never]: V };

/** The counters of one kernel source. */
export type SourceStatus = Counters<SourceLosses, bigint | null> & Counters<SourceMessage, bigint | null>;

/** The state of the kernel's delay accounting. */
export type DelayAccountingState = "off" | "on" | "unsupported";

const DELAY_ACCOUNTING: Readonly<Record<DelayAccounting, DelayAccountingState | null>> = {
  [DelayAccounting.UNSPECIFIED]: null,
  [DelayAccounting.OFF]: "off",
  [DelayAccounting.ON]: "on",
  [DelayAccounting.UNSUPPORTED]: "unsupported",
};

/** The connections of one program and one user. */
export interface ConnectedClient {
  readonly uid: number;
  /** null: the program did not give its name. */
  readonly name: string | null;
  readonly version: string | null;
  readonly connections: number;
  readonly streams: number;
}

/** The counters of a message by name. They are null if the message is withheld. */
function counters<T extends AnyMessage>(desc: DescMessage, message: T, known: boolean): Counters<T, bigint | null> {
  const entries = desc.fields
    .map((field) => [field.localName, Reflect.get(message, field.localName) as unknown] as const)
    .filter(([name, value]) => typeof value === "bigint" && name !== "requestId")
    .map(([name, value]) => [name, known ? value : null] as const);
  return Object.fromEntries(entries) as Counters<T, bigint | null>;
}

function source(message: BrokerStatus, name: "connector" | "taskstats"): SourceStatus {
  const losses = message.machine?.[name] ?? create(SourceLossesSchema);
  const counted = message.service?.[name] ?? create(SourceStatusSchema);
  return {
    ...counters(SourceLossesSchema, losses, message.machine !== undefined),
    ...counters(SourceStatusSchema, counted, message.service !== undefined),
  };
}

/** The parts of a status that are no plain counters. */
export class StatusParts {
  readonly brokerVersion: string;
  readonly kernelRelease: string;
  /** The version of the kernel's exit records; null: none was read yet. */
  readonly taskstatsVersion: number | null;
  readonly delayAccounting: DelayAccountingState | null;
  /** The proc connector: forks, execs, exits, changes of names and ids. */
  readonly connector: SourceStatus;
  /** The exit listener: exit records. */
  readonly taskstats: SourceStatus;
  /** The programs that are connected; without full access, those of this client's user. */
  readonly clients: readonly ConnectedClient[];
  /** How often each kind occurred, threads included. */
  readonly events: Readonly<Record<Kind, bigint | null>>;
  /** Some counters are withheld from this client. */
  readonly withheld: boolean;

  /** @internal */
  constructor(message: BrokerStatus) {
    const { service } = message;
    this.brokerVersion = message.brokerVersion;
    this.kernelRelease = message.kernelRelease;
    this.taskstatsVersion = message.taskstatsVersion || null;
    this.delayAccounting = DELAY_ACCOUNTING[message.delayAccounting];
    this.connector = source(message, "connector");
    this.taskstats = source(message, "taskstats");
    this.clients = message.clients.map((client) => ({
      uid: client.uid,
      name: client.name || null,
      version: client.version || null,
      connections: client.connections,
      streams: client.streams,
    }));
    const counts = Object.fromEntries((service?.events ?? []).map((entry) => [entry.kind, entry.count]));
    this.events = Object.fromEntries(
      Object.entries(KINDS).map(([kind, number]) => [kind, service ? (counts[number] ?? 0n) : null]),
    ) as Record<Kind, bigint | null>;
    this.withheld = service === undefined;
  }

  /** The status in the form of `taskbroker status --json`, with 64-bit numbers as bigint. */
  toObject(): JsonObject {
    return named(this);
  }

  /** For JSON.stringify(). */
  toJSON(): unknown {
    return numbersOf(this.toObject());
  }
}

/** The names in the protocol of all parts. */
const NAMES: ReadonlyMap<string, string> = new Map(
  [BrokerStatusSchema, MachineStatusSchema, ServiceStatusSchema, SourceLossesSchema, SourceStatusSchema]
    .flatMap((desc) => desc.fields)
    .map((field) => [field.localName, field.name]),
);

/** The parts of an object under the names of the protocol. */
function named(parts: object): JsonObject {
  const valueOf = (value: JsonValue): JsonValue =>
    typeof value === "object" && value !== null && !Array.isArray(value) ? named(value) : value;
  const entries = Object.entries(parts) as [string, JsonValue][];
  return Object.fromEntries(entries.map(([key, value]) => [NAMES.get(key) ?? key, valueOf(value)]));
}

/** The state and the counters of the broker by their names: `status.liveProcesses`, `status.connector.lost`. */
export type Status = StatusParts &
  Omit<Counters<BrokerStatus, bigint>, "requestId"> &
  Counters<MachineStatus, bigint | null> &
  Counters<ServiceStatus, bigint | null>;

/** Makes a status of the broker's answer. */
export function statusOf(message: BrokerStatus): Status {
  const { machine, service } = message;
  const parts = new StatusParts(message);
  const own = counters(BrokerStatusSchema, message, true) as Omit<Counters<BrokerStatus, bigint>, "requestId">;
  return Object.assign(parts, own, {
    ...counters(MachineStatusSchema, machine ?? create(MachineStatusSchema), machine !== undefined),
    ...counters(ServiceStatusSchema, service ?? create(ServiceStatusSchema), service !== undefined),
  });
}
