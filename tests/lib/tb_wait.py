# SPDX-License-Identifier: Apache-2.0
"""
Waiting for what must happen. No verdict depends on how fast the machine is: the bound is only a
safety net, so that a test whose condition never holds fails with a message instead of hanging.
"""

import time

TIMEOUT = 120.0


def wait_until(predicate, what, pause=0.01):
    """Returns predicate()'s first true value; it is called again after each pause. `what`: a text, or returns it."""
    deadline = time.monotonic() + TIMEOUT
    while not (value := predicate()):
        assert time.monotonic() < deadline, f"in {TIMEOUT:.0f} s never: {what() if callable(what) else what}"
        time.sleep(pause)
    return value
