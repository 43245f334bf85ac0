// SPDX-License-Identifier: Apache-2.0
//
// Reads the wire format of protobuf, for src/gen/decode.ts. A fault in the bytes is a RangeError.

import { decode } from "./text.js";

const MALFORMED = "The message is malformed.";

/** A place in a buffer. Its methods read a value and move on. */
export class Reader {
  readonly buf: Uint8Array;
  readonly view: DataView;
  pos: number;

  constructor(buf: Uint8Array, pos = 0) {
    this.buf = buf;
    this.view = new DataView(buf.buffer, buf.byteOffset, buf.byteLength);
    this.pos = pos;
  }

  uint32(): number {
    const byte = this.buf[this.pos++] ?? 0x80;
    return byte < 0x80 ? byte : this.#uint32(byte);
  }

  #uint32(first: number): number {
    let value = first & 0x7f;
    for (let shift = 7; shift < 70; shift += 7) {
      const byte = this.#byte();
      // bits above the 32nd are cut, as the format has it
      if (shift < 32) value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
    }
    throw new RangeError(MALFORMED);
  }

  #byte(): number {
    const byte = this.buf[this.pos++];
    if (byte === undefined) throw new RangeError(MALFORMED);
    return byte;
  }

  sint32(): number {
    const value = this.uint32();
    return (value >>> 1) ^ -(value & 1);
  }

  bool(): boolean {
    let some = 0;
    for (let i = 0; i < 10; ++i) {
      const byte = this.#byte();
      some |= byte & 0x7f;
      if (byte < 0x80) return some !== 0;
    }
    throw new RangeError(MALFORMED);
  }

  uint64(): bigint {
    let low = 0;
    let shift = 1;
    for (let i = 0; i < 7; ++i, shift *= 128) {
      const byte = this.#byte();
      low += (byte & 0x7f) * shift;
      if (byte < 0x80) return BigInt(low);
    }
    let high = 0n;
    for (let i = 0n; i < 3n; ++i) {
      const byte = this.#byte();
      high |= BigInt(byte & 0x7f) << (i * 7n);
      if (byte < 0x80) return BigInt.asUintN(64, BigInt(low) | (high << 49n));
    }
    throw new RangeError(MALFORMED);
  }

  fixed64(): bigint {
    const value = this.view.getBigUint64(this.pos, true);
    this.pos += 8;
    return value;
  }

  sfixed64(): bigint {
    const value = this.view.getBigInt64(this.pos, true);
    this.pos += 8;
    return value;
  }

  /** Reads a length, and returns where the field ends, within the message that ends at `end`. */
  length(end: number): number {
    const length = this.uint32();
    const last = this.pos + length;
    if (last > end) throw new RangeError(MALFORMED);
    return last;
  }

  text(end: number): string {
    const last = this.length(end);
    const value = decode(this.buf, this.pos, last);
    this.pos = last;
    return value;
  }

  /** Passes over a field of a later protocol. */
  skip(tag: number, end: number): void {
    const wire = tag & 7;
    if (tag >>> 3 === 0) throw new RangeError(MALFORMED);
    if (wire === 0) this.bool();
    else if (wire === 1) this.pos += 8;
    else if (wire === 2) this.pos = this.length(end);
    else if (wire === 5) this.pos += 4;
    else throw new RangeError(MALFORMED);
  }

  /** The message ends here. */
  finish(end: number): void {
    if (this.pos !== end) throw new RangeError(MALFORMED);
  }
}
