// SPDX-License-Identifier: Apache-2.0
// Names that are not UTF-8.

import assert from "node:assert/strict";
import { test } from "node:test";
import { bytesOf } from "taskbroker";
import { decode, hasEscape } from "../dist/text.js";

const text = (...bytes: number[]): string => decode(Uint8Array.from(bytes), 0, bytes.length);

test("valid UTF-8 is the same text", () => {
  for (const name of ["", "bash", "café", "日本語", "😀", "\ufeffmark", "a name that is longer than sixteen bytes"]) {
    const bytes = Buffer.from(name);
    assert.equal(decode(bytes, 0, bytes.length), name);
    assert.equal(hasEscape(name), false);
  }
});

test("each byte that is not UTF-8 is one escape", () => {
  assert.equal(text(0xff, 0x61), "\udcff\x61");
  // overlong, a surrogate, beyond Unicode, cut
  assert.equal(text(0xc0, 0xaf), "\udcc0\udcaf");
  assert.equal(text(0xed, 0xa0, 0x80), "\udced\udca0\udc80");
  assert.equal(text(0xf4, 0x90, 0x80, 0x80), "\udcf4\udc90\udc80\udc80");
  assert.equal(text(0xe2, 0x82), "\udce2\udc82");
  assert.equal(text(0xe0, 0x9f, 0xbf), "\udce0\udc9f\udcbf");
});

test("bytesOf() gives all bytes back", () => {
  let state = 1;
  const random = (n: number): number => {
    state = (state * 48271) % 0x7fffffff;
    return state % n;
  };
  for (let i = 0; i < 5000; ++i) {
    // bytes that begin and continue sequences come often
    const bytes = Uint8Array.from(
      { length: random(20) },
      () => [random(256), 0x80 + random(64), 0xe0 + random(24)][random(3)] ?? 0,
    );
    assert.deepEqual(bytesOf(decode(bytes, 0, bytes.length)), bytes);
  }
});

test("a name that has the slot of another is not that name", () => {
  for (let i = 0; i < 20000; ++i) assert.equal(decode(Buffer.from(`n${i}`), 0, `n${i}`.length), `n${i}`);
});
