#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Runs one file of the kernel suite, and says in meson's way when it cannot: 77 means skipped."""

import os
import sys

sys.dont_write_bytecode = True

if os.geteuid() != 0:
    print("skipped: the kernel suite needs root, because the kernel gives its task sources to root alone")
    sys.exit(77)

import pytest  # noqa: E402

sys.exit(pytest.main(["-p", "no:cacheprovider", "-q", "-rs", "--tb=short", *sys.argv[1:]]))
