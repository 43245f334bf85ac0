#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""
Looks for the hardening that meson.build asks for in what was built:
check-hardening.py [--no-fortify] FILE...

Programs are position independent; all is bound at the start and read-only then; no
code on the stack, no text to be relocated, no search path of its own; the canaries
and the checked functions of the C library are really called.

readelf(1) comes with the compiler. The last line counts, and any offence fails.
"""

import re
import subprocess
import sys


def readelf(*arguments):
    return subprocess.run(["readelf", "--wide", *arguments], check=True, capture_output=True, text=True).stdout


def offences(path, fortify=True):
    header = readelf("--file-header", path)
    segments = readelf("--program-headers", path)
    dynamic = readelf("--dynamic", path)
    symbols = set(re.findall(r" UND (\w+)", readelf("--dyn-syms", path)))
    flags = " ".join(re.findall(r"\((?:FLAGS|FLAGS_1)\)(.*)", dynamic))
    library = ".so" in path.rsplit("/", 1)[-1]

    if not re.search(r"Type:\s+DYN", header) or not (library or re.search(r"\bPIE\b", flags)):
        yield "is not position independent"
    if not re.search(r"\b(BIND_NOW|NOW)\b", flags):
        yield "does not bind all symbols at the start"
    if "GNU_RELRO" not in segments:
        yield "has no read-only relocations"
    stack = re.search(r"GNU_STACK\s+(?:0x\w+\s+){5}(\w+)", segments)
    if not stack or "E" in stack.group(1):
        yield "has an executable stack"
    if re.search(r"LOAD\s+(?:0x\w+\s+){5}RWE", segments):
        yield "has memory that can be written and executed"
    if "TEXTREL" in dynamic:
        yield "relocates its text"
    if "RPATH" in dynamic or "RUNPATH" in dynamic:
        yield "brings a search path for libraries"
    if "__stack_chk_fail" not in symbols:
        yield "has no stack protector"
    if fortify and not [s for s in symbols if re.fullmatch(r"__\w+_chk", s)]:
        yield "calls no checked function of the C library"


def main():
    arguments = sys.argv[1:]
    fortify = "--no-fortify" not in arguments
    paths = [a for a in arguments if not a.startswith("--")]
    n = 0
    for path in paths:
        for offence in offences(path, fortify):
            print(f"{path} {offence}", file=sys.stderr)
            n += 1
    print(f"{len(paths)} files, {n} offences")
    return 1 if n or not paths else 0


if __name__ == "__main__":
    sys.exit(main())
