# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the end-to-end tests: a broker of its own for each test."""

import os
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

from tb_daemon import Daemon  # noqa: E402
from tb_live import FakeStats  # noqa: E402


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Shows the log of the daemon beside a failure."""
    report = (yield).get_result()
    if report.failed:
        for daemon in getattr(item, "daemons", []):
            report.sections.append(("taskbrokerd", daemon.log()[-6000:]))


@pytest.fixture
def stats():
    """
    A kernel that answers for live tasks. It is named before make_daemon, and so outlives the brokers: they wait for
    each answer.
    """
    stats = FakeStats()
    yield stats
    stats.close()


@pytest.fixture
def make_daemon(request, tmp_path):
    """Starts brokers; all are ended, and their ends judged, when the test is over."""
    daemons = request.node.daemons = []

    def make(**kw):
        directory = tmp_path / f"broker{len(daemons)}"
        directory.mkdir()
        daemons.append(Daemon(directory, **kw))
        return daemons[-1]

    yield make
    errors = []
    for daemon in daemons:
        try:
            daemon.finish()
        except Exception as e:  # noqa: BLE001 -- every daemon must be ended before one is reported
            errors.append(e)
    if errors:
        raise errors[0]


@pytest.fixture
def daemon(make_daemon):
    return make_daemon()


def memory_directory():
    """
    A directory in memory for the tests' files, or None. Each test makes a /proc of hundreds of small files, which a
    disk takes forty times as long to create.
    """
    try:
        disk = os.statvfs("/dev/shm")
    except OSError:
        return None
    # Containers have 64 MiB there, and no programs may run from it: then the usual place has to do.
    if disk.f_flag & os.ST_NOEXEC or disk.f_bavail * disk.f_frsize < 1 << 30 or not os.access("/dev/shm", os.W_OK):
        return None
    return "/dev/shm"


def pytest_configure(config):
    root = memory_directory()
    if root:
        # the variable that pytest itself reads for the parent of tmp_path
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", root)
    # An exception in the fake kernel's thread is a failure, not a warning.
    config.addinivalue_line("filterwarnings", "error::pytest.PytestUnhandledThreadExceptionWarning")
