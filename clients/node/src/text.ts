// SPDX-License-Identifier: Apache-2.0
//
// Names, paths and arguments: bytes of the kernel, as text.
//
// They need not be UTF-8. A byte that is no part of a valid sequence becomes the lone surrogate U+DC80 to U+DCFF, as
// Python's surrogateescape has it, so that bytesOf() gives all bytes back.

const ESCAPE = 0xdc00;

const SHORT = 16;
const CACHE_SIZE = 4096;

/** Short names that were decoded before, at the hash of their bytes: a machine has few names, and many events. */
const cache: string[] = new Array<string>(CACHE_SIZE).fill("");

/** The length of the valid UTF-8 sequence of several bytes at a place; 0: there is none. */
function sequence(buf: Uint8Array, at: number, end: number): number {
  const first = buf[at] ?? 0;
  const length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || at + length > end) return 0;
  for (let i = at + 1; i < at + length; ++i) {
    if (((buf[i] ?? 0) & 0xc0) !== 0x80) return 0;
  }
  const second = buf[at + 1] ?? 0;
  // overlong forms, surrogates, and numbers that Unicode does not have
  if ((first === 0xe0 && second < 0xa0) || (first === 0xed && second > 0x9f)) return 0;
  if ((first === 0xf0 && second < 0x90) || (first === 0xf4 && second > 0x8f)) return 0;
  return length;
}

function decodeAny(buf: Uint8Array, begin: number, end: number): string {
  const out: string[] = [];
  for (let at = begin; at < end; ) {
    const byte = buf[at] ?? 0;
    const length = byte < 0x80 ? 1 : sequence(buf, at, end);
    if (length === 0) {
      out.push(String.fromCharCode(ESCAPE + byte));
      ++at;
      continue;
    }
    let code = length === 1 ? byte : byte & (0x7f >> length);
    for (let i = at + 1; i < at + length; ++i) code = (code << 6) | ((buf[i] ?? 0) & 0x3f);
    out.push(String.fromCodePoint(code));
    at += length;
  }
  return out.join("");
}

/** Whether a text has exactly these ASCII bytes. */
function isSame(text: string, buf: Uint8Array, begin: number, end: number): boolean {
  if (text.length !== end - begin) return false;
  for (let i = begin; i < end; ++i) {
    if (text.charCodeAt(i - begin) !== buf[i]) return false;
  }
  return true;
}

/** The text of some bytes. */
export function decode(buf: Uint8Array, begin: number, end: number): string {
  let hash = 0;
  let all = 0;
  for (let i = begin; i < end; ++i) {
    const byte = buf[i] ?? 0;
    hash = (Math.imul(hash, 31) + byte) | 0;
    all |= byte;
  }
  if (all >= 0x80) return decodeAny(buf, begin, end);
  if (end - begin > SHORT) return Buffer.from(buf.buffer, buf.byteOffset + begin, end - begin).toString("latin1");
  const slot = (hash ^ (hash >>> 12)) & (CACHE_SIZE - 1);
  const known = cache[slot] ?? "";
  if (isSame(known, buf, begin, end)) return known;
  const made = decodeAny(buf, begin, end);
  cache[slot] = made;
  return made;
}

/** The bytes of a name, a path or an argument of this package: as the kernel has them, whatever they are. */
export function bytesOf(text: string): Uint8Array {
  const out: number[] = [];
  for (const character of text) {
    if (hasEscape(character)) out.push(character.charCodeAt(0) - ESCAPE);
    else out.push(...Buffer.from(character, "utf8"));
  }
  return Uint8Array.from(out);
}

/** Whether a text has bytes that are not UTF-8. */
export function hasEscape(text: string): boolean {
  return /[\udc80-\udcff]/u.test(text);
}
