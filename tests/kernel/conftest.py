# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the kernel suite. Everything here needs root and the initial namespaces."""

import os
import pathlib
import shutil
import sys
import tempfile

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import real_kernel  # noqa: E402
import recording  # noqa: E402
import support  # noqa: E402
import users  # noqa: E402


def pytest_collection_modifyitems(items):
    if os.geteuid() != 0:
        for item in items:
            item.add_marker(pytest.mark.skip(reason="the kernel suite needs root: its sources are root's"))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Shows the log of the broker beside a failure."""
    report = (yield).get_result()
    if report.failed:
        for broker in getattr(item, "brokers", []):
            if broker.log_path.exists():
                report.sections.append(("taskbrokerd", broker.log()[-6000:]))


@pytest.fixture(scope="session", autouse=True)
def healthy():
    """The machine's connector works before the tests and after them, whatever they did to it."""
    real_kernel.mend()
    yield
    real_kernel.mend()


@pytest.fixture
def alone(healthy):
    """
    For tests that silence the connector, or ask whether anybody listens: they would
    harm others, and others would mend what they break.
    """
    if real_kernel.listeners():
        pytest.skip("somebody else listens to the proc connector: stop other brokers")
    real_kernel.reset()
    yield
    real_kernel.mend()


@pytest.fixture(scope="module")
def directory():
    """A short path, which fits a socket's address, and which anybody may enter."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="tbk-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="module")
def place():
    """A directory with programs that have privileges: see users.py."""
    with users.programs() as directory:
        yield directory


@pytest.fixture
def make_broker(request, directory):
    """Starts brokers; each is ended, and its end judged, when the test is over."""
    brokers = request.node.brokers = []

    def make(*arguments, **options):
        place = pathlib.Path(tempfile.mkdtemp(prefix="b", dir=directory))
        # as /tmp: a broker that never was root can make its socket there
        place.chmod(0o1777)
        brokers.append(support.Broker(place, *arguments, **options))
        return brokers[-1]

    yield make
    errors = []
    for broker in brokers:
        try:
            broker.stop()
        except AssertionError as e:
            errors.append(e)
    if errors:
        raise errors[0]


@pytest.fixture
def beside(directory):
    """Runs programs beside the test, and ends those that a failure has left."""
    running = []

    def run(kind, *arguments, **options):
        running.append(kind(directory, *arguments, **options))
        return running[-1]

    yield run
    for program in running:
        program.kill()


@pytest.fixture
def recorder():
    """Takes what subscribers are sent in a storm."""
    recorder = recording.Recorder()
    yield recorder
    recorder.close()
