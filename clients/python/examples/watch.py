#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Prints each process that ends, with its processor time."""
import taskbroker

for event in taskbroker.connect().events(["exit"]):
    if event.kind == "exit":
        cpu = event.stats and event.stats.cpu
        used = f"{cpu.cpu_run_virtual_total_ns / 1e6:10.3f} ms" if cpu else "unknown time"
        print(event.pid, event.comm, used, event.exit_code if event.exit_code is not None else "-", flush=True)
    else:
        print(event, flush=True)
