#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""
Holds the includes of broker/ against the layers of the design.

A layer may include itself and what stands above it in the table. Beside that,
each outside format has its rooms: protobuf's structs in broker/output and
clients/lib, the kernel's netlink headers and libmnl in broker/kernel, the event
loop in the layers that own watchers.

    check-layering.py [SOURCE_ROOT]     prints offences, exits 1 if there are any
    check-layering.py --self-test       plants offences and wants them found
"""

import pathlib
import re
import sys
import tempfile

# Top to bottom, as in the design's table.
LAYERS = ["base", "model", "kernel", "tasks", "rules", "output", "clients", "root"]

# (what the include names, where it may stand, why)
ROOMS = [
    (
        re.compile(r'\.pb-c\.h$'),
        ["broker/output/", "clients/lib/"],
        "protobuf's structs stop at the encoder and the library",
    ),
    (
        re.compile(r"^(libmnl/|linux/(netlink|genetlink|rtnetlink|taskstats|cn_proc|connector)\.h$)"),
        ["broker/kernel/"],
        "the kernel's formats stop at the parsers",
    ),
    (
        re.compile(r"^(ev|ev\+\+|event2?/.*)\.?h?$"),
        ["broker/kernel/", "broker/tasks/", "broker/clients/", "broker/root/"],
        "pure layers have no event loop",
    ),
]

# What ROOMS speaks for; tests may include anything.
FOLDERS = ["broker", "clients", "include", "proto"]

INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]')


def sources(root):
    for folder in FOLDERS:
        for path in sorted((root / folder).rglob("*")):
            if path.suffix in (".c", ".h", ".inc") and path.is_file():
                yield path


def layer_of(name):
    """Index of the layer that a path such as broker/tasks/join.h lies in; None where it lies in none."""
    parts = name.split("/")
    if parts[0] != "broker" or len(parts) < 3 or parts[1] not in LAYERS:
        return None
    return LAYERS.index(parts[1])


def check(root):
    """Yields one line per offence."""
    for path in sources(root):
        name = path.relative_to(root).as_posix()
        own = layer_of(name)
        if name.startswith("broker/") and own is None:
            yield f"{name}: lies in no layer: broker/ has {', '.join(LAYERS)}"
            continue
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
            match = INCLUDE.match(line)
            if not match:
                continue
            quote, included = match.groups()
            where = f"{name}:{number}: {line.strip()}"
            for pattern, rooms, why in ROOMS:
                if pattern.search(included) and not any(name.startswith(r) for r in rooms):
                    yield f"{where}: only in {', '.join(rooms)}: {why}"
            if included.startswith("broker/"):
                theirs = layer_of(included)
                if own is None:
                    yield f"{where}: only the broker includes the broker's headers"
                elif theirs is None:
                    yield f"{where}: names no layer"
                elif theirs > own:
                    yield f"{where}: {LAYERS[own]} stands above {LAYERS[theirs]} and must not know it"
            elif name.startswith("broker/") and quote == '"' and not included.startswith("proto/"):
                # A relative path would go round the table; generated code is named from proto/ too.
                if not included.endswith(".pb-c.h"):
                    yield f"{where}: include from the source root, as \"broker/...\" or \"proto/...\""


def self_test():
    cases = [
        ("broker/model/a.h", '#include "broker/base/log.h"', False),
        ("broker/model/a.h", '#include "broker/kernel/parse.h"', True),
        ("broker/rules/a.c", ' # include  "broker/clients/hub.h"', True),
        ("broker/root/a.c", '#include "broker/clients/hub.h"', False),
        ("broker/base/a.c", '#include "broker/model/event.h"', True),
        ("broker/tasks/a.c", '#include "../clients/hub.h"', True),
        ("broker/tasks/a.c", '#include "table.h"', True),
        ("broker/a.c", "#include <stdio.h>", True),
        ("broker/util/a.c", "#include <stdio.h>", True),
        ("broker/root/a.c", '#include "broker/util/a.h"', True),
        ("broker/clients/a.c", '#include "taskbroker/v1/event.pb-c.h"', True),
        ("broker/output/a.c", '#include "taskbroker/v1/event.pb-c.h"', False),
        ("clients/lib/a.c", '#include "taskbroker/v1/event.pb-c.h"', False),
        ("clients/taskbroker/a.c", '#include "taskbroker/v1/event.pb-c.h"', True),
        ("clients/taskbroker/a.c", '#include "broker/base/log.h"', True),
        ("broker/tasks/a.c", "#include <linux/taskstats.h>", True),
        ("broker/kernel/a.c", "#include <linux/taskstats.h>", False),
        ("broker/root/a.c", "#include <libmnl/libmnl.h>", True),
        ("broker/rules/a.c", "#include <ev.h>", True),
        ("broker/model/a.c", "#include <ev.h>", True),
        ("broker/output/a.c", "#include <ev.h>", True),
        ("broker/base/a.c", "#include <ev.h>", True),
        ("broker/clients/a.c", "#include <ev.h>", False),
        ("broker/tasks/a.c", "#include <sys/eventfd.h>", False),
        ("broker/tasks/a.c", '#include "proto/taskstats_fields.h"', False),
    ]
    failed = 0
    for name, line, bad in cases:
        with tempfile.TemporaryDirectory() as directory:
            path = pathlib.Path(directory) / name
            path.parent.mkdir(parents=True)
            path.write_text(f"/* SPDX-License-Identifier: Apache-2.0 */\n{line}\n")
            found = list(check(pathlib.Path(directory)))
        if bool(found) != bad:
            print(f"self-test: {name} with {line}: {'not found' if bad else found}", file=sys.stderr)
            failed += 1
    print(f"{len(cases)} cases, {failed} failed")
    return 1 if failed else 0


def main():
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    root = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).resolve().parents[1]
    offences = list(check(root))
    for offence in offences:
        print(offence, file=sys.stderr)
    n = sum(1 for _ in sources(root))
    print(f"{n} files read, {len(offences)} offences")
    if not n:
        print(f"no sources below {root}", file=sys.stderr)
        return 1
    return 1 if offences else 0


if __name__ == "__main__":
    sys.exit(main())
