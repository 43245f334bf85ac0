#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""
Compares the generated modules of the Python package with the .proto files.

    check-python.py [PROTOC]            fails if clients/python has other modules than protoc writes
    check-python.py [PROTOC] --write    writes them
"""

import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "clients" / "python"
PROTO = ROOT / "proto"


def generate(protoc, directory):
    files = sorted((PROTO / "taskbroker" / "v1").glob("*.proto"))
    subprocess.run([protoc, f"--proto_path={PROTO}", f"--python_out={directory}", f"--pyi_out={directory}", *files],
                   check=True)


def descriptors(directory):
    """The descriptors in generated modules: the other lines depend on the version of protoc."""
    found = {}
    for path in sorted(directory.rglob("*_pb2.py")):
        text = path.read_text()
        line = next(line for line in text.splitlines() if "AddSerializedFile(" in line)
        found[path.relative_to(directory).as_posix()] = line[line.index("AddSerializedFile("):]
    return found


def main(arguments):
    write = "--write" in arguments
    protoc = next((a for a in arguments if not a.startswith("-")), "protoc")
    if write:
        generate(protoc, PACKAGE)
        return 0
    with tempfile.TemporaryDirectory() as name:
        directory = pathlib.Path(name)
        generate(protoc, directory)
        due, have = descriptors(directory), descriptors(PACKAGE)
    different = sorted(path for path in due.keys() | have.keys() if due.get(path) != have.get(path))
    for path in different:
        print(f"clients/python/{path} is not what protoc writes: run tests/check-python.py --write")
    print(f"{len(due) - len(different)} passed, {len(different)} failed")
    return bool(different)


sys.exit(main(sys.argv[1:]))
