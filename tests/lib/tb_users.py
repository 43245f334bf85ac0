# SPDX-License-Identifier: Apache-2.0
"""
Several users, for tests that run as root: a socket that all can reach, and connections
of somebody else's. Without root there is one user, who is not root to the broker.
"""

import collections
import contextlib
import os
import pathlib
import resource
import shutil
import subprocess
import tempfile

import pytest

from tb_client import Client
from tb_wait import TIMEOUT

IS_ROOT = os.geteuid() == 0

# Nobody's number, as far as is known.
OTHER = 54321 if IS_ROOT else os.geteuid()


@contextlib.contextmanager
def acting_as(uid):
    """Connections that are made within are that user's."""
    if uid == os.geteuid():
        yield
        return
    gid = os.getegid()
    os.setegid(uid)
    os.seteuid(uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(gid)


@contextlib.contextmanager
def open_directory():
    """One that everybody may enter."""
    path = tempfile.mkdtemp(prefix="taskbroker-open-")
    os.chmod(path, 0o755)
    try:
        yield pathlib.Path(path)
    finally:
        shutil.rmtree(path)


def start_open(make_daemon, directory, **kw):
    """Starts a broker whose socket every user may connect to."""
    daemon = make_daemon(path=directory / "sock", **kw)
    os.chmod(daemon.path, 0o666)
    return daemon


def client_of(daemon, uid, **kw):
    with acting_as(uid):
        client = Client(daemon.path, **kw)
    daemon.clients.append(client)
    return client


def start_attack(daemon, seconds, *what, uid=OTHER, users=1):
    """Processes that do `what`, by one user, or by so many users from `uid` on."""
    return subprocess.Popen(
        [os.environ["ATTACK"], str(daemon.path), str(seconds), f"{uid}+{users}" if IS_ROOT else "-1", *what],
        stdout=subprocess.PIPE,
        text=True,
    )


def end_attack(attack):
    """How often it did what it did, all processes together."""
    out, _ = attack.communicate(timeout=TIMEOUT)
    assert attack.returncode == 0, out
    done = collections.Counter()
    for line in out.splitlines():
        name, n = line.split()
        done[name] += int(n)
    return done


def raise_file_limit(n):
    """This process', for many clients."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < n:
        if hard != resource.RLIM_INFINITY and hard < n:
            pytest.skip(f"needs {n} open files, the limit is {hard}")
        resource.setrlimit(resource.RLIMIT_NOFILE, (n, hard))
