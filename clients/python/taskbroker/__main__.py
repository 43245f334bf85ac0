# SPDX-License-Identifier: Apache-2.0
"""`python3 -m taskbroker`: prints events as JSON lines, as `taskbroker watch --json` does."""

from __future__ import annotations

import argparse
import json
import sys

import taskbroker
from taskbroker.values import KINDS


def main() -> int:
    parser = argparse.ArgumentParser(prog="python3 -m taskbroker", description=__doc__)
    parser.add_argument("--socket", help="the broker's socket")
    parser.add_argument("-e", "--events", metavar="KIND,...", default="", help=f"these kinds: {', '.join(KINDS)}, all")
    parser.add_argument("--threads", action="store_true", help="threads too, not only processes")
    parser.add_argument("--snapshot", action="store_true", help="first the tasks that are alive")
    parser.add_argument("--args", action="store_true", help="command lines too")
    parser.add_argument("--strict", action="store_true", help="end as soon as this reader lost events")
    parser.add_argument("--table", action="store_true", help="at the end of the stream the live processes, as one line")
    options = parser.parse_args()
    kinds = list(KINDS) if options.events == "all" else [kind for kind in options.events.split(",") if kind]
    table = taskbroker.LiveProcesses()
    try:
        with taskbroker.connect(options.socket) as client:
            for value in client.events(
                kinds,
                threads=options.threads,
                snapshot=options.snapshot,
                programs=options.args,
                strict=options.strict,
                max_delay_ms=50,
            ):
                print(json.dumps(value.to_dict()))
                table.apply(value)
    except (taskbroker.Error, ValueError) as e:
        if options.table:
            rows = [{"id": p.id, "pid": p.pid, "uid": p.uid, "comm": p.comm} for p in table]
            print(json.dumps({"kind": "table", "processes": rows}))
        sys.stdout.flush()
        print(f"taskbroker: {e}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
