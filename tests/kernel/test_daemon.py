# SPDX-License-Identifier: Apache-2.0
"""The daemon as an administrator meets it: its check, its beginning, its end."""

import os
import re
import signal
import subprocess

import pytest
import real_kernel as k
import support

NOBODY = 65534


def become_nobody():
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)


def run_check(*arguments, **options):
    return subprocess.run(
        [os.environ["TASKBROKERD"], "--check", *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=support.TIMEOUT, **options,
    )


def is_sentence(line):
    """Behind the mark that the finding is good or bad, if it has one."""
    return re.match(r"^(\[(ok|missing)\]\s+)?\w.*\.$", line.strip()) is not None


def test_check_as_root(directory):
    result = run_check("--socket", str(directory / "check.sock"))
    assert result.returncode == 0, result.stdout
    lines = [line for line in result.stdout.splitlines() if line.strip()]
    assert lines
    for line in lines:
        assert is_sentence(line), line
    text = result.stdout.lower()
    assert "connector" in text and "taskstats" in text


def test_check_leaves_nothing(alone, directory):
    run_check("--socket", str(directory / "check.sock"))
    assert k.listeners() == 0
    assert not (directory / "check.sock").exists()
    assert not somebody_listens_to_connector()


def test_check_as_nobody(directory):
    """--check names each missing right, and how to get it."""
    # A copy: nobody may be unable to enter the directory in which it was built.
    place = directory / "nobody"
    place.mkdir()
    place.chmod(0o777)
    copy = place / "taskbrokerd"
    copy.write_bytes(open(os.environ["TASKBROKERD"], "rb").read())
    copy.chmod(0o755)
    result = subprocess.run(
        [str(copy), "--check", "--socket", str(place / "check.sock")],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=support.TIMEOUT,
        preexec_fn=become_nobody, cwd="/",
    )
    assert result.returncode not in (0, 127) and result.returncode > 0, result
    lines = [line for line in result.stdout.splitlines() if line.strip()]
    assert lines
    for line in lines:
        assert is_sentence(line), line
    assert "CAP_NET_ADMIN" in result.stdout
    assert "root" in result.stdout


def somebody_listens_to_connector():
    """Whether the kernel makes events: it acknowledges only then, and what it does not know changes no count."""
    with k.Connector(listen=False) as c:
        return c.acknowledged(k.INVALID)


@pytest.mark.parametrize("user", ["nobody", "root"])
def test_terminate_hands_back(alone, make_broker, user):
    """No socket, no listener, no count: the kernel stops paying. The file goes where the user may remove it."""
    assert not somebody_listens_to_connector()
    broker = make_broker(user=user)
    pid = broker.process.pid
    assert len(k.netlink_sockets_of(pid)) >= 2
    assert k.listeners() == 1
    assert somebody_listens_to_connector()
    inodes = set(k.netlink_sockets_of(pid))

    broker.process.send_signal(signal.SIGTERM)
    assert broker.process.wait(support.TIMEOUT) == 0
    assert k.listeners() == 0
    with open("/proc/net/netlink") as f:
        assert not inodes & {line.split()[9] for line in f}
    assert not somebody_listens_to_connector(), "the kernel still makes events, for nobody"
    assert broker.path.exists() == (user != "root")


def test_terminate_deregisters(make_broker):
    """
    The kernel knows a listener of taskstats by its port number alone. Were the
    broker's still registered, whoever took the number next would get the records
    (test_facts.py: test_a_dead_listeners_number).
    """
    broker = make_broker()
    numbers = k.portids_of(broker.process.pid, k.NETLINK_GENERIC)
    assert numbers
    broker.process.send_signal(signal.SIGTERM)
    assert broker.process.wait(support.TIMEOUT) == 0
    for number in numbers:
        with k.Netlink(k.NETLINK_GENERIC, portid=number) as heir:
            subprocess.run(["sh", "-c", "(:); (:); (:)"], check=True)
            assert not heir.datagrams()


def test_interrupt_is_terminate(make_broker):
    broker = make_broker()
    broker.process.send_signal(signal.SIGINT)
    assert broker.process.wait(support.TIMEOUT) == 0


def test_second_daemon_is_refused(make_broker):
    """On the same socket: the first one goes on."""
    broker = make_broker()
    result = subprocess.run(
        [os.environ["TASKBROKERD"], "--socket", str(broker.path)],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=support.TIMEOUT,
    )
    assert result.returncode > 0
    assert str(broker.path) in result.stdout
    assert broker.status().connector.muted == 0


def test_killed_daemon_leaves_a_socket_that_the_next_one_takes(make_broker):
    broker = make_broker()
    broker.process.send_signal(signal.SIGKILL)
    broker.process.wait()
    again = support.Broker(broker.directory)
    try:
        assert again.status().connector.lost == 0
    finally:
        again.stop()
        broker.process.returncode = 0
        k.mend()


def connect_as_nobody(path):
    return subprocess.run(
        ["/usr/bin/python3", "-c",
         "import socket, sys\n"
         "try: socket.socket(socket.AF_UNIX).connect(sys.argv[1])\n"
         "except PermissionError: sys.exit(13)", str(path)],
        preexec_fn=become_nobody, cwd="/",
    ).returncode


def test_socket_is_for_everybody(make_broker):
    """The broker decides by event what a client may know; an administrator can close the socket itself."""
    broker = make_broker()
    assert broker.path.stat().st_mode & 0o777 == 0o666
    assert connect_as_nobody(broker.path) == 0
    closed = make_broker("--socket-mode", "0600", user="root")
    assert closed.path.stat().st_mode & 0o777 == 0o600
    assert connect_as_nobody(closed.path) == 13
