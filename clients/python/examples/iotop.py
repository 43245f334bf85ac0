#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""
Shows the processes that read or write storage, as iotop does, from samples of the broker.

    iotop.py [--interval SECONDS] [--rows N] [--count N]
"""

import argparse
import sys

import taskbroker


class Rates:
    """Differences of the totals between two samples, by the identity of the process."""

    def __init__(self):
        self.totals = {}

    def take(self, sample):
        """Returns (read, written, task) in bytes since the sample before, for each process that used storage."""
        used = []
        if sample.full:
            # a process that is not in a full sample has ended
            before, self.totals = self.totals, {}
        else:
            before = self.totals
        for task in sample.tasks:
            io = task.stats.io if task.stats else None
            if io is None:
                continue
            known = before.get(task.id)
            # a process that is new began with 0, but not in the first sample of all
            was = known or ((0, 0) if sample.span_ns and not sample.full else None)
            now = io.read_bytes, io.write_bytes - io.cancelled_write_bytes
            if was is not None and now != was:
                used.append((now[0] - was[0], now[1] - was[1], task))
            if task.ended:
                self.totals.pop(task.id, None)
            else:
                self.totals[task.id] = now
        return sorted(used, key=lambda row: -(abs(row[0]) + abs(row[1])))


def size(n):
    for unit in ("B", "K", "M", "G"):
        if abs(n) < 10000 or unit == "G":
            return f"{n:.0f} {unit}/s"
        n /= 1024


def show(sample, rows, limit):
    seconds = sample.span_ns / 1e9
    if sys.stdout.isatty():
        print("\x1b[H\x1b[2J", end="")
    total = [sum(row[i] for row in rows) / seconds for i in (0, 1)]
    lost = f"; samples lost: {sample.samples_lost}" if sample.samples_lost else ""
    print(f"Read {size(total[0])}  Write {size(total[1])}  exits: {sample.exits}{lost}")
    for read, written, task in rows[:limit]:
        name = (task.comm or "?").encode("utf-8", "backslashreplace").decode()
        print(f"{task.pid:>8} {name:16} {size(read / seconds):>12} {size(written / seconds):>12}"
              f"{'  ended' if task.ended else ''}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument("--interval", type=float, default=1.0)
    parser.add_argument("--rows", type=int, default=20)
    parser.add_argument("--count", type=int, default=0, help="end after so many samples")
    options = parser.parse_args()
    rates, shown = Rates(), 0
    with taskbroker.connect().samples(int(options.interval * 1000), groups=["io"]) as samples:
        for value in samples:
            if value.kind == "link":
                print(value, file=sys.stderr)
                continue
            rows = rates.take(value)
            if value.span_ns:
                show(value, rows, options.rows)
                shown += 1
            if options.count and shown >= options.count:
                return


main()
