#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""
Runs one file of the kernel suite, and says in meson's way when it cannot: 77
means skipped. One at a time on a machine, from however many build directories:
some of them silence the connector, for everybody.
"""

import fcntl
import os
import sys

sys.dont_write_bytecode = True

if os.geteuid() != 0:
    print("skipped: the kernel suite needs root, because the kernel gives its task sources to root alone")
    sys.exit(77)

# Held until this process ends.
lock = open("/run/taskbroker-kernel-suite.lock", "w")
try:
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
except BlockingIOError:
    print("another run of the kernel suite is under way on this machine: waiting for it", flush=True)
    fcntl.flock(lock, fcntl.LOCK_EX)

import pytest  # noqa: E402

sys.exit(pytest.main(["-p", "no:cacheprovider", "-q", "-rs", "--tb=short", *sys.argv[1:]]))
