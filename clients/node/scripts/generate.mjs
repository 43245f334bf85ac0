// SPDX-License-Identifier: Apache-2.0
//
// Makes the generated modules of the package from the .proto files. Users of the package need none of this.
//
//     npm run generate               writes src/gen
//     npm run generate -- DIRECTORY  writes them there, for a comparison
//
// protoc-gen-es writes the messages and their descriptors. decode.ts has a decoder for each message that can come
// thousands of times a second: straight code for one message each, as the decoder of the runtime goes through
// descriptors at each field, and takes several times as long.

import { fromBinary, createFileRegistry, ScalarType } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const PACKAGE = join(dirname(fileURLToPath(import.meta.url)), "..");
const PROTO = join(PACKAGE, "..", "..", "proto");

/** The messages that come often, or have the same parts: decode.ts has these, and the messages within them. */
const OFTEN = ["EventBatch", "SnapshotPart", "SamplePart", "TaskStatsReply"];

/** How each type is declared, and read. Bytes of these messages are names, paths and arguments. */
const SCALARS = {
  [ScalarType.UINT32]: { type: "number", zero: "0", wire: 0, read: "r.uint32()" },
  [ScalarType.SINT32]: { type: "number", zero: "0", wire: 0, read: "r.sint32()" },
  [ScalarType.BOOL]: { type: "boolean", zero: "false", wire: 0, read: "r.bool()" },
  [ScalarType.UINT64]: { type: "bigint", zero: "0n", wire: 0, read: "r.uint64()" },
  [ScalarType.FIXED64]: { type: "bigint", zero: "0n", wire: 1, read: "r.fixed64()" },
  [ScalarType.SFIXED64]: { type: "bigint", zero: "0n", wire: 1, read: "r.sfixed64()" },
  [ScalarType.BYTES]: { type: "string", zero: '""', wire: 2, read: "r.text(end)" },
};

const nameOf = (message) => `${message.typeName.replace(/^taskbroker\.v1\./, "").replaceAll(".", "")}Data`;

function protoc(output) {
  const files = readdirSync(join(PROTO, "taskbroker", "v1")).filter((name) => name.endsWith(".proto")).map((name) => join("taskbroker", "v1", name)).sort();
  const plugin = join(PACKAGE, "node_modules", ".bin", "protoc-gen-es");
  execFileSync("protoc", [
    `--proto_path=${PROTO}`, `--plugin=protoc-gen-es=${plugin}`, `--es_out=${output}`,
    "--es_opt=target=ts,import_extension=js", ...files,
  ]);
}

function registry() {
  const directory = mkdtempSync(join(tmpdir(), "taskbroker-"));
  const path = join(directory, "set");
  try {
    execFileSync("protoc", [`--proto_path=${PROTO}`, `--descriptor_set_out=${path}`, "--include_imports",
      "taskbroker/v1/broker.proto"]);
    return createFileRegistry(fromBinary(FileDescriptorSetSchema, readFileSync(path)));
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** The messages to decode: a message comes behind the messages within it. */
function reachable(messages) {
  const found = new Set();
  const visit = (message) => {
    for (const field of message.fields) {
      if (field.message) visit(field.message);
    }
    found.add(message);
  };
  messages.forEach(visit);
  return [...found];
}

function member(field) {
  if (field.fieldKind === "message") {
    const type = nameOf(field.message);
    return { type: `${type} | undefined`, zero: "undefined", wire: 2, read: `read${type}(r, r.length(end))` };
  }
  if (field.fieldKind === "list" && field.listKind === "message") {
    const type = nameOf(field.message);
    return { type: `${type}[]`, zero: "[]", wire: 2, read: `read${type}(r, r.length(end))`, list: true };
  }
  if (field.fieldKind === "enum") {
    const type = field.enum.name;
    return { type, zero: "0", wire: 0, read: `r.uint32() as ${type}` };
  }
  const scalar = field.fieldKind === "scalar" && SCALARS[field.scalar];
  if (!scalar) throw new Error(`${field.toString()}: a type that decode.ts does not have yet`);
  return scalar;
}

function code(message) {
  const name = nameOf(message);
  const oneof = message.oneofs[0];
  const fields = message.fields.map((field) => ({ field, ...member(field) }));
  const lines = [`export class ${name} {`];
  if (oneof) lines.push(`  /** The number of the member of the oneof that is set. 0: none that this package knows. */`, `  set = 0;`);
  for (const { field, type, zero } of fields) lines.push(`  ${field.localName}: ${type} = ${zero};`);
  lines.push("}", "", `export function read${name}(r: Reader, end: number): ${name} {`, `  const m = new ${name}();`);
  lines.push("  while (r.pos < end) {", "    const tag = r.uint32();", "    switch (tag) {");
  for (const { field, wire, read, list } of fields) {
    lines.push(`      case ${field.number * 8 + wire}:`);
    lines.push(list ? `        m.${field.localName}.push(${read});` : `        m.${field.localName} = ${read};`);
    if (field.oneof) lines.push(`        m.set = ${field.number};`);
    lines.push("        break;");
  }
  lines.push("      default:", "        r.skip(tag, end);", "    }", "  }", "  r.finish(end);", "  return m;", "}", "");
  return lines.join("\n");
}

/** The import of the enumerations that the messages have, from the modules of protoc-gen-es. */
function imports(messages) {
  const byFile = new Map();
  for (const field of messages.flatMap((message) => message.fields)) {
    if (field.fieldKind !== "enum") continue;
    const names = byFile.get(field.enum.file.name) ?? new Set();
    byFile.set(field.enum.file.name, names.add(field.enum.name));
  }
  return [...byFile].map(([file, names]) => `import type { ${[...names].sort().join(", ")} } from "./${file}_pb.js";`).sort();
}

function decoder(output) {
  const files = registry();
  const messages = reachable(OFTEN.map((name) => files.getMessage(`taskbroker.v1.${name}`)));
  const text = [
    "// Written by scripts/generate.mjs from the .proto files. Do not edit.",
    "/* eslint-disable */",
    "",
    'import type { Reader } from "../wire.js";',
    ...imports(messages),
    "",
    ...messages.map(code),
  ].join("\n");
  writeFileSync(join(output, "decode.ts"), text);
}

const output = process.argv[2] ?? join(PACKAGE, "src", "gen");
mkdirSync(output, { recursive: true });
protoc(output);
decoder(output);
