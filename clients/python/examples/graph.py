#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Draws a live graph of processor use and of live processes, with matplotlib (Debian: python3-matplotlib)."""

import collections

import matplotlib.pyplot as plt
from matplotlib.animation import FuncAnimation

import taskbroker

SECONDS = 60
client = taskbroker.connect()
samples = client.samples(1000, groups=["cpu"])
table = taskbroker.LiveProcesses()
events = client.events(table.KINDS, snapshot=True, max_delay_ms=250)
totals = {}
times, busy, alive = (collections.deque(maxlen=SECONDS) for _ in range(3))

figure, (above, below) = plt.subplots(2, sharex=True)
(busy_line,) = above.plot([], [])
(alive_line,) = below.plot([], [])
above.set_ylabel("processors busy")
below.set_ylabel("processes")


def used_by(sample):
    """The processor time since the sample before, with processes that have ended."""
    used = 0
    for task in sample.tasks:
        if task.stats and task.stats.cpu:
            now = task.stats.cpu.cpu_run_virtual_total_ns
            used += now - totals.get(task.id, 0 if sample.span_ns and not sample.full else now)
            totals[task.id] = now
        if task.ended:
            totals.pop(task.id, None)
    return used


def draw(_):
    table.update(events)
    for sample in samples.poll():
        if sample.kind == "sample":
            used = used_by(sample)
            if sample.span_ns:
                times.append(sample.end_time_ns / 1e9)
                busy.append(used / sample.span_ns)
                alive.append(len(table))
    if times:
        seconds = [time - times[-1] for time in times]
        busy_line.set_data(seconds, busy)
        alive_line.set_data(seconds, alive)
        for axes in (above, below):
            axes.relim()
            axes.autoscale_view()
    return busy_line, alive_line


animation = FuncAnimation(figure, draw, interval=250, cache_frame_data=False)
plt.show()
