#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""
Runs each generator of protoc over the .proto files. Users of all languages generate their code from them.

    check-generators.py [PROTOC]             fails where a generator refuses the files, or warns
    check-generators.py [PROTOC] --self-test plants faults that only some generators refuse

The generated code is not compiled, save for Python's.
"""

import pathlib
import py_compile
import re
import subprocess
import sys
import tempfile

PROTO = pathlib.Path(__file__).resolve().parents[1] / "proto"
GENERATORS = ("cpp", "csharp", "java", "kotlin", "objc", "php", "pyi", "python", "ruby")

# Each file has these options. Their values are the same in all files, but for the class of Java.
OPTIONS = (
    "csharp_namespace", "go_package", "java_multiple_files", "java_outer_classname", "java_package", "objc_class_prefix",
    "php_metadata_namespace", "php_namespace", "ruby_package", "swift_prefix",
)
DIFFERS = {"java_outer_classname"}


def generate(protoc, generator, root, directory):
    """Returns the text of protoc's refusal or warning, or "" """
    files = sorted(path.relative_to(root).as_posix() for path in root.rglob("*.proto"))
    done = subprocess.run(
        [protoc, f"--proto_path={root}", f"--{generator}_out={directory}", *files],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )
    if done.returncode or done.stdout:
        return done.stdout.strip() or f"protoc ended with {done.returncode}"
    made = [path for path in directory.rglob("*") if path.is_file()]
    if not made:
        return "no file was written"
    for path in made:
        if path.suffix == ".py":
            py_compile.compile(str(path), cfile=str(directory / "compiled"), doraise=True)
    return ""


def faults(protoc, root):
    for generator in GENERATORS:
        with tempfile.TemporaryDirectory() as name:
            text = generate(protoc, generator, root, pathlib.Path(name))
        if text:
            yield f"{generator}: {text}"
    seen = {}
    for path in sorted(root.rglob("*.proto")):
        have = dict(re.findall(r"^option (\w+) = (.*);$", path.read_text(), re.M))
        for option in OPTIONS:
            if option not in have:
                yield f"{path.name}: no option {option}"
            elif option not in DIFFERS and have[option] != seen.setdefault(option, have[option]):
                yield f"{path.name}: {option} is {have[option]}, in another file {seen[option]}"


def self_test(protoc):
    """Faults by which protoc for C, and for most other languages, is not disturbed."""
    changes = {
        "kotlin": ("sample.proto", 'java_outer_classname = "SampleProto"', 'java_outer_classname = "Event"'),
        "no option go_package": ("event.proto", 'option go_package = "taskbroker/v1;taskbrokerv1";\n', ""),
        "ruby_package is": ("event.proto", 'ruby_package = "Taskbroker::V1"', 'ruby_package = "Other::V1"'),
    }
    failed = []
    for due, (file, old, new) in changes.items():
        with tempfile.TemporaryDirectory() as name:
            root = pathlib.Path(name)
            for path in PROTO.rglob("*.proto"):
                target = root / path.relative_to(PROTO)
                target.parent.mkdir(parents=True, exist_ok=True)
                text = path.read_text()
                target.write_text(text.replace(old, new) if path.name == file else text)
            found = list(faults(protoc, root))
        if not any(due in line for line in found):
            failed.append(f"self-test: {due!r} was not found: {found}")
    return failed


def main(arguments):
    protoc = next((a for a in arguments if not a.startswith("-")), "protoc")
    found = self_test(protoc) if "--self-test" in arguments else list(faults(protoc, PROTO))
    for line in found:
        print(line, file=sys.stderr)
    return bool(found)


sys.exit(main(sys.argv[1:]))
