// SPDX-License-Identifier: Apache-2.0
// The generated modules, and the tables of names, are those of the protocol.

import { create, toBinary, fromBinary, ScalarType, type DescField, type DescMessage } from "@bufbuild/protobuf";
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { ERROR_CLASSES, GROUPS, KINDS, TaskbrokerError } from "taskbroker";
import * as protocol from "taskbroker/protocol";
import { SINCE } from "../dist/stats.js";
import { LOSS_REASONS, LOSS_SOURCES, PROGRAM_STATES, STATS_MISSING } from "../dist/values.js";

const PACKAGE = fileURLToPath(new URL("..", import.meta.url));
const ROOT = join(PACKAGE, "..", "..");
const noProtoc = spawnSync("protoc", ["--version"]).status === 0 ? false : "there is no protoc";

test("the generated modules are current: npm run generate", { skip: noProtoc }, () => {
  const directory = mkdtempSync(join(tmpdir(), "taskbroker-"));
  try {
    execFileSync(process.execPath, [join(PACKAGE, "scripts", "generate.mjs"), directory], { stdio: "pipe" });
    for (const path of ["decode.ts", ...readdirSync(join(directory, "taskbroker", "v1")).map((name) => `taskbroker/v1/${name}`)]) {
      assert.equal(readFileSync(join(PACKAGE, "src", "gen", path), "utf8"), readFileSync(join(directory, path), "utf8"), path);
    }
  } finally {
    rmSync(directory, { recursive: true });
  }
});

/** A message in which each field has a value of its own. */
function filled(desc: DescMessage, depth = 0): object {
  let n = 0;
  const valueOf = (field: DescField): unknown => {
    ++n;
    if (field.message) return depth < 8 ? filled(field.message, depth + 1) : create(field.message);
    if (field.enum) return 1;
    switch (field.scalar) {
      case ScalarType.BOOL:
        return true;
      case ScalarType.STRING:
        return `text${n}`;
      case ScalarType.BYTES:
        return Buffer.from(`bytes${n}`);
      case ScalarType.INT64:
      case ScalarType.UINT64:
      case ScalarType.FIXED64:
      case ScalarType.SFIXED64:
      case ScalarType.SINT64:
        return (1n << 60n) + BigInt(n);
      case ScalarType.SINT32:
        return -n;
      default:
        return 0x80000000 + n;
    }
  };
  const message = create(desc) as unknown as Record<string, unknown>;
  for (const field of desc.fields) {
    const value = valueOf(field);
    if (field.oneof) message[field.oneof.localName] = { case: field.localName, value };
    else message[field.localName] = field.fieldKind === "list" ? [value, value] : value;
  }
  return message;
}

/** Compares a message of the runtime with the same message of decode.ts. */
function compare(desc: DescMessage, due: object, have: object): void {
  for (const field of desc.fields) {
    const flat: unknown = Reflect.get(have, field.localName);
    let value: unknown = Reflect.get(due, field.localName);
    if (field.oneof) {
      const member = Reflect.get(due, field.oneof.localName) as { case?: string; value?: unknown };
      value = member.case === field.localName ? member.value : undefined;
      if (value !== undefined) assert.equal(Reflect.get(have, "set"), field.number);
    }
    if (field.message && field.fieldKind === "message" && value) compare(field.message, value, flat as object);
    else if (field.message && Array.isArray(value)) {
      assert.equal((flat as object[]).length, value.length);
      const { message } = field;
      (value as object[]).forEach((each, i) => {
        compare(message, each, (flat as object[])[i] ?? {});
      });
    } else if (value instanceof Uint8Array) assert.equal(flat, Buffer.from(value).toString());
    else assert.equal(flat, value, field.toString());
  }
}

test("decode.ts decodes as the runtime does", async () => {
  const { decodeMessage } = await import("../dist/protocol.js");
  const schema = protocol.ServerMessageSchema;
  for (const field of schema.fields) {
    if (!field.oneof || !field.message) continue;
    for (const variant of variants(field.message)) {
      const message = create(schema, { stream: 3, body: { case: field.localName, value: variant } } as never);
      const bytes = toBinary(schema, message);
      const incoming = decodeMessage(bytes, 0, bytes.length);
      const have: unknown = Object.values(incoming).at(-1);
      if (!("message" in incoming)) compare(field.message, fromBinary(schema, bytes).body.value as object, have as object);
      // each cut is noticed, and nothing is read behind it
      for (let at = 1; at < bytes.length; at += Math.max(1, bytes.length >> 6)) {
        try {
          decodeMessage(bytes.subarray(0, at), 0, at);
        } catch (e) {
          assert.ok(e instanceof TaskbrokerError);
        }
      }
    }
  }
});

/** Events with each kind; other messages once. */
function variants(desc: DescMessage): object[] {
  if (desc.typeName !== "taskbroker.v1.EventBatch") return [filled(desc)];
  const event = protocol.EventSchema;
  const members = event.fields.filter((field) => field.oneof);
  return members.map((member) => {
    const { message, oneof } = member;
    assert.ok(message && oneof);
    const made = { ...filled(event), [oneof.localName]: { case: member.localName, value: filled(message) } };
    return { ...filled(desc), events: [made, made] };
  });
}

/** Rows of the tables in proto/, as the tests of the other clients read them. */
function rows(file: string, table: string): Record<string, string>[] {
  const code = `import json, tb_tables; print(json.dumps([r._asdict() for r in tb_tables.rows("${file}", "${table}")]))`;
  const env = { ...process.env, PYTHONPATH: join(ROOT, "tests", "lib"), PYTHONDONTWRITEBYTECODE: "1" };
  return JSON.parse(execFileSync("/usr/bin/python3", ["-c", code], { env, encoding: "utf8" })) as Record<string, string>[];
}

test("kinds, groups and versions are those of the tables", () => {
  const kinds = rows("event_kinds.h", "EVENT_KINDS").map((row) => [row["name"], Number(row["number"])]);
  assert.deepEqual(Object.entries(KINDS), kinds);
  const plain = rows("taskstats_fields.h", "TASKSTATS_PLAIN_GROUPS");
  const since: Record<string, number> = {};
  for (const { group, number } of plain) {
    assert.equal(GROUPS[group as keyof typeof GROUPS], Number(number));
    for (const row of rows("taskstats_fields.h", `TASKSTATS_${(group ?? "").toUpperCase()}_FIELDS`)) {
      if (Number(row["since"]) > 8) since[row["name"] ?? ""] = Number(row["since"]);
    }
  }
  assert.deepEqual({ ...SINCE }, since);
});

test("names of enumerations, and classes of errors, are complete", () => {
  const tables = [
    [protocol.LossSourceSchema, LOSS_SOURCES],
    [protocol.LossReasonSchema, LOSS_REASONS],
    [protocol.StatsMissingSchema, STATS_MISSING],
    [protocol.ProgramStateSchema, PROGRAM_STATES],
  ] as const;
  for (const [desc, table] of tables) {
    for (const value of desc.values) {
      if (value.number) assert.equal(table[value.number], value.localName.toLowerCase());
    }
  }
  const codes = protocol.ErrorCodeSchema.values.map((value) => value.number).filter((code) => code !== 0);
  assert.deepEqual([...ERROR_CLASSES.keys()], codes);
});
