#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""
Holds the dynamic symbols of libtaskbroker, with their types and versions, against
tests/data/libtaskbroker-symbols.txt: programs are linked to them.

    check-symbols.py LIBRARY            compares
    check-symbols.py --write LIBRARY    records anew, with the release that adds a function

A symbol that is gone breaks every program that calls it; that takes a new soversion.
"""

import pathlib
import subprocess
import sys

DATA = pathlib.Path(__file__).resolve().parent / "data" / "libtaskbroker-symbols.txt"


def exported(path):
    """"type name@@version" of each symbol, without its address, which varies."""
    nm = subprocess.run(["nm", "-D", "--defined-only", path], check=True, capture_output=True, text=True).stdout
    return sorted(" ".join(line.split()[1:]) for line in nm.splitlines())


def main(arguments):
    write = arguments[0] == "--write"
    found = exported(arguments[-1])
    if write:
        DATA.write_text("".join(line + "\n" for line in found))
        return 0
    recorded = DATA.read_text().splitlines()
    wrong = [f"exported, and not recorded: {line}" for line in found if line not in recorded]
    wrong += [f"recorded, and not exported: {line}" for line in recorded if line not in found]
    print("\n".join([*wrong, f"{len(found)} symbols, {len(wrong)} offences"]))
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
