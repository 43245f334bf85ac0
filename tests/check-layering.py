#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""
Holds the includes of broker/ and clients/ to the layers of the design.

- A layer includes itself and the layers above it in its table.
- A verb of the command includes the layers below the verbs, and no other verb.
- Each outside format has its folders: protobuf's structs, netlink, the event loop.
- No circle: a module is a .c file and its header, and the includes of modules
  form no cycle anywhere. The check finds cycles itself.

    check-layering.py [SOURCE_ROOT]     prints offences, exits 1 if there are any
    check-layering.py --self-test       plants offences and expects to find each
"""

import pathlib
import re
import sys
import tempfile

# Top to bottom, as in docs/DESIGN.md: a layer includes itself and what stands before it.
LAYERS = {
    "broker/": ["base", "model", "policy", "kernel", "tasks", "output", "server", "daemon"],
    "clients/cli/": ["base", "connect", "model", "json", "text", "tui", "db"],
}

# Each has a folder of its own below all layers of the command. None includes another.
VERBS = ["history", "iotop", "ps", "record", "run", "stats", "status", "top", "watch"]

# Two files of the command stand outside of the folders: what the verbs declare for main(), and main() itself.
DECLARATIONS = "clients/cli/verbs.h"
MAIN = "clients/cli/main.c"

# (what the include names, where it may stand, why)
FORMATS = [
    (
        re.compile(r"\.pb-c\.h$"),
        ["broker/output/", "clients/lib/", "proto/"],
        "protobuf's structs stop at the encoder and the library",
    ),
    (
        re.compile(r"^(libmnl/|linux/(netlink|genetlink|rtnetlink|taskstats|cn_proc|connector)\.h$)"),
        ["broker/kernel/"],
        "the kernel's formats stop at the parsers",
    ),
    (
        re.compile(r"^(ev|ev\+\+|event2?/.*)\.?h?$"),
        ["broker/server/", "broker/daemon/"],
        "the layers above the server have no event loop",
    ),
    (
        re.compile(r"^(n?curses(w/curses)?|term|ncursesw/.*)\.h$"),
        ["clients/cli/tui/", "clients/cli/base/terminal.c"],
        "the screen alone knows curses",
    ),
    (
        re.compile(r"^sqlite3\.h$"),
        ["clients/cli/db/"],
        "the database alone knows SQLite",
    ),
]

# Tests may include anything.
FOLDERS = ["broker", "clients", "include", "proto"]

INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]')


def sources(root):
    for folder in FOLDERS:
        for path in sorted((root / folder).rglob("*")):
            if path.suffix in (".c", ".h", ".inc") and path.is_file():
                yield path


def place_of(name):
    """(tree, rank, folder) of a path in a layered tree; rank None where its folder is no layer. None outside of the trees."""
    for tree, layers in LAYERS.items():
        if not name.startswith(tree):
            continue
        parts = name[len(tree) :].split("/")
        folder = parts[0] if len(parts) == 2 else None
        if folder in layers:
            return tree, layers.index(folder), folder
        if name == DECLARATIONS:
            return tree, len(layers), "verbs.h"
        if tree == "clients/cli/" and folder in VERBS:
            return tree, len(layers) + 1, folder
        if name == MAIN:
            return tree, len(layers) + 2, "main.c"
        return tree, None, folder
    return None


def check_arrow(name, included):
    """Returns the fault of an include of a header of the tree, or None."""
    own, theirs = place_of(name), place_of(included)
    tree = included.split("/")[0]

    if included.startswith("broker/") and not (own and own[0] == "broker/"):
        return "only the broker includes the broker's headers"
    if included.startswith("clients/lib/") and not name.startswith("clients/lib/"):
        return "others use the library by its public header"
    if included.startswith("clients/") and tree not in ("broker",) and name.startswith(("broker/", "proto/", "include/")):
        return "the clients stand on nothing but the protocol and the public header"
    if name.startswith("clients/lib/") and included.startswith("clients/cli/"):
        return "the library does not know the command"
    if theirs is None:
        return None
    if theirs[1] is None:
        return "names no layer"
    if own is None or own[1] is None or own[0] != theirs[0]:
        return None
    if theirs[1] > own[1]:
        return f"{own[2]} stands above {theirs[2]} and must not know it"
    if theirs[1] == own[1] and theirs[2] != own[2]:
        return f"no verb includes another: {own[2]} and {theirs[2]}"
    return None


def find_circles(includes):
    """Lists of modules that include each other in a circle: the strongly connected parts, by Tarjan's algorithm."""
    index, low, stack, circles = {}, {}, [], []

    def visit(module):
        index[module] = low[module] = len(index)
        stack.append(module)
        for other in sorted(includes.get(module, ())):
            if other not in index:
                visit(other)
                low[module] = min(low[module], low[other])
            elif other in stack:
                low[module] = min(low[module], index[other])
        if low[module] == index[module]:
            part = stack[stack.index(module) :]
            del stack[stack.index(module) :]
            if len(part) > 1:
                circles.append(sorted(part))

    for module in sorted(includes):
        if module not in index:
            visit(module)
    return circles


def check(root):
    """Yields one line per offence."""
    includes = {}
    for path in sources(root):
        name = path.relative_to(root).as_posix()
        module = name.rsplit(".", 1)[0]
        place = place_of(name)
        if place and place[1] is None:
            yield f"{name}: lies in no layer: {place[0]} has {', '.join(LAYERS[place[0]])}"
            continue
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
            match = INCLUDE.match(line)
            if not match:
                continue
            quote, included = match.groups()
            where = f"{name}:{number}: {line.strip()}"
            for pattern, folders, why in FORMATS:
                if pattern.search(included) and not any(name.startswith(folder) for folder in folders):
                    yield f"{where}: only in {', '.join(folders)}: {why}"
            if included.startswith(("broker/", "clients/")):
                wrong = check_arrow(name, included)
                if wrong:
                    yield f"{where}: {wrong}"
                if (root / included).is_file() or included.rsplit(".", 1)[0] != module:
                    includes.setdefault(module, set()).add(included.rsplit(".", 1)[0])
            elif name.startswith(("broker/", "clients/")) and quote == '"':
                # A relative path would go round the table; generated code is named from proto/ too.
                if not included.startswith(("proto/", "taskbroker/")):
                    yield f"{where}: include from the source root, as \"broker/...\", \"clients/...\" or \"proto/...\""
    for module, others in includes.items():
        others.discard(module)
    for circle in find_circles(includes):
        yield f"{', '.join(circle)}: include each other in a circle"


def self_test():
    spdx = "/* SPDX-License-Identifier: Apache-2.0 */\n"
    # (file and its line, or several of them; is it an offence)
    cases = [
        ([("broker/model/a.h", '#include "broker/base/log.h"')], False),
        ([("broker/model/a.h", '#include "broker/kernel/parse.h"')], True),
        ([("broker/policy/a.c", ' # include  "broker/server/hub.h"')], True),
        ([("broker/policy/a.c", '#include "broker/tasks/task_table.h"')], True),
        ([("broker/daemon/a.c", '#include "broker/server/hub.h"')], False),
        ([("broker/base/a.c", '#include "broker/model/event.h"')], True),
        ([("broker/tasks/a.c", '#include "../server/hub.h"')], True),
        ([("broker/tasks/a.c", '#include "table.h"')], True),
        ([("broker/a.c", "#include <stdio.h>")], True),
        ([("broker/util/a.c", "#include <stdio.h>")], True),
        ([("broker/daemon/a.c", '#include "broker/util/a.h"')], True),
        ([("broker/server/a.c", '#include "taskbroker/v1/event.pb-c.h"')], True),
        ([("broker/output/a.c", '#include "taskbroker/v1/event.pb-c.h"')], False),
        ([("clients/lib/a.c", '#include "taskbroker/v1/event.pb-c.h"')], False),
        ([("clients/cli/ps/a.c", '#include "taskbroker/v1/event.pb-c.h"')], True),
        ([("clients/cli/ps/a.c", '#include "broker/base/log.h"')], True),
        ([("clients/cli/ps/a.c", '#include "clients/lib/decode.h"')], True),
        ([("clients/lib/a.c", '#include "clients/cli/base/text.h"')], True),
        ([("broker/server/a.c", '#include "clients/cli/base/text.h"')], True),
        ([("clients/cli/ps/a.c", '#include "clients/cli/text/task_table.h"')], False),
        ([("clients/cli/text/a.c", '#include "clients/cli/tui/screen.h"')], True),
        ([("clients/cli/model/a.c", '#include "clients/cli/ps/ps.h"')], True),
        ([("clients/cli/ps/a.c", '#include "clients/cli/top/top.h"')], True),
        ([("clients/cli/top/a.c", '#include "clients/cli/top/top.h"')], False),
        ([("clients/cli/main.c", '#include "clients/cli/top/top.h"')], False),
        ([("clients/cli/top/a.c", '#include "clients/cli/verbs.h"')], False),
        ([("clients/cli/tui/a.c", '#include "clients/cli/verbs.h"')], True),
        ([("clients/cli/a.c", "#include <stdio.h>")], True),
        ([("clients/cli/top/a.c", "#include <ncursesw/curses.h>")], True),
        ([("clients/cli/tui/a.c", "#include <ncursesw/curses.h>")], False),
        ([("clients/cli/record/a.c", "#include <sqlite3.h>")], True),
        ([("clients/cli/db/a.c", "#include <sqlite3.h>")], False),
        ([("broker/tasks/a.c", "#include <linux/taskstats.h>")], True),
        ([("broker/kernel/a.c", "#include <linux/taskstats.h>")], False),
        ([("broker/daemon/a.c", "#include <libmnl/libmnl.h>")], True),
        ([("broker/policy/a.c", "#include <ev.h>")], True),
        ([("broker/tasks/a.c", "#include <ev.h>")], True),
        ([("broker/kernel/a.c", "#include <ev.h>")], True),
        ([("broker/server/a.c", "#include <ev.h>")], False),
        ([("broker/tasks/a.c", "#include <sys/eventfd.h>")], False),
        ([("broker/tasks/a.c", '#include "proto/taskstats_fields.h"')], False),
        # its own header is no circle, nor is what two modules both include
        ([("broker/tasks/a.c", '#include "broker/tasks/a.h"'), ("broker/tasks/a.h", "#include <stdio.h>")], False),
        ([("broker/tasks/a.c", '#include "broker/tasks/c.h"'), ("broker/tasks/b.c", '#include "broker/tasks/c.h"')], False),
        # two that include each other: by their headers, or by their .c files
        ([("broker/tasks/a.h", '#include "broker/tasks/b.h"'), ("broker/tasks/b.h", '#include "broker/tasks/a.h"')], True),
        ([("clients/lib/a.c", '#include "clients/lib/b.h"'), ("clients/lib/b.c", '#include "clients/lib/a.h"')], True),
        (
            [
                ("clients/cli/top/a.c", '#include "clients/cli/top/b.h"'),
                ("clients/cli/top/b.h", '#include "clients/cli/top/c.h"'),
                ("clients/cli/top/c.c", '#include "clients/cli/top/a.h"'),
            ],
            True,
        ),
    ]
    failed = 0
    for lines, bad in cases:
        with tempfile.TemporaryDirectory() as directory:
            for name, line in lines:
                path = pathlib.Path(directory) / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(f"{spdx}{line}\n")
            found = list(check(pathlib.Path(directory)))
        if bool(found) != bad:
            print(f"self-test: {lines}: {'not found' if bad else found}", file=sys.stderr)
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
